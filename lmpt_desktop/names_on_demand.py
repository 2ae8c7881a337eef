"""Names of a package that are looked up when they are first used.

The window is painted before most of the code is imported.  A package whose ``__init__`` imports
its parts would have every one of them imported with the first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def names_on_demand(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The ``__getattr__`` of ``package``.

    ``homes``: for each name the module that has it, as it is called in the package.
    """

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f"{package}.{homes[name]}"), name)
        # The next time it is found without this function.
        setattr(sys.modules[package], name, found)
        return found

    return get
