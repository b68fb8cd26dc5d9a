"""Step 8: how loud may components 385–2,048 be? Scales them in student.safetensors so that longer prefixes do no harm.

Development figures (STSb dev in seven languages; query → code and translation retrieval among training pairs) are taken at
every dimension for a series of factors; the largest factor wins with which, from 384 components on, no longer prefix is
worse than a shorter one by more than MEAN_FALL in the mean and SET_FALL in any set. The table goes to scale.md.

Then MEAN_ADDED of the mean output over a part of the pool is added to every output. Measured on the same development
sets at 1,024 components (add 0 / .5 / 1 / 2): STSb mean of seven languages .7112 / .7126 / .7135 / .7142, translations
of ten languages .9532 / .9534 / .9538 / .9540, code .793 / .789 / .789 / .790. More would gain little and would push
the cosines of unrelated texts up, on which people set thresholds.
"""

from __future__ import annotations

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from common import CHECKPOINTS, CONFIG, WORK, read_jsonl, threads
from development import development_sets, figure
from distill import embed
from metrics import unit
from student import Student
from teachers import HIDDEN
from text import encode, framed, prompt_ids

FACTORS = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.2)
MEAN_FALL, SET_FALL = 0.0002, 0.0025
MEAN_ADDED, MEAN_TEXTS = 0.5, 4_000


def mean_output(student: Student, tokenizer: Tokenizer) -> Tensor:
    """The mean output [2048] over short texts of the pool, as documents."""
    prompt = prompt_ids(tokenizer)["document"]
    pool = (item["text"] for item in read_jsonl(WORK / "pool.jsonl") if item["kind"] == "short")
    texts = [text for text, _ in zip(pool, range(MEAN_TEXTS), strict=False)]
    return torch.from_numpy(embed(student, [framed(prompt, ids, 220) for ids in encode(tokenizer, texts)]).mean(0))


def shift(state: dict[str, Tensor], added: Tensor) -> None:
    """Let every output of a student be `added` [2048] more."""
    state["head.bias"] += added[:HIDDEN]
    state["wide.bias"] += added[HIDDEN:]


def main() -> None:
    """Measure, choose, scale."""
    torch.set_num_threads(threads())
    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    prompt = prompt_ids(tokenizer)["document"]
    state = load_file(CHECKPOINTS / "chosen.safetensors")
    student = Student(len(state["encoder.words.weight"]))
    student.load_state_dict(state)
    student.eval()
    sets = development_sets()
    vectors = {name: [embed(student, [framed(prompt, ids, 220) for ids in encode(tokenizer, texts)]) for texts in sides[:2]]
               for name, sides in sets.items()}
    dimensions = CONFIG["dimensions"]
    lines = ["| factor | set | " + " | ".join(map(str, dimensions)) + " |", "|---|---|" + "---|" * len(dimensions)]
    chosen, first = FACTORS[-1], dimensions.index(HIDDEN)
    for factor in reversed(FACTORS):
        loud = np.ones(CONFIG["student"]["dimension"], np.float32)
        loud[HIDDEN:] = factor
        table = {name: [figure(unit(pair[0] * loud, d), unit(pair[1] * loud, d), sets[name][2]) for d in dimensions]
                 for name, pair in vectors.items()}
        table["mean"] = list(np.mean(list(table.values()), 0))
        for name, values in table.items():
            lines.append(f"| {factor} | {name} | " + " | ".join(f"{value:.4f}" for value in values) + " |")
        print(lines[-1], flush=True)
        fall = {name: max(max(values[first:place]) - values[place] for place in range(first + 1, len(values)))
                for name, values in table.items()}
        if fall["mean"] <= MEAN_FALL and max(fall.values()) <= SET_FALL:
            chosen = factor
    (CHECKPOINTS / "scale.md").write_text("\n".join(lines) + "\n")
    print(f"factor {chosen}")
    state["wide.weight"] *= chosen
    state["wide.bias"] *= chosen
    student.load_state_dict(state)
    shift(state, MEAN_ADDED * mean_output(student, tokenizer))
    save_file(state, CHECKPOINTS / "student.safetensors")


if __name__ == "__main__":
    main()
