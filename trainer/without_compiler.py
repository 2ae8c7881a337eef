"""Import open_clip, timm and torchvision without torch's compiler.

torchvision asks the compiler something for one function, which finds features in boxes, and timm
marks one as not to be compiled.  Each loads the compiler, with sympy and torch.distributed, which
takes about as much processor time as torch itself.  Nothing here is ever compiled.

torchvision also tells the compiler what its operators of boxes return, and cannot be imported where
they are missing: beside a torch for the CPU, if it was made for one with CUDA.  Nothing
here uses them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch

ASKED, QUESTION = "torch._dynamo.utils", "is_compile_supported"
TOLD = "torchvision._meta_registrations"


def import_models() -> None:
    """Import open_clip with what it needs, before anything else does; nothing is left changed
    afterwards.
    """
    if "open_clip" in sys.modules or ASKED in sys.modules:
        return
    placeholder, disable = _Placeholder(ASKED), torch.compiler.disable
    sys.modules[ASKED] = placeholder
    told = sys.modules.setdefault(TOLD, ModuleType(TOLD))
    torch.compiler.disable = _as_it_is
    try:
        importlib.import_module("open_clip")
    finally:
        torch.compiler.disable = disable
        if sys.modules.get(TOLD) is told:
            del sys.modules[TOLD]
        if sys.modules.get(ASKED) is placeholder:
            del sys.modules[ASKED]


class _Placeholder(ModuleType):
    """Answers torchvision's question; whoever asks for more gets the compiler."""

    def __getattr__(self, name: str) -> Any:
        if name == QUESTION:
            return lambda _: False
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(ASKED) is self:
            del sys.modules[ASKED]
        return getattr(importlib.import_module(ASKED), name)


def _as_it_is(function: Callable[..., Any] | None = None, *_: Any, **__: Any) -> Any:
    """``torch.compiler.disable``, with or without arguments: what is not compiled needs no mark."""
    return (lambda marked: marked) if function is None else function
