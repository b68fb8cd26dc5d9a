"""Step 3: every text's vector in the built-in text model, and its token ids. Goes on where it was stopped.

The text tower does not read texts itself: it projects what the built-in text model, which the server has loaded anyway, says
of them. So these vectors are its whole input and are computed once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from sets import Pictured, emoji, labels, photos
from shared import TEXT_WEIGHTS, WORK, Progress
from batching import run_by_length  # the text side's
from text import encode, framed, prompt_ids  # the text side's

SHARD = 4096
TOKENS_PER_CALL = 4096
PROMPT = "query"
"""The text model reads captions as queries: that is what is searched with."""
WIDTH = 2048
MOST_TOKENS = 64
TEMPLATES = {"en": ("{}", "a photo of a {}", "a {} in the picture"), "zh": ("{}", "一张{}的照片", "图片里有{}")}


def in_rounds(items: list[Pictured]) -> Iterator[str]:
    """The first text of every kind of all pictures, then the second, and so on: what is computed first covers all pictures."""
    for i in range(max(len(texts) for item in items for texts in item.texts.values())):
        for item in items:
            for texts in item.texts.values():
                yield from texts[i:i + 1]


def of_labels() -> Iterator[str]:
    """The label words, alone and in templates."""
    for template in range(max(map(len, TEMPLATES.values()))):
        for label in labels():
            for lang, names in label.items():
                yield from (TEMPLATES[lang][template].format(name) for name in names)


def texts() -> list[str]:
    """Every text once, in an order that does not change."""
    return list(dict.fromkeys([*of_labels(), *in_rounds(photos("val")), *in_rounds([*emoji(), *photos("train")])]))


class TextModel:
    """The built-in text model in onnxruntime."""

    def __init__(self, folder: Path = TEXT_WEIGHTS) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.prompt = prompt_ids(self.tokenizer)[PROMPT]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])

    def ids(self, items: list[str]) -> list[list[int]]:
        """Token ids without prompt and special tokens, cut."""
        return [ids[:MOST_TOKENS] for ids in encode(self.tokenizer, items)]

    def vectors(self, rows: list[list[int]], progress: Progress | None = None) -> np.ndarray:
        """Raw vectors [n, 2048], float32; rows of one length go together, because nothing may be padded."""
        sequences = [framed(self.prompt, ids, 512) for ids in rows]
        told = (progress.add,) if progress else ()
        return run_by_length(lambda part: self.session.run(None, {"input_ids": part})[0], sequences, TOKENS_PER_CALL, *told)


def main() -> None:
    """Write `texts.txt`-ordered shards of vectors; ids are cheap and computed by who needs them."""
    every = texts()
    model = TextModel()
    progress = Progress("texts", len(every))
    for start in range(0, len(every), SHARD):
        file = WORK / f"texts-{start // SHARD:03}.npy"
        part = every[start:start + SHARD]
        if file.exists():
            progress.add(len(part))
            continue
        np.save(WORK / "part.npy", model.vectors(model.ids(part), progress).astype(np.float16))
        (WORK / "part.npy").replace(file)


def text_vectors() -> tuple[dict[str, int], np.ndarray]:
    """Every computed text's row, and the rows: float16 [n, 2048]. Captions that are not computed yet are the last ones of train."""
    rows = np.concatenate([np.load(file) for file in sorted(WORK.glob("texts-*.npy"))])
    return {text: i for i, text in enumerate(texts()[:len(rows)])}, rows


if __name__ == "__main__":
    main()
