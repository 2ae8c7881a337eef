"""Where captions come from, and that they are cut at tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from open_clip.model import CLIP

from trainer import captions
from trainer.text_tower import TextTower

VISION: Any = {"image_size": 32, "layers": 1, "width": 64, "head_width": 32, "patch_size": 16}
TEXT: Any = {"width": 32, "heads": 2, "layers": 1, "vocab_size": 49408, "context_length": 77}


@pytest.fixture(scope="module")
def tower() -> TextTower:
    tokenizer: Any = open_clip.get_tokenizer("ViT-B-32")
    return TextTower(CLIP(16, VISION, TEXT), tokenizer)


def test_the_users_caption_comes_first_then_a_sentence_then_nothing() -> None:
    targets = np.array([[1, 1, 0], [1, 1, 1], [0, -1, 0]], dtype=np.int8)
    made = captions.captions_for(
        ["  Rex on\nthe beach ", "", ""], targets, ["dog", "person", "kite"]
    )
    assert made == ["Rex on the beach", "a photo of a dog, a person and a kite", ""]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dog", "a dog"),
        ("apple", "an apple"),
        ("umbrella", "an umbrella"),
        ("unicorn", "a unicorn"),
        ("hourglass", "an hourglass"),
        ("skis", "skis"),
        ("bus", "a bus"),
        ("wine glass", "a wine glass"),
        ("traffic_light", "a traffic light"),
    ],
)
def test_articles(name: str, expected: str) -> None:
    assert captions.with_article(name) == expected


def test_a_sentence_of_one_and_of_two() -> None:
    assert captions.sentence(["dog"]) == "a photo of a dog"
    assert captions.sentence(["dog", "orange"]) == "a photo of a dog and an orange"
    assert captions.sentence([]) == ""


def test_each_distinct_caption_is_tokenised_once(tower: TextTower) -> None:
    tokens = captions.tokenise(["a dog", "", "a cat", "a dog"], tower)
    assert tokens.index.tolist() == [0, -1, 1, 0]
    assert len(tokens.ids) == 2
    assert tokens.mask.sum(1).tolist() == [4, 4]


def test_long_captions_are_cut_at_tokens_and_keep_their_end(tower: TextTower) -> None:
    # 75 one-token words are more than 75 characters, where the authors' code cuts.
    words = "mountain " * 74
    tokens = captions.tokenise([words + "river", words + "river and more"], tower)
    assert tokens.lengths.tolist() == [77, 77]
    assert torch.equal(tokens.ids[0], tokens.ids[1])
    assert int(tokens.ids[0, -1]) == 49407


def test_a_long_caption_of_few_tokens_is_whole(tower: TextTower) -> None:
    text = "photographers extraordinary international championships " * 3
    tokens = captions.tokenise([text], tower)
    assert len(text) > 150
    assert tokens.lengths.tolist() == [14]
    tokenizer: Any = open_clip.get_tokenizer("ViT-B-32")
    assert torch.equal(tokens.ids[0], tokenizer([text])[0, :14])


def test_no_caption_at_all(tower: TextTower) -> None:
    tokens = captions.tokenise(["", ""], tower)
    assert tokens.ids.shape[0] == 0
    assert tokens.index.tolist() == [-1, -1]
