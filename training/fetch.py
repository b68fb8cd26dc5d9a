"""Step 1: docstring → function pairs from permissively licensed Python packages.

Downloads the packages of config.json (no dependencies), reads every function that has a docstring, and writes
code.jsonl: {package, query: first docstring sentence, code: the function without its docstring, text: the docstring}.
A package whose metadata names no permissive licence is left out. Never the standard library, numpy, scipy, pandas or
scikit-learn (they are evaluation data), nor copies of the former that some packages carry.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import CONFIG, SMOKE, WORK, Progress, letters, seeded, write_jsonl

PERMISSIVE = re.compile(r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Zope|Unlicense|HPND|Expat)\b", re.I)
RESTRICTIVE = re.compile(r"\b(GPL|LGPL|AGPL|Lesser General|General Public|Mozilla|MPL)\b")
SKIPPED_PATHS = re.compile(r"(^|/)(_?vendor(ed)?|_?distutils|pkg_resources|compat|backports?|extern|externals|tests?|testing|"
                           r"numpy|scipy|pandas|sklearn|lib2to3|stdlib)(/|$|\.py)|six\.py$|(^|/)test_|_test\.py$")
MAX_FUNCTIONS_PER_PACKAGE = 500


def download(package: str) -> Path | None:
    """The wheel (or source archive) of a package, kept between runs."""
    folder = WORK.parent / "packages" / package
    if not any(folder.glob("*.*")):
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--prefer-binary", "-d", str(folder), package]
        subprocess.run(command, check=False, capture_output=True, timeout=300)
    return next(iter(sorted(folder.glob("*.*"))), None)


def members(archive: Path) -> Iterator[tuple[str, str]]:
    """(path, text) of the files inside a wheel or source archive: the metadata first, then Python files at random."""
    def order(names: list[str]) -> list[str]:
        names = [name for name in names if name.endswith((".py", "METADATA", "PKG-INFO")) and not SKIPPED_PATHS.search(name)]
        seeded(f"fetch:{archive.name}").shuffle(names)
        return sorted(names, key=lambda name: name.endswith(".py"))

    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as bundle:
            for name in order(bundle.namelist()):
                yield name, bundle.read(name).decode("utf-8", "replace")
    elif archive.name.endswith((".tar.gz", ".tgz")):
        with tarfile.open(archive) as bundle:
            items = {item.name: item for item in bundle if item.isfile()}
            for name in order(list(items)):
                handle = bundle.extractfile(items[name])
                if handle is not None:
                    yield name, handle.read().decode("utf-8", "replace")


def licence(metadata: str) -> str:
    """The licence fields of a package's metadata, in one line."""
    head = metadata.split("\n\n")[0]
    fields = re.findall(r"^(?:License|License-Expression|Classifier: License)\s*:+\s*(.+)$", head, re.M)
    return "; ".join(dict.fromkeys(field.strip()[:80] for field in fields))


def functions(source: str) -> Iterator[tuple[str, str, str]]:
    """(docstring, code without it, name) of every documented function of one file."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    lines = source.splitlines()
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or len(node.body) < 2:
            continue
        docstring = ast.get_docstring(node)
        if not docstring:
            continue
        first = node.body[0]
        code = lines[node.lineno - 1:first.lineno - 1] + lines[first.end_lineno:node.end_lineno]
        indent = len(code[0]) - len(code[0].lstrip())
        yield docstring, "\n".join(line[indent:] for line in code), node.name


def first_sentence(docstring: str) -> str:
    """The first sentence of a docstring, on one line, without markup."""
    paragraph = re.split(r"\n\s*\n|\n\s*(?::|@|Parameters|Args|Returns)", docstring.strip())[0]
    sentence = re.split(r"(?<=[.!?])\s", re.sub(r"\s+", " ", paragraph))[0]
    return re.sub(r"[`*]+|:\w+:", "", sentence).strip()


def package_pairs(package: str) -> list[dict[str, str]]:
    """The pairs of one package, from files taken at random until there are MAX_FUNCTIONS_PER_PACKAGE."""
    archive = download(package)
    if archive is None:
        return []
    metadata, found, seen = "", [], set()
    for path, text in members(archive):
        if path.endswith(("METADATA", "PKG-INFO")):
            metadata = metadata or text
            continue
        if len(found) >= MAX_FUNCTIONS_PER_PACKAGE:
            break
        for docstring, code, name in functions(text):
            query = first_sentence(docstring)
            if not (20 <= len(query) <= 220 and 60 <= len(code) <= 2500) or query.lower() in seen:
                continue
            if name.startswith("test") or letters(name) and letters(name) == letters(query):
                continue
            seen.add(query.lower())
            found.append({"package": package, "query": query, "code": code, "text": docstring[:1200]})
    terms = licence(metadata)
    if not PERMISSIVE.search(terms) or RESTRICTIVE.search(terms):
        print(f"left out {package}: licence {terms or 'not stated'!r}", file=sys.stderr)
        return []
    for pair in found:
        pair["licence"] = terms
    seeded(f"fetch:{package}").shuffle(found)
    return found[:MAX_FUNCTIONS_PER_PACKAGE]


def main() -> None:
    """Download, extract, write."""
    packages = CONFIG["packages"][:6] if SMOKE else CONFIG["packages"]
    progress = Progress("fetch", len(packages))
    pairs: list[dict[str, str]] = []
    with ThreadPoolExecutor(6) as downloads:
        list(downloads.map(download, packages))
    for package in packages:
        pairs += package_pairs(package)
        progress.add(1, f"{len(pairs):,} functions")
    seeded("fetch").shuffle(pairs)
    write_jsonl(WORK / "code.jsonl", pairs)


if __name__ == "__main__":
    main()
