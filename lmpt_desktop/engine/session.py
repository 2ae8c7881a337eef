"""One open library, as the window and the command line see it (Qt-free).

The session owns the catalogue, the arrays made from it, and the background work (scan,
encode, retrain).  Its rule for threads: every method may be called from any thread; listeners
are called from whatever thread made the change; nothing here waits for a model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.engine.notices import Activity, ActivityKind, Notice
from lmpt_desktop.engine.views import (
    BackboneInfo,
    ClassSpec,
    Comparison,
    ImageDetails,
    Preflight,
    RetrainOptions,
    RunStatus,
    Snapshot,
    Verdict,
    VersionInfo,
)
from lmpt_desktop.inference.bands import ClassBands
from lmpt_desktop.inference.filters import Filter, Sort

if TYPE_CHECKING:
    from lmpt_desktop.catalogue import Batch, Catalogue, ClassEntry, Folder, ImageTable

Listener = Callable[[Notice], None]


class LibrarySession:
    """One open library; see the module docstring for threads."""

    catalogue: Catalogue
    """For what has no method here; the UI should not need it."""

    # ------------------------------------------------------------------ opening and closing

    @classmethod
    def open(
        cls,
        library_folder: Path,
        *,
        device: str = "auto",
        backbone: str | None = None,
        encode: bool = True,
    ) -> Self:
        """Open (or make) the library in ``library_folder``.

        Returns with the catalogue's images and annotations; predictions follow within
        moments from cached features, then background encoding starts where photos lack a
        feature (unless ``encode`` is False: then no encoder process is ever started).

        Args:
            library_folder: see docs/architecture.md.
            device: "auto", "cpu", "cuda" or "mps".
            backbone: its name; None for the library's own, "lite" for a new one.
            encode: whether encoder processes may be started.

        Raises:
            CatalogueError: with a sentence for the user.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Stop scanning and encoding, keep what is done.  A running retraining goes on."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every notice, from any thread; returns the unsubscriber."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------- state

    def snapshot(self) -> Snapshot:
        """The library now: images, classes, scores, annotations (cheap, read-only)."""
        raise NotImplementedError

    @property
    def library_folder(self) -> Path:
        raise NotImplementedError

    @property
    def images(self) -> ImageTable:
        """Shorthand of ``snapshot().images``, as are the next ones."""
        return self.snapshot().images

    @property
    def classes(self) -> list[ClassEntry]:
        return list(self.snapshot().classes)

    @property
    def scores(self) -> NDArray[np.float32]:
        return self.snapshot().scores

    @property
    def thresholds(self) -> NDArray[np.float32]:
        return self.snapshot().thresholds

    @property
    def annotations(self) -> NDArray[np.int8]:
        return self.snapshot().annotations

    @property
    def reviewed(self) -> NDArray[np.bool_]:
        return self.snapshot().reviewed

    def bands(self) -> ClassBands:
        return self.snapshot().bands

    def select(self, wanted: Filter, order: Sort) -> NDArray[np.int64]:
        """Rows (of ``snapshot()``) that pass ``wanted``, in ``order``: (n,) int64."""
        raise NotImplementedError

    def image(self, image_id: int) -> ImageDetails:
        """Everything about one image.

        Raises:
            KeyError: if the library has no such image.
        """
        raise NotImplementedError

    def path(self, image_id: int) -> Path:
        """Where the image's file is."""
        raise NotImplementedError

    def activities(self) -> dict[ActivityKind, Activity]:
        """The latest activity of each kind that has been active."""
        raise NotImplementedError

    # ------------------------------------------------------------------------- annotations

    def annotate(
        self, image_ids: Sequence[int], class_ids: Sequence[int], verdict: Verdict
    ) -> Batch:
        """Give every listed class of every listed image this verdict; committed on return."""
        raise NotImplementedError

    def mark_reviewed(self, image_ids: Sequence[int], reviewed: bool = True) -> Batch:
        """Declare the remaining unknown classes absent and the images reviewed; or take the
        mark (not the verdicts) off."""
        raise NotImplementedError

    def undo(self, batch: Batch) -> None:
        """Take back exactly what ``batch`` changed."""
        raise NotImplementedError

    def redo(self, batch: Batch) -> None:
        """Do again what ``undo(batch)`` took back."""
        raise NotImplementedError

    def set_caption(self, image_id: int, text: str) -> None:
        """The user's own caption; "" removes it."""
        raise NotImplementedError

    # ----------------------------------------------------------------------------- folders

    def folders(self) -> list[Folder]:
        raise NotImplementedError

    def add_folder(self, path: Path) -> Folder:
        """Add a folder of photos and start scanning it."""
        raise NotImplementedError

    def relocate_folder(self, folder_id: int, path: Path) -> None:
        """The folder was moved to ``path``: keep every annotation and rescan."""
        raise NotImplementedError

    def remove_folder(self, folder_id: int) -> None:
        """Hide the folder's images; adding it again brings the annotations back."""
        raise NotImplementedError

    def rescan(self, folder_id: int | None = None) -> None:
        """Look for new, changed and vanished files, in one folder or all."""
        raise NotImplementedError

    def pause(self, kind: ActivityKind) -> None:
        """Pause scanning or encoding at the next photo or batch."""
        raise NotImplementedError

    def resume(self, kind: ActivityKind) -> None:
        """Go on; also starts again what was cancelled or has failed."""
        raise NotImplementedError

    def cancel(self, kind: ActivityKind) -> None:
        """Stop scanning or encoding (or a download) and keep what is done."""
        raise NotImplementedError

    def prioritise(self, image_ids: Sequence[int]) -> None:
        """Encode these first, in this order: the photos on screen."""
        raise NotImplementedError

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Block until nothing is left to scan, encode or predict (command line, tests).

        Returns whether that came within ``timeout`` seconds.
        """
        raise NotImplementedError

    # -------------------------------------------------------------------------- vocabulary

    def set_vocabulary(self, specs: Sequence[ClassSpec]) -> None:
        """Make this the vocabulary: classes of the same name keep their annotations, classes
        not listed are archived, and the given order becomes the order."""
        raise NotImplementedError

    def add_class(self, name: str, description: str = "") -> ClassEntry:
        """Add (or take out of the archive) a class; predictions follow.

        Raises:
            CatalogueError: if the name is empty or taken.
        """
        raise NotImplementedError

    def rename_class(self, class_id: int, name: str) -> None:
        raise NotImplementedError

    def describe_class(self, class_id: int, description: str) -> None:
        raise NotImplementedError

    def archive_class(self, class_id: int) -> None:
        """Take the class out of the vocabulary; its annotations are kept."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------- model

    @property
    def backbone(self) -> str:
        """Name of the backbone in use."""
        raise NotImplementedError

    @property
    def device(self) -> str:
        """What the user reads ("CPU", "NVIDIA H200"); "" until a model has been loaded."""
        raise NotImplementedError

    def backbones(self) -> list[BackboneInfo]:
        """Backbones to offer, the bundled one first."""
        raise NotImplementedError

    def set_backbone(self, name: str) -> None:
        """Use another backbone; photos are encoded again unless their features are kept."""
        raise NotImplementedError

    def set_device(self, device: str) -> None:
        """ "auto", "cpu", "cuda" or "mps"."""
        raise NotImplementedError

    def versions(self) -> list[VersionInfo]:
        """Prompt sets, newest first, then zero-shot."""
        raise NotImplementedError

    def promote(self, version_id: int) -> None:
        """Predict with this prompt set from now on (0: zero-shot)."""
        raise NotImplementedError

    def roll_back(self) -> None:
        """Go back to what was active before the last promotion."""
        raise NotImplementedError

    def discard(self, version_id: int) -> None:
        """Delete a prompt set that is not active.

        Raises:
            ValueError: if it is active.
        """
        raise NotImplementedError

    def retrain_preflight(self) -> Preflight:
        """What a retraining would do now, or why it cannot be done."""
        raise NotImplementedError

    def start_retrain(self, options: RetrainOptions | None = None) -> int:
        """Build the job and start the run; returns its id.

        Raises:
            RetrainRefused: with the reason, in a sentence.
        """
        raise NotImplementedError

    def cancel_retrain(self, run_id: int) -> None:
        """Ask the run to stop; it keeps the best prompt set so far."""
        raise NotImplementedError

    def current_run(self) -> RunStatus | None:
        """The newest run with its events so far (running or not), or None."""
        raise NotImplementedError

    def comparison(self, run_id: int) -> Comparison:
        """The run's prompt set against the active one.

        Raises:
            KeyError: if the run made no prompt set.
        """
        raise NotImplementedError

    # ---------------------------------------------------------------------------- settings

    def setting(self, name: str, default: Any = None) -> Any:
        """A setting kept with the library (any JSON value)."""
        raise NotImplementedError

    def set_setting(self, name: str, value: Any) -> None:
        raise NotImplementedError
