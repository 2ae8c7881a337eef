"""The strip of the stack that the photo under review is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.ui.review.stack_strip import StripPhoto

if TYPE_CHECKING:
    from .conftest import MakeReview


def test_a_long_note_is_shortened_rather_than_widening_the_window(
    make_review: MakeReview, session: LibrarySession
) -> None:
    strip = make_review(session).strip
    strip.show_stack([StripPhoto(number, "", "", Verdict.UNKNOWN) for number in (1, 2)], 1)
    layout = strip.layout()
    assert layout is not None
    least = layout.minimumSize().width()
    strip.note.setText("more words than there is room for " * 4)
    layout.activate()
    assert layout.minimumSize().width() == least
    assert strip.note.shown.endswith("…")
