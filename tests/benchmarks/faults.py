"""What the user is told, and what is lost, when the computer fails.

    python tests/benchmarks/faults.py [--only disk,clock]        # as root, for a disk that is full

A table, a row for each fault and act: what the user is told, what acknowledged verdicts are lost
(opened again afterwards and compared cell by cell), and whether the same act works once the fault
is over, without a restart.  Faults: a full disk (a small tmpfs), folders that are read-only or
forbidden, folders that are moved away while they are open, a catalogue that another program locks,
or damages, a clock that jumps (libfaketime), children that stand still (SIGSTOP), little memory
(RLIMIT_AS) and few file handles (RLIMIT_NOFILE).  What cannot be made here is skipped, and why.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import contextlib
import json
import logging
import resource
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

SUPPORT = Path(__file__).parents[1] / "support"
sys.path[:0] = [str(Path(__file__).parent), str(SUPPORT)]

import psutil  # noqa: E402 - after the environment
from annotated_library import write  # noqa: E402
from import_model import survey_of  # noqa: E402
from parts import killed  # noqa: E402
from photo_bytes import picture, written  # noqa: E402

from lmpt_desktop.catalogue import backups  # noqa: E402
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME  # noqa: E402
from lmpt_desktop.domain.records import ImageState, Verdict  # noqa: E402
from lmpt_desktop.engine.interchange.exports import ExportChoices  # noqa: E402
from lmpt_desktop.engine.notices import Notice, Problem  # noqa: E402
from lmpt_desktop.engine.session import LibrarySession  # noqa: E402
from lmpt_desktop.error_texts import message_of  # noqa: E402
from lmpt_desktop.interchange.importing.choices import ImportChoices  # noqa: E402
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord  # noqa: E402
from trainer.decoding import DecodingPool, Wanted  # noqa: E402
from trainer.photo import UnreadablePhoto  # noqa: E402

NOBODY = 65534
DISK = "12m"
LONGEST = 400
"""Seconds that all acts under a fault may take."""
FAKETIME = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)


class Skipped(Exception):  # noqa: N818 - not an error
    """This fault cannot be made here."""


class Scene:
    """An open library and what was acknowledged in it."""

    def __init__(self, place: Path, *, encode: bool = False) -> None:
        self.place = place
        self.notices: list[Notice] = []
        self.session = LibrarySession.open(
            place / "library", commands=killed.FAKES, encode=encode, listener=self.notices.append
        )
        self.session.wait_until_idle(60)
        self.number = 0
        self.remarks: list[str] = []
        """What is to be known besides what the user is told."""
        self.photos = place / "photos"
        self.ready = [place / f"new_{os.getpid()}_{number}.jpg" for number in range(6)]
        for number, path in enumerate(self.ready):
            write(path, written(picture(500 + number), ".jpg"))
        self.digest = killed.verdicts_digest(self.session)
        self.acts: dict[str, Callable[[], object]] = {
            "verdict": self.verdict,
            "batch": self.batch,
            "scan": self.scan,
            "import": self.import_,
            "export": self.export,
            "backup": self.backup,
            "run": self.run,
        }

    def verdict(self) -> None:
        snapshot = self.session.snapshot()
        self.number += 1
        image = int(snapshot.image_ids[self.number % len(snapshot.image_ids)])
        klass = int(snapshot.class_ids[self.number % 5])
        now = int(snapshot.annotations[self.number % len(snapshot.image_ids), self.number % 5])
        verdict = Verdict.ABSENT if now == 1 else Verdict.PRESENT
        self.session.annotations.annotate([image], [klass], verdict)
        self.digest = killed.verdicts_digest(self.session)

    def batch(self) -> None:
        snapshot = self.session.snapshot()
        self.number += 1
        verdict = Verdict(self.number % 2)
        self.session.annotations.annotate(
            snapshot.image_ids[::2].tolist(), snapshot.class_ids.tolist(), verdict
        )
        self.digest = killed.verdicts_digest(self.session)

    def scan(self) -> None:
        self.number += 1
        # It was written before the fault, which is not the app's.
        if self.ready:
            ready = self.ready.pop()
            ready.rename(self.photos / ready.name)
        before = len(self.notices)
        self.session.folders.rescan()
        if not self.session.wait_until_idle(20):
            raise RuntimeError("the scan did not end within 20 s")
        problems = [item for item in self.notices[before:] if isinstance(item, Problem)]
        if problems:
            raise RuntimeError(f"{problems[-1].title}: {problems[-1].message}")
        self.digest = killed.verdicts_digest(self.session)

    def import_(self) -> None:
        self.number += 1
        said = (ClassRecord(f"class {self.number}", Verdict.PRESENT),)
        file = [ImageRecord(name, said) for name in self.session.snapshot().names[:20]]
        preview = self.session.imports.preview(survey_of(file), ImportChoices(add_classes=True))
        self.session.imports.apply(preview)
        self.digest = killed.verdicts_digest(self.session)

    def export(self) -> None:
        out = self.place / "export.csv"
        self.session.exports.write(ExportChoices(killed.EXPORTED), out, replace=True)

    def backup(self) -> None:
        backups.back_up(self.session.library_folder / CATALOGUE_NAME, "daily")

    def run(self) -> None:
        before = len(self.notices)
        run_id = self.session.training.start()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            now = self.session.training.current_run()
            if (
                now is not None
                and now.run_id == run_id
                and now.state not in ("preparing", "running")
            ):
                break
            time.sleep(0.02)
        else:
            raise RuntimeError("the run did not end within 30 s")
        if now is not None and now.state != "finished":
            problems = [item for item in self.notices[before:] if isinstance(item, Problem)]
            raise RuntimeError(now.message or " ".join(item.message for item in problems))

    def attempt(self, act: str) -> str:
        """What the user is told; "done" if it was."""
        try:
            self.acts[act]()
        except Exception as error:
            return f"{type(error).__name__}: {message_of(error)}"
        return "done"

    def close(self) -> float:
        """How many seconds it takes."""
        began = time.monotonic()
        self.session.close()
        return time.monotonic() - began


def lost(place: Path, digest: str) -> str:
    """Open again and compare; "nothing" if all is there."""
    try:
        with LibrarySession.open(place / "library", encode=False, begin=False) as session:
            sound = session.catalogue.check_soundness()
            if not sound.sound:
                return f"not sound: {sound}"
            same = killed.verdicts_digest(session) == digest
    except Exception as error:
        return f"not opened: {error}"
    return "nothing" if same else "ACKNOWLEDGED VERDICTS"


Say = Callable[[str, str, str, str, str], None]
Fault = Callable[[Path, Say], None]


def _each(
    place: Path, say: Say, fault: str, acts: tuple[str, ...],
    begin: Callable[[Scene], Callable[[], object]],
) -> None:  # fmt: skip
    """Each act under a fault, which ``begin`` makes and whose answer ends it."""
    scene = Scene(place)
    rows: list[tuple[str, str, str]] = []
    for act in acts:
        over = begin(scene)
        scene.remarks.clear()
        told = scene.attempt(act)
        over()
        told = "; ".join((told, *scene.remarks))
        rows.append((act, told, scene.attempt(act)))
    scene.close()
    missing = lost(place, scene.digest)
    for act, told, again in rows:
        say(fault, act, told, missing, again)


def disk_full(place: Path, say: Say) -> None:
    """The library, the photos and the export are on a disk without room."""

    def begin(scene: Scene) -> Callable[[], object]:
        filler = scene.place / "filler"
        handle = os.open(filler, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            while os.write(handle, bytes(4096)):
                pass
        except OSError:
            pass
        finally:
            os.close(handle)
        return filler.unlink

    acts = ("verdict", "batch", "scan", "run", "import", "export", "backup")
    _each(place, say, "disk full", acts, begin)


def locked(place: Path, say: Say) -> None:
    """Another program writes to the catalogue and does not come to an end."""

    def begin(scene: Scene) -> Callable[[], object]:
        db = sqlite3.connect(scene.session.library_folder / CATALOGUE_NAME, isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        return db.close

    def impatient(scene: Scene) -> Callable[[], object]:
        patience = scene.session.annotations.write_timeout(0.05)
        patience.__enter__()
        over = begin(scene)

        def end() -> None:
            over()
            patience.__exit__(None, None, None)

        return end

    _each(place, say, "catalogue locked", ("verdict", "batch", "export"), impatient)


def moved_away(place: Path, say: Say) -> None:
    """Folders that are renamed while they are open."""

    def photos(scene: Scene) -> Callable[[], object]:
        (scene.place / "photos").rename(scene.place / "elsewhere")
        return lambda: (scene.place / "elsewhere").rename(scene.place / "photos")

    def library(scene: Scene) -> Callable[[], object]:
        library = scene.place / "library"
        library.rename(scene.place / "moved")

        def back() -> None:
            if library.exists():
                scene.remarks.append("something was written to the old place")
                shutil.rmtree(library)
            (scene.place / "moved").rename(library)

        return back

    scene = Scene(place)
    over = photos(scene)
    scene.session.folders.rescan()
    scene.session.wait_until_idle(60)
    gone = int((scene.session.snapshot().images.states == ImageState.MISSING).sum())
    over()
    told = [f"{n.title}: {n.message}" for n in scene.notices if isinstance(n, Problem)]
    scene.session.folders.rescan()
    scene.session.wait_until_idle(60)
    left = int((scene.session.snapshot().images.states == ImageState.MISSING).sum())
    scene.digest = killed.verdicts_digest(scene.session)
    scene.close()
    say("photos moved away", "scan", f"{gone} photos missing. " + " ".join(told[-1:]),
        lost(place, scene.digest), "done" if not left else f"{left} still missing")  # fmt: skip
    _each(place, say, "library moved away", ("verdict", "batch", "run", "export"), library)


def read_only(place: Path, say: Say) -> None:
    """Everything is read-only, and the user is not root."""
    if os.geteuid() == 0:
        # What Python loads late, nobody else may be allowed to read.
        scene = Scene(place)
        for act in ("verdict", "scan", "export", "backup"):
            scene.attempt(act)
        scene.close()
        for path in (place, *place.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    library = place / "library"
    scene = Scene(place)
    scene.verdict()
    photo = next((place / "photos").glob("*.jpg"))
    photo.chmod(0)
    os.utime(photo, (1, 1))
    scene.session.folders.rescan()
    scene.session.wait_until_idle(60)
    row = scene.session.snapshot().names.index(photo.name)
    state = scene.session.snapshot().images.states[row]
    photo.chmod(0o644)
    os.utime(photo, (2, 2))
    again = scene.attempt("scan")
    say("photo forbidden", "scan", f"state {ImageState(state).name.lower()}", "", again)
    (place / "out").mkdir(mode=0o555)
    scene.place = place / "out"
    told = scene.attempt("export")
    (place / "out").chmod(0o755)
    say("target read-only", "export", told, "", scene.attempt("export"))
    scene.place = place
    library.chmod(0o555)
    told = scene.attempt("verdict")
    library.chmod(0o755)
    say("library folder read-only, open", "verdict", told, "", scene.attempt("verdict"))
    scene.close()
    for mode, name in ((0o555, "library read-only"), (0, "library forbidden")):
        for path in library.glob("*.*"):
            path.chmod(0o444)
        library.chmod(mode)
        try:
            LibrarySession.open(library, encode=False, begin=False).close()
            told = "done"
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
        library.chmod(0o755)
        for path in library.glob("*.*"):
            path.chmod(0o644)
        say(name, "open", told, lost(place, scene.digest), "done")


def damaged(place: Path, say: Say) -> None:
    """Pages of the file are overwritten while it is open; the window goes on."""
    scene = Scene(place)
    scene.verdict()
    path = scene.session.library_folder / CATALOGUE_NAME
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name='annotations'").fetchone()
        size = db.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root[0] - 1) * size)
        file.write(bytes([0xEE]) * 60)
    found = scene.session.catalogue.check_soundness()
    told = "Verify library: " + ", ".join(found.damaged_tables)
    if found.can_be_repaired:
        scene.session.catalogue.repair(found)
    again = scene.attempt("verdict")
    scene.close()
    say("page overwritten, open", "verify", told, lost(place, scene.digest), again)


def clock(place: Path, say: Say) -> None:
    """Ten years ahead, then right again, then ten years back."""
    if FAKETIME is None:
        raise Skipped("libfaketime is not installed (Debian: faketime)")
    digest = ""
    for name, when in (("ahead", "+3650d"), ("right again", "+0d"), ("back", "-3650d")):
        environment = os.environ | {"LD_PRELOAD": str(FAKETIME), "FAKETIME": when,
                                    "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # fmt: skip
        done = subprocess.run(
            [sys.executable, __file__, "--in-clock", str(place)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            say(f"clock {name}", "verdict", done.stderr.strip()[-200:], "?", "no")
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        kept = "nothing" if not digest or found["before"] == digest else "ACKNOWLEDGED VERDICTS"
        digest = found["after"]
        say(f"clock {name}", "verdict, undo, backup", found["told"], kept, found["again"])


def in_clock(place: Path) -> None:
    """What is done under a false clock."""

    def sleep(seconds: float, /) -> None:
        select.select([], [], [], seconds)

    # libfaketime refuses the sleep to a moment by which Python sleeps.
    time.sleep = sleep
    scene = Scene(place)
    before = scene.digest
    told = [scene.attempt(act) for act in ("verdict", "batch", "backup")]
    last = [item for item in scene.session.annotations.history() if item.done][-1]
    scene.session.annotations.undo(last.id)
    after = killed.verdicts_digest(scene.session)
    again = scene.attempt("verdict")
    after = killed.verdicts_digest(scene.session)
    scene.close()
    print(json.dumps({"before": before, "after": after, "told": ", ".join(told), "again": again}))


def standing_still(place: Path, say: Say) -> None:
    """A child process is stopped; then it goes on."""
    scene = Scene(place, encode=True)
    write(place / "photos" / "dog_900.jpg", written(picture(900), ".jpg"))
    scene.session.folders.rescan()
    children = _children("fake_encoder", 10)
    for child in children:
        child.send_signal(signal.SIGSTOP)
    told = scene.attempt("verdict")
    for child in children:
        child.send_signal(signal.SIGCONT)
    again = "done" if scene.session.wait_until_idle(30) else "not idle after 30 s"
    say("encoder stopped", "verdict", told if children else "(no encoder)", "", again)
    # It ends when it has nothing to do.
    write(place / "photos" / "dog_901.jpg", written(picture(901), ".jpg"))
    scene.session.folders.rescan()
    children = _children("fake_encoder", 10)
    for child in children:
        child.send_signal(signal.SIGSTOP)
    seconds = scene.close()
    told = f"closed in {seconds:.1f} s" if children else "(no encoder)"
    left = sum(child.is_running() for child in children)
    say("encoder stopped", "close", told, lost(place, scene.digest), f"{left} processes left")

    _decoder_stopped(place, say)

    os.environ["FAKE_FIT"] = json.dumps({"steps": 40, "seconds_per_step": 0.05})
    scene = Scene(place)
    run_id = scene.session.training.start()
    children = _children("fake_fit", 10)
    for child in children:
        child.send_signal(signal.SIGSTOP)
    told = scene.attempt("verdict")
    began = time.monotonic()
    scene.session.training.cancel(run_id)
    while (now := scene.session.training.current_run()) and now.state == "running":
        if time.monotonic() - began > 20:
            break
        time.sleep(0.05)
    state = now.state if now else "?"
    stopped = f"verdict {told}; cancelled: {state} after {time.monotonic() - began:.0f} s"
    for child in children:
        if child.is_running():
            child.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + 15
    while (now := scene.session.training.current_run()) and now.state == "running":
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    os.environ.pop("FAKE_FIT")
    again = scene.attempt("run")
    seconds = scene.close()
    say("trainer stopped", "cancel", stopped, lost(place, scene.digest), again)


def _decoder_stopped(place: Path, say: Say) -> None:
    """The processes that make thumbnails are stopped, and do not go on."""
    pool = DecodingPool(1, seconds=3)
    photo = next((place / "photos").glob("*.jpg"))
    wanted = Wanted("JPEG", at_least=160, size=(160, 160))
    pool.decode(photo, wanted)
    for child in _children("decode_worker", 10):
        child.send_signal(signal.SIGSTOP)
    told = []
    for _ in range(2):
        try:
            pool.decode(photo, wanted)
            told.append("done")
        except UnreadablePhoto as error:
            told.append(error.reason)
    pool.close()
    say("decoder stopped", "thumbnail", told[0], "", told[1])


def _children(name: str, seconds: float = 0.0) -> list[psutil.Process]:
    """Children that run this script, waiting for one."""
    deadline = time.monotonic() + seconds
    while True:
        found = [
            child
            for child in psutil.Process().children(recursive=True)
            if any(name in part for part in child.cmdline())
        ]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def memory(place: Path, say: Say) -> None:
    """The process may have no more address space than it has, of which little is free."""
    acts: tuple[str, ...] = ("verdict", "batch", "export", "backup", "run", "scan")
    for name, left in (("2 MB of memory left", 2 << 20), ("256 KB of memory left", 256 << 10)):

        def begin(scene: Scene, left: int = left) -> Callable[[], object]:
            old = resource.getrlimit(resource.RLIMIT_AS)
            most = psutil.Process().memory_info().vms + (64 << 20)
            resource.setrlimit(resource.RLIMIT_AS, (most, old[1]))
            taken: list[bytearray] = []
            # What was freed before, in pieces of all sizes, too.
            for size in (16 << 20, 1 << 20, 128 << 10, 16 << 10):
                with contextlib.suppress(MemoryError):
                    while True:
                        taken.append(bytearray(size))
            del taken[-left // (16 << 10) :]
            if not taken:
                scene.remarks.append("nothing was taken")

            def end() -> None:
                taken.clear()
                resource.setrlimit(resource.RLIMIT_AS, old)

            return end

        _each(place, say, name, acts, begin)


def handles(place: Path, say: Say) -> None:
    """256 handles for 400 folders; then none is left at all."""
    for number in range(400):
        path = place / "photos" / f"f{number}" / f"dog_{number}.jpg"
        write(path, written(picture(2000 + number), ".jpg"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))

    def begin(_scene: Scene) -> Callable[[], object]:
        taken: list[int] = []
        try:
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
        return lambda: [os.close(handle) for handle in taken]

    acts = ("verdict", "batch", "scan", "export", "backup", "run", "import")
    _each(place, say, "no handle left", acts, begin)
    scene = Scene(place, encode=True)
    # The import has added classes, whose names the model is still to read.
    scene.session.wait_until_idle(60)
    rows = [(act, scene.attempt(act)) for act in ("verdict", "scan", "run", "import", "export")]
    count = len(scene.session.snapshot().images)
    scene.close()
    missing = lost(place, scene.digest)
    for act, told in rows:
        say("256 handles, 400 folders", act, f"{told} ({count} photos)", missing, told)


FAULTS: dict[str, Fault] = {
    "disk": disk_full,
    "locked": locked,
    "moved": moved_away,
    "read-only": read_only,
    "damaged": damaged,
    "clock": clock,
    "stopped": standing_still,
    "memory": memory,
    "handles": handles,
}


def apart(name: str, base: killed.Base, rows: list[Any]) -> None:
    """Run a fault in a process of its own, on a copy of the library."""
    place = Path(tempfile.mkdtemp(prefix=f"fault-{name}-"))
    place.chmod(0o755)
    mounted = False
    try:
        if name == "disk":
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place)],
                capture_output=True, check=False,
            )  # fmt: skip
            mounted = done.returncode == 0
            if not mounted:
                print("skipped: disk full (only root can mount a small disk)")
                return
        base.copy(place / "library of a fault")
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            _child(name, place / "library of a fault", writing)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as pipe:
            for line in pipe:
                rows.append(json.loads(line))
                print(" | ".join(rows[-1]), flush=True)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code:
            print(f"{name}: THE PROCESS ENDED WITH {code}, perhaps after {LONGEST} s")
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=False)
        shutil.rmtree(place, ignore_errors=True)


def _child(name: str, place: Path, writing: int) -> None:
    def say(*row: str) -> None:
        cells = [part.replace(str(place), "...").replace("\n", " ") for part in row]
        os.write(writing, (json.dumps(cells) + "\n").encode())

    # A process that hangs is ended, and its rows are missing.
    signal.alarm(LONGEST)
    try:
        FAULTS[name](place, say)
    except Skipped as reason:
        say(name, "", f"skipped: {reason}", "", "")
    except BaseException as error:
        say(name, "?", f"THE SCRIPT FAILED: {error!r}", "?", "?")
    finally:
        os._exit(0)


def main() -> int:
    """Returns 1 if anything acknowledged was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="of: " + ",".join(FAULTS))
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table to FILE")
    parser.add_argument("--in-clock", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if given.in_clock is not None:
        in_clock(given.in_clock)
        return 0
    home = Path(tempfile.mkdtemp(prefix="faults-"))
    os.environ["LMPT_DESKTOP_HOME"] = str(home / "home")
    rows: list[Any] = []
    try:
        base = killed.Base.make(home / "base")
        for name in given.only.split(",") if given.only else FAULTS:
            apart(name, base, rows)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if given.markdown:
        heads = ("Fault", "Act", "The user is told", "Lost", "Afterwards, without a restart")
        lines = [heads, ("---",) * 5, *rows]
        text = "".join("| " + " | ".join(line) + " |\n" for line in lines)
        given.markdown.write_text(text, encoding="utf-8")
    return int(any("ACKNOWLEDGED" in row[3] or row[3].startswith("not ") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
