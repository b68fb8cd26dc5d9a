"""The pretrained backbone (convert.py): a picture as it sees it, and what is read out of it."""

from __future__ import annotations

import random

import numpy as np
import onnx
import onnxruntime
from PIL import Image

from convert import FILE
from shared import CONFIG

SIDE: int = CONFIG["picture"]["side"]
LATE = "block12"
"""Input of the last three blocks: [192, 7, 7]. What comes before it stays as it is."""


def squash(picture: Image.Image, box: tuple[float, float, float, float] | None = None) -> np.ndarray:
    """A picture, or a box of it, as uint8 [224, 224, 3], squashed, not cropped: the training photos came so."""
    return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR, box))


def random_crop(picture: Image.Image, draw: random.Random) -> np.ndarray:
    """A random part of a picture, at least `least_area` of it, mirrored or not."""
    area = draw.uniform(CONFIG["views"]["least_area"], 1)
    stretch = draw.uniform(0.8, 1.25) ** 0.5
    width, height = (min(1, area**0.5 * factor) for factor in (stretch, 1 / stretch))
    left, top = draw.uniform(0, 1 - width), draw.uniform(0, 1 - height)
    box = (left * picture.width, top * picture.height, (left + width) * picture.width, (top + height) * picture.height)
    pixels = squash(picture, box)
    return pixels[:, ::-1] if draw.random() < 0.5 else pixels


def scaled(pixels: np.ndarray) -> np.ndarray:
    """uint8 [224, 224, 3] → float32 [1, 3, 224, 224] in −1…1."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32) / 127.5 - 1


def one_thread(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """A network on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


class Backbone:
    """Pictures in; pooled features and the map before the last blocks out."""

    def __init__(self) -> None:
        model = onnx.load(str(FILE))
        model.graph.output.append(onnx.helper.make_tensor_value_info(LATE, onnx.TensorProto.FLOAT, None))
        self.session = one_thread(model)

    def see(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 [224, 224, 3] → features [1280], map [7, 7, 192]."""
        features, maps = self.session.run(["feat", LATE], {"picture": scaled(pixels)})
        return features[0], maps[0].transpose(1, 2, 0)


def classifier() -> tuple[np.ndarray, np.ndarray]:
    """The weights by which the backbone tells the 1,000 labels from its features, [1000, 1280], and the biases, [1000]."""
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(str(FILE)).graph.initializer}
    return tensors["classes_q"].astype(np.float32) * tensors["classes_s"], tensors["classes_b"].copy()
