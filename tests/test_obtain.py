"""Corpora are told apart by names alone, and fetched complete or not at all, from a server of our own on 127.0.0.1."""

import errno
import hashlib
import io
import re
import socket
import stat
import tarfile
import threading
import zipfile
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from emolabs import corpora as registry
from emolabs.corpora import REGISTRY, Archive, archives, index, obtain, status

CLIPS = [f"Actor_{actor}/03-01-{emotion}-01-01-01-{actor}.wav" for actor in ("01", "02") for emotion in ("05", "06")]
COUNTS = {"anger": 2, "fear": 2}
CUT = 3 * 65_536  # bytes: what comes is written in pieces of 64 KiB
NOISE = np.random.default_rng(0).bytes(400_000)  # what does not shrink, so that a transfer has a middle


def zipped(members: dict[str, bytes], **modes: int) -> bytes:
    """A zip file of these members; `modes` are Unix modes by name."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = modes.get(name, stat.S_IFREG | 0o644) << 16
            archive.writestr(info, content)
    return stream.getvalue()


def tarred(members: dict[str, bytes], *, kind: bytes = tarfile.REGTYPE, target: str = "", mode: str = "w:gz") -> bytes:
    """A tar file of these members, the last one of `kind` and pointing to `target`."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if name == list(members)[-1]:
                info.type, info.linkname = kind, target
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


RECORDINGS = {name: NOISE[100_000 * i : 100_000 * (i + 1)] for i, name in enumerate(CLIPS)}
PUBLISHED = zipped(RECORDINGS | {"readme.txt": b"read me", "__MACOSX/Actor_01/._03-01-05-01-01-01-01.wav": b"macOS"})


@dataclass
class Server:
    """What the server does, and what it was asked for: the Range of each request and how many bytes it sent."""

    url: str = ""
    content: bytes = PUBLISHED
    ranges: bool = True  # whether it knows Range
    early: int = 0  # bytes before the place asked for at which it starts, saying so
    cut: int | None = None  # bytes of the content after which it breaks off, once
    announces: bool = True  # whether it says the length beforehand
    breaks: bool = False  # whether it announces pieces (chunks) and resets the connection in the first
    code: int = 200
    answers: threading.Event | None = None  # what it waits for before it answers
    log: list[tuple[str, int]] = field(default_factory=list)


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if server.answers:
                server.answers.wait(10)
                return
            asked = self.headers.get("Range", "")
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.ranges else 0
            start = max(start - server.early, 0)
            whole = len(server.content)
            if server.code != 200 or start >= whole:
                self.send_error(server.code if server.code != 200 else 416)
                server.log.append((asked, 0))
                return
            partly = bool(asked) and server.ranges
            self.send_response(206 if partly else 200)
            if partly:
                self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
            if server.breaks:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(f"{whole:x}\r\n".encode() + server.content[:CUT])
                return
            if server.announces:
                self.send_header("Content-Length", str(whole - start))
            self.end_headers()
            body = server.content[start : server.cut]
            server.cut = None
            server.log.append((asked, len(body)))
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


@pytest.fixture
def server(monkeypatch):
    """A server on 127.0.0.1 that no proxy stands before."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(state)) as listening:
        state.url = f"http://127.0.0.1:{listening.server_port}/files/speech.zip?download=1"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        listening.shutdown()
        thread.join()


def published(server: Server, **fields: object) -> Archive:
    """What the server has now, as its publisher describes it."""
    digest = hashlib.md5(server.content).hexdigest()
    return Archive(server.url, **({"checksum": f"md5:{digest}", "size": len(server.content)} | fields))


@pytest.fixture
def small(server, raw, monkeypatch):
    """RAVDESS with four recordings, in the registry, and its archive on the server."""

    def put(*described: Archive, **fields: object):
        corpus = replace(REGISTRY["ravdess"], counts=COUNTS, archives=described or (published(server, **fields),))
        monkeypatch.setitem(registry.REGISTRY, "ravdess", corpus)
        return corpus

    put()
    return put


def run(*arguments: str, capsys) -> tuple[int, str, str]:
    """Exit code, output and errors of the command; a progress bar is no error."""
    code = obtain.main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, "\n".join(line for line in re.split(r"[\r\n]+", err) if line and "B/s]" not in line)


def there(root: Path) -> list[str]:
    """All files under a root, locks apart."""
    files = (path for path in root.rglob("*") if path.is_file() and path.name != ".lock")
    return sorted(path.relative_to(root).as_posix() for path in files)


FETCH = ("ravdess", "--accept-licence")
WHOLE = sorted(f"ravdess/{name}" for name in CLIPS)
PARTIAL = [".downloads/ravdess/speech.zip.partial"]


class TestFetch:
    def test_a_corpus_is_downloaded_checked_and_unpacked_and_its_archive_removed(self, small, server, raw, capsys):
        code, out, err = run(*FETCH, capsys=capsys)
        assert (code, err) == (0, "")
        assert there(raw.root) == WHOLE and [path.name for path in raw.root.iterdir()] == ["ravdess"]
        assert all((raw.root / "ravdess" / name).read_bytes() == content for name, content in RECORDINGS.items())
        assert server.log == [("", len(PUBLISHED))]
        assert out.splitlines() == [
            "RAVDESS",
            "  licence   CC BY-NC-SA 4.0",
            "  cite      Livingstone & Russo 2018, doi 10.1371/journal.pone.0196391",
            "  source    https://doi.org/10.5281/zenodo.1188976",
            f"  download  {server.url} ({len(PUBLISHED):,} bytes; md5:{hashlib.md5(PUBLISHED).hexdigest()})",
            f"  to        {raw.root}/ravdess",
            "ravdess: present, 4 recordings, count matches",
        ]

    def test_a_corpus_that_is_present_is_left_as_it_is(self, small, server, raw, capsys):
        run(*FETCH, capsys=capsys)
        before = {path: path.stat().st_mtime_ns for path in raw.root.rglob("*")}
        assert run(*FETCH, capsys=capsys) == (0, "ravdess: present, 4 recordings, count matches\n", "")
        assert {path: path.stat().st_mtime_ns for path in raw.root.rglob("*")} == before
        assert len(server.log) == 1

    @pytest.mark.parametrize("folder", ["ravdess", "RAVDESS"])
    def test_a_folder_that_is_there_is_never_overwritten(self, small, server, raw, capsys, folder):
        raw.write(f"{folder}/{CLIPS[0]}")
        before = (raw.root / folder / CLIPS[0]).read_bytes()
        code, _, err = run(*FETCH, capsys=capsys)
        assert (code, err) == (
            1,
            f"{raw.root}/{folder} is there already, with 1 of 4 recordings: what is there is never overwritten; "
            "move it away and run the same command again",
        )
        assert there(raw.root) == [f"{folder}/{CLIPS[0]}"] and server.log == []
        assert (raw.root / folder / CLIPS[0]).read_bytes() == before

    @pytest.mark.parametrize("answer", [None, "", "no", "never", "yes"])
    def test_nothing_is_downloaded_before_the_licence_is_accepted(
        self, small, server, raw, capsys, monkeypatch, answer
    ):
        questions = []
        monkeypatch.setattr("sys.stdin.isatty", lambda: answer is not None, raising=False)
        monkeypatch.setattr("builtins.input", lambda question: questions.append(question) or answer)
        code, out, err = run("ravdess", capsys=capsys)
        asked = ["Do you accept the licence of RAVDESS, and will you cite it? [yes/no] "]
        assert questions == ([] if answer is None else asked)
        assert "  licence   CC BY-NC-SA 4.0\n  cite      Livingstone" in out
        if answer == "yes":
            assert code == 0 and there(raw.root) == WHOLE
            return
        assert (code, there(raw.root), server.log) == (1, [], [])
        assert err == (
            "nothing was downloaded: the licence of RAVDESS (CC BY-NC-SA 4.0) has to be accepted first; "
            "answer yes, or give --accept-licence"
        )

    def test_a_corpus_that_is_not_open_shows_its_page_and_its_layout(self, raw, capsys):
        assert run("savee", "--accept-licence", capsys=capsys) == (
            1,
            "",
            "SAVEE has to be got by hand: Register on the corpus' page, download AudioData.zip and unpack it there. "
            "No command fetches it: its publisher wants a registration. Source: http://kahlan.eps.surrey.ac.uk/savee/. "
            f"Expected layout: {raw.root}/savee/AudioData/DC/a01.wav, in any folders.",
        )

    def test_an_unknown_key_is_a_sentence(self, raw, capsys):
        with pytest.raises(SystemExit) as error:
            run("ravdes", capsys=capsys)
        assert error.value.code == 2
        assert "unknown corpus ravdes: expected keys out of ravdess, " in capsys.readouterr().err

    def test_of_several_corpora_one_that_fails_stops_no_other(self, small, server, raw, capsys):
        code, out, err = run("savee", *FETCH, capsys=capsys)
        assert code == 1 and err.startswith("SAVEE has to be got by hand: ")
        assert out.endswith("ravdess: present, 4 recordings, count matches\n") and there(raw.root) == WHOLE

    def test_without_a_published_checksum_that_of_the_archive_is_noted(self, small, server, raw, capsys):
        small(checksum="", size=None)
        code, out, _ = run(*FETCH, capsys=capsys)
        assert code == 0
        assert (
            f"{server.url} (size not published; no checksum published: its SHA-256 goes to SHA256SUMS "
            "beside the recordings)" in out
        )
        digest = hashlib.sha256(PUBLISHED).hexdigest()
        assert f"speech.zip: SHA-256 {digest}; no checksum is published, so that nothing says" in out
        assert (raw.root / "ravdess/SHA256SUMS").read_text() == f"{digest}  speech.zip\n"

    def test_of_several_archives_all_are_unpacked_or_none(self, small, server, raw, capsys):
        good = published(server)
        other = replace(good, url=good.url.replace("speech.zip", "more-speech.zip"), checksum="md5:" + "0" * 32)
        small(good, other)
        code, _, err = run(*FETCH, capsys=capsys)
        assert code == 1 and "more-speech.zip is not the published file" in err
        assert there(raw.root) == [".downloads/ravdess/speech.zip"]
        small(good)
        assert run(*FETCH, capsys=capsys)[0] == 0
        assert there(raw.root) == WHOLE and len(server.log) == 2  # the good archive was kept and not asked for again

    def test_an_archive_without_recordings_leaves_no_folder(self, small, server, raw, capsys):
        server.content = zipped({"readme.txt": b"read me", "song.wav": b"no name of the corpus"})
        small(published(server))
        code, _, err = run(*FETCH, capsys=capsys)
        assert (code, err) == (
            1,
            "speech.zip: expected recordings such as Actor_01/03-01-01-01-01-01-01.wav, found none; "
            "nothing was unpacked",
        )
        assert there(raw.root) == [".downloads/ravdess/speech.zip"]

    def test_two_at_a_time_do_not_mix(self, small, server, raw, capsys):
        (raw.root / ".downloads/ravdess").mkdir(parents=True)
        with FileLock(raw.root / ".downloads/ravdess/.lock"):
            code, _, err = run(*FETCH, capsys=capsys)
        assert code == 1 and server.log == []
        assert err == f"another process is fetching RAVDESS into {raw.root}/.downloads/ravdess: wait for it"

    def test_a_root_that_cannot_be_written_is_a_sentence(self, small, raw, capsys, monkeypatch):
        (raw.root / "file").write_text("no folder")
        monkeypatch.setenv("EMOLABS_RAW", str(raw.root / "file"))
        code, _, err = run(*FETCH, capsys=capsys)
        assert code == 1
        assert err == (
            f"{raw.root}/file/.downloads/ravdess: Not a directory; EMOLABS_RAW names another root than {raw.root}/file"
        )


class TestDownload:
    def test_an_interrupted_download_goes_on_where_it_stopped(self, small, server, raw, capsys):
        server.cut = CUT
        code, _, err = run(*FETCH, capsys=capsys)
        assert (code, err) == (
            1,
            f"the transfer of speech.zip broke off after 196,608 of {len(PUBLISHED):,} bytes: "
            "run the same command again and it goes on from there",
        )
        assert there(raw.root) == PARTIAL and (raw.root / PARTIAL[0]).read_bytes() == PUBLISHED[:CUT]
        assert run(*FETCH, capsys=capsys)[0] == 0
        assert server.log == [("", CUT), ("bytes=196608-", len(PUBLISHED) - CUT)]
        assert there(raw.root) == WHOLE

    def test_a_server_that_ignores_range_is_asked_for_everything(self, small, server, raw, capsys):
        server.cut, server.ranges = CUT, False
        assert run(*FETCH, capsys=capsys)[0] == 1
        assert run(*FETCH, capsys=capsys)[0] == 0
        assert server.log == [("", CUT), ("bytes=196608-", len(PUBLISHED))]
        assert there(raw.root) == WHOLE

    def test_a_server_that_sends_another_part_is_asked_for_everything(self, small, server, raw, capsys):
        server.cut, server.early = CUT, 1
        assert run(*FETCH, capsys=capsys)[0] == 1
        assert run(*FETCH, capsys=capsys)[0] == 0
        assert [asked for asked, _ in server.log] == ["", "bytes=196608-", ""]
        assert there(raw.root) == WHOLE

    def test_without_a_checksum_nothing_is_pieced_together(self, small, server, raw, capsys):
        small(checksum="")
        server.cut = CUT
        assert run(*FETCH, capsys=capsys)[2].endswith("run the same command again to start over")
        assert run(*FETCH, capsys=capsys)[0] == 0
        assert server.log == [("", CUT), ("", len(PUBLISHED))]

    def test_a_break_where_nobody_knows_the_length_is_a_sentence(self, small, server, raw, capsys):
        small(checksum="", size=None)
        server.announces, server.breaks = False, True
        code, _, err = run(*FETCH, capsys=capsys)
        assert code == 1
        assert re.fullmatch(
            r"the transfer of speech\.zip broke off after [\d,]+ bytes: run the same command again to start over", err
        )

    def test_a_part_taken_for_the_whole_is_not_taken_again(self, small, server, raw, capsys):
        small(checksum="", size=None)
        server.announces, server.cut = False, CUT
        assert "was not unpacked: expected a whole zip or tar file" in run(*FETCH, capsys=capsys)[2]
        assert run(*FETCH, capsys=capsys)[0] == 0
        assert server.log == [("", CUT), ("", len(PUBLISHED))] and "ravdess/SHA256SUMS" in there(raw.root)

    @pytest.mark.parametrize("kept", [PUBLISHED, PUBLISHED + b"more than there is"])
    def test_what_is_kept_is_taken_when_whole_and_fetched_anew_when_too_long(self, small, server, raw, capsys, kept):
        (raw.root / PARTIAL[0]).parent.mkdir(parents=True)
        (raw.root / PARTIAL[0]).write_bytes(kept)
        assert run(*FETCH, capsys=capsys)[0] == 0
        assert there(raw.root) == WHOLE
        long = [(f"bytes={len(kept)}-", 0), ("", len(PUBLISHED))]
        assert server.log == ([] if kept == PUBLISHED else long)

    def test_a_truncated_file_is_not_taken_for_the_whole(self, small, server, raw, capsys):
        server.content = PUBLISHED[:300_000]
        code, _, err = run(*FETCH, capsys=capsys)
        assert (code, err) == (
            1,
            f"speech.zip is not the published file: expected {len(PUBLISHED):,} bytes, but {server.url} offers "
            "300,000; the corpus' page says what has changed",
        )
        assert there(raw.root) == []

    def test_a_transfer_that_ends_early_without_having_said_its_length(self, small, server, raw, capsys):
        server.announces, server.cut = False, 300_000
        code, _, err = run(*FETCH, capsys=capsys)
        assert (code, err) == (
            1,
            f"the transfer of speech.zip ended after 300,000 of {len(PUBLISHED):,} bytes: "
            "run the same command again and it goes on from there",
        )
        assert there(raw.root) == PARTIAL

    @pytest.mark.parametrize("algorithm", ["md5", "sha256"])
    def test_another_file_than_the_published_one_is_deleted(self, small, server, raw, capsys, algorithm):
        right = getattr(hashlib, algorithm)(PUBLISHED).hexdigest()
        small(checksum=f"{algorithm}:{right}")
        server.content = PUBLISHED[:-1] + b"?"
        wrong = getattr(hashlib, algorithm)(server.content).hexdigest()
        code, _, err = run(*FETCH, capsys=capsys)
        assert (code, err) == (
            1,
            f"speech.zip is not the published file: expected {algorithm}:{right}, found {wrong}; "
            "it was deleted, run the same command again to download it anew",
        )
        assert there(raw.root) == []

    def test_a_server_that_refuses_is_a_sentence(self, small, server, raw, capsys):
        server.code = 404
        code, _, err = run(*FETCH, capsys=capsys)
        host = server.url.split("/")[2]
        assert (code, err) == (
            1,
            f"{host} answers «404 Not Found» for {server.url}: try again later; if it stays so, the file has moved "
            "and the corpus' page says where to",
        )
        assert there(raw.root) == []

    def test_nobody_there_is_a_sentence(self, small, server, raw, capsys):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            host = f"127.0.0.1:{closed.getsockname()[1]}"
        small(Archive(f"http://{host}/speech.zip", checksum="md5:" + "0" * 32))
        code, _, err = run(*FETCH, capsys=capsys)
        assert (code, err) == (
            1,
            f"{host} does not answer (ConnectionError): http://{host}/speech.zip could not be read; "
            "check the connection and run the same command again",
        )
        assert there(raw.root) == []

    def test_a_server_that_falls_silent_is_a_sentence(self, small, server, raw, capsys, monkeypatch):
        monkeypatch.setattr(archives, "TIMEOUT_S", 0.05)
        server.answers = threading.Event()
        code, _, err = run(*FETCH, capsys=capsys)
        server.answers.set()
        assert code == 1 and "does not answer (ReadTimeout): " in err

    def test_a_full_disk_is_a_sentence(self, small, server, raw, capsys):
        if not Path("/dev/full").exists():
            pytest.skip("this system has no device that is always full")
        (raw.root / PARTIAL[0]).parent.mkdir(parents=True)
        (raw.root / PARTIAL[0]).symlink_to("/dev/full")
        code, _, err = run(*FETCH, capsys=capsys)
        assert (code, err) == (
            1,
            f"the disk is full: speech.zip could not be downloaded into {raw.root}/.downloads/ravdess; "
            "free some space and run the same command again",
        )
        assert not (raw.root / "ravdess").exists()


#: Members that would be written outside the folder; {here} stands for one beside it.
ESCAPES = [
    *("../evil.wav", "a/../../evil.wav", "{here}/evil.wav", "..\\evil.wav", "C:\\evil.wav", "C:evil.wav"),
    "../evil.txt",  # not even where it is not wanted
]
NOT_PLAIN = "is a link or a device, no plain file"
BAD_ARCHIVES = {
    "zip link": (zipped(RECORDINGS | {"x.wav": b"/etc/passwd"}, **{"x.wav": stat.S_IFLNK | 0o777}), NOT_PLAIN),
    **{
        f"tar {name}": (tarred(RECORDINGS | {"x.wav": b""}, kind=kind, target="/etc/passwd"), NOT_PLAIN)
        for name, kind in [
            ("link", tarfile.SYMTYPE),
            ("hard link", tarfile.LNKTYPE),
            ("device", tarfile.CHRTYPE),
            ("pipe", tarfile.FIFOTYPE),
        ]
    },
    "zip cut short": (PUBLISHED[:300_000], "expected a whole zip or tar file ("),
    "tar cut short": (tarred(RECORDINGS)[:300_000], "expected a whole zip or tar file ("),
    "zip with a flipped bit": (PUBLISHED.replace(NOISE[:8], bytes(8)), "expected a whole zip or tar file ("),
    "neither zip nor tar": (b"Rar!" + NOISE, "expected a whole zip or tar file ("),
}


class TestUnpack:
    @pytest.mark.parametrize("name", ESCAPES)
    @pytest.mark.parametrize("pack", [zipped, tarred])
    def test_nothing_is_written_outside_the_folder(self, small, server, raw, capsys, pack, name):
        here = raw.root.parent
        member = name.format(here=here)
        server.content = pack(RECORDINGS | {member: b"evil"})
        small(published(server))
        around = sorted(here.iterdir())
        code, _, err = run(*FETCH, capsys=capsys)
        assert (code, err) == (
            1,
            f"{raw.root}/.downloads/ravdess/speech.zip was not unpacked: "
            f"its member {member!r} would be written outside the folder",
        )
        assert there(raw.root) == [".downloads/ravdess/speech.zip"] and sorted(here.iterdir()) == around

    @pytest.mark.parametrize("name", BAD_ARCHIVES)
    def test_an_archive_that_cannot_be_trusted_leaves_nothing_anywhere(self, small, server, raw, capsys, name):
        content, reason = BAD_ARCHIVES[name]
        server.content = content
        small(published(server))
        code, _, err = run(*FETCH, capsys=capsys)
        assert code == 1
        assert err.startswith(f"{raw.root}/.downloads/ravdess/speech.zip was not unpacked: ") and reason in err
        assert there(raw.root) == [".downloads/ravdess/speech.zip"]  # kept, so that a user can look at it

    def test_a_member_that_is_there_twice_is_refused(self, tmp_path):
        with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("a.wav", b"1")
            archive.writestr("a.wav", b"2")
        with pytest.raises(ValueError, match=r"a\.zip was not unpacked: its member 'a\.wav' is there twice"):
            archives.unpack(tmp_path / "a.zip", folder=tmp_path / "out")

    @pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
    def test_tar_files_are_unpacked_too(self, tmp_path, mode):
        (tmp_path / "speech.tar").write_bytes(tarred(RECORDINGS, mode=mode))
        assert archives.unpack(tmp_path / "speech.tar", folder=tmp_path / "out") == 4
        assert there(tmp_path / "out") == sorted(CLIPS)

    def test_only_recordings_and_what_a_corpus_asks_for_are_unpacked(self, tmp_path):
        (tmp_path / "speech.zip").write_bytes(PUBLISHED)
        assert archives.unpack(tmp_path / "speech.zip", folder=tmp_path / "out", keep=("read*.txt",)) == 5
        assert there(tmp_path / "out") == sorted([*CLIPS, "readme.txt"])

    def test_a_disk_that_fills_up_leaves_the_archive_and_no_folder(self, small, server, raw, capsys, monkeypatch):
        def copy(source, target):
            target.write(source.read(10))
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(archives.shutil, "copyfileobj", copy)
        code, _, err = run(*FETCH, capsys=capsys)
        assert code == 1 and err.startswith(f"the disk is full: {raw.root}/ravdess could not be written")
        assert there(raw.root) == [".downloads/ravdess/speech.zip"]

    def test_ctrl_c_is_no_traceback_and_leaves_nothing_but_what_is_kept(self, small, server, raw, capsys, monkeypatch):
        def unpack(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr(archives, "unpack", unpack)
        code, _, err = run(*FETCH, capsys=capsys)
        assert (code, err) == (130, "interrupted: run the same command again to go on")
        assert there(raw.root) == [".downloads/ravdess/speech.zip"] and not (raw.root / "ravdess").exists()


class TestStatus:
    @pytest.fixture
    def corpus(self, raw):
        return replace(REGISTRY["ravdess"], counts=COUNTS)

    def put(self, raw, *files: str) -> None:
        for file in files:
            path = raw.root / "ravdess" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"not decoded")

    @pytest.mark.parametrize(
        ("files", "expected"),
        [
            ([], ("absent", 0, "differs by anger -2, fear -2", 0, 0)),
            (["notes.wav"], ("absent", 0, "differs by anger -2, fear -2", 0, 1)),
            (["readme.txt"], ("absent", 0, "differs by anger -2, fear -2", 0, 0)),
            (CLIPS, ("present", 4, "matches", 0, 0)),
            ([*CLIPS, *(f"again/{name}" for name in CLIPS)], ("present", 4, "matches", 4, 0)),
            ([*CLIPS, "notes.wav", "03-02-05-01-01-01-01.wav"], ("present", 4, "matches", 0, 2)),
            (CLIPS[1:], ("partial", 3, "differs by anger -1", 0, 0)),
            ([*CLIPS, "03-01-06-01-01-01-03.wav"], ("present", 5, "differs by fear +1", 0, 0)),
            ([*CLIPS[1:], "03-01-03-01-01-01-03.flac"], ("partial", 4, "differs by anger -1, happiness +1", 0, 0)),
        ],
    )
    def test_a_corpus_is_told_by_its_names(self, raw, corpus, files, expected):
        self.put(raw, *files)
        found = status.examine(corpus)
        assert (found.state, found.recordings, found.count, found.copies, found.unknown) == expected

    @pytest.mark.parametrize("key", REGISTRY)
    def test_a_corpus_is_present_when_every_emotion_has_its_published_number(self, key):
        corpus = replace(REGISTRY[key], counts=REGISTRY[key].counts)
        found = status.Status(corpus, found=dict(corpus.counts), copies=0, unknown=0)
        assert (found.state, found.count, found.recordings) == ("present", "matches", corpus.clips)

    def test_the_table_says_how_to_get_what_is_not_present(self, raw, corpus):
        self.put(raw, *CLIPS)
        table = status.table([corpus, REGISTRY["tess"]])
        assert list(table.state) == ["present", "absent"] and list(table.index) == ["ravdess", "tess"]
        assert list(table.to_get_it) == [
            "",
            "Download the data set from Borealis and unpack it there. No command fetches it: Dataverse packs the zip "
            "of a data set on request and publishes no checksum of it. Source: https://doi.org/10.5683/SP2/E8H2MF. "
            "Layout: tess/OAF_angry/OAF_back_angry.wav, in any folders.",
        ]

    def test_all_that_is_absent_is_named_at_once(self, raw, corpus):
        self.put(raw, *CLIPS[:1])
        status.require([corpus])
        with pytest.raises(FileNotFoundError) as error:
            status.require([corpus, REGISTRY["tess"], REGISTRY["savee"]])
        assert str(error.value) == f"{REGISTRY['tess'].missing()}\n{REGISTRY['savee'].missing()}"

    def test_files_with_other_names_are_said_where_no_recording_is_found(self, raw, corpus):
        self.put(raw, "notes.wav", "more.wav")
        with pytest.raises(FileNotFoundError) as error:
            status.require([corpus])
        assert str(error.value) == f"{corpus.missing()} 2 files are there whose names are not understood."

    def test_the_command_lists_every_corpus_and_how_to_get_it(self, raw, capsys):
        code, out, _ = run(capsys=capsys)
        assert code == 0 and out.startswith(f"recordings under {raw.root}\n")
        for key, corpus in REGISTRY.items():
            assert re.search(rf"^ *{key} +absent +0 +{corpus.clips} ", out, re.MULTILINE)
            assert f"\n{key}: {corpus.obtain}" in out and corpus.source in out and corpus.layout in out
        assert "`python -m emolabs.corpora.obtain ravdess` does it." in out

    def test_a_root_that_is_not_there_is_said(self, raw, capsys, monkeypatch):
        monkeypatch.setenv("EMOLABS_RAW", str(raw.root / "elsewhere"))
        out = run(capsys=capsys)[1]
        assert out.startswith(f"recordings under {raw.root}/elsewhere (there is no such folder)\n")

    @pytest.mark.parametrize("key", ["ravdess", "cremad", "tess", "emodb"])
    def test_the_real_corpora_are_present(self, corpora, key):
        found = status.examine(REGISTRY[key])
        assert (found.state, found.count, found.copies, found.unknown) == ("present", "matches", 0, 0)

    @pytest.mark.parametrize("key", ["ravdess", "cremad", "tess", "emodb"])
    def test_a_few_files_of_the_real_corpora_are_partial(self, quirks, key, monkeypatch):
        monkeypatch.setenv("EMOLABS_RAW", str(quirks))
        found = status.examine(REGISTRY[key])
        assert found.state == "partial"
        assert found.recordings + found.copies + found.unknown == len(index.files(REGISTRY[key]))
        assert sum(found.differences.values()) == found.recordings - REGISTRY[key].clips
