"""How well sentences and words find their translations, language by language: benchmarks/results/builtin-languages.md.

    python languages.py --model shipped     (also large, static, e5); results are kept in the work folder
    python languages.py --table

Three kinds of evidence, never mixed: sentences that no training text equals (Tatoeba → English; SIB-200, the same sentences in six
languages → English); nouns of the open wordnets → French, which no step trains on either; and, for languages of which there
is neither, translations of the training data themselves, which only show that the language is covered.
"""

from __future__ import annotations

from collections import defaultdict

import pages
from common import DATA, letters, rows, seeded
from evaluate import MODELS, Cached
from metrics import bitext_accuracy, unit

WORDS, TRAINED = 300, 150
PIVOT = "fra"
SIB = {"ara": "arb_Arab", "cmn": "zho_Hans", "fra": "fra_Latn", "jpn": "jpn_Jpan", "spa": "spa_Latn"}
NAMES = {
    "ara": "Arabic", "ben": "Bengali", "bul": "Bulgarian", "cat": "Catalan", "ces": "Czech", "cmn": "Chinese", "dan": "Danish", "deu": "German",
    "ell": "Greek", "fas": "Persian", "fin": "Finnish", "fra": "French", "heb": "Hebrew", "hin": "Hindi", "hrv": "Croatian", "hun": "Hungarian",
    "ind": "Indonesian", "ita": "Italian", "jpn": "Japanese", "kor": "Korean", "msa": "Malay", "nld": "Dutch", "pol": "Polish", "por": "Portuguese",
    "ron": "Romanian", "rus": "Russian", "slv": "Slovene", "spa": "Spanish", "swa": "Swahili", "swe": "Swedish", "tam": "Tamil", "tgl": "Tagalog",
    "tha": "Thai", "tur": "Turkish", "ukr": "Ukrainian", "urd": "Urdu", "vie": "Vietnamese", "zht": "Chinese, traditional",
}
# Codes of the training data → those above.
TRAIN_CODES = {"bn": "ben", "cs": "ces", "da": "dan", "fa": "fas", "fi": "fin", "hu": "hun", "ms": "msa", "ro": "ron", "sw": "swa", "ta": "tam",
               "tl": "tgl", "uk": "ukr", "ur": "urd", "zht": "zht"}

Pairs = dict[str, list[tuple[str, str]]]


def sentences() -> Pairs:
    """Tatoeba: sentence and English."""
    found: Pairs = defaultdict(list)
    for lang, text, english in rows(DATA / "text/eval/tatoeba.tsv.gz"):
        found[lang].append((text, english))
    return found


def flores() -> Pairs:
    """SIB-200 by sentence number."""
    def of(code: str) -> dict[str, str]:
        return {record[0]: record[2].strip('"') for record in list(rows(DATA / f"usecases/cluster/sib200_{code}.tsv.gz"))[1:]}
    english = of("eng_Latn")
    return {lang: [(text, english[number]) for number, text in of(code).items() if number in english] for lang, code in SIB.items()}


def words() -> Pairs:
    """Nouns of the same synset in a language and in French, none of them written alike in both."""
    lemmas: dict[str, dict[str, str]] = defaultdict(dict)
    for lang, synset, lemma in rows(DATA / "text/train/words.tsv.gz"):
        if synset.endswith("-n"):
            lemmas[lang].setdefault(synset, lemma)
    found: Pairs = {}
    for lang, own in sorted(lemmas.items()):
        if lang in (PIVOT, "qcn"):
            continue
        seen: set[str] = set()
        pairs: list[tuple[str, str]] = []
        common = sorted(set(own) & set(lemmas[PIVOT]))
        seeded(f"words:{lang}").shuffle(common)
        for synset in common:
            pair = own[synset], lemmas[PIVOT][synset]
            if letters(pair[0]) != letters(pair[1]) and not seen & set(pair) and len(pairs) < WORDS:
                seen |= set(pair)
                pairs.append(pair)
        found["ara" if lang == "arb" else lang] = pairs
    return found


def trained() -> Pairs:
    """Translations of the training data in languages that nothing else measures."""
    found: Pairs = defaultdict(list)
    for _, _, lang, english, text in rows(DATA / "text/train/parallel.tsv.gz"):
        if lang in TRAIN_CODES:
            found[TRAIN_CODES[lang]].append((text, english))
    return {lang: seeded(f"trained:{lang}").sample(pairs, TRAINED) for lang, pairs in sorted(found.items())}


KINDS = {"tatoeba": sentences, "sib200": flores, "words": words, "training data": trained}


def measure(model: str) -> dict[str, dict[str, dict[str, float]]]:
    """Kind → language → accuracy at the model's comparable dimensions, and the number of pairs."""
    vectors, own = Cached(model), MODELS[model]
    dimensions = [d for d in (256, 384, 1024) if d in own.dimensions]
    found: dict[str, dict[str, dict[str, float]]] = {}
    for kind, make in KINDS.items():
        for lang, pairs in make().items():
            # Tatoeba's vectors are those of evaluate.py.
            name = f"tatoeba-{lang}" if kind == "tatoeba" else f"languages-{kind.replace(' ', '-')}-{lang}"
            sides = [vectors(f"{name}-{side + 1}", [pair[side] for pair in pairs], own.symmetric) for side in (0, 1)]
            found.setdefault(kind, {})[lang] = {"pairs": len(pairs)} | {
                str(d): round(bitext_accuracy(unit(sides[0], d), unit(sides[1], d)), 4) for d in dimensions}
    return found


COLUMNS = (("shipped", "1024"), ("shipped", "256"), ("large", "1024"), ("large", "256"), ("static", "256"), ("e5", "384"))
ORDER = tuple(dict.fromkeys(model for model, _ in COLUMNS))
HEADINGS = {
    "tatoeba": ("Sentences → English, Tatoeba", "Among the file's sentences of the language, 250 to 500."),
    "sib200": ("Sentences → English, SIB-200", "The same news sentences in each language; longer than Tatoeba's."),
    "words": ("Nouns → French, open wordnets", f"Among {WORDS}, the first word of a synset in each language, none written alike in both. One word alone, often rare or with other "
              "meanings: far harder than a sentence. (Hebrew words stand there with vowel signs, which texts rarely have.)"),
    "training data": ("Training data, for coverage only", f"{TRAINED} translations → English of which the model may have seen any: no evidence of quality, but a language that failed "
                      "here would be missing."),
}


def table() -> str:
    """The page."""
    found = pages.found("languages", ORDER)
    kinds = next(iter(found.values()))
    held_out = set().union(*(kinds[kind] for kind in ("tatoeba", "sib200", "words")))
    text = ["# The built-in models by language", "",
            pages.commands("languages", ORDER), "",
            "Share of texts whose nearest text in the other language is their translation (top-1 accuracy). large is builtin-text-large; e5 is the "
            "first teacher, of three times the size of shipped.", "",
            f"**{len(held_out) + 1} languages can be measured here on data that no training step saw**, English included; "
            f"{len(set(kinds['training data']) - held_out)} more are only covered. For other languages of the teacher's hundred there is no text here, "
            "and nothing is claimed.", ""]
    for kind, (title, note) in HEADINGS.items():
        columns = [(model, d) for model, d in COLUMNS if model in found]
        text += [f"## {title}", "", note, "", "| language | pairs | " + " | ".join(f"{model} {d}" for model, d in columns) + " |",
                 "|---|---|" + "---|" * len(columns)]
        for lang, facts in sorted(kinds[kind].items(), key=lambda item: NAMES[item[0]]):
            cells = [f"{found[model][kind][lang][d]:.3f}" for model, d in columns]
            text.append(f"| {NAMES[lang]} | {facts['pairs']} | " + " | ".join(cells) + " |")
        means = [f"{sum(values[d] for values in found[model][kind].values()) / len(kinds[kind]):.3f}" for model, d in columns]
        text += [f"| mean of {len(kinds[kind])} | | " + " | ".join(means) + " |", ""]
    return "\n".join(text)


if __name__ == "__main__":
    pages.run("languages", measure, table)
