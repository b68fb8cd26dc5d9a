"""What every step of the picture side shares: its own paths and configuration, and the tools of the text side's `common.py`."""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))  # after this folder, which has files of the same names

from arithmetic import FAST, autocast  # noqa: E402
from common import DATA, ROOT, Progress, letters, read_jsonl, sha256  # noqa: E402

__all__ = ["BACKBONE", "CONFIG", "FAST", "HERE", "PHOTOS", "RESULTS", "ROOT", "SEED", "TEXT_WEIGHTS", "WEIGHTS", "WORK", "Progress", "autocast",
           "letters", "read_jsonl", "seeded", "sha256"]

CONFIG: dict[str, Any] = json.loads((HERE / "config.json").read_text())
SEED: int = CONFIG["seed"]
PHOTOS = DATA / "image"
BACKBONE = PHOTOS / "backbone"
WORK = Path(os.environ.get("QUIVER_WORK", HERE.parent / ".work")) / "image"
TEXT_WEIGHTS = ROOT / "packages/server/weights/builtin-text"
WEIGHTS = ROOT / "packages/server/weights/builtin-image"
RESULTS = ROOT / "benchmarks/results"

WORK.mkdir(parents=True, exist_ok=True)


def seeded(step: str) -> random.Random:
    """A random generator of its own for each step, so that steps can be run again alone."""
    return random.Random(f"{SEED}:{step}")
