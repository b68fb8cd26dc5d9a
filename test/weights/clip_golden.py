"""What transformers computes on the models of clip.py, float32, for texts and pictures of our own: the golden file.

    python clip_golden.py FOLDER

Needs torch, transformers and Pillow 12 beside requirements.txt; run by hand when a model changes. Pictures are prepared by
transformers' processors for Pillow. Of tiny-jina-clip, whose own code is not part of transformers, they are prepared as that
code says (torchvision's Resize and CenterCrop on Pillow), and its networks are the simpler ones that clip.py has.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file
from tokenizers import Tokenizer, normalizers
from transformers import (ChineseCLIPConfig, ChineseCLIPModel, CLIPConfig, CLIPModel, CLIPVisionConfig, CLIPVisionModelWithProjection,
                          SiglipConfig, SiglipModel, XLMRobertaConfig, XLMRobertaModel)
from transformers.models.chinese_clip.image_processing_pil_chinese_clip import ChineseCLIPImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

TARGET = Path(__file__).resolve().parents[2] / "packages/server/src/engines/onnx-multimodal/engine.golden.json"
TEXTS = [
    "a photo of a cat",
    "Two Dogs PLAY in the Snow!",
    "日落的海边，有一条小船。",
    "",
    "Straße, naïve café, ＡＢＣ １２３, 👩‍👩‍👧 & it's  double  spaced\n\tline",
    "a very long caption " * 40,
]
MODELS = ["tiny-clip", "tiny-mobileclip", "tiny-siglip2", "tiny-chinese-clip", "tiny-jina-clip"]
IDS = {"tiny-siglip2": (64, 0), "tiny-mobileclip": (77, 0)}
MOST_TOKENS = {"tiny-clip": 77, "tiny-mobileclip": 77, "tiny-siglip2": 64, "tiny-chinese-clip": 52, "tiny-jina-clip": 128}


def pictures() -> list[Image.Image]:
    """Wide, tall, small, square; colours, edges and noise."""
    random = np.random.RandomState(21)
    found = []
    for width, height in ((75, 41), (33, 60), (21, 20), (32, 32)):
        y, x = np.mgrid[:height, :width]
        waves = np.stack([x * 255 / width, y * 255 / height, 127 + 127 * np.sin(x / 3 + y / 5)], 2)
        waves[height // 4:height // 2, width // 3:width // 2] = (250, 10, 30)
        noisy = waves + random.uniform(-20, 20, waves.shape)
        found.append(Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)))
    return found


def prepared(folder: Path, config: dict, shown: list[Image.Image]) -> np.ndarray:
    """What the network of pictures sees."""
    if config["model_type"] == "jina_clip":
        return np.stack([jina_pixels(one, config["preprocessor"]) for one in shown])
    kind = {"siglip": SiglipImageProcessorPil, "chinese_clip": ChineseCLIPImageProcessorPil}.get(config["model_type"], CLIPImageProcessorPil)
    known = {name: value for name, value in config["preprocessor"].items() if not name.endswith("_type")}
    return np.stack([np.asarray(kind(**known)(one, return_tensors="np")["pixel_values"][0]) for one in shown])


def jina_pixels(shown: Image.Image, file: dict) -> np.ndarray:
    """torchvision: the longer side cut to whole pixels, half a pixel of the middle rounded to the even one."""
    size = file["size"]
    width, height = shown.size
    scaled = (size, int(size * height / width)) if width <= height else (int(size * width / height), size)
    resized = shown.resize(scaled, Image.Resampling.BICUBIC)
    left, top = (int(round((side - size) / 2.0)) for side in resized.size)
    values = np.asarray(resized.crop((left, top, left + size, top + size)), np.float32) / 255
    return ((values - np.array(file["mean"], np.float32)) / np.array(file["std"], np.float32)).transpose(2, 0, 1)


def tokens(folder: Path, config: dict) -> list[list[int]]:
    """The ids of the texts, cut and filled up as the model is used."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    if config["model_type"] == "siglip":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), tokenizer.normalizer])  # as Siglip2Tokenizer
    tokenizer.no_padding()
    tokenizer.enable_truncation(MOST_TOKENS[folder.name])
    ids = [tokenizer.encode(text).ids for text in TEXTS]
    if folder.name not in IDS:
        return ids
    length, pad = IDS[folder.name]
    return [[*one, *[pad] * (length - len(one))] for one in ids]


def levels(pixels: np.ndarray, file: dict) -> dict:
    """The 0 … 255 behind every value, channel by channel, in base 64; and the values that 0 and 255 became."""
    plain = {"image_mean": [0, 0, 0], "image_std": [1, 1, 1]}
    used = plain if file.get("do_normalize") is False else {"image_mean": file.get("mean"), "image_std": file.get("std"), **file}
    mean, std = (np.array(used[name], np.float64).reshape(3, 1, 1) for name in ("image_mean", "image_std"))
    whole = (pixels * std + mean) * 255
    if np.abs(whole - np.round(whole)).max() > 1e-3:
        raise SystemExit("the processor does not work on whole levels")
    ends = [[round(float((level / 255 - m) / s), 6) for m, s in zip(mean.flat, std.flat, strict=True)] for level in (0, 255)]
    return {"levels": base64.b64encode(np.round(whole).astype(np.uint8).tobytes()).decode(), "ends": ends}


class Jina(torch.nn.Module):
    """The networks of tiny-jina-clip."""

    def __init__(self, config: dict) -> None:
        super().__init__()
        self.text_model = XLMRobertaModel(XLMRobertaConfig(**config["text_config"]), add_pooling_layer=False)
        self.vision = CLIPVisionModelWithProjection(CLIPVisionConfig(**config["vision_config"], projection_dim=config["projection_dim"]))

    def load_state_dict(self, weights: dict, strict: bool = True) -> None:
        self.text_model.load_state_dict({name.removeprefix("text_model."): value for name, value in weights.items()
                                         if name.startswith("text_model.")}, strict=False)
        self.vision.load_state_dict({name: value for name, value in weights.items() if not name.startswith("text_model.")}, strict=False)


def reference(folder: Path, config: dict) -> torch.nn.Module:
    """The model as transformers has it, with the weights of its folder."""
    kinds = {"clip": (CLIPConfig, CLIPModel), "siglip": (SiglipConfig, SiglipModel), "chinese_clip": (ChineseCLIPConfig, ChineseCLIPModel)}
    weights = {name: torch.from_numpy(value) for name, value in load_file(folder / "model.safetensors").items()}
    if config["model_type"] == "jina_clip":
        model: torch.nn.Module = Jina(config)
    else:
        settings, kind = kinds[config["model_type"]]
        model = kind(settings(**{name: value for name, value in config.items() if name not in ("model_type", "preprocessor")}))
        missing = set(model.state_dict()) - set(weights) - {"logit_scale", "logit_bias"}
        if missing:
            raise SystemExit(f"{folder.name} lacks {sorted(missing)}")
    model.load_state_dict(weights, strict=False)
    return model.eval()


def text_vector(model: torch.nn.Module, ids: list[int]) -> torch.Tensor:
    """One text's."""
    rows = torch.tensor([ids])
    if isinstance(model, Jina):
        return model.text_model(rows).last_hidden_state.mean(1)[0]
    mask = {} if isinstance(model, SiglipModel) else {"attention_mask": torch.ones_like(rows)}
    return model.get_text_features(input_ids=rows, **mask).pooler_output[0]


def picture_vector(model: torch.nn.Module, pixels: np.ndarray) -> torch.Tensor:
    """One picture's."""
    rows = torch.from_numpy(pixels[None].astype(np.float32))
    if isinstance(model, Jina):
        return model.vision(rows).image_embeds[0]
    return model.get_image_features(rows).pooler_output[0]


def rounded(vector: torch.Tensor) -> list[float]:
    """Enough digits for a cosine of 0.99999."""
    return [round(float(value), 6) for value in vector]


def golden(folder: Path, shown: list[Image.Image]) -> dict:
    """One model's cases."""
    config = json.loads((folder / "config.json").read_text())
    towers = json.loads((folder / "quiver-model.json").read_text())["towers"]
    if folder.name == "tiny-mobileclip":
        config = json.loads((folder.parent / "tiny-clip/config.json").read_text())
    config["preprocessor"] = json.loads((folder / towers["preprocessor"]).read_text())
    model = reference(folder, config)
    pixels = prepared(folder, config, shown)
    with torch.inference_mode():
        texts = [{"text": text, "ids": ids, "dense": rounded(text_vector(model, ids))}
                 for text, ids in zip(TEXTS, tokens(folder, config), strict=True)]
        seen = [{**levels(one, config["preprocessor"]), "dense": rounded(picture_vector(model, one))} for one in pixels]
    return {"model": folder.name, "texts": texts, "pictures": seen}


def main() -> None:
    root, shown = Path(sys.argv[1]), pictures()
    given = [{"width": one.width, "height": one.height, "rgb": base64.b64encode(np.asarray(one).tobytes()).decode()} for one in shown]
    models = [json.dumps(golden(root / name, shown), ensure_ascii=False) for name in MODELS]
    TARGET.write_text('{"pictures":' + json.dumps(given) + ',\n"models":[\n' + ",\n".join(models) + "\n]}\n")


if __name__ == "__main__":
    main()
