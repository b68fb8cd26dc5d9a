"""Step 7: measure the shipped model on the val photos and more; writes metrics.json and `builtin-image.md`.

The heads run here in PyTorch, on the features of step 2 and the vectors of step 3, with their weights rounded as in the files; before
anything is measured, some pictures and texts go through the shipped files, and must come out the same.

The val photos only measure: nothing was chosen by them. Searches are among all 1,000 of them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from typing import Any

import numpy as np
import torch
from PIL import Image

from backbone import squash
from blocks import rounded
from data import features_of
from export import load
from metrics import percent, recalls, unit
from report import write_results
from sets import KINDS, emoji, held_out_emoji, imagenet_samples, labels, photos
from shared import CONFIG, WORK
from shipped import Shipped
from texts import TextModel, text_vectors
from topics import TOPICS, topic

Vectors = np.ndarray


LEAST_COSINE = 0.999
CHECKED = 12


class Bench:
    """The shipped model over cached features and vectors."""

    def __init__(self, variant: str) -> None:
        towers, pieces = load(variant)
        with torch.no_grad():
            for module in towers.modules():
                if isinstance(module, torch.nn.Linear):
                    module.weight.copy_(rounded(module.weight))
            if towers.image.blocks is not None:
                towers.image.blocks.as_shipped()
        self.towers, self.pieces, self.model = towers, pieces, TextModel()
        self.rows, self.vectors = text_vectors()
        self.check()

    def check(self) -> None:
        """Compare with the shipped files. @raises SystemExit where they differ."""
        shipped = Shipped()
        items = photos("val")[:CHECKED]
        own = unit(self.pictures("val-plain")[:CHECKED])
        seen = unit(np.stack([shipped.picture(squash(Image.open(item.path))) for item in items]))
        texts = [item.texts[kind][0] for item in items for kind in KINDS]
        said = unit(np.stack([shipped.words(text)[1] for text in texts]))
        least = min(float((own * seen).sum(1).min()), float((unit(self.texts(texts)) * said).sum(1).min()))
        print(f"least cosine with the shipped files: {least:.5f}")
        if least < LEAST_COSINE:
            sys.exit("the shipped files are not the model measured here: run export.py again")

    def pictures(self, name: str) -> Vectors:
        """Raw vectors of a view of step 2."""
        with torch.no_grad():
            return self.towers.image(torch.from_numpy(features_of(self.towers.image, name))).numpy()

    def texts(self, texts: list[str]) -> Vectors:
        """Raw vectors of texts."""
        missing = list(dict.fromkeys(text for text in texts if text not in self.rows))
        if missing:
            found = self.model.vectors(self.model.ids(missing)).astype(np.float16)
            self.rows.update((text, len(self.vectors) + i) for i, text in enumerate(missing))
            self.vectors = np.concatenate([self.vectors, found])
        bags = [np.array(self.pieces.of(ids), np.int64) for ids in self.model.ids(texts)]
        out = []
        for start in range(0, len(texts), 1000):
            part = bags[start:start + 1000]
            vectors = torch.from_numpy(self.vectors[[self.rows[text] for text in texts[start:start + 1000]]].astype(np.float32))
            offsets = torch.from_numpy(np.cumsum([0, *map(len, part)]))
            with torch.no_grad():
                out.append(self.towers.text(vectors, torch.from_numpy(np.concatenate(part)), offsets).numpy())
        return np.concatenate(out)


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
    seen = bench.pictures("imagenet-plain")
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
    seen = unit(bench.pictures("emoji-plain")[held])
    return {lang: recalls(unit(bench.texts([item.texts[lang][0] for item in items])) @ seen.T, np.arange(len(items))) for lang in ("en", "zh")}


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--variant", default="tuned-whole", help="the one that was exported")
    bench = Bench(parser.parse_args().variant)
    seen = bench.pictures("val-plain")
    metrics = {"search": search(bench, seen), "topics": by_topic(bench, seen), "labels": label_words(bench), "held-out emoji": signs(bench)}
    (WORK / "metrics.json").write_text(json.dumps(metrics, indent=1))
    write_results(metrics)
    for kind in KINDS:
        print(kind, metrics["search"][f"{kind} 1024"])
    print(json.dumps({name: metrics[name] for name in ("topics", "labels", "held-out emoji")}))


if __name__ == "__main__":
    main()
