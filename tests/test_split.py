"""Ids and buckets against golden values and plain arithmetic; partitions by the properties that the thesis claims."""

import hashlib
import string

import pandas as pd
import pytest

from emolabs import paths
from emolabs.standardization import PROTOCOLS, base62, bucket, manifest, overlap, sample_id, split

GOLDEN = {
    "cremad/1001_DFA_ANG_XX": ("2UkxXKHatjdsXiG4XtizoOdcKfSHStX0RbqpVPPmNUR", 7),
    "emodb/03a01Wa": ("EtwwSBqNJ2nnqjBtlF1V2JkjwD3f6i8r6Qfs3MifvdH", 5),
}
DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase


def decoded(text: str) -> int:
    """The number that base-62 `text` stands for, by Horner's rule."""
    number = 0
    for digit in text:
        number = 62 * number + DIGITS.index(digit)
    return number


def hashed(path: str) -> int:
    return int(hashlib.sha256(path.encode("utf-8")).hexdigest(), 16)


@pytest.fixture(scope="module")
def clips() -> pd.DataFrame:
    """An index: three corpora of 12, 7 and 2 speakers, six emotions and one (calm) that no protocol here uses."""
    speakers = [
        *(("en", f"en/{i:02d}", "female" if i % 2 else "male") for i in range(12)),
        *(("de", f"de/{i:02d}", "female" if i < 5 else "male") for i in range(7)),
        *(("tess", f"tess/{name}", "female") for name in ("OAF", "YAF")),
    ]
    emotions = ["anger", "calm", "disgust", "fear", "happiness", "neutral", "sadness"]
    rows = [
        {
            "path": f"{speaker}_{emotion}_{text}",
            "corpus": corpus,
            "speaker": speaker,
            "sex": sex,
            "language": "de" if corpus == "de" else "en",
            "text": f"text {text}",
            "emotion": emotion,
            "pcm_sha256": hashlib.sha256(f"{speaker}{emotion}{text}".encode()).hexdigest(),
        }
        for corpus, speaker, sex in speakers
        for emotion in emotions
        for text in range(8)
    ]
    return pd.DataFrame(rows)


def sides(table: pd.DataFrame, column: str, fold: int) -> dict[str, set]:
    return {side: set(group[column]) for side, group in table[table.fold == fold].groupby("split")}


@pytest.mark.parametrize("path", GOLDEN)
def test_ids_and_buckets_have_their_golden_values(path):
    assert (sample_id(path), bucket(path)) == GOLDEN[path]


def test_the_third_golden_bucket():
    assert bucket("ravdess/03-01-05-01-02-01-12") == 9


@pytest.mark.parametrize("path", [*GOLDEN, "savee/DC_a01", "x/ü", ""])
def test_an_id_is_the_hash_of_the_path_in_base_62(path):
    assert decoded(sample_id(path)) == hashed(path)
    assert len(sample_id(path)) == 43 and set(sample_id(path)) <= set(DIGITS)
    assert bucket(path) == hashed(path) % 10


@pytest.mark.parametrize("number", [0, 1, 9, 10, 35, 36, 61, 62, 62**42 - 1, 62**42, 2**256 - 1])
def test_base_62_is_padded_to_43_digits_and_can_be_read_back(number):
    assert len(base62(number)) == 43 and decoded(base62(number)) == number


def test_the_order_of_ids_is_the_order_of_numbers():
    numbers = [3**k for k in range(0, 160, 7)]
    assert sorted(numbers) == [decoded(text) for text in sorted(base62(number) for number in numbers)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_manifest_has_every_used_clip_once_a_fold_in_the_agreed_form(clips, protocol):
    table = manifest(clips, protocol=protocol)
    used = clips[clips.emotion != "calm"]
    used = used[used.corpus == "tess"] if protocol == "tess-actress" else used
    assert list(table.columns) == ["id", "path", "corpus", "speaker", "emotion", "fold", "split"]
    assert set(table.split) <= {"train", "validation", "evaluation"}
    assert list(table.id) == [sample_id(path) for path in table.path]
    assert list(zip(table.fold, table.id, strict=True)) == sorted(zip(table.fold, table.id, strict=True))
    for fold in range(table.fold.max() + 1):
        assert sorted(table.path[table.fold == fold]) == sorted(used.path)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_bytes_of_a_manifest_depend_on_no_order_of_the_index(clips, project, protocol):
    written = []
    for order in (clips, clips.iloc[::-1], clips.sample(frac=1, random_state=1), clips.sort_values("emotion")):
        split.save(manifest(order, protocol=protocol), profile="tiny", protocol=protocol)
        written.append(paths.manifest("tiny", protocol).read_bytes())
    assert len(set(written)) == 1 and b"\r" not in written[0]
    pd.testing.assert_frame_equal(split.load("tiny", protocol=protocol), manifest(clips, protocol=protocol))


def test_a_clip_stays_on_its_side_when_other_corpora_come_or_go(clips):
    for protocol in ("hash", "random", "speaker"):
        all_of_them = manifest(clips, protocol=protocol)
        alone = manifest(clips[clips.corpus == "de"], protocol=protocol)
        assert all_of_them[all_of_them.corpus == "de"].reset_index(drop=True).equals(alone)


def test_hash_evaluates_bucket_0_and_validates_with_bucket_1(clips):
    table = manifest(clips, protocol="hash")
    expected = {0: "evaluation", 1: "validation"}
    assert set(table.fold) == {0} and len(set(table.split)) == 3
    assert list(table.split) == [expected.get(hashed(path) % 10, "train") for path in table.path]


def test_random_evaluates_two_buckets_and_validates_with_the_next_two(clips):
    table = manifest(clips, protocol="random")
    assert set(table.fold) == set(range(5))
    for path, fold, side in zip(table.path, table.fold, table.split, strict=True):
        evaluation, validation = {2 * fold, 2 * fold + 1}, {(2 * fold + 2) % 10, (2 * fold + 3) % 10}
        number = hashed(path) % 10
        expected = "evaluation" if number in evaluation else "validation" if number in validation else "train"
        assert side == expected


@pytest.mark.parametrize("protocol", ["random", "speaker"])
def test_five_folds_evaluate_each_clip_exactly_once(clips, protocol):
    table = manifest(clips, protocol=protocol)
    evaluated = table.path[table.split == "evaluation"]
    assert sorted(evaluated) == sorted(clips.path[clips.emotion != "calm"])


def test_random_has_the_training_size_of_speaker_within_a_tenth(clips):
    sizes = {
        protocol: (manifest(clips[clips.corpus == "en"], protocol=protocol).split == "train").mean()
        for protocol in ("random", "speaker")
    }
    assert abs(sizes["random"] - sizes["speaker"]) < 0.1


def test_no_speaker_is_on_two_sides(clips):
    table = manifest(clips, protocol="speaker")
    for fold in range(5):
        heard = sides(table, "speaker", fold)
        assert set(heard) == {"train", "validation", "evaluation"}
        assert sum(map(len, heard.values())) == len(set.union(*heard.values())) == 21


def test_speakers_are_dealt_by_the_order_of_their_ids_within_corpus_and_sex(clips):
    folds = split.deal(clips)
    for _, group in clips.drop_duplicates("speaker").groupby(["corpus", "sex"]):
        in_order = sorted(group.speaker, key=hashed)
        assert [folds[speaker] for speaker in in_order] == [i % 5 for i in range(len(in_order))]


def test_validation_is_the_next_fold(clips):
    table = manifest(clips[clips.corpus == "en"], protocol="speaker")
    for fold in range(5):
        assert sides(table, "speaker", fold)["validation"] == sides(table, "speaker", (fold + 1) % 5)["evaluation"]


@pytest.mark.parametrize("sexes", [("female", "female"), ("female", "male")])
def test_a_corpus_of_two_speakers_takes_turns_and_gives_no_validation_clips(clips, sexes):
    chosen = clips.assign(
        sex=clips.sex.mask(clips.speaker == "tess/OAF", sexes[0]).mask(clips.speaker == "tess/YAF", sexes[1])
    )
    table = manifest(chosen, protocol="speaker")
    table = table[table.corpus == "tess"]
    turns = [sorted(sides(table, "speaker", fold).get("evaluation", set())) for fold in range(5)]
    assert sorted(turns) == [[], [], [], ["tess/OAF"], ["tess/YAF"]]
    assert "validation" not in set(table.split)


def test_tess_actress_trains_one_actress_and_evaluates_the_other(clips):
    table = manifest(clips, protocol="tess-actress")
    assert set(table.corpus) == {"tess"} and set(table.fold) == {0, 1}
    for fold, (evaluated, heard) in enumerate([("OAF", "YAF"), ("YAF", "OAF")]):
        found = sides(table, "speaker", fold)
        assert found["evaluation"] == {f"tess/{evaluated}"}
        assert found["train"] == found["validation"] == {f"tess/{heard}"}
    seen = table[table.split != "evaluation"]
    assert list(seen.split == "validation") == [hashed(path) % 10 == 1 for path in seen.path]


def test_an_unknown_protocol_and_one_without_clips_are_sentences(clips):
    with pytest.raises(ValueError, match="unknown protocol 'folds': expected one of hash, random, speaker"):
        manifest(clips, protocol="folds")
    with pytest.raises(ValueError, match=r"protocol tess-actress has no clips here: expected recordings of .*tess"):
        manifest(clips[clips.corpus == "en"], protocol="tess-actress")


def test_no_manifest_names_the_notebook_that_makes_it(project):
    with pytest.raises(FileNotFoundError, match=r"run notebooks/11_split.ipynb with protocol speaker first"):
        split.load("tiny", protocol="speaker")


def test_the_overlap_of_sides_is_counted_in_values_and_in_clips():
    columns = ["path", "corpus", "speaker", "language", "text", "pcm_sha256", "split"]
    table = pd.DataFrame(
        [
            ("c/1", "c", "c/A", "en", "hello", "1", "train"),
            ("c/2", "c", "c/A", "en", "bye", "2", "train"),
            ("c/3", "c", "c/B", "en", "hello", "3", "validation"),
            ("c/4", "c", "c/A", "en", "hello", "4", "evaluation"),  # speaker and text
            ("c/5", "c", "c/B", "en", "again", "2", "evaluation"),  # speaker of the validation side, recording
            ("c/6", "c", "c/C", "en", "bye", "6", "evaluation"),  # text
            ("d/7", "d", "d/A", "de", "hello", "7", "evaluation"),  # nothing: another language
        ],
        columns=columns,
    )
    clips = table[["path", "corpus", "speaker", "split"]].assign(fold=0)
    found = overlap(clips, index=table.drop(columns="split"))
    assert found.to_dict("records") == [
        {
            **{"fold": 0, "train": 2, "validation": 1, "evaluation": 4},
            **{"speakers": 2, "speakers_share": 0.5, "texts": 2, "texts_share": 0.5},
            **{"paths": 0, "paths_share": 0.0, "recordings": 1, "recordings_share": 0.25},
        }
    ]


def test_the_audit_finds_no_common_speaker_under_speaker_and_common_ones_under_hash_and_random(clips):
    for protocol in ("hash", "random", "speaker", "tess-actress"):
        found = overlap(manifest(clips, protocol=protocol), index=clips)
        assert (found.paths == 0).all() and (found.recordings == 0).all() and (found.texts_share == 1).all()
        shared = 0 if protocol in ("speaker", "tess-actress") else 1
        assert (found.speakers_share == shared).all()
