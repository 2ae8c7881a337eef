"""What every part of a session stands on: opening, listening, looking (Qt-free).

:class:`lmpt_desktop.engine.session.LibrarySession` adds what changes something.
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
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.catalogue.records import ClassEntry, ImageTable
from lmpt_desktop.catalogue.touched import updated
from lmpt_desktop.engine import outside, pace
from lmpt_desktop.engine.backbones import DEFAULT_BACKBONE
from lmpt_desktop.engine.beats import Beats
from lmpt_desktop.engine.captioning import CaptionWriter
from lmpt_desktop.engine.child import TRAINER
from lmpt_desktop.engine.describe import image_details
from lmpt_desktop.engine.model_service import BACKBONE_SETTING, ModelService
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    FoldersChanged,
    ImagesChanged,
    Notice,
    PredictionsChanged,
    Problem,
)
from lmpt_desktop.engine.retrain import RetrainController
from lmpt_desktop.engine.scanner import Scanner
from lmpt_desktop.engine.state import LibraryState
from lmpt_desktop.engine.versions import Versions
from lmpt_desktop.engine.views import (
    ImageDetails,
    Snapshot,
)
from lmpt_desktop.engine.worker import Worker
from lmpt_desktop.inference.bands import ClassBands
from lmpt_desktop.inference.filters import Filter, Sort, select
from lmpt_desktop.ingest import watch
from lmpt_desktop.ingest.scope import Scope
from lmpt_desktop.ingest.watch import FolderWatch
from lmpt_desktop.translation import _
from trainer.bands import BandLimits

log = logging.getLogger(__name__)

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
    caption: Sequence[str] = (*TRAINER, "caption")


class SessionCore:
    """An open library that can be looked at; see :mod:`lmpt_desktop.engine.session`."""

    def __init__(
        self,
        catalogue: Catalogue,
        library_folder: Path,
        *,
        device: str,
        backbone: str,
        encode: bool,
        commands: Commands,
        look_after: bool = False,
    ) -> None:
        """Use :meth:`open`.  ``look_after``: notice what others do to photos and catalogue."""
        self.catalogue = catalogue
        self._folder = library_folder
        self._listeners: list[Listener] = []
        self._listeners_lock = threading.Lock()
        self._activities: dict[ActivityKind, Activity] = {}
        self._closed = self._begun = False
        self._wanted: Sequence[Path] | None = None
        self._images_beat = IMAGES_BEAT_SECONDS
        self._reading = threading.Lock()
        classes = catalogue.classes.all()
        catalogue.images.touched.take()
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
        self._captions = CaptionWriter(catalogue, self._notify, commands.caption)
        self._scanner = Scanner(catalogue, self._notify, self._images_found)
        self._pace = pace.PaceKeeper(
            pace.Pace.of(catalogue.settings.get(pace.PACE_SETTING)), self._model.set_gentle
        )
        looks: dict[Callable[[], None], float] = {self._pace.look: pace.LOOK_SECONDS}
        self._watch: FolderWatch | None = None
        if look_after:
            others = outside.OutsideChanges(
                catalogue,
                self._state,
                self._model,
                self._worker,
                notify=self._notify,
                reload_images=self._reload_all_images,
            )
            looks[others.look] = outside.LOOK_SECONDS
            self._watch = FolderWatch(self._touched)
            looks[self._watch.look] = watch.LOOK_SECONDS
            self.subscribe(self._watch_when_folders_change)
        self._beats = Beats(looks)

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

        Returns with the catalogue's images and annotations; predictions follow within
        moments from cached features, then background encoding starts where photos lack a
        feature (unless ``encode`` is False: then no encoder process is ever started).

        Args:
            library_folder: see docs/architecture.md.
            device: "auto", "cpu", "cuda" or "mps"; None for the library's own choice.
            backbone: its name; None for the library's own, "lite" for a new one.
            encode: whether encoder processes may be started.
            exclusive: refuse to share the library with another exclusive session (two
                windows would not see each other's changes).
            folders: add, scan and encode these, and leave the library's other folders alone;
                None: look after all of them.
            commands: the trainer's programs (tests put others in their place).
            listener: subscribed before anything begins, so that it hears everything.
            begin: False leaves all background work to :meth:`begin`.

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
                device=device or str(catalogue.settings.get(DEVICE_SETTING, "auto")),
                backbone=str(wanted),
                encode=encode,
                commands=commands or Commands(),
                look_after=exclusive and folders is None,
            )
        except BaseException:
            catalogue.close()
            raise
        if listener is not None:
            session.subscribe(listener)
        session._wanted = folders
        if begin:
            session.begin()
        return session

    def begin(self) -> None:
        """Start predicting, scanning and encoding, unless that was done before.

        A window calls it when it has shown the images, so that its first moments are not shared
        with work that may as well come after.
        """
        with self._listeners_lock:
            if self._begun or self._closed:
                return
            self._begun = True
        self._start(self._wanted)

    @property
    def idle(self) -> bool:
        """Nothing is left to scan, encode or predict, at this moment."""
        return self._begun and self._scanner.idle and self._worker.idle and self._model.idle

    def close(self) -> None:
        """Stop scanning and encoding, keep what is done.  A running retraining goes on."""
        if self._closed:
            return
        self._closed = True
        if self._watch is not None:
            self._watch.close()
        self._beats.close()
        self._scanner.close()
        self._runs.close()
        self._captions.close()
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
        elif name == pace.PACE_SETTING:
            self._pace.choose(pace.Pace.of(value))

    # ------------------------------------------------------------------------------ inside

    def _start(self, folders: Sequence[Path] | None) -> None:
        self._begin_work(folders)
        # Prompt sets are read from disk once, here: the window lists them on its own thread.
        self._worker.post("versions", self._read_versions)

    def _read_versions(self) -> None:
        self._versions.all()

    def _begin_work(self, folders: Sequence[Path] | None) -> None:
        # The first encoder is to be told as well.
        self._pace.look()
        if folders is None:
            self._model.start()
            self._runs.recover()
            # After the first predictions, not beside them: with many threads at work at once the
            # window would have to queue for Python's lock.
            self._worker.post("first scan", self._scan_all)
        else:
            added = [self.catalogue.folders.add(path.expanduser().absolute()) for path in folders]
            self._model.only_folders = {item.id for item in added}
            self._reload_images()
            self._model.start()
            self._scanner.scan(added)

    def _scan_all(self) -> None:
        self._scanner.scan(self.catalogue.folders.all())
        self._watch_folders()

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

    def watch_notes(self) -> dict[int, str]:
        """Folders whose changes are not noticed as they happen: a sentence by folder id."""
        return self._watch.notes() if self._watch is not None else {}

    def _watch_folders(self) -> None:
        if self._watch is not None:
            self._watch.watch({item.id: item.path for item in self.catalogue.folders.all()})

    def _watch_when_folders_change(self, notice: Notice) -> None:
        if isinstance(notice, FoldersChanged):
            self._watch_folders()

    def _touched(self, folder_id: int, scope: Scope) -> None:
        """Something in a folder was changed."""
        try:
            found = [item for item in self.catalogue.folders.all() if item.id == folder_id]
        except CatalogueError as error:
            log.info("a change in folder %d was not followed: %s", folder_id, error)
            return
        self._scanner.scan(found, scope)

    def _worker_failed(self, error: Exception) -> None:
        self._notify(Problem(_("Something went wrong in the background"), str(error), repr(error)))

    def _images_found(self) -> None:
        """The scanner has committed something."""
        self._worker.post("images", self._scanned, self._images_beat)

    def _scanned(self) -> None:
        began = time.monotonic()
        changed = self._reload_images(everything=False)
        try:
            self._model.queue_missing(changed)
        except BaseException:
            self.catalogue.images.touched.note(() if changed is None else changed.tolist())
            raise
        if self._scanner.idle:
            self._worker.post("names", self._rank_names)
        # A large library takes long to read: leave the worker time for predictions.
        self._images_beat = max(IMAGES_BEAT_SECONDS, 4 * (time.monotonic() - began))

    def _rank_names(self) -> None:
        """Prepare sorting by name, which takes a while, before anybody asks for it."""
        _ = self.snapshot().name_ranks

    def _reload_all_images(self) -> None:
        self._reload_images()

    def _reload_images(self, *, everything: bool = True) -> NDArray[np.int64] | None:
        """Read the images again: all, or those that this process has written since.

        Returns:
            (n,) ids of those that were read; None where it was all of them.
        """
        catalogue = self.catalogue
        with self._reading:
            touched = catalogue.images.touched.take()
            everything |= touched.everything
            try:
                if everything:
                    images = catalogue.images.table()
                else:
                    part = catalogue.images.table(ids=touched.ids)
                    images = updated(self.images, touched.ids, part)
                new = np.setdiff1d(images.ids, self.images.ids, assume_unique=True)
                reviewed = catalogue.annotations.reviewed(new)
                self._state.set_images(images, catalogue.annotations.matrix, reviewed)
            except BaseException:
                catalogue.images.touched.give_back(touched)
                raise
        if everything or touched:
            self._notify(ImagesChanged())
            self._model.refresh_scores()
        return None if everything else touched.ids


def _limits(value: Any) -> BandLimits | None:
    """Band limits from a setting; None where it holds none or nonsense."""
    try:
        return BandLimits(int(value["medium"]), int(value["head"]))
    except (KeyError, TypeError, ValueError):
        return None
