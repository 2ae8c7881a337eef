"""The panel beside the photo: what it says about the class in question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ui_libraries import DOG

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.inspector.image_facts import ClassFacts
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.texts import band_name
from trainer.bands import Band

if TYPE_CHECKING:
    from .conftest import MakeReview


@pytest.mark.parametrize("band", list(Band))
def test_every_class_has_its_band_in_words_and_a_rare_one_the_diamond(
    make_review: MakeReview, session: LibrarySession, band: Band
) -> None:
    question = make_review(session).side.question
    facts = ClassFacts(DOG, "dog", 0.5, True, Verdict.UNKNOWN, band, 0.2)
    question.show_question(facts, "", whole=False)
    text = question.facts.text()
    assert band_name(band) in text
    shapes = [shape for shape in theme.BAND_SHAPES.values() if shape in text]
    assert shapes == ([theme.BAND_SHAPES[Band.TAIL]] if band is Band.TAIL else [])
