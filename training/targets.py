"""What the student learns: one 768-component unit vector a text, made of both teachers.

target = unit([unit((e5 − m·mean) · axes · std^−w), b · minilm])
m, w, b: `target` in config.json. They were chosen on STSb dev in five languages (mean Spearman .855 for the first teacher
alone, .861 so; English .891 → .913). Where the second teacher has no vector (texts without an English equivalent), a
ridge regression from the first teacher's vector speaks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from check_leakage import is_leak
from common import CONFIG, WORK, read_jsonl
from metrics import unit

SETTINGS = CONFIG["target"]


@dataclass
class TargetSpace:
    """The fitted parts of the target formula."""

    mean: np.ndarray
    axes: np.ndarray
    std: np.ndarray
    ridge: np.ndarray

    @property
    def map(self) -> np.ndarray:
        """[384, 384]: from a centred first-teacher vector to the first half of the target, before scaling."""
        return self.axes * self.std ** -SETTINGS["whitening"]

    def first(self, e5: np.ndarray) -> np.ndarray:
        """The first teacher's half, unit length; [n, 384]."""
        return unit((e5 - SETTINGS["mean_removed"] * self.mean) @ self.map)

    def guess(self, e5: np.ndarray) -> np.ndarray:
        """The second teacher's vector as the ridge regression sees it, unit length; [n, 384]."""
        return unit(np.concatenate([e5, np.ones((len(e5), 1), np.float32)], 1) @ self.ridge)

    def target(self, e5: np.ndarray, minilm: np.ndarray) -> np.ndarray:
        """[n, 768]; rows of minilm that are zero are guessed."""
        second = np.where(np.abs(minilm).sum(1, keepdims=True) > 0, minilm, self.guess(e5))
        return unit(np.concatenate([self.first(e5), SETTINGS["second_weight"] * second], 1))


def fit(e5: np.ndarray, minilm: np.ndarray) -> TargetSpace:
    """Fit on labelled texts."""
    mean = e5.mean(0)
    variance, axes = np.linalg.eigh(np.cov((e5 - mean).T))
    order = np.argsort(-variance)
    std = np.sqrt(np.maximum(variance[order], 1e-6)).astype(np.float32)
    known = np.abs(minilm).sum(1) > 0
    inputs = np.concatenate([e5[known], np.ones((known.sum(), 1), np.float32)], 1)
    ridge = np.linalg.solve(inputs.T @ inputs + 0.1 * np.eye(385, dtype=np.float32), inputs.T @ minilm[known])
    return TargetSpace(mean, axes[:, order].astype(np.float32), std, ridge.astype(np.float32))


def labelled() -> tuple[list[dict], np.ndarray, np.ndarray]:
    """The labelled texts of the pool and both teachers' vectors (less any that has become an evaluation text since)."""
    pool = list(read_jsonl(WORK / "pool.jsonl"))
    size = CONFIG["label"]["shard"]
    items: list[dict] = []
    first, second = [], []
    for path in sorted(Path(WORK / "labels").glob("[0-9][0-9][0-9][0-9].npz")):
        shard = np.load(path)
        number = int(path.stem)
        items += pool[number * size:number * size + len(shard["e5"])]
        first.append(shard["e5"].astype(np.float32))
        second.append(shard["minilm"].astype(np.float32))
    keep = [number for number, item in enumerate(items) if not is_leak(item["text"])]
    return [items[number] for number in keep], np.concatenate(first)[keep], np.concatenate(second)[keep]
