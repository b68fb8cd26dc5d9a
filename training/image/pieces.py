"""Pieces of texts for the bag: the text model's tokens, those that training knows."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np


class Pieces:
    """Which pieces are known, and how much each weighs: those of at least two training texts, by how rare they are."""

    def __init__(self, training: list[list[int]], least: int = 2) -> None:
        counts = Counter(piece for pieces in training for piece in set(pieces))
        kept = [piece for piece, count in sorted(counts.items(), key=lambda item: (-item[1], str(item[0]))) if count >= least]
        self.rows = {piece: i + 1 for i, piece in enumerate(kept)}  # row 0: never seen
        self.weights = np.array([0.0, *(math.log(len(training) / counts[piece]) for piece in kept)], np.float32)
        self.weights /= self.weights.mean()

    def of(self, pieces: list[int]) -> list[int]:
        """Rows of the known pieces."""
        return [self.rows[piece] for piece in pieces if piece in self.rows]
