"""``lmpt-desktop export``: write the annotations of a library to a file, without a window (no
Qt)."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import TimeRemainingColumn

from lmpt_desktop.catalogue.classes import name_key
from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.command_line import (
    LIBRARY_NAME,
    STANDARD_OUTPUT,
    CommandFailure,
    ExitCode,
    check_output,
    existing_library,
    option_pair,
    progress_bar,
    run_command,
    say,
    threshold_or_none,
    updates,
)
from lmpt_desktop.domain.records import ClassEntry
from lmpt_desktop.engine.interchange.exports import ExportChoices, ExportPreview, ExportResult
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.inference.vocabularies import built_in_vocabulary
from lmpt_desktop.interchange.class_lists import ClassListError, read_class_list
from lmpt_desktop.interchange.errors import InterchangeError, OutputExists
from lmpt_desktop.interchange.exporting.library_records import OWN_THRESHOLDS, Predictions
from lmpt_desktop.interchange.exporting.loss_texts import LOSS_TITLES
from lmpt_desktop.interchange.format import Format, Target, checked_options
from lmpt_desktop.interchange.formats.tables.exiftool import command_for
from lmpt_desktop.interchange.formats.tables.formats import EXIFTOOL_CSV
from lmpt_desktop.interchange.formats.xmp import NAMING
from lmpt_desktop.interchange.registry import named, writable
from lmpt_desktop.interchange.xmp.side_files import NAMINGS
from lmpt_desktop.logs import start_logging
from lmpt_desktop.translation import join_names
from trainer.printable import for_data
from trainer.temporary_files import sweep, temporary_folder

WRITING = "Writing and checking"

EPILOG = """\
Nothing but what a person said is written as if a person had said it: predictions are left out,
unless --predictions asks for them and the format can tell them from annotations.  What the format
cannot hold is counted on stderr.  The file is read back before it takes its place.  Of a format
that is written beside the photos, what other programs wrote stays, and what cannot be written is
listed.

formats:
{formats}

exit codes:
  0    everything that the format can hold was written
  1    the file, read back, is not what it should be, or some side files could not be written
       (listed on stderr)
  2    wrong usage: an unknown option, format or class
  3    the library has no photos to export
  5    the library does not exist, or could not be opened
  6    the output could not be written, or exists already (--replace)
  130  interrupted; no file was written (side files that were written so far stay)
"""


def export_parser() -> argparse.ArgumentParser:
    """Arguments of ``export``."""
    parser = argparse.ArgumentParser(
        prog="lmpt-desktop export",
        description="Write the annotations of a library to a file of another program.",
        epilog=EPILOG.format(formats=_formats_text()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--library",
        metavar="PATH",
        type=Path,
        help=f'library folder (default: the library "{LIBRARY_NAME}")',
    )
    parser.add_argument("--format", metavar="NAME", required=True, help="one of those below")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="the file, or, as the format has it, the new folder; - for standard output",
    )
    parser.add_argument(
        "--scope",
        choices=["all", "reviewed"],
        default="all",
        help="all photos (default), or those that are marked reviewed",
    )
    parser.add_argument(
        "--predictions",
        metavar="none|THRESHOLD",
        type=predictions,
        default=None,
        help="none (default), those with a score from 0 to 1 on, or "
        f"{OWN_THRESHOLDS}: from each class's own threshold on",
    )
    parser.add_argument(
        "--vocabulary",
        metavar="NAMES|FILE",
        action="append",
        help="only these classes: names separated by commas, or a class list; may be repeated",
    )
    parser.add_argument(
        "--paths",
        choices=["relative", "absolute"],
        default="relative",
        help="paths relative to the library's folders (default), or absolute",
    )
    parser.add_argument(
        "--option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=option_pair,
        help="of the format; may be repeated",
    )
    parser.add_argument("--replace", action="store_true", help="replace OUT if it exists")
    parser.add_argument(
        "--json", action="store_true", help="a summary as one JSON object on standard output"
    )
    parser.add_argument("--verbose", action="store_true", help="log everything to stderr")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``export``; returns the exit code."""
    parsed = export_parser().parse_args(arguments)
    start_logging(verbose=parsed.verbose)
    return run_command(
        lambda console: _export(parsed, console),
        "Interrupted. No file was written; side files written so far stay.",
    )


def _formats_text() -> str:
    """What there is, and what each cannot hold."""
    lines: list[str] = []
    for item in writable():
        lost = ", ".join(LOSS_TITLES[loss] for loss in item.cannot_hold)
        place = "" if item.target is Target.FILE else f" ({item.target.value.replace('-', ' ')})"
        text = f"{item.title}{place}: loses {lost or 'nothing'}"
        lines += textwrap.wrap(
            text, 98, initial_indent=f"  {item.name:<14}", subsequent_indent=" " * 16
        )
        lines += [
            f"{'':16}--option {option.name}="
            + ("|".join(choice.value for choice in option.choices) or option.kind.value.upper())
            for option in item.write_options
        ]
    return "\n".join(lines)


def predictions(text: str) -> Predictions:
    """The value of ``--predictions``, for argparse."""
    if text == OWN_THRESHOLDS:
        return OWN_THRESHOLDS
    try:
        return threshold_or_none(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not none, {OWN_THRESHOLDS} or a number from 0 to 1"
        ) from None


def _export(parsed: argparse.Namespace, console: Console) -> int:
    try:
        return _export_all(parsed, console)
    except (CommandFailure, CatalogueError) as error:
        if parsed.json and parsed.output != STANDARD_OUTPUT:
            _print_json({"error": str(error)})
        raise


def _export_all(parsed: argparse.Namespace, console: Console) -> int:
    try:
        format_ = named(parsed.format)
        checked_options(dict(parsed.option), format_.write_options)
    except InterchangeError as error:
        raise CommandFailure(ExitCode.USAGE, str(error)) from error
    _check_output(parsed, format_)
    library = existing_library(parsed.library)
    predicts = parsed.predictions is not None
    # Only what is known is exported: nothing is scanned or encoded.
    with LibrarySession.open(
        library, encode=False, exclusive=False, folders=[], begin=predicts
    ) as session:
        if predicts:
            session.wait_until_idle()
        choices = ExportChoices(
            format_.name,
            reviewed_only=parsed.scope == "reviewed",
            predictions=parsed.predictions,
            absolute_paths=parsed.paths == "absolute",
            options=dict(parsed.option),
            class_ids=_class_ids(parsed.vocabulary, session, console),
        )
        preview = session.exports.preview(choices)
        if not preview.counts.photos:
            raise CommandFailure(
                ExitCode.NOTHING_FOUND,
                f"The library {library} has no photos"
                + (" that are marked reviewed." if choices.reviewed_only else "."),
            )
        for sentence in _sentences(preview):
            say(console, sentence)
        if format_.target is Target.BESIDE_PHOTOS:
            return _write_side_files(session, choices, parsed, console)
        result = _write(session, choices, format_, parsed, console)
        folders = [folder.path for folder in session.catalogue.folders.all()]
    commands: list[str] = []
    if format_.name == EXIFTOOL_CSV.name and parsed.output != STANDARD_OUTPUT:
        commands = [command_for(Path(parsed.output).absolute(), folder) for folder in folders]
    for difference in result.differences:
        say(
            console, f"{difference.path}: {difference.text}" if difference.path else difference.text
        )
    for command in commands:
        say(console, f"To write the keywords into the photos: {command}")
    if parsed.json:
        _print_json(_summary(parsed, preview, result) | {"commands": commands})
    return ExitCode.PARTIAL if result.differences else ExitCode.OK


def _check_output(parsed: argparse.Namespace, format_: Format) -> None:
    """Raises CommandFailure if the output cannot be what is asked for."""
    if not format_.is_writable:
        names = ", ".join(item.name for item in writable())
        raise CommandFailure(
            ExitCode.USAGE, f"{format_.name} can only be imported. There are: {names}."
        )
    if format_.target is Target.BESIDE_PHOTOS:
        if parsed.output is not None or parsed.vocabulary is not None:
            raise CommandFailure(
                ExitCode.USAGE,
                f"{format_.name} is written beside the photos, with all classes: leave out -o and "
                "--vocabulary.",
            )
        return
    if parsed.output is None:
        raise CommandFailure(ExitCode.USAGE, "Say where to write: -o OUT.")
    if parsed.output == STANDARD_OUTPUT:
        if format_.target is not Target.FILE:
            raise CommandFailure(
                ExitCode.USAGE, f"{format_.name} is a folder, not one file: name it with -o."
            )
        if parsed.json:
            raise CommandFailure(
                ExitCode.USAGE, "Standard output is either the file or the summary (--json)."
            )
    check_output(parsed.output)


def _class_ids(
    requested: Sequence[str] | None, session: LibrarySession, console: Console
) -> NDArray[np.int64] | None:
    """The classes of ``--vocabulary``; None for all."""
    if requested is None:
        return None
    entries = session.snapshot().classes
    by_name: dict[str, ClassEntry] = {}
    for entry in entries:
        for alias in entry.aliases:
            by_name.setdefault(name_key(alias), entry)
    by_name |= {name_key(entry.name): entry for entry in entries}
    found: set[int] = set()
    for text in requested:
        found |= _classes_named(text, by_name, console)
    return np.array(sorted(found), np.int64)


def _classes_named(text: str, by_name: Mapping[str, ClassEntry], console: Console) -> set[int]:
    """Ids of the classes that one ``--vocabulary`` names."""
    if (entry := by_name.get(name_key(text))) is not None:
        return {entry.id}
    listed = _listed(text)
    names = text.split(",") if listed is None else listed
    lacking = [name.strip() for name in names if name_key(name) not in by_name]
    if lacking and (listed is None or len(lacking) == len(names)):
        raise CommandFailure(
            ExitCode.USAGE, f"The library has no class {join_names(lacking, 5, quoted=True)}."
        )
    if lacking:
        say(console, f"The library has no class {join_names(lacking, 5, quoted=True)}.")
    return {by_name[name_key(name)].id for name in names if name_key(name) in by_name}


def _listed(text: str) -> list[str] | None:
    """Names in a class list or a built-in vocabulary; None if ``text`` is neither."""
    path = Path(text).expanduser()
    if not path.is_file():
        with contextlib.suppress(KeyError):
            return [spec.name for spec in built_in_vocabulary(text)]
        return None
    try:
        return [spec.name for spec in read_class_list(path)]
    except ClassListError as error:
        raise CommandFailure(ExitCode.USAGE, str(error)) from error


def _sentences(preview: ExportPreview) -> Iterator[str]:
    yield from preview.sentences
    if preview.without_scores:
        yield (
            f"Photos without predictions, since the model has not read them: "
            f"{preview.without_scores:,}."
        )


def _write(
    session: LibrarySession,
    choices: ExportChoices,
    format_: Format,
    parsed: argparse.Namespace,
    console: Console,
) -> ExportResult:
    try:
        if parsed.output != STANDARD_OUTPUT:
            with progress_bar(console, TimeRemainingColumn()) as bar:
                return session.exports.write(
                    choices,
                    Path(parsed.output),
                    replace=parsed.replace,
                    progress=updates(bar, WRITING),
                )
        place = Path(tempfile.gettempdir())
        sweep(place)
        with temporary_folder(place, "export") as folder:
            made = folder / f"export{(*format_.suffixes, '')[0]}"
            with progress_bar(console, TimeRemainingColumn()) as bar:
                result = session.exports.write(choices, made, progress=updates(bar, WRITING))
            if sys.stdout.isatty():
                for_data(sys.stdout).write(made.read_text("utf-8", "replace"))
                return result
            with made.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.buffer.flush()
            return result
    except BrokenPipeError:
        raise
    except OutputExists as error:
        hint = " With --replace it is replaced." if error.replaceable else ""
        raise CommandFailure(ExitCode.OUTPUT_FAILED, f"{error}{hint}") from error
    except InterchangeError as error:
        raise CommandFailure(ExitCode.OUTPUT_FAILED, str(error)) from error
    except OSError as error:
        raise CommandFailure(
            ExitCode.OUTPUT_FAILED, f"{parsed.output} cannot be written: {reason_of(error)}."
        ) from error


def _write_side_files(
    session: LibrarySession,
    choices: ExportChoices,
    parsed: argparse.Namespace,
    console: Console,
) -> int:
    """Write beside the photos; what cannot be written is listed, and the rest goes on."""
    snapshot = session.snapshot()
    reviewed = snapshot.image_ids[snapshot.reviewed] if choices.reviewed_only else None
    naming = choices.options.get(NAMING, NAMINGS[0].naming)
    with progress_bar(console, TimeRemainingColumn()) as bar:
        progress = updates(bar, WRITING)
        planned = session.side_files.preview(reviewed, naming, progress=progress)
        report = session.side_files.write(planned, progress=progress)
    for photo, reason in report.skipped:
        say(console, f"{photo}: {reason}")
    if report.copied:
        say(
            console,
            f"Copies of {report.copied:,} side files of other programs, as they were: "
            f"{report.copies}",
        )
    if parsed.json:
        _print_json(
            {
                "format": parsed.format,
                "written": report.written,
                "deleted": report.deleted,
                "same": report.same,
                "skipped": [
                    {"path": str(photo), "text": reason} for photo, reason in report.skipped
                ],
                "copied": report.copied,
            }
        )
    return ExitCode.PARTIAL if report.skipped else ExitCode.OK


def _print_json(body: dict[str, Any]) -> None:
    # ASCII: a file name that is not Unicode has lone surrogates.
    json.dump(body, sys.stdout, ensure_ascii=True)
    sys.stdout.write("\n")


def _summary(
    parsed: argparse.Namespace, preview: ExportPreview, result: ExportResult
) -> dict[str, Any]:
    counts = preview.counts
    return {
        "format": parsed.format,
        "out": parsed.output,
        "photos": result.photos,
        "present": counts.present,
        "absent": counts.absent,
        "predictions": counts.predictions,
        "without_scores": preview.without_scores,
        "losses": [
            {"loss": item.loss.value, "count": item.count, "text": text}
            for item, text in zip(counts.losses, preview.sentences, strict=True)
        ],
        "differences": [{"path": item.path, "text": item.text} for item in result.differences],
    }
