"""The catalogues hold every text, are complete, and nothing the user sees is left unmarked."""

from __future__ import annotations

import ast
import importlib.util
import string
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog

from trainer.events import FitFailure
from trainer.suggested import SUGGESTED

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "lmpt_desktop").rglob("*.py"))


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("translations", ROOT / ".ci" / "translations.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = _tool()
LANGUAGES: list[Path] = tool.languages()


@pytest.fixture(scope="module")
def template() -> Catalog:
    return tool.extract()


def test_there_is_a_second_language() -> None:
    assert [po.parents[1].name for po in LANGUAGES] == ["de"]


def test_the_template_holds_every_marked_text(template: Catalog) -> None:
    kept = tool.TEMPLATE.read_text(encoding="utf-8")
    assert kept == tool.po_text(template), "run `make translations`"


@pytest.mark.parametrize("po", LANGUAGES, ids=lambda po: po.parents[1].name)
class TestLanguage:
    def test_every_text_is_translated_and_none_is_doubtful(
        self, po: Path, template: Catalog
    ) -> None:
        catalog = tool.read(po)
        assert _ids(catalog) == _ids(template)
        for message in catalog:
            parts = message.string if isinstance(message.string, tuple) else (message.string,)
            assert not message.id or all(parts), f"not translated: {message.id!r}"
            assert not message.id or not message.fuzzy, f"doubtful: {message.id!r}"

    def test_placeholders_agree(self, po: Path) -> None:
        for message in tool.read(po):
            if not message.id:
                continue
            ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            # "One photo" may do without its number, as in English.
            for source, text in zip(ids, strings, strict=True):
                assert _placeholders(text) == _placeholders(source), message.id

    def test_what_surrounds_a_text_agrees(self, po: Path) -> None:
        """Blanks at the ends, the mnemonic of a menu and the dots of a dialog are kept."""
        for message in tool.read(po):
            if isinstance(message.id, str) and message.id:
                text = message.string
                assert isinstance(text, str)
                assert message.id[0].isspace() == text[0].isspace(), message.id
                assert message.id[-1].isspace() == text[-1].isspace(), message.id
                if "&" in message.id:
                    assert text.count("&") == 1, message.id

    def test_the_app_reads_what_the_translator_wrote(self, po: Path) -> None:
        compiled = po.with_suffix(".mo").read_bytes()
        assert compiled == tool.mo_bytes(tool.read(po)), "run `make translations`"
        assert po.read_text(encoding="utf-8") == tool.po_text(tool.read(po))


def _ids(catalog: Catalog) -> set[str]:
    return {str(message.id) for message in catalog if message.id}


def _placeholders(text: str) -> set[str]:
    return {f"{name}:{spec}" for _text, name, spec, _how in string.Formatter().parse(text) if name}


# ------------------------------------------------------------------------ marking in the sources

SHOWS = frozenset(
    {
        "setText", "setToolTip", "setStatusTip", "setWhatsThis", "setWindowTitle", "setTitle",
        "setPlaceholderText", "setAccessibleName", "setAccessibleDescription", "setLabelText",
        "setInformativeText", "setDetailedText", "setSuffix", "setPrefix", "setFormat",
        "setSpecialValueText", "setHeaderLabels", "setHorizontalHeaderLabels", "setTabText",
        "setIconText", "showMessage", "addAction", "addMenu", "addTab", "addRow", "addButton",
        "addItem", "addSection", "insertItem", "say", "tell", "tell_error", "muted", "heading",
        "QLabel", "QPushButton", "QToolButton", "QCheckBox", "QRadioButton", "QGroupBox",
        "QAction", "QMenu", "QToolBar", "QDockWidget", "QListWidgetItem", "QTreeWidgetItem",
        "QTableWidgetItem", "getOpenFileName", "getOpenFileNames", "getSaveFileName",
        "getExistingDirectory", "getText", "getItem", "question", "information", "warning",
        "critical", "emit", "Problem", "Notification", "setNameFilter", "setNameFilters",
    }
)  # fmt: skip
"""Calls whose texts the user reads."""

NO_TEXT = frozenset(
    {
        # names, and what is the same in every language
        "LMPT Desktop", "English", "Lite", "–", "en",
    }
)  # fmt: skip

LOGGERS = ("log", "logger", "logging")


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                if not (isinstance(node.func.value, ast.Name) and node.func.value.id in LOGGERS):
                    yield node.func.attr, node
            elif isinstance(node.func, ast.Name):
                yield node.func.id, node


def _literals(node: ast.expr) -> Iterator[str]:
    """Texts in an argument that reach the user as they are written."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)
    elif isinstance(node, ast.BinOp):
        yield from _literals(node.left)
        yield from _literals(node.right)
    elif isinstance(node, ast.List | ast.Tuple):
        for element in node.elts:
            yield from _literals(element)
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "format"
    ):
        yield from _literals(node.func.value)


def _has_words(text: str) -> bool:
    return any(part.isalpha() and len(part) > 1 for part in text.replace("&", "").split())


def _unmarked(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        f"{path.relative_to(ROOT)}:{call.lineno}: {text!r}"
        for name, call in _calls(tree)
        if name in SHOWS
        for argument in call.args
        for text in _literals(argument)
        if _has_words(text) and text not in NO_TEXT and not text[0].islower()
    ]


UI = [path for path in SOURCES if "ui" in path.relative_to(ROOT).parts or path.stem == "app"]


def test_no_text_for_the_user_is_left_unmarked() -> None:
    assert UI
    assert [text for path in UI for text in _unmarked(path)] == []


def test_nothing_is_translated_before_the_language_is_known() -> None:
    """At import a text can only be marked; ``_`` is for where it is shown."""
    early = []
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside = {
            id(node)
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for node in ast.walk(function)
        }
        early += [
            f"{path.relative_to(ROOT)}:{call.lineno}"
            for name, call in _calls(tree)
            if name in ("_", "ngettext") and id(call) not in inside
        ]
    assert early == []


def test_texts_to_translate_are_whole_literals() -> None:
    """An f-string or a variable's content would not be found in the catalogue."""
    wrong = []
    for path in SOURCES:
        for name, call in _calls(ast.parse(path.read_text(encoding="utf-8"))):
            if name in ("_", "N_", "ngettext") and any(
                isinstance(argument, ast.JoinedStr) for argument in call.args
            ):
                wrong.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert wrong == []


def test_no_function_hides_the_translator_behind_a_name_of_its_own() -> None:
    """``*_`` or ``a, _ = ...`` in a function that also translates would break it."""
    wrong = []
    for path in SOURCES:
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            taken = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)} | {
                node.id
                for node in ast.walk(function)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
            if "_" in taken and any(name == "_" for name, _call in _calls(function)):
                wrong.append(f"{path.relative_to(ROOT)}:{function.lineno}")
    assert wrong == []


def test_notes_and_failures_of_the_trainer_are_marked(template: Catalog) -> None:
    texts = {item.note for item in SUGGESTED} | {kind.sentence for kind in FitFailure}
    assert texts - _ids(template) == set()


@pytest.mark.parametrize("name", ["photo", "events"])
def test_sentences_of_the_trainer_for_the_user_are_marked(name: str, template: Catalog) -> None:
    tree = ast.parse((ROOT / "trainer" / f"{name}.py").read_text(encoding="utf-8"))
    documentation = {
        id(node.value)
        for parent in ast.walk(tree)
        if isinstance(parent, ast.Module | ast.ClassDef | ast.FunctionDef)
        for node in parent.body
        if isinstance(node, ast.Expr)
    }
    sentences = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if id(node) not in documentation
        if node.value[:1].isupper() and node.value.endswith(".") and " " in node.value
    }
    assert sentences
    assert sentences - _ids(template) == set()
