"""The draw of a listening study: what it balances, what it refuses, and the orders in which it is heard."""

import hashlib
import itertools
import os
import random
import shutil
import subprocess
import sys
from collections import Counter

import conftest
import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from emolabs import paths, storage
from emolabs.corpora import common
from emolabs.listening import balance, draw, selection
from emolabs.listening.design import PARTS, Design
from emolabs.listening.study import Study
from emolabs.standardization import emobench, loudness, near_duplicates, split, waveforms
from emolabs.standardization.normalization import Normalization

EMOTIONS = tuple(common())
SEEDS = 500
#: The version of EmoBench from which the committed study is drawn, and the digest of its first five orders.
BENCHMARK, GOLDEN_ORDERS = "emobench-1", "b18938d0d009"


def made_index(speakers: dict[str, int], *, emotions=EMOTIONS, texts="abc") -> pd.DataFrame:
    """An index of sources with so many speakers, of whom each says each text with each emotion."""
    rows = []
    for corpus, number in speakers.items():
        takes = range(1 + 16 // number)
        for speaker, emotion, text, take in itertools.product(range(number), emotions, texts, takes):
            row = {"path": f"{corpus}/{speaker}_{text}_{emotion}_{take}", "corpus": corpus, "text": text}
            row |= {"speaker": f"{corpus}/{speaker}", "sex": ["female", "male"][speaker % 2], "emotion": emotion}
            rows.append(row | {"language": "de" if corpus == "d" else "en", "intensity": ""})
    return pd.DataFrame(rows)


def manifests(index: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {protocol: split.manifest(index, protocol=protocol) for protocol in ("hash", "speaker")}


@pytest.fixture(scope="module")
def four() -> pd.DataFrame:
    """Four sources, one of them of two speakers."""
    return made_index({"a": 10, "b": 20, "c": 2, "d": 10})


def drawn(index: pd.DataFrame, *, seed=0, left_out=(), name="toy", **changes) -> Study:
    design = Design(**{"emotions": EMOTIONS, "sources": tuple(sorted(index.corpus.unique()))} | changes)
    return draw.draw(index, manifests=manifests(index), design=design, name=name, seed=seed, left_out=left_out)


@pytest.fixture(scope="module")
def study(four) -> Study:
    return drawn(four)


@pytest.fixture(scope="module")
def thesis() -> Study:
    """The committed study of the real corpora."""
    return Study.load(paths.study("thesis"))


@pytest.mark.parametrize(
    ("emotions", "sources", "asked", "total"),
    [(6, 5, 60, 60), (6, 4, 60, 48), (6, 4, 61, 72), (6, 3, 60, 54), (6, 2, 60, 60), (7, 4, 60, 56), (3, 1, 9, 6)],
)
def test_the_nearest_exact_balance_is_chosen_and_of_two_the_smaller(emotions, sources, asked, total):
    design = Design(clips=asked, emotions=tuple("abcdefg"[:emotions]), sources=tuple("12345"[:sources]))
    assert design.per_cell * design.cells == total
    assert design.chosen().startswith(f"{total} trials: {emotions} emotions × {sources} sources")
    assert (f"{asked} were asked for" in design.chosen()) == (asked != total)


def test_of_every_design_the_cells_are_equal_and_the_parts_have_half():
    for emotions, sources, asked in itertools.product(range(2, 8), range(1, 7), (1, 17, 48, 60, 101)):
        design = Design(
            clips=asked, emotions=tuple("abcdefg"[:emotions]), sources=tuple("123456"[:sources]), attention=0
        )
        needs = pd.Series(design.needs())
        assert set(needs.groupby(level=[0, 1]).sum()) == {design.per_cell}
        assert needs.groupby(level=2).sum().nunique() == 1
        if sources % 2 == 0:
            assert needs.groupby(level=[0, 2]).sum().nunique() == 1, "within every emotion, too"
        totals = [n * design.cells for n in range(1, 120) if n * design.cells % 2 == 0]
        assert abs(design.per_cell * design.cells - asked) == min(abs(total - asked) for total in totals)


@pytest.mark.parametrize(
    "changes", [{}, {"clips": 72}, {"emotions": ("anger", "fear", "sadness")}, {"sources": ("a", "d")}, {"clips": 100}]
)
def test_a_draw_is_exactly_balanced_and_each_clip_is_from_its_side(four, changes):
    study, known = drawn(four, **changes), manifests(four)
    trials, design = study.trials, study.design
    cells = trials.groupby(["emotion", "corpus"]).size()
    assert len(cells) == design.cells and set(cells) == {design.per_cell}
    assert trials.part.value_counts().nunique() == 1 and set(trials.part) == set(PARTS)
    assert not study.clips.id.duplicated().any() and not study.clips["clip"].duplicated().any()
    fold = known["speaker"][known["speaker"].fold == 0]
    for part, manifest in {"emocorpus": known["hash"], "emobench": fold}.items():
        sides = manifest.set_index("id").split
        assert set(sides[trials.id[trials.part == part]]) == {"evaluation"}
        assert set(sides[study.clips.id[study.clips.role == "practice"]]) == {"train"}
    assert study.clips.role.value_counts().to_dict() == {"trial": len(trials), "practice": 6, "attention": 2}
    pd.testing.assert_frame_equal(four.set_index("path").loc[trials.path, ["speaker", "emotion", "text"]].reset_index(),
                                  trials[["path", "speaker", "emotion", "text"]].reset_index(drop=True))  # fmt: skip


def test_speakers_sentences_and_sexes_come_as_equally_as_they_can(study):
    table = balance.sources(study).set_index("source")
    assert table.trials.tolist() == [12] * 4
    # of the 10, 20, 2 and 10 speakers the first fold evaluates 2, 4, 1 and 2, and six trials come from there
    assert table.most_of_one_speaker.tolist() == [3, 2, 6, 3] and table.speakers["b"] >= 9
    assert (table.most_of_one_sentence == 4).all() and (table.women == table.men).all()


def test_practice_has_each_emotion_once_and_all_sources(study):
    practice = study.clips[study.clips.role == "practice"]
    assert sorted(practice.emotion) == sorted(EMOTIONS) and set(practice.corpus) == {"a", "b", "c", "d"}


def test_the_order_of_rows_says_nothing_and_the_seed_does(four, study):
    shuffled = four.sample(frac=1, random_state=1)
    known = {name: manifest.sample(frac=1, random_state=2) for name, manifest in manifests(four).items()}
    again = draw.draw(shuffled, manifests=known, design=study.design, name="toy", seed=0)
    assert again.digest == study.digest and again.csv() == study.csv()
    other = drawn(four, seed=1)
    assert other.digest != study.digest and len(set(other.trials.id) & set(study.trials.id)) < 24
    assert not set(other.clips["clip"]) & set(study.clips["clip"])


@pytest.mark.parametrize("seed", range(6))
def test_a_selection_is_the_best_of_all_that_are_balanced(seed):
    """Every balanced set of a small source, looked at one by one."""
    chance = random.Random(seed)
    design = Design(clips=4, emotions=("anger", "fear"), sources=("a",), attention=0)
    rows = [
        {"id": f"{emotion}{part}{i}", "emotion": emotion, "part": part, "corpus": "a", "speaker": chance.choice("xyz"),
         "text": chance.choice("pq"), "sex": chance.choice(["female", "male"]), "lot": chance.random()}
        for emotion, part, i in itertools.product(design.emotions, PARTS, range(4))
    ]  # fmt: skip
    rows[0]["id"] = rows[4]["id"] = "both"  # on both sides, as a clip may be
    pool = pd.DataFrame(rows).sort_values("id", ignore_index=True)

    def worth(chosen: pd.DataFrame) -> tuple:
        alike = [chosen.speaker, chosen.text, chosen.emotion + chosen.sex]
        return *(sum(n * (n - 1) // 2 for n in Counter(values).values()) for values in alike), chosen.lot.sum()

    cells = [group.index for _, group in pool.groupby(["emotion", "part"])]
    sets = [pool.loc[list(rows)] for rows in itertools.product(*cells)]
    best = min((chosen for chosen in sets if chosen.id.is_unique), key=worth)
    found = selection.trials(pool, design=design, where="here")
    assert set(found.id + found.part) == set(best.id + best.part) and len(found) == len(best)


def runs(values) -> int:
    return max(len(list(run)) for _, run in itertools.groupby(values))


def check_orders(study: Study, *, seeds: int) -> None:
    facts = study.clips.set_index("clip")
    heard = sorted(study.clips["clip"][study.clips.role != "practice"])
    for seed in range(seeds):
        order = study.order(seed)
        assert sorted(order) == heard
        rows = facts.loc[order]
        for played in (rows, rows[rows.role == "trial"]):
            assert runs(played.emotion) <= 2 and runs(played.speaker) <= 2


@pytest.mark.parametrize("which", ["study", "thesis"])
def test_no_three_equal_emotions_or_speakers_follow_each_other(which, request):
    check_orders(request.getfixturevalue(which), seeds=SEEDS)


def test_two_emotions_alone_have_orders_too(four):
    check_orders(drawn(four, emotions=("anger", "fear"), attention=1), seeds=20)


def test_orders_differ_and_no_position_tells_an_emotion(study):
    sequences = balance.sequences(study)
    assert len(sequences) == SEEDS and not sequences.duplicated().any()
    p = [chisquare(sequences[place].value_counts().reindex(EMOTIONS, fill_value=0)).pvalue for place in sequences]
    assert min(p) > 0.01 / len(p)


def test_attention_checks_are_spread_over_the_middle(study):
    roles = study.clips.set_index("clip").role
    places = np.array([np.flatnonzero(roles[study.order(n)] == "attention") for n in range(100)])
    assert (places[:, 0] >= 6).all() and (places[:, 0] <= 18).all()
    assert (places[:, 1] >= 31).all() and (places[:, 1] <= 43).all()
    assert len(set(places[:, 0])) > 5


def test_an_order_is_the_same_in_another_process_and_locale(thesis):
    script = "from emolabs import paths; from emolabs.listening.study import Study\n"
    script += "print(*Study.load(paths.study('thesis')).order(7))"
    environment = os.environ | {"PYTHONHASHSEED": "5", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=paths.ROOT, env=environment, capture_output=True, text=True
    )
    assert said.stdout.split() == thesis.order(7), said.stderr


def test_a_study_without_an_order_is_a_sentence():
    index = made_index({"a": 10})
    index["speaker"] = "a/0"
    known = manifests(made_index({"a": 10}))
    design = Design(clips=24, emotions=EMOTIONS, sources=("a",))
    with pytest.raises(
        ValueError, match="has no order .* of 24 trials there are .* 24 by the speaker a/0. Draw from more"
    ):
        draw.draw(index, manifests=known, design=design, name="toy", seed=0)


def test_guessing_is_what_it_is_by_hand():
    two = balance.guessing(pd.DataFrame([["a", "b"], ["b", "a"]] * 2)).share.tolist()
    assert two == pytest.approx([0.5, 0.0, 0.5, 0.75])
    third = balance.guessing(pd.DataFrame([["a", "a", "b", "b"], ["b", "b", "a", "a"]])).share.tolist()
    # after two equal ones the other is certain: 1/2, 1/2, 1, 1/2, and with counts 1/2, 0 (b has more left), 1, 1
    assert third == pytest.approx([0.5, 0.0, 0.625, 0.625])


class TestErrors:
    def test_a_cell_with_too_few_clips_is_named_with_what_to_change(self, four):
        cell = four[(four.emotion == "fear") & (four.corpus == "b") & (four.path.map(split.bucket) == 0)]
        few = four.drop(index=cell.index[1:])
        with pytest.raises(ValueError) as error:
            drawn(few, clips=96)
        said = str(error.value)
        assert "the study toy cannot be drawn" in said and said.count(" × ") == 1
        wanted = (
            "fear × b: expected 2 of EmoCorpus' evaluation tenth and 2 of EmoBench's first fold, none twice; found 1 "
        )
        assert wanted in said and "set `clips` to 48, leave out the source" in said
        assert len(drawn(few, clips=48).trials) == 48
        with pytest.raises(ValueError):
            drawn(few, clips=72)

    def test_a_source_that_lacks_an_emotion_is_named(self, four):
        lacking = four[~((four.emotion == "disgust") & (four.corpus == "d"))]
        with pytest.raises(ValueError, match="disgust × d: .* found 0 and 0, 0 together\n  leave out the source"):
            drawn(lacking)

    def test_unknown_names_are_all_said(self, four):
        with pytest.raises(ValueError) as error:
            drawn(four, sources=("a", "ravdes"), emotions=("anger", "hapiness"), languages=("fr",))
        said = str(error.value)
        assert "ravdes: there is no such source" in said and "fr: there is no such language" in said
        assert "hapiness: there is no such emotion; did you mean happiness?" in said

    def test_a_speaker_maximum_that_cannot_be_is_said_with_the_least_that_can(self, four):
        with pytest.raises(
            ValueError, match="c: expected at most 2 trials of a speaker.*set `speaker_max` to 6 or more"
        ):
            drawn(four, speaker_max=2, clips=24, sources=("b", "c"))
        assert drawn(four, speaker_max=6).trials.speaker.value_counts().max() == 6

    def test_a_practice_without_clips_is_said(self, four):
        known = manifests(four)
        trained = known["hash"].query("split == 'train' and emotion == 'disgust'")
        trained = trained.path[~trained.id.isin(known["speaker"].query("fold == 0 and split == 'evaluation'").id)]
        with pytest.raises(
            ValueError, match="disgust: expected a training clip to practise on, found none left; set .* 1"
        ):
            drawn(four, left_out=trained)

    def test_a_design_says_all_that_is_wrong_with_it(self):
        with pytest.raises(ValueError) as error:
            Design(clips=0, emotions=("fear", "fear"), sources=(), speaker_max=0, attention=3)
        for name in (
            "clips: expected at least 1, found 0",
            "emotions: expected two",
            "sources:",
            "speaker_max:",
            "attention:",
        ):
            assert name in str(error.value)


def test_languages_sentences_and_clips_left_out_restrict_the_draw(four):
    assert set(drawn(four, languages=("de",), sources=("d",), clips=24).trials.corpus) == {"d"}
    lonely = four[~((four.text == "a") & (four.emotion != "fear"))]  # one sentence gives the emotion away
    study = drawn(lonely, text_emotions_min=2)
    assert "a" not in set(study.clips.text) and set(study.trials.text) == set("bc")
    out = drawn(four).trials.path
    assert not set(drawn(four, left_out=out).clips.path) & set(out)


def test_a_study_comes_back_as_it_was_saved(tmp_path, study):
    study.save(tmp_path / "toy")
    back = Study.load(tmp_path / "toy")
    assert back.digest == study.digest and back.order(3) == study.order(3) and back.design == study.design
    pd.testing.assert_frame_equal(back.clips, study.clips.reset_index(drop=True), check_dtype=False)
    facts = storage.read_json(tmp_path / "toy" / "study.json")
    assert facts["emotions"] == list(EMOTIONS) and len(facts["digest"]) == 12 and facts["orders"] == 500
    with pytest.raises(FileNotFoundError, match="run notebooks/50_listening_study.ipynb first"):
        Study.load(tmp_path / "other")


def test_answers_are_offered_in_the_order_of_the_table_of_emotions(four):
    assert drawn(four, emotions=("sadness", "anger", "fear")).emotions == ("anger", "fear", "sadness")


def test_an_edited_study_is_not_read(tmp_path, study):
    study.save(tmp_path)
    text = (tmp_path / "clips.csv").read_text()
    (tmp_path / "clips.csv").write_text(text.replace(",anger,", ",fear,", 1))
    with pytest.raises(ValueError, match=f"is not the version {study.digest}"):
        Study.load(tmp_path)


def test_a_study_with_answers_is_not_drawn_over(tmp_path, four, study):
    study.save(tmp_path)
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "simulated-1.json").write_text("{}")
    drawn(four, seed=1).save(tmp_path)
    (tmp_path / "answers" / "batch").mkdir()
    (tmp_path / "answers" / "batch" / "x.json").write_text("{}")
    with pytest.raises(ValueError, match="holds answers to the version .* give it another name"):
        study.save(tmp_path)
    assert Study.load(tmp_path).digest == drawn(four, seed=1).digest
    drawn(four, seed=1).save(tmp_path)


def test_codes_say_nothing(study):
    rows = study.clips.sort_values("clip", ignore_index=True)
    assert rows["clip"].str.fullmatch("[2-9b-z]{4}").all()
    assert runs(rows.role) < 30 and runs(rows.emotion) < 8, "sorted by code, nothing else is"


def test_clips_that_would_be_heard_twice_or_not_as_loud_are_left_out_with_reasons(tmp_path):
    storage.write_json(tmp_path / "store.json", {"steps": {"loudness_lufs": -23.0}})
    clips = pd.DataFrame({"path": ["a/1", "a/2", "a/3", "a/4"], "loudness_lufs": [-23.0, -23.4, -24.8, -23.0]})
    pairs = pd.DataFrame({"first": ["a/1"], "second": ["a/3"]})
    found = draw.left_out(waveforms.Waveforms(tmp_path, clips, np.zeros(1), 16_000), pairs=pairs)
    assert found.path.tolist() == ["a/1", "a/3"]
    assert found.reason.tolist() == [f"near-duplicate: the same recording as a/{n}" for n in (3, 1)]
    alone = draw.left_out(waveforms.Waveforms(tmp_path, clips, np.zeros(1), 16_000), pairs=pairs.head(0))
    assert alone.reason.tolist() == ["loudness: -24.8 LUFS where the others have -23"]


def test_the_clips_sound_as_their_waveforms_do_and_all_as_loud(raw, project, study):
    index = study.trials.head(4).assign(file=lambda rows: rows.path + ".wav", pcm_sha256=lambda rows: rows.path)
    for seed, file in enumerate(index.file):
        raw.write(file, conftest.voice(seed, duration_s=1.0))
    store = waveforms.build(index, profile="toy", steps=Normalization(), workers=1)
    checks = study.clips[study.clips.role == "attention"]
    few = Study("toy", pd.concat([index, checks])[study.clips.columns], study.design, 0, 1, {})
    sounds = draw.audio(few, "toy")
    assert set(sounds) == set(few.clips["clip"])
    for row, code in enumerate(index["clip"]):
        np.testing.assert_array_equal(sounds[code][0], store.wave(row))
    for wave, rate_hz in sounds.values():
        assert wave.dtype == np.float32 and rate_hz == 16_000
        assert loudness(wave, sample_rate_hz=rate_hz) == pytest.approx(-23, abs=0.05)
    assert [1 < len(sounds[code][0]) / 16_000 < 8 for code in checks["clip"]] == [True, True]
    with pytest.raises(ValueError, match="has 50 clips that the waveforms of the profile toy do not have, such as a/"):
        draw.audio(study, "toy")


def test_git_takes_the_study_and_neither_answers_nor_pages(tmp_path):
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    shutil.copy(paths.ROOT / ".gitignore", tmp_path)
    files = [f"data/listening/mine/{name}" for name in ("study.json", "clips.csv", "README.md")]
    kept = ["data/listening/README.md", *files]
    people = ["answers/a.json", "answers/b/c.csv", "d.json", "page.html", "answers/clips.csv"]
    ignored = [f"data/listening/mine/{name}" for name in people] + [
        "data/listening/e.csv",
        "data/listening/demo/study.json",
    ]
    for file in [*kept, *ignored]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("")
    said = subprocess.run(["git", "-C", tmp_path, "status", "--short", "-uall"], capture_output=True, text=True).stdout
    assert {line[3:] for line in said.splitlines()} - {".gitignore"} == set(kept)


def test_pairs_that_were_not_searched_for_are_a_sentence(project):
    with pytest.raises(FileNotFoundError, match="run notebooks/13_near_duplicates.ipynb first"):
        near_duplicates.load("nowhere")


def test_the_committed_study_is_whole(thesis):
    assert thesis.name == "thesis" and thesis.emotions == EMOTIONS
    cells = thesis.trials.groupby(["emotion", "corpus", "part"]).size()
    assert len(cells) == 6 * 4 * 2 and set(cells) == {1}
    said = (paths.study("thesis") / "README.md").read_text()
    assert thesis.digest in said and thesis.design.chosen() in said
    sequences = hashlib.sha256(" ".join(code for n in range(5) for code in thesis.order(n)).encode()).hexdigest()
    assert sequences[:12] == GOLDEN_ORDERS


def test_the_committed_study_is_drawn_again_from_the_corpora(indexed_corpora, thesis):
    index, _ = indexed_corpora
    known = {
        protocol: emobench.partition(index, protocol=protocol, benchmark=BENCHMARK)[0]
        for protocol in ("hash", "speaker")
    }
    left_out = pd.read_csv(paths.figures("thesis") / "50_left_out.csv").path
    again = draw.draw(index, manifests=known, design=thesis.design, name="thesis", seed=thesis.seed, left_out=left_out)
    assert again.digest == thesis.digest
