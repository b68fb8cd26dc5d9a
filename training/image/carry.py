"""The text tower for a new version of the text model; the picture tower, and with it every stored vector of a picture, stays.

    python carry.py --older-text FOLDER --older-tower FILE

`--older-text` is the text model's folder as it was, `--older-tower` the text.onnx that stands on it. Texts of training are what both
are asked: the new tower starts as the older one and learns to say of the new model's vectors what the older one says of the older
model's (cosine). The older vocabulary must be the first part of the new one (`widen.py` of the text side): a new piece starts in the bag
as the sum of the older pieces that it stands for. Pieces that no training text has weigh nothing, as before.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

from check_leakage import without_leaks
from export import text_model
from pieces import Pieces
from sets import emoji, photos, trained_emoji
from shared import CONFIG, SEED, WEIGHTS, Progress, seeded
from texts import TextModel, in_rounds, of_labels
from towers import Head, TextTower

SETTINGS = CONFIG["carry"]
HELD_OUT = 1000


def weighed(rows: dict[int, int], count: int) -> Pieces:
    """Pieces whose vectors hold their weights already."""
    weights = np.ones(count, np.float32)
    weights[0] = 0
    return Pieces(rows, weights)


def older_tower(path: Path, fresh: list[list[int]]) -> tuple[TextTower, np.ndarray]:
    """The tower of a text.onnx, and its remap; behind its pieces one each of `fresh`, which lists the older pieces it stands for."""
    held = {item.name: numpy_helper.to_array(item) for item in onnx.load(str(path)).graph.initializer}

    def matrix(name: str) -> Tensor:
        return torch.from_numpy(held[f"{name}.int8"].astype(np.float32) * held[f"{name}.scale"])

    rows, remap = matrix("pieces"), held["remap"]
    if fresh:
        rows = torch.cat([rows, torch.stack([rows[remap[parts]].sum(0) for parts in fresh])])
    straight, inner = matrix("head.straight.weight"), matrix("head.inner.weight")
    options = {"model": straight.shape[1], "hidden": inner.shape[0], "bag_width": rows.shape[1], "dropout": SETTINGS["dropout"]}
    tower = TextTower(options, weighed({}, len(rows)).weights)
    with torch.no_grad():
        for layer, weight in (("straight", straight), ("inner", inner), ("outer", matrix("head.outer.weight"))):
            part: nn.Linear = getattr(tower.head, layer)
            part.weight.copy_(weight)
            part.bias.copy_(torch.from_numpy(held[f"head.{layer}.bias"]))
        tower.bag.pieces.weight.copy_(rows)
        tower.bag.out.weight.copy_(matrix("bag.out.weight") / rows.shape[1] ** 0.5)
    return tower, remap


def unfold(head: Head) -> None:
    """Let a head whose first layers had no mean and deviation taken from their input (export.py) say the same with them taken."""
    mean, deviation = head.standardise.mean, head.standardise.deviation
    with torch.no_grad():
        for part in (head.straight, head.inner):
            assert part is not None
            part.bias += part.weight @ mean
            part.weight *= deviation


def inputs(vectors: np.ndarray, bags: list[list[int]], chosen: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """What a tower takes of some texts."""
    offsets = np.cumsum([0, *(len(bags[i]) for i in chosen)])
    ids = np.concatenate([np.array(bags[i], np.int64) for i in chosen])
    return torch.from_numpy(vectors[chosen]), torch.from_numpy(ids), torch.from_numpy(offsets)


def learn(student: TextTower, said: Callable[[list[int]], Tensor], wanted: Tensor, held: list[int], learnt: list[int]) -> None:
    """Bring what the student says of texts, by number, towards what is wanted [texts, 1024]; both have length 1."""
    def agreement() -> str:
        student.eval()
        with torch.no_grad():
            return f"{float((said(held) * wanted[held]).sum(1).mean()):.4f}"

    print(f"cosine to the older tower on {len(held):,} held-out texts: {agreement()}", flush=True)
    optimiser = torch.optim.AdamW(student.parameters(), lr=SETTINGS["rate"], weight_decay=0.01)
    steps = SETTINGS["passes"] * (len(learnt) // SETTINGS["rows"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, SETTINGS["rate"], total_steps=steps, pct_start=0.1)
    progress = Progress("carry", steps)
    draw = seeded("carry:batches")
    for _ in range(SETTINGS["passes"]):
        student.train()
        draw.shuffle(learnt)
        for start in range(0, len(learnt) - SETTINGS["rows"] + 1, SETTINGS["rows"]):
            batch = learnt[start:start + SETTINGS["rows"]]
            loss = 1 - (said(batch) * wanted[batch]).sum(1).mean()
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
            progress.add(1, f"1 − cosine {loss.item():.4f}")
        print(f"cosine on held-out texts: {agreement()}", flush=True)


def main() -> None:
    """Learn, and write text.onnx."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--older-text", type=Path, required=True)
    parser.add_argument("--older-tower", type=Path, required=True)
    arguments = parser.parse_args()
    torch.manual_seed(SEED)
    older, newer = TextModel(arguments.older_text), TextModel()
    captions = list(dict.fromkeys(in_rounds([*(emoji()[i] for i in trained_emoji()), *map(without_leaks, photos("train"))])))
    names = set(of_labels())
    texts = list(dict.fromkeys([*sorted(names), *captions[: SETTINGS["captions"]]]))
    seeded("carry").shuffle(texts)
    older_ids, newer_ids = older.ids(texts), newer.ids(texts)

    width = older.tokenizer.get_vocab_size()
    met = sorted({number for ids in newer_ids for number in ids if number >= width})
    stands_for = [[token.id for token in older.tokenizer.model.tokenize(newer.tokenizer.id_to_token(number))] for number in met]
    teacher, remap = older_tower(arguments.older_tower, [])
    student, _ = older_tower(arguments.older_tower, stands_for)
    count = teacher.bag.pieces.num_embeddings
    rows = {number: int(row) for number, row in enumerate(remap) if row} | {number: count + place for place, number in enumerate(met)}
    known = weighed(rows, count + len(met))

    progress = Progress("texts", 2 * len(texts))
    older_vectors, newer_vectors = (model.vectors(ids, progress) for model, ids in ((older, older_ids), (newer, newer_ids)))
    older_bags, newer_bags = ([known.of(ids) for ids in split] for split in (older_ids, newer_ids))
    teacher.eval()
    parts = [list(range(start, min(start + 1000, len(texts)))) for start in range(0, len(texts), 1000)]
    with torch.no_grad():
        wanted = torch.cat([F.normalize(teacher(*inputs(older_vectors, older_bags, part)), dim=1) for part in parts])

    held = list(range(HELD_OUT))
    # Labels are told apart by little (breeds of dogs), so they are learnt more often.
    learnt = [i for i in range(HELD_OUT, len(texts)) for _ in range(SETTINGS["label_times"] if texts[i] in names else 1)]
    student.head.standardise.measure(F.normalize(torch.from_numpy(newer_vectors[learnt, : student.width]), dim=1))
    unfold(student.head)

    def said(batch: list[int]) -> Tensor:
        return F.normalize(student(*inputs(newer_vectors, newer_bags, batch)), dim=1)

    print(f"{len(texts):,} texts, {len(met):,} new pieces", flush=True)
    learn(student, said, wanted, held, learnt)
    onnx.save(text_model(student.eval(), known, newer.tokenizer.get_vocab_size()), str(WEIGHTS / "text.onnx"))


if __name__ == "__main__":
    main()
