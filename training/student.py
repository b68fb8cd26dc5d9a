"""The student: six of the teacher's layers over a pruned vocabulary, and a readout of all pooled states.

output[:, :384] is a linear map of the last pooled state, output[:, 384:] one of all seven pooled states (after the
embeddings and after each layer). Any prefix of the output, scaled to length 1, is an embedding.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from common import CONFIG, SEED
from teachers import HIDDEN, Encoder

LAYERS: list[int] = CONFIG["student"]["layers"]
DIMENSION: int = CONFIG["student"]["dimension"]
WINDOW: int = CONFIG["window"]
STATES = len(LAYERS) + 1


class Student(nn.Module):
    """Encoder and readout."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.encoder = Encoder(vocabulary, len(LAYERS), WINDOW)
        self.head = nn.Linear(HIDDEN, HIDDEN)
        self.wide = nn.Linear(STATES * HIDDEN, DIMENSION - HIDDEN)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """ids [batch, length] → [batch, 2048], not normalised, float32."""
        return self.read(self.encoder.states(ids, mask))

    def read(self, states: list[Tensor]) -> Tensor:
        """The output from the seven pooled states [batch, 384], each first scaled to length 1."""
        states = [nn.functional.normalize(state, dim=-1) for state in states]
        return torch.cat([self.head(states[-1]), self.wide(torch.cat(states, -1))], -1)


def from_teacher(teacher: Encoder, teacher_ids: np.ndarray) -> Student:
    """A student whose embeddings and layers are the teacher's; the readout passes the last state on, extra ones small."""
    torch.manual_seed(SEED)
    student = Student(len(teacher_ids))
    with torch.no_grad():
        student.encoder.words.weight.copy_(teacher.words.weight[torch.from_numpy(teacher_ids)])
        student.encoder.positions.copy_(teacher.positions[:WINDOW])
        student.encoder.norm.load_state_dict(teacher.norm.state_dict())
        for own, number in zip(student.encoder.layers, LAYERS, strict=True):
            own.load_state_dict(teacher.layers[number].state_dict())
        student.head.weight.copy_(torch.eye(HIDDEN))
        student.head.bias.zero_()
        nn.init.normal_(student.wide.weight, std=0.003)
        student.wide.bias.zero_()
    return student
