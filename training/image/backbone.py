"""The pretrained MobileNetV2: a picture as it sees it, and what is read out of it."""

from __future__ import annotations

import random

import numpy as np
import onnx
import onnxruntime
from PIL import Image

from shared import BACKBONE, CONFIG

SIDE: int = CONFIG["picture"]["side"]
FILE = BACKBONE / "mobilenet_v2_1.0_224_int8weights.onnx"
MIDDLE = "t156"
"""Input of the blocks of stride 32: [96, 14, 14]."""
LATE = "t163"
"""Input of the last two blocks: [160, 7, 7]. What comes before it stays as it is."""


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


def pooled(maps: np.ndarray) -> np.ndarray:
    """Middle maps [n, 96, 14, 14] → the mean of each quarter of the picture and the peak of the whole: float32 [n, 480]."""
    n = len(maps)
    quarters = maps.reshape(n, 96, 2, 7, 2, 7).mean((3, 5), dtype=np.float32).reshape(n, -1)
    return np.concatenate([quarters, maps.max((2, 3)).astype(np.float32)], axis=1)


def one_thread(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """A network on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


class Backbone:
    """Pictures in; pooled features and the map before the last blocks out."""

    def __init__(self) -> None:
        model = onnx.load(str(FILE))
        model.graph.output.append(onnx.helper.make_tensor_value_info(MIDDLE, onnx.TensorProto.FLOAT, None))
        self.session = one_thread(model)
        self.input = self.session.get_inputs()[0].name

    def see(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 [224, 224, 3] → features [1280], map [96, 14, 14]."""
        features, middle = self.session.run(["feat", MIDDLE], {self.input: scaled(pixels)})
        return features[0], middle[0]


def classifier() -> tuple[np.ndarray, np.ndarray]:
    """The weights by which the backbone tells the 1,000 labels from its features, [1000, 1280], and the biases, [1000]."""
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(str(FILE)).graph.initializer}
    rows = tensors["w64_q"].astype(np.float32) * tensors["w64_s"]
    return rows.reshape(1001, 1280)[1:], tensors["b64"].astype(np.float32)[1:]  # row 0 is "background"
