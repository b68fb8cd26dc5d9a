"""Step 3: prune the teacher's 250,002 pieces to those the pool uses; writes tokenizer.json and vocabulary.npz.

Counts are flattened over the languages (a language's share of the total is its token count to the power `balance`),
taken twice: with all pieces, then with the `first_cut` best, because a removed piece makes others more frequent.
Special tokens, the prompts' pieces and every single character of the teacher are always kept. Order: specials first,
then as in the teacher, so that ids are stable. vocabulary.npz: teacher_ids [pieces], the teacher's row of each piece.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from common import CONFIG, WORK, Progress, read_jsonl
from teachers import load_e5
from text import PROMPTS, SPECIALS, build_tokenizer, encode


def balanced_counts(tokenizer, texts: dict[str, list[str]], size: int) -> np.ndarray:
    """How often each piece occurs, each language weighted so that its total is (its tokens) ** balance; [size]."""
    total = np.zeros(size)
    progress = Progress("count", sum(map(len, texts.values())))
    for lang in sorted(texts):
        counts: Counter[int] = Counter()
        for start in range(0, len(texts[lang]), 4096):
            part = texts[lang][start:start + 4096]
            for ids in encode(tokenizer, part):
                counts.update(ids)
            progress.add(len(part))
        tokens = sum(counts.values())
        for piece, count in counts.items():
            total[piece] += count * tokens ** (CONFIG["vocabulary"]["balance"] - 1)
    return total


def main() -> None:
    """Count, cut, count, cut, write."""
    pieces = load_e5().pieces
    texts: dict[str, list[str]] = defaultdict(list)
    for item in read_jsonl(WORK / "pool.jsonl"):
        texts[item["lang"]].append(item["text"])
    tokenizer = build_tokenizer(pieces)
    always = set(SPECIALS.values()) | {index for index, (piece, _) in enumerate(pieces) if len(piece) == 1}
    for prompt in PROMPTS.values():
        always |= set(tokenizer.encode(prompt, add_special_tokens=False).ids)

    kept = list(range(len(pieces)))
    for size in (CONFIG["vocabulary"]["first_cut"], CONFIG["vocabulary"]["pieces"]):
        counts = balanced_counts(build_tokenizer([pieces[i] for i in kept]), texts, len(kept))
        best = [kept[i] for i in np.argsort(-counts, kind="stable") if kept[i] not in always]
        kept = sorted([*always, *best[: size - len(always)]])
    final = build_tokenizer([pieces[i] for i in kept])
    final.save(str(WORK / "tokenizer.json"), pretty=False)
    np.savez(WORK / "vocabulary.npz", teacher_ids=np.array(kept))
    print(f"{len(kept):,} pieces, of which {len(always):,} always kept")


if __name__ == "__main__":
    main()
