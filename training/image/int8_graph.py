"""Networks in ONNX whose weights are int8 with one scale a channel that comes out, and are computed in float32."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def quantised(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights [channels, …] as int8, and one float32 scale a channel, of as many axes."""
    scales = (np.abs(value).max(tuple(range(1, value.ndim)), keepdims=True).clip(1e-12) / 127).astype(np.float32)
    return np.round(value / scales).astype(np.int8), scales


class Graph:
    """Collects nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        """An array by name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        """One node with one output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def floats(self, int8: str, scale: str, name: str) -> str:
        """Stored weights as float; onnxruntime makes them so once, when it loads the file."""
        return self.add("Mul", [self.add("Cast", [int8], f"{name}.cast", to=TensorProto.FLOAT), scale], f"{name}.float")
