"""The class API and the `Client` API of dashscope beyond the quick starts: files as they come, options, ids, order."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import dashscope
import numpy as np
import openai
import pytest

MODEL = "text-embedding-v4"


def call(**request):
    resp = dashscope.TextEmbedding.call(**{"model": MODEL, "input": "你好", **request})
    assert resp.status_code == 200, resp
    return resp


def vectors(resp):
    return np.array([item["embedding"] for item in resp.output["embeddings"]], dtype=np.float32)


class TestClassApi:
    pytestmark = pytest.mark.usefixtures("native")

    @pytest.mark.parametrize("mode", ["text", "binary"])
    @pytest.mark.parametrize(
        "content",
        [
            "风急天高猿啸哀\n渚清沙白鸟飞回\n",
            "风急天高猿啸哀\r\n渚清沙白鸟飞回\r\n",
            "风急天高猿啸哀\n渚清沙白鸟飞回",
        ],
        ids=["newlines", "Windows line ends", "no last newline"],
    )
    def test_file(self, text_file, verses, mode, content):
        path = text_file(content.encode())
        with open(path, "rb") if mode == "binary" else open(path, encoding="utf-8", newline="") as handle:
            resp = call(input=handle)
        assert (vectors(resp) * vectors(call(input=verses[:2]))).sum(axis=1) == pytest.approx(np.ones(2), abs=1e-4)

    def test_byte_order_mark_does_not_break_a_file(self, text_file, verses):
        with open(text_file(b"\xef\xbb\xbf" + "\n".join(verses).encode()), encoding="utf-8") as handle:
            resp = call(input=handle)
        assert vectors(resp).shape == (4, 1024)

    def test_dimensions_keyword_is_unknown_and_ignored(self):
        assert vectors(call(dimensions=512)).shape == (1, 1024)

    def test_other_unknown_keywords_are_ignored(self):
        plain = vectors(call())
        assert (plain * vectors(call(unheard_of={"a": [1]}, kwargs={"text_type": "document"}))).sum() == pytest.approx(
            1, abs=1e-4
        )

    def test_workspace_is_accepted(self):
        assert vectors(call(workspace="ws-1")).shape == (1, 1024)

    def test_key_given_with_the_call(self, keyed_url):
        resp = call(api_key="sk-contract-two", base_address=f"{keyed_url}/api/v1")
        assert vectors(resp).shape == (1, 1024)

    @pytest.mark.parametrize("dimension", [2048, 1536, 1024, 768, 512, 256, 128, 64])
    def test_every_dimension(self, dimension):
        assert vectors(call(dimension=dimension)).shape == (1, dimension)

    @pytest.mark.parametrize("model", ["text-embedding-v1", "text-embedding-v2"])
    def test_older_models_take_25_texts_and_have_one_dimension(self, model):
        assert vectors(call(model=model, input=["x"] * 25)).shape == (25, 1536)
        assert vectors(call(model=model, dimension=256)).shape == (1, 1536)

    @pytest.mark.parametrize(
        "output_type,keys",
        [
            ("dense", {"text_index", "embedding"}),
            ("sparse", {"text_index", "sparse_embedding"}),
            ("dense&sparse", {"text_index", "embedding", "sparse_embedding"}),
        ],
    )
    def test_output_type_decides_which_vectors_come(self, output_type, keys):
        assert set(call(output_type=output_type).output["embeddings"][0]) == keys

    def test_sparse_vectors_weigh_shared_words(self):
        """Texts that share words have by far the larger dot product: what keyword search needs."""
        texts = ["苹果公司发布新款手机", "新款手机的价格", "天气很好"]
        items = call(input=texts, output_type="sparse").output["embeddings"]
        terms = [{term["index"]: term["value"] for term in item["sparse_embedding"]} for item in items]
        for item, weights in zip(items, terms, strict=True):
            assert len(weights) == len(item["sparse_embedding"]), "an index comes once"
            assert all(value > 0 for value in weights.values())
        shared, foreign = (sum(value * terms[0].get(index, 0) for index, value in other.items()) for other in terms[1:])
        assert shared > 0.1 and shared > 10 * foreign

    def test_sparse_terms_name_their_tokens(self):
        terms = call(input="风急天高猿啸哀", output_type="sparse").output["embeddings"][0]["sparse_embedding"]
        assert set("".join(term["token"] for term in terms)) - {" "} == set("风急天高猿啸哀")

    def test_response_has_exactly_the_documented_keys(self):
        resp = call(input=["a", "b"])
        assert set(resp.output) == {"embeddings"}
        assert all(set(item) == {"text_index", "embedding"} for item in resp.output["embeddings"])
        assert set(resp.usage) == {"total_tokens"}

    def test_usage_counts_tokens_and_adds_up(self, verses):
        alone = [call(input=verse).usage["total_tokens"] for verse in verses]
        assert call(input=verses).usage["total_tokens"] == sum(alone)

    def test_each_request_has_an_id_of_its_own(self):
        ids = [call().request_id for _ in range(3)]
        assert len(set(ids)) == 3
        assert all(str(uuid.UUID(request_id)) == request_id for request_id in ids)

    def test_fifty_parallel_calls_each_get_their_own_vectors(self):
        texts = [f"第{number}条：并发请求 {number * number}" for number in range(50)]
        expected = np.vstack([vectors(call(input=text)) for text in texts])
        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda text: call(input=text), texts))
        scores = np.vstack([vectors(answer) for answer in answers]) @ expected.T
        assert scores.diagonal() == pytest.approx(np.ones(50), abs=1e-4)
        assert len({tuple(vector) for vector in expected}) == 50

    def test_both_protocols_give_the_same_vector(self, client, verses):
        compatible = client.embeddings.create(model=MODEL, input=verses, encoding_format="float")
        native = vectors(call(input=verses))
        for item, vector in zip(compatible.data, native, strict=True):
            assert vector @ np.array(item.embedding, dtype=np.float32) == pytest.approx(1, abs=1e-4)
        assert compatible.usage.total_tokens == call(input=verses).usage["total_tokens"]


class TestModels:
    @pytest.fixture(autouse=True)
    def models(self, native):
        if not hasattr(dashscope, "Client"):
            pytest.skip(f"dashscope {dashscope.version.__version__} lists models by an older route")

    def test_list(self):
        output = dashscope.Models.list(page=1, page_size=100).output
        assert {"text-embedding-v1", "text-embedding-v2", "text-embedding-v3", MODEL} <= {
            m["model"] for m in output["models"]
        }
        assert output["total"] == len(output["models"])

    def test_pages(self):
        whole = [m["model"] for m in dashscope.Models.list(page=1, page_size=100).output["models"]]
        first = dashscope.Models.list(page=1, page_size=2).output
        second = dashscope.Models.list(page=2, page_size=2).output
        assert [m["model"] for m in first["models"] + second["models"]] == whole[:4]
        assert (first["page_no"], second["page_no"], second["page_size"]) == (1, 2, 2)
        assert first["total"] == len(whole)

    def test_get_asks_for_one_model_by_a_query(self):
        assert dashscope.Models.get("text-embedding-v2").output["model"] == "text-embedding-v2"
        assert dashscope.Models.get(MODEL).output["model"] == MODEL

    def test_get_of_an_unknown_model(self):
        assert dashscope.Models.get("text-embedding-v99").status_code == 404

    def test_client_api(self, client_v2):
        assert MODEL in {model.model for model in client_v2.models.list(page_size=100).models}


class TestClientApi:
    def test_string(self, client_v2):
        resp = client_v2.embeddings.create(model=MODEL, input="你好", dimension=512, output_type="dense")
        assert [(item.index, len(item.embedding)) for item in resp.embeddings] == [(0, 512)]
        assert resp.usage.total_tokens > 0
        assert not resp.is_error and not resp.code
        assert resp.headers["x-request-id"] == resp.request_id

    def test_list_in_order(self, client_v2, verses):
        resp = client_v2.embeddings.create(model=MODEL, input=verses)
        assert [item.index for item in resp.embeddings] == [0, 1, 2, 3]
        singly = [client_v2.embeddings.create(model=MODEL, input=verse).embeddings[0].embedding for verse in verses]
        scores = np.array([item.embedding for item in resp.embeddings]) @ np.array(singly).T
        assert scores.diagonal() == pytest.approx(np.ones(4), abs=1e-4)
        assert (scores - np.eye(4)).max() < 0.9999

    def test_file_lines_keep_their_newlines(self, client_v2, text_file, verses):
        with open(text_file(("\n".join(verses) + "\n").encode()), encoding="utf-8") as handle:
            resp = client_v2.embeddings.create(model=MODEL, input=handle)
        plain = client_v2.embeddings.create(model=MODEL, input=verses)
        for with_newline, without in zip(resp.embeddings, plain.embeddings, strict=True):
            assert np.dot(with_newline.embedding, without.embedding) == pytest.approx(1, abs=1e-3)

    def test_query_and_extra_parameters(self, client_v2):
        resp = client_v2.embeddings.create(
            model=MODEL,
            input="什么是AI？",
            text_type="query",
            instruct="Retrieve",
            parameters={"unheard_of": 1},
            workspace="ws-1",
        )
        assert len(resp.embeddings[0].embedding) == 1024

    def test_agrees_with_the_openai_package(self, client_v2, client: openai.OpenAI):
        native = client_v2.embeddings.create(model=MODEL, input="你好").embeddings[0].embedding
        compatible = client.embeddings.create(model=MODEL, input="你好").data[0].embedding
        assert np.array(native, dtype=np.float32).tobytes() == np.array(compatible, dtype=np.float32).tobytes()
