"""Files that no program wrote: random bytes, and valid ones with something changed."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from hypothesis import strategies as st

odd_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.just(10**400),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from(["\ud800", "\udcff", "a\0b", "x" * 70_000, "$image", "../..", ""]),
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def mutated(data: bytes, seed: int) -> bytes:
    """The bytes with some cut, doubled or replaced."""
    chance = random.Random(seed)
    changed = bytearray(data)
    for _round in range(chance.randint(1, 4)):
        place = chance.randint(0, len(changed))
        length = chance.randint(1, 40)
        match chance.randint(0, 3):
            case 0:
                del changed[place : place + length]
            case 1:
                changed[place:place] = changed[place : place + length]
            case 2:
                changed[place : place + length] = chance.randbytes(length)
            case _:
                changed[place:] = b""
    return bytes(changed)


def with_odd_value(document: Any, value: Any, seed: int) -> bytes:
    """A JSON document in which one value, anywhere, is another."""
    chance = random.Random(seed)
    changed = copy.deepcopy(document)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        children = node.items() if isinstance(node, dict) else enumerate(node)
        for key, child in list(children):
            places.append((node, key))
            if isinstance(child, dict | list):
                walk(child)

    if isinstance(changed, dict | list):
        walk(changed)
    if places:
        node, key = chance.choice(places)
        node[key] = value
    return json.dumps(changed).encode()


def changed_json(document: Any) -> st.SearchStrategy[bytes]:
    """A JSON document with some of its values replaced, or some of its bytes."""
    as_bytes = json.dumps(document).encode()
    return st.one_of(
        st.builds(with_odd_value, st.just(document), odd_values, st.integers(0)),
        st.builds(mutated, st.just(as_bytes), st.integers(0)),
    )
