"""An OpenAI-compatible server as Python projects build it, with the vectors ready.

FastAPI on uvicorn (uvloop, httptools), the body parsed by pydantic, the key compared, the answer written by orjson
straight from NumPy float32 arrays: the fastest way that these libraries offer. Prints its address.
"""

import base64
import itertools
import socket
from typing import Literal
from uuid import uuid4

import numpy
import orjson
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

RANDOM = numpy.random.default_rng(1)
VECTORS = RANDOM.standard_normal((1000, 1024)).astype(numpy.float32)
VECTORS /= numpy.linalg.norm(VECTORS, axis=1, keepdims=True)
TURNS = itertools.cycle(VECTORS)

app = FastAPI()


class Body(BaseModel):
    model: str
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None


def check(key: HTTPAuthorizationCredentials = Depends(HTTPBearer())) -> None:
    if key.credentials != "any":
        raise HTTPException(401)


@app.post("/v1/embeddings", dependencies=[Depends(check)])
async def embeddings(body: Body) -> Response:
    texts = [body.input] if isinstance(body.input, str) else body.input
    rows = itertools.islice(TURNS, len(texts))
    as_base64 = body.encoding_format == "base64"
    answer = {
        "data": [
            {
                "embedding": base64.b64encode(row).decode() if as_base64 else row,
                "index": index,
                "object": "embedding",
            }
            for index, row in enumerate(rows)
        ],
        "model": body.model,
        "object": "list",
        "usage": {"prompt_tokens": 10, "total_tokens": 10},
        "id": str(uuid4()),
    }
    return Response(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(128)
print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])
