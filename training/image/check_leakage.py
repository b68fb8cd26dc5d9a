"""No caption of the val photos in the training texts, and none of its photos: the filter `data.py` uses, and (run as a script) the proof.

Two texts are the same when their letters-only lower-case forms are equal. Many photos of dogs have the same short caption: such
captions of training photos are left out, in every language.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from pathlib import Path

from sets import Pictured, held_out_emoji, emoji, photos
from shared import WORK, letters


@functools.cache
def forbidden() -> frozenset[str]:
    """The compared forms of all captions of the val photos."""
    return frozenset(letters(text) for item in photos("val") for texts in item.texts.values() for text in texts)


def without_leaks(item: Pictured) -> Pictured:
    """The same picture without texts that a val photo has too."""
    kept = {kind: [text for text in texts if letters(text) not in forbidden()] for kind, texts in item.texts.items()}
    return Pictured(item.path, {kind: texts for kind, texts in kept.items() if texts})


def digest(path: Path) -> str:
    """Hash of a picture file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Check what the training draws from; exit status 1 if any of it measures."""
    from data import Training  # here, because data.py needs the filter above

    data = Training(whole=True, views=["plain"])
    texts = data.texts()
    pictures = [item.path for item in [*data.photos.items, *data.emoji.items]]
    held = {digest(item.path) for item in photos("val")} | {digest(emoji()[i].path) for i in held_out_emoji()}
    report = {"texts": len(texts), "leaking texts": sum(letters(text) in forbidden() for text in texts),
              "captions left out": sum(letters(text) in forbidden() for item in photos("train") for kind in item.texts.values() for text in kind),
              "pictures": len(pictures), "leaking pictures": sum(digest(path) in held for path in pictures)}
    (WORK / "leakage.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report))
    sys.exit(report["leaking texts"] + report["leaking pictures"] > 0)


if __name__ == "__main__":
    main()
