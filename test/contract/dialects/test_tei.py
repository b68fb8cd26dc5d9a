"""Clients of text-embeddings-inference: huggingface_hub and LlamaIndex; places of tokens against the reference."""

import json
import unicodedata
from pathlib import Path

import httpx
import numpy
import pytest
from conftest import KEY, TOO_LONG
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from llama_index.embeddings.text_embeddings_inference import TextEmbeddingsInference
from tokenizers import Tokenizer

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def hub(url):
    return InferenceClient(model=url)


def post(url, path, body):
    return httpx.post(f"{url}{path}", json=body, timeout=60)


def test_feature_extraction_of_a_text_and_of_a_list(hub):
    one = hub.feature_extraction("hello")
    assert one.shape == (1, 1024)
    assert numpy.linalg.norm(one[0]) == pytest.approx(1, abs=1e-3)
    several = hub.feature_extraction(["hello", "world"])
    assert several.shape == (2, 1024)
    assert numpy.array_equal(several[0], one[0])


def test_options_of_feature_extraction(hub):
    document = hub.feature_extraction("apple", prompt_name="passage")
    query = hub.feature_extraction("apple", prompt_name="query")
    assert numpy.array_equal(document, hub.feature_extraction("apple"))
    assert not numpy.array_equal(document, query)
    raw = hub.feature_extraction("apple", normalize=False)[0]
    assert abs(numpy.linalg.norm(raw) - 1) > 0.1
    assert raw @ document[0] / numpy.linalg.norm(raw) == pytest.approx(1, abs=1e-5)


def test_a_text_that_is_too_long_is_cut_when_that_is_asked_for(hub):
    with pytest.raises(HfHubHTTPError) as refused:
        hub.feature_extraction(TOO_LONG)
    assert refused.value.response.status_code == 422
    assert refused.value.response.json()["error_type"] == "Validation"
    right = hub.feature_extraction(TOO_LONG, truncate=True)
    left = hub.feature_extraction("完全不同的开头" + TOO_LONG, truncate=True, truncation_direction="left")
    assert numpy.array_equal(left, hub.feature_extraction(TOO_LONG, truncate=True, truncation_direction="left"))
    assert not numpy.array_equal(left, right)


def test_sentence_similarity(url):
    hub = InferenceClient(model=f"{url}/similarity")
    scores = hub.sentence_similarity("a cat sleeps", other_sentences=["a kitten is sleeping", "stock prices fell"])
    assert scores[0] > scores[1]


def test_llama_index(url):
    embedding = TextEmbeddingsInference(model_name="any", base_url=url)
    documents = embedding.get_text_embedding_batch(["飞鸟", "流水", "高山"])
    assert [len(vector) for vector in documents] == [1024] * 3
    assert len(embedding.get_query_embedding("飞鸟")) == 1024


def test_token_ids_are_read_as_their_text(url):
    ids = [token["id"] for token in post(url, "/tokenize", {"inputs": "hello world"}).json()[0]]
    expected = post(url, "/embed", {"inputs": "hello world"}).json()
    assert post(url, "/embed", {"inputs": ids}).json() == expected
    assert post(url, "/embed", {"inputs": [ids]}).json() == expected
    assert post(url, "/decode", {"ids": ids}).json() == ["hello world"]
    assert post(url, "/decode", {"ids": ids, "skip_special_tokens": False}).json() == ["<s> hello world</s>"]


def test_sparse_terms_ascend(url):
    (terms,) = post(url, "/embed_sparse", {"inputs": "衣服的质量杠杠的"}).json()
    assert [term["index"] for term in terms] == sorted({term["index"] for term in terms})
    assert all(term["value"] > 0 for term in terms)


def test_places_of_tokens_are_those_of_the_reference(url):
    """Bytes of UTF-8, as the original gives them; without the texts in which a mark is merged into its letter, where
    this server's place has both (`align.ts`), and those that spell special tokens, which are only text here."""
    weights = REPOSITORY / "packages/server/weights/builtin-text/tokenizer.json"
    golden = REPOSITORY / "packages/server/src/engines/builtin/tokenizer.golden.json"
    reference = Tokenizer.from_file(str(weights))
    special = {"<s>", "</s>", "<pad>", "<unk>"}
    texts = [case["text"] for case in json.loads(golden.read_text())["cases"]]
    texts = [text for text in texts if text.strip() and not any(name in text for name in special)]
    texts = [text for text in texts if unicodedata.is_normalized("NFC", text)][:960]
    different = []
    for start in range(0, len(texts), 32):
        batch = texts[start : start + 32]
        answer = post(url, "/tokenize", {"inputs": batch, "add_special_tokens": False}).json()
        for text, tokens in zip(batch, answer, strict=True):
            encoding = reference.encode(text, add_special_tokens=False)
            byte = [len(text[:position].encode("utf-8", "surrogatepass")) for position in range(len(text) + 1)]
            expected = [(i, byte[a], byte[b]) for i, (a, b) in zip(encoding.ids, encoding.offsets, strict=True)]
            if [(token["id"], token["start"], token["stop"]) for token in tokens] != expected:
                different.append(text)
    assert different == []


def test_info_and_health(url):
    info = httpx.get(f"{url}/info").json()
    assert info["max_client_batch_size"] == 32
    assert info["max_input_length"] == 8192
    assert info["auto_truncate"] is False
    assert httpx.get(f"{url}/health").status_code == 200


def test_errors(url):
    for path, body, status, error_type in [
        ("/embed", {"inputs": []}, 400, "Empty"),
        ("/embed", {"inputs": ["a"] * 33}, 422, "Validation"),
        ("/embed", {"inputs": "a", "dimensions": 100}, 422, "Validation"),
        ("/embed_all", {"inputs": "a"}, 424, "Backend"),
        ("/decode", {"ids": [10_000_000]}, 422, "Validation"),
    ]:
        answer = post(url, path, body)
        assert (answer.status_code, answer.json()["error_type"]) == (status, error_type)
        assert set(answer.json()) == {"error", "error_type"}


def test_a_configured_key_is_asked_for(keyed_url):
    assert InferenceClient(model=keyed_url, token=KEY).feature_extraction("hello").shape == (1, 1024)
    with pytest.raises(HfHubHTTPError) as refused:
        InferenceClient(model=keyed_url, token="sk-wrong").feature_extraction("hello")
    assert refused.value.response.status_code == 401
    assert httpx.get(f"{keyed_url}/health").status_code == 200
