"""LangChain's `OpenAIEmbeddings`: with texts, as DashScope needs it, and with its default, token ids."""

import asyncio

import openai
import pytest
from conftest import VERSES
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import OpenAIEmbeddings

DASHSCOPE_MODEL = "text-embedding-v4"
OPENAI_MODEL = "text-embedding-3-small"


@pytest.fixture
def embeddings(openai_url):
    def make(**options):
        return OpenAIEmbeddings(**{"base_url": openai_url, "api_key": "sk-test", "max_retries": 0, **options})

    return make


@pytest.fixture
def texts_only(embeddings):
    return embeddings(model=DASHSCOPE_MODEL, check_embedding_ctx_length=False, chunk_size=10)


def test_documents_in_chunks_of_ten(texts_only, cosines):
    texts = [f"{number}：{VERSES[number % 4]}" for number in range(23)]
    together = texts_only.embed_documents(texts)
    assert [len(vector) for vector in together] == [1024] * 23
    assert cosines(together, [texts_only.embed_query(text) for text in texts]) == pytest.approx(1, abs=1e-6)


def test_dimensions(embeddings):
    shorter = embeddings(model=DASHSCOPE_MODEL, dimensions=256, check_embedding_ctx_length=False)
    assert len(shorter.embed_query("你好")) == 256


def test_async(texts_only, cosines):
    vectors = asyncio.run(texts_only.aembed_documents(VERSES))
    assert cosines(vectors, texts_only.embed_documents(VERSES)) == pytest.approx(1, abs=1e-6)


def test_vector_store_finds_what_is_meant(texts_only):
    store = InMemoryVectorStore(texts_only)
    pages = ["手机公司发布新款折叠屏手机", "世界杯决赛今晚举行", "红烧肉的家常做法"]
    store.add_documents([Document(page) for page in pages])
    assert store.similarity_search("今天有什么足球比赛？", k=1)[0].page_content == pages[1]


def test_more_than_ten_texts_in_a_chunk(embeddings):
    with pytest.raises(openai.BadRequestError, match="should not be larger than 10"):
        embeddings(model=DASHSCOPE_MODEL, check_embedding_ctx_length=False).embed_documents(["a"] * 11)


def test_unknown_model(embeddings):
    with pytest.raises(openai.NotFoundError):
        embeddings(model="text-embedding-v99", check_embedding_ctx_length=False).embed_query("a")


def test_the_default_of_langchain_with_a_model_of_dashscope_says_what_to_set(embeddings):
    """LangChain tokenises for OpenAI whatever the model; DashScope takes texts only."""
    with pytest.raises(openai.BadRequestError) as raised:
        embeddings(model=DASHSCOPE_MODEL).embed_documents(VERSES)
    assert "contents is neither str nor list of str" in raised.value.message
    assert "check_embedding_ctx_length=False" in raised.value.message


@pytest.mark.parametrize("model", [OPENAI_MODEL, "text-embedding-3-large", "text-embedding-ada-002"])
def test_token_ids_of_openai_models_mean_their_texts(embeddings, cosines, model):
    texts = [*VERSES, "The quick brown fox — 🐒 emoji, tabs\tand\nlines", "  leading spaces", "ÀÉÎ ñ ß Ω я"]
    as_ids = embeddings(model=model).embed_documents(texts)
    as_texts = embeddings(model=model, check_embedding_ctx_length=False).embed_documents(texts)
    assert cosines(as_ids, as_texts) == pytest.approx(1, abs=1e-6)


def test_a_long_text_goes_out_in_pieces_of_ids(embeddings, cosines):
    """LangChain cuts its ids where it likes, within characters too, and averages the pieces' vectors."""
    long = "".join(VERSES) * 40
    pieces = embeddings(model=OPENAI_MODEL, embedding_ctx_length=101).embed_documents([long, "短"])
    whole = embeddings(model=OPENAI_MODEL).embed_documents([long, "短"])
    assert len(pieces) == 2
    assert cosines(pieces, whole).min() > 0.8


def test_hundreds_of_documents_at_once(embeddings):
    assert len(embeddings(model=OPENAI_MODEL, dimensions=64).embed_documents([f"第{n}条" for n in range(300)])) == 300
