"""Video search: words and a still find the film. A video may be a file, or its frames as pictures, as here."""

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


def sunset(moment):
    """A sun that sinks into the sea; `moment` runs from 0 to 1."""
    y, x = np.mgrid[0:1:224j, 0:1:224j]
    sky = np.stack([255 - 60 * y, 180 - 130 * y, 60 + 60 * y], axis=-1)
    sea = np.stack([90 - 60 * y, 70 - 40 * y, 140 - 60 * y], axis=-1)
    sun = (x - 0.5) ** 2 + (y - 0.2 - 0.4 * moment) ** 2 < 0.02
    picture = np.where(sun[..., None], (255, 240, 120), sky)
    return np.where((y > 0.6)[..., None], sea, picture)


def forest(moment):
    """A walk past twenty-four trees at the edge of a forest."""
    y, x = np.mgrid[0:1:224j, 0:1:224j]
    sky = np.stack([150 + 60 * y, 200 + 30 * y, 250 - 20 * y], axis=-1)
    meadow = np.stack([70 + 20 * y, 140 - 30 * y, 50 + 0 * y], axis=-1)
    picture = np.where((y > 0.75)[..., None], meadow, sky)
    for tree in range(24):
        # Steps of the golden section put the trees where no two are the same, as a forest does.
        spread = tree * 0.618 % 1
        middle, top = 2.4 * spread - 0.2 - moment, 0.25 + 0.3 * (spread * 7 % 1)
        picture[(abs(x - middle) < 0.015) & (y > top) & (y < top + 0.5)] = (85, 60, 40)
        for leaf in range(5):
            right, down = 0.14 * (leaf * 0.618 % 1) - 0.07, 0.2 * (leaf * 0.382 % 1) - 0.1
            crown = (x - middle - right) ** 2 + (y - top - down) ** 2 < 0.005
            picture[crown] = np.array((35, 110, 40)) * (0.6 + 0.5 * (spread * 11 % 1))
    return picture


def data_uri(picture):
    return f"data:image/png;base64,{base64.b64encode(png(picture.astype(np.uint8))).decode()}"


def embed(content):
    resp = dashscope.MultiModalEmbedding.call(model="multimodal-embedding-v1", input=[content])
    if resp.status_code != 200:
        sys.exit(f"{resp.status_code} {resp.code}: {resp.message}")
    return np.array(resp.output["embeddings"][0]["embedding"])


films = {"sunset": sunset, "forest": forest}
# A file would be {"video": "file:///films/sunset.mp4"}.
vectors = {
    name: embed({"video": [data_uri(scene(moment)) for moment in np.linspace(0, 1, 8)]})
    for name, scene in films.items()
}
queries = {
    "a still of the forest": ({"image": data_uri(forest(0.33))}, "forest"),
    "a still of the sunset": ({"image": data_uri(sunset(0.77))}, "sunset"),
    "a sunset": ({"text": "a sunset"}, "sunset"),
    "绿色的树林": ({"text": "绿色的树林"}, "forest"),
}
for words, (content, expected) in queries.items():
    query = embed(content)
    scores = {name: float(np.dot(query, vector)) for name, vector in vectors.items()}
    print(f"{words}: " + ", ".join(f"{name} {score:.3f}" for name, score in scores.items()))
    if max(scores, key=scores.get) != expected:
        sys.exit(f"expected the {expected} for: {words}")
