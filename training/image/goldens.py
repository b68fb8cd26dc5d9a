"""Step 6: canary.json (beside the weights) and engine.golden.json (beside the server's tests), from the shipped files.

Both hold pictures as plain bytes, so that no decoder is between: emoji, which are Apache-2.0 and may be shipped.
"""

from __future__ import annotations

import base64
import json

import numpy as np
from PIL import Image

from backbone import squash
from metrics import unit
from sets import emoji
from shared import ROOT, WEIGHTS, sha256
from shipped import Shipped

GOLDENS = ROOT / "packages/server/src/engines/builtin-image"
CANARY = ["dog face", "pizza", "bicycle", "airplane", "rose", "banana"]
SIZES = [(64, 64), (40, 90), (250, 240), (1, 7)]
TEXTS = ["a dog", "一只狗", "two children play football on a green field", "两个孩子在绿色的草地上踢足球", "a woman in a red dress", "雪地里的狗",
         "a man rides a bicycle down a mountain", "日落的海边", "sunset at the beach", "a photo of a cat", "一张猫的照片", "🐶", "pizza", "披萨",
         "crowd at a concert at night", "一群人在夜晚的音乐会上", "A brown dog chases a white dog through the snow .", "Ein Hund im Schnee", "7"]


def digits(vector: np.ndarray, dimension: int) -> list[float]:
    """The first components of length 1, as the files have them."""
    return [round(float(x), 6) for x in unit(vector[None], dimension)[0]]


def written(picture: Image.Image) -> dict[str, object]:
    """A picture as plain bytes."""
    return {"width": picture.width, "height": picture.height, "rgb": base64.b64encode(np.asarray(picture).tobytes()).decode()}


def canary(shipped: Shipped) -> dict[str, object]:
    """Six emoji of 48 × 48 and their names; each name must rank its own picture first, or nothing is written."""
    by_name = {item.texts["en"][0]: item for item in emoji()}
    cases, pictures, names = [], [], []
    for name in CANARY:
        item = by_name[name]
        picture = Image.open(item.path).convert("RGB").resize((48, 48), Image.Resampling.BICUBIC)
        vector = shipped.picture(squash(picture))
        said = [(text, shipped.words(text)[1]) for text in (name, item.texts["zh"][0])]
        pictures.append(vector)
        names.append([words for _, words in said])
        cases.append({**written(picture), "d64": digits(vector, 64), "names": [{"text": text, "d64": digits(words, 64)} for text, words in said]})
    scores = unit(np.concatenate(names)) @ unit(np.stack(pictures)).T
    if (scores.argmax(1) != np.arange(len(cases)).repeat(2)).any():
        raise ValueError(f"a name ranks another picture first: {scores.round(2)}")
    return {"tolerance": {"cosine": 0.98}, "cases": cases}


def golden(shipped: Shipped) -> dict[str, object]:
    """Pictures of several sizes, texts in several languages, and what becomes of them."""
    picture = Image.open(emoji()[300].path).convert("RGB")
    pictures = [picture.resize(size, Image.Resampling.BICUBIC) for size in SIZES]
    texts = [(text, *shipped.words(text)) for text in TEXTS]
    return {"image_sha256": sha256(WEIGHTS / "image.onnx"), "text_sha256": sha256(WEIGHTS / "text.onnx"),
            "tolerance": {"picture": 0.9999, "text": 0.98},
            "note": "the text model rounds activations to int8, so texts differ between kinds of processors; pictures do not",
            "pictures": [{**written(one), "d1024": digits(shipped.picture(squash(one)), 1024)} for one in pictures],
            "texts": [{"text": text, "ids": ids, "d1024": digits(vector, 1024)} for text, ids, vector in texts]}


def main() -> None:
    """Write both files."""
    shipped = Shipped()
    compact = {"ensure_ascii": False, "separators": (",", ":")}
    (WEIGHTS / "canary.json").write_text(json.dumps(canary(shipped), **compact) + "\n")  # type: ignore[arg-type]
    (GOLDENS / "engine.golden.json").write_text(json.dumps(golden(shipped), **compact) + "\n")  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
