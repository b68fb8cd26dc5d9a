"""Step 7: measure the shipped files on the val photos and more; writes metrics.json and `builtin-image.md`.

The val photos only measure: nothing was chosen by them. Searches are among all 1,000 of them.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from backbone import squash
from metrics import percent, recalls, unit
from report import write_results
from sets import KINDS, emoji, held_out_emoji, imagenet_samples, labels, photos
from shared import CONFIG, WORK, Progress
from shipped import Shipped
from topics import TOPICS, topic

Vectors = np.ndarray


class Bench:
    """The shipped files, and every text's vector once."""

    def __init__(self) -> None:
        self.shipped = Shipped()
        self.known: dict[str, np.ndarray] = {}

    def pictures(self, paths: list[Path]) -> Vectors:
        """Raw vectors [n, 1024] of pictures."""
        progress = Progress("pictures", len(paths))
        seen = []
        for path in paths:
            with Image.open(path) as picture:
                seen.append(self.shipped.picture(squash(picture)))
            progress.add(1)
        return np.stack(seen)

    def texts(self, texts: list[str]) -> Vectors:
        """Raw vectors [n, 1024] of texts."""
        missing = list(dict.fromkeys(text for text in texts if text not in self.known))
        ids = self.shipped.model.ids(missing)
        for text, own, vector in zip(missing, ids, self.shipped.model.vectors(ids) if missing else (), strict=True):
            self.known[text] = self.shipped.project(vector, own)
        return np.stack([self.known[text] for text in texts])


def search(bench: Bench, seen: Vectors) -> dict[str, Any]:
    """Between the val photos and their captions, for each kind of caption and each dimension."""
    figures: dict[str, Any] = {}
    for kind in KINDS:
        pairs = [(i, text) for i, item in enumerate(photos("val")) for text in item.texts[kind]]
        said = bench.texts([text for _, text in pairs])
        owners = np.array([i for i, _ in pairs])
        for dimension in CONFIG["dimensions"]:
            figures[f"{kind} {dimension}"] = recalls(unit(said, dimension) @ unit(seen, dimension).T, owners)
    return figures


def by_topic(bench: Bench, seen: Vectors) -> dict[str, Any]:
    """Like pictures by topic, and topics by their words."""
    topics = [topic(item) for item in photos("val")]
    named = [i for i, name in enumerate(topics) if name is not None]
    own = np.array([list(TOPICS).index(topics[i]) for i in named])  # type: ignore[arg-type]
    figures: dict[str, Any] = {"photos": len(named)}
    for dimension in CONFIG["dimensions"]:
        rows = unit(seen[named], dimension)
        scores = rows @ rows.T
        np.fill_diagonal(scores, -np.inf)
        order = np.argsort(-scores, axis=1)[:, :5]
        figures[f"P@1 {dimension}"] = percent(own[order[:, 0]] == own)
        figures[f"P@5 {dimension}"] = percent(own[order] == own[:, None])
    for place, lang in ((1, "en"), (2, "zh")):
        said = unit(bench.texts([texts[place] for texts in TOPICS.values()]))
        figures[f"zero-shot {lang}"] = percent((unit(seen[named]) @ said.T).argmax(1) == own)
    return figures


def label_words(bench: Bench) -> dict[str, Any]:
    """Which of 1,000 labels a picture of each shows; optimistic, because the backbone learnt from pictures of ImageNet."""
    if not imagenet_samples():
        return {}
    seen = bench.pictures(imagenet_samples())
    figures: dict[str, Any] = {}
    for lang, template in (("en", "a photo of a {}"), ("zh", "一张{}的照片")):
        forms = [[form for name in label[lang] for form in (name, template.format(name))] for label in labels()]
        rows = unit(bench.texts([form for group in forms for form in group]))
        ends = np.cumsum([0, *map(len, forms)])
        said = np.stack([rows[start:end].mean(0) for start, end in itertools.pairwise(ends)])
        for dimension in CONFIG["dimensions"]:
            scores = unit(seen, dimension) @ unit(said, dimension).T
            ranks = (scores > np.diag(scores)[:, None]).sum(1)
            figures[f"{lang} {dimension}"] = {"top-1": percent(ranks < 1), "top-5": percent(ranks < 5)}
    return figures


def signs(bench: Bench) -> dict[str, Any]:
    """Emoji that were never trained on, by name."""
    held = sorted(held_out_emoji())
    items = [emoji()[i] for i in held]
    seen = unit(bench.pictures([item.path for item in items]))
    return {lang: recalls(unit(bench.texts([item.texts[lang][0] for item in items])) @ seen.T, np.arange(len(items))) for lang in ("en", "zh")}


def main() -> None:
    """Measure everything."""
    bench = Bench()
    seen = bench.pictures([item.path for item in photos("val")])
    metrics = {"search": search(bench, seen), "topics": by_topic(bench, seen), "labels": label_words(bench), "held-out emoji": signs(bench)}
    (WORK / "metrics.json").write_text(json.dumps(metrics, indent=1))
    write_results(metrics)
    for kind in KINDS:
        print(kind, metrics["search"][f"{kind} 1024"])
    print(json.dumps({name: metrics[name] for name in ("topics", "labels", "held-out emoji")}))


if __name__ == "__main__":
    main()
