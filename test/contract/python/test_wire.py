"""Bodies and headers that no SDK sends by itself but proxies, scripts and mistakes do."""

import json
import re
import socket
import uuid

import httpx
import pytest
from conftest import KEYS

NATIVE = "/api/v1/services/embeddings/text-embedding/text-embedding"
COMPATIBLE = "/compatible-mode/v1/embeddings"
BODIES = {
    NATIVE: {"model": "text-embedding-v4", "input": {"texts": ["a"]}},
    COMPATIBLE: {"model": "text-embedding-v4", "input": ["a"], "encoding_format": "float"},
}
ROUTES = pytest.mark.parametrize("route", [NATIVE, COMPATIBLE])
JSON = {"authorization": "Bearer sk-test", "content-type": "application/json"}


def post(url, route, content, headers=JSON):
    if not isinstance(content, (bytes, str)):
        content = json.dumps(content)
    return httpx.post(url + route, content=content, headers=headers, timeout=60)


def code_of(response, route):
    """The error's code; every error has its dialect's shape, JSON content type and one request id in two places."""
    body = response.json()
    assert response.headers["content-type"].startswith("application/json")
    assert response.headers["x-request-id"] == body["request_id"]
    assert str(uuid.UUID(body["request_id"])) == body["request_id"]
    if route == NATIVE:
        assert set(body) == {"code", "message", "request_id"}
        return body["code"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return body["error"]["code"]


@ROUTES
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"not json", b"null", b"[]", b'"text"', b"17", b'{"model": "text-embedding-v4", "input": "\xff\xfe"}'],
    ids=["empty", "cut off", "words", "null", "array", "string", "number", "not UTF-8"],
)
def test_body_that_is_not_a_json_object(url, route, content):
    response = post(url, route, content)
    assert response.status_code == 400
    assert code_of(response, route) in {"InvalidParameter", "invalid_parameter_error"}


@ROUTES
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_say_which_one_is_allowed(url, route, method):
    response = httpx.request(method, url + route, headers=JSON)
    assert response.status_code == 405
    assert code_of(response, route)
    assert "POST" in response.text


@ROUTES
def test_missing_model(url, route):
    body = {name: value for name, value in BODIES[route].items() if name != "model"}
    response = post(url, route, body)
    assert response.status_code == 400
    assert code_of(response, route) in {"BadRequest.EmptyModel", "invalid_parameter_error"}
    assert "model" in response.text


@ROUTES
def test_missing_input(url, route):
    response = post(url, route, {"model": "text-embedding-v4"})
    assert response.status_code == 400
    assert code_of(response, route) in {"BadRequest.EmptyInput", "invalid_parameter_error"}
    assert "input" in response.text


@ROUTES
def test_oversized_body_names_the_limit(url, route):
    body = dict(BODIES[route], padding="x" * (64 << 20))
    response = post(url, route, body)
    assert response.status_code == 413
    assert code_of(response, route) in {"BadRequest.TooLarge", "payload_too_large"}
    body = response.json()
    message = body["message"] if route == NATIVE else body["error"]["message"]
    assert re.search(r"\b\d{6,8} bytes.*\b671\d{5}\b", message), "the limit and what came, in bytes"


@ROUTES
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("key,status", [("sk-test", 413), (None, 401)], ids=["too large", "no key"])
def test_who_sends_everything_before_reading_is_answered(url, route, framing, key, status):
    """As the simplest clients do. A connection that is closed too early is reset, and the answer lost with it."""
    address = httpx.URL(url)
    head = [f"POST {route} HTTP/1.1", f"Host: {address.host}", "Connection: close"]
    head += [f"Authorization: Bearer {key}"] if key else []
    piece, pieces = b"x" * 65_536, 1024
    if framing == "length":
        head.append(f"Content-Length: {len(piece) * pieces}")
        last = b""
    else:
        head.append("Transfer-Encoding: chunked")
        piece, last = b"10000\r\n" + piece + b"\r\n", b"0\r\n\r\n"
    with socket.create_connection((address.host, address.port), timeout=60) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        for _ in range(pieces):
            connection.sendall(piece)
        connection.sendall(last)
        with connection.makefile("rb") as answer:
            assert answer.readline().startswith(f"HTTP/1.1 {status} ".encode())
            assert b'"request_id"' in answer.read()


@ROUTES
@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer sk-test"},
        {"authorization": "bearer sk-test", "content-type": "application/json"},
        {"AUTHORIZATION": "Bearer sk-test", "CONTENT-TYPE": "application/json; charset=utf-8"},
        {"authorization": "Bearer sk-test", "content-type": "application/x-www-form-urlencoded"},
        {"x-dashscope-apikey": "sk-test", "content-type": "application/json"},
        dict(JSON, accept="text/event-stream"),
        dict(JSON, **{"x-dashscope-workspace": "ws-1", "x-dashscope-datainspection": "enable"}),
        dict(JSON, **{"x-dashscope-async": "disable"}),
    ],
    ids=[
        "no content type",
        "lower-case bearer",
        "upper-case names",
        "curl's default type",
        "key in the other header",
        "accept of a stream",
        "workspace",
        "async disabled",
    ],
)
def test_headers_that_clients_send(url, route, headers):
    response = post(url, route, BODIES[route], headers)
    assert response.status_code == 200, response.text


@ROUTES
@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": ""}, {"authorization": "Bearer"}, {"authorization": "Basic sk-test"}],
    ids=["none", "empty", "no token", "another scheme"],
)
def test_missing_key(url, route, headers):
    response = post(url, route, BODIES[route], {"content-type": "application/json", **headers})
    assert response.status_code == 401
    assert code_of(response, route) in {"InvalidApiKey", "invalid_api_key"}


@ROUTES
def test_key_in_the_other_header_is_checked(keyed_url, route):
    def status(key):
        return post(keyed_url, route, BODIES[route], {"x-dashscope-apikey": key}).status_code

    assert (status(KEYS[1]), status("sk-wrong")) == (200, 401)


def test_unauthorised_callers_learn_nothing_else(keyed_url):
    """A wrong key is a 401 even where the body has mistakes of its own."""
    assert post(keyed_url, COMPATIBLE, b"not json").status_code == 401
    assert post(keyed_url, NATIVE, {"model": "nonsense"}).status_code == 401


@pytest.mark.parametrize("value", ["enable", "Enable"])
def test_asynchronous_call_of_a_synchronous_model(url, value):
    response = post(url, NATIVE, BODIES[NATIVE], dict(JSON, **{"X-DashScope-Async": value}))
    assert response.status_code == 403
    assert code_of(response, NATIVE) == "AccessDenied"
    assert response.json()["message"] == "current user api does not support asynchronous calls."


@ROUTES
def test_escaped_and_raw_unicode_are_the_same_text(url, route):
    texts = ["风急天高猿啸哀", "emoji 🐒 and a surrogate pair", "line\nbreak"]
    body = {
        NATIVE: {"model": "text-embedding-v4", "input": {"texts": texts}},
        COMPATIBLE: {"model": "text-embedding-v4", "input": texts, "encoding_format": "float"},
    }[route]

    def embeddings(ensure_ascii):
        answer = post(url, route, json.dumps(body, ensure_ascii=ensure_ascii).encode()).json()
        items = answer["output"]["embeddings"] if route == NATIVE else answer["data"]
        assert len(items) == 3
        return [item["embedding"] for item in items]

    assert embeddings(ensure_ascii=True) == embeddings(ensure_ascii=False)


@ROUTES
def test_chunked_body(url, route):
    content = json.dumps(BODIES[route]).encode()
    response = httpx.post(url + route, content=iter([content[:9], content[9:]]), headers=JSON)
    assert response.request.headers["transfer-encoding"] == "chunked"
    assert response.status_code == 200


@pytest.mark.parametrize("texts", ["一段文字", ["一段文字"]], ids=["bare string", "list"])
def test_native_texts_may_be_a_bare_string(url, texts):
    response = post(url, NATIVE, {"model": "text-embedding-v4", "input": {"texts": texts}})
    assert len(response.json()["output"]["embeddings"]) == 1


@pytest.mark.parametrize(
    "parameters", [{}, None, {"unheard_of": 1}, {"kwargs": {"text_type": "query"}}, {"dimensions": 512}], ids=repr
)
def test_native_parameters_that_are_tolerated(url, parameters):
    response = post(url, NATIVE, dict(BODIES[NATIVE], parameters=parameters))
    assert response.status_code == 200, response.text
    assert len(response.json()["output"]["embeddings"][0]["embedding"]) == 1024


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/compatible-mode/v1/nothing", "/v1/nothing", "/v1/models/%zz"])
def test_unknown_or_malformed_path_is_a_json_404(url, path):
    response = httpx.get(url + path, headers=JSON)
    assert response.status_code == 404
    assert code_of(response, NATIVE if path.startswith("/api/") else COMPATIBLE)
