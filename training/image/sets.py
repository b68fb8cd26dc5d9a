"""The pictures and their words: which are trained on, which decide, which only measure."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared import BACKBONE, CONFIG, PHOTOS, read_jsonl, seeded

KINDS = ("en", "zh", "zh_mt_baidu")
"""English; Chinese written by Chinese speakers; Chinese translated by a machine (the better of the two in the data)."""


@dataclass(frozen=True)
class Pictured:
    """A picture file and the texts that tell what is in it, by kind."""

    path: Path
    texts: dict[str, list[str]]


@cache
def photos(split: str) -> list[Pictured]:
    """The photos of Flickr8k, `train` or `val`, each with five captions a kind."""
    return [Pictured(PHOTOS / "flickr8k" / item["file"], {kind: item[kind] for kind in KINDS})
            for item in read_jsonl(PHOTOS / f"flickr8k_{split}.jsonl.gz")]


@cache
def emoji() -> list[Pictured]:
    """Emoji with their names and keywords."""
    return [Pictured(PHOTOS / "emoji" / item["file"],
                     {lang: [item[lang], *item[f"{lang}_keywords"]] for lang in ("en", "zh")})
            for item in read_jsonl(PHOTOS / "emoji.jsonl")]


def imagenet_samples() -> list[Path]:
    """One picture for each of the 1,000 labels, in their order; empty unless QUIVER_IMAGENET names a folder of them."""
    folder = os.environ.get("QUIVER_IMAGENET")
    return sorted(Path(folder).glob("n*.JPEG")) if folder else []


@cache
def labels() -> list[dict[str, list[str]]]:
    """The 1,000 ImageNet labels, each with its synonyms in English and Chinese."""
    english, chinese = (json.loads((BACKBONE / f"imagenet_labels_{lang}.json").read_text()) for lang in ("en", "zh"))
    return [{"en": [name.strip() for name in english[str(i)].split(",")],
             "zh": [name.strip() for name in chinese[str(i)].replace("，", ",").split(",")]} for i in range(1000)]


def dev_photos() -> set[int]:
    """Positions in the train split that decide between ways of training; the val split only measures."""
    return set(seeded("dev").sample(range(len(photos("train"))), CONFIG["dev_photos"]))


def held_out_emoji() -> set[int]:
    """Positions of the emoji that are never trained on."""
    return set(seeded("emoji").sample(range(len(emoji())), CONFIG["held_out_emoji"]))


def trained_emoji() -> list[int]:
    """Positions of the emoji that are trained on: neither held out nor the same picture as one that is (some flags are)."""
    held = {emoji()[i].path.read_bytes() for i in held_out_emoji()}
    return [i for i, item in enumerate(emoji()) if item.path.read_bytes() not in held]
