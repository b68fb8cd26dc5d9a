import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import dashscope
import numpy as np
import pytest
from server import Server

#: tiktoken's cache names a file after its URL.
CL100K_URL = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"
VERSES = ["风急天高猿啸哀", "渚清沙白鸟飞回", "无边落木萧萧下", "不尽长江滚滚来"]


def pytest_configure(config):
    """tiktoken and LlamaIndex read the folder of vocabularies when they are imported, so before the tests are."""
    folder = tempfile.TemporaryDirectory(prefix="quiver-tiktoken-")
    config.add_cleanup(folder.cleanup)
    content = subprocess.run(["node", Path(__file__).with_name("tiktoken-file.mjs")], check=True, capture_output=True)
    Path(folder.name, hashlib.sha1(CL100K_URL.encode()).hexdigest()).write_bytes(content.stdout)
    os.environ["TIKTOKEN_CACHE_DIR"] = folder.name


@pytest.fixture(scope="session")
def url():
    if running := os.environ.get("QUIVER_TEST_URL"):
        yield running
    else:
        yield from running_server()


def running_server(*api_keys, **settings):
    server = Server(api_keys, **settings)
    try:
        yield server.url
        assert server.terminate() == 0
    finally:
        server.close()


@pytest.fixture(scope="session")
def openai_url(url):
    return f"{url}/compatible-mode/v1"


@pytest.fixture(scope="session", autouse=True)
def native(url):
    """The frameworks have no option of their own for this; they use the package's."""
    dashscope.base_http_api_url = f"{url}/api/v1"
    return dashscope


@pytest.fixture
def keyed_server(monkeypatch):
    """Native calls go to a server that knows one key, «sk-right»."""
    for url in running_server("sk-right"):
        monkeypatch.setattr(dashscope, "base_http_api_url", f"{url}/api/v1")
        yield


@pytest.fixture
def full_server(monkeypatch):
    """Native calls go to a server on which no more than one text may wait."""
    for url in running_server(threads=1, max_queued_inputs=1):
        monkeypatch.setattr(dashscope, "base_http_api_url", f"{url}/api/v1")
        yield


@pytest.fixture
def calls(monkeypatch):
    """Keyword arguments of each call of the dashscope class API, in order; the calls themselves go through."""
    seen = []
    call = dashscope.TextEmbedding.call

    def remember(**request):
        seen.append(request)
        return call(**request)

    monkeypatch.setattr(dashscope.TextEmbedding, "call", remember)
    return seen


@pytest.fixture
def cosines():
    """Cosine of each vector with the one at its place in the other list."""

    def of(ones, others):
        ones, others = np.array(ones), np.array(others)
        assert ones.shape == others.shape
        return (ones * others).sum(axis=1) / np.linalg.norm(ones, axis=1) / np.linalg.norm(others, axis=1)

    return of
