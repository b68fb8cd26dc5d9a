"""Measure term weights on search sets made of training texts, which no benchmark has; `python term_search.py`.

Here the constants of the sparse side were chosen: saturation, canonical pieces, and what the sparse score counts beside the
cosine (`--hybrid`, which embeds the texts with the shipped model). Sets, none with more than 300 questions:
  code, docstring        first docstring sentence → function, → rest of the docstring; packages by a hash of their name
  trecqa, qbqtc, afqmc   questions or search queries with their answers, titles, duplicates
  csl                    first keyword → abstract
  cloze-*                a sentence → its neighbours without it (Lee et al. 2019, Inverse Cloze Task), of news and health
                         texts in five languages, and of Chinese passages
"""

from __future__ import annotations

import argparse
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from tokenizers import Tokenizer

from common import CONFIG, DATA, WEIGHTS, WORK, read_jsonl, rows, seeded
from metrics import unit
from terms import Saturation
from text import encode

TRAIN = DATA / "text/train"
QUESTIONS, DOCUMENTS = 300, 1500
LANGUAGES = {"en": "en", "zh": "zh", "zht": "zh", "es": "other", "ar": "other"}
NO_SPACES = ("zh", "zht")


class SearchSet(NamedTuple):
    """Questions, documents, and for each question the positions of the documents that answer it."""

    name: str
    language: str
    questions: list[str]
    documents: list[str]
    answers: list[set[int]]


def search_set(name: str, language: str, pairs: list[tuple[str, str]], others: tuple[str, ...] | list[str] = ()) -> SearchSet:
    """A set of pairs (question, document), in their order; `others` fill up the documents."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for question, document in pairs:
        if len(wanted) < QUESTIONS or question in wanted:
            wanted[question].add(document)
    needed = dict.fromkeys(document for documents in wanted.values() for document in sorted(documents))
    documents = list(dict.fromkeys([*needed, *(document for _, document in pairs), *others]))[: max(DOCUMENTS, len(needed))]
    position = {document: number for number, document in enumerate(documents)}
    return SearchSet(name, language, list(wanted), documents, [{position[d] for d in found} for found in wanted.values()])


def code_sets() -> Iterator[SearchSet]:
    """Functions and docstrings of a fifth of the packages."""
    items = [item for item in read_jsonl(WORK / "code.jsonl") if int.from_bytes(item["package"].encode(), "big") % 5 == 0]
    seeded("term_search:code").shuffle(items)
    yield search_set("code", "en", [(item["query"], item["code"][:1800]) for item in items])
    prose = []
    for item in items:
        flat = re.sub(r"\s+", " ", item["text"])
        rest = flat[flat.find(item["query"][:15]) + len(item["query"]):].strip()
        if len(rest) > 150:
            prose.append((item["query"], rest))
    yield search_set("docstring", "en", prose)


def pair_sets() -> Iterator[SearchSet]:
    """Questions of `pairs.tsv.gz` whose pair is labelled the same."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    others: dict[str, list[str]] = defaultdict(list)
    for source, _, label, first, second in rows(TRAIN / "pairs.tsv.gz"):
        others[source].append(second)
        if label in ("1", "1.0", "qa", "kw"):
            found[source].append((first.split()[0] if label == "kw" else first, second))
    for name, language in (("trecqa-train", "en"), ("qbqtc-dev", "zh"), ("afqmc-train", "zh"), ("csl", "zh")):
        seeded(f"term_search:{name}").shuffle(found[name])
        yield search_set(name.split("-")[0], language, found[name], others[name])


def cloze(sentences: list[str], glue: str, draw: random.Random) -> Iterator[tuple[str, str]]:
    """Stretches of three to seven sentences, one taken out as the question."""
    start = 0
    while start + 7 < len(sentences):
        part = sentences[start:start + draw.randint(3, 7)]
        chosen = draw.randrange(1, len(part) - 1)
        yield part[chosen], glue.join(part[:chosen] + part[chosen + 1:])
        start += len(part)


def cloze_sets() -> Iterator[SearchSet]:
    """The last third of each text of consecutive lines, and Chinese passages."""
    lines: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, _, language, english, text in rows(TRAIN / "parallel.tsv.gz"):
        if source in ("ntrex", "tico19"):
            lines[language, source].append(text)
            if language == "zh":
                lines["en", source].append(english)
    for language, group in LANGUAGES.items():
        pairs: list[tuple[str, str]] = []
        for source in ("ntrex", "tico19"):
            text = lines[language, source]
            pairs += cloze(text[len(text) * 2 // 3:], "" if language in NO_SPACES else " ", seeded(f"term_search:{language}{source}"))
        yield search_set(f"cloze-{language}", group, pairs)
    passages = [text for source, _, text in rows(TRAIN / "mono.tsv.gz") if source == "chid"]
    pairs, draw = [], seeded("term_search:chid")
    for passage in passages[-900:]:
        sentences = [part for part in re.split(r"(?<=[。！？；])", passage[:700]) if part]
        if len(sentences) >= 3:
            chosen = draw.randrange(len(sentences))
            pairs.append((sentences[chosen], "".join(sentences[:chosen] + sentences[chosen + 1:])))
    yield search_set("cloze-passages", "zh", pairs)


class Encoded(NamedTuple):
    """A set as token ids."""

    of: SearchSet
    questions: list[list[int]]
    documents: list[list[int]]


def counts(texts: list[list[int]], canonical: np.ndarray) -> csr_matrix:
    """How often each term is in each text."""
    ids = np.concatenate([canonical[text] for text in texts])
    row = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    return csr_matrix((np.ones(len(ids)), (row, ids)), shape=(len(texts), len(canonical)))


def sparse_scores(encoded: Encoded, canonical: np.ndarray, weights: np.ndarray, saturation: Saturation) -> np.ndarray:
    """Inner products of the sparse vectors, in [0, 1]: float64[questions, documents]."""
    questions, documents = counts(encoded.questions, canonical), counts(encoded.documents, canonical)
    bend = saturation.constant + saturation.per_token * np.array([len(text) for text in encoded.documents])
    squares = weights.astype(float) ** 2
    documents.data = documents.data / (documents.data + np.repeat(bend, np.diff(documents.indptr))) * squares[documents.indices]
    total = questions @ squares
    return (questions @ documents.T).toarray() / np.where(total > 0, total, 1)[:, None]


def ndcg(scores: np.ndarray, answers: list[set[int]], cutoff: int = 10) -> float:
    """Mean nDCG over the questions, gain 1; equal scores keep the order of the documents."""
    discounts = 1 / np.log2(np.arange(cutoff) + 2)
    total = 0.0
    for row, own in zip(scores, answers, strict=True):
        best = np.argsort(-row, kind="stable")[:cutoff]
        total += sum(discounts[rank] for rank, document in enumerate(best) if document in own) / discounts[: len(own)].sum()
    return total / len(answers)


def report(name: str, sets: list[Encoded], values: list[float]) -> None:
    """One line: each set's figure, then the means by language."""
    means = {language: np.mean([value for value, found in zip(values, sets, strict=True) if found.of.language == language])
             for language in ("zh", "en", "other")}
    print(f"{name:34}", *(f"{found.of.name} {value:.3f} " for found, value in zip(sets, values, strict=True)),
          "|", *(f"{language} {mean:.4f}" for language, mean in means.items()), flush=True)


def choices(sets: list[Encoded]) -> None:
    """The shipped weights with several saturations; flatter and steeper weights."""
    canonical = np.fromfile(WEIGHTS / "terms.u32", "<u4")
    weights = np.fromfile(WEIGHTS / "terms.f32", "<f4")
    for constant, per_token in ((0.1, 0.009), (0.05, 0.006), (0.3, 0.0045), (0.3, 0.009), (0.1, 0.018)):
        saturation = Saturation(constant, per_token)
        values = [ndcg(sparse_scores(found, canonical, weights, saturation), found.of.answers) for found in sets]
        report(f"saturation {constant} + {per_token} n", sets, values)
    saturation = Saturation(**CONFIG["terms"]["saturation"])
    for power in (0.5, 0.75, 1.25):
        values = [ndcg(sparse_scores(found, canonical, weights**power, saturation), found.of.answers) for found in sets]
        report(f"idf to the power of {2 * power}", sets, values)


def hybrid(sets: list[Encoded]) -> None:
    """The cosine of 1,024 dense components plus w times the sparse score, for several w."""
    canonical = np.fromfile(WEIGHTS / "terms.u32", "<u4")
    weights = np.fromfile(WEIGHTS / "terms.f32", "<f4")
    saturation = Saturation(**CONFIG["terms"]["saturation"])
    sparse = [sparse_scores(found, canonical, weights, saturation) for found in sets]
    from evaluate import shipped  # brings PyTorch, which the other choices do without

    embed = shipped()
    dense = [dense_scores(found.of, embed) for found in sets]

    def compare(name: str, combine: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
        report(name, sets, [ndcg(combine(d, s), found.of.answers) for d, s, found in zip(dense, sparse, sets, strict=True)])

    compare("sparse alone", lambda _, s: s)
    for weight in (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 2.0):
        compare(f"cosine + {weight} sparse", lambda d, s, weight=weight: d + weight * s)
    for share in (0.3, 0.4, 0.5, 0.6, 0.7):
        compare(f"{1 - share:.1f}, {share} as z-scores", lambda d, s, share=share: (1 - share) * z_scores(d) + share * z_scores(s))
    compare("reciprocal ranks", lambda d, s: reciprocal_ranks(d) + reciprocal_ranks(s))


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
    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    sets = [
        Encoded(found, encode(tokenizer, found.questions), encode(tokenizer, found.documents))
        for make in (code_sets, pair_sets, cloze_sets)
        for found in make()
    ]
    if arguments.hybrid:
        hybrid(sets)
    else:
        choices(sets)


if __name__ == "__main__":
    main()
