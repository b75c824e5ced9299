"""Ids and buckets against golden values and plain arithmetic; partitions by the properties that the thesis claims."""

import hashlib
import string

import pandas as pd
import pytest

from emolabs import paths
from emolabs.standardization import PROTOCOLS, audit, base62, bucket, manifest, overlap, sample_id, split

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


@pytest.fixture(scope="module")
def emodb() -> pd.DataFrame:
    """An index of EmoDB: ten speakers, two emotions of the seven and boredom, two texts."""
    speakers = [f"{number:02d}" for number in (3, 8, 9, 10, 11, 12, 13, 14, 15, 16)]
    rows = [
        {
            "path": f"emodb/{speaker}{text}{code}a",
            "corpus": "emodb",
            "speaker": f"emodb/{speaker}",
            "sex": "male" if speaker in ("03", "10", "11", "12", "15") else "female",
            "language": "de",
            "text": text,
            "emotion": emotion,
            "pcm_sha256": f"{speaker}{text}{code}",
        }
        for speaker in speakers
        for text in ("a01", "b02")
        for code, emotion in {"W": "anger", "N": "neutral", "L": "boredom"}.items()
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def ravdess() -> pd.DataFrame:
    """An index of RAVDESS: 24 actors, two emotions, two takes."""
    rows = [
        {
            "path": f"ravdess/03-01-{code}-01-01-{take}-{actor:02d}",
            "corpus": "ravdess",
            "speaker": f"ravdess/{actor:02d}",
            "sex": "male" if actor % 2 else "female",
            "language": "en",
            "text": "text 0",
            "emotion": emotion,
            "pcm_sha256": f"{code}{take}{actor}",
        }
        for actor in range(1, 25)
        for code, emotion in {"02": "calm", "05": "anger"}.items()
        for take in ("01", "02")
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
def test_a_manifest_has_every_used_clip_once_a_fold_in_the_agreed_form(clips, ravdess, emodb, protocol):
    index = pd.concat([clips, ravdess, emodb])
    table = manifest(index, protocol=protocol)
    corpus = protocol.split("-")[0]
    own = {"ravdess": "calm", "emodb": "boredom"}
    used = index[~index.emotion.isin({"calm", "boredom"} - {own.get(corpus)})]
    used = used[used.corpus == corpus] if "-" in protocol else used
    assert list(table.columns) == ["id", "path", "corpus", "speaker", "emotion", "fold", "split"]
    assert set(table.split) <= {"train", "validation", "evaluation"}
    assert list(table.id) == [sample_id(path) for path in table.path]
    assert list(zip(table.fold, table.id, strict=True)) == sorted(zip(table.fold, table.id, strict=True))
    for fold in range(table.fold.max() + 1):
        assert sorted(table.path[table.fold == fold]) == sorted(used.path)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_bytes_of_a_manifest_depend_on_no_order_of_the_index(clips, ravdess, emodb, project, protocol):
    written, index = [], pd.concat([clips, ravdess, emodb], ignore_index=True)
    for order in (index, index.iloc[::-1], index.sample(frac=1, random_state=1), index.sort_values("emotion")):
        split.save(manifest(order, protocol=protocol), profile="tiny", protocol=protocol)
        written.append(paths.manifest("tiny", protocol).read_bytes())
    assert len(set(written)) == 1 and b"\r" not in written[0]
    pd.testing.assert_frame_equal(split.load("tiny", protocol=protocol), manifest(index, protocol=protocol))


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


@pytest.mark.parametrize("protocol", ["random", "speaker", "corpus"])
def test_the_folds_evaluate_each_clip_exactly_once(clips, protocol):
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


def speaking(corpus: str, *sexes: str) -> pd.DataFrame:
    """An index of one corpus with a speaker for each of `sexes`, an emotion, three texts."""
    rows = [
        {"path": f"{corpus}/{i}_{text}", "corpus": corpus, "speaker": f"{corpus}/{i}", "sex": sex, "emotion": "fear"}
        for i, sex in enumerate(sexes)
        for text in range(3)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("female", "male", "folds"),
    [(0, 3, 3), (3, 3, 3), (0, 4, 4), (4, 1, 4), (2, 1, 3), (2, 2, 4), (5, 5, 5), (7, 2, 5)],
)
def test_of_few_speakers_there_are_as_many_folds_as_can_be_dealt_each_with_all_sides(female, male, folds):
    table = manifest(speaking("few", *["female"] * female, *["male"] * male), protocol="speaker")
    assert set(table.fold) == set(range(folds))
    for fold in range(folds):
        heard = sides(table, "speaker", fold)
        assert set(heard) == {"train", "validation", "evaluation"}
        assert heard["validation"] == sides(table, "speaker", (fold + 1) % folds)["evaluation"]
        assert sum(map(len, heard.values())) == len(set.union(*heard.values())) == female + male
    assert sorted(table.path[table.split == "evaluation"]) == sorted(table.path.unique())


def test_the_largest_corpus_of_a_profile_decides_how_many_folds_there_are():
    three, four = speaking("aa", "female", "male", "female", "male", "female", "male"), speaking("bb", *["male"] * 4)
    assert set(manifest(pd.concat([three, four]), protocol="speaker").fold) == set(range(4))
    ten = speaking("cc", *["female", "male"] * 5)
    table = manifest(pd.concat([three, four, ten]), protocol="speaker")
    assert set(table.fold) == set(range(5))
    assert sorted(table.path[table.split == "evaluation"]) == sorted(table.path.unique())


@pytest.mark.parametrize(
    ("sexes", "found"), [(["male"], [{"evaluation"}]), (["male", "female"], [{"train", "evaluation"}] * 2)]
)
def test_one_speaker_and_two_are_evaluated_once_and_spare_nobody(sexes, found):
    table = manifest(speaking("few", *sexes), protocol="speaker")
    assert [set(group.split) for _, group in table.groupby("fold")] == found
    assert sorted(table.path[table.split == "evaluation"]) == sorted(table.path.unique())


def test_tess_actress_trains_one_actress_and_evaluates_the_other(clips):
    table = manifest(clips, protocol="tess-actress")
    assert set(table.corpus) == {"tess"} and set(table.fold) == {0, 1}
    for fold, (evaluated, heard) in enumerate([("OAF", "YAF"), ("YAF", "OAF")]):
        found = sides(table, "speaker", fold)
        assert found["evaluation"] == {f"tess/{evaluated}"}
        assert found["train"] == found["validation"] == {f"tess/{heard}"}
    seen = table[table.split != "evaluation"]
    assert list(seen.split == "validation") == [hashed(path) % 10 == 1 for path in seen.path]


def test_corpus_evaluates_one_corpus_a_fold_in_the_order_of_their_keys(clips):
    table = manifest(clips, protocol="corpus")
    first = sides(manifest(clips, protocol="speaker"), "speaker", 0)["evaluation"]
    assert {fold: sides(table, "corpus", fold)["evaluation"] for fold in set(table.fold)} == {
        0: {"de"},
        1: {"en"},
        2: {"tess"},
    }
    for fold, corpus in enumerate(["de", "en", "tess"]):
        found = sides(table, "speaker", fold)
        expected = {speaker for speaker in first if not speaker.startswith((corpus, "tess"))}
        assert found["validation"] == expected and len(expected) > 0
        assert sum(map(len, found.values())) == len(set.union(*found.values())) == 21


PUBLISHED = {
    "ravdess-6fold": [
        *([1, 11, 20, 21], [4, 10, 12, 14], [8, 9, 19, 23]),
        *([3, 5, 7, 24], [2, 15, 16, 18], [6, 13, 17, 22]),
    ],
    "ravdess-5fold": [
        *([2, 5, 14, 15, 16], [3, 6, 7, 13, 18], [10, 11, 12, 19, 20], [8, 17, 21, 23, 24]),
        [1, 4, 9, 22],
    ],
}


@pytest.mark.parametrize("protocol", PUBLISHED)
def test_the_published_folds_of_ravdess_test_their_actors_and_the_next_ones_validate(clips, ravdess, protocol):
    table = manifest(pd.concat([clips, ravdess]), protocol=protocol)
    actors = [{f"ravdess/{actor:02d}" for actor in fold} for fold in PUBLISHED[protocol]]
    assert sorted(set.union(*actors)) == sorted(ravdess.speaker.unique()) and sum(map(len, actors)) == 24
    for fold, tested in enumerate(actors):
        found = sides(table, "speaker", fold)
        validating = actors[(fold + 1) % len(actors)]
        assert found == {
            "evaluation": tested,
            "validation": validating,
            "train": set.union(*actors) - tested - validating,
        }
    assert set(table.fold) == set(range(len(actors)))


def test_the_label_set_belongs_to_the_protocol():
    seven = ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
    own = {
        "ravdess-6fold": sorted([*seven, "calm"]),
        "ravdess-5fold": sorted([*seven, "calm"]),
        "emodb-speakers": ["anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness"],
    }
    for protocol in PROTOCOLS:
        assert split.get(protocol).labels == own.get(protocol, seven)


def test_each_speaker_of_emodb_is_left_out_once_and_the_next_one_validates(emodb):
    table = manifest(emodb, protocol="emodb-speakers")
    order = sorted(emodb.speaker.unique(), key=lambda speaker: hashed(speaker))
    for fold, speaker in enumerate(order):
        found, validating = sides(table, "speaker", fold), order[(fold + 1) % 10]
        assert found == {"evaluation": {speaker}, "validation": {validating}, "train": {*order} - {speaker, validating}}
    assert set(table.fold) == set(range(10)) and "boredom" in set(table.emotion)


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


def test_the_audit_finds_no_common_speaker_where_speakers_are_new(clips, ravdess, emodb):
    index = pd.concat([clips, ravdess, emodb])
    for protocol in PROTOCOLS:
        found = overlap(manifest(index, protocol=protocol), index=index)
        assert (found.paths == 0).all() and (found.recordings == 0).all()
        shared = found.speakers_share > 0.9 if protocol in ("hash", "random") else found.speakers == 0
        assert shared.all()


def test_the_composition_counts_every_clip_once_by_side_corpus_sex_and_emotion(clips):
    manifests = {protocol: manifest(clips, protocol=protocol) for protocol in ("speaker", "hash")}
    counts = audit.composition(manifests, index=clips)
    assert list(counts.columns[:5]) == ["protocol", "fold", "split", "corpus", "sex"]
    assert list(dict.fromkeys(counts.protocol)) == ["speaker", "hash"]  # as they were given
    assert list(dict.fromkeys(counts.split)) == ["train", "validation", "evaluation"]
    facts = clips.set_index("path")
    for row in counts.sample(12, random_state=0).itertuples():
        table = manifests[row.protocol]
        chosen = table[(table.fold == row.fold) & (table.split == row.split) & (table.corpus == row.corpus)]
        chosen = chosen[facts.sex[chosen.path].to_numpy() == row.sex]
        assert row.fear == (chosen.emotion == "fear").sum() and row.anger == (chosen.emotion == "anger").sum()
    assert counts[counts.columns[5:]].sum().sum() == sum(map(len, manifests.values()))


def test_the_condensed_composition_gives_the_fewest_and_the_most_clips_over_the_folds(clips):
    counts = audit.composition({"speaker": manifest(clips, protocol="speaker")}, index=clips)
    shown = audit.condensed(counts).set_index(["split", "corpus", "sex"])
    # six women in en: one or two of them a fold, eight texts each; one of two in tess, in two of five folds
    assert shown.loc[("evaluation", "en", "female")].to_dict() == {
        **{"protocol": "speaker", "folds": 5},
        **dict.fromkeys(["anger", "disgust", "fear", "happiness", "neutral", "sadness"], "8–16"),
    }
    assert (shown.folds[("evaluation", "tess", "female")], shown.anger[("evaluation", "tess", "female")]) == (2, "8")


def test_conflicts_are_the_contradictory_recordings_each_once():
    reason = "contradictory duplicate: the same audio with different labels (c/b is anger, c/a is fear)"
    rows = [("c/b", "x/b.wav", reason), ("c/a", "x/a.wav", reason), ("c/c", "x/c.wav", "silent: the peak")]
    rejected = pd.DataFrame([*rows, ("c/b", "y/b.wav", reason)], columns=["path", "file", "reason"])
    assert audit.conflicts(rejected).to_dict("list") == {"path": ["c/a", "c/b"], "reason": [reason, reason]}
    assert audit.conflicts(rejected.head(0)).empty
