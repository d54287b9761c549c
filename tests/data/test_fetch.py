"""Downloads from a server on this machine: whole, broken off, resumed, wrong."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from microbotnet.data import cifar10, fetch
from microbotnet.errors import BadInput, Failed

BODY = bytes(range(256)) * 4096  # 1 MiB
MD5 = hashlib.md5(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `body` with ranges; each number in `cuts` breaks one answer off after so many bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.cuts, self.ranges, self.starts = BODY, list[int](), True, list[int]()
        self.status = 0
        self.url = f"http://127.0.0.1:{self.server_port}/archive.bin"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, start = self.server, 0
        if server.status:
            self.send_error(server.status)
            return
        if server.ranges and (wanted := self.headers.get("Range")):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(server.body):
                self.send_error(416)
                return
        server.starts.append(start)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(server.body) - start))
        self.end_headers()
        end = start + server.cuts.pop(0) if server.cuts else None
        self.wfile.write(server.body[start:end])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(fetch.time, "sleep", lambda seconds: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_a_download_arrives_whole_and_is_not_fetched_twice(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        assert fetch.fetch_archive(server.url, MD5, tmp_path).read_bytes() == BODY
    assert server.starts == [0]
    assert [file.name for file in tmp_path.iterdir()] == ["archive.bin"]


def test_a_download_that_breaks_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    server.cuts = [400_000, 300_000]
    assert fetch.fetch_archive(server.url, MD5, tmp_path).read_bytes() == BODY
    first, second, third = server.starts
    assert first == 0
    assert 300_000 < second <= 400_000 < third <= 700_000


def test_a_later_run_goes_on_after_one_that_gave_up(server: Server, tmp_path: Path) -> None:
    server.cuts = [500_000] + [0] * fetch.BREAKS
    with pytest.raises(Failed, match="broke off; run again"):
        fetch.fetch_archive(server.url, MD5, tmp_path)
    assert fetch.fetch_archive(server.url, MD5, tmp_path).read_bytes() == BODY
    assert server.starts[-1] > 400_000


def test_a_server_without_ranges_sends_everything_again(server: Server, tmp_path: Path) -> None:
    server.cuts, server.ranges = [400_000], False
    assert fetch.fetch_archive(server.url, MD5, tmp_path).read_bytes() == BODY
    assert server.starts == [0, 0]


def test_all_bytes_were_there_when_it_was_killed(server: Server, tmp_path: Path) -> None:
    (tmp_path / "archive.bin.part").write_bytes(BODY)
    assert fetch.fetch_archive(server.url, MD5, tmp_path).read_bytes() == BODY
    assert server.starts == []


def test_wrong_bytes_are_refused_and_not_kept(server: Server, tmp_path: Path) -> None:
    server.body = b"<html>Please log in to this network</html>"
    with pytest.raises(Failed, match=f"is not the archive .its MD5 is not {MD5}"):
        fetch.fetch_archive(server.url, MD5, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_refuses_is_quoted(server: Server, tmp_path: Path) -> None:
    server.status = 503
    with pytest.raises(Failed, match="answers 503 Service Unavailable"):
        fetch.fetch_archive(server.url, MD5, tmp_path)


def archive_of(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def test_only_the_named_members_are_unpacked(tmp_path: Path) -> None:
    (archive := tmp_path / "a.tar.gz").write_bytes(archive_of({"top/a": b"A", "../../evil": b"E", "top/b": b"B"}))
    fetch.unpack(archive, ["top/a"], tmp_path / "room" / "out")
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")} == {
        "a.tar.gz",
        "room",
        "room/out",
        "room/out/a",
    }


@pytest.mark.parametrize("bite", [slice(0, 60), slice(0, 0), slice(30, None)])
def test_a_damaged_archive_leaves_nothing_behind(tmp_path: Path, bite: slice) -> None:
    (archive := tmp_path / "a.tar.gz").write_bytes(archive_of({"top/a": BODY, "top/b": b"B"})[bite])
    with pytest.raises(Failed, match="damaged, or not the expected archive"):
        fetch.unpack(archive, ["top/a", "top/b"], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_link_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with tarfile.open(archive := tmp_path / "a.tar", "w") as tar:
        info = tarfile.TarInfo("top/a")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(Failed):
        fetch.unpack(archive, ["top/a"], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.fixture
def small_cifar10(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """An archive of the official layout, with small files, at the address that CIFAR-10 is fetched from."""
    names = [file.name for files in cifar10.FILES.values() for file in files] + ["batches.meta.txt"]
    members = {name: name.encode() for name in names}
    server.body = archive_of({f"cifar-10-batches-bin/{name}": content for name, content in members.items()})
    monkeypatch.setattr(cifar10, "URL", server.url)
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(server.body).hexdigest())
    return members


def test_cifar10_is_fetched_into_the_cache_once(
    server: Server, small_cifar10: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MICROBOTNET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    for _ in range(2):
        home = cifar10.find_cifar10()
        assert home == tmp_path / "microbotnet" / "cifar-10-batches-bin"
        assert {file.name: file.read_bytes() for file in home.iterdir()} == small_cifar10
    assert server.starts == [0]
    assert not (home.parent / "archive.bin").exists()


def test_an_archive_brought_by_hand_is_unpacked_and_kept(
    server: Server, small_cifar10: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "archive.bin").write_bytes(server.body)
    home = cifar10.find_cifar10(tmp_path)
    assert {file.name for file in home.iterdir()} == set(small_cifar10)
    assert (tmp_path / "archive.bin").exists()
    assert server.starts == []


def test_several_processes_at_once_fetch_once(server: Server, small_cifar10: dict[str, bytes], tmp_path: Path) -> None:
    homes: list[Path] = []
    threads = [threading.Thread(target=lambda: homes.append(cifar10.find_cifar10(tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert homes == [tmp_path / "cifar-10-batches-bin"] * 4
    assert server.starts == [0]


def test_no_data_and_no_network_is_one_sentence_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(cifar10, "URL", "http://127.0.0.1:9/cifar-10-binary.tar.gz")  # the port where nobody answers
    with pytest.raises(Failed) as error:
        cifar10.find_cifar10(tmp_path)
    sentence = str(error.value)
    assert str(tmp_path) in sentence
    assert "127.0.0.1:9/cifar-10-binary.tar.gz cannot be reached" in sentence
    assert "--data or MICROBOTNET_DATA" in sentence
    assert "\n" not in sentence


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.delenv("MICROBOTNET_DATA", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "file" / name))
    with pytest.raises(Failed, match="cannot be put there"):
        cifar10.find_cifar10()


def test_a_mistyped_folder_fetches_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere: no such folder"):
        cifar10.find_cifar10(tmp_path / "nowhere")
