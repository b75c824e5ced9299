"""The index accounts for every file it finds: what is sound is described, what has a fault is named with its reason."""

import os
import shutil
import struct
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import Raw, voice

from emolabs import paths
from emolabs.corpora import REGISTRY, audio, index

NAME = "ravdess/Actor_12/03-01-05-01-02-01-12"
OTHER = "ravdess/Actor_12/03-01-05-01-02-02-12"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 72862\n"
TRUNCATED = "truncated: the file ends before its header says"
UNDECODABLE = "undecodable: "


def build(*keys: str, workers: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The index of these corpora, after checking that it accounts for every file."""
    table, rejected = index.build([REGISTRY[key] for key in keys], workers=workers)
    found = sorted(file for key in keys for file in index.files(REGISTRY[key]))
    assert len(table) + len(rejected) == len(found) > 0
    assert sorted([*table.file, *rejected.file]) == found
    assert (rejected.reason != "").all()
    return table, rejected


def cut(share: float, **format: str) -> Callable[[Raw], None]:
    """Write a voice and cut its file to a share of its bytes."""

    def write(raw: Raw) -> None:
        file = raw.write(f"{NAME}.wav", voice(duration_s=1.5), **format)
        data = file.read_bytes()
        file.write_bytes(data[: min(round(share * len(data)), len(data) - 1)])

    return write


def bytes_of(content: bytes) -> Callable[[Raw], None]:
    def write(raw: Raw) -> None:
        raw.write(f"{NAME}.wav").write_bytes(content)

    return write


def samples_of(samples: np.ndarray, *, rate_hz: int = 16_000, **format: str) -> Callable[[Raw], None]:
    def write(raw: Raw) -> None:
        raw.write(f"{NAME}.wav", samples, rate_hz=rate_hz, **format)

    return write


def with_nan() -> np.ndarray:
    samples = voice()
    samples[[10, 20]] = np.nan, np.inf
    return samples


AIFF = {"format": "AIFF", "subtype": "PCM_16"}
OPUS = {"format": "OGG", "subtype": "OPUS"}
VORBIS = {"format": "OGG", "subtype": "VORBIS"}
FLAC = {"format": "FLAC", "subtype": "PCM_16"}
#: What makes a file bad, and the reason its user reads.
FAULTS = {
    "empty": (bytes_of(b""), "empty file: 0 bytes"),
    "without samples": (samples_of(np.zeros(0)), "empty: the file decodes to no samples"),
    "Git-LFS pointer": (bytes_of(POINTER), "Git-LFS pointer instead of audio: run `git lfs pull` in the copy"),
    "a web page": (bytes_of(b"<html>Not found</html>" * 90), f"{UNDECODABLE}Format not recognised"),
    "random bytes": (bytes_of(np.random.default_rng(0).bytes(5000)), f"{UNDECODABLE}Format not recognised"),
    "a header alone": (bytes_of(b"RIFF\x24\x00\x00\x00WAVEfmt "), UNDECODABLE),
    **{f"WAV cut to {share}": (cut(share), TRUNCATED) for share in (0.1, 0.5, 0.9, 1)},
    **{f"AIFF cut to {share}": (cut(share, **AIFF), TRUNCATED) for share in (0.1, 0.5, 0.9, 1)},
    **{f"Opus cut to {share}": (cut(share, **OPUS), TRUNCATED) for share in (0.9, 1)},
    "Opus cut to 0.3": (cut(0.3, **OPUS), UNDECODABLE),
    **{f"Vorbis cut to {share}": (cut(share, **VORBIS), TRUNCATED) for share in (0.95, 1)},
    **{f"FLAC cut to {share}": (cut(share, **FLAC), f"{UNDECODABLE}flac decoder lost sync") for share in (0.1, 0.5, 1)},
    "silent": (samples_of(np.zeros(8_000)), "silent: the peak is below -80 dBFS"),
    "silent but for its noise": (samples_of(np.tile([1e-5, -1e-5], 4_000), subtype="PCM_24"), "silent: "),
    "NaN": (samples_of(with_nan(), subtype="FLOAT"), "not finite: 2 of 8000 samples are NaN or infinite"),
    "a click": (samples_of(np.full(100, 0.5)), "too short: 100 samples at 16000 Hz are less than 0.01 s"),
}
#: What is unusual but sound: samples, rate, format, and the rate, channels and subtype that the index states.
ODDITIES = {
    "stereo": (np.stack([voice(1), voice(2)], axis=1), 48_000, {}, (48_000, 2, "PCM_16")),
    "AIFF under another ending": (voice(duration_s=1), 24_414, AIFF, (24_414, 1, "PCM_16")),
    "8 bit": (voice()[:-1], 16_000, {"subtype": "PCM_U8"}, (16_000, 1, "PCM_U8")),  # an odd number of bytes
    "24 bit": (voice(), 16_000, {"subtype": "PCM_24"}, (16_000, 1, "PCM_24")),
    "float": (voice(), 16_000, {"subtype": "FLOAT"}, (16_000, 1, "FLOAT")),
    "96 kHz": (voice(sample_rate_hz=96_000), 96_000, {}, (96_000, 1, "PCM_16")),
    "22,050 Hz": (voice(sample_rate_hz=22_050), 22_050, {}, (22_050, 1, "PCM_16")),
    "50 ms": (voice(duration_s=0.05), 16_000, {}, (16_000, 1, "PCM_16")),
    "Opus": (voice(), 16_000, OPUS, (16_000, 1, "OPUS")),
    "Vorbis": (voice(), 16_000, VORBIS, (16_000, 1, "VORBIS")),
    "FLAC": (voice(), 16_000, FLAC, (16_000, 1, "PCM_16")),
    "MP3": (voice(), 16_000, {"format": "MP3", "subtype": "MPEG_LAYER_III"}, (16_000, 1, "MPEG_LAYER_III")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_file_is_rejected_by_name_with_its_reason(raw, fault):
    write, reason = FAULTS[fault]
    write(raw)
    table, rejected = build("ravdess")
    assert table.empty and list(rejected.columns) == ["path", "file", "reason"]
    assert rejected.path[0] == "ravdess/03-01-05-01-02-01-12" and rejected.file[0] == f"{NAME}.wav"
    assert rejected.reason[0].startswith(reason)
    assert "Traceback" not in rejected.reason[0] and str(raw.root) not in rejected.reason[0]


def test_bytes_that_are_no_mp3_are_not_reported_as_a_missing_file(raw):
    raw.write(f"{NAME}.mp3").write_bytes(np.random.default_rng(1).bytes(5000))
    _, rejected = build("ravdess")
    assert rejected.reason[0] == "undecodable: no audio format that libsndfile knows"


def test_one_bad_file_of_many_rejects_nothing_else(raw):
    for actor, (write, _) in enumerate(FAULTS.values(), start=1):
        write(raw)
        (raw.root / f"{NAME}.wav").rename(raw.root / "ravdess" / f"03-01-0{1 + actor % 8}-01-01-01-{actor:02d}.wav")
    raw.write(f"{OTHER}.flac", voice(3), **FLAC)
    table, rejected = build("ravdess", workers=2)
    assert list(table.file) == [f"{OTHER}.flac"] and len(rejected) == len(FAULTS)
    assert list(rejected.file) == sorted(rejected.file)


@pytest.mark.parametrize("oddity", ODDITIES)
def test_an_unusual_file_is_described_as_it_is(raw, oddity):
    samples, rate_hz, format, facts = ODDITIES[oddity]
    raw.write(f"{NAME}.wav", samples, rate_hz=rate_hz, **format)
    table, rejected = build("ravdess")
    assert rejected.empty
    row = table.iloc[0]
    assert (row.sample_rate, row.channels, row.subtype) == facts
    tolerance = 0.1 if oddity == "MP3" else 1e-6
    assert row.duration_s == pytest.approx(len(samples) / rate_hz, abs=tolerance)


def test_chunks_before_the_samples_and_bytes_after_them_are_no_fault(raw):
    whole = raw.write(f"{NAME}.wav").read_bytes()
    start = whole.index(b"data")
    filler = b"FLLR" + struct.pack("<I", 4001) + bytes(4002)
    (raw.root / f"{NAME}.wav").write_bytes(whole[:start] + filler + whole[start:] + b"id3 " + bytes(50))
    table, _ = build("ravdess")
    assert table.duration_s[0] == 0.5


def test_a_wav_that_was_written_as_a_stream_is_no_fault(raw):
    whole = bytearray(raw.write(f"{NAME}.wav").read_bytes())
    start = whole.index(b"data")
    whole[4:8] = whole[start + 4 : start + 8] = b"\xff" * 4
    (raw.root / f"{NAME}.wav").write_bytes(whole)
    table, _ = build("ravdess")
    assert table.duration_s[0] == 0.5


def test_the_hash_is_of_the_samples_and_not_of_the_container(raw):
    samples = np.rint(voice(5) * 32_767).astype(np.int16)
    hashes = []
    for format in ({}, FLAC, AIFF):
        raw.write(f"{NAME}.wav", samples, **format)
        hashes.append(build("ravdess")[0].pcm_sha256[0])
    raw.write(f"{NAME}.wav", samples // 2)
    assert len(set(hashes)) == 1 and build("ravdess")[0].pcm_sha256[0] != hashes[0]


@pytest.mark.parametrize("state", ["no root", "no folder", "empty folder", "other files"])
def test_a_missing_corpus_says_which_layout_is_expected_and_how_to_get_it(raw, monkeypatch, state):
    if state == "no root":
        monkeypatch.setenv("EMOLABS_RAW", str(raw.root / "elsewhere"))
    if state in ("empty folder", "other files"):
        (raw.root / "ravdess").mkdir()
    if state == "other files":
        (raw.root / "ravdess" / "readme.txt").write_text("no audio")
    root = raw.root / "elsewhere" if state == "no root" else raw.root
    with pytest.raises(FileNotFoundError) as error:
        index.build([REGISTRY["ravdess"]], workers=1)
    assert str(error.value) == (
        f"no recordings of RAVDESS were found: expected {root}/ravdess/Actor_01/03-01-01-01-01-01-01.wav "
        "(.wav .flac .ogg .opus or .mp3, in any folders). Download Audio_Speech_Actors_01-24.zip (208 MB) and unpack "
        "it there. `python -m emolabs.corpora.obtain ravdess` does it. "
        f"Source: https://doi.org/10.5281/zenodo.1188976. EMOLABS_RAW names another root than {root}."
    )


def test_a_doubled_tree_keeps_one_of_each_clip(raw):
    for name in (NAME, OTHER):
        file = raw.write(f"{name}.wav")
        copy = raw.root / "ravdess" / "audio_speech_actors_01-24" / "Actor_12" / file.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    table, rejected = build("ravdess")
    assert list(table.file) == [f"{NAME}.wav", f"{OTHER}.wav"]
    assert list(rejected.reason) == [f"duplicate file: the same audio as {name}.wav" for name in (NAME, OTHER)]


def test_one_name_with_two_recordings_keeps_the_first_file(raw):
    raw.write("ravdess/a/03-01-05-01-02-01-12.wav", voice(1))
    raw.write("ravdess/b/03-01-05-01-02-01-12.wav", voice(2))
    table, rejected = build("ravdess")
    assert list(table.file) == ["ravdess/a/03-01-05-01-02-01-12.wav"]
    assert rejected.reason[0] == "duplicate file: the same name, other audio than ravdess/a/03-01-05-01-02-01-12.wav"


def test_equal_recordings_with_one_label_keep_the_first_path(raw):
    for name in (OTHER, NAME):
        raw.write(f"{name}.wav", voice(1))
    table, rejected = build("ravdess")
    assert list(table.path) == ["ravdess/03-01-05-01-02-01-12"]
    assert rejected.reason[0] == "duplicate recording: the same audio as ravdess/03-01-05-01-02-01-12"


def test_equal_recordings_with_different_labels_do_not_stay(raw):
    for name in ("1001_DFA_ANG_XX", "1001_DFA_DIS_XX", "1001_DFA_HAP_XX"):
        raw.write(f"cremad/{name}.wav", voice(2 if "HAP" in name else 1))
        raw.write(f"cremad/again/{name}.wav", voice(2 if "HAP" in name else 1))
    table, rejected = build("cremad")
    assert list(table.path) == ["cremad/1001_DFA_HAP_XX"]
    contradictory = (
        "contradictory duplicate: the same audio with different labels "
        "(cremad/1001_DFA_ANG_XX is anger, cremad/1001_DFA_DIS_XX is disgust)"
    )
    assert dict(zip(rejected.file, rejected.reason, strict=True)) == {
        "cremad/1001_DFA_ANG_XX.wav": contradictory,
        "cremad/1001_DFA_DIS_XX.wav": contradictory,
        "cremad/again/1001_DFA_ANG_XX.wav": "duplicate file: the same audio as cremad/1001_DFA_ANG_XX.wav",
        "cremad/again/1001_DFA_DIS_XX.wav": "duplicate file: the same audio as cremad/1001_DFA_DIS_XX.wav",
        "cremad/again/1001_DFA_HAP_XX.wav": "duplicate file: the same audio as cremad/1001_DFA_HAP_XX.wav",
    }


def test_unknown_names_and_the_shadows_of_macos_are_rejected_and_nothing_else_is_taken_for_audio(raw):
    raw.write(f"{NAME}.wav")
    raw.write("ravdess/Actor_12/._03-01-05-01-02-01-12.wav").write_bytes(b"\0\x05\x16\x07" + bytes(100))
    raw.write("ravdess/song.WAV")
    for name in (".DS_Store", "Thumbs.db", "notes.txt"):
        (raw.root / "ravdess" / name).write_bytes(b"x")
    table, rejected = build("ravdess")
    assert list(table.file) == [f"{NAME}.wav"]
    assert list(rejected.file) == ["ravdess/Actor_12/._03-01-05-01-02-01-12.wav", "ravdess/song.WAV"]
    expected = "unknown name: expected 03-01-EE-II-TT-RR-AA (audio-only speech) such as 03-01-05-01-02-01-12, found "
    assert list(rejected.reason) == [f"{expected}'._03-01-05-01-02-01-12'", f"{expected}'song'"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_spaces_and_either_form_of_unicode_in_folders_change_no_project_path(raw, form):
    folder = unicodedata.normalize(form, "Sprachaufnahmen für Müller, 2. Kopie")
    raw.write(f"savee/{folder}/DC/a01.wav")
    table, _ = build("savee")
    assert list(table.path) == ["savee/DC_a01"]
    assert (paths.raw("savee") / table.file[0]).is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_a_name_that_is_no_unicode_is_rejected_and_the_tables_can_be_written(raw, project):
    raw.write(f"{NAME}.wav")
    folder = os.fsencode(raw.root / "ravdess") + b"/\xc4rger"
    os.mkdir(folder)
    shutil.copyfile(raw.root / f"{NAME}.wav", folder + b"/03-01-05-01-02-02-12.wav")
    table, rejected = index.build([REGISTRY["ravdess"]], workers=1)
    index.save(table, rejected, profile="tiny")
    assert list(table.file) == [f"{NAME}.wav"]
    written = pd.read_csv(paths.rejected("tiny"))
    assert written.file[0] == r"ravdess/\udcc4rger/03-01-05-01-02-02-12.wav"
    assert written.reason[0] == "unreadable name: expected UTF-8; rename the file or its folder"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everyone may read")
def test_a_file_without_permission_is_rejected(raw):
    raw.write(f"{NAME}.wav").chmod(0)
    assert "Permission denied" in build("ravdess")[1].reason[0]


def test_a_link_to_nowhere_is_rejected(raw):
    raw.write(f"{OTHER}.wav")
    (raw.root / f"{NAME}.wav").symlink_to("nowhere.wav")
    table, rejected = build("ravdess")
    assert list(table.file) == [f"{OTHER}.wav"] and "No such file" in rejected.reason[0]


def test_tables_depend_on_no_order_of_corpora_and_are_read_back_as_they_were(raw, project):
    raw.write(f"{NAME}.wav")
    raw.write("savee/KL_su01.wav")
    raw.write("savee/unknown.wav")
    table, rejected = build("savee", "ravdess")
    index.save(table, rejected, profile="tiny")
    pd.testing.assert_frame_equal(index.load("tiny"), table)
    pd.testing.assert_frame_equal(build("ravdess", "savee")[0], table)
    assert list(table.path) == sorted(table.path)
    assert pd.read_csv(paths.rejected("tiny"), keep_default_na=False).to_dict("list") == rejected.to_dict("list")


def test_no_index_names_the_notebook_that_makes_it(project):
    with pytest.raises(FileNotFoundError, match=r"no index at .*index.parquet: run notebooks/10_indexing.ipynb first"):
        index.load("tiny")


def test_samples_are_read_with_full_scale_one_and_all_channels(raw):
    stereo = np.stack([voice(1), voice(2)], axis=1)
    for subtype, resolution in {"PCM_U8": 2**-6, "PCM_16": 2**-14, "PCM_24": 2**-22, "FLOAT": 1e-7}.items():
        samples, rate_hz = audio.read(raw.write("a.wav", stereo, rate_hz=44_100, subtype=subtype))
        assert samples.dtype == np.float32 and rate_hz == 44_100 and samples.shape == stereo.shape
        assert np.abs(samples - stereo).max() < resolution


def test_original_files_with_faults_are_told_from_those_without(quirks, monkeypatch):
    monkeypatch.setenv("EMOLABS_RAW", str(quirks))
    table, rejected = build("ravdess", "cremad", "tess", "emodb")
    reasons = {Path(row.file).stem: row.reason for row in rejected.itertuples()}
    pair = "(cremad/1006_TIE_HAP_XX is happiness, cremad/1006_TIE_NEU_XX is neutral)"
    assert reasons == {
        "1001_DFA_DIS_XX": "Git-LFS pointer instead of audio: run `git lfs pull` in the copy it came from",
        "1006_TIE_HAP_XX": f"contradictory duplicate: the same audio with different labels {pair}",
        "1006_TIE_NEU_XX": f"contradictory duplicate: the same audio with different labels {pair}",
        "1076_MTI_SAD_XX": "silent: the peak is below -80 dBFS",
        "03-01-03-01-02-02-07": "duplicate recording: the same audio as ravdess/03-01-03-01-02-01-07",
    }
    kept = table.set_index("path")
    assert set(kept.index) >= {"cremad/1040_ITH_SAD_XX", "tess/OAF_bite_neutral", "emodb/14a07Aa", "emodb/14a07Fd"}
    assert list(kept.index[kept.channels == 2]) == ["ravdess/03-01-02-01-01-02-01", "ravdess/03-01-02-01-02-02-05"]
    assert kept.sample_rate["tess/OAF_food_fear"] == 96_000
    assert soundfile.info(quirks / kept.file["tess/YAF_germ_angry"]).format == "AIFF"
    assert set(kept.speaker[kept.corpus == "tess"]) == {"tess/OAF", "tess/YAF"}


def test_known_faults_of_the_real_corpora_are_found(corpora, tmp_path, monkeypatch):
    names = [
        *("1006_TIE_HAP_XX", "1006_TIE_NEU_XX", "1013_WSI_DIS_XX", "1013_WSI_SAD_XX", "1017_IWW_ANG_XX"),
        *("1017_IWW_FEA_XX", "1076_MTI_SAD_XX", "1001_DFA_ANG_XX", "03-01-03-01-02-01-07", "03-01-03-01-02-02-07"),
    ]
    known = {Path(f).stem: paths.raw(k) / f for k in ("cremad", "ravdess") for f in index.files(REGISTRY[k])}
    for name in names:
        link = tmp_path / ("cremad" if "_" in name else "ravdess") / known[name].name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(known[name])
    monkeypatch.setenv("EMOLABS_RAW", str(tmp_path))
    table, rejected = build("cremad", "ravdess")
    assert sorted(Path(file).stem for file in table.file) == ["03-01-03-01-02-01-07", "1001_DFA_ANG_XX"]
    kinds = {Path(row.file).stem: row.reason.split(":")[0] for row in rejected.itertuples()}
    assert kinds.pop("1076_MTI_SAD_XX") == "silent"
    assert kinds.pop("03-01-03-01-02-02-07") == "duplicate recording"
    assert set(kinds.values()) == {"contradictory duplicate"} and len(kinds) == 6
