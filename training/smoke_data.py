"""A small data folder for smoke.py, in the layout of the real one, of sentences put together here: «who does what where when».

Thirteen languages, word for word the same sentences, so that translations are known; two sentences are as similar as the
number of parts that they share. What is evaluated is never trained on: sentences go to one side by their number.
Nothing is learned from it that is worth anything; every step of the chain finds what it needs.
"""

from __future__ import annotations

import gzip
import itertools
import json
import random
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

FURTHER = {"et": "koer kass raamat täna homme jõgi aed", "ka": "წიგნი ძაღლი კატა დღეს ხვალ მდინარე", "ml": "പുസ്തകം നായ പൂച്ച ഇന്ന് നാളെ നദി"}
# Four parts a sentence, eight words each, in this order; the words of a language are in the same order as English ones.
WORDS = {
    "en": ("the doctor|the teacher|the child|the farmer|the driver|the cook|the dog|the cat",
           "waits|sleeps|sings|reads|works|runs|eats|plays",
           "in the garden|at school|on the market|at the station|in the kitchen|by the river|in the library|in the hotel",
           "today|every morning|at night|on Monday|in summer|in winter|after lunch|before sunrise"),
    "zh": ("医生|老师|孩子|农民|司机|厨师|狗|猫", "等待|睡觉|唱歌|看书|工作|跑步|吃饭|玩耍",
           "在花园里|在学校|在市场|在车站|在厨房|在河边|在图书馆|在酒店", "今天|每天早上|夜里|星期一|夏天|冬天|午饭后|日出前"),
    "de": ("der Arzt|die Lehrerin|das Kind|der Bauer|der Fahrer|der Koch|der Hund|die Katze",
           "wartet|schläft|singt|liest|arbeitet|läuft|isst|spielt",
           "im Garten|in der Schule|auf dem Markt|am Bahnhof|in der Küche|am Fluss|in der Bücherei|im Hotel",
           "heute|jeden Morgen|nachts|am Montag|im Sommer|im Winter|nach dem Essen|vor Sonnenaufgang"),
    "es": ("el médico|la maestra|el niño|el campesino|el conductor|el cocinero|el perro|el gato",
           "espera|duerme|canta|lee|trabaja|corre|come|juega",
           "en el jardín|en la escuela|en el mercado|en la estación|en la cocina|junto al río|en la biblioteca|en el hotel",
           "hoy|cada mañana|de noche|el lunes|en verano|en invierno|después de comer|antes del amanecer"),
    "fr": ("le médecin|la maîtresse|l’enfant|le paysan|le chauffeur|le cuisinier|le chien|le chat",
           "attend|dort|chante|lit|travaille|court|mange|joue",
           "dans le jardin|à l’école|au marché|à la gare|dans la cuisine|près du fleuve|à la bibliothèque|à l’hôtel",
           "aujourd’hui|chaque matin|la nuit|lundi|en été|en hiver|après le repas|avant l’aube"),
    "it": ("il medico|la maestra|il bambino|il contadino|l’autista|il cuoco|il cane|il gatto",
           "aspetta|dorme|canta|legge|lavora|corre|mangia|gioca",
           "nel giardino|a scuola|al mercato|alla stazione|in cucina|lungo il fiume|in biblioteca|in albergo",
           "oggi|ogni mattina|di notte|lunedì|d’estate|d’inverno|dopo pranzo|prima dell’alba"),
    "ja": ("医者は|先生は|子供は|農夫は|運転手は|料理人は|犬は|猫は", "待っている|眠っている|歌っている|読んでいる|働いている|走っている|食べている|遊んでいる",
           "庭で|学校で|市場で|駅で|台所で|川のそばで|図書館で|ホテルで", "今日|毎朝|夜に|月曜日に|夏に|冬に|昼食の後で|日の出の前に"),
    "nl": ("de dokter|de lerares|het kind|de boer|de chauffeur|de kok|de hond|de kat",
           "wacht|slaapt|zingt|leest|werkt|rent|eet|speelt",
           "in de tuin|op school|op de markt|op het station|in de keuken|bij de rivier|in de bibliotheek|in het hotel",
           "vandaag|elke ochtend|’s nachts|op maandag|in de zomer|in de winter|na de lunch|voor zonsopgang"),
    "pl": ("lekarz|nauczycielka|dziecko|rolnik|kierowca|kucharz|pies|kot", "czeka|śpi|śpiewa|czyta|pracuje|biegnie|je|bawi się",
           "w ogrodzie|w szkole|na targu|na dworcu|w kuchni|nad rzeką|w bibliotece|w hotelu",
           "dzisiaj|co rano|w nocy|w poniedziałek|latem|zimą|po obiedzie|przed świtem"),
    "pt": ("o médico|a professora|a criança|o agricultor|o motorista|o cozinheiro|o cão|o gato",
           "espera|dorme|canta|lê|trabalha|corre|come|brinca",
           "no jardim|na escola|no mercado|na estação|na cozinha|junto ao rio|na biblioteca|no hotel",
           "hoje|todas as manhãs|à noite|na segunda-feira|no verão|no inverno|depois do almoço|antes do amanhecer"),
    "ru": ("врач|учительница|ребёнок|фермер|водитель|повар|собака|кошка", "ждёт|спит|поёт|читает|работает|бежит|ест|играет",
           "в саду|в школе|на рынке|на вокзале|на кухне|у реки|в библиотеке|в гостинице",
           "сегодня|каждое утро|ночью|в понедельник|летом|зимой|после обеда|перед рассветом"),
    "ar": ("الطبيب|المعلمة|الطفل|الفلاح|السائق|الطباخ|الكلب|القطة", "ينتظر|ينام|يغني|يقرأ|يعمل|يركض|يأكل|يلعب",
           "في الحديقة|في المدرسة|في السوق|في المحطة|في المطبخ|عند النهر|في المكتبة|في الفندق",
           "اليوم|كل صباح|ليلا|يوم الاثنين|في الصيف|في الشتاء|بعد الغداء|قبل الشروق"),
    "hi": ("डॉक्टर|अध्यापिका|बच्चा|किसान|चालक|रसोइया|कुत्ता|बिल्ली", "इंतज़ार करता है|सोता है|गाता है|पढ़ता है|काम करता है|दौड़ता है|खाता है|खेलता है",
           "बगीचे में|स्कूल में|बाज़ार में|स्टेशन पर|रसोई में|नदी के पास|पुस्तकालय में|होटल में",
           "आज|हर सुबह|रात को|सोमवार को|गर्मियों में|सर्दियों में|दोपहर के बाद|सूर्योदय से पहले"),
}
VERB_LAST = ("ja", "hi", "zh")
STS = ("en", "zh", "de", "es", "fr", "it", "ja", "nl", "pl", "pt", "ru")
TATOEBA = {"zh": "cmn", "de": "deu", "fr": "fra", "ja": "jpn"}

Parts = tuple[int, ...]


class Sentences(NamedTuple):
    """All sentences by their parts, of which evaluation has one in six."""

    trained: list[Parts]
    evaluated: list[Parts]


def sentences(draw: random.Random) -> Sentences:
    """4,096 combinations in random order, on two sides."""
    every = list(itertools.product(range(8), repeat=4))
    draw.shuffle(every)
    return Sentences([parts for parts in every if sum(parts) % 6], [parts for parts in every if sum(parts) % 6 == 0])


def say(parts: Parts, lang: str) -> str:
    """A sentence in a language."""
    who, verb, where, when = (group.split("|")[number] for group, number in zip(WORDS[lang], parts, strict=True))
    if lang in VERB_LAST:
        return ("" if lang in ("ja", "zh") else " ").join((when, who, where, verb)) + "。"
    text = f"{who} {verb} {where} {when}."
    return text[0].upper() + text[1:]


def similar(first: Parts, draw: random.Random) -> tuple[Parts, float]:
    """Another sentence that shares some parts, and a score of 0 to 5."""
    shared = draw.randint(0, 4)
    kept = set(draw.sample(range(4), shared))
    return tuple(part if i in kept else (part + draw.randint(1, 7)) % 8 for i, part in enumerate(first)), shared * 1.25


def scored(pool: list[Parts], langs: Iterable[str], count: int, draw: random.Random) -> Iterator[tuple[str, ...]]:
    """STSb: language, score, two sentences of the pool's side."""
    side = set(pool)
    for lang in langs:
        made = 0
        while made < count:
            first = draw.choice(pool)
            second, score = similar(first, draw)
            if second in side:
                made += 1
                yield lang, str(score), say(first, lang), say(second, lang)


def write(path: Path, records: Iterable[Iterable[str]]) -> None:
    """A gzipped tab-separated file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as handle:
        for record in records:
            handle.write("\t".join(record) + "\n")


def train(folder: Path, pool: list[Parts], draw: random.Random) -> None:
    """mono, parallel, pairs, stsb_train."""
    langs = [lang for lang in WORDS if lang != "en"]
    parallel = []
    for lang in langs:
        for source, count in (("tico19", 260), ("ntrex", 120)):
            parallel += [(source, "en", lang, say(parts, "en"), say(parts, lang)) for parts in draw.sample(pool, count)]
    write(folder / "parallel.tsv.gz", parallel)
    write(folder / "mono.tsv.gz", [("commonvoice", lang, say(parts, lang)) for lang in WORDS for parts in draw.sample(pool, 300)]
          + [("csl", "zh", "".join(say(parts, "zh") for parts in draw.sample(pool, 12))) for _ in range(60)]
          + [("clinc150", "en", say(parts, "en").replace(".", "?")) for parts in draw.sample(pool, 100)])
    pairs: list[tuple[str, ...]] = []
    for _ in range(200):
        first = draw.choice(pool)
        second, score = similar(first, draw)
        pairs.append(("lcqmc-dev", "zh", "1" if score > 3 else "0", say(first, "zh"), say(second, "zh")))
        long = "".join(say(parts, "zh") for parts in (first, *draw.sample(pool, 5)))
        pairs.append(("csl", "zh", "kw", " ".join(group.split("|")[part] for group, part in zip(WORDS["zh"], first, strict=True)), long))
        pairs.append(("qbqtc-dev", "zh", "1.0", WORDS["zh"][0].split("|")[first[0]] + WORDS["zh"][2].split("|")[first[2]], say(first, "zh")))
    write(folder / "pairs.tsv.gz", pairs)
    write(folder / "stsb_train.tsv.gz", scored(pool, STS, 120, draw))


def evaluation(folder: Path, pool: list[Parts], draw: random.Random) -> None:
    """STSb, Tatoeba and the two clusterings."""
    for name in ("dev", "test"):
        write(folder / f"stsb_{name}.tsv.gz", scored(pool, STS, 60, draw))
    write(folder / "tatoeba.tsv.gz", [(code, say(parts, lang), say(parts, "en")) for lang, code in TATOEBA.items() for parts in draw.sample(pool, 60)])
    write(folder / "cluster_zh_thucnews.tsv.gz", [(str(parts[0]), say(parts, "zh")) for parts in draw.sample(pool, 200)])
    write(folder / "cluster_en_agnews.tsv.gz", [(str(parts[0] % 4), say(parts, "en"), say(draw.choice(pool), "en")) for parts in draw.sample(pool, 200)])


def usecases(folder: Path, pool: list[Parts], draw: random.Random) -> None:
    """Search sets, the same in each language, and a clustering."""
    passages = [draw.sample(pool, 4) for _ in range(40)]
    for lang in ("en", "zh", "es", "ar"):
        place = folder / "search" / f"xquad_{lang}"
        place.mkdir(parents=True, exist_ok=True)
        for name, items in (("docs", [" ".join(say(parts, lang) for parts in passage) for passage in passages]),
                            ("queries", [say(passage[0], lang) + "?" for passage in passages])):
            with gzip.open(place / f"{name}.jsonl.gz", "wt", encoding="utf-8") as handle:
                for number, text in enumerate(items):
                    handle.write(json.dumps({"id": f"{name}{number}", "text": text}, ensure_ascii=False) + "\n")
        write(place / "qrels.tsv.gz", [("query", "doc", "gain"), *((f"queries{i}", f"docs{i}", "1") for i in range(len(passages)))])
    write(folder / "cluster/sib200_eng_Latn.tsv.gz",
          [("index_id", "label", "text"), *((str(i), str(parts[2]), say(parts, "en")) for i, parts in enumerate(draw.sample(pool, 80)))])


def further_words(folder: Path) -> None:
    """Word counts of languages that no training text is in, in the layout of QUIVER_WORDS (localisations.py)."""
    for lang, words in FURTHER.items():
        (folder / lang).mkdir(parents=True, exist_ok=True)
        lines = [f"{word} {100 - place}\n" for place, word in enumerate(words.split())]
        (folder / lang / f"{lang}_50k.txt").write_text("".join(lines), encoding="utf-8")


def package(folder: Path, sources: Path) -> None:
    """A package to read functions from: the scripts of this folder, where `fetch.py` keeps what it has downloaded."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "quiver_training-1-py3-none-any.whl", "w") as bundle:
        bundle.writestr("quiver_training-1.dist-info/METADATA",
                        "Metadata-Version: 2.1\nName: quiver-training\nLicense: MIT\n\n" + (sources / "README.md").read_text())
        for path in sorted(sources.glob("*.py")):
            bundle.write(path, f"quiver_training/{path.name}")


def main(data: Path, work: Path) -> None:
    """Write the data folder, and the package into the work folder."""
    draw = random.Random(1)
    sides = sentences(draw)
    train(data / "text/train", sides.trained, draw)
    evaluation(data / "text/eval", sides.evaluated, draw)
    usecases(data / "usecases", sides.evaluated, draw)
    package(work / "packages/quiver-training", Path(__file__).resolve().parent)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
