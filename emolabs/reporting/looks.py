"""Looks: how a pipeline, a corpus and a sex are drawn, the same in every figure.

A pipeline's branch decides its colour, the rest of its name its marker and line, so that rows can be told apart in grey
too; of corpora colour and marker belong together. Whether a marker is filled is left to the figure, which says so.
"""

import zlib

from emolabs.corpora import REGISTRY
from emolabs.reporting.style import COLORS, bar

#: Colour of each branch; those of encoders are the warm ones.
BRANCHES = {
    "waveform": "sky",
    "logmel": "blue",
    "mfcc": "green",
    "egemaps": "black",
    "wav2vec2": "orange",
    "hubert": "pink",
    "whisper": "vermilion",
}
#: Branches whose markers are the second ones of `_MARKERS`.
_ENCODERS = ("wav2vec2", "hubert", "whisper")
#: Marker by what follows the branch: of LLD, and of an encoder's frames; tuples are (points, star or polygon, angle).
_MARKERS = {
    "constant": ("_", "_"),
    "cnn3-mean": ("s", "D"),
    "cnn3-attention": ("^", "v"),
    "cnn3-flatten": ("<", ">"),
    "cnn3-lstm-mean": ("p", "h"),
    "cnn3-lstm-attention": ("P", "X"),
    "cnn3-lstm-flatten": ((3, 1, 0), (3, 1, 180)),
    "linear": ("o", "*"),
    "cnn1-mean": ("$1$", "$1$"),
    "cnn2-mean": ("$2$", "$2$"),
    "cnn5-mean": ("$5$", "$5$"),
    "32-cnn3-mean": ("$b$", "$b$"),
    "128-cnn3-mean": ("$B$", "$B$"),
    "cnn3-1d-mean": ("$d$", "$d$"),
    "plain8-mean": ((4, 1, 0), (4, 1, 0)),
    "plain14-mean": ((4, 1, 45), (4, 1, 45)),
    "plain20-mean": ("8", "8"),
    "resnet8-mean": ((6, 1, 0), (6, 1, 0)),
    "resnet14-mean": ((8, 1, 0), (8, 1, 0)),
    "resnet20-mean": ((5, 0, 180), (5, 0, 180)),
    "resnet18-mean": ("H", "H"),
    "direct-mean": ((7, 0, 0), (7, 0, 0)),
    "direct-attention": ((7, 1, 0), (7, 1, 0)),
    "direct-mean-partial": ("$p$", "$p$"),
    "direct-attention-partial": ("$P$", "$P$"),
    "direct-mean-full": ((9, 0, 0), (9, 0, 0)),
    "direct-attention-full": ((5, 1, 180), (5, 1, 180)),
    "direct-mean-lora": ("$m$", "$m$"),
    "direct-attention-lora": ("$a$", "$a$"),
    "direct-lstm-mean-full": ("$M$", "$M$"),
    "direct-lstm-attention-full": ("$A$", "$A$"),
}
#: Line by a part of the name, the first that is there.
_LINES = {"constant": ":", "linear": "-.", "lstm": "--", "": "-"}
#: Colour and marker of the corpora that the thesis is about; others take theirs by their key.
CORPORA = {"cremad": ("blue", "o"), "emodb": ("orange", "^"), "ravdess": ("green", "s"), "tess": ("pink", "D")}
#: Colour and marker of the two kinds of pipelines, where one row stands for each.
KIND_LOOKS = {
    "LLD": {"color": COLORS["blue"], "marker": "o"},
    "HSF": {"color": COLORS["vermilion"], "marker": "s"},
}
#: Colour, marker and hatch of the sexes of speakers, in colours of no corpus of the thesis.
SEXES = {"female": ("sky", "o", ""), "male": ("black", "^", "////")}
_NO_SEX = ("grey", "s", "....")
#: Colour, marker and line of what clips are grouped by.
GROUP_LOOKS = {
    "emotion": {"color": COLORS["vermilion"], "marker": "o", "linestyle": "-"},
    "speaker": {"color": COLORS["blue"], "marker": "s", "linestyle": "--"},
    "corpus": {"color": COLORS["green"], "marker": "^", "linestyle": ":"},
}
_SHAPES = ("v", "<", ">", "p", "h", "P", "X", "*", "8", "d")


def pipeline_look(name: str) -> dict[str, object]:
    """Colour, marker and line of a pipeline by its name, as keywords of `plot` and `errorbar`.

    >>> look = pipeline_look("whisper-cnn3-lstm-attention")
    >>> look["color"] == COLORS["vermilion"], look["marker"], look["linestyle"]
    (True, 'X', '--')
    """
    branch = next((branch for branch in BRANCHES if name.startswith(branch)), "")
    rest = name.removeprefix(branch).removeprefix("-")
    markers = _MARKERS.get(rest, (_shape(rest),) * 2)
    marker = markers[branch in _ENCODERS]
    if branch == "egemaps":
        marker = "d"  # beside mfcc-linear, in grey
    line = next(line for part, line in _LINES.items() if part in name)
    return {"color": COLORS[BRANCHES.get(branch, "grey")], "marker": marker, "linestyle": line}


def corpus_look(key: str) -> dict[str, str]:
    """Colour and marker of a corpus by its key, as keywords of `plot` and `errorbar`.

    >>> look = corpus_look("emodb")
    >>> look["color"] == COLORS["orange"], look["marker"]
    (True, '^')
    """
    color, marker = CORPORA.get(key, (list(COLORS)[zlib.crc32(key.encode()) % len(COLORS)], _shape(key)))
    return {"color": COLORS[color], "marker": marker}


def sex_look(name: str) -> dict[str, str]:
    """Colour and marker of a sex as the index has it, as keywords of `plot`; any other name is one not published.

    >>> sex_look("male")["marker"], sex_look("")["color"] == COLORS["grey"]
    ('^', True)
    """
    color, marker, _ = SEXES.get(name, _NO_SEX)
    return {"color": COLORS[color], "marker": marker}


def sex_bar(name: str) -> dict[str, object]:
    """`style.bar` of a sex, in the colour of `sex_look`."""
    color, _, hatch = SEXES.get(name, _NO_SEX)
    return bar(COLORS[color], hatch)


def corpus_name(key: str) -> str:
    """What a corpus is called in figures: its name in the registry; a user's own, or what is none, as it is.

    >>> corpus_name("cremad"), corpus_name("overall")
    ('CREMA-D', 'overall')
    """
    return REGISTRY[key].name if key in REGISTRY else key


def _shape(text: str) -> str:
    return _SHAPES[zlib.crc32(text.encode()) % len(_SHAPES)]
