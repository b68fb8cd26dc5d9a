"""The shipped files in onnxruntime, as the server runs them."""

from __future__ import annotations

import numpy as np
import onnxruntime

from shared import WEIGHTS
from texts import TextModel


def session(name: str) -> onnxruntime.InferenceSession:
    """One of the two networks, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(WEIGHTS / name), options, providers=["CPUExecutionProvider"])


class Shipped:
    """Pictures of 224 × 224 and texts to raw vectors [1024]."""

    def __init__(self) -> None:
        self.image, self.text, self.model = session("image.onnx"), session("text.onnx"), TextModel()

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [224, 224, 3]."""
        return self.image.run(None, {"pixels": np.ascontiguousarray(pixels)[None]})[0][0]

    def project(self, vector: np.ndarray, ids: list[int]) -> np.ndarray:
        """A text as the text model sees it."""
        return self.text.run(None, {"vector": vector[None].astype(np.float32), "ids": np.array(ids, np.int64)})[0][0]

    def words(self, text: str) -> tuple[list[int], np.ndarray]:
        """Token ids and vector of a text."""
        ids = self.model.ids([text])
        return ids[0], self.project(self.model.vectors(ids)[0], ids[0])
