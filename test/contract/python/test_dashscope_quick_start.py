"""The vendor's quick starts through the dashscope package: only the base URL differs from its documentation."""

import os
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

import dashscope
import numpy as np
import pytest
from dashscope import TextEmbedding

pytestmark = pytest.mark.usefixtures("native")


def check(resp, texts: int, dimension: int = 1024):
    assert resp.status_code == HTTPStatus.OK, resp
    assert not resp.code and not resp.message
    assert resp.request_id
    embeddings = resp.output["embeddings"]
    assert [item["text_index"] for item in embeddings] == list(range(texts))
    for item in embeddings:
        assert len(item["embedding"]) == dimension
        assert np.linalg.norm(item["embedding"]) == pytest.approx(1, abs=1e-4)
    assert resp.usage["total_tokens"] > 0


def test_the_shortest_program():
    resp = dashscope.TextEmbedding.call(
        model="text-embedding-v4",
        input="衣服的质量杠杠的",
    )
    check(resp, texts=1)


def test_string_with_dense_and_sparse_vectors():
    resp = dashscope.TextEmbedding.call(
        model="text-embedding-v4",
        input="衣服的质量杠杠的，很漂亮，不枉我等了这么久啊，喜欢，以后还来这里买",
        dimension=1024,
        output_type="dense&sparse",
    )
    check(resp, texts=1)
    sparse = resp.output["embeddings"][0]["sparse_embedding"]
    assert sparse
    for term in sparse:
        assert isinstance(term["index"], int) and term["value"] > 0 and isinstance(term["token"], str)


def test_list_in_batches():
    """The batching sample changes the response in place: positions from 0 in each request, usage that adds up."""
    batch_size = 10
    inputs = ["风急天高猿啸哀", "渚清沙白鸟飞回", "无边落木萧萧下", "不尽长江滚滚来"] * 6

    result = None
    batch_counter = 0
    for i in range(0, len(inputs), batch_size):
        batch = inputs[i : i + batch_size]
        resp = dashscope.TextEmbedding.call(
            model="text-embedding-v4",
            input=batch,
            dimension=1024,
        )
        assert resp.status_code == HTTPStatus.OK, resp
        if result is None:
            result = resp
        else:
            for emb in resp.output["embeddings"]:
                emb["text_index"] += batch_counter
                result.output["embeddings"].append(emb)
            result.usage["total_tokens"] += resp.usage["total_tokens"]
        batch_counter += len(batch)

    check(result, texts=24)
    first, fifth = (np.array(result.output["embeddings"][position]["embedding"]) for position in (0, 4))
    assert first @ fifth == pytest.approx(1, abs=1e-4), "the same verse in two places of a batch"


def test_four_verses():
    resp = dashscope.TextEmbedding.call(
        model=dashscope.TextEmbedding.Models.text_embedding_v3,
        input=["风急天高猿啸哀", "渚清沙白鸟飞回", "无边落木萧萧下", "不尽长江滚滚来"],
    )
    check(resp, texts=4)


def test_file(text_file, verses):
    with open(text_file("\n".join(verses).encode()), "r", encoding="utf-8") as f:
        resp = TextEmbedding.call(
            model="text-embedding-v4",
            input=f,
            dimension=1024,
        )
    check(resp, texts=4)


def test_dimension():
    resp = dashscope.TextEmbedding.call(
        model="text-embedding-v4",
        input=["喜欢，以后还来这里买"],
        dimension=256,
    )
    check(resp, texts=1, dimension=256)


def test_query_with_an_instruction():
    """The instruction sample: as a query with a task, a text has another vector than as a document."""
    text = "机器学习的相关论文"
    instructed = dashscope.TextEmbedding.call(
        model="text-embedding-v4",
        input=text,
        text_type="query",
        instruct="Given a research paper query, retrieve relevant research paper",
    )
    check(instructed, texts=1)
    document = dashscope.TextEmbedding.call(model="text-embedding-v4", input=text, text_type="document")
    unmarked = dashscope.TextEmbedding.call(model="text-embedding-v4", input=text)
    vectors = [np.array(resp.output["embeddings"][0]["embedding"]) for resp in (instructed, document, unmarked)]
    assert vectors[1] @ vectors[2] == pytest.approx(1, abs=1e-4), "document is the default"
    assert vectors[0] @ vectors[1] < 0.9999


def test_settings_from_the_environment(url, tmp_path):
    """The package reads its base URL at import, so a program with both variables set needs no change at all."""
    program = """
import dashscope
resp = dashscope.TextEmbedding.call(model="text-embedding-v4", input="你好")
print(resp.status_code, len(resp.output["embeddings"][0]["embedding"]))
"""
    settings = {"DASHSCOPE_HTTP_BASE_URL": f"{url}/api/v1", "DASHSCOPE_API_KEY": "sk-test"}
    output = subprocess.check_output(
        [sys.executable, "-c", program], env=os.environ | settings, cwd=tmp_path, text=True
    )
    assert output.split() == ["200", "1024"]


def test_base_url_with_a_trailing_slash(url):
    resp = dashscope.TextEmbedding.call(model="text-embedding-v4", input="你好", base_address=f"{url}/api/v1/")
    check(resp, texts=1)


def test_command_line(url, tmp_path):
    command = Path(sys.executable).with_name("dashscope")
    settings = {"DASHSCOPE_HTTP_BASE_URL": f"{url}/api/v1", "DASHSCOPE_API_KEY": "sk-test"}
    arguments = ["embeddings", "create", "-m", "text-embedding-v3", "-i", "hello"]
    if not hasattr(dashscope, "Client"):
        pytest.skip(f"dashscope {dashscope.version.__version__} has no embeddings command")
    output = subprocess.check_output([command, *arguments], env=os.environ | settings, cwd=tmp_path, text=True)
    assert '"text_index": 0' in output
    assert '"total_tokens"' in output
