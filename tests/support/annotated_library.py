"""A library whose photos all carry a verdict of their own, to see where verdicts go.

Every photo is annotated with a class of its own, so that a verdict says for which picture it was
made.  Scans are the product's; the encoder is an honest stand-in that looks at the photo.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from photo_bytes import honest_feature
from PIL import Image, ImageOps

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.engine.files.edit_detector import compare_replaced
from lmpt_desktop.ingest.fill import fill_hashes
from lmpt_desktop.ingest.scope import EVERYTHING, Scope
from lmpt_desktop.ingest.sync import SyncReport, sync

BACKBONE = "lite"
UNREADABLE = "This file cannot be decoded."


def encode(catalogue: Catalogue, usable: Callable[[int, Path], bool] | None = None) -> None:
    """Give every image that lacks one a feature, as an encoder does.

    Args:
        usable: asked with an image's id and path; False leaves it for the next time.
    """
    ids = catalogue.features.missing(BACKBONE).tolist()
    done: list[int] = []
    features = []
    for image_id, path in zip(ids, catalogue.images.paths(ids), strict=True):
        if usable is not None and not usable(image_id, path):
            continue
        try:
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image)
                features.append(honest_feature(upright.convert("RGB")))
            done.append(image_id)
        except FileNotFoundError:
            continue
        except Exception:  # Pillow raises nearly anything on damaged files
            catalogue.images.mark_unreadable(image_id, UNREADABLE)
    if done:
        catalogue.features.append(BACKBONE, done, np.stack(features))


def follow_edits(catalogue: Catalogue) -> None:
    """Compare pictures that took an annotated image's place with what was there, as the engine
    does once both have a feature."""
    compare_replaced(catalogue, BACKBONE, catalogue.features.load(BACKBONE)[1])


def read_completely(catalogue: Catalogue) -> None:
    """Read photos of an earlier version's catalogue for their hashes, as the engine does when it
    has nothing else to do."""
    for folder in catalogue.folders.all():
        if fill_hashes(catalogue.images, folder, lambda: False).changed:
            sync(catalogue, folder.id)


class AnnotatedLibrary:
    """A catalogue with folders.

    Args:
        library: where it is, or will be made.
        folders: what it is to contain; existing folders.
    """

    def __init__(self, library: Path, *folders: Path) -> None:
        self.library = library
        self.catalogue = Catalogue.open(library)
        self.folders = [self.catalogue.folders.add(folder) for folder in folders]

    def close(self) -> None:
        self.catalogue.close()

    def scan(self, *paths: Path, scope: Scope = EVERYTHING) -> list[SyncReport]:
        """Scan all folders of the library, or these, in this order."""
        chosen = [item for item in self.catalogue.folders.all() if not paths or item.path in paths]
        chosen.sort(key=lambda item: paths.index(item.path) if paths else item.id)
        return [sync(self.catalogue, item.id, scope=scope) for item in chosen]

    def look(self) -> None:
        """Encode what lacks a feature and compare what changed."""
        encode(self.catalogue)
        follow_edits(self.catalogue)

    def settle(self) -> None:
        """All that the app does by itself, until nothing is left to do."""
        for _ in range(2):
            self.scan()
            self.look()

    def begin(self, *, name: Callable[[Path], str] = lambda path: path.name) -> dict[str, int]:
        """Scan, encode and annotate everything: each image present on a class of its own, called
        as ``name`` calls it, reviewed, with a caption by the user.

        Returns:
            the image of each such class.
        """
        self.scan()
        self.look()
        table = self.catalogue.images.table()
        places = self.catalogue.images.paths(table.ids)
        images = {
            name(path): image_id
            for path, image_id, state in zip(
                places, table.ids.tolist(), table.states.tolist(), strict=True
            )
            if state == ImageState.OK
        }
        assert len(images) == len(table), "two photos with one name, or one that is not readable"
        for own, image_id in images.items():
            made = self.catalogue.classes.add(own)
            self.catalogue.annotations.apply([Change(image_id, made.id, Verdict.PRESENT)])
            self.catalogue.images.set_caption(image_id, f"caption of {own}")
        return images

    # ------------------------------------------------------------------------- what is seen

    def shown(self) -> dict[Path, int]:
        """The image at each place that is in view: of a folder of the library, not missing."""
        table = self.catalogue.images.table()
        places = self.catalogue.images.paths(table.ids)
        return {
            path: image_id
            for path, image_id, state in zip(
                places, table.ids.tolist(), table.states.tolist(), strict=True
            )
            if state != ImageState.MISSING
        }

    def missing(self) -> list[int]:
        """Images without a file."""
        table = self.catalogue.images.table()
        return table.ids[table.states == ImageState.MISSING].tolist()

    def verdicts(self, image_ids: Sequence[int]) -> list[set[str]]:
        """The classes present in each image."""
        classes = self.catalogue.classes.all()
        matrix = self.catalogue.annotations.matrix(image_ids, [entry.id for entry in classes])
        return [
            {classes[column].name for column in np.flatnonzero(row == Verdict.PRESENT)}
            for row in matrix
        ]

    def verdicts_in_view(self) -> dict[Path, set[str]]:
        """The classes present in what is at each place."""
        shown = self.shown()
        return dict(zip(shown, self.verdicts(list(shown.values())), strict=True))

    def assert_in_view(self, expected: Mapping[Path, str]) -> None:
        """At these places are photos with just these verdicts, and nothing else is in view.

        Args:
            expected: the class of its own, or "" for none.
        """
        wanted = {path: {own} if own else set() for path, own in expected.items()}
        assert self.verdicts_in_view() == wanted

    def assert_waiting(self, *own: str) -> None:
        """Exactly these verdicts wait on missing images."""
        waiting = sorted(name for found in self.verdicts(self.missing()) for name in found)
        assert waiting == sorted(own)


def finishes(work: Callable[[], object], seconds: float = 30.0) -> bool:
    """Whether ``work`` ends, on a thread that may be left behind; its error is raised here."""
    error: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as raised:
            error.append(raised)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if error:
        raise error[0]
    return not thread.is_alive()


def write(path: Path, data: bytes, *, like: os.stat_result | None = None) -> None:
    """Write a file in place; with ``like`` its times are set to those."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if like is not None:
        os.utime(path, ns=(like.st_atime_ns, like.st_mtime_ns))
