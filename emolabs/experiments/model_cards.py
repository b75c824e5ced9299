"""Model cards: a page per row of results, from what its runs left behind and the registry of corpora, in Markdown.

A card lies in the folder of each fold (`card.md`) and beside the row's summary in `data/results/` (`seed<k>.md`).
Run ``python -m emolabs.experiments.model_cards [profile]`` to write those of finished results anew.
"""

import argparse
import sys
from dataclasses import fields
from pathlib import Path

import pandas as pd

from emolabs import markdown, paths, storage
from emolabs.corpora import get
from emolabs.corpora.cards import CORE
from emolabs.experiments import metrics, results
from emolabs.experiments.results import Result
from emolabs.modeling.pipeline import Pipeline
from emolabs.modeling.weights import ENCODERS
from emolabs.reporting import interval
from emolabs.reporting.provenance import SYNTHETIC

_COVERS = {
    "speakers": "Intervals over speakers are 95 % bootstrap intervals over speakers within corpora. They cover other "
    "speakers of the same corpora{known}; they cover no other corpus, language or way of recording.",
    "clips": "Intervals over clips, of fewer than six speakers, are 95 % bootstrap intervals over clips: they do not "
    "cover new speakers.",
    "clips, exact": "Where every clip is right, the lower bound is exact, that of a share of so many clips (Clopper & "
    "Pearson 1934), for UAR and macro-F1 as if emotions were equally frequent: it does not cover new speakers.",
}
_KNOWN = " only as far as these were heard in training, as the share above says"
_ACTED = " Its corpora are acted, by adults, in few sentences."
_SPOKEN = " Its corpora are spoken by a synthesizer: nothing here says anything about people."
_USE = """## What it is for

To compare pipelines under one protocol, and to look at and hear what a model gets right and wrong
(`notebooks/90_try_it.ipynb`). It chooses among {labels}: whatever
it hears, its probabilities sum to one over these.

## What it cannot be used for

It was evaluated on the corpora above and on nothing else.{speech} It says what label such a
recording would have, not what somebody feels: nothing about a person may be decided by it. Its probabilities were not
calibrated (expected calibration error {ece:.3f}). Noise, telephones, several voices at once and languages other than
{languages} were not tried.
"""
_LOAD = """## How to use it

```python
from emolabs import modeling

model = modeling.load("{folder}")
model.predict("clip.wav").probabilities
```

```bash
python -m emolabs predict {folder} clip.wav
```

The folder is made by training and is not in the repository. {encoder}
"""


def card(result: Result) -> str:
    """The page of one row with all its folds."""
    row, overall = result.row, result.scores["overall"]
    parts = [f"# {row.pipeline}, {row.protocol}, {row.scope}, seed {row.seed}\n", f"{result.provenance}.\n"]
    known = _KNOWN if result.facts["speaker_overlap"] else ""
    parts += [markdown.table(_facts(result)), "## Scores\n", markdown.table(_scores(result))]
    over = {_over(scores) for scores in [overall, *result.scores["corpora"].values()]}
    parts += [sentence.format(known=known) + "\n" for key, sentence in _COVERS.items() if key in over]
    parts += ["## Data\n", markdown.table(_data(result)), f"{_terms(result)}\n"]
    spoken = all(corpus.startswith(SYNTHETIC) for corpus in result.corpora)
    languages = ", ".join(sorted({corpus.language for corpus in _corpora(result)})) or "those of its corpora"
    speech = _SPOKEN if spoken else _ACTED if result.corpora <= set(CORE) else ""
    parts.append(_USE.format(labels=", ".join(result.labels), speech=speech, ece=overall["ece"], languages=languages))
    folder = row.folder(result.runs[0]["made_from"]["fold"]).relative_to(paths.ROOT).as_posix()
    parts.append(_LOAD.format(folder=folder, encoder=_encoder(result)).rstrip() + "\n")
    return "\n".join(parts)


def write(result: Result) -> list[Path]:
    """Write the page of a row beside its summary and into the folder of each fold that is there; returns the paths."""
    text = card(result)
    folders = [result.row.folder(run["made_from"]["fold"]) for run in result.runs]
    files = [result.row.summary.with_suffix(".md"), *(f / "card.md" for f in folders if f.is_dir())]
    for file in files:
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            storage.write_text(file, text)
    return files


def _facts(result: Result) -> pd.DataFrame:
    run, overlap = result.runs[0], result.facts
    parts = {f.name: run["made_from"]["parts"].get(f.name) for f in fields(Pipeline)}
    parameters = run["made_from"]["parameters"].items()
    row = result.row
    facts = {
        "pipeline": ", ".join(f"{name} {part}" for name, part in parts.items() if part not in (None, "none")),
        "profile, protocol, scope, seed": f"{row.profile}, {row.protocol}, {row.scope}, {row.seed}",
        "folds": overlap["folds"],
        "emotions": ", ".join(result.labels),
        "training clips a fold": f"{overlap['train_clips']:,}",
        "evaluated clips whose speaker was heard in training": f"{100 * overlap['speaker_overlap']:.0f} %",
        "evaluated clips whose text was heard in training": f"{100 * overlap['text_overlap']:.0f} %",
        "trained with": ", ".join(f"{name} {value}" for name, value in parameters) or "no parameters of its own",
        "trained on": f"{run['machine']['device']}, torch {run['machine']['torch']}, {overlap['seconds']:.0f} s"
        + _busy(result),
        "digest of its code": run["made_from"]["code"],
    }
    return pd.DataFrame({"": facts.keys(), "what": facts.values()})


def _busy(result: Result) -> str:
    """How busy the machine was, over all folds by their seconds; nothing of runs that do not say it."""
    said = ""
    for name in ("cpu", "gpu"):
        folds = [(run.get(f"{name}_utilization"), run["seconds"]) for run in result.runs]
        if all(share is not None for share, _ in folds):
            share = sum(share * seconds for share, seconds in folds) / max(sum(s for _, s in folds), 1e-9)
            said += f", {name.upper()} {100 * share:.0f} % busy"
    return said


def _scores(result: Result) -> pd.DataFrame:
    lines = []
    for name, scores in {"all": result.scores["overall"], **result.scores["corpora"]}.items():
        line = {"evaluated on": name} | {f"{score} (%)": interval(*scores[score]) for score in metrics.SCORES}
        line |= {key: f"{scores[key]:,}" for key in ("clips", "speakers")}
        lines.append(line | {"interval over": _over(scores)})
    return pd.DataFrame(lines)


def _over(scores: dict) -> str:
    """What the intervals of a set of clips are over, a key of `_COVERS`; exact as `metrics.exact` has it."""
    return "clips, exact" if scores["accuracy"][0] == 1 else scores["interval_over"]


def _corpora(result: Result) -> list:
    """The corpora it rests on; of the user's own those whose description is still there."""
    found = []
    for key in sorted(result.corpora):
        try:
            found += get([key])
        except ValueError:
            continue
    return found


def _data(result: Result) -> pd.DataFrame:
    known = {corpus.key: corpus for corpus in _corpora(result)}
    clips = result.predictions.drop_duplicates("id").corpus.value_counts()
    lines = []
    for key in sorted(result.corpora):
        corpus = known.get(key)
        name = f"[{corpus.name}]({corpus.source})" if corpus and corpus.source.startswith("http") else key
        line = {"corpus": corpus.name if corpus and name == key else name, "evaluated clips": f"{clips.get(key, 0):,}"}
        terms = (corpus.licence, corpus.citation) if corpus else ("its description is not here",) * 2
        lines.append(line | dict(zip(("licence", "citation"), terms, strict=True)))
    return pd.DataFrame(lines)


def _terms(result: Result) -> str:
    sides = pd.DataFrame([run["data"]["clips"] for run in result.runs]).mean().round().astype(int)
    counted = ", ".join(
        f"{sides[side]:,} for {side}" for side in ("train", "validation", "evaluation") if side in sides
    )
    speakers = max(run["data"]["speakers"] for run in result.runs)
    copies = " They were read from Opus copies of the corpora, not from the publishers' files." if result.opus else ""
    return (
        f"Clips a fold: {counted}, of {speakers:,} speakers.{copies} Every corpus keeps its licence, whatever that of "
        "the code is: read it before a model that was trained on the audio is passed on or used."
    )


def _encoder(result: Result) -> str:
    """What is needed of the pretrained encoder, and its licence."""
    parts = result.runs[0]["made_from"]["parts"]
    if parts["branch"] not in ENCODERS:
        return ""
    source = ENCODERS[parts["branch"]]
    needed = "have to be those of training" if parts["tuning"] == "frozen" else "are part of the run"
    return f"The weights of the encoder {needed}; those of {source.hub} are under {source.licence}."


def main() -> None:
    """Write the pages of a profile's finished results and say where; a row that cannot be read is named and left."""
    parser = argparse.ArgumentParser(prog="python -m emolabs.experiments.model_cards", description=__doc__)
    parser.add_argument("profile", nargs="?", default="thesis", help="whose results are read (thesis)")
    profile = parser.parse_args().profile
    try:
        rows = results.rows(profile)
    except FileNotFoundError as error:
        sys.exit(str(error))
    written = []
    for row in rows:
        try:
            written += write(results.load(row))
        except (FileNotFoundError, ValueError) as error:
            name = f"{row.pipeline} under {row.protocol}, {row.scope}, seed {row.seed}"
            print(f"{name}, is left without a new card: {error}", file=sys.stderr)
    print(f"{len(written)} model cards, beside the results in {paths.results(profile)} and in the runs that are here")


if __name__ == "__main__":
    main()
