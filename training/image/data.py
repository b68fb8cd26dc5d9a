"""What training draws from: features of pictures, vectors and pieces of texts, and batches of both."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backbone import classifier
from blocks import late
from check_leakage import without_leaks
from pieces import counted
from sets import Pictured, dev_photos, emoji, labels, photos, trained_emoji
from shared import CONFIG, WORK
from texts import TEMPLATES, TextModel, text_vectors
from towers import ImageTower

Inputs = tuple[Tensor, Tensor, Tensor]
"""What the text tower takes: vectors [n, 2048], rows of pieces one after the other, and where each text's begin [n + 1]."""


def view(name: str) -> np.ndarray:
    """The features of one view of one set, float32 [n, 1280]."""
    with np.load(WORK / f"{name}.npz") as file:
        return file["features"].astype(np.float32)


def features_of(tower: ImageTower, name: str) -> np.ndarray:
    """The features that a picture tower takes of one view of one set: float32 [n, 1280]."""
    if tower.blocks is None:
        return view(name)
    maps = late(name)
    with torch.no_grad():
        return np.concatenate([tower.blocks(maps[i:i + 250]).numpy() for i in range(0, len(maps), 250)])


class Texts:
    """Every computed text, ready for the text tower."""

    def __init__(self, training: list[str]) -> None:
        self.rows, self.vectors = text_vectors()
        known = list(self.rows)
        split = TextModel().ids(known)
        self.pieces = counted([split[self.rows[text]] for text in dict.fromkeys(training) if text in self.rows])
        self.bags = [np.array(self.pieces.of(pieces), np.int64) for pieces in split]

    def __call__(self, items: list[str]) -> Inputs:
        """The inputs of texts."""
        at = [self.rows[text] for text in items]
        bags = [self.bags[i] for i in at]
        offsets = np.cumsum([0, *map(len, bags)])
        return torch.from_numpy(self.vectors[at].astype(np.float32)), torch.from_numpy(np.concatenate(bags)), torch.from_numpy(offsets)


@dataclass
class Split:
    """Pictures with their texts and, by view, their features."""

    items: list[Pictured]
    views: list[np.ndarray]


class Training:
    """The training pictures: photos but those of dev (unless `whole`), emoji but those held out, and the label words."""

    def __init__(self, whole: bool, views: list[str]) -> None:
        items, dev = photos("train"), dev_photos()
        kept = [i for i in range(len(items)) if whole or i not in dev]
        self.kept = kept
        self.photos = Split([without_leaks(items[i]) for i in kept], [view(f"train-{name}")[kept] for name in views])
        signs = trained_emoji()
        self.emoji = Split([without_leaks(emoji()[i]) for i in signs], [view("emoji-plain")[signs]])

    def texts(self) -> list[str]:
        """All texts that are trained on."""
        pictured = [text for item in [*self.photos.items, *self.emoji.items] for texts in item.texts.values() for text in texts]
        return [*pictured, *(name for label in labels() for names in label.values() for name in names)]


@functools.cache
def directions() -> tuple[np.ndarray, np.ndarray]:
    """
    Where the features of each class lie from those of other pictures, by two guesses: unit rows [1000, 1280] of each.

    The classifier's own row is the direction in which it looks for the class. It is also what is left of the class's mean after the
    features' covariance is divided out (linear discriminant analysis), so that multiplying by the covariance, as photos have it, gives
    back which features come together. On train photos of which the backbone is sure, the mean of a class lies at a cosine of .36 to
    the first and of .50 to the second; but photos know little of what most labels are.
    """
    rows, features = classifier()[0], view("train-plain")
    covariance = np.cov(features.T)
    evened = covariance + CONFIG["train"]["labels"]["evened"] * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    first, second = (found / np.linalg.norm(found, axis=1, keepdims=True) for found in (rows, (rows - rows.mean(0)) @ evened))
    return first.astype(np.float32), second.astype(np.float32)


def imagined(draw: np.random.Generator, features: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """
    Features as a picture of each class would have them: those of some photo, weakened, moved in one of the class's directions.

    There are no pictures of the classes to train on. Moved so far that the backbone's classifier is about as sure as it is of
    pictures, the photo's rest stands for all that pictures have besides.

    @param features of the photos to draw from [n, 1280]
    @param classes numbers of the labels [classes]
    """
    options = CONFIG["train"]["labels"]
    base = features[draw.integers(len(features), size=len(classes))]
    kept = draw.uniform(*options["kept"], size=(len(classes), 1)).astype(np.float32)
    which = draw.random((len(classes), 1)) < options["by_row"]
    moved = [draw.uniform(*strength, size=(len(classes), 1)).astype(np.float32) * rows[classes]
             for strength, rows in zip(options["strength"], directions(), strict=True)]
    return np.maximum(kept * base + np.where(which, *moved), 0)


def of_language(item: Pictured, known: dict[str, int]) -> dict[str, list[list[str]]]:
    """A picture's computed texts by language, each a list of kinds; where it has none in one, those of the other."""
    kinds = {kind: [text for text in texts if text in known] for kind, texts in item.texts.items()}
    every = [texts for texts in kinds.values() if texts]
    return {lang: [texts for kind, texts in kinds.items() if kind.startswith(lang) and texts] or every for lang in ("en", "zh")}


def label(index: int, lang: str, known: dict[str, int], draw: random.Random) -> str:
    """One of a label's names, alone or in a template."""
    text = draw.choice(TEMPLATES[lang]).format(draw.choice(labels()[index][lang]))
    return text if text in known else labels()[index][lang][0]


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Options with some changed, nested ones too."""
    return {**base, **{key: merged(base[key], value) if isinstance(value, dict) and key in base else value for key, value in changes.items()}}
