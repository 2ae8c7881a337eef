"""One open library, as the window and the command line use it (Qt-free).

A session opens and closes the library and builds its parts; everything else is asked of a part
(``session.annotations``, ``session.folders``, ...).  A part is given what it needs of catalogue,
state, model, worker and notifier, never the session.

Threads: every method of every part may be called from any thread; listeners are called on the
thread that made the change; nothing here waits for a model.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lmpt_desktop.catalogue import Catalogue, CatalogueError
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.domain.strictness import Strictness, from_stored
from lmpt_desktop.engine import external_changes, free_memory
from lmpt_desktop.engine.activities import Activities
from lmpt_desktop.engine.annotations import AnnotationEditor
from lmpt_desktop.engine.attention import Attention
from lmpt_desktop.engine.backbone_offer import BackboneOffers
from lmpt_desktop.engine.child_process import TRAINER
from lmpt_desktop.engine.copy_space import SpaceForCopies
from lmpt_desktop.engine.encoding import throttle
from lmpt_desktop.engine.external_changes import ExternalChangeMonitor
from lmpt_desktop.engine.files.copies import Copies
from lmpt_desktop.engine.files.edit_detector import EditDetector
from lmpt_desktop.engine.files.edits import EditedPhotos
from lmpt_desktop.engine.files.missing import MissingPhotos
from lmpt_desktop.engine.files.verification import Verification
from lmpt_desktop.engine.folders import LibraryFolders
from lmpt_desktop.engine.images import ImageReader, ImageReloader
from lmpt_desktop.engine.instant import InstantLearning
from lmpt_desktop.engine.interchange.exports import Exports
from lmpt_desktop.engine.interchange.imports import Imports
from lmpt_desktop.engine.interchange.library_merges import LibraryMerges
from lmpt_desktop.engine.interchange.side_file_updates import SideFileUpdates
from lmpt_desktop.engine.interchange.side_files import SideFiles
from lmpt_desktop.engine.left_out import LeftOut
from lmpt_desktop.engine.library_state import LibraryState
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.notices import (
    AnnotationsChanged,
    FoldersChanged,
    Listener,
    Notice,
    Notifier,
    PredictionsChanged,
    Problem,
)
from lmpt_desktop.engine.queues import ReviewQueues
from lmpt_desktop.engine.raw_pairs import RawPairs
from lmpt_desktop.engine.regions import Regions
from lmpt_desktop.engine.scanner import Scanner
from lmpt_desktop.engine.search import Searcher
from lmpt_desktop.engine.stacks import PhotoStacks
from lmpt_desktop.engine.strictness import StrictnessControl
from lmpt_desktop.engine.tasks import PeriodicTasks, Worker
from lmpt_desktop.engine.training.training_service import TrainingService
from lmpt_desktop.engine.versions.gain_forecasts import GainForecasts
from lmpt_desktop.engine.versions.versions import Versions
from lmpt_desktop.engine.vocabulary.class_preview import ClassPreviewer
from lmpt_desktop.engine.vocabulary.editor import VocabularyEditor
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.ingest import watch
from lmpt_desktop.settings import (
    BACKBONE,
    BAND_LIMITS,
    DEVICE,
    HONOUR_NOMEDIA,
    IGNORED,
    PACE,
    STRICTNESS,
    Settings,
    Storage,
)
from lmpt_desktop.translation import _
from trainer.bands import BandLimits

IDLE_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Commands:
    """The trainer's programs; tests put others in their place."""

    encode: Sequence[str] = (*TRAINER, "encode")
    fit: Sequence[str] = (*TRAINER, "fit")
    fit_away: Sequence[str] = (*TRAINER, "remote", "fit")
    caption: Sequence[str] = (*TRAINER, "caption")
    rate: Sequence[str] = (*TRAINER, "encode-rate")


class LibrarySession:
    """One open library; see the module docstring."""

    def __init__(  # noqa: PLR0915 (a statement for each part)
        self,
        catalogue: Catalogue,
        *,
        device: str | None = None,
        backbone: str | None = None,
        encode: bool = True,
        folders: Sequence[Path] | None = None,
        commands: Commands | None = None,
        monitor: bool = False,
    ) -> None:
        """Use :meth:`open`.  ``monitor``: notice what others do to photos and catalogue."""
        commands = commands or Commands()
        self.catalogue = catalogue
        self._only_folders = folders
        self._begun = self._closed = False
        self._lock = threading.Lock()
        self._notifier = notifier = Notifier()
        notify = notifier.send
        self.settings = Settings(Storage.LIBRARY, catalogue.settings.get, catalogue.settings.set)
        self.settings.read_all()
        self._state = state = _read_state(
            catalogue,
            self.settings.get(BAND_LIMITS),
            from_stored(self.settings.get(STRICTNESS)),
        )
        self._worker = worker = Worker("session worker", self._worker_failed)
        self._instant = InstantLearning(catalogue, state, worker, self.settings, notify)
        self.model = ModelService(
            catalogue,
            state,
            worker,
            self.settings,
            notify=notify,
            images_changed=self._images_changed,
            features_arrived=self._features_arrived,
            teach=self._instant.weights,
            backbone=backbone or self.settings.get(BACKBONE),
            device=device or self.settings.get(DEVICE),
            encode=encode and not catalogue.read_only,
            command=commands.encode,
        )
        self.annotations = AnnotationEditor(
            catalogue,
            state,
            notify=notify,
            images_changed=self._images_changed,
            classes_changed=self._classes_changed,
        )
        self._edit_detector = EditDetector(
            catalogue, state, self.model, worker, self.annotations.show_followed
        )
        self.left_out = LeftOut(catalogue, state, self.settings, notify)
        self.raw_pairs = RawPairs(
            catalogue,
            self.settings,
            self.annotations,
            worker,
            images_changed=self._images_changed,
            notify=notify,
            subscribe=notifier.subscribe,
        )
        self.attention = Attention()
        self._scanner = Scanner(
            catalogue,
            notify,
            found=self._images_changed,
            followed=self.annotations.show_followed,
            replaced=self._edit_detector.expect,
            ignore=self.left_out.ignore_list,
            scanned=self.left_out.scanned,
            raw_pairs=self.raw_pairs.wanted,
            paired=self.raw_pairs.show,
            attention=self.attention,
        )
        self.copies = Copies(catalogue, state)
        self.space_for_copies = SpaceForCopies(catalogue, self.settings, notify)
        self.edits = EditedPhotos(
            catalogue, state, self.annotations, images_changed=self._images_changed
        )
        self._reloader = ImageReloader(
            catalogue,
            state,
            model=self.model,
            scanner=self._scanner,
            worker=worker,
            notify=notify,
        )
        self.images = ImageReader(catalogue, state, notify)
        self.regions = Regions(
            state, self.images, self.model, worker, notify=notify, subscribe=notifier.subscribe
        )
        self.side_files = SideFiles(catalogue, state)
        self.folders = LibraryFolders(
            catalogue,
            scanner=self._scanner,
            model=self.model,
            images=self._reloader,
            worker=worker,
            notify=notify,
            watch=monitor,
            ignore=self.left_out.ignore_list,
            ours=self.side_files.has_just_written,
        )
        self.missing = MissingPhotos(
            catalogue,
            state,
            annotations=self.annotations,
            folders=self.folders,
            images_changed=self._images_changed,
        )
        self.versions = Versions(catalogue, state, self.model, notify)
        self.gain_forecasts = GainForecasts(catalogue, state, self.versions.readable)
        self.vocabulary = VocabularyEditor(
            catalogue,
            state,
            model=self.model,
            annotations=self.annotations,
            versions=self.versions,
            preview=ClassPreviewer(catalogue, state, self.model, worker, notify),
            notify=notify,
        )
        self.imports = Imports(
            catalogue,
            state,
            vocabulary=self.vocabulary,
            annotations=self.annotations,
            ignore=self.left_out.ignore_list,
        )
        self.merges = LibraryMerges(
            catalogue,
            state,
            imports=self.imports,
            vocabulary=self.vocabulary,
            annotations=self.annotations,
        )
        self.training = TrainingService(
            catalogue,
            state,
            model=self.model,
            versions=self.versions,
            settings=self.settings,
            notify=notify,
            fit_command=commands.fit,
            away_command=commands.fit_away,
            caption_command=commands.caption,
        )
        self.verification = Verification(
            catalogue, self._scanner, notify, show_repaired=self._show_repaired
        )
        self.activities = Activities(
            notifier, self._scanner, self.model, self.training, self.verification
        )
        self._side_file_updates = SideFileUpdates(
            self.side_files,
            catalogue,
            state,
            worker,
            self.settings,
            notify=notify,
            subscribe=notifier.subscribe,
        )
        self.search = Searcher(catalogue, state, self.model, worker, notify)
        self.stacks = PhotoStacks(state)
        self.queues = ReviewQueues(
            catalogue,
            state,
            stacks=self.stacks,
            base=self.model.base_weights,
            candidate=self.versions.candidate,
            trained_images=self.versions.trained_images,
            worker=worker,
            subscribe=notifier.subscribe,
        )
        # After the queues, which hold out photos that are answered to measure.
        self._instant.follow(notifier.subscribe)
        self.exports = Exports(catalogue, state)
        self.strictness = StrictnessControl(catalogue, state, self.settings, notify)
        self._throttle = throttle.EncodingThrottle(self.settings.get(PACE), self.model.set_gentle)
        self.offers = BackboneOffers(
            catalogue,
            state,
            self.model,
            notify,
            idle=lambda: self.idle,
            gentle=lambda: self._throttle.gentle,
            command=commands.rate,
        )
        self._periodic = PeriodicTasks(self._periodic_tasks(monitor))
        self.settings.on_change(BAND_LIMITS, self._limits_changed)
        self.settings.on_change(PACE, self._throttle.choose)
        self.settings.on_change(IGNORED, lambda _patterns: self.folders.rescan())
        self.settings.on_change(HONOUR_NOMEDIA, lambda _honoured: self.folders.rescan())

    def _show_repaired(self) -> None:
        """Show verdicts that were made again from the journal, and encode what lost its feature."""
        annotations = self.catalogue.annotations
        if self._state.reread(annotations.matrix, annotations.reviewed):
            self._notifier.send(AnnotationsChanged())
        self._worker.post("missing", self.model.queue_missing)

    def _classes_changed(self) -> None:
        self.vocabulary.show()

    def _periodic_tasks(self, monitor: bool) -> dict[Callable[[], None], float]:
        tasks: dict[Callable[[], None], float] = {self._throttle.check: throttle.CHECK_SECONDS}
        tasks[self._state.let_go_features] = free_memory.CHECK_SECONDS
        tasks[self._state.let_go_matrices] = free_memory.CHECK_SECONDS
        if (free := free_memory.free_memory()) is not None:
            tasks[free.check] = free_memory.CHECK_SECONDS
        if monitor:
            others = ExternalChangeMonitor(
                self.catalogue,
                self._state,
                self.model,
                self._worker,
                notify=self._external_notice,
                reload_images=self._reloader.reload,
            )
            tasks[others.check] = external_changes.CHECK_SECONDS
            tasks[self.folders.check_watch] = watch.RECHECK_SECONDS
        return tasks

    # ----------------------------------------------------------------- opening and closing

    @classmethod
    def open(
        cls,
        library_folder: Path,
        *,
        device: str | None = None,
        backbone: str | None = None,
        encode: bool = True,
        exclusive: bool = True,
        folders: Sequence[Path] | None = None,
        commands: Commands | None = None,
        listener: Listener | None = None,
        begin: bool = True,
    ) -> Self:
        """Open (or make) the library in ``library_folder``.

        Returns with the catalogue's images and annotations; predictions follow within moments
        from cached features, then background encoding starts where photos lack a feature.

        Args:
            library_folder: see docs/architecture.md.
            device: "auto", "cpu", "cuda" or "mps"; None for the library's setting.
            backbone: its name; None for the library's setting.
            encode: whether encoder processes may be started.
            exclusive: refuse to share the library with another exclusive session (two windows
                would not see each other's changes).
            folders: add, scan and encode these, and leave the library's other folders alone;
                None: scan and watch all of them.
            commands: the trainer's programs (tests put others in their place).
            listener: subscribed before anything begins, so that it gets every notice.
            begin: False leaves all background work to :meth:`begin`.

        Raises:
            CatalogueError: with a sentence for the user.
        """
        catalogue = Catalogue.open(library_folder.expanduser().absolute(), exclusive=exclusive)
        try:
            session = cls(
                catalogue,
                device=device,
                backbone=backbone,
                encode=encode,
                folders=folders,
                commands=commands,
                monitor=exclusive and folders is None,
            )
        except BaseException:
            catalogue.close()
            raise
        if listener is not None:
            session.subscribe(listener)
        if begin:
            session.begin()
        return session

    def begin(self) -> None:
        """Start predicting, scanning and encoding, unless that was done before.

        A window calls it once the images are on screen, so that background work does not slow
        down its first moments.
        """
        with self._lock:
            if self._begun or self._closed:
                return
            self._begun = True
        # Before the first encoder starts, so that it starts at the right pace.
        self._throttle.check()
        if self.catalogue.read_only:
            self.model.start()
            self._notifier.send(_read_only_problem(self.library_folder))
        elif self._only_folders is None:
            self.model.start()
            self.training.recover()
            # After the first predictions, not at the same time: with many busy threads the
            # window would have to wait for Python's lock.
            self.raw_pairs.refresh_soon()
            self._worker.post("first scan", self.folders.scan_and_watch)
        else:
            added = self.folders.add_only(self._only_folders)
            self.model.start()
            self.raw_pairs.refresh_soon()
            self._scanner.scan(added)
        # What was missed before, because the library was closed or an error came between.
        self._side_file_updates.catch_up()
        if not self.catalogue.read_only:
            self._worker.post("space for copies", self.space_for_copies.tell_if_exceeded)
        self._worker.post("keep images", self._reloader.keep)
        # Reads the prompt sets from disk, so that listing them later is quick.
        self._worker.post("versions", self._read_versions)

    def close(self) -> None:
        """Stop scanning and encoding, and keep what is done.  A running retraining continues."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        with contextlib.suppress(CatalogueError):
            self.strictness.keep()
        self.folders.close()
        self.offers.close()
        self._periodic.close()
        self.verification.close()
        self._scanner.close()
        self.training.close()
        self._worker.close()
        self.model.close()
        self.catalogue.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------- state

    @property
    def library_folder(self) -> Path:
        return self.catalogue.library_folder

    def snapshot(self) -> Snapshot:
        """The library now: images, classes, scores, annotations (cheap, read-only)."""
        return self._state.snapshot

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every notice, from any thread; returns a function that ends
        this."""
        return self._notifier.subscribe(listener)

    @property
    def idle(self) -> bool:
        """Nothing is left to scan, encode or predict, at this moment."""
        return self._begun and self._scanner.idle and self._worker.idle and self.model.idle

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Block until nothing is left to scan, encode or predict (command line, tests).

        Returns whether that was the case within ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        quiet = 0
        while quiet < 3:
            # One part hands its work to the next, so being idle once is no proof.
            quiet = quiet + 1 if self.idle else 0
            if deadline is not None and time.monotonic() > deadline:
                return False
            time.sleep(IDLE_POLL_SECONDS)
        return True

    # ------------------------------------------------------------------------------ inside

    def _read_versions(self) -> None:
        self.versions.all()

    def _images_changed(self) -> None:
        """The scanner or the encoder has written about images."""
        self._reloader.reload_soon()

    def _features_arrived(self) -> None:
        self._edit_detector.features_arrived()
        self._instant.features_arrived()

    def _worker_failed(self, error: Exception) -> None:
        self._notifier.send(
            Problem(_("Something went wrong in the background"), message_of(error), repr(error))
        )

    def _external_notice(self, notice: Notice) -> None:
        """Another process has changed something."""
        if isinstance(notice, FoldersChanged):
            self.folders.watch_again()
        self._notifier.send(notice)

    def _limits_changed(self, limits: BandLimits | None) -> None:
        self._state.set_limits(limits)
        self._notifier.send(PredictionsChanged())


def _read_only_problem(library: Path) -> Problem:
    return Problem(
        _("The library is open for reading only"),
        _(
            "The disk that holds {library} does not support file locks, without which two "
            "programs could destroy each other's changes. Photos can be looked at, searched and "
            "exported; annotations cannot be changed, folders are not scanned, and what other "
            "programs change is not noticed. To work on the library, close it and move it to a "
            "disk of this computer, or have locks switched on for the share."
        ).format(library=library),
    )


def _read_state(
    catalogue: Catalogue, limits: BandLimits | None, strictness: Strictness
) -> LibraryState:
    classes = catalogue.classes.all()
    catalogue.images.changed.take()
    images = catalogue.images.table()
    return LibraryState(
        images,
        classes,
        catalogue.annotations.matrix(images.ids, [entry.id for entry in classes]),
        catalogue.annotations.reviewed(),
        limits,
        strictness=strictness,
    )
