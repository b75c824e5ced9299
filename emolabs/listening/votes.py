"""Published answers of listeners: CREMA-D's votes and EmoDB's recognition rates, under EmoLabs' names.

CREMA-D (Cao et al. 2014, doi 10.1109/TAFFC.2014.2336244) publishes how many listeners chose each of six emotions, per
clip and modality, without saying who answered what. EmoDB (Burkhardt et al. 2005, doi 10.21437/Interspeech.2005-446)
publishes the share of listeners who named the intended emotion, for every clip that was recorded; its audio holds
those alone that were recognized well.

Conventions: `path` is a project path, shares lie in 0–1, a row number counts lines of the file, the header being 1.
"""

from pathlib import Path

import pandas as pd

from emolabs import paths
from emolabs.corpora import cremad, harmonize, index
from emolabs.corpora.cremad import CREMAD
from emolabs.corpora.emodb import EMODB
from emolabs.corpora.table import read_table
from emolabs.listening.answers import Answers, as_problems, votes_to_long
from emolabs.standardization import sample_id

#: What the first digit of a row's number says: listeners heard the voice, saw the face, or both.
MODALITIES = {"1": "audio", "2": "face", "3": "audiovisual"}
#: The letters by which the file names its six answers.
LETTERS = {"A": "anger", "D": "disgust", "F": "fear", "H": "happiness", "N": "neutral", "S": "sadness"}
VOTES, SUMMARY, RATES = "tabulatedVotes.csv", "summaryTable.csv", "erkennung.txt"
#: Columns of `summaryTable.csv` that name the winner of a modality.
WINNERS = {"audio": "VoiceVote", "face": "FaceVote", "audiovisual": "MultiModalVote"}
CLIP = ["id", "path", "corpus", "speaker", "sex", "text", "language", "intensity", "emotion"]


def cremad_counts() -> Answers:
    """CREMA-D's votes: a row per clip and modality with `modality`, the columns of `CLIP`, the number of votes for each
    emotion of `LETTERS` under its name, their sum `votes`, and `file, row`; sorted by modality and path.

    A row that contradicts itself (counts, sum, agreement, winner), another row or `summaryTable.csv`, where that is
    there, is left out and listed among the problems.
    Raises `FileNotFoundError` saying where the file was looked for and how to get it, `ValueError` where it is damaged.
    """
    file = _human(VOTES)
    lines, damage = read_table(file, required=["", *LETTERS, "fileName", "numResponses", "agreement", "emoVote"])
    if not lines:
        raise ValueError(f"{file} is damaged: {'; '.join(damage) or 'it has no rows'}; copy it anew")
    problems = [_problem(file, *sentence.split(": ", 1)) for sentence in damage]
    clips = {name: index.describe(CREMAD, f"CREMA-D/{name}", parse=cremad.parse) for name in _names(lines)}
    winners, rows = _winners(), {}
    for place, line in lines:
        clip, reason = clips[line["fileName"]]
        reason = reason or _contradiction(line, winners=winners)
        key = MODALITIES.get(line[""][:1]), clip["path"]
        if not reason and key in rows:
            reason = f"{line['fileName']} was counted in row {rows[key]['row']} already, for the same modality"
        if reason:
            problems.append(_problem(file, place, reason))
            continue
        counts = {emotion: int(line[letter]) for letter, emotion in LETTERS.items()}
        named = {column: clip[column] for column in CLIP[1:]} | {"id": sample_id(clip["path"])}
        rows[key] = {"modality": key[0], **named, **counts, "votes": sum(counts.values())}
        rows[key] |= {"file": file.name, "row": _number(place)}
    table = pd.DataFrame(rows.values(), columns=["modality", *CLIP, *LETTERS.values(), "votes", "file", "row"])
    return Answers(table.sort_values(["modality", "path"], ignore_index=True), as_problems(problems))


def long(counts: pd.DataFrame, *, study: str = "cremad-votes") -> pd.DataFrame:
    """One row a vote, as `answers.COLUMNS` has it, sorted as `counts` (of `cremad_counts`).

    Who answered is not known, nor when: `participant` and what is known of one are missing in every row.
    """
    named = {emotion: emotion for emotion in LETTERS.values()}
    return votes_to_long(counts.assign(study=study), counts=named, clip="path", file=VOTES).table


def emodb_rates() -> Answers:
    """EmoDB's rates: a row per recorded clip with the columns of `CLIP`, `recognition` (the share of listeners who
    named the intended emotion), `naturalness` (the share who found it natural), `published` (whether its audio is in
    the corpus' folder) and `file, row`; sorted by path.

    Raises `FileNotFoundError` saying where the file was looked for and how to get it.
    """
    file = _rates_file()
    published = {index.describe(EMODB, name, parse=EMODB.parse)[0]["path"] for name in index.files(EMODB)}
    rows, problems = {}, []
    for number, line in enumerate(file.read_text(encoding="latin-1").splitlines(), start=1):
        cells = [cell.strip() for cell in line.split("\t")]
        if number == 1 or not any(cells):
            continue
        try:
            row = _rate(cells)
        except ValueError as error:
            problems.append(_problem(file, f"row {number}", str(error)))
            continue
        if row["path"] in rows:
            problems.append(_problem(file, f"row {number}", f"{row['path']} has a rate in another row already"))
            continue
        rows[row["path"]] = row | {"published": row["path"] in published, "file": file.name, "row": number}
    columns = [*CLIP, "recognition", "naturalness", "published", "file", "row"]
    table = pd.DataFrame(rows.values(), columns=columns).sort_values("path", ignore_index=True)
    return Answers(table, as_problems(problems))


def _human(name: str) -> Path:
    """A file of CREMA-D's answers: in the folder of published answers, or in a clone of the corpus."""
    places = [paths.human() / "crema-d", *(folder / "processedResults" for folder in CREMAD.folders())]
    found = [place / name for place in places if (place / name).is_file()]
    if not found:
        raise FileNotFoundError(
            f"the votes of CREMA-D's listeners were not found: expected {places[0] / name}. Copy {name} there from the "
            f"folder processedResults of {CREMAD.source}, or set EMOLABS_HUMAN to the folder that holds crema-d/."
        )
    return found[0]


def _rates_file() -> Path:
    found = [folder / RATES for folder in EMODB.folders() if (folder / RATES).is_file()]
    if not found:
        raise FileNotFoundError(
            f"the recognition rates of EmoDB's listeners were not found: expected "
            f"{paths.raw('emodb') / 'emodb' / RATES}, which the archive on the corpus' own page "
            f"(emodb.bilderbar.info/download) has beside wav/."
        )
    return found[0]


def _names(lines: list[tuple[str, dict[str, str]]]) -> set[str]:
    return {line["fileName"] for _, line in lines}


def _winners() -> dict[tuple[str, str], set[str]]:
    """The winners by modality and file name that the summary table names; none where there is no such table."""
    try:
        lines, _ = read_table(_human(SUMMARY), required=["FileName", *WINNERS.values()])
    except FileNotFoundError:
        return {}
    return {(m, line["FileName"]): set(line[c].split(":")) for _, line in lines for m, c in WINNERS.items()}


def _contradiction(line: dict[str, str], *, winners: dict[tuple[str, str], set[str]]) -> str:
    """How a row of the votes contradicts itself or the summary; empty where it does not."""
    if line[""][:1] not in MODALITIES or len(line[""]) != 6:
        return f"expected a number such as 100001, 200001 or 300001 in the first column, found {line['']!r}"
    if not all(line[letter].isdecimal() for letter in LETTERS):
        return f"expected whole numbers of votes, found {', '.join(f'{k} {line[k]!r}' for k in LETTERS)}"
    counts = {letter: int(line[letter]) for letter in LETTERS}
    total, most = sum(counts.values()), max(counts.values())
    if not total or line["numResponses"] != str(total):
        return f"{total} votes are counted, numResponses says {line['numResponses']}"
    try:
        agreement = float(line["agreement"])
    except ValueError:
        agreement = -1.0
    if abs(agreement - most / total) > 1e-6:
        return f"{most} of {total} votes agree, the column agreement says {line['agreement']}"
    won = {letter for letter, count in counts.items() if count == most}
    if set(line["emoVote"].split(":")) != won:
        return f"most votes are for {':'.join(sorted(won))}, the column emoVote says {line['emoVote']}"
    summary = winners.get((MODALITIES[line[""][0]], line["fileName"]), won)
    return "" if summary == won else f"most votes are for {':'.join(sorted(won))}, {SUMMARY} says {':'.join(summary)}"


def _rate(cells: list[str]) -> dict:
    """A line of EmoDB's rates: number, file, recognized (%), natural (%), with decimal commas."""
    if len(cells) != 4:
        raise ValueError(f"expected number, file, recognition and naturalness between tabs, found {len(cells)} fields")
    recording = EMODB.parse(cells[1].removesuffix(".wav"))
    shares = []
    for name, text in zip(["recognition", "naturalness"], cells[2:], strict=True):
        if not text.replace(",", "", 1).isdecimal() or not 0 <= float(text.replace(",", ".")) <= 100:
            raise ValueError(f"expected a {name} between 0,00 and 100,00 percent, found {text!r}")
        shares.append(float(text.replace(",", ".")) / 100)
    path = f"emodb/{recording.name}"
    clip = [sample_id(path), path, "emodb", f"emodb/{recording.speaker}", recording.sex, recording.text, "de", "", ""]
    clip[-1] = harmonize(recording.source_emotion)
    return dict(zip(CLIP, clip, strict=True)) | dict(zip(["recognition", "naturalness"], shares, strict=True))


def _problem(file: Path, place: str, reason: str) -> tuple[str, int, str]:
    return file.name, _number(place), reason


def _number(place: str) -> int:
    return int(place.removeprefix("row "))
