"""Libraries of real and drawn photos, all annotated, and exiftool."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from annotated_library import AnnotatedLibrary
from photo_bytes import picture, written

Exiftool = Callable[..., None]
OpenLibrary = Callable[..., AnnotatedLibrary]


@pytest.fixture(scope="session")
def exiftool() -> Iterator[Exiftool]:
    """``exiftool("-Rating=5", path, ...)``; files are overwritten.

    One process does what all tests ask: to start it takes longer than most of that.
    """
    program = shutil.which("exiftool")
    if program is None:
        pytest.skip("exiftool is not installed (Debian: libimage-exiftool-perl)")
    process = subprocess.Popen(
        [program, "-stay_open", "True", "-@", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )
    requests, answers = process.stdin, process.stdout
    assert requests is not None and answers is not None

    def run(*arguments: str | Path) -> None:
        asked = ["-q", "-overwrite_original", *map(str, arguments), "-echo3", "ended: ${status}"]
        requests.write("".join(f"{line}\n" for line in (*asked, "-execute")))
        requests.flush()
        said: list[str] = []
        while not (line := answers.readline()).startswith("ended: "):
            assert line, said
            said.append(line)
        assert line == "ended: 0\n", said

    yield run
    process.communicate("-stay_open\nFalse\n", timeout=60)


@pytest.fixture
def real_photos() -> list[Path]:
    """Photos of a data set where they are at hand; otherwise drawn ones do."""
    root = Path(os.environ.get("LMPT_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    return sorted((root / "photos" / "images").glob("*.jpg"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def take(photos: Path, real_photos: list[Path]) -> Callable[..., list[Path]]:
    """``take(5, "trip")``: this many JPEGs in that folder, real ones where there are any; no two
    calls take the same."""
    taken = iter(range(1000))

    def make(count: int, inner: str = "") -> list[Path]:
        folder = photos / inner
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for number in [next(taken) for _ in range(count)]:
            path = folder / f"IMG_{number:04}.jpg"
            if number < len(real_photos):
                path.write_bytes(real_photos[number].read_bytes())
            else:
                path.write_bytes(written(picture(number, side=160), ".jpg"))
            paths.append(path)
        return paths

    return make


@pytest.fixture
def open_library(tmp_path: Path, photos: Path) -> Iterator[OpenLibrary]:
    """``open_library(folder, ...)``: a library of ``photos``, or of these folders."""
    opened: list[AnnotatedLibrary] = []

    def make(*folders: Path) -> AnnotatedLibrary:
        made = AnnotatedLibrary(tmp_path / "library", *(folders or (photos,)))
        opened.append(made)
        return made

    yield make
    for library in opened:
        library.close()
