"""Recommendation: the mean of what a user liked is a vector too; recommend the items closest to it."""

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


def recommend(user_history, all_items, top_k=10):
    taste = np.mean(embed(user_history), axis=0)
    scores = [cosine_similarity(taste, vector) for vector in embed(all_items)]
    return sorted(zip(scores, all_items), reverse=True)[:top_k]


user_history = ["科幻类", "动作类", "悬疑类"]
all_movies = ["未来世界", "太空探险", "古代战争", "浪漫之旅", "超级英雄"]
recommendations = recommend(user_history, all_movies)
for score, movie in recommendations:
    print(f"{score:.3f}  {movie}")

if recommendations[0][1] == "浪漫之旅":
    sys.exit("a romance came first for a user of science fiction, action and mystery")
