"""Clustering: group headlines by topic with k-means on their vectors. Needs scikit-learn."""

import sys

import dashscope
import numpy as np
from sklearn.cluster import KMeans


def embed(texts):
    resp = dashscope.TextEmbedding.call(model="text-embedding-v4", input=texts, dimension=1024)
    if resp.status_code != 200:
        sys.exit(f"{resp.status_code} {resp.code}: {resp.message}")
    return np.array([item["embedding"] for item in resp.output["embeddings"]])


def cluster_texts(texts, n_clusters=2):
    labels = KMeans(n_clusters=n_clusters, random_state=0, n_init="auto").fit(embed(texts)).labels_
    return [[text for text, label in zip(texts, labels) if label == cluster] for cluster in range(n_clusters)]


headlines = [
    "手机公司A发售新款手机",
    "搜索引擎公司B推出新款系统",
    "世界杯决赛阿根廷对阵法国",
    "奥运会中国队再添一金",
    "某公司发布最新AI芯片",
    "欧洲杯赛事报道",
]
clusters = cluster_texts(headlines)
for number, texts in enumerate(clusters):
    print(f"--- {number} ---", *texts, sep="\n")

sport = {headlines[2], headlines[3], headlines[5]}
if sport not in map(set, clusters):
    sys.exit("expected technology and sport apart")
