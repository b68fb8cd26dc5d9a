"""The whole chain on a few thousand texts, in the work folder's `smoke` part; nothing else is written."""

from __future__ import annotations

import subprocess
import sys
import time

from common import HERE

STEPS = ("fetch.py", "pool.py", "translations.py", "check_leakage.py", "vocabulary.py", "label.py --shards 1",
         "label.py --texts more --shards 1", "distill.py", "contrast.py", "contrast.py --phase sts",
         "average.py contrast contrast-mean sts", "scale.py", "export.py", "evaluate.py --model shipped --only sts-", "evaluate.py --table", "export.py", "goldens.py",
         "term_weights.py")


def main() -> None:
    """Run every step; stop at the first that fails."""
    for step in STEPS:
        start = time.monotonic()
        subprocess.run([sys.executable, *step.split(), "--smoke"], cwd=HERE, check=True)
        print(f"== {step}: {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
