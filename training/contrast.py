"""Step 6: a short contrastive phase on text pairs, beside continued distillation; writes contrast.safetensors.
`--phase sts` goes on from there with larger batches and more scored pairs; writes sts.safetensors.

Every step has one batch of pairs of one task and one distillation batch (distill.py), so that the space stays where it
is. Pairs: InfoNCE in both directions over the batch, at several prefix lengths. Scored pairs (STSb train): CoSENT, light.
Embedding rows stay as distilled.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections import defaultdict

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from batching import padded
from check_leakage import is_leak
from common import CONFIG, DATA, SEED, WORK, Progress, read_jsonl, rows, seeded
from distill import Guides, Lines, Watch, plot, similarity_loss
from scale import development_sets
from student import Student
from targets import TargetSpace, labelled
from text import encode, framed, prompt_ids

PHASE = "sts" if "sts" in sys.argv else "contrast"
OWN = CONFIG["contrast"] | (CONFIG["sts"] if PHASE == "sts" else {})
BEFORE = {"contrast": "distilled", "sts": "contrast"}[PHASE]
LIMITS = {"code": (40, 200), "keywords": (40, 200)}
ASYMMETRIC = ("title", "keywords", "answer", "code")


class Pairs:
    """Text pairs by task and language, tokenised when they are drawn."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer, self.prompts = tokenizer, prompt_ids(tokenizer)
        self.groups: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
        held_out = {text for firsts, _, scores in development_sets().values() if scores is None for text in firsts}
        for item in read_jsonl(WORK / "pairs.jsonl"):
            if item["first"] in held_out:
                continue
            group = f"parallel:{item['lang']}" if item["task"] == "parallel" else item["task"]
            self.groups[group].append((item["first"], item["second"], 1.0))
        for lang, score, first, second in rows(DATA / "text/train/stsb_train.tsv.gz"):
            if not is_leak(first) and not is_leak(second):
                self.groups[f"sts:{lang}"].append((first, second, float(score)))
        self.draw = seeded(PHASE)
        self.at: dict[str, int] = defaultdict(int)

    def task(self) -> str:
        """A task at random: the shares of config.json; languages of a task by the square root of their size."""
        kind = self.draw.choices(list(OWN["shares"]), list(OWN["shares"].values()))[0]
        groups = [group for group in self.groups if group.split(":")[0] == kind]
        return self.draw.choices(groups, [len(self.groups[group]) ** 0.5 for group in groups])[0]

    def batch(self, group: str) -> list[tuple[str, str, float]]:
        """The next pairs of a group, reshuffled when it is used up; no text occurs twice on a side (but in STS)."""
        task = group.split(":")[0]
        size = OWN["long_pairs"] if task in LIMITS else OWN["sts_pairs"] if task == "sts" else OWN["pairs"]
        items = self.groups[group]
        taken: tuple[set[str], set[str]] = set(), set()
        result: list[tuple[str, str, float]] = []
        while len(result) < size:
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

    def tensors(self, texts: list[str], kind: str, limit: int) -> tuple[Tensor, Tensor]:
        """ids and mask of texts with the prompt of a text type."""
        return padded([framed(self.prompts[kind], ids[:limit], 512) for ids in encode(self.tokenizer, texts)])


def info_nce(first: Tensor, second: Tensor) -> Tensor:
    """Mean over prefix lengths and directions of the cross entropy with the batch as negatives."""
    loss = first.new_zeros(())
    target = torch.arange(len(first))
    for dimension in OWN["dimensions"]:
        scores = OWN["scale"] * F.normalize(first[:, :dimension], dim=-1) @ F.normalize(second[:, :dimension], dim=-1).T
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


def main() -> None:
    """Train for the configured number of minutes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=OWN["minutes"])
    parser.add_argument("--phase", choices=("contrast", "sts"), default="contrast")
    parser.add_argument("--smoke", action="store_true")
    minutes = 0.3 if parser.parse_args().smoke else parser.parse_args().minutes
    torch.manual_seed(SEED + 1)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    items, first, second = labelled()
    fitted = np.load(WORK / "targets.npz")
    space = TargetSpace(fitted["mean"], fitted["axes"], fitted["std"], fitted["ridge"])
    lines = Lines(tokenizer, items, space.target(first, second).astype(np.float32))
    pairs = Pairs(tokenizer)

    state = load_file(WORK / f"{BEFORE}.safetensors")
    student = Student(len(state["encoder.words.weight"]))
    student.load_state_dict(state)
    student.encoder.words.weight.requires_grad_(False)
    guides = Guides()
    guides.load_state_dict(load_file(WORK / "guides.safetensors"))
    trained = [parameter for parameter in (*student.parameters(), *guides.parameters()) if parameter.requires_grad]
    readout = [*student.head.parameters(), *student.wide.parameters(), *guides.parameters()]
    known = {id(parameter) for parameter in readout}
    optimiser = torch.optim.AdamW([{"params": [parameter for parameter in trained if id(parameter) not in known]},
                                   {"params": readout}], weight_decay=0.01)
    rates = (OWN["rate"], OWN["readout_rate"])
    watch = Watch(tokenizer)
    draw = np.random.default_rng(SEED)
    distilled = iter(lines.batches(list(range(len(items))), PHASE))
    progress = Progress(f"{PHASE} seconds", 60 * minutes)
    start = before = time.monotonic()
    step = 0
    recent: list[tuple[float, float, float]] = []
    with (WORK / f"{PHASE}.csv").open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(["step", "pairs", "similarity", "cosine"])
        while (done := (time.monotonic() - start) / (60 * minutes)) < 1:
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * min(1, (step + 1) / 30) * max(0.02, 1 - done)
            name = pairs.task()
            task = name.split(":")[0]
            batch = pairs.batch(name)
            limits = LIMITS.get(task, (75, 75))
            kinds = ("query", "document") if task in ASYMMETRIC and draw.random() < 0.6 else ("document", "document")
            if task not in ASYMMETRIC and draw.random() < 0.4:
                kinds = ("query", "query")
            sides = [pairs.tensors([pair[side] for pair in batch], kinds[side], limits[side]) for side in (0, 1)]
            ids, mask, targets = lines.tensors(next(distilled), draw)
            with torch.autocast("cpu", torch.bfloat16):
                states = [student.encoder.states(*side) for side in (*sides, (ids, mask))]
            left, right, output = (student.read(part) for part in states)
            if task == "sts":
                loss = OWN["sts_weight"] * cosent(left, right, torch.tensor([pair[2] for pair in batch]))
            else:
                loss = info_nce(left, right)
            similarity, cosine = similarity_loss(output, targets), guides(output, targets)
            (loss + OWN["distill_weight"] * (similarity + cosine)).backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            step += 1
            recent.append((loss.item(), similarity.item(), cosine.item()))
            now = time.monotonic()
            progress.add(now - before, f"{name} {recent[-1][0]:.3f}")
            before = now
            if len(recent) == 10:
                table.writerow([step, *np.mean(recent, 0).round(5)])
                handle.flush()
                recent.clear()
            if step % 60 == 0:
                print(f"step {step}: {watch(student)}", flush=True)
                save_file(student.state_dict(), WORK / f"{PHASE}.safetensors")
    save_file(student.state_dict(), WORK / f"{PHASE}.safetensors")
    print(f"step {step}: {watch(student)}")
    plot(PHASE)


if __name__ == "__main__":
    main()
