"""Step 6: measure the shipped files on the val photos and more; writes metrics.json and the figures of `builtin-image.md`.

The val photos only measure: nothing was chosen by them. Searches are among all 1,000 of them.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from PIL import Image

from backbone import squash
from metrics import recalls, unit
from report import write_results
from sets import KINDS, emoji, held_out_emoji, imagenet_samples, labels, photos
from shared import CONFIG, WORK, Progress
from shipped import Shipped
from texts import text_vectors
from topics import TOPICS, topic

Vectors = np.ndarray


class Bench:
    """The shipped model over files and texts, those computed in step 2 taken from there."""

    def __init__(self) -> None:
        self.shipped = Shipped()
        self.rows, self.vectors = text_vectors()

    def pictures(self, paths: list[Any], name: str) -> Vectors:
        """Raw vectors of picture files."""
        progress = Progress(name, len(paths))
        out = []
        for path in paths:
            with Image.open(path) as picture:
                out.append(self.shipped.picture(squash(picture)))
            progress.add(1)
        return np.stack(out)

    def texts(self, texts: list[str]) -> Vectors:
        """Raw vectors of texts."""
        return np.stack([self.one(text) for text in texts])

    def one(self, text: str) -> np.ndarray:
        """A text's raw vector."""
        if text not in self.rows:
            return self.shipped.words(text)[1]
        return self.shipped.project(self.vectors[self.rows[text]], self.shipped.model.ids([text])[0])


def percent(hits: np.ndarray) -> float:
    """Mean of truth values, in percent."""
    return round(100 * float(np.mean(hits)), 1)


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
    paths = imagenet_samples()
    if not paths:
        return {}
    seen = bench.pictures(paths, "imagenet")
    figures: dict[str, Any] = {}
    for lang, template in (("en", "a photo of a {}"), ("zh", "一张{}的照片")):
        said = []
        for label in labels():
            rows = unit(np.concatenate([bench.texts(label[lang]), bench.texts([template.format(name) for name in label[lang]])]))
            said.append(rows.mean(0))
        for dimension in CONFIG["dimensions"]:
            scores = unit(seen, dimension) @ unit(np.stack(said), dimension).T
            ranks = (scores > scores[np.arange(1000), np.arange(1000)][:, None]).sum(1)
            figures[f"{lang} {dimension}"] = {"top-1": percent(ranks < 1), "top-5": percent(ranks < 5)}
    return figures


def signs(bench: Bench) -> dict[str, Any]:
    """Emoji that were never trained on, by name."""
    items = [emoji()[i] for i in sorted(held_out_emoji())]
    seen = unit(bench.pictures([item.path for item in items], "emoji"))
    return {lang: recalls(unit(bench.texts([item.texts[lang][0] for item in items])) @ seen.T, np.arange(len(items))) for lang in ("en", "zh")}


def main() -> None:
    """Measure everything."""
    bench = Bench()
    seen = bench.pictures([item.path for item in photos("val")], "val")
    metrics = {"search": search(bench, seen), "topics": by_topic(bench, seen), "labels": label_words(bench), "held-out emoji": signs(bench)}
    (WORK / "metrics.json").write_text(json.dumps(metrics, indent=1))
    write_results(metrics)
    for kind in KINDS:
        print(kind, metrics["search"][f"{kind} 1024"])
    print(json.dumps({name: metrics[name] for name in ("topics", "labels", "held-out emoji")}))


if __name__ == "__main__":
    main()
