"""Speed and accuracy of the four ways of holding the linear layers; writes engine-variants.md into the work folder.

One thread, one text a call, CPU time (so that other processes disturb little). Accuracy: cosine to the float network over
STSb dev sentences at 1,024 components, and Spearman on STSb dev en and zh.
"""

from __future__ import annotations

import time

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer

import graph
from common import CHECKPOINTS, DATA, WORK, rows
from export import load_student
from metrics import similarity_correlation, unit
from text import encode, framed, prompt_ids

LENGTHS = (10, 20, 60, 250, 500)
SECONDS = 0.6


def session_of(model_bytes: bytes) -> onnxruntime.InferenceSession:
    """A single-threaded session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model_bytes, options, providers=["CPUExecutionProvider"])


def main() -> None:
    """Measure every variant."""
    torch.set_num_threads(1)
    student = load_student()
    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    prompt = prompt_ids(tokenizer)["document"]
    sets = {}
    for lang in ("en", "zh"):
        records = [record for record in rows(DATA / "text/eval/stsb_dev.tsv.gz") if record[0] == lang][:300]
        texts = [record[2] for record in records] + [record[3] for record in records]
        sets[lang] = [framed(prompt, ids, 512) for ids in encode(tokenizer, texts)], [float(record[1]) for record in records]
    with torch.no_grad():
        exact = {lang: np.concatenate([student(torch.tensor([ids])).numpy() for ids in sequences])
                 for lang, (sequences, _) in sets.items()}
    smoothing = dict(np.load(CHECKPOINTS / "smoothing.npz"))
    lines = ["| variant | MB | " + " | ".join(f"{n} ids, texts/s" for n in LENGTHS) + " | cosine mean / least | STSb dev en | zh |",
             "|---|---|" + "---|" * (len(LENGTHS) + 3)]
    for name, variant, block in (("float", "float", 0), ("dynamic", "dynamic", 0), ("blocks 32", "blocks", 32), ("blocks 64", "blocks", 64),
                                 ("blocks 128", "blocks", 128), ("mixed", "mixed", 0), ("rows", "rows", 0)):
        content = graph.build(student, smoothing, variant, block or 64).SerializeToString()  # type: ignore[arg-type]
        session = session_of(content)
        cells = [name, f"{len(content) / 1e6:.1f}"]
        for length in LENGTHS:
            ids = np.array([(sets["en"][0][0] + sum(sets["zh"][0], []))[:length]])
            count, start = 0, time.process_time()
            while time.process_time() - start < SECONDS:
                session.run(None, {"input_ids": ids})
                count += 1
            cells.append(f"{count / (time.process_time() - start):.0f}")
        cosines, figures = [], []
        for lang, (sequences, scores) in sets.items():
            found = np.concatenate([session.run(None, {"input_ids": np.array([ids])})[0] for ids in sequences])
            cosines += list((unit(found, 1024) * unit(exact[lang], 1024)).sum(1))
            figures.append(similarity_correlation(unit(found, 1024)[: len(scores)], unit(found, 1024)[len(scores):], scores))
        cells += [f"{np.mean(cosines):.5f} / {np.min(cosines):.5f}", *(f"{figure:.4f}" for figure in figures)]
        lines.append("| " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    (CHECKPOINTS / "engine-variants.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
