"""What reading every photo once costs a scan.

    python tests/benchmarks/first_scan.py [--photos FOLDER] [--large N] [--json FILE] [--quick]

For each kind of file (copies of real photos of about 160 KB, drawn JPEGs of 12 megapixels, and
uncompressed TIFFs), with the files in memory ("warm") and, as root on Linux, after dropping the
system's cache ("cold"):

* the bare read of all bytes, in the scan's number of threads: what no scan can beat;
* the first scan, everything included;
* the same scan of nothing but times (all unchanged);
* a scan after something was written into every file's metadata (every file is read again).

    python tests/benchmarks/first_scan.py --import 100000 [--window] [--folder FOLDER]

instead imports so many small photos (320 x 240, EXIF with camera and date; 100 folders) without a
window, each time in a process of its own: once of as many pictures, and once of a hundredth as
many, each a hundred times in files of other bytes.  With ``--window`` the real one opens the first
ones as a fresh library, as in ``first_sight.py``, and its memory is given, too.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from first_sight import with_other_tables
from parts.figures import Figures, run_part
from parts.library import draw
from PIL import ExifTags, Image

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.ingest.sync import WORKERS, sync
from lmpt_desktop.paths import HOME_VARIABLE

SHARED = Path(__file__).parents[3] / "shared" / "photos" / "images"
SMALL, LARGE = 1000, 60
DRAWN, COPIES, FOLDERS = 16, 100, 100
DROP_CACHES = Path("/proc/sys/vm/drop_caches")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, default=SHARED, help="real photos to copy")
    parser.add_argument("--small", type=int, default=SMALL, help="how many copies of them")
    parser.add_argument("--large", type=int, default=LARGE, help="how many large files")
    parser.add_argument("--quick", action="store_true", help="few files")
    parser.add_argument("--folder", type=Path, default=None, help="make the files in there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument(
        "--import", type=int, default=0, metavar="N", dest="imported", help="import N small photos"
    )
    parser.add_argument("--window", action="store_true", help="with --import: in the window, too")
    given = parser.parse_args()
    small, large = (40, 4) if given.quick else (given.small, given.large)
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.system()}, "
        f"Python {platform.python_version()}"
    )
    figures = Figures()
    place = Path(tempfile.mkdtemp(prefix="lmpt-first-scan-", dir=given.folder))
    try:
        if given.imported:
            _import(place, given.imported, figures, window=given.window)
            return
        kinds: dict[str, Callable[[Path], None]] = {
            "12-megapixel JPEG": lambda folder: _draw(folder, large, ".jpg"),
            "36 MB TIFF": lambda folder: _draw(folder, large, ".tif"),
        }
        if given.photos.is_dir():
            kinds = {"photo": lambda folder: _copy(given.photos, folder, small)} | kinds
        else:
            print(f"{given.photos} is not here: no figures on real photos")
        for kind, make in kinds.items():
            _measure(place / kind.replace(" ", "-"), kind, make, figures)
    finally:
        shutil.rmtree(place)
        if given.json:
            figures.write(given.json)


def _measure(place: Path, kind: str, make: Callable[[Path], None], figures: Figures) -> None:
    photos = place / "photos"
    photos.mkdir(parents=True)
    make(photos)
    files = sorted(photos.iterdir())
    size = sum(file.stat().st_size for file in files)
    print(f"{kind}: {len(files)} files, {size / 1e6:.0f} MB")
    for state in ("warm", "cold"):
        if state == "cold" and not _drop_caches():
            print("the system's cache cannot be dropped here: no cold figures")
            break
        bare = _timed(lambda: _read(files))
        with Catalogue.open(place / state) as catalogue:
            folder_id = catalogue.folders.add(photos).id
            if state == "cold":
                _drop_caches()
            look = partial(sync, catalogue, folder_id)
            first = _timed(look)
            figures.add(f"{kind}, {state}: bare read", 1000 * bare / len(files), "ms/file")
            figures.add(f"{kind}, {state}: first scan", 1000 * first / len(files), "ms/file")
            figures.add(f"{kind}, {state}: first scan", size / 1e6 / first, "MB/s")
            if state == "warm":
                again = _timed(look)
                figures.add(f"{kind}: unchanged", 1000 * again / len(files), "ms/file")
                for file in files:
                    with file.open("ab") as stream:
                        stream.write(b"\0")  # behind the end of the picture
                touched = _timed(look)
                figures.add(f"{kind}: all changed", 1000 * touched / len(files), "ms/file")
    shutil.rmtree(place)


def _import(place: Path, count: int, figures: Figures, *, window: bool) -> None:
    kinds = {"distinct photos": count, "copies": max(1, count // COPIES)}
    for kind, pictures in kinds.items():
        photos = place / kind
        _write_small(photos, count, pictures)
        print(f"{kind}: load {os.getloadavg()[0]:.1f}", flush=True)
        figures.child("first_import.py", str(photos), str(place / f"library of {kind}"), kind)
    if window:
        home = place / "home"
        home.mkdir()
        found = run_part(
            *("sight.py", "look", str(place / next(iter(kinds)))),
            environment={HOME_VARIABLE: str(home)},
        )
        for name, value, unit, budget, better in found:
            figures.add(f"in the window: {name}", value, unit, budget, better=better)


def _write_small(folder: Path, count: int, pictures: int) -> None:
    """Files of other bytes: the same picture has another comment in each."""
    drawn = [draw((320, 240), number) for number in range(DRAWN)]
    per_folder = max(1, count // FOLDERS)
    began = datetime(2020, 1, 1, tzinfo=UTC)
    for number in range(count):
        picture = number % pictures
        exif = Image.Exif()
        exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Canon", "Canon EOS 5D"
        inner = exif.get_ifd(ExifTags.IFD.Exif)
        taken = began + timedelta(minutes=picture)
        inner[ExifTags.Base.DateTimeOriginal] = f"{taken:%Y:%m:%d %H:%M:%S}"
        inner[ExifTags.Base.ISOSpeedRatings] = 400
        segments = _segment(0xE1, exif.tobytes()) + _segment(0xFE, f"{number:08d}".encode())
        jpeg = with_other_tables(drawn[picture % DRAWN], picture)
        path = folder / f"{number // per_folder:03d}" / f"photo {number:06d}.jpg"
        if number % per_folder == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(jpeg[:2] + segments + jpeg[2:])


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _read(files: list[Path]) -> None:
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda file: len(file.read_bytes()), files))


def _drop_caches() -> bool:
    os.sync()
    try:
        DROP_CACHES.write_text("1")
    except OSError:
        return False
    return True


def _copy(source: Path, folder: Path, count: int) -> None:
    originals = sorted(path for path in source.iterdir() if path.suffix == ".jpg")
    for number in range(count):
        shutil.copyfile(originals[number % len(originals)], folder / f"{number:05}.jpg")


def _draw(folder: Path, count: int, suffix: str) -> None:
    """Photos of 4,000 x 3,000 pixels, each with details of its own."""
    random = np.random.default_rng(0)
    small = random.integers(0, 255, (375, 500, 3), np.uint8)
    image = Image.fromarray(small).resize((4000, 3000), Image.Resampling.BICUBIC)
    for number in range(count):
        image.putpixel((number, 0), (255, 0, 0))
        image.save(folder / f"{number:05}{suffix}", quality=92)


if __name__ == "__main__":
    main()
