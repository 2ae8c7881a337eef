"""``lmpt-desktop import FEATURES``: take what ``lmpt-trainer encode-folder`` has made into a
library (no Qt)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.command_line import (
    LIBRARY_NAME,
    CommandFailure,
    ExitCode,
    existing_library,
    progress_bar,
    run_command,
    say,
    updates,
)
from lmpt_desktop.engine.encoding.feature_import import import_features
from lmpt_desktop.ingest import SyncPhase, SyncProgress, sync
from lmpt_desktop.logs import start_logging
from lmpt_desktop.paths import library_dir
from lmpt_desktop.settings import BACKBONE
from lmpt_desktop.translation import ngettext, number
from trainer.feature_folder import FeatureFolderError, is_whole, shard_paths

EPILOG = """\
A photo gets the feature of its picture, wherever it lay when it was encoded, and is not encoded
again. Photos that the library does not know are passed over: --photos adds their folder first. The
library may be open in a window meanwhile. Run it again after an interruption; what was imported is
kept.

exit codes:
  0    every picture was found in the library
  1    some were not; the others were imported
  2    wrong usage: no folder of features, a damaged one, or another version of the backbone
  3    none of the pictures was found in the library
  5    the library does not exist, or could not be opened or written
  130  interrupted
"""


def is_feature_folder(word: str) -> bool:
    """Whether an argument names a folder of features."""
    try:
        return bool(word) and bool(shard_paths(Path(word)))
    except (OSError, ValueError):
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    parsed = _parser().parse_args(words)
    start_logging(verbose=parsed.verbose)
    return run_command(
        lambda console: _import(parsed, console), "Interrupted. What was imported is kept."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lmpt-desktop import",
        description="Take the features of lmpt-trainer encode-folder into a library.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("features", metavar="FEATURES", nargs="+", type=Path, help="folders of features")
    add(
        "--library",
        metavar="PATH",
        type=Path,
        help=f'library folder (default: the library "{LIBRARY_NAME}")',
    )
    add(
        "--photos",
        metavar="FOLDER",
        type=Path,
        help="add this folder of photos to the library first, which is made if it does not exist; "
        "they are looked for, not encoded",
    )
    add("--verbose", action="store_true", help="log everything to stderr")
    return parser


def _import(parsed: argparse.Namespace, console: Console) -> int:
    photos: Path | None = parsed.photos
    if photos is not None and not photos.is_dir():
        raise CommandFailure(ExitCode.USAGE, f"There is no folder {photos}.")
    if photos is None:
        library = existing_library(parsed.library)
    else:
        library = (parsed.library or library_dir(LIBRARY_NAME)).expanduser().absolute()
    pictures = matched = 0
    with Catalogue.open(library) as catalogue:
        if photos is not None:
            _add(catalogue, photos, console)
        for folder in parsed.features:
            found, unmatched = _import_one(catalogue, folder, console)
            pictures += found
            matched += found - unmatched
    if not matched:
        raise CommandFailure(
            ExitCode.NOTHING_FOUND,
            f"None of the pictures was found in the library {library}. Add the folder of their "
            "photos with --photos.",
        )
    return ExitCode.OK if matched == pictures else ExitCode.PARTIAL


def _import_one(catalogue: Catalogue, folder: Path, console: Console) -> tuple[int, int]:
    """Features of the folder, and those that no photo has."""
    try:
        whole = is_whole(folder)
        with progress_bar(console, MofNCompleteColumn()) as bar:
            done = import_features(catalogue, folder, updates(bar, f"Importing {folder.name}"))
    except FeatureFolderError as error:
        raise CommandFailure(ExitCode.USAGE, str(error)) from error
    text = ngettext(
        "{folder}: {count} photo got its feature", "{folder}: {count} photos got their features",
        done.photos,
    ).format(folder=folder, count=number(done.photos))  # fmt: skip
    say(console, f"{text} by {done.backbone}; {number(done.known)} had theirs already.")
    if not whole:
        say(
            console,
            f"{folder}: encode-folder has not gone through all its photos; run it again and then "
            "this command, for the rest.",
        )
    if done.unmatched:
        say(
            console,
            f"{folder}: {number(done.unmatched)} of {number(done.pictures)} pictures are not in "
            "the library.",
        )
    in_use = _backbone_in_use(catalogue, done.backbone)
    if in_use != done.backbone:
        say(
            console,
            f"The library uses the backbone {in_use}; to use these features, choose "
            f"{done.backbone} in its preferences.",
        )
    return done.pictures, done.unmatched


def _backbone_in_use(catalogue: Catalogue, imported: str) -> str:
    """The backbone of the library; a library that has features of no other takes the imported."""
    chosen = catalogue.settings.get(BACKBONE.key)
    if chosen is None and set(catalogue.features.backbones()) <= {imported}:
        catalogue.settings.set(BACKBONE.key, imported)
        return imported
    return chosen or BACKBONE.default


def _add(catalogue: Catalogue, photos: Path, console: Console) -> None:
    with progress_bar(console, MofNCompleteColumn()) as bar:
        update = updates(bar, "Looking for photos")

        def show(progress: SyncProgress) -> None:
            if progress.phase is SyncPhase.READING:
                update(progress.done, progress.total)

        sync(catalogue, catalogue.folders.add(photos.absolute()).id, on_progress=show)
