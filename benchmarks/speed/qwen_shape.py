"""Random weights in the shape of Qwen3-Embedding-0.6B, as a model folder for ONNX Runtime: float32, and 8 bits beside it.

    pip install numpy onnx onnxruntime safetensors ml_dtypes && python qwen_shape.py TOKENIZER_FOLDER FLOAT_FOLDER INT8_FOLDER

TOKENIZER_FOLDER has Qwen's tokenizer.json and its settings, as test/weights/build.py leaves them. Numbers mean nothing;
shapes and kernels are those of the model.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "test/weights"))
from graph import qwen3  # noqa: E402

CONFIG = {"model_type": "qwen3", "hidden_act": "silu", "hidden_size": 1024, "head_dim": 128, "intermediate_size": 3072,
          "max_position_embeddings": 32768, "num_attention_heads": 16, "num_key_value_heads": 8, "num_hidden_layers": 28,
          "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "tie_word_embeddings": True, "vocab_size": 151669,
          "attention_bias": False, "bos_token_id": 151643, "eos_token_id": 151643}
SETTINGS = ["modules.json", "1_Pooling/config.json", "config_sentence_transformers.json", "sentence_bert_config.json",
            "tokenizer.json", "tokenizer_config.json"]


def weights_of(config: dict) -> dict[str, np.ndarray]:
    """Small random numbers, so that states stay finite through all layers; norms are near 1."""
    random = np.random.default_rng(1)
    hidden, inner, size = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    wide, narrow = config["num_attention_heads"] * size, config["num_key_value_heads"] * size
    layer = {"input_layernorm": (hidden,), "self_attn.q_proj": (wide, hidden), "self_attn.k_proj": (narrow, hidden),
             "self_attn.v_proj": (narrow, hidden), "self_attn.q_norm": (size,), "self_attn.k_norm": (size,),
             "self_attn.o_proj": (hidden, wide), "post_attention_layernorm": (hidden,), "mlp.gate_proj": (inner, hidden),
             "mlp.up_proj": (inner, hidden), "mlp.down_proj": (hidden, inner)}
    shapes = {f"layers.{i}.{name}.weight": shape for i in range(config["num_hidden_layers"])
              for name, shape in layer.items()} | {"embed_tokens.weight": (config["vocab_size"], hidden), "norm.weight": (hidden,)}
    return {name: np.ones(shape, np.float32) if len(shape) == 1
            else random.standard_normal(shape, np.float32) * np.float32(0.03) for name, shape in shapes.items()}


def seal(folder: Path, weights: str) -> None:
    """`quiver-model.json`, as a pull leaves it."""
    files = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        files[path.relative_to(folder).as_posix()] = {"bytes": path.stat().st_size, "sha256": sha256}
    model = {"name": folder.name, "source": "random", "engine": "onnx", "files": files, "weights": weights,
             "pulledAt": "2026-11-22T00:00:00.000Z"}
    (folder / "quiver-model.json").write_text(json.dumps(model))


def main() -> None:
    tokenizer, plain, int8 = map(Path, sys.argv[1:4])
    for folder in (plain, int8):
        shutil.rmtree(folder, ignore_errors=True)
        for name in SETTINGS:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(tokenizer / name, folder / name)
        (folder / "1_Pooling/config.json").write_text(
            (tokenizer / "1_Pooling/config.json").read_text().replace('"word_embedding_dimension": 32', '"word_embedding_dimension": 1024'))
        (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 8192, "do_lower_case": false}')
        (folder / "config.json").write_text(json.dumps(CONFIG))
        (folder / "onnx").mkdir()
    onnx.save_model(qwen3(weights_of(CONFIG), CONFIG), plain / "onnx/model.onnx", save_as_external_data=True,
                    location="model.onnx_data", size_threshold=1024)
    seal(plain, "onnx/model.onnx")
    quantize_dynamic(plain / "onnx/model.onnx", int8 / "onnx/model.onnx", per_channel=True, weight_type=QuantType.QInt8,
                     op_types_to_quantize=["MatMul"], use_external_data_format=True,
                     extra_options={"MatMulConstBOnly": True})
    seal(int8, "onnx/model.onnx")


if __name__ == "__main__":
    main()
