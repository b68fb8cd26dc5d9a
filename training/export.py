"""Step 10: write the files the server loads: model.onnx, tokenizer.json and manifest.json.

`--untrained` exports the initial student, so that a server can be written against the formats before training ends.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
from typing import Any

import numpy as np
import onnx
from safetensors.torch import load_file
from tokenizers import Tokenizer

import graph
import quantise
from common import CHECKPOINTS, CONFIG, HERE, SEED, STUDENT, WEIGHTS, WORK, read_jsonl, sha256, weights_of
from student import Student, from_teacher
from teachers import load_e5
from text import PROMPTS, REMOVED, SPACES, SPECIALS, encode, framed, javascript, prompt_ids

OWN = CONFIG["students"][STUDENT]
CHUNK_TOKENS = 500  # with prompt and special ids just below the window; chunks of 254 and 128 retrieve no better


def load_student(untrained: bool = False) -> Student:
    """The trained student, or the one taken from the teacher's layers."""
    teacher_ids = np.load(WORK / "vocabulary.npz")["teacher_ids"]
    if untrained:
        return from_teacher(load_e5().encoder, teacher_ids).eval()
    student = Student(len(teacher_ids))
    student.load_state_dict(load_file(CHECKPOINTS / "student.safetensors"))
    return student.eval()


def rounding_constants(student: Student, tokenizer: Tokenizer, is_kept: bool) -> dict[str, np.ndarray]:
    """The constants by which the file divides activations before rounding, from a sample of the pool, or the kept ones; goldens.py needs them too."""
    if is_kept:
        with np.load(CHECKPOINTS / "smoothing.npz") as constants:
            return dict(constants)
    texts = [item["text"] for item, _ in zip(read_jsonl(WORK / "pool.jsonl"), range(400), strict=False)]
    prompt = prompt_ids(tokenizer)["document"]
    constants = quantise.smoothing(student, [framed(prompt, ids, 256) for ids in encode(tokenizer, texts)])
    np.savez(CHECKPOINTS / "smoothing.npz", **constants)  # type: ignore[arg-type]
    return constants


def manifest(tokenizer: Tokenizer, pieces: int, trained: bool) -> dict[str, object]:
    """Everything a server must know, and where the model comes from."""
    described = json.loads((HERE / "description.json").read_text())
    metrics = WORK / f"metrics-{OWN['measured']}-{sha256(WEIGHTS / 'model.onnx')[:12]}.json"
    return {
        "name": OWN["name"], "version": OWN["version"], "trained": trained,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "files": {name: {"bytes": (WEIGHTS / name).stat().st_size, "sha256": sha256(WEIGHTS / name)}
                  for name in ("model.onnx", "tokenizer.json")},
        "input": {"name": "input_ids", "type": "int64", "shape": ["batch", "length"],
                  "note": "all rows of a call have the same length; there is no padding and no attention mask"},
        "output": {"name": "embedding", "type": "float32", "shape": ["batch", CONFIG["student"]["dimension"]],
                   "note": "not normalised; an embedding of d dimensions is the first d components scaled to length 1"},
        "dimensions": {"all": CONFIG["dimensions"], "minimum": CONFIG["dimensions"][0],
                       "maximum": CONFIG["dimensions"][-1], "default": 1024},
        "vocabulary": pieces,
        "special": {"bos": SPECIALS["<s>"], "pad": SPECIALS["<pad>"], "eos": SPECIALS["</s>"], "unk": SPECIALS["<unk>"]},
        "prompts": {kind: {"text": PROMPTS[kind], "ids": ids} for kind, ids in prompt_ids(tokenizer).items()},
        "sequence": "bos, prompt ids, text ids, eos",
        "window": CONFIG["window"],
        "chunks": {
            "tokens": CHUNK_TOKENS,
            "rule": "a text of n ids (without prompt and special ids) is cut into k = ceil(n / tokens) chunks, chunk i "
                    "holding ids floor(i*n/k) to floor((i+1)*n/k); each chunk gets bos, prompt and eos; each output "
                    "vector is scaled to length 1 over all components; their average, weighted by the ids of each "
                    "chunk, is the text's vector, which is then cut to the dimension and scaled to length 1. "
                    "A text without ids is one empty chunk",
        },
        "normaliser": {"steps": ["NFKC", "remove `removed`", "replace each run of `spaces` by one space", "trim spaces"],
                       "removed": javascript(REMOVED), "spaces": javascript(SPACES), "flags": "gu"},
        "tokenizer": {"kind": "unigram", "metaspace": "▁", "prepend": "always", "fuse_unk": True, "unk_penalty": 10},
        "pooling": "mean over all ids of the sequence, computed inside the graph",
        "arithmetic": {"embedding": f"4 bits in blocks of {quantise.ROW_BLOCK}, positions int8 by row", "linear": f"int8 by output (−{quantise.WEIGHT_RANGE}…{quantise.WEIGHT_RANGE}), activations int8 by token"},
        "seed": SEED, "config_sha256": sha256(HERE / "config.json"),
        **described,
        "metrics": json.loads(metrics.read_text()) if metrics.exists() and trained else {},
    }


HEADLINES = {
    "STSb test en, Spearman": ("sts-en", "spearman"), "STSb test zh": ("sts-zh", "spearman"),
    "Tatoeba, mean of 17 languages, top-1": ("tatoeba-mean", "accuracy"), "AG News, V-measure": ("cluster-agnews", "v"),
    "THUCNews titles, V-measure": ("cluster-thucnews", "v"), "XQuAD en, nDCG@10": ("search-xquad_en q→d", "ndcg"),
    "XQuAD zh, nDCG@10": ("search-xquad_zh q→d", "ndcg"), "XQuAD zh → en, MRR@10": ("search-xquad_zh-to-en q→d", "mrr"),
    "Python functions, nDCG@10": ("search-code_pystdlib q→d", "ndcg"),
}


def model_card(facts: dict) -> str:
    """The model card with the figures and sources of the manifest."""
    found = facts["metrics"]
    lines = ["| | 64 | 256 | 1024 | 2048 |", "|---|---|---|---|---|"]
    for title, (name, measure) in HEADLINES.items():
        if name in found:
            lines.append(f"| {title} | " + " | ".join(f"{found[name][d][measure]:.3f}" for d in ("64", "256", "1024", "2048")) + " |")
    parts = {
        "headline": "\n".join(lines),
        "teachers": "\n".join(f"- {item['name']}, {item['from']}, {item['licence']}" for item in facts["teachers"]),
        "sources": "\n".join(f"- {item['name']}: {item['licence']}" for item in facts["sources"]),
    }
    card = (HERE / OWN["card"]).read_text()
    for name, value in parts.items():
        card = card.replace("{{" + name + "}}", value)
    return card


def main() -> None:
    """Export."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--untrained", action="store_true")
    parser.add_argument("--kept", action="store_true", help="with the rounding constants of the file that was widened (widen.py --released)")
    parser.add_argument("--facts", action="store_true", help="only manifest and model card, for the files that are there")
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    if not arguments.facts:
        shutil.copyfile(WORK / "tokenizer.json", WEIGHTS / "tokenizer.json")
        if weights_of("base") != WEIGHTS:  # the sparse side hangs on the tokenizer alone
            for path in (*weights_of("base").glob("terms.*"), *weights_of("base").glob("compounds.*")):
                shutil.copyfile(path, WEIGHTS / path.name)
    tokenizer = Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))
    if not arguments.facts:
        student = load_student(arguments.untrained)
        assert tokenizer.get_vocab_size() == student.encoder.words.num_embeddings
        onnx.save(graph.build(student, rounding_constants(student, tokenizer, arguments.kept)), str(WEIGHTS / "model.onnx"))
    content: dict[str, Any] = manifest(tokenizer, tokenizer.get_vocab_size(), not arguments.untrained)
    (WEIGHTS / "manifest.json").write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    (WEIGHTS / "MODEL_CARD.md").write_text(model_card(content))
    print({name: entry["bytes"] for name, entry in content["files"].items()})


if __name__ == "__main__":
    main()
