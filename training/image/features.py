"""Step 2: what the backbone sees in every picture, in several views of it. Goes on where it was stopped.

A view is a file: `<set>-<view>.npz` with features [n, 1280] and the maps before the last blocks [n, 7, 7, 192], float16.
Photos that are trained on are also seen mirrored and in random crops; those that measure only plainly.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from backbone import Backbone, random_crop, squash
from sets import emoji, imagenet_samples, photos
from shared import CONFIG, WORK, Progress, seeded


def look(backbone: Backbone, paths: list[Path], name: str, view: str) -> None:
    """Write one view of one set, unless it is there."""
    file = WORK / f"{name}-{view}.npz"
    if file.exists() or not paths:
        return
    draw = seeded(f"{name}-{view}")
    progress = Progress(file.stem, len(paths))
    features = np.zeros((len(paths), 1280), np.float16)
    maps = np.zeros((len(paths), 7, 7, 192), np.float16)
    for i, path in enumerate(paths):
        with Image.open(path) as picture:
            pixels = random_crop(picture, draw) if view.startswith("crop") else squash(picture)
        features[i], maps[i] = backbone.see(pixels[:, ::-1] if view == "mirror" else pixels)
        progress.add(1)
    partial = file.with_suffix(".part.npz")
    np.savez(partial, features=features, maps=maps)
    partial.replace(file)


def main() -> None:
    """Plain views first: with them alone, training can begin."""
    backbone = Backbone()
    train = [item.path for item in photos("train")]
    look(backbone, train, "train", "plain")
    look(backbone, [item.path for item in photos("val")], "val", "plain")
    look(backbone, [item.path for item in emoji()], "emoji", "plain")
    look(backbone, imagenet_samples(), "imagenet", "plain")
    look(backbone, train, "train", "mirror")
    for crop in range(CONFIG["views"]["crops"]):
        look(backbone, train, "train", f"crop{crop}")


if __name__ == "__main__":
    main()
