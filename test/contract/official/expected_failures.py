"""pytest plugin: tests of the official suite that cannot hold here, each with its reason.

The suite was written for a mock of OpenAI's whole API. A test of this list that passes is reported as a failure, like any
other that fails: the list says what is, not what may be.
"""

import re

import pytest

#: Pattern of the test's id → why it cannot hold.
REASONS = {
    r"test_embeddings.+(create|raw_response_create|streaming_response_create)\[(strict|aiohttp)\]": (
        "strict validation refuses the base64 that the client itself asked for, because it comes before the decoding"
    ),
    r"test_models.+_retrieve\[": "gpt-6-astra is a language model; there are models for embeddings only",
    r"test_models.+_delete\[": "deletes a fine-tuned model; there are none",
    r"test_files.+_(retrieve|delete|retrieve_content)\[": "asks for file_id, which nobody uploaded: 404",
    r"test_batches.+_(retrieve|cancel)\[": "asks for batch_id, which nobody created: 404",
    r"test_batches.+_create(_with_all_params)?\[": "a batch of /v1/responses; there are embeddings only",
    r"test_(files|batches).+_list_with_all_params\[": "asks for a page of 0 entries after one that is not there",
}
#: Checked by the client, before anything is sent.
CLIENT_SIDE = "path_params"


def pytest_collection_modifyitems(items):
    for item in items:
        for pattern, reason in REASONS.items():
            if CLIENT_SIDE not in item.nodeid and re.search(pattern, item.nodeid):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
