"""Step 2b: where the pool is thin. Writes more.jsonl, texts to label beside the pool, translations.jsonl and passages.jsonl.

more.jsonl, in the order in which it is labelled, has the records of pool.jsonl:
  the English sides of STSb train and of the parallel texts; English passages of consecutive lines; sentences of languages of
  which the pool holds few; functions that the pool leaves out.
translations.jsonl: {kind, lang, text, english}: a text whose target is the target of the English text of the same meaning
(Reimers & Gurevych 2020, arXiv 2004.09813), so that it needs no label of its own and its language leaves no mark on its vector.

passages.jsonl, pairs as in pairs.jsonl: {task: "passage", lang, first, second}: one sentence of a passage, and the passage without
it (Lee et al. 2019, arXiv 1906.00300, the inverse cloze task); of translated documents the passage often in another language, then
whole. Passages do not overlap, and those of one document tell each other's hard negatives.

STSb train is one text in eleven languages, from which each language has lost other rows; `aligned` finds the pairs again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from check_leakage import is_leak
from common import CONFIG, DATA, SMOKE, WORK, Progress, read_jsonl, rows, seeded, write_jsonl

TRAIN = DATA / "text/train"
RECIPE = CONFIG["translations"]
BAND = 200  # how many rows two languages may have drifted apart
UNSPACED = ("zh", "zht", "ja", "th")

Row = tuple[float, str, str]


def marks(row: Row) -> set[str]:
    """What a translation leaves as it is: numbers and, in Latin script, most names."""
    return set(re.findall(r"\d+|[A-Z][a-z]{3,}", f"{row[1]} {row[2]}"))


def aligned(first: list[Row], second: list[Row]) -> list[tuple[int, int]]:
    """(row of first, row of second) of the same original row: the best monotone alignment of rows with equal scores.

    Dynamic programming in a band; a pair is worth 1 for its equal score and up to 1 more for the marks both sides share.
    """
    own, other = [marks(row) for row in first], [marks(row) for row in second]
    best = np.zeros((len(first) + 1, len(second) + 1), np.float32)
    move = np.zeros(best.shape, np.int8)
    for i in range(1, len(first) + 1):
        low, high = max(1, i - BAND), min(len(second), i + BAND)
        for j in range(low, high + 1):
            choices = [(best[i - 1, j], 1), (best[i, j - 1], 2)]
            if first[i - 1][0] == second[j - 1][0]:
                either = own[i - 1] | other[j - 1]
                shared = len(own[i - 1] & other[j - 1]) / len(either) if either else 0.5
                choices.append((best[i - 1, j - 1] + 1 + shared, 3))
            best[i, j], move[i, j] = max(choices)
        if high < len(second):
            best[i, high + 1:] = best[i, high]
            move[i, high + 1:] = 2
    pairs: list[tuple[int, int]] = []
    i, j = len(first), len(second)
    while i and j:
        step = move[i, j]
        if step == 3:
            pairs.append((i - 1, j - 1))
        i, j = i - (step in (0, 1, 3)), j - (step in (2, 3))
    return pairs[::-1]


def stsb() -> Iterator[tuple[str, str, str, str]]:
    """(kind, lang, text, english) of STSb train."""
    columns: dict[str, list[Row]] = defaultdict(list)
    for lang, score, first, second in rows(TRAIN / "stsb_train.tsv.gz"):
        columns[lang].append((float(score), first, second))
    if SMOKE:
        columns = {lang: part[:150] for lang, part in columns.items()}
    progress = Progress("align", len(columns) - 1)
    for lang, part in columns.items():
        if lang == "en":
            continue
        for here, there in aligned(part, columns["en"]):
            for side in (1, 2):
                yield "short", lang, str(part[here][side]), str(columns["en"][there][side])
        progress.add(1, lang)


def parallel() -> Iterator[tuple[str, str, str, str]]:
    """The parallel texts by line; and passages of 2 to 7 consecutive lines of documents, the same ones in every language."""
    documents: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    order: dict[str, dict[str, None]] = defaultdict(dict)
    for source, _, lang, english, text in rows(TRAIN / "parallel.tsv.gz"):
        yield "short", lang, text, english
        if source in ("ntrex", "tico19"):
            documents[source][lang][english] = text
            order[source][english] = None
    for source, by_lang in sorted(documents.items()):
        lines = list(order[source])
        draw = seeded(f"translations:passages:{source}")
        for _ in range(20 if SMOKE else RECIPE["passages"]):
            start = draw.randrange(len(lines) - 7)
            part = lines[start:start + draw.randint(2, 7)]
            for lang, known in sorted(by_lang.items()):
                if all(line in known for line in part):
                    glue = "" if lang in UNSPACED else " "
                    yield "long", lang, glue.join(known[line] for line in part), " ".join(part)


def passages() -> Iterator[dict[str, str]]:
    """Sentence → passage pairs of the translated documents, of long Chinese texts and of docstrings."""
    documents: dict[str, dict[str, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for source, _, lang, english, text in rows(TRAIN / "parallel.tsv.gz"):
        if source in ("ntrex", "tico19"):
            documents[source][lang].append((english, text))
    for source, by_lang in sorted(documents.items()):
        draw = seeded(f"translations:cloze:{source}")
        order = list(dict.fromkeys(english for lines in by_lang.values() for english, _ in lines))
        known = {lang: dict(lines) for lang, lines in by_lang.items()} | {"en": {line: line for line in order}}
        start = 0
        while start < len(order) - 7:
            part = order[start:start + draw.randint(3, 6)]
            start += len(part)
            whole = sorted(lang for lang in known if all(line in known[lang] for line in part))
            for asked in {*draw.sample(whole, min(len(whole), RECIPE["asked"])), *({"en", "zh"} & set(whole))}:
                answered = asked if draw.random() < 0.4 else draw.choice(("en", "zh", draw.choice(whole)))
                line = draw.choice(part)
                if answered in whole:
                    glue = "" if answered in UNSPACED else " "
                    rest = [known[answered][other] for other in part if other != line or answered != asked]
                    yield {"task": "passage", "lang": asked, "first": known[asked][line], "second": glue.join(rest)}
    draw = seeded("translations:cloze:long")
    for source, lang, text in rows(TRAIN / "mono.tsv.gz"):
        if source in RECIPE["cloze"] and "#idiom#" not in text:
            sentences = [part for part in re.split(r"(?<=[。！？；])", text[:600]) if len(part) >= 8]
            if len(sentences) >= 3:
                line = draw.choice(sentences)
                yield {"task": "passage", "lang": lang, "first": line, "second": "".join(part for part in sentences if part != line)}
    for item in read_jsonl(WORK / "code.jsonl"):
        prose = re.sub(r"\s+", " ", item["text"])[:800]
        rest = prose[len(item["query"]):]
        if len(rest) > 200:
            yield {"task": "docstring", "lang": "en", "first": item["query"], "second": rest}


def thin() -> Iterator[dict[str, str]]:
    """Sentences of the languages of which the pool holds few, and functions that it leaves out."""
    seen = {item["text"] for item in read_jsonl(WORK / "pool.jsonl")}
    groups: dict[str, list[str]] = defaultdict(list)
    for source, lang, text in rows(TRAIN / "mono.tsv.gz"):
        if source == "commonvoice" and lang in RECIPE["sentences"] and text not in seen and len(text) >= 8:
            groups[lang].append(text)
    for lang, texts in sorted(groups.items()):
        seeded(f"translations:{lang}").shuffle(texts)
        yield from ({"kind": "short", "lang": lang, "text": text, "english": ""} for text in texts[: RECIPE["sentences"][lang]])
    codes = [item for item in read_jsonl(WORK / "code.jsonl") if item["code"][:900] not in seen]
    for item in codes[: RECIPE["functions"]]:
        yield {"kind": "code", "lang": "code", "text": item["code"][:900], "english": item["query"]}


def main() -> None:
    """Write the three files."""
    cloze = [item for item in passages() if not is_leak(item["first"]) and not is_leak(item["second"])]
    seeded("translations:cloze").shuffle(cloze)
    print(f"passages: {write_jsonl(WORK / 'passages.jsonl', cloze[:2000 if SMOKE else None]):,}")

    clean = (item for maker in (stsb, parallel) for item in maker() if not is_leak(item[2]) and not is_leak(item[3]))
    items = [dict(zip(("kind", "lang", "text", "english"), item, strict=True)) for item in dict.fromkeys(clean)]
    seeded("translations").shuffle(items)
    print(f"translations: {write_jsonl(WORK / 'translations.jsonl', items):,}")

    wanted: dict[str, int] = defaultdict(int)
    kind: dict[str, str] = {}
    for item in items:
        wanted[item["english"]] += 1
        kind[item["english"]] = item["kind"]
    # Texts with many translations first: a label of theirs teaches most. The rest, in random order, in between and after.
    known = {item["text"] for item in read_jsonl(WORK / "pool.jsonl")} if SMOKE else set()
    english = [{"kind": kind[text], "lang": "en", "text": text, "english": text} for text in wanted if text not in known]
    seeded("translations:english").shuffle(english)
    many = [item for item in english if wanted[item["text"]] >= RECIPE["many"]]
    few = [item for item in english if wanted[item["text"]] < RECIPE["many"]]
    others = [item for item in thin() if not is_leak(item["text"]) and not is_leak(item["english"])]
    first = many + others
    seeded("translations:more").shuffle(first)
    labelled = [*first, *few][: 2000 if SMOKE else None]
    print(f"more: {write_jsonl(WORK / 'more.jsonl', ({'id': number, **item} for number, item in enumerate(labelled))):,}, "
          f"{len(many):,} of them English with {RECIPE['many']} translations or more, {len(others):,} others")


if __name__ == "__main__":
    main()
