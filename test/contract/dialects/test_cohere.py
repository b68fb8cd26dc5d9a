"""Cohere's Python SDK, `ClientV2`."""

import base64

import cohere
import numpy
import pytest
from conftest import KEY, MODEL, TOO_LONG

FORMS = ["float", "base64", "int8", "uint8", "binary", "ubinary"]


@pytest.fixture
def client(url):
    return cohere.ClientV2(api_key=KEY, base_url=url)


def embed(client, texts=("hello", "world"), **options):
    request = {"model": MODEL, "input_type": "search_document", "texts": list(texts), **options}
    return client.embed(**request, request_options={"max_retries": 0})


def test_floats_are_the_default(client):
    answer = embed(client, output_dimension=256)
    assert numpy.array(answer.embeddings.float_).shape == (2, 256)
    assert answer.embeddings.int8 is None
    assert answer.texts == ["hello", "world"]
    assert answer.meta.billed_units.input_tokens > 0
    assert answer.meta.api_version.version == "2"


def test_all_forms_are_of_the_same_vector(client):
    forms = embed(client, embedding_types=FORMS, output_dimension=512).embeddings
    for i, floats in enumerate(numpy.array(forms.float_, dtype=numpy.float32)):
        assert numpy.array_equal(numpy.frombuffer(base64.b64decode(forms.base64[i]), dtype="<f4"), floats)
        assert forms.ubinary[i] == numpy.packbits(floats > 0).tolist()
        assert forms.binary[i] == [byte - 128 for byte in forms.ubinary[i]]
        assert forms.uint8[i] == [byte + 128 for byte in forms.int8[i]]
        bytes_ = numpy.array(forms.int8[i], dtype=float)
        assert bytes_ @ floats / numpy.linalg.norm(bytes_) > 0.999


def test_a_query_is_not_a_document(client):
    document = embed(client, ["apple"]).embeddings.float_
    assert embed(client, ["apple"], input_type="search_query").embeddings.float_ != document
    assert embed(client, ["apple"], input_type="clustering").embeddings.float_ == document


def test_inputs_are_the_newer_form_of_texts(client):
    inputs = [{"content": [{"type": "text", "text": "apple"}]}]
    answer = client.embed(model=MODEL, input_type="search_document", inputs=inputs)
    assert answer.embeddings.float_ == embed(client, ["apple"]).embeddings.float_


def test_a_text_that_is_too_long_is_cut_unless_that_is_turned_off(client):
    assert embed(client, [TOO_LONG]).meta.billed_units.input_tokens == 8192
    with pytest.raises(cohere.BadRequestError):
        embed(client, [TOO_LONG], truncate="NONE")


def test_errors(client, keyed_url):
    with pytest.raises(cohere.BadRequestError) as refused:
        embed(client, ["a"] * 97)
    assert refused.value.body["message"] == "invalid request: total number of texts must be at most 96 - received 97"
    with pytest.raises(cohere.NotFoundError):
        embed(client, model="none")
    with pytest.raises(cohere.UnauthorizedError):
        embed(cohere.ClientV2(api_key="sk-wrong", base_url=keyed_url))
