"""LangChain's `DashScopeEmbeddings`: its own batches, the two text types, and which errors become which class."""

import pytest
from conftest import VERSES
from langchain_community.embeddings import DashScopeEmbeddings
from requests.exceptions import HTTPError


def embeddings(**options):
    return DashScopeEmbeddings(**{"model": "text-embedding-v4", "dashscope_api_key": "sk-test", **options})


@pytest.mark.parametrize(
    "model,sizes,dimension",
    [("text-embedding-v4", [10, 10, 10], 1024), ("text-embedding-v3", [10, 10, 10], 1024)]
    + [(model, [25, 5], 1536) for model in ("text-embedding-v2", "text-embedding-v1")],
)
def test_batches(calls, model, sizes, dimension):
    texts = [f"{number}：{VERSES[number % 4]}" for number in range(30)]
    vectors = embeddings(model=model).embed_documents(texts)
    assert [len(call["input"]) for call in calls] == sizes
    assert [len(vector) for vector in vectors] == [dimension] * 30
    assert vectors[29] == embeddings(model=model).embed_documents(texts[29:])[0], "the order is kept over batches"


def test_query_and_document_differ(calls):
    query, document = embeddings().embed_query("你好"), embeddings().embed_documents(["你好"])[0]
    assert [call["text_type"] for call in calls] == ["query", "document"]
    assert query != document


def test_default_model():
    assert len(DashScopeEmbeddings(dashscope_api_key="sk-test").embed_query("你好")) == 1536


@pytest.mark.parametrize(
    "options,texts,message",
    [
        ({"model": "text-embedding-v99"}, ["a"], r"status_code: 400[\s\S]*InvalidParameter[\s\S]*Model not exist\."),
        ({}, ["a", ""], r"status_code: 400[\s\S]*InvalidParameter[\s\S]*Range of input length"),
    ],
    ids=["unknown model", "empty text"],
)
def test_a_mistake_is_a_value_error_and_is_not_repeated(calls, options, texts, message):
    with pytest.raises(ValueError, match=message):
        embeddings(**options).embed_documents(texts)
    assert len(calls) == 1


def test_no_key_is_a_value_error_that_says_so(keyed_server):
    with pytest.raises(ValueError, match=r"status_code: 401[\s\S]*InvalidApiKey"):
        embeddings(dashscope_api_key="sk-wrong").embed_query("a")


def test_a_full_server_is_asked_again_and_then_an_http_error(calls, full_server):
    with pytest.raises(HTTPError, match=r"status_code: 503[\s\S]*ModelUnavailable"):
        embeddings(max_retries=2).embed_documents(VERSES)
    assert len(calls) == 2
