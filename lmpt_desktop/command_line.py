"""What the subcommands without a window share: exit codes, messages, ways to end."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from enum import IntEnum
from types import FrameType

from rich.console import Console

from lmpt_desktop.catalogue.errors import CatalogueError


class ExitCode(IntEnum):
    """Exit codes of ``tag`` and ``verify``."""

    OK = 0
    SOME_UNREADABLE = 1
    SOME_FINDINGS = 1
    USAGE = 2
    NOTHING_FOUND = 3
    MODEL_FAILED = 4
    LIBRARY_FAILED = 5
    OUTPUT_FAILED = 6
    INTERRUPTED = 130


class CommandFailure(Exception):  # noqa: N818 (a way out of main, not an error of the code)
    """Ends the command with a sentence for the user and an exit code."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def run_command(work: Callable[[Console], int], interrupted: str) -> int:
    """Call ``work`` with a console on stderr; returns the exit code.

    ``interrupted`` is what is said after Ctrl+C or SIGTERM.
    """
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return work(console)
    except CommandFailure as failure:
        say(console, str(failure))
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
    """Print a text as it is."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
