"""Evaluation measures on unit vectors."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr
from sklearn.cluster import KMeans
from sklearn.metrics import v_measure_score


def unit(vectors: np.ndarray, dimension: int | None = None) -> np.ndarray:
    """The first `dimension` components, each row scaled to length 1."""
    cut = vectors[:, :dimension].astype(np.float32)
    return cut / np.maximum(np.linalg.norm(cut, axis=1, keepdims=True), 1e-12)


def similarity_correlation(first: np.ndarray, second: np.ndarray, scores: list[float]) -> float:
    """Spearman correlation between cosine and human score (STS)."""
    return float(spearmanr((first * second).sum(1), scores).statistic)


def bitext_accuracy(source: np.ndarray, target: np.ndarray) -> float:
    """Share of rows of `source` whose nearest row of `target` is the one of the same number."""
    return float(((source @ target.T).argmax(1) == np.arange(len(source))).mean())


def clustering_v(vectors: np.ndarray, labels: list[str], seeds: int = 3) -> float:
    """Mean V-measure of k-means (k = number of labels) over several seeds."""
    k = len(set(labels))
    return float(np.mean([
        v_measure_score(labels, KMeans(k, n_init=3, random_state=seed).fit_predict(vectors)) for seed in range(seeds)]))


def retrieval(queries: np.ndarray, documents: np.ndarray, gains: list[dict[int, float]]) -> dict[str, float]:
    """nDCG@10, MRR@10 and Recall@10; gains[i] maps document rows to gains; queries without judgement are skipped."""
    ndcg, mrr, recall = [], [], []
    for start in range(0, len(queries), 512):
        scores = queries[start:start + 512] @ documents.T
        for row, gain in zip(scores, gains[start:start + 512], strict=True):
            if not gain:
                continue
            top = np.argsort(-row, kind="stable")[:10]
            values = [gain.get(int(document), 0.0) for document in top]
            ideal = sorted(gain.values(), reverse=True)[:10]
            discount = 1 / np.log2(np.arange(2, 12))
            ndcg.append(float(np.dot(values, discount[: len(values)]) / np.dot(ideal, discount[: len(ideal)])))
            mrr.append(next((1 / (rank + 1) for rank, value in enumerate(values) if value > 0), 0.0))
            recall.append(sum(value > 0 for value in values) / len(gain))
    return {"ndcg": float(np.mean(ndcg)), "mrr": float(np.mean(mrr)), "recall": float(np.mean(recall))}
