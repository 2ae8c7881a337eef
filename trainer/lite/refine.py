"""Refine a finished Lite on the words that people and vocabularies use.

The teacher (:mod:`trainer.lite.teacher`) learns ImageNet's thousand names and whole captions, so
"person" and "dog" are never labels. Here both towers are trained together, without MiniLM:

- the names of ImageNet's classes, in OpenAI's and everyday words, and at two coarser levels
  (all dogs are "dog"), by the KL divergence to EfficientNet's classifier;
- the things named in Flickr8k's captions as single words, with wider words ("man" is a "person");
- Flickr8k's captions, also rewritten in such words, by InfoNCE.

A list of classes ranks photos for a name as much as names for a photo, so all losses but the first
level's are taken in both directions. Trained are the image tower's linear map and, of the text
tower, what follows the last attention: that layer's MLP, the norm and the projection. Their input,
one vector per text, is computed once, which makes refining a matter of minutes. Texts of other
kinds hold the text tower where it was, and in the end the weights before and after are averaged
(Wortsman et al., Robust fine-tuning of zero-shot models, 2022), which reads words that were not
refined as well as before.
"""

import logging
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from open_clip.model import CLIP
from torch import Tensor, nn
from torch.nn import functional

from trainer.lite.ingredients import Classifier, Ingredients
from trainer.lite.recipe import Split, name_phrasings
from trainer.lite.tags import tag_table
from trainer.lite.teacher import class_kl, info_nce
from trainer.lite.text_tower import TextTower, lengths, tokenise
from trainer.lite.texts import (
    everyday_names,
    everyday_nouns,
    frequent_words,
    level_names,
    noun_lemmas,
    rewritten,
    scene_sentences,
)
from trainer.lite.wordings import BROAD, COMMON

# A class must be expected in this many photos of a batch to rank them by it.
LEAST_MASS = 0.2
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RefineSettings:
    """Hyperparameters. Weights are those of the losses; InfoNCE has 1.

    ``blend`` is the share of the refined weights in the result, the rest being the weights before.
    """

    steps: int = 300
    batch: int = 384
    class_batch: int = 512
    learning_rate: float = 5e-4
    class_weight: float = 6.0
    common_weight: float = 0.5
    broad_weight: float = 0.25
    photo_weight: float = 0.3
    tag_weight: float = 0.5
    hold_weight: float = 4.0
    feature_noise: float = 0.3
    captions: int = 2
    rounds: int = 2
    blend: float = 0.6
    seed: int = 0


class Towers:
    """The trained ends of both towers of a model, sharing its parameters."""

    def __init__(self, model: CLIP) -> None:
        self.model = model
        self.text = TextTower.of(model)
        self.last = cast(Any, self.text.transformer).resblocks[-1]
        self.head = cast(nn.Module, model.visual.get_submodule("head"))

    def parameters(self) -> list[Tensor]:
        """Everything that :meth:`embed_stems` and :meth:`embed_features` use."""
        last = [*self.last.ln_2.parameters(), *self.last.mlp.parameters()]
        return [*last, *self.text.norm.parameters(), self.text.projection, *self.head.parameters()]

    @torch.no_grad()
    def stems(self, texts: list[str], batch: int = 256) -> Tensor:
        """(N, width): the end-of-text position after the last attention, before its MLP."""
        tokens = tokenise(texts)
        out = torch.empty(len(tokens), self.text.table.shape[1])
        for rows in torch.argsort(lengths(tokens)).split(batch):
            out[rows] = self._stem(tokens[rows])
        return out

    def _stem(self, tokens: Tensor) -> Tensor:
        length = int(lengths(tokens).max())
        tokens, mask = tokens[:, :length], self.text.mask[:length, :length]
        x = functional.embedding(tokens, self.text.table) + self.text.positions[:length]
        for block in cast(Any, self.text.transformer).resblocks[:-1]:
            x = block(x, attn_mask=mask)
        x = x + self.last.ls_1(self.last.attention(q_x=self.last.ln_1(x), attn_mask=mask))
        return x[torch.arange(len(x)), tokens.argmax(dim=-1)]

    def embed_stems(self, stems: Tensor) -> Tensor:
        """(N, width) stems -> (N, D) unit norm, as the whole tower does."""
        x = stems + self.last.ls_2(self.last.mlp(self.last.ln_2(stems)))
        return functional.normalize(self.text.norm(x) @ self.text.projection, dim=-1)

    def embed_features(self, features: Tensor) -> Tensor:
        """(N, 1280) pooled features -> (N, D) unit norm."""
        return functional.normalize(self.head(features), dim=-1)


@dataclass(frozen=True)
class NameLevel:
    """Names of the classifier's K classes at one level of detail.

    ``groups`` (K,) int64 gives each class its group of G; ``stems`` (T, G, width), T phrasings of
    the groups' names.
    """

    groups: Tensor
    stems: Tensor
    weight: float


@dataclass(frozen=True)
class RefineData:
    """Photos with captions and words, photos with class probabilities, and texts to hold.

    ``pair_features`` (N, 1280), ``pair_stems`` (N, k, width) of their captions, ``tag_counts``
    (N, W), the share of a photo's captions that name each word, ``tag_stems`` (T, W, width);
    ``class_features`` (M, 1280), ``class_log_probabilities`` (M, K), ``class_weights`` (M,);
    ``held_stems`` (H, width).
    """

    pair_features: Tensor
    pair_stems: Tensor
    tag_counts: Tensor
    tag_stems: Tensor
    class_features: Tensor
    class_log_probabilities: Tensor
    class_weights: Tensor
    levels: tuple[NameLevel, ...]
    held_stems: Tensor


def refine_data(
    towers: Towers,
    split: Split,
    found: Ingredients,
    classifier: Classifier,
    *,
    synsets: Path,
    settings: RefineSettings,
    held: list[str],
    without: Collection[str] = (),
    tiny_weight: float = 0.25,
) -> RefineData:
    """Everything ``refine`` needs; ``without`` are words not to learn, to judge what that costs.

    A photo's first captions are used, the last of them rewritten.
    """
    captions = split.train.captions
    count = settings.captions
    pairs = [
        text
        for photo in captions
        for text in (*photo[: count - 1], rewritten(photo[min(count, len(photo)) - 1]))
    ]
    table = tag_table(captions, noun_lemmas(synsets))
    kept = torch.tensor([word not in without for word in table.words])
    words = [(word,) for word in table.words if word not in without]
    names = everyday_names(synsets)
    stems: Callable[[list[str]], Tensor] = towers.stems
    levels = [
        NameLevel(torch.arange(len(names)), name_phrasings(names, stems, settings.rounds), 1.0)
    ]
    for groups, weight in ((COMMON, settings.common_weight), (BROAD, settings.broad_weight)):
        numbers, merged = level_names(groups, names)
        # Classes on their own are the same texts as before; only phrasings of groups are new.
        phrasings = name_phrasings(merged[: len(groups)], stems, settings.rounds)
        alone = [i for i in range(len(names)) if numbers[i] >= len(groups)]
        phrasings = torch.cat([phrasings, levels[0].stems[:, alone]], dim=1)
        levels.append(NameLevel(torch.tensor(numbers), phrasings, weight))
    parts = (
        (split.train.features, 1.0),
        (found.imagenet.features, 1.0),
        (found.clothing.features, 0.5),
        (found.tiny_imagenet.features, tiny_weight),
    )
    features = torch.cat([part for part, _ in parts])
    return RefineData(
        pair_features=split.train.features,
        pair_stems=stems(pairs).view(len(captions), -1, towers.text.table.shape[1]),
        tag_counts=table.counts[:, kept],
        tag_stems=name_phrasings(words, stems, 1),
        class_features=features,
        class_log_probabilities=classifier.log_probabilities(features),
        class_weights=torch.cat([torch.full((len(part),), weight) for part, weight in parts]),
        levels=tuple(levels),
        held_stems=stems(held),
    )


def texts_to_hold(found: Ingredients, synsets: Path, seed: int = 0) -> list[str]:
    """Captions, words and sentences of other photos: their embeddings should not move."""
    rng = random.Random(seed)
    captions = found.coco_captions
    nouns = everyday_nouns(captions, noun_lemmas(synsets))
    return [
        *rng.sample(captions, min(len(captions), 2500)),
        *frequent_words(captions, 4)[:2500],
        *scene_sentences(nouns, 1000, rng),
    ]


def merge_classes(log_probabilities: Tensor, groups: Tensor) -> Tensor:
    """(N, K) log probabilities of classes -> (N, G) of their groups; ``groups`` is (K,) int64."""
    merged = log_probabilities.new_zeros(len(log_probabilities), int(groups.max()) + 1)
    return merged.index_add(1, groups, log_probabilities.exp()).clamp_min(1e-8).log()


def photo_kl(log_probabilities: Tensor, similarities: Tensor) -> Tensor:
    """The other direction of ``class_kl``: which of the N photos show a class; both (N, K).

    Mean over classes of KL(p(photo | class) || softmax over photos), p(photo | class) being in
    proportion to p(class | photo). Classes that hardly occur in these photos do not count.
    """
    probabilities = log_probabilities.exp()
    mass = probabilities.sum(0)
    target = probabilities / mass.clamp_min(1e-9)
    logs = torch.log_softmax(similarities, dim=0)
    divergence = (target * (target.clamp_min(1e-9).log() - logs)).sum(0)
    weights = mass.clamp(max=1.0) * (mass > LEAST_MASS)
    return (weights * divergence).sum() / weights.sum().clamp_min(1.0)


def tag_loss(counts: Tensor, similarities: Tensor) -> Tensor:
    """Cross-entropy with several positives, words of a photo and photos of a word; both (N, W)."""
    return _several_positives(counts, similarities) + _several_positives(counts.T, similarities.T)


def _several_positives(counts: Tensor, similarities: Tensor) -> Tensor:
    total = counts.sum(1, keepdim=True)
    target = counts / total.clamp_min(1e-9)
    entropy = -(target * torch.log_softmax(similarities, dim=1)).sum(1)
    weights = total.squeeze(1).clamp(max=1.0)
    return (weights * entropy).sum() / weights.sum().clamp_min(1.0)


def refine(model: CLIP, data: RefineData, settings: RefineSettings) -> None:
    """Train the ends of both towers of ``model`` in place."""
    torch.manual_seed(settings.seed)
    towers = Towers(model)
    before = [parameter.detach().clone() for parameter in towers.parameters()]
    with torch.no_grad():
        held = towers.embed_stems(data.held_stems)
    spread = settings.feature_noise * data.class_features.std(0)
    # Logarithms of the temperatures: of pairs, of classes for a photo, of photos, of words.
    scales = nn.Parameter(torch.full((4,), 3.3))
    parameters = [*towers.parameters(), scales]
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=settings.steps, pct_start=0.1
    )

    def photos(features: Tensor) -> Tensor:
        # Noise is a substitute for image augmentation.
        return towers.embed_features(features + spread * torch.randn_like(features))

    for step in range(settings.steps):
        scale = scales.exp().clamp(max=100)
        rows = torch.randperm(len(data.pair_features))[: settings.batch]
        seen = photos(data.pair_features[rows])
        captions = data.pair_stems[rows, torch.randint(data.pair_stems.shape[1], (len(rows),))]
        pairs = info_nce(seen, towers.embed_stems(captions), scale[0])
        words = towers.embed_stems(_any_phrasing(data.tag_stems))
        tags = tag_loss(data.tag_counts[rows], scale[3] * seen @ words.T)
        loss = pairs + settings.tag_weight * tags

        rows = torch.multinomial(data.class_weights, settings.class_batch, replacement=True)
        seen = photos(data.class_features[rows])
        kls: list[float] = []
        for level in data.levels:
            cosines = seen @ towers.embed_stems(_any_phrasing(level.stems)).T
            target = merge_classes(data.class_log_probabilities[rows], level.groups)
            kl = class_kl(target, scale[1] * cosines)
            both = kl + settings.photo_weight * photo_kl(target, scale[2] * cosines)
            loss = loss + settings.class_weight * level.weight * both
            kls.append(kl.item())

        rows = torch.randint(len(held), (settings.batch,))
        moved = 1 - (towers.embed_stems(data.held_stems[rows]) * held[rows]).sum(-1).mean()
        loss = loss + settings.hold_weight * moved
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 50 == 0 or step == settings.steps - 1:
            _log.info("refine %d: pairs %.3f, words %.3f, KL %s, moved %.3f", step, pairs.item(),
                      tags.item(), ", ".join(f"{kl:.3f}" for kl in kls), moved.item())  # fmt: skip
    model.requires_grad_(requires_grad=False)
    for parameter, old in zip(towers.parameters(), before, strict=True):
        parameter.copy_(old + settings.blend * (parameter - old))


def _any_phrasing(stems: Tensor) -> Tensor:
    """One of (T, N, width), at random."""
    return stems[int(torch.randint(len(stems), ()))]
