"""Tiny backbones of each family that is suggested: image tower, text tower and tokenizer of its
kind, with random weights, in open_clip's folder format.

The configurations are open_clip's own, shrunk; the image towers are timm's smallest of the family.
The hub's tokenizers are made here, with the same library, rules and special tokens as the real ones
(SigLIP: T5's unigrams; SigLIP 2: Gemma's byte pairs).
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.nn import Module

DIM = 32
FAMILIES: dict[str, tuple[str, str, int]] = {
    "SigLIP": ("ViT-B-16-SigLIP", "test_vit3", 160),
    "SigLIP 2": ("ViT-B-32-SigLIP2-256", "test_vit3", 160),
    "MobileCLIP2": ("MobileCLIP2-S0", "fastvit_mci0", 64),
    "PE-Core": ("PE-Core-B-16", "vit_pe_core_tiny_patch16_384", 384),
    "EVA": ("EVA02-B-16", "eva02_tiny_patch14_224", 224),
}
"""open_clip's model, a small image tower of the same kind and its input side, by family."""

TEXTS = [
    "a photo of a dog", "the traffic light is red", "many kites and one snowboard",
    "ein Foto von einem Hund", "a close-up photo of a hair drier", "zebra, toaster and cat.",
]  # fmt: skip
"""What the tokenizers made here have seen."""


def configuration(family: str) -> dict[str, Any]:
    """The model's own configuration, shrunk."""
    import open_clip

    model, tower, side = FAMILIES[family]
    config = copy.deepcopy(open_clip.get_model_config(model))
    assert config is not None
    image: dict[str, Any] = {"timm_model_name": tower, "image_size": side}
    text = {"width": 48, "heads": 2, "layers": 2}
    if "hf_tokenizer_name" in config["text_cfg"]:
        text |= {"vocab_size": 400}
    if family.startswith("SigLIP"):
        image["timm_proj"] = "linear"  # the small tower is not as wide as the features
    config["embed_dim"] = DIM
    config["vision_cfg"] |= image
    config["text_cfg"] |= text
    return config


def write(family: str, folder: Path) -> Module:
    """The backbone as a ``local-dir:`` folder."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    model_name = FAMILIES[family][0]
    folder.mkdir(parents=True, exist_ok=True)
    tag = open_clip.list_pretrained_tags_by_model(model_name)[0]
    published = open_clip.get_pretrained_cfg(model_name, tag)
    preprocess = {
        key: published[key] for key in ("mean", "std", "interpolation", "resize_mode")
    }  # fmt: skip
    config = {"model_cfg": configuration(family), "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    if family.startswith("SigLIP"):
        write_tokenizer(family, folder)
    torch.manual_seed(0)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False).eval()
    for parameter in model.parameters():
        if not parameter.any():  # layer scales, biases: or nothing would be seen of them
            torch.nn.init.normal_(parameter, std=0.02)
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(part.running_mean, std=0.1)  # type: ignore[arg-type]
            torch.nn.init.uniform_(part.running_var, 0.5, 2)  # type: ignore[arg-type]
    save_file(
        {key: value.contiguous() for key, value in model.state_dict().items()},
        folder / "open_clip_model.safetensors",
    )
    return model


def write_tokenizer(family: str, folder: Path) -> None:
    """A tokenizer's two files, learned from :data:`TEXTS`."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from tokenizers.processors import TemplateProcessing

    if family == "SigLIP":
        made = Tokenizer(models.Unigram())
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        made.decoder = decoders.Metaspace()
        special = ["<pad>", "</s>", "<unk>"]
        trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="<unk>")
        made.train_from_iterator(TEXTS * 20, trainer)
        made.post_processor = TemplateProcessing(
            single="$A </s>", special_tokens=[("</s>", made.token_to_id("</s>"))]
        )
        # As published: the end of text fills up the rest.
        config = {"tokenizer_class": "T5Tokenizer", "eos_token": "</s>", "pad_token": "</s>"}
    else:
        made = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=False))
        made.normalizer = normalizers.Replace(" ", "▁")
        made.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
        made.decoder = decoders.Replace("▁", " ")
        special = ["<pad>", "<eos>", "<bos>", "<unk>"]
        made.train_from_iterator(
            TEXTS * 20, trainers.BpeTrainer(vocab_size=200, special_tokens=special)
        )
        # As published: the vocabulary's file puts a beginning in front, the settings do not.
        made.post_processor = TemplateProcessing(
            single="<bos> $A", special_tokens=[("<bos>", made.token_to_id("<bos>"))]
        )
        config = {
            "tokenizer_class": "GemmaTokenizer",
            "add_bos_token": False,
            "add_eos_token": True,
            "bos_token": "<bos>",
            "eos_token": {"content": "<eos>"},
            "pad_token": {"content": "<pad>"},
        }
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
