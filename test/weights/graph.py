"""Encoders and decoders as ONNX graphs, node by node, with the inputs and outputs of the exports that people download.

Plain operators of the standard opset only, as an exporter writes them; whoever loads the file fuses what it can.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Weights = dict[str, np.ndarray]


class Graph:
    """Collects nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        """Store an array once, by name."""
        self.constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def integers(self, *values: int) -> str:
        """A list of integers as a constant."""
        return self.constant("int." + ".".join(map(str, values)), np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A float as a constant."""
        return self.constant(f"float.{value}", np.array(value, np.float32))

    def add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        """One node with one output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def linear(self, x: str, weights: Weights, name: str, output: str) -> str:
        """x · weightᵀ + bias, the bias where there is one."""
        weight = self.constant(f"{name}.weight", weights[f"{name}.weight"].T)
        if f"{name}.bias" not in weights:
            return self.add("MatMul", [x, weight], output)
        product = self.add("MatMul", [x, weight], f"{output}.product")
        return self.add("Add", [product, self.constant(f"{name}.bias", weights[f"{name}.bias"])], output)

    def heads(self, x: str, count: int, output: str) -> str:
        """[batch, length, count · size] → [batch, count, length, size]."""
        split = self.add("Reshape", [x, self.integers(0, 0, count, -1)], f"{output}.split")
        return self.add("Transpose", [split], output, perm=[0, 2, 1, 3])

    def attention(self, q: str, k: str, v: str, bias: str, name: str, size: int) -> str:
        """Softmax attention of heads [batch, heads, length, size] → [batch, length, heads · size]."""
        keys = self.add("Transpose", [k], f"{name}.keys", perm=[0, 1, 3, 2])
        scores = self.add("MatMul", [q, keys], f"{name}.scores")
        scaled = self.add("Div", [scores, self.number(float(np.sqrt(size)))], f"{name}.scaled")
        weights = self.add("Softmax", [self.add("Add", [scaled, bias], f"{name}.masked")], f"{name}.weights", axis=-1)
        mixed = self.add("MatMul", [weights, v], f"{name}.mixed")
        rows = self.add("Transpose", [mixed], f"{name}.rows", perm=[0, 2, 1, 3])
        return self.add("Reshape", [rows, self.integers(0, 0, -1)], f"{name}.joined")

    def model(self, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]) -> onnx.ModelProto:
        """The whole file."""
        graph = helper.make_graph(self.nodes, "model", inputs, outputs, list(self.constants.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def tokens_input(name: str) -> onnx.ValueInfoProto:
    """An integer for each token."""
    return helper.make_tensor_value_info(name, TensorProto.INT64, ["batch_size", "sequence_length"])


def floats(name: str, *shape: str | int) -> onnx.ValueInfoProto:
    """A float tensor of the graph's interface."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def bert(weights: Weights, config: dict, *, heads_of: str = "last_hidden_state") -> onnx.ModelProto:
    """BERT, or XLM-RoBERTa if `model_type` says so; weights by their names in the checkpoint.

    Inputs as the exporters name them: RoBERTa's have no token types and count positions from the padding id on.
    """
    graph, layers, hidden = Graph(), config["num_hidden_layers"], config["hidden_size"]
    heads, epsilon = config["num_attention_heads"], config["layer_norm_eps"]
    is_roberta = config["model_type"] == "xlm-roberta"

    def norm(x: str, name: str, output: str) -> str:
        affine = [graph.constant(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias")]
        return graph.add("LayerNormalization", [x, *affine], output, axis=-1, epsilon=epsilon)

    def table(part: str) -> str:
        return graph.constant(f"embeddings.{part}", weights[f"embeddings.{part}_embeddings.weight"])

    words = graph.add("Gather", [table("word"), "input_ids"], "words")
    if is_roberta:
        running = graph.add("CumSum", ["attention_mask", graph.integers(1)], "running")
        kept = graph.add("Mul", [running, "attention_mask"], "kept")
        places = graph.add("Add", [kept, graph.integers(config["pad_token_id"])], "places")
        positions = graph.add("Gather", [table("position"), places], "positions")
        kinds = graph.constant("kind", weights["embeddings.token_type_embeddings.weight"][0])
    else:
        length = graph.add("Shape", ["input_ids"], "length", start=1, end=2)
        positions = graph.add("Slice", [table("position"), graph.integers(0), length, graph.integers(0)], "positions")
        kinds = graph.add("Gather", [table("token_type"), "token_type_ids"], "kinds")
    summed = graph.add("Add", [graph.add("Add", [words, kinds], "words.kinds"), positions], "summed")
    x = norm(summed, "embeddings.LayerNorm", "embedded")
    mask = graph.add("Cast", [graph.add("Unsqueeze", ["attention_mask", graph.integers(1, 2)], "mask.wide")], "mask",
                     to=TensorProto.FLOAT)
    bias = graph.add("Mul", [graph.add("Sub", [graph.number(1), mask], "hidden"), graph.number(-3e38)], "bias")
    for index in range(layers):
        name = f"encoder.layer.{index}"
        q, k, v = (graph.heads(graph.linear(x, weights, f"{name}.attention.self.{part}", f"{name}.{part}"), heads,
                               f"{name}.{part}.heads") for part in ("query", "key", "value"))
        mixed = graph.attention(q, k, v, bias, name, hidden // heads)
        out = graph.linear(mixed, weights, f"{name}.attention.output.dense", f"{name}.out")
        x = norm(graph.add("Add", [out, x], f"{name}.sum1"), f"{name}.attention.output.LayerNorm", f"{name}.norm1")
        inner = graph.add("Gelu", [graph.linear(x, weights, f"{name}.intermediate.dense", f"{name}.up")], f"{name}.gelu")
        down = graph.linear(inner, weights, f"{name}.output.dense", f"{name}.down")
        x = norm(graph.add("Add", [down, x], f"{name}.sum2"), f"{name}.output.LayerNorm", f"{name}.norm2")
    inputs = [tokens_input("input_ids"), tokens_input("attention_mask")]
    if not is_roberta:
        inputs.append(tokens_input("token_type_ids"))
    graph.add("Identity", [x], heads_of)
    return graph.model(inputs, [floats(heads_of, "batch_size", "sequence_length", hidden)])


def qwen3(weights: Weights, config: dict) -> onnx.ModelProto:
    """Qwen3 without its language head, with the cache inputs and outputs of decoder exports."""
    graph, layers, hidden = Graph(), config["num_hidden_layers"], config["hidden_size"]
    heads, groups, size = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]

    def norm(x: str, name: str, output: str) -> str:
        square = graph.add("Mul", [x, x], f"{output}.square")
        mean = graph.add("ReduceMean", [square, graph.integers(-1)], f"{output}.mean")
        root = graph.add("Sqrt", [graph.add("Add", [mean, graph.number(config["rms_norm_eps"])], f"{output}.eps")],
                         f"{output}.root")
        unit = graph.add("Div", [x, root], f"{output}.unit")
        return graph.add("Mul", [unit, graph.constant(f"{name}.weight", weights[f"{name}.weight"])], output)

    frequency = config["rope_theta"] ** -(np.arange(0, size, 2, dtype=np.float64) / size)
    places = graph.add("Unsqueeze", [graph.add("Cast", ["position_ids"], "places", to=TensorProto.FLOAT),
                                     graph.integers(1, 3)], "places.wide")
    angle = graph.add("Mul", [places, graph.constant("frequency", np.tile(frequency, 2).astype(np.float32))], "angle")
    cosine, sine = graph.add("Cos", [angle], "cosine"), graph.add("Sin", [angle], "sine")

    def rotate(x: str, output: str) -> str:
        half = [graph.integers(0), graph.integers(size // 2), graph.integers(size), graph.integers(3)]
        first = graph.add("Slice", [x, half[0], half[1], half[3]], f"{output}.first")
        second = graph.add("Neg", [graph.add("Slice", [x, half[1], half[2], half[3]], f"{output}.last")], f"{output}.second")
        turned = graph.add("Concat", [second, first], f"{output}.turned", axis=-1)
        return graph.add("Add", [graph.add("Mul", [x, cosine], f"{output}.cos"),
                                 graph.add("Mul", [turned, sine], f"{output}.sin")], output)

    length = graph.add("Shape", ["input_ids"], "length", start=1, end=2)
    whole = graph.add("Shape", ["attention_mask"], "whole", start=1, end=2)
    ones = graph.add("Expand", [graph.number(-3e38), graph.add("Concat", [length, whole], "square", axis=0)], "ones")
    past = graph.add("Sub", [whole, length], "past")
    first = graph.add("Add", [graph.add("Squeeze", [past], "past.number"), graph.constant("one", np.array(1, np.int64))], "next")
    causal = graph.add("Trilu", [ones, first], "causal", upper=1)
    mask = graph.add("Cast", [graph.add("Unsqueeze", ["attention_mask", graph.integers(1, 2)], "mask.wide")], "mask",
                     to=TensorProto.FLOAT)
    padding = graph.add("Mul", [graph.add("Sub", [graph.number(1), mask], "hidden"), graph.number(-3e38)], "padding")
    bias = graph.add("Min", [causal, padding], "bias")
    x = graph.add("Gather", [graph.constant("embed_tokens", weights["embed_tokens.weight"]), "input_ids"], "embedded")
    inputs = [tokens_input(name) for name in ("input_ids", "attention_mask", "position_ids")]
    outputs = [floats("last_hidden_state", "batch_size", "sequence_length", hidden)]
    for index in range(layers):
        name = f"layers.{index}"
        own = norm(x, f"{name}.input_layernorm", f"{name}.norm1")
        q, k, v = (graph.heads(graph.linear(own, weights, f"{name}.self_attn.{part}_proj", f"{name}.{part}"), count,
                               f"{name}.{part}.heads") for part, count in (("q", heads), ("k", groups), ("v", groups)))
        q = rotate(norm(q, f"{name}.self_attn.q_norm", f"{name}.q.norm"), f"{name}.q.rotated")
        k = rotate(norm(k, f"{name}.self_attn.k_norm", f"{name}.k.norm"), f"{name}.k.rotated")
        cached = []
        for part, new in (("key", k), ("value", v)):
            old, present = f"past_key_values.{index}.{part}", f"present.{index}.{part}"
            inputs.append(floats(old, "batch_size", groups, "past_sequence_length", size))
            outputs.append(floats(present, "batch_size", groups, "total_sequence_length", size))
            graph.add("Concat", [old, new], present, axis=2)
            wide = graph.add("Unsqueeze", [present, graph.integers(2)], f"{name}.{part}.wide")
            shape = graph.add("Concat", [graph.integers(1, 1, heads // groups, 1, 1)], f"{name}.{part}.shape", axis=0)
            spread = graph.add("Expand", [wide, shape], f"{name}.{part}.spread")
            total = graph.add("Shape", [present], f"{name}.{part}.sizes", start=2, end=4)
            joined = graph.add("Concat", [graph.integers(0, heads), total], f"{name}.{part}.joined.shape", axis=0)
            cached.append(graph.add("Reshape", [spread, joined], f"{name}.{part}.joined"))
        mixed = graph.attention(q, cached[0], cached[1], bias, name, size)
        x = graph.add("Add", [x, graph.linear(mixed, weights, f"{name}.self_attn.o_proj", f"{name}.out")], f"{name}.sum1")
        own = norm(x, f"{name}.post_attention_layernorm", f"{name}.norm2")
        gate = graph.linear(own, weights, f"{name}.mlp.gate_proj", f"{name}.gate")
        swish = graph.add("Mul", [gate, graph.add("Sigmoid", [gate], f"{name}.sigmoid")], f"{name}.swish")
        inner = graph.add("Mul", [swish, graph.linear(own, weights, f"{name}.mlp.up_proj", f"{name}.up")], f"{name}.inner")
        x = graph.add("Add", [x, graph.linear(inner, weights, f"{name}.mlp.down_proj", f"{name}.down")], f"{name}.sum2")
    norm(x, "norm", "last_hidden_state")
    return graph.model(inputs, outputs)
