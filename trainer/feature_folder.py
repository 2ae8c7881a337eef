"""The folder of features that ``encode-folder`` writes (imports no torch).

::

    shards/0001-r0-000001.safetensors  of the first run, by its process 0: features (n, D) float16
                                       and, if the backbone makes them, windows (n, W, D) int8;
                                       what is known of the photos is in its header
    photos.jsonl                       a line for each photo, made of the shards
    manifest.json                      the backbone and the counts, made of the shards

A shard is complete or not there, so whatever ends a run, what it had written counts, and the next
run goes on behind it.  A picture has one feature, however many files show it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from trainer import checked_json
from trainer.arrays import ArraysError, read_arrays
from trainer.checked_json import Count, JsonError, Limits
from trainer.events import EncoderReady
from trainer.photo import may_pass
from trainer.regular_file import open_regular
from trainer.temporary_files import sweep, temporary_name
from trainer.windows import Windows

FORMAT = "lmpt-features-1"
MANIFEST_NAME = "manifest.json"
PHOTOS_NAME = "photos.jsonl"
SHARDS_NAME = "shards"
CHANGED = "The file changed while it was read."
NOT_ENCODED = "Its picture could not be encoded under another name."
LIMITS = Limits(bytes=96 * 1024**2, unicode=False)
"""Of a shard's header; names of files may not be Unicode."""
_KINDS: dict[str, Any] = {"features": np.float16, "windows": np.int8, "probe": np.float16}
_HEADER = "lmpt"
_DIGITS = 32
_NAME = re.compile(r"\d{4,9}-r\d{1,6}-\d{6,12}\.safetensors")


class FeatureFolderError(Exception):
    """A folder has no features that can be used; the message is a sentence."""


@dataclass(frozen=True)
class PhotoRecord:
    """What is known of a file.

    path: as :mod:`trainer.photo_source` yields it.
    size, mtime_ns: of the file; 0 if it could not be looked at.  Of a photo in an archive the
        archive's time, and of one at an address a number that stands for its version.
    picture_hash, fingerprint: as in :class:`trainer.identity.Identity`; "" if it was not read.
    row: of its feature in the same shard; -1 if it has none there.
    reason: why it has none, a sentence; "" if it has one: if ``row`` is -1, that of another file of
        the same fingerprint.
    """

    path: str
    size: Count
    mtime_ns: int
    picture_hash: str = ""
    fingerprint: str = ""
    row: int = -1
    reason: str = ""

    @property
    def is_copy(self) -> bool:
        return self.row < 0 and not self.reason

    @property
    def file_digest(self) -> bytes:
        """Of path, size and time: another if the file has changed."""
        return file_digest(self.path, self.size, self.mtime_ns)

    @property
    def is_final(self) -> bool:
        """Whether the same file would get the same answer again."""
        return not self.reason or not (self.reason == CHANGED or may_pass(self.reason))


def file_digest(path: str, size: int, mtime_ns: int) -> bytes:
    """16 bytes that stand for a file as it is."""
    text = f"{size} {mtime_ns} {path}".encode("utf-8", "surrogatepass")
    return xxhash.xxh3_128_digest(text)


@dataclass(frozen=True)
class ShardHeader:
    """What a shard says of itself.  Of several records of a path that of the latest run counts.

    source: the folder or the address to which paths are relative.
    """

    format: str
    source: str
    backbone: EncoderReady
    photos: list[PhotoRecord]


@dataclass(frozen=True)
class ShardArrays:
    """features (n, D) float16 unit norm, windows (n, W, D) int8 (W may be 0), and probe (D,)
    float16: the feature of a picture that is always the same, which tells whether two backbones of
    one name are one."""

    features: NDArray[np.float16]
    windows: Windows
    probe: NDArray[np.float16]


@dataclass(frozen=True)
class ShardEntry:
    """A shard in the manifest."""

    name: str
    photos: Count
    features: Count
    bytes: Count


@dataclass(frozen=True)
class Manifest:
    """What is in a folder of features.

    source: the folder or the address to which paths are relative.
    complete: whether the last run has gone through all its photos.
    photos: files; ``encoded`` of them have a feature of their own, ``copies`` that of another file,
        ``refused`` none.
    """

    format: str
    source: str
    complete: bool
    backbone: EncoderReady
    photos: Count
    encoded: Count
    copies: Count
    refused: Count
    shards: list[ShardEntry]


def write_shard(path: Path, header: ShardHeader, arrays: ShardArrays) -> None:
    """Write a shard; it is there completely or not at all.

    Raises:
        OSError: if the disk is full or the folder cannot be written.
    """
    kept: dict[str, NDArray[Any]] = {"features": arrays.features, "probe": arrays.probe}
    if arrays.windows.shape[1]:
        kept["windows"] = arrays.windows
    # asdict copies each value: for thousands of photos that takes longer than all the rest.
    body = asdict(replace(header, photos=[])) | {"photos": [vars(item) for item in header.photos]}
    text = json.dumps(body, separators=(",", ":"))
    content = save(
        {name: np.ascontiguousarray(item) for name, item in kept.items()}, {_HEADER: text}
    )
    _write(path, content)


def shard_path(folder: Path, run: int, rank: int, number: int) -> Path:
    """Where a shard goes; all numbers are of the run that writes it."""
    return folder / SHARDS_NAME / f"{run:04d}-r{rank}-{number:06d}.safetensors"


def shard_paths(folder: Path) -> list[Path]:
    """The complete shards, those of earlier runs first."""
    found = (folder / SHARDS_NAME).glob("*.safetensors")
    return sorted((path for path in found if _NAME.fullmatch(path.name)), key=_order)


def _order(path: Path) -> tuple[int, str]:
    return run_of(path), path.name


def run_of(path: Path) -> int:
    """The number of the run that wrote a shard, from 1."""
    return int(path.name.partition("-")[0])


def read_header(path: Path) -> ShardHeader:
    """What a shard says of itself; its arrays are not read.

    Raises:
        FeatureFolderError: if it is not a shard of this version.
    """
    try:
        open_regular(path).close()
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(_HEADER, "")
            rows = file.get_slice("features").get_shape()[0]
        header = checked_json.to_type(checked_json.parse(text, LIMITS), ShardHeader)
    except (OSError, ValueError, LookupError, SafetensorError) as error:
        raise FeatureFolderError(
            f"{path} cannot be read as a shard of features: {error}"
        ) from error
    if header.format != FORMAT:
        raise FeatureFolderError(f"{path} was written by another version of LMPT Desktop.")
    if any(not -1 <= item.row < rows or not _is_sound(item) for item in header.photos):
        raise FeatureFolderError(f"{path} is damaged: it names features that it does not have.")
    return header


def read_shard(path: Path) -> tuple[ShardHeader, ShardArrays]:
    """A whole shard.

    Raises:
        FeatureFolderError: if it is not a sound shard of this version.
    """
    header = read_header(path)
    try:
        found = read_arrays(path, _KINDS)
    except (OSError, ArraysError) as error:
        raise FeatureFolderError(
            f"{path} cannot be read as a shard of features: {error}"
        ) from error
    dim = header.backbone.dim
    features, probe = found.get("features"), found.get("probe")
    if features is None or probe is None or features.ndim != 2 or features.shape[1] != dim:
        raise FeatureFolderError(f"{path} is damaged: its features are of another size.")
    windows = found.get("windows", np.zeros((len(features), 0, dim), np.int8))
    if windows.ndim != 3 or windows.shape[::2] != features.shape or probe.shape != (dim,):
        raise FeatureFolderError(f"{path} is damaged: its arrays do not agree.")
    if not np.isfinite(features).all():
        raise FeatureFolderError(f"{path} is damaged: it has features that are not numbers.")
    return header, ShardArrays(features, windows, probe)


def _is_sound(item: PhotoRecord) -> bool:
    hashes = (item.picture_hash, item.fingerprint)
    return all(_is_hash(text) for text in hashes if text or not item.reason)


def _is_hash(text: str) -> bool:
    return len(text) == _DIGITS and set(text) <= set("0123456789abcdef")


# ------------------------------------------------------------------------ what is known


@dataclass
class Known:
    """What earlier runs have done.

    files: digests of files that need not be looked at again.
    fingerprints: of pictures that need not be encoded again, 16 bytes each.
    run: the number of the latest run, 0 if there was none.
    source: the folder or the address to which paths are relative, by the latest shard.
    backbone, probe: of the shards; None if there are none.
    """

    files: set[bytes]
    fingerprints: set[bytes]
    run: int = 0
    source: str = ""
    backbone: EncoderReady | None = None
    probe: NDArray[np.float16] | None = None

    def has(self, path: str, size: int, mtime_ns: int) -> bool:
        """Whether a file need not be looked at again."""
        return file_digest(path, size, mtime_ns) in self.files


def read_known(folder: Path) -> Known:
    """What is in the complete shards of a folder, which may be missing.

    Raises:
        FeatureFolderError: if a shard is damaged, or shards are of different backbones.
    """
    known = Known(set(), set())
    copies: list[tuple[bytes, bytes]] = []
    for path in shard_paths(folder):
        header = read_header(path)
        if known.backbone is None:
            known.backbone, known.probe = header.backbone, read_shard(path)[1].probe
        elif (known.backbone.backbone, known.backbone.dim) != (
            header.backbone.backbone,
            header.backbone.dim,
        ):
            raise FeatureFolderError(f"{folder} has shards of different backbones.")
        known.run, known.source = run_of(path), header.source
        for item in header.photos:
            fingerprint = bytes.fromhex(item.fingerprint)
            if item.is_copy:
                copies.append((item.file_digest, fingerprint))
                continue
            if item.is_final:
                known.files.add(item.file_digest)
                if fingerprint:
                    known.fingerprints.add(fingerprint)
    known.files.update(digest for digest, print_ in copies if print_ in known.fingerprints)
    return known


# --------------------------------------------------------------------------- the manifest


def write_manifest(folder: Path, *, complete: bool) -> Manifest:
    """Make :data:`MANIFEST_NAME` and :data:`PHOTOS_NAME` of the complete shards.

    Raises:
        FeatureFolderError: if there is none, or one is damaged.
        OSError: if the folder cannot be written.
    """
    paths = shard_paths(folder)
    if not paths:
        raise FeatureFolderError(f"{folder} has no features.")
    wanted, reasons = _unresolved(paths)
    places = _places(paths, wanted)
    entries: list[ShardEntry] = []
    counts: dict[str, int] = {"encoded": 0, "copies": 0, "refused": 0}
    seen: set[bytes] | None = set() if run_of(paths[0]) < run_of(paths[-1]) else None
    latest: ShardHeader | None = None
    target = folder / PHOTOS_NAME
    temporary = temporary_name(target)
    with temporary.open("w", encoding="ascii") as file:
        for path in reversed(paths):
            header = read_header(path)
            latest = latest or header
            for item in header.photos:
                if seen is not None:
                    digest = xxhash.xxh3_64_digest(item.path.encode("utf-8", "surrogatepass"))
                    if digest in seen:
                        continue
                    seen.add(digest)
                line, kind = _line(item, path.name, places, reasons)
                counts[kind] += 1
                file.write(json.dumps(line) + "\n")
            rows = sum(item.row >= 0 for item in header.photos)
            entries.append(ShardEntry(path.name, len(header.photos), rows, path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)
    assert latest is not None
    manifest = Manifest(
        FORMAT, latest.source, complete, latest.backbone, sum(counts.values()), **counts,
        shards=entries[::-1],
    )  # fmt: skip
    _write(folder / MANIFEST_NAME, json.dumps(asdict(manifest), indent=1).encode() + b"\n")
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        FeatureFolderError: if there is none of this version.
    """
    try:
        body = checked_json.read(folder / MANIFEST_NAME, LIMITS)
        manifest = checked_json.to_type(body, Manifest)
    except (OSError, JsonError) as error:
        raise FeatureFolderError(f"{folder} has no manifest that can be read: {error}") from error
    if manifest.format != FORMAT:
        raise FeatureFolderError(f"{folder} was written by another version of LMPT Desktop.")
    return manifest


def is_whole(folder: Path) -> bool:
    """Whether the last run has gone through all its photos.

    Raises:
        FeatureFolderError: if a shard that was there then is missing, as after a copy that broke.
    """
    if not (folder / MANIFEST_NAME).exists():
        return False
    manifest = read_manifest(folder)
    there = {path.name for path in shard_paths(folder)}
    if missing := [entry.name for entry in manifest.shards if entry.name not in there]:
        raise FeatureFolderError(f"{folder} is not whole: {missing[0]} is missing.")
    return manifest.complete


def _unresolved(paths: Sequence[Path]) -> tuple[set[str], dict[str, str]]:
    """Fingerprints of copies, and why pictures were refused by fingerprint."""
    wanted: set[str] = set()
    reasons: dict[str, str] = {}
    for path in paths:
        for item in read_header(path).photos:
            if item.is_copy:
                wanted.add(item.fingerprint)
            elif item.reason and item.fingerprint:
                reasons[item.fingerprint] = item.reason
    return wanted, reasons


def _places(paths: Sequence[Path], wanted: set[str]) -> dict[str, tuple[str, int]]:
    """Shard and row of the features of these fingerprints."""
    found: dict[str, tuple[str, int]] = {}
    for path in paths if wanted else ():
        for item in read_header(path).photos:
            if item.row >= 0 and item.fingerprint in wanted:
                found[item.fingerprint] = (path.name, item.row)
    return found


def _line(
    item: PhotoRecord, shard: str, places: dict[str, tuple[str, int]], reasons: dict[str, str]
) -> tuple[dict[str, Any], str]:
    """The line of a photo, and how it is counted."""
    line: dict[str, Any] = {"path": item.path, "size": item.size}
    if item.picture_hash:
        line |= {"picture_hash": item.picture_hash, "fingerprint": item.fingerprint}
    place = (shard, item.row) if item.row >= 0 else places.get(item.fingerprint)
    if item.reason or place is None:
        reason = item.reason or reasons.get(item.fingerprint, NOT_ENCODED)
        return line | {"reason": reason}, "refused"
    return line | {"shard": place[0], "row": place[1]}, "copies" if item.is_copy else "encoded"


def _write(path: Path, content: bytes) -> None:
    temporary = temporary_name(path)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Let the new name outlast a loss of power, where the system allows it."""
    if sys.platform == "win32":  # which opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def prepare(folder: Path) -> None:
    """Make the folder, and remove what killed runs have left half written.

    Raises:
        FeatureFolderError: if there is something else.
        OSError: if it cannot be made.
    """
    if folder.is_dir():
        strange = [item.name for item in folder.iterdir() if not _is_ours(item.name)]
        if strange and not (folder / SHARDS_NAME).is_dir():
            raise FeatureFolderError(
                f"{folder} is neither empty nor a folder of features: it has {strange[0]}."
            )
    (folder / SHARDS_NAME).mkdir(parents=True, exist_ok=True)
    sweep(folder, folder / SHARDS_NAME)


def _is_ours(name: str) -> bool:
    return name.startswith(".") or name in (MANIFEST_NAME, PHOTOS_NAME, SHARDS_NAME)
