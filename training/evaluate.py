"""Step 11: every figure, for the shipped file and for the teachers; metrics.json and benchmarks/results/builtin-model.md.

    python evaluate.py --model shipped      the files in packages/server/weights/builtin-text, in ONNX Runtime
    python evaluate.py --model large        those of builtin-text-large
    python evaluate.py --model e5           the first teacher (384 components: longer columns stay empty)
    python evaluate.py --model minilm       the second teacher, English sets only
    python evaluate.py --model static         the static model's files in the work folder (static_export.py)
    python evaluate.py --table              write the markdown from what is there

Symmetric sets (STS, bitext, clustering) are called in document mode on both sides, as a caller who names no text type
calls them. Retrieval is measured twice: query → document (q→d) and document → document (d→d). The first teacher's
symmetric sets use "query: ", its better mode. Test sets are only reported here; every choice was made on development parts.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer

from arithmetic import FAST
from batching import run_by_length
import metrics
import static_model
from common import CHECKPOINTS, CONFIG, DATA, STATIC_WEIGHTS, RESULTS, SMOKE, WEIGHTS, WORK, Progress, read_jsonl, rows, sha256, weights_of
from metrics import unit
from teachers import embed as embed_teacher
from teachers import load_e5, load_minilm
from text import build_tokenizer, encode, framed, prompt_ids

Embed = Callable[[list[str], str], np.ndarray]
THREADS = int(os.environ.get("THREADS", "1"))
ENGLISH_SETS = ("sts-en", "cluster-agnews", "cluster-sib200-eng_Latn", "search-xquad_en", "search-code_cosqa_dev", "search-code_pystdlib")


class Chunks:
    """Texts cut into as few even chunks as fit, and the mean of their vectors, as the manifest's rule has it."""

    def __init__(self, sequences: list[list[int]], room: int) -> None:
        self.texts, self.owners, self.ids = len(sequences), [], []
        for row, ids in enumerate(sequences):
            count = max(1, -(-len(ids) // room))
            self.ids += [ids[i * len(ids) // count:(i + 1) * len(ids) // count] for i in range(count)]
            self.owners += [row] * count

    def mean(self, vectors: np.ndarray) -> np.ndarray:
        """One unit vector a text, each chunk counted as often as it has ids."""
        result = np.zeros((self.texts, vectors.shape[1]), np.float32)
        np.add.at(result, self.owners, vectors * np.maximum(1, [len(ids) for ids in self.ids])[:, None].astype(np.float32))
        return unit(result)


def shipped_chunks(folder: Path = WEIGHTS) -> Callable[[list[str], str], tuple[Chunks, np.ndarray]]:
    """The shipped files: texts' chunks by the manifest's rule, and the unit vector of each."""
    facts = json.loads((folder / "manifest.json").read_text())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])

    def embed(texts: list[str], kind: str) -> tuple[Chunks, np.ndarray]:
        prompt = facts["prompts"][kind]["ids"]
        chunks = Chunks(encode(tokenizer, texts), facts["chunks"]["tokens"])
        sequences = [framed(prompt, ids, facts["window"]) for ids in chunks.ids]
        progress = Progress("  texts", len(sequences))
        vectors = run_by_length(lambda rows: session.run(None, {"input_ids": rows})[0], sequences, 1024, progress.add)
        return chunks, unit(vectors)

    return embed


def shipped(folder: Path) -> Embed:
    """The shipped files of a folder, by the manifest's own rules."""
    in_chunks = shipped_chunks(folder)

    def embed(texts: list[str], kind: str) -> np.ndarray:
        chunks, vectors = in_chunks(texts, kind)
        return chunks.mean(vectors)

    return embed


def first_teacher() -> Embed:
    """multilingual-e5-small; texts cut at 512 ids."""
    teacher = load_e5()
    tokenizer = build_tokenizer(teacher.pieces)
    encoder = teacher.encoder.to(FAST)

    def embed(texts: list[str], kind: str) -> np.ndarray:
        return embed_teacher(encoder, [framed(prompt_ids(tokenizer)[kind], ids, 512) for ids in encode(tokenizer, texts)])

    return embed


def second_teacher() -> Embed:
    """all-MiniLM-L6-v2; texts cut at 256 ids; it knows no text types."""
    encoder, tokenizer = load_minilm()
    encoder = encoder.to(FAST)

    def embed(texts: list[str], kind: str) -> np.ndarray:
        return embed_teacher(encoder, [encoding.ids for encoding in tokenizer.encode_batch(texts)], pad=0)

    return embed


def static() -> Embed:
    """The static model's rows; it knows no text types."""
    tokenizer = Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))
    table = static_model.held(STATIC_WEIGHTS)
    return lambda texts, kind: static_model.embed(table, encode(tokenizer, texts))


@dataclass
class Model:
    """How a model is loaded, at which dimensions it is measured, and the text type of its symmetric sets."""

    load: Callable[[], Embed]
    dimensions: list[int]
    symmetric: str = "document"
    is_english: bool = False
    # A file that changes under the same name: results are kept by its hash too.
    file: Path | None = None


TEACHER_DIMENSIONS = [dimension for dimension in CONFIG["dimensions"] if dimension <= 384]
MODELS = {
    **{name: Model(functools.partial(shipped, folder), CONFIG["dimensions"], file=folder / "model.onnx")
       for name, folder in {"shipped": weights_of("base"), "large": weights_of("large")}.items()},
    "static": Model(static, CONFIG["static"]["dimensions"], file=STATIC_WEIGHTS / "rows.i8"),
    "e5": Model(first_teacher, TEACHER_DIMENSIONS, symmetric="query"),
    "minilm": Model(second_teacher, TEACHER_DIMENSIONS, is_english=True),
}


def version(model: str) -> str:
    """The model's name, for shipped ones with the beginning of their file's hash."""
    file = MODELS[model].file
    return f"{model}-{sha256(file)[:12]}" if file is not None and file.exists() else model


def results_path(model: str) -> Path:
    """Where the figures of a model are kept."""
    return WORK / f"metrics-{version(model)}.json"


class Cached:
    """Vectors of one model, kept on disk by the name of the text collection."""

    def __init__(self, model: str) -> None:
        self.model, self.folder = model, WORK / "vectors" / version(model)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.embed: Embed | None = None

    def __call__(self, name: str, texts: list[str], kind: str) -> np.ndarray:
        """Unit vectors of `texts` as text type `kind`."""
        path = self.folder / f"{name}.{kind}.npy"
        if not path.exists():
            self.embed = self.embed or MODELS[self.model].load()
            np.save(path, self.embed(texts, kind).astype(np.float16))
        return np.load(path).astype(np.float32)


Measure = Callable[[int], dict[str, float]]


def sts(vectors: Cached, symmetric: str) -> Iterator[tuple[str, Measure]]:
    """STSb test in eleven languages."""
    for lang in ("en", "zh", "de", "es", "fr", "it", "ja", "nl", "pl", "pt", "ru"):
        records = [record for record in rows(DATA / "text/eval/stsb_test.tsv.gz") if record[0] == lang][:200 if SMOKE else None]

        def measure(d: int, lang: str = lang, records: list[list[str]] = records) -> dict[str, float]:
            first = vectors(f"sts-{lang}-1", [record[2] for record in records], symmetric)
            second = vectors(f"sts-{lang}-2", [record[3] for record in records], symmetric)
            return {"spearman": metrics.similarity_correlation(unit(first, d), unit(second, d), [float(r[1]) for r in records])}
        yield f"sts-{lang}", measure


def bitext(vectors: Cached, symmetric: str) -> Iterator[tuple[str, Measure]]:
    """Tatoeba, foreign sentence → English sentence, and the mean over the languages."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    for lang, text, english in rows(DATA / "text/eval/tatoeba.tsv.gz"):
        pairs.setdefault(lang, []).append((text, english))

    def accuracy(lang: str, d: int) -> float:
        source = vectors(f"tatoeba-{lang}-1", [text for text, _ in pairs[lang]], symmetric)
        target = vectors(f"tatoeba-{lang}-2", [english for _, english in pairs[lang]], symmetric)
        return metrics.bitext_accuracy(unit(source, d), unit(target, d))
    for lang in sorted(pairs):
        yield f"tatoeba-{lang}", lambda d, lang=lang: {"accuracy": accuracy(lang, d)}
    yield "tatoeba-mean", lambda d: {"accuracy": float(np.mean([accuracy(lang, d) for lang in pairs]))}


def clustering(vectors: Cached, symmetric: str) -> Iterator[tuple[str, Measure]]:
    """k-means on news titles and on SIB-200 topics."""
    sets: dict[str, list[tuple[str, str]]] = {
        "thucnews": [(label, title) for label, title in rows(DATA / "text/eval/cluster_zh_thucnews.tsv.gz")],
        "agnews": [(label, f"{title}. {text}") for label, title, text in rows(DATA / "text/eval/cluster_en_agnews.tsv.gz")],
    }
    for path in sorted((DATA / "usecases/cluster").glob("sib200_*.tsv.gz")):
        name = path.name.removesuffix(".tsv.gz").replace("_", "-", 1)
        sets[name] = [(record[1], record[2].strip('"')) for record in list(rows(path))[1:]]
    for name, records in sets.items():
        records = records[:400] if SMOKE else records

        def measure(d: int, name: str = name, records: list[tuple[str, str]] = records) -> dict[str, float]:
            found = vectors(f"cluster-{name}", [text for _, text in records], symmetric)
            return {"v": metrics.clustering_v(unit(found, d), [label for label, _ in records])}
        yield f"cluster-{name}", measure


def search(vectors: Cached) -> Iterator[tuple[str, Measure]]:
    """Every set of usecases/search, and XQuAD across languages."""
    folders = sorted(path for path in (DATA / "usecases/search").iterdir() if path.is_dir())
    if SMOKE:
        folders = [path for path in folders if path.name.startswith("xquad")]
    loaded = {path.name: (list(read_jsonl(path / "queries.jsonl.gz")), list(read_jsonl(path / "docs.jsonl.gz")),
                          list(rows(path / "qrels.tsv.gz"))[1:]) for path in folders}
    routes = [(name, name) for name in loaded]
    routes += [(f"xquad_{a}", f"xquad_{b}") for a, b in (("zh", "en"), ("en", "zh"), ("es", "en"), ("ar", "en"))]
    for asked, answered in routes:
        for kind in ("query", "document"):
            def measure(d: int, asked: str = asked, answered: str = answered, kind: str = kind) -> dict[str, float]:
                queries, documents, judgements = loaded[asked][0], loaded[answered][1], loaded[asked][2]
                row = {item["id"]: number for number, item in enumerate(documents)}
                gains: dict[str, dict[int, float]] = {}
                for query, document, gain in judgements:
                    gains.setdefault(query, {})[row[document]] = float(gain)
                asking = vectors(f"{asked}-queries", [item["text"] for item in queries], kind)
                held = vectors(f"{answered}-docs", [item["text"] for item in documents], "document")
                return metrics.retrieval(unit(asking, d), unit(held, d), [gains.get(item["id"], {}) for item in queries])
            route = asked if asked == answered else f"{asked}-to-{answered.removeprefix('xquad_')}"
            yield f"search-{route}{' q→d' if kind == 'query' else ' d→d'}", measure


def evaluate(model: str, only: str) -> None:
    """Measure one model on all its sets at all its dimensions; results are kept set by set."""
    vectors, path, own = Cached(model), results_path(model), MODELS[model]
    done: dict[str, dict[str, dict[str, float]]] = json.loads(path.read_text()) if path.exists() else {}
    for generator in (sts(vectors, own.symmetric), bitext(vectors, own.symmetric), search(vectors), clustering(vectors, own.symmetric)):
        for name, measure in generator:
            if name in done or only not in name or own.is_english and name.removesuffix(" d→d") not in ENGLISH_SETS:
                continue
            found = {str(dimension): {key: round(value, 4) for key, value in measure(dimension).items()}
                     for dimension in own.dimensions}
            print(f"{name}: {found[str(1024 if 1024 in own.dimensions else own.dimensions[-1])]}", flush=True)
            done = json.loads(path.read_text()) if path.exists() else {}  # another process may measure other sets
            done[name] = found
            path.write_text(json.dumps(done, ensure_ascii=False, indent=1))


HEADLINE = {"sts": "spearman", "tatoeba": "accuracy", "cluster": "v", "search": "ndcg"}


def table() -> str:
    """All results as markdown; the headline measure of each set at every dimension, MRR too for retrieval."""
    results = {model: json.loads(path.read_text()) for model in ("shipped", "large", "e5", "minilm") if (path := results_path(model)).exists()}
    columns = CONFIG["dimensions"]
    text = ["# The built-in text model, measured", "",
            "Made by `cd training && python evaluate.py --model shipped && python evaluate.py --model large && python evaluate.py --model e5 && "
            "python evaluate.py --model minilm && python evaluate.py --table`.", "",
            "STS: Spearman on STSb test. Tatoeba: top-1 accuracy to English within the file's sentences of a language. Clusters: V-measure of",
            "k-means, mean of three seeds. Search: nDCG@10, then MRR@10. Document mode on both sides unless q→d. e5 = teacher, 384 components; large =",
            "builtin-text-large.", ""]
    for family, measure in [*HEADLINE.items(), ("search", "mrr")]:
        text += [f"## {family}: {measure}", "", "| set | model | " + " | ".join(map(str, columns)) + " |",
                 "|---|---|" + "---|" * len(columns)]
        for name in results["shipped"]:
            if not name.startswith(family):
                continue
            for model, values in results.items():
                if name in values:
                    cells = [f"{values[name][str(d)][measure]:.3f}" if str(d) in values[name] else "" for d in columns]
                    text.append(f"| {name} | {model} | " + " | ".join(cells) + " |")
        text.append("")
    variants = CHECKPOINTS / "engine-variants.md"
    if variants.exists():
        text += ["## Ways to hold the linear layers (`python bench_engine.py`; rows is shipped)", "",
                 "One thread, one text a call, texts a CPU-second by length; cosine to the float network at 1,024 components.", "",
                 variants.read_text()]
    return "\n".join(text)


def main() -> None:
    """Measure, or write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=list(MODELS))
    parser.add_argument("--only", default="", help="only sets whose name contains this")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    if arguments.model:
        evaluate(arguments.model, arguments.only)
    if arguments.table:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "builtin-model.md").write_text(table())


if __name__ == "__main__":
    main()
