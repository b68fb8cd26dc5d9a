"""What is left of one paragraph in a long document: benchmarks/results/builtin-long-texts.md.

    python long_texts.py           then, or for what is there, --table

Each of ten XQuAD paragraphs becomes a document of 1,024 to 8,192 tokens: the paragraph at the start, in the middle or at the end of
other paragraphs of the same collection, which are nobody's answer here. Its questions must find it among the ten documents
of the same length and place, which share much of their other text. shipped and large (builtin-text-large) cut documents into even
windows of 500 tokens or fewer; "mean" is what they return, the mean of the windows' vectors; "best window" is what a caller gets who splits
the document and takes the best of its parts.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from common import DATA, RESULTS, WEIGHTS, WORK, read_jsonl, rows, seeded
from evaluate import MODELS, Embed, shipped_chunks, version
from metrics import unit

LENGTHS, PLACES, DOCUMENTS, DIMENSION = (1024, 2048, 4096, 8192), ("start", "middle", "end"), 10, 1024


def collection(lang: str) -> tuple[list[str], list[str], list[tuple[str, int]]]:
    """Gold paragraphs, other paragraphs, and questions with the number of their gold paragraph."""
    folder = DATA / f"usecases/search/xquad_{lang}"
    paragraphs = {item["id"]: item["text"] for item in read_jsonl(folder / "docs.jsonl.gz")}
    questions = {item["id"]: item["text"] for item in read_jsonl(folder / "queries.jsonl.gz")}
    names = sorted(paragraphs)
    seeded("long texts").shuffle(names)
    gold = {name: number for number, name in enumerate(names[:DOCUMENTS])}
    asked = [(questions[query], gold[document]) for query, document, _ in list(rows(folder / "qrels.tsv.gz"))[1:] if document in gold]
    return [paragraphs[name] for name in gold], [paragraphs[name] for name in names[DOCUMENTS:]], asked


def document(gold: str, others: list[str], place: str, tokens: int, count: Callable[[str], int], lang: str) -> str:
    """The gold paragraph and as many others as make `tokens`."""
    before, after = {"start": (0.0, 1.0), "middle": (0.5, 0.5), "end": (1.0, 0.0)}[place]
    room = tokens - count(gold)
    glue = "" if lang == "zh" else " "

    def fill(share: float, rest: list[str]) -> list[str]:
        left, found = share * room, []
        while rest and left >= count(rest[0]) / 2:
            left -= count(rest[0])
            found.append(rest.pop(0))
        return found
    rest = list(others)
    return glue.join([*fill(before, rest), gold, *fill(after, rest)])


def mrr(scores: np.ndarray, wanted: list[int]) -> float:
    """Mean reciprocal rank of the wanted column, ties against it."""
    own = scores[np.arange(len(wanted)), wanted][:, None]
    return float((1 / (scores >= own).sum(1)).mean())


def measure(lang: str, path: Path, ways: Ways, count: Callable[[str], int]) -> None:
    """«length place» → mean tokens of its documents and the MRR of each way, kept line by line so that a run can go on."""
    gold, others, asked = collection(lang)
    questions, wanted = [text for text, _ in asked], [number for _, number in asked]
    found: dict[str, dict[str, float]] = json.loads(path.read_text()) if path.exists() else {}
    asking = None
    for name, texts in [("alone -", gold), *((f"{length} {place}", []) for length in LENGTHS for place in PLACES)]:
        if name in found:
            continue
        if not texts:
            length, place = name.split()
            draw = seeded(f"long texts:{lang}:{length}")
            texts = [document(text, draw.sample(others, len(others)), place, int(length), count, lang) for text in gold]
        asking = ways.questions(questions) if asking is None else asking
        found[name] = {"tokens": float(np.mean([count(text) for text in texts]))} | {
            way: mrr(scores, wanted) for way, scores in ways.scores(asking, texts).items()}
        print(lang, name, found[name], flush=True)
        path.write_text(json.dumps(found, indent=1))


class Windowed:
    """A shipped model: the mean of a document's windows, and the best of them."""

    def __init__(self, model: str) -> None:
        file = MODELS[model].file
        assert file is not None
        self.in_chunks = shipped_chunks(file.parent)

    def questions(self, texts: list[str]) -> np.ndarray:
        """Unit vectors."""
        chunks, vectors = self.in_chunks(texts, "query")
        return unit(chunks.mean(vectors), DIMENSION)

    def scores(self, asking: np.ndarray, texts: list[str]) -> dict[str, np.ndarray]:
        """Cosines [questions, documents] of both ways."""
        chunks, vectors = self.in_chunks(texts, "document")
        best = np.full((len(asking), len(texts)), -2.0, np.float32)
        for number, owner in enumerate(chunks.owners):
            best[:, owner] = np.maximum(best[:, owner], asking @ unit(vectors[number:number + 1], DIMENSION)[0])
        return {"mean": asking @ unit(chunks.mean(vectors), DIMENSION).T, "best window": best}


class Static:
    """The static model, which has no windows."""

    @functools.cached_property
    def embed(self) -> Embed:
        """Loaded when something is left to measure."""
        return MODELS["static"].load()

    def questions(self, texts: list[str]) -> np.ndarray:
        """Unit vectors."""
        return self.embed(texts, "query")

    def scores(self, asking: np.ndarray, texts: list[str]) -> dict[str, np.ndarray]:
        """Cosines [questions, documents]."""
        return {"whole": asking @ self.embed(texts, "document").T}


Ways = Windowed | Static
COLUMNS = (("shipped", "mean"), ("shipped", "best window"), ("large", "mean"), ("large", "best window"), ("static", "whole"))


def main() -> None:
    """Measure (kept in the work folder by the files' hashes) and write the page."""
    tokenizer = Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))
    results: dict[str, dict[str, dict[str, dict[str, float]]]] = {"en": {}, "zh": {}}
    for model in dict.fromkeys(model for model, _ in COLUMNS):
        ways: Ways | None = None
        for lang, found in results.items():
            path = WORK / f"long-{lang}-{version(model)}.json"
            if "--table" not in sys.argv:
                ways = ways or (Static() if model == "static" else Windowed(model))
                measure(lang, path, ways, lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids))
            if path.exists():
                found[model] = json.loads(path.read_text())
    columns = [(model, way) for model, way in COLUMNS if all(model in found for found in results.values())]
    text = ["# Long texts", "", "Made by `cd training && python long_texts.py`.", "", *(__doc__ or "").split("\n\n")[2].strip().splitlines(), "",
            f"MRR at {DIMENSION:,} components (the static model at all of its own). By chance it would be {np.mean(1 / np.arange(1, DOCUMENTS + 1)):.2f}.", "",
            "| language | tokens asked for, made | place | " + " | ".join(f"{model}, {way}" if way != "whole" else model for model, way in columns) + " |",
            "|---|---|---|" + "---|" * len(columns)]
    for lang, by_model in results.items():
        for name, values in by_model["shipped"].items():
            length, place = name.split()
            cells = [f"{by_model[model][name][way]:.3f}" for model, way in columns]
            text.append(f"| {lang} | {length}, {values['tokens']:.0f} | {place} | " + " | ".join(cells) + " |")
    (RESULTS / "builtin-long-texts.md").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
