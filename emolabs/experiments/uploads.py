"""Buttons for a recording of one's own, from a file or the microphone: what a model hears in it stands below at once.

The recording is kept in a temporary file while it is read, and nowhere else. The widgets are those of ipywidgets 8,
whose `FileUpload.value` is a tuple with `name` and `content` of each file; the microphone is the browser's.
"""

import html
import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import anywidget
import soundfile
from ipywidgets import HTML, Audio, FileUpload, Image, Layout, VBox, Widget
from matplotlib import pyplot

from emolabs.corpora import audio
from emolabs.experiments import drawings
from emolabs.experiments.predictor import Model, Prediction

ENDINGS = sorted(audio.SUFFIXES)
_CONVERT = f"Expected a recording as {', '.join(ENDINGS)}; convert others first (ffmpeg -i clip.m4a clip.wav)"
_AGAIN = "Record it again, and speak between record and stop"


class Recorder(anywidget.AnyWidget):
    """A button that records the microphone, 15 s at most, and then sends a message with the bytes of a WAV file; where
    the browser does not lend the microphone, it says why."""

    _esm = Path(__file__).parent / "assets" / "recorder.js"


def buttons(model: Model) -> VBox:
    """A button for one file, one that records and, below them, what `hear` says of the last recording."""
    choose = FileUpload(accept=",".join(ENDINGS), multiple=False, description="choose a file")
    record, below = Recorder(), VBox()

    def show(files: Sequence[Mapping], **advice: str) -> None:
        below.children = [HTML("listening …")]
        below.children = hear(files, model=model, **advice)

    def recorded(_widget: Recorder, _content: Mapping, buffers: Sequence[bytes]) -> None:
        show([{"name": "recording.wav", "content": b"".join(buffers)}], advice=_AGAIN)

    choose.observe(lambda change: show(change["new"]), names="value")
    record.on_msg(recorded)
    return VBox([choose, record, below])


def hear(files: Sequence[Mapping], *, model: Model, advice: str = _CONVERT) -> list[Widget]:
    """For each recording (`name` and `content`): its probabilities, the picture of `drawings.draw_prediction`, and the
    sound as the model hears it; for one that cannot be heard a sentence with the reason, and the `advice`."""
    shown: list[Widget] = []
    for file in files:
        name = Path(file["name"]).name
        try:
            prediction = _predict(name, bytes(file["content"]), model=model)
        except ValueError as error:
            shown.append(HTML(html.escape(f"{name} cannot be heard: {str(error).rstrip('.')}. {advice}")))
            continue
        shown += [HTML(_table(prediction)), _picture(prediction, name=name), _sound(prediction)]
    return shown


def _predict(name: str, content: bytes, *, model: Model) -> Prediction:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"recording{Path(name).suffix}")  # libsndfile goes by the ending for some formats
        file.write_bytes(content)
        return model.predict(file)


def _table(prediction: Prediction) -> str:
    shares = prediction.probabilities.sort_values(ascending=False)
    return shares.to_frame("probability").style.format("{:.1%}").to_html()


def _picture(prediction: Prediction, *, name: str) -> Image:
    name = name.replace("$", r"\$")  # no formula
    figure, content = drawings.draw_prediction(prediction, title=f"{name}, heard as {prediction.emotion}"), io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    pyplot.close(figure)  # the notebook would show it a second time
    return Image(value=content.getvalue(), format="png", layout=Layout(max_width="100%", width="720px"))


def _sound(prediction: Prediction) -> Audio:
    content = io.BytesIO()
    soundfile.write(content, prediction.wave, prediction.sample_rate_hz, format="WAV")
    return Audio(value=content.getvalue(), format="wav", autoplay=False, loop=False)
