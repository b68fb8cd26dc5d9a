"""Numbers and names: does a text stay nearer to its paraphrase than to the same words with another number or name?

    python details.py --model shipped   (large, static, e5, minilm), then --table: benchmarks/results/builtin-details.md

Each case is a statement, another way of saying it, and both again with another number, date, name or place. "told apart": the true paraphrase is
nearer to the statement than the paraphrase with the other detail (ties are wrong; by chance half would be). "against the words": it is
even nearer than the statement itself with the other detail, which shares all other words: what a search needs that must not confuse two
invoices. "cosine": how alike a text and itself with only that detail changed are; equal texts have 1. English and Chinese, made of
patterns here, so no model has seen them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import pages
from common import seeded
from evaluate import MODELS, Cached

CASES = 40  # of each kind and language
# kind → language → pairs of patterns that say the same; {} is the detail.
PATTERNS = {
    "amount": {"en": [("The invoice comes to {} euros.", "You owe us {} euros in total."), ("The flat has {} square metres.", "It is an apartment of {} m².")],
               "zh": [("发票总额为{}元。", "您一共需要付{}元。"), ("这套房子有{}平方米。", "房屋面积是{}平方米。")]},
    "small number": {"en": [("We need {} chairs for the meeting.", "Please bring {} seats to the conference."), ("She has {} children.", "She is a mother of {}.")],
                     "zh": [("会议需要{}把椅子。", "开会请准备{}个座位。"), ("她有{}个孩子。", "她是{}个孩子的母亲。")]},
    "year": {"en": [("The bridge was built in {}.", "Construction of the bridge ended in {}."), ("He was born in {}.", "His year of birth is {}.")],
             "zh": [("这座桥建于{}年。", "大桥在{}年完工。"), ("他出生于{}年。", "他的出生年份是{}年。")]},
    "person": {"en": [("{} won the race yesterday.", "Yesterday's race was won by {}."), ("The letter was written by {}.", "{} is the author of the letter.")],
               "zh": [("{}昨天赢得了比赛。", "昨天比赛的冠军是{}。"), ("这封信是{}写的。", "{}是这封信的作者。")]},
    "place": {"en": [("The train to {} leaves at noon.", "At twelve there is a train going to {}."), ("Our office is in {}.", "We work from {}.")],
              "zh": [("去{}的火车中午出发。", "十二点有一班开往{}的列车。"), ("我们的办公室在{}。", "我们在{}办公。")]},
    "version": {"en": [("The bug is fixed in version {}.", "Release {} solves the problem."), ("Please install Node.js {}.", "Node.js {} is required.")],
                "zh": [("这个错误在{}版本中已修复。", "{}版解决了该问题。"), ("请安装Node.js {}。", "需要Node.js {}。")]},
}
PEOPLE = {"en": "Maria Jensen|Ahmed Khan|Laura Rossi|Peter Novak|Yuki Tanaka|Olga Petrova|James Carter|Fatima Ali|Hans Weber|Chloe Martin".split("|"),
          "zh": "王小明|李思思|张伟|陈静|刘洋|赵敏|孙丽|周杰|吴刚|郑爽".split("|")}
TOWNS = {"en": "Vienna|Oslo|Madrid|Cairo|Toronto|Lima|Nairobi|Seoul|Prague|Denver".split("|"),
         "zh": "北京|上海|广州|成都|西安|杭州|武汉|昆明|大连|拉萨".split("|")}


def details(kind: str, lang: str) -> list[str]:
    """What may stand in a pattern of a kind."""
    if kind == "amount":
        return [f"{number}" for number in range(1130, 9990, 37)]
    if kind == "small number":
        words = {"en": "two three four five six seven eight nine".split(), "zh": list("两三四五六七八九")}[lang]
        return [*words, *map(str, range(2, 10))]
    if kind == "year":
        return [str(year) for year in range(1901, 2024)]
    if kind == "version":
        return [f"{major}.{minor}" for major in range(1, 25) for minor in range(10)]
    return {"person": PEOPLE, "place": TOWNS}[kind][lang]


def cases(kind: str, lang: str) -> Iterator[tuple[str, str, str, str]]:
    """(statement, paraphrase, paraphrase and statement with another detail)."""
    draw = seeded(f"details:{kind}:{lang}")
    for number in range(CASES):
        first, second = PATTERNS[kind][lang][number % len(PATTERNS[kind][lang])]
        right, wrong = draw.sample(details(kind, lang), 2)
        yield first.format(right), second.format(right), second.format(wrong), first.format(wrong)


def measure(model: str) -> dict[str, dict[str, float]]:
    """«kind language» → both shares, and the mean cosine of a text and its change, at the usual dimension."""
    vectors, own = Cached(model), MODELS[model]
    dimension = 1024 if 1024 in own.dimensions else own.dimensions[-1]
    found = {}
    for kind in PATTERNS:
        for lang in ("en",) if own.is_english else ("en", "zh"):
            texts = [text for case in cases(kind, lang) for text in case]
            held = vectors(f"details-{kind.replace(' ', '-')}-{lang}", texts, own.symmetric)[:, :dimension]
            held = held / np.linalg.norm(held, axis=1, keepdims=True)
            statement, right, wrong, same_words = (held[number::4] for number in range(4))
            near = (statement * right).sum(1)
            found[f"{kind} {lang}"] = {"right": float((near > (statement * wrong).sum(1)).mean()),
                                       "hard": float((near > (statement * same_words).sum(1)).mean()),
                                       "change": float((statement * same_words).sum(1).mean())}
    return found


ORDER = ("shipped", "large", "static", "e5", "minilm")


def table() -> str:
    """The page."""
    found = pages.found("details", ORDER)
    text = ["# Numbers and names", "", pages.commands("details", ORDER), "",
            *(__doc__ or "").split("\n\n")[2].strip().splitlines(), "",
            f"{CASES} cases a line: told apart / against the words / cosine.", "",
            "| detail | " + " | ".join(found) + " |", "|---|" + "---|" * len(found)]
    for name in next(iter(found.values())):
        cells = [" / ".join(f"{values[name][part]:.2f}" for part in ("right", "hard", "change")) if name in values else "" for values in found.values()]
        text.append(f"| {name} | " + " | ".join(cells) + " |")
    means = [" / ".join(f"{np.mean([value[part] for value in values.values()]):.2f}" for part in ("right", "hard", "change")) for values in found.values()]
    text += ["| mean | " + " | ".join(means) + " |", ""]
    return "\n".join(text)


if __name__ == "__main__":
    pages.run("details", measure, table)
