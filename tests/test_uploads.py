"""The buttons of `90_try_it`: driven as a browser drives them, without one; the recording one in a real Chromium."""

import datetime
import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import voice
from ipywidgets import HTML, Audio, Image

from emolabs.experiments import uploads
from emolabs.experiments.predictor import Prediction


class Listener:
    """In place of a model: reads the file as one does, and gives frames of a second their weights."""

    labels = ["anger", "sadness"]

    def __init__(self):
        self.files = []

    def predict(self, file) -> Prediction:
        self.files.append(file)
        samples, rate = uploads.audio.read(file)
        wave, weights = samples.mean(axis=1), np.array([0.25, 0.75])
        probabilities = pd.Series([0.2, 0.8], self.labels)
        return Prediction(probabilities, wave, rate, None, (0.0, 2.0), weights, np.array([0.0, 1.0]))


def sent(name: str, content: bytes) -> dict:
    """A file as the browser sends it: the content is a view of a buffer."""
    moment = datetime.datetime(2024, 5, 31, tzinfo=datetime.UTC)
    return {"name": name, "type": "", "size": len(content), "content": memoryview(content), "last_modified": moment}


def recording(form: str = "WAV") -> bytes:
    content = io.BytesIO()
    soundfile.write(content, voice(duration_s=2.0), 16_000, format=form)
    return content.getvalue()


@pytest.mark.parametrize(("name", "form"), [("me.wav", "WAV"), ("clip <2>, $\\no$.flac", "FLAC"), ("loud.mp3", "MP3")])
def test_a_recording_gets_its_probabilities_picture_and_sound(name, form):
    model = Listener()
    choose, _, below = uploads.buttons(model).children
    assert below.children == () and ".opus" in choose.accept and not choose.multiple
    choose.value = (sent(name, recording(form)),)
    table, picture, sound = below.children
    assert (type(table), type(picture), type(sound)) == (HTML, Image, Audio)
    assert table.value.index("sadness") < table.value.index("anger") and "80.0%" in table.value
    assert bytes(picture.value[:4]) == b"\x89PNG" and len(picture.value) > 10_000
    heard, rate = soundfile.read(io.BytesIO(sound.value))
    assert rate == 16_000 and heard.std() > 0.001 and not sound.autoplay
    assert not model.files[0].exists(), "a recording is kept nowhere"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (
            "notes.txt",
            b"no audio at all",
            "notes.txt cannot be heard: undecodable: Format not recognised. Expected a recording as .aif",
        ),
        ("empty.wav", b"", "empty.wav cannot be heard: empty file: 0 bytes"),
        ("cut.wav", recording()[:9000], "cut.wav cannot be heard: truncated: "),
        ("<b>.m4a", b"\x00\x00\x00\x18ftypM4A ", "&lt;b&gt;.m4a cannot be heard: undecodable: "),
        ("../../up.wav", b"", "up.wav cannot be heard"),
    ],
)
def test_what_cannot_be_heard_is_a_sentence_and_the_next_file_is_heard(name, content, reason):
    choose, _, below = uploads.buttons(Listener()).children
    choose.value = (sent(name, content),)
    assert [type(widget) for widget in below.children] == [HTML]
    assert below.children[0].value.startswith(reason) and "convert others first" in below.children[0].value
    choose.value = (sent("good.wav", recording()),)
    assert len(below.children) == 3, "what was said of the file before is gone"


def arrive(recorder: uploads.Recorder, content: bytes) -> None:
    """A message of the browser, as the kernel hands it on; without samples it has no buffer worth the name."""
    recorder._handle_custom_msg({}, [memoryview(content)])


def test_what_the_microphone_heard_is_heard_as_a_file_is():
    model = Listener()
    _, record, below = uploads.buttons(model).children
    arrive(record, recording())
    table, picture, sound = below.children
    assert (type(table), type(picture), type(sound)) == (HTML, Image, Audio) and "80.0%" in table.value
    assert not model.files[0].exists(), "a recording is kept nowhere"


@pytest.mark.parametrize("content", [b"", recording()[:44], recording()[:9000]], ids=["nothing", "no samples", "cut"])
def test_a_recording_of_nothing_is_a_sentence_and_the_next_one_is_heard(content):
    _, record, below = uploads.buttons(Listener()).children
    arrive(record, content)
    (said,) = below.children
    assert said.value.startswith("recording.wav cannot be heard: ") and "Record it again" in said.value
    arrive(record, recording())
    assert len(below.children) == 3


# The button that records, in a real browser ---------------------------------------------------------------------------

PAGE = """<!doctype html><title>try it</title><div id="el"></div><script type="module">
import recorder from "./recorder.js";
const send = (content, callbacks, [file]) => (window.sent = [...new Uint8Array(file)]);
window.leave = recorder.render({ model: { send }, el: document.getElementById("el") });
</script>"""


@pytest.fixture
def visit():
    """Open the recorder in Chromium, with a microphone that beeps every second, lent or (`--…=deny`) refused."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (the extra `test`)")
    assets, faults = Path(uploads.__file__).parent / "assets", []
    with playwright.sync_playwright() as driver:
        system = filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"]))
        executable = next(system, driver.chromium.executable_path)
        if not Path(executable).is_file():
            pytest.skip("no Chromium on this machine: install Debian's package chromium to test the recorder")

        def open_(address: str = "http://localhost/", *, asked: str = ""):
            flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream" + asked]
            tab = driver.chromium.launch(executable_path=executable, args=flags).new_page()
            tab.on("pageerror", lambda error: faults.append(str(error)))
            tab.route("**/recorder.js", lambda route: route.fulfill(path=assets / "recorder.js"))
            tab.route(address, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
            tab.goto(address)
            return tab

        yield open_
    assert not faults


def test_the_browser_sends_what_the_microphone_hears(visit):
    tab = visit()
    tab.click("text=record")
    tab.wait_for_selector("text=stop (13 s left)")
    tab.click("text=stop")
    tab.wait_for_function("window.sent")
    content = bytes(tab.evaluate("sent"))
    about = soundfile.info(io.BytesIO(content))
    assert (about.channels, about.subtype, about.format) == (1, "PCM_16", "WAV") and 1.5 < about.duration < 6
    samples, _ = soundfile.read(io.BytesIO(content))
    assert np.abs(samples).max() > 0.05 and tab.inner_text("button") == "record"
    _, record, below = uploads.buttons(Listener()).children
    arrive(record, content)
    assert len(below.children) == 3


def test_a_recording_ends_by_itself_and_one_that_is_left_is_not_sent(visit):
    tab = visit()
    tab.clock.install()
    tab.click("text=record")
    tab.wait_for_selector("text=stop (15 s left)")
    tab.clock.run_for(14_000)
    assert tab.inner_text("button") == "stop (1 s left)"
    tab.clock.run_for(1_000)
    tab.wait_for_function("window.sent")
    assert tab.inner_text("button") == "record"
    tab.evaluate("window.sent = null")
    tab.click("text=record")
    tab.wait_for_selector("text=stop (15 s left)")
    tab.evaluate("leave()")
    tab.clock.run_for(20_000)
    assert tab.evaluate("window.sent") is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://localhost/", "The microphone cannot be used: Permission denied"),
        ("http://emolabs.test/", "The microphone cannot be used: browsers lend it to pages of https://"),
    ],
    ids=["refused", "not secure"],
)
def test_where_there_is_no_microphone_the_page_says_why(visit, address, reason):
    tab = visit(address, asked="=deny")
    tab.click("text=record")
    tab.wait_for_function("document.querySelector('[role=status]').textContent")
    assert tab.inner_text("[role=status]").startswith(reason) and tab.is_enabled("text=record")
