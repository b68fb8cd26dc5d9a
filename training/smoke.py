"""The whole chain in about two minutes of two cores, on sentences made up for it (smoke_data.py); writes into `smoke` of the work folder.

Downloads nothing. What it needs are the packages of requirements.txt, the two teachers among them. `--real` takes the data
folder (QUIVER_DATA) instead, of which the smoke settings of config.json use little.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import smoke_data
from common import HERE

STEPS = ("fetch.py", "pool.py", "translations.py", "check_leakage.py", "vocabulary.py", "label.py --shards 1",
         "label.py --texts more --shards 1", "distill.py", "contrast.py", "contrast.py --phase sts",
         "average.py contrast sts", "scale.py", "widen.py", "export.py", "evaluate.py --model shipped --only sts-", "evaluate.py --table", "export.py --facts", "goldens.py",
         "term_weights.py", "static_train.py", "static_export.py", "evaluate.py --model static --only sts-", "static_export.py --facts")


def main() -> None:
    """Run every step; stop at the first that fails."""
    work = Path(os.environ.get("QUIVER_WORK", HERE / ".work")).resolve()
    shutil.rmtree(work / "smoke", ignore_errors=True)  # else steps would go on from their checkpoints
    smoke_data.further_words(work / "smoke/words")
    environment = {name: value for name, value in os.environ.items() if name != "QUIVER_LOCALISATIONS"}
    environment |= {"QUIVER_WORK": str(work), "QUIVER_WORDS": str(work / "smoke/words")}
    if "--real" not in sys.argv:
        smoke_data.main(work / "smoke/data", work)
        environment["QUIVER_DATA"] = str(work / "smoke/data")
    begin = time.monotonic()
    for step in STEPS:
        start = time.monotonic()
        subprocess.run([sys.executable, *step.split(), "--smoke"], cwd=HERE, check=True, env=environment)
        print(f"== {step}: {time.monotonic() - start:.0f} s", flush=True)
    print(f"== the whole chain: {time.monotonic() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
