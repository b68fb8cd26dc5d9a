"""Search sets made of training texts, which no benchmark has; none has more than 300 questions.

  code, docstring        first docstring sentence → function, → rest of the docstring; packages that are held out
  code-web               the same sentence in the manner of a web query ("python how to …") → function
  trecqa, qbqtc, afqmc   questions or search queries with their answers, titles, duplicates
  csl                    first keyword → abstract
  cloze-*                a sentence → its neighbours without it (Lee et al. 2019, Inverse Cloze Task), of news and health
                         texts in five languages, and of Chinese passages
  question-*             a question whose words are two thirds of one sentence → its passage, in the manner of SQuAD;
                         the passages of `long-*` are three times as long, those of `sentence-*` are the sentence alone
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from common import DATA, WORK, read_jsonl, rows, seeded
from term_texts import is_held_out

TRAIN = DATA / "text/train"
QUESTIONS, DOCUMENTS = 300, 3000
LANGUAGES = {"en": "en", "zh": "zh", "zht": "zh", "es": "other", "ar": "other", "ru": "other", "de": "other", "ko": "other"}
NO_SPACES = ("zh", "zht")
ASKING = {
    "zh": "什么是 是什么 哪一年 在哪里 谁 为什么 有多少 哪个 如何 的名字是什么 什么时候 怎么".split(),
    "zht": "什麼是 是什麼 哪一年 在哪裡 誰 為什麼 有多少 哪個 如何 的名字是什麼 什麼時候 怎麼".split(),
    "en": ["what is", "what was", "who", "when did", "where", "why did", "how many", "which", "how", "what year"],
    "es": ["qué es", "quién", "cuándo", "dónde", "por qué", "cuántos", "cuál", "cómo"],
    "ar": ["ما هو", "من", "متى", "أين", "لماذا", "كم عدد", "كيف"],
}
WEB_QUERIES = ("python {}", "how to {} in python", "python how to {}", "{} python", "{}", "python code to {}", "python function {}")
LITTLE_WORDS = frozenset("a an the of to in is are be this that and or for on with as it its by if".split())


class SearchSet(NamedTuple):
    """Questions, documents, and for each question the positions of the documents that answer it."""

    name: str
    language: str
    questions: list[str]
    documents: list[str]
    answers: list[set[int]]


def search_sets() -> Iterator[SearchSet]:
    """All of them."""
    yield from code_sets()
    yield from pair_sets()
    yield from cloze_sets()
    yield from question_sets()


def search_set(name: str, language: str, pairs: list[tuple[str, str]], others: list[str] | tuple[str, ...] = ()) -> SearchSet:
    """A set of pairs (question, document), in their order; `others` fill up the documents."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for question, document in pairs:
        if len(wanted) < QUESTIONS or question in wanted:
            wanted[question].add(document)
    needed = dict.fromkeys(document for documents in wanted.values() for document in sorted(documents))
    documents = list(dict.fromkeys([*needed, *(document for _, document in pairs), *others]))[: max(DOCUMENTS, len(needed))]
    position = {document: number for number, document in enumerate(documents)}
    return SearchSet(name, language, list(wanted), documents, [{position[d] for d in found} for found in wanted.values()])


def code_sets() -> Iterator[SearchSet]:
    """Functions and docstrings of the held-out packages."""
    items = [item for item in read_jsonl(WORK / "code.jsonl") if is_held_out(item["package"])]
    seeded("term_search:code").shuffle(items)
    yield search_set("code", "en", [(item["query"], item["code"][:1800]) for item in items])
    draw = seeded("term_search:web")
    prose, web = [], []
    for item in items:
        flat = re.sub(r"\s+", " ", item["text"])
        rest = flat[flat.find(item["query"][:15]) + len(item["query"]):].strip()
        if len(rest) > 150:
            prose.append((item["query"], rest))
        # Most functions that people find have some of their docstring.
        docstring = rest[:400] if draw.random() < 0.6 else ""
        code = item["code"][:1500].replace("\n", f'\n    """{docstring}"""\n', 1) if docstring else item["code"][:1500]
        if query := web_query(item["query"], draw):
            web.append((query, code))
    yield search_set("docstring", "en", prose)
    yield search_set("code-web", "en", web)


def web_query(sentence: str, draw: Random) -> str:
    """Some of a sentence's words as people type them into a search engine; empty if too few are left."""
    kept = [word for word in re.findall(r"[a-z0-9]+", sentence.lower()) if word not in LITTLE_WORDS or draw.random() < 0.4]
    start = draw.randrange(max(1, len(kept) - 7))
    kept = [word for word in kept[start:start + 8] if draw.random() < 0.75]
    return draw.choice(WEB_QUERIES).format(" ".join(kept)) if len(kept) > 1 else ""


def pair_sets() -> Iterator[SearchSet]:
    """Questions of `pairs.tsv.gz` whose pair is labelled the same."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    others: dict[str, list[str]] = defaultdict(list)
    for source, _, label, first, second in rows(TRAIN / "pairs.tsv.gz"):
        others[source].append(second)
        if label in ("1", "1.0", "qa", "kw"):
            found[source].append((first.split()[0] if label == "kw" else first, second))
    for name, language in (("trecqa-train", "en"), ("qbqtc-dev", "zh"), ("afqmc-train", "zh"), ("csl", "zh")):
        seeded(f"term_search:{name}").shuffle(found[name])
        yield search_set(name.split("-")[0], language, found[name], others[name])


def consecutive() -> dict[tuple[str, str], list[str]]:
    """The lines of the sources whose lines follow one another, by language and source."""
    lines: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, _, language, english, text in rows(TRAIN / "parallel.tsv.gz"):
        if source in ("ntrex", "tico19"):
            lines[language, source].append(text)
            if language == "zh":
                lines["en", source].append(english)
    return lines


def chinese_passages() -> dict[str, list[list[str]]]:
    """Passages of one text each, as sentences."""
    passages: dict[str, list[list[str]]] = defaultdict(list)
    for source, _, text in rows(TRAIN / "mono.tsv.gz"):
        if source in ("chid", "csl", "csldcp"):
            sentences = [part for part in re.split(r"(?<=[。！？；])", text[:900]) if len(part) > 8]
            if len(sentences) >= 2:
                passages[source].append(sentences)
    return passages


def cloze(sentences: list[str], glue: str, draw: Random) -> Iterator[tuple[str, str]]:
    """Stretches of three to seven sentences, one taken out as the question."""
    for part in stretches(sentences, (3, 7), draw):
        if len(part) > 2:
            chosen = draw.randrange(1, len(part) - 1)
            yield part[chosen], glue.join(part[:chosen] + part[chosen + 1:])


def stretches(sentences: list[str], length: tuple[int, int], draw: Random) -> Iterator[list[str]]:
    """Neighbouring sentences, some at a time."""
    start = 0
    while start < len(sentences):
        part = sentences[start:start + draw.randint(*length)]
        yield part
        start += len(part)


def cloze_sets() -> Iterator[SearchSet]:
    """The last third of each text of consecutive lines, and Chinese passages."""
    lines = consecutive()
    for language in ("en", "zh", "zht", "es", "ar"):
        pairs: list[tuple[str, str]] = []
        for source in ("ntrex", "tico19"):
            text = lines[language, source]
            pairs += cloze(text[len(text) * 2 // 3:], "" if language in NO_SPACES else " ", seeded(f"term_search:{language}{source}"))
        yield search_set(f"cloze-{language}", LANGUAGES[language], pairs)
    draw = seeded("term_search:chid")
    pairs = []
    for sentences in chinese_passages()["chid"][-500:]:
        chosen = draw.randrange(len(sentences))
        pairs.append((sentences[chosen], "".join(sentences[:chosen] + sentences[chosen + 1:])))
    yield search_set("cloze-passages", "zh", pairs)


def question_sets() -> Iterator[SearchSet]:
    """Made-up questions over passages of three to six lines, and of six to sixteen."""
    lines = consecutive()
    for language, group in LANGUAGES.items():
        for name, length in (("question", (3, 6)), ("long", (6, 16))):
            draw = seeded(f"term_search:{name}{language}")
            passages = [part for source in ("ntrex", "tico19") for part in stretches(lines[language, source], length, draw)]
            yield questions_over(f"{name}-{language}", group, passages, language, draw)
    for source, passages in chinese_passages().items():
        yield questions_over(f"question-{source}", "zh", passages, "zh", seeded(f"term_search:questions:{source}"))
    for name, language, passages in (("chid", "zh", chinese_passages()["chid"]), ("en", "en", [[line] for line in lines["en", "ntrex"]])):
        alone = [[sentence] for passage in passages for sentence in passage]
        yield questions_over(f"sentence-{name}", language, alone, language, seeded(f"term_search:sentences:{name}"))


def questions_over(name: str, group: str, passages: list[list[str]], language: str, draw: Random) -> SearchSet:
    """A question for each passage."""
    draw.shuffle(passages)
    glue = "" if language in NO_SPACES else " "
    return search_set(name, group, [(question(draw.choice(own), language, draw), glue.join(own)) for own in passages])


def question(sentence: str, language: str, draw: Random) -> str:
    """Three in five of the stretches of a sentence, with a question word before or after them."""
    if language in NO_SPACES:
        units = re.findall(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+|[^\w\s]", sentence)
        parts, most = ["".join(part) for part in stretches(units, (2, 4), draw)], 8
    else:
        parts, most = sentence.split(), 14
    start = draw.randrange(max(1, len(parts) - most + 1))
    kept = [part for part in parts[start:start + most] if draw.random() < 0.6]
    kept.insert(draw.choice([0, len(kept)]), draw.choice(ASKING.get(language, [""])))
    return ("" if language in NO_SPACES else " ").join(kept) + "?"
