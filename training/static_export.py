"""The static model's files: rows.i8, scales.f32, manifest.json, canary.json, MODEL_CARD.md, and the engine's golden file.

The vectors of the golden file are sums of the shipped int8 rows in float64, so they are exact for every machine. The texts are
those of goldens.py. Run again after `evaluate.py --model static` to bring its figures into manifest and model card.
"""

from __future__ import annotations

import argparse
import datetime
import json

import numpy as np
from tokenizers import Tokenizer

from common import CONFIG, HERE, STATIC_WEIGHTS, SEED, WEIGHTS, WORK, sha256
from evaluate import results_path
from goldens import engine_inputs, lines
from metrics import unit
from quantise import int8_rows
from static_model import held
from text import encode

OWN = CONFIG["static"]
HEADLINES = {
    "STSb test en, Spearman": ("sts-en", "spearman"), "STSb test zh": ("sts-zh", "spearman"),
    "Tatoeba, mean of 17 languages, top-1": ("tatoeba-mean", "accuracy"), "AG News, V-measure": ("cluster-agnews", "v"),
    "THUCNews titles, V-measure": ("cluster-thucnews", "v"), "XQuAD en, nDCG@10": ("search-xquad_en d→d", "ndcg"),
    "XQuAD zh, nDCG@10": ("search-xquad_zh d→d", "ndcg"), "XQuAD zh → en, MRR@10": ("search-xquad_zh-to-en d→d", "mrr"),
    "Python functions, nDCG@10": ("search-code_pystdlib d→d", "ndcg"),
}


def manifest(pieces: int, width: int) -> dict[str, object]:
    """Everything a server must know, and where the model comes from."""
    described = json.loads((HERE / "description.json").read_text())
    found = results_path("static")
    return {
        "name": "quiver-text-static", "version": OWN["version"],
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "files": {name: {"bytes": (STATIC_WEIGHTS / name).stat().st_size, "sha256": sha256(STATIC_WEIGHTS / name)}
                  for name in ("rows.i8", "scales.f32")},
        "vocabulary": pieces, "dimension": width, "dimensions": OWN["dimensions"], "window": OWN["window"],
        "tokenizer": {"sha256": sha256(WEIGHTS / "tokenizer.json"), "of": CONFIG["students"]["base"]["name"]},
        "rule": "vector = Σ scales[id] · rows[id] over the ids of the text, without prompt and special ids; an embedding of d "
                "dimensions is the first d components scaled to length 1",
        "seed": SEED, "config_sha256": sha256(HERE / "config.json"), **described,
        "metrics": json.loads(found.read_text()) if found.exists() else {},
    }


def model_card(facts: dict) -> str:
    """The model card with the figures and sources of the manifest."""
    columns = [str(d) for d in facts["dimensions"]]
    table = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for title, (name, measure) in HEADLINES.items():
        if name in facts["metrics"]:
            table.append(f"| {title} | " + " | ".join(f"{facts['metrics'][name][d][measure]:.3f}" for d in columns) + " |")
    card = (HERE / "static-card.template.md").read_text()
    parts = {
        "headline": "\n".join(table),
        "teachers": "\n".join(f"- {item['name']}, {item['from']}, {item['licence']}" for item in facts["teachers"]),
        "sources": "\n".join(f"- {item['name']}: {item['licence']}" for item in facts["sources"]),
    }
    for name, value in parts.items():
        card = card.replace("{{" + name + "}}", value)
    return card


def golden() -> dict[str, object]:
    """Texts with ids and the first components of their vectors."""
    rows, tokenizer = held(STATIC_WEIGHTS), Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))
    texts = engine_inputs(lines())
    cases = []
    for text, ids in zip(texts, encode(tokenizer, texts), strict=True):
        total = rows[ids].astype(np.float64).sum(0, keepdims=True)
        cases.append({"text": text, "type": "document", "ids": ids,
                      **{f"d{d}": [round(float(x), 6) for x in unit(total, d)[0]] for d in (64, 256)}})
    return {"rows_sha256": sha256(STATIC_WEIGHTS / "rows.i8"), "tolerance": {"cosine": 0.99999}, "cases": cases}


def main() -> None:
    """Write everything; with --facts only manifest and model card."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--facts", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    STATIC_WEIGHTS.mkdir(parents=True, exist_ok=True)
    if not arguments.facts:
        values, scales = int8_rows(np.load(WORK / "static.npz")["table"])
        # Sums do not change by a common factor; around 1 the scales are easiest to read.
        scales = (scales / scales.mean()).astype("<f4")
        values.tofile(STATIC_WEIGHTS / "rows.i8")
        scales.tofile(STATIC_WEIGHTS / "scales.f32")
    pieces = (STATIC_WEIGHTS / "scales.f32").stat().st_size // 4
    facts = manifest(pieces, (STATIC_WEIGHTS / "rows.i8").stat().st_size // pieces)
    (STATIC_WEIGHTS / "manifest.json").write_text(json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
    (STATIC_WEIGHTS / "MODEL_CARD.md").write_text(model_card(facts))
    if arguments.facts:
        return
    content = golden()
    chosen = [case for case in content["cases"] if case["ids"]][:8]  # type: ignore[attr-defined]
    canary = {"tolerance": content["tolerance"], "cases": [{name: case[name] for name in ("text", "type", "d64")} for case in chosen]}
    (STATIC_WEIGHTS / "canary.json").write_text(json.dumps(canary, ensure_ascii=False) + "\n")
    body = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in content.pop("cases"))  # type: ignore[attr-defined]
    (STATIC_WEIGHTS / "engine.golden.json").write_text(f'{json.dumps(content)[:-1]}, "cases": [\n{body}\n]}}\n')


if __name__ == "__main__":
    main()
