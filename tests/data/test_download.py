"""Downloads, by the real code, from a server on this machine."""

import hashlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from signflip.data import load_dataset
from signflip.data.sources import FILES, MNIST, SOURCES, Source
from signflip.errors import DataError
from tests.support.idx import write_split

NAMES = tuple(f"{name}.gz" for name in FILES["test"])


@dataclass
class Mirror:
    """A web server: what it answers to each path, and what it was asked for."""

    address: str
    answers: dict[str, bytes]
    promised: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A mirror of a small data set called mnist, which no folder holds, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("SIGNFLIP_DATA", raising=False)
    write_split(tmp_path / "published", "test", np.full((3, 28, 28), 51), [4, 5, 6])
    answers = {f"/mnist/{name}": (tmp_path / "published" / name).read_bytes() for name in NAMES}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            body = site.answers.get(self.path)
            self.send_response(404 if body is None else 200)
            length = len(body or b"")
            self.send_header("Content-Length", str(site.promised.get(self.path, length)))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Mirror(f"http://127.0.0.1:{server.server_port}/mnist/", answers)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        use(monkeypatch, site.address, answers=answers)
        yield site
        server.shutdown()
        thread.join()


def use(
    monkeypatch: pytest.MonkeyPatch, *addresses: str, answers: dict[str, bytes] | None = None
) -> None:
    """Let mnist come from these addresses, with the checksums of `answers`."""
    source: Source = replace(SOURCES["mnist"], mirrors=addresses, folders=())
    if answers is not None:
        sums = [hashlib.sha256(answers[f"/mnist/{name}"]).hexdigest() for name in NAMES]
        source = replace(source, checksums={**MNIST.checksums, "test": (sums[0], sums[1])})
    monkeypatch.setitem(SOURCES, "mnist", source)


def cached(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


def test_a_data_set_is_downloaded_with_progress_and_kept(
    mirror: Mirror, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    images = load_dataset("mnist")
    assert images.labels.tolist() == [4, 5, 6]
    assert np.array_equal(images.images, np.full((3, 784), 51 / 255))
    assert mirror.asked == [f"/mnist/{name}" for name in NAMES]
    assert cached(tmp_path) == sorted(NAMES)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "100%" in captured.err
    mirror.answers.clear()
    assert load_dataset("mnist").labels.tolist() == [4, 5, 6]
    assert len(mirror.asked) == 2
    assert "100%" not in capfd.readouterr().err


def test_a_file_with_a_wrong_checksum_is_refused_and_not_kept(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.answers[f"/mnist/{NAMES[0]}"] += b"\0"
    with pytest.raises(
        DataError, match=r"SHA256 hash of downloaded file.*does not match"
    ) as caught:
        load_dataset("mnist")
    assert f"{mirror.address}{NAMES[0]}" in str(caught.value)
    assert "--data-dir or SIGNFLIP_DATA, or use mnist-sample" in str(caught.value)
    assert cached(tmp_path) == []


def test_a_damaged_file_in_the_cache_is_downloaded_again(mirror: Mirror, tmp_path: Path) -> None:
    load_dataset("mnist")
    (file,) = (tmp_path / "cache").rglob(NAMES[0])
    file.write_bytes(b"damaged")
    assert load_dataset("mnist").labels.tolist() == [4, 5, 6]
    assert mirror.asked == [f"/mnist/{name}" for name in (*NAMES, NAMES[0])]


def test_a_missing_file_is_refused(mirror: Mirror) -> None:
    del mirror.answers[f"/mnist/{NAMES[1]}"]
    with pytest.raises(DataError, match=r"404.*--data-dir") as caught:
        load_dataset("mnist")
    assert f"{FILES['test'][1]} of mnist is in no folder" in str(caught.value)


def test_a_transfer_that_breaks_off_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    path = f"/mnist/{NAMES[0]}"
    mirror.promised[path] = len(mirror.answers[path]) + 100
    with pytest.raises(DataError, match=r"t10k-images.*IncompleteRead"):
        load_dataset("mnist")
    assert cached(tmp_path) == []


def test_a_mirror_that_cannot_be_reached_is_refused(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = f"http://127.0.0.1:{closed_port()}/"
    unknown = "http://signflip.invalid/"
    use(monkeypatch, refused, unknown)
    with pytest.raises(DataError, match="no mirror gave it") as caught:
        load_dataset("mnist")
    assert f"{refused}{NAMES[0]}: " in str(caught.value)
    assert f"{unknown}{NAMES[0]}: " in str(caught.value)
    assert mirror.asked == []


def test_the_next_mirror_is_tried(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = mirror.address.replace("mnist", "lost")
    use(monkeypatch, f"http://127.0.0.1:{closed_port()}/", lost, mirror.address)
    assert load_dataset("mnist").labels.tolist() == [4, 5, 6]
    assert mirror.asked == [path for name in NAMES for path in (f"/lost/{name}", f"/mnist/{name}")]


def test_a_cache_that_cannot_be_written_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the cache's folder should be")
    with pytest.raises(DataError, match="no mirror gave it"):
        load_dataset("mnist")
    assert mirror.asked == []
