"""Names at the terminal and in the log, wherever they come from."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from trainer.display import FitDisplay, score_table, shortened
from trainer.events import FitFailed, FitFailure
from trainer.printable import LogFormatter, SafeTerminal, for_data, lines, one_line
from trainer.terminal import cell, say

HOSTILE = (
    "\x1b]0;owned\x07", "\x1b[2J", "a\rb", "a\nb", "a\u202egpj.exe", "\x9b31m", "\x7f", "\u2028",
    "\u2066x\u2069", "\x00", "\udcff", "[bold red]x[/]", "[link=http://x]y[/link]",
)  # fmt: skip
HARMFUL = set("\x1b\x07\r\x9b\x7f\x00\u202e\u2028\u2066\u2069\udcff")


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


def test_what_is_harmless_stays() -> None:
    text = "Straße à Zürich, 猫 שלום 👩‍👩‍👧 e\u0301"
    assert one_line(text) == text


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
