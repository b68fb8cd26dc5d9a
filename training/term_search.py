"""Measure term weights on search sets made of training texts (`term_sets.py`); `python term_search.py`.

Here the constants of the sparse side were chosen: what a compound counts, saturation, the power of idf, and what the
sparse score counts beside the cosine (`--hybrid`, which embeds the texts with the shipped model). BM25, which knows each
set's statistics, stands above the choices.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import Stemmer
from scipy.sparse import csr_matrix
from tokenizers import Tokenizer

from common import CONFIG, WEIGHTS, WORK
from metrics import unit
from term_sets import SearchSet, search_sets
from terms import PAIRED, Saturation, TermReader, TermTable, TextTerms, weigh

STOP_WORDS = frozenset("a an and are as at be but by for if in into is it no not of on or such that the their then there these they "
                       "this to was will with".split())  # Lucene's
Vector = Iterable[tuple[int, float]]
HYBRID_DOCUMENTS = 900


class Encoded(NamedTuple):
    """A set with the terms of its texts."""

    of: SearchSet
    questions: list[TextTerms]
    documents: list[TextTerms]


def shipped_table() -> TermTable:
    """The files beside the model."""
    rare = {kind: share**0.5 for kind, share in CONFIG["terms"]["shares"].items()}
    indices, weights = np.fromfile(WEIGHTS / "compounds.u32", "<u4"), np.fromfile(WEIGHTS / "compounds.f32", "<f4")
    return TermTable(np.fromfile(WEIGHTS / "terms.u32", "<u4"), np.fromfile(WEIGHTS / "terms.f32", "<f4"),
                     dict(zip(indices.tolist(), weights.tolist(), strict=True)), rare, Saturation(**CONFIG["terms"]["saturation"]))


def matrix(vectors: list[Vector], columns: int) -> csr_matrix:
    """Sparse vectors as the rows of a matrix."""
    entries = [list(vector) for vector in vectors]
    start = np.cumsum([0, *map(len, entries)])
    flat = [entry for vector in entries for entry in vector]
    return csr_matrix(([value for _, value in flat], [index for index, _ in flat], start), shape=(len(entries), columns))


def sparse_scores(encoded: Encoded, table: TermTable) -> np.ndarray:
    """Inner products of the sparse vectors, in [0, 1]: float64[questions, documents]."""
    questions = matrix([weigh(terms, "query", table) for terms in encoded.questions], 1 << 30)
    return (questions @ matrix([weigh(terms, "document", table) for terms in encoded.documents], 1 << 30).T).toarray()


def bm25_scores(found: SearchSet, analyse: Callable[[str], list[str]], k1: float, b: float) -> np.ndarray:
    """BM25 with the statistics of the set, as in `benchmarks/quality/bm25.ts`."""
    documents = [Counter(analyse(text)) for text in found.documents]
    index = {term: place for place, term in enumerate(dict.fromkeys(term for own in documents for term in own))}
    found_in = Counter(term for own in documents for term in own)
    lengths = np.array([own.total() for own in documents])
    bends = k1 * (1 - b + b * lengths / lengths.mean())
    idf = {term: np.log(1 + (len(documents) - n + 0.5) / (n + 0.5)) for term, n in found_in.items()}
    rows = [[(index[term], idf[term] * count / (count + bend)) for term, count in own.items()]
            for own, bend in zip(documents, bends, strict=True)]
    questions = [[(index[term], n) for term, n in Counter(analyse(text)).items() if term in index] for text in found.questions]
    return (matrix(questions, len(index)) @ matrix(rows, len(index)).T).toarray()


def english(text: str) -> list[str]:
    """Words without stop words, cut to Porter's stems."""
    stem = Stemmer.Stemmer("porter").stemWord
    return [stem(word) for word in re.findall(r"\w+", text.lower()) if word not in STOP_WORDS]


def bigrams(text: str) -> list[str]:
    """Pairs of neighbouring characters, and words of other scripts."""
    terms = []
    for run in re.findall(r"\w+", text.lower()):
        last = 0
        for part in PAIRED.finditer(run):
            terms += [run[last:part.start()]] * (part.start() > last)
            terms += [part[0][i:i + 2] for i in range(len(part[0]) - 1)] or [part[0]]
            last = part.end()
        terms += [run[last:]] * (last < len(run))
    return terms


def ndcg(scores: np.ndarray, answers: list[set[int]], cutoff: int = 10) -> float:
    """Mean nDCG over the questions, gain 1; equal scores keep the order of the documents."""
    discounts = 1 / np.log2(np.arange(cutoff) + 2)
    total = 0.0
    for row, own in zip(scores, answers, strict=True):
        best = np.argsort(-row, kind="stable")[:cutoff]
        total += sum(discounts[rank] for rank, document in enumerate(best) if document in own) / discounts[: len(own)].sum()
    return total / len(answers)


def report(name: str, sets: list[SearchSet], values: list[float]) -> None:
    """One line: each set's figure, then the means by language."""
    means = {language: np.mean([value for value, found in zip(values, sets, strict=True) if found.language == language])
             for language in ("zh", "en", "other")}
    print(f"{name:34}", *(f"{found.name} {value:.3f} " for found, value in zip(sets, values, strict=True)),
          "|", *(f"{language} {mean:.4f}" for language, mean in means.items()), flush=True)


def choices(sets: list[Encoded]) -> None:
    """BM25, the shipped weights, and each constant changed alone."""
    plain = [found.of for found in sets]
    for name, analyse in (("english", english), ("bigrams", bigrams)):
        for k1, b in ((1.2, 0.75), (0.9, 0.4)):
            values = [ndcg(bm25_scores(found, analyse, k1, b), found.answers) for found in plain]
            report(f"BM25 {name}, k1 {k1}, b {b}", plain, values)
    shipped = shipped_table()

    def measure(name: str, table: TermTable) -> None:
        report(name, plain, [ndcg(sparse_scores(found, table), found.of.answers) for found in sets])

    measure("shipped", shipped)
    for constant, exponent in ((0.1, 0.5), (0.05, 0.5), (0.009, 1.0), (0.012, 0.75), (0.022, 0.75)):
        measure(f"bend {constant} n^{exponent}", shipped._replace(saturation=Saturation(constant, exponent)))
    for power in (0.67, 1.33):
        measure(f"idf to the power of {1.5 * power:.1f}", shipped._replace(weights=shipped.weights**power, compounds={
            index: weight**power for index, weight in shipped.compounds.items()}))
    measure("one weight for all compounds", shipped._replace(compounds={}))
    for share in (0, 2):
        table = shipped._replace(
            compounds={index: weight * share**0.5 for index, weight in shipped.compounds.items()},
            rare={kind: weight * share**0.5 for kind, weight in shipped.rare.items()})
        measure(f"compounds count {share} times", table)


def hybrid(sets: list[Encoded]) -> None:
    """The cosine of 1,024 dense components plus w times the sparse score, for several w; over the first documents."""
    from evaluate import shipped  # brings PyTorch, which the other choices do without

    embed = shipped()
    table = shipped_table()
    sets = [first_documents(found) for found in sets]
    sparse = [sparse_scores(found, table) for found in sets]
    dense = [dense_scores(found.of, embed) for found in sets]

    def compare(name: str, combine: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
        values = [ndcg(combine(d, s), found.of.answers) for d, s, found in zip(dense, sparse, sets, strict=True)]
        report(name, [found.of for found in sets], values)

    compare("sparse alone", lambda _, s: s)
    for weight in (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0):
        compare(f"cosine + {weight} sparse", lambda d, s, weight=weight: d + weight * s)
    for share in (0.3, 0.4, 0.5, 0.6, 0.7):
        compare(f"{1 - share:.1f}, {share} as z-scores", lambda d, s, share=share: (1 - share) * z_scores(d) + share * z_scores(s))
    compare("reciprocal ranks", lambda d, s: reciprocal_ranks(d) + reciprocal_ranks(s))


def first_documents(found: Encoded) -> Encoded:
    """A set whose documents are the answers and few others: embedding takes long."""
    size = max(HYBRID_DOCUMENTS, 1 + max(position for own in found.of.answers for position in own))
    return Encoded(found.of._replace(documents=found.of.documents[:size]), found.questions, found.documents[:size])


def dense_scores(found: SearchSet, embed: Callable[[list[str], str], np.ndarray]) -> np.ndarray:
    """Cosines at 1,024 components."""
    return unit(embed(found.questions, "query"), 1024) @ unit(embed(found.documents, "document"), 1024).T


def z_scores(scores: np.ndarray) -> np.ndarray:
    """Each question's scores with mean 0 and deviation 1."""
    return (scores - scores.mean(1, keepdims=True)) / np.maximum(scores.std(1, keepdims=True), 1e-12)


def reciprocal_ranks(scores: np.ndarray) -> np.ndarray:
    """1 / (60 + rank) of each document among a question's."""
    ranks = np.empty_like(scores)
    np.put_along_axis(ranks, np.argsort(-scores, axis=1, kind="stable"), np.arange(scores.shape[1]) + 1.0, axis=1)
    return 1 / (60 + ranks)


def main() -> None:
    """Measure the choices, or the weight of the sparse score in hybrid search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hybrid", action="store_true")
    arguments = parser.parse_args()
    reader = TermReader(Tokenizer.from_file(str(WORK / "tokenizer.json")))
    sets = [Encoded(found, reader.read(found.questions), reader.read(found.documents)) for found in search_sets()]
    if arguments.hybrid:
        hybrid(sets)
    else:
        choices(sets)


if __name__ == "__main__":
    main()
