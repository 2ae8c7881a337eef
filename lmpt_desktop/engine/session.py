"""One open library, as the window and the command line see it (Qt-free).

The session owns the catalogue, the arrays made from it, and the background work (scan,
encode, retrain).  Its rule for threads: every method may be called from any thread; listeners
are called from whatever thread made the change; nothing here waits for a model.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.catalogue.records import (
    Batch,
    BatchSummary,
    ClassEntry,
    Folder,
    ImageState,
    Source,
    distinct,
)
from lmpt_desktop.engine import jobs
from lmpt_desktop.engine.advising import RetrainAdvice, advise
from lmpt_desktop.engine.backbones import offered_backbones
from lmpt_desktop.engine.captioning import NOT_INSTALLED, CaptionRefusedError
from lmpt_desktop.engine.class_preview import ClassPreviewer
from lmpt_desktop.engine.notices import (
    ActivityKind,
    AnnotationsChanged,
    ClassesChanged,
    FoldersChanged,
    ImagesChanged,
)
from lmpt_desktop.engine.queueing import queue_of
from lmpt_desktop.engine.retrain import RetrainRefusedError
from lmpt_desktop.engine.searching import Searcher
from lmpt_desktop.engine.session_core import (
    DEVICE_SETTING,
    IDLE_POLL_SECONDS,
    LIMITS_SETTING,
    Commands,
    Listener,
)
from lmpt_desktop.engine.session_versions import VersionedSession
from lmpt_desktop.engine.views import (
    BackboneInfo,
    ClassSpec,
    Preflight,
    RetrainOptions,
    RunStatus,
    Snapshot,
    Verdict,
)
from lmpt_desktop.engine.vocabulary import VocabularyEditor
from lmpt_desktop.inference.queues import Queue, QueueRequest
from lmpt_desktop.inference.weights import ClassWeights
from lmpt_desktop.translation import _
from trainer import job as job_files
from trainer.job import JobError
from trainer.suggested import installed_captioner

log = logging.getLogger(__name__)

__all__ = [
    "DEVICE_SETTING",
    "LIMITS_SETTING",
    "CaptionRefusedError",
    "Commands",
    "LibrarySession",
    "Listener",
    "RetrainRefusedError",
]


class LibrarySession(VersionedSession):
    """One open library; see the module docstring for threads."""

    @cached_property
    def search(self) -> Searcher:
        """Images by words or by example."""
        return Searcher(self.catalogue, self._state, self._model, self._worker, self._notify)

    def queue(self, request: QueueRequest) -> Queue:
        """Questions worth answering now, best first (not to be called by the window's thread)."""
        return queue_of(self.catalogue, self._state, request)

    @cached_property
    def class_preview(self) -> ClassPreviewer:
        """What a class would find, before it is added."""
        return ClassPreviewer(self)

    @cached_property
    def vocabulary(self) -> VocabularyEditor:
        """Changes of the vocabulary that can be taken back."""
        return VocabularyEditor(
            self, self._classes_changed, self._versions.bind_classes, self._committed
        )

    # ------------------------------------------------------------------------- annotations

    def annotate(
        self, image_ids: Sequence[int], class_ids: Sequence[int], verdict: Verdict
    ) -> Batch:
        """Give every listed class of every listed image this verdict; committed on return."""
        images, classes = np.asarray(image_ids, np.int64), np.asarray(class_ids, np.int64)
        return self.apply_changes(
            np.repeat(images, len(classes)),
            np.tile(classes, len(images)),
            np.full(len(images) * len(classes), int(verdict), np.int8),
        )

    def apply_changes(
        self,
        image_ids: NDArray[np.int64],
        class_ids: NDArray[np.int64],
        verdicts: NDArray[np.int8],
        source: Source = Source.USER,
        label: str = "",
    ) -> Batch:
        """Make many changes at once, each its own image, class and verdict; committed on
        return, and undone as one.

        Args:
            image_ids, class_ids, verdicts: (n,) each; of changes of the same class of the
                same image the last one counts.
            source: by what they came about.
            label: what the undo menu calls this, also after a restart; "" for a text made
                from the changes.

        Raises:
            CatalogueError: with a sentence for the user; then nothing is changed.
            ValueError: if the lengths differ or a verdict is none.
        """
        return self._committed(
            self.catalogue.annotations.apply_arrays(image_ids, class_ids, verdicts, source, label)
        )

    def mark_reviewed(self, image_ids: Sequence[int], reviewed: bool = True) -> Batch:
        """Declare the remaining unknown classes absent and the images reviewed; or take the
        mark (not the verdicts) off."""
        return self._committed(
            self.catalogue.annotations.set_reviewed([int(i) for i in image_ids], reviewed)
        )

    def undo(self, batch: Batch | int) -> Batch:
        """Take back exactly what ``batch`` (or the one of that id) changed, except where
        something newer has changed it since; returns the change that did so."""
        return self._committed(self.catalogue.annotations.turn(batch))

    def redo(self, batch: Batch | int) -> Batch:
        """Do again what ``undo(batch)`` took back (``batch`` is the original one)."""
        return self._committed(self.catalogue.annotations.turn(batch))

    def hurried(self, seconds: float) -> AbstractContextManager[None]:
        """Within it, changes made by this thread wait no longer than this while somebody else
        writes; then they raise CatalogueLocked and change nothing."""
        return self.catalogue.hurried(seconds)

    def history(self, limit: int = 100) -> list[BatchSummary]:
        """The last changes that can be undone and done again, oldest first; also those made
        before the library was opened.  Reads the catalogue."""
        return self.catalogue.annotations.history(limit)

    def _committed(self, batch: Batch) -> Batch:
        """Show a committed change and tell of it."""
        self._state.apply(batch)
        images = distinct(batch.image_ids, batch.reviewed_ids)
        classes = distinct(batch.class_ids)
        self._notify(AnnotationsChanged(tuple(images.tolist()), tuple(classes.tolist())))
        return batch

    def set_caption(self, image_id: int, text: str) -> None:
        """The user's own caption; "" removes it."""
        self.catalogue.images.set_caption(image_id, text)
        self._notify(ImagesChanged())

    def write_captions(self) -> int:
        """Have the installed captioner describe the annotated photos that have no caption, in
        the background; how many these are.  Training reads captions of annotated photos only.

        Raises:
            CaptionRefusedError: with the reason: none is installed (nothing is downloaded),
                or one is at work.
        """
        captioner = installed_captioner(self.backbone)
        if captioner is None:
            raise CaptionRefusedError(_(NOT_INSTALLED))
        snapshot = self.snapshot()
        usable = (snapshot.annotations >= 0).any(axis=1) & (snapshot.states == ImageState.OK)
        image_ids = snapshot.image_ids[usable]
        captioned = self.catalogue.images.captions(image_ids)
        wanted = [int(i) for i in image_ids if int(i) not in captioned]
        if wanted:
            self._captions.start(
                wanted, captioner, str(self.catalogue.settings.get(DEVICE_SETTING, "auto"))
            )
        return len(wanted)

    # ----------------------------------------------------------------------------- folders

    def folders(self) -> list[Folder]:
        """The library's folders, by path."""
        return self.catalogue.folders.all()

    def add_folder(self, path: Path) -> Folder:
        """Add a folder of photos and start scanning it."""
        before = {item.id for item in self.catalogue.folders.all()}
        folder = self.catalogue.folders.add(path.expanduser().absolute())
        # Folders inside it are part of it now, and no more to be scanned by themselves.
        for taken_over in before - {item.id for item in self.catalogue.folders.all()}:
            self._scanner.forget(taken_over)
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
        # A scan has those encoded that it finds new or changed; whoever asks wants all of them.
        self._worker.post("missing", self._model.queue_missing)

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
        elif kind is ActivityKind.CAPTION:
            self.write_captions()

    def cancel(self, kind: ActivityKind) -> None:
        """Stop scanning or encoding (or a download) and keep what is done."""
        match kind:
            case ActivityKind.SCAN:
                self._scanner.cancel()
            case ActivityKind.FIT:
                status = self._runs.current()
                if status is not None:
                    self._runs.cancel(status.run_id)
            case ActivityKind.CAPTION:
                self._captions.cancel()
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
            # Work is handed from one to the next, so one quiet look is not proof.
            quiet = quiet + 1 if self.idle else 0
            if deadline is not None and time.monotonic() > deadline:
                return False
            time.sleep(IDLE_POLL_SECONDS)
        return True

    def _folders_changed(self) -> None:
        self._notify(FoldersChanged())
        self._worker.post("images", self._scanned)

    # -------------------------------------------------------------------------- vocabulary

    def set_vocabulary(self, specs: Sequence[ClassSpec]) -> None:
        """Make this the vocabulary: classes of the same name keep their annotations, classes
        not listed are archived, and the given order becomes the order."""
        self._versions.bind_classes()
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
        """Annotations stay, and so does what a prompt set has learned for the class."""
        self._versions.bind_classes()
        self.catalogue.classes.rename(class_id, name)
        self._classes_changed()

    def describe_class(self, class_id: int, description: str) -> None:
        self.catalogue.classes.describe(class_id, description)
        self._classes_changed()

    def archive_class(self, class_id: int) -> None:
        """Take the class out of the vocabulary; its annotations are kept."""
        self.catalogue.classes.archive(class_id)
        self._classes_changed()

    def _classes_changed(self) -> None:
        self._state.set_classes(self.catalogue.classes.all(), self.catalogue.annotations.matrix)
        self._notify(ClassesChanged())
        self._model.refresh()

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

    def retrain_advice(self) -> RetrainAdvice | None:
        """Whether a retraining is worth suggesting now; not for the window's thread."""
        return advise(self)

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
        return self._runs.start(job, snapshot.class_ids[data.columns].tolist())

    def cancel_retrain(self, run_id: int) -> None:
        """Ask the run to stop; it keeps the best prompt set so far."""
        self._runs.cancel(run_id)

    def current_run(self) -> RunStatus | None:
        """The newest run with its events so far (running or not), or None."""
        return self._runs.current()

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
            device=self.device or self._model.last_device,
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
