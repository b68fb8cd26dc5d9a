"""The backbone's last three blocks and last convolution in PyTorch, so that they can be tuned; what comes before them stays as it is.

Activations are [n, height, width, channels], so that the 1 × 1 convolutions are plain products. The depthwise convolutions
stay as they are too: they hold 1 % of the weights, and their gradient would take half of the time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

from backbone import FILE
from int8_graph import quantised
from shared import FAST, WORK

BLOCKS = (("39", "40", "41"), ("42", "43", "44"), ("45", "46", "47"))
"""The three convolutions of each block by their numbers in the backbone's file; the input is added to what a block but the last puts out."""
LAST = "48"
LAYERS = (*(layer for block in BLOCKS for layer in block), LAST)
DEPTHWISE = {block[1] for block in BLOCKS}


def stored() -> dict[str, np.ndarray]:
    """Weights (float32, by layer: w…) and biases (b…) of the last blocks, as the backbone's file has them."""
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(str(FILE)).graph.initializer}
    weights = {f"w{layer}": tensors[f"w{layer}_q"].astype(np.float32) * tensors[f"w{layer}_s"] for layer in LAYERS}
    return {**weights, **{f"b{layer}": tensors[f"b{layer}"].astype(np.float32) for layer in LAYERS}}


def late(name: str) -> Tensor:
    """The maps before the last blocks of one view of one set: [n, 7, 7, 192], float16."""
    with np.load(WORK / f"{name}.npz") as view:
        return torch.from_numpy(view["maps"])


class Depthwise(torch.autograd.Function):
    """A convolution of each channel by itself, whose weights are not trained."""

    @staticmethod
    def forward(context: Any, rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        context.save_for_backward(weight)
        return convolved(rows, weight, bias)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = context.saved_tensors
        return convolved(gradients[0], weight.flip(2, 3), None), None, None


def convolved(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """[n, height, width, channels] → the same shape; borders are zero."""
    return F.conv2d(rows.permute(0, 3, 1, 2), weight, bias, padding=weight.shape[2] // 2, groups=len(weight)).permute(0, 2, 3, 1)


class LastBlocks(nn.Module):
    """Maps [n, 7, 7, 192] → pooled features [n, 1280], float32."""

    def __init__(self) -> None:
        super().__init__()
        tensors = {name: torch.from_numpy(value) for name, value in stored().items()}
        fixed = {kind + layer for kind in "wb" for layer in DEPTHWISE}
        self.layers = nn.ParameterDict({name: nn.Parameter(value, requires_grad=name not in fixed) for name, value in tensors.items()})

    def point(self, rows: Tensor, layer: str) -> Tensor:
        """A 1 × 1 convolution."""
        return F.linear(rows, self.layers[f"w{layer}"].flatten(1).to(FAST), self.layers[f"b{layer}"].to(FAST))

    def depth(self, rows: Tensor, layer: str) -> Tensor:
        """A depthwise one."""
        return Depthwise.apply(rows, self.layers[f"w{layer}"].to(FAST), self.layers[f"b{layer}"].to(FAST))

    def forward(self, maps: Tensor) -> Tensor:
        maps = maps.to(FAST)
        for widened, filtered, narrowed in BLOCKS:
            out = self.point(F.relu6(self.depth(F.relu6(self.point(maps, widened)), filtered)), narrowed)
            maps = out + maps if out.shape == maps.shape else out
        return F.relu6(self.point(maps, LAST)).float().mean((1, 2))


def stored_form(blocks: LastBlocks) -> dict[str, np.ndarray]:
    """Tensors to put in the place of those of the same names in the backbone's file."""
    found: dict[str, np.ndarray] = {}
    for layer in LAYERS:
        found[f"w{layer}_q"], found[f"w{layer}_s"] = quantised(blocks.layers[f"w{layer}"].detach().numpy())
        found[f"b{layer}"] = blocks.layers[f"b{layer}"].detach().numpy()
    return found
