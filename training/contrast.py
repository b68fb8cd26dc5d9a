"""Step 6: a contrastive phase on text pairs, beside continued distillation; resumable; writes contrast.safetensors, and
contrast-mean.safetensors, the running mean of the weights over the last part of the run.
`--phase sts` goes on from there with larger batches and more scored pairs; writes sts.safetensors.

Every step has one batch of pairs of one task and one distillation batch (distill.py), so that the space stays where it
is. Pairs: InfoNCE in both directions over the batch, at several prefix lengths. Scored pairs (STSb train): CoSENT, light.
Embedding rows stay as distilled.

Hard negatives are mined with the teachers' vectors: a batch is a few pairs drawn at random, each with its nearest neighbours
among the pairs of the task, so that every text meets others like it at no further cost. Texts whose targets agree by more than
1 − margin say the same and are no negatives of each other: they neither enter a batch together nor, in a batch drawn at
random, count against each other.
"""

from __future__ import annotations

import argparse
import csv
import inspect
import itertools
import math
import sys
import time
from collections import defaultdict

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from arithmetic import autocast
from batching import padded
from check_leakage import is_leak
from common import CHECKPOINTS, CONFIG, DATA, SEED, WORK, Progress, read_jsonl, rows, seeded, threads
from development import development_sets
from distill import Guides, Lines, Watch, plot, similarity_loss
from student import Student
from targets import Lessons, kept_space, lessons
from text import encode, framed, prompt_ids

PHASE = "sts" if "sts" in sys.argv else "contrast"
OWN = CONFIG["contrast"] | (CONFIG["sts"] if PHASE == "sts" else {})
BEFORE = {"contrast": "distilled", "sts": "contrast"}[PHASE]
LIMITS = {"code": (40, 200), "keywords": (40, 200), "passage": (60, 220), "docstring": (40, 160)}
ASYMMETRIC = ("title", "keywords", "answer", "code", "passage", "docstring")
# One kernel a step where PyTorch has it: Debian 12's, by which the chain is tried small, has not.
FUSED = {"fused": True} if "fused" in inspect.signature(torch.optim.AdamW).parameters else {}
KNOWN_PAIRS = 400  # fewer pairs with a teacher's vector are not worth mining


class Pairs:
    """Text pairs by task and language, tokenised when they are drawn."""

    def __init__(self, tokenizer: Tokenizer, learned: Lessons, order: str) -> None:
        self.tokenizer, self.prompts = tokenizer, prompt_ids(tokenizer)
        self.groups: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
        self.targets = learned.targets
        self.row = {item["text"]: number for number, item in enumerate(learned.items)}
        held_out = {text for firsts, _, scores in development_sets().values() if scores is None for text in firsts}
        for item in (*read_jsonl(WORK / "pairs.jsonl"), *read_jsonl(WORK / "passages.jsonl")):
            if item["first"] in held_out:
                continue
            group = f"parallel:{item['lang']}" if item["task"] == "parallel" else item["task"]
            self.groups[group].append((item["first"], item["second"], 1.0))
        for lang, score, first, second in rows(DATA / "text/train/stsb_train.tsv.gz"):
            if not is_leak(first) and not is_leak(second):
                self.groups[f"sts:{lang}"].append((first, second, float(score)))
        self.known = {group: known for group, items in self.groups.items() if not group.startswith("sts:")
                      and len(known := [pair for pair in items if self.row_of(pair, group) is not None]) >= KNOWN_PAIRS}
        self.vectors = {group: self.targets[[self.row_of(pair, group) for pair in known]] for group, known in self.known.items()}
        there = {group.split(":")[0] for group in self.groups}
        self.shares = {kind: share for kind, share in OWN["shares"].items() if kind in there}
        if absent := OWN["shares"].keys() - there:
            print(f"no pairs of {', '.join(sorted(absent))}: the others share their place", flush=True)
        self.draw = seeded(order)
        self.at: dict[str, int] = defaultdict(int)

    def task(self) -> str:
        """A task at random: the shares of config.json; languages of a task by the square root of their size."""
        kind = self.draw.choices(list(self.shares), list(self.shares.values()))[0]
        groups = [group for group in self.groups if group.split(":")[0] == kind]
        return self.draw.choices(groups, [len(self.groups[group]) ** 0.5 for group in groups])[0]

    def row_of(self, pair: tuple[str, str, float], group: str) -> int | None:
        """The row of the pair's target, if either side has one: first the side that is searched among."""
        first, second = (1, 0) if group in ASYMMETRIC else (0, 1)
        return self.row.get(pair[first], self.row.get(pair[second]))

    def alike(self, batch: list[tuple[str, str, float]], group: str) -> Tensor:
        """[n, n] bool: pairs that are not to be told apart, but for the diagonal."""
        found = torch.zeros(len(batch), len(batch), dtype=torch.bool)
        known = [(place, row) for place, pair in enumerate(batch) if (row := self.row_of(pair, group)) is not None]
        places = torch.tensor([place for place, _ in known], dtype=torch.long)
        vectors = torch.from_numpy(self.targets[[row for _, row in known]])
        found[places[:, None], places[None, :]] = vectors @ vectors.T > 1 - OWN["margin"]
        return found.fill_diagonal_(False)

    def mined(self, group: str, size: int) -> list[tuple[str, str, float]]:
        """Pairs drawn at random, each with its nearest neighbours that say something else."""
        known, vectors = self.known[group], self.vectors[group]
        chosen: list[int] = []
        texts: set[str] = set()
        while len(chosen) < size:
            seed = self.draw.randrange(len(known))
            near = vectors @ vectors[seed]
            room = min(size, len(chosen) + OWN["neighbours"])
            for number in np.argsort(-near)[: 4 * OWN["neighbours"]]:
                if len(chosen) == room:
                    break
                if not texts.isdisjoint(known[number][:2]) or chosen and (vectors[chosen] @ vectors[number]).max() > 1 - OWN["margin"]:
                    continue
                chosen.append(int(number))
                texts.update(known[number][:2])
        return [known[number] for number in chosen]

    def batch(self, group: str) -> list[tuple[str, str, float]]:
        """The next pairs of a group, reshuffled when it is used up; no text occurs twice on a side (but in STS)."""
        task = group.split(":")[0]
        size = OWN["long_pairs"] if task in LIMITS else OWN["sts_pairs"] if task == "sts" else OWN["pairs"]
        if group in self.known and self.draw.random() < OWN["mined"]:
            return self.mined(group, size)
        items = self.groups[group]
        taken: tuple[set[str], set[str]] = set(), set()
        result: list[tuple[str, str, float]] = []
        for _ in range(max(size, len(items))):  # a group of few texts may not fill a batch
            if len(result) == size:
                break
            if self.at[group] == 0 or self.at[group] >= len(items):
                self.draw.shuffle(items)
                self.at[group] = 0
            pair = items[self.at[group]]
            self.at[group] += 1
            if task == "sts" or pair[0] not in taken[0] and pair[1] not in taken[1]:
                result.append(pair)
            taken[0].add(pair[0])
            taken[1].add(pair[1])
        return result

    def states(self, student: Student, texts: list[str], kind: str, limit: int) -> list[Tensor]:
        """The student's pooled states of texts with the prompt of a text type; shorter and longer half apart, to pad less."""
        sequences = [framed(self.prompts[kind], ids[:limit], 512) for ids in encode(self.tokenizer, texts)]
        order = sorted(range(len(sequences)), key=lambda place: len(sequences[place]))
        half = len(order) // 2
        parts = [student.encoder.states(*padded([sequences[place] for place in part])) for part in (order[:half], order[half:]) if part]
        back = torch.tensor(order).argsort()
        return [torch.cat(pair)[back] for pair in zip(*parts, strict=True)]


def info_nce(first: Tensor, second: Tensor, alike: Tensor) -> Tensor:
    """Mean over prefix lengths and directions of the cross entropy with the batch, less the pairs that are alike, as negatives."""
    loss = first.new_zeros(())
    target = torch.arange(len(first))
    for dimension in OWN["dimensions"]:
        scores = OWN["scale"] * F.normalize(first[:, :dimension], dim=-1) @ F.normalize(second[:, :dimension], dim=-1).T
        scores = scores.masked_fill(alike, -1e4)
        loss = loss + (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2
    return loss / len(OWN["dimensions"])


def cosent(first: Tensor, second: Tensor, scores: Tensor) -> Tensor:
    """log(1 + Σ exp(20·(cos_j − cos_i))) over pairs whose human score says i > j; mean over prefix lengths."""
    loss = first.new_zeros(())
    wrong = scores[:, None] > scores[None, :]
    for dimension in OWN["dimensions"]:
        cosine = 20 * F.cosine_similarity(first[:, :dimension], second[:, :dimension])
        gaps = (cosine[None, :] - cosine[:, None])[wrong]
        loss = loss + torch.logsumexp(torch.cat([gaps.new_zeros(1), gaps]), 0)
    return loss / len(OWN["dimensions"])


def follow(mean: dict[str, Tensor], student: Student) -> None:
    """Move the running mean of the weights by 1 − `decay` towards the student's."""
    for name, value in student.state_dict().items():
        if name not in mean:
            mean[name] = value.clone()
        elif value is not student.encoder.words.weight:
            mean[name].lerp_(value, 1 - OWN["decay"])


def main() -> None:
    """Train for the configured number of minutes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=OWN["minutes"])
    parser.add_argument("--phase", choices=("contrast", "sts"), default="contrast")
    parser.add_argument("--start", default=BEFORE, metavar="NAME", help="the checkpoint of the work folder to start from")
    parser.add_argument("--order", default=PHASE, metavar="WORD", help="another word draws the texts in another order")
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    minutes = 0.3 if arguments.smoke else arguments.minutes
    torch.manual_seed(SEED + 1)
    torch.set_num_threads(threads())
    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    learned = lessons(kept_space())
    lines = Lines(tokenizer, learned.items, learned.targets)
    pairs = Pairs(tokenizer, learned, arguments.order)

    state = load_file(CHECKPOINTS / f"{arguments.start}.safetensors")
    student = Student(len(state["encoder.words.weight"]))
    student.load_state_dict(state)
    student.encoder.words.weight.requires_grad_(False)
    guides = Guides()
    guides.load_state_dict(load_file(CHECKPOINTS / "guides.safetensors"))
    trained = [parameter for parameter in (*student.parameters(), *guides.parameters()) if parameter.requires_grad]
    readout = [*student.head.parameters(), *student.wide.parameters(), *guides.parameters()]
    known = {id(parameter) for parameter in readout}
    optimiser = torch.optim.AdamW([{"params": [parameter for parameter in trained if id(parameter) not in known]},
                                   {"params": readout}], weight_decay=0.01, **FUSED)
    rates = (OWN["rate"], OWN["readout_rate"])
    watch = Watch(tokenizer)
    draw = np.random.default_rng(SEED)
    distilled = (batch for number in itertools.count() for batch in lines.batches(learned.drawn, f"{arguments.order}{number}"))
    step, spent = 0, 0.0
    mean: dict[str, Tensor] = {}
    saved = CHECKPOINTS / f"{PHASE}.pt"
    if saved.exists():
        kept = torch.load(saved, weights_only=False)
        step, spent, mean = kept["step"], kept["spent"], kept["mean"]
        student.load_state_dict(kept["student"])
        guides.load_state_dict(kept["guides"])
        optimiser.load_state_dict(kept["optimiser"])
        draw = np.random.default_rng(SEED + step)
        pairs.draw = seeded(f"{arguments.order}:{step}")
        distilled = itertools.islice(distilled, step, None)
    progress = Progress(f"{PHASE} seconds", 60 * minutes - spent)
    before = time.monotonic()
    start = before - spent
    recent: list[tuple[float, float, float]] = []
    with (CHECKPOINTS / f"{PHASE}.csv").open("a" if step else "w", newline="") as handle:
        table = csv.writer(handle)
        if not step:
            table.writerow(["step", "pairs", "similarity", "cosine"])
        while (done := (time.monotonic() - start) / (60 * minutes)) < 1:
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * min(1, (step + 1) / 30) * max(0.02, (1 + math.cos(math.pi * done)) / 2)
            name = pairs.task()
            task = name.split(":")[0]
            batch = pairs.batch(name)
            limits = LIMITS.get(task, (75, 75))
            kinds = ("query", "document") if task in ASYMMETRIC and draw.random() < 0.6 else ("document", "document")
            if task not in ASYMMETRIC and draw.random() < 0.4:
                kinds = ("query", "query")
            ids, mask, targets = lines.tensors(next(distilled), draw)
            with autocast():
                states = [pairs.states(student, [pair[side] for pair in batch], kinds[side], limits[side]) for side in (0, 1)]
                states.append(student.encoder.states(ids, mask))
            left, right, output = (student.read(part) for part in states)
            if task == "sts":
                loss = OWN["sts_weight"] * cosent(left, right, torch.tensor([pair[2] for pair in batch]))
            else:
                loss = info_nce(left, right, pairs.alike(batch, name))
            similarity, cosine = similarity_loss(output, targets), guides(output, targets)
            (loss + OWN["distill_weight"] * (similarity + cosine)).backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            step += 1
            if done > 1 - OWN["averaged"]:
                follow(mean, student)
            recent.append((loss.item(), similarity.item(), cosine.item()))
            now = time.monotonic()
            progress.add(now - before, f"{name} {recent[-1][0]:.3f}")
            before = now
            if len(recent) == 10:
                table.writerow([step, *np.mean(recent, 0).round(5)])
                handle.flush()
                recent.clear()
            if step % 120 == 0:
                print(f"step {step}: {watch(student)}", flush=True)
                torch.save({"step": step, "spent": time.monotonic() - start, "mean": mean, "student": student.state_dict(),
                            "guides": guides.state_dict(), "optimiser": optimiser.state_dict()}, saved)
    save_file(student.state_dict(), CHECKPOINTS / f"{PHASE}.safetensors")
    follow(mean, student)
    save_file(mean, CHECKPOINTS / f"{PHASE}-mean.safetensors")
    print(f"step {step}: {watch(student)}")
    plot(PHASE)


if __name__ == "__main__":
    main()
