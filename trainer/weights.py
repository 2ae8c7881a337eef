"""Read weights files without executing code in them.

A pickle is a program.  Three kinds of file are supported:

- safetensors, which contain only numbers;
- PyTorch files (``.pt``, ``.pth``, ``.bin``, ``.ckpt``), with ``torch.load(weights_only=True)``,
  which restores tensors and plain containers and refuses everything else;
- TorchScript archives, the format in which OpenAI published CLIP.  Their tensors are attributes in
  a tree of modules whose classes are code in the archive.  The code is not read, and
  :class:`_Node`, which only stores attributes, replaces the classes; the same weights-only reader
  does the rest.

A file cannot take more memory than it is long: the archives that PyTorch writes are not compressed,
so one whose parts are together much longer than itself was made to fill the memory, and so was a
tensor that is larger than the numbers stored for it.
"""

from __future__ import annotations

import contextlib
import pickle
import pickletools
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import torch
from safetensors.torch import load_file
from torch import Tensor

_OPENAI_SETTINGS = ("input_resolution", "context_length", "vocab_size")
_NESTED_UNDER = ("state_dict", "model_state_dict", "model")
_MAX_DEPTH = 64
_SLACK = 1 << 24
"""Bytes by which the parts of an archive may exceed it: TorchScript compresses small ones."""
_MAX_SCRIPT_DATA = 1 << 26
"""Bytes of the pickle in a TorchScript archive; OpenAI's largest has 0.2 MB."""
_TAR_MAGIC = (257, b"ustar")
_LIST_KINDS = ("int", "double", "bool", "tensor")
"""TorchScript writes typed lists with functions that return their argument."""


class WeightsError(Exception):
    """A file has no weights that can be read safely; the message is for the user."""


@dataclass(frozen=True)
class Weights:
    """Tensors by name, on the CPU.

    openai: the file is from OpenAI, whose models use QuickGELU whatever their name.
    """

    tensors: dict[str, Tensor]
    openai: bool


def read_weights(path: Path) -> Weights:
    """Read a weights file; its content decides the format, not its suffix.

    Raises:
        WeightsError: if the file is missing, damaged or of another kind, or has objects that could
            only be restored by executing its code.
    """
    try:
        check_size(path)
        with path.open("rb") as file:
            head = file.read(16)
        if _is_safetensors(head):
            return _checked(load_file(path), path)
        if _is_torchscript(path):
            return _checked(_read_torchscript(path), path, openai=True)
        return _checked(torch.load(path, map_location="cpu", weights_only=True), path)
    except WeightsError:
        raise
    except FileNotFoundError as error:
        raise WeightsError(f"There is no weights file at {path}.") from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path.name} cannot be read safely: it holds more than numbers. Save the model's "
            "weights alone, best as a safetensors file, and choose that."
        ) from error
    except Exception as error:  # a malformed pickle can raise nearly any
        raise WeightsError(
            f"{path.name} is damaged, or is not a file of model weights ({_first_line(error)})."
        ) from error


def check_size(path: Path) -> None:
    """Refuse an archive that unpacks to much more than it is, before anything is unpacked.

    Raises:
        WeightsError: with a sentence for the user.
        OSError: if the file cannot be read.
    """
    with path.open("rb") as file:
        file.seek(_TAR_MAGIC[0])
        if file.read(len(_TAR_MAGIC[1])) == _TAR_MAGIC[1]:
            raise WeightsError(
                f"{path.name} was saved by a PyTorch older than 0.1.10, or is a tar archive. Save "
                "the weights again, best as a safetensors file, and choose that."
            )
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(item.file_size for item in archive.infolist())
    if unpacked > path.stat().st_size + _SLACK:
        raise WeightsError(
            f"{path.name} is not read: it is packed so that it would take "
            f"{unpacked / 1e9:.1f} GB, and PyTorch does not pack weights. Choose another file."
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _is_safetensors(head: bytes) -> bool:
    """Eight bytes of header length, then JSON."""
    return len(head) > 8 and head[8:9] == b"{"


def _checked(content: object, path: Path, *, openai: bool = False) -> Weights:
    """Find the tensors within whatever a training script saved with them."""
    for name in _NESTED_UNDER:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict):
        raise WeightsError(f"{path.name} holds no named weights.")
    tensors = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    if any(not _is_stored(tensor) for tensor in tensors.values()):
        raise WeightsError(f"{path.name} holds weights larger than what is stored of them.")
    if tensors and all(str(key).startswith("module.") for key in tensors):
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
    if not tensors:
        raise WeightsError(f"{path.name} holds no weights.")
    openai = openai or "input_resolution" in tensors
    for name in _OPENAI_SETTINGS:
        tensors.pop(name, None)
    return Weights(cast(dict[str, Tensor], tensors), openai)


def _is_stored(tensor: Tensor) -> bool:
    """Whether every number of a tensor is there: it is neither expanded, sparse nor of a device
    without memory."""
    if tensor.layout is not torch.strided or tensor.device.type != "cpu":
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


# ------------------------------------------------------------------------ TorchScript


class _Node:
    """Replaces a TorchScript module: stores its attributes and has no behaviour."""


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _read_torchscript(path: Path) -> dict[str, Tensor]:
    with _data_only(path) as (file, classes):
        replacements: list[Any] = [(_Node, name) for name in classes]
        replacements += [(list, f"torch.jit._pickle.build_{kind}list") for kind in _LIST_KINDS]
        with torch.serialization.safe_globals(replacements):
            root = torch.load(file, map_location="cpu", weights_only=True)
    return dict(_tensors(root, "", 0))


@contextlib.contextmanager
def _data_only(path: Path) -> Iterator[tuple[IO[bytes], set[str]]]:
    """A temporary copy of the archive without its code, and the class names in its data.

    Without ``constants.pkl`` PyTorch treats the archive as an ordinary file of tensors.
    """
    with tempfile.TemporaryFile() as file:
        classes: set[str] = set()
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(file, "w") as target:
            for name in source.namelist():
                inner = name.partition("/")[2]
                if inner.startswith(("code/", "constants")):
                    continue
                if inner == "data.pkl":
                    if source.getinfo(name).file_size > _MAX_SCRIPT_DATA:
                        raise WeightsError("The file describes far more than a model.")
                    data = source.read(name)
                    classes = _script_classes(data)
                    target.writestr(name, data)
                    continue
                with source.open(name) as from_, target.open(name, "w", force_zip64=True) as to:
                    while block := from_.read(1 << 20):
                        to.write(block)
        file.seek(0)
        yield file, classes


def _script_classes(data: bytes) -> set[str]:
    """Names of TorchScript classes in a pickle, found from its opcodes without executing it."""
    names: set[str] = set()
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name == "GLOBAL" and isinstance(argument, str):
            module, _, name = argument.partition(" ")
            if module == "__torch__" or module.startswith("__torch__."):
                names.add(f"{module}.{name}")
    return names


def _tensors(node: object, prefix: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    if depth > _MAX_DEPTH:
        raise WeightsError("The file's modules are nested too deeply to be a model's.")
    if not isinstance(node, _Node):
        return
    for name, value in vars(node).items():
        if isinstance(value, Tensor):
            yield prefix + name, value
        else:
            yield from _tensors(value, f"{prefix}{name}.", depth + 1)
