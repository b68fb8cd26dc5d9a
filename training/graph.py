"""The ONNX graph of the student, built node by node: input_ids [batch, length] → embedding [batch, 2048].

Five ways to hold the linear layers are kept, so that their speed and accuracy can be compared (bench_engine.py):
  rows      int8 activations with one scale a token, int8 weights with one scale an output
  mixed     rows, but the second linear layer of the feed-forward part, whose input is the hardest to round, as float
  blocks    com.microsoft MatMulNBits, 8 bits: int8 activations and weights in blocks of inputs
  dynamic   com.microsoft DynamicQuantizeMatMul: one scale for the activations of a whole call
  float     int8 weights, dequantised when the file is loaded, float32 arithmetic
Only in `dynamic` do the texts of a batch influence each other.
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

Variant = Literal["rows", "mixed", "blocks", "dynamic", "float"]
MS = "com.microsoft"


class Graph:
    """Collects nodes and constants. Activations are [batch · length, units] except where a comment says otherwise."""

    def __init__(self, variant: Variant, block: int, smoothing: dict[str, np.ndarray]) -> None:
        self.variant, self.block, self.smoothing = variant, block, smoothing
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

    def rounded(self, x: str) -> tuple[str, str]:
        """x as uint8 around 128 with one scale a row, and the scales [rows, 1]."""
        last = self.constant("last", np.array([-1]))
        largest = self.add("ReduceMax", [self.add("Abs", [x], f"{x}.abs"), last], f"{x}.largest", keepdims=1)
        step = self.add("Mul", [largest, self.constant("step", np.array(1 / 127, np.float32))], f"{x}.step")
        flat = self.add("Reshape", [step, last], f"{x}.step.flat")
        middle = self.add("Expand", [self.constant("middle", np.array(128, np.uint8)), self.add("Shape", [flat], f"{x}.rows")],
                          f"{x}.middle")
        return self.add("QuantizeLinear", [x, flat, middle], f"{x}.uint8", axis=0), step

    def product(self, x: str, layer: nn.Linear, output: str) -> str:
        """x · weightᵀ; the bias is left to the next node, which can add it at no cost."""
        weight = layer.weight.detach().numpy()
        variant = self.variant
        if variant == "mixed":
            variant = "float" if output.endswith((".down", "head", "wide")) else "rows"
        if variant == "rows":
            constants = self.smoothing[output]
            weight = weight * constants
            x = self.add("Mul", [x, self.constant(f"{output}.divide", 1 / constants)], f"{output}.smooth")
        if variant == "blocks":
            values, scale = quantise.weight_blocks(weight, self.block)
            inputs = [x, self.constant(f"{output}.weight", values), self.constant(f"{output}.scale", scale.reshape(-1))]
            return self.add("MatMulNBits", inputs, f"{output}.product", MS, K=weight.shape[1], N=weight.shape[0],
                            bits=8, block_size=self.block, accuracy_level=4)
        values, scale = quantise.int8_rows(weight, quantise.WEIGHT_RANGE if variant in ("rows", "dynamic") else 127)
        held = self.constant(f"{output}.weight", values.T)
        factor = self.constant(f"{output}.scale", scale[:, 0])
        if variant == "rows":
            rounded, step = self.rounded(x)
            one, middle = self.constant("one", np.array(1, np.float32)), self.constant("middle", np.array(128, np.uint8))
            whole = self.add("MatMulIntegerToFloat", [rounded, held, one, factor, middle], f"{output}.whole", MS)
            return self.add("Mul", [whole, step], f"{output}.product")
        if variant == "dynamic":
            return self.add("DynamicQuantizeMatMul", [x, held, factor], f"{output}.product", MS)
        return self.add("MatMul", [x, self.add("DequantizeLinear", [held, factor], f"{output}.float", axis=1)], f"{output}.product")

    def bias(self, layer: nn.Linear, output: str) -> str:
        """The bias of a layer."""
        return self.constant(f"{output}.bias", layer.bias.detach().numpy())

    def norm(self, x: str, layer: nn.LayerNorm, output: str, extra: list[str] | None = None) -> str:
        """Layer normalisation of x, or of x + extra[0] (residual) + extra[1] (bias)."""
        affine = [self.constant(f"{output}.gamma", layer.weight.detach().numpy()),
                  self.constant(f"{output}.beta", layer.bias.detach().numpy())]
        if extra is None:
            return self.add("LayerNormalization", [x, *affine], output, axis=-1, epsilon=1e-12)
        return self.add("SkipLayerNormalization", [extra[0], x, *affine, extra[1]], output, MS, epsilon=1e-12)

    def layer(self, x: str, layer: Layer, name: str) -> str:
        """One transformer layer; "shape" is [batch, length, 384], "tokens" is [−1, 384]."""
        qkv = self.product(x, layer.qkv, f"{name}.qkv")
        parts = [f"{name}.{part}" for part in "qkv"]
        self.nodes.append(helper.make_node("Split", [qkv], parts, name=f"{name}.split", axis=-1, num_outputs=3))
        whole = [self.add("Reshape", [part, "shape"], f"{part}.whole") for part in parts]
        mixed = self.add("MultiHeadAttention", [*whole, self.bias(layer.qkv, f"{name}.qkv")], f"{name}.mixed", MS, num_heads=HEADS)
        mixed = self.add("Reshape", [mixed, "tokens"], f"{name}.mixed.flat")
        x = self.norm(self.product(mixed, layer.out, f"{name}.out"), layer.norm1, f"{name}.norm1",
                      [x, self.bias(layer.out, f"{name}.out")])
        inner = self.add("BiasGelu", [self.product(x, layer.up, f"{name}.up"), self.bias(layer.up, f"{name}.up")], f"{name}.gelu", MS)
        return self.norm(self.product(inner, layer.down, f"{name}.down"), layer.norm2, f"{name}.norm2",
                         [x, self.bias(layer.down, f"{name}.down")])

    def pooled(self, x: str, number: int) -> str:
        """Mean over the tokens of each row, scaled to length 1; [batch, 384]."""
        whole = self.add("Reshape", [x, "shape"], f"states.{number}")
        mean = self.add("ReduceMean", [whole, self.constant("axis1", np.array([1]))], f"pooled.{number}", keepdims=0)
        return self.add("LpNormalization", [mean], f"unit.{number}", axis=-1, p=2)

    def looked_up(self, name: str, values: np.ndarray, ids: str) -> str:
        """Rows of a table in blocks of four bits, as floats."""
        held, scale = quantise.int4_blocks(values)
        self.constants[name] = helper.make_tensor(name, TensorProto.INT4, values.shape, held.tobytes(), raw=True)
        found = self.add("GatherBlockQuantized", [name, ids, self.constant(f"{name}.scale", scale)], f"{name}.rows", MS,
                         block_size=quantise.ROW_BLOCK, gather_axis=0, quantize_axis=1)
        return self.add("Cast", [found], f"{name}.float", to=TensorProto.FLOAT)

    def sliced(self, name: str, values: np.ndarray, bounds: list[str]) -> str:
        """The rows of an int8 table within bounds, as floats."""
        held, scale = quantise.int8_rows(values)
        found = self.add("Slice", [self.constant(name, held), *bounds], f"{name}.rows")
        factor = self.add("Slice", [self.constant(f"{name}.scale", scale), *bounds], f"{name}.factor")
        return self.add("Mul", [self.add("Cast", [found], f"{name}.cast", to=TensorProto.FLOAT), factor], f"{name}.float")


def build(student: Student, smoothing: dict[str, np.ndarray], variant: Variant = "rows",
          block: int = quantise.BLOCK) -> onnx.ModelProto:
    """The whole model; `smoothing` as quantise.smoothing gives it."""
    graph = Graph(variant, block, smoothing)
    encoder = student.encoder
    length = graph.add("Shape", ["input_ids"], "length", start=1, end=2)
    sizes = graph.add("Shape", ["input_ids"], "sizes")
    graph.add("Concat", [sizes, graph.constant("hidden", np.array([HIDDEN]))], "shape", axis=0)
    graph.constant("tokens", np.array([-1, HIDDEN]))
    zero = graph.constant("zero", np.array([0]))
    words = graph.looked_up("words", encoder.words.weight.detach().numpy(), "input_ids")
    positions = graph.sliced("positions", encoder.positions.detach().numpy(), [zero, length, zero])
    summed = graph.add("Reshape", [graph.add("Add", [words, positions], "sum"), "tokens"], "sum.flat")
    x = graph.norm(summed, encoder.norm, "embeddings")
    states = [graph.pooled(x, 0)] if 0 in student.reads else []
    for number, layer in enumerate(encoder.layers, 1):
        x = graph.layer(x, layer, f"encoder.layers.{number - 1}")
        if number in student.reads:
            states.append(graph.pooled(x, number))
    every = graph.add("Concat", states, "every", axis=-1)
    parts = [graph.add("Add", [graph.product(source, layer, name), graph.bias(layer, name)], name)
             for name, source, layer in (("head", states[-1], student.head), ("wide", every, student.wide))]
    graph.add("Concat", parts, "embedding", axis=-1)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "quiver-text-builtin",
            [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIMENSION])],
            list(graph.constants.values())),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(MS, 1)], ir_version=10, producer_name="quiver")
    model.doc_string = f"window {WINDOW}, hidden {HIDDEN}"
    return model
