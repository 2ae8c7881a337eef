"""The command line: the window, or the subcommands without one."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lmpt_desktop.logs import start_logging

DESCRIPTION = """\
Tag photo libraries with many classes, rare ones included: predict, correct, retrain.

Without a subcommand the window opens, with the given folders added to the library.
With "--help" each subcommand explains itself:

  lmpt-desktop tag     tag photos without a window
  lmpt-desktop search  find photos by words among those that lmpt-trainer encode-folder has
                       encoded
  lmpt-desktop verify  check that no photo has been damaged
  lmpt-desktop import  take annotations from a file of another program, or features from
                       a folder that lmpt-trainer encode-folder has made
  lmpt-desktop export  write annotations to a file of another program
  lmpt-desktop merge   take over the annotations of another library
"""


def app_version() -> str:
    """The installed version, "unknown" when run from a bare checkout."""
    try:
        return version("lmpt-desktop")
    except PackageNotFoundError:
        return "unknown"


def window_parser() -> argparse.ArgumentParser:
    """Arguments of the window."""
    parser = argparse.ArgumentParser(
        prog="lmpt-desktop",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folders", metavar="FOLDER", nargs="*", type=Path, help="folders or photos to open"
    )
    parser.add_argument(
        "--library", metavar="PATH", type=Path, help="library folder (default: the last one used)"
    )
    parser.add_argument("--verbose", action="store_true", help="log everything to stderr")
    parser.add_argument("--version", action="version", version=f"%(prog)s {app_version()}")
    return parser


def _subcommand(words: Sequence[str]) -> Callable[[Sequence[str]], int] | None:
    """What runs the subcommand that is named first; None if none is."""
    # Each imports what it needs, and nothing of the others.
    match words[:1]:
        case ["tag"]:
            from lmpt_desktop.headless.tag import main as found  # noqa: PLC0415
        case ["search"]:
            from lmpt_desktop.headless.search import main as found  # noqa: PLC0415
        case ["verify"]:
            from lmpt_desktop.headless.verify import main as found  # noqa: PLC0415
        case ["import"]:
            from lmpt_desktop.headless import import_features  # noqa: PLC0415

            if any(map(import_features.is_feature_folder, words[1:])):
                return import_features.main
            from lmpt_desktop.headless.import_annotations.command import (  # noqa: PLC0415
                main as found,
            )
        case ["export"]:
            from lmpt_desktop.headless.export_annotations import main as found  # noqa: PLC0415
        case ["merge"]:
            from lmpt_desktop.headless.merge import main as found  # noqa: PLC0415
        case _:
            return None
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the app; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    subcommand = _subcommand(words)
    if subcommand is not None:
        return subcommand(words[1:])
    return _open_window(words)


def window_main() -> int:
    """The window, started without a console: ``lmpt-desktop-gui`` of a wheel.

    On Windows such a program has neither stdout nor stderr.  Libraries that write there anyway must
    not fail; the log file has what matters.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Kept open until the process ends.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    return _open_window(sys.argv[1:])


def _open_window(words: list[str]) -> int:
    parsed = window_parser().parse_args(words)
    start_logging(verbose=parsed.verbose)
    # Qt is imported only now: the subcommands, --help and --version must not need it.
    # Imports create no garbage, and collecting takes a twelfth of the time.  The window's own
    # collector takes over (lmpt_desktop/ui/window/garbage_collection.py).
    gc.disable()
    from lmpt_desktop import app  # noqa: PLC0415

    return app.run(parsed)


if __name__ == "__main__":
    sys.exit(main())
