"""The upload button of `90_try_it`, driven as a browser drives it, without one."""

import datetime
import io

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
    choose, below = uploads.button(model).children
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
    choose, below = uploads.button(Listener()).children
    choose.value = (sent(name, content),)
    assert [type(widget) for widget in below.children] == [HTML]
    assert below.children[0].value.startswith(reason) and "convert others first" in below.children[0].value
    choose.value = (sent("good.wav", recording()),)
    assert len(below.children) == 3, "what was said of the file before is gone"
