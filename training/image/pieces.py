"""Pieces of texts for the bag: the text model's tokens, those that training knows."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np


@dataclass
class Pieces:
    """Which pieces are known, by row, and how much each row weighs; row 0 stands for all that training never saw."""

    rows: dict[int, int]
    weights: np.ndarray

    def of(self, pieces: list[int]) -> list[int]:
        """Rows of the known pieces."""
        return [self.rows[piece] for piece in pieces if piece in self.rows]


def counted(training: list[list[int]], least: int = 2) -> Pieces:
    """The pieces of at least so many training texts, weighed by how rare they are."""
    counts = Counter(piece for pieces in training for piece in set(pieces))
    kept = [piece for piece, count in sorted(counts.items(), key=lambda item: (-item[1], str(item[0]))) if count >= least]
    weights = np.array([0.0, *(math.log(len(training) / counts[piece]) for piece in kept)], np.float32)
    return Pieces({piece: i + 1 for i, piece in enumerate(kept)}, weights / weights.mean())
