"""An upload button for a recording of one's own: what a model hears in it stands below as soon as it is there.

The recording is kept in a temporary file while it is read, and nowhere else. The widgets are those of ipywidgets 8,
whose `FileUpload.value` is a tuple with `name` and `content` of each file.
"""

import html
import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import soundfile
from ipywidgets import HTML, Audio, FileUpload, Image, Layout, VBox, Widget
from matplotlib import pyplot

from emolabs.corpora import audio
from emolabs.experiments import drawings
from emolabs.experiments.predictor import Model, Prediction

ENDINGS = sorted(audio.SUFFIXES)


def button(model: Model) -> VBox:
    """A button for one file and, below it, what `hear` says of the last one that was chosen."""
    choose = FileUpload(accept=",".join(ENDINGS), multiple=False, description="recording")
    below = VBox()

    def heard(change: Mapping) -> None:
        below.children = [HTML("listening …")]
        below.children = hear(change["new"], model=model)

    choose.observe(heard, names="value")
    return VBox([choose, below])


def hear(files: Sequence[Mapping], *, model: Model) -> list[Widget]:
    """For each uploaded file: its probabilities, the picture of `drawings.draw_prediction`, and the sound as the model
    hears it; for one that cannot be heard a sentence with the reason, and what to do."""
    shown: list[Widget] = []
    for file in files:
        name = Path(file["name"]).name
        try:
            prediction = _predict(name, bytes(file["content"]), model=model)
        except ValueError as error:
            said = (
                f"{name} cannot be heard: {str(error).rstrip('.')}. Expected a recording as {', '.join(ENDINGS)}; "
                f"convert others first (ffmpeg -i clip.m4a clip.wav)"
            )
            shown.append(HTML(html.escape(said)))
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
