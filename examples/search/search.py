"""Semantic search: sort documents by how close their vectors are to the query's."""

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


def semantic_search(query, documents, top_k=5):
    (query_vector,) = embed(query)
    scores = [cosine_similarity(query_vector, vector) for vector in embed(documents)]
    return sorted(zip(scores, documents), reverse=True)[:top_k]


query = "什么是AI？"
documents = [
    "人工智能是计算机科学的一个分支",
    "机器学习是实现人工智能的重要方法",
    "深度学习是机器学习的一个子领域",
]
hits = semantic_search(query, documents, top_k=2)
for score, document in hits:
    print(f"{score:.3f}  {document}")

if hits[0][1] != documents[0]:
    sys.exit(f"expected the definition of AI first, got: {hits[0][1]}")
