"""Number formats of the shipped file, and the same arithmetic in PyTorch.

Embedding rows, positions: int8 with one scale a row. Linear layers: int8 weights with one scale an output, and activations
quantised at run time, with one scale a token, so that the texts of a batch do not influence each other. Before that, every
input channel is divided by a constant and the weights of the channel multiplied by it (SmoothQuant, arXiv 2211.10438), so
that a few large channels do not leave the others without digits.
Weights use −63…63 only: processors without VNNI add two products in 16 bits, and 2 · 255 · 63 still fits.
"""

from __future__ import annotations

from collections.abc import Callable

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


def smoothing(student: Student, sequences: list[list[int]], strength: float = 0.5) -> dict[str, np.ndarray]:
    """For each linear layer, by name, the constants [inputs]: largest input ** strength / largest weight ** (1 − strength)."""
    largest: dict[str, Tensor] = {}

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor], Tensor], None]:
        def note(_module: nn.Module, inputs: tuple[Tensor], _output: Tensor) -> None:
            seen = inputs[0].abs().reshape(-1, inputs[0].shape[-1]).amax(0)
            largest[name] = torch.maximum(largest[name], seen) if name in largest else seen
        return note

    linear = {name: module for name, module in student.named_modules() if isinstance(module, nn.Linear)}
    handles = [module.register_forward_hook(hook(name)) for name, module in linear.items()]
    with torch.no_grad():
        for ids in sequences:
            student(torch.tensor([ids]))
    for handle in handles:
        handle.remove()
    result = {}
    for name, module in linear.items():
        weight = module.weight.detach().abs().amax(0).clamp_min(1e-5)
        constants = largest[name].clamp_min(1e-5) ** strength / weight ** (1 - strength)
        result[name] = (constants / constants.log().mean().exp()).numpy().astype(np.float32)
    return result


class QuantisedLinear(nn.Module):
    """A linear layer computed as the shipped file computes it."""

    def __init__(self, linear: nn.Linear, constants: np.ndarray) -> None:
        super().__init__()
        self.divide = torch.from_numpy(1 / constants)
        self.weight = round_trip(linear.weight.detach() * torch.from_numpy(constants), WEIGHT_RANGE)
        self.bias = linear.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """x [..., inputs], rounded to −127…127 times one scale a row first."""
        x = x * self.divide
        scale = x.abs().amax(-1, keepdim=True) * (1 / 127)
        return nn.functional.linear(torch.round(x / scale.clamp_min(1e-30)) * scale, self.weight, self.bias)


def quantised(student: Student, constants: dict[str, np.ndarray]) -> Student:
    """A copy of the student which holds and uses the numbers of the shipped file."""
    copy = Student(student.encoder.words.num_embeddings)
    copy.load_state_dict(student.state_dict())
    with torch.no_grad():
        for table in (copy.encoder.words.weight, copy.encoder.positions):
            table.copy_(round_trip(table))
    for name in constants:
        parent, _, own = name.rpartition(".")
        holder = copy.get_submodule(parent)
        setattr(holder, own, QuantisedLinear(holder.get_submodule(own), constants[name]))  # type: ignore[arg-type]
    return copy.eval()
