"""Every error of the compatible endpoints as the OpenAI package raises it: class, status, code, message, request id."""

import re
import uuid

import httpx
import openai
import pytest
from conftest import KEYS
from openai import OpenAI

MODEL = "text-embedding-v4"


def refusal(client, kind, **request):
    """Make a call that must fail with `kind`; the parts all errors share are checked here."""
    with pytest.raises(kind) as raised:
        client.embeddings.create(**{"model": MODEL, "input": "a", **request})
    error = raised.value
    body = error.response.json()
    assert type(error) is kind
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert str(uuid.UUID(body["request_id"])) == body["request_id"]
    assert error.request_id == error.response.headers["x-request-id"] == body["request_id"]
    assert error.response.headers["content-type"].startswith("application/json")
    return error


def keyed(keyed_url, key):
    return OpenAI(api_key=key, base_url=f"{keyed_url}/compatible-mode/v1", max_retries=0)


def test_each_listed_key_is_accepted(keyed_url):
    for key in KEYS:
        assert len(keyed(keyed_url, key).embeddings.create(model=MODEL, input="a").data) == 1


@pytest.mark.parametrize("key", ["sk-wrong", KEYS[0] + "x", KEYS[0][:-1], ",".join(KEYS)])
def test_wrong_key(keyed_url, key):
    error = refusal(keyed(keyed_url, key), openai.AuthenticationError)
    assert error.status_code == 401
    assert error.code == "invalid_api_key"
    assert error.type == "invalid_request_error"
    assert "Incorrect API key provided" in error.message
    assert key not in error.message, "a key must not come back in a message"


def test_models_ask_for_a_key_too(keyed_url):
    with pytest.raises(openai.AuthenticationError):
        keyed(keyed_url, "sk-wrong").models.list()
    assert len(keyed(keyed_url, KEYS[0]).models.list().data) >= 4


def test_missing_key(url):
    response = httpx.post(f"{url}/compatible-mode/v1/embeddings", json={"model": MODEL, "input": "a"})
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "invalid_api_key"


def test_unknown_model(client):
    error = refusal(client, openai.NotFoundError, model="text-embedding-v99")
    assert error.status_code == 404
    assert error.code == "model_not_found"
    assert "text-embedding-v99" in error.message


def test_model_ids_are_case_sensitive(client):
    assert refusal(client, openai.NotFoundError, model="Text-Embedding-V4").code == "model_not_found"


@pytest.mark.parametrize(
    "model,limit", [(MODEL, 10), ("text-embedding-v3", 10), ("text-embedding-v2", 25), ("text-embedding-v1", 25)]
)
def test_too_many_texts(client, model, limit):
    assert len(client.embeddings.create(model=model, input=["a"] * limit).data) == limit
    error = refusal(client, openai.BadRequestError, model=model, input=["a"] * (limit + 1))
    assert error.code == "InvalidParameter"
    assert f"batch size is invalid, it should not be larger than {limit}." in error.message
    assert re.search(rf"\b{limit + 1}\b", error.message), "the message says how many came"


@pytest.mark.parametrize("model,limit", [(MODEL, 8192), ("text-embedding-v1", 2048)])
def test_empty_text(client, model, limit):
    error = refusal(client, openai.BadRequestError, model=model, input="")
    assert error.code == "InvalidParameter"
    assert f"Range of input length should be [1, {limit}]" in error.message
    in_a_list = refusal(client, openai.BadRequestError, model=model, input=["好", ""])
    assert f"Range of input length should be [1, {limit}]" in in_a_list.message


def test_oversized_body(client):
    """Many times what a connection buffers: the client is still sending when it is answered."""
    error = refusal(client, openai.APIStatusError, input="x" * (64 << 20))
    assert (error.status_code, error.code) == (413, "payload_too_large")


def test_empty_list(client):
    error = refusal(client, openai.BadRequestError, input=[])
    assert (error.status_code, error.code) == (400, "invalid_parameter_error")
    assert re.search(r"\binput\b.*\b10\b", error.message), "names the field and how many texts it may have"


@pytest.mark.parametrize("model,limit", [(MODEL, 8192), ("text-embedding-v2", 2048)])
def test_too_long_text(client, model, limit):
    error = refusal(client, openai.BadRequestError, model=model, input="江" * (2 * limit + 500))
    assert error.code == "InvalidParameter"
    assert f"Range of input length should be [1, {limit}]" in error.message
    assert (
        "input[1]"
        in refusal(client, openai.BadRequestError, model=model, input=["短", "江" * (2 * limit + 500)]).message
    )


@pytest.mark.parametrize(
    "wrong",
    [[1, 2, 3], [[1, 2], [3]], {"fd": None, "path": "./texts_to_embedding.txt"}, ["a", 1], ["a", None], 7, True],
    ids=["tokens", "token lists", "a stream's object", "mixed", "null in a list", "number", "boolean"],
)
def test_wrong_input_types(client, wrong):
    error = refusal(client, openai.BadRequestError, extra_body={"input": wrong})
    assert error.code == "InvalidParameter"
    assert "contents is neither str nor list of str" in error.message


@pytest.mark.parametrize("dimension", [0, -1, 63, 100, 1025, 4096])
def test_dimension_that_the_model_does_not_offer(client, dimension):
    error = refusal(client, openai.BadRequestError, dimensions=dimension)
    assert error.code == "InvalidParameter"
    assert re.search(r"dimension", error.message)


def test_bad_dimension_names_the_choice_and_what_came(client):
    message = refusal(client, openai.BadRequestError, dimensions=100).message
    for offered in [64, 128, 256, 512, 768, 1024, 1536, 2048]:
        assert re.search(rf"\b{offered}\b", message)
    assert re.search(r"\b100\b", message)


def test_dimension_of_another_model(client):
    assert len(client.embeddings.create(model=MODEL, input="a", dimensions=2048).data[0].embedding) == 2048
    assert (
        refusal(client, openai.BadRequestError, model="text-embedding-v3", dimensions=2048).code == "InvalidParameter"
    )


@pytest.mark.parametrize("dimension", ["1024", 1024.5, [1024], True], ids=repr)
def test_dimension_of_a_wrong_type(client, dimension):
    error = refusal(client, openai.BadRequestError, extra_body={"dimensions": dimension})
    assert error.code == "InvalidParameter"
    assert "dimension" in error.message


def test_unknown_encoding_format(client):
    error = refusal(client, openai.BadRequestError, extra_body={"encoding_format": "int8"})
    assert "encoding_format" in error.message
    assert "float" in error.message and "base64" in error.message
