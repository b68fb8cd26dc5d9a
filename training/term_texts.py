"""The texts over which terms are counted, each with its register.

A register is a language, code, or a kind of text whose little words are no other text's: a question's ("how", "怎么") and
a package description's ("python"). `term_weights.py` takes a term's share in the register where it is most common.
"""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from check_leakage import is_leak
from common import DATA, WORK, read_jsonl, rows

TRAIN = DATA / "text/train"
PARAGRAPHS = 60  # of one package's description
SHORTEST_PARAGRAPH = 40  # letters


class Text(NamedTuple):
    """A text and the register that it is counted in."""

    register: str
    text: str


def counted_texts() -> Iterator[Text]:
    """Every text, no evaluation text among them."""
    for item in read_jsonl(WORK / "pool.jsonl"):
        yield Text({"code": "code", "docstring": "docstrings"}.get(item["kind"], item["lang"].replace("zht", "zh")), item["text"])
    yield from (text for text in dict.fromkeys([*questions(), *descriptions()]) if not is_leak(text.text))


def questions() -> Iterator[Text]:
    """What people ask assistants and search engines."""
    for source, _, text in rows(TRAIN / "mono.tsv.gz"):
        if source in ("clinc150", "bustm"):
            yield Text("questions en" if source == "clinc150" else "questions zh", text)
    for source, _, _, first, second in rows(TRAIN / "pairs.tsv.gz"):
        if source in ("lcqmc-dev", "oppo-test"):
            yield from (Text("questions zh", first), Text("questions zh", second))
        if source == "trecqa-train":
            yield Text("questions en", first)


def is_held_out(package: str) -> bool:
    """Whether a package's functions are search sets (`term_sets.py`); one in five."""
    return int.from_bytes(package.encode(), "big") % 5 == 0


def descriptions() -> Iterator[Text]:
    """Paragraphs of the descriptions of the packages that `fetch.py` has downloaded, but for the held-out ones."""
    for folder in sorted((WORK.parent / "packages").iterdir()):
        if is_held_out(folder.name):
            continue
        for archive in sorted(folder.glob("*.*")):
            _, _, body = metadata(archive).partition("\n\n")
            paragraphs = [re.sub(r"\s+", " ", part) for part in re.split(r"\n\s*\n", body)]
            yield from (Text("descriptions", part) for part in [p for p in paragraphs if len(p) > SHORTEST_PARAGRAPH][:PARAGRAPHS])


def metadata(archive: Path) -> str:
    """A package's METADATA or PKG-INFO."""
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as bundle:
            names = [name for name in bundle.namelist() if name.endswith(("METADATA", "PKG-INFO"))]
            return bundle.read(names[-1]).decode("utf-8", "replace") if names else ""
    if not archive.name.endswith((".tar.gz", ".tgz")):
        return ""
    with tarfile.open(archive) as bundle:
        for item in bundle:
            if item.isfile() and item.name.count("/") == 1 and item.name.endswith("PKG-INFO"):
                handle = bundle.extractfile(item)
                return handle.read().decode("utf-8", "replace") if handle else ""
    return ""
