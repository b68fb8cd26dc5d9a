"""A released model.onnx back as a checkpoint, so that training can go on from it: writes released.safetensors,
vocabulary.npz and tokenizer.json into the work folder; then `distill.py --from-released`.

The linear weights of the file are the float ones rounded to int8 after smoothing (quantise.py); undoing both gives weights
within half a rounding step of the original ones. MEAN_ADDED of scale.py is taken out again.
"""

from __future__ import annotations

import shutil

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from tokenizers import Tokenizer

import quantise
from common import CHECKPOINTS, WEIGHTS, WORK, sha256
from scale import MEAN_ADDED, mean_output, shift
from student import Student
from teachers import load_e5

NORMS = {"encoder.norm": "embeddings"}


def checkpoint(path: str) -> dict[str, torch.Tensor]:
    """The state of a Student as model.onnx holds it."""
    stored = {item.name: item for item in onnx.load(path).graph.initializer}
    held = {name: numpy_helper.to_array(item) for name, item in stored.items() if name != "words"}
    packed = np.frombuffer(stored["words"].raw_data, np.uint8).reshape(stored["words"].dims[0], -1)
    student = Student(len(packed))
    state: dict[str, np.ndarray] = {
        "encoder.words.weight": quantise.from_int4_blocks(packed, held["words.scale"]),
        "encoder.positions": held["positions"] * held["positions.scale"],
    }
    for name, module in student.named_modules():
        if isinstance(module, torch.nn.Linear):
            smoothed = held[f"{name}.weight"].T * held[f"{name}.scale"][:, None]
            state[f"{name}.weight"] = smoothed * held[f"{name}.divide"]
            state[f"{name}.bias"] = held[f"{name}.bias"]
        elif isinstance(module, torch.nn.LayerNorm):
            own = NORMS.get(name, name)
            state[f"{name}.weight"], state[f"{name}.bias"] = held[f"{own}.gamma"], held[f"{own}.beta"]
    return {name: torch.from_numpy(np.ascontiguousarray(value, np.float32)) for name, value in state.items()}


def teacher_ids(tokenizer: Tokenizer, pieces: list[tuple[str, float]]) -> np.ndarray:
    """The teacher's id of each piece of a tokenizer."""
    number_of = {piece: number for number, (piece, _) in enumerate(pieces)}
    return np.array([number_of[tokenizer.id_to_token(number)] for number in range(tokenizer.get_vocab_size())])


def main() -> None:
    """Write the three files."""
    state = checkpoint(str(WEIGHTS / "model.onnx"))
    student = Student(len(state["encoder.words.weight"]))
    student.load_state_dict(state)
    student.eval()
    shutil.copyfile(WEIGHTS / "tokenizer.json", WORK / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    np.savez(WORK / "vocabulary.npz", teacher_ids=teacher_ids(tokenizer, load_e5().pieces))

    shift(state, mean_output(student, tokenizer) * (-MEAN_ADDED / (1 + MEAN_ADDED)))
    save_file(state, CHECKPOINTS / "released.safetensors", {"model_sha256": sha256(WEIGHTS / "model.onnx")})


if __name__ == "__main__":
    main()
