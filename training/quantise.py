"""Number formats of the shipped file, and the same arithmetic in PyTorch.

Embedding rows and positions: int8, one scale a row. Linear layers: 8-bit blocks of BLOCK inputs with one scale each,
weights −RANGE…RANGE stored around ZERO; at run time the activations are quantised too, int8 in the same blocks.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from student import Student

BLOCK = 64
ZERO, RANGE = 128, 127


def int8_rows(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[rows, width] → int8 values and float32 scales [rows, 1]."""
    scale = np.maximum(np.abs(table).max(1, keepdims=True), 1e-8).astype(np.float32) / 127
    return np.rint(table / scale).astype(np.int8), scale


def weight_blocks(weight: np.ndarray, block: int = BLOCK) -> tuple[np.ndarray, np.ndarray]:
    """[outputs, inputs] → uint8 [outputs, blocks, block] around ZERO, and float32 scales [outputs, blocks]."""
    grouped = weight.reshape(weight.shape[0], -1, block)
    scale = np.maximum(np.abs(grouped).max(-1, keepdims=True), 1e-8).astype(np.float32) / RANGE
    values = np.clip(np.rint(grouped / scale), -RANGE, RANGE) + ZERO
    return values.astype(np.uint8), scale[..., 0]


def quantised_weight(weight: Tensor) -> Tensor:
    """The weight the file really holds, as floats."""
    values, scale = weight_blocks(weight.detach().numpy())
    return torch.from_numpy(((values.astype(np.float32) - ZERO) * scale[..., None]).reshape(weight.shape))


class QuantisedLinear(nn.Module):
    """A linear layer computed as the shipped file computes it."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = quantised_weight(linear.weight)
        self.bias = linear.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """x [..., inputs], quantised to int8 in blocks first."""
        grouped = x.reshape(*x.shape[:-1], -1, BLOCK)
        scale = grouped.abs().amax(-1, keepdim=True) / 127
        rounded = torch.round(grouped / scale.clamp_min(1e-30)) * scale
        return nn.functional.linear(rounded.reshape(x.shape), self.weight, self.bias)


def quantised(student: Student) -> Student:
    """A copy of the student which holds and uses the numbers of the shipped file."""
    copy = Student(student.encoder.words.num_embeddings)
    copy.load_state_dict(student.state_dict())
    with torch.no_grad():
        for table in (copy.encoder.words.weight, copy.encoder.positions):
            values, scale = int8_rows(table.numpy())
            table.copy_(torch.from_numpy(values * scale))
    for module in list(copy.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                setattr(module, name, QuantisedLinear(child))
    return copy.eval()
