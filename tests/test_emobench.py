"""EmoBench is frozen: its files are what they were, hold what they promise, and come out of any copy of the audio."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import conftest
import numpy as np
import pandas as pd
import pytest
import soundfile

from emolabs import paths, storage
from emolabs.corpora import REGISTRY, harmonize, index
from emolabs.standardization import (
    audit,
    copies,
    emobench,
    emobench_rules,
    near_duplicates,
    sample_id,
    split,
    waveforms,
)
from emolabs.standardization.normalization import Normalization

PROTOCOLS = ["speaker", "corpus", "hash", "random", "ravdess-6fold", "ravdess-5fold", "tess-actress"]
ALL_ONCE = {"speaker", "corpus", "random", "ravdess-6fold", "ravdess-5fold", "tess-actress"}
NEW_SPEAKERS = {"speaker", "corpus", "ravdess-6fold", "ravdess-5fold", "tess-actress"}
SEVEN = ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
#: SHA-256 of each frozen file, and how its first and its last row begin and end.
FIRST = "00EsAV5BD6DP6jopYDMp28gioYzwOTwOlgLnJviHqKO,cremad/1017_TIE_ANG_XX,cremad,cremad/1017,anger,0"
LAST = "yhWxRibSidifEUWHusDnqmCj4ymVU0yzcFAEaoBkXWJ,cremad/1083_TSI_DIS_XX,cremad,cremad/1083,disgust"
ACTORS = (
    "01jGzYocyfaPVZbj0mT8KDPLgurhl36FhD1zQIRZRTR,ravdess/03-01-06-01-02-01-09,ravdess,ravdess/09,fear,0,train",
    "yh9lnlMt0XCdgHtzDIyEoNg5cMmXany944yuL4zIB6n,ravdess/03-01-06-01-02-02-02,ravdess,ravdess/02,fear",
)
GOLDEN = {
    "speaker.csv": (
        "eb4b3f4b3b15ab6bc10c73312ce1fd7cf410ca2d7fd27f607760f7a9a17091a8",
        f"{FIRST},evaluation",
        f"{LAST},4,evaluation",
    ),
    "corpus.csv": (
        "b0e74259fdf6da5150d5785f6fbb224efef2a9a0f1b0fa463241ddc630c76332",
        f"{FIRST},evaluation",
        f"{LAST},4,train",
    ),
    "hash.csv": (
        "9cde6c53695a7a1aba3bfa55df7c61e51942aee4176c455d83d205a3d45bfa87",
        f"{FIRST},train",
        f"{LAST},0,train",
    ),
    "random.csv": (
        "8eb8345109ce14dd273ec03c27a0f35e17bf5ec48a58f1d80538574d80a04105",
        f"{FIRST},train",
        f"{LAST},4,train",
    ),
    "ravdess-6fold.csv": (
        "a0bb7fcf297e5e242c62b8e3a69c52bfa2e6fca7e6eb9bed730c907d5bb0fa54",
        ACTORS[0],
        f"{ACTORS[1]},5,train",
    ),
    "ravdess-5fold.csv": (
        "b81568e5a18b0b7dabd73eef7f2f94aea58a1d1c1d5680ed4edeed31f34411c0",
        ACTORS[0],
        f"{ACTORS[1]},4,validation",
    ),
    "tess-actress.csv": (
        "d77ceff7be76b22e248f4023490c636eb49bed84ccb6055767b20dcfafae3f3c",
        "00gV15uQX9OuiftC7Oujauh0Z2ghGYpKqI1mwfYEpF3,tess/YAF_loaf_happy,tess,tess/YAF,happiness,0,train",
        "yh473b5I5OIiCG3B3tqRaEwFz4pTqRS1UXlworgJvbM,tess/YAF_live_happy,tess,tess/YAF,happiness,1,evaluation",
    ),
    "excluded.csv": (
        "c7fa46192aeed11bd67583cbeb0ef47abbf2a579e294709e7fe15f719e654ebc",
        'cremad/1006_TIE_HAP_XX,"contradictory duplicate: the same audio with different labels '
        '(cremad/1006_TIE_HAP_XX is happiness, cremad/1006_TIE_NEU_XX is neutral)"',
        "ravdess/03-01-03-01-02-02-07,duplicate recording: the same audio as ravdess/03-01-03-01-02-01-07",
    ),
    "version.json": (
        "ac4ac990e77dcad4d8c7d87232569b2b62961a4565e453eac5087b0f31faccbe",
        '  "version": "emobench-1",',
        "}",
    ),
}
#: SHA-256 of `SHA256SUMS`.
SUMS = "2857247925a5f83f5e643233b9ffc8bb1a180ceb8b641b5aeb4adc7716278b68"
#: Recordings that are equal in every copy of the corpora, and the silent one.
EQUAL = {
    "cremad/1006_TIE_NEU_XX": "cremad/1006_TIE_HAP_XX",
    "cremad/1013_WSI_SAD_XX": "cremad/1013_WSI_DIS_XX",
    "cremad/1017_IWW_FEA_XX": "cremad/1017_IWW_ANG_XX",
    "ravdess/03-01-03-01-02-02-07": "ravdess/03-01-03-01-02-01-07",
}
SILENT = "cremad/1076_MTI_SAD_XX"


@pytest.fixture(scope="module")
def frozen() -> dict[str, pd.DataFrame]:
    """The frozen manifests by protocol."""
    return {protocol: emobench.load(protocol) for protocol in PROTOCOLS}


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of the frozen files that a test may damage."""
    return Path(shutil.copytree(paths.EMOBENCH, tmp_path / "emobench"))


def indexed(clips: pd.DataFrame) -> pd.DataFrame:
    """What an index says of these rows of a manifest."""
    return clips.drop_duplicates("path")[["path", "corpus", "speaker", "emotion"]]


class TestFrozenFiles:
    @pytest.mark.parametrize("name", GOLDEN)
    def test_they_have_their_golden_bytes_and_rows(self, name):
        digest, first, last = GOLDEN[name]
        content = (paths.EMOBENCH / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        lines = content.decode("utf-8").splitlines()
        assert (lines[1], lines[-1]) == (first, last)

    def test_the_checksums_are_those_of_sha256sum_for_every_file_but_the_card(self):
        written = (paths.EMOBENCH / "SHA256SUMS").read_text()
        assert written == "".join(f"{GOLDEN[name][0]}  {name}\n" for name in sorted(GOLDEN))
        assert sorted(os.listdir(paths.EMOBENCH)) == sorted([*GOLDEN, "README.md", "SHA256SUMS"])

    @pytest.mark.skipif(not shutil.which("sha256sum"), reason="no sha256sum on this machine")
    def test_sha256sum_agrees(self):
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=paths.EMOBENCH, check=True)

    def test_the_card_follows_from_them(self):
        assert (paths.EMOBENCH / "README.md").read_text(encoding="utf-8") == emobench.card(), (
            "run `python -m emolabs.standardization.emobench card`"
        )

    def test_the_version_is_there_for_machines(self, frozen):
        about = storage.read_json(paths.EMOBENCH / "version.json")
        assert about["version"] == "emobench-1" and list(about["protocols"]) == PROTOCOLS
        for protocol, facts in about["protocols"].items():
            assert facts["labels"] == split.get(protocol).labels
            assert facts["folds"] == frozen[protocol].fold.nunique()
            assert sum(facts["clips"].values()) == frozen[protocol].path.nunique()


@pytest.mark.parametrize("protocol", PROTOCOLS)
class TestManifest:
    def test_has_the_agreed_form(self, frozen, protocol):
        table = frozen[protocol]
        assert list(table.columns) == ["id", "path", "corpus", "speaker", "emotion", "fold", "split"]
        assert list(zip(table.fold, table.id, strict=True)) == sorted(zip(table.fold, table.id, strict=True))
        clips = table.drop_duplicates("path")
        assert list(clips.id) == [sample_id(path) for path in clips.path]
        assert set(table.split) == {"train", "validation", "evaluation"}
        assert set(table.fold) == set(range(table.fold.max() + 1))

    def test_has_every_clip_once_a_fold_and_evaluates_each_once_where_it_promises_to(self, frozen, protocol):
        table = frozen[protocol]
        assert not table.duplicated(["fold", "path"]).any()
        assert (table.groupby("path").size() == table.fold.nunique()).all()
        evaluated = table.path[table.split == "evaluation"]
        assert evaluated.is_unique
        assert (len(evaluated) == table.path.nunique()) == (protocol in ALL_ONCE)

    def test_shares_no_speaker_between_any_two_sides_where_speakers_are_new(self, frozen, protocol):
        for _, fold in frozen[protocol].groupby("fold"):
            heard = {side: set(clips.speaker) for side, clips in fold.groupby("split")}
            shared = heard["evaluation"] & (heard["train"] | heard["validation"])
            assert bool(shared) == (protocol not in NEW_SPEAKERS)
            if protocol in NEW_SPEAKERS - {"tess-actress"}:  # the actress in training validates, too
                assert not heard["train"] & heard["validation"]

    def test_has_the_label_set_and_the_published_counts_without_what_is_excluded(self, frozen, protocol):
        labels = sorted([*SEVEN, "calm"]) if protocol.startswith("ravdess") else SEVEN
        clips = frozen[protocol].drop_duplicates("path")
        keys = {"ravdess-6fold": ["ravdess"], "ravdess-5fold": ["ravdess"], "tess-actress": ["tess"]}
        excluded = pd.read_csv(paths.EMOBENCH / "excluded.csv").path
        assert not clips.path.isin(excluded).any()
        expected = {}
        for key in keys.get(protocol, ["cremad", "emodb", "ravdess", "savee", "tess"]):
            counts = {emotion: n for emotion, n in REGISTRY[key].counts.items() if emotion in labels}
            for path in excluded[excluded.str.startswith(f"{key}/")]:
                counts[harmonize(REGISTRY[key].parse(path.split("/")[1]).source_emotion)] -= 1
            expected |= {(key, emotion): count for emotion, count in counts.items()}
            assert clips.speaker[clips.corpus == key].nunique() == REGISTRY[key].speakers
        assert clips.groupby(["corpus", "emotion"]).size().to_dict() == expected

    def test_says_of_each_clip_what_its_name_says(self, frozen, protocol):
        for row in frozen[protocol].drop_duplicates("path").sample(300, random_state=0).itertuples():
            said = REGISTRY[row.corpus].parse(row.path.split("/")[1])
            assert (f"{row.corpus}/{said.name}", f"{row.corpus}/{said.speaker}") == (row.path, row.speaker)
            assert harmonize(said.source_emotion) == row.emotion


def test_corpus_evaluates_the_corpora_in_the_order_of_their_keys(frozen):
    evaluated = frozen["corpus"][frozen["corpus"].split == "evaluation"].groupby("fold").corpus.unique().map(list)
    assert list(evaluated) == [["cremad"], ["emodb"], ["ravdess"], ["savee"], ["tess"]]


def test_committed_results_rest_on_the_frozen_partitions_of_their_corpora(frozen):
    runs = sorted(paths.results("thesis").glob("*/*/*/fold*/seed*/run.json"))
    assert runs
    digests = {}
    for file in runs:
        run = storage.read_json(file)
        made, rests_on = run["made_from"], run["data"]["corpora"]
        if made["protocol"] not in PROTOCOLS:
            continue  # made by the rules, see `emobench.partition`
        key = made["protocol"], made["fold"], tuple(rests_on)
        if key not in digests:
            clips = frozen[made["protocol"]]
            clips = clips[(clips.fold == made["fold"]) & clips.corpus.isin(rests_on)]
            digests[key] = storage.digest(clips[["id", "split", "emotion"]].values.tolist())
        assert digests[key] == made["manifest"], file


def edit_file_and_sum(folder: Path) -> None:
    """What `sha256sum --check` would let pass."""
    edited = (folder / "speaker.csv").read_bytes().replace(b"validation", b"train", 1)
    (folder / "speaker.csv").write_bytes(edited)
    sums = (folder / "SHA256SUMS").read_text().replace(GOLDEN["speaker.csv"][0], hashlib.sha256(edited).hexdigest())
    (folder / "SHA256SUMS").write_text(sums)


def drop_a_line(folder: Path) -> None:
    sums = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
    (folder / "SHA256SUMS").write_text("".join(line for line in sums if "speaker.csv" not in line))


#: What may have happened to the sums.
EDITS = {
    "changed with a file": edit_file_and_sum,
    "a line lost": drop_a_line,
    "a line without two fields": lambda folder: (folder / "SHA256SUMS").write_text("<<<<<<< HEAD\n"),
    "no text": lambda folder: (folder / "SHA256SUMS").write_bytes(b"\xff\xfe\x00"),
    "empty": lambda folder: (folder / "SHA256SUMS").write_bytes(b""),
}


class TestReading:
    @pytest.mark.parametrize("name", ["speaker.csv", "excluded.csv", "version.json"])
    def test_an_edited_file_is_refused_with_both_sums(self, copy, name):
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content.replace(b"a", b"b", 1))
        with pytest.raises(ValueError) as error:
            emobench.read(name, folder=copy)
        sums = [hashlib.sha256(text).hexdigest() for text in (content, (copy / name).read_bytes())]
        assert f"expected the SHA-256 {sums[0]}, found {sums[1]}" in str(error.value)
        assert f"{copy / name} is not what was frozen" in str(error.value) and "git checkout" in str(error.value)

    def test_a_file_that_has_no_sum_is_refused(self, copy):
        with pytest.raises(ValueError, match="README.md is not what was frozen: expected the SHA-256 None"):
            emobench.read("README.md", folder=copy)

    @pytest.mark.parametrize("edit", EDITS)
    def test_sums_that_were_changed_with_a_file_lost_a_line_or_are_no_sums_are_refused(self, copy, capsys, edit):
        EDITS[edit](copy)
        found = hashlib.sha256((copy / "SHA256SUMS").read_bytes()).hexdigest()
        said = f"SHA256SUMS is not what was frozen: expected the SHA-256 {SUMS} (emobench-1), found {found}. It was"
        with pytest.raises(ValueError, match=re.escape(said)):
            emobench.load("speaker", folder=copy)
        with pytest.raises(SystemExit, match=re.escape(said)):
            emobench.main(["check"], folder=copy)

    @pytest.mark.parametrize("name", ["speaker.csv", "SHA256SUMS"])
    def test_a_missing_file_is_a_sentence(self, copy, name):
        (copy / name).unlink()
        with pytest.raises(FileNotFoundError, match=rf"no .*{name}: restore it from the repository"):
            emobench.load("speaker", folder=copy)

    def test_an_unknown_protocol_and_another_version_are_sentences(self, frozen):
        with pytest.raises(ValueError, match="EmoBench has no protocol 'folds': expected one of speaker, corpus, hash"):
            emobench.load("folds")
        with pytest.raises(ValueError, match=r"ask for the benchmark 'emobench-9', and .* holds 'emobench-1'"):
            emobench.partition(indexed(frozen["speaker"]), protocol="speaker", benchmark="emobench-9")


class TestPart:
    def test_whoever_has_everything_has_the_frozen_manifest(self, frozen):
        for protocol in ("hash", "corpus", "ravdess-6fold"):
            part, sentences = emobench.restrict(frozen[protocol], index=indexed(frozen[protocol]), protocol=protocol)
            assert part.equals(frozen[protocol]) and sentences == []

    def test_a_protocol_that_is_not_frozen_is_made_by_the_rules_and_says_so(self, frozen):
        here = indexed(frozen["speaker"])
        part, sentences = emobench.partition(here, protocol="emodb-speakers", benchmark="emobench-1")
        assert part.equals(split.manifest(here, protocol="emodb-speakers"))
        assert sentences == ["not frozen in emobench-1: partitioned by the rules"]

    @pytest.mark.parametrize("protocol", ["hash", "random", "speaker", "tess-actress", "ravdess-6fold"])
    def test_without_savee_it_is_what_the_rules_give(self, frozen, protocol):
        everything = pd.concat([frozen["hash"], frozen["ravdess-6fold"]]).drop_duplicates("path")
        here = indexed(everything[everything.corpus != "savee"])
        here["sex"] = [REGISTRY[p.split("/")[0]].parse(p.split("/")[1]).sex for p in here.path]
        part, sentences = emobench.partition(here, protocol=protocol, benchmark="emobench-1")
        assert part.equals(split.manifest(here, protocol=protocol))
        pooled = protocol in ("hash", "random", "speaker")
        assert sentences == (["savee: 480 of 480 clips are missing, such as savee/DC_a01"] if pooled else [])

    def test_folds_keep_their_numbers_and_what_is_missing_is_said(self, frozen):
        here = indexed(frozen["corpus"])
        here = here[(here.corpus != "savee") & (here.path != "tess/OAF_back_angry")]
        part, sentences = emobench.restrict(frozen["corpus"], index=here, protocol="corpus")
        assert sorted(part.fold.unique()) == [0, 1, 2, 4]
        assert len(part.merge(frozen["corpus"])) == len(part)  # rows of the frozen file
        assert sentences == [
            "savee: 480 of 480 clips are missing, such as savee/DC_a01",
            "tess: 1 of 2,800 clips are missing, such as tess/OAF_back_angry",
            "fold 3: left out, without clips on every side",
        ]

    def test_a_fold_that_could_not_be_validated_is_left_out(self, frozen):
        """TESS gives no validation clips, so EmoDB alone with TESS cannot be held out."""
        both = frozen["corpus"][frozen["corpus"].corpus.isin(["tess", "emodb"])].drop_duplicates("path")
        part, sentences = emobench.restrict(frozen["corpus"], index=both, protocol="corpus")
        assert part.groupby("fold").split.nunique().eq(3).all() and set(part[part.split == "evaluation"].corpus) == {
            "tess"
        }
        assert any(sentence.startswith("fold ") and "1" in sentence for sentence in sentences)

    def test_clips_that_it_excludes_or_does_not_know_are_left_out_and_said(self, frozen):
        more = [
            ("cremad/1006_TIE_HAP_XX", "cremad", "cremad/1006", "happiness"),
            ("emosynth-en/x", "emosynth-en", "emosynth-en/v", "anger"),
            ("emodb/03a01La", "emodb", "emodb/03", "boredom"),  # no label of the protocol: nothing to say
        ]
        here = pd.concat(
            [indexed(frozen["speaker"]), pd.DataFrame(more, columns=["path", "corpus", "speaker", "emotion"])]
        )
        part, sentences = emobench.restrict(frozen["speaker"], index=here, protocol="speaker")
        assert part.equals(frozen["speaker"])
        assert sentences == [
            "cremad: 1 of 7,436 clips are here and excluded from EmoBench, such as cremad/1006_TIE_HAP_XX",
            "emosynth-en: 1 of 1 clips are here and unknown to EmoBench, such as emosynth-en/x",
        ]

    def test_where_no_fold_is_left_it_says_what_is_missing(self, frozen):
        here = indexed(frozen["corpus"])
        with pytest.raises(
            ValueError, match=r"nothing is left of corpus: no fold .*\(cremad: 7,435 of 7,435 clips are"
        ):
            emobench.restrict(frozen["corpus"], index=here[here.corpus == "tess"], protocol="corpus")


class TestFreezing:
    @pytest.fixture
    def files(self) -> dict[str, str]:
        return {file.name: file.read_text(encoding="utf-8") for file in paths.EMOBENCH.iterdir()}

    def test_a_frozen_version_is_never_changed(self, copy, files):
        files["speaker.csv"] = files["speaker.csv"].replace("validation", "train", 1)
        with pytest.raises(
            ValueError, match=r"emobench-1 is frozen, and speaker.csv would change: a changed partition"
        ):
            emobench.freeze(files, folder=copy)
        assert (copy / "speaker.csv").read_bytes() == (paths.EMOBENCH / "speaker.csv").read_bytes()

    def test_the_wording_of_the_card_is_no_part_of_the_version(self, copy, files):
        emobench.freeze(files | {"README.md": "# other words\n"}, folder=copy)
        assert (copy / "README.md").read_text() == "# other words\n"
        assert emobench.differing(files, folder=copy) == ["README.md"]

    @pytest.fixture
    def second(self, monkeypatch, files) -> dict[str, str]:
        """A version in which a clip of `hash` has another side."""
        changed = files | {"hash.csv": files["hash.csv"].replace("validation", "train", 1)}
        changed["version.json"] = files["version.json"].replace("emobench-1", "emobench-2")
        names = sorted(set(changed) - {"README.md", "SHA256SUMS"})
        sums = {name: hashlib.sha256(changed[name].encode()).hexdigest() for name in names}
        changed["SHA256SUMS"] = "".join(f"{sums[name]}  {name}\n" for name in names)
        digest = hashlib.sha256(changed["SHA256SUMS"].encode()).hexdigest()
        monkeypatch.setattr(emobench_rules, "VERSION", "emobench-2")
        monkeypatch.setattr(emobench_rules, "FROZEN", {"emobench-1": SUMS, "emobench-2": digest})
        return changed

    def test_a_version_that_is_not_there_yet_is_written_whole(self, files, tmp_path):
        emobench.freeze(files, folder=tmp_path / "new")
        assert emobench.differing(files, folder=tmp_path / "new") == []
        assert sorted(os.listdir(tmp_path / "new")) == sorted(files)

    def test_a_new_version_keeps_the_one_before_it_and_both_can_be_used(self, copy, files, second, frozen):
        emobench.freeze(second, folder=copy)
        assert emobench.differing(second, folder=copy) == []
        assert emobench.differing(files, folder=copy / "emobench-1") == []
        here = indexed(frozen["hash"])
        for version, expected in {"emobench-1": files, "emobench-2": second}.items():
            part, _ = emobench.partition(here, protocol="hash", benchmark=version, folder=copy)
            assert split.csv(part) == expected["hash.csv"]
        with pytest.raises(ValueError, match=r"'emobench-3', and .* holds 'emobench-2', 'emobench-1': name that"):
            emobench.partition(here, protocol="hash", benchmark="emobench-3", folder=copy)
        emobench.freeze(second | {"README.md": "# other words\n"}, folder=copy)
        assert emobench.differing(files, folder=copy / "emobench-1") == []

    def test_what_is_kept_is_checked_with_the_rest(self, copy, second):
        emobench.freeze(second, folder=copy)
        emobench.check(folder=copy)
        (copy / "emobench-1" / "speaker.csv").write_text("id\n")
        with pytest.raises(ValueError, match=r"emobench-1/speaker.csv is not what was frozen"):
            emobench.check(folder=copy)

    def test_a_version_that_the_code_does_not_know_is_refused_with_the_line_to_add(self, copy, second, monkeypatch):
        digest = emobench_rules.FROZEN["emobench-2"]
        monkeypatch.setattr(emobench_rules, "FROZEN", {"emobench-1": SUMS})
        with pytest.raises(
            ValueError, match=f"does not know emobench-2 .*: enter 'emobench-2': '{digest}' into FROZEN"
        ):
            emobench.freeze(second, folder=copy)
        assert sorted(os.listdir(copy)) == sorted([*GOLDEN, "README.md", "SHA256SUMS"])
        assert emobench.load("hash", folder=copy).equals(emobench.load("hash"))

    def test_the_command_says_whether_every_byte_is_as_it_was_and_writes_the_card_anew(self, copy, capsys):
        emobench.main(["check"], folder=copy)
        assert "every byte as it was frozen" in capsys.readouterr().out
        (copy / "README.md").write_text("edited")
        with pytest.raises(SystemExit, match=r"emobench-1 in .* differs: README.md"):
            emobench.main(["check"], folder=copy)
        emobench.main(["card"], folder=copy)
        emobench.main(["check"], folder=copy)

    def test_the_command_rebuilds_from_an_index_or_says_what_is_missing(self, project):
        with pytest.raises(SystemExit, match=r"no table at .*rejected.csv: run notebooks/10_indexing.ipynb first"):
            emobench.main(["rebuild", "tiny"])


def noise(name: str, *, samples: int) -> np.ndarray:
    """A recording of its own for every name, int16 [samples]; equal where it is in every copy, silent for one."""
    seed = np.random.SFC64(zlib.crc32(EQUAL.get(name, name).encode()))
    return np.random.Generator(seed).integers(-9000, 9000, samples, np.int16) * np.int16(name != SILENT)


def write(root: Path, path: str, folder: str, *, samples: int, suffix: str = ".wav", **format: str) -> None:
    """Write the recording of a project path under `root`, in `folder` and as `format`."""
    key, name = path.split("/")
    file = root / folder.format(key=key, KEY=key.upper(), initial=name[0]) / f"{name}{suffix}"
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, noise(path, samples=samples), 16_000, **({"format": "WAV", "subtype": "PCM_16"} | format))


def test_any_complete_copy_of_the_corpora_gives_the_frozen_bytes(monkeypatch, frozen):
    """All 12,697 names in another mirror's folders, TESS twice; what decoding would say of them is made up."""
    used = pd.concat([frozen["hash"], frozen["ravdess-6fold"]]).path.unique()
    texts = ["a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10"]
    bored = [f"emodb/{speaker}{text}L{take}" for speaker in ("03", "08", "09") for text in texts for take in "abc"]
    names = sorted({*used, *EQUAL, *EQUAL.values(), SILENT, *bored[:81]}, key=sample_id)  # in no order of the names
    files = {
        f"{path.split('/')[0].upper()}/mirror {i % 3}/{Path(path).name}.flac": path for i, path in enumerate(names)
    }
    files |= {f"TESS/again/{Path(path).name}.wav": path for path in names if path.startswith("tess/")}

    def examine(recordings: list[Path], **_) -> list[dict]:
        heard = [files[file.relative_to(paths.raw("tess")).as_posix()] for file in recordings]
        sound = {"sample_rate": 16_000, "channels": 1, "subtype": "PCM_16", "duration_s": 1.0}
        silent = {"reason": "silent: the peak is below -80 dBFS"}
        return [silent if path == SILENT else sound | {"pcm_sha256": EQUAL.get(path, path)} for path in heard]

    monkeypatch.setattr(index, "files", lambda corpus: [f for f in files if files[f].split("/")[0] == corpus.key])
    monkeypatch.setattr(index, "examine", examine)
    table, rejected = index.build([REGISTRY[key] for key in ("tess", "savee", "ravdess", "emodb", "cremad")])
    assert len(table) == 12_697 - 8 and len(rejected) == 8 + 2_800
    for here in (table, table[table.corpus != "savee"]):  # heard, and from its published naming
        assert emobench.differing(emobench.build(here.sample(frac=1, random_state=0), rejected=rejected)) == []
    with pytest.raises(ValueError, match="from complete corpora, and emodb has 534 of 535 recordings"):
        emobench.build(table[table.path != "emodb/03a01La"], rejected=rejected)


def test_the_real_corpora_give_the_frozen_bytes_and_what_they_rest_on_is_sound(indexed_corpora, frozen):
    table, rejected = indexed_corpora
    assert len(table) + len(rejected) == 12_217
    assert emobench.differing(emobench.build(table, rejected=rejected)) == []
    assert sorted(rejected.path) == sorted([*EQUAL, *list(EQUAL.values())[:3], SILENT])
    for protocol in PROTOCOLS:
        part, _ = emobench.partition(table, protocol=protocol, benchmark="emobench-1")
        if protocol != "corpus":  # whose folds keep their numbers
            assert part.equals(split.manifest(table, protocol=protocol))
        found = audit.overlap(part, index=table)
        assert (found.paths == 0).all() and (found.recordings == 0).all()
        assert (found.speakers_share == (0 if protocol in NEW_SPEAKERS else 1)).all()
        assert (found.texts_share == (0 if protocol == "corpus" else 1)).all()
    assert list(audit.conflicts(rejected).path) == sorted([*list(EQUAL)[:3], *list(EQUAL.values())[:3]])


SMALL = [
    *(f"ravdess/03-01-{code}-01-01-01-{actor:02d}" for actor in range(1, 25) for code in ("02", "05")),
    *(f"cremad/{actor}_DFA_{emotion}_XX" for actor in range(1001, 1013) for emotion in ("ANG", "SAD")),
    *(f"tess/{who}_{word}_{label}" for who in ("OAF", "YAF") for word in ("back", "bite") for label in ("ps", "sad")),
    *(f"savee/{speaker}_{name}" for speaker in ("DC", "JE", "JK", "KL") for name in ("a01", "su01", "sa01")),
    *(f"emodb/{speaker}a01{label}a" for speaker in ("03", "08", "09", "10", "11", "12") for label in "WL"),
    *(*EQUAL, *EQUAL.values(), SILENT),
]  # fmt: skip
KEYS = ["cremad", "emodb", "ravdess", "savee", "tess"]


def outcome(root: Path, *, workers: int = 1, keys: list[str] = KEYS) -> dict[str, str]:
    """Every manifest and the exclusions of the corpora under `root`, as text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOLABS_RAW", str(root))
        table, rejected = index.build([REGISTRY[key] for key in keys], workers=workers)
    made = {protocol: split.csv(split.manifest(table, protocol=protocol)) for protocol in PROTOCOLS}
    return made | {"excluded": emobench_rules.exclusions(table, rejected=rejected).to_csv(index=False)}


def grow(root: Path, *, folder: str = "{key}/für {initial}", names: list[str] = SMALL, **format: str) -> Path:
    for path in names:
        write(root, path, folder, samples=800, **format)
    return root


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return grow(tmp_path_factory.mktemp("small"))


def doubled(root: Path) -> Path:
    grow(root)
    return grow(root, folder="{key}/copy/{initial}")


#: Codecs that keep every sample, as the recordings that are equal need it, and others.
LOSSLESS = [
    {"suffix": ".wav"},
    {"suffix": ".flac", "format": "FLAC"},
    {"suffix": ".aiff", "format": "AIFF"},
    {"suffix": ".flac", "format": "FLAC", "subtype": "PCM_24"},
]
LOSSY = [
    {"suffix": ".opus", "format": "OGG", "subtype": "OPUS"},
    {"suffix": ".ogg", "format": "OGG", "subtype": "VORBIS"},
    {"suffix": ".mp3", "format": "MP3", "subtype": "MPEG_LAYER_III"},
]


def mixed(root: Path) -> Path:
    """Every clip in a codec of its own, recordings that are equal in two that keep every sample."""
    for i, path in enumerate(SMALL):
        codecs = LOSSLESS if path in {*EQUAL, *EQUAL.values()} else LOSSLESS + LOSSY
        write(root, path, "{key}", samples=800, **codecs[i % len(codecs)])
    return root


def broken(root: Path) -> Path:
    """A second copy of clips is a pointer, cut short or silent."""
    grow(root)
    for path in ("cremad/1001_DFA_ANG_XX", "cremad/1002_DFA_ANG_XX"):
        write(root, path, "{key}/z", samples=800)
    (root / "cremad/z/1001_DFA_ANG_XX.wav").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    soundfile.write(root / "cremad/z/1002_DFA_ANG_XX.wav", np.zeros(800, np.int16), 16_000)
    return root


#: Copies of the same recordings that must not be told apart.
COPIES: dict[str, Callable[[Path], Path]] = {
    "files in another order": lambda root: grow(root, names=SMALL[::-1]),
    "FLAC": lambda root: grow(root, suffix=".flac", format="FLAC"),
    "AIFF under another ending": lambda root: grow(root, format="AIFF"),
    "Opus": lambda root: grow(root, suffix=".opus", format="OGG", subtype="OPUS"),
    "a codec for every clip": mixed,
    "upper-case folders": lambda root: grow(root, folder="{KEY}/AUDIO/{initial}"),
    "flat": lambda root: grow(root, folder="{key}"),
    "doubled": doubled,
    "with broken second copies": broken,
}


@pytest.fixture(scope="module")
def expected(small) -> dict[str, str]:
    """What comes out of the copy in `small`."""
    return outcome(small)


@pytest.mark.parametrize("kind", COPIES)
def test_no_byte_depends_on_layout_codec_or_order_of_the_files(expected, tmp_path, kind):
    assert "contradictory" in expected["excluded"] and len(expected["excluded"].splitlines()) == 9
    assert outcome(COPIES[kind](tmp_path)) == expected


#: Recordings that are equal: two names, and what these contradict each other in.
PAIRS = {
    "contradictory": ("cremad/1006_TIE_HAP_XX", "cremad/1006_TIE_NEU_XX", "emotion"),
    "duplicate": ("ravdess/03-01-03-01-02-01-07", "ravdess/03-01-03-01-02-02-07", ""),
}
#: What one of two equal recordings went through.
CHANGES = {
    "Opus": lambda wave: (wave, 16_000, {"format": "OGG", "subtype": "OPUS"}),
    "MP3": lambda wave: (wave, 16_000, {"format": "MP3", "subtype": "MPEG_LAYER_III"}),
    "another rate": lambda wave: (*copies.resample(wave, 16_000, to_hz=22_050), {}),
    "another level": lambda wave: (0.5 * wave, 16_000, {}),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("pair", PAIRS)
def test_one_of_two_equal_recordings_re_encoded_is_seen_by_the_search_and_barred_by_the_frozen_files(
    raw, project, frozen, pair, change
):
    """Samples no longer say that they are equal: the index keeps both, and this is what guards the partitions."""
    first, second, conflict = PAIRS[pair]
    wave, rate_hz, format = CHANGES[change](conftest.voice(3, duration_s=1.2).astype(np.float32))
    raw.write(f"{first}.wav", conftest.voice(3, duration_s=1.2))
    raw.write(f"{second}.wav", wave, rate_hz=rate_hz, **format)
    others = frozen["hash"].drop_duplicates(["corpus", "split"])
    for path in others[others.corpus == first.split("/")[0]].path:
        raw.write(f"{path}.wav")
    table, rejected = index.build([REGISTRY[first.split("/")[0]]], workers=1)
    assert rejected.empty and {first, second} < set(table.path)

    store = waveforms.build(table, profile="tiny", steps=Normalization())
    found = near_duplicates.search(store)
    assert found[["first", "second"]].to_numpy().tolist() == [[first, second]]
    told = near_duplicates.describe(found, index=table, manifests={})
    assert told.conflict.tolist() == [conflict]

    part, sentences = emobench.partition(table, protocol="hash", benchmark="emobench-1")
    barred = {first, second} & set(pd.read_csv(paths.EMOBENCH / "excluded.csv").path)
    assert barred == ({first, second} if conflict else {second})
    assert set(part.path) == set(table.path) - barred
    assert any("are here and excluded from EmoBench" in sentence for sentence in sentences)


def test_by_the_rules_alone_a_re_encoded_pair_comes_back_and_nothing_else_changes(expected, tmp_path):
    """Which is why `freeze` and `rebuild` want copies in which equal recordings are equal, and say what differs."""
    first, second, _ = PAIRS["contradictory"]
    grow(tmp_path, names=[path for path in SMALL if path != second])
    write(tmp_path, second, "{key}", samples=800, suffix=".opus", format="OGG", subtype="OPUS")
    now = outcome(tmp_path)
    for name, text in expected.items():
        lines = set(now[name].splitlines()) ^ set(text.splitlines())
        assert all(first in line or second in line for line in lines), name
        assert bool(lines) == (name not in ("ravdess-6fold", "ravdess-5fold", "tess-actress"))


def test_no_byte_depends_on_the_number_of_workers_or_the_order_of_corpora(small, expected):
    assert outcome(small, workers=2, keys=KEYS[::-1]) == expected


#: Surroundings of a process that must not matter.
SURROUNDINGS = {
    "hash seed and working directory": {"PYTHONHASHSEED": "4242", "PWD": "/"},
    "locale, time zone and hash seed": {"PYTHONHASHSEED": "1", "LC_ALL": "C", "LANG": "C", "TZ": "Pacific/Kiritimati"},
}


@pytest.mark.parametrize("kind", SURROUNDINGS)
def test_no_byte_depends_on_the_surroundings_of_the_process(small, expected, kind):
    here = Path(__file__).resolve().parent
    surroundings = {"PYTHONPATH": os.pathsep.join([str(here.parent), str(here)]), "PWD": str(here)} | SURROUNDINGS[kind]
    code = "import sys, test_emobench as t; print(t.storage.digest(t.outcome(t.Path(sys.argv[1]))))"
    command = [sys.executable, "-c", code, str(small)]
    options = {"env": os.environ | surroundings, "cwd": surroundings["PWD"], "capture_output": True, "text": True}
    assert subprocess.run(command, check=True, **options).stdout.strip() == storage.digest(expected)


def test_the_committed_audit_counts_what_the_frozen_files_hold(frozen):
    """Sides and shared speakers of every protocol and fold, for the four corpora that were examined."""
    committed = pd.read_csv(paths.figures("thesis") / "11_overlap.csv").set_index(["protocol", "fold"])
    assert set(committed.index.get_level_values("protocol")) == {*PROTOCOLS, "emodb-speakers"}
    for protocol, manifest in frozen.items():
        for fold, clips in manifest[manifest.corpus != "savee"].groupby("fold"):
            sides = {side: clips[clips.split == side] for side in split.SPLITS}
            if not len(sides["evaluation"]):
                continue  # SAVEE's own fold
            line = committed.loc[(protocol, fold)]
            assert [line[side] for side in split.SPLITS] == [len(sides[side]) for side in split.SPLITS]
            heard = {*sides["train"].speaker, *sides["validation"].speaker}
            assert line.speakers == len(heard & set(sides["evaluation"].speaker))
            assert line.paths == line.recordings == 0
