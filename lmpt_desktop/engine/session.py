"""One open library, as the window and the command line see it (Qt-free).

The session owns the catalogue, the arrays made from it, and the background work (scan,
encode, retrain).  Its rule for threads: every method may be called from any thread; listeners
are called from whatever thread made the change; nothing here waits for a model.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.records import Batch, Change, ClassEntry, Folder, ImageTable, Source
from lmpt_desktop.engine import jobs
from lmpt_desktop.engine.backbones import DEFAULT_BACKBONE, offered_backbones
from lmpt_desktop.engine.child import TRAINER
from lmpt_desktop.engine.describe import image_details
from lmpt_desktop.engine.model_service import BACKBONE_SETTING, ModelService
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    AnnotationsChanged,
    ClassesChanged,
    FoldersChanged,
    ImagesChanged,
    Notice,
    PredictionsChanged,
    Problem,
    VersionsChanged,
)
from lmpt_desktop.engine.retrain import RetrainController, RetrainRefusedError
from lmpt_desktop.engine.scanner import Scanner
from lmpt_desktop.engine.state import LibraryState
from lmpt_desktop.engine.versions import Versions
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
from lmpt_desktop.engine.worker import Worker
from lmpt_desktop.inference.bands import ClassBands
from lmpt_desktop.inference.filters import Filter, Sort, select
from lmpt_desktop.inference.weights import ClassWeights
from trainer import job as job_files
from trainer.bands import BandLimits
from trainer.job import JobError

log = logging.getLogger(__name__)

__all__ = ["Commands", "LibrarySession", "Listener", "RetrainRefusedError"]

IDLE_POLL_SECONDS = 0.02
LIMITS_SETTING = "band limits"
DEVICE_SETTING = "device"
IMAGES_BEAT_SECONDS = 0.5
"""A running scan is shown in beats of this length."""

Listener = Callable[[Notice], None]


@dataclass(frozen=True)
class Commands:
    """The trainer's programs; tests put others in their place."""

    encode: Sequence[str] = (*TRAINER, "encode")
    fit: Sequence[str] = (*TRAINER, "fit")


class LibrarySession:
    """One open library; see the module docstring for threads."""

    def __init__(
        self,
        catalogue: Catalogue,
        library_folder: Path,
        *,
        device: str,
        backbone: str,
        encode: bool,
        commands: Commands,
    ) -> None:
        """Use :meth:`open`."""
        self.catalogue = catalogue
        self._folder = library_folder
        self._listeners: list[Listener] = []
        self._listeners_lock = threading.Lock()
        self._activities: dict[ActivityKind, Activity] = {}
        self._latest: dict[int, Batch] = {}
        self._closed = False
        self._images_beat = IMAGES_BEAT_SECONDS
        classes = catalogue.classes.all()
        images = catalogue.images.table()
        ids = [entry.id for entry in classes]
        self._state = LibraryState(
            images,
            classes,
            catalogue.annotations.matrix(images.ids, ids),
            catalogue.annotations.reviewed(),
            _limits(catalogue.settings.get(LIMITS_SETTING)),
        )
        self._worker = Worker("session worker", self._worker_failed)
        self._model = ModelService(
            catalogue,
            library_folder,
            self._state,
            self._worker,
            notify=self._notify,
            images_changed=self._images_found,
            backbone=backbone,
            device=device,
            encode=encode,
            command=commands.encode,
        )
        self._versions = Versions(catalogue, self._state, self._model)
        self._runs = RetrainController(catalogue, library_folder, self._notify, commands.fit)
        self._scanner = Scanner(catalogue, self._notify, self._images_found)

    # ------------------------------------------------------------------ opening and closing

    @classmethod
    def open(
        cls,
        library_folder: Path,
        *,
        device: str = "auto",
        backbone: str | None = None,
        encode: bool = True,
        exclusive: bool = True,
        folders: Sequence[Path] | None = None,
        commands: Commands | None = None,
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
            exclusive: refuse to share the library with another exclusive session (two
                windows would not see each other's changes).
            folders: add, scan and encode these, and leave the library's other folders alone;
                None: look after all of them.
            commands: the trainer's programs (tests put others in their place).

        Raises:
            CatalogueError: with a sentence for the user.
        """
        library_folder = library_folder.expanduser().absolute()
        catalogue = Catalogue.open(library_folder, exclusive=exclusive)
        try:
            wanted = backbone or catalogue.settings.get(BACKBONE_SETTING) or DEFAULT_BACKBONE
            session = cls(
                catalogue,
                library_folder,
                device=device,
                backbone=str(wanted),
                encode=encode,
                commands=commands or Commands(),
            )
        except BaseException:
            catalogue.close()
            raise
        session._start(folders)
        return session

    def close(self) -> None:
        """Stop scanning and encoding, keep what is done.  A running retraining goes on."""
        if self._closed:
            return
        self._closed = True
        self._scanner.close()
        self._runs.close()
        self._worker.close()
        self._model.close()
        self.catalogue.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every notice, from any thread; returns the unsubscriber."""
        with self._listeners_lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._listeners_lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    # ------------------------------------------------------------------------------- state

    def snapshot(self) -> Snapshot:
        """The library now: images, classes, scores, annotations (cheap, read-only)."""
        return self._state.snapshot

    @property
    def library_folder(self) -> Path:
        return self._folder

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
        return select(self.snapshot(), wanted, order)

    def image(self, image_id: int) -> ImageDetails:
        """Everything about one image.

        Raises:
            KeyError: if the library has no such image.
        """
        snapshot = self.snapshot()
        if image_id not in snapshot.row_of:
            raise KeyError(image_id)
        return image_details(self.catalogue.images.details(image_id), snapshot)

    def path(self, image_id: int) -> Path:
        """Where the image's file is."""
        return self.paths([image_id])[0]

    def paths(self, image_ids: Sequence[int]) -> list[Path]:
        """Where the images' files are, in the order asked."""
        return self.catalogue.images.paths([int(i) for i in image_ids])

    def activities(self) -> dict[ActivityKind, Activity]:
        """The latest activity of each kind that has been active."""
        with self._listeners_lock:
            return dict(self._activities)

    # ------------------------------------------------------------------------- annotations

    def annotate(
        self, image_ids: Sequence[int], class_ids: Sequence[int], verdict: Verdict
    ) -> Batch:
        """Give every listed class of every listed image this verdict; committed on return."""
        changes = [Change(int(i), int(c), int(verdict)) for i in image_ids for c in class_ids]
        return self._committed(self.catalogue.annotations.apply(changes, Source.USER))

    def mark_reviewed(self, image_ids: Sequence[int], reviewed: bool = True) -> Batch:
        """Declare the remaining unknown classes absent and the images reviewed; or take the
        mark (not the verdicts) off."""
        return self._committed(
            self.catalogue.annotations.set_reviewed([int(i) for i in image_ids], reviewed)
        )

    def undo(self, batch: Batch) -> Batch:
        """Take back exactly what ``batch`` changed, except where something newer has changed
        it since; returns the change that did so."""
        return self._turn(batch)

    def redo(self, batch: Batch) -> Batch:
        """Do again what ``undo(batch)`` took back (``batch`` is the original one)."""
        return self._turn(batch)

    def _turn(self, batch: Batch) -> Batch:
        # A redo is the undo of the undo, so both take back the newest link of the chain.
        latest = self._latest.get(batch.id, batch)
        turned = self._committed(self.catalogue.annotations.undo(latest))
        self._latest[batch.id] = turned
        return turned

    def _committed(self, batch: Batch) -> Batch:
        """Show a committed change and tell of it."""
        self._state.apply(batch)
        images = np.union1d(batch.image_ids, batch.reviewed_ids)
        classes = np.unique(batch.class_ids)
        self._notify(AnnotationsChanged(tuple(images.tolist()), tuple(classes.tolist())))
        return batch

    def set_caption(self, image_id: int, text: str) -> None:
        """The user's own caption; "" removes it."""
        self.catalogue.images.set_caption(image_id, text)
        self._notify(ImagesChanged())

    # ----------------------------------------------------------------------------- folders

    def folders(self) -> list[Folder]:
        """The library's folders, by path."""
        return self.catalogue.folders.all()

    def add_folder(self, path: Path) -> Folder:
        """Add a folder of photos and start scanning it."""
        folder = self.catalogue.folders.add(path.expanduser().absolute())
        self._model.wanted()
        self._folders_changed()
        self._scanner.scan([folder])
        return folder

    def relocate_folder(self, folder_id: int, path: Path) -> None:
        """The folder was moved to ``path``: keep every annotation and rescan."""
        self.catalogue.folders.relocate(folder_id, path.expanduser().absolute())
        self._folders_changed()
        self.rescan(folder_id)

    def remove_folder(self, folder_id: int) -> None:
        """Hide the folder's images (they leave the snapshot in a moment); adding it again
        brings the annotations back."""
        self._scanner.forget(folder_id)
        self.catalogue.folders.remove(folder_id)
        self._folders_changed()

    def rescan(self, folder_id: int | None = None) -> None:
        """Look for new, changed and vanished files, in one folder or all."""
        self._scanner.scan(
            [item for item in self.folders() if folder_id is None or item.id == folder_id]
        )

    def pause(self, kind: ActivityKind) -> None:
        """Pause scanning or encoding at the next photo or batch."""
        if kind is ActivityKind.SCAN:
            self._scanner.pause()
        elif kind is ActivityKind.ENCODE:
            self._model.pause()

    def resume(self, kind: ActivityKind) -> None:
        """Go on; also starts again what was cancelled or has failed."""
        if kind is ActivityKind.SCAN:
            self._scanner.resume()
        elif kind in (ActivityKind.ENCODE, ActivityKind.DOWNLOAD):
            self._model.resume()

    def cancel(self, kind: ActivityKind) -> None:
        """Stop scanning or encoding (or a download) and keep what is done."""
        match kind:
            case ActivityKind.SCAN:
                self._scanner.cancel()
            case ActivityKind.FIT:
                status = self._runs.current()
                if status is not None:
                    self._runs.cancel(status.run_id)
            case _:
                self._model.cancel()

    def prioritise(self, image_ids: Sequence[int]) -> None:
        """Encode these first, in this order: the photos on screen."""
        self._model.prioritise([int(i) for i in image_ids])

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Block until nothing is left to scan, encode or predict (command line, tests).

        Returns whether that came within ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        quiet = 0
        while quiet < 3:
            idle = self._scanner.idle and self._worker.idle and self._model.idle
            # Work is handed from one to the next, so one quiet look is not proof.
            quiet = quiet + 1 if idle else 0
            if deadline is not None and time.monotonic() > deadline:
                return False
            time.sleep(IDLE_POLL_SECONDS)
        return True

    # -------------------------------------------------------------------------- vocabulary

    def set_vocabulary(self, specs: Sequence[ClassSpec]) -> None:
        """Make this the vocabulary: classes of the same name keep their annotations, classes
        not listed are archived, and the given order becomes the order."""
        self.catalogue.classes.replace_all(list(specs))
        self._classes_changed()

    def add_class(self, name: str, description: str = "") -> ClassEntry:
        """Add (or take out of the archive) a class; predictions follow.

        Raises:
            CatalogueError: if the name is empty or taken.
        """
        entry = self.catalogue.classes.add(name, description)
        self._classes_changed()
        return entry

    def rename_class(self, class_id: int, name: str) -> None:
        self.catalogue.classes.rename(class_id, name)
        self._classes_changed()

    def describe_class(self, class_id: int, description: str) -> None:
        self.catalogue.classes.describe(class_id, description)
        self._classes_changed()

    def archive_class(self, class_id: int) -> None:
        """Take the class out of the vocabulary; its annotations are kept."""
        self.catalogue.classes.archive(class_id)
        self._classes_changed()

    # ------------------------------------------------------------------------------- model

    @property
    def backbone(self) -> str:
        """Name of the backbone in use."""
        return self._model.backbone

    @property
    def device(self) -> str:
        """What the user reads ("CPU", "NVIDIA H200"); "" until a model has been loaded."""
        return self._model.device_label

    def backbones(self) -> list[BackboneInfo]:
        """Backbones to offer, the bundled one first."""
        return offered_backbones(self.backbone)

    def set_backbone(self, name: str) -> None:
        """Use another backbone; photos are encoded again unless their features are kept."""
        self._model.set_backbone(name)

    def set_device(self, device: str) -> None:
        """ "auto", "cpu", "cuda" or "mps"."""
        self.set_setting(DEVICE_SETTING, device)
        self._model.set_device(device)

    def versions(self) -> list[VersionInfo]:
        """Prompt sets, newest first, then zero-shot."""
        return self._versions.all()

    def promote(self, version_id: int) -> None:
        """Predict with this prompt set from now on (0: zero-shot)."""
        self._versions.promote(version_id)
        self._notify(VersionsChanged())

    def roll_back(self) -> None:
        """Go back to what was active before the last promotion."""
        self._versions.roll_back()
        self._notify(VersionsChanged())

    def discard(self, version_id: int) -> None:
        """Delete a prompt set that is not active.

        Raises:
            ValueError: if it is active.
        """
        self._versions.discard(version_id)
        self._notify(VersionsChanged())

    def retrain_preflight(self) -> Preflight:
        """What a retraining would do now, or why it cannot be done."""
        snapshot = self.snapshot()
        return self._preflight(snapshot, self._training_data(snapshot))

    def start_retrain(self, options: RetrainOptions | None = None) -> int:
        """Build the job and start the run; returns its id.

        Raises:
            RetrainRefusedError: with the reason, in a sentence.
        """
        options = options or RetrainOptions()
        snapshot = self.snapshot()
        data = self._training_data(snapshot)
        preflight = self._preflight(snapshot, data)
        if not preflight.ok:
            raise RetrainRefusedError(" ".join(preflight.refusals))
        weights = self._current_weights(snapshot)
        assert weights is not None  # the preflight refuses otherwise
        image_ids = snapshot.image_ids[data.rows]
        captions = self.catalogue.images.captions(image_ids)
        job = jobs.build_job(
            snapshot,
            data,
            weights,
            backbone=self.backbone,
            options=options,
            captions=[captions.get(int(i), "") for i in image_ids],
            held_out=self.catalogue.runs.held_out(),
            trained_on=self._trained_on(),
        )
        return self._runs.start(job)

    def cancel_retrain(self, run_id: int) -> None:
        """Ask the run to stop; it keeps the best prompt set so far."""
        self._runs.cancel(run_id)

    def current_run(self) -> RunStatus | None:
        """The newest run with its events so far (running or not), or None."""
        return self._runs.current()

    def comparison(self, run_id: int) -> Comparison:
        """The run's prompt set against the active one.

        Raises:
            KeyError: if the run made no prompt set.
        """
        return self._versions.compare_run(run_id)

    # ---------------------------------------------------------------------------- settings

    def setting(self, name: str, default: Any = None) -> Any:
        """A setting kept with the library (any JSON value)."""
        value = self.catalogue.settings.get(name)
        return default if value is None else value

    def set_setting(self, name: str, value: Any) -> None:
        self.catalogue.settings.set(name, value)
        if name == LIMITS_SETTING:
            self._state.set_limits(_limits(value))
            self._notify(PredictionsChanged())

    # ------------------------------------------------------------------------------- inside

    def _start(self, folders: Sequence[Path] | None) -> None:
        if folders is None:
            self._model.start()
            self._runs.recover()
            self.rescan()
        else:
            added = [self.catalogue.folders.add(path.expanduser().absolute()) for path in folders]
            self._model.only_folders = {item.id for item in added}
            self._reload_images()
            self._model.start()
            self._scanner.scan(added)

    def _notify(self, notice: Notice) -> None:
        with self._listeners_lock:
            if isinstance(notice, ActivityChanged):
                self._activities[notice.activity.kind] = notice.activity
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(notice)
            except Exception:
                log.exception("a listener failed on %r", notice)

    def _worker_failed(self, error: Exception) -> None:
        self._notify(Problem("Something went wrong in the background", str(error), repr(error)))

    def _folders_changed(self) -> None:
        self._notify(FoldersChanged())
        self._worker.post("images", self._scanned)

    def _images_found(self) -> None:
        """The scanner has committed something."""
        self._worker.post("images", self._scanned, self._images_beat)

    def _scanned(self) -> None:
        began = time.monotonic()
        self._reload_images()
        self._model.queue_missing()
        if self._scanner.idle:
            self._worker.post("names", self._rank_names)
        # A large library takes long to read: leave the worker time for predictions.
        self._images_beat = max(IMAGES_BEAT_SECONDS, 4 * (time.monotonic() - began))

    def _rank_names(self) -> None:
        """Prepare sorting by name, which takes a while, before anybody asks for it."""
        _ = self.snapshot().name_ranks

    def _reload_images(self) -> None:
        self._state.set_images(
            self.catalogue.images.table(),
            self.catalogue.annotations.matrix,
            self.catalogue.annotations.reviewed(),
        )
        self._notify(ImagesChanged())
        self._model.refresh_scores()

    def _classes_changed(self) -> None:
        self._state.set_classes(self.catalogue.classes.all(), self.catalogue.annotations.matrix)
        self._notify(ClassesChanged())
        self._model.refresh()

    def _training_data(self, snapshot: Snapshot) -> jobs.TrainingData:
        return jobs.training_data(snapshot, self._state.features_of)

    def _current_weights(self, snapshot: Snapshot) -> ClassWeights | None:
        """The weights in use, if they are of the vocabulary as it is now."""
        found = self._state.weights
        if found is None or found[0] != tuple(entry.id for entry in snapshot.classes):
            return None
        return found[1]

    def _preflight(self, snapshot: Snapshot, data: jobs.TrainingData) -> Preflight:
        return jobs.preflight(
            snapshot,
            data,
            self._current_weights(snapshot),
            backbone=self.backbone,
            device=self.device,
            running=self._runs.running,
            expected_seconds=self._runs.expected_seconds(self.backbone, len(data.columns)),
        )

    def _trained_on(self) -> set[int]:
        """Images the active prompt set has learned from: those of its job."""
        active = self.catalogue.prompt_sets.active(self.backbone)
        if active is None or active.run_id is None:
            return set()
        try:
            job = job_files.load(self.catalogue.runs.get(active.run_id).folder)
        except JobError as error:
            log.warning("the active version's job is gone: %s", error)
            return set()
        return {int(i) for i in job.image_ids}


def _limits(value: Any) -> BandLimits:
    """Band limits from a setting; LMPT's where it holds none or nonsense."""
    try:
        return BandLimits(int(value["medium"]), int(value["head"]))
    except (KeyError, TypeError, ValueError):
        return BandLimits()
