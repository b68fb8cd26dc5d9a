"""The development sets, by which every choice is made, and the figure of a set. Evaluation sets are never looked at."""

from __future__ import annotations

import functools

import numpy as np

from common import DATA, SMOKE, WORK, read_jsonl, rows
from metrics import retrieval, similarity_correlation

PAIRS = 20 if SMOKE else 250


@functools.cache
def development_sets() -> dict[str, tuple[list[str], list[str], list[float] | None]]:
    """Name → first texts, second texts, human scores (None: retrieval of the second by the first; no training pairs)."""
    sets: dict[str, tuple[list[str], list[str], list[float] | None]] = {}
    for lang in ("en", "zh", "de", "es", "fr", "ja", "ru"):
        records = [record for record in rows(DATA / "text/eval/stsb_dev.tsv.gz") if record[0] == lang][-PAIRS:]
        sets[f"sts {lang}"] = [r[2] for r in records], [r[3] for r in records], [float(r[1]) for r in records]
    found: dict[str, dict[str, str]] = {name: {} for name in ("code", "keywords", "parallel zh", "parallel ja", "parallel ko", "parallel ru")}
    for item in read_jsonl(WORK / "pairs.jsonl"):
        name = f"parallel {item['lang']}" if item["task"] == "parallel" else item["task"]
        if len(found.get(name, ())) < 2 * PAIRS and name in found:
            found[name][item["first"]] = item["second"]
    sets.update({name: (list(pairs), list(pairs.values()), None) for name, pairs in found.items() if pairs})
    return sets


def figure(first: np.ndarray, second: np.ndarray, scores: list[float] | None) -> float:
    """Spearman, or MRR@10."""
    if scores is not None:
        return similarity_correlation(first, second, scores)
    return retrieval(first, second, [{number: 1.0} for number in range(len(first))])["mrr"]
