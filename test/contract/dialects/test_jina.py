"""Jina's endpoint is OpenAI's with further fields: LlamaIndex's client of it, and the fields it does not send."""

import httpx
import numpy
import pytest
from conftest import KEY, MODEL
from llama_index.embeddings.jinaai import JinaEmbedding


def jina(url, **options):
    embedding = JinaEmbedding(api_key=KEY, model=MODEL, **options)
    embedding._api.api_url = f"{url}/v1/embeddings"  # it has no option for that
    return embedding


def post(url, **body):
    headers = {"Authorization": f"Bearer {KEY}"}
    return httpx.post(f"{url}/v1/embeddings", json={"model": MODEL, **body}, headers=headers, timeout=60)


def test_floats(url):
    embedding = jina(url, dimensions=256)
    vectors = embedding.get_text_embedding_batch(["飞鸟", "流水"])
    assert numpy.array(vectors).shape == (2, 256)


def test_the_task_tells_queries_from_documents(url):
    query = jina(url, task="retrieval.query").get_text_embedding("apple")
    document = jina(url, task="retrieval.passage").get_text_embedding("apple")
    assert query != document
    assert document == jina(url).get_text_embedding("apple")


@pytest.mark.parametrize("form", ["binary", "ubinary"])
def test_bits_unpack_to_the_signs(url, form):
    bits = jina(url, encoding_documents=form).get_text_embedding("apple")
    assert bits == (numpy.array(jina(url).get_text_embedding("apple")) > 0).astype(int).tolist()


def test_objects_normalisation_and_what_is_not_offered(url):
    (one,) = post(url, input=[{"text": "apple"}], embedding_type="ubinary").json()["data"]
    assert len(one["embedding"]) == 128
    raw = post(url, input="apple", normalized=False).json()["data"][0]["embedding"]
    assert abs(numpy.linalg.norm(raw) - 1) > 0.1
    assert post(url, input="apple", late_chunking=True).status_code == 400
    assert post(url, input=[{"image": "x"}]).status_code == 400
