"""Tasks through dashscope, batches through openai: submitted, waited for, listed, cancelled, read."""

import functools
import gzip
import http.server
import json
import threading
import time
import uuid
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.request import urlopen

import dashscope
import openai
import pytest
from conftest import VERSES, running
from dashscope import BatchTextEmbedding

TEXT = "\n".join([*VERSES, "", "x " * 5000]) + "\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A web server with a file of texts; yields its host and the file's URL."""
    folder = tmp_path_factory.mktemp("www")
    (folder / "text_embedding_file.txt").write_text(TEXT, encoding="utf-8")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_port}"
        yield host, f"http://{host}/text_embedding_file.txt"
        server.shutdown()


@pytest.fixture(scope="module")
def root(place):
    for server in running(egress_allow=place[0]):
        yield server.url


@pytest.fixture
def task_api(root, monkeypatch):
    """dashscope as its users set it up, with a key of its own: each may submit one task a second."""
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{root}/api/v1")
    monkeypatch.setattr(dashscope, "api_key", f"sk-{uuid.uuid4()}")


@pytest.fixture
def client(root):
    return openai.OpenAI(api_key=f"sk-{uuid.uuid4()}", base_url=f"{root}/compatible-mode/v1", max_retries=0)


def rows_of(url):
    with gzip.open(urlopen(url), "rt", encoding="utf-8") as rows:
        return [json.loads(row) for row in rows]


def test_call_waits_for_the_result(task_api, place):
    result = BatchTextEmbedding.call(
        BatchTextEmbedding.Models.text_embedding_async_v1, url=place[1], text_type="document"
    )
    assert result.status_code == HTTPStatus.OK
    assert result.output.task_status == "SUCCEEDED"
    assert result.output.task_metrics == {"TOTAL": 6, "SUCCEEDED": 5, "FAILED": 1}
    rows = rows_of(result.output.url)
    assert [row["output"]["text_index"] for row in rows] == list(range(6))
    assert [len(row["output"].get("embedding", [])) for row in rows] == [1536] * 4 + [0, 0]
    assert [row["output"]["code"] for row in rows] == [200] * 5 + [400]
    assert "[1, 2048]" in rows[5]["output"]["message"]
    assert result.usage["total_tokens"] == sum(row["usage"]["total_tokens"] for row in rows) > 0


def test_vectors_are_those_of_the_synchronous_model(task_api, place):
    result = BatchTextEmbedding.call("text-embedding-async-v2", url=place[1], text_type="query")
    one = dashscope.TextEmbedding.call("text-embedding-v2", input=VERSES[0], text_type="query")
    expected = one.output["embeddings"][0]["embedding"]
    assert rows_of(result.output.url)[0]["output"]["embedding"] == pytest.approx(expected, abs=1e-6)


# The vendor's program for tasks as its page prints it; only the place of the file differs, and the base URL above.
DOCUMENTED = """
from http import HTTPStatus

import dashscope


def call():
    result = dashscope.BatchTextEmbedding.call(
        dashscope.BatchTextEmbedding.Models.text_embedding_async_v1,
        url=URL,
        text_type="document",
    )
    if result.status_code == HTTPStatus.OK:
        print(result.output)
        print(result.usage)
    else:
        print('Failed, status_code: %s, code: %s, message: %s' %
              (result.status_code, result.code, result.message))


def create_async_task():
    rsp = dashscope.BatchTextEmbedding.async_call(
        dashscope.BatchTextEmbedding.Models.text_embedding_async_v1,
        url=URL,
        text_type="document",
    )
    print(rsp)
    if rsp.status_code == HTTPStatus.OK:
        print(rsp.output)
        print(rsp.usage)
    else:
        print('Failed, status_code: %s, code: %s, message: %s' %
              (rsp.status_code, rsp.code, rsp.message))
    return rsp


def fetch_task_status(task):
    status = dashscope.BatchTextEmbedding.fetch(task)
    print(status)
    if status.status_code == HTTPStatus.OK:
        print(status.output.task_status)
    else:
        print('Failed, status_code: %s, code: %s, message: %s' %
              (status.status_code, status.code, status.message))


def wait_task(task):
    rsp = dashscope.BatchTextEmbedding.wait(task)
    print(rsp)
    if rsp.status_code == HTTPStatus.OK:
        print(rsp.output.task_status)
    else:
        print('Failed, status_code: %s, code: %s, message: %s' %
              (rsp.status_code, rsp.code, rsp.message))


def cancel_task(task):
    rsp = dashscope.BatchTextEmbedding.cancel(task)
    print(rsp)
    if rsp.status_code == HTTPStatus.OK:
        print(rsp.output.task_status)
    else:
        print('Failed, status_code: %s, code: %s, message: %s' %
              (rsp.status_code, rsp.code, rsp.message))


if __name__ == '__main__':
    task_info = create_async_task()
    fetch_task_status(task_info)
    wait_task(task_info)
"""


def test_the_documented_program(task_api, place, capsys):
    program = {"URL": place[1], "__name__": "__main__"}
    exec(compile(DOCUMENTED, "documented.py", "exec"), program)
    printed = capsys.readouterr().out
    assert "Failed" not in printed
    assert printed.rstrip().endswith("SUCCEEDED")
    program["cancel_task"](program["task_info"])  # its page never calls it; this task has ended
    assert "Failed, status_code: 400, code: UnsupportedOperation" in capsys.readouterr().out
    time.sleep(1.05)  # one task a second is taken
    program["call"]()
    assert '"task_status": "SUCCEEDED"' in capsys.readouterr().out


def test_submit_fetch_wait(task_api, place):
    task = BatchTextEmbedding.async_call("text-embedding-async-v2", url=place[1])
    assert task.status_code == HTTPStatus.OK
    assert task.output.task_status == "PENDING"
    assert task.request_id
    fetched = BatchTextEmbedding.fetch(task)
    assert fetched.output.task_id == task.output.task_id
    assert fetched.output.submit_time[4] == "-" and len(fetched.output.submit_time) == 23
    done = BatchTextEmbedding.wait(task.output.task_id)
    assert done.output.task_status == "SUCCEEDED"
    listed = BatchTextEmbedding.list(page_size=5, model_name="text-embedding-async-v2", status="SUCCEEDED")
    assert listed.status_code == HTTPStatus.OK
    assert [row["task_id"] for row in listed.output["data"]] == [task.output.task_id]
    assert BatchTextEmbedding.list(status="FAILED").output["total"] == 0
    late = BatchTextEmbedding.cancel(task)
    assert (late.status_code, late.code) == (400, "UnsupportedOperation")


def test_a_signed_url_is_bound_to_its_words(task_api, place):
    url = BatchTextEmbedding.call("text-embedding-async-v2", url=place[1]).output.url
    with pytest.raises(HTTPError) as refused:
        urlopen(url.replace("Expires=", "Expires=9"))
    assert refused.value.code == 403


def test_a_foreign_task_is_unknown(task_api, place):
    task = BatchTextEmbedding.async_call("text-embedding-async-v2", url=place[1])
    foreign = BatchTextEmbedding.fetch(task, api_key="sk-somebody-else")
    assert foreign.status_code == HTTPStatus.OK
    assert foreign.output.task_status == "UNKNOWN"
    assert BatchTextEmbedding.wait(str(uuid.uuid4())).output.task_status == "UNKNOWN"


@pytest.mark.parametrize(
    ("path", "code"),
    [("picture.png", "InvalidFile.TypeNotTxt"), ("nothing.txt", "BadRequest.InputDownloadFailed")],
)
def test_a_wrong_file_fails_the_task(task_api, place, path, code):
    result = BatchTextEmbedding.call("text-embedding-async-v2", url=f"http://{place[0]}/{path}")
    assert result.status_code == HTTPStatus.OK
    assert (result.output.task_status, result.output.code) == ("FAILED", code)


def test_what_cannot_be_submitted(task_api):
    def submit(model="text-embedding-async-v2", url="https://example.com/a.txt"):
        refused = BatchTextEmbedding.async_call(model, url=url)
        return refused.status_code, refused.code

    assert submit(url="file:///etc/passwd") == (400, "InvalidURL")
    assert submit(model="text-embedding-v4") == (403, "AccessDenied")
    synchronous = dashscope.TextEmbedding.call("text-embedding-async-v2", input="a")
    assert (synchronous.status_code, synchronous.code) == (403, "AccessDenied")
    assert BatchTextEmbedding.async_call("text-embedding-async-v2", url="https://example.com/a.txt").status_code == 200
    assert submit() == (429, "Throttling.RateQuota")


def test_a_waiting_task_can_be_cancelled(task_api, root, place):
    # Three run at a time. A dead address keeps them busy, so that the fourth waits.
    tasks = []
    for _ in range(4):
        tasks.append(BatchTextEmbedding.async_call("text-embedding-async-v2", url=f"http://{place[0]}/nothing.txt"))
        assert tasks[-1].status_code == HTTPStatus.OK, tasks[-1]
        time.sleep(1.05)
    states = [BatchTextEmbedding.fetch(task).output.task_status for task in tasks]
    if states[3] != "PENDING":
        pytest.skip(f"the machine was too slow to hold a task back: {states}")
    cancelled = BatchTextEmbedding.cancel(tasks[3])
    assert cancelled.status_code == HTTPStatus.OK
    assert BatchTextEmbedding.fetch(tasks[3]).output.task_status == "CANCELED"


def line(number, **body):
    request = {"model": "text-embedding-v4", "input": f"text {number}", "dimensions": 64, **body}
    return {"custom_id": f"line-{number}", "method": "POST", "url": "/v1/embeddings", "body": request}


def start(client, lines, **options):
    content = "\n".join(json.dumps(one) for one in lines).encode()
    file = client.files.create(file=("batch.jsonl", content), purpose="batch")
    return client.batches.create(
        **{"input_file_id": file.id, "endpoint": "/v1/embeddings", "completion_window": "24h", **options}
    )


def finished(client, batch):
    while batch.status not in ("completed", "failed", "expired", "cancelled"):
        time.sleep(0.1)
        batch = client.batches.retrieve(batch.id)
    return batch


def test_a_batch_from_file_to_file(client):
    batch = start(client, [line(0), line(1, dimensions=63), line(2, input=["a", "b"])], metadata={"ds_name": "nightly"})
    assert batch.status == "validating"
    done = finished(client, batch)
    assert (done.status, done.request_counts.completed, done.request_counts.failed) == ("completed", 2, 1)
    output = [json.loads(row) for row in client.files.content(done.output_file_id).text.splitlines()]
    assert [row["custom_id"] for row in output] == ["line-0", "line-2"]
    assert [len(row["response"]["body"]["data"]) for row in output] == [1, 2]
    direct = client.embeddings.create(model="text-embedding-v4", input="text 0", dimensions=64, encoding_format="float")
    assert output[0]["response"]["body"]["data"][0]["embedding"] == pytest.approx(direct.data[0].embedding, abs=1e-6)
    (error,) = [json.loads(row) for row in client.files.content(done.error_file_id).text.splitlines()]
    assert (error["custom_id"], error["response"]["status_code"]) == ("line-1", 400)
    assert "63" in error["error"]["message"]
    assert [one.id for one in client.batches.list()] == [batch.id]
    assert [one.id for one in client.batches.list(extra_query={"ds_name": "night", "status": "completed"})] == [batch.id]
    assert list(client.batches.list(extra_query={"ds_name": "other"})) == []
    with pytest.raises(openai.BadRequestError, match="completed"):
        client.batches.cancel(batch.id)


def test_what_is_wrong_with_a_file_is_said_line_by_line(client):
    other_model = line(2, model="text-embedding-v3")
    wrong_url = {**line(3), "url": "/v1/chat/completions"}
    batch = finished(client, start(client, [line(0), line(0), other_model, wrong_url]))
    assert batch.status == "failed"
    faults = [(fault.line, fault.code) for fault in batch.errors.data]
    assert faults == [(2, "duplicate_custom_id"), (3, "mismatched_model"), (4, "invalid_url")]
    assert batch.output_file_id is None


@pytest.mark.parametrize("model", ["text-embedding-async-v2", "gpt-9"])
def test_models_that_have_no_batches(client, model):
    batch = finished(client, start(client, [line(0, model=model)]))
    assert [fault.code for fault in batch.errors.data] == ["model_not_found"]


def test_the_test_model_computes_nothing(client):
    body = {"model": "batch-test-model", "messages": [{"role": "user", "content": "hello"}]}
    lines = [{"custom_id": str(i), "method": "POST", "url": "/v1/chat/ds-test", "body": body} for i in range(3)]
    done = finished(client, start(client, lines, endpoint="/v1/chat/ds-test"))
    assert (done.status, done.request_counts.completed) == ("completed", 3)
    row = json.loads(client.files.content(done.output_file_id).text.splitlines()[0])
    assert row["response"]["body"]["choices"][0]["message"]["content"]


def test_what_cannot_be_created(client):
    with pytest.raises(openai.NotFoundError):
        client.batches.create(input_file_id="file-batch-0", endpoint="/v1/embeddings", completion_window="24h")
    for wrong in ({"completion_window": "23h"}, {"completion_window": "15d"}, {"endpoint": "/v1/completions"}):
        with pytest.raises(openai.BadRequestError):
            start(client, [line(0)], **wrong)
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("batch_0")


def test_a_foreign_batch_does_not_exist(client, root):
    batch = start(client, [line(0)])
    other = openai.OpenAI(api_key="sk-other", base_url=f"{root}/compatible-mode/v1", max_retries=0)
    with pytest.raises(openai.NotFoundError):
        other.batches.retrieve(batch.id)
    with pytest.raises(openai.NotFoundError):
        other.batches.cancel(batch.id)
    assert list(other.batches.list()) == []
