"""Step 12: term weights of the sparse side, counted over the pool; needs tokenizer.json and pool.jsonl only.

Writes, beside the model,
  terms.u32   for each piece the one that stands for it (uint32 little-endian, id = position)
  terms.f32   for each piece its weight (float32 little-endian): inverse document frequency over the largest, so that
              the rarest terms weigh 1, to the power of 0.75; 0 for pieces that are no term or that others stand for
  terms.json  the constants of the saturation, and the hashes of both
and terms.golden.json, by which the server proves that it weighs the same.

Counted is a term's share in the language where it is most common: over all languages together the little words of a
language with few texts would look rare. Both sides carry the weight, so a term counts with its idf to the power of
1.5: the texts are short (30 tokens), and little words are in a larger share of passages than of them. Constants were chosen on pairs that no benchmark has (`term_search.py`).
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
PRIOR_TEXTS: float = CONFIG["terms"]["prior_texts"]  # texts of every language that are imagined to be as all texts are
POWER: float = CONFIG["terms"]["power"]
SCRIPTS = [
    "风急天高猿啸哀，渚清沙白鸟飞回。", "陸特和漢斯雷頓開創了哪一地區對梵語的學術研究？", "The quick brown fox jumps over the lazy dogs.", "Apple apple APPLE apples",
    "¿Cuántos puntos dejaron escapar en defensa los Panthers?", "Ein Satz mit Umlauten: äöü ß.", "كم نقطة تخلى عنها دفاع البانثرز؟", "ภาษาไทยไม่มีช่องว่าง",
    "東京都の人口は約1400万人です。", "한국어 문장입니다.", "Привет, мир! Приветы миру.", "हिन्दी में वाक्य", "🙂 emoji 👍🏽 and ❤️", "def _update_timer(self, dt=0.5): return self.timer + dt",
    "!?", "a", "字" * 60, "word " * 700,
]


def count_by_language(tokenizer: Tokenizer, canonical: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In how many texts of each language each term is, and how many texts that is: float64[languages, pieces], [languages].

    Code is a language of its own.
    """
    items = list(read_jsonl(WORK / "pool.jsonl"))
    languages = ["code" if item["kind"] == "code" else item["lang"] for item in items]
    rows = {language: row for row, language in enumerate(sorted(set(languages)))}
    found_in, texts = np.zeros((len(rows), len(canonical))), np.zeros(len(rows))
    progress = Progress("document frequencies", len(items))
    for start in range(0, len(items), BATCH):
        part = items[start : start + BATCH]
        for ids, language in zip(encode(tokenizer, [item["text"] for item in part]), languages[start : start + BATCH], strict=True):
            found_in[rows[language], np.unique(canonical[ids])] += 1
            texts[rows[language]] += 1
        progress.add(len(part))
    return found_in, texts


def weights_of(found_in: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Weight of each piece, from its share in the language where it is most common, the rarest term weighing 1."""
    overall = (found_in.sum(0) + 0.5) / (texts.sum() + 1)
    shares = (found_in + PRIOR_TEXTS * overall) / (texts + PRIOR_TEXTS)[:, None]
    idf = -np.log(shares.max(0))
    return (idf / idf.max()) ** POWER


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
    canonical = canonical_pieces([tokenizer.id_to_token(index) for index in range(tokenizer.get_vocab_size())])
    found_in, texts = count_by_language(tokenizer, canonical)
    publish(tokenizer, canonical, found_in, texts)


def publish(tokenizer: Tokenizer, canonical: np.ndarray, found_in: np.ndarray, texts: np.ndarray) -> None:
    """Write the files that follow from the counts."""
    pieces = [tokenizer.id_to_token(index) for index in range(tokenizer.get_vocab_size())]
    named = (canonical == np.arange(len(pieces))) & np.array([is_term(piece) for piece in pieces])
    weights = np.where(named, weights_of(found_in, texts), 0).astype("<f4")
    for folder in (WEIGHTS, GOLDENS):
        folder.mkdir(parents=True, exist_ok=True)
    files = {"terms.u32": write("terms.u32", canonical), "terms.f32": write("terms.f32", weights)}
    saturation = {"constant": SATURATION.constant, "perToken": SATURATION.per_token}
    description = {"saturation": saturation, "documents": int(texts.sum()), "files": files}
    (WEIGHTS / "terms.json").write_text(json.dumps(description, indent=2) + "\n")
    cases = golden(tokenizer, canonical, weights)
    (GOLDENS / "terms.golden.json").write_text(json.dumps({"cases": cases}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
