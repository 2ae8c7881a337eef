"""Where photos are encoded: on this computer, or on another one (Qt-free)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lmpt_desktop.settings import (
    ENCODE_AWAY,
    FOLDER_HERE,
    FOLDER_THERE,
    MACHINE,
    TRAIN_AWAY,
    Setting,
    Settings,
)
from lmpt_desktop.translation import N_, _, ngettext, number
from trainer.events import EncoderAway, Place

_MOST_CHARACTERS = 40
"""Of a computer's name in the status bar."""


@dataclass(frozen=True)
class EncodingPlace:
    """``machine``: another computer as for ssh, "" for this one; ``folders``: those of this
    computer that the other one sees too, with their paths there."""

    machine: str = ""
    folders: tuple[tuple[str, str], ...] = ()

    def arguments(self) -> list[str]:
        """For the encoder's process."""
        if not self.machine:
            return []
        pairs = [word for pair in self.folders for word in ("--folder", *pair)]
        return ["--machine", self.machine, *pairs]


HERE = EncodingPlace()
PLACE_SETTINGS: tuple[Setting[Any], ...] = (
    TRAIN_AWAY,
    ENCODE_AWAY,
    MACHINE,
    FOLDER_HERE,
    FOLDER_THERE,
)
"""What :func:`place_of` reads."""


def place_of(settings: Settings) -> EncodingPlace:
    """Where the user wants photos to be encoded."""
    if not (settings.get(TRAIN_AWAY) and settings.get(ENCODE_AWAY) and settings.get(MACHINE)):
        return HERE
    here, there = settings.get(FOLDER_HERE), settings.get(FOLDER_THERE)
    return EncodingPlace(settings.get(MACHINE), ((here, there),) if here and there else ())


_REMARKS: Mapping[Place, str] = {
    Place.CONNECTING: N_("connecting to {machine}"),
    Place.THERE: N_("on {machine}"),
    Place.LOST: N_("connection to {machine} lost, trying again"),
    Place.HERE: N_("on this computer for now"),
    Place.REFUSED: N_("on this computer"),
}


def remark(away: EncoderAway) -> str:
    """Where photos are encoded, as the status bar says it while they are."""
    said = _(_REMARKS[away.place]).format(machine=away.machine[:_MOST_CHARACTERS])
    if away.place is Place.THERE and away.not_found:
        return ngettext(
            "{place}; {count} photo is not there and is sent",
            "{place}; {count} photos are not there and are sent",
            away.not_found,
        ).format(place=said, count=number(away.not_found))
    return said
