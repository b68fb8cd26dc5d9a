"""Pictures that are there twice: copies that were made smaller or brighter have nearly the same vector."""

import base64
import struct
import sys
import zlib

import dashscope
import numpy as np


def png(pixels):
    """uint8 array (height, width, 3) → the bytes of a PNG file; a real program reads files instead."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def sunset(side):
    y, x = np.mgrid[0:1:side * 1j, 0:1:side * 1j]
    sky = np.stack([255 - 60 * y, 180 - 130 * y, 60 + 60 * y], axis=-1)
    sea = np.stack([90 - 60 * y, 70 - 40 * y, 140 - 60 * y], axis=-1)
    picture = np.where((y > 0.6)[..., None], sea, sky)
    picture[(x - 0.5) ** 2 + (y - 0.45) ** 2 < 0.02] = (255, 240, 120)
    return picture


def forest(side):
    y, x = np.mgrid[0:1:side * 1j, 0:1:side * 1j]
    trunks = np.sin(40 * x) > 0.4
    picture = np.stack([30 + 30 * y, 110 - 50 * y, 40 + 10 * x], axis=-1)
    picture[trunks & (y > 0.3)] = (70, 45, 25)
    return picture


def chess_board(side):
    y, x = np.mgrid[0:8:side * 1j, 0:8:side * 1j]
    return np.where(((x.astype(int) + y.astype(int)) % 2 == 0)[..., None], (240, 217, 181), (60, 40, 30))


def embed(picture):
    data = base64.b64encode(png(np.clip(picture, 0, 255).astype(np.uint8))).decode()
    resp = dashscope.MultiModalEmbedding.call(
        model="multimodal-embedding-v1", input=[{"image": f"data:image/png;base64,{data}"}]
    )
    if resp.status_code != 200:
        sys.exit(f"{resp.status_code} {resp.code}: {resp.message}")
    return np.array(resp.output["embeddings"][0]["embedding"])


pictures = {
    "sunset.png": sunset(256),
    "forest.png": forest(256),
    "sunset-small.png": sunset(160),
    "chess-board.png": chess_board(256),
    "sunset-brighter.png": sunset(256) * 1.1,
}
names = list(pictures)
vectors = np.array([embed(picture) for picture in pictures.values()])
cosines = vectors @ vectors.T  # the vectors have unit length
duplicates = set()
for i in range(len(names)):
    for j in range(i):
        is_duplicate = cosines[i, j] > 0.9
        print(f"{cosines[i, j]:.3f}  {names[j]}  {names[i]}{'  the same' if is_duplicate else ''}")
        if is_duplicate:
            duplicates |= {names[i], names[j]}

if duplicates != {"sunset.png", "sunset-small.png", "sunset-brighter.png"}:
    sys.exit(f"expected the three sunsets, got: {sorted(duplicates)}")
