"""``lmpt-desktop verify``: read every photo of a library again, without a window (no Qt)."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    DownloadColumn,
    Progress,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.soundness_texts import what_to_do, what_was_found
from lmpt_desktop.command_line import (
    LIBRARY_NAME,
    CommandFailure,
    ExitCode,
    check_output,
    existing_library,
    progress_bar,
    run_command,
    say,
)
from lmpt_desktop.domain.records import Folder
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.ingest.finding_texts import KIND_TEXTS
from lmpt_desktop.ingest.verify import LISTED, QUIET, Finding, FindingKind, FolderPart, verify
from lmpt_desktop.interchange.atomic_file import atomic_write
from lmpt_desktop.interchange.findings import write_findings
from lmpt_desktop.library_places import is_library, library_for
from lmpt_desktop.logs import start_logging
from lmpt_desktop.paths import library_dir
from trainer.printable import for_data

EPILOG = """\
Every byte of every photo is read and compared with what the library remembers, so that damage is
found that shows neither in size nor in date (a failing disk, a bad copy).  No photo is changed.
The library's own records are checked first: the file, and the annotations against their journal.
The library may be open in a window meanwhile.

output:
  CSV, one row per photo that is not as it was: path, finding, detail, photos.  Findings:
  damaged      other content under the same date, or no longer a photo
  unreadable   it could not be read, or what is in it is no photo
  gone         the file is not where it was
  unreachable  a folder on a disk that is not connected; photos says how many it has
  altered      the same picture with other metadata, under the same date
  changed      it has a new date: the next scan takes over what has changed
  online only  its content is not on this computer, and it was not read (no reason for exit code 1)
  A summary is written to stderr.

exit codes:
  0    all photos that were read are as they were
  1    some are not, or could not be read, or the library's own records are damaged
  2    wrong usage: an unknown option, or a folder that is not in the library
  3    the library has no photos there
  5    the library does not exist, or could not be opened or written
  6    the output could not be written
  130  interrupted
"""


def verify_parser() -> argparse.ArgumentParser:
    """Arguments of ``verify``."""
    parser = argparse.ArgumentParser(
        prog="lmpt-desktop verify",
        description="Read all photos of a library again and report which are not as they were.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folders",
        metavar="FOLDER",
        nargs="*",
        type=Path,
        help="only photos in these folders (default: all of the library)",
    )
    parser.add_argument(
        "--library",
        metavar="PATH",
        type=Path,
        help="library folder (default: the one that the window has made for the first FOLDER, "
        f'else the library "{LIBRARY_NAME}")',
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        default="-",
        help="a CSV file, written when all is read; - for standard output (default)",
    )
    parser.add_argument("--verbose", action="store_true", help="log everything to stderr")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``verify``; returns the exit code."""
    parsed = verify_parser().parse_args(arguments)
    start_logging(verbose=parsed.verbose)
    return run_command(
        lambda console: _verify(parsed, console), "Interrupted. The other photos were not read."
    )


def _verify(parsed: argparse.Namespace, console: Console) -> int:
    named = [_normal(path) for path in parsed.folders]
    library = _library(parsed.library, named)
    check_output(parsed.output, library)
    with Catalogue.open(library, exclusive=False) as catalogue:
        folders = catalogue.folders.all()
        parts = _parts(folders, named, library) if named else [FolderPart(f) for f in folders]
        total, total_bytes = catalogue.images.existing_size([part.folder.id for part in parts])
        if not total:
            raise CommandFailure(ExitCode.NOTHING_FOUND, f"The library {library} has no photos.")
        soundness = catalogue.check_soundness()
        counts: Counter[FindingKind] = Counter()
        whole = not any(part.below for part in parts)
        with (
            contextlib.closing(_read(catalogue, parts)) as found,
            progress_bar(
                console, DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
            ) as progress,
        ):
            progress.add_task("Reading photos", total=total_bytes if whole else None)
            _write(parsed.output, _listed(found, counts, progress))
    if not counts:
        raise CommandFailure(ExitCode.NOTHING_FOUND, "The library has no photos in these folders.")
    for sentence in summary(counts):
        say(console, sentence)
    if not soundness.sound:
        say(console, f"{what_was_found(soundness)} {what_to_do(soundness)}")
        if soundness.can_be_repaired:
            say(console, "In the window: File > Verify library > Repair.")
    fine = soundness.sound and QUIET.issuperset(counts)
    return ExitCode.OK if fine else ExitCode.PARTIAL


def _read(catalogue: Catalogue, parts: Sequence[FolderPart]) -> Generator[Finding, None, None]:
    record = not catalogue.read_only
    return verify(catalogue.images, parts, lambda: False, record=record)


def summary(counts: Counter[FindingKind]) -> Iterator[str]:
    """What was found, in sentences."""
    total, fine = counts.total(), counts[FindingKind.FINE]
    if fine == total:
        yield f"All {total:,} photos are as they were."
        return
    yield f"{fine:,} of {total:,} photos are as they were."
    for kind in FindingKind:
        if counts[kind] and kind is not FindingKind.FINE:
            text = KIND_TEXTS[kind]
            yield f"{text.title}: {counts[kind]:,}. {text.meaning} {text.advice}".rstrip()


def _library(chosen: Path | None, named: Sequence[Path]) -> Path:
    """The library to verify.

    Raises:
        CommandFailure: if there is none.
    """
    if chosen is not None:
        return existing_library(chosen)
    candidates = [library_for(place) for path in named[:1] for place in (path, *path.parents)]
    for library in (*candidates, library_dir(LIBRARY_NAME)):
        if is_library(library):
            return library
    raise CommandFailure(
        ExitCode.LIBRARY_FAILED,
        "There is no library of this folder. Name one: --library PATH."
        if named
        else "Name a folder that is in a library, or the library: --library PATH.",
    )


def _parts(folders: Sequence[Folder], named: Sequence[Path], library: Path) -> list[FolderPart]:
    """What of the library is in the named folders, each photo once."""
    chosen: dict[Folder, list[str]] = {}
    for path in named:
        found = False
        for folder in folders:
            for place in (folder.path, Path(os.path.realpath(folder.path))):
                if place.is_relative_to(path):
                    chosen.setdefault(folder, []).append("")
                elif path.is_relative_to(place):
                    chosen.setdefault(folder, []).append(path.relative_to(place).as_posix())
                else:
                    continue
                found = True
                break
        if not found:
            raise CommandFailure(
                ExitCode.USAGE, f"The folder {path} is not in the library {library}."
            )
    parts: list[FolderPart] = []
    for folder, below in chosen.items():
        kept: list[str] = []
        for part in sorted(below):
            if not any(not outer or f"{part}/".startswith(f"{outer}/") for outer in kept):
                kept.append(part)
        parts += [FolderPart(folder, part) for part in kept]
    return parts


def _normal(path: Path) -> Path:
    # It need not exist: the disk it was on may not be connected.
    return Path(os.path.normpath(path.expanduser().absolute()))


def _listed(
    found: Iterator[Finding], counts: Counter[FindingKind], progress: Progress
) -> Iterator[Finding]:
    """The findings to write; all are counted."""
    for finding in found:
        counts[finding.kind] += finding.photos
        progress.advance(progress.task_ids[0], finding.size)
        if finding.kind in LISTED:
            yield finding


def _write(output: str, findings: Iterator[Finding]) -> None:
    try:
        if output == "-":
            write_findings(findings, for_data(sys.stdout))
            sys.stdout.flush()
        else:
            with atomic_write(Path(output).absolute()) as file:
                write_findings(findings, file)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandFailure(
            ExitCode.OUTPUT_FAILED, f"{output} cannot be written: {reason_of(error)}."
        ) from error
