"""Every value that a preview may hold has its words in the dialog."""

from __future__ import annotations

import pytest

from lmpt_desktop.interchange.importing.choices import ClassReason
from lmpt_desktop.ui.interchange.import_texts import other_pictures_text, reason_text


@pytest.mark.parametrize("reason", ClassReason)
def test_every_reason_for_a_class_has_words(reason: ClassReason) -> None:
    assert reason_text(reason)


def test_photos_found_by_path_with_another_picture_are_counted() -> None:
    assert other_pictures_text(0) == ""
    assert other_pictures_text(1).startswith("1 photo was found by its path, but its picture")
    assert other_pictures_text(1204).startswith("1,204 photos were found by their paths")
