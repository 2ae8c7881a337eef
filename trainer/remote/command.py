"""``lmpt-trainer remote``: the courier here, and what answers it there (imports no torch)."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from trainer.cancel import CancelToken
from trainer.events import FitFailed, FitFailure, RunEvent, to_line
from trainer.job import CANCEL_NAME, EVENTS_NAME
from trainer.printable import one_line
from trainer.remote.far_side import ACTIONS, Request, run
from trainer.remote.trouble import MachineError
from trainer.usage import Usage

REMOTE = Usage(
    "train on another computer over ssh",
    """Trains a job folder of this computer on another one, which needs LMPT Desktop too ("install"
puts it there), and brings the result back. The system's ssh is used, with its configuration, keys
and agents; it must be able to connect without asking anything.

The run goes on if the connection is lost. Start the command again with the same job folder, and it
finds the run. The other actions are what this one asks of the other computer.""",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``remote``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    courier = actions.add_parser("fit", help="train a job folder on another computer")
    courier.add_argument("machine", metavar="MACHINE", help="as for ssh: user@host")
    courier.add_argument("job", type=Path, metavar="JOB", help="the job folder")
    courier.add_argument(
        "--events",
        action="store_true",
        help="for programs: write events as JSON lines to stdout, and obey a Stop line on stdin",
    )
    check = actions.add_parser("check", help="say what is found on another computer")
    check.add_argument("machine", metavar="MACHINE", help="as for ssh: user@host")
    install = actions.add_parser("install", help="install this program on another computer")
    install.add_argument("machine", metavar="MACHINE", help="as for ssh: user@host")
    actions.add_parser("probe", help="what the other computer answers to check")
    encode = actions.add_parser("encode", help="what the other computer answers to encode")
    encode.add_argument("--backbone", required=True)
    for name in ACTIONS:
        action = actions.add_parser(name, help="what the other computer answers to fit")
        action.add_argument("id", metavar="ID")
        action.add_argument("--skip", type=int, default=0, metavar="N")


def run_remote(arguments: argparse.Namespace, fit: Fit) -> int:
    """Run an action of ``remote`` and return the exit code; ``fit`` shows a run as it goes."""
    if arguments.action == "fit":
        return fit(arguments)
    if arguments.action == "install":
        return _install(arguments.machine)
    if arguments.action == "check":
        from trainer.remote.machine import SshMachine  # noqa: PLC0415
        from trainer.remote.report import report  # noqa: PLC0415

        found = SshMachine(arguments.machine).probe()
        sys.stdout.write(report(found))
        return 1 if found.trouble is not None else 0
    with _claimed() as (stdin, stdout):
        job_id, skip = getattr(arguments, "id", ""), getattr(arguments, "skip", 0)
        backbone = getattr(arguments, "backbone", "")
        code = run(Request(arguments.action, job_id, skip, backbone), stdin, stdout)
        if arguments.action == "encode":
            # Native threads abort the process when Python shuts them down one by one.
            os._exit(code)
        return code


Fit = Callable[[argparse.Namespace], int]


def _install(name: str) -> int:
    """Install there, and say what goes on; returns the exit code."""
    from trainer.remote.install import INSTALLED, Installation, Step  # noqa: PLC0415
    from trainer.remote.machine import SshMachine  # noqa: PLC0415

    def say(step: Step, detail: str) -> None:
        sys.stdout.write(f"{detail or step.sentence}\n")
        sys.stdout.flush()

    try:
        installation = Installation(SshMachine(name), say)
        try:
            installation.run()
        except KeyboardInterrupt:
            installation.cancel()
            raise
    except MachineError as error:
        sys.stderr.write(f"{error.trouble.sentence}\n")
        if error.detail:
            sys.stderr.write(f"{one_line(error.detail)}\n")
        return 1
    sys.stdout.write(f"{INSTALLED}\n")
    return 0


def carry(
    folder: Path, machine: str, emit: Callable[[RunEvent], None], cancel: CancelToken
) -> RunEvent:
    """Have the job in ``folder`` trained on ``machine``; as :func:`trainer.fit.fit`."""
    from trainer.remote.courier import Courier  # noqa: PLC0415
    from trainer.remote.machine import SshMachine  # noqa: PLC0415

    try:
        courier = Courier(folder, SshMachine(machine), emit, cancel)
    except MachineError as error:
        outcome = FitFailed(FitFailure.ERROR, error.trouble.sentence)
        emit(outcome)
        return outcome
    return courier.run()


def carry_with_events(folder: Path, machine: str, stream: IO[str]) -> RunEvent:
    """The same for a program that reads events from ``stream`` or the file that it is."""
    if _is_cut_off(folder / EVENTS_NAME):
        stream.write("\n")

    def emit(event: RunEvent) -> None:
        stream.write(to_line(event))
        stream.flush()

    cancel = CancelToken(folder / CANCEL_NAME, read_stdin=True)
    outcome = carry(folder, machine, emit, cancel)
    cancel.close()
    return outcome


def _is_cut_off(path: Path) -> bool:
    """Whether the process before this one was killed within a line."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"
    return False


@contextlib.contextmanager
def _claimed() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Stdin and stdout for the connection alone: what libraries print goes to stderr."""
    stdin = os.fdopen(os.dup(0), "rb")
    stdout = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    with stdin, stdout:
        yield stdin, stdout
