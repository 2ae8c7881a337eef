"""When a retraining is suggested."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from class_ids import class_id

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession

Until = Callable[[Callable[[], object]], None]


def test_a_retraining_is_suggested_once_there_are_enough_new_verdicts(
    reviewed_session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        reviewed_session.training.advice() is None
    )  # 7 presents and 6 reviewed photos are too few
    monkeypatch.setattr("lmpt_desktop.inference.advice.MIN_VERDICTS", 10)
    advice = reviewed_session.training.advice()
    assert advice is not None
    assert advice.verdicts == 13
    assert advice.tail == 1
    assert advice.sentence("about 40 seconds") == (
        "13 new verdicts, 1 on tail classes; a retraining takes about 40 seconds."
    )
    assert reviewed_session.training.advice() is None  # not again for the same


@pytest.mark.usefixtures("trained_version")
def test_what_the_version_in_use_has_learned_is_not_new(
    reviewed_session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmpt_desktop.inference.advice.MIN_VERDICTS", 2)
    assert reviewed_session.training.advice() is None
    image = int(
        reviewed_session.snapshot().image_ids[reviewed_session.snapshot().names.index("dog_1.jpg")]
    )
    reviewed_session.annotations.annotate(
        [image],
        [class_id(reviewed_session, "kite"), class_id(reviewed_session, "cat")],
        Verdict.PRESENT,
    )
    advice = reviewed_session.training.advice()
    assert advice is not None
    assert advice.verdicts == 2
    assert advice.seconds is not None
