"""Whether an error means that memory ran out (imports no torch)."""

from __future__ import annotations


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` means that memory ran out; MPS, the CPU allocator and OpenVINO raise a
    plain RuntimeError, and torch's own error is one, too.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        sign in text for sign in ("out of memory", "can't allocate memory", "bad_alloc")
    )
