"""Published answers of listeners: small files with every fault, and the real ones against independent counts."""

import numpy as np
import pandas as pd
import pytest

from emolabs import paths
from emolabs.listening import votes
from emolabs.standardization import sample_id

HEADER = '"","A","D","F","H","N","S","fileName","numResponses","agreement","emoVote"\n'
GOOD = '"100001",0,0,0,1,9,0,"1001_IEO_NEU_XX",10,0.9,"N"\n'
TIED = '"300002",4,4,0,0,1,0,"1040_ITH_SAD_X",9,0.444444444444444,"A:D"\n'


@pytest.fixture
def folder(tmp_path, monkeypatch, raw):
    """An empty folder of published answers, and a root of corpora without any."""
    monkeypatch.setenv("EMOLABS_HUMAN", str(tmp_path))
    (tmp_path / "crema-d").mkdir()
    return tmp_path / "crema-d"


def write(folder, *rows: str) -> None:
    (folder / "tabulatedVotes.csv").write_text(HEADER + "".join(rows))


def test_a_row_becomes_counts_and_votes_under_our_names(folder):
    write(folder, GOOD, TIED)
    table, problems = votes.cremad_counts()
    assert problems.empty and table.modality.tolist() == ["audio", "audiovisual"]
    first, tied = table.to_dict("records")
    assert (first["path"], first["id"]) == ("cremad/1001_IEO_NEU_XX", sample_id("cremad/1001_IEO_NEU_XX"))
    assert (first["emotion"], first["neutral"], first["happiness"], first["votes"]) == ("neutral", 9, 1, 10)
    assert (first["speaker"], first["sex"], first["text"]) == ("cremad/1001", "male", "It's eleven o'clock.")
    assert tied["path"] == "cremad/1040_ITH_SAD_XX", "the misspelled name is folded"
    long = votes.long(table)
    assert len(long) == 19 and long.participant.isna().all() and (long.role == "trial").all()
    assert not long.simulated.any() and set(long.file) == {"tabulatedVotes.csv"}
    assert long[long.row == 2].answer.value_counts().to_dict() == {"neutral": 9, "happiness": 1}
    assert long[long.row == 3].answer.value_counts().to_dict() == {"anger": 4, "disgust": 4, "neutral": 1}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('"100002",0,0,0,1,8,0,"1001_IEO_HAP_LO",10,0.9,"N"\n', "9 votes are counted, numResponses says 10"),
        ('"100002",0,0,0,1,9,0,"1001_IEO_HAP_LO",10,0.5,"N"\n', "9 of 10 votes agree, the column agreement says 0.5"),
        ('"100002",0,0,0,1,9,0,"1001_IEO_HAP_LO",10,?,"N"\n', "the column agreement says ?"),
        ('"100002",0,0,0,1,9,0,"1001_IEO_HAP_LO",10,0.9,"H"\n', "most votes are for N, the column emoVote says H"),
        ('"100002",0,0,0,1,-9,0,"1001_IEO_HAP_LO",10,0.9,"N"\n', "expected whole numbers of votes"),
        ('"100002",0,0,0,0,0,0,"1001_IEO_HAP_LO",0,0,""\n', "0 votes are counted"),
        ('"100002",0,0,0,1,9,0,"1001_IEO_JOY_LO",10,0.9,"N"\n', "unknown name"),
        ('"400002",0,0,0,1,9,0,"1001_IEO_HAP_LO",10,0.9,"N"\n', "expected a number such as 100001"),
        ('"100002",0,0,0,1,9,0,"1001_IEO_NEU_XX",10,0.9,"N"\n', "was counted in row 2 already"),
        ('"100002",0,0,0,1,9\n', "expected 11 fields as in the header, found 6"),
    ],
)
def test_a_row_that_contradicts_is_named_and_the_others_are_read(folder, row, says):
    write(folder, GOOD, row, TIED)
    table, problems = votes.cremad_counts()
    assert len(table) == 2
    assert problems[["file", "row"]].values.tolist() == [["tabulatedVotes.csv", 3]] and says in problems.reason[0]


def test_the_summary_is_a_second_source(folder):
    header = '"","FileName","VoiceVote","VoiceLevel","FaceVote","FaceLevel","MultiModalVote","MultiModalLevel"\n'
    summary = folder / "summaryTable.csv"
    write(folder, GOOD)
    summary.write_text(header + '"1","1001_IEO_NEU_XX","N","69.1","H","1","H","1"\n')
    assert votes.cremad_counts().problems.empty
    summary.write_text(header + '"1","1001_IEO_NEU_XX","S","69.1","H","1","H","1"\n')
    table, problems = votes.cremad_counts()
    assert table.empty and problems.reason[0] == "most votes are for N, summaryTable.csv says S"


def test_missing_and_damaged_files_are_sentences(folder, raw):
    with pytest.raises(FileNotFoundError, match=r"expected .*crema-d/tabulatedVotes.csv.*EMOLABS_HUMAN"):
        votes.cremad_counts()
    with pytest.raises(FileNotFoundError, match=r"expected .*emodb/erkennung.txt"):
        votes.emodb_rates()
    (folder / "tabulatedVotes.csv").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ValueError, match="is damaged: row 1: expected the columns"):
        votes.cremad_counts()
    (folder / "tabulatedVotes.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="expected text in UTF-8"):
        votes.cremad_counts()


def test_a_clone_of_the_corpus_has_the_votes_as_well(folder, raw):
    clone = raw.root / "CREMA-D" / "processedResults"
    clone.mkdir(parents=True)
    write(clone, GOOD)
    assert len(votes.cremad_counts().table) == 1


def test_rates_of_emodb_with_their_faults(raw):
    raw.write("emodb/wav/03a01Fa.wav")
    lines = [
        "Nr.\tSatz\terkannt\tnatuerlich",
        "1\xa0\t03a01Fa.wav\t90,00\xa0\xa0\t75,00\xa0",
        "2\t03a01Tc.wav\t38,1\t5",
    ]
    lines += [
        "3\t03a01Xc.wav\t65,00\t55,00",
        "4\t03a01Wa.wav\t165,00\t55,00",
        "5\t03a01Wa.wav\t5",
        "6\t03a01Tc.wav\t1\t1",
    ]
    (raw.root / "emodb" / "erkennung.txt").write_text("\n".join(lines) + "\n", encoding="latin-1")
    table, problems = votes.emodb_rates()
    assert table.path.tolist() == ["emodb/03a01Fa", "emodb/03a01Tc"] and table.published.tolist() == [True, False]
    assert table.recognition.tolist() == [0.9, 0.381] and table.naturalness.tolist() == [0.75, 0.05]
    assert table.emotion.tolist() == ["happiness", "sadness"] and table.row.tolist() == [2, 3]
    assert problems.row.tolist() == [4, 5, 6, 7]
    reasons = ["unknown name", "between 0,00 and 100,00", "found 3 fields", "already"]
    assert all(says in reason for says, reason in zip(reasons, problems.reason, strict=True))


def test_where_published_answers_lie(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOLABS_HUMAN", str(tmp_path))
    assert paths.human() == tmp_path
    monkeypatch.delenv("EMOLABS_HUMAN")
    assert paths.human() == paths.HUMAN


@pytest.fixture(scope="module")
def read():
    """The real votes."""
    try:
        return votes.cremad_counts()
    except FileNotFoundError:
        pytest.skip("the votes of CREMA-D are not here: set EMOLABS_HUMAN")


class TestRealVotes:
    """Against counts that pandas makes of the file itself."""

    def test_every_clip_is_there_in_every_modality_and_no_row_contradicts(self, read):
        assert read.problems.empty
        assert read.table.groupby("modality").path.nunique().to_dict() == dict.fromkeys(votes.MODALITIES.values(), 7442)
        assert read.table.groupby("modality").votes.sum().to_dict() == {
            "audio": 68_568,
            "face": 71_654,
            "audiovisual": 71_778,
        }

    def test_recall_is_that_of_the_file(self, read, human):
        file = pd.read_csv(human / "crema-d" / "tabulatedVotes.csv", index_col=0)
        file = file[file.index // 100_000 == 1]
        intended = file.fileName.str[9]
        expected = {
            e: file.loc[intended == e, e].sum() / file.loc[intended == e, "numResponses"].sum() for e in "ADFHNS"
        }
        long = votes.long(read.table)
        assert len(long) == 212_000
        heard = long[long.modality == "audio"]
        found = (heard.answer == heard.emotion).groupby(heard.emotion.to_numpy()).mean()
        for letter, emotion in votes.LETTERS.items():
            assert np.isclose(found[emotion], expected[letter])
        assert np.isclose(found["neutral"], 0.762402, atol=1e-6) and np.isclose(found["sadness"], 0.250489, atol=1e-6)

    def test_sex_is_that_of_the_demographics(self, read, corpora):
        files = list(corpora.glob("*/VideoDemographics.csv"))
        if not files:
            pytest.skip("the demographics of CREMA-D are not here")
        file = pd.read_csv(files[0]).set_index("ActorID").Sex.str.lower()
        found = read.table.drop_duplicates("speaker").set_index("speaker").sex
        assert len(found) == 91 and all(file[int(speaker.split("/")[1])] == sex for speaker, sex in found.items())


def test_real_rates_of_emodb(corpora):
    try:
        table, problems = votes.emodb_rates()
    except FileNotFoundError:
        pytest.skip("the rates of EmoDB are not here")
    assert problems.empty and len(table) == 816 and table.published.sum() == 535
    text = next(corpora.glob("*/erkennung.txt")).read_text("latin-1").replace("\xa0", " ").replace(",", ".")
    file = pd.read_csv(pd.io.common.StringIO(text), sep=r"\s+")
    assert np.isclose(table.recognition.mean(), file.erkannt.mean() / 100)
    assert table[table.published].recognition.min() == 0.8, "what is kept was recognized by four in five"
    anger = file.erkannt[file.Satz.str[5] == "W"].mean() / 100
    assert np.isclose(table[table.emotion == "anger"].recognition.mean(), anger)
