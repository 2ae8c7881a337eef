"""One space for photos and texts: a linear map of image features, an MLP of MiniLM embeddings.

Trained with InfoNCE on Flickr8k's pairs plus, with more weight, the KL divergence between the class
probabilities of EfficientNet's classifier and those from similarities to ImageNet's class names.
The second loss teaches the appearance of the 1,000 names and, through MiniLM, of related words.
"""

import logging
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.lite.ingredients import FEATURE_DIM
from trainer.lite.minilm import MINILM_DIM

EMBED_DIM = 384
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TeacherSettings:
    """Hyperparameters of the teacher. ``kl_weight`` matters most (docs/lite.md)."""

    steps: int = 400
    batch: int = 512
    kl_batch: int = 1024
    kl_weight: float = 10.0
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    hidden: int = 1024
    dropout: float = 0.1
    feature_noise: float = 0.3
    seed: int = 0


class TextHead(nn.Module):
    """MiniLM embedding (N, 384) -> unit-norm (N, 384): an MLP with a linear shortcut."""

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        self.shortcut = nn.Linear(MINILM_DIM, EMBED_DIM)
        self.mlp = nn.Sequential(
            nn.Linear(MINILM_DIM, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, EMBED_DIM),
        )

    def forward(self, sentences: Tensor) -> Tensor:
        # MiniLM's entries are near 0.05; the layers expect about 1.
        x = sentences * MINILM_DIM**0.5
        return functional.normalize(self.shortcut(x) + self.mlp(x), dim=-1)


class Teacher(nn.Module):
    """Both heads, with the features' standardisation and one learned temperature per loss."""

    def __init__(self, settings: TeacherSettings, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.image = nn.Linear(FEATURE_DIM, EMBED_DIM)
        self.text = TextHead(settings.hidden, settings.dropout)
        self.pair_scale = nn.Parameter(torch.tensor(3.0))
        self.class_scale = nn.Parameter(torch.tensor(3.0))
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def standardise(self, features: Tensor) -> Tensor:
        """(N, 1280) raw pooled features -> zero mean, unit deviation."""
        return (features - self.mean) / self.std

    def embed_images(self, features: Tensor) -> Tensor:
        """(N, 1280) raw pooled features -> (N, 384) unit norm."""
        return functional.normalize(self.image(self.standardise(features)), dim=-1)

    def embed_texts(self, sentences: Tensor) -> Tensor:
        """(N, 384) MiniLM embeddings -> (N, 384) unit norm."""
        return self.text(sentences)


@dataclass(frozen=True)
class TeacherData:
    """Training data of the teacher.

    ``pair_features`` (N, 1280) with ``pair_texts`` a list of N (k, 384) caption embeddings;
    ``class_features`` (M, 1280) with ``class_log_probabilities`` (M, K) by the classifier and
    ``class_weights`` (M,), the sampling weights; ``name_texts`` (T, K, 384), T phrasings of the K
    names.
    """

    pair_features: Tensor
    pair_texts: list[Tensor]
    class_features: Tensor
    class_log_probabilities: Tensor
    class_weights: Tensor
    name_texts: Tensor


def info_nce(images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
    """Symmetric cross-entropy of matching N images with N texts, both (N, D) unit norm."""
    logits = scale * images @ texts.T
    target = torch.arange(len(logits))
    return 0.5 * (
        functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)
    )


def class_kl(log_probabilities: Tensor, similarities: Tensor) -> Tensor:
    """Mean over photos of KL(p || softmax(similarities)), p given as logs; both (N, K)."""
    return functional.kl_div(
        torch.log_softmax(similarities, dim=-1),
        log_probabilities,
        reduction="batchmean",
        log_target=True,
    )


def train_teacher(data: TeacherData, settings: TeacherSettings) -> Teacher:
    """Train both heads (a minute on two cores) and return them ready to use."""
    torch.manual_seed(settings.seed)
    everything = torch.cat([data.pair_features, data.class_features])
    teacher = Teacher(settings, everything.mean(0), everything.std(0).clamp_min(1e-3))
    optimiser = torch.optim.AdamW(
        teacher.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=settings.learning_rate, total_steps=settings.steps
    )
    batch = min(settings.batch, len(data.pair_features))
    for step in range(settings.steps):
        rows = torch.randperm(len(data.pair_features))[:batch]
        captions = torch.stack(
            [t[int(torch.randint(len(t), ()))] for t in (data.pair_texts[i] for i in rows)]
        )
        pairs = info_nce(
            _embed_noisily(teacher, data.pair_features[rows], settings),
            teacher.embed_texts(captions),
            teacher.pair_scale.exp().clamp(max=100),
        )
        rows = torch.multinomial(data.class_weights, settings.kl_batch, replacement=True)
        wording = data.name_texts[torch.randint(len(data.name_texts), ())]
        photos = _embed_noisily(teacher, data.class_features[rows], settings)
        similarities = teacher.class_scale.exp().clamp(max=100) * (
            photos @ teacher.embed_texts(wording).T
        )
        kl = class_kl(data.class_log_probabilities[rows], similarities)
        loss = pairs + settings.kl_weight * kl
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 100 == 0 or step == settings.steps - 1:
            _log.info("teacher %d: pairs %.3f, KL %.3f", step, pairs.item(), kl.item())
    return teacher.eval().requires_grad_(False)


def _embed_noisily(teacher: Teacher, features: Tensor, settings: TeacherSettings) -> Tensor:
    """Embed with noise on the standardised features, as a substitute for image augmentation."""
    x = teacher.standardise(features)
    if settings.feature_noise:
        x = x + settings.feature_noise * torch.randn_like(x)
    return functional.normalize(teacher.image(x), dim=-1)
