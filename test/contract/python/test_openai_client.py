"""What programs rely on beyond the quick starts: encodings, files as they come, usage, ids, order, concurrency."""

import asyncio
import base64
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openai
import pytest

MODEL = "text-embedding-v4"
DIMENSIONS = {
    "text-embedding-v4": [2048, 1536, 1024, 768, 512, 256, 128, 64],
    "text-embedding-v3": [1024, 768, 512, 256, 128, 64],
}
#: SDK versions before this keep the id only in the raw response's headers.
HAS_REQUEST_ID = tuple(int(part) for part in openai.__version__.split(".")[:2]) >= (1, 45)


def vectors(response):
    return np.array([item.embedding for item in response.data], dtype=np.float32)


def raw_json(client, **body):
    """The JSON body as it came over the wire, before the SDK decodes base64."""
    return client.embeddings.with_raw_response.create(**body).http_response.json()


def test_response_has_exactly_the_documented_keys(client):
    body = raw_json(client, model=MODEL, input=["a", "b"], encoding_format="float")
    assert set(body) == {"data", "model", "object", "usage", "id"}
    assert set(body["usage"]) == {"prompt_tokens", "total_tokens"}
    for item in body["data"]:
        assert set(item) == {"embedding", "index", "object"}


@pytest.mark.parametrize("model,dimension", [(m, d) for m, ds in DIMENSIONS.items() for d in ds])
def test_every_dimension(client, model, dimension):
    response = client.embeddings.create(model=model, input="你好", dimensions=dimension)
    assert vectors(response).shape == (1, dimension)
    assert np.linalg.norm(vectors(response)[0]) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    "model,default",
    [(MODEL, 1024), ("text-embedding-v3", 1024), ("text-embedding-v2", 1536), ("text-embedding-v1", 1536)],
)
def test_default_dimension(client, model, default):
    assert vectors(client.embeddings.create(model=model, input="你好")).shape == (1, default)


def test_models_without_a_choice_ignore_dimensions(client):
    assert vectors(client.embeddings.create(model="text-embedding-v2", input="你好", dimensions=256)).shape == (1, 1536)


@pytest.mark.parametrize("dimension", [64, 1024, 2048])
def test_base64_holds_the_bits_of_the_floats(client, verses, dimension):
    request = dict(model=MODEL, input=verses, dimensions=dimension)
    floats = raw_json(client, **request, encoding_format="float")["data"]
    encoded = raw_json(client, **request, encoding_format="base64")["data"]
    for number_item, text_item in zip(floats, encoded, strict=True):
        assert isinstance(text_item["embedding"], str)
        little_endian = base64.b64decode(text_item["embedding"], validate=True)
        assert len(little_endian) == 4 * dimension
        assert little_endian == np.array(number_item["embedding"], dtype="<f4").tobytes()


def test_default_encoding_gives_the_same_numbers(client, verses):
    by_default = client.embeddings.create(model=MODEL, input=verses)
    as_floats = client.embeddings.create(model=MODEL, input=verses, encoding_format="float")
    assert all(isinstance(item.embedding, list) for item in by_default.data)
    assert vectors(by_default).tobytes() == vectors(as_floats).tobytes()


def test_file_lines_keep_their_line_ends_and_mean_the_same(client, text_file, verses):
    """A text-mode handle sends each line with its newline; Windows line ends and a byte order mark come along too."""
    plain = vectors(client.embeddings.create(model=MODEL, input=verses))
    windows = text_file("\r\n".join(verses).encode())
    with open(windows, "r", encoding="utf-8", newline="") as handle:
        with_line_ends = vectors(client.embeddings.create(model=MODEL, input=handle))
    assert (plain * with_line_ends).sum(axis=1) == pytest.approx(np.ones(4), abs=1e-3)

    marked = text_file(b"\xef\xbb\xbf" + "\n".join(verses).encode())
    with open(marked, "r", encoding="utf-8") as handle:
        with_mark = vectors(client.embeddings.create(model=MODEL, input=handle))
    assert with_mark.shape == (4, 1024)
    assert (plain * with_mark).sum(axis=1)[1:] == pytest.approx(np.ones(3), abs=1e-3)


def test_binary_file_looks_like_tokens_and_is_refused(client, text_file, verses):
    """A binary handle turns into arrays of byte values: never text, so never a vector."""
    with open(text_file("\n".join(verses).encode()), "rb") as handle:
        with pytest.raises((openai.BadRequestError, TypeError)) as raised:
            client.embeddings.create(model=MODEL, input=handle)
    if isinstance(raised.value, openai.BadRequestError):
        assert "contents is neither str nor list of str" in raised.value.message


def test_usage_counts_tokens_and_adds_up(client, verses):
    alone = [client.embeddings.create(model=MODEL, input=verse).usage for verse in verses]
    together = client.embeddings.create(model=MODEL, input=verses).usage
    assert all(usage.prompt_tokens == usage.total_tokens >= 1 for usage in [*alone, together])
    assert together.total_tokens == sum(usage.total_tokens for usage in alone)
    longer = client.embeddings.create(model=MODEL, input=verses[0] * 20).usage
    assert longer.total_tokens > alone[0].total_tokens


def test_request_id_is_the_same_in_body_and_header(client):
    raw = client.embeddings.with_raw_response.create(model=MODEL, input="a")
    body = raw.http_response.json()
    assert str(uuid.UUID(body["id"])) == body["id"]
    assert raw.headers["x-request-id"] == body["id"]
    assert raw.parse().data[0].embedding, "the raw response still parses"
    again = client.embeddings.create(model=MODEL, input="a")
    assert again.id != body["id"], "each request has an id of its own"
    if HAS_REQUEST_ID:
        assert again._request_id == again.id


def test_response_is_declared_as_json(client):
    raw = client.embeddings.with_raw_response.create(model=MODEL, input="a")
    assert raw.http_response.headers["content-type"].startswith("application/json")


def test_a_text_has_one_vector_alone_or_in_company(client, verses):
    alone = np.vstack([vectors(client.embeddings.create(model=MODEL, input=verse)) for verse in verses])
    together = vectors(client.embeddings.create(model=MODEL, input=verses))
    backwards = vectors(client.embeddings.create(model=MODEL, input=verses[::-1]))[::-1]
    assert alone.tobytes() == together.tobytes() == backwards.tobytes(), "to the last bit"
    assert np.abs(alone[0] - alone[1]).max() > 1e-3, "order is only meaningful between different vectors"


def test_fifty_parallel_calls_each_get_their_own_vectors(client):
    texts = [f"第{number}条：并发请求各自得到自己的向量 {number * number}" for number in range(50)]
    expected = [vectors(client.embeddings.create(model=MODEL, input=text))[0] for text in texts]
    assert len({vector.tobytes() for vector in expected}) == 50
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda text: client.embeddings.create(model=MODEL, input=text), texts))
    scores = np.array([vectors(answer)[0] for answer in answers]) @ np.array(expected).T
    assert scores.diagonal() == pytest.approx(np.ones(50), abs=1e-4)
    assert len({answer.id for answer in answers}) == 50


def test_a_short_request_does_not_wait_for_a_long_one(client):
    """Whoever embeds documents must not stall those who search: requests take turns."""
    documents = [f"{number}：" + "不尽长江滚滚来，" * 400 for number in range(10)]
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(lambda: client.embeddings.create(model=MODEL, input=documents))
        time.sleep(0.3)  # the long request is under way, with seconds of work before it
        client.embeddings.create(model=MODEL, input="渚清沙白鸟飞回")
        assert not long.done()
        assert len(long.result().data) == 10


def test_async_client(url, verses):
    async def run():
        async with openai.AsyncOpenAI(api_key="sk-test", base_url=f"{url}/compatible-mode/v1") as client:
            calls = [client.embeddings.create(model=MODEL, input=[verse]) for verse in verses]
            return await asyncio.gather(*calls)

    answers = asyncio.run(run())
    assert [len(answer.data) for answer in answers] == [1, 1, 1, 1]
    assert all(len(answer.data[0].embedding) == 1024 for answer in answers)


def test_extra_fields_are_tolerated(client):
    plain = client.embeddings.create(model=MODEL, input="机器学习的相关论文")
    response = client.embeddings.create(
        model=MODEL,
        input="机器学习的相关论文",
        user="u1",
        extra_body={"text_type": "document", "unheard_of": {"a": [1]}},
    )
    assert (vectors(plain) * vectors(response)).sum() == pytest.approx(1, abs=1e-4)


def test_models(client):
    listed = {model.id: model for model in client.models.list()}
    assert {"text-embedding-v1", "text-embedding-v2", "text-embedding-v3", "text-embedding-v4"} <= set(listed)
    assert all(model.object == "model" and model.created > 0 and model.owned_by for model in listed.values())
    assert client.models.retrieve("text-embedding-v4") == listed["text-embedding-v4"]


def test_unknown_model_cannot_be_retrieved(client):
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("text-embedding-v99")
    assert raised.value.code == "model_not_found"
    assert raised.value.request_id == raised.value.response.json()["request_id"]
