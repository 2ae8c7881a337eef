"""What steps that change many photos are called in the undo menu."""

from __future__ import annotations

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.ui.batch import undo_labels

NAMES = {2: "dog", 3: "kite"}


def test_steps_have_readable_names() -> None:
    present, absent = Verdict.PRESENT, Verdict.ABSENT
    assert undo_labels.set_classes(NAMES.__getitem__, {2: present, 3: absent}, 1) == (
        "dog present, kite absent on 1 photo"
    )
    many = dict.fromkeys(range(4), present)
    assert undo_labels.set_classes(str, many, 1200) == "4 classes set on 1,200 photos"
    assert undo_labels.accepted(312, ["bicycle"]) == "Accepted 312 'bicycle' predictions"
    assert undo_labels.accepted(5, ["a", "b"]) == "Accepted 5 predictions of 2 classes"
