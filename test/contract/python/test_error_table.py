"""Every row of the server's table of errors, through every Python client: class, status, code, request id.

A new row fails here until it has a call that provokes it, or a reason in `unprovokable.json`.
"""

import json
import subprocess
import uuid
from pathlib import Path

import dashscope
import httpx
import openai
import pytest
from conftest import running

CONTRACT = Path(__file__).resolve().parents[1]
TABLE = json.loads(subprocess.run(["node", CONTRACT / "error-table.mjs"], check=True, capture_output=True).stdout)
REASONS = json.loads((CONTRACT / "unprovokable.json").read_text())
MODEL = "text-embedding-v4"
HAS_CLIENT = hasattr(dashscope, "Client")
LONG = [f"{number}" + "江" * 8000 for number in range(10)]
DISTINCT = ["一", "二", "三", "四"]
COMPRESSED = {"Content-Encoding": "gzip"}


@pytest.fixture(scope="session")
def small():
    """Root of a server with room for one waiting text and bodies of a kilobyte."""
    for server in running(threads=1, max_queued_inputs=1, max_body_bytes=1024):
        yield server.url


@pytest.fixture(scope="session")
def hasty():
    """Root of a server that gives up after a tenth of a second."""
    for server in running(threads=1, request_timeout_ms=100):
        yield server.url


def openai_call(root, path="/compatible-mode/v1"):
    def call(**request):
        return compatible(root, path).embeddings.create(**{"model": MODEL, "input": "a", **request})

    return call


def compatible(root, path="/compatible-mode/v1"):
    return openai.OpenAI(api_key="sk-test", base_url=root + path, max_retries=0)


#: Row → fixture that holds the server's root, and the call.
OPENAI = {
    "invalid_parameter": ("url", lambda root: openai_call(root)(dimensions=100)),
    "invalid_body": ("url", lambda root: compatible(root).post("/embeddings", body=[], cast_to=object)),
    "missing_model": ("url", lambda root: openai_call(root)(model="")),
    "missing_input": ("url", lambda root: openai_call(root)(input=[])),
    "invalid_api_key": ("keyed_url", lambda root: openai_call(root)()),
    "model_not_found": ("url", lambda root: openai_call(root)(model="text-embedding-v99")),
    "not_found": ("url", lambda root: openai_call(root, "/compatible-mode/v1/nothing")()),
    "method_not_allowed": ("url", lambda root: compatible(root).get("/embeddings", cast_to=object)),
    "body_too_large": ("small", lambda root: openai_call(root)(input="x" * 2000)),
    "unsupported_encoding": ("url", lambda root: openai_call(root)(extra_headers=COMPRESSED)),
    "timed_out": ("hasty", lambda root: openai_call(root)(input=LONG)),
    "overloaded": ("small", lambda root: openai_call(root)(input=DISTINCT)),
}


def native_call(root, path="/api/v1"):
    def call(**request):
        defaults = {"model": MODEL, "input": "a", "api_key": "sk-test", "base_address": root + path}
        return dashscope.TextEmbedding.call(**{**defaults, **request})

    return call


def batch_call(root):
    return dashscope.BatchTextEmbedding.async_call(
        model=MODEL, url="https://example.com/texts.txt", api_key="sk-test", base_address=f"{root}/api/v1"
    )


#: A base URL that ends in a query makes the rest of the path a parameter: a POST to what is only read.
READ_ONLY = "/api/v1/models?rest="

DASHSCOPE = {
    "invalid_parameter": ("url", lambda root: native_call(root)(dimension=100)),
    "missing_input": ("url", lambda root: native_call(root)(input=[])),
    "invalid_api_key": ("keyed_url", lambda root: native_call(root)()),
    "access_denied": ("url", batch_call),
    "model_not_found": ("url", lambda root: native_call(root)(model="text-embedding-v99")),
    "not_found": ("url", lambda root: native_call(root, "/api/v1/nothing")()),
    "method_not_allowed": ("url", lambda root: native_call(root, READ_ONLY)()),
    "body_too_large": ("small", lambda root: native_call(root)(input="x" * 2000)),
    "unsupported_encoding": ("url", lambda root: native_call(root)(headers=COMPRESSED)),
    "timed_out": ("hasty", lambda root: native_call(root)(input=LONG)),
    "overloaded": ("small", lambda root: native_call(root)(input=DISTINCT)),
}


def client_call(root, path="/api/v1", **options):
    def call(**request):
        with dashscope.Client(api_key="sk-test", base_url=root + path, max_retries=0, **options) as client:
            return client.embeddings.create(**{"model": MODEL, "input": "a", **request})

    return call


def compressing(root):
    """A transport of one's own replaces the client's, with its base URL and its key."""
    return httpx.Client(base_url=f"{root}/api/v1", headers={"Authorization": "Bearer sk-test", **COMPRESSED})


def client_job(root):
    with dashscope.Client(api_key="sk-test", base_url=f"{root}/api/v1", max_retries=0) as client:
        return client.embeddings.jobs.create(model=MODEL, file_url="https://example.com/texts.txt")


CLIENT = {
    "invalid_parameter": ("url", lambda root: client_call(root)(dimension=100)),
    "missing_model": ("url", lambda root: client_call(root)(model="")),
    "invalid_api_key": ("keyed_url", lambda root: client_call(root)()),
    "access_denied": ("url", client_job),
    "model_not_found": ("url", lambda root: client_call(root)(model="text-embedding-v99")),
    "not_found": ("url", lambda root: client_call(root, "/api/v1/nothing")()),
    "method_not_allowed": ("url", lambda root: client_call(root, READ_ONLY)()),
    "body_too_large": ("small", lambda root: client_call(root)(input="x" * 2000)),
    "unsupported_encoding": ("url", lambda root: client_call(root, http_client=compressing(root))()),
    "timed_out": ("hasty", lambda root: client_call(root)(input=LONG)),
    "overloaded": ("small", lambda root: client_call(root)(input=DISTINCT)),
}

CALLS = {"openai-python": OPENAI, "dashscope-python": DASHSCOPE, "dashscope-client": CLIENT}


@pytest.mark.parametrize("client", CALLS)
def test_every_row_has_a_call_or_a_reason(client):
    excused = {row for row, reasons in REASONS.items() if {"*", client} & set(reasons)}
    assert excused <= set(TABLE), "a reason for a row that does not exist"
    assert excused.isdisjoint(CALLS[client]), "a row that can be provoked needs no reason"
    assert excused | set(CALLS[client]) == set(TABLE)


def openai_class(status):
    """The documented mapping of the SDK."""
    named = {
        400: openai.BadRequestError,
        401: openai.AuthenticationError,
        403: openai.PermissionDeniedError,
        404: openai.NotFoundError,
        409: openai.ConflictError,
        422: openai.UnprocessableEntityError,
        429: openai.RateLimitError,
    }
    return openai.InternalServerError if status >= 500 else named.get(status, openai.APIStatusError)


@pytest.mark.parametrize("row", OPENAI)
def test_openai(request, row):
    expected = TABLE[row]["openai"]
    root, call = OPENAI[row]
    with pytest.raises(openai.APIStatusError) as raised:
        call(request.getfixturevalue(root))
    error = raised.value
    assert type(error) is openai_class(expected["status"])
    assert (error.status_code, error.code, error.type) == (expected["status"], expected["code"], expected["type"])
    assert str(uuid.UUID(error.request_id)) == error.request_id == error.response.json()["request_id"]
    assert error.response.headers["x-should-retry"] == str(TABLE[row]["retry"]).lower()


@pytest.mark.parametrize("row", DASHSCOPE)
def test_dashscope_class_api(request, row):
    expected = TABLE[row]["dashscope"]
    root, call = DASHSCOPE[row]
    response = call(request.getfixturevalue(root))
    assert (response.status_code, response.code) == (expected["status"], expected["code"])
    assert response.message
    assert str(uuid.UUID(response.request_id)) == response.request_id


#: The SDK's own catalog of codes and statuses: the code decides, then the status.
CLIENT_CLASSES = {
    "InvalidParameter": "BadRequestError",
    "InvalidApiKey": "AuthenticationError",
    "AccessDenied": "PermissionDeniedError",
    400: "BadRequestError",
    404: "NotFoundError",
    413: "RequestTooLargeError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "ServiceUnavailableError",
}


@pytest.mark.skipif(not HAS_CLIENT, reason="the Client API is new in dashscope 2.0")
@pytest.mark.parametrize("row", CLIENT)
def test_dashscope_client_api(request, row):
    from dashscope.v2 import errors

    expected = TABLE[row]["dashscope"]
    root, call = CLIENT[row]
    with pytest.raises(errors.APIStatusError) as raised:
        call(request.getfixturevalue(root))
    error = raised.value
    by_status = CLIENT_CLASSES.get(expected["status"], "APIStatusError")
    assert type(error).__name__ == CLIENT_CLASSES.get(expected["code"], by_status)
    assert (error.status_code, error.code) == (expected["status"], expected["code"])
    assert str(uuid.UUID(error.request_id)) == error.request_id == error.headers["x-request-id"]
