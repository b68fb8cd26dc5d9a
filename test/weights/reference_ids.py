"""What the reference implementation makes of 10,000 lines in 30 and more languages.

    python reference_ids.py FOLDER DATA

DATA is the folder of text data; the lines are drawn evenly from the languages of train/mono.tsv.gz. Writes FOLDER/reference-ids.json, which packages/server/src/engines/tokenizers/parity.test.ts reads.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import defaultdict
from pathlib import Path

from tokenizers import Tokenizer

LINES = 10_000
MODELS = ("all-minilm-l6-v2", "multilingual-e5-small", "tiny-qwen3")


def lines(data: Path) -> list[str]:
    """The same for the same data."""
    own: dict[str, list[str]] = defaultdict(list)
    with gzip.open(data / "text/train/mono.tsv.gz", "rt", encoding="utf-8") as file:
        for row in file:
            _, language, text = row.rstrip("\n").split("\t")
            own[language].append(text)
    if len(own) < 20:
        raise SystemExit(f"{data} has {len(own)} languages")
    drawn: list[str] = []
    # The languages with the fewest lines first; what they lack is taken from the others.
    for left, texts in zip(range(len(own), 0, -1), sorted(own.values(), key=len)):
        share = -(-(LINES - len(drawn)) // left)
        drawn += texts[:: max(1, len(texts) // share)][:share]
    return drawn[:LINES]


def main() -> None:
    folder, data = Path(sys.argv[1]), Path(sys.argv[2])
    texts = lines(data)
    found = {}
    for model in MODELS:
        tokenizer = Tokenizer.from_file(str(folder / model / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        special = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
        # A text that spells a special token is only text to the server, on purpose.
        found[model] = [None if any(name in text for name in special) else encoded.ids
                        for text, encoded in zip(texts, tokenizer.encode_batch(texts, add_special_tokens=False), strict=True)]
    (folder / "reference-ids.json").write_text(json.dumps({"texts": texts, "ids": found}, ensure_ascii=False))


if __name__ == "__main__":
    main()
