"""``lmpt-desktop import``: take annotations of other programs into a library, without a window (no
Qt)."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import DownloadColumn

from lmpt_desktop.catalogue.disk_access import LOCK_NAME
from lmpt_desktop.catalogue.locks import ProcessLock
from lmpt_desktop.command_line import (
    CommandFailure,
    ExitCode,
    existing_library,
    progress_bar,
    run_command,
    say,
    updates,
)
from lmpt_desktop.engine.interchange.imports import ImportOutdatedError
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.headless.import_annotations.arguments import (
    MAX_NAMED,
    choices_of,
    import_parser,
    joined,
    shown,
)
from lmpt_desktop.headless.import_annotations.report import (
    MAX_LISTED,
    ImportedFile,
    Report,
    count,
    describe,
)
from lmpt_desktop.interchange import registry
from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.format import checked_options
from lmpt_desktop.interchange.importing.choices import ClassAction
from lmpt_desktop.interchange.importing.survey import ORIGINS, Survey
from lmpt_desktop.interchange.record import Origin
from lmpt_desktop.logs import start_logging
from lmpt_desktop.translation import join_names

ATTEMPTS = 5
"""An open window may change the library between looking at it and writing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``import``; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    parsed = import_parser().parse_args(joined(words))
    start_logging(verbose=parsed.verbose)
    return run_command(
        lambda console: _import(parsed, console),
        "Interrupted. The file that was being imported was not; files before it were.",
    )


def _import(parsed: argparse.Namespace, console: Console) -> int:
    report = Report(parsed)
    with report.printed():
        return _import_all(parsed, report, console)


def _import_all(parsed: argparse.Namespace, report: Report, console: Console) -> int:
    for path in parsed.files:
        try:
            there = path.exists()
        except OSError:  # longer than any name
            there = False
        if not there:
            raise CommandFailure(ExitCode.USAGE, f"There is no file {path}.")
    library = existing_library(parsed.library)
    with _opened(library) as session:
        if not len(session.snapshot().image_ids):
            raise CommandFailure(
                ExitCode.NOTHING_FOUND,
                f"The library {library} has no photos yet. Add their folder in the window, or with "
                "lmpt-desktop tag.",
            )
        surveys = [_read(path, parsed, session, console) for path in parsed.files]
        choices = choices_of(parsed, surveys, session.snapshot().classes)
        files = report.files
        for survey, choice in zip(surveys, choices, strict=True):
            try:
                files.append(ImportedFile(survey, choice, session.imports.preview(survey, choice)))
            except InterchangeError as error:
                raise CommandFailure(ExitCode.USAGE, f"{survey.path}: {error}") from error
        for item in files:
            describe(item, session, console)
        _check(files, library)
        if parsed.dry_run:
            say(console, "Nothing was written (--dry-run).")
        else:
            _apply_all(files, session, console)
    return ExitCode.PARTIAL if any(item.is_partial for item in files) else ExitCode.OK


def _opened(library: Path) -> LibrarySession:
    """The library as it is: nothing is scanned or encoded."""
    return LibrarySession.open(library, encode=False, exclusive=False, folders=[], begin=False)


# ------------------------------------------------------------------------------------ reading


def _read(
    path: Path, parsed: argparse.Namespace, session: LibrarySession, console: Console
) -> Survey:
    try:
        format_name = parsed.format or _detected(path, session, console)
        options = checked_options(dict(parsed.option), registry.named(format_name).options(path))
        with progress_bar(console, DownloadColumn()) as bar:
            return session.imports.survey(
                path, format_name, options, progress=updates(bar, f"Reading {path.name}")
            )
    except InterchangeError as error:
        raise CommandFailure(ExitCode.USAGE, str(error)) from error


def _detected(path: Path, session: LibrarySession, console: Console) -> str:
    found = session.imports.formats(path)
    if not found:
        names = ", ".join(item.name for item in registry.readable())
        raise CommandFailure(
            ExitCode.USAGE,
            f"No format recognises {path}. If you know it, give --format: {names}.",
        )
    say(console, f"{path}: {found[0].format.name}. {found[0].reason}")
    return found[0].format.name


# ----------------------------------------------------------------------------------- checking


def _check(files: Sequence[ImportedFile], library: Path) -> None:
    """Raises CommandFailure if anything is left to decide, or nothing can be imported."""
    problems = [text for item in files for text in _problems(item)]
    if problems:
        problems.append("Nothing was imported.")
        raise CommandFailure(ExitCode.USAGE, *problems)
    if not any(item.survey.references for item in files):
        names = join_names([item.name for item in files], MAX_LISTED)
        raise CommandFailure(ExitCode.NOTHING_FOUND, f"No images are named in {names}.")
    if not any(item.found for item in files):
        raise CommandFailure(
            ExitCode.NOTHING_FOUND,
            f"None of the images was found in the library {library}. Nothing was imported.",
        )


def _problems(item: ImportedFile) -> list[str]:
    """What is left to decide about a file, as sentences."""
    return [*_unknown_classes(item), *_open_values(item)]


def _unknown_classes(item: ImportedFile) -> Iterator[str]:
    names = [
        shown(row.name)
        for row in item.preview.classes
        if row.choice.action is ClassAction.UNDECIDED and row.images
    ]
    if names:
        yield (
            f"{item.name}: the library has no class {join_names(names, MAX_NAMED, quoted=True)}. "
            "Add what is missing with --add-classes, or say which class it is with --class "
            "NAME=CLASS (NAME= to ignore it)."
        )


def _open_values(item: ImportedFile) -> Iterator[str]:
    survey = item.survey
    ignored = np.array(
        [row.choice.action is ClassAction.IGNORE for row in item.preview.classes], bool
    )
    counts = ~ignored[survey.cell_classes]
    if item.choices.machine_threshold is None:
        counts &= (survey.origins != ORIGINS.index(Origin.MACHINE)) | (survey.sources >= 0)
    used = set(survey.cell_values[counts].tolist())
    names = [
        row.value
        for number, row in enumerate(item.preview.values)
        if row.verdict is None and number in used
    ]
    if names:
        yield (
            f"{item.name}: it is not certain what the value "
            f"{join_names(names, MAX_NAMED, quoted=True)} means. Say it with --map "
            f"{shlex.quote(f'{names[0]}=present')}, absent or unknown."
        )


# ------------------------------------------------------------------------------------ applying


def _apply_all(files: Sequence[ImportedFile], session: LibrarySession, console: Console) -> None:
    """Import the files, one after the other.

    Raises:
        CommandFailure: if an open window does not stop changing the library, or has removed a
            class; files before it stay imported.
    """
    outdated = ""
    for attempt in range(ATTEMPTS):
        with contextlib.ExitStack() as opened:
            current = session
            if attempt:
                # A session opened before does not see what another process has changed since.
                current = opened.enter_context(_opened(session.library_folder))
            try:
                for item in files:
                    if item.result is None:
                        _apply(item, current, console)
                return
            except ImportOutdatedError as error:
                outdated = str(error)
    raise CommandFailure(ExitCode.LIBRARY_FAILED, outdated)


def _apply(item: ImportedFile, session: LibrarySession, console: Console) -> None:
    """Import one file; what it does is looked at again, as files before it and an open window may
    have changed the library."""
    item.preview = session.imports.preview(item.survey, item.choices, item.preview)
    if problems := _problems(item):
        raise CommandFailure(ExitCode.USAGE, *problems, f"{item.name} was not imported.")
    with contextlib.ExitStack() as held:
        if item.preview.plan.new_classes:
            # An open window would keep using the classes it has read.
            held.enter_context(ProcessLock(session.library_folder / LOCK_NAME, wait_seconds=2.0))
        item.result = session.imports.apply(item.preview)
    result = item.result
    if item.preview.plan.is_empty:
        say(console, f"{item.name}: nothing to change.")
        return
    text = (
        f"{item.name}: {count(result.annotations, 'annotation')} changed on "
        f"{count(result.photos, 'photo')}"
    )
    if names := item.added:
        text += f"; new classes: {join_names(names, MAX_LISTED, quoted=True)}"
    say(console, f"{text}.")
