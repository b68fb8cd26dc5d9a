"""Step 9: a vocabulary for a hundred languages: more of the teacher's pieces, and the teacher's own row for every piece.

The pieces that training used are those of the languages of its texts (vocabulary.py); of the others they cover a half to two
thirds, of some scripts a fifth, and what is written in them falls into single letters. The layers understand those languages all
the same: training moves a row by 2 % of its length, so that a piece it never saw can take the teacher's row as it is.

Added are the pieces of which localisations.py counts most: the sum over languages of the share of the language's tokens, of which
one piece counts MOST_SHARE at most, so that no language wins by its commas. New pieces come after the others, whose ids stay.
All rows become the teacher's, which its package holds in blocks of four bits, and so does our file, without a loss (quantise.py).

`--released`: widen the shipped model.onnx instead of student.safetensors; then `export.py --kept`.
"""

from __future__ import annotations

import argparse

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

import localisations
from common import CHECKPOINTS, CONFIG, WEIGHTS, WORK, Progress
from restore import checkpoint, teacher_ids
from teachers import load_e5
from text import build_tokenizer, encode

PIECES: int = CONFIG["vocabulary"]["widened"]
MOST_SHARE = 0.01
BATCH = 4096


def shares(tokenizer: Tokenizer, size: int) -> dict[str, np.ndarray]:
    """Source and language → each piece's share of its tokens, [size]."""
    counted: dict[str, list[tuple[str, int]]] = {f"words {lang}": pairs for lang, pairs in localisations.words().items()}
    counted |= {f"texts {lang}": [(text, 1) for text in texts] for lang, texts in localisations.texts().items()}
    found: dict[str, np.ndarray] = {}
    progress = Progress("count", sum(map(len, counted.values())))
    for name, pairs in counted.items():
        total = np.zeros(size)
        for start in range(0, len(pairs), BATCH):
            part = pairs[start:start + BATCH]
            for ids, (_, count) in zip(encode(tokenizer, [text for text, _ in part]), part, strict=True):
                np.add.at(total, ids, count)
            progress.add(len(part), name)
        found[name] = total / max(1, total.sum())
    return found


def main() -> None:
    """Choose pieces, write vocabulary.npz, tokenizer.json and student.safetensors anew."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--released", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    teacher = load_e5()
    size = len(teacher.pieces)
    if arguments.released:
        held = teacher_ids(Tokenizer.from_file(str(WEIGHTS / "tokenizer.json")), teacher.pieces)
        path = str(WEIGHTS / "model.onnx")
        state = checkpoint(path)
        # The same constants round the same weights to the same numbers.
        constants = {item.name.removesuffix(".divide"): 1 / numpy_helper.to_array(item)
                     for item in onnx.load(path).graph.initializer if item.name.endswith(".divide")}
        np.savez(CHECKPOINTS / "smoothing.npz", **constants)  # type: ignore[arg-type]
    else:
        held = np.load(WORK / "vocabulary.npz")["teacher_ids"]
        state = load_file(CHECKPOINTS / "student.safetensors")

    if len(held) < PIECES:
        score, is_held = np.zeros(size), np.zeros(size, bool)
        is_held[held] = True
        found = shares(build_tokenizer(teacher.pieces), size)
        if not found:
            raise SystemExit("there is nothing to count: set QUIVER_LOCALISATIONS and QUIVER_WORDS (localisations.py)")
        for share in found.values():
            score += np.minimum(share, MOST_SHARE)
        score[is_held] = 0
        best = np.argsort(-score, kind="stable")[: PIECES - len(held)]
        added = np.sort(best[score[best] > 0])
        before = np.mean([share[held].sum() for share in found.values()])
        held = np.concatenate([held, added])
        print(f"{len(added):,} pieces added, {len(held):,} in all; of {len(found)} languages' tokens, in the mean, "
              f"{before:.1%} were whole and {np.mean([share[held].sum() for share in found.values()]):.1%} are")
    np.savez(WORK / "vocabulary.npz", teacher_ids=held)
    build_tokenizer([teacher.pieces[number] for number in held]).save(str(WORK / "tokenizer.json"), pretty=False)
    state["encoder.words.weight"] = teacher.encoder.words.weight.detach()[held].contiguous()
    save_file(state, CHECKPOINTS / "student.safetensors")


if __name__ == "__main__":
    main()
