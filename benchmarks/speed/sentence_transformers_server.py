"""An OpenAI-compatible server as Python projects build it: sentence-transformers behind FastAPI.

    pip install sentence-transformers fastapi uvicorn orjson && python sentence_transformers_server.py FOLDER PORT

Texts of one request are one call of `encode`, which sorts them by length; requests follow each other.
"""

import base64
import sys
import threading
from typing import Literal

import orjson
import torch
import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer

FOLDER, PORT = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(1)
MODEL = SentenceTransformer(FOLDER, device="cpu")
TURN = threading.Lock()
app = FastAPI()


class Body(BaseModel):
    model: str
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"


@app.get("/health")
def health() -> None:
    return


@app.post("/v1/embeddings")
def embeddings(body: Body) -> Response:
    texts = [body.input] if isinstance(body.input, str) else body.input
    with TURN:
        vectors = MODEL.encode(texts, batch_size=32, convert_to_numpy=True, normalize_embeddings=True)
    as_base64 = body.encoding_format == "base64"
    data = [
        {"object": "embedding", "index": i, "embedding": base64.b64encode(row).decode() if as_base64 else row}
        for i, row in enumerate(vectors)
    ]
    answer = {"object": "list", "data": data, "model": body.model, "usage": {"prompt_tokens": 0, "total_tokens": 0}}
    return Response(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")


uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning", access_log=False)
