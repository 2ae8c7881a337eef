"""The tokenizer of a backbone: open_clip's own, or one of the hub read from its files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import open_clip
from torch import Tensor

from trainer.download import BackboneError, OnDownload, fetch_file
from trainer.hub_tokenizer import TOKENIZER_FILES, HubTokenizer, TokenizerError

Tokenise = Callable[[Sequence[str]], Tensor]
"""Texts to (n, L) int64."""


def tokenizer_of(
    name: str, model_name: str, folder: Path | None, on_download: OnDownload | None
) -> Tokenise:
    """The tokenizer of the architecture ``model_name``; one of the hub's from its files in
    ``folder``, if they are there, else downloaded once.

    Raises:
        BackboneError: if it cannot be had.
    """
    text = (open_clip.get_model_config(model_name) or {}).get("text_cfg", {})
    if not _is_read_from_files(text):
        return _open_clips_own(name, model_name)
    if folder is not None and all((folder / file).is_file() for file in TOKENIZER_FILES):
        return _from_files(text, [folder / file for file in TOKENIZER_FILES])
    repository = str(text["hf_tokenizer_name"])
    files = [fetch_file(name, repository, [file], on_download) for file in TOKENIZER_FILES]
    return _from_files(text, files)


def folder_tokenizer(name: str, folder: Path) -> Tokenise:
    """The tokenizer of a folder in open_clip's own format, which holds its files if it is one of
    the hub's.

    Raises:
        BackboneError: if it cannot be read.
    """
    config = json.loads((folder / "open_clip_config.json").read_text("utf-8"))
    text = config["model_cfg"]["text_cfg"]
    if _is_read_from_files(text):
        return _from_files(text, [folder / file for file in TOKENIZER_FILES])
    return _open_clips_own(name, f"local-dir:{folder}")


def _is_read_from_files(text: Mapping[str, Any]) -> bool:
    """Whether :class:`HubTokenizer` reads the tokenizer of a text tower; those of Hugging Face's
    own towers come with ``transformers``, which these need anyway."""
    return bool(text.get("hf_tokenizer_name")) and not (
        text.get("hf_model_name") or text.get("tokenizer_mode")
    )


def _from_files(text: Mapping[str, Any], files: Sequence[Path]) -> HubTokenizer:
    options = text.get("tokenizer_kwargs", {})
    try:
        return HubTokenizer(
            *files,
            context_length=int(text.get("context_length", 77)),
            clean=str(options.get("clean", "whitespace")),
            strip_sep_token=bool(options.get("strip_sep_token", False)),
        )
    except TokenizerError as error:
        raise BackboneError("bad-weights", str(error)) from error


def _open_clips_own(name: str, source: str) -> Tokenise:
    try:
        return cast(Any, open_clip.get_tokenizer(source))
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        text = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
        raise BackboneError(
            "no-network",
            f"The tokenizer of {name} could not be fetched ({text[:160]}). "
            "Connect to the internet once, or choose another backbone.",
        ) from error
