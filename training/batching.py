"""Batches of a few fixed shapes: every new shape costs the CPU library a compilation, many shapes cost most of the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from text import PAD

WIDTHS = (8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 108, 128, 160, 192, 224, 264, 320, 400, 512)


def width_of(length: int) -> int:
    """The smallest width that holds a sequence."""
    return next(width for width in WIDTHS if width >= length)


def padded(sequences: list[list[int]], rows: int = 0, pad: int = PAD) -> tuple[Tensor, Tensor]:
    """ids and mask (1 = token) [rows, width]; missing rows repeat the last sequence."""
    width = width_of(max(map(len, sequences)))
    sequences = sequences + [sequences[-1]] * (rows - len(sequences))
    ids = torch.full((len(sequences), width), pad)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return ids, (torch.arange(width)[None] < lengths[:, None]).float()


def by_width(lengths: list[int], members: list[int]) -> dict[int, list[int]]:
    """Members grouped by the width they need."""
    groups: dict[int, list[int]] = {}
    for index in members:
        groups.setdefault(width_of(lengths[index]), []).append(index)
    return groups


def run(network: Callable[[Tensor, Tensor], Tensor], sequences: list[list[int]], tokens: int, pad: int = PAD) -> np.ndarray:
    """Network outputs of all sequences, in their order, float32."""
    result: np.ndarray | None = None
    for chosen, rows in _plan(sequences, tokens):
        output = network(*padded([sequences[i] for i in chosen], rows, pad))[: len(chosen)].float().numpy()
        if result is None:
            result = np.zeros((len(sequences), output.shape[1]), np.float32)
        result[chosen] = output
    assert result is not None
    return result


def _plan(sequences: list[list[int]], tokens: int) -> Iterator[tuple[list[int], int]]:
    """(sequence numbers, rows of the batch): all batches of one width have the same number of rows."""
    groups = by_width([len(sequence) for sequence in sequences], list(range(len(sequences))))
    for width, group in sorted(groups.items()):
        rows = max(1, tokens // width)
        for start in range(0, len(group), rows):
            yield group[start:start + rows], rows


def run_by_length(network: Callable[[np.ndarray], np.ndarray], sequences: list[list[int]], tokens: int,
                  told: Callable[[int], None] = lambda _: None) -> np.ndarray:
    """Outputs of a network that takes sequences of one length only, because nothing may be padded; in their order, float32.

    `tokens`: at most so many a call, but one sequence at least. `told` hears how many more are done.
    """
    groups: dict[int, list[int]] = {}
    for number, ids in enumerate(sequences):
        groups.setdefault(len(ids), []).append(number)
    result: np.ndarray | None = None
    for length, group in sorted(groups.items()):
        size = max(1, tokens // length)
        for part in (group[start:start + size] for start in range(0, len(group), size)):
            output = network(np.array([sequences[number] for number in part], np.int64))
            if result is None:
                result = np.zeros((len(sequences), output.shape[1]), np.float32)
            result[part] = output
            told(len(part))
    assert result is not None
    return result
