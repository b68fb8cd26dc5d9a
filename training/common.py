"""What every step shares: paths, configuration, seeds, progress, hashes, reading the tab-separated data."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("QUIVER_DATA", ROOT.parent / "shared" / "data"))
SMOKE = "--smoke" in sys.argv
WORK = Path(os.environ.get("QUIVER_WORK", HERE / ".work")) / ("smoke" if SMOKE else "full")
GOLDENS = WORK / "goldens" if SMOKE else ROOT / "packages/server/src/engines/builtin"
STATIC_WEIGHTS = WORK / "static-weights"  # a candidate that is not shipped: docs/decisions/0020-static-model.md
RESULTS = WORK / "results" if SMOKE else ROOT / "benchmarks/results"
CONFIG: dict[str, Any] = json.loads((HERE / "config.json").read_text())
for _name, _value in CONFIG.pop("smoke").items() if SMOKE else ():  # the same recipe, smaller
    CONFIG[_name] = CONFIG[_name] | _value if isinstance(_value, dict) else _value
SEED: int = CONFIG["seed"]
STUDENT = os.environ.get("QUIVER_STUDENT", "base")  # one of `students` in config.json
CHECKPOINTS = WORK / STUDENT


def weights_of(student: str) -> Path:
    """Where a student's files for the server lie."""
    return WORK / student / "weights" if SMOKE else ROOT / "packages/server/weights" / CONFIG["students"][student]["weights"]


WEIGHTS = weights_of(STUDENT)

CHECKPOINTS.mkdir(parents=True, exist_ok=True)


def seeded(step: str) -> random.Random:
    """A random generator of its own for each step, so that steps can be re-run alone."""
    return random.Random(f"{SEED}:{step}")


def threads() -> int:
    """Threads to compute with: THREADS, or every processor this process may use."""
    return int(os.environ.get("THREADS", len(os.sched_getaffinity(0))))


def rows(path: Path) -> Iterator[list[str]]:
    """The records of a gzipped tab-separated file without quoting."""
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        for line in handle:
            yield line.rstrip("\n").split("\t")


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a (gzipped) JSON-lines file."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as handle:
        for line in handle:
            yield json.loads(line)


def write_jsonl(path: Path, objects: Iterable[dict[str, Any]]) -> int:
    """Write objects one a line, atomically; returns how many."""
    partial = path.with_suffix(path.suffix + ".part")
    count = 0
    with partial.open("w", encoding="utf-8") as handle:
        for item in objects:
            handle.write(json.dumps(item, ensure_ascii=False) + "\n")
            count += 1
    partial.replace(path)
    return count


def letters(text: str) -> str:
    """The letters-only lower-case form by which training and evaluation texts are compared."""
    return re.sub(r"[\W\d_]+", "", text.lower())


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class Progress:
    """One line on stderr, rewritten at most twice a second: done / total, rate, time left."""

    def __init__(self, name: str, total: float) -> None:
        self.name, self.total, self.done = name, total, 0.0
        self.start = self.shown = time.monotonic()

    def add(self, amount: float, note: str = "") -> None:
        """Count `amount` more units as done."""
        ends = self.done < self.total <= self.done + amount
        self.done += amount
        now = time.monotonic()
        if now - self.shown < (0.5 if sys.stderr.isatty() else 15) and not ends:
            return
        self.shown = now
        rate = self.done / max(now - self.start, 1e-6)
        left = max(0.0, self.total - self.done) / max(rate, 1e-6)
        end = "" if sys.stderr.isatty() and self.done < self.total else "\n"
        print(f"\r{self.name} {self.done:,.0f}/{self.total:,.0f}  {rate:,.0f}/s  {left:,.0f} s left  {note}",
              end=end, file=sys.stderr, flush=True)
