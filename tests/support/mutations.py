"""JSON bodies with something of another kind in a place, and checks of what was made of them."""

from __future__ import annotations

import copy
import types
import typing
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

OTHERS: list[Any] = [
    None, True, False, 0, 1, -1, 7, 2**31, 2**63, -(2**63), 10**30, 0.5, -3.25, 1e308, float("nan"),
    float("inf"), "", "0.5", "dog", "\ud800", "x" * 500, [], [1], ["a"], [[]], {}, {"a": 1},
    {"name": "a"}, [{"name": 3}], [None],
]  # fmt: skip
"""Values of every JSON type."""


def places(body: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in ``body`` but itself."""
    found: list[tuple[Any, ...]] = []
    items: Any = ()
    if isinstance(body, dict):
        items = body.items()
    elif isinstance(body, list):
        items = enumerate(body)
    for key, value in items:
        found += [(*before, key), *places(value, (*before, key))]
    return found


@st.composite
def mutated(draw: st.DrawFn, body: Any) -> Any:
    """``body`` with one to three values replaced, deleted or added."""
    changed = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 3))):
        *outer, key = draw(st.sampled_from(places(changed) or [("new",)]))
        holder = changed
        for step in outer:
            holder = holder[step]
        other = copy.deepcopy(draw(st.sampled_from(OTHERS)))
        act = draw(st.sampled_from(["replace", "replace", "delete", "add"]))
        # Of an empty list there is no place to replace.
        if act == "replace" and (isinstance(holder, dict) or key in range(len(holder))):
            holder[key] = other
        elif act == "delete" and key in (
            holder if isinstance(holder, dict) else range(len(holder))
        ):
            del holder[key]
        elif isinstance(holder, dict):
            holder[draw(st.sampled_from(["new", "type", "name", "schema"]))] = other
        else:
            holder.append(other)
    return changed


def wrong_types(value: Any, kind: Any, where: str = "value") -> list[str]:
    """The places in ``value`` that are not of the declared type, exactly."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return wrong_types(value, arguments[0], where)
    if origin in (typing.Union, types.UnionType):
        tried = [wrong_types(value, part, where) for part in arguments]
        return [] if [] in tried else min(tried, key=len)
    if kind is not Any and not _is_of(value, kind):
        return [f"{where}: {type(value)} is not {kind}"]
    return [
        wrong
        for name, item, item_kind in _parts(value, kind)
        for wrong in wrong_types(item, item_kind, f"{where}.{name}")
    ]


def _is_of(value: Any, kind: Any) -> bool:
    origin = typing.get_origin(kind) or kind
    if origin is np.ndarray:
        wanted = typing.get_args(typing.get_args(kind)[1])[0]
        return isinstance(value, np.ndarray) and value.dtype == wanted
    return type(value) is origin


def _parts(value: Any, kind: Any) -> list[tuple[str, Any, Any]]:
    """What is in a value of ``kind``: where, the value, and its declared type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (list, tuple):
        return [(str(index), item, arguments[0]) for index, item in enumerate(value)]
    if origin is dict:
        keys = [(f"key {key!r}", key, arguments[0]) for key in value]
        return [*keys, *((repr(key), item, arguments[1]) for key, item in value.items())]
    if is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        return [(item.name, getattr(value, item.name), hints[item.name]) for item in fields(kind)]
    return []
