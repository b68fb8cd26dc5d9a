"""The static model: a vector for each piece of the vocabulary; a text is the sum of its pieces' vectors, at length 1.

No network runs, so it is two orders of magnitude faster than the student, and it knows no word order. How much a piece
weighs in the sum is the length of its row, so weights cost nothing extra. Rows are int8 with one scale each; a prefix of a
vector is a vector too. See Model2Vec (github.com/MinishLab/model2vec) and SIF, Arora et al. 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from quantise import int8_rows


@dataclass
class Bags:
    """Texts as their piece ids, one after another; text i has ids[starts[i]:starts[i + 1]]."""

    ids: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def batch(self, chosen: np.ndarray) -> tuple[Tensor, Tensor]:
        """ids of the chosen texts, and the offset of each text in them, as `embedding_bag` takes them."""
        parts = [self.ids[self.starts[i]:self.starts[i + 1]] for i in chosen]
        lengths = np.array([len(part) for part in parts])
        return torch.from_numpy(np.concatenate(parts).astype(np.int64)), torch.from_numpy(np.cumsum(lengths) - lengths)


def bags(sequences: list[list[int]], most: int) -> Bags:
    """Bags of sequences, each cut at `most` ids."""
    lengths = [min(len(sequence), most) for sequence in sequences]
    ids = np.concatenate([np.array(sequence[:most], np.int32) for sequence in sequences])
    return Bags(ids, np.concatenate([[0], np.cumsum(lengths)]))


def quantised(table: np.ndarray) -> np.ndarray:
    """The rows which the shipped file holds: int8 with one scale a row, as floats."""
    values, scale = int8_rows(table)
    return values.astype(np.float32) * scale


def held(folder: Path) -> np.ndarray:
    """The rows of a folder of weights, as floats."""
    scales = np.fromfile(folder / "scales.f32", "<f4")
    return np.fromfile(folder / "rows.i8", np.int8).reshape(len(scales), -1) * scales[:, None]


def embed(table: np.ndarray, sequences: list[list[int]]) -> np.ndarray:
    """Unit vectors [n, width] of id sequences; a text without ids is zero."""
    total = np.stack([table[sequence].sum(0) if sequence else np.zeros(table.shape[1], np.float32) for sequence in sequences])
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)
