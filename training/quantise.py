"""Number formats of the shipped file, and the same arithmetic in PyTorch.

Embedding rows: four bits in blocks of 32, as the teacher's package holds them, so that rows of the teacher lose nothing.
Positions: int8 with one scale a row. Linear layers: int8 weights with one scale an output, and activations
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
ROW_BLOCK = 32
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


def int4_blocks(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[rows, width] → uint8 [rows, width / 2] and float16 scales [rows, width / 32].

    Q4_0 of ggml: the component that is farthest from zero in a block of 32 is −8 scales, the others are rounded to −8…7. A byte
    holds two neighbours as ONNX's INT4 does: in two's complement, the first in its low half.
    """
    blocks = table.reshape(len(table), -1, ROW_BLOCK)
    farthest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)
    scale = (farthest / -8).astype(np.float16)
    divisor = np.where(scale == 0, 1, scale).astype(np.float32)
    values = np.clip(np.rint(blocks / divisor), -8, 7).astype(np.int8).view(np.uint8).reshape(len(table), -1) & 15
    return values[:, 0::2] | values[:, 1::2] << 4, scale[..., 0]


def from_int4_blocks(packed: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The rows that int4_blocks holds, float32, each product rounded to float16 as ONNX Runtime rounds it."""
    values = ((np.stack([packed & 15, packed >> 4], -1) ^ 8).astype(np.float32)) - 8
    blocks = values.reshape(len(packed), -1, ROW_BLOCK) * scale[..., None].astype(np.float32)
    return blocks.astype(np.float16).astype(np.float32).reshape(len(packed), -1)


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
        copy.encoder.words.weight.copy_(torch.from_numpy(from_int4_blocks(*int4_blocks(copy.encoder.words.weight.numpy()))))
        copy.encoder.positions.copy_(round_trip(copy.encoder.positions))
    for name in constants:
        parent, _, own = name.rpartition(".")
        holder = copy.get_submodule(parent)
        setattr(holder, own, QuantisedLinear(holder.get_submodule(own), constants[name]))  # type: ignore[arg-type]
    return copy.eval()
