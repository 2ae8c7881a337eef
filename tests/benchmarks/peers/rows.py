"""The rows of the comparison: what each measures, for whom, and what it needs beforehand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from first_sight import DRAWN, make_photos, with_other_tables
from parts.library import PER_FOLDER, draw
from peers.first_sight_row import look
from peers.installing import InstallError, fiftyone_python, install_debian
from peers.screen import missing
from peers.viewers import CHECKOUT, VIEWERS

from lmpt_desktop.paths import HOME_VARIABLE

PEERS = Path(__file__).parent
OURS = "ours"
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS")
"""Variables that hold numpy back, on machines where they are set."""

Measured = dict[str, float]


class Row:
    """One kind of work.

    Attributes:
        title: of its table.
        contenders: ours first.
    """

    title: str
    contenders: Sequence[str]

    def install(self, contender: str) -> None:
        """Make a peer ready.

        Raises:
            InstallError: it cannot be had here.
        """

    def prepare(self, place: Path) -> None:
        """Make what all contenders work on, within a folder of this row's own."""

    def measure(self, contender: str, place: Path) -> Measured:
        """Figures by name, of one round."""
        raise NotImplementedError


class FirstSight(Row):
    """A folder that no program has seen, as the screen shows it."""

    contenders = tuple(VIEWERS)

    def __init__(self, photos: int, pictures: Path | None = None) -> None:
        """``pictures``: a folder for a screenshot of each."""
        self.title = f"First sight of {photos:,} photos of 1600 x 1200"
        self._photos = photos
        self._pictures = pictures

    def install(self, contender: str) -> None:
        if lacking := missing():
            raise InstallError(f"no {lacking} here")
        viewer = VIEWERS[contender]
        if viewer.package and not viewer.is_here:
            install_debian(viewer.package)

    def prepare(self, place: Path) -> None:
        make_photos(place / "photos", self._photos, (1600, 1200))

    def measure(self, contender: str, place: Path) -> Measured:
        picture = self._pictures / f"{contender}.png" if self._pictures else None
        return look(VIEWERS[contender], place / "photos", picture)


class Search(Row):
    """The nearest of many features, words read before."""

    contenders = (OURS, "numpy float32", "faiss fp16")

    def __init__(self, images: int) -> None:
        self.title = f"The best 1,000 of {images:,} x 512"
        self._images = images

    def install(self, contender: str) -> None:
        if contender.startswith("faiss"):
            try:
                import faiss  # noqa: F401  # pyright: ignore[reportMissingImports]
            except ImportError as error:
                raise InstallError("faiss is not installed (faiss-cpu)") from error

    def measure(self, contender: str, place: Path) -> Measured:
        return child("ranking.py", contender, str(self._images), home=place)


class _BesideFiftyOne(Row):
    """A library of ours, and a dataset of FiftyOne."""

    contenders = (OURS, "FiftyOne")

    def __init__(self, environments: Path) -> None:
        """``environments``: where that of FiftyOne is, or is made."""
        self._environment = environments / "fiftyone"

    def install(self, contender: str) -> None:
        if contender != OURS:
            fiftyone_python(self._environment)

    def _child(self, contender: str, place: Path, *arguments: str) -> Measured:
        with tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True) as out:
            if contender == OURS:
                return child("our_library.py", *arguments, out, home=Path(out))
            python = fiftyone_python(self._environment)
            return child("fiftyone_library.py", *arguments, out, home=Path(out), python=python)


class Import(_BesideFiftyOne):
    """Photos read and listed, without a model or thumbnails."""

    def __init__(self, images: int, environments: Path) -> None:
        super().__init__(environments)
        self.title = f"Import of {images:,} photos of 320 x 240"
        self._images = images

    def prepare(self, place: Path) -> None:
        drawn = [draw((320, 240), number) for number in range(DRAWN)]
        for number in range(self._images):
            folder = place / "photos" / f"{number // PER_FOLDER:04d}"
            if number % PER_FOLDER == 0:
                folder.mkdir(parents=True)
            file = folder / f"photo {number:06d}.jpg"
            file.write_bytes(with_other_tables(drawn[number % DRAWN], number))

    def measure(self, contender: str, place: Path) -> Measured:
        return self._child(contender, place, "import", str(place / "photos"))


class Tags(_BesideFiftyOne):
    """Tags given, taken away, looked for and written to CSV."""

    def __init__(self, images: int, environments: Path) -> None:
        super().__init__(environments)
        self.title = f"Tags of {images:,} photos, three of 80 each"
        self._images = images

    def measure(self, contender: str, place: Path) -> Measured:
        return self._child(contender, place, "tags", str(self._images))


class Lite(Row):
    """A folder tagged by the bundled model, from the start of the command to its CSV."""

    contenders = (OURS, "open_clip loop")

    def __init__(self, photos: Path) -> None:
        """``photos``: a folder of photos, used where it is."""
        count = sum(1 for path in photos.iterdir() if path.suffix.lower() == ".jpg")
        self.title = f"Lite over {count:,} photos x 80 classes, the whole command"
        self._photos = photos

    def prepare(self, place: Path) -> None:
        listed = CHECKOUT / "resources" / "vocabularies" / "coco80.txt"
        names = [line.split("\t")[0] for line in listed.read_text("utf-8").splitlines()]
        names = [name for name in names if name and not name.startswith("#")]
        (place / "names.txt").write_text("\n".join(names) + "\n", encoding="utf-8")

    def measure(self, contender: str, place: Path) -> Measured:
        with tempfile.TemporaryDirectory(dir=place) as folder:
            out, names = Path(folder) / "tags.csv", place / "names.txt"
            if contender == OURS:
                command = ["-m", "lmpt_desktop", "tag", str(self._photos), "--all"]
                command += ["--vocabulary", str(names), "-o", str(out)]
            else:
                model = CHECKOUT / "resources" / "models" / "lite"
                command = [str(PEERS / "open_clip_tags.py"), str(self._photos), str(model)]
                command += [str(names), str(out)]
            before, began = os.times(), time.perf_counter()
            subprocess.run(
                [sys.executable, *command],
                env=clean_environment(Path(folder)),
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            after = os.times()
            took = time.perf_counter() - began
            with out.open(encoding="utf-8") as file:
                rows = sum(1 for _line in file) - 1
        return {
            "command, s": took,
            "command, CPU s": sum(after[2:4]) - sum(before[2:4]),
            "rows of CSV": float(rows),
        }


def clean_environment(home: Path) -> dict[str, str]:
    """Of a program that finds nothing of this user, nor of earlier rounds."""
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    kept = {name: value for name, value in kept.items() if not name.startswith("XDG_")}
    return {
        **kept,
        "HOME": str(home),
        HOME_VARIABLE: str(home / "lmpt"),
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONDONTWRITEBYTECODE": "",
        "FIFTYONE_DO_NOT_TRACK": "true",
        "FIFTYONE_DATABASE_VALIDATION": "false",
        "FIFTYONE_SHOW_PROGRESS_BARS": "false",
    }


def child(
    script: str,
    *arguments: str,
    home: Path,
    python: Path | None = None,
) -> Measured:
    """What a script of this folder measured: the last line that it prints, in JSON.

    Args:
        script: its name.
        arguments: of its command line.
        home: what it writes for itself goes there.
        python: of a peer's environment, which gets nothing of ours; None for this one.
    """
    environment = clean_environment(home)
    if python is not None:
        del environment["PYTHONPATH"]
    done = subprocess.run(
        [str(python or sys.executable), str(PEERS / script), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
