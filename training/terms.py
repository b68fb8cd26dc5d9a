"""Terms of the sparse side: which pieces are one term, what a term weighs, and a text's sparse vector.

The server's counterpart is `engines/builtin/term-weights.ts`; terms.golden.json holds the two together.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np
import Stemmer

from text import SPECIALS

WORD_START = "▁"
MIN_WORD = 4  # letters from which a piece means the same inside a word (timer in _update_timer) as at its beginning
NO_SPACES = re.compile(
    r"[\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\U00020000-\U0003FFFF]+")


class Saturation(NamedTuple):
    """A count c in a document of n tokens counts as c / (c + constant + per_token * n)."""

    constant: float
    per_token: float


def canonical_pieces(pieces: list[str]) -> np.ndarray:
    """For each piece, the piece that stands for it: uint32[pieces].

    One term are pieces that differ in case; that differ in the mark of a word's beginning, where it says nothing
    (punctuation, scripts without spaces, long pieces); and English words of one Snowball stem. The representative is
    the one that reads best: at a word's beginning, in lower case, the shortest.
    """
    stem = Stemmer.Stemmer("english").stemWord

    def key(piece: str) -> str:
        bare = piece.replace(WORD_START, "").lower()
        starts = piece.startswith(WORD_START) or len(bare) >= MIN_WORD or not any(map(str.isalnum, bare))
        if NO_SPACES.fullmatch(bare):
            starts = True
        if starts and re.fullmatch("[a-z]{3,}", bare):
            return "=" + stem(bare)
        return WORD_START * starts + bare

    groups: dict[str, list[int]] = defaultdict(list)
    for index, piece in enumerate(pieces):
        if index not in SPECIALS.values() and piece.replace(WORD_START, ""):
            groups[key(piece)].append(index)
    canonical = np.arange(len(pieces), dtype="<u4")
    for group in groups.values():
        canonical[group] = min(group, key=lambda index: readability(pieces[index], index))
    return canonical


def is_term(piece: str) -> bool:
    """Whether a piece says what a text is about: no special token, bare mark of a word's beginning, or punctuation."""
    bare = piece.replace(WORD_START, "")
    if piece in SPECIALS or not bare:
        return False
    return any(unicodedata.category(char)[0] not in "PZC" and not (char.isascii() and not char.isalnum()) for char in bare)


def readability(piece: str, index: int) -> tuple[bool, bool, int, int]:
    """Sorts the piece that people should see first."""
    bare = piece.replace(WORD_START, "")
    inside = not piece.startswith(WORD_START) and not NO_SPACES.fullmatch(bare)
    return inside, bare != bare.lower(), len(bare), index


def weigh(ids: list[int], kind: str, canonical: np.ndarray, weights: np.ndarray, saturation: Saturation) -> list[tuple[int, float]]:
    """The sparse vector of a text, ascending by term; `kind` is query or document."""
    counts = Counter(int(canonical[i]) for i in ids)
    found = [(term, count, float(weights[term])) for term, count in sorted(counts.items()) if weights[term] > 0]
    total = sum(count * weight**2 for _, count, weight in found)
    bend = saturation.constant + saturation.per_token * len(ids)
    strength = (lambda count: count / total) if kind == "query" else (lambda count: count / (count + bend))
    return [(term, float(np.float32(weight * strength(count)))) for term, count, weight in found]
