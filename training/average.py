"""Step 7: choose among checkpoints and their averages on development data; writes chosen.safetensors.

`python average.py released sts contrast` measures each named checkpoint of the work folder and the mean of every two
(weights averaged one by one: model soups, arXiv 2203.05482; they share an ancestor, so the mean is a network too) at 1,024
components on the development sets of development.py, and keeps the one with the best mean over the sets' means by kind: sentence
similarity, translations, code, keywords. The table goes to average.md. Evaluation sets are never looked at.
"""

from __future__ import annotations

import argparse
from itertools import combinations

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from common import CHECKPOINTS, WORK, threads
from development import development_sets, figure
from distill import embed
from metrics import unit
from student import Student
from text import encode, framed, prompt_ids

DIMENSION = 1024


def mean(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each weight."""
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}


def main() -> None:
    """Measure all, keep the best."""
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoints", nargs="+", help="names in the work folder, without .safetensors")
    parser.add_argument("--smoke", action="store_true")
    names = parser.parse_args().checkpoints
    torch.set_num_threads(threads())
    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    prompt = prompt_ids(tokenizer)["document"]
    states = {name: load_file(CHECKPOINTS / f"{name}.safetensors") for name in names}
    for pair in combinations(names, 2):
        states[" + ".join(pair)] = mean([states[name] for name in pair])
    sets = {name: ([[framed(prompt, ids, 220) for ids in encode(tokenizer, texts)] for texts in parts[:2]], parts[2])
            for name, parts in development_sets().items()}
    student = Student(len(states[names[0]]["encoder.words.weight"]))
    lines = ["| checkpoint | " + " | ".join(sets) + " | mean of kinds |", "|---|" + "---|" * (len(sets) + 1)]
    best, chosen = -1.0, ""
    for name, state in states.items():
        student.load_state_dict(state)
        student.eval()
        found: dict[str, float] = {}
        for group, (sides, scores) in sets.items():
            first, second = (unit(embed(student, side), DIMENSION) for side in sides)
            found[group] = figure(first, second, scores)
        kinds: dict[str, list[float]] = {}
        for group, value in found.items():
            kinds.setdefault(group.split()[0], []).append(value)
        total = float(np.mean([np.mean(values) for values in kinds.values()]))
        lines.append(f"| {name} | " + " | ".join(f"{value:.4f}" for value in found.values()) + f" | {total:.4f} |")
        print(lines[-1], flush=True)
        if total > best:
            best, chosen = total, name
    (CHECKPOINTS / "average.md").write_text("\n".join(lines) + "\n")
    save_file({name: value.contiguous() for name, value in states[chosen].items()}, CHECKPOINTS / "chosen.safetensors")
    print(f"chosen: {chosen}")


if __name__ == "__main__":
    main()
