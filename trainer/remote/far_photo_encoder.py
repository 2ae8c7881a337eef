"""Encodes photos on another computer, or here where that cannot be reached (imports no torch)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import cast

import numpy as np

from trainer.encoding_model import Pixels
from trainer.photo import UnreadablePhoto
from trainer.photo_encoder import Encoded, PhotoEncoder, take_first
from trainer.photo_reader import PhotoReader
from trainer.remote.frames import FRAME
from trainer.remote.link import Answer, FileThere, Link
from trainer.remote.other_computer import OtherComputer
from trainer.threads import begun_pool

MOST_OPEN = 6
"""Requests under way: so many that neither the connection nor the GPU there waits for the other."""
_LOOK_SECONDS = 0.1
_READERS = 4
"""Threads for files that were to be decoded there and are needed here."""
Item = Pixels | FileThere | UnreadablePhoto


@dataclass
class _Part:
    """Photos of one request: (3, S, S) each, or files that are there, too."""

    places: list[int]
    photos: list[Pixels] | list[FileThere]
    link: Link | None = None
    number: int = 0

    @property
    def files(self) -> list[FileThere] | None:
        first = self.photos[0]
        return cast(list[FileThere], self.photos) if isinstance(first, FileThere) else None


class FolderReader:
    """A :class:`PhotoReader` that leaves photos to the other computer which sees them, too."""

    def __init__(self, reader: PhotoReader, other: OtherComputer) -> None:
        self._reader = reader
        self._other = other
        self._order: deque[FileThere | None] = deque()

    def add(self, paths: Sequence[Path], *, pixels: bool = False) -> None:
        """Append photos; ``pixels``: they are wanted as pixels in any case."""
        for path in paths:
            there = (
                None if pixels or self._other.now()[1] else place_there(path, self._other.folders)
            )
            if there is None:
                self._reader.add([path])
            self._order.append(None if there is None else FileThere(path, there))

    def take(self, count: int) -> list[Item]:
        """As :meth:`PhotoReader.take`."""
        taken: list[Item] = []
        while self._order and len(taken) < count:
            file = self._order.popleft()
            taken.extend(self._reader.take(1) if file is None else [file])
        return taken


def place_there(path: Path, folders: dict[str, str]) -> str | None:
    """What a file is called on the other computer; None if it does not see it.

    The other computer's paths are those of Linux or macOS.
    """
    for here, there in folders.items():
        if path.is_relative_to(here) and ".." not in path.parts:
            inside = PurePath(path.relative_to(here)).as_posix()
            return f"{there.rstrip('/')}/{inside}"
    return None


class FarPhotoEncoder:
    """Does what :class:`PhotoEncoder` does, there if possible."""

    batch = FRAME * MOST_OPEN

    def __init__(
        self,
        here: PhotoEncoder,
        other: OtherComputer,
        read: Callable[[Path], Pixels | UnreadablePhoto],
    ) -> None:
        """``here`` encodes on this computer; ``read`` decodes a photo now."""
        self._here = here
        self._other = other
        self._read = read

    def encode(
        self,
        count: int,
        take: Callable[[int], list[Item]],
        between: Callable[[], None] = lambda: None,
    ) -> Encoded:
        """As :meth:`PhotoEncoder.encode`; ``take`` may return files that are there."""
        made: list[Encoded] = []
        open_parts: deque[_Part] = deque()
        taken = 0
        while taken < count or open_parts:
            between()
            link, here = self._other.now()
            if answered := _first_answered(open_parts):
                part, answer = answered
                open_parts.remove(part)
                made.append(self._from_there(part, answer))
                parts, failed = self._not_there(part, answer)
                open_parts.extendleft(parts)
                made.append(replace(self._here.nothing(), failures=failed))
            elif here and open_parts:
                made.append(self._encode_here(open_parts.popleft(), between))
            elif taken < count and len(open_parts) < MOST_OPEN:
                items = take(min(FRAME, count - taken))
                if not items:
                    raise RuntimeError("fewer photos were read than requested")
                parts, failed = _parts(list(enumerate(items, taken)))
                open_parts.extend(parts)
                made.append(replace(self._here.nothing(), failures=failed))
                taken += len(items)
            else:
                self._other.wait(_LOOK_SECONDS)
            if link is not None:
                for part in open_parts:
                    _send(part, link)
        return _together(made, self._here.nothing())

    def _encode_here(self, part: _Part, between: Callable[[], None]) -> Encoded:
        photos: list[Pixels | UnreadablePhoto]
        if (files := part.files) is None:
            photos = list(part.photos)
        else:
            with begun_pool(_READERS, "photos") as pool:
                photos = list(pool.map(self._read, [file.path for file in files]))
        take = partial(take_first, photos)
        return _at(self._here.encode(len(part.places), take, between), part.places)

    def _from_there(self, part: _Part, answer: Answer) -> Encoded:
        self._other.has_answered()
        encoded = Encoded(answer.positions, answer.features, answer.windows, answer.failures)
        return _at(encoded, part.places)

    def _not_there(self, part: _Part, answer: Answer) -> tuple[list[_Part], list[tuple[int, str]]]:
        """The photos that the other computer has not found, to be sent."""
        files = part.files
        if not answer.missing or files is None:
            return [], []
        self._other.did_not_find(len(answer.missing), of=len(part.places))
        return _parts([(part.places[at], self._read(files[at].path)) for at in answer.missing])


def _parts(items: Sequence[tuple[int, Item]]) -> tuple[list[_Part], list[tuple[int, str]]]:
    """Requests for photos with their places, and those that cannot be read with the reasons."""
    failed = [(at, item.reason) for at, item in items if isinstance(item, UnreadablePhoto)]
    good = [(at, item) for at, item in items if not isinstance(item, UnreadablePhoto)]
    parts = []
    for kind in (True, False):
        some = [(at, item) for at, item in good if isinstance(item, FileThere) is kind]
        if some:
            parts.append(_Part([at for at, _ in some], [item for _, item in some]))
    return parts, failed


def _send(part: _Part, link: Link) -> None:
    """Ask for what this connection was not asked for, unless an earlier one has answered."""
    if part.link is not link and not (part.link and part.link.has_answered(part.number)):
        files = part.files
        part.number = link.send(part.photos) if files is None else link.send_files(files)
        part.link = link


def _first_answered(parts: Sequence[_Part]) -> tuple[_Part, Answer] | None:
    """Also what came just before a connection ended."""
    for part in parts:
        if part.link is not None:
            answer = part.link.answer(part.number)
            if answer is not None:
                return part, answer
    return None


def _at(encoded: Encoded, places: Sequence[int]) -> Encoded:
    """The same with positions in the whole request."""
    return replace(
        encoded,
        positions=np.array(places, np.int64)[encoded.positions],
        failures=[(places[at], reason) for at, reason in encoded.failures],
    )


def _together(parts: Sequence[Encoded], nothing: Encoded) -> Encoded:
    """All of them, in the order of the photos."""
    if not parts:
        return nothing
    positions = np.concatenate([part.positions for part in parts])
    order = np.argsort(positions)
    return Encoded(
        positions[order],
        np.concatenate([part.features for part in parts])[order],
        np.concatenate([part.windows for part in parts])[order],
        sorted(failure for part in parts for failure in part.failures),
    )
