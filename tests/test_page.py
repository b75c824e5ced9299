"""The page of a listening study: what is in it and what is not, and a participant in a real browser."""

import base64
import csv
import dataclasses
import hashlib
import io
import json
import os
import re
import shutil
import string
import subprocess
import threading
import time
from collections import Counter
from contextlib import contextmanager
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from conftest import voice

from emolabs.listening import intervals, page, recall, responses, tally
from emolabs.standardization import normalization

EMOTIONS = ["anger", "fear", "happiness", "sadness"]
RATE_HZ = 16_000
ASSETS = Path(page.__file__).parent / "assets"
CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)


@dataclasses.dataclass(frozen=True)
class Study:
    """What the page reads of a study."""

    clips: pd.DataFrame
    name: str = "tones"
    digest: str = "0123456789ab"
    emotions: tuple[str, ...] = tuple(EMOTIONS)

    def order(self, seed: int) -> list[str]:
        heard = self.clips["clip"][self.clips.role != "practice"]
        return list(np.random.default_rng(seed).permutation(heard))


def study(*, trials: int = 5, attention: int = 1, practice: int = 2, **fields) -> Study:
    roles = ["trial"] * trials + ["attention"] * attention + ["practice"] * practice
    rows = [
        {
            "clip": f"q{17 * i % 31:02d}x",
            "id": f"{i:03d}".rjust(43, "S"),
            "path": f"emosynth-en/clip-number-{i}",
            "corpus": "emosynth-en",
            "speaker": f"emosynth-en/voice-{i % 3}",
            "text": f"sentence-{i % 2}",
            "emotion": EMOTIONS[i % len(EMOTIONS)],
            "role": role,
        }
        for i, role in enumerate(roles)
    ]
    return Study(pd.DataFrame(rows), **fields)


def recordings(of: Study, *, duration_s: float = 0.12) -> dict[str, tuple[np.ndarray, int]]:
    return {c: (voice(i, duration_s=duration_s).astype("float32"), RATE_HZ) for i, c in enumerate(of.clips["clip"])}


def build(path: Path, of: Study | None = None, **options) -> Path:
    of = of or study()
    return page.build(of, recordings(of), path, **({"hosted": True, "orders": 20} | options))


def data(file: Path) -> dict:
    """What a page holds for its script."""
    return json.loads(re.search(r'id="study">(.*?)</script>', file.read_text(encoding="utf-8"), re.DOTALL).group(1))


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "page.html"


class TestFile:
    def test_says_nothing_of_what_the_trials_intend(self, file):
        original = study()
        clips = original.clips.copy()
        heard = clips.role != "practice"
        turned = {e: EMOTIONS[i - 1] for i, e in enumerate(EMOTIONS)}
        clips.loc[heard, "emotion"] = clips.loc[heard, "emotion"].map(turned)
        for column in ("id", "path", "speaker", "text"):
            clips[column] = clips[column].str.upper()
        text = build(file, original).read_bytes()
        other = dataclasses.replace(original, clips=clips)
        assert build(file.with_name("other.html"), other).read_bytes() == text
        for column in ("id", "path", "speaker", "text"):
            assert not any(value.encode() in text for value in original.clips[column])
        with_emotion = {clip["code"]: clip["emotion"] for clip in data(file)["clips"] if "emotion" in clip}
        assert with_emotion == dict(original.clips[~heard][["clip", "emotion"]].to_numpy())

    def test_position_of_a_clip_within_the_file_says_nothing(self, file):
        shuffled = study()
        shuffled = dataclasses.replace(shuffled, clips=shuffled.clips.sample(frac=1, random_state=1))
        codes = [clip["code"] for clip in data(build(file, shuffled))["clips"]]
        assert codes == sorted(codes) and len(codes) == len(shuffled.clips)

    def test_holds_the_audio_without_loss(self, file):
        of = study()
        sounds = recordings(of)
        for clip in data(build(file, of))["clips"]:
            samples, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(clip["audio"])))
            expected, _ = sounds[clip["code"]]
            assert rate_hz == RATE_HZ and np.abs(samples - expected).max() <= 1 / 32_768
            assert clip["seconds"] == pytest.approx(len(expected) / RATE_HZ, abs=1e-3)

    def test_holds_the_orders_of_the_study(self, file):
        of = study()
        held = data(build(file, of, orders=7))
        codes = [clip["code"] for clip in held["clips"]]
        assert [[codes[i] for i in order] for order in held["orders"]] == [of.order(seed) for seed in range(7)]

    def test_admits_its_own_script_and_style_and_one_address(self, file):
        text = build(file, post_to="https://example.org:8443/answers/in?study=1").read_text(encoding="utf-8")
        policy = unescape(re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text).group(1))
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'none'" and rules["connect-src"] == "https://example.org:8443/answers/in"
        assert "unsafe" not in policy and "*" not in policy
        for element, rule in (("style", "style-src"), ("script", "script-src")):
            content = re.search(rf"<{element}>(.*?)</{element}>", text, re.DOTALL).group(1)
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert rules[rule] == f"'sha256-{digest}'"
        outside = re.findall(r"""(?:src|href|action)=["']?([^"'> ]+)""", text)
        assert set(outside) == {"#content", "data:,"}
        assert "connect-src &#39;none&#39;" in build(file).read_text(encoding="utf-8")

    def test_names_and_contact_cannot_become_markup(self, file):
        text = build(file, study(name="</script><b>x"), contact="<img src=x>").read_text(encoding="utf-8")
        assert "<b>x" not in text and "<img" not in text and data(file)["study"] == "</script><b>x"

    def test_names_the_corpora_with_their_licences(self, file):
        text = build(file).read_text(encoding="utf-8")
        assert "MIT, as this repository" in text

    def test_test_sounds_are_as_loud_as_the_recordings(self, file):
        for tone in data(build(file))["tones"]:
            samples, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(tone["audio"])))
            assert normalization.loudness(samples, sample_rate_hz=rate_hz) == pytest.approx(-23, abs=0.1)
            loud = np.abs(samples) > 0.02
            pauses = re.findall("0{1000,}1", "".join(map(str, loud.astype(int))))  # silence of over 60 ms
            assert len(pauses) == tone["tones"] - 1


class TestRefusals:
    def test_recordings_that_may_not_be_passed_on(self, file):
        clips = study().clips
        clips.loc[0, "corpus"] = "tess"
        of = dataclasses.replace(study(), clips=clips)
        with pytest.raises(ValueError, match=r"does not allow: .*TESS.*CC BY-NC-ND 4.0, ND lets only.*hosted=False"):
            build(file, of)
        assert not file.exists()
        assert build(file, of, hosted=False) == file  # no repository is around it

    def test_a_laboratory_page_that_git_would_take_in(self, tmp_path):
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
        (tmp_path / ".gitignore").write_text("/private/\n")
        with pytest.raises(ValueError, match=r"git would take .*open/page.html in: choose a path that git ignores"):
            build(tmp_path / "open" / "page.html", hosted=False)
        assert build(tmp_path / "private" / "deep" / "page.html", hosted=False).is_file()
        assert build(tmp_path / "open" / "page.html").is_file()  # what may be shared may be put anywhere

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"language": "xx"}, "no texts in xx: expected one of en"),
            ({"post_to": "ftp://example.org"}, "post_to: expected an address such as https://"),
            ({"post_to": "https://example.org/a;b"}, "post_to: expected"),
            ({"post_to": "https://me:secret@example.org/"}, "post_to: expected"),
            ({"orders": 0}, "at least one order"),
        ],
    )
    def test_options(self, file, options, sentence):
        with pytest.raises(ValueError, match=sentence):
            build(file, **options)
        assert not file.exists()

    @pytest.mark.parametrize("samples", [[], [[0.0, 0.0]], [0.0, np.nan], [0.0, 1.5]])
    def test_audio_that_is_faulty(self, file, samples):
        of = study()
        sounds = recordings(of) | {"q00x": (np.array(samples, dtype="float32"), RATE_HZ)}
        with pytest.raises(ValueError, match="clip q00x: expected finite samples"):
            page.build(of, sounds, file, hosted=True)

    def test_a_clip_without_audio_and_an_order_with_an_unknown_clip(self, file):
        of = study()
        with pytest.raises(ValueError, match="clip q00x: the study has it, but there is no audio"):
            page.build(of, {c: s for c, s in recordings(of).items() if c != "q00x"}, file, hosted=True)

        class Strange(Study):
            def order(self, seed: int) -> list[str]:
                return [*super().order(seed), "zzzz"]

        with pytest.raises(ValueError, match=r"order 0 of tones: expected codes of its 6 .* found zzzz"):
            build(file, Strange(of.clips))


class TestTexts:
    table = yaml.safe_load((ASSETS / "texts.yaml").read_text(encoding="utf-8"))

    @staticmethod
    def flat(block: dict) -> dict[str, set[str]]:
        """Every text's key, and what it leaves to be filled in."""
        table = pd.json_normalize(block | {"confidence": dict(enumerate(block["confidence"]))}).iloc[0]
        assert all(isinstance(text, str) and text.strip() for text in table), "every entry is a text"
        return {
            key: {field for _, field, _, _ in string.Formatter().parse(text) if field} for key, text in table.items()
        }

    @pytest.mark.parametrize("language", table)
    def test_every_language_has_the_texts_of_english(self, language):
        assert self.flat(self.table[language]) == self.flat(self.table["en"])

    def test_every_text_is_used_and_there(self):
        english = self.table["en"]
        scripts = "".join(file.read_text(encoding="utf-8") for file in ASSETS.glob("*.js"))
        said = set(re.findall(r'"([a-z_]+)"', scripts))
        assert set(english["script"]) <= said
        template = (ASSETS / "page.html").read_text(encoding="utf-8")
        fields = set(page.answer_schema()["properties"]["background"]["properties"])
        assert set(english["page"]) == set(re.findall(r"\bt\.(\w+)", template)) | fields

    def test_every_text_of_the_page_stands_in_it(self, file):
        text = unescape(build(file).read_text(encoding="utf-8"))
        sent = unescape(build(file, post_to="https://example.org/").read_text(encoding="utf-8"))
        for key, words in self.table["en"]["page"].items():
            pieces = [piece for piece, *_ in string.Formatter().parse(words)]
            assert all(piece in text for piece in pieces) or all(piece in sent for piece in pieces), key

    def test_every_option_has_a_text(self):
        fields = page.answer_schema()["properties"]["background"]["properties"]
        for field, texts in self.table["en"]["options"].items():
            assert [*texts, None] == fields[field]["enum"]


# A participant in a real browser -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (the extra `test`)")
    with playwright.sync_playwright() as driver:
        executable = CHROMIUM or driver.chromium.executable_path  # the system's, or one that playwright has installed
        if not Path(executable).is_file():
            pytest.skip("no Chromium on this machine: install Debian's package chromium to test the listening page")
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Open a page as a new participant; what it asks of the network and what goes wrong in it is watched."""
    contexts, faults = [], []

    def watch(tab, *, allowed: str):
        def asked(request):
            if not request.url.startswith(("file:", "blob:", "data:", *([allowed] if allowed else []))):
                faults.append(f"asked for {request.url}")

        tab.on("request", asked)
        tab.on("pageerror", lambda error: faults.append(f"error: {error}"))
        # what a cut network or a failing server logs is wanted; anything else, such as a breach of the policy, is not
        tab.on("console", lambda m: m.type == "error" and "Failed to load" not in m.text and faults.append(m.text))

    def open_(file: Path, *, draw: int = 0, before: str = "", allowed: str = "", **options) -> Participant:
        context = chromium.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.on("page", lambda tab: watch(tab, allowed=allowed))
        if draw is not None:  # the page draws this number: its order and its test sound are known
            context.add_init_script(f"crypto.getRandomValues = (array) => array.fill({draw})")
        context.add_init_script(before)
        tab = context.new_page()
        tab.goto(file.as_uri())
        return Participant(tab)

    yield open_
    for context in contexts:
        context.close()
    assert not faults


@dataclasses.dataclass
class Participant:
    """Someone at a page. `press` is how they use a button: click, tap or a key."""

    tab: object
    touch: bool = False

    def press(self, selector: str) -> None:
        target = self.tab.locator(selector)
        target.tap() if self.touch else target.click()

    def seen(self, section: str) -> None:
        self.tab.locator(f"main > section#{section}").wait_for(state="visible")

    def agree(self) -> None:
        self.press("#agree")
        self.press("#consent-form button")

    def check_sound(self, answer: int = 2) -> None:
        self.press("#sound-play")
        self.tab.locator("#heard:enabled").wait_for()
        self.press(f"#heard input[value='{answer}']")
        self.press("#sound-form .primary")

    def start(self) -> None:
        """Go to the first recording without a word about oneself."""
        self.agree()
        self.press("#background-form .primary")
        self.check_sound()
        self.press("#practice .primary" if self.tab.locator("#practice").is_visible() else "#ready-go")
        self.seen("trial")

    def listen(self) -> None:
        self.press("#play")
        self.tab.locator("#play:not([aria-disabled])").wait_for()
        self.tab.locator("#answer:enabled").wait_for()

    def answer(self, emotion: str, sure: int = 3) -> None:
        self.listen()
        self.press(f"#answer input[value='{emotion}']")
        self.press(f"#confidence input[value='{sure}']")
        self.press("#submit")

    def answer_all(self, count: int) -> None:
        for i in range(count):
            self.answer(EMOTIONS[i % len(EMOTIONS)], 1 + i % 5)

    def save(self, kind: str = "json") -> str:
        with self.tab.expect_download() as download:
            self.press(f"[data-save={kind}]")
        assert re.fullmatch(rf"[\w.-]+-[a-z]{{10}}\.{kind}", download.value.suggested_filename)
        return Path(download.value.path()).read_bytes().decode()

    def record(self) -> dict:
        """The file that is saved, which keeps to the format."""
        record = json.loads(self.save())
        jsonschema.validate(record, page.answer_schema(), jsonschema.Draft202012Validator)
        return record


def check_screen(participant: Participant, *, smallest_px: int = 0) -> None:
    """No serious or critical finding of axe-core, nothing wider than the screen, nothing too small to be touched."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing").Axe()
    if not participant.tab.evaluate("'axe' in window"):
        participant.tab.evaluate(axe.axe_script)
    found = participant.tab.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    assert not [(f["id"], [n["html"] for n in f["nodes"]]) for f in found if f["impact"] in ("serious", "critical")]
    assert participant.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = participant.tab.evaluate(
        """(least) => [...document.querySelectorAll("button, select, summary, input, textarea")]
             .filter((e) => e.checkVisibility()).map((e) => [e.outerHTML, e.getBoundingClientRect()])
             .filter(([, box]) => box.width < least || box.height < least).map(([html]) => html)""",
        smallest_px,
    )
    assert not small


def test_complete_run_with_the_mouse(file, visit):
    of = study()
    listener = visit(build(file, of), draw=7, viewport={"width": 1100, "height": 800})
    check_screen(listener)
    listener.press("#consent-form button")  # not agreed yet
    assert "tick the box" in listener.tab.locator("#consent .problem").inner_text()
    listener.agree()
    check_screen(listener)
    names = listener.tab.locator("#country option").all_inner_texts()
    assert len(names) == 250 and not [name for name in names if re.fullmatch("[A-Z]{2}", name)]
    listener.tab.locator("#country").select_option("NA")
    said = {"age_band": "25-34", "gender": "", "headphones": "headphones", "hearing": "unimpaired"}
    for field, value in said.items():
        listener.press(f"input[name={field}][value='{value}']")
    listener.press("#background-form .primary")
    check_screen(listener)
    listener.check_sound(4)
    assert "not what was played" in listener.tab.locator("#sound .problem").inner_text()
    listener.check_sound(3)
    listener.seen("practice")
    check_screen(listener)
    listener.press("#practice .primary")
    check_screen(listener)
    practice = of.clips[of.clips.role == "practice"].sort_values("clip")
    for emotion in practice.emotion:
        listener.answer("fear", 5)
        assert emotion in listener.tab.locator("#meant").inner_text().lower()
        check_screen(listener)
        listener.press("#feedback-next")
    check_screen(listener)
    listener.press("#ready-go")
    listener.listen()
    listener.listen()  # the first trial is heard twice
    check_screen(listener)
    listener.press("#submit")
    assert "choose the emotion" in listener.tab.locator("#trial .problem").inner_text()
    listener.answer_all(6)
    listener.seen("thanks")
    check_screen(listener)
    record = listener.record()
    assert (record["study"], record["digest"], record["order"]) == ("tones", "0123456789ab", 7)
    assert record["started"] < record["finished"]
    assert record["background"] == said | {"gender": None, "country": "NA", "english": None}
    trials = pd.DataFrame(record["trials"])
    assert list(trials["clip"]) == [*practice["clip"], *of.order(7)]
    assert list(trials.role) == list(of.clips.set_index("clip").role[trials["clip"]])
    assert list(trials.position) == [1, 2, 1, 2, 3, 4, 5, 6]
    assert list(trials.answer) == ["fear", "fear", *(EMOTIONS[i % 4] for i in range(6))]
    assert list(trials.confidence) == [5, 5, 1, 2, 3, 4, 5, 1]
    assert list(trials.plays) == [1, 1, 3, 1, 1, 1, 1, 1]
    assert trials.response_time_s.between(0, 10).all() and trials.response_time_s.iloc[2] > trials.response_time_s.min()
    table = list(csv.DictReader(io.StringIO(listener.save("csv"), newline="")))
    assert [{k: row[k] for k in record["trials"][0]} for row in table] == [
        {k: str(v) for k, v in trial.items()} for trial in record["trials"]
    ]
    rest = {k: v for k, v in record.items() if k not in ("trials", "background")} | record["background"]
    assert all(row[k] == ("" if v is None else str(v)) for row in table for k, v in rest.items())
    analysed(file.parent / "answers", listener, of=of, expected=trials)


def analysed(folder: Path, listener, *, of: Study, expected: pd.DataFrame) -> None:
    """What the browser saved goes through the importer, as JSON and as CSV, and through the analysis."""
    facts = {"sex": "female", "language": "en", "intensity": "", "part": "emocorpus"}
    drawn = dataclasses.replace(of, clips=of.clips.assign(**facts))
    folder.mkdir()
    for ending in ("json", "csv"):
        text = listener.save(ending)
        (folder / f"one.{ending}").write_text(text, encoding="utf-8", newline="")
    table, problems = responses.read(folder, study=drawn)
    assert problems.empty and list(table["answer"]) == list(expected["answer"])
    truth = of.clips[of.clips.role == "trial"].set_index("clip").emotion
    asked = expected[expected.role == "trial"]
    right = (asked.answer == list(truth[asked["clip"]])).mean()
    counted = tally.count(table, labels=EMOTIONS)
    scores = recall.overall(counted, intervals.draw(counted, draws=50))
    assert scores.accuracy.item() == pytest.approx(right)


def test_complete_run_with_the_keyboard_alone(file, visit):
    of = study()
    tab = visit(build(file, of)).tab

    def keys(*names: str) -> None:
        for name in names:
            tab.keyboard.press(name)

    def focused() -> str:
        return tab.evaluate("(({ id, name, tagName }) => id || name || tagName)(document.activeElement)")

    keys("Tab", "Tab", "Space", "Enter")  # the link to the content, the box; Enter submits
    Participant(tab).seen("background")
    assert focused() == "H1"  # a screen reader reads the new screen from its title
    keys("Tab", "ArrowDown", "Tab", "Tab", "G", "e", "r", "m", "a", "n", "Tab", "Tab", "Tab", "Tab", "Enter")
    Participant(tab).seen("sound")
    keys("Tab", "Enter")
    tab.locator("#heard:enabled").wait_for()
    keys("Tab", "Space", "Enter")
    Participant(tab).seen("practice")
    keys("Tab", "Enter")
    for step in range(8):
        Participant(tab).seen("trial")
        assert focused() == "play"
        keys("p" if step % 2 else "Enter")
        tab.locator("#answer:enabled").wait_for()
        assert tab.locator("#said").inner_text() == "You can answer now."
        if step % 2:
            keys("3", "Tab", "4", "Enter")
        else:  # the focus goes to what is missing
            keys("3", "Enter")
            assert focused() == "confidence" and "how sure" in tab.locator("#trial .problem").inner_text()
            keys("4", "Enter")
        if step < 2:
            Participant(tab).seen("feedback")
            keys("Tab", "Enter")
        if step == 1:
            Participant(tab).seen("ready")
            keys("Tab", "Enter")
    Participant(tab).seen("thanks")
    with tab.expect_download() as download:
        keys("Tab", "Enter")
    record = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert {(t["answer"], t["confidence"], t["plays"]) for t in record["trials"]} == {("happiness", 4, 1)}
    assert record["background"]["age_band"] == "25-34" and record["background"]["country"] == "DE"
    assert len(record["trials"]) == 8 and record["finished"]


def test_response_time_runs_from_the_end_of_the_first_playback_to_the_choice(file, visit):
    listener = visit(build(file, one_recording()))
    listener.start()
    listener.press("#trial summary")
    listener.press("#keys")  # number keys can be switched off
    before = time.monotonic()
    listener.listen()
    listener.tab.keyboard.press("2")
    assert not listener.tab.locator("#answer input:checked").count()
    listener.press("#play")  # hearing it again does not start the clock anew
    time.sleep(0.3)
    listener.press("#answer input >> nth=1")
    longest_s = time.monotonic() - before
    time.sleep(longest_s)  # grading does not count
    listener.press("#confidence input >> nth=1")
    listener.press("#submit")
    (trial,) = listener.record()["trials"]
    assert 0.3 <= trial["response_time_s"] <= longest_s and trial["plays"] == 2


def test_complete_run_on_a_phone(file, visit):
    screen = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    listener = visit(build(file, study(trials=2)), color_scheme="dark", reduced_motion="reduce", **screen)
    listener.touch = True
    check_screen(listener, smallest_px=44)
    listener.agree()
    check_screen(listener, smallest_px=44)
    listener.press("input[name=gender][value=woman]")
    listener.press("#background-form .primary")
    check_screen(listener, smallest_px=44)
    listener.check_sound()
    listener.press("#practice .primary")
    listener.press("#play")
    moving = "getComputedStyle(document.querySelector('.playing .bars path')).animationName"
    assert listener.tab.evaluate(moving) == "none"  # less motion was asked for
    listener.tab.locator("#answer:enabled").wait_for()
    check_screen(listener, smallest_px=44)
    listener.press("#pause")
    listener.press("[data-ask=withdraw-ask]")
    check_screen(listener, smallest_px=44)
    listener.press("#paused [data-cancel]")
    listener.press("#paused .primary")
    listener.answer("anger")
    listener.press("#feedback-next")
    listener.answer("fear")
    check_screen(listener, smallest_px=44)
    listener.press("#feedback-next")
    listener.press("#ready-go")
    listener.answer_all(3)
    listener.press("#thanks summary >> nth=0")
    listener.press("[data-ask=another-ask]")
    check_screen(listener, smallest_px=44)
    record = listener.record()
    assert record["background"]["gender"] == "woman" and len(record["trials"]) == 5
    assert Counter(t["role"] for t in record["trials"]) == {"practice": 2, "trial": 2, "attention": 1}
    assert record["trials"][0]["plays"] == 2 and record["trials"][0]["response_time_s"] is None  # there was a pause


def test_reload_and_closed_tab_lose_nothing(file, visit):
    listener = visit(build(file, study(practice=0)), draw=3)
    listener.start()
    listener.answer_all(2)
    listener.press("#play")
    listener.tab.reload()
    listener.seen("back")
    assert "2 of 6" in listener.tab.locator("#back-lead").inner_text()
    check_screen(listener)
    listener.press("#back .primary")
    listener.answer("sadness", 5)
    listener.tab.close()
    listener.tab = listener.tab.context.new_page()
    listener.tab.goto(file.as_uri())
    listener.press("#back .primary")
    listener.answer_all(3)
    record = listener.record()
    listener.tab.reload()  # the end, too, is kept
    listener.seen("thanks")
    assert listener.record() == record
    assert [t["clip"] for t in record["trials"]] == study(practice=0).order(3)
    assert [t["plays"] for t in record["trials"]] == [1, 1, 2, 1, 1, 1]
    assert [t["response_time_s"] is None for t in record["trials"]] == [False, False, True, False, False, False]


def test_double_clicks_answer_once(file, visit):
    listener = visit(build(file, study(practice=0)))
    listener.press("#agree")
    listener.tab.locator("#consent-form button").dblclick()
    listener.press("#background-form .primary")
    listener.check_sound()
    listener.press("#ready-go")
    for _ in range(6):
        listener.tab.locator("#play").dblclick()
        listener.tab.locator("#answer:enabled").wait_for()
        listener.press("#answer input >> nth=0")
        listener.press("#confidence input >> nth=0")
        listener.tab.locator("#submit").dblclick()
    record = listener.record()
    assert [t["clip"] for t in record["trials"]] == study(practice=0).order(0)
    assert {t["plays"] for t in record["trials"]} == {1}


FULL = """for (let size = 1 << 23; size >= 1; size >>= 1)
  try { for (let i = 0; ; i++) localStorage.setItem(`other-${size}-${i}`, "x".repeat(size)); } catch {}"""
DENIED = 'Object.defineProperty(window, "localStorage", { get() { throw new DOMException("", "SecurityError"); } })'


@pytest.mark.parametrize("before", [FULL, DENIED], ids=["full", "denied"])
def test_storage_that_does_not_take_the_answers(file, visit, before):
    listener = visit(build(file, study(trials=2, practice=0)), before=before)
    listener.start()
    assert "leave this tab open" in listener.tab.locator("#notice").inner_text()
    check_screen(listener)
    asked = []
    listener.tab.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    listener.tab.close(run_before_unload=True)  # leaving would lose the answers: the browser asks, and they stay
    listener.answer_all(3)
    assert asked == ["beforeunload"]
    assert [t["answer"] for t in listener.record()["trials"]] == EMOTIONS[:3]


LOST = None  # the server takes the record, and its reply never arrives


@contextmanager
def server(*statuses: int | None):
    """A server that answers POSTs with these statuses in turn (`LOST`: not at all), then with 200, and what came."""
    bodies, waiting = [], list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def reply(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Allow-Headers", "Content-Type")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_OPTIONS(self) -> None:
            self.reply(204)

        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status = waiting.pop(0) if waiting else 200
            if status != LOST:
                self.reply(status)

        def log_message(self, *_) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_port}/answers", bodies
    finally:
        http.shutdown()
        http.server_close()


def one_recording(**fields) -> Study:
    return study(trials=1, attention=0, practice=0, **fields)


def test_a_page_that_would_be_the_same_is_left_as_it_is(file):
    """What is newer than what was made from it has it made again."""
    os.utime(build(file), ns=(1, 1))
    assert build(file).stat().st_mtime_ns == 1
    assert build(file, one_recording()).stat().st_mtime_ns > 1


def test_sending_is_tried_again_until_it_is_taken(file, visit, monkeypatch):
    monkeypatch.setattr(page, "RETRIES_S", (0.05, 0.05, 0.05, 0.05))
    with server(503, 500) as (address, bodies):
        listener = visit(build(file, one_recording(), post_to=address), allowed=address)
        assert address.split("/")[2] in listener.tab.locator("#consent").inner_text()  # who gets the answers is said
        listener.start()
        listener.answer("anger")
        listener.tab.get_by_text("have been sent").wait_for()
        assert len(bodies) == 3
        assert listener.record() == bodies[0] == bodies[2]
        listener.tab.reload()  # what was taken is not sent again
        listener.tab.get_by_text("have been sent").wait_for()
        assert len(bodies) == 3


def test_network_that_is_cut_at_the_end(file, visit, monkeypatch):
    monkeypatch.setattr(page, "RETRIES_S", (0.05,))
    with server() as (address, bodies):
        listener = visit(build(file, one_recording(), post_to=address), allowed=address)
        listener.start()
        listener.tab.context.set_offline(True)
        listener.answer("anger")
        listener.tab.get_by_text("could not be sent, and are still here").wait_for()
        check_screen(listener)
        record = listener.record()  # the file is the fallback, or a text to be copied
        assert json.loads(listener.tab.locator("#text").input_value()) == record
        assert bodies == [] and record["trials"][0]["answer"] == "anger"
        listener.tab.reload()
        listener.tab.get_by_text("could not be sent, and are still here").wait_for()
        listener.tab.context.set_offline(False)  # back again, it is sent by itself
        listener.tab.get_by_text("have been sent").wait_for()
        # at least once: as the page reloads, the one that is left may send yet, and nobody hears the reply
        assert bodies and all(body == record for body in bodies)


def test_a_record_whose_reply_got_lost_is_sent_again_unchanged(file, visit, monkeypatch):
    monkeypatch.setattr(page, "RETRIES_S", (0.05, 0.05))
    with server(LOST) as (address, bodies):
        listener = visit(build(file, one_recording(), post_to=address), allowed=address)
        listener.start()
        listener.answer("anger")
        listener.tab.get_by_text("have been sent").wait_for()
        assert len(bodies) > 1 and all(body == listener.record() for body in bodies)


def test_a_second_tab_does_not_overwrite_the_first(file, visit):
    listener = visit(build(file, one_recording()))
    other = Participant(listener.tab.context.new_page())
    other.tab.goto(file.as_uri())  # both show the consent
    listener.tab.bring_to_front()
    listener.start()
    other.tab.bring_to_front()
    other.agree()
    other.seen("back")
    other.press("#back .primary")
    listener.seen("elsewhere")
    other.answer("fear")
    assert [t["answer"] for t in other.record()["trials"]] == ["fear"]


def test_deleted_answers_are_gone(file, visit):
    listener = visit(build(file, one_recording()))
    listener.start()
    kept = "Object.keys(localStorage).filter((key) => key.startsWith('emolabs-listening:tones:0123456789ab')).length"
    assert listener.tab.evaluate(kept) == 1
    listener.press("#pause")
    listener.press("[data-ask=withdraw-ask]")
    listener.press("#withdraw")
    listener.seen("withdrawn")
    check_screen(listener)
    assert listener.tab.evaluate(kept) == 0
    listener.tab.reload()
    listener.seen("consent")


def test_every_participant_draws_a_code_and_an_order(file, visit):
    build(file, one_recording(), orders=500)
    drawn = []
    for _ in range(3):
        listener = visit(file, draw=None)
        listener.agree()
        record = listener.tab.evaluate("JSON.parse(localStorage[Object.keys(localStorage)[0]]).record")
        drawn.append((record["participant"], record["order"]))
    assert len({code for code, _ in drawn}) == 3 and len({order for _, order in drawn}) > 1
    assert all(re.fullmatch("[b-z]{10}", code) for code, _ in drawn)


def test_another_person_gets_another_code_after_the_first_file_is_saved(file, visit):
    listener = visit(build(file, one_recording()))
    listener.start()
    listener.answer("anger")
    first = listener.record()
    listener.tab.context.add_init_script("crypto.getRandomValues = (array) => array.fill(5)")
    with listener.tab.expect_download() as download:
        listener.press("[data-ask=another-ask]")
    assert json.loads(Path(download.value.path()).read_text(encoding="utf-8")) == first
    listener.press("#thanks [data-another]")
    listener.seen("consent")
    assert not listener.tab.locator("#agree").is_checked()
    listener.agree()
    listener.press("#background-form .primary")
    listener.check_sound(4)  # the third test sound: 5 mod 3
    listener.press("#ready-go")
    listener.answer("fear")
    second = listener.record()
    assert second["participant"] != first["participant"]
    assert [t["answer"] for t in second["trials"]] == ["fear"]


def test_a_recording_that_cannot_be_played_may_be_left_out(file, visit):
    of = study(trials=3, attention=0, practice=0)
    broken = of.order(0)[1]
    sound = next(clip["audio"] for clip in data(build(file, of))["clips"] if clip["code"] == broken)
    file.write_text(file.read_text(encoding="utf-8").replace(sound, "AAAA"), encoding="utf-8")
    listener = visit(file)
    listener.start()
    listener.answer("anger")
    listener.press("#play")
    listener.tab.get_by_text("could not be played").wait_for()
    check_screen(listener)
    listener.press("#leave-out")
    listener.answer("fear")
    record = listener.record()
    assert [(t["position"], t["answer"]) for t in record["trials"]] == [(1, "anger"), (3, "fear")]
    assert record["finished"]


def test_a_spreadsheet_runs_nothing_from_the_table(file, visit):
    listener = visit(build(file, one_recording(name='=HYPERLINK("x"),"')))
    listener.start()
    listener.answer("anger")
    (row,) = csv.DictReader(io.StringIO(listener.save("csv"), newline=""))
    assert row["study"] == '\'=HYPERLINK("x"),"' and row["answer"] == "anger"
