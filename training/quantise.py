"""Number formats of the shipped file, and the same arithmetic in PyTorch.

Embedding rows, positions: int8 with one scale a row. Linear layers: int8 weights with one scale an output, and activations
quantised at run time, with one scale a token, so that the texts of a batch do not influence each other.
Weights use −63…63 only: processors without VNNI add two products in 16 bits, and 2 · 255 · 63 still fits.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from student import Student

WEIGHT_RANGE = 63
BLOCK, BLOCK_ZERO, BLOCK_RANGE = 64, 128, 127  # the block format, for comparison only


def int8_rows(table: np.ndarray, largest: int = 127) -> tuple[np.ndarray, np.ndarray]:
    """[rows, width] → int8 values −largest…largest and float32 scales [rows, 1]."""
    scale = np.maximum(np.abs(table).max(1, keepdims=True), 1e-8).astype(np.float32) / largest
    return np.rint(table / scale).astype(np.int8), scale


def weight_blocks(weight: np.ndarray, block: int = BLOCK) -> tuple[np.ndarray, np.ndarray]:
    """[outputs, inputs] → uint8 [outputs, blocks, block] around BLOCK_ZERO, and float32 scales [outputs, blocks]."""
    grouped = weight.reshape(weight.shape[0], -1, block)
    scale = np.maximum(np.abs(grouped).max(-1, keepdims=True), 1e-8).astype(np.float32) / BLOCK_RANGE
    values = np.clip(np.rint(grouped / scale), -BLOCK_RANGE, BLOCK_RANGE) + BLOCK_ZERO
    return values.astype(np.uint8), scale[..., 0]


def round_trip(table: Tensor, largest: int = 127) -> Tensor:
    """The numbers the file really holds, as floats."""
    values, scale = int8_rows(table.detach().numpy(), largest)
    return torch.from_numpy(values * scale)


class QuantisedLinear(nn.Module):
    """A linear layer computed as the shipped file computes it."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = round_trip(linear.weight, WEIGHT_RANGE)
        self.bias = linear.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """x [..., inputs], rounded to −127…127 times one scale a row first."""
        scale = x.abs().amax(-1, keepdim=True) * (1 / 127)
        return nn.functional.linear(torch.round(x / scale.clamp_min(1e-30)) * scale, self.weight, self.bias)


def quantised(student: Student) -> Student:
    """A copy of the student which holds and uses the numbers of the shipped file."""
    copy = Student(student.encoder.words.num_embeddings)
    copy.load_state_dict(student.state_dict())
    with torch.no_grad():
        for table in (copy.encoder.words.weight, copy.encoder.positions):
            table.copy_(round_trip(table))
    for module in list(copy.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                setattr(module, name, QuantisedLinear(child))
    return copy.eval()
