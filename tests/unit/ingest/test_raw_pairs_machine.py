"""Whatever is done to raw files and photos of the same name, in whatever order, and however often
the setting is switched: no verdict is lost, and every file that is there has those given to it."""

from __future__ import annotations

import functools
import io
import os
import tempfile
from pathlib import Path

import numpy as np
from example_counts import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from PIL import Image
from raw_photos import dng, patches

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.domain.raw_pairs import companions_of
from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.ingest.sync import sync

STEMS = ("x", "y", "in/x")
SUFFIXES = (".jpg", ".dng", ".heic")
index = st.integers(0, 63)


@functools.cache
def content(number: int, suffix: str) -> bytes:
    """A file that differs from that of any other number."""
    light = patches(32, 24) * (1 - number / 200)
    if suffix == ".dng":
        return dng(light)
    buffer = io.BytesIO()
    Image.fromarray((light * 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue() + bytes([number])


class RawPairs(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.temporary = tempfile.TemporaryDirectory(dir=memory)
        self.top = Path(os.path.realpath(self.temporary.name))
        self.photos = self.top / "photos"
        (self.photos / "in").mkdir(parents=True)
        self.numbers = 0
        self.deleted: list[tuple[Path, bytes]] = []
        self.of_image: dict[int, bytes] = {}
        """What every image was seen to be."""
        self.given: dict[int, set[bytes]] = {}
        """Class of every verdict -> the files it was given to; each has a class of its own."""
        self.on = True

    @initialize(on=st.booleans(), puts=st.lists(st.tuples(index, index), min_size=2, max_size=5))
    def open(self, on: bool, puts: list[tuple[int, int]]) -> None:
        self.catalogue = Catalogue.open(self.top / "library")
        self.folder_id = self.catalogue.folders.add(self.photos).id
        self.on = on
        for stem, suffix in puts:
            self.put(stem, suffix)
        self.scan()

    def teardown(self) -> None:
        try:
            if hasattr(self, "catalogue"):
                self.scan()
        finally:
            if hasattr(self, "catalogue"):
                self.catalogue.close()
            self.temporary.cleanup()

    def files(self) -> list[Path]:
        return sorted(path for path in self.photos.rglob("*") if path.is_file())

    def shown(self) -> dict[int, str]:
        """Images that are shown, by id; those that are missing without a name."""
        table = self.catalogue.images.table()
        return {
            int(image_id): "" if state == ImageState.MISSING else name
            for image_id, name, state in zip(table.ids, table.names, table.states, strict=True)
        }

    @rule(stem=index, suffix=index)
    def put(self, stem: int, suffix: int) -> None:
        path = self.photos / f"{STEMS[stem % 3]}{SUFFIXES[suffix % 3]}"
        if not path.exists():
            self.numbers += 1
            path.write_bytes(content(self.numbers, path.suffix))

    @precondition(lambda self: self.files())
    @rule(which=index)
    def delete(self, which: int) -> None:
        path = self.files()[which % len(self.files())]
        self.deleted.append((path, path.read_bytes()))
        path.unlink()

    @precondition(lambda self: self.deleted)
    @rule(which=index)
    def restore(self, which: int) -> None:
        path, data = self.deleted[which % len(self.deleted)]
        if not path.exists() and data not in {other.read_bytes() for other in self.files()}:
            path.write_bytes(data)

    @precondition(lambda self: self.files())
    @rule(which=index, stem=index, both=st.booleans())
    def rename(self, which: int, stem: int, both: bool) -> None:
        path = self.files()[which % len(self.files())]
        target = self.photos / STEMS[stem % 3]
        for suffix in SUFFIXES if both else (path.suffix,):
            old, new = path.with_suffix(suffix), target.with_suffix(suffix)
            if old.exists() and not new.exists():
                old.rename(new)

    @rule()
    def switch(self) -> None:
        self.on = not self.on
        self.catalogue.pairs.refresh([self.folder_id], "joined", enabled=self.on)
        self.check(scanned=False)

    @rule(which=index)
    def say(self, which: int) -> None:
        """Of an image that is shown, whether its file is there or not."""
        shown = sorted(self.shown())
        if not shown:
            return
        image_id = shown[which % len(shown)]
        class_id = self.catalogue.classes.add(f"class {len(self.given)}").id
        self.catalogue.annotations.apply([Change(image_id, class_id, Verdict.PRESENT)])
        together = [
            item.image_id for item in self.catalogue.pairs.companions([image_id]) if item.is_there
        ]
        self.given[class_id] = {self.of_image[i] for i in (image_id, *together)}

    @rule()
    def scan(self) -> None:
        sync(self.catalogue, self.folder_id, raw_pairs=self.on)
        self.check(scanned=True)

    def check(self, *, scanned: bool) -> None:
        shown = self.shown()
        ids = np.array(sorted(shown), np.int64)
        classes = np.array(sorted(self.given), np.int64)
        said = self.catalogue.annotations.matrix(ids, classes)
        assert (said == Verdict.PRESENT).any(axis=0).all(), "a verdict is not to be seen"
        if not scanned:
            return
        names = {path.relative_to(self.photos).as_posix(): path for path in self.files()}
        pairs = companions_of(names) if self.on else {}
        there = {name: image_id for image_id, name in shown.items() if name}
        assert set(there) == set(names) - set(pairs), "other photos are shown than are to be"
        for name, path in names.items():
            row = int(np.searchsorted(ids, there[pairs.get(name, name)]))
            for column, class_id in enumerate(classes.tolist()):
                if path.read_bytes() in self.given[class_id]:
                    assert said[row, column] == Verdict.PRESENT, f"{name} lacks a verdict"
        self.of_image.update({there[name]: names[name].read_bytes() for name in there})
        for item in self.catalogue.pairs.companions():
            if item.is_there:
                self.of_image[item.image_id] = names[item.name].read_bytes()
        assert self.catalogue.check_soundness().sound


TestRawPairs = RawPairs.TestCase
TestRawPairs.settings = settings(max_examples=examples(20), stateful_step_count=12, deadline=None)
