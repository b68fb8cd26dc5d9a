"""Pieces of texts for the bag: the text model's tokens, or words, stems and runs of characters."""

from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np

WORD = re.compile(r"[a-z0-9]+|[\u4e00-\u9fff]+")


def characters(text: str) -> list[str]:
    """English words, their stems and pieces of four letters; Chinese characters and runs of two and three."""
    found: list[str] = []
    for word in WORD.findall(text.lower()):
        if word[0] < "\u4e00":
            stem = re.sub(r"(ing|ed|es|s)$", "", word) if len(word) > 4 else word
            found += [word, f"{stem}*", *(f"#{word[i:i + 4]}" for i in range(len(word) - 3))]
        else:
            found += [word[i:i + n] for n in (1, 2, 3) for i in range(len(word) - n + 1)]
    return found


class Pieces:
    """Which pieces are known, and how much each weighs: those of at least two training texts, by how rare they are."""

    def __init__(self, training: list[list], least: int = 2) -> None:
        counts = Counter(piece for pieces in training for piece in set(pieces))
        kept = [piece for piece, count in sorted(counts.items(), key=lambda item: (-item[1], str(item[0]))) if count >= least]
        self.rows = {piece: i + 1 for i, piece in enumerate(kept)}  # row 0: never seen
        self.weights = np.array([0.0, *(math.log(len(training) / counts[piece]) for piece in kept)], np.float32)
        self.weights /= self.weights.mean()

    def of(self, pieces: list) -> list[int]:
        """Rows of the known pieces."""
        return [self.rows[piece] for piece in pieces if piece in self.rows]
