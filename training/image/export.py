"""Step 5: write what the server loads: image.onnx, text.onnx, manifest.json. `canary.json` comes from goldens.py.

Weights are int8 with one scale a row; arithmetic is float32. Means and deviations are folded into the projections.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from backbone import FILE, SIDE
from blocks import stored_form
from int8_graph import Graph, quantised
from pieces import Pieces
from report import card_figures
from sets import photos
from shared import CONFIG, HERE, SEED, TEXT_WEIGHTS, WEIGHTS, WORK, sha256
from texts import PROMPT, WIDTH
from towers import DIMENSION, Head, TextTower, Towers

OPSET = 20


class TowerGraph(Graph):
    """What towers are made of."""

    def rows(self, name: str, value: np.ndarray) -> tuple[str, str]:
        """A matrix as int8 and one scale a row: names of both."""
        int8, scales = quantised(value)
        return self.constant(f"{name}.int8", int8), self.constant(f"{name}.scale", scales)

    def linear(self, x: str, name: str, weight: np.ndarray, bias: np.ndarray | None) -> str:
        """x [n, in] · weight [out, in]ᵀ + bias."""
        whole = self.floats(*self.rows(f"{name}.weight", weight), name)
        inputs = [x, whole] if bias is None else [x, whole, self.constant(f"{name}.bias", bias.astype(np.float32))]
        return self.add("Gemm", inputs, name, transB=1)

    def head(self, x: str, name: str, head: Head) -> str:
        """A head with the mean and deviation of its input folded into the first layers."""
        mean, deviation = (t.numpy() for t in (head.standardise.mean, head.standardise.deviation))

        def folded(part: torch.nn.Linear) -> tuple[np.ndarray, np.ndarray]:
            weight = part.weight.detach().numpy() / deviation
            return weight, part.bias.detach().numpy() - weight @ mean

        straight = self.linear(x, f"{name}.straight", *folded(head.straight))
        if head.inner is None or head.outer is None:
            return straight
        inner = self.add("Gelu", [self.linear(x, f"{name}.inner", *folded(head.inner))], f"{name}.gelu", approximate="tanh")
        outer = self.linear(inner, f"{name}.outer", head.outer.weight.detach().numpy(), head.outer.bias.detach().numpy())
        return self.add("Add", [straight, outer], f"{name}.sum")

    def unit(self, x: str, name: str) -> str:
        """Rows scaled to length 1."""
        return self.add("LpNormalization", [x], name, axis=-1, p=2)

    def model(self, name: str, inputs: list[onnx.ValueInfoProto], last: str) -> onnx.ModelProto:
        """The whole, with `last` as its output `embedding`."""
        self.add("Identity", [last], "embedding")
        out = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, DIMENSION])
        graph = helper.make_graph(self.nodes, name, inputs, [out], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        onnx.checker.check_model(model)
        return model


def image_model(towers: Towers) -> onnx.ModelProto:
    """pixels uint8 [1, 224, 224, 3] → embedding [1, 1024]: the backbone between scaling and head."""
    backbone = onnx.load(str(FILE)).graph
    wanted, nodes = {"feat"}, []
    for node in reversed(backbone.node):  # only what leads to the features
        if wanted & set(node.output):
            nodes.insert(0, node)
            wanted |= set(node.input)
    graph = TowerGraph()
    pixels = graph.add("Transpose", [graph.add("Cast", ["pixels"], "pixels.float", to=TensorProto.FLOAT)], "pixels.planes", perm=[0, 3, 1, 2])
    graph.add("Sub", [graph.add("Div", [pixels, graph.constant("half", np.array(127.5, np.float32))], "pixels.scaled"),
                      graph.constant("one", np.array(1, np.float32))], backbone.input[0].name)
    graph.nodes += nodes
    tuned = {} if towers.image.blocks is None else stored_form(towers.image.blocks)
    graph.constants += [numpy_helper.from_array(tuned[tensor.name], tensor.name) if tensor.name in tuned else tensor
                        for tensor in backbone.initializer if tensor.name in wanted]
    out = graph.head("feat", "head", towers.image.head)
    return graph.model("image", [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, SIDE, SIDE, 3])], out)


def text_model(text: TextTower, pieces: Pieces, vocabulary: int) -> onnx.ModelProto:
    """vector [1, 2048], ids [n] → embedding [1, 1024]."""
    graph = TowerGraph()
    ends = [graph.constant(name, np.array([value])) for name, value in (("first", 0), ("end", text.width), ("axis", 1))]
    vector = graph.unit(graph.add("Slice", ["vector", *ends], "prefix"), "vector.unit")
    projected = graph.head(vector, "head", text.head)
    remap = np.zeros(vocabulary, np.int32)  # row 0 weighs nothing: pieces never seen in training
    for piece, row in pieces.rows.items():
        remap[piece] = row
    int8, scale = graph.rows("pieces", text.bag.pieces.weight.detach().numpy() * pieces.weights[:, None])
    rows = graph.add("Gather", [graph.constant("remap", remap), "ids"], "rows")
    values = graph.add("Cast", [graph.add("Gather", [int8, rows], "pieces.own")], "pieces.float", to=TensorProto.FLOAT)
    scaled = graph.add("Mul", [values, graph.add("Gather", [scale, rows], "scales.own")], "pieces.scaled")
    total = graph.add("ReduceSum", [scaled, graph.constant("over", np.array([0]))], "bag", keepdims=1)
    squares = graph.add("ReduceL2", [total, graph.constant("along", np.array([1]))], "bag.length", keepdims=1)
    length = graph.add("Max", [squares, graph.constant("least", np.array(1e-6, np.float32))], "bag.divisor")
    bag = graph.linear(graph.add("Div", [total, length], "bag.unit"), "bag.out",
                       text.bag.out.weight.detach().numpy() * text.bag.pieces.embedding_dim**0.5, None)
    inputs = [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, WIDTH]),
              helper.make_tensor_value_info("ids", TensorProto.INT64, ["tokens"])]
    return graph.model("text", inputs, graph.add("Add", [projected, bag], "sum"))


def text_identity() -> str:
    """The `identity` of the server's text engine, over the same parts in the same order (engines/builtin/engine.ts)."""
    made = json.loads((TEXT_WEIGHTS / "manifest.json").read_text())
    prompt = {kind: {"ids": made["prompts"][kind]["ids"]} for kind in ("query", "document")}
    special = {name: made["special"][name] for name in ("bos", "pad", "eos", "unk")}
    parts = [made["files"]["model.onnx"]["sha256"], made["files"]["tokenizer.json"]["sha256"], special, prompt, made["chunks"]["tokens"]]
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()


def load(variant: str) -> tuple[Towers, Pieces]:
    """The trained towers of a variant, ready for use."""
    state = torch.load(WORK / f"towers-{variant}.pt", weights_only=False)
    features = state["towers"]["image.head.standardise.mean"].shape[0]
    towers = Towers(state["options"], state["pieces"].weights, features)
    towers.load_state_dict(state["towers"])
    return towers.eval(), state["pieces"]


def manifest(variant: str) -> dict[str, object]:
    """Everything a server must know, and where the model comes from."""
    metrics = WORK / "metrics.json"
    names = [name for name in ("image.onnx", "text.onnx", "canary.json") if (WEIGHTS / name).exists()]
    return {
        "name": CONFIG["name"], "version": CONFIG["version"], "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "files": {name: {"bytes": (WEIGHTS / name).stat().st_size, "sha256": sha256(WEIGHTS / name)} for name in names},
        "dimension": DIMENSION, "dimensions": CONFIG["dimensions"], "side": SIDE,
        "pixels": "sRGB, 8 bits, upright, alpha on white; squashed to side × side by the triangle filter of Pillow's BILINEAR (antialiased)",
        "text": {"identity": text_identity(), "textType": PROMPT,
                 "note": "vector: what the text model says of the text, raw; ids: its tokens without prompt and special tokens"},
        "output": "embedding: not normalised; an embedding of d dimensions is the first d components scaled to length 1",
        "arithmetic": "weights int8 by row, computed in float32",
        "variant": variant, "seed": SEED, "config_sha256": sha256(HERE / "config.json"),
        **json.loads((HERE / "description.json").read_text()),
        "metrics": json.loads(metrics.read_text()) if metrics.exists() else {},
    }


def card(variant: str) -> str:
    """The model card, with the figures that evaluate.py found."""
    metrics = WORK / "metrics.json"
    described = json.loads((HERE / "description.json").read_text())
    sizes = {item.name: item.dims for item in onnx.load(str(WEIGHTS / "text.onnx")).graph.initializer}
    hidden = sizes.get("head.inner.weight.int8")
    values = {
        "bytes": f"{sum((WEIGHTS / name).stat().st_size for name in ('image.onnx', 'text.onnx')) / 1e6:.1f}",
        "text_width": f"{sizes['head.straight.weight.int8'][1]:,}",
        "photos": f"{len(photos('train')) - (0 if variant.endswith('-whole') else CONFIG['dev_photos']):,}",
        "hidden": f"{hidden[0]:,}" if hidden else "no",
        "figures": card_figures(json.loads(metrics.read_text())) if metrics.exists() else "Not measured yet.",
        "sources": "\n".join(f"- {source['name']}: {source['licence']}" for source in described["sources"]),
    }
    text = (HERE / "model-card.template.md").read_text()
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def main() -> None:
    """Write the models, then what is said of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--variant", default="tuned-whole")
    parser.add_argument("--manifest-only", action="store_true", help="after goldens.py and evaluate.py")
    arguments = parser.parse_args()
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    if not arguments.manifest_only:
        towers, pieces = load(arguments.variant)
        vocabulary = json.loads((TEXT_WEIGHTS / "manifest.json").read_text())["vocabulary"]
        onnx.save(image_model(towers), str(WEIGHTS / "image.onnx"))
        onnx.save(text_model(towers.text, pieces, vocabulary), str(WEIGHTS / "text.onnx"))
    (WEIGHTS / "manifest.json").write_text(json.dumps(manifest(arguments.variant), indent=1, ensure_ascii=False) + "\n")
    (WEIGHTS / "MODEL_CARD.md").write_text(card(arguments.variant))
    for file in sorted(WEIGHTS.iterdir()):
        print(f"{file.name:16} {file.stat().st_size:>12,}")


if __name__ == "__main__":
    main()
