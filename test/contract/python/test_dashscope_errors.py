"""Every error of the native endpoint as the dashscope package shows it.

The class API never raises: it returns an object with status, code, message and request id. The `Client` API raises.
"""

import re
import uuid

import dashscope
import pytest
from conftest import KEYS

MODEL = "text-embedding-v4"

#: One mistake each: request, status, code, what the message must hold, and the class that the `Client` API raises.
MISTAKES = {
    "unknown model": (
        dict(model="text-embedding-v99"),
        400,
        "InvalidParameter",
        r"Model not exist\.",
        "BadRequestError",
    ),
    "11 texts": (
        dict(input=["a"] * 11),
        400,
        "InvalidParameter",
        r"batch size is invalid, it should not be larger than 10\..*\b11\b",
        "BadRequestError",
    ),
    "26 texts for v1": (
        dict(model="text-embedding-v1", input=["x"] * 26),
        400,
        "InvalidParameter",
        r"batch size is invalid, it should not be larger than 25\..*\b26\b",
        "BadRequestError",
    ),
    "empty text": (
        dict(input=""),
        400,
        "InvalidParameter",
        r"Range of input length should be \[1, 8192\]",
        "BadRequestError",
    ),
    "empty text for v2": (
        dict(model="text-embedding-v2", input=["好", ""]),
        400,
        "InvalidParameter",
        r"Range of input length should be \[1, 2048\]",
        "BadRequestError",
    ),
    "too long text": (
        dict(input="江" * 17000),
        400,
        "InvalidParameter",
        r"Range of input length should be \[1, 8192\]",
        "BadRequestError",
    ),
    "number among texts": (
        dict(input=["a", 1]),
        400,
        "InvalidParameter",
        r"contents is neither str nor list of str",
        "BadRequestError",
    ),
    "token lists": (
        dict(input=[[1, 2], [3]]),
        400,
        "InvalidParameter",
        r"contents is neither str nor list of str",
        "BadRequestError",
    ),
    "dimension 100": (
        dict(dimension=100),
        400,
        "InvalidParameter",
        r"dimension.*\b2048\b|\b2048\b.*dimension",
        "BadRequestError",
    ),
    "dimension 2048 for v3": (
        dict(model="text-embedding-v3", dimension=2048),
        400,
        "InvalidParameter",
        r"dimension",
        "BadRequestError",
    ),
    "dimension as text": (dict(dimension="1024"), 400, "InvalidParameter", r"dimension", "BadRequestError"),
    "unknown text type": (dict(text_type="passage"), 400, "InvalidParameter", r"text_type", "BadRequestError"),
    "sparse vectors of v2": (
        dict(model="text-embedding-v2", output_type="sparse"),
        400,
        "InvalidParameter",
        r"output_type",
        "BadRequestError",
    ),
    "unknown output type": (
        dict(output_type="dense,sparse"),
        400,
        "InvalidParameter",
        r"output_type",
        "BadRequestError",
    ),
}
EVERY_MISTAKE = pytest.mark.parametrize("request_,status,code,message,kind", MISTAKES.values(), ids=MISTAKES.keys())


def refused(**request):
    """The response object of a call that must fail; the parts all errors share are checked here."""
    resp = dashscope.TextEmbedding.call(**{"model": MODEL, "input": "a", **request})
    assert resp.status_code != 200
    assert str(uuid.UUID(resp.request_id)) == resp.request_id
    assert resp.output is None
    return resp


@EVERY_MISTAKE
def test_class_api(native, request_, status, code, message, kind):
    resp = refused(**request_)
    assert (resp.status_code, resp.code) == (status, code)
    assert re.search(message, resp.message), resp.message


@EVERY_MISTAKE
def test_client_api(client_v2, request_, status, code, message, kind):
    from dashscope.v2 import errors

    with pytest.raises(errors.APIStatusError) as raised:
        client_v2.embeddings.create(**{"model": MODEL, "input": "a", **request_})
    error = raised.value
    assert type(error).__name__ == kind
    assert (error.status_code, error.code) == (status, code)
    assert re.search(message, error.message), error.message
    assert error.request_id == error.headers["x-request-id"]


def test_empty_list(native):
    resp = refused(input=[])
    assert (resp.status_code, resp.code) == (400, "BadRequest.EmptyInput")


def test_empty_line_of_a_file_is_an_empty_text(native, text_file):
    """`splitlines()` keeps blank lines as "": the message names the line, so that its author can find it."""
    with open(text_file("第一行\n\n第三行\r\n第四行\n".encode()), encoding="utf-8") as handle:
        resp = refused(input=handle)
    assert (resp.status_code, resp.code) == (400, "InvalidParameter")
    assert "Range of input length should be [1, 8192]" in resp.message
    assert "input.texts[1]" in resp.message


@pytest.mark.parametrize("key", ["sk-wrong", KEYS[0] + "x"])
def test_wrong_key(keyed_url, key):
    resp = refused(api_key=key, base_address=f"{keyed_url}/api/v1")
    assert (resp.status_code, resp.code, resp.message) == (401, "InvalidApiKey", "Invalid API-key provided.")


def test_wrong_key_raises_authentication_error(keyed_url):
    if not hasattr(dashscope, "Client"):
        pytest.skip(f"dashscope {dashscope.version.__version__} has no Client API")
    from dashscope.v2 import errors

    with dashscope.Client(api_key="sk-wrong", base_url=f"{keyed_url}/api/v1", max_retries=0) as client:
        with pytest.raises(errors.AuthenticationError) as raised:
            client.embeddings.create(model=MODEL, input="a")
    assert (raised.value.status_code, raised.value.code) == (401, "InvalidApiKey")


def test_batch_call_of_a_synchronous_model(native):
    """`BatchTextEmbedding` sets the asynchronous header; text-embedding-v4 is synchronous."""
    resp = dashscope.BatchTextEmbedding.async_call(model=MODEL, url="https://example.com/text_embedding_file.txt")
    assert (resp.status_code, resp.code) == (403, "AccessDenied")
    assert resp.message == "current user api does not support asynchronous calls."
    assert str(uuid.UUID(resp.request_id)) == resp.request_id


def test_oversized_body(native):
    resp = refused(input=["x" * (64 << 20)])
    assert (resp.status_code, resp.code) == (413, "BadRequest.TooLarge")
