"""Every location of the project, once. Nothing else in the package builds a path from the repository's root."""

import os
from pathlib import Path

#: The repository's root: where the notebooks, the parameters and the workflow live.
ROOT = Path(__file__).resolve().parent.parent
#: The numbered notebooks.
NOTEBOOKS = ROOT / "notebooks"
#: Profiles, the table of pipelines and the harmonization of labels.
PARAMS = ROOT / "params"
#: One row a pipeline.
PIPELINES = PARAMS / "pipelines.yaml"
#: What others published under a protocol of ours.
PUBLISHED = PARAMS / "published.yaml"
#: Which results are compared in pairs.
COMPARISONS = PARAMS / "comparisons.yaml"
#: Which differences are compared with one another.
CONTRASTS = PARAMS / "contrasts.yaml"
#: What the study is to reach, and what the thesis claims.
AIMS = PARAMS / "aims.yaml"
CLAIMS = PARAMS / "claims.yaml"
#: Which source label becomes which emotion.
EMOTIONS = PARAMS / "emotions.yaml"
#: The frozen partitions of EmoBench, their checksums and their data card.
EMOBENCH = ROOT / "data" / "emobench"
#: The data cards of the corpora and of EmoCorpus.
CARDS = ROOT / "data" / "cards"
#: The user's audio, a folder a corpus, unless ``EMOLABS_RAW`` names another root.
RAW = ROOT / "data" / "raw"
#: Published answers of listeners, a folder a corpus (`crema-d/`), unless ``EMOLABS_HUMAN`` names another root.
HUMAN = ROOT / "data" / "human"


def raw(corpus: str) -> Path:
    """Root under which the folder of `corpus` (a corpus key) is looked for; embedded corpora always live in `RAW`."""
    if corpus.startswith("emosynth"):
        return RAW
    return Path(os.environ.get("EMOLABS_RAW") or RAW).expanduser().absolute()


def human() -> Path:
    """Root under which published answers of listeners are looked for."""
    return Path(os.environ.get("EMOLABS_HUMAN") or HUMAN).expanduser().absolute()


def downloads(corpus: str) -> Path:
    """Archives of a corpus on their way: what has come is kept here until it is unpacked."""
    return raw(corpus) / ".downloads" / corpus


def interim(profile: str) -> Path:
    """Index, manifests, normalized waveforms and feature stores of a profile (never committed)."""
    return ROOT / "data" / "interim" / profile


def index(profile: str) -> Path:
    """The index: one row per decodable clip."""
    return interim(profile) / "index.parquet"


def rejected(profile: str) -> Path:
    """The files that the index refuses, each with its reason."""
    return interim(profile) / "rejected.csv"


def manifest(profile: str, protocol: str) -> Path:
    """The partition of a protocol: one row per fold and clip."""
    return interim(profile) / "manifests" / f"{protocol}.csv"


def waveforms(profile: str) -> Path:
    """Stores of normalized waveforms, a folder per digest."""
    return interim(profile) / "waveforms"


def near_duplicates(profile: str) -> Path:
    """The pairs of clips that are one recording, altered."""
    return interim(profile) / "near_duplicates.csv"


def study(name: str) -> Path:
    """A listening study: its clips and what it is (committed), and the answers to it (not committed)."""
    return ROOT / "data" / "listening" / name


def answers(name: str) -> Path:
    """Where the answers to a listening study are dropped."""
    return study(name) / "answers"


def study_page(profile: str, name: str) -> Path:
    """The page of a listening study; it holds audio, so it is never committed."""
    return interim(profile) / "listening" / f"{name}.html"


def features(profile: str, branch: str) -> Path:
    """Feature stores of a branch, a folder per digest."""
    return interim(profile) / "features" / branch


def encoders(profile: str) -> Path:
    """Encoders that a profile makes for itself, a folder per branch."""
    return interim(profile) / "encoders"


def executed(profile: str) -> Path:
    """Executed notebooks of a profile: the stages' under `notebooks/`, the runs' beside their folders."""
    return ROOT / "runs" / profile


def run(profile: str, protocol: str, scope: str, pipeline: str, fold: int, seed: int) -> Path:
    """The folder of one training run (never committed)."""
    return executed(profile) / protocol / scope / pipeline / f"fold{fold}" / f"seed{seed}"


def results(profile: str) -> Path:
    """Metrics and predictions of finished runs, laid out as `run` is (committed)."""
    return ROOT / "data" / "results" / profile


def same_code() -> Path:
    """Which code was shown to compute the same as older code (committed)."""
    return ROOT / "data" / "results" / "same_code.csv"


def reliability(profile: str) -> Path:
    """What was measured with the models of runs that are not committed themselves: calibration and robustness."""
    return results(profile) / "reliability"


def figures(profile: str) -> Path:
    """Figures and tables of a profile."""
    return ROOT / "figures" / profile
