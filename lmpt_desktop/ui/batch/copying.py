"""Verdicts of one image on the clipboard, to be given to others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QMimeData

from lmpt_desktop.domain.records import ClassEntry, Verdict
from lmpt_desktop.translation import _
from lmpt_desktop.ui.batch.classes_model import WORDS

MIME = "application/x-lmpt-desktop-verdicts+json"


@dataclass(frozen=True)
class CopiedVerdicts:
    """Present and absent verdicts of an image, by class name: a name means the same in another
    library, an id does not.

    ``source`` is the image's file name.
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
    """``verdicts`` by class id, as names."""
    named = {entry.name: Verdict(verdicts[entry.id]) for entry in classes if entry.id in verdicts}
    return CopiedVerdicts(source, named)


def to_mime(copied: CopiedVerdicts) -> QMimeData:
    """For the clipboard; as text for everything else that pastes."""
    data = QMimeData()
    body = {"source": copied.source, "verdicts": copied.verdicts}
    data.setData(MIME, json.dumps(body).encode())
    lines = [f"{name}: {_(WORDS[said])}" for name, said in copied.verdicts.items()]
    data.setText("\n".join(lines))
    return data


def from_mime(data: QMimeData | None) -> CopiedVerdicts | None:
    """What :func:`to_mime` wrote; None where there is nothing of the kind, or it is damaged."""
    if data is None or not data.hasFormat(MIME):
        return None
    try:
        body = json.loads(bytes(data.data(MIME).data()))
        verdicts = {
            str(name): Verdict(said)
            for name, said in body["verdicts"].items()
            if said in (Verdict.PRESENT, Verdict.ABSENT)
        }
        return CopiedVerdicts(str(body["source"]), verdicts)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
