"""Whatever is done to the files, in whatever order, with scans at any point in between: a verdict
is on the picture it was made for, or on a missing image, and none is lost.

The model knows of every content ever written which picture it shows.  Every picture has classes of
its own, so that a verdict tells for which picture it was made.  LMPT_IDENTITY_EXAMPLES and
LMPT_IDENTITY_STEPS set how long this runs; the default is meant for every run of the tests (a long
one needs --timeout=0).  With LMPT_IDENTITY_NO_SHRINK a failure is told at once, as it was found.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from annotated_library import BACKBONE, encode, follow_edits
from example_counts import examples
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from photo_bytes import KINDS, METADATA, digest, picture, written

from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.domain.records import ImageState, Verdict
from lmpt_desktop.ingest.scope import EVERYTHING, Scope
from lmpt_desktop.ingest.sync import SyncReport, sync

EXAMPLES = int(os.environ.get("LMPT_IDENTITY_EXAMPLES", examples(40)))
STEPS = int(os.environ.get("LMPT_IDENTITY_STEPS", "20"))

SHRINK = "LMPT_IDENTITY_NO_SHRINK" not in os.environ

ROOTS = ("one", "two")
"""Folders of the library, below the top."""
SUBFOLDERS = ("", "a", "b")
TIMES = (0, 1, 10_413_792_000, 4_000_000_000, -10_000_000_000, 1_600_000_000)
"""Seconds since the epoch; one is in the year 2300."""
CLASSES_EACH = 2
AFTER_COPYING = ("keep", "remove", "scan", "settle")
TICK_SECONDS = 0.008
"""Longer than the clock of the file system: what is written after a scan has another time."""

index = st.integers(0, 63)
"""Which of what there is; modulo."""


@dataclass(frozen=True)
class Content:
    """What some bytes show: a variant of a picture, or (``sound`` False) what is left of it."""

    origin: int
    variant: int
    sound: bool = True


Place = tuple[int, str]
"""Folder of the library and relative path."""


@functools.cache
def new_library() -> Path:
    """A library as it is when it is made, which takes a while, to be copied."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    library = Path(folder.name) / "library"
    Catalogue.open(library).close()
    return library


class Identity(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        # In memory where that is possible: every step is committed to disk.
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.temporary = tempfile.TemporaryDirectory(dir=memory)
        self.top = Path(os.path.realpath(self.temporary.name))
        self.contents: dict[str, Content] = {}
        self.origins = 0
        self.variants: dict[int, int] = {}
        self.classes: dict[int, int] = {}
        """Class id -> origin."""
        self.said: dict[int, set[int]] = {}
        """Class id -> verdicts that stand; empty for none."""
        self.deleted: list[tuple[Path, bytes, int]] = []
        self.image_shows: dict[int, Content] = {}
        """What each image was seen to show when it was last scanned."""
        self.scanned: dict[Place, str | None] = {}
        self.batches: dict[int, set[int]] = {}
        """Changes made here -> their classes."""
        self.declined: set[int] = set()
        """Origins of which the user undid (or did again) what the app had done by itself."""
        self.serial = 0
        self.newest = 0
        self.hidden: set[int] = set()
        """Folders that the user removed from the library."""
        self.kinds: list[str] = []
        """Few, so that photos can take each other's names."""
        self.reviewing = False
        self.reviewed: set[int] = set()

    @initialize(
        reviewing=st.booleans(),
        kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=2),
        photos=st.lists(st.tuples(index, index), min_size=1, max_size=5),
        encoded=st.booleans(),
    )
    def open(
        self, reviewing: bool, kinds: list[str], photos: list[tuple[int, int]], encoded: bool
    ) -> None:
        self.reviewing = reviewing
        self.kinds = kinds
        for name in (*ROOTS, "outside"):
            (self.top / name).mkdir()
        shutil.copytree(new_library(), self.top / "library")
        self.catalogue = Catalogue.open(self.top / "library")
        self.folder_ids = [self.catalogue.folders.add(self.top / name).id for name in ROOTS]
        for place, kind in photos:
            self.put(place, kind)
        self.scan_everything([0, 1])
        for number in range(len(self.image_shows)):
            self.annotate(number, 0, Verdict.PRESENT)
        if encoded:
            self.look()

    def teardown(self) -> None:
        """However it ended: once everything is looked at, it is as it must be."""
        try:
            if hasattr(self, "catalogue"):
                self.settle()
        finally:
            if hasattr(self, "catalogue"):
                self.catalogue.close()
            self.temporary.cleanup()

    # --------------------------------------------------------------------------- the disk

    def files(self) -> list[Path]:
        """Every real photo file, in the library or not, in a fixed order."""
        found = []
        for folder, folders, names in os.walk(self.top):
            folders[:] = sorted(name for name in folders if name != "library")
            found += [Path(folder, name) for name in sorted(names)]
        return [path for path in found if path.suffix in KINDS and not path.is_symlink()]

    def links(self) -> list[Path]:
        found = []
        for folder, folders, names in os.walk(self.top):
            folders[:] = sorted(name for name in folders if name != "library")
            found += [Path(folder, name) for name in sorted((*folders, *names))]
        return [path for path in found if path.is_symlink()]

    def folders(self) -> list[Path]:
        """Every real subfolder of the library's folders."""
        found = []
        for root in ROOTS:
            for folder, inner, _ in os.walk(self.top / root):
                inner.sort()
                found += [Path(folder, name) for name in inner]
        return [path for path in found if not path.is_symlink()]

    def place(self, number: int, suffix: str) -> Path:
        """One of few places, so that photos meet."""
        root = ("one", "two", "one", "two", "outside")[number % 5]
        inner = SUBFOLDERS[number // 5 % len(SUBFOLDERS)]
        if not (self.top / root).is_dir():
            root = "outside"
        return self.top / root / inner / f"n{number // 15 % 2}{suffix}"

    def free(self, path: Path) -> bool:
        """Make the folder of ``path``; False where a file or link is in the way."""
        for above in (path, *path.parents):
            if above == self.top:
                break
            if above.is_symlink() or (above != path and above.is_file()):
                return False
        if path.is_dir():
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        return True

    def write(self, path: Path, data: bytes, shows: Content) -> None:
        self.contents.setdefault(digest(data), shows)
        path.write_bytes(data)

    def shown_by(self, path: Path) -> Content:
        return self.contents[digest(path.read_bytes())]

    def chosen(self, number: int) -> Path:
        files = self.files()
        return files[number % len(files)]

    def new_serial(self) -> int:
        self.serial += 1
        return self.serial

    def keep_time(self, path: Path, change: Callable[[], None], keep: bool) -> None:
        status = path.stat()
        change()
        if keep:
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    @rule(where=index, kind=index)
    def put(self, where: int, kind: int) -> None:
        """A photo never seen before, perhaps under a name that another one has."""
        suffix = self.kinds[kind % len(self.kinds)]
        path = self.place(where, suffix)
        if not self.free(path):
            return
        self.origins += 1
        self.variants[self.origins] = 0
        for number in range(CLASSES_EACH):
            made = self.catalogue.classes.add(f"picture {self.origins}.{number}")
            self.classes[made.id] = self.origins
            self.said[made.id] = set()
        data = written(picture(self.origins), suffix)
        self.write(path, data, Content(self.origins, 0))

    @precondition(lambda self: self.files())
    @rule(which=index, where=st.none() | index)
    def rename(self, which: int, where: int | None) -> None:
        """Also over another photo, also into another folder, also out of the library; None for
        the same name in another case."""
        path = self.chosen(which)
        if where is None:
            target = path.with_name(path.stem.swapcase() + path.suffix)
        else:
            target = self.place(where, path.suffix)
        if self.free(target):
            path.replace(target)

    @precondition(lambda self: self.files())
    @rule(which=index, where=index, keep=st.booleans(), then=st.sampled_from(AFTER_COPYING))
    def copy(self, which: int, where: int, keep: bool, then: str) -> None:
        """Perhaps to move it: the original goes, perhaps after a scan of either folder."""
        path = self.chosen(which)
        target = self.place(where, path.suffix)
        if not self.free(target) or target == path:
            return
        (shutil.copy2 if keep else shutil.copyfile)(path, target)
        if then in ("scan", "settle"):
            root = target.relative_to(self.top).parts[0]
            if then == "scan" and root in ROOTS:
                self.scan_one(ROOTS.index(root))
            else:
                self.settle()
        if then != "keep":
            path.unlink()

    @precondition(lambda self: self.files())
    @rule(which=index)
    def delete(self, which: int) -> None:
        path = self.chosen(which)
        self.deleted.append((path, path.read_bytes(), path.stat().st_mtime_ns))
        path.unlink()

    @precondition(lambda self: self.deleted)
    @rule(which=index, keep=st.booleans(), elsewhere=st.none() | index)
    def restore(self, which: int, keep: bool, elsewhere: int | None) -> None:
        """From a backup, which may bring back an old state over a new one."""
        path, data, mtime_ns = self.deleted[which % len(self.deleted)]
        if elsewhere is not None:
            path = self.place(elsewhere, path.suffix)
        if not self.free(path):
            return
        path.write_bytes(data)
        if keep:
            os.utime(path, ns=(mtime_ns, mtime_ns))

    @precondition(lambda self: self.files())
    @rule(which=index, what=index, keep=st.booleans())
    def edit_metadata(self, which: int, what: int, keep: bool) -> None:
        path = self.chosen(which)
        shows = self.shown_by(path)
        edits = list(METADATA[path.suffix].values())
        if shows.sound and edits:
            data = edits[what % len(edits)](path.read_bytes(), self.new_serial())
            self.keep_time(path, lambda: self.write(path, data, shows), keep)

    @precondition(lambda self: self.files())
    @rule(which=index, keep=st.booleans(), backup=st.booleans())
    def edit_pixels(self, which: int, keep: bool, backup: bool) -> None:
        path = self.chosen(which)
        shows = self.shown_by(path)
        if not shows.sound:
            return
        if backup:
            self.deleted.append((path, path.read_bytes(), path.stat().st_mtime_ns))
        self.variants[shows.origin] += 1
        new = Content(shows.origin, self.variants[shows.origin])
        data = written(picture(new.origin, new.variant), path.suffix)
        self.keep_time(path, lambda: self.write(path, data, new), keep)

    @precondition(lambda self: len(self.files()) > 1)
    @rule(first=index, second=index, third=st.none() | index)
    def swap(self, first: int, second: int, third: int | None) -> None:
        """Two or three files change places, as far as they are of one kind."""
        paths = [self.chosen(n) for n in (first, second, third) if n is not None]
        paths = [path for path in dict.fromkeys(paths) if path.suffix == paths[0].suffix]
        kept = [path.rename(path.with_name(f"{n}.kept")) for n, path in enumerate(paths)]
        for source, target in zip(kept, paths[1:] + paths[:1], strict=True):
            source.rename(target)

    @precondition(lambda self: self.files())
    @rule(which=index, seconds=st.sampled_from(TIMES))
    def shift_clock(self, which: int, seconds: int) -> None:
        os.utime(self.chosen(which), (seconds, seconds))

    @precondition(lambda self: self.files())
    @rule(which=index, how=st.sampled_from(["cut", "head", "zeros", "empty"]), keep=st.booleans())
    def damage(self, which: int, how: str, keep: bool) -> None:
        path = self.chosen(which)
        shows, data = self.shown_by(path), path.read_bytes()
        if not shows.sound:
            return
        self.deleted.append((path, data, path.stat().st_mtime_ns))
        left = {
            "cut": data[: len(data) * 6 // 10],
            "head": data[:20],
            "zeros": bytes(len(data)),
            "empty": b"",
        }[how]
        # Zeros or nothing tell nothing of the picture: the next photo's may be the same.
        ruined = Content(shows.origin if how in ("cut", "head") else 0, -1, sound=False)
        self.keep_time(path, lambda: self.write(path, left, ruined), keep)

    @rule(where=index, what=index, folder=st.booleans())
    def link(self, where: int, what: int, folder: bool) -> None:
        """A link to a folder or a photo, in the library or not."""
        root = self.top / ROOTS[where % 2]
        targets = [*self.folders(), self.top / "outside"] if folder else self.files()
        if not targets or not root.is_dir():
            return
        target = targets[what % len(targets)]
        at = root / (f"link{where % 3}" if folder else f"link{where % 3}{target.suffix}")
        if not os.path.lexists(at):
            at.symlink_to(target)

    @precondition(lambda self: self.links())
    @rule(which=index)
    def remove_link(self, which: int) -> None:
        links = self.links()
        links[which % len(links)].unlink()

    @precondition(lambda self: self.folders())
    @rule(which=index, where=index)
    def rename_folder(self, which: int, where: int) -> None:
        folders = self.folders()
        path = folders[which % len(folders)]
        target = self.top / ("one", "two", "outside")[where % 3] / ("a", "b", "d")[where // 3 % 3]
        if target.parent.is_dir() and not os.path.lexists(target) and path not in target.parents:
            path.rename(target)

    @rule(which=st.integers(0, len(ROOTS) - 1))
    def take_root_away_or_bring_it_back(self, which: int) -> None:
        root = self.top / ROOTS[which]
        away = root.with_name(f"{root.name}.away")
        if away.is_dir():
            away.rename(root)
        elif root.is_dir():
            root.rename(away)

    # --------------------------------------------------------------------------- the user

    @rule(which=st.integers(0, len(ROOTS) - 1))
    def remove_folder_or_add_it_again(self, which: int) -> None:
        """From the library, not from the disk."""
        if which in self.hidden:
            self.hidden.remove(which)
            self.catalogue.folders.add(self.top / ROOTS[which])
        elif not self.hidden:
            self.hidden.add(which)
            self.catalogue.folders.remove(self.folder_ids[which])

    @precondition(lambda self: self.image_shows)
    @rule(
        which=index,
        klass=st.integers(0, CLASSES_EACH - 1),
        verdict=st.sampled_from([Verdict.PRESENT, Verdict.ABSENT, Verdict.UNKNOWN]),
    )
    def annotate(self, which: int, klass: int, verdict: Verdict) -> None:
        if not self.image_shows:
            return
        images = sorted(self.image_shows)
        image_id = images[which % len(images)]
        shows = self.image_shows[image_id]
        own = [c for c, origin in self.classes.items() if origin == shows.origin]
        class_id = own[klass]
        if self.reviewing and verdict == Verdict.ABSENT:
            verdict = Verdict.PRESENT
        batch = self.catalogue.annotations.apply([Change(image_id, class_id, verdict)])
        self.batches[batch.id] = {class_id}
        self.now_said(class_id)

    @precondition(lambda self: self.image_shows)
    @rule(which=index)
    def forget(self, which: int) -> None:
        """Take back everything said of an image: it is nobody's then, and may become any photo."""
        images = sorted(self.image_shows)
        image_id = images[which % len(images)]
        classes = sorted(self.classes)
        self.reviewed &= self.reviewed_in_view()
        batches = [
            self.catalogue.annotations.apply(
                [Change(image_id, class_id, Verdict.UNKNOWN) for class_id in classes]
            ),
            self.catalogue.annotations.set_reviewed([image_id], False),
        ]
        for batch in batches:
            self.batches[batch.id] = set(classes)
        self.reviewed &= self.reviewed_in_view()
        for class_id in classes:
            self.now_said(class_id)

    @precondition(lambda self: self.reviewing and self.image_shows)
    @rule(which=index)
    def review(self, which: int) -> None:
        images = sorted(self.image_shows)
        image_id = images[which % len(images)]
        batch = self.catalogue.annotations.set_reviewed([image_id], True)
        self.batches[batch.id] = set(self.classes)
        origin = self.image_shows[image_id].origin
        self.reviewed.add(origin)
        for class_id, of in self.classes.items():
            if of == origin:
                self.now_said(class_id)

    @precondition(lambda self: self.batches)
    @rule(which=index)
    def undo(self, which: int) -> None:
        """Of any change in the history: the user's, or what the app did by itself."""
        history = self.catalogue.annotations.history(1000)
        if not history:
            return
        chosen = history[which % len(history)]
        before = self.stored()
        self.catalogue.annotations.toggle_undo(chosen.id)
        after = self.stored()
        mine = self.batches.get(chosen.id)
        if mine is None:
            moved = {
                class_id
                for class_id in self.classes
                if before.get(class_id, {}) != after.get(class_id, {})
            }
            self.declined |= {self.classes[class_id] for class_id in moved}
            if self.reviewing:  # marks may have moved without a verdict
                self.declined |= set(self.classes.values())
        else:
            for class_id in set(self.classes) - mine:
                assert before.get(class_id, {}) == after.get(class_id, {}), (
                    f"undoing a change of {mine} changed class {class_id}"
                )
            for class_id in mine:
                self.now_said(class_id)
            if self.reviewing:
                self.reviewed &= self.reviewed_in_view()

    def now_said(self, class_id: int) -> None:
        """The user has just changed this class: what is there now is what was said."""
        values = set(self.stored().get(class_id, {}).values())
        if self.reviewing:
            values &= {int(Verdict.PRESENT)} | (
                {int(Verdict.ABSENT)} if self.classes[class_id] in self.reviewed else set()
            )
        self.said[class_id] = self.said[class_id] | values if values else set()

    def reviewed_in_view(self) -> set[int]:
        marked = self.catalogue.annotations.reviewed()
        return {shows.origin for image, shows in self.image_shows.items() if image in marked}

    # ---------------------------------------------------------------------------- the app

    @rule(order=st.permutations(range(len(ROOTS))))
    def scan_everything(self, order: list[int]) -> None:
        for which in order:
            self.scanned_now(which, EVERYTHING)
        self.check()

    @rule(which=st.integers(0, len(ROOTS) - 1))
    def scan_one(self, which: int) -> None:
        self.scanned_now(which, EVERYTHING)
        self.check()

    @rule(
        which=st.integers(0, len(ROOTS) - 1),
        flat=st.sets(st.sampled_from(SUBFOLDERS), max_size=2),
        deep=st.sets(st.sampled_from(SUBFOLDERS[1:]), max_size=1),
    )
    def scan_parts(self, which: int, flat: set[str], deep: set[str]) -> None:
        if flat or deep:
            self.scanned_now(which, Scope(frozenset(flat), frozenset(deep)))
            self.check()

    @rule()
    def look(self) -> None:
        """The encoder ran, and what changed was compared."""
        self.encode_and_compare()
        self.check()

    @rule(reopen=st.booleans())
    def settle(self, reopen: bool = False) -> None:
        """Everything the app does by itself, twice; then nothing is left to do, and what is there
        is in view."""
        if reopen:
            self.catalogue.close()
            self.catalogue = Catalogue.open(self.top / "library")
        for _ in range(2):
            self.scan_all()
            self.encode_and_compare()
            self.check()
        for report in self.scan_all():
            found = (report.new, report.moved, report.returned, report.missing)
            assert found == ([], [], [], []), f"a scan of nothing new found {found}"
        self.check()
        self.check_everything_is_listed()
        self.check_what_is_there_is_in_view()

    def scan_all(self) -> list[SyncReport]:
        return [self.scanned_now(which, EVERYTHING) for which in range(len(ROOTS))]

    def scanned_now(self, which: int, scope: Scope) -> SyncReport:
        if which in self.hidden:
            return SyncReport()
        if self.files_differ():
            time.sleep(TICK_SECONDS)
        folder_id = self.folder_ids[which]
        report = sync(self.catalogue, folder_id, scope=scope)
        table = self.catalogue.images.table()
        root = self.top / ROOTS[which]
        for folder, name in zip(table.folder_ids.tolist(), table.names, strict=True):
            path = root / name
            if folder != folder_id or not scope.covers(name):
                continue
            if scope != EVERYTHING and os.path.realpath(path) != os.fspath(path):
                continue  # links are followed by whole scans only
            self.scanned[folder_id, name] = _digest_of(path)
        return report

    def files_differ(self) -> bool:
        """Whether anything was written since this was last asked."""
        facts = [os.lstat(path) for path in self.files()]
        times = max((status.st_ctime_ns for status in facts), default=0)
        newer, self.newest = times != self.newest, times
        return newer

    def encode_and_compare(self) -> None:
        """As the encoder does, of photos that are as they were when they were scanned."""
        table = self.catalogue.images.table()
        keys = dict(
            zip(
                table.ids.tolist(),
                zip(table.folder_ids.tolist(), table.names, strict=True),
                strict=True,
            )
        )
        encode(
            self.catalogue,
            lambda image_id, path: self.scanned.get(keys[image_id]) == _digest_of(path),
        )
        follow_edits(self.catalogue)

    # ------------------------------------------------------------------------- what must hold

    def stored(self) -> dict[int, dict[int, int]]:
        """Verdicts by class and image, of hidden images too."""
        found: dict[int, dict[int, int]] = {}
        images, classes, verdicts = self.catalogue.annotations.of_classes(sorted(self.classes))
        for image_id, class_id, verdict in zip(
            images.tolist(), classes.tolist(), verdicts.tolist(), strict=True
        ):
            found.setdefault(class_id, {})[image_id] = verdict
        return found

    def observe(self) -> dict[int, tuple[Path, Content]]:
        """Images whose file is as it was when last scanned, with what it shows."""
        table = self.catalogue.images.table()
        places = self.catalogue.images.paths(table.ids)
        found: dict[int, tuple[Path, Content]] = {}
        for image_id, folder, name, state, path in zip(
            table.ids.tolist(),
            table.folder_ids.tolist(),
            table.names,
            table.states.tolist(),
            places,
            strict=True,
        ):
            if state != ImageState.OK:
                continue
            now = _digest_of(path)
            if now is None or now != self.scanned.get((folder, name)):
                continue
            shows = self.contents[now]
            if shows.origin:
                found[image_id] = (path, shows)
                self.image_shows[image_id] = shows
        return found

    def check(self) -> None:
        """No verdict is on another picture, none is lost."""
        seen = self.observe()
        stored = self.stored()
        for class_id, cells in stored.items():
            origin = self.classes[class_id]
            for image_id, verdict in cells.items():
                if self.reviewing and verdict == Verdict.ABSENT:
                    continue  # a review says absent of every class there is
                if image_id not in seen:
                    continue
                path, shows = seen[image_id]
                assert shows.origin == origin, (
                    f"a verdict on picture {origin} is on image {image_id}, {path}, which shows "
                    f"picture {shows.origin}"
                )
        for class_id, said in self.said.items():
            if said:
                kept = set(stored.get(class_id, {}).values())
                assert kept & said, (
                    f"the verdict on picture {self.classes[class_id]} is lost: {kept}"
                )
        marked = self.catalogue.annotations.reviewed()
        for image_id in marked & set(seen):
            path, shows = seen[image_id]
            assert shows.origin in self.reviewed, f"{path} is marked reviewed and never was"
        assert len(marked) >= len(self.reviewed), "a review mark is lost"

    def visible(self, *, hidden: bool = False) -> dict[Path, Content]:
        """Real files that a scan of the library's folders comes to, with what they show; with
        ``hidden`` also those of removed folders."""
        found: dict[Path, Content] = {}
        for which, root in enumerate(ROOTS):
            if which in self.hidden and not hidden:
                continue
            done: set[str] = set()
            for folder, folders, names in os.walk(self.top / root, followlinks=True):
                real = os.path.realpath(folder)
                if real in done:
                    folders.clear()
                    continue
                done.add(real)
                for name in names:
                    path = Path(os.path.realpath(Path(folder, name)))
                    if path.suffix in KINDS and path.is_file():
                        found[path] = self.shown_by(path)
        return found

    def images_at(self) -> dict[Path, set[int]]:
        """Images in view by the real path of their file."""
        table = self.catalogue.images.table()
        found: dict[Path, set[int]] = {}
        for image_id, state, path in zip(
            table.ids.tolist(),
            table.states.tolist(),
            self.catalogue.images.paths(table.ids),
            strict=True,
        ):
            if state != ImageState.MISSING:
                found.setdefault(Path(os.path.realpath(path)), set()).add(image_id)
        return found

    def check_everything_is_listed(self) -> None:
        listed = self.images_at()
        visible = self.visible()
        assert set(visible) <= set(listed), f"not listed: {set(visible) - set(listed)}"
        assert set(listed) <= set(visible), f"listed, not there: {set(listed) - set(visible)}"
        unreadable = self.unreadable()
        for path, shows in visible.items():
            if shows.sound:
                assert not listed[path] & unreadable, f"{path} is sound and can be read"
            else:
                assert listed[path] <= unreadable, f"{path} is damaged"
        encoded = self.catalogue.features.missing(BACKBONE).tolist()
        assert encoded == [], f"without a feature: {encoded}"

    def check_what_is_there_is_in_view(self) -> None:
        """The only file with a picture carries what was said of the picture."""
        visible = self.visible()
        listed = self.images_at()
        stored = self.stored()
        by_origin: dict[int, list[tuple[Path, Content]]] = {}
        for path, shows in self.visible(hidden=True).items():
            by_origin.setdefault(shows.origin, []).append((path, shows))
        unreadable = self.unreadable()
        for class_id, said in self.said.items():
            origin = self.classes[class_id]
            files = by_origin.get(origin, [])
            cells = stored.get(class_id, {})
            if not said or origin in self.declined or len(files) != 1:
                continue
            if any(os.path.lexists(self.hidden_place(image_id)) for image_id in cells):
                continue  # what has become of it is not looked at
            path, shows = files[0]
            if path not in visible or not shows.sound or set(cells) & unreadable:
                continue
            if all(self.image_shows.get(image_id) != shows for image_id in cells):
                continue  # said of another variant, of which there is no file
            assert listed[path] & set(cells), (
                f"{path} is the only file of picture {origin}, but what was said of it is on "
                f"{cells}, not on {listed[path]}"
            )

    def hidden_place(self, image_id: int) -> str:
        """Where an image of a removed folder is; "" of any other."""
        details = self.catalogue.images.details(image_id)
        removed = {self.folder_ids[which] for which in self.hidden}
        return os.fspath(details.path) if details.folder_id in removed else ""

    def unreadable(self) -> set[int]:
        table = self.catalogue.images.table()
        return set(table.ids[table.states == ImageState.UNREADABLE].tolist())


def _digest_of(path: Path) -> str | None:
    try:
        return digest(path.read_bytes())
    except OSError:
        return None


TestIdentity = Identity.TestCase
TestIdentity.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    print_blob=True,
    # Phase.explain traces every line.
    phases=[Phase.reuse, Phase.generate, *([Phase.shrink] if SHRINK else [])],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
