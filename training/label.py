"""Step 4: the teachers' vectors for the pool, in shards, resumable; start one process a core: label.py --part 0/2, 1/2.

Every shard holds, for its texts in pool order, float16 unit vectors
  e5      [n, 384] multilingual-e5-small: short texts with "query: ", passages and code with "passage: "
  minilm  [n, 384] all-MiniLM-L6-v2 on the English text of the same meaning; zeros where there is none
or, with `--teacher large`, from which the smaller student learns,
  large   [n, 768] the first components of the shipped larger model, every text as a document
The pool is in random order, so labelling may be stopped at any shard.

Why "query: " for short texts whatever the text type asked for: on STSb dev the first teacher correlates .803 (en) and
.723 (zh) with "query: " on both sides, .774 and .691 with "passage: ", and callers who name no type get "document".
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer

from arithmetic import FAST
from batching import run_by_length
from common import CONFIG, WORK, Progress, read_jsonl, weights_of
from metrics import unit
from targets import TEACHERS, WIDTHS, folder_of
from teachers import E5, embed, load_e5, load_minilm
from text import build_tokenizer, encode, framed, prompt_ids

SHARD: int = CONFIG["label"]["shard"]
BATCH: int = CONFIG["label"]["tokens_per_batch"]
LIMIT = {"short": CONFIG["pool"]["short_tokens"], "long": CONFIG["pool"]["long_tokens"], "code": CONFIG["pool"]["long_tokens"]}
PROMPT_OF = {"short": "query", "long": "document", "code": "document"}


Label = Callable[[list[dict]], dict[str, np.ndarray]]


def both_teachers() -> Label:
    """Both teachers' vectors of texts."""
    teacher: E5 = load_e5()
    tokenizer = build_tokenizer(teacher.pieces)
    prompts = prompt_ids(tokenizer)
    e5 = teacher.encoder.to(FAST)
    minilm, english_tokenizer = load_minilm()
    minilm = minilm.to(FAST)

    def label(texts: list[dict]) -> dict[str, np.ndarray]:
        ids = encode(tokenizer, [item["text"] for item in texts])
        sequences = [framed(prompts[PROMPT_OF[item["kind"]]], sequence, LIMIT[item["kind"]])
                     for item, sequence in zip(texts, ids, strict=True)]
        vectors = embed(e5, sequences, BATCH)
        english = sorted({item["english"] for item in texts} - {""})
        english_ids = [encoding.ids for encoding in english_tokenizer.encode_batch(english)]
        english_vectors = dict(zip(english, embed(minilm, english_ids, 2 * BATCH, pad=0), strict=True))
        nothing = np.zeros(384, np.float32)
        second = np.stack([english_vectors.get(item["english"], nothing) for item in texts])
        return {"e5": vectors, "minilm": second}
    return label


def larger_student(threads: int) -> Label:
    """The shipped larger model's vectors of texts."""
    folder = weights_of("large")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    prompt = prompt_ids(tokenizer)["document"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])

    def label(texts: list[dict]) -> dict[str, np.ndarray]:
        ids = encode(tokenizer, [item["text"] for item in texts])
        sequences = [framed(prompt, sequence, LIMIT[item["kind"]]) for item, sequence in zip(texts, ids, strict=True)]
        found = run_by_length(lambda rows: session.run(None, {"input_ids": rows})[0], sequences, BATCH)
        return {"large": unit(found[:, :WIDTHS["large"]])}
    return label


def main() -> None:
    """Label the shards of one part."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", default="0/1", help="number/parts: this process takes every parts-th shard")
    parser.add_argument("--shards", type=int, default=10**6, help="stop after this many shards")
    parser.add_argument("--texts", choices=("pool", "more"), default="pool", help="pool.jsonl (pool.py) or more.jsonl (translations.py)")
    parser.add_argument("--teacher", choices=sorted(TEACHERS), default="both")
    parser.add_argument("--skip", type=int, default=0, help="leave out this many shards: texts that a released model has seen")
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    part, parts = map(int, arguments.part.split("/"))
    cores = max(1, len(os.sched_getaffinity(0)) // parts)
    torch.set_num_threads(cores)
    folder = folder_of(arguments.texts, arguments.teacher)
    folder.mkdir(exist_ok=True)
    label = larger_student(cores) if arguments.teacher == "large" else both_teachers()

    pool = list(read_jsonl(WORK / f"{arguments.texts}.jsonl"))
    numbers = range((len(pool) + SHARD - 1) // SHARD)[arguments.skip : arguments.skip + arguments.shards]
    mine = [number for number in numbers if number % parts == part and not (folder / f"{number:04d}.npz").exists()]
    progress = Progress(f"label {arguments.part}", len(mine) * SHARD)
    for number in mine:
        texts = pool[number * SHARD:(number + 1) * SHARD]
        partial = folder / f"{number:04d}.part.npz"
        np.savez(partial, **{name: vectors.astype(np.float16) for name, vectors in label(texts).items()})
        partial.rename(folder / f"{number:04d}.npz")
        progress.add(len(texts))


if __name__ == "__main__":
    main()
