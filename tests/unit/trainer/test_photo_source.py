"""Photos in archives and at addresses become features as those of a folder do."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drawn_photos import draw

from trainer import archives, encode_folder, feature_folder, folder_encoding, stored_photos
from trainer.archives import ArchiveIndex, expanded, read_index
from trainer.backbone import Backbone, load_backbone
from trainer.folder_encoding import FolderJob
from trainer.object_storage import without_secrets
from trainer.photo import TOO_LONG
from trainer.photo_encoder import PhotoEncoder
from trainer.photo_list import SourceError
from trainer.photo_source import open_source
from trainer.ranks import ONE_PROCESS


@pytest.fixture(scope="module")
def loaded(tiny_folder: Path) -> Backbone:
    return load_backbone(f"local-dir:{tiny_folder}", "cpu", fast_images=True)


@pytest.fixture
def given(loaded: Backbone, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many photos the backbone, which is loaded once, was given each time."""
    counts: list[int] = []
    plain = PhotoEncoder.encode

    def encode(self: PhotoEncoder, count: int, *others: Any) -> Any:
        counts.append(count)
        return plain(self, count, *others)

    monkeypatch.setattr(encode_folder, "load_backbone", lambda *_, **__: loaded)
    monkeypatch.setattr(PhotoEncoder, "encode", encode)
    monkeypatch.setattr(folder_encoding, "BLOCK_PHOTOS", 3)
    return counts


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "drawn"
    folder.mkdir()
    return draw(folder, 5)


@pytest.fixture
def memory() -> Iterator[Any]:
    """fsspec's file system in memory, empty before and after."""
    fsspec = pytest.importorskip("fsspec", reason="the extra “cloud” is not installed")
    files = fsspec.filesystem("memory")
    files.store.clear()
    yield files
    files.store.clear()


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as file:
        for name, content in members.items():
            item = tarfile.TarInfo(name)
            item.size = len(content)
            file.addfile(item, io.BytesIO(content))
    return path


def encode(source: Path | str, out: Path) -> tuple[int, int, int, int]:
    done = encode_folder.encode_folder(
        FolderJob(source, out, threads=1), ONE_PROCESS, lambda _: None
    )
    return done.photos, done.encoded, done.copies, done.refused


def lines(out: Path) -> dict[str, dict[str, Any]]:
    texts = (out / "photos.jsonl").read_text("ascii").splitlines()
    found = {line["path"]: line for line in map(json.loads, texts)}
    assert len(found) == len(texts)
    return found


def fetched(out: Path) -> list[Path]:
    return [path for path in out.iterdir() if "fetched" in path.name]


# ------------------------------------------------------------------------------- archives


def test_photos_in_archives_are_known_by_their_fingerprints(
    tmp_path: Path, photos: list[Path], given: list[int]
) -> None:
    data = [path.read_bytes() for path in photos]
    shards = tmp_path / "shards"
    shards.mkdir()
    others = {"0.json": b"{}", "._0.jpg": b"x", "0.cls": b"3", "0.npy": b"\x93NUMPY" * 20}
    archive(shards / "set-00.tar", {"0.jpg": data[0], **others, "a/1.jpg": data[1]})
    archive(shards / "set-01.tar", {"0.jpg": data[2], "odd": data[3], "copy.jpg": data[0]})
    assert encode(f"{shards}/set-{{00..01}}.tar", tmp_path / "out") == (5, 4, 1, 0)
    found = lines(tmp_path / "out")
    assert set(found) == {
        "set-00.tar/0.jpg", "set-00.tar/a/1.jpg",
        "set-01.tar/0.jpg", "set-01.tar/odd", "set-01.tar/copy.jpg",
    }  # fmt: skip
    encode(photos[0].parent, tmp_path / "plain")
    plain = lines(tmp_path / "plain")
    assert found["set-00.tar/0.jpg"]["fingerprint"] == plain["photo 0.jpg"]["fingerprint"]
    assert feature_folder.read_manifest(tmp_path / "out").source == str(shards)
    assert fetched(tmp_path / "out") == []
    given.clear()
    archive(shards / "set-02.tar", {"again.jpg": data[1], "new.jpg": data[4]})
    assert encode(f"{shards}/*.tar", tmp_path / "out") == (7, 5, 2, 0)
    assert sum(given) == 1


def test_names_in_an_archive_are_data(tmp_path: Path, photos: list[Path], given: list[int]) -> None:
    content = photos[0].read_bytes()
    names = ["../out of it.jpg", "/etc/absolute.jpg", "a/../../b.jpg", "same.jpg"]
    path = archive(tmp_path / "odd.tar", dict.fromkeys(names, content))
    with tarfile.open(path, "a") as file:
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
        again = tarfile.TarInfo("same.jpg")
        again.size = len(content)
        file.addfile(again, io.BytesIO(content))
    before = {item for item in tmp_path.rglob("*") if "out" not in item.parts}
    assert encode(path, tmp_path / "out") == (5, 1, 4, 0)
    assert set(lines(tmp_path / "out")) == {f"odd.tar/{name}" for name in [*names, "same.jpg (2)"]}
    after = {item for item in tmp_path.rglob("*") if (tmp_path / "out") not in item.parents}
    assert after - {tmp_path / "out"} == before - {tmp_path / "out"}
    assert sum(given) == 1


@pytest.mark.parametrize("kept", [0.4, 0.95])
def test_an_archive_that_is_cut_short_says_so(
    tmp_path: Path, photos: list[Path], given: list[int], kept: float
) -> None:
    members = {path.name: path.read_bytes() for path in photos}
    path = archive(tmp_path / "set.tar", members)
    whole = path.read_bytes()
    end = 512 * sum(1 + -(-len(content) // 512) for content in members.values())
    path.write_bytes(whole[: int(kept * end)])
    read = len(read_index(path.open("rb")).members)
    assert 0 < read < 5
    assert encode(path, tmp_path / "out") == (read + 1, read, 0, 1)
    reason = lines(tmp_path / "out")["set.tar"]["reason"]
    assert reason == archives.CUT_SHORT.format(f"photo {read - 1}.jpg")
    assert given
    given.clear()
    assert encode(path, tmp_path / "out") == (read + 1, read, 0, 1)
    assert given == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive" * 100,
        b"\x1f\x8b\x08\0" * 300,
        # A name that is said to have a terabyte.
        tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT)[:0]
        + b"././@LongLink".ljust(100, b"\0")
        + b"0000644\0" + b"0000000\0" * 2 + b"\x80\0\0\0\0\0\0\x01\0\0\0\0",
    ],
)  # fmt: skip
def test_what_is_no_archive_is_refused(content: bytes) -> None:
    index = read_index(io.BytesIO(content.ljust(1024, b"\0") if content else content))
    assert index.members == {}
    assert index.damage


def test_a_header_that_announces_too_much_is_not_read() -> None:
    item = tarfile.TarInfo("././@PaxHeader")
    item.type, item.size = tarfile.XHDTYPE, 1 << 30
    data = io.BytesIO(item.tobuf(tarfile.USTAR_FORMAT) + bytes(4096))
    read: list[int] = []
    plain = data.read
    data.read = lambda count=-1: read.append(count) or plain(count)  # type: ignore[method-assign]
    assert read_index(data).damage
    assert max(read) <= 1 << 20
    assert min(read) >= 0


def test_photos_that_overlap_or_are_too_long_are_refused(
    tmp_path: Path, photos: list[Path], given: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_photos, "MOST_BYTES", photos[0].stat().st_size)
    members = {"a.jpg": photos[0].read_bytes(), "b.jpg": photos[0].read_bytes() + b"more"}
    path = archive(tmp_path / "set.tar", members)
    assert encode(path, tmp_path / "out") == (2, 1, 0, 1)
    assert lines(tmp_path / "out")["set.tar/b.jpg"]["reason"] == TOO_LONG
    assert sum(given) == 1


def test_patterns_name_archives() -> None:
    assert expanded("a-{08..11}-{1..2}.tar")[:3] == ["a-08-1.tar", "a-08-2.tar", "a-09-1.tar"]
    assert len(expanded("a-{08..11}-{1..2}.tar")) == 8
    assert expanded("plain.tar") == ["plain.tar"]
    with pytest.raises(ValueError, match="more than"):
        expanded("{0..999999}{0..999999}.tar")


def test_archives_that_cannot_be_used_are_an_error(tmp_path: Path) -> None:
    def source(text: str) -> Any:
        return open_source(text, lambda: tmp_path, tmp_path)

    with pytest.raises(SourceError, match="is compressed"):
        source("photos.tar.gz")
    with pytest.raises(SourceError, match="There is no"):
        list(source(f"{tmp_path}/*.tar").paths())
    with pytest.raises(SourceError, match="name of a folder"):
        source(f"{tmp_path}/*/a.tar")


def test_a_missing_archive_of_a_range_has_a_sentence(
    tmp_path: Path, photos: list[Path], given: list[int]
) -> None:
    archive(tmp_path / "a-0.tar", {"0.jpg": photos[0].read_bytes()})
    assert encode(f"{tmp_path}/a-{{0..1}}.tar", tmp_path / "out") == (2, 1, 0, 1)
    assert lines(tmp_path / "out")["a-1.tar"]["reason"] == stored_photos.NOT_THERE
    archive(tmp_path / "a-1.tar", {"1.jpg": photos[1].read_bytes()})
    given.clear()
    assert encode(f"{tmp_path}/a-{{0..1}}.tar", tmp_path / "out")[1] == 2
    assert sum(given) == 1


# ------------------------------------------------------------------------------ addresses


def test_photos_and_archives_at_an_address(
    tmp_path: Path, photos: list[Path], given: list[int], memory: Any
) -> None:
    data = [path.read_bytes() for path in photos]
    for name, content in zip(("b/1.jpg", "a.png", "uuid", "note.txt"), data, strict=False):
        memory.pipe(f"/bucket/{name}", content)
    local = archive(tmp_path / "x.tar", {"in.jpg": data[4], "copy.jpg": data[0]})
    memory.pipe("/bucket/x.tar", local.read_bytes())
    out = tmp_path / "out"
    assert encode("memory://bucket", out) == (5, 4, 1, 0)
    assert set(lines(out)) == {"b/1.jpg", "a.png", "uuid", "x.tar/in.jpg", "x.tar/copy.jpg"}
    assert feature_folder.read_manifest(out).source == "memory://bucket"
    assert fetched(out) == []
    given.clear()
    opened: list[str] = []
    plain = type(memory)._open

    def watched(self: Any, path: str, *others: Any, **more: Any) -> Any:
        opened.append(path)
        return plain(self, path, *others, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(memory), "_open", watched)
        assert encode("memory://bucket", out) == (5, 4, 1, 0)
    # Nothing is fetched again, not even to list what the archive contains.
    assert (given, opened) == ([], [])
    memory.pipe("/bucket/a.png", data[1])  # another version, the same picture
    assert encode("memory://bucket", out) == (5, 3, 2, 0)
    assert given == []


def test_what_cannot_be_fetched_is_tried_again(
    tmp_path: Path, photos: list[Path], given: list[int], memory: Any
) -> None:
    for path in photos:
        memory.pipe(f"/b/{path.name}", path.read_bytes())
    plain = type(memory)._open

    def failing(self: Any, path: str, *others: Any, **more: Any) -> Any:
        if path.endswith("photo 1.jpg"):
            raise RuntimeError("no answer from https://user:secret@host/b?signature=secret ")
        return plain(self, path, *others, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(memory), "_open", failing)
        assert encode("memory://b", tmp_path / "out") == (5, 4, 0, 1)
    reason = lines(tmp_path / "out")["photo 1.jpg"]["reason"]
    assert reason == "The file could not be read: no answer from https://host/b."
    assert encode("memory://b", tmp_path / "out") == (5, 5, 0, 0)
    assert sum(given) == 5


def test_a_source_that_fails_throughout_ends_the_run(
    tmp_path: Path,
    photos: list[Path],
    given: list[int],
    memory: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for path in photos:
        memory.pipe(f"/b/{path.name}", path.read_bytes())
    monkeypatch.setattr(stored_photos, "MOST_FAILURES", 2)
    plain = type(memory)._open

    def failing(self: Any, path: str, *others: Any, **more: Any) -> Any:
        if path.endswith(("3.jpg", "4.jpg")):
            raise ConnectionError("the connection is gone")
        return plain(self, path, *others, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(memory), "_open", failing)
        with pytest.raises(SourceError, match="in a row could not be fetched"):
            encode("memory://b", tmp_path / "out")
    assert not feature_folder.is_whole(tmp_path / "out")
    assert encode("memory://b", tmp_path / "out") == (5, 5, 0, 0)
    assert sum(given) == 5


def test_an_address_without_its_library_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "fsspec"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(SourceError, match=r"extra “cloud”.*lmpt-desktop\[cloud\]"):
        open_source("s3://bucket/photos", lambda: tmp_path, tmp_path)


def test_addresses_are_told_without_secrets(tmp_path: Path, memory: Any) -> None:
    signed = "https://user:word@host:8443/photos/a.tar?X-Amz-Signature=abc#part"
    assert without_secrets(signed) == "https://host:8443/photos/a.tar"
    with pytest.raises(SourceError, match="chain of addresses"):
        open_source("zip://a::s3://bucket/b.zip", lambda: tmp_path, tmp_path)
    with pytest.raises(SourceError, match="no photos at memory://empty"):
        list(open_source("memory://empty", lambda: tmp_path, tmp_path).paths())


def test_what_was_kept_of_an_archive_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    kept = ArchiveIndex({"a.jpg": archives.Member(512, 10)}, "cut")
    kept.write(path)
    assert ArchiveIndex.read(path) == kept
    path.write_text('{"members": {"a.jpg": {"offset": -1, "size": 5}}}')
    assert ArchiveIndex.read(path) is None
