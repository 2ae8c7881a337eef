"""Verdicts of one image on the clipboard, to paste them into others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData

from lmpt_desktop.domain.states import Verdict
from lmpt_desktop.ui.kit.texts import verdict_name
from trainer import checked_json
from trainer.checked_json import JsonError, Limits

if TYPE_CHECKING:
    from lmpt_desktop.domain.records import ClassEntry

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


@dataclass(frozen=True)
class _Copied:
    source: str
    verdicts: dict[str, int]


def from_mime(data: QMimeData | None) -> CopiedVerdicts | None:
    """Read what :func:`to_mime` wrote; None if there is no such thing, or it is damaged."""
    if data is None or not data.hasFormat(MIME):
        return None
    try:
        body = checked_json.parse(bytes(data.data(MIME).data()), Limits())
        copied = checked_json.to_type(body, _Copied)
    except JsonError:
        return None
    verdicts = {
        name: Verdict(verdict)
        for name, verdict in copied.verdicts.items()
        if verdict in (Verdict.PRESENT, Verdict.ABSENT)
    }
    return CopiedVerdicts(copied.source, verdicts)
