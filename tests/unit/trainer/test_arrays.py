from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from trainer.arrays import sigmoid, write_arrays


def test_arrays_are_read_back_as_they_were(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.array([True, False])}
    write_arrays(arrays, tmp_path / "x.safetensors")
    found = load_file(tmp_path / "x.safetensors")
    assert {name: value.tolist() for name, value in found.items()} == {
        name: value.tolist() for name, value in arrays.items()
    }


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
def test_a_full_disk_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match="No space left"):
        write_arrays({"a": np.zeros(100_000)}, Path("/dev/full"))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_sigmoid_keeps_the_precision_and_never_overflows(kind: type[np.floating]) -> None:
    logits = np.array([-1e4, -3.0, 0.0, 3.0, 1e4], kind)
    found = sigmoid(logits)
    assert found.dtype == kind
    assert found == pytest.approx([0, 1 / (1 + np.exp(3)), 0.5, 1 / (1 + np.exp(-3)), 1], abs=1e-6)
