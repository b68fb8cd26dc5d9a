"""Step 13: term weights of the sparse side, counted over the pool, questions and package descriptions; needs steps 1 to 3.

Writes, beside the model,
  terms.u32      for each piece the one that stands for it (uint32 little-endian, id = position)
  terms.f32      for each piece its weight (float32 little-endian): inverse document frequency over the largest, so that
                 the rarest terms weigh 1, to the power of 0.75; 0 for pieces that are no term or that others stand for
  compounds.u32  indices of common words of several pieces and common pairs of characters, ascending
  compounds.f32  their weights: the same, times the square root of what their kind counts beside the pieces
  terms.json     the weights of all other compounds, the constants of the saturation, and the hashes of the files
and terms.golden.json, by which the server proves that it weighs the same.

Counted is a term's share in the register where it is most common (`term_texts.py`): over all texts together the little
words of a language with few texts would look rare. Both sides carry the weight, so a term counts with its idf to the
power of 1.5: the texts are short (30 tokens), and little words are in a larger share of passages than of them. A
traditional Chinese term has the count of its simplified form. Constants were chosen on pairs that no benchmark has
(`term_search.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
from tokenizers import Tokenizer

from chinese import Folding
from common import CONFIG, GOLDENS, WEIGHTS, WORK, Progress
from term_texts import Text, counted_texts
from terms import PAIRED, Compound, Saturation, TermReader, TermTable, canonical_pieces, compound_index, is_term, weigh

BATCH = 4096
SATURATION = Saturation(**CONFIG["terms"]["saturation"])
PRIOR_TEXTS: float = CONFIG["terms"]["prior_texts"]  # texts of every register that are imagined to be as all texts are
POWER: float = CONFIG["terms"]["power"]
SHARES: dict[str, float] = CONFIG["terms"]["shares"]  # what a compound counts, of what a piece of the same idf counts
COMMON_TEXTS: int = CONFIG["terms"]["common_texts"]  # compounds in fewer texts all weigh as the rarest do
SCRIPTS = [
    "风急天高猿啸哀，渚清沙白鸟飞回。", "陸特和漢斯雷頓開創了哪一地區對梵語的學術研究？", "The quick brown fox jumps over the lazy dogs.", "Apple apple APPLE apples",
    "¿Cuántos puntos dejaron escapar en defensa los Panthers?", "Ein Satz mit Umlauten: äöü ß.", "كم نقطة تخلى عنها دفاع البانثرز؟", "ภาษาไทยไม่มีช่องว่าง",
    "東京都の人口は約1400万人です。", "한국어 문장입니다.", "Привет, мир! Приветы миру.", "हिन्दी में वाक्य", "🙂 emoji 👍🏽 and ❤️", "def _update_timer(self, dt=0.5): return self.timer + dt",
    "class JSONDecoder(BaseDecoder): parseHTTPResponse2XX = numpy.nanmean(pd.DataFrame)", "XR-2041 适配器的保修期 ΟΔΟΣ İstanbul", "\ue000字\ue001字 ab\ue000cd",
    "!?", "a", "字" * 60, "word " * 700,
]

Key = int | Compound  # a piece by its id, or a compound by its text; folded


class Keys:
    """The terms that are counted as one: of a canonical piece, and of a traditional and a simplified writing."""

    def __init__(self, pieces: list[str]) -> None:
        self.folding = Folding()
        self.canonical = canonical_pieces(pieces)
        self.is_term = (self.canonical == np.arange(len(pieces))) & np.array([is_term(piece) for piece in pieces])
        first: dict[str, int] = {}
        self._of_piece = list(range(len(pieces)))
        for index in np.flatnonzero(self.is_term):
            if PAIRED.search(pieces[index]):
                self._of_piece[index] = first.setdefault(self.folding.fold(pieces[index]).lstrip("▁"), int(index))

    def of_piece(self, index: int) -> int:
        """The piece under which this one is counted."""
        return self._of_piece[self.canonical[index]]

    def of_compound(self, compound: Compound) -> Compound:
        """The compound under which this one is counted."""
        return Compound(compound.kind, self.folding.fold(compound.text)) if compound.kind == "pair" else compound


def count(texts: list[Text], reader: TermReader, keys: Keys) -> tuple[dict[str, Counter[Key]], Counter[str]]:
    """In how many texts of each register each term is, and how many texts that is."""
    found_in: dict[str, Counter[Key]] = defaultdict(Counter)
    number: Counter[str] = Counter()
    progress = Progress("document frequencies", len(texts))
    for start in range(0, len(texts), BATCH):
        part = texts[start:start + BATCH]
        for (register, _), terms in zip(part, reader.read([text for _, text in part]), strict=True):
            found_in[register].update({keys.of_piece(i) for i in terms.pieces} | {keys.of_compound(c) for c in terms.compounds})
            number[register] += 1
        progress.add(len(part))
    return found_in, number


def inverse_frequencies(found_in: dict[str, Counter[Key]], number: Counter[str]) -> dict[Key, float]:
    """−ln of each common term's share in the register where it is most common."""
    registers = sorted(number)
    texts = np.array([number[register] for register in registers], float)

    def idf(counts: np.ndarray) -> float:
        overall = (counts.sum() + 0.5) / (texts.sum() + 1)
        return float(-np.log(((counts + PRIOR_TEXTS * overall) / (texts + PRIOR_TEXTS)).max()))

    known = (key for key, total in sum(found_in.values(), Counter()).items() if isinstance(key, int) or total >= COMMON_TEXTS)
    return {key: idf(np.array([found_in[register][key] for register in registers], float)) for key in known}


def table_of(keys: Keys, idf: dict[Key, float], vocabulary: int) -> TermTable:
    """Weights of all terms; one that is in no text weighs as the rarest piece that is in some."""
    rarest = max(of for key, of in idf.items() if isinstance(key, int))

    def weight(of: float, share: float) -> float:
        return float(np.float32(share**0.5 * min(1, of / rarest) ** POWER))

    pieces = [weight(idf.get(keys.of_piece(index), rarest), 1) if keys.is_term[index] else 0 for index in range(vocabulary)]
    compounds: dict[int, float] = {}
    for key, of in sorted((key, of) for key, of in idf.items() if isinstance(key, Compound)):
        for text in keys.folding.writings(key.text) if key.kind == "pair" else [key.text]:
            compounds.setdefault(compound_index(text, vocabulary), weight(of, SHARES[key.kind]))
    rare = {kind: weight(rarest, share) for kind, share in SHARES.items()}
    return TermTable(keys.canonical, np.array(pieces, "<f4"), dict(sorted(compounds.items())), rare, SATURATION)


def publish(table: TermTable, texts: int) -> None:
    """Write the files beside the model."""
    arrays = {
        "terms.u32": table.canonical,
        "terms.f32": table.weights,
        "compounds.u32": np.array(list(table.compounds), "<u4"),
        "compounds.f32": np.array(list(table.compounds.values()), "<f4"),
    }
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, values in arrays.items():
        content = values.tobytes()
        (WEIGHTS / name).write_bytes(content)
        files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    description = {"saturation": table.saturation._asdict(), "rare": table.rare, "documents": texts, "files": files}
    (WEIGHTS / "terms.json").write_text(json.dumps(description, indent=2) + "\n")


def golden(reader: TermReader, table: TermTable) -> Iterator[dict[str, object]]:
    """Sparse vectors of texts in many scripts, as both sides."""
    for text, terms in zip(SCRIPTS, reader.read(SCRIPTS), strict=True):
        for kind in ("query", "document"):
            yield {"text": text, "type": kind, "terms": weigh(terms, kind, table)}


def main() -> None:
    """Count, and write the files."""
    reader = TermReader(Tokenizer.from_file(str(WORK / "tokenizer.json")))
    keys = Keys(reader.pieces)
    found_in, number = count(list(counted_texts()), reader, keys)
    table = table_of(keys, inverse_frequencies(found_in, number), len(reader.pieces))
    publish(table, number.total())
    GOLDENS.mkdir(parents=True, exist_ok=True)
    (GOLDENS / "terms.golden.json").write_text(json.dumps({"cases": list(golden(reader, table))}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
