"""How well sentences and words find their translations, language by language: benchmarks/results/builtin-languages.md.

    python languages.py --model shipped     (also large, static, e5); results are kept in the work folder
    python languages.py --table

Two kinds of evidence, never mixed: sentences that no training text equals (Tatoeba → English; SIB-200, the same sentences in six
languages → English), and nouns of the open wordnets → French, which no step trains on either.

The data folder has Tatoeba sentences in 17 languages. QUIVER_TATOEBA may name the folder of the set they are from, data/tatoeba/v1 of
the LASER repository (Artetxe & Schwenk 2019, arXiv 1812.10464), for the others of its 112; without it they are not measured.
"""

from __future__ import annotations

import functools
import os
from collections import defaultdict
from pathlib import Path

import pages
from common import DATA, letters, rows, seeded
from evaluate import MODELS, Cached
from metrics import bitext_accuracy, unit

WORDS, FURTHER, LEAST = 300, 500, 100
PIVOT = "fra"
SIB = {"ara": "arb_Arab", "cmn": "zho_Hans", "fra": "fra_Latn", "jpn": "jpn_Jpan", "spa": "spa_Latn"}
NAMES = dict(entry.split(maxsplit=1) for entry in """
    afr Afrikaans, amh Amharic, ang Old English, ara Arabic, arq Algerian Arabic, arz Egyptian Arabic, ast Asturian, awa Awadhi, aze Azerbaijani,
    bel Belarusian, ben Bengali, ber Berber, bos Bosnian, bre Breton, bul Bulgarian, cat Catalan, cbk Chavacano, ceb Cebuano, ces Czech, cha Chamorro,
    cmn Chinese, cor Cornish, csb Kashubian, cym Welsh, dan Danish, deu German, dsb Lower Sorbian, dtp Kadazan Dusun, ell Greek, epo Esperanto,
    est Estonian, eus Basque, fao Faroese, fas Persian, fin Finnish, fra French, fry West Frisian, gla Scottish Gaelic, gle Irish, glg Galician,
    gsw Swiss German, heb Hebrew, hin Hindi, hrv Croatian, hsb Upper Sorbian, hun Hungarian, hye Armenian, ido Ido, ile Interlingue, ina Interlingua,
    ind Indonesian, isl Icelandic, ita Italian, jav Javanese, jpn Japanese, kab Kabyle, kat Georgian, kaz Kazakh, khm Khmer, kor Korean, kur Kurdish,
    kzj Coastal Kadazan, lat Latin, lfn Lingua Franca Nova, lit Lithuanian, lvs Latvian, mal Malayalam, mar Marathi, max North Moluccan Malay,
    mhr Meadow Mari, mkd Macedonian, mon Mongolian, msa Malay, nds Low German, nld Dutch, nno Norwegian Nynorsk, nob Norwegian Bokmål, nov Novial,
    oci Occitan, orv Old Russian, pam Kapampangan, pms Piedmontese, pol Polish, por Portuguese, ron Romanian, rus Russian, slk Slovak, slv Slovene,
    spa Spanish, sqi Albanian, srp Serbian, swa Swahili, swe Swedish, swg Swabian, tam Tamil, tat Tatar, tel Telugu, tgl Tagalog, tha Thai,
    tuk Turkmen, tur Turkish, tzl Talossan, uig Uyghur, ukr Ukrainian, urd Urdu, uzb Uzbek, vie Vietnamese, war Waray, wuu Wu Chinese, xho Xhosa,
    yid Yiddish, yue Cantonese""".replace("\n", " ").split(","))
# Languages that the teacher's pretraining names (Conneau et al. 2020, arXiv 1911.02116, table 6), of those above.
PRETRAINED = set("""afr amh ara aze bel ben bos bre bul cat ces cmn cym dan deu ell epo est eus fas fin fra fry gla gle glg heb hin hrv hun hye ind isl ita
    jav jpn kat kaz khm kor kur lat lit lvs mal mar mkd mon msa nld nob nno pol por ron rus slk slv spa sqi srp swa swe tam tel tgl tha tur uig ukr urd uzb vie
    xho yid""".split())
# Codes of LASER's files → those above.
LASER_CODES = {"pes": "fas", "swh": "swa", "zsm": "msa"}

Pairs = dict[str, list[tuple[str, str]]]


def sentences() -> Pairs:
    """Tatoeba: sentence and English."""
    found: Pairs = defaultdict(list)
    for lang, text, english in rows(DATA / "text/eval/tatoeba.tsv.gz"):
        found[lang].append((text, english))
    return found


@functools.cache
def training_texts() -> frozenset[str]:
    """The compared forms (check_leakage.py) of all texts that training may draw from."""
    folder = DATA / "text/train"
    columns = {"parallel": (3, 4), "pairs": (3, 4), "stsb_train": (2, 3), "mono": (2,)}
    return frozenset(letters(record[column]) for name, own in columns.items() for record in rows(folder / f"{name}.tsv.gz") for column in own)


def further_sentences(is_pretrained: bool) -> Pairs:
    """Tatoeba in the languages of QUIVER_TATOEBA that the data folder lacks: sentence and English, neither of them a training text.

    Either languages that the teacher's pretraining names, or the others.
    """
    found: Pairs = {}
    folder, there = os.environ.get("QUIVER_TATOEBA"), set(sentences())
    for path in sorted(Path(folder).glob("tatoeba.*-eng.eng")) if folder else ():
        code = path.name.removeprefix("tatoeba.").removesuffix("-eng.eng")
        lang = LASER_CODES.get(code, code)
        if lang in there or (lang in PRETRAINED) != is_pretrained:
            continue
        texts, english = (file.read_text(encoding="utf-8").splitlines() for file in (path.with_suffix(f".{code}"), path))
        pairs = [pair for pair in zip(texts, english, strict=True) if not {letters(text) for text in pair} & training_texts()]
        seeded(f"tatoeba:{lang}").shuffle(pairs)
        if len(pairs) >= LEAST:
            found[lang] = pairs[:FURTHER]
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


KINDS = {"tatoeba": sentences, "further tatoeba": functools.partial(further_sentences, True), "sib200": flores, "words": words,
         "unnamed tatoeba": functools.partial(further_sentences, False)}


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
    "further tatoeba": ("Sentences → English, Tatoeba, further languages", f"Among up to {FURTHER} sentences of the language, from `QUIVER_TATOEBA`. Sets of small languages "
                        "are of few and alike sentences, so that languages cannot be compared with each other, models can."),
    "sib200": ("Sentences → English, SIB-200", "The same news sentences in each language; longer than Tatoeba's."),
    "words": ("Nouns → French, open wordnets", f"Among {WORDS}, the first word of a synset in each language, none written alike in both. One word alone, often rare or with other "
              "meanings: far harder than a sentence. (Hebrew words stand there with vowel signs, which texts rarely have.)"),
    "unnamed tatoeba": ("Languages that the teacher was not pretrained on", "As above: dialects, relatives of languages that it knows, constructed and small languages."),
}
FOUND = 0.8


def table() -> str:
    """The page."""
    found = pages.found("languages", ORDER)
    kinds = next(iter(found.values()))
    held_out = set().union(*(values for kind, values in kinds.items() if kind != "unnamed tatoeba"))
    sentences_of = {model: [values["1024"] for kind, own in found[model].items() if kind in ("tatoeba", "further tatoeba") for values in own.values()]
                    for model in ("shipped", "large") if model in found}
    good = "; ".join(f"{model} finds {FOUND:.0%} or more of the translations in {sum(value >= FOUND for value in values)} of {len(values)} and half or more in "
                     f"{sum(value >= 0.5 for value in values)}" for model, values in sentences_of.items())
    text = ["# The built-in models by language", "",
            pages.commands("languages", ORDER), "",
            "Share of texts whose nearest text in the other language is their translation (top-1 accuracy). large is builtin-text-large; e5 is the "
            "first teacher, of three times the size of shipped.", "",
            f"**{len(held_out) + 1} languages that the teacher was pretrained on are measured here on data that no training step saw**, English included. "
            f"By sentences of Tatoeba, {good}.", ""]
    for kind, (title, note) in HEADINGS.items():
        columns = [(model, d) for model, d in COLUMNS if kind in found.get(model, {})]
        if not columns:
            continue
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
