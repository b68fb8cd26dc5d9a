"""The network: two towers into one space. Everything in it can be said in ONNX (see `export.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from blocks import LastBlocks
from shared import CONFIG

DIMENSION: int = CONFIG["dimension"]


class Standardise(nn.Module):
    """Take away the mean and divide by the deviation of the training pictures or texts."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def measure(self, rows: Tensor) -> None:
        """Set both from a sample [n, width]."""
        self.mean.copy_(rows.mean(0))
        self.deviation.copy_(rows.std(0).clamp_min(1e-3 * float(rows.std())))

    def forward(self, rows: Tensor) -> Tensor:
        return (rows - self.mean) / self.deviation


class Head(nn.Module):
    """A linear projection, plus one through a hidden layer where `hidden` is not 0."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.standardise = Standardise(width)
        self.dropout = nn.Dropout(dropout)
        self.straight = nn.Linear(width, DIMENSION)
        self.inner = nn.Linear(width, hidden) if hidden else None
        self.outer = nn.Linear(hidden, DIMENSION) if hidden else None

    def forward(self, rows: Tensor) -> Tensor:
        rows = self.dropout(self.standardise(rows))
        out = self.straight(rows)
        if self.inner is None or self.outer is None:
            return out
        return out + self.outer(self.dropout(F.gelu(self.inner(rows), approximate="tanh")))


class Bag(nn.Module):
    """The sum of learned vectors of a text's pieces, each weighed by how rare it is, of length 1, projected."""

    def __init__(self, weights: np.ndarray, width: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("weights", torch.from_numpy(weights).float())  # [pieces]; 0 for those never seen
        self.pieces = nn.EmbeddingBag(len(weights), width, mode="sum", include_last_offset=True)
        nn.init.normal_(self.pieces.weight, std=width**-0.5)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, DIMENSION, bias=False)

    def forward(self, ids: Tensor, offsets: Tensor) -> Tensor:
        total = self.pieces(ids, offsets, per_sample_weights=self.weights[ids])
        return self.out(self.dropout(F.normalize(total, dim=1, eps=1e-6) * total.shape[1] ** 0.5))


class TextTower(nn.Module):
    """What the built-in text model says of a text, plus a bag of its pieces."""

    def __init__(self, options: dict[str, Any], weights: np.ndarray) -> None:
        super().__init__()
        self.width: int = options["model"]
        self.head = Head(self.width, options["hidden"], options["dropout"])
        self.bag = Bag(weights, options["bag_width"], options["dropout"])

    def forward(self, vectors: Tensor, ids: Tensor, offsets: Tensor) -> Tensor:
        return self.head(F.normalize(vectors[:, :self.width], dim=1)) + self.bag(ids, offsets)


class ImageTower(nn.Module):
    """A head on the backbone's pooled features; with its own last blocks if `tuned`."""

    def __init__(self, options: dict[str, Any], width: int) -> None:
        super().__init__()
        self.blocks = LastBlocks() if options["tuned"] else None
        self.head = Head(width, options["hidden"], options["dropout"])

    def forward(self, features: Tensor) -> Tensor:
        return self.head(features)


class Towers(nn.Module):
    """Both."""

    def __init__(self, options: dict[str, Any], weights: np.ndarray, features: int) -> None:
        super().__init__()
        self.text = TextTower(options["text"], weights)
        self.image = ImageTower(options["image"], features)


def contrast(first: Tensor, second: Tensor, scale: float) -> Tensor:
    """Each row of one side is to find its row of the other among all, at every prefix length."""
    target = torch.arange(len(first))
    total = first.new_zeros(())
    for prefix, weight in CONFIG["train"]["prefix_weights"].items():
        a, b = (F.normalize(side[:, :int(prefix)], dim=1) for side in (first, second))
        scores = scale * a @ b.T
        total = total + weight * (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2
    return total


def likeness(seen: Tensor, said: Tensor, told: Tensor, scale: float) -> Tensor:
    """How far pictures find labels otherwise than the backbone's classifier tells them: mean divergence, over every prefix length.

    @param told the classifier's scores [pictures, labels], before softmax.
    """
    total = seen.new_zeros(())
    wanted = torch.log_softmax(told, 1)
    for prefix, weight in CONFIG["train"]["prefix_weights"].items():
        a, b = (F.normalize(side[:, :int(prefix)], dim=1) for side in (seen, said))
        total = total + weight * F.kl_div(torch.log_softmax(scale * a @ b.T, 1), wanted, reduction="batchmean", log_target=True)
    return total
