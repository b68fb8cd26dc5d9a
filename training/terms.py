"""Terms of the sparse side: what a text's terms are, which pieces are one term, what a term weighs, a text's sparse vector.

The server's counterpart is `engines/builtin/term-weights.ts` and `text-terms.ts`; terms.golden.json holds them together.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np
import regex
import Stemmer
from tokenizers import Tokenizer

from text import SPECIALS, encode

WORD_START = "▁"
MIN_WORD = 4  # letters from which a piece means the same inside a word (timer in _update_timer) as at its beginning
NO_SPACES = re.compile(
    r"[\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\U00020000-\U0003FFFF]+")

# The next four are written in the notation that the `regex` package and JavaScript share.
WORD = regex.compile(r"(?:[A-Za-z0-9]|(?![\x00-\x7F])[\p{L}\p{M}\p{N}\p{S}])+")
PART = regex.compile(r"(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})")  # get|User|Name, JSON|Decoder
PAIRED = regex.compile(r"[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+")
UNSPACED = regex.compile(
    r"[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー\p{Script=Thai}\p{Script=Khmer}\p{Script=Lao}\p{Script=Myanmar}]")

COMPOUND_BITS = 29  # so that indices fit into signed 32 bits, and into the 10⁹ dimensions of pgvector's sparsevec


class Compound(NamedTuple):
    """A term that is more than one piece."""

    kind: str  # word | pair
    text: str  # a word of several pieces, or two neighbouring characters of a script without spaces


class TextTerms(NamedTuple):
    """The terms of a text, each as often as it is there."""

    pieces: list[int]  # not yet canonical
    compounds: list[Compound]
    tokens: int  # as the dense side counts them


class Saturation(NamedTuple):
    """A count c in a document of n tokens counts as c / (c + constant * n ** exponent)."""

    constant: float
    exponent: float

    def bend(self, tokens: np.ndarray | int) -> np.ndarray | float:
        """What is added to a count, below a fraction."""
        return self.constant * np.asarray(tokens, float) ** self.exponent


class TermTable(NamedTuple):
    """Everything that is known of terms."""

    canonical: np.ndarray  # for each piece, the piece that stands for it
    weights: np.ndarray  # of pieces; 0 for pieces that are no term or that others stand for
    compounds: dict[int, float]  # weights of common compounds, by index
    rare: dict[str, float]  # weight of any other compound, by kind
    saturation: Saturation


def words(text: str) -> list[str]:
    """The words of a normalised text in lower case: no punctuation, identifiers cut at underscores and capitals."""
    return [part.lower() for word in WORD.findall(text) for part in PART.sub(" ", word).split(" ")]


class TermReader:
    """Texts → their terms, made of token ids as the server makes them."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.pieces = [tokenizer.id_to_token(index) for index in range(tokenizer.get_vocab_size())]
        specials = SPECIALS.values()
        self._plain = [" " if index in specials else piece.replace(WORD_START, " ") for index, piece in enumerate(self.pieces)]

    def read(self, texts: list[str]) -> list[TextTerms]:
        """The terms of each text; unknown characters are gaps."""
        ids_of = encode(self._tokenizer, texts)
        words_of = [words("".join(self._plain[i] for i in ids)) for ids in ids_of]
        distinct = list(dict.fromkeys(word for own in words_of for word in own))
        known = {word: (ids, self._compounds(word, ids)) for word, ids in zip(distinct, encode(self._tokenizer, distinct), strict=True)}
        return [
            TextTerms([i for word in own for i in known[word][0]], [found for word in own for found in known[word][1]], len(ids))
            for own, ids in zip(words_of, ids_of, strict=True)
        ]

    def _compounds(self, word: str, ids: list[int]) -> list[Compound]:
        """A word of several pieces, and its pairs of characters."""
        pairs = [Compound("pair", run[place:place + 2]) for run in PAIRED.findall(word) for place in range(len(run) - 1)]
        letters = [i for i in ids if self.pieces[i] != WORD_START]
        return [*pairs, Compound("word", word)] if len(letters) > 1 and not UNSPACED.search(word) else pairs


def compound_index(text: str, vocabulary: int) -> int:
    """Index of a compound, above those of the pieces: FNV-1a of its UTF-8, folded to 29 bits."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return vocabulary + (value >> COMPOUND_BITS ^ value & (1 << COMPOUND_BITS) - 1)


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


def weigh(terms: TextTerms, kind: str, table: TermTable) -> list[tuple[int, float]]:
    """The sparse vector of a text, ascending by term; `kind` is query or document."""
    counts = Counter(int(table.canonical[i]) for i in terms.pieces)
    weights = {index: float(table.weights[index]) for index in counts}
    for compound in terms.compounds:
        index = compound_index(compound.text, len(table.canonical))
        counts[index] += 1
        weights[index] = table.compounds.get(index, table.rare[compound.kind])
    found = [(index, count, weights[index]) for index, count in sorted(counts.items()) if weights[index] > 0]
    total = sum(count * weight**2 for _, count, weight in found)
    bend = float(table.saturation.bend(terms.tokens))
    strength = (lambda count: count / total) if kind == "query" else (lambda count: count / (count + bend))
    return [(index, float(np.float32(weight * strength(count)))) for index, count, weight in found]
