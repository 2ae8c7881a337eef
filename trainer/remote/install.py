"""Installs this program on another computer (imports no torch).

A wheel of it is made of its own files (:mod:`trainer.remote.own_wheel`) and goes there with the
program that installs it (:mod:`trainer.remote.install_there`); what it needs, pip downloads there.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from trainer.events import FarInstalled, FarInstalling
from trainer.printable import one_line
from trainer.remote import PROTOCOL, install_there, own_wheel
from trainer.remote.machine import Found, SshMachine
from trainer.remote.own_wheel import NoWheelError
from trainer.remote.trouble import MachineError, Trouble
from trainer.texts import N_

NEEDED_BYTES = 10_000_000_000
"""Free there before it begins.  PyPI's torch for Linux takes 6 GB, with CUDA, and 3 GB more while
it is downloaded; on macOS it takes less, and most have that."""
_BLOCK = 1 << 18


def can_install(found: Found) -> bool:
    """Whether an installation may mend what was found."""
    return found.trouble is Trouble.TOO_OLD or (
        found.trouble is Trouble.NO_TRAINER and bool(found.python)
    )


class Step(StrEnum):
    """Of an installation."""

    SENDING = "sending"
    ENVIRONMENT = "environment"
    PACKAGES = "packages"

    @property
    def sentence(self) -> str:
        """For the user, marked for translation."""
        return _SENTENCES[self]


_SENTENCES = {
    Step.SENDING: N_("Sending the program..."),
    Step.ENVIRONMENT: N_("Making a virtual environment..."),
    Step.PACKAGES: N_("Downloading and installing what it needs, which may take some minutes..."),
}
INSTALLED = N_("LMPT Desktop is installed there.")


class InstallationCancelled(Exception):  # noqa: N818 (no error)
    """It was cancelled; nothing of a new environment is left there."""


Progress = Callable[[Step, str], None]
"""Told of a step as it begins, and of what pip says meanwhile."""


class Installation:
    """One installation, which another thread may cancel."""

    def __init__(self, machine: SshMachine, progress: Progress) -> None:
        self._machine = machine
        self._progress = progress
        self._cancelled = False

    def cancel(self) -> None:
        """End it, from any thread."""
        self._cancelled = True
        self._machine.close()

    def run(self) -> None:
        """Install.

        Raises:
            MachineError: with a sentence for the user.
            InstallationCancelled: after :meth:`cancel`.
        """
        try:
            with tempfile.TemporaryDirectory(prefix="lmpt-wheel-") as folder:
                self._install(own_wheel.write(Path(folder)))
        except NoWheelError as error:
            raise MachineError(Trouble.NO_WHEEL, str(error)) from error
        except OSError as error:
            raise MachineError(Trouble.NO_WHEEL, str(error)) from error
        except MachineError as error:
            if self._cancelled:
                raise InstallationCancelled from error
            raise

    def _install(self, wheel: Path) -> None:
        size = wheel.stat().st_size
        source = Path(install_there.__file__).with_suffix(".py").read_bytes()
        source += f"\nmain({PROTOCOL}, {wheel.name!r}, {size}, {NEEDED_BYTES})\n".encode()
        with self._machine.run_program(source) as connection:
            self._progress(Step.SENDING, "")
            # Where the other side does not want the rest, it says why, which is read next.
            with contextlib.suppress(BrokenPipeError), wheel.open("rb") as file:
                while block := file.read(_BLOCK):
                    connection.write(block)
            for message in connection.messages():
                if isinstance(message, FarInstalled):
                    return
                if isinstance(message, FarInstalling) and message.step in tuple(Step):
                    self._progress(Step(message.step), one_line(message.detail[:200]))
        raise MachineError(Trouble.CUT)
