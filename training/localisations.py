"""What further languages are written with: texts and word counts by which `widen.py` chooses pieces. Nothing is trained on them.

QUIVER_LOCALISATIONS  folder of Debian packages with the translations of two programs (MPL-2.0), 120 languages:
    apt-get download $(apt-cache search --names-only '^(libreoffice|firefox-esr)-l10n-' | cut -d' ' -f1)
QUIVER_WORDS          content/2018 of github.com/hermitdave/FrequencyWords: words of film subtitles and how often they occur
                      (CC BY-SA 4.0), 60 languages
"""

from __future__ import annotations

import gettext
import io
import os
import re
import subprocess
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

MOST_WORDS = 50_000
LETTERS = (8, 300)  # of a text that is counted: single labels of buttons and whole licences are left out
# What is no language: mark-up, placeholders, the letter that opens a menu.
MARKS = [(re.compile(r"<[^<>]*>|%PRODUCTNAME|\{ ?-brand[^}]*\}"), ""), (re.compile(r"[~_&](?=\w)"), ""), (re.compile(r"\s+"), " ")]
PROGRAM = re.compile(r"[{}$%\\|]|https?:|\w+\.\w+\(")
MESSAGE = re.compile(r"^(?:[a-zA-Z][\w-]*|\s+\.[\w-]+) ?=(.*)$")
PROPERTY = re.compile(r"^[\w.-]+\s*=\s*(.*)$")


def _fluent(source: str) -> Iterator[str]:
    """The messages and attributes of a Fluent file, whose values may go on in indented lines."""
    parts: list[str] = []
    for line in [*source.splitlines(), ""]:
        begins = MESSAGE.match(line)
        if parts and not begins and line.startswith(" "):
            parts.append(line)
            continue
        if parts:
            yield " ".join(parts)
        parts = [begins[1]] if begins else []


def _messages(name: str, content: bytes) -> Iterator[str]:
    """The texts of one file of a package."""
    if name.endswith(".mo"):
        yield from (text for text in gettext.GNUTranslations(io.BytesIO(content))._catalog.values() if isinstance(text, str))  # type: ignore[attr-defined]
    elif name.endswith(".xpi"):
        with zipfile.ZipFile(io.BytesIO(content)) as bundle:
            for inner in bundle.namelist():
                source = bundle.read(inner).decode("utf-8", "replace")
                if inner.endswith(".ftl"):
                    yield from _fluent(source)
                elif inner.endswith(".properties"):
                    yield from (found[1] for line in source.splitlines() if (found := PROPERTY.match(line)))


def _texts(package: Path) -> Iterator[str]:
    """The texts of a Debian package that are worth counting, without marks."""
    tree = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(tree)) as archive:
        held = [(member.name, file.read()) for member in archive if member.name.endswith((".mo", ".xpi")) and (file := archive.extractfile(member))]
    for text in (text for name, content in held for text in _messages(name, content)):
        for mark, instead in MARKS:
            text = mark.sub(instead, text)
        if LETTERS[0] <= len(text.strip()) <= LETTERS[1] and not PROGRAM.search(text):
            yield text.strip()


def texts() -> dict[str, list[str]]:
    """Language code of a package → its texts, each once; empty without QUIVER_LOCALISATIONS."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    folder = os.environ.get("QUIVER_LOCALISATIONS")
    for package in sorted(Path(folder).glob("*-l10n-*.deb")) if folder else ():
        lang = package.name.split("-l10n-")[1].split("_")[0]
        if not lang.startswith("en-") and lang != "all":
            found[lang] |= dict.fromkeys(_texts(package))
    return {lang: list(own) for lang, own in found.items()}


def words() -> dict[str, list[tuple[str, int]]]:
    """Language code → its most frequent words and their counts; empty without QUIVER_WORDS."""
    found: dict[str, list[tuple[str, int]]] = {}
    folder = os.environ.get("QUIVER_WORDS")
    for own in sorted(Path(folder).iterdir()) if folder else ():
        if own.name.startswith("ze_"):  # subtitles in two languages at once
            continue
        path = next(path for path in (own / f"{own.name}_50k.txt", own / f"{own.name}_full.txt") if path.exists())
        with path.open(encoding="utf-8") as handle:
            pairs = (line.rstrip("\n").rsplit(" ", 1) for line in islice(handle, MOST_WORDS))
            found[own.name] = [(word, int(count)) for word, count in pairs]
    return found
