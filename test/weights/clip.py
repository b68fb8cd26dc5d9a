"""Tiny random models of texts and pictures, as `quiver pull` leaves them; run by build.py.

tiny-clip          CLIPModel; two graphs; the real CLIP tokenizer
tiny-mobileclip    the same weights, as a repository of several models has them: in a folder, of one shape, filled up with 0
tiny-siglip2       SiglipModel; two graphs; a small tokenizer of Gemma's kind, lower case, filled up
tiny-chinese-clip  ChineseCLIPModel; one graph of both; the real tokenizer of Chinese-CLIP
tiny-jina-clip     XLM-RoBERTa, mean of its states, and CLIP's pictures; one graph of both, whose numbers lie beside it
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto
from safetensors.numpy import save_file

from clip_graph import clip_text, clip_vision, compared, joint, joint_outputs, row, siglip_text, siglip_vision
from graph import Graph, bert

CLIP_CHANNELS = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "layer_norm_eps": 1e-5}
VISION = {**SMALL, "image_size": 32, "patch_size": 16, "hidden_act": "quick_gelu"}
CLIP = {"model_type": "clip", "projection_dim": 24, "vision_config": VISION,
        "text_config": {**SMALL, "vocab_size": 49408, "max_position_embeddings": 77, "hidden_act": "quick_gelu",
                        "bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407}}
SIGLIP_SMALL = {**SMALL, "layer_norm_eps": 1e-6, "hidden_act": "gelu_pytorch_tanh"}
SIGLIP = {"model_type": "siglip", "vision_config": {**SIGLIP_SMALL, "image_size": 32, "patch_size": 16},
          "text_config": {**SIGLIP_SMALL, "vocab_size": 700, "max_position_embeddings": 64, "projection_size": 32,
                          "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}}
CHINESE = {"model_type": "chinese_clip", "projection_dim": 24, "vision_config": VISION,
           "text_config": {**SMALL, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "vocab_size": 21128, "type_vocab_size": 2,
                           "max_position_embeddings": 512, "pad_token_id": 0}}
JINA_PIECES = 5000
JINA = {"model_type": "jina_clip", "projection_dim": 32, "vision_config": VISION,
        "text_config": {**SMALL, "hidden_act": "gelu", "vocab_size": JINA_PIECES, "type_vocab_size": 1,
                        "max_position_embeddings": 130, "pad_token_id": 1}}


def layers(prefix: str, config: dict) -> dict[str, tuple[int, ...]]:
    """The parameters of layers that normalise first."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    linear = {f"self_attn.{part}_proj": (hidden, hidden) for part in ("q", "k", "v", "out")}
    linear |= {"mlp.fc1": (inner, hidden), "mlp.fc2": (hidden, inner)}
    shapes: dict[str, tuple[int, ...]] = {}
    for i in range(config["num_hidden_layers"]):
        name = f"{prefix}.encoder.layers.{i}"
        for part, (outputs, inputs) in linear.items():
            shapes |= {f"{name}.{part}.weight": (outputs, inputs), f"{name}.{part}.bias": (outputs,)}
        shapes |= {f"{name}.layer_norm{n}.{part}": (hidden,) for n in (1, 2) for part in ("weight", "bias")}
    return shapes


def text_shapes(config: dict) -> dict[str, tuple[int, ...]]:
    """CLIP's and SigLIP's texts."""
    hidden = config["hidden_size"]
    return {"text_model.embeddings.token_embedding.weight": (config["vocab_size"], hidden),
            "text_model.embeddings.position_embedding.weight": (config["max_position_embeddings"], hidden),
            **layers("text_model", config),
            **{f"text_model.final_layer_norm.{part}": (hidden,) for part in ("weight", "bias")}}


def vision_shapes(config: dict, *, is_siglip: bool = False) -> dict[str, tuple[int, ...]]:
    """CLIP's and SigLIP's pictures."""
    hidden, inner, size = config["hidden_size"], config["intermediate_size"], config["patch_size"]
    places = (config["image_size"] // size) ** 2
    name = "vision_model.embeddings"
    shapes = {f"{name}.patch_embedding.weight": (hidden, 3, size, size),
              f"{name}.position_embedding.weight": (places + (not is_siglip), hidden),
              **layers("vision_model", config),
              **{f"vision_model.post_layernorm.{part}": (hidden,) for part in ("weight", "bias")}}
    if not is_siglip:
        return shapes | {f"{name}.class_embedding": (hidden,),
                         **{f"vision_model.pre_layrnorm.{part}": (hidden,) for part in ("weight", "bias")}}
    head = "vision_model.head"
    return shapes | {f"{name}.patch_embedding.bias": (hidden,), f"{head}.probe": (1, 1, hidden),
                     f"{head}.attention.in_proj_weight": (3 * hidden, hidden), f"{head}.attention.in_proj_bias": (3 * hidden,),
                     f"{head}.attention.out_proj.weight": (hidden, hidden), f"{head}.attention.out_proj.bias": (hidden,),
                     f"{head}.layernorm.weight": (hidden,), f"{head}.layernorm.bias": (hidden,),
                     f"{head}.mlp.fc1.weight": (inner, hidden), f"{head}.mlp.fc1.bias": (inner,),
                     f"{head}.mlp.fc2.weight": (hidden, inner), f"{head}.mlp.fc2.bias": (hidden,)}


def byte_characters() -> list[str]:
    """GPT-2's characters for bytes, in the order of CLIP's vocabulary."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + i) for i in range(len(others))]


def clip_tokenizer(folder: Path, package: Path) -> None:
    """tokenizer.json of OpenAI's CLIP, out of OpenCLIP's list of merges."""
    from build import write
    lines = gzip.decompress((package / "bpe_simple_vocab_16e6.txt.gz").read_bytes()).decode().split("\n")
    merges = lines[1:49152 - 256 - 2 + 1]
    characters = byte_characters()
    ends = ["<|startoftext|>", "<|endoftext|>"]
    pieces = [*characters, *(f"{one}</w>" for one in characters), *(merge.replace(" ", "") for merge in merges), *ends]
    vocabulary = {piece: id_ for id_, piece in enumerate(pieces)}
    pattern = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    write(folder / "tokenizer.json", {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 77, "strategy": "LongestFirst", "stride": 0},
        "padding": None,
        "added_tokens": [{"id": vocabulary[end], "content": end, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": end == ends[0], "special": True} for end in ends],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
                                                           {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": True}, byte_level]},
        "post_processor": {"type": "RobertaProcessing", "sep": [ends[1], vocabulary[ends[1]]], "cls": [ends[0], vocabulary[ends[0]]],
                           "trim_offsets": False, "add_prefix_space": False},
        "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": ends[1], "continuing_subword_prefix": "",
                  "end_of_word_suffix": "</w>", "fuse_unk": False, "byte_fallback": False, "vocab": vocabulary, "merges": merges}})
    write(folder / "tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True,
                                             "pad_token": ends[1]})


def chinese_tokenizer(folder: Path, package: Path) -> None:
    """tokenizer.json of Chinese-CLIP, which is BERT's for Chinese."""
    from build import write
    pieces = (package / "clip/vocab.txt").read_text().split("\n")
    vocabulary = {piece: id_ for id_, piece in enumerate(piece for piece in pieces if piece)}
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    write(folder / "tokenizer.json", {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": vocabulary[name], "content": name, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for name in special],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {name: {"id": name, "ids": [vocabulary[name]], "tokens": [name]} for name in ("[CLS]", "[SEP]")}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": vocabulary}})
    write(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "model_max_length": 512, "do_lower_case": True,
                                             "pad_token": "[PAD]"})


def merges_of(words: Counter[tuple[str, ...]], count: int) -> list[tuple[str, str]]:
    """Byte-pair encoding learned from words; of pairs as frequent as each other the first in the alphabet."""
    found = []
    for _ in range(count):
        pairs: Counter[tuple[str, str]] = Counter()
        for word, times in words.items():
            for pair in zip(word, word[1:], strict=False):
                pairs[pair] += times
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        found.append(best)
        merged: Counter[tuple[str, ...]] = Counter()
        for word, times in words.items():
            parts: list[str] = []
            for part in word:
                if parts and (parts[-1], part) == best:
                    parts[-1] += part
                else:
                    parts.append(part)
            merged[tuple(parts)] += times
        words = merged
    return found


def gemma_tokenizer(folder: Path, text: str, size: int) -> None:
    """A small tokenizer of Gemma's kind: byte-pair encoding with bytes for what is not in it, spaces as ▁, an end token."""
    from build import write
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    words = Counter(tuple(f"{word}▁") for word in text.lower().split())
    characters = sorted({character for word in words for character in word})
    known = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *characters]
    merges = merges_of(words, size - len(known))
    vocabulary = {piece: id_ for id_, piece in enumerate([*known, *("".join(pair) for pair in merges)])}
    write(folder / "tokenizer.json", {
        "version": "1.0", "truncation": None,
        "padding": {"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
                    "pad_token": "<pad>"},
        "added_tokens": [{"id": vocabulary[name], "content": name, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for name in special],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<eos>", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"<eos>": {"id": "<eos>", "ids": [1], "tokens": ["<eos>"]}}},
        "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                                                     {"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": True, "byte_fallback": True, "ignore_merges": False, "vocab": vocabulary,
                  "merges": [list(pair) for pair in merges]}})
    write(folder / "tokenizer_config.json", {"tokenizer_class": "GemmaTokenizer", "model_max_length": 64, "do_lower_case": True,
                                             "pad_token": "<pad>", "padding_side": "right"})


def save_graph(path: Path, model: onnx.ModelProto, beside: str | None = None) -> None:
    """The graph in one file, or its numbers in another one beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if beside is None:
        path.write_bytes(model.SerializeToString(deterministic=True))
    else:
        (path.parent / beside).unlink(missing_ok=True)
        onnx.save_model(model, str(path), save_as_external_data=True, location=beside, size_threshold=1024)


def seal_towers(folder: Path, text: str, picture: str, preprocessor: str = "preprocessor_config.json", **facts: object) -> None:
    """quiver-model.json of a model of texts and pictures."""
    from build import seal, write
    seal(folder)
    path = folder / "quiver-model.json"
    towers = {"text": text, "picture": picture, "preprocessor": preprocessor, **({"facts": facts} if facts else {})}
    write(path, {**json.loads(path.read_text()), "weights": picture, "towers": towers})


def clip(folder: Path, merges: Path) -> None:
    """tiny-clip and tiny-mobileclip, from the same weights."""
    from build import random_weights, write
    shapes = {**text_shapes(CLIP["text_config"]), **vision_shapes(VISION), "text_projection.weight": (24, 32), "visual_projection.weight": (24, 32)}
    weights = random_weights(shapes, 11)
    own = folder / "tiny-clip"
    write(own / "config.json", CLIP)
    write(own / "preprocessor_config.json", {
        **CLIP_CHANNELS, "feature_extractor_type": "CLIPFeatureExtractor", "size": 32, "crop_size": 32, "resample": 3, "do_center_crop": True,
        "do_normalize": True, "do_resize": True})
    clip_tokenizer(own, merges)
    save_graph(own / "onnx/text_model.onnx", clip_text(weights, CLIP["text_config"]))
    save_graph(own / "onnx/vision_model.onnx", clip_vision(weights, VISION))
    save_file(weights, own / "model.safetensors")
    seal_towers(own, "onnx/text_model.onnx", "onnx/vision_model.onnx")
    other = folder / "tiny-mobileclip"
    write(other / "config.json", {"model_type": "clip_vision_model"})
    write(other / "onnx/s0/preprocessor_config.json", {
        "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}, "resample": 2,
        "do_normalize": False})
    clip_tokenizer(other, merges)
    save_graph(other / "onnx/s0/text_model.onnx", clip_text(weights, CLIP["text_config"], [1, 77]))
    save_graph(other / "onnx/s0/vision_model.onnx", clip_vision(weights, VISION))
    save_file(weights, other / "model.safetensors")
    seal_towers(other, "onnx/s0/text_model.onnx", "onnx/s0/vision_model.onnx", "onnx/s0/preprocessor_config.json",
                family="clip", captionTokens=77, captionPadId=0)


def siglip(folder: Path, text: str) -> None:
    """tiny-siglip2."""
    from build import random_weights, write
    shapes = {**text_shapes(SIGLIP["text_config"]), "text_model.head.weight": (32, 32), "text_model.head.bias": (32,),
              **vision_shapes(SIGLIP["vision_config"], is_siglip=True)}
    weights = random_weights(shapes, 12)
    write(folder / "config.json", SIGLIP)
    write(folder / "preprocessor_config.json", {
        "image_processor_type": "SiglipImageProcessor", "size": {"height": 32, "width": 32}, "resample": 2, "rescale_factor": 1 / 255,
        "do_convert_rgb": None, "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    gemma_tokenizer(folder, text, SIGLIP["text_config"]["vocab_size"])
    save_graph(folder / "onnx/text_model.onnx", siglip_text(weights, SIGLIP["text_config"]))
    save_graph(folder / "onnx/vision_model.onnx", siglip_vision(weights, SIGLIP["vision_config"]))
    save_file(weights, folder / "model.safetensors")
    seal_towers(folder, "onnx/text_model.onnx", "onnx/vision_model.onnx")


def chinese(folder: Path, vocabulary: Path) -> None:
    """tiny-chinese-clip."""
    from build import bert_shapes, random_weights, write
    text = CHINESE["text_config"]
    shapes = {**{f"text_model.{name}": shape for name, shape in bert_shapes(text).items()}, **vision_shapes(VISION),
              "text_projection.weight": (24, 32), "visual_projection.weight": (24, 32)}
    weights = random_weights(shapes, 13)
    write(folder / "config.json", CHINESE)
    write(folder / "preprocessor_config.json", {
        **CLIP_CHANNELS, "feature_extractor_type": "ChineseCLIPFeatureExtractor", "image_processor_type": "ChineseCLIPImageProcessor",
        "do_center_crop": False, "do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True, "resample": 3,
        "rescale_factor": 1 / 255, "crop_size": {"height": 32, "width": 32}, "size": {"height": 32, "width": 32}})
    chinese_tokenizer(folder, vocabulary)
    own = {name.removeprefix("text_model."): value for name, value in weights.items()}
    extra = Graph()
    extra.linear(row(extra, "last_hidden_state", 0, "text.first"), weights, "text_projection", "text_embeds")
    units = compared(extra, "text_embeds", "image_embeds", "unit.")
    graph = joint(bert(own, {**text, "model_type": "bert"}), clip_vision(weights, VISION), extra,
                  joint_outputs("text_embeds", "image_embeds", units, 24))
    save_graph(folder / "onnx/model.onnx", graph)
    save_file(weights, folder / "model.safetensors")
    seal_towers(folder, "onnx/model.onnx", "onnx/model.onnx", captionTokens=52)


def jina(folder: Path, pieces: list[tuple[str, float]]) -> None:
    """tiny-jina-clip: its files and its interface; the networks inside are simpler ones, since its own are remote code."""
    from build import bert_shapes, random_weights, write, xlm_tokenizer
    text = JINA["text_config"]
    shapes = {**{f"text_model.{name}": shape for name, shape in bert_shapes(text).items()}, **vision_shapes(VISION),
              "visual_projection.weight": (32, 32)}
    weights = random_weights(shapes, 14)
    write(folder / "config.json", JINA)
    write(folder / "preprocessor_config.json", {
        "image_processor_type": "JinaCLIPImageProcessor", "size": 32, "mean": CLIP_CHANNELS["image_mean"], "std": CLIP_CHANNELS["image_std"],
        "resize_mode": "shortest", "interpolation": "bicubic", "fill_color": 0, "processor_class": "JinaCLIPProcessor"})
    xlm_tokenizer(folder, pieces[:JINA_PIECES])
    own = {name.removeprefix("text_model."): value for name, value in weights.items()}
    first, extra = Graph(), Graph()
    padding = first.constant("padding", np.array(text["pad_token_id"], np.int64))
    there = first.add("Not", [first.add("Equal", ["input_ids", padding], "is.padding")], "is.there")
    first.add("Cast", [there], "attention_mask", to=TensorProto.INT64)
    kept = extra.add("Unsqueeze", [extra.add("Cast", ["attention_mask"], "kept.flat", to=TensorProto.FLOAT), extra.integers(2)], "kept.states")
    total = extra.add("ReduceSum", [extra.add("Mul", ["last_hidden_state", kept], "states.kept"), extra.integers(1)], "states.sum", keepdims=0)
    count = extra.add("ReduceSum", [kept, extra.integers(1)], "states.count", keepdims=0)
    extra.add("Div", [total, count], "text_embeddings")
    units = compared(extra, "text_embeddings", "image_embeddings", "l2norm_")
    graph = joint(bert(own, {**text, "model_type": "xlm-roberta"}), clip_vision(weights, VISION, "image_embeddings"), extra,
                  joint_outputs("text_embeddings", "image_embeddings", units, 32), first)
    save_graph(folder / "onnx/model.onnx", graph, "model.onnx_data")
    save_file(weights, folder / "model.safetensors")
    seal_towers(folder, "onnx/model.onnx", "onnx/model.onnx", captionTokens=128, isMatryoshka=True)
