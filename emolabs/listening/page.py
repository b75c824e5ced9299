"""The page of a listening study: one HTML file with its recordings inside, which needs no server and loads nothing.

`build` fills `assets/page.html` with style, scripts, texts and audio. The page knows codes and audio; the intended
emotion is in it for practice recordings alone, because they are followed by feedback. A strict Content-Security-Policy
admits its own style and script by their hashes and no address but the one that answers may be sent to.

A participant's file is JSON as `assets/answers.schema.json` describes it (`answer_schema`), with one object a trial:

    {"format": "emolabs-listening-1", "study", "digest", "participant", "order", "started", "finished", "language",
     "background": {"age_band", "gender", "country", "english", "headphones", "hearing"},
     "trials": [{"position", "role", "clip", "answer", "confidence", "plays", "response_time_s"}]}

`participant` is a random code, `order` the seed of `study.order`, times are ISO 8601 in UTC, `finished` is null until
the last recording is answered. What a participant leaves out of `background` is null. `position` counts from 1 within
the practice and within the order. `plays` counts how often a recording was started. Nothing can be answered before the
first playback has ended; `response_time_s` runs from there to the (last) choice of the answer, and is null where a
pause, a reload or a hidden tab came between. A recording that the browser could not play and the participant left out
has no trial; its position is missing. The CSV has the same names in one row a trial, study and background repeated;
text that a spreadsheet would run as a formula is preceded by an apostrophe. Namibia's code is NA there, which some
readers take for nothing.

An address given as `post_to` gets the JSON as the body of a POST. It has to answer with a status from 200 to 299 and to
allow the page's origin by CORS (also to the preflight request for `Content-Type: application/json`; the origin of a
page that is opened from disk is `null`). The same participant may arrive twice where an answer got lost.
"""

import base64
import hashlib
import json
import math
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import jinja2
import numpy as np
import pandas as pd
import yaml

from emolabs import corpora, storage
from emolabs.listening import sounds
from emolabs.listening.importers import FORMAT

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("record.js", "sound.js", "screens.js", "trials.js", "ends.js")
#: Pauses in seconds before a failed POST is tried again.
RETRIES_S = (1.0, 2.0, 4.0, 8.0)
#: Numbers of tones in the test sounds.
TONES = (2, 3, 4)
#: What a recording takes beside its duration: choosing, grading, going on. For the announced minutes only.
_ANSWER_S = 10.0


def build(
    study,
    audio: Mapping[str, tuple[np.ndarray, int]],
    path: Path,
    *,
    hosted: bool,
    post_to: str | None = None,
    language: str = "en",
    contact: str = "",
    orders: int = 500,
) -> Path:
    """Write the page of `study` to `path`, which is returned; a file that says the same already is not touched.

    Args:
        study: an `emolabs.listening.study.Study`; read are `name, digest, emotions, clips` and `order`.
        audio: samples (float32 [samples], full scale 1.0) and sample rate (Hz) by the clip's code.
        hosted: whether the page may be put on the internet, which passes the recordings on.
        post_to: address that the answers are sent to when a participant has finished; None to send nothing.
        language: of the texts, a block of `assets/texts.yaml`.
        contact: who answers questions, and what an ethics committee wants said; plain text.
        orders: how many orders the page holds, those of the seeds from 0; it draws one for each participant.

    Raises `ValueError` with a sentence where `hosted` is true and recordings may not be passed on, where it is false
    and git would take `path` in, for audio that is missing or faulty, an order with unknown clips, an unknown language
    or an address that is none.
    """
    path = Path(path)
    _check_sharing(study, path, hosted=hosted)
    texts, clips = _texts(language), study.clips.sort_values("clip", ignore_index=True)  # by code: says nothing else
    held = [_clip(row, sound=sounds.recording(row.clip, audio)) for row in clips.itertuples()]
    order = _orders(study, clips=clips, count=orders)
    emotions = {emotion: texts["emotions"].get(emotion, emotion.capitalize()) for emotion in study.emotions}
    data = {
        **{"format": FORMAT, "study": study.name, "digest": study.digest, "language": language, "emotions": emotions},
        **{"background": list(_options()), "columns": _columns(), "clips": held, "orders": order},
        "tones": [{"tones": n, **sounds.encode(sounds.tones(n), sounds.SAMPLE_RATE_HZ)} for n in TONES],
        **{"post_to": post_to, "retries_s": RETRIES_S, "texts": texts["script"]},
    }
    style, script = _asset("page.css"), f'"use strict";\n{{\n{"".join(map(_asset, _SCRIPTS))}}}\n'
    page = _template().render(
        **{"language": language, "t": texts["page"], "options": texts["options"], "confidence": texts["confidence"]},
        **{"background": _options(), "emotions": emotions, "tones": TONES, "trials": len(order[0])},
        minutes=5 * math.ceil(sum(clip["seconds"] + _ANSWER_S for clip in held) / 300),
        host=_address(post_to).netloc if post_to else "",
        contact=contact,
        credits=_credits(study),
        policy=_policy(style, script=script, post_to=post_to),
        style=style,
        script=script,
        # a "<" could end the script element that holds the data
        study=json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
    )
    if not path.is_file() or path.read_text(encoding="utf-8") != page:  # left alone, nothing rests on a newer file
        storage.write_text(path, page)
    return path


def answer_schema() -> dict:
    """The JSON schema of a participant's file, whose enumerations are also the page's options."""
    return json.loads(_asset("answers.schema.json"))


def _options() -> dict[str, list[str]]:
    """What a participant may say about themselves, a list a question."""
    questions = answer_schema()["properties"]["background"]["properties"]
    return {question: [value for value in rule["enum"] if value] for question, rule in questions.items()}


def _columns() -> list[str]:
    """The columns of the CSV: what is said once, then the background, then the trial."""
    schema = answer_schema()["properties"]
    once = [name for name in schema if name not in ("simulated", "background", "trials")]
    return [*once, *_options(), *schema["trials"]["items"]["properties"]]


def _clip(row, *, sound: dict) -> dict:
    """What the page knows of a clip; the intended emotion only where feedback names it."""
    return {"code": row.clip, "role": row.role, **sound} | ({"emotion": row.emotion} if row.role == "practice" else {})


def _check_sharing(study, path: Path, *, hosted: bool) -> None:
    refused = [corpus for corpus in _corpora(study) if not corpus.may_share]
    if hosted and refused:
        reasons = "; ".join(f"{c.name} ({c.licence}{', ' + c.sharing if c.sharing else ''})" for c in refused)
        raise ValueError(
            f"a hosted page passes its recordings on, which the licence of these corpora does not allow: {reasons}. "
            "Draw the study without them, or build a page for the laboratory with hosted=False"
        )
    if not hosted and not _is_out_of_git(path):
        raise ValueError(
            f"a page for the laboratory holds recordings that must not be published, and git would take {path} in: "
            "choose a path that git ignores, such as one under data/interim/"
        )


def _is_out_of_git(path: Path) -> bool:
    """Whether no repository would take the file in: git ignores it, or there is no repository around it."""
    path = path.absolute()
    folder = next(parent for parent in path.parents if parent.is_dir())
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return True
    try:
        asked = subprocess.run(["git", "-C", folder, "check-ignore", "-q", "--", path], capture_output=True)
    except OSError:  # no git on this machine to ask
        return False
    return asked.returncode == 0


def _corpora(study) -> list[corpora.Corpus]:
    """The corpora of the recordings; a clip of none, such as a spoken instruction, is the project's own."""
    return corpora.get(sorted({key for key in study.clips.corpus.dropna() if key}))


def _credits(study) -> list[str]:
    """What the licences want named wherever the recordings go."""
    return [f"{c.name}: {c.citation}; licence: {c.licence}; {c.source}" for c in _corpora(study)]


def _orders(study, *, clips: pd.DataFrame, count: int) -> list[list[int]]:
    """The orders of the seeds 0 to `count` − 1 as rows of `clips`."""
    place = {row.clip: row.Index for row in clips.itertuples() if row.role != "practice"}
    orders = [list(study.order(seed)) for seed in range(count)]
    for seed, codes in enumerate(orders):
        wrong = [code for code in codes if code not in place]
        if wrong or not codes:
            raise ValueError(
                f"order {seed} of {study.name}: expected codes of its {len(place)} trials and attention checks, found "
                f"{', '.join(map(str, wrong)) or 'no clip'}; draw the study again"
            )
    if not orders:
        raise ValueError(f"a page needs at least one order, found orders={count}")
    return [[place[code] for code in codes] for codes in orders]


def _texts(language: str) -> dict:
    tables = yaml.safe_load(_asset("texts.yaml"))
    if language not in tables:
        raise ValueError(
            f"the page has no texts in {language}: expected one of {', '.join(tables)}; add a block to "
            f"{_ASSETS / 'texts.yaml'}"
        )
    return tables[language]


def _address(post_to: str):
    """The parts of an address for answers; raises `ValueError` where a page could not send to it."""
    parts = urlsplit(post_to)
    plain = all(letter.isascii() and letter.isprintable() and letter not in " '\";,\\" for letter in post_to)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or not plain:
        raise ValueError(
            f"post_to: expected an address such as https://example.org/answers, without a password and with special "
            f"characters percent-encoded, found {post_to!r}"
        )
    return parts


def _policy(style: str, *, script: str, post_to: str | None) -> str:
    """The Content-Security-Policy: this style, this script, recordings from the file itself, one address to send to."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    address = "{0.scheme}://{0.netloc}{0.path}".format(_address(post_to)) if post_to else "'none'"
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; media-src blob:; "
        f"img-src data:; connect-src {address}; base-uri 'none'; form-action 'none'"
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters["fill"] = lambda text, **values: text.format(**values)
    return environment.from_string(_asset("page.html"))


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
