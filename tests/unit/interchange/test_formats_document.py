"""docs/formats.md lists the formats that there are, and what each cannot hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmpt_desktop.interchange.exporting.loss_texts import LOSS_TITLES
from lmpt_desktop.interchange.format import Format
from lmpt_desktop.interchange.registry import FORMATS

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "formats.md"


def rows() -> dict[str, list[str]]:
    """Cells of the table of formats, by the format's name."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    start = lines.index("| Format | Name | | For | Cannot hold |") + 2
    found: dict[str, list[str]] = {}
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        found[cells[1].strip("`")] = cells
    return found


def test_every_format_is_listed_in_their_order() -> None:
    assert list(rows()) == [item.name for item in FORMATS]


@pytest.mark.parametrize("format_", FORMATS, ids=lambda item: item.name)
def test_a_row_says_what_the_format_does(format_: Format) -> None:
    title, _name, ways, summary, lost = rows()[format_.name]
    expected = [way for way, is_there in (("in", format_.read), ("out", format_.is_writable))
                if is_there]  # fmt: skip
    assert title == format_.title
    assert ways.split(", ") == expected
    assert summary == format_.summary.rstrip(".")
    titles = [LOSS_TITLES[loss] for loss in format_.cannot_hold]
    assert lost == (", ".join(titles) or ("nothing" if format_.is_writable else ""))
