"""What transformers computes on the models of build.py, float32, for texts of our own: the golden file.

    python golden.py FOLDER

Needs torch, transformers and tokenizers beside requirements.txt; run by hand when a model changes, and build.py again after it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, Qwen3Config, Qwen3Model

from build import GOLDEN, QUERY, minilm

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "风急天高猿啸哀，渚清沙白鸟飞回。",
    "Ein Satz auf Deutsch, mit Umlauten: äöü und ß.",
    "def fibonacci(n):\n    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)",
    "🙂 emoji and numbers 1234567890, 3.14159",
    "decomposed: cafe\u0301 re\u0301sume\u0301",
    " leading and trailing spaces  ",
    "it's  DON'T\t\ttabs\n\n\nnew lines",
    "a",
    "word and another word " * 66,  # more tokens than the engine computes at once
]
END = 151643


def case(text: str, kind: str, ids: list[int], states: torch.Tensor) -> dict:
    """One text's unit vector, and the ids that the model saw."""
    vector = torch.nn.functional.normalize(states, dim=0)
    return {"text": text, "type": kind, "ids": ids, "dense": [round(float(value), 6) for value in vector]}


def qwen(folder: Path) -> list[dict]:
    """The state of the last token, which is the end token."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = Qwen3Model(Qwen3Config(**json.loads((folder / "config.json").read_text()))).eval()
    model.load_state_dict(load_file(folder / "model.safetensors"))
    found = []
    for kind, prompt in (("query", QUERY), ("document", "")):
        for text in TEXTS:
            ids = [*tokenizer.encode(prompt + text, add_special_tokens=False).ids, END]
            states = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
            found.append(case(text, kind, ids, states[-1]))
    return found


def bert(folder: Path) -> list[dict]:
    """The mean of all tokens, special ones included."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    model = BertModel(BertConfig(**json.loads((folder / "config.json").read_text())), add_pooling_layer=False).eval()
    state = {name: value for name, value in load_file(folder / "model.safetensors").items()
             if not name.startswith("pooler") and not name.endswith("position_ids")}
    model.load_state_dict(state)
    found = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        states = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        found.append(case(text, "document", ids, states.mean(0)))
    return found


def main() -> None:
    with torch.inference_mode():
        models = {"tiny-qwen3": qwen(Path(sys.argv[1]) / "tiny-qwen3-checkpoint"), "minilm": bert(minilm())}
    lines = ",\n".join(f'"{name}": [\n' + ",\n".join(json.dumps(one, ensure_ascii=False) for one in cases) + "\n]"
                       for name, cases in models.items())
    GOLDEN.write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
