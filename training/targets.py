"""What a student learns: one 768-component unit vector a text, either made of both teachers or, for a smaller student, the larger
one's own first 768 components.

Of both teachers:

target = unit([unit((e5 − m·mean) · axes · std^−w), b · minilm])
m, w, b: `target` in config.json. They were chosen on STSb dev in five languages (mean Spearman .855 for the first teacher
alone, .861 so; English .891 → .913). Where the second teacher has no vector (texts without an English equivalent), a
ridge regression from the first teacher's vector speaks for it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from check_leakage import is_leak
from common import CHECKPOINTS, CONFIG, WORK, read_jsonl, seeded
from development import development_sets
from metrics import unit

SETTINGS = CONFIG["target"]
RECIPE = CONFIG["lessons"]
TEACHERS = {"both": ("e5", "minilm"), "large": ("large",)}
WIDTHS = {"e5": 384, "minilm": 384, "large": 768}
HELD_OUT = 512
LANGUAGE_PAIRS = 100  # fewer labelled translations say too little about a language's offset


@dataclass
class TargetSpace:
    """The fitted parts of the target formula."""

    mean: np.ndarray
    axes: np.ndarray
    std: np.ndarray
    ridge: np.ndarray

    @property
    def map(self) -> np.ndarray:
        """[384, 384]: from a centred first-teacher vector to the first half of the target, before scaling."""
        return self.axes * self.std ** -SETTINGS["whitening"]

    def first(self, e5: np.ndarray) -> np.ndarray:
        """The first teacher's half, unit length; [n, 384]."""
        return unit((e5 - SETTINGS["mean_removed"] * self.mean) @ self.map)

    def guess(self, e5: np.ndarray) -> np.ndarray:
        """The second teacher's vector as the ridge regression sees it, unit length; [n, 384]."""
        return unit(np.concatenate([e5, np.ones((len(e5), 1), np.float32)], 1) @ self.ridge)

    def target(self, e5: np.ndarray, minilm: np.ndarray) -> np.ndarray:
        """[n, 768]; rows of minilm that are zero are guessed."""
        second = np.where(np.abs(minilm).sum(1, keepdims=True) > 0, minilm, self.guess(e5))
        return unit(np.concatenate([self.first(e5), SETTINGS["second_weight"] * second], 1))


def fit(e5: np.ndarray, minilm: np.ndarray) -> TargetSpace:
    """Fit on labelled texts."""
    mean = e5.mean(0)
    variance, axes = np.linalg.eigh(np.cov((e5 - mean).T))
    order = np.argsort(-variance)
    std = np.sqrt(np.maximum(variance[order], 1e-6)).astype(np.float32)
    known = np.abs(minilm).sum(1) > 0
    inputs = np.concatenate([e5[known], np.ones((known.sum(), 1), np.float32)], 1)
    ridge = np.linalg.solve(inputs.T @ inputs + 0.1 * np.eye(385, dtype=np.float32), inputs.T @ minilm[known])
    return TargetSpace(mean, axes[:, order].astype(np.float32), std, ridge.astype(np.float32))


def keep_space(space: TargetSpace | None) -> None:
    """For the phases after distillation: the fitted space of both teachers, or none, if the larger student teaches."""
    np.savez(CHECKPOINTS / "targets.npz", **({} if space is None else vars(space)))


def kept_space() -> TargetSpace | None:
    """What `keep_space` kept."""
    with np.load(CHECKPOINTS / "targets.npz") as kept:
        return TargetSpace(**kept) if kept.files else None


def folder_of(texts: str, teacher: str) -> Path:
    """Where label.py keeps a teacher's vectors of pool.jsonl or more.jsonl."""
    return WORK / f"labels-{texts}-{teacher}"


def labelled(texts: str = "pool", teacher: str = "both") -> tuple[list[dict], list[np.ndarray]]:
    """The labelled texts of pool.jsonl or more.jsonl and the teachers' vectors (less any that has become an evaluation text since)."""
    names = TEACHERS[teacher]
    paths = sorted(folder_of(texts, teacher).glob("[0-9][0-9][0-9][0-9].npz"))
    if not paths:
        return [], [np.zeros((0, WIDTHS[name]), np.float32) for name in names]
    pool = list(read_jsonl(WORK / f"{texts}.jsonl"))
    size = CONFIG["label"]["shard"]
    items: list[dict] = []
    found: list[list[np.ndarray]] = [[] for _ in names]
    for path in paths:
        shard = np.load(path)
        number = int(path.stem)
        for name, parts in zip(names, found, strict=True):
            parts.append(shard[name].astype(np.float32))
        items += pool[number * size:number * size + len(found[0][-1])]
    keep = [number for number, item in enumerate(items) if not is_leak(item["text"])]
    return [items[number] for number in keep], [np.concatenate(parts)[keep] for parts in found]


@dataclass
class Lessons:
    """Texts with their targets; `held` are rows of the pool that are never trained on, `drawn` those of one pass."""

    items: list[dict]
    targets: np.ndarray
    held: list[int]
    drawn: list[int]


def offsets(space: TargetSpace, items: list[dict], first: np.ndarray, english: dict[str, int]) -> dict[str, np.ndarray]:
    """What the first teacher's half of a language differs by from that of English, over labelled translations, by language."""
    pairs: dict[str, list[tuple[int, int]]] = {}
    for number, item in enumerate(items):
        if item["lang"] not in ("en", "code") and item["english"] in english:
            pairs.setdefault(item["lang"], []).append((number, english[item["english"]]))
    half = space.first(first)
    return {lang: (half[[a for a, _ in found]] - half[[b for _, b in found]]).mean(0)
            for lang, found in sorted(pairs.items()) if len(found) >= LANGUAGE_PAIRS}


def of_both(space: TargetSpace, items: list[dict], first: np.ndarray, second: np.ndarray, english: dict[str, int]) -> np.ndarray:
    """Both teachers' targets of labelled texts.

    The first teacher's vector of a text also says in which language it is. That part, the language's mean difference to
    English, is taken out.
    """
    half = space.first(first)
    for lang, offset in offsets(space, items, first, english).items():
        rows = [number for number, item in enumerate(items) if item["lang"] == lang]
        half[rows] = unit(half[rows] - offset)
    known = np.abs(second).sum(1, keepdims=True) > 0
    return unit(np.concatenate([half, SETTINGS["second_weight"] * np.where(known, second, space.guess(first))], 1))


def lessons(space: TargetSpace | None) -> Lessons:
    """Labelled texts, and translations of labelled English texts with the target of the English text.

    Where both sides of a translation are labelled, the target is the mean of both sides'. `space`: of both teachers' targets; None:
    the larger student teaches.
    """
    teacher = "large" if space is None else "both"
    items, vectors = labelled("pool", teacher)
    pooled = len(items)
    others = labelled("more", teacher)
    items, vectors = items + others[0], [np.concatenate(parts) for parts in zip(vectors, others[1], strict=True)]
    english = {item["text"]: number for number, item in enumerate(items) if item["lang"] == "en"}
    targets = unit(vectors[0]) if space is None else of_both(space, items, *vectors, english)
    both = [(number, english[item["english"]]) for number, item in enumerate(items)
            if item["lang"] not in ("en", "code") and item["english"] in english]
    for number, other in both:
        targets[number] += targets[other]
    targets = unit(targets).astype(np.float32)

    draw = seeded("lessons")
    drawn = draw.sample(range(pooled - HELD_OUT), min(RECIPE["pool"], pooled - HELD_OUT)) + list(range(pooled, len(items)))
    held_out = {text for texts, _, scores in development_sets().values() if scores is None for text in texts}
    rows, translations, taken = [], [], Counter[tuple[str, str]]()
    known_texts = {items[number]["text"] for number, _ in both}
    for item in read_jsonl(WORK / "translations.jsonl") if (WORK / "translations.jsonl").exists() else ():
        key = item["kind"], item["lang"]
        limit = RECIPE["translated"][item["kind"]]
        if (item["english"] in english and item["text"] not in known_texts and item["english"] not in held_out
                and taken[key] < limit.get(item["lang"], limit["*"])):
            taken[key] += 1
            rows.append(english[item["english"]])
            translations.append(item)
    drawn += range(len(items), len(items) + len(translations))
    return Lessons(items + translations, np.concatenate([targets, targets[rows]]), list(range(pooled - HELD_OUT, pooled)), drawn)
