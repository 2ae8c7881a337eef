"""``lmpt-desktop merge``: take another library's annotations, without a window (no Qt)."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from lmpt_desktop.catalogue.another_library import AnotherLibrary, AnotherLibraryError
from lmpt_desktop.catalogue.disk_access import LOCK_NAME
from lmpt_desktop.catalogue.locks import ProcessLock
from lmpt_desktop.command_line import (
    CommandFailure,
    ExitCode,
    check_output,
    existing_library,
    progress_bar,
    run_command,
    say,
    updates,
)
from lmpt_desktop.engine.interchange.imports import ImportOutdatedError
from lmpt_desktop.engine.interchange.library_merges import MergeResult
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.inference.agreement import totals
from lmpt_desktop.interchange.agreement_table import write_agreement
from lmpt_desktop.interchange.atomic_file import atomic_write
from lmpt_desktop.interchange.importing.merging import MergeChoices, MergePreview, OnConflict
from lmpt_desktop.logs import start_logging
from lmpt_desktop.translation import join_names

ATTEMPTS = 5
"""An open window may change the library between looking at it and writing."""

EPILOG = """\
The other library is only read, and must not be open.  Photos are found by their picture, wherever
they lie and whatever they are called; classes by name.  What this library has no verdict on is
added, and undone in one step (in the window: Edit > Undo).  Where both say the opposite, this
library's verdict stays, unless --conflicts says otherwise.  See docs/merging.md.

exit codes:
  0    merged, or there was nothing new
  1    merged but for classes that this library lacks (see --add-classes)
  2    wrong usage, or the other library cannot be merged; nothing was changed
  3    the libraries have no picture in common
  5    the library does not exist, could not be opened or written, or is open in a window and would
       get new classes
  6    the table could not be written; nothing was changed
  130  interrupted; nothing was changed
"""


def merge_parser() -> argparse.ArgumentParser:
    """Arguments of ``merge``."""
    parser = argparse.ArgumentParser(
        prog="lmpt-desktop merge",
        description="Take over the annotations of another library, picture by picture.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "other",
        metavar="OTHER",
        type=Path,
        help="the other library's folder, its catalogue.sqlite, or a copy of that",
    )
    parser.add_argument(
        "--library", metavar="MINE", type=Path, help="the library that gets the annotations"
    )
    parser.add_argument(
        "--conflicts",
        choices=[choice.value for choice in OnConflict],
        default=OnConflict.MINE.value,
        help="where both say the opposite: keep mine (default), take theirs, or keep mine and ask "
        "later, in the review queue Conflicts",
    )
    parser.add_argument(
        "--add-classes", action="store_true", help="add classes that the library lacks"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would happen, and write nothing"
    )
    parser.add_argument(
        "--agreement",
        metavar="FILE.csv",
        type=Path,
        help="write how far the libraries agree about each class: photos that both have judged, "
        "agreement, Cohen's kappa",
    )
    parser.add_argument("--verbose", action="store_true", help="log everything to stderr")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``merge``; returns the exit code."""
    parsed = merge_parser().parse_args(arguments)
    start_logging(verbose=parsed.verbose)
    return run_command(lambda console: _merge(parsed, console), "Interrupted. Nothing was changed.")


def _merge(parsed: argparse.Namespace, console: Console) -> int:
    library = existing_library(parsed.library)
    if parsed.agreement is not None:
        check_output(str(parsed.agreement), library)
    choices = MergeChoices(parsed.add_classes, OnConflict(parsed.conflicts))
    with _opened(library) as session:
        other = _read(parsed.other, session, console)
        if not len(other.image_ids):
            raise CommandFailure(ExitCode.NOTHING_FOUND, *_nothing_in_common(other, library))
        preview = session.merges.preview(other, choices)
        for sentence in summary(preview):
            say(console, sentence)
        if parsed.agreement is not None:
            _write_table(parsed.agreement, preview)
        if preview.changes_nothing:
            say(console, f"Nothing new: the library has all that {other.name} says.")
        elif parsed.dry_run:
            say(console, "Nothing was written (--dry-run).")
        else:
            say(console, _done(_apply(preview, session)))
    return ExitCode.PARTIAL if preview.lacking else ExitCode.OK


def _opened(library: Path) -> LibrarySession:
    """The library as it is: nothing is scanned or encoded."""
    return LibrarySession.open(library, encode=False, exclusive=False, folders=[], begin=False)


def _read(path: Path, session: LibrarySession, console: Console) -> AnotherLibrary:
    try:
        with progress_bar(console) as bar:
            return session.merges.read(
                path.expanduser(), progress=updates(bar, f"Reading {path.name}")
            )
    except AnotherLibraryError as error:
        raise CommandFailure(ExitCode.USAGE, str(error)) from error


def _nothing_in_common(other: AnotherLibrary, library: Path) -> Iterator[str]:
    yield f"{other.name} and the library {library} have no picture in common. Nothing was merged."
    if other.unread:
        yield (
            f"{other.unread:,} photos of {other.name} have not been read by this version yet. Open "
            "that library in a window, and merge when its photos have been read."
        )


def summary(preview: MergePreview) -> Iterator[str]:
    """What a merge would do, in sentences."""
    other = preview.other
    yield f"{other.name}: {preview.photos:,} photos are in both libraries, of {other.photos:,}."
    yield (
        f"{preview.new:,} annotations are new, {preview.equal:,} are equal, "
        f"{preview.conflicting:,} in conflict."
    )
    both, equal = totals(preview.agreement)
    if both:
        yield f"{both:,} annotations are in both by people; {equal / both:.1%} of them agree."
    if preview.lacking:
        names = join_names([*preview.lacking], quoted=True)
        yield f"Left out, because the library has no such class (see --add-classes): {names}."
    if preview.contradictory:
        yield (
            f"{preview.contradictory:,} annotations are left out: copies of a photo contradict "
            "each other there."
        )
    if preview.machine_left_out:
        yield (
            f"{preview.machine_left_out:,} annotations are left out: a machine contradicts this "
            "library there."
        )
    if other.left_out:
        yield f"{other.left_out:,} entries of its catalogue are damaged and were left out."
    if other.unread:
        yield f"{other.unread:,} of its photos have not been read yet, so they are not found."


def _apply(preview: MergePreview, session: LibrarySession) -> MergeResult:
    """Merge; what it does is looked at again where an open window has changed the library.

    Raises:
        CommandFailure: if that window does not stop changing it.
    """
    outdated = ""
    for attempt in range(ATTEMPTS):
        with contextlib.ExitStack() as held:
            current = session
            if attempt:
                # A session opened before does not see what another process has changed since.
                current = held.enter_context(_opened(session.library_folder))
                preview = current.merges.preview(preview.other, preview.choices)
            if preview.plan.new_classes:
                # An open window would keep using the classes it has read.
                lock = session.library_folder / LOCK_NAME
                held.enter_context(ProcessLock(lock, wait_seconds=2.0))
            try:
                return current.merges.apply(preview)
            except ImportOutdatedError as error:
                outdated = str(error)
    raise CommandFailure(ExitCode.LIBRARY_FAILED, outdated)


def _done(result: MergeResult) -> str:
    imported = result.imported
    text = f"{imported.annotations:,} annotations changed on {imported.photos:,} photos"
    if imported.classes is not None:
        names = join_names([entry.name for entry in imported.classes.after], quoted=True)
        text += f"; new classes: {names}"
    if result.questions:
        text += f"; {result.questions:,} conflicts wait in review (Conflicts)"
    return f"{text}."


def _write_table(path: Path, preview: MergePreview) -> None:
    try:
        with atomic_write(path.absolute()) as file:
            write_agreement(preview.agreement, file)
    except OSError as error:
        raise CommandFailure(
            ExitCode.OUTPUT_FAILED, f"{path} cannot be written: {reason_of(error)}."
        ) from error
