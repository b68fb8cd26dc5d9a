"""Models of texts and pictures as ONNX graphs, with the inputs and outputs of the exports that people download.

Weights by their names in the checkpoints of transformers' CLIPModel, SiglipModel and ChineseCLIPModel.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from graph import Graph, Weights, floats, tokens_input


def norm(graph: Graph, x: str, weights: Weights, name: str, epsilon: float) -> str:
    """Layer normalisation."""
    affine = [graph.constant(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias")]
    return graph.add("LayerNormalization", [x, *affine], f"{name}.normed", axis=-1, epsilon=epsilon)


def activation(graph: Graph, x: str, kind: str, output: str) -> str:
    """CLIP's x · σ(1.702 x), or SigLIP's GELU by tanh."""
    if kind == "gelu_pytorch_tanh":
        return graph.add("Gelu", [x], output, approximate="tanh")
    gate = graph.add("Sigmoid", [graph.add("Mul", [x, graph.number(1.702)], f"{output}.scaled")], f"{output}.gate")
    return graph.add("Mul", [x, gate], output)


def encoder(graph: Graph, x: str, weights: Weights, prefix: str, config: dict, bias: str) -> str:
    """Transformer layers that normalise first."""
    heads, epsilon = config["num_attention_heads"], config["layer_norm_eps"]
    for index in range(config["num_hidden_layers"]):
        name = f"{prefix}.encoder.layers.{index}"
        own = norm(graph, x, weights, f"{name}.layer_norm1", epsilon)
        q, k, v = (graph.heads(graph.linear(own, weights, f"{name}.self_attn.{part}_proj", f"{name}.{part}"), heads,
                               f"{name}.{part}.heads") for part in ("q", "k", "v"))
        mixed = graph.attention(q, k, v, bias, name, config["hidden_size"] // heads)
        out = graph.linear(mixed, weights, f"{name}.self_attn.out_proj", f"{name}.out")
        x = graph.add("Add", [out, x], f"{name}.sum1")
        own = norm(graph, x, weights, f"{name}.layer_norm2", epsilon)
        inner = activation(graph, graph.linear(own, weights, f"{name}.mlp.fc1", f"{name}.up"), config["hidden_act"], f"{name}.act")
        x = graph.add("Add", [graph.linear(inner, weights, f"{name}.mlp.fc2", f"{name}.down"), x], f"{name}.sum2")
    return x


def row(graph: Graph, x: str, index: int, output: str) -> str:
    """The state of one place: [batch, length, hidden] → [batch, hidden]."""
    return graph.add("Squeeze", [graph.add("Gather", [x, graph.integers(index)], f"{output}.row", axis=1), graph.integers(1)], output)


def embedded_tokens(graph: Graph, weights: Weights) -> tuple[str, str]:
    """Token plus position, and how many tokens there are."""
    table = graph.constant("tokens", weights["text_model.embeddings.token_embedding.weight"])
    words = graph.add("Gather", [table, "input_ids"], "words")
    length = graph.add("Shape", ["input_ids"], "length", start=1, end=2)
    places = graph.constant("places", weights["text_model.embeddings.position_embedding.weight"])
    positions = graph.add("Slice", [places, graph.integers(0), length, graph.integers(0)], "positions")
    return graph.add("Add", [words, positions], "embedded"), length


def clip_text(weights: Weights, config: dict, shape: list[int] | None = None) -> onnx.ModelProto:
    """CLIP's texts: every token sees those before it; the vector is that of the end token, whose id is the largest."""
    graph = Graph()
    x, length = embedded_tokens(graph, weights)
    most = config["max_position_embeddings"]
    later = graph.constant("later", np.triu(np.full((most, most), -3e38, np.float32), 1))
    ends = graph.add("Concat", [length, length], "square", axis=0)
    bias = graph.add("Slice", [later, graph.integers(0, 0), ends, graph.integers(0, 1)], "causal")
    x = encoder(graph, x, weights, "text_model", config, bias)
    x = norm(graph, x, weights, "text_model.final_layer_norm", config["layer_norm_eps"])
    end = graph.add("Unsqueeze", [graph.add("ArgMax", ["input_ids"], "end", axis=1, keepdims=1), graph.integers(2)], "end.wide")
    width = graph.add("Expand", [end, graph.integers(1, 1, config["hidden_size"])], "end.rows")
    pooled = graph.add("Squeeze", [graph.add("GatherElements", [x, width], "end.states", axis=1), graph.integers(1)], "pooler_output")
    graph.linear(pooled, weights, "text_projection", "text_embeds")
    rows = "text_batch_size" if shape is None else shape[0]
    ids = tokens_input("input_ids") if shape is None else helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape)
    size = weights["text_projection.weight"].shape[0]
    return graph.model([ids], [floats("text_embeds", rows, size), floats("pooler_output", rows, config["hidden_size"])])


def siglip_text(weights: Weights, config: dict) -> onnx.ModelProto:
    """SigLIP's texts: every token sees all, also those that fill up; the vector is that of the last place."""
    graph = Graph()
    x, _ = embedded_tokens(graph, weights)
    x = encoder(graph, x, weights, "text_model", config, graph.number(0))
    x = norm(graph, x, weights, "text_model.final_layer_norm", config["layer_norm_eps"])
    graph.add("Identity", [x], "last_hidden_state")
    graph.linear(row(graph, x, -1, "last.state"), weights, "text_model.head", "pooler_output")
    hidden = config["hidden_size"]
    return graph.model([tokens_input("input_ids")], [floats("last_hidden_state", "batch_size", "sequence_length", hidden),
                                                     floats("pooler_output", "batch_size", hidden)])


def patches(graph: Graph, weights: Weights, config: dict) -> str:
    """Pictures as rows of patches, without positions."""
    size, hidden = config["patch_size"], config["hidden_size"]
    name = "vision_model.embeddings.patch_embedding"
    parts = [graph.constant(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias") if f"{name}.{part}" in weights]
    grid = graph.add("Conv", ["pixel_values", *parts], "grid", kernel_shape=[size, size], strides=[size, size])
    flat = graph.add("Reshape", [grid, graph.integers(0, hidden, -1)], "grid.flat")
    return graph.add("Transpose", [flat], "patches", perm=[0, 2, 1])


def pixels_input(config: dict) -> onnx.ValueInfoProto:
    """Pictures, prepared."""
    return floats("pixel_values", "image_batch_size", 3, config["image_size"], config["image_size"])


def clip_vision(weights: Weights, config: dict, output: str = "image_embeds") -> onnx.ModelProto:
    """CLIP's pictures: the vector is that of a token of its own, projected."""
    graph, hidden = Graph(), config["hidden_size"]
    rows = patches(graph, weights, config)
    batch = graph.add("Shape", ["pixel_values"], "image.batch", start=0, end=1)
    shape = graph.add("Concat", [batch, graph.integers(1, hidden)], "image.class.shape", axis=0)
    own = graph.constant("image.class", weights["vision_model.embeddings.class_embedding"].reshape(1, 1, hidden))
    joined = graph.add("Concat", [graph.add("Expand", [own, shape], "image.class.rows"), rows], "image.rows", axis=1)
    places = graph.constant("image.places", weights["vision_model.embeddings.position_embedding.weight"])
    x = norm(graph, graph.add("Add", [joined, places], "image.embedded"), weights, "vision_model.pre_layrnorm", config["layer_norm_eps"])
    x = encoder(graph, x, weights, "vision_model", config, graph.number(0))
    pooled = norm(graph, row(graph, x, 0, "image.first"), weights, "vision_model.post_layernorm", config["layer_norm_eps"])
    graph.linear(pooled, weights, "visual_projection", output)
    return graph.model([pixels_input(config)], [floats(output, "image_batch_size", weights["visual_projection.weight"].shape[0])])


def siglip_vision(weights: Weights, config: dict) -> onnx.ModelProto:
    """SigLIP's pictures: a learned question to all patches gives the vector."""
    graph, hidden, heads = Graph(), config["hidden_size"], config["num_attention_heads"]
    epsilon = config["layer_norm_eps"]
    places = graph.constant("image.places", weights["vision_model.embeddings.position_embedding.weight"])
    x = graph.add("Add", [patches(graph, weights, config), places], "image.embedded")
    x = encoder(graph, x, weights, "vision_model", config, graph.number(0))
    x = norm(graph, x, weights, "vision_model.post_layernorm", epsilon)
    graph.add("Identity", [x], "last_hidden_state")
    name = "vision_model.head"
    split = {f"head.{part}.{kind}": value for kind in ("weight", "bias")
             for part, value in zip("qkv", np.split(weights[f"{name}.attention.in_proj_{kind}"], 3), strict=True)}
    split |= {f"head.out.{kind}": weights[f"{name}.attention.out_proj.{kind}"] for kind in ("weight", "bias")}
    probe = graph.constant("head.probe", weights[f"{name}.probe"])
    q, k, v = (graph.heads(graph.linear(rows, split, f"head.{part}", f"head.{part}.rows"), heads, f"head.{part}.heads")
               for part, rows in (("q", probe), ("k", x), ("v", x)))
    out = graph.linear(graph.attention(q, k, v, graph.number(0), "head", hidden // heads), split, "head.out", "head.mixed.out")
    own = norm(graph, out, weights, f"{name}.layernorm", epsilon)
    inner = activation(graph, graph.linear(own, weights, f"{name}.mlp.fc1", "head.up"), config["hidden_act"], "head.act")
    whole = graph.add("Add", [out, graph.linear(inner, weights, f"{name}.mlp.fc2", "head.down")], "head.sum")
    graph.add("Squeeze", [whole, graph.integers(1)], "pooler_output")
    return graph.model([pixels_input(config)], [floats("last_hidden_state", "image_batch_size", "patches", hidden),
                                                floats("pooler_output", "image_batch_size", hidden)])


def joint(text: onnx.ModelProto, picture: onnx.ModelProto, extra: Graph, outputs: list[onnx.ValueInfoProto],
          first: Graph | None = None) -> onnx.ModelProto:
    """Both in one graph, as some exports are: every run computes both and compares them. `first` makes inputs of the text's."""
    made = [] if first is None else [name for node in first.nodes for name in node.output]
    graphs = [text.graph, picture.graph]
    constants = {constant.name: constant for graph in graphs for constant in graph.initializer}
    for more in (extra, first):
        constants |= {} if more is None else more.constants
    nodes = [*([] if first is None else first.nodes), *(node for graph in graphs for node in graph.node), *extra.nodes]
    inputs = [given for graph in graphs for given in graph.input if given.name not in made]
    whole = helper.make_graph(nodes, "model", inputs, outputs, list(constants.values()))
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def compared(extra: Graph, text: str, picture: str, prefix: str) -> list[str]:
    """Vectors of unit length and all their products, as the exports give them beside the vectors."""
    units = []
    for name in (text, picture):
        length = extra.add("ReduceL2", [name, extra.integers(-1)], f"{name}.length", keepdims=1)
        units.append(extra.add("Div", [name, length], f"{prefix}{name}"))
    turned = extra.add("Transpose", [units[1]], "images.turned", perm=[1, 0])
    extra.add("MatMul", [units[0], turned], "logits_per_text")
    return units


def joint_outputs(text: str, picture: str, units: list[str], size: int) -> list[onnx.ValueInfoProto]:
    """What a graph of both gives."""
    return [floats("logits_per_text", "text_batch_size", "image_batch_size"),
            *(floats(name, "text_batch_size", size) for name in (text, units[0])),
            *(floats(name, "image_batch_size", size) for name in (picture, units[1]))]
