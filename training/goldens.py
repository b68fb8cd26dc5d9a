"""Step 12: files by which the TypeScript engine proves that it computes the same as the training side.

tokenizer.golden.json  ~3,000 texts with their ids (no prompt, no special ids); one file for all students
canary.json            beside the weights: eight of the next, by which a server tests itself when it starts
engine.golden.json     (`golden` in config.json) texts of 1 to 500 ids, both prompts: ids, and vectors of the shipped file in ONNX Runtime, each compared
                       here with PyTorch doing the same arithmetic, and with PyTorch in float32

Rounding activations makes the network sensitive to the last bit: where PyTorch and ONNX Runtime (or two kinds of processor)
differ in it, some numbers round the other way, and the vectors differ by as much as rounding costs, cosine about .999. So
the golden vectors are those of ONNX Runtime, to be met at .9999 on the same kind of processor and at .995 on others.

The texts are CC0 (Common Voice, TICO-19), short excerpts of NTREX (CC BY-SA 4.0), this repository's own scripts, and
strings made up here.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer

from common import CHECKPOINTS, CONFIG, DATA, GOLDENS, HERE, STUDENT, WEIGHTS, rows, seeded, sha256
from export import load_student
from metrics import unit
from quantise import quantised
from text import encode, framed, prompt_ids

HOSTILE = [
    "", " ", "   \t\n  ", "\u0000", "a\u0000b", "\ufeffBOM first", "zero\u200bwidth\u200cjoin\u200der", "soft\u00adhyphen",
    "👩‍👩‍👧‍👦 family", "🏳️‍🌈🇩🇪👍🏽", "e\u0301 and é", "\u0301\u0302\u0303", "\u202eright to left\u202c", "שלום world مرحبا 123", "ﬁ ligature ½ ² ™ ㎏ ℃",
    "ＦＵＬＬ　ＷＩＤＴＨ！？", "ｶﾀｶﾅ ﾊﾝｶｸ", "가각", "\u1112\u1161\u11ab\u1100\u1173\u11af", "▁▁ already marked ▁", "a▁b", "<s> </s> <pad> <unk>", "&lt;b&gt; &amp;",
    "x" * 600, "字" * 300, "😀" * 40, "ab " * 120, "1234567890" * 12, "3.14159 1,000,000 1e-9 0x7fff", "https://example.org/a?b=c&d=%20#e",
    "C:\\Users\\test\\file.txt", "name@example.org", "\u2028line\u2029paragraph\u0085next", "tab\tnew\nline\r\nend", "nbsp\u00a0here\u2003em", "　全角空格　",
    "\ud7ff\ue000\uf8ff private", "\U0001f9ff\U000e0041 tag", "𝕳𝖊𝖑𝖑𝖔 𝔘𝔫𝔦", "Z͑ͫ̓ͪ̂ͫ̽a̴l̷g̵o̶", "ما اسمك؟ نمی‌خواهم", "हिन्दी में क्षत्रिय", "ภาษาไทยไม่มีช่องว่าง", "བོད་སྐད་", "ᠮᠣᠩᠭᠣᠯ", "ქართული", "አማርኛ",
    "ᚠᚢᚦᚨᚱᚲ", "\u0378 unassigned", "a" + "\u0300" * 50, "mixed漢字かなカナ한글English", "ǅ ǆ ǲ İ ı ß ẞ", "…‥ ⋯ —–‐ “quotes” «guillemets»", "\ufffd replacement", "½⅓¼", "①②③ Ⅳ ⅷ", "\u3164 filler", "٠١٢٣ ۰۱۲۳ ०१२३",
    "SELECT * FROM t WHERE a >= 1;", "def f(x: int) -> str:\n    return f\"{x!r}\"", "if (a && b || !c) { return a?.b ?? c; }", "#include <stdio.h>\nint main(void) { return 0; }", "let x = vec![1, 2]; // 中文注释",
    "!!!???...", "~`@#$%^&*()_+-={}[]|\\:;\"'<>,./", "\u00a0", "\u200b", "\u2581", "a", "中", "。", "?", "é", "€", "9",
    "მე წიგნს ვკითხულობ.", "Ես գիրք եմ կարդում։", "നാളെ മഴ പെയ്യും.", "నేను పుస్తకం చదువుతున్నాను.", "ខ្ញុំអានសៀវភៅ។", "ຂ້ອຍອ່ານປຶ້ມ", "ನಾನು ಪುಸ್ತಕ ಓದುತ್ತೇನೆ.", "હું પુસ્તક વાંચું છું.",
    "မနက်ဖြန် မိုးရွာမယ်။", "මම පොතක් කියවනවා.", "መጽሐፍ አነባለሁ።", "Би ном уншиж байна.", "Ma loen raamatut.", "Es lasu grāmatu.", "Unë po lexoj një libër.", "Rwy'n darllen llyfr.", "Liburu bat irakurtzen ari naiz.",
]


def lines() -> list[str]:
    """About 3,000 texts over all languages of the training data, code, and hostile strings."""
    found: dict[str, list[str]] = defaultdict(list)
    for source, lang, text in rows(DATA / "text/train/mono.tsv.gz"):
        if source == "commonvoice":
            found[lang].append(text)
    for source, _, lang, _, text in rows(DATA / "text/train/parallel.tsv.gz"):
        if source == "tico19":
            found[lang].append(text)
        elif source == "ntrex" and lang in ("he", "zht", "ms", "ko", "th"):
            found[f"ntrex-{lang}"].append(text)
    result = list(HOSTILE)
    for lang in sorted(found):
        draw = seeded(f"golden:{lang}")
        texts = [text for text in found[lang] if len(text) <= 300]
        result += draw.sample(texts, min(len(texts), 30 if lang.startswith("ntrex") else 68))
    own = [line.rstrip("\n") for path in sorted(HERE.glob("*.py")) for line in path.open() if len(line) > 12]
    result += seeded("golden:code").sample(own, 300)
    return list(dict.fromkeys(result))


def long_text(lang: str, count: int) -> str:
    """Consecutive TICO-19 lines of a language."""
    texts = [text for source, _, other, english, text in rows(DATA / "text/train/parallel.tsv.gz")
             if source == "tico19" and other == lang]
    return " ".join(texts[200:200 + count])


def engine_inputs(texts: list[str]) -> list[str]:
    """Inputs of very different kinds and lengths."""
    plain = [text for text in texts if text not in HOSTILE]
    chosen = seeded("golden:engine").sample(plain, 34)
    hostile = [HOSTILE[i] for i in (0, 8, 9, 13, 14, 15, 23, 24, 25, 27, 29, 49, 58, 59, 60, 61, 66, 72, 73)]
    own = ["7", "今天天气怎么样？", "How do I reset my password?", "red wool scarf, hand made", "红色羊毛围巾", "def add(a, b):\n    return a + b",
           "2026-11-22 13:30 ERROR connection refused", "¿Dónde está la biblioteca?", "Wo ist der Bahnhof?", "駅はどこですか", "역이 어디에 있나요?"]
    long = [long_text(lang, count) for lang, count in (("zh", 3), ("fr", 4), ("ar", 4), ("hi", 5), ("ru", 8), ("zh", 9), ("es", 12))]
    return [*own, *hostile, *chosen, *long]


def engine_golden(tokenizer: Tokenizer, texts: list[str]) -> dict[str, object]:
    """Vectors of the shipped file, and how far PyTorch is from them."""
    exact = load_student(UNTRAINED)
    same = quantised(exact, dict(np.load(CHECKPOINTS / "smoothing.npz")))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(WEIGHTS / "model.onnx"), options, providers=["CPUExecutionProvider"])
    cases = []
    cosines: dict[str, list[float]] = {"same arithmetic": [], "float32": []}
    for text, ids in zip(texts, encode(tokenizer, texts), strict=True):
        for kind, prompt in prompt_ids(tokenizer).items():
            full = framed(prompt, ids, len(prompt) + 502)
            vector = session.run(None, {"input_ids": np.array([full])})[0]
            for name, network in (("same arithmetic", same), ("float32", exact)):
                with torch.no_grad():
                    other = network(torch.tensor([full])).numpy()
                cosines[name].append(float((unit(vector, 1024) * unit(other, 1024)).sum()))
            cases.append({"text": text, "type": kind, "ids": full,
                          "d64": [round(float(x), 6) for x in unit(vector, 64)[0]],
                          "d1024": [round(float(x), 6) for x in unit(vector, 1024)[0]]})
    compared = {name: {"mean": round(float(np.mean(values)), 5), "least": round(min(values), 5)} for name, values in cosines.items()}
    print(f"{len(cases)} engine cases, cosine to PyTorch {compared}")
    return {"model_sha256": sha256(WEIGHTS / "model.onnx"), "tolerance": {"cosine": 0.995, "same_processor": 0.9999},
            "processor": "x86-64, AVX-512 VNNI", "pytorch": compared,
            "note": "ids are the whole sequence, cut to 500 text ids (one chunk); vectors are the first components scaled to length 1",
            "cases": cases}


def main() -> None:
    """Write the files."""
    own = CONFIG["students"][STUDENT]
    GOLDENS.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))
    texts = lines()
    cases = [{"text": text, "ids": ids} for text, ids in zip(texts, encode(tokenizer, texts), strict=True)]
    compact = {"ensure_ascii": False, "separators": (",", ":")}
    head = json.dumps({"tokenizer_sha256": sha256(WEIGHTS / "tokenizer.json")})[:-1]
    body = ",\n".join(json.dumps(case, **compact) for case in cases)  # type: ignore[arg-type]
    (GOLDENS / "tokenizer.golden.json").write_text(f'{head}, "cases": [\n{body}\n]}}\n')
    engine = engine_golden(tokenizer, engine_inputs(texts)[:: own["golden_every"]])
    canary = {"tolerance": engine["tolerance"],
              "cases": [{name: case[name] for name in ("text", "type", "d64")} for case in engine["cases"][:8]]}  # type: ignore[index]
    (WEIGHTS / "canary.json").write_text(json.dumps(canary, ensure_ascii=False) + "\n")
    body = ",\n".join(json.dumps(case, **compact) for case in engine.pop("cases"))  # type: ignore[arg-type,attr-defined]
    head = json.dumps(engine)[:-1]
    (GOLDENS / f"{own['golden']}.golden.json").write_text(f'{head}, "cases": [\n{body}\n]}}\n')
    print(f"{len(cases):,} tokenizer cases")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--untrained", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    UNTRAINED = parser.parse_args().untrained
    torch.set_num_threads(1)
    main()
