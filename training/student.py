"""The student: some of the teacher's layers over a pruned vocabulary, and a readout of pooled states.

`students` in config.json says which layers, and which of the pooled states (0: after the embeddings, n: after n layers) are read.
output[:, :384] is a linear map of the last pooled state, output[:, 384:] one of all that are read. Any prefix of the output,
scaled to length 1, is an embedding.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from common import CONFIG, SEED, STUDENT
from teachers import HIDDEN, Encoder

DIMENSION: int = CONFIG["student"]["dimension"]
WINDOW: int = CONFIG["window"]


class Student(nn.Module):
    """Encoder and readout of one of the students of config.json."""

    def __init__(self, vocabulary: int, name: str = STUDENT) -> None:
        super().__init__()
        self.taken: list[int] = CONFIG["students"][name]["layers"]
        self.reads: list[int] = CONFIG["students"][name]["read"]
        self.encoder = Encoder(vocabulary, len(self.taken), WINDOW)
        self.head = nn.Linear(HIDDEN, HIDDEN)
        self.wide = nn.Linear(len(self.reads) * HIDDEN, DIMENSION - HIDDEN)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """ids [batch, length] → [batch, 2048], not normalised, float32."""
        return self.read(self.encoder.states(ids, mask))

    def read(self, states: list[Tensor]) -> Tensor:
        """The output from the pooled states [batch, 384] after the embeddings and every layer, each first scaled to length 1."""
        read = [nn.functional.normalize(states[number], dim=-1) for number in self.reads]
        return torch.cat([self.head(read[-1]), self.wide(torch.cat(read, -1))], -1)


def from_teacher(teacher: Encoder, teacher_ids: np.ndarray) -> Student:
    """A student whose embeddings and layers are the teacher's; the readout passes the last state on, extra ones small."""
    torch.manual_seed(SEED)
    student = Student(len(teacher_ids))
    with torch.no_grad():
        student.encoder.words.weight.copy_(teacher.words.weight[torch.from_numpy(teacher_ids)])
        student.encoder.positions.copy_(teacher.positions[:WINDOW])
        student.encoder.norm.load_state_dict(teacher.norm.state_dict())
        for own, number in zip(student.encoder.layers, student.taken, strict=True):
            own.load_state_dict(teacher.layers[number].state_dict())
        student.head.weight.copy_(torch.eye(HIDDEN))
        student.head.bias.zero_()
        nn.init.normal_(student.wide.weight, std=0.003)
        student.wide.bias.zero_()
    return student
