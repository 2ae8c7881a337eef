"""Retrainings whose process a test simulates by writing its events."""

from __future__ import annotations

import sys
from pathlib import Path

import fake_fit
import waiting_fit

from lmpt_desktop.engine.session import LibrarySession
from trainer import job as jobs
from trainer.events import Message, to_line

WAITING_FIT = (sys.executable, "-I", "-S", str(Path(__file__).with_name("waiting_fit.py")))
"""For :class:`lmpt_desktop.engine.session.Commands`."""


class PlayedRun:
    """A retraining that is under way, of a session whose fit command is :data:`WAITING_FIT`."""

    def __init__(self, session: LibrarySession, run_id: int | None = None) -> None:
        """``run_id`` names a run that was started already; None: start one."""
        self.run_id = session.training.start() if run_id is None else run_id
        self.folder = session.catalogue.runs.get(self.run_id).folder

    def say(self, *events: Message) -> None:
        """Send events."""
        with (self.folder / jobs.EVENTS_NAME).open("a", encoding="utf-8") as file:
            file.writelines(to_line(event) for event in events)

    def write_log(self, text: str) -> None:
        """Write to the run's log."""
        (self.folder / jobs.LOG_NAME).write_text(text, encoding="utf-8")

    def make_result(self) -> str:
        """Leave a prompt set behind; where it is."""
        fake_fit.result(jobs.load(self.folder), self.folder)
        return str(self.folder / jobs.RESULT_NAME)

    def end(self, *events: Message) -> None:
        """Send the last events and end the process."""
        self.say(*events)
        (self.folder / waiting_fit.END).touch()

    @property
    def asked_to_stop(self) -> bool:
        """Whether the session has asked the process to stop."""
        return (self.folder / jobs.CANCEL_NAME).exists()
