"""Read the authors' list files (imports no torch).

Image lists and captions have one image per line: its path, then the ids of its classes or a
caption.  Labels have a class name, possibly with spaces, then its id.  The published files have
some Windows line ends, trailing spaces, and no newline at the end of some; an image of the test
list may have no class.  Anything else is an error with file and line, because a benchmark on
misread lists is worthless.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.benchmarks.benchmark import BenchmarkKind
from trainer.job import ABSENT, PRESENT
from trainer.photo import PHOTO_SUFFIXES


class ListError(Exception):
    """A list file is missing or invalid; the message names file and line."""


@dataclass(frozen=True)
class ImageList:
    """The images of one list, in its order (N images, C classes).

    paths: N, relative, with forward slashes, as listed.
    targets: (N, C) int8, 1 present and 0 absent; none is unknown.
    repeated: number of lines ignored because they repeat an earlier line.
    """

    file: Path
    paths: tuple[str, ...]
    targets: NDArray[np.int8]
    repeated: int = 0

    @property
    def counts(self) -> NDArray[np.int64]:
        """(C,) images in which each class is present."""
        return (self.targets == PRESENT).sum(0).astype(np.int64)

    def first(self, count: int) -> ImageList:
        """The first ``count`` images."""
        return replace(self, paths=self.paths[:count], targets=self.targets[:count])


@dataclass(frozen=True)
class BenchmarkLists:
    """Everything the authors published for one data set, checked.

    captions: per training image, "" if the captions file has none.
    """

    classes: tuple[str, ...]
    train: ImageList
    test: ImageList
    captions: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Hash (32 hex digits) of the content of the lists, whatever their line ends."""
        content: list[Any] = [self.classes, self.captions]
        for part in (self.train, self.test):
            ids = [np.flatnonzero(row == PRESENT).tolist() for row in part.targets]
            content += [part.paths, ids]
        text = json.dumps(content, ensure_ascii=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def first(self, count: int) -> BenchmarkLists:
        """Only the first ``count`` images of each list, for quick tests."""
        return replace(
            self,
            train=self.train.first(count),
            test=self.test.first(count),
            captions=self.captions[:count],
        )


def read_lists(folder: Path, kind: BenchmarkKind) -> BenchmarkLists:
    """Read and check the four list files of ``kind`` in ``folder``.

    Raises:
        ListError: if one is missing or has an invalid line, or if an image is in both the training
            and the test list.
    """
    requested = (kind.labels, kind.train, kind.test, kind.captions)
    missing = [name for name in requested if not (folder / name).is_file()]
    if missing:
        raise ListError(
            f"{folder} lacks {', '.join(missing)}. --lists is the folder with the list files of "
            f"the LMPT authors for {kind.title}: {', '.join(requested)}."
        )
    classes = read_labels(folder / kind.labels)
    train = read_images(folder / kind.train, len(classes))
    test = read_images(folder / kind.test, len(classes))
    if both := sorted(set(train.paths) & set(test.paths)):
        raise ListError(
            f"{len(both)} images are in both {train.file} and {test.file}, for example "
            f"{both[0]}. A test on them would be meaningless."
        )
    captions = read_captions(folder / kind.captions)
    return BenchmarkLists(
        classes, train, test, tuple(captions.get(path, "") for path in train.paths)
    )


def read_labels(file: Path) -> tuple[str, ...]:
    """Class names in the order of their ids.

    Raises:
        ListError: unless the ids are 0, 1, 2, ... each once, and the names differ.
    """
    names: dict[int, str] = {}
    for number, line in _lines(file):
        name, _, last = line.rpartition(" ")
        name = " ".join(name.split())
        if not name or not _is_number(last):
            raise _bad(file, number, "is not a class name followed by its number", line)
        index = int(last)
        if index in names:
            raise _bad(file, number, f"gives number {index} a second time", line)
        if name in names.values():
            raise _bad(file, number, "names a class a second time", line)
        names[index] = name
    gaps = [index for index in range(len(names)) if index not in names]
    if not names or gaps:
        what = f"no class has number {gaps[0]}" if gaps else "it names no class"
        raise ListError(f"{file} is not a complete list of classes: {what}.")
    return tuple(names[index] for index in range(len(names)))


def read_images(file: Path, classes: int) -> ImageList:
    """Images and their classes.

    An image listed again with the same classes counts once; so does a repeated class number in a
    line.

    Raises:
        ListError: for a line that is not a path with class numbers, a class number out of range, an
            image listed again with different classes, or an empty list.
    """
    seen: dict[str, tuple[int, frozenset[int]]] = {}
    repeated = 0
    for number, line in _lines(file):
        path, *rest = line.split()
        _check_path(file, number, path, line)
        for item in rest:
            if not _is_number(item):
                raise _bad(file, number, f"has “{item}” where a class number belongs", line)
            if int(item) >= classes:
                raise _bad(
                    file, number, f"has class {item}, but the last class is {classes - 1}", line
                )
        present = frozenset(map(int, rest))
        if path in seen:
            earlier, before = seen[path]
            if before != present:
                raise _bad(
                    file, number, f"lists other classes than line {earlier} for its image", line
                )
            repeated += 1
            continue
        seen[path] = (number, present)
    if not seen:
        raise ListError(f"{file} lists no image.")
    targets = np.full((len(seen), classes), ABSENT, dtype=np.int8)
    for row, (_, present) in enumerate(seen.values()):
        targets[row, sorted(present)] = PRESENT
    return ImageList(file, tuple(seen), targets, repeated)


def read_captions(file: Path) -> dict[str, str]:
    """Captions by image path; several lines for one image are joined.

    Raises:
        ListError: for a line that is not a path and a text.
    """
    captions: dict[str, str] = {}
    for number, line in _lines(file):
        path, *rest = line.split(maxsplit=1)
        _check_path(file, number, path, line)
        if not rest:
            raise _bad(file, number, "has a path but no caption", line)
        text = " ".join(rest[0].split())
        if path not in captions:
            captions[path] = text
        elif text not in captions[path]:
            captions[path] = f"{captions[path]} {text}"
    return captions


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Numbered non-blank lines, without surrounding whitespace."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ListError(f"{file} cannot be read: {error.strerror or error}.") from error
    # Not splitlines(), which would also split captions at other separators, such as U+2028.
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            line = raw.decode("utf-8").replace("\t", " ").strip()
        except UnicodeDecodeError as error:
            raise ListError(f"{file}, line {number}: this is not text in UTF-8.") from error
        if line:
            yield number, line


def _check_path(file: Path, number: int, path: str, line: str) -> None:
    pure = PurePosixPath(path)
    if pure.suffix.lower() not in PHOTO_SUFFIXES:
        raise _bad(file, number, "does not begin with the path of an image", line)
    if pure.is_absolute() or ".." in pure.parts:
        raise _bad(file, number, "has a path that leads out of the images folder", line)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _bad(file: Path, number: int, what: str, line: str) -> ListError:
    shown = line if len(line) <= 100 else line[:97] + "..."
    return ListError(f"{file}, line {number}: the line {what}: “{shown}”")


def without_caption(captions: Sequence[str]) -> int:
    """Number of images without a caption."""
    return sum(not caption for caption in captions)
