"""Starting and stopping, as a supervisor sees it."""

import http.client
import json
import os
import re
import select
import time
import urllib.request
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


def passes_taken(server):
    """Windows of texts that the engine's queue has ever taken."""
    request = urllib.request.Request(f"{server.url}/metrics", headers=HEADERS)
    with urllib.request.urlopen(request, timeout=60) as answer:
        metrics = answer.read().decode()
    return sum(map(float, re.findall(r"^quiver_queue_(?:waiting|wait_seconds_count)\{.*\} (\S+)$", metrics, re.MULTILINE)))


def test_requests_under_way_are_finished_on_sigterm(server):
    text = "第{}个请求的第{}个文本，" * 20
    assert send(server, [text.format(*["零"] * 40)]).getresponse().status == 200
    of_one = passes_taken(server)
    assert of_one > 0
    connections = [send(server, [text.format(*[number, place] * 20) for place in range(5)]) for number in range(6)]
    deadline = time.monotonic() + 60
    while passes_taken(server) < 31 * of_one:  # the first text, and thirty
        assert time.monotonic() < deadline, "the server has not read all six requests"
        time.sleep(0.01)
    answered, _, _ = select.select([connection.sock for connection in connections], [], [], 0)
    if len(answered) == len(connections):
        pytest.skip("this machine has answered 30 texts before the server was asked to stop; nothing was under way")
    with ThreadPoolExecutor(1) as pool:
        exit_code = pool.submit(server.terminate)
        answers = [connection.getresponse() for connection in connections]
        assert [answer.status for answer in answers] == [200] * 6
        assert all(len(json.loads(answer.read())["data"]) == 5 for answer in answers)
        assert exit_code.result() == 0
