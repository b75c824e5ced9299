"""The identity probe on vectors that carry the corpus, the speaker or nothing."""

import numpy as np
import pandas as pd
import pytest

from emolabs.corpora import labels
from emolabs.experiments import identity
from emolabs.extraction.store import Features
from emolabs.standardization import sample_id

EMOTIONS = labels()


def clips() -> pd.DataFrame:
    """Two corpora of ten speakers, who say each emotion six times."""
    rows = [
        {"path": f"{corpus}/{speaker:02d}-{emotion}-{take}", "corpus": corpus, "speaker": f"{corpus}/{speaker:02d}"}
        | {"sex": "female" if speaker % 2 else "male", "emotion": emotion}
        for corpus in ("aa", "bb")
        for speaker in range(10)
        for emotion in EMOTIONS
        for take in range(6)
    ]
    return pd.DataFrame(rows)


def features(table: pd.DataFrame, *, carried: list[str]) -> Features:
    """Noise [clips, 24] with a direction for each value of the columns `carried`; rows in an order of their own."""
    random = np.random.default_rng(0)
    values = random.standard_normal((len(table), 24))
    for column in carried:
        directions = {value: 4 * random.standard_normal(24) for value in sorted(table[column].unique())}
        values += np.stack([directions[value] for value in table[column]])
    order = random.permutation(len(table))
    ids = pd.DataFrame({"id": table.path.map(sample_id)}).iloc[order].reset_index(drop=True)
    return Features(None, ids, values[order].astype(np.float32), {}, "")


def asked(carried: list[str]) -> dict[str, dict]:
    table = clips()
    vectors = features(table, carried=carried)
    return {q.column: identity.probe(vectors, index=table, question=q) for q in identity.QUESTIONS}


def test_vectors_that_carry_nothing_are_answered_by_chance():
    for answer in asked([]).values():
        assert answer["chance"] == 1 / answer["classes"]
        assert answer["uar"][0] == pytest.approx(answer["chance"], abs=0.1)


def test_what_vectors_carry_is_named_and_nothing_else():
    only_corpus = asked(["corpus"])
    assert only_corpus["corpus"]["uar"][0] > 0.99 and only_corpus["corpus"]["classes"] == 2
    assert only_corpus["emotion"]["uar"][0] < 0.25
    assert only_corpus["speaker"]["uar"][0] < 0.25  # the corpus halves the choice, no more
    both = asked(["speaker", "emotion"])
    assert both["speaker"]["uar"][0] > 0.99 and both["speaker"]["classes"] == 20
    assert both["emotion"]["uar"][0] > 0.95


def test_corpus_and_emotion_are_asked_of_speakers_who_were_not_heard():
    """Vectors that carry the speaker alone say all about heard ones and nothing about the emotion of new ones."""
    told = asked(["speaker"])
    assert told["speaker"]["uar"][0] > 0.99
    assert told["emotion"]["uar"][0] == pytest.approx(1 / 7, abs=0.05)
    assert told["corpus"]["uar"][0] < 0.9 and told["corpus"]["interval_over"] == "speakers"


def test_every_clip_is_asked_once_under_the_folds_of_speakers():
    table = clips()
    answer = identity.probe(features(table, carried=[]), index=table, question=identity.QUESTIONS[0])
    assert answer["clips"] == len(table) and answer["speakers"] == 20


def test_one_corpus_cannot_be_told_from_others():
    table = clips().query("corpus == 'aa'")
    assert [question.column for question in identity.askable(table)] == ["speaker", "emotion"]
    with pytest.raises(ValueError, match="expected clips with two or more values of corpus to tell apart, found one"):
        identity.probe(features(table, carried=[]), index=table, question=identity.QUESTIONS[0])


def few(*, speakers: int) -> pd.DataFrame:
    """The first speakers of one corpus."""
    return clips().query("corpus == 'aa' and speaker < @name", local_dict={"name": f"aa/{speakers:02d}"})


@pytest.mark.parametrize("speakers", [2, 3, 4, 6])
def test_of_few_speakers_every_clip_is_asked_once(speakers):
    table = few(speakers=speakers)
    assert [question.column for question in identity.askable(table)] == ["speaker", "emotion"]
    answer = identity.probe(features(table, carried=["emotion"]), index=table, question=identity.QUESTIONS[2])
    assert (answer["clips"], answer["speakers"]) == (len(table), speakers) and answer["uar"][0] > 0.95


def test_a_fold_in_which_one_answer_alone_is_heard_asks_nobody():
    """Of the second corpus there is one speaker, who is evaluated together with one of the two of the first."""
    table = pd.concat([few(speakers=2), clips().query("speaker == 'bb/00'")])
    answers = {
        q.column: identity.probe(features(table, carried=["corpus"]), index=table, question=q)
        for q in identity.askable(table)
    }
    assert answers["emotion"]["clips"] == len(table)
    assert answers["corpus"]["clips"] == answers["emotion"]["clips"] // 3  # the voice beside whom both are heard


def test_where_nobody_is_new_nothing_is_asked_of_new_speakers_and_it_is_said():
    table = few(speakers=1)
    with pytest.raises(ValueError, match="no fold of protocol speaker hears two or more values of emotion and asks"):
        identity.probe(features(table, carried=[]), index=table, question=identity.QUESTIONS[2])
    with pytest.raises(ValueError, match="expected clips of two or more speakers, found those of 1"):
        identity.askable(table)
