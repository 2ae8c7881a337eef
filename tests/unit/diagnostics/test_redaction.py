"""What a report may not hold: names, however they got into the log."""

from __future__ import annotations

import pytest

from lmpt_desktop.diagnostics.redaction import HIDDEN, Redactor

SECRETS = ("Anna", "Schmidt", "Otto", "Urlaub", "Rom", "Mark", "Zürich", "Geburtstag", "猫")


@pytest.mark.parametrize(
    "line",
    [
        "read /home/anna/Urlaub in Rom/Anna und Mark.jpg in 0.3 s",
        "cannot read Anna and Mark.jpg: no space left",
        "the class “Mark” cannot be renamed to “Otto”",
        "KeyError: 'Mark Schmidt'",
        r"C:\Users\Anna\My Mark\x.jpg is gone",
        "'/media/Mark/a b.png' was not found",
        "trip/Mark/kite_7.jpg",
        "skipping 猫 and Zürich",
        "INFO MainThread lmpt_desktop.ingest.sync: Mark Geburtstag.HEIC was found",
        "opened file:///home/Mark/x",
        "folder \\\\server\\Mark\\photos: unreachable",
    ],
)
def test_no_name_is_left(line: str) -> None:
    found = Redactor(["Anna"])(line)
    assert HIDDEN in found
    assert not any(secret.lower() in found.lower() for secret in SECRETS)


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-29 21:00:01,123 4711 ERROR MainThread lmpt_desktop.app: uncaught",
        "sqlite3.OperationalError: no such table: annotations",
        "KeyError: 'image_id'",
        "OSError: [Errno 28] No space left on device",
    ],
)
def test_what_helps_to_find_the_fault_is_kept(line: str) -> None:
    assert Redactor(["Anna"])(line) == line


def test_a_traceback_keeps_its_places() -> None:
    line = '  File "/home/anna/My programs/lmpt_desktop/catalogue/store.py", line 10, in write'
    assert Redactor()(line) == '  File "lmpt_desktop/catalogue/store.py", line 10, in write'


def test_known_names_go_where_their_words_are_the_programs_own() -> None:
    assert Redactor(["image", "read error"])("the image, then Read Error: images") == (
        f"the {HIDDEN}, then {HIDDEN}: images"
    )
