"""LlamaIndex's embeddings of both services. That of DashScope nests its options: `parameters.kwargs.text_type`."""

import logging

import openai
import pytest
from conftest import VERSES
from llama_index.core import Document, VectorStoreIndex
from llama_index.embeddings.dashscope import DashScopeEmbedding
from llama_index.embeddings.openai import OpenAIEmbedding


@pytest.fixture
def openai_embedding(openai_url):
    def make(**options):
        return OpenAIEmbedding(**{"api_base": openai_url, "api_key": "sk-test", "max_retries": 0, **options})

    return make


def test_openai_with_a_model_of_dashscope(openai_embedding):
    embedding = openai_embedding(model_name="text-embedding-v4", embed_batch_size=10, dimensions=512)
    vectors = embedding.get_text_embedding_batch([f"{n}：{VERSES[n % 4]}" for n in range(23)])
    assert [len(vector) for vector in vectors] == [512] * 23


def test_openai_with_its_default_model(openai_embedding, cosines):
    """text-embedding-ada-002, a hundred texts at a time, as texts."""
    embedding = openai_embedding()
    vectors = embedding.get_text_embedding_batch([f"第{n}条" for n in range(101)])
    assert [len(vector) for vector in vectors] == [1536] * 101
    assert cosines([vectors[100]], [embedding.get_text_embedding("第100条")]) == pytest.approx(1, abs=1e-6)


def test_openai_index_finds_what_is_meant(openai_embedding):
    pages = ["手机公司发布新款折叠屏手机", "世界杯决赛今晚举行", "红烧肉的家常做法"]
    index = VectorStoreIndex.from_documents(
        [Document(text=page) for page in pages],
        embed_model=openai_embedding(model_name="text-embedding-v4", embed_batch_size=10),
    )
    [hit] = index.as_retriever(similarity_top_k=1).retrieve("今天有什么足球比赛？")
    assert hit.text == pages[1]


def test_openai_errors_come_through(openai_embedding):
    with pytest.raises(openai.NotFoundError):
        openai_embedding(model_name="text-embedding-v99").get_text_embedding("a")


def test_dashscope_query_and_document_differ(calls):
    """Its text type is nested in `kwargs`; without looking there both would be documents."""
    embedding = DashScopeEmbedding(model_name="text-embedding-v3", api_key="sk-test", embed_batch_size=10)
    query, document = embedding.get_query_embedding("你好"), embedding.get_text_embedding("你好")
    assert [call["kwargs"] for call in calls] == [{"text_type": "query"}, {"text_type": "document"}]
    assert len(query) == len(document) == 1024
    assert query != document


def test_dashscope_default_model_in_batches_of_25(calls, cosines):
    embedding = DashScopeEmbedding(api_key="sk-test")
    texts = [f"{n}：{VERSES[n % 4]}" for n in range(30)]
    vectors = embedding.get_text_embedding_batch(texts)
    assert [len(call["input"]) for call in calls] == [25, 5]
    assert [len(vector) for vector in vectors] == [1536] * 30
    assert cosines([vectors[29]], [embedding.get_text_embedding(texts[29])]) == pytest.approx(1, abs=1e-6)


def test_dashscope_logs_a_mistake_and_returns_nothing(caplog):
    """This class never raises; what it logs must hold the code and the message."""
    with caplog.at_level(logging.ERROR):
        assert DashScopeEmbedding(model_name="text-embedding-v99", api_key="sk-test").get_text_embedding("a") == []
    assert "InvalidParameter" in caplog.text and "Model not exist." in caplog.text
