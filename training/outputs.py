"""What rounding the vectors costs whoever stores them: benchmarks/results/builtin-outputs.md.

    python outputs.py

From vectors that evaluate.py keeps (`--model shipped`, `--model large`, `--model static`); what is not there is computed. int8: each vector times 127 over its largest component, rounded;
binary: the signs, one bit a component, compared by how many agree; "binary, then int8": the forty best by sign ordered anew by the
int8 form of the documents and the query as it is. recall: of the ten nearest documents by whole vectors, how many are among the ten nearest.
"""

from __future__ import annotations

import numpy as np

from common import CONFIG, DATA, RESULTS, read_jsonl, rows
from evaluate import MODELS, Cached
from metrics import similarity_correlation, unit

DIMENSIONS = {"shipped": (256, 1024, 2048), "large": (256, 1024, 2048), "static": tuple(CONFIG["static"]["dimensions"])}
AGAIN = 40
SETS = ("xquad_en", "xquad_zh", "cmrc_trial_zh")


def int8(vectors: np.ndarray) -> np.ndarray:
    """Rounded to −127…127 by each row's largest component, and back to length 1."""
    return unit(np.rint(vectors * (127 / np.maximum(np.abs(vectors).max(1, keepdims=True), 1e-12))))


def binary(vectors: np.ndarray) -> np.ndarray:
    """Signs as −1 and 1, length 1: the cosine is the share of agreeing bits, from −1 to 1."""
    return unit(np.where(vectors > 0, 1.0, -1.0))


FORMS = {"float32": lambda vectors: vectors, "int8": int8, "binary": binary}


def overlap(found: np.ndarray, whole: np.ndarray) -> float:
    """How many of the ten best by `whole` are among the ten best by `found`; scores [queries, documents]."""
    best = [np.argsort(-scores, axis=1, kind="stable")[:, :10] for scores in (found, whole)]
    return float(np.mean([len(set(one) & set(other)) / 10 for one, other in zip(*best, strict=True)]))


def mrr(scores: np.ndarray, wanted: list[dict[int, float]]) -> float:
    """MRR@10 of scores [queries, documents]; queries without judgement are skipped."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    return float(np.mean([next((1 / (rank + 1) for rank, document in enumerate(row) if int(document) in gain), 0.0)
                          for row, gain in zip(best, wanted, strict=True) if gain]))


def rescored(queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
    """Scores by sign, those of the best AGAIN by int8 documents above all others."""
    rough, fine = binary(queries) @ binary(documents).T, queries @ int8(documents).T
    kept = np.argsort(-rough, axis=1, kind="stable")[:, :AGAIN]
    scores = rough - 10
    np.put_along_axis(scores, kept, np.take_along_axis(fine, kept, 1), 1)
    return scores


def sts_rows(vectors: Cached, model: str) -> list[str]:
    """Spearman on STSb test."""
    lines = ["| model | form | " + " | ".join(f"{lang} {d}" for lang in ("en", "zh") for d in DIMENSIONS[model]) + " |",
             "|---|---|" + "---|" * (2 * len(DIMENSIONS[model]))]
    pairs = {}
    for lang in ("en", "zh"):
        records = [record for record in rows(DATA / "text/eval/stsb_test.tsv.gz") if record[0] == lang]
        pairs[lang] = [vectors(f"sts-{lang}-{side}", [record[side + 1] for record in records], "document") for side in (1, 2)], [float(r[1]) for r in records]
    for name, form in FORMS.items():
        cells = [f"{similarity_correlation(*(form(unit(side, d)) for side in sides), scores):.4f}"
                 for sides, scores in pairs.values() for d in DIMENSIONS[model]]
        lines.append(f"| {model} | {name} | " + " | ".join(cells) + " |")
    return lines


def search_rows(vectors: Cached, model: str, name: str) -> list[str]:
    """MRR@10 and the overlap with whole vectors on one search set."""
    folder = DATA / "usecases/search" / name
    queries, documents = (list(read_jsonl(folder / f"{part}.jsonl.gz")) for part in ("queries", "docs"))
    place = {item["id"]: number for number, item in enumerate(documents)}
    gains: dict[str, dict[int, float]] = {}
    for query, document, gain in list(rows(folder / "qrels.tsv.gz"))[1:]:
        if float(gain) > 0:
            gains.setdefault(query, {})[place[document]] = float(gain)
    wanted = [gains.get(item["id"], {}) for item in queries]
    asking = vectors(f"{name}-queries", [item["text"] for item in queries], "query")
    held = vectors(f"{name}-docs", [item["text"] for item in documents], "document")
    lines = []
    for form in (*FORMS, "binary, then int8"):
        cells = []
        for d in DIMENSIONS[model]:
            q, v = unit(asking, d), unit(held, d)
            scores = rescored(q, v) if form not in FORMS else FORMS[form](q) @ FORMS[form](v).T
            cells += [f"{mrr(scores, wanted):.3f}", f"{overlap(scores, q @ v.T):.3f}"]
        lines.append(f"| {name} | {model} | {form} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Measure what there is, write the page."""
    text = ["# Rounded vectors", "", "Made by `cd training && python outputs.py`, from the vectors of `evaluate.py`.", "",
            *(__doc__ or "").split("\n\n")[2].strip().splitlines(), "",
            "Bytes of a vector of 1,024 components: float32 4,096, int8 1,024 (and its scale), binary 128.", ""]
    for model in DIMENSIONS:
        if not MODELS[model].file.exists():  # the static model's weights are not in the repository
            continue
        vectors = Cached(model)
        text += [f"## {model}: STSb test, Spearman", "", *sts_rows(vectors, model), "",
                 f"## {model}: search, query → document", "",
                 "| set | model | form | " + " | ".join(f"MRR@10 {d} | recall {d}" for d in DIMENSIONS[model]) + " |",
                 "|---|---|---|" + "---|" * (2 * len(DIMENSIONS[model]))]
        for name in SETS:
            text += search_rows(vectors, model, name)
        text.append("")
    (RESULTS / "builtin-outputs.md").write_text("\n".join(text))


if __name__ == "__main__":
    main()
