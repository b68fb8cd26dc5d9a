"""Hashes of what Pillow makes of pictures that both sides can compute: packages/server/src/media/resize.golden.json.

Pillow 13 does the vertical pass first where that is less work, which rounds differently; models were trained with 12 and
before.

    python -m venv .venv && .venv/bin/pip install pillow==12.* numpy && .venv/bin/python test/media/resize_golden.py
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

OUT = Path(__file__).resolve().parents[2] / "packages/server/src/media/resize.golden.json"
RESAMPLES = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]

# width, height of the source; width, height of the result; box or none
CASES = [
    (61, 47, 24, 24, None),
    (61, 47, 90, 71, None),
    (61, 47, 61, 20, None),
    (61, 47, 13, 47, None),
    (61, 47, 16, 12, (5, 3, 55.5, 40.25)),
    (3, 200, 8, 8, None),
    (1, 1, 5, 4, None),
    (2000, 1500, 224, 224, None),
]


def noise(width: int, height: int) -> Image.Image:
    """The upper 8 bits of i × 2654435761 mod 2^32 for byte i, half of them mixed with a ramp."""
    i = np.arange(width * height * 3, dtype=np.uint64)
    values = ((i * 2654435761) % 2**32) >> 24
    ramp = (i * 255) // (width * height * 3)
    mixed = np.where((i // 7) % 2 == 0, values, ramp).astype(np.uint8)
    return Image.fromarray(mixed.reshape(height, width, 3))


def describe(case, resample: str) -> dict:
    width, height, to_width, to_height, box = case
    resized = noise(width, height).resize((to_width, to_height), Image.Resampling[resample.upper()], box=box)
    return {
        "source": [width, height],
        "size": [to_width, to_height],
        "box": box,
        "resample": resample,
        "sha256": hashlib.sha256(resized.tobytes()).hexdigest(),
    }


cases = [describe(case, resample) for case in CASES for resample in RESAMPLES]
OUT.write_text(json.dumps({"pillow": PIL.__version__, "cases": cases}, indent=1) + "\n")
