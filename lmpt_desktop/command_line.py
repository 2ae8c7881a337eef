"""What the subcommands without a window share: exit codes, messages, ways to end."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

from lmpt_desktop.catalogue.errors import CatalogueError
from lmpt_desktop.interchange.protected_files import is_inside, is_photo_or_side_file
from lmpt_desktop.library_places import is_library, library_for
from lmpt_desktop.paths import library_dir
from trainer.printable import one_line
from trainer.terminal import say as say_lines

STANDARD_OUTPUT = "-"
LIBRARY_NAME = "command-line"
"""Of the library that is used if none is named."""


class ExitCode(IntEnum):
    """Exit codes of all subcommands; each one's ``--help`` says which it has."""

    OK = 0
    PARTIAL = 1
    """Something was left out, or is not as it should be; it was listed."""
    USAGE = 2
    NOTHING_FOUND = 3
    MODEL_FAILED = 4
    LIBRARY_FAILED = 5
    OUTPUT_FAILED = 6
    OTHER_FILES = 7
    """All went well, but files of other kinds were left out; they were counted."""
    INTERRUPTED = 130


class CommandFailure(Exception):  # noqa: N818 (a way out of main, not an error of the code)
    """Ends the command with sentences for the user, a line each, and an exit code."""

    def __init__(self, code: ExitCode, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.code = code
        self.sentences = sentences


def run_command(work: Callable[[Console], int], interrupted: str) -> int:
    """Call ``work`` with a console on stderr; returns the exit code.

    ``interrupted`` is what is said after Ctrl+C or SIGTERM.
    """
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return work(console)
    except CommandFailure as failure:
        for sentence in failure.sentences:
            say(console, sentence)
        return failure.code
    except CatalogueError as error:
        say(console, str(error))
        return ExitCode.LIBRARY_FAILED
    except BrokenPipeError:
        # "| head" closes the pipe early; flushing what is left must not fail again.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OUTPUT_FAILED
    except KeyboardInterrupt:
        say(console, interrupted)
        return ExitCode.INTERRUPTED


def say(console: Console, text: str) -> None:
    """Print a text in one line: names of files and what is in files must not steer the terminal."""
    say_lines(console, one_line(text))


def option_pair(text: str) -> tuple[str, str]:
    """``NAME=VALUE`` of an option, for argparse."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def threshold_or_none(text: str) -> float | None:
    """A score from 0 to 1, or None for ``none``, for argparse."""
    if text == "none":
        return None
    with contextlib.suppress(ValueError):
        threshold = float(text)
        if 0 <= threshold <= 1:
            return threshold
    raise argparse.ArgumentTypeError(f"{text!r} is neither none nor a number from 0 to 1")


def check_output(output: str, library: Path | None = None) -> None:
    """Raises CommandFailure if nothing can be written there, or nothing may: over a photo, its
    side file, or a file of the library's own."""
    if output == STANDARD_OUTPUT:
        return
    path = Path(output)
    if not path.absolute().parent.is_dir():
        raise CommandFailure(
            ExitCode.USAGE, f"{output} cannot be written: its folder does not exist."
        )
    if library is None:
        return
    if is_photo_or_side_file(path):
        raise CommandFailure(
            ExitCode.OUTPUT_FAILED, f"{output} is named as a photo or its side file is."
        )
    if is_inside(path, library.expanduser()):
        raise CommandFailure(
            ExitCode.OUTPUT_FAILED, f"{output} is in the folder of the library's own files."
        )


def existing_library(chosen: Path | None) -> Path:
    """The library that is named, else the usual one of the command line.

    Raises:
        CommandFailure: if there is none.
    """
    library = (chosen or library_dir(LIBRARY_NAME)).expanduser().absolute()
    if is_library(library):
        return library
    text = f"There is no library in {library}."
    with contextlib.suppress(OSError):
        made = library_for(library)
        if is_library(made):
            text += f" The library of the photos in this folder is {made}."
    raise CommandFailure(ExitCode.LIBRARY_FAILED, text)


@contextlib.contextmanager
def progress_bar(console: Console, *columns: ProgressColumn) -> Iterator[Progress]:
    """Bars on stderr with these columns behind them; on a pipe, nothing."""
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        yield progress


def updates(progress: Progress, title: str) -> Callable[[int, int], None]:
    """Adds a bar; what is returned is called with what is done and what there is."""
    bar = progress.add_task(one_line(title), total=None)
    return lambda done, total: progress.update(bar, completed=done, total=total)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
