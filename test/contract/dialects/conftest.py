import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))
from server import Server  # noqa: E402

MODEL = "text-embedding-v4"
#: Key of the server that checks keys; the other one has none.
KEY = "sk-contract"
#: More tokens than the model takes.
TOO_LONG = "风急天高猿啸哀，渚清沙白鸟飞回。" * 1500


def running(api_keys=()):
    server = Server(api_keys)
    try:
        yield server.url
        assert server.terminate() == 0, f"SIGTERM must end the server cleanly\n{server.log()}"
    finally:
        server.close()


@pytest.fixture(scope="session")
def own_url():
    yield from running()


@pytest.fixture(scope="session")
def url(request):
    """Root of a server without keys of its own."""
    return os.environ.get("QUIVER_TEST_URL") or request.getfixturevalue("own_url")


@pytest.fixture(scope="session")
def keyed_url():
    """Root of a server that accepts KEY and nothing else."""
    yield from running((KEY,))
