"""GGUF files out of checkpoints: a folder with config.json, tokenizer.json and model.safetensors, of a Qwen3 with its
byte-level BPE or a BERT with its WordPiece. With the package of llama.cpp's own converter, and without PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file

TYPES = {"f32": gguf.GGMLQuantizationType.F32, "f16": gguf.GGMLQuantizationType.F16, "q8_0": gguf.GGMLQuantizationType.Q8_0}
FILE_TYPES = {"f32": 0, "f16": 1, "q8_0": 7}
POOLING = {"mean": gguf.PoolingType.MEAN, "cls": gguf.PoolingType.CLS, "last": gguf.PoolingType.LAST}

QWEN_LAYER = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
              "self_attn.v_proj": "attn_v", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
              "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
              "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
BERT_LAYER = {"attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
              "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
              "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm"}


def names_of(arch: str, layers: int) -> dict[str, str]:
    """Name of a tensor in the checkpoint → in GGUF."""
    if arch == "qwen3":
        names = {"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}
        pattern, parts = "layers", QWEN_LAYER
    else:
        names = {"embeddings.word_embeddings.weight": "token_embd.weight",
                 "embeddings.token_type_embeddings.weight": "token_types.weight",
                 "embeddings.position_embeddings.weight": "position_embd.weight"}
        names |= {f"embeddings.LayerNorm.{part}": f"token_embd_norm.{part}" for part in ("weight", "bias")}
        pattern, parts = "encoder.layer", BERT_LAYER
    return names | {f"{pattern}.{i}.{name}.{part}": f"blk.{i}.{own}.{part}"
                    for i in range(layers) for name, own in parts.items() for part in ("weight", "bias")}


def add_tensors(writer: gguf.GGUFWriter, folder: Path, arch: str, config: dict, kind: gguf.GGMLQuantizationType) -> None:
    """Every weight; vectors stay float32, as llama.cpp wants them."""
    names = names_of(arch, config["num_hidden_layers"])
    for name, values in load_file(folder / "model.safetensors").items():
        own = names.get(name)
        if own is None:
            continue  # the pooler of BERT, position ids
        values = np.ascontiguousarray(values, np.float32)
        small = values.ndim == 1 or own in ("token_types.weight", "position_embd.weight")
        chosen = gguf.GGMLQuantizationType.F32 if small else kind
        writer.add_tensor(own, gguf.quants.quantize(values, chosen), raw_dtype=chosen)


def add_shape(writer: gguf.GGUFWriter, arch: str, config: dict) -> None:
    """Sizes, and what llama.cpp needs to know of the attention."""
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    if arch == "qwen3":
        writer.add_head_count_kv(config["num_key_value_heads"])
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        writer.add_rope_freq_base(config["rope_theta"])
    else:
        writer.add_layer_norm_eps(config["layer_norm_eps"])
        writer.add_causal_attention(False)


def add_bpe(writer: gguf.GGUFWriter, file: dict, size: int, eos: int) -> None:
    """A byte-level BPE; ids that no token has are unused."""
    added = {token["id"]: token for token in file["added_tokens"]}
    tokens = [f"[PAD{id_}]" for id_ in range(size)]
    types = [gguf.TokenType.UNUSED] * size
    for token, id_ in file["model"]["vocab"].items():
        tokens[id_], types[id_] = token, gguf.TokenType.NORMAL
    for id_, token in added.items():
        tokens[id_], types[id_] = token["content"], gguf.TokenType.CONTROL if token["special"] else gguf.TokenType.USER_DEFINED
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in file["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(eos)
    writer.add_pad_token_id(151643)


def add_word_piece(writer: gguf.GGUFWriter, file: dict) -> None:
    """BERT's vocabulary as llama.cpp spells it: beginnings of words marked instead of their continuations."""
    vocab = sorted(file["model"]["vocab"].items(), key=lambda entry: entry[1])
    special = {token["content"] for token in file["added_tokens"]}

    def spell(token: str) -> str:
        if token in special:
            return token
        return token[2:] if token.startswith("##") else "\u2581" + token

    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([spell(token) for token, _ in vocab])
    writer.add_token_types([gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token, _ in vocab])
    ids = file["model"]["vocab"]
    writer.add_unk_token_id(ids["[UNK]"])
    writer.add_sep_token_id(ids["[SEP]"])
    writer.add_pad_token_id(ids["[PAD]"])
    writer.add_bos_token_id(ids["[CLS]"])
    writer.add_mask_token_id(ids["[MASK]"])
    writer.add_token_type_count(2)


def write_gguf(checkpoint: Path, path: Path, *, kind: str = "f32", pooling: str | None = None, add_eos: bool | None = True,
               eos: int = 151643) -> None:
    """One file. `pooling` none leaves the key out, `add_eos` None likewise: as older converters did."""
    config = json.loads((checkpoint / "config.json").read_text())
    tokenizer = json.loads((checkpoint / "tokenizer.json").read_text())
    arch = config["model_type"]
    writer = gguf.GGUFWriter(path, arch)
    writer.add_name(checkpoint.name)
    writer.add_file_type(FILE_TYPES[kind])
    add_shape(writer, arch, config)
    pooling = pooling or ("last" if arch == "qwen3" else "mean")
    if pooling != "none":
        writer.add_pooling_type(POOLING[pooling])
    if arch == "qwen3":
        add_bpe(writer, tokenizer, config["vocab_size"], eos)
        if add_eos is not None:
            writer.add_add_eos_token(add_eos)
    else:
        add_word_piece(writer, tokenizer)
    add_tensors(writer, checkpoint, arch, config, TYPES[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
