"""The vendor's quick starts through the OpenAI package: only the base URL differs from its documentation."""

import json
import os

import numpy as np
import pytest
from openai import OpenAI


@pytest.fixture
def quick_start_client(url, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-test")
    return OpenAI(
        api_key=os.getenv("DASHSCOPE_API_KEY"),
        base_url=f"{url}/compatible-mode/v1",
    )


def check(completion, texts: int, dimension: int = 1024):
    """What the quick starts promise: one unit vector a text, positions from 0, usage, the request's id."""
    printed = json.loads(completion.model_dump_json())
    assert [item["index"] for item in printed["data"]] == list(range(texts))
    for item in printed["data"]:
        assert item["object"] == "embedding"
        assert len(item["embedding"]) == dimension
        assert np.linalg.norm(item["embedding"]) == pytest.approx(1, abs=1e-4)
    assert printed["model"] == "text-embedding-v4"
    assert printed["object"] == "list"
    assert printed["usage"]["prompt_tokens"] == printed["usage"]["total_tokens"] > 0
    assert printed["id"]


def test_the_shortest_program(quick_start_client):
    completion = quick_start_client.embeddings.create(
        model="text-embedding-v4",
        input="衣服的质量杠杠的",
    )
    check(completion, texts=1)


def test_string(quick_start_client):
    completion = quick_start_client.embeddings.create(
        model="text-embedding-v4",
        input="衣服的质量杠杠的，很漂亮，不枉我等了这么久啊，喜欢，以后还来这里买",
        dimensions=1024,
        encoding_format="float",
    )
    check(completion, texts=1)


def test_list(quick_start_client):
    completion = quick_start_client.embeddings.create(
        model="text-embedding-v4",
        input=["风急天高猿啸哀", "渚清沙白鸟飞回", "无边落木萧萧下", "不尽长江滚滚来"],
        dimensions=1024,
        encoding_format="float",
    )
    check(completion, texts=4)
    vectors = [item.embedding for item in completion.data]
    assert len({tuple(vector) for vector in vectors}) == 4, "four different verses have four different vectors"


def test_file(quick_start_client, text_file, verses):
    path = text_file("\n".join(verses).encode())
    with open(path, "r", encoding="utf-8") as f:
        completion = quick_start_client.embeddings.create(
            model="text-embedding-v4",
            input=f,
            dimensions=1024,
            encoding_format="float",
        )
    check(completion, texts=4)


def test_dimensions(quick_start_client):
    completion = quick_start_client.embeddings.create(
        model="text-embedding-v4",
        input=["喜欢，以后还来这里买"],
        dimensions=256,
    )
    check(completion, texts=1, dimension=256)


def test_settings_from_the_environment(url, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/compatible-mode/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    completion = OpenAI().embeddings.create(model="text-embedding-v4", input="衣服的质量杠杠的")
    check(completion, texts=1)


@pytest.mark.parametrize("root", ["/compatible-mode/v1", "/compatible-mode/v1/", "/v1", "/v1/"])
def test_every_base_url_in_use(url, root):
    completion = OpenAI(api_key="sk-test", base_url=url + root).embeddings.create(
        model="text-embedding-v4", input="衣服的质量杠杠的"
    )
    check(completion, texts=1)
