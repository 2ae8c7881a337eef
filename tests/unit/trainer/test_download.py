"""Downloads from a hub of our own on this machine: progress, resuming, damage, no network."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

import pytest

import trainer.download
from trainer.download import BackboneError, fetch_weights

CONTENT = bytes(range(256)) * 8000  # 2 MB
HUB = "org/repo/"
FILE = "open_clip_model.safetensors"


@dataclass
class Hub:
    """What the server serves and what it was asked for."""

    endpoint: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    digest: str = hashlib.sha256(CONTENT).hexdigest()
    break_after: list[int] = field(default_factory=list)
    """For the next requests, the number of bytes after which the connection breaks."""
    ranges: list[str] = field(default_factory=list)
    """The Range header of every GET."""


class _Server(ThreadingHTTPServer):
    hub: Hub


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    def _find(self) -> bytes | None:
        hub = cast(_Server, self.server).hub
        content = hub.files.get(self.path.rpartition("/resolve/main/")[2])
        if content is None:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
        return content

    def do_HEAD(self) -> None:
        if (content := self._find()) is not None:
            self.send_response(200)
            self.send_header("X-Repo-Commit", "c0ffee")
            self.send_header("ETag", f'"{cast(_Server, self.server).hub.digest}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()

    def do_GET(self) -> None:
        hub = cast(_Server, self.server).hub
        content = self._find()
        if content is None:
            return
        asked = self.headers.get("Range", "")
        hub.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        body = content[start:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        stop = hub.break_after.pop(0) if hub.break_after else len(body)
        self.wfile.write(body[:stop])
        self.wfile.flush()
        self.close_connection = True


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("LMPT_DESKTOP_HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_args: None)
    monkeypatch.setattr(trainer.download, "_PAUSE_SECONDS", 0.0)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hub = Hub(f"http://127.0.0.1:{server.server_port}", {FILE: CONTENT})
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.hub
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_weights_are_fetched_with_progress_and_then_kept(hub: Hub) -> None:
    seen: list[tuple[int, int]] = []
    path = fetch_weights("M/p", HUB, lambda *now: seen.append(now), endpoint=hub.endpoint)
    assert path.read_bytes() == CONTENT
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert len(seen) > 3
    again = fetch_weights("M/p", HUB, endpoint="http://127.0.0.1:1")
    assert again == path
    assert len(hub.ranges) == 1
    assert not list(path.parent.glob("*.part"))


def test_a_broken_connection_is_resumed_where_it_broke(hub: Hub) -> None:
    hub.break_after = [700_000, 300_000]
    path = fetch_weights("M/p", HUB, endpoint=hub.endpoint)
    assert path.read_bytes() == CONTENT
    assert hub.ranges == ["", "bytes=700000-", "bytes=1000000-"]


def test_a_cancelled_download_is_resumed_the_next_time(hub: Hub) -> None:
    class Cancelled(Exception):  # noqa: N818
        pass

    def cancel(done: int, _total: int) -> None:
        if done > 1_000_000:
            raise Cancelled

    with pytest.raises(Cancelled):
        fetch_weights("M/p", HUB, cancel, endpoint=hub.endpoint)
    seen: list[int] = []
    fetch_weights("M/p", HUB, lambda done, _: seen.append(done), endpoint=hub.endpoint)
    assert seen[0] > 1_000_000
    assert hub.ranges[1] == f"bytes={seen[0]}-"


def test_a_dead_connection_gives_a_clear_error_and_keeps_the_bytes_so_far(hub: Hub) -> None:
    hub.break_after = [1_000_000, *[0] * 20]
    with pytest.raises(BackboneError, match=r"interrupted after 1 of 2 MB.*kept") as caught:
        fetch_weights("M/p", HUB, endpoint=hub.endpoint)
    assert caught.value.kind == "no-network"
    hub.break_after = []
    assert fetch_weights("M/p", HUB, endpoint=hub.endpoint).read_bytes() == CONTENT
    assert hub.ranges[-1] == "bytes=1000000-"


def test_no_network_gives_a_clear_error(hub: Hub) -> None:
    with pytest.raises(BackboneError, match=r"internet could not be reached.*Lite") as caught:
        fetch_weights("M/p", HUB, endpoint="http://127.0.0.1:1")
    assert caught.value.kind == "no-network"


def test_a_damaged_download_is_noticed_and_deleted(hub: Hub, tmp_path: Path) -> None:
    hub.digest = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(BackboneError, match="damaged"):
        fetch_weights("M/p", HUB, endpoint=hub.endpoint)
    assert not [path for path in tmp_path.rglob(f"{FILE}*") if path.suffix != ".lock"]


def test_other_weights_under_the_same_name_are_not_mixed_with_the_part(hub: Hub) -> None:
    hub.break_after = [700_000, *[0] * 20]
    with pytest.raises(BackboneError):
        fetch_weights("M/p", HUB, endpoint=hub.endpoint)
    newer = CONTENT[::-1]
    hub.files[FILE], hub.digest = newer, hashlib.sha256(newer).hexdigest()
    hub.break_after = []
    assert fetch_weights("M/p", HUB, endpoint=hub.endpoint).read_bytes() == newer


def test_a_repository_without_safetensors_gives_its_other_file(hub: Hub) -> None:
    hub.files = {"open_clip_pytorch_model.bin": CONTENT}
    path = fetch_weights("M/p", HUB, endpoint=hub.endpoint)
    assert path.name == "open_clip_pytorch_model.bin"


def test_a_repository_without_weights_gives_a_clear_error(hub: Hub) -> None:
    hub.files = {}
    with pytest.raises(BackboneError, match="no weights") as caught:
        fetch_weights("M/p", HUB, endpoint=hub.endpoint)
    assert caught.value.kind == "unknown-backbone"


def test_a_full_disk_is_reported_first(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1_000_000

    monkeypatch.setattr("trainer.download.shutil.disk_usage", lambda _: Usage)
    with pytest.raises(BackboneError, match="2 MB more") as caught:
        fetch_weights("M/p", HUB, endpoint=hub.endpoint)
    assert caught.value.kind == "disk-full"
    assert hub.ranges == []
