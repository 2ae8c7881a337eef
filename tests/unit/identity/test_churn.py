"""Files that move while they are scanned, and get verdicts meanwhile.  LMPT_IDENTITY_FILES and
LMPT_IDENTITY_ROUNDS make it longer: 400 files and 50 rounds were tried."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from annotated_library import AnnotatedLibrary
from photo_bytes import picture, written

from lmpt_desktop.catalogue import Change
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ingest.scope import Scope

FILES = int(os.environ.get("LMPT_IDENTITY_FILES", "60"))
ROUNDS = int(os.environ.get("LMPT_IDENTITY_ROUNDS", "8"))
FOLDERS = ("a", "b", "c", "c/d")
LIBRARY_FOLDERS = ("a", "b", "c", "d")
SEEN = tuple(f"seen {number}" for number in range(6))
"""Classes that pictures get while they move."""


class Mover(threading.Thread):
    """Renames files between folders until it is stopped; ``places`` says where each is."""

    def __init__(
        self,
        top: Path,
        places: dict[str, Path],
        seed: int,
        *,
        over_names: bool,
        folders: Sequence[str] = FOLDERS,
    ) -> None:
        super().__init__(daemon=True)
        self._places = places
        self._top = top
        self._folders = folders
        self._random = random.Random(seed)
        self._over_names = over_names
        self._stopped = threading.Event()
        self.renamed = 0

    def run(self) -> None:
        while not self._stopped.is_set():
            own = self._random.choice(sorted(self._places))
            folder = self._top / self._random.choice(self._folders)
            name = f"n{self._random.randrange(FILES)}.jpg" if self._over_names else own
            target = folder / name
            if target.exists():
                self._swap(own, target)
            else:
                self._places[own].rename(target)
                self._places[own] = target
            self.renamed += 1
            self._stopped.wait(0.0005)

    def _swap(self, own: str, target: Path) -> None:
        other = next(name for name, path in self._places.items() if path == target)
        mine = self._places[own]
        if other == own:
            return
        kept = mine.with_suffix(".kept")
        mine.rename(kept)
        target.rename(mine)
        kept.rename(target)
        self._places[own], self._places[other] = target, mine

    def stop(self) -> None:
        self._stopped.set()
        self.join()


class Annotator(threading.Thread):
    """Gives images verdicts until it is stopped, also images that a scan has just found gone, as a
    user does whose window is a moment behind; ``given`` says which classes each picture got."""

    def __init__(self, library: AnnotatedLibrary, own_by_hash: dict[str, str], seed: int) -> None:
        super().__init__(daemon=True)
        self._library = library
        self._own_by_hash = own_by_hash
        self._random = random.Random(seed)
        self._stopped = threading.Event()
        self.classes = {entry.name: entry.id for entry in library.catalogue.classes.all()}
        self.given: dict[str, set[str]] = {own: set() for own in own_by_hash.values()}
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            while not self._stopped.is_set():
                shown = list(self._library.shown().values())
                for image_id in self._random.sample(shown, min(8, len(shown))):
                    self._annotate(image_id)
                    if self._stopped.wait(0.02):
                        break
        except Exception as error:  # the test raises it
            self.error = error

    def _annotate(self, image_id: int) -> None:
        catalogue = self._library.catalogue
        name = self._random.choice(SEEN)
        # Within a transaction no scan gives the image another picture.
        with catalogue.transaction():
            picture_hash = catalogue.images.hashes([image_id])[image_id].picture_hash
            change = Change(image_id, self.classes[name], Verdict.PRESENT)
            catalogue.annotations.apply([change])
        self.given[self._own_by_hash[picture_hash]].add(name)

    def stop(self) -> None:
        self._stopped.set()
        self.join()
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize("over_names", [False, True], ids=["keeping names", "swapping names"])
def test_verdicts_given_meanwhile_stay_with_their_photos(
    photos: Path, open_library: Callable[..., AnnotatedLibrary], over_names: bool
) -> None:
    """Four folders of the library, each scanned by itself."""
    places = {}
    for number in range(FILES):
        path = photos / LIBRARY_FOLDERS[number % len(LIBRARY_FOLDERS)] / f"p{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(picture(number), ".jpg"))
        places[path.name] = path
    library = open_library(*(photos / name for name in LIBRARY_FOLDERS))
    images = library.begin()
    for name in SEEN:
        library.catalogue.classes.add(name)
    hashes = library.catalogue.images.hashes(list(images.values()))
    own_by_hash = {hashes[image_id].picture_hash: own for own, image_id in images.items()}
    expected = {own: {own} for own in places}
    for round_number in range(ROUNDS):
        mover = Mover(photos, places, round_number, over_names=over_names, folders=LIBRARY_FOLDERS)
        annotator = Annotator(library, own_by_hash, round_number)
        mover.start()
        annotator.start()
        try:
            library.scan()
        finally:
            mover.stop()
            annotator.stop()
        for own, names in annotator.given.items():
            expected[own] |= names
        if round_number % 3 == 2:
            library.look()
    library.settle()
    assert sum(len(names) for names in expected.values()) > FILES
    assert library.verdicts_in_view() == {path: expected[own] for own, path in places.items()}
    library.assert_waiting()


@pytest.mark.parametrize("over_names", [False, True], ids=["keeping names", "swapping names"])
def test_every_verdict_is_in_view_after_the_last_scan(
    photos: Path, open_library: Callable[..., AnnotatedLibrary], over_names: bool
) -> None:
    places = {}
    for number in range(FILES):
        path = photos / FOLDERS[number % len(FOLDERS)] / f"p{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(picture(number), ".jpg"))
        places[path.name] = path
    library = open_library()
    library.begin()
    for round_number in range(ROUNDS):
        mover = Mover(photos, places, round_number, over_names=over_names)
        mover.start()
        try:
            library.scan()
            library.scan(scope=Scope(flat=frozenset(FOLDERS[:2]), deep=frozenset({"c"})))
        finally:
            mover.stop()
        assert mover.renamed
        if round_number % 3 == 2:
            library.look()
    library.settle()
    library.assert_in_view({path: own for own, path in places.items()})
    library.assert_waiting()
