import os

import dashscope
import openai
import pytest
from server import Server

#: Keys of the server that checks them; the other one accepts any key.
KEYS = ("sk-contract-one", "sk-contract-two")
VERSES = ["风急天高猿啸哀", "渚清沙白鸟飞回", "无边落木萧萧下", "不尽长江滚滚来"]


def running(api_keys=(), **settings):
    server = Server(api_keys, **settings)
    try:
        yield server
        assert server.terminate() == 0, f"SIGTERM must end the server cleanly\n{server.log()}"
    finally:
        server.close()


@pytest.fixture(scope="session")
def own_server():
    yield from running()


@pytest.fixture(scope="session")
def url(request):
    """Root of a server without keys of its own: any key is accepted, a missing one is not."""
    return os.environ.get("QUIVER_TEST_URL") or request.getfixturevalue("own_server").url


@pytest.fixture(scope="session")
def keyed_url():
    """Root of a server that accepts KEYS and nothing else."""
    for server in running(KEYS):
        yield server.url


@pytest.fixture(scope="session")
def native(url):
    """Point the dashscope package at the server, as its users do: two module attributes."""
    dashscope.base_http_api_url = f"{url}/api/v1"
    dashscope.api_key = "sk-test"
    return dashscope


@pytest.fixture(scope="session")
def client(url):
    return openai.OpenAI(api_key="sk-test", base_url=f"{url}/compatible-mode/v1", max_retries=0)


@pytest.fixture(scope="session")
def client_v2(url):
    """The `Client` API that dashscope has since 2.0."""
    if not hasattr(dashscope, "Client"):
        pytest.skip(f"dashscope {dashscope.version.__version__} has no Client API")
    with dashscope.Client(api_key="sk-test", base_url=f"{url}/api/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def verses():
    return list(VERSES)


@pytest.fixture
def text_file(tmp_path):
    """Write a text file byte for byte; returns its path."""

    def write(content: bytes):
        path = tmp_path / "texts_to_embedding.txt"
        path.write_bytes(content)
        return path

    return write
