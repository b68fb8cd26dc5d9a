"""Every way that was tried, measured alike: benchmarks/results/builtin-candidates.md and its picture.

    python candidates.py --measure NAME     figures of one candidate on the sets of HEADLINE (kept in the work folder, set by set)
    python candidates.py --speed            speed, bytes and load time of all, interleaved
    python candidates.py --table            the page, from what is there

Candidates are checkpoints of the training (`distill.py`, `contrast.py`), networks of the first teacher's layers that nobody
trained, the shipped files and the teachers. Checkpoints and untrained layers compute in bfloat16 where the processor does, shipped files as they are
shipped. Figures of sets outside of HEADLINE, where `evaluate.py` measured them, are in the page too.
"""

from __future__ import annotations

import argparse
import functools
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn

from arithmetic import FAST
import batching
import evaluate
import graph
import static_model
from common import CONFIG, DATA, STATIC_WEIGHTS, RESULTS, WEIGHTS, WORK, read_jsonl, rows, seeded, weights_of
from evaluate import MODELS, Chunks, Embed, Model, results_path
from export import CHUNK_TOKENS
from metrics import unit
from pareto import plot
from student import Student
from teachers import HIDDEN, Encoder, load_e5, load_minilm
from text import PROMPTS, SPECIALS, build_tokenizer, encode, framed, prompt_ids
from vocabulary import balanced_counts

HEADLINE = ("sts-en", "sts-zh", "sts-de", "sts-ja", "tatoeba-", "cluster-agnews", "search-xquad_en q→d", "search-xquad_zh q→d",
            "search-xquad_zh-to-en q→d", "search-code_pystdlib q→d")
DIMENSIONS = (64, 128, 256, 384, 1024, 2048)
SPEED_TEXTS, ROUNDS = 120, 5


def vocabulary(size: int) -> np.ndarray:
    """The teacher's rows of the `size` pieces that vocabulary.py would keep, counted over a part of the pool; kept."""
    if size == CONFIG["vocabulary"]["pieces"]:
        return np.load(WORK / "vocabulary.npz")["teacher_ids"]
    path = WORK / f"vocabulary-{size}.npy"
    if not path.exists():
        pieces = load_e5().pieces
        texts: dict[str, list[str]] = {}
        for item, _ in zip(read_jsonl(WORK / "pool.jsonl"), range(40_000), strict=False):
            texts.setdefault(item["lang"], []).append(item["text"])
        tokenizer = build_tokenizer(pieces)
        always = set(SPECIALS.values()) | {index for index, (piece, _) in enumerate(pieces) if len(piece) == 1}
        for prompt in PROMPTS.values():
            always |= set(tokenizer.encode(prompt, add_special_tokens=False).ids)
        counts = balanced_counts(tokenizer, texts, len(pieces))
        best = [int(i) for i in np.argsort(-counts, kind="stable") if int(i) not in always]
        np.save(path, np.array(sorted([*always, *best[: size - len(always)]])))
    return np.load(path)


def run(encode_texts: Callable[[list[list[int]]], np.ndarray], tokenizer: Tokenizer, prefixes: dict[str, list[int]]) -> Embed:
    """An embedding function from one of framed sequences: chunks as the manifest has them."""
    def embed(texts: list[str], kind: str) -> np.ndarray:
        chunks = Chunks(encode(tokenizer, texts), CHUNK_TOKENS)
        return chunks.mean(unit(encode_texts([framed(prefixes[kind], ids, CONFIG["window"]) for ids in chunks.ids])))
    return embed


def checkpoint(student_name: str, name: str) -> Callable[[], Embed]:
    """A checkpoint of a student of config.json."""
    def load() -> Embed:
        tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
        state = load_file(WORK / student_name / f"{name}.safetensors")
        student = Student(len(state["encoder.words.weight"]), student_name)
        student.load_state_dict(state)
        encoder = student.eval().encoder.to(FAST)

        def states(sequences: list[list[int]]) -> np.ndarray:
            with torch.inference_mode():
                return batching.run(lambda ids, mask: student.read(encoder.states(ids, mask)), sequences, 1536)
        return run(states, tokenizer, prompt_ids(tokenizer))
    return load


def untrained(layers: list[int], pieces: int) -> Encoder:
    """Layers of the first teacher over the most used of its pieces."""
    teacher, kept = load_e5().encoder, vocabulary(pieces)
    encoder = Encoder(len(kept), len(layers))
    with torch.no_grad():
        encoder.words.weight.copy_(teacher.words.weight[torch.from_numpy(kept)])
        encoder.positions.copy_(teacher.positions)
        encoder.norm.load_state_dict(teacher.norm.state_dict())
        for own, number in zip(encoder.layers, layers, strict=True):
            own.load_state_dict(teacher.layers[number].state_dict())
    return encoder.eval()


def untrained_embed(layers: list[int], pieces: int) -> Callable[[], Embed]:
    """The same as an embedding function; symmetric sets take the teacher's better prompt."""
    def load() -> Embed:
        whole = load_e5().pieces
        tokenizer = build_tokenizer([whole[i] for i in vocabulary(pieces)])
        encoder = untrained(layers, pieces).to(FAST)

        def last(sequences: list[list[int]]) -> np.ndarray:
            with torch.inference_mode():
                return batching.run(lambda ids, mask: F.normalize(encoder(ids, mask.to(FAST)).float(), dim=-1), sequences, 1536)
        return run(last, tokenizer, prompt_ids(tokenizer))
    return load


TEACHER = [dimension for dimension in CONFIG["dimensions"] if dimension <= HIDDEN]
CHECKPOINTS = {
    "version-1": ("base", "version-1", "six layers: version 1"), "version-2": ("base", "version-2", "six layers: version 2"),
    "version-3": ("base", "version-3", "six layers: version 3, 76,000 pieces"), "large-version-1": ("large", "version-1", "twelve layers: version 1, 76,000 pieces"),
    "large-distilled": ("large", "distilled", "twelve layers, distilled"),
    "large-contrast": ("large", "contrast", "the same after the contrastive phase, before rounding"),
}
LAYERS: list[int] = CONFIG["students"]["base"]["layers"]
UNTRAINED = {**{f"twelve-{size}k": (list(range(12)), 1000 * size) for size in (48, 76, 100)}, "six-76k": (LAYERS, 76_000)}
MODELS |= {name: Model(checkpoint(student, file), list(DIMENSIONS)) for name, (student, file, _) in CHECKPOINTS.items()}
MODELS |= {name: Model(untrained_embed(*parts), TEACHER, symmetric="query") for name, parts in UNTRAINED.items()}
TITLES = {
    "e5": "multilingual-e5-small, the first teacher", "minilm": "all-MiniLM-L6-v2, the second teacher (English)",
    "twelve-48k": "the first teacher over its 48,000 most used pieces, untrained", "twelve-76k": "the same, 76,000 pieces",
    "twelve-100k": "the same, 100,000 pieces", "six-76k": "its layers 0 2 4 7 9 11, 76,000 pieces, untrained",
    **{name: text for name, (_, _, text) in CHECKPOINTS.items()},
    "shipped": "**built-in text model, as shipped** (six layers, 125,000 pieces)",
    "large": "**the larger built-in text model, as shipped** (twelve layers, 125,000 pieces)", "static": "static: the sum of the pieces' vectors, int8",
}


class Plain(nn.Module):
    """What graph.build reads of a student, for an encoder whose output is its last state."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.reads = [len(encoder.layers)]
        self.head = nn.Linear(HIDDEN, HIDDEN)
        self.wide = nn.Linear(HIDDEN, 1)


def session_of(source: bytes | str) -> onnxruntime.InferenceSession:
    """On one core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # the graph of a teacher has another width than the one it names
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def float_graph(encoder: Encoder, path: Path) -> None:
    """A network for ONNX Runtime in float32 arithmetic."""
    if not path.exists():
        path.write_bytes(graph.build(Plain(encoder), {}, "float").SerializeToString())  # type: ignore[arg-type]


def speed_texts() -> list[str]:
    """Short sentences: STSb dev, English and Chinese in equal parts."""
    found: dict[str, list[str]] = {"en": [], "zh": []}
    for record in rows(DATA / "text/eval/stsb_dev.tsv.gz"):
        if record[0] in found:
            found[record[0]] += record[2:4]
    draw = seeded("speed")
    return [text for texts in found.values() for text in draw.sample(texts, SPEED_TEXTS // 2)]


def runners() -> dict[str, Callable[[], tuple[Callable[[str], object], int]]]:
    """Name → loading it: a function that embeds one text from ready ids, and the bytes of its files."""
    def network(path: Path, tokenizer: Tokenizer, prefix: list[int], held: int, limit: int = 512) -> tuple[Callable[[str], object], int]:
        session = session_of(str(path))
        name = session.get_outputs()[0].name
        ids = {text: np.array([framed(prefix, found, limit)]) for text, found in zip(speed_texts(), encode(tokenizer, speed_texts()), strict=True)}
        return lambda text: session.run([name], {"input_ids": ids[text]}), held

    def e5() -> tuple[Callable[[str], object], int]:
        teacher, path = load_e5(), WORK / "e5.onnx"
        float_graph(teacher.encoder, path)
        tokenizer = build_tokenizer(teacher.pieces)
        # Float32: what its own files hold.
        return network(path, tokenizer, prompt_ids(tokenizer)["query"], 4 * sum(weight.numel() for weight in teacher.encoder.parameters()))

    def minilm() -> tuple[Callable[[str], object], int]:
        encoder, tokenizer = load_minilm()
        float_graph(encoder, WORK / "minilm.onnx")
        session = session_of(str(WORK / "minilm.onnx"))
        ids = {text: np.array([tokenizer.encode(text).ids]) for text in speed_texts()}
        held = 4 * sum(weight.numel() for weight in encoder.parameters())
        return lambda text: session.run(["embedding"], {"input_ids": ids[text]}), held

    def shipped(student: str) -> tuple[Callable[[str], object], int]:
        tokenizer = Tokenizer.from_file(str(weights_of(student) / "tokenizer.json"))
        path = weights_of(student) / "model.onnx"
        return network(path, tokenizer, prompt_ids(tokenizer)["document"], path.stat().st_size)

    def static() -> tuple[Callable[[str], object], int]:
        table = static_model.held(STATIC_WEIGHTS)
        tokenizer = Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))
        ids = dict(zip(speed_texts(), encode(tokenizer, speed_texts()), strict=True))
        held = (STATIC_WEIGHTS / "rows.i8").stat().st_size + (STATIC_WEIGHTS / "scales.f32").stat().st_size
        return lambda text: static_model.embed(table, [ids[text]]), held

    return {"e5": e5, "minilm": minilm, "shipped": functools.partial(shipped, "base"), "large": functools.partial(shipped, "large"),
            **({"static": static} if STATIC_WEIGHTS.exists() else {})}


def speed() -> None:
    """Texts a CPU-second of one core, one text a call, tokens ready; every round goes over all models. Writes speeds.json."""
    texts, found, calls = speed_texts(), {}, {}
    for name, load in runners().items():
        load()  # what is built once is built
        start = time.process_time()
        calls[name], held = load()
        found[name] = {"bytes": held, "load_s": round(time.process_time() - start, 2)}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for text in texts[:40]:
            call(text)
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.process_time()
            for text in texts:
                call(text)
            seconds[name].append(time.process_time() - start)
    for name, values in seconds.items():
        found[name]["texts_per_s"] = round(len(texts) / float(np.median(values)), 1)
    (WORK / "speeds.json").write_text(json.dumps(found, indent=1))
    print(json.dumps(found))


# Size by arithmetic where nothing is shipped: int8 rows and layers, as model.onnx held them before rows had four bits.
def stated_bytes(layers: int, pieces: int) -> int:
    """Bytes of a model.onnx of so many layers and pieces."""
    return pieces * (HIDDEN + 4) + layers * 1_774_464 + 512 * HIDDEN


PUBLISHED = {
    "sts-en": ("STSBenchmark, Spearman", "71.8", "79.9", "83.6"), "sts-zh": ("STSB (Chinese of MTEB, other translations), Spearman", "68.2", "69.7", "77.9"),
    "tatoeba-cmn": ("Tatoeba cmn–eng, F1", "61.7", "90.0", "90.2"),
}


def cell(values: dict[str, dict[str, float]], dimension: int, measure: str) -> str:
    """A figure, or nothing."""
    return f"{values[str(dimension)][measure]:.3f}" if str(dimension) in values else ""


def table() -> str:
    """The page."""
    found = {name: json.loads(path.read_text()) for name in TITLES if (path := results_path(name)).exists()}
    speeds = json.loads((WORK / "speeds.json").read_text()) if (WORK / "speeds.json").exists() else {}
    lines = (Path(__file__).parent / "candidates.template.md").read_text()
    parts = {"overview": overview(found, speeds), "speed": speed_table(speeds), "sets": sets_table(found), "published": published_table(found),
             "plot": "![Quality against speed](builtin-candidates.svg)"}
    for name, value in parts.items():
        lines = lines.replace("{{" + name + "}}", value)
    return lines


def best(name: str) -> int:
    """The dimension by which a candidate is compared: 1,024, or all that it has."""
    dimensions = MODELS[name].dimensions
    return 1024 if 1024 in dimensions else dimensions[-1]


OVERVIEW = {"sts-en": "spearman", "sts-zh": "spearman", "sts-de": "spearman", "sts-ja": "spearman", "tatoeba-mean": "accuracy", "cluster-agnews": "v",
            "search-xquad_en q→d": "mrr", "search-xquad_zh q→d": "mrr", "search-xquad_zh-to-en q→d": "mrr", "search-code_pystdlib q→d": "ndcg"}


FRONT = ("sts-en", "sts-zh", "tatoeba-mean", "search-xquad_en q→d", "search-xquad_zh q→d", "search-xquad_zh-to-en q→d")


def front_mean(name: str, results: dict) -> float | None:
    """The mean by which the picture compares: the sets of FRONT at the candidate's dimension; None where one is missing."""
    values = [results.get(title, {}).get(str(best(name)), {}).get(OVERVIEW[title]) for title in FRONT]
    return None if None in values else float(np.mean(values))  # type: ignore[arg-type]


def overview(found: dict[str, dict], speeds: dict[str, dict]) -> str:
    """One line a candidate at its usual dimension."""
    names = [title.removeprefix("search-") for title in OVERVIEW]
    lines = ["| candidate | components | " + " | ".join(names) + " | mean |", "|---|---|" + "---|" * (len(names) + 1)]
    for name, results in found.items():
        values = [results.get(title, {}).get(str(best(name)), {}).get(measure) for title, measure in OVERVIEW.items()]
        mean = "" if (value := front_mean(name, results)) is None else f"{value:.3f}"
        cells = ["" if value is None else f"{value:.3f}" for value in values]
        lines.append(f"| {TITLES[name]} | {best(name)} | " + " | ".join(cells) + f" | {mean} |")
    return "\n".join(lines)


def speed_table(speeds: dict[str, dict]) -> str:
    """Speed, bytes and load time."""
    if not speeds:
        return ""
    lines = ["| model | texts a CPU-second | times the teacher | bytes of the network | load, CPU-seconds |", "|---|---|---|---|---|"]
    for name, facts in speeds.items():
        ratio = facts["texts_per_s"] / speeds["e5"]["texts_per_s"]
        lines.append(f"| {TITLES[name]} | {facts['texts_per_s']:,.0f} | {ratio:.1f} | {facts['bytes'] / 1e6:,.1f} MB | {facts['load_s']:.2f} |")
    for name, (layers, pieces) in UNTRAINED.items():
        lines.append(f"| {TITLES[name]} | | | {stated_bytes(len(layers), pieces) / 1e6:.1f} MB, by arithmetic | |")
    return "\n".join(lines)


MEASURES = {"sts": ("spearman",), "tatoeba": ("accuracy",), "cluster": ("v",), "search": ("ndcg", "mrr")}


def sets_table(found: dict[str, dict]) -> str:
    """Every set, every candidate that was measured on it, at every dimension of DIMENSIONS; and BM25 where there is search."""
    order = dict.fromkeys(title for results in found.values() for title in results)
    lines: list[str] = []
    for family, measures in MEASURES.items():
        for measure in measures:
            lines += [f"### {family}: {measure}", "", "| set | model | " + " | ".join(map(str, DIMENSIONS)) + " |", "|---|---|" + "---|" * len(DIMENSIONS)]
            for title in (title for title in order if title.startswith(family)):
                for name, results in found.items():
                    if title in results:
                        lines.append(f"| {title} | {name} | " + " | ".join(cell(results[title], d, measure) for d in DIMENSIONS) + " |")
                for name, value in lexical(title, measure):
                    lines.append(f"| {title} | {name} | {value:.3f} |" + " |" * (len(DIMENSIONS) - 1))
            lines.append("")
    return "\n".join(lines)


def lexical(title: str, measure: str) -> list[tuple[str, float]]:
    """BM25 on a search set, from the page of the quality benchmark (benchmarks/results/quality.json), the better analyser."""
    path = RESULTS / "quality.json"
    if not title.endswith("q→d") or not path.exists():
        return []
    own = title.removeprefix("search-").removesuffix(" q→d").replace("_", "-")
    wanted = {"ndcg": "nDCG@10", "mrr": "MRR@10"}[measure]
    held = json.loads(path.read_text())["measurements"]
    values = [item["values"][0] for item in held if item["metric"] == wanted and item["use"].startswith("BM25") and key(item["set"]) == key(own)]
    return [("BM25", max(values))] if values else []


def key(name: str) -> str:
    """A set's name without its punctuation, as two programs write it."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def published_table(found: dict[str, dict]) -> str:
    """Published figures beside ours."""
    lines = ["| set | published: potion-multilingual-128M | published: static-similarity-mrl-multilingual-v1 | published: multilingual-e5-small | static, here | shipped, here | large, here | e5, here |",
             "|---|---|---|---|---|---|---|---|"]
    measure = {"sts": "spearman", "tatoeba": "accuracy"}
    for title, (name, potion, static, teacher) in PUBLISHED.items():
        own = [f"{100 * found[model][title][str(best(model))][measure[title.split('-')[0]]]:.1f}" if title in found.get(model, {}) else "" for model in ("static", "shipped", "large", "e5")]
        lines.append(f"| {name} | {potion} | {static} | {teacher} | " + " | ".join(own) + " |")
    return "\n".join(lines)


def points(found: dict[str, dict], speeds: dict[str, dict]) -> list[tuple[str, float, float, float]]:
    """(name, texts a CPU-second, mean quality, megabytes) of every model whose speed and figures are known."""
    result = []
    for name, facts in speeds.items():
        mean = front_mean(name, found.get(name, {}))
        if mean is not None:
            result.append((name, facts["texts_per_s"], mean, facts["bytes"] / 1e6))
    return result


def main() -> None:
    """Measure, time, or write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--measure", choices=list(MODELS))
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(evaluate.THREADS)
    if arguments.measure:
        for part in HEADLINE:
            evaluate.evaluate(arguments.measure, part)
    if arguments.speed:
        speed()
    if arguments.table:
        (RESULTS / "builtin-candidates.md").write_text(table())
        found = {name: json.loads(path.read_text()) for name in TITLES if (path := results_path(name)).exists()}
        speeds = json.loads((WORK / "speeds.json").read_text())
        plot(points(found, speeds), RESULTS / "builtin-candidates.svg")


if __name__ == "__main__":
    main()
