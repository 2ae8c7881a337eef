"""The part of a session that lists, promotes, compares and passes on versions (Qt-free)."""

from __future__ import annotations

from pathlib import Path

from lmpt_desktop.engine.notices import VersionsChanged
from lmpt_desktop.engine.session_core import SessionCore
from lmpt_desktop.engine.versions import ImportedVersion
from lmpt_desktop.engine.views import Comparison, VersionInfo
from trainer.prompt_set import PromptSet


class VersionedSession(SessionCore):
    """See :class:`lmpt_desktop.engine.session.LibrarySession`."""

    def versions(self) -> list[VersionInfo]:
        """Prompt sets, newest first, then zero-shot."""
        return self._versions.all()

    def promote(self, version_id: int) -> None:
        """Predict with this prompt set from now on (0: zero-shot)."""
        self._versions.promote(version_id)
        self._notify(VersionsChanged())

    def roll_back(self) -> None:
        """Go back to what was active before the last promotion."""
        self._versions.roll_back()
        self._notify(VersionsChanged())

    def discard(self, version_id: int) -> None:
        """Delete a prompt set that is not active.

        Raises:
            ValueError: if it is active.
        """
        self._versions.discard(version_id)
        self._notify(VersionsChanged())

    def rename_version(self, version_id: int, name: str) -> None:
        """Call a version something; "" for its date alone."""
        self._versions.rename(version_id, name)
        self._notify(VersionsChanged())

    def note_version(self, version_id: int, note: str) -> None:
        """Keep a note on a version."""
        self._versions.annotate(version_id, note)
        self._notify(VersionsChanged())

    def export_version(self, version_id: int, target: Path) -> None:
        """Write a version to a folder or, where ``target`` ends in ``.zip``, a zip.

        Raises:
            VersionFileError: with what went wrong, in a sentence.
        """
        self._versions.write(version_id, target)

    def import_version(self, source: Path) -> ImportedVersion:
        """Take in a version from a folder or zip; it is not in use until it is promoted.

        Raises:
            VersionFileError: with why it does not fit, in a sentence.
        """
        imported = self._versions.take_in(source)
        self._notify(VersionsChanged())
        return imported

    def compare_versions(self, old_id: int, new_id: int) -> Comparison:
        """Any two versions (0: zero-shot); takes seconds for a large library.

        Raises:
            KeyError: if one is gone.
            ValueError: with why they cannot be compared.
        """
        return self._versions.compare(old_id, new_id)

    def prompt_set(self, version_id: int) -> PromptSet:
        """What a version holds.

        Raises:
            KeyError: if there is none of that id.
        """
        return self._versions.prompt_set(version_id)

    def comparison(self, run_id: int) -> Comparison:
        """The run's prompt set against the active one.

        Raises:
            KeyError: if the run made no prompt set.
        """
        return self._versions.compare_run(run_id)
