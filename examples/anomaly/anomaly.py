"""Anomaly detection: a text far from the centre of what is normal stands out.

How far is too far depends on the model and the data: calibrate the threshold on your own.
"""

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


def similarity_to_normal(new_comment, normal_comments):
    *normal_vectors, new_vector = embed(normal_comments + [new_comment])
    return cosine_similarity(new_vector, np.mean(normal_vectors, axis=0))


THRESHOLD = 0.6

normal_comments = ["今天的会议很有成效", "项目进展顺利", "下周发布新版本", "用户反馈良好"]
normal, gibberish = "功能符合预期", "asdfghjkl zxcvbnm"

scores = {comment: similarity_to_normal(comment, normal_comments) for comment in (normal, gibberish)}
for comment, score in scores.items():
    print(f"{score:.3f}  {'anomaly' if score < THRESHOLD else 'normal '}  {comment}")

if scores[gibberish] >= scores[normal]:
    sys.exit("expected the gibberish to be farther from normal than an ordinary comment")
