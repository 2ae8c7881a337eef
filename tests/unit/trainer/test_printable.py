"""Names at the terminal and in the log, wherever they come from."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from trainer.display import FitDisplay, score_table, shortened
from trainer.events import FitFailed, FitFailure
from trainer.printable import (
    REPLACEMENT,
    LogFormatter,
    SafeTerminal,
    for_data,
    isolated,
    lines,
    one_line,
    shown,
    shown_line,
    spaced,
)
from trainer.terminal import cell, say

HOSTILE = (
    "\x1b]0;owned\x07", "\x1b[2J", "a\rb", "a\nb", "a\u202egpj.exe", "\x9b31m", "\x7f", "\u2028",
    "\u2066x\u2069", "\x00", "\udcff", "[bold red]x[/]", "[link=http://x]y[/link]",
)  # fmt: skip
HARMFUL = set("\x1b\x07\r\x9b\x7f\x00\u202e\u2028\u2066\u2069\udcff")

TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
READ_RIGHT = (
    "Straße à Zürich", "猫",
    "שלום", "مرحبا بالعالم", "e\u0301", "می\u200cخواهم", "क्\u200dष", "ក\u200bខ",
    "👩\u200d👩\u200d👧", "👩🏽\u200d🚀", "❤\ufe0f\u200d🔥", "שלום\u200f!", "a\xa0b",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
)  # fmt: skip
"""With the joiners and marks that their scripts need."""


def console() -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, force_terminal=True, color_system=None, width=200), file


@given(st.text())
def test_a_line_is_one_line_that_steers_nothing(text: str) -> None:
    found = one_line(text)
    assert len(found.splitlines()) <= 1
    assert not any(mark in found for mark in HARMFUL)
    assert all(mark.isprintable() or ord(mark) > 159 for mark in found)
    assert one_line(found) == found
    assert not any(mark in lines(text) for mark in HARMFUL)
    assert lines(text).count("\n") == text.count("\n")


@pytest.mark.parametrize("show", [shown, shown_line, one_line, lines, spaced])
def test_what_scripts_need_stays(show: Callable[[str], str]) -> None:
    for text in (*READ_RIGHT, ", ".join(READ_RIGHT)):
        assert show(text) == text


def test_marks_that_are_not_seen_are_shown() -> None:
    for mark in (
        *TURNING[:-2],
        *"\x00\x1b\x85\xad\u200b\u200c\u200d\u200e\u2028\u2060\ufeff\U000e0041",
    ):
        assert shown(f"a{mark}b") == f"a{REPLACEMENT}b", ascii(mark)
        assert spaced(f"a{mark}b") == "a b"
    assert (shown("a\nb\tc"), shown_line("a\nb\tc")) == ("a\nb\tc", "a\ufffdb\ufffdc")
    assert shown("\udc80.jpg") == "\\udc80.jpg"


def test_a_right_to_left_name_stands_apart_in_a_sentence() -> None:
    assert isolated("dog") == "dog"
    assert isolated("שלום 12") == "\u2068שלום 12\u2069"
    assert isolated("a\u2069\u202eש") == f"\u2068a{REPLACEMENT}ש\u2069"
    assert one_line(isolated("שלום")) == "שלום", "terminals would show the isolates"


@given(st.lists(st.sampled_from([*TURNING, "\n", "a", "ש", "\u200d", "\x01"])).map("".join))
def test_what_is_shown_turns_nothing_after_it(text: str) -> None:
    found = shown(text)
    assert shown(found) == found
    assert not set(found) & set(TURNING[:-2])
    for line in found.split("\n"):
        depth = 0
        for mark in line:
            depth += (mark == "\u2068") - (mark == "\u2069")
            assert depth >= 0
        assert depth == 0
    apart = isolated(text)
    assert "\n" not in apart and shown(f"{apart} 12") == f"{apart} 12"


def test_long_hostile_texts_take_no_time() -> None:
    for mark in ("\u200e", "\u200d", "\u2068", "\u2069", "🏴\U000e0067"):
        assert len(shown(mark * 100_000)) <= 200_000


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_printed_as_they_are_but_for_what_steers(name: str) -> None:
    out, file = console()
    say(out, one_line(f"<{name}>"))
    table = Table("class")
    table.add_row(cell(name))
    out.print(table)
    printed = file.getvalue()
    assert not any(mark in printed for mark in HARMFUL)
    assert printed.count("\n") == 6
    assert f"<{one_line(name)}>" in printed


@pytest.mark.parametrize("name", HOSTILE)
def test_a_runs_display_prints_names_safely(name: str) -> None:
    out, file = console()
    with FitDisplay(out) as show:
        show(FitFailed(FitFailure.ERROR, f"The class {name} failed."))
    plain = file.getvalue().replace("\x1b[?25l", "").replace("\x1b[?25h", "")
    assert "\x1b]" not in plain
    assert "\x1b[31m" not in plain
    assert one_line(f"The class {name} failed.") in plain
    assert not any(mark in plain for mark in HARMFUL - {"\x1b", "\r"})
    assert shortened([name]) == name  # made printable where it is printed
    assert score_table({}).row_count == 0


def test_data_for_a_program_is_unchanged_and_for_a_terminal_safe() -> None:
    pipe = io.StringIO()
    assert for_data(pipe) is pipe
    shown = io.StringIO()
    terminal = SafeTerminal(shown)
    terminal.write(json.dumps({"photo": "\u202e\x7f"}, ensure_ascii=False) + "\n")
    terminal.flush()
    assert shown.getvalue() == '{"photo": "\ufffd\ufffd"}\n'


def test_a_name_forges_no_line_of_the_log(tmp_path: Path) -> None:
    formatter = LogFormatter("%(asctime)s %(levelname)s %(message)s")
    message = "photo %s\n2026-01-01 00:00:00 CRITICAL forged \x1b[2J"
    record = logging.LogRecord("x", logging.INFO, "", 0, message, ("a\rb\u202e",), None)
    found = formatter.format(record).splitlines()
    assert len(found) == 2
    assert found[1].startswith("    2026")
    assert not any(mark in line for line in found for mark in HARMFUL)
