"""Files and temporary uploads, as programs that use the SDKs handle them."""

import hashlib
import io
import os
import time
import uuid

import openai
import pytest
import requests
from dashscope.utils.oss_utils import OssUtils

LINE = (
    '{"custom_id":"1","method":"POST","url":"/v1/embeddings",'
    '"body":{"model":"text-embedding-v4","input":"你好"}}\n'
)


@pytest.fixture
def files(url):
    """The files of a key of its own, so that no test sees another's."""
    return openai.OpenAI(api_key=f"sk-{uuid.uuid4()}", base_url=f"{url}/compatible-mode/v1", max_retries=0).files


def test_life_of_a_file(files, tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text(LINE, encoding="utf-8")
    with open(path, "rb") as opened:
        created = files.create(file=opened, purpose="batch")
    assert created.id.startswith("file-batch-")
    assert (created.object, created.purpose, created.filename) == ("file", "batch", "lines.jsonl")
    assert (created.bytes, created.status) == (len(LINE.encode()), "processed")
    assert abs(created.created_at - time.time()) < 60
    assert files.retrieve(created.id).id == created.id
    assert [file.id for file in files.list()] == [created.id]
    assert files.content(created.id).content == LINE.encode()
    assert files.delete(created.id).deleted is True
    with pytest.raises(openai.NotFoundError):
        files.retrieve(created.id)
    assert list(files.list()) == []


@pytest.mark.parametrize("source", ["path", "bytes", "stream", "tuple"])
def test_sources(files, tmp_path, source):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(LINE.encode())
    given = {
        "path": path,
        "bytes": LINE.encode(),
        "stream": io.BytesIO(LINE.encode()),
        "tuple": ("名字 'a\".jsonl", LINE.encode(), "application/jsonl"),
    }[source]
    created = files.create(file=given, purpose="batch")
    assert files.content(created.id).text == LINE


def test_a_list_is_paged_by_the_client(files):
    ids = []
    for number in range(5):
        ids.append(files.create(file=(f"{number}.jsonl", LINE.encode()), purpose="batch").id)
        time.sleep(0.003)
    page = files.list(extra_query={"limit": 2, "order": "asc"})
    assert [file.id for file in page.data] == ids[:2]
    following = files.list(extra_query={"limit": 2, "order": "asc", "after": ids[1]})
    assert [file.id for file in following.data] == ids[2:4]
    assert [file.id for file in files.list(purpose="user_data")] == []


def test_another_key_sees_nothing(files, url):
    created = files.create(file=("a.jsonl", LINE.encode()), purpose="batch")
    other = openai.OpenAI(api_key="sk-other", base_url=f"{url}/v1", max_retries=0).files
    for call in (other.retrieve, other.content, other.delete):
        with pytest.raises(openai.NotFoundError) as raised:
            call(created.id)
        assert created.id in str(raised.value)
    assert files.content(created.id).text == LINE


def test_wrong_requests_name_the_field(files):
    with pytest.raises(openai.BadRequestError) as raised:
        files.create(file=("a.jsonl", LINE.encode()), purpose="nothing")
    assert raised.value.param == "purpose"
    with pytest.raises(openai.BadRequestError) as raised:
        files.create(file=("a.jsonl", b""), purpose="batch")
    assert raised.value.param == "file"


def test_a_large_file_comes_back_bit_for_bit(files, tmp_path):
    path = tmp_path / "large.jsonl"
    digest = hashlib.sha256()
    with open(path, "wb") as large:
        for _ in range(64):
            block = os.urandom(1_000_000)
            digest.update(block)
            large.write(block)
    with open(path, "rb") as large:
        created = files.create(file=large, purpose="batch")
    assert created.bytes == 64_000_000
    received = hashlib.sha256(files.content(created.id).content)
    assert received.hexdigest() == digest.hexdigest()
    files.delete(created.id)


def uploaded(path):
    """`OssUtils.upload` gives a URL, in newer versions beside the policy it used."""
    answer = OssUtils.upload(model="multimodal-embedding-v1", file_path=str(path), api_key="sk-test")
    return answer[0] if isinstance(answer, tuple) else answer


def test_the_native_sdk_uploads_local_files(native, tmp_path):
    path = tmp_path / "图 one.png"
    path.write_bytes(b"\x89PNG not really")
    first, second = uploaded(path), uploaded(path)
    assert first.startswith("oss://dashscope-instant/") and first.endswith("/图 one.png")
    assert first != second, "each upload has a folder of its own"


def test_a_policy_is_refused_with_the_words_of_object_storage(native, url, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"x")
    policy = OssUtils.get_upload_certificate("multimodal-embedding-v1", api_key="sk-test").output
    form = {
        "OSSAccessKeyId": policy["oss_access_key_id"],
        "Signature": "x" + policy["signature"][1:],
        "policy": policy["policy"],
        "key": policy["upload_dir"] + "/a.txt",
        "success_action_status": "200",
    }
    answer = requests.post(policy["upload_host"], data=form, files={"file": path.read_bytes()}, timeout=30)
    assert answer.status_code == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in answer.text
    form["Signature"] = policy["signature"]
    answer = requests.post(policy["upload_host"], data=form, files={"file": path.read_bytes()}, timeout=30)
    assert (answer.status_code, answer.text) == (200, "")


def test_a_policy_needs_a_model(native):
    answer = OssUtils.get_upload_certificate("", api_key="sk-test")
    assert (answer.status_code, answer.code) == (400, "BadRequest.EmptyModel")
