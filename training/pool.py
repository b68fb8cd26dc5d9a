"""Step 2: the texts to distil on (pool.jsonl) and the text pairs for the contrastive phase (pairs.jsonl).

pool.jsonl, in the random order in which it is labelled and trained: {id, kind, lang, text, english}
  kind     short | long | code | docstring; english = an English text of the same meaning ("" if none is known):
           it lets the English-only second teacher speak for other languages.
pairs.jsonl: {task, lang, first, second}
  task     parallel | duplicate | entail | title | keywords | answer | code
Every text that is an evaluation text is left out (check_leakage.py).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from check_leakage import is_leak
from common import DATA, SMOKE, WORK, Progress, letters, read_jsonl, rows, seeded, write_jsonl

TRAIN = DATA / "text/train"
CONSECUTIVE = ("ntrex", "tico19")  # sources whose lines follow one another in a document

# How many short texts to draw by (source, language); "*" = any language not named. Chosen for flat language counts:
# Chinese about a third, English a quarter.
MONO_QUOTA = {
    ("tnews", "zh"): 9000, ("thucnews-dev", "zh"): 9500, ("eprstmt", "zh"): 3000, ("bustm", "zh"): 1500,
    ("commonvoice", "zh"): 7000, ("commonvoice", "en"): 8000, ("clinc150", "en"): 3500, ("clinc-wiki", "en"): 6000,
    ("commonvoice", "de"): 6000, ("commonvoice", "fr"): 5000, ("commonvoice", "es"): 6000, ("commonvoice", "ja"): 4500,
    ("commonvoice", "ko"): 1308, ("commonvoice", "th"): 155, ("commonvoice", "ru"): 600, ("commonvoice", "*"): 1800,
}
PARALLEL_QUOTA = {
    ("tanaka-enja", "ja"): 7000, ("multi30k", "*"): 2000, ("tatoeba-manythings", "zh"): 6000, ("tico19", "*"): 1200,
    ("ntrex", "*"): 1000, ("tico19", "zh"): 2500, ("ntrex", "zh"): 1495, ("tico19", "ru"): 2500, ("ntrex", "ru"): 1495,
    ("tico19", "es"): 2500, ("ntrex", "th"): 1495, ("ntrex", "ko"): 1495, ("ntrex", "de"): 1495, ("ntrex", "es"): 1495,
    ("ntrex", "fr"): 1495, ("ntrex", "ja"): 1495, ("park-koen", "ko"): 2995, ("jhe-koen", "ko"): 1433, ("iwslt15-envi", "vi"): 2795,
}
STSB_QUOTA = {"en": 8500, "zh": 8500, "de": 4500, "es": 4500, "fr": 4500, "ja": 4500, "ru": 4000, "*": 2500}
PAIRS_QUOTA = {"oppo-test": 7000, "afqmc-train": 7000, "lcqmc-dev": 6000, "qbqtc-dev": 9000, "cmnli-dev": 6000, "csnli-dev": 3500,
               "ocnli-dev": 2500, "pawsx-dev": 1200, "cinlid": 2500, "trecqa-train": 347}
LONG_QUOTA = {("csl", "zh"): 1183, ("csldcp", "zh"): 3000, ("iflytek", "zh"): 2500, ("chid", "zh"): 1500}
WINDOWS_PER_LANGUAGE = {"en": 1600, "zh": 900, "*": 240}
CODE_TEXTS = 7000


class Text(NamedTuple):
    """One text of the pool."""

    kind: str
    lang: str
    text: str
    english: str = ""


def quota(table: dict, *key: str) -> int:
    """The entry of a quota table for (source, language) or (language,), with "*" for the rest; 0 if unnamed."""
    exact = key if len(key) > 1 else key[0]
    fallback = (key[0], "*") if len(key) > 1 else "*"
    return table.get(exact, table.get(fallback, 0))


def take(groups: dict, table: dict, step: str) -> Iterator:
    """Draw each group's quota at random."""
    for key in sorted(groups):
        items = groups[key]
        seeded(f"pool:{step}:{key}").shuffle(items)
        yield from items[: quota(table, *(key if isinstance(key, tuple) else (key,)))]


def speech_noise(text: str) -> bool:
    """Texts not worth a label: nearly empty ones."""
    return len(letters(text)) < 2


def mono() -> Iterator[Text]:
    """Single sentences, and the long Chinese passages among them."""
    groups: dict[tuple[str, str], list[Text]] = defaultdict(list)
    long: dict[tuple[str, str], list[Text]] = defaultdict(list)
    for source, lang, text in rows(TRAIN / "mono.tsv.gz"):
        if (source, lang) in LONG_QUOTA:
            long[source, lang].append(Text("long", lang, text[:700]))
        elif quota(MONO_QUOTA, source, lang):
            groups[source, lang].append(Text("short", lang, text, text if lang == "en" else ""))
    yield from take(groups, MONO_QUOTA, "mono")
    yield from take(long, LONG_QUOTA, "long")


def parallel() -> Iterator[Text]:
    """Both sides of translations; and windows of consecutive lines as long passages."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for source, _, lang, english, text in rows(TRAIN / "parallel.tsv.gz"):
        groups[source, lang].append((english, text))
    for (source, lang), lines in sorted(groups.items()):
        if source not in CONSECUTIVE:
            continue
        draw = seeded(f"pool:window:{source}:{lang}")
        wanted = quota(WINDOWS_PER_LANGUAGE, lang) // 2
        english_wanted = WINDOWS_PER_LANGUAGE["en"] // 30
        for number in range(max(wanted, english_wanted)):
            start = draw.randrange(len(lines))
            part = lines[start:start + draw.randint(2, 7)]
            glue = "" if lang in ("zh", "zht", "ja", "th") else " "
            english = " ".join(line[0] for line in part)
            if number < wanted:
                yield Text("long", lang, glue.join(line[1] for line in part), english)
            if number < english_wanted:
                yield Text("long", "en", english, english)
    for english, text, lang in take({key: [(*pair, key[1]) for pair in pairs] for key, pairs in groups.items()},
                                    PARALLEL_QUOTA, "parallel"):
        yield Text("short", lang, text, english)
        yield Text("short", "en", english, english)


def stsb() -> Iterator[Text]:
    """Sentences of STSb train; the languages are translations row by row, so the English side is known by position."""
    columns: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for lang, _, first, second in rows(TRAIN / "stsb_train.tsv.gz"):
        columns[lang].append((first, second))
    aligned = {lang for lang, pairs in columns.items() if len(pairs) == len(columns["en"])}
    groups: dict[str, list[Text]] = defaultdict(list)
    for lang, pairs in columns.items():
        for index, pair in enumerate(pairs):
            for side, text in enumerate(pair):
                english = columns["en"][index][side] if lang in aligned else ""
                groups[lang].append(Text("short", lang, text, text if lang == "en" else english))
    yield from take(groups, STSB_QUOTA, "stsb")


def pair_texts() -> Iterator[Text]:
    """Both sides of the question pairs, title pairs and inference pairs, singly."""
    groups: dict[str, list[Text]] = defaultdict(list)
    for source, lang, _, first, second in rows(TRAIN / "pairs.tsv.gz"):
        groups[source] += [Text("short", lang, first), Text("short", lang, second)]
    yield from take(groups, PAIRS_QUOTA, "pairs")


def code_texts() -> Iterator[Text]:
    """First sentences, whole docstrings and function bodies."""
    items = list(read_jsonl(WORK / "code.jsonl"))
    for item in items[:CODE_TEXTS]:
        yield Text("short", "en", item["query"], item["query"])
        yield Text("code", "code", item["code"][:900], item["query"])
    for item in items[CODE_TEXTS:CODE_TEXTS * 2]:
        prose = re.sub(r"\s+", " ", item["text"])[:900]
        if len(prose) > 300:
            yield Text("long", "en", prose, prose)


def pool() -> list[dict[str, object]]:
    """All texts once, without evaluation texts, in random order."""
    seen: set[str] = set()
    kept: list[Text] = []
    progress = Progress("pool", 330_000)
    for maker in (stsb, code_texts, parallel, pair_texts, mono):
        for text in maker():
            progress.add(1)
            if text.text in seen or speech_noise(text.text) or is_leak(text.text) or is_leak(text.english):
                continue
            seen.add(text.text)
            kept.append(text)
    seeded("pool").shuffle(kept)
    if SMOKE:
        kept = kept[:6000]
    return [{"id": number, **text._asdict()} for number, text in enumerate(kept)]


def pairs() -> Iterator[dict[str, str]]:
    """The contrastive pairs, in random order."""
    found: list[tuple[str, str, str, str]] = []
    for _, _, lang, english, text in rows(TRAIN / "parallel.tsv.gz"):
        found.append(("parallel", lang, english, text))
    task = {"lcqmc-dev": "duplicate", "afqmc-train": "duplicate", "pawsx-dev": "duplicate", "csnli-dev": "entail",
            "cmnli-dev": "entail", "ocnli-dev": "entail"}
    for source, lang, label, first, second in rows(TRAIN / "pairs.tsv.gz"):
        if source in task and label == "1":
            found.append((task[source], lang, first, second))
        elif source == "qbqtc-dev" and label == "1.0":
            found.append(("title", lang, first, second))
        elif source == "csl":
            found.append(("keywords", lang, first, second[:500]))
        elif source == "trecqa-train":
            found.append(("answer", lang, first, second))
    for lang, score, first, second in rows(TRAIN / "stsb_train.tsv.gz"):
        if float(score) >= 4.6:
            found.append(("duplicate", lang, first, second))
    for item in read_jsonl(WORK / "code.jsonl"):
        found.append(("code", "en", item["query"], item["code"][:900]))
    seeded("pairs").shuffle(found)
    for kind, lang, first, second in found[:8000] if SMOKE else found:
        if first != second and not is_leak(first) and not is_leak(second):
            yield {"task": kind, "lang": lang, "first": first, "second": second}


def main() -> None:
    """Write both files."""
    count = write_jsonl(WORK / "pool.jsonl", pool())
    print(f"pool: {count:,} texts")
    print(f"pairs: {write_jsonl(WORK / 'pairs.jsonl', pairs()):,}")


if __name__ == "__main__":
    main()
