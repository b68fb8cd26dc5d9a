"""No evaluation text in the training texts: the filter the other steps use, and (run as a script) the proof.

Two texts are the same when their letters-only lower-case forms are equal. Compared are STSb dev and test, Tatoeba, both
title clustering sets, every query and document of usecases/search and every sentence of usecases/cluster.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterator

from common import DATA, WORK, letters, read_jsonl, rows


def evaluation_texts() -> Iterator[str]:
    """Every evaluation text of the data folder."""
    folder = DATA / "text/eval"
    for name in ("stsb_dev", "stsb_test"):
        for _, _, first, second in rows(folder / f"{name}.tsv.gz"):
            yield first
            yield second
    for _, text, english in rows(folder / "tatoeba.tsv.gz"):
        yield text
        yield english
    for _, title in rows(folder / "cluster_zh_thucnews.tsv.gz"):
        yield title
    for _, title, description in rows(folder / "cluster_en_agnews.tsv.gz"):
        yield title
        yield description
    for path in sorted((DATA / "usecases/search").glob("*/*.jsonl.gz")):
        for item in read_jsonl(path):
            yield item["text"]
    for path in sorted((DATA / "usecases/cluster").glob("*.tsv.gz")):
        for record in rows(path):
            yield record[2].strip('"')


@functools.cache
def forbidden() -> frozenset[str]:
    """The compared forms of all evaluation texts (very short ones, such as "yes", carry nothing and are left out)."""
    return frozenset(form for form in map(letters, evaluation_texts()) if len(form) >= 4)


def is_leak(text: str) -> bool:
    """Whether a training text is an evaluation text."""
    return letters(text) in forbidden()


def main() -> None:
    """Check every text that is labelled, translated or paired; exit status 1 if any is an evaluation text."""
    report = {}
    for name, fields in (("pool", ["text"]), ("more", ["text"]), ("translations", ["text", "english"]), ("pairs", ["first", "second"]),
                         ("passages", ["first", "second"])):
        leaks = checked = 0
        for item in read_jsonl(WORK / f"{name}.jsonl"):
            for field in fields:
                checked += 1
                leaks += is_leak(item[field])
        report[name] = {"texts": checked, "leaks": leaks}
    (WORK / "leakage.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report))
    sys.exit(any(part["leaks"] for part in report.values()))


if __name__ == "__main__":
    main()
