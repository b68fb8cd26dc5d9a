"""Term weights of the sparse side: the inverse document frequency of every piece, counted over the pool.

Writes idf.f32 (float32 little-endian, one value a piece, id = position) and terms.json, which describes it, beside the
model. A text's sparse vector is tf / (tf + saturation) * idf over its distinct pieces, scaled to length 1; this is
BM25's term saturation (Robertson & Zaragoza 2009, The Probabilistic Relevance Framework) with the length
normalisation replaced by the cosine's.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
from tokenizers import Tokenizer

from common import WEIGHTS, WORK, Progress, read_jsonl
from text import SPECIALS, encode

SATURATION = 1.2
BATCH = 4096


def main() -> None:
    """Count in how many texts of the pool each piece occurs, and write the weights."""
    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    texts = [item["text"] for item in read_jsonl(WORK / "pool.jsonl")]
    found_in = np.zeros(tokenizer.get_vocab_size())
    progress = Progress("document frequencies", len(texts))
    for start in range(0, len(texts), BATCH):
        for ids in encode(tokenizer, texts[start : start + BATCH]):
            found_in[list(set(ids))] += 1
        progress.add(min(BATCH, len(texts) - start))
    idf = np.log(1 + (len(texts) - found_in + 0.5) / (found_in + 0.5)).astype("<f4")
    # A special token is never in a text, and the bare mark of a word's start says nothing of it.
    idf[[*SPECIALS.values(), tokenizer.token_to_id("▁")]] = 0
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    content = idf.tobytes()
    (WEIGHTS / "idf.f32").write_bytes(content)
    description = {
        "saturation": SATURATION,
        "documents": len(texts),
        "idf": {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()},
    }
    (WEIGHTS / "terms.json").write_text(json.dumps(description, indent=2) + "\n")


if __name__ == "__main__":
    main()
