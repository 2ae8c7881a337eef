from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QMimeData

from lmpt_desktop.domain.records import ClassEntry, Verdict
from lmpt_desktop.ui.batch.clipboard import MIME, CopiedVerdicts, copied_of, from_mime, to_mime

KNOWN = st.sampled_from([Verdict.PRESENT, Verdict.ABSENT])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(TEXTS, st.dictionaries(TEXTS, KNOWN))
def test_what_is_copied_is_what_is_pasted(source: str, verdicts: dict[str, Verdict]) -> None:
    copied = CopiedVerdicts(source, verdicts)
    assert from_mime(to_mime(copied)) == copied


def test_classes_are_known_again_by_name() -> None:
    here = [ClassEntry(1, "dog"), ClassEntry(2, "cat")]
    there = [ClassEntry(7, "cat"), ClassEntry(8, "kite"), ClassEntry(9, "dog")]
    copied = copied_of("a.jpg", {1: 1, 2: 0, 99: 1}, here)
    assert copied.by_id(there) == {9: 1, 7: 0}


def test_something_else_on_the_clipboard_is_not_pasted() -> None:
    text = QMimeData()
    text.setText("dog: present")
    assert from_mime(text) is None
    assert from_mime(None) is None
    for damaged in (
        b"",
        b"{",
        b"[]",
        b'{"source": "a"}',
        b'{"source": 1, "verdicts": [1]}',
        b'{"source": "a", "verdicts": {"dog": "1"}}',
        b"[" * 100_000,
    ):
        data = QMimeData()
        data.setData(MIME, damaged)
        assert from_mime(data) is None


def test_unknown_is_never_taken_from_the_clipboard() -> None:
    data = QMimeData()
    data.setData(MIME, b'{"source": "a", "verdicts": {"dog": -1, "cat": 1, "cup": 5}}')
    assert from_mime(data) == CopiedVerdicts("a", {"cat": Verdict.PRESENT})
