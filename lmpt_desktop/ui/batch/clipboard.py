"""Verdicts of one image on the clipboard, to paste them into others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QMimeData

from lmpt_desktop.domain.records import ClassEntry, Verdict
from lmpt_desktop.ui.kit.texts import verdict_name

MIME = "application/x-lmpt-desktop-verdicts+json"


@dataclass(frozen=True)
class CopiedVerdicts:
    """The present and absent verdicts of an image, by class name.

    Names, unlike ids, mean the same in another library.  ``source`` is the image's file name.
    """

    source: str
    verdicts: dict[str, Verdict]

    def by_id(self, classes: Sequence[ClassEntry]) -> dict[int, int]:
        """Class id -> verdict, for the classes that this vocabulary has."""
        return {
            entry.id: int(self.verdicts[entry.name])
            for entry in classes
            if entry.name in self.verdicts
        }


def copied_of(
    source: str, verdicts: Mapping[int, int], classes: Sequence[ClassEntry]
) -> CopiedVerdicts:
    """Verdicts given by class id, for the clipboard."""
    named = {entry.name: Verdict(verdicts[entry.id]) for entry in classes if entry.id in verdicts}
    return CopiedVerdicts(source, named)


def to_mime(copied: CopiedVerdicts) -> QMimeData:
    """For the clipboard, and as text for other applications."""
    data = QMimeData()
    body = {"source": copied.source, "verdicts": copied.verdicts}
    data.setData(MIME, json.dumps(body).encode())
    lines = [f"{name}: {verdict_name(verdict)}" for name, verdict in copied.verdicts.items()]
    data.setText("\n".join(lines))
    return data


def from_mime(data: QMimeData | None) -> CopiedVerdicts | None:
    """Read what :func:`to_mime` wrote; None if there is no such thing, or it is damaged."""
    if data is None or not data.hasFormat(MIME):
        return None
    try:
        body = json.loads(bytes(data.data(MIME).data()))
        verdicts = {
            str(name): Verdict(verdict)
            for name, verdict in body["verdicts"].items()
            if verdict in (Verdict.PRESENT, Verdict.ABSENT)
        }
        return CopiedVerdicts(str(body["source"]), verdicts)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
