"""Hybrid search: the meaning of a text and its very words, in one score.

Dense vectors find what means the same; sparse vectors find what says the same, such as names and part numbers.
"""

import sys

import dashscope
import numpy as np


def embed(texts, text_type):
    resp = dashscope.TextEmbedding.call(
        model="text-embedding-v4", input=texts, dimension=1024, text_type=text_type, output_type="dense&sparse"
    )
    if resp.status_code != 200:
        sys.exit(f"{resp.status_code} {resp.code}: {resp.message}")
    return [
        (np.array(item["embedding"]), {term["index"]: term["value"] for term in item["sparse_embedding"]})
        for item in resp.output["embeddings"]
    ]


def hybrid_search(query, documents):
    ((query_dense, query_sparse),) = embed(query, "query")
    hits = []
    for document, (dense, sparse) in zip(documents, embed(documents, "document")):
        cosine = np.dot(query_dense, dense)
        words = sum(value * sparse.get(index, 0) for index, value in query_sparse.items())
        hits.append((cosine + words, cosine, words, document))
    return sorted(hits, reverse=True)


query = "XR-2041 适配器的保修期"
documents = [
    "XR-2040 电源适配器保修两年。",
    "XR-2041 电源适配器保修三年。",
    "XR-2042 电源适配器保修一年。",
    "所有商品支持七天无理由退货。",
]
hits = hybrid_search(query, documents)
for score, cosine, words, document in hits:
    print(f"{score:.3f} = {cosine:.3f} + {words:.3f}  {document}")

if hits[0][3] != documents[1]:
    sys.exit(f"expected the adapter that was asked for first, got: {hits[0][3]}")
