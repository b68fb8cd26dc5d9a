"""The clients of Ollama: its own Python package, and LangChain's embeddings."""

import math

import ollama
import pytest
from conftest import KEY, MODEL, TOO_LONG
from langchain_ollama import OllamaEmbeddings


@pytest.fixture
def client(url):
    return ollama.Client(host=url)


def test_embed_a_text_and_a_list(client):
    one = client.embed(MODEL, "hello")
    assert one.model == MODEL
    assert math.hypot(*one.embeddings[0]) == pytest.approx(1, abs=1e-3)
    several = client.embed(MODEL, ["hello", "world"], dimensions=256)
    assert [len(vector) for vector in several.embeddings] == [256, 256]
    assert 0 < several.load_duration < several.total_duration
    assert several.prompt_eval_count > one.prompt_eval_count > 0


def test_the_default_tag_is_accepted(client):
    assert client.embed(f"{MODEL}:latest", "hello").embeddings == client.embed(MODEL, "hello").embeddings


def test_the_older_endpoint(client):
    assert list(client.embeddings(MODEL, "hello").embedding) == list(client.embed(MODEL, "hello").embeddings[0])


def test_a_text_that_is_too_long_is_cut_unless_that_is_turned_off(client):
    assert client.embed(MODEL, TOO_LONG).prompt_eval_count == 8192
    with pytest.raises(ollama.ResponseError) as refused:
        client.embed(MODEL, TOO_LONG, truncate=False)
    assert refused.value.status_code == 400


def test_list_and_show(client):
    models = {model.model: model for model in client.list().models}
    assert models[f"{MODEL}:latest"].size > 1_000_000
    shown = client.show(MODEL)
    assert shown.capabilities == ["embedding"]
    assert shown.details.format == "onnx"


def test_an_unknown_model_is_a_404(client):
    with pytest.raises(ollama.ResponseError, match="model 'none' not found") as refused:
        client.embed("none", "hello")
    assert refused.value.status_code == 404


def test_a_configured_key_is_asked_for(keyed_url):
    headers = {"Authorization": f"Bearer {KEY}"}
    assert len(ollama.Client(host=keyed_url, headers=headers).embed(MODEL, "hello").embeddings) == 1
    with pytest.raises(ollama.ResponseError) as refused:
        ollama.Client(host=keyed_url, headers={"Authorization": "Bearer sk-wrong"}).embed(MODEL, "hello")
    assert refused.value.status_code == 401


def test_langchain(url):
    embeddings = OllamaEmbeddings(model=MODEL, base_url=url, validate_model_on_init=True)
    assert [len(vector) for vector in embeddings.embed_documents(["山"] * 40)] == [1024] * 40
    assert len(embeddings.embed_query("山")) == 1024
