"""What was measured, as tables: `benchmarks/results/builtin-image.md`, and the figures of the model card."""

from __future__ import annotations

import json
from typing import Any

from shared import CONFIG, HERE, RESULTS, WORK

KIND_NAMES = {"en": "English", "zh": "Chinese, written", "zh_mt_baidu": "Chinese, translated"}
ELSEWHERE = """## For scale
Other photos, other captions, other numbers of candidates: these show the order of size, no more.

| model | bytes, float32 | set | text → picture R@1 / 5 / 10 | picture → text R@1 / 5 / 10 | source |
|---|---|---|---|---|---|
| the recipe this began with (bag of pieces, 6,000 photos) | about 11 MB | Flickr8k test, 1,000 photos, en | 15.2 / 38.3 / 52.6 | 19.8 / 48.6 / 61.1 | measured before |
| the same | | translated zh | 13.5 / 35.6 / 49.5 | 18.2 / 44.5 / 58.1 | measured before |
| the same | | written zh | 8.4 / 26.4 / 38.6 | 12.7 / 32.9 / 44.3 | measured before |
| Chinese-CLIP ViT-B/16, zero-shot | 0.75 GB | Flickr30K-CN test, 1,000 photos | 62.7 / 86.9 / 92.8 | 74.6 / 93.5 / 97.1 | its repository, Results.md |
| Chinese-CLIP ViT-H/14, zero-shot | 3.8 GB | the same | 71.2 / 91.4 / 95.5 | 81.6 / 97.5 / 98.8 | the same |
| SigLIP 2 base, 256 px | 1.5 GB | COCO, 5,000 photos | 53.2 / – / – | 69.7 / – / – | its paper, arXiv:2502.14786 |
"""


def triple(found: dict[str, float], way: str) -> str:
    """R@1 / 5 / 10 of one way of search."""
    return " / ".join(f"{found[f'{way}@{k}']:.1f}" for k in (1, 5, 10))


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *rows])


def search_table(metrics: dict[str, Any], dimensions: list[int]) -> str:
    """Search by kind of caption and dimension."""
    rows = [[name, str(dimension), triple(found, "t2i"), f"{found['t2i median']:.0f}", triple(found, "i2t")]
            for kind, name in KIND_NAMES.items() for dimension in dimensions for found in [metrics["search"][f"{kind} {dimension}"]]]
    return table(["captions", "dimension", "text → picture R@1 / 5 / 10", "median rank", "picture → text R@1 / 5 / 10"], rows)


def zero_shot(metrics: dict[str, Any]) -> str:
    """Labels, topics, emoji."""
    lines = []
    if metrics["labels"]:
        rows = [[str(d), *(f"{metrics['labels'][f'{lang} {d}'][top]:.1f}" for lang in ("en", "zh") for top in ("top-1", "top-5"))] for d in CONFIG["dimensions"]]
        lines += ["1,000 ImageNet labels on 1,000 pictures, one each (optimistic: the backbone learnt from ImageNet):", "",
                  table(["dimension", "en top-1", "en top-5", "zh top-1", "zh top-5"], rows), ""]
    topics = metrics["topics"]
    lines += [f"13 topics on the {topics['photos']} val photos whose captions name just one: en {topics['zero-shot en']:.1f} %, zh {topics['zero-shot zh']:.1f} % right.", ""]
    for lang, found in metrics["held-out emoji"].items():
        lines += [f"165 emoji that were never trained on, by their {lang} name: R@1 / 5 / 10 {triple(found, 't2i')} (chance 0.6 / 3.0 / 6.1).", ""]
    return "\n".join(lines)


def like_pictures(metrics: dict[str, Any]) -> str:
    """Picture → picture."""
    topics = metrics["topics"]
    return table(["dimension", "P@1", "P@5"], [[str(d), f"{topics[f'P@1 {d}']:.1f}", f"{topics[f'P@5 {d}']:.1f}"] for d in CONFIG["dimensions"]])


def variants() -> str:
    """What was tried, by the dev photos; the last line of each variant counts."""
    path = WORK / "dev.jsonl"
    found = {line["variant"]: line for line in map(json.loads, path.read_text().splitlines())} if path.exists() else {}
    rows = [[name, *(f"{line['dev'][kind]['t2i@10']:.1f} / {line['dev'][kind]['i2t@10']:.1f}" for kind in KIND_NAMES),
             *(" / ".join(f"{line['labels'][lang][figure]}" for lang in ("en", "zh")) for figure in ("loss", "top-1", "agrees")), f"{line['cpu_seconds']}"]
            for name, line in found.items()]
    header = [*(f"{name}: R@10 t→p / p→t" for name in KIND_NAMES.values()), "labels, en / zh: loss", "top-1", "agrees", "CPU s"]
    return table(["variant", *header], rows)


def write_results(metrics: dict[str, Any]) -> None:
    """`benchmarks/results/builtin-image.md`."""
    path = WORK / "dev.jsonl"
    tried = {json.loads(line)["variant"] for line in path.read_text().splitlines()} if path.exists() else set()
    notes = "\n".join(f"- `{name}`: {text}" for name, text in CONFIG["variant_notes"].items() if name in tried)
    (RESULTS / "builtin-image.md").write_text(f"""# The built-in picture model, measured

Made by `cd training/image && python evaluate.py`: the shipped files in onnxruntime. Speed and memory: `builtin-image-speed.md`.

## Search among the 1,000 val photos of Flickr8k
Five captions a photo and kind; chance is 0.1 / 0.5 / 1.0. No caption of theirs was trained on. They were looked at between trials, which the dev photos decided.

{search_table(metrics, CONFIG["dimensions"])}

{ELSEWHERE}
## Zero-shot
{zero_shot(metrics)}
## Picture → picture
Nearest other photos with the same topic, in percent.

{like_pictures(metrics)}

## What was tried
Measured on the dev split: 500 photos of the train split, among themselves (so higher than among 1,000), not trained on here; and
on features imagined for each of the 1,000 labels over these photos, found by the label's first name (loss, top-1); agrees: dev photos of which the
backbone is more than half sure, for which the words say the same label.

{variants()}

{notes}

Ready to be measured, and not yet: {", ".join(f"`{name}`" for name in CONFIG["variants"] if name not in tried) or "none"}.

{(HERE / "attempts.md").read_text()}""")


def card_figures(metrics: dict[str, Any]) -> str:
    """The short form for the model card."""
    parts = [search_table(metrics, [1024, 256, 64]), zero_shot(metrics).strip(),
             f"Nearest other photo with the same topic: {metrics['topics']['P@1 1024']:.1f} % at 1,024 components, {metrics['topics']['P@1 64']:.1f} % at 64."]
    return "\n\n".join(parts)
