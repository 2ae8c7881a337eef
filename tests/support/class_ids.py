"""Class ids by name, for tests of a session."""

from __future__ import annotations

from lmpt_desktop.engine.session import LibrarySession


def class_id(session: LibrarySession, name: str) -> int:
    """The id of the class called ``name``, archived or not."""
    return next(
        entry.id for entry in session.catalogue.classes.all(archived=True) if entry.name == name
    )
