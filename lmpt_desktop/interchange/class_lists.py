"""Class lists as text files: one class per line, optionally ``name<TAB>description``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lmpt_desktop.inference.vocabularies import ClassSpec, parse_vocabulary
from lmpt_desktop.translation import _

MAX_BYTES = 4 * 1024 * 1024


class ClassListError(Exception):
    """A file is no class list; the message is a sentence for the user."""


def read_class_list(path: Path) -> list[ClassSpec]:
    """Read a file.

    Raises:
        ClassListError: if it cannot be read, is not UTF-8 text, or lists nothing.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ClassListError(
                _("{path} is too large to be a list of classes.").format(path=path)
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or error
        raise ClassListError(
            _("The class list {path} cannot be read: {reason}.").format(path=path, reason=reason)
        ) from error
    except UnicodeDecodeError as error:
        raise ClassListError(
            _("{path} is not UTF-8 text. Save it as UTF-8 and try again.").format(path=path)
        ) from error
    classes = parse_vocabulary(text)
    if not classes:
        raise ClassListError(
            _("{path} lists no classes. Write one class per line.").format(path=path)
        )
    return classes


def format_class_list(classes: Iterable[ClassSpec]) -> str:
    """The text that reads back as ``classes``."""
    return "".join(
        f"{item.name}\t{item.description}\n" if item.description else f"{item.name}\n"
        for item in classes
    )
