"""``lmpt-desktop search``: photos of a folder of features by words, without a library (no Qt)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
from rich.console import Console

from lmpt_desktop.command_line import (
    STANDARD_OUTPUT,
    CommandFailure,
    ExitCode,
    check_output,
    progress_bar,
    run_command,
    say,
)
from lmpt_desktop.engine.encoding.encoder import EncoderError
from lmpt_desktop.engine.feature_search import FeatureSearch, FoundPhoto
from lmpt_desktop.engine.feature_tags import encode_texts, encoded_with
from lmpt_desktop.engine.search import SearchQuery
from lmpt_desktop.engine.session import Commands
from lmpt_desktop.error_texts import reason_of
from lmpt_desktop.interchange.atomic_file import atomic_write
from lmpt_desktop.interchange.csv_rows import CsvRows
from lmpt_desktop.logs import start_logging
from trainer.feature_folder import FeatureFolderError, is_whole
from trainer.printable import for_data

COUNT = 100
COLUMNS = ("text", "path", "similarity")

EPILOG = """\
output:
  CSV with a row for each text and photo: text, path, similarity (cosine, -1 to 1), the most similar
  first.  Every photo is similar to some degree.  Files with the same picture have a row each.

Every feature is compared, so the answer is exact; several texts are answered in one pass.

exit codes:
  0    all photos were searched
  1    encode-folder has not gone through all its photos; the others were searched
  2    wrong usage: no folder of features, a damaged one, or another version of the backbone
  3    no photo has a feature
  4    the model could not be loaded or stopped; nothing was written
  6    the output could not be written
  130  interrupted
"""


def search_parser() -> argparse.ArgumentParser:
    """Arguments of ``search``."""
    parser = argparse.ArgumentParser(
        prog="lmpt-desktop search",
        description="Find photos that lmpt-trainer encode-folder has encoded, by words.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("features", metavar="FEATURES", type=Path, help="folder of features")
    add("texts", metavar="TEXT", nargs="+", help='what to look for: "a red bicycle"')
    add(
        "--count",
        metavar="N",
        type=_count,
        default=COUNT,
        help=f"photos for each text (default: {COUNT})",
    )
    add("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="default: auto")
    add(
        "-o",
        "--output",
        metavar="OUT",
        default=STANDARD_OUTPUT,
        help="a CSV file; - for standard output (default)",
    )
    add("--verbose", action="store_true", help="log everything to stderr")
    return parser


def main(arguments: Sequence[str] | None = None, commands: Commands | None = None) -> int:
    """Run ``search``; returns the exit code.  ``commands``: other trainer programs, for tests."""
    parsed = search_parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    start_logging(verbose=parsed.verbose)
    return run_command(
        lambda console: _search(parsed, console, commands or Commands()), "Interrupted."
    )


def _count(text: str) -> int:
    if text.isdecimal() and (count := int(text)):
        return count
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")


def _search(parsed: argparse.Namespace, console: Console, commands: Commands) -> int:
    folder: Path = parsed.features
    queries = dict.fromkeys(filter(None, map(SearchQuery.words, parsed.texts)))
    texts = [query.text for query in queries]
    if not texts:
        raise CommandFailure(ExitCode.USAGE, "Say what to look for.")
    check_output(parsed.output, folder)
    try:
        made_with = encoded_with(folder)
        search = FeatureSearch(folder)
        if not search.count:
            raise CommandFailure(ExitCode.NOTHING_FOUND, f"No photo in {folder} has a feature.")
        whole = is_whole(folder)
        with progress_bar(console) as progress:
            bar = progress.add_task("Reading what to look for", total=None)
            read = encode_texts(texts, made_with, parsed.device, commands.encode, ensemble=False)
            total = search.count * search.passes(len(texts))
            progress.update(bar, description="Searching", total=total)
            found = search.nearest(
                np.stack([read[text] for text in texts]),
                parsed.count,
                lambda compared: progress.update(bar, completed=compared),
            )
    except FeatureFolderError as error:
        raise CommandFailure(ExitCode.USAGE, str(error)) from error
    except EncoderError as error:
        raise CommandFailure(ExitCode.MODEL_FAILED, str(error)) from error
    _write(parsed.output, dict(zip(texts, found, strict=True)))
    if whole:
        return ExitCode.OK
    say(
        console,
        f"{folder}: encode-folder has not gone through all its photos; run it again and then "
        "this command, for the rest.",
    )
    return ExitCode.PARTIAL


def _write(output: str, found: dict[str, list[FoundPhoto]]) -> None:
    try:
        if output == STANDARD_OUTPUT:
            _rows(found, for_data(sys.stdout))
            sys.stdout.flush()
        else:
            with atomic_write(Path(output).absolute()) as file:
                _rows(found, file)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandFailure(
            ExitCode.OUTPUT_FAILED, f"{output} cannot be written: {reason_of(error)}."
        ) from error


def _rows(found: dict[str, list[FoundPhoto]], file: TextIO) -> None:
    table = CsvRows(file, COLUMNS)
    for text, photos in found.items():
        for photo in photos:
            table.write(text, photo.path, photo.similarity)
