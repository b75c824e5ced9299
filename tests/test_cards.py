"""Data cards say what the registry and the index say, and the committed ones are those of the real corpora."""

import pandas as pd
import pytest

from emolabs import markdown, paths
from emolabs.corpora import REGISTRY, cards, index

KEYS = [key for key in REGISTRY if not key.startswith("emosynth")]


def ravdess(raw):
    """Three recordings of two speakers, one of them twice under another name, and a silent one."""
    for name in ("03-01-05-01-01-01-01", "03-01-02-01-01-01-02", "03-01-01-01-01-01-02"):
        raw.write(f"ravdess/{name}.wav")
    raw.write("ravdess/03-01-05-01-01-02-01.wav").write_bytes(
        (raw.root / "ravdess/03-01-05-01-01-01-01.wav").read_bytes()
    )
    raw.write("ravdess/03-01-05-01-02-02-01.wav", [0.0] * 4_000)
    return index.build([REGISTRY["ravdess"]], workers=1)


def row(page: str, name: str) -> list[str]:
    """The cells after `name` in the only line of a table that begins with it."""
    (line,) = [line for line in page.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_a_card_counts_what_is_there_and_names_what_is_refused(raw):
    clips, rejected = ravdess(raw)
    page = cards.card(REGISTRY["ravdess"], clips=clips, rejected=rejected)
    assert row(page, "anger") == ["angry", "192", "1"] and row(page, "calm") == ["calm", "192", "1"]
    assert row(page, "fear") == ["fearful", "192", "0"]
    assert row(page, "speakers") == ["2 (1 female, 1 male)"] and row(page, "sample rates (Hz)") == ["16000 (3)"]
    assert row(page, "`ravdess/03-01-05-01-02-02-01`") == ["silent: the peak is below -80 dBFS"]
    assert row(page, "`ravdess/03-01-05-01-01-02-01`") == [
        "duplicate recording: the same audio as ravdess/03-01-05-01-01-01-01"
    ]
    assert "Five files are stereo." in page and "Opus" not in page


@pytest.mark.parametrize("key", KEYS)
def test_without_a_copy_a_card_says_what_is_published_and_that_nothing_was_examined(raw, key):
    clips, rejected = ravdess(raw)
    page = cards.card(REGISTRY[key], clips=clips[:0], rejected=rejected[:0])
    corpus = REGISTRY[key]
    assert page.startswith(f"# {corpus.name}\n") and "No copy has been examined" in page
    assert [row(page, "licence"), row(page, "citation")] == [[corpus.licence], [corpus.citation]]
    assert row(page, "recordings, speakers") == [f"{corpus.clips:,}, {corpus.speakers:,}"]
    assert row(page, "download")[0].startswith("by hand: ") == (not corpus.archives)
    assert corpus.by_hand in row(page, "download")[0]
    said = "may be passed on" if corpus.may_share else "may not be passed on"
    assert row(page, "audio to listeners") == [f"{said}: {corpus.sharing}" if corpus.sharing else said]
    assert bool(corpus.sharing) == (
        corpus.licence.startswith("CC ") and not corpus.may_share
    )  # by its name it might be


def test_without_a_copy_a_card_says_which_of_its_labels_stands_for_which_emotion(raw):
    clips, rejected = ravdess(raw)
    expected = {
        "cafe": {"anger": "colère", "disgust": "dégoût", "happiness": "joie", "sadness": "tristesse"},
        "iemocap": {"anger": "anger", "excitement": "excited", "undecided": "no agreement"},
        "meld": {"happiness": "joy"},
        "jl": {"anger": "angry", "encouragement": "encouraging", "apology": "apologetic"},
        "tess": {"surprise": "ps"},
    }
    for key, labels in expected.items():
        page = cards.card(REGISTRY[key], clips=clips[:0], rejected=rejected[:0])
        for emotion, label in labels.items():
            assert row(page, emotion) == [label, f"{REGISTRY[key].counts[emotion]:,}"], key


def test_emocorpus_counts_the_seven_emotions_and_says_what_is_beyond_them(raw):
    clips, rejected = ravdess(raw)
    page = cards.emocorpus(clips, rejected=rejected)
    assert row(page, "all")[-1] == "2" and "none of the seven emotions: calm (1). 2 files are refused" in page


@pytest.mark.parametrize("key", KEYS)
def test_the_committed_card_has_the_terms_of_the_registry(key):
    page = (paths.CARDS / f"{key}.md").read_text(encoding="utf-8")
    assert row(page, "licence") == [REGISTRY[key].licence] and row(page, "citation") == [REGISTRY[key].citation]
    assert row(page, "source") == [REGISTRY[key].source]


def test_the_committed_cards_are_those_of_the_real_corpora(indexed_corpora):
    clips, rejected = indexed_corpora
    for key in KEYS:
        page = cards.card(REGISTRY[key], clips=clips, rejected=rejected)
        assert (paths.CARDS / f"{key}.md").read_text(encoding="utf-8") == page, key
    page = cards.emocorpus(clips, rejected=rejected)
    assert (paths.CARDS / "emocorpus.md").read_text(encoding="utf-8") == page


def test_a_bar_within_a_cell_does_not_end_it():
    assert markdown.table(pd.DataFrame({"a": ["x|y"], "b": [1]})) == "| a | b |\n| --- | --- |\n| x\\|y | 1 |\n"
