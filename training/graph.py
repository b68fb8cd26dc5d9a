"""The ONNX graph of the student, built node by node: input_ids [batch, length] → embedding [batch, 2048].

Three ways to hold the linear layers are kept, so that their speed and accuracy can be compared (bench_engine.py):
  blocks    com.microsoft MatMulNBits, 8 bits: int8 activations by block, rows independent of each other   (shipped)
  dynamic   com.microsoft DynamicQuantizeMatMul: one scale for the activations of a whole call
  float     int8 weights, dequantised when the file is loaded, float32 arithmetic
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import quantise
from student import DIMENSION, WINDOW, Student
from teachers import HEADS, HIDDEN, Layer

Variant = Literal["blocks", "dynamic", "float"]
MS = "com.microsoft"


class Graph:
    """Collects nodes and constants."""

    def __init__(self, variant: Variant, block: int) -> None:
        self.variant, self.block = variant, block
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        """Store an array once, by name."""
        self.constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: object) -> str:
        """One node with one output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def linear(self, x: str, layer: nn.Linear, output: str) -> str:
        """x · weightᵀ + bias."""
        weight, bias = layer.weight.detach().numpy(), self.constant(f"{output}.bias", layer.bias.detach().numpy())
        if self.variant == "blocks":
            values, scale = quantise.weight_blocks(weight, self.block)
            inputs = [x, self.constant(f"{output}.weight", values), self.constant(f"{output}.scale", scale.reshape(-1))]
            if quantise.ZERO != 128:
                inputs.append(self.constant(f"{output}.zero", np.full(scale.size, quantise.ZERO, np.uint8)))
            product = self.add("MatMulNBits", inputs, f"{output}.product", MS, K=weight.shape[1], N=weight.shape[0],
                               bits=8, block_size=self.block, accuracy_level=4)
            return self.add("Add", [product, bias], output)
        values, scale = quantise.int8_rows(weight)
        held = self.constant(f"{output}.weight", values.T)
        factor = self.constant(f"{output}.scale", scale[:, 0])
        if self.variant == "dynamic":
            return self.add("DynamicQuantizeMatMul", [x, held, factor, "", bias], output, MS)
        full = self.add("DequantizeLinear", [held, factor], f"{output}.float", axis=1)
        return self.add("Add", [self.add("MatMul", [x, full], f"{output}.product"), bias], output)

    def norm(self, x: str, layer: nn.LayerNorm, output: str, residual: str | None = None) -> str:
        """Layer normalisation of x, or of x + residual."""
        gamma = self.constant(f"{output}.gamma", layer.weight.detach().numpy())
        beta = self.constant(f"{output}.beta", layer.bias.detach().numpy())
        if residual is None:
            return self.add("LayerNormalization", [x, gamma, beta], output, axis=-1, epsilon=1e-12)
        return self.add("SkipLayerNormalization", [residual, x, gamma, beta], output, MS, epsilon=1e-12)

    def layer(self, x: str, layer: Layer, name: str) -> str:
        """One transformer layer."""
        qkv = self.linear(x, layer.qkv, f"{name}.qkv")
        parts = [f"{name}.{part}" for part in "qkv"]
        self.nodes.append(helper.make_node("Split", [qkv], parts, name=f"{name}.split", axis=-1, num_outputs=3))
        mixed = self.add("MultiHeadAttention", parts, f"{name}.mixed", MS, num_heads=HEADS)
        x = self.norm(self.linear(mixed, layer.out, f"{name}.out"), layer.norm1, f"{name}.norm1", x)
        inner = self.add("Gelu", [self.linear(x, layer.up, f"{name}.up")], f"{name}.gelu")
        return self.norm(self.linear(inner, layer.down, f"{name}.down"), layer.norm2, f"{name}.norm2", x)


def build(student: Student, variant: Variant = "blocks", block: int = quantise.BLOCK) -> onnx.ModelProto:
    """The whole model."""
    graph = Graph(variant, block)
    encoder = student.encoder
    axis1 = graph.constant("axis1", np.array([1]))
    values, scale = quantise.int8_rows(encoder.words.weight.detach().numpy())
    rows = graph.add("Gather", [graph.constant("words", values), "input_ids"], "words.rows")
    factor = graph.add("Gather", [graph.constant("words.scale", scale), "input_ids"], "words.factor")
    words = graph.add("Mul", [graph.add("Cast", [rows], "words.cast", to=TensorProto.FLOAT), factor], "words.float")
    values, scale = quantise.int8_rows(encoder.positions.detach().numpy())
    length = graph.add("Shape", ["input_ids"], "length", start=1, end=2)
    zero = graph.constant("zero", np.array([0]))
    rows = graph.add("Slice", [graph.constant("positions", values), zero, length, zero], "positions.rows")
    factor = graph.add("Slice", [graph.constant("positions.scale", scale), zero, length, zero], "positions.factor")
    positions = graph.add("Mul", [graph.add("Cast", [rows], "positions.cast", to=TensorProto.FLOAT), factor], "positions.float")
    x = graph.norm(graph.add("Add", [words, positions], "sum"), encoder.norm, "embeddings")
    pooled = [graph.add("ReduceMean", [x, axis1], "pooled.0", keepdims=0)]
    for number, layer in enumerate(encoder.layers, 1):
        x = graph.layer(x, layer, f"layer{number}")
        pooled.append(graph.add("ReduceMean", [x, axis1], f"pooled.{number}", keepdims=0))
    states = graph.add("Concat", pooled, "states", axis=-1)
    graph.add("Concat", [graph.linear(pooled[-1], student.head, "head"), graph.linear(states, student.wide, "wide")],
              "embedding", axis=-1)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "quiver-text-builtin",
            [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIMENSION])],
            list(graph.constants.values())),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(MS, 1)], ir_version=10, producer_name="quiver")
    model.doc_string = f"window {WINDOW}, hidden {HIDDEN}"
    return model
