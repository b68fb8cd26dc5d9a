"""Pages of benchmarks/results that are measured model by model: what a model came to is kept in the work folder until the page is written."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from common import RESULTS, WORK
from evaluate import MODELS, THREADS, version


def kept(page: str, model: str) -> Path:
    """Where a model's results for a page lie, by the hash of its file."""
    return WORK / f"{page}-{version(model)}.json"


def found(page: str, models: tuple[str, ...]) -> dict[str, Any]:
    """Model → results, of those that were measured, in this order."""
    return {model: json.loads(path.read_text()) for model in models if (path := kept(page, model)).exists()}


def commands(page: str, models: tuple[str, ...]) -> str:
    """How the page was made, as markdown."""
    first, *others = models
    return f"Made by `cd training && python {page}.py --model {first}`, then " + ", ".join(f"`--model {model}`" for model in others) + " and `--table`."


def run(page: str, measure: Callable[[str], Any], table: Callable[[], str]) -> None:
    """The command line: `--model NAME` measures and keeps, `--table` writes the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=list(MODELS))
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    if arguments.model:
        kept(page, arguments.model).write_text(json.dumps(measure(arguments.model), indent=1))
    if arguments.table:
        (RESULTS / f"builtin-{page}.md").write_text(table())
