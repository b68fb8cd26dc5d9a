"""Measures of search between pictures and texts."""

from __future__ import annotations

import numpy as np


def unit(rows: np.ndarray, dimension: int | None = None) -> np.ndarray:
    """The first components, scaled to length 1."""
    rows = rows[:, :dimension].astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)


def recalls(scores: np.ndarray, owners: np.ndarray) -> dict[str, float]:
    """
    Scores [texts, pictures], where text i tells of picture owners[i], and of no other.

    Text → picture counts texts whose picture is among the best k; picture → text counts pictures of which any text is.
    """
    own = scores[np.arange(len(owners)), owners]
    ranks = (scores > own[:, None]).sum(1)
    best = np.full(scores.shape[1], -np.inf)
    np.maximum.at(best, owners, own)
    picture_ranks = (scores > best[None]).sum(0)
    return {**{f"t2i@{k}": percent(ranks < k) for k in (1, 5, 10)}, "t2i median": float(np.median(ranks)) + 1,
            **{f"i2t@{k}": percent(picture_ranks < k) for k in (1, 5, 10)}}


def percent(hits: np.ndarray) -> float:
    """Mean of truth values, in percent."""
    return round(100 * float(np.mean(hits)), 1)
