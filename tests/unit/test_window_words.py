"""The words of the window: the papers' terms for bands stay in parentheses and in names."""

from __future__ import annotations

import re
from pathlib import Path

from babel.messages.pofile import read_po

from lmpt_desktop.ui.window.tour import STEPS

POT = Path(__file__).parents[2] / "resources/translations/lmpt_desktop.pot"
TERMS = re.compile(r"\b(tail|head|medium|bands?)\b", re.IGNORECASE)
ALLOWED = re.compile(
    r"\([^)]*\)"  # the term beside the window's word: "rare (tail)"
    r"|lo&?ng tail"  # the page, and the distribution
    r"|^(head|medium|tail)$",  # the terms themselves, for those parentheses
    re.IGNORECASE,
)


def texts() -> list[str]:
    """Every text of the window, but for the tour's."""
    with POT.open(encoding="utf-8") as file:
        catalogue = read_po(file)
    tour = {text for step in STEPS for text in (step.title, step.text)}
    found: list[str] = []
    for message in catalogue:
        found += message.id if isinstance(message.id, tuple | list) else [message.id]
    return [text for text in found if text and text not in tour]


def test_bands_are_called_rare_fairly_common_and_common() -> None:
    listed = texts()
    assert len(listed) > 1000
    assert [text for text in listed if TERMS.search(ALLOWED.sub("", text))] == []


def test_estimates_are_written_as_about_so_many() -> None:
    assert [text for text in texts() if re.search(r"~(?!/)|\best\.|\(estimated\)", text)] == []
