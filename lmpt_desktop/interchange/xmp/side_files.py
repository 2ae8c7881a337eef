"""Side files: how they are called, what is in them, and what they are to become.

Nothing here writes.  A side file is planned from what it was before we wrote to it, so that an
untouched one has its original bytes again as soon as nothing of ours is left in it.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from lmpt_desktop.interchange.errors import FileTooLarge, InterchangeError
from lmpt_desktop.interchange.reading.source_files import MAX_SMALL_FILE_BYTES
from lmpt_desktop.interchange.xmp.keywords import KeywordChange, Keywords, key_of, union
from lmpt_desktop.interchange.xmp.packet import Encoded, KeywordList, Packet, read_packet
from lmpt_desktop.interchange.xmp.splice import (
    EMPTY,
    Edit,
    KeywordsByList,
    apply_edits,
    changed_packet,
    strip,
)
from lmpt_desktop.translation import N_, _
from trainer.photo import PHOTO_SUFFIXES, system_reason
from trainer.regular_file import open_regular

SUFFIX = ".xmp"
_KEPT_FOLDERS = 8

_OTHER_MEDIA = (
    "3fr arw cr2 cr3 crw dcr dng erf iiq k25 kdc mef mos mrw nef nrw orf pef ptx raf raw rw2 rwl "
    "sr2 srf srw x3f 3gp avi m2ts m4v mkv mov mp4 mpg mpeg mts webm wmv ai eps indd jxl pdf psb "
    "psd svg"
)
OTHER_MEDIA = frozenset(f".{name}" for name in _OTHER_MEDIA.split(" "))
"""Suffixes of files that are no photos to us, but may have a side file."""


class Naming(StrEnum):
    """How the side file of ``photo.jpg`` is called."""

    WITH_SUFFIX = "photo.ext.xmp"
    """``photo.jpg.xmp``"""
    WITHOUT_SUFFIX = "photo.xmp"
    """``photo.xmp``"""


@dataclass(frozen=True)
class NamingPreset:
    """A naming, the programs that use it, and what they do with such a file (N_)."""

    naming: Naming
    title: str
    help: str


NAMINGS = (
    NamingPreset(
        Naming.WITH_SUFFIX,
        N_("photo.jpg.xmp (darktable, digiKam, Immich)"),
        N_(
            "darktable reads these files when it imports photos or looks for updated XMP files; "
            "digiKam reads them if reading from sidecar files is switched on in its settings; "
            "Immich reads them when it scans a library or refreshes metadata, and prefers them to "
            "photo.xmp."
        ),
    ),
    NamingPreset(
        Naming.WITHOUT_SUFFIX,
        N_("photo.xmp (Lightroom, for raw photos)"),
        N_(
            "Lightroom and Bridge read these files beside raw photos only; for JPEG, TIFF and "
            "PNG they look into the photo itself. Two photos with the same name and different "
            "suffixes cannot both have one."
        ),
    ),
)


class FolderNames:
    """KeywordsByList in folders, each folder listed once in a while."""

    def __init__(self) -> None:
        self._known: dict[Path, dict[str, list[str]]] = {}

    def like(self, folder: Path, name: str) -> list[str]:
        """KeywordsByList in a folder that differ from ``name`` in case at most; [] if it cannot be
        listed."""
        return self._names(folder).get(name.casefold(), [])

    def with_stem(self, folder: Path, stem: str) -> list[str]:
        """Photos, videos and the like called ``stem`` but for their suffix, whatever the case."""
        prefix = f"{stem.casefold()}."
        return [
            name
            for key in (prefix + suffix[1:] for suffix in PHOTO_SUFFIXES | OTHER_MEDIA)
            for name in self._names(folder).get(key, ())
        ]

    def _names(self, folder: Path) -> dict[str, list[str]]:
        names = self._known.get(folder)
        if names is None:
            names = {}
            try:
                for name in sorted(entry.name for entry in folder.iterdir()):
                    names.setdefault(name.casefold(), []).append(name)
            except (OSError, ValueError):
                names = {}
            if len(self._known) >= _KEPT_FOLDERS:
                self._known.pop(next(iter(self._known)))
            self._known[folder] = names
        return names


def side_file_of(
    photo: Path, naming: Naming, names: FolderNames, together: Collection[str] = ()
) -> Path:
    """The side file of a photo, whether it exists or not.

    One whose name differs in case only is taken, if it belongs to no other photo.  ``together``:
    file names that are one photo with this one (a raw file and its JPEG), and may share it.

    Raises:
        InterchangeError: with a sentence, if two photos would share it, or several files could
            be it.
    """
    stem = photo.name.rpartition(".")[0] or photo.name
    if naming is Naming.WITHOUT_SUFFIX:
        others = [
            name
            for name in names.with_stem(photo.parent, stem)
            if name != photo.name and name not in together
        ]
        # Of "a.jpg.png" it would be "a.jpg.xmp".
        if Path(stem).suffix.lower() in PHOTO_SUFFIXES | OTHER_MEDIA:
            others += names.like(photo.parent, stem)
        if others:
            raise InterchangeError(
                _("{side} would belong to {other} as well.").format(
                    side=stem + SUFFIX, other=others[0]
                )
            )
    name = (stem if naming is Naming.WITHOUT_SUFFIX else photo.name) + SUFFIX
    found = names.like(photo.parent, name)
    if name in found:
        return photo.with_name(name)
    if naming is Naming.WITH_SUFFIX:
        others = [item for item in names.like(photo.parent, photo.name) if item != photo.name]
        found = [item for item in found if item[: -len(SUFFIX)] not in others]
    if len(found) > 1:
        raise InterchangeError(
            _("There are several files called {name} that differ only in case.").format(name=name)
        )
    return photo.with_name(found[0] if found else name)


def existing_side_files(
    photo: Path, names: FolderNames, together: Collection[str] = ()
) -> list[Path]:
    """The side files that a photo has, of either naming; one that may be another photo's is left
    out.  ``together`` as of :func:`side_file_of`."""
    found: list[Path] = []
    for naming in Naming:
        try:
            path = side_file_of(photo, naming, names, together)
        except InterchangeError:
            continue
        if path.name in names.like(photo.parent, path.name):
            found.append(path)
    return found


def photos_of(side_file: Path, names: FolderNames) -> list[str]:
    """KeywordsByList in its folder of the photos that a side file can belong to."""
    stem = side_file.name[: -len(SUFFIX)]
    if exact := names.like(side_file.parent, stem):
        return [stem] if stem in exact else exact
    return names.with_stem(side_file.parent, stem)


def read_side_file(path: Path) -> tuple[bytes, int] | None:
    """The bytes of a side file and its permissions; None if there is none.

    Raises:
        InterchangeError: with a sentence, if it is a link or something else than a file, too
            large, or cannot be read.
    """
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            # What it leads to may be the side file of other photos, or outside the folder.
            raise InterchangeError(_("{path} is a link, and is left alone.").format(path=path))
        if status.st_size > MAX_SMALL_FILE_BYTES:
            raise FileTooLarge(_("{path} is too large.").format(path=path))
        with open_regular(path) as file:
            raw = file.read(MAX_SMALL_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = _(system_reason(error)) if isinstance(error, OSError) else str(error)
        raise InterchangeError(
            _("{path} cannot be read: {reason}").format(path=path, reason=reason)
        ) from error
    return raw, stat.S_IMODE(status.st_mode)


def keywords_in(raw: bytes | None) -> Keywords:
    """The keywords of a side file; none if there is no file.

    Raises:
        FileMalformed, FileTooLarge: with a sentence.
    """
    return Keywords() if raw is None else Keywords.of(read_packet(raw)[0])


def digest(raw: bytes | None) -> str:
    """Identifies the content of a side file; "" if there is none."""
    return "" if raw is None else hashlib.blake2b(raw, digest_size=16).hexdigest()


@dataclass(frozen=True)
class OurPart:
    """What we wrote to a side file.

    Attributes:
        digest: of the file as we wrote it.
        base_digest: of the file as it was before; "" if there was none.
        back: the edits that make the packet what it was before.
        names: all that we added, by list.
    """

    digest: str
    base_digest: str
    back: tuple[Edit, ...] = ()
    names: KeywordsByList = field(default_factory=dict)


@dataclass(frozen=True)
class SideFilePlan:
    """What a side file becomes.

    Attributes:
        new: its bytes; None: there is to be none.
        written: what is to be remembered; None if nothing of ours is in it.
        before, after: its keywords.
        foreign: whether another program wrote it, or to it.
        contradicted: keywords of other programs that the library calls absent; they stay.
    """

    new: bytes | None
    written: OurPart | None
    before: Keywords
    after: Keywords
    foreign: bool
    contradicted: tuple[str, ...] = ()


def plan_side_file(
    raw: bytes | None,
    written: OurPart | None,
    embedded: Keywords,
    present: Sequence[str],
    absent: Sequence[str],
) -> SideFilePlan:
    """What a side file becomes if the photo has these classes.

    Without any it becomes what it would be had we never written to it.

    Args:
        raw: its bytes; None if there is none.
        written: what we wrote to it, if we did.
        embedded: keywords of the photo.
        present, absent: keywords of classes, as of :func:`.keywords.keyword_of`.

    Raises:
        FileMalformed, FileTooLarge: with a sentence, if it cannot be read or changed.
    """
    opened = None if raw is None else _Opened.of(raw)
    base = None if opened is None else _without_ours(opened, written)
    before, side = _keywords(opened), _keywords(base)
    foreign, contradicted = base is not None, _contradicted(side, absent)
    wanted = union(side, embedded, present, absent) if present or absent else KeywordChange()
    if not wanted:
        unchanged = None if base is None else base.raw
        return SideFilePlan(unchanged, None, before, side, foreign, contradicted)
    start = base or _Opened.of(EMPTY)
    packet, back = changed_packet(start.packet, start.encoded, wanted.add, wanted.drop)
    stored = start.encoded.encode(packet.data)
    remembered = OurPart(
        digest(stored),
        digest(None if base is None else base.raw),
        () if base is None else tuple(back),
        wanted.add,
    )
    return SideFilePlan(stored, remembered, before, Keywords.of(packet), foreign, contradicted)


class _Opened(NamedTuple):
    """A side file, read."""

    raw: bytes
    packet: Packet
    encoded: Encoded

    @classmethod
    def of(cls, raw: bytes) -> _Opened:
        return cls(raw, *read_packet(raw))


def _keywords(opened: _Opened | None) -> Keywords:
    return Keywords() if opened is None else Keywords.of(opened.packet)


def _without_ours(opened: _Opened, written: OurPart | None) -> _Opened | None:
    """The side file as if we had never written to it; None: there would be none."""
    if written is None:
        return opened
    current = digest(opened.raw)
    if current == written.base_digest:
        return opened
    if current == written.digest:
        if not written.base_digest:
            return None
        base = _restored(opened, written)
        if base is not None and digest(base) == written.base_digest:
            return _Opened.of(base)
    packet = strip(opened.packet, opened.encoded, written.names)
    return _Opened(opened.encoded.encode(packet.data), packet, opened.encoded)


def _restored(opened: _Opened, written: OurPart) -> bytes | None:
    try:
        return opened.encoded.encode(apply_edits(opened.packet.data, written.back)[0])
    except ValueError:
        return None


def _contradicted(side: Keywords, absent: Iterable[str]) -> tuple[str, ...]:
    there = {key_of(name) for name in side.flat} | {key_of(path[-1]) for path in side.paths()}
    return tuple(name for name in absent if key_of(name) in there)


def stored_keywords(names: KeywordsByList) -> dict[str, list[str]]:
    """Keywords by list, for JSON."""
    return {which.value: list(keywords) for which, keywords in names.items()}


def keywords_from_stored(stored: object) -> dict[KeywordList, list[str]]:
    """What :func:`stored_keywords` made."""
    known = stored if isinstance(stored, dict) else {}
    return {
        which: [str(name) for name in known[which.value]]
        for which in KeywordList
        if isinstance(known.get(which.value), list)
    }
