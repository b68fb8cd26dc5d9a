"""Starting and stopping, as a supervisor sees it."""

import http.client
import json
import os
import select
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from server import Server

pytestmark = pytest.mark.skipif("QUIVER_TEST_URL" in os.environ, reason="stops a server of its own")
HEADERS = {"authorization": "Bearer sk-test", "content-type": "application/json"}


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def send(server, texts):
    """Send a whole request and return its connection without waiting for the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = json.dumps({"model": "text-embedding-v4", "input": texts, "encoding_format": "float"})
    connection.request("POST", "/v1/embeddings", body, HEADERS)
    return connection


def test_ready_means_that_an_embedding_works_at_once(server):
    assert send(server, ["第一个请求"]).getresponse().status == 200


def test_sigterm_ends_an_idle_server_with_code_0(server):
    idle_connection = send(server, ["之后连接保持打开"])
    assert idle_connection.getresponse().read()
    assert server.terminate() == 0, "an open keep-alive connection must not hold the process"


def test_requests_under_way_are_finished_on_sigterm(server):
    connections = [send(server, [f"第{number}个请求，" * 100] * 10) for number in range(6)]
    time.sleep(0.3)  # long enough for the server to have read all six, too short to have answered them
    answered, _, _ = select.select([connection.sock for connection in connections], [], [], 0)
    if len(answered) == len(connections):
        pytest.skip("this machine answers 60 long texts in 0.3 s; nothing was under way")
    with ThreadPoolExecutor(1) as pool:
        exit_code = pool.submit(server.terminate)
        answers = [connection.getresponse() for connection in connections]
        assert [answer.status for answer in answers] == [200] * 6
        assert all(len(json.loads(answer.read())["data"]) == 10 for answer in answers)
        assert exit_code.result() == 0
