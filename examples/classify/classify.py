"""Zero-shot classification: the label whose name is closest to the text wins; no example is needed."""

import sys

import dashscope
import numpy as np


def embed(texts):
    resp = dashscope.TextEmbedding.call(model="text-embedding-v4", input=texts, dimension=1024)
    if resp.status_code != 200:
        sys.exit(f"{resp.status_code} {resp.code}: {resp.message}")
    return [np.array(item["embedding"]) for item in resp.output["embeddings"]]


def cosine_similarity(a, b):
    return np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))


def classify_text_zero_shot(text, labels):
    text_vector, *label_vectors = embed([text] + labels)
    scores = [cosine_similarity(text_vector, vector) for vector in label_vectors]
    return sorted(zip(scores, labels), reverse=True)


text = "这件衣服的料子很舒服，款式也好看"
ranking = classify_text_zero_shot(text, ["数码产品", "服装配饰", "食品饮料", "家居生活"])
print(text)
for score, label in ranking:
    print(f"{score:.3f}  {label}")

if ranking[0][1] != "服装配饰":
    sys.exit(f"expected 服装配饰 (clothing), got {ranking[0][1]}")
