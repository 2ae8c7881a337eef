"""Texts and translations: extract, update, compile (``make translations``).

Reads every text marked with ``_``, ``ngettext`` or ``N_`` under ``lmpt_desktop`` and ``trainer``,
writes the template ``resources/translations/lmpt_desktop.pot``, updates each language's ``.po``
from it (new texts are left empty, obsolete ones are dropped) and compiles that to the ``.mo``
which the app reads.  The files have no dates and line numbers, so that changes of several people
can be merged.

``python .ci/translations.py``            does all of it
``python .ci/translations.py --missing``  also prints the texts without translation
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (ROOT / "lmpt_desktop", ROOT / "trainer")
TRANSLATIONS = ROOT / "resources" / "translations"
DOMAIN = "lmpt_desktop"
TEMPLATE = TRANSLATIONS / f"{DOMAIN}.pot"
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}
WIDTH = 100
_HEADER = "# Texts of LMPT Desktop, written by `make translations`; do not edit.\n#"


def extract() -> Catalog:
    """Every marked text of the sources."""
    catalog = Catalog(project="LMPT Desktop", charset="utf-8", header_comment=_HEADER)
    for folder in SOURCES:
        for _file, _line, message, _comments, context in extract_from_dir(
            str(folder), method_map=[("**.py", "python")], keywords=KEYWORDS
        ):
            if message and message != "":
                catalog.add(message, context=context)
    return catalog


def languages() -> list[Path]:
    """The .po file of each language."""
    return sorted(TRANSLATIONS.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def read(po: Path) -> Catalog:
    """A language's translations."""
    with po.open("rb") as file:
        return read_po(file, locale=po.parents[1].name, domain=DOMAIN, abort_invalid=True)


def po_text(catalog: Catalog) -> str:
    """A catalogue as it is stored: sorted, without locations and dates."""
    file = io.BytesIO()
    write_po(file, catalog, width=WIDTH, no_location=True, sort_output=True, ignore_obsolete=True)
    text = file.getvalue().decode("utf-8")
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(_CHANGING)]
    return "".join(kept).rstrip("\n") + "\n"


_CHANGING = (
    '"POT-Creation-Date:', '"PO-Revision-Date:', '"Last-Translator:', '"Language-Team:',
    '"Generated-By:', '"Report-Msgid-Bugs-To:', '"Project-Id-Version:',
)  # fmt: skip


class _Compiled(Catalog):
    """With the headers that matter: no date and no version of Babel, so that equal translations
    give equal files."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Plural-Forms", self.plural_forms),
        ]


def mo_bytes(catalog: Catalog) -> bytes:
    """A catalogue as the app reads it; doubtful (fuzzy) entries are left out."""
    compiled = _Compiled(locale=catalog.locale, domain=DOMAIN)
    for message in catalog:
        if message.id:
            compiled[message.id] = message
    file = io.BytesIO()
    write_mo(file, compiled)
    return file.getvalue()


def update() -> list[str]:
    """Bring template and languages up to date; returns what has no translation."""
    template = extract()
    TEMPLATE.write_text(po_text(template), encoding="utf-8")
    missing = []
    for po in languages():
        catalog = read(po)
        catalog.update(template, no_fuzzy_matching=True)
        po.write_text(po_text(catalog), encoding="utf-8")
        po.with_suffix(".mo").write_bytes(mo_bytes(catalog))
        language = po.parents[1].name
        missing += [
            f"{language}: {message.id!r}"
            for message in catalog
            if message.id and (message.fuzzy or not all(_parts(message.string)))
        ]
    return missing


def _parts(string: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [string or ""] if isinstance(string, str | None) else list(string)


def main() -> int:
    missing = update()
    if "--missing" in sys.argv:
        print("\n".join(missing))
    print(f"{len(missing)} texts without a translation", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
