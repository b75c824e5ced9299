"""Near-duplicates: a recording under another encoding, trim, gain or rate is found, another take or voice is not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emolabs import paths
from emolabs.corpora import get, index, synthesis
from emolabs.standardization import copies, near_duplicates, waveforms
from emolabs.standardization.normalization import Normalization, normalize, normalize_file
from emolabs.standardization.waveforms import FULL_SCALE, Waveforms

RATE_HZ = 16_000
NAMES = [
    f"en{voice}_s{sentence}_{emotion}_{take}"
    for voice, sentence, emotion in [(1, 1, "anger"), (1, 1, "fear"), (2, 1, "anger"), (2, 3, "neutral")]
    for take in (1, 2)
]
#: The one alteration after which some copies are no longer told from another take.
HARDEST = "Opus, 9 kbit/s"
#: Every pair of CREMA-D that is one recording under two names and not the same file.
CREMAD = {
    ("1017_IWL_ANG_XX", "1017_IWL_FEA_XX"),
    ("1020_IEO_ANG_LO", "1020_IEO_ANG_MD"),
    ("1028_IEO_HAP_LO", "1028_IEO_HAP_MD"),
    ("1045_ITH_DIS_XX", "1045_IWL_DIS_XX"),
    ("1056_MTI_ANG_XX", "1056_TAI_ANG_XX"),
    ("1067_IEO_DIS_LO", "1067_IEO_FEA_LO"),
    ("1072_IEO_ANG_LO", "1072_IEO_DIS_MD"),
    ("1072_IEO_ANG_MD", "1072_IEO_DIS_MD"),
}


def store(waves: dict[str, np.ndarray]) -> Waveforms:
    """A store of these waveforms, by project path, as `waveforms.build` would leave it, in memory."""
    lengths = [len(wave) for wave in waves.values()]
    starts = np.cumsum([0, *lengths])[:-1]
    clips = pd.DataFrame({"path": list(waves), "start": starts, "length": lengths}).astype({"path": str})
    samples = np.rint(np.concatenate([*waves.values(), np.empty(0)]) * FULL_SCALE).astype(np.int16)
    return Waveforms(Path(), clips, samples, RATE_HZ)


def found(waves: dict[str, np.ndarray]) -> set[tuple[str, str]]:
    table = near_duplicates.search(store(waves))
    return set(zip(table["first"], table["second"], strict=True))


@pytest.fixture(scope="module")
def spoken(tmp_path_factory) -> dict[str, np.ndarray]:
    """Normalized clips of eSpeak: two takes each, by two voices."""
    folder = tmp_path_factory.mktemp("spoken")
    synthesis.synthesize("emosynth-en", folder=folder, names=NAMES, workers=1)
    return {name: normalize_file(folder / f"{name}.wav", steps=Normalization())[0] for name in NAMES}


def test_takes_emotions_and_voices_are_different_recordings(spoken):
    assert found(spoken) == set()


@pytest.mark.parametrize("alteration", copies.ALTERATIONS)
def test_a_copy_is_found_with_its_original_and_with_nothing_else(spoken, alteration):
    waves = dict(spoken)
    for name, wave in spoken.items():
        copy, rate_hz = copies.ALTERATIONS[alteration](wave, RATE_HZ)
        waves[f"{name}~"], _ = normalize(copy[:, None], sample_rate_hz=rate_hz, steps=Normalization())
    expected = {(name, f"{name}~") for name in spoken}
    if alteration == HARDEST:
        assert found(waves) <= expected and len(found(waves)) >= len(expected) / 2
    else:
        assert found(waves) == expected


def test_nothing_depends_on_the_order_of_the_clips(spoken):
    waves = spoken | {f"{name}~": wave[2_000:] for name, wave in spoken.items()}
    expected = near_duplicates.search(store(waves), threshold=0.2)
    assert len(expected) > len(spoken)
    for order in (list(waves)[::-1], sorted(waves, key=lambda name: name[::-1])):
        table = near_duplicates.search(store({name: waves[name] for name in order}), threshold=0.2)
        pd.testing.assert_frame_equal(table, expected, atol=1e-5)


def test_lag_and_overlap_say_where_the_copy_lies(spoken):
    wave = spoken[NAMES[0]]
    begin, end = 3_201, len(wave) - 4_000
    (row,) = near_duplicates.search(store({"a": wave, "b": -0.3 * wave[begin:end]})).itertuples()
    assert row.similarity > 0.99
    assert row.lag_s == pytest.approx(begin / RATE_HZ, abs=0.1 / 8_000)
    assert row.overlap_s == pytest.approx((end - begin) / RATE_HZ, abs=2 / 8_000)


def test_similarity_is_what_its_definition_says():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=23), generator.normal(size=14)
    best = []
    for lag in range(-13, 23):
        ours = [(first[i + lag], second[i]) for i in range(14) if 0 <= i + lag < 23]
        if len(ours) >= 7:
            a, b = np.array(ours).T
            best.append((abs(a @ b) / np.sqrt((a @ a) * (b @ b)), lag / 8_000, len(ours) / 8_000))
    value, lag_s, overlap_s = near_duplicates.similarity(first, second)
    assert (lag_s, overlap_s) == (pytest.approx(max(best)[1], abs=0.5 / 8_000), pytest.approx(max(best)[2]))
    assert value >= max(best)[0] - 1e-9, "between the samples it may be larger"
    assert near_duplicates.similarity(first, first) == pytest.approx((1, 0, 23 / 8_000))


@pytest.mark.parametrize("names", [[], NAMES[:1]])
def test_a_store_of_no_or_one_clip_has_no_pairs(spoken, names):
    table = near_duplicates.search(store({name: spoken[name] for name in names}))
    assert table.empty and list(table.columns) == near_duplicates.COLUMNS


def test_clips_shorter_than_a_window_and_silent_ones_harm_nothing(spoken):
    wave = spoken[NAMES[0]]
    short = {f"short{size}": wave[8_000 : 8_000 + size] for size in (1, 160, 500, 1_600)}
    silent = {"silent": np.zeros(16_000, np.float32), "half": np.pad(wave[:12_000], (0, 12_000))}
    pairs = found(spoken | short | silent)
    assert not {pair for pair in pairs if "silent" in pair}
    assert {pair for pair in pairs if pair[0] in spoken and pair[1] in spoken} == set()


def test_silence_in_common_is_no_resemblance(spoken):
    first, second = (np.pad(spoken[name][:8_000], (0, 16_000)) for name in (NAMES[0], NAMES[6]))
    views = [near_duplicates.view(wave, sample_rate_hz=RATE_HZ) for wave in (first, second)]
    assert near_duplicates.similarity(*views)[0] < 0.5


def test_pairs_are_told_with_their_conflicts_and_sides(project):
    names = ["c/a", "c/b", "c/d"]
    facts = pd.DataFrame(
        {"path": names, "speaker": "c/1", "text": ["x", "x", "y"], "emotion": ["anger"] * 2 + ["fear"]}
    )
    pairs = pd.DataFrame(
        [("c/a", "c/b", 1.0, 0.0, 1.0), ("c/b", "c/d", 1.0, 0.0, 1.0)], columns=near_duplicates.COLUMNS
    )
    sides = {"c/a": ["train", "evaluation"], "c/b": ["evaluation", "evaluation"]}
    rows = [(path, fold, split) for path, splits in sides.items() for fold, split in enumerate(splits)]
    manifest = pd.DataFrame(rows, columns=["path", "fold", "split"])
    table = near_duplicates.describe(pairs, index=facts, manifests={"two": manifest})
    assert list(table.conflict) == ["", "text, emotion"]
    assert list(table.two) == [1, 0], "c/d is on no side of the manifest"
    near_duplicates.save(table, profile="tiny")
    pd.testing.assert_frame_equal(pd.read_csv(paths.near_duplicates("tiny"), keep_default_na=False), table)
    assert near_duplicates.describe(pairs[:0], index=facts, manifests={"two": manifest}).empty


def test_the_threshold_lies_between_copies_and_other_recordings(raw, project):
    names = [f"en{v}_s{s}_{e}_{t}" for v in (1, 2) for s in (1, 2) for e in ("anger", "sadness") for t in (1, 2)]
    synthesis.synthesize("emosynth-en", folder=raw.root / "emosynth-en", names=names, workers=1)
    clips, _ = index.build(get(["emosynth-en"]), workers=1)
    waves = waveforms.build(clips, profile="tiny", steps=Normalization(), workers=1)
    same = copies.altered(waves, clips=3)
    other = copies.distinct(waves, index=clips, pairs=8)
    assert len(same) == 3 * len(copies.ALTERATIONS) and same.candidate.all()
    assert list(other.relation.value_counts().loc[list(copies.RELATIONS)]) == [8, 8, 8]
    kept = same[same.alteration != HARDEST]
    assert other.similarity.max() < near_duplicates.THRESHOLD < kept.similarity.min()
    assert (other["first"] != other["second"]).all()


def test_the_copies_within_cremad_are_found(corpora):
    recordings = {name for pair in CREMAD for name in pair}
    recordings |= {"1072_IEO_DIS_LO", "1045_ITH_ANG_XX", "1056_TAI_DIS_XX", "1020_IEO_ANG_HI", "1001_DFA_ANG_XX"}
    files = {file.stem: file for file in corpora.glob("[Cc][Rr][Ee][Mm][Aa]*/**/*") if file.stem in recordings}
    if recordings - set(files):
        pytest.skip("CREMA-D is not there")
    assert found({name: normalize_file(file, steps=Normalization())[0] for name, file in files.items()}) == CREMAD


def test_the_committed_table_names_the_copies_within_cremad():
    table = pd.read_csv(paths.figures("thesis") / "13_near_duplicates.csv", keep_default_na=False)
    assert {(a, b) for a, b in zip(table["first"], table["second"], strict=True)} == {
        (f"cremad/{first}", f"cremad/{second}") for first, second in CREMAD
    }
    assert (table.similarity >= near_duplicates.THRESHOLD).all()
    assert list(table.conflict.value_counts().loc[["emotion", "text", ""]]) == [4, 2, 2]
    assert (table.speaker == 0).all(), "one recording is one speaker's"


def test_an_encoder_changes_the_samples_and_keeps_their_number(spoken):
    wave = spoken[NAMES[0]]
    for name in ("MP3, 22 kbit/s", HARDEST):
        copy, rate_hz = copies.ALTERATIONS[name](wave, RATE_HZ)
        assert rate_hz == RATE_HZ and len(copy) == len(wave)
        assert np.abs(copy - wave).max() > 0.01
