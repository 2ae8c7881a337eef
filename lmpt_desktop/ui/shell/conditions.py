"""Conditions shared by commands of several features; each is evaluated once per refresh."""

from __future__ import annotations

from lmpt_desktop.ui.shell.context import ShellContext
from lmpt_desktop.ui.shell.library_view import StackView


def library_open(context: ShellContext) -> bool:
    return context.library is not None


def library_writable(context: ShellContext) -> bool:
    """There is a library, and it is not open for reading only."""
    return context.library is not None and not context.library.session.catalogue.read_only


def has_classes(context: ShellContext) -> bool:
    """The library has a vocabulary."""
    return context.library is not None and bool(context.library.session.snapshot().classes)


def photos_chosen(context: ShellContext) -> bool:
    """At least one image is selected in the grid, or under review."""
    view = context.library.view if context.library is not None else None
    return view is not None and view.chosen_count() > 0


def stack_chosen(context: ShellContext) -> bool:
    """One of the chosen photos is in a stack."""
    view = context.library.view if context.library is not None else None
    return isinstance(view, StackView) and view.stack_size() > 1


def class_in_focus(context: ShellContext) -> bool:
    """There is a class that Present, Absent and Unknown apply to."""
    view = context.library.view if context.library is not None else None
    return view is not None and view.focus_class is not None
