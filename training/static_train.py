"""The static model's table (static_model.py), from the teachers' vectors; writes static.npz {table} into the work folder.

1. Every piece starts as the first teacher's word embedding, times a weight that falls with how common the piece is (smooth
   inverse frequency, Arora et al. 2017), through the linear map by which sums of them come nearest to the labelled texts'
   targets (targets.py); so rare pieces start where their like are. The target space is rotated by its principal axes, so that
   prefixes hold what matters most.
2. Then the rows are trained, each step on one batch of each kind:
   labelled texts: their cosine to the target, and the similarities between them as the targets have them;
   pairs: each text finds its partner among all others, in both directions (InfoNCE);
   scored pairs (STSb train): more similar pairs get larger cosines (CoSENT).
   All at several prefix lengths. Only rows that occur in a batch move (Adam with a state for each row).

`--minutes` bounds the CPU time; the rate falls to nothing over it, so that there is no better checkpoint to choose.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from check_leakage import is_leak
from common import CONFIG, DATA, SEED, WORK, Progress, read_jsonl, rows
from metrics import unit
from scale import development_sets, figure
from static_model import Bags, bags, embed, quantised
from targets import fit, labelled
from teachers import load_e5
from text import encode

OWN = CONFIG["static"]
PREFIXES: list[int] = OWN["dimensions"]
MOST_IDS = 256  # of a text


def frequencies(texts: Bags, pieces: int) -> np.ndarray:
    """The share of each piece among all ids, one more of each counted."""
    counts = np.bincount(texts.ids, minlength=pieces) + 1.0
    return (counts / counts.sum()).astype(np.float32)


def initial(texts: Bags, guides: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The table before training, [pieces, width]: the map from weighted sums of the teacher's word embeddings to the guides."""
    embeddings = load_e5().encoder.words.weight.detach().numpy()[np.load(WORK / "vocabulary.npz")["teacher_ids"]]
    weighted = (embeddings - share @ embeddings) * (OWN["sif"] / (OWN["sif"] + share))[:, None]
    ids, offsets = texts.batch(np.arange(len(texts)))
    inputs = unit(F.embedding_bag(ids, torch.from_numpy(weighted).float(), offsets, mode="sum").numpy())
    ridge = OWN["ridge"] * np.eye(inputs.shape[1], dtype=np.float32)
    return weighted @ np.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ guides)


class Rows:
    """A table of which each step moves only the rows it used, by Adam, each in proportion to its length at the start.

    Else common pieces, which are in every batch and begin short, grow as long as rare ones, and sums are full of noise.
    """

    def __init__(self, table: np.ndarray) -> None:
        lengths = np.linalg.norm(table, axis=1, keepdims=True)
        self.table = torch.from_numpy(table / np.median(lengths))
        self.lengths = torch.from_numpy(lengths / np.median(lengths))
        self.first, self.second = torch.zeros_like(self.table), torch.zeros(len(table), 1)
        self.seen = torch.zeros(len(table), 1)

    def use(self, ids: list[Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
        """(row numbers, those rows as a leaf with gradient, the ids as places in them)."""
        used, places = torch.unique(torch.cat(ids), return_inverse=True)
        return used, self.table[used].requires_grad_(), list(places.split([len(part) for part in ids]))

    def step(self, used: Tensor, gradient: Tensor, rate: float) -> None:
        """One Adam step; the second moment is one number a row, so that a row turns where its gradient points."""
        self.seen[used] += 1
        seen = self.seen[used]
        first = self.first[used].lerp_(gradient, 0.1)
        second = self.second[used] * 0.98 + gradient.square().mean(1, keepdim=True) * 0.02
        self.first[used], self.second[used] = first, second
        change = (first / (1 - 0.9 ** seen)) / ((second / (1 - 0.98 ** seen)).sqrt() + 1e-9)
        self.table[used] -= rate * self.lengths[used] * change


def distillation(found: Tensor, target: Tensor, guide: Tensor) -> Tensor:
    """found [n, width]; target [n, 768] unit; guide [n, width], the target rotated. Cosine, and similarity matrices."""
    wanted = target @ target.T
    loss = torch.zeros(())
    for d in PREFIXES:
        own = F.normalize(found[:, :d], dim=-1)
        alike = own @ own.T
        loss = loss + OWN["cosine_weight"] * (1 - (own * F.normalize(guide[:, :d], dim=-1)).sum(-1)).mean()
        loss = loss + OWN["similarity_weight"] * F.mse_loss(alike, wanted)
        scale = OWN["listwise_scale"]
        mask = torch.eye(len(own), dtype=torch.bool)
        ranked = F.log_softmax((alike * scale).masked_fill(mask, -1e4), -1)
        loss = loss + OWN["listwise_weight"] * F.kl_div(
            ranked, F.log_softmax((wanted * scale).masked_fill(mask, -1e4), -1), reduction="batchmean", log_target=True)
    return loss / len(PREFIXES)


def contrast(first: Tensor, second: Tensor) -> Tensor:
    """InfoNCE in both directions at every prefix."""
    labels = torch.arange(len(first))
    loss = torch.zeros(())
    for d in PREFIXES:
        scores = OWN["scale"] * F.normalize(first[:, :d], dim=-1) @ F.normalize(second[:, :d], dim=-1).T
        loss = loss + (F.cross_entropy(scores, labels) + F.cross_entropy(scores.T, labels)) / 2
    return loss / len(PREFIXES)


def order(first: Tensor, second: Tensor, scores: Tensor) -> Tensor:
    """CoSENT: log(1 + sum of exp(cosine of the less similar pair − cosine of the more similar one))."""
    loss = torch.zeros(())
    for d in PREFIXES:
        cosine = 20 * F.cosine_similarity(first[:, :d], second[:, :d])
        wrong = (cosine[None] - cosine[:, None])[scores[None] < scores[:, None]]
        loss = loss + torch.logsumexp(torch.cat([torch.zeros(1), wrong]), 0)
    return loss / len(PREFIXES)


class PairBags:
    """Pairs of one group, as bags, drawn in random order again and again."""

    def __init__(self, tokenizer: Tokenizer, pairs: list[tuple[str, str, float]], draw: np.random.Generator) -> None:
        self.first = bags(encode(tokenizer, [pair[0] for pair in pairs]), MOST_IDS)
        self.second = bags(encode(tokenizer, [pair[1] for pair in pairs]), MOST_IDS)
        self.scores = np.array([pair[2] for pair in pairs], np.float32)
        self.draw, self.order, self.at = draw, np.arange(0), 0

    def next(self, size: int) -> np.ndarray:
        """Numbers of the next `size` pairs (fewer in a small group)."""
        size = min(size, len(self.scores))
        if self.at + size > len(self.order):
            self.order, self.at = self.draw.permutation(len(self.scores)), 0
        self.at += size
        return self.order[self.at - size:self.at]


def pair_groups(tokenizer: Tokenizer, draw: np.random.Generator, held_out: set[str]) -> tuple[dict[str, PairBags], dict[str, PairBags]]:
    """Positive pairs by task (translations by language), and scored pairs by language; none whose first text is held out."""
    positive: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    scored: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    for item in read_jsonl(WORK / "pairs.jsonl"):
        if item["first"] not in held_out:
            group = f"parallel:{item['lang']}" if item["task"] == "parallel" else item["task"]
            if len(positive[group]) < OWN["group_pairs"]:  # pairs.jsonl is in random order
                positive[group].append((item["first"], item["second"], 1.0))
    for lang, score, first, second in rows(DATA / "text/train/stsb_train.tsv.gz"):
        if not is_leak(first) and not is_leak(second):
            scored[lang].append((first, second, float(score)))
    make = lambda groups: {name: PairBags(tokenizer, pairs, draw) for name, pairs in groups.items() if len(pairs) >= 16}  # noqa: E731
    return make(positive), make(scored)


def shares(groups: dict[str, PairBags]) -> tuple[list[str], np.ndarray]:
    """Groups and how often each is drawn: tasks as config.json says, languages of a task by the square root of their size."""
    names = list(groups)
    weight = np.sqrt([len(groups[name].scores) for name in names])
    for task in {name.split(":")[0] for name in names}:
        mine = np.array([name.split(":")[0] == task for name in names])
        weight[mine] *= OWN["shares"][task] / weight[mine].sum()
    return names, weight / weight.sum()


DevelopmentIds = dict[str, tuple[list[list[int]], list[list[int]], list[float] | None]]


def watch(table: np.ndarray, sets: DevelopmentIds) -> dict[str, list[float]]:
    """Development figures of the quantised table at every prefix."""
    held = quantised(table)
    result = {}
    for name, (first, second, scores) in sets.items():
        pair = [embed(held, ids) for ids in (first, second)]
        result[name] = [figure(unit(pair[0], d), unit(pair[1], d), scores) for d in PREFIXES]
    return result


def show(step: int, table: np.ndarray, sets: DevelopmentIds) -> None:
    """One line of development figures, means at every prefix and sets at full width."""
    found = watch(table, sets)
    sts = np.mean([values for name, values in found.items() if name.startswith("sts")], 0)
    parallel = np.mean([values for name, values in found.items() if name.startswith("parallel")] or [[0]], 0)
    print(f"step {step}: sts {np.round(sts, 4)} parallel {np.round(parallel, 4)} "
          + " ".join(f"{name} {values[-1]:.3f}" for name, values in found.items()), flush=True)


def dropped(ids: Tensor, offsets: Tensor, share: float) -> Tensor:
    """Weights 1 or 0 of the ids: a share is left out at random, so that no text hangs on single pieces."""
    keep = (torch.rand(len(ids)) >= share).float()
    keep[offsets[offsets < len(ids)]] = 1.0
    return keep


def main() -> None:
    """Start, train, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=OWN["minutes"], help="CPU minutes of training")
    parser.add_argument("--width", type=int, default=PREFIXES[-1])
    parser.add_argument("--name", default="static")
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    draw = np.random.default_rng(SEED)
    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    if arguments.width != PREFIXES[-1]:
        PREFIXES[:] = [d for d in PREFIXES if d < arguments.width] + [arguments.width]

    items, (e5, minilm) = labelled()
    space = fit(e5, minilm)
    targets = space.target(e5, minilm)
    texts = bags(encode(tokenizer, [item["text"] for item in items]), MOST_IDS)
    share = frequencies(texts, tokenizer.get_vocab_size())
    centred = targets - targets.mean(0)
    _, axes = np.linalg.eigh(np.cov(centred.T))
    rotated = centred @ axes[:, ::-1][:, :arguments.width].astype(np.float32)
    table = initial(texts, rotated, share)
    guides = torch.from_numpy(rotated)
    whole = torch.from_numpy(unit(centred))
    development = development_sets()
    sets = {name: (encode(tokenizer, first), encode(tokenizer, second), scores) for name, (first, second, scores) in development.items()}
    held_out = {text for firsts, _, scores in development.values() if scores is None for text in firsts}
    positive, scored = pair_groups(tokenizer, draw, held_out)
    names, weights = shares(positive)
    kinds, kind_weights = list(scored), np.sqrt([len(group.scores) for group in scored.values()])
    show(0, table, sets)

    rows_ = Rows(table)
    budget, start, step = arguments.minutes * 60, time.process_time(), 0
    progress = Progress("static, CPU s", budget)
    at, mixed = 0, draw.permutation(len(texts))
    shown = 0.0
    while (spent := time.process_time() - start) < budget:
        if at + OWN["texts"] > len(mixed):
            at, mixed = 0, draw.permutation(len(texts))
        chosen = mixed[at:at + OWN["texts"]]
        at += OWN["texts"]
        group = positive[names[draw.choice(len(names), p=weights)]]
        pairs = group.next(OWN["pairs"])
        score_group = scored[kinds[draw.choice(len(kinds), p=kind_weights / kind_weights.sum())]]
        scored_pairs = score_group.next(OWN["scored_pairs"])
        parts = [texts.batch(chosen), group.first.batch(pairs), group.second.batch(pairs),
                 score_group.first.batch(scored_pairs), score_group.second.batch(scored_pairs)]
        used, leaf, places = rows_.use([ids for ids, _ in parts])
        found = [F.embedding_bag(place, leaf, offsets, mode="sum", per_sample_weights=dropped(place, offsets, OWN["dropout"]))
                 for place, (_, offsets) in zip(places, parts, strict=True)]
        loss = (OWN["distill_weight"] * distillation(found[0], whole[chosen], guides[chosen])
                + OWN["contrast_weight"] * contrast(found[1], found[2])
                + OWN["sts_weight"] * order(found[3], found[4], torch.from_numpy(score_group.scores[scored_pairs])))
        loss.backward()
        assert leaf.grad is not None
        warm = min(1.0, (step + 1) / 50)
        rows_.step(used, leaf.grad, OWN["rate"] * warm * max(0.0, 1 - spent / budget) ** OWN["decay"])
        step += 1
        progress.add(time.process_time() - start - progress.done, f"step {step} loss {loss.item():.3f}")
        if spent - shown > 60:
            shown = spent
            show(step, rows_.table.numpy(), sets)
    show(step, rows_.table.numpy(), sets)
    np.savez(WORK / f"{arguments.name}.npz", table=rows_.table.numpy())


if __name__ == "__main__":
    main()
