"""Step 12: term weights of the sparse side, counted over the pool; needs tokenizer.json and pool.jsonl only.

Writes, beside the model,
  terms.u32   for each piece the one that stands for it (uint32 little-endian, id = position)
  terms.f32   for each piece its weight (float32 little-endian): inverse document frequency over the largest, so that
              the rarest terms weigh 1; 0 for pieces that are no term or have another to stand for them
  terms.json  the constants of the saturation, and the hashes of both
and terms.golden.json, by which the server proves that it weighs the same.

Weights are counted on texts of about 30 tokens and carried by both sides, so a term counts with the square of its idf.
Constants were chosen on pairs that no benchmark has (`term_search.py`).
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
from tokenizers import Tokenizer

from common import CONFIG, GOLDENS, WEIGHTS, WORK, Progress, read_jsonl
from terms import Saturation, canonical_pieces, is_term, weigh
from text import encode

BATCH = 4096
SATURATION = Saturation(**CONFIG["terms"]["saturation"])
SCRIPTS = [
    "风急天高猿啸哀，渚清沙白鸟飞回。", "陸特和漢斯雷頓開創了哪一地區對梵語的學術研究？", "The quick brown fox jumps over the lazy dogs.", "Apple apple APPLE apples",
    "¿Cuántos puntos dejaron escapar en defensa los Panthers?", "Ein Satz mit Umlauten: äöü ß.", "كم نقطة تخلى عنها دفاع البانثرز؟", "ภาษาไทยไม่มีช่องว่าง",
    "東京都の人口は約1400万人です。", "한국어 문장입니다.", "Привет, мир! Приветы миру.", "हिन्दी में वाक्य", "🙂 emoji 👍🏽 and ❤️", "def _update_timer(self, dt=0.5): return self.timer + dt",
    "!?", "a", "字" * 60, "word " * 700,
]


def inverse_document_frequencies(texts: list[list[int]], canonical: np.ndarray) -> np.ndarray:
    """ln(1 + (N - n + .5) / (n + .5)) for each piece, n counted over the pieces it stands for: float64[pieces]."""
    found_in = np.zeros(len(canonical))
    for ids in texts:
        found_in[np.unique(canonical[ids])] += 1
    return np.log(1 + (len(texts) - found_in + 0.5) / (found_in + 0.5))


def pool_ids(tokenizer: Tokenizer) -> list[list[int]]:
    """The texts of the pool as token ids."""
    texts = [item["text"] for item in read_jsonl(WORK / "pool.jsonl")]
    progress = Progress("document frequencies", len(texts))
    ids: list[list[int]] = []
    for start in range(0, len(texts), BATCH):
        ids += encode(tokenizer, texts[start : start + BATCH])
        progress.add(min(BATCH, len(texts) - start))
    return [text for text in ids if text]


def write(name: str, values: np.ndarray) -> dict[str, object]:
    """Write an array beside the model; returns its entry of terms.json."""
    content = values.tobytes()
    (WEIGHTS / name).write_bytes(content)
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def golden(tokenizer: Tokenizer, canonical: np.ndarray, weights: np.ndarray) -> list[dict[str, object]]:
    """Sparse vectors of texts in many scripts, as both sides."""
    return [
        {"text": text, "type": kind, "terms": weigh(ids, kind, canonical, weights, SATURATION)}
        for text, ids in zip(SCRIPTS, encode(tokenizer, SCRIPTS), strict=True)
        for kind in ("query", "document")
    ]


def main() -> None:
    """Count, and write the four files."""
    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    pieces = [tokenizer.id_to_token(index) for index in range(tokenizer.get_vocab_size())]
    canonical = canonical_pieces(pieces)
    texts = pool_ids(tokenizer)
    idf = inverse_document_frequencies(texts, canonical)
    stands_for_itself = canonical == np.arange(len(pieces))
    weights = np.where(stands_for_itself & [is_term(piece) for piece in pieces], idf / idf.max(), 0).astype("<f4")
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    files = {"terms.u32": write("terms.u32", canonical), "terms.f32": write("terms.f32", weights)}
    saturation = {"constant": SATURATION.constant, "perToken": SATURATION.per_token}
    description = {"saturation": saturation, "documents": len(texts), "files": files}
    (WEIGHTS / "terms.json").write_text(json.dumps(description, indent=2) + "\n")
    cases = golden(tokenizer, canonical, weights)
    (GOLDENS / "terms.golden.json").write_text(json.dumps({"cases": cases}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
