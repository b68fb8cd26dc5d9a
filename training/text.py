"""The text side of the model: normaliser, prompts and tokenizer, the same for the teacher, the student and the server.

Normaliser, in this order (the server does exactly the same in TypeScript):
1. Unicode NFKC
2. REMOVED characters vanish (controls, soft hyphen, direction and joining marks, variation selectors, tags)
3. a run of SPACES characters becomes one U+0020
4. leading and trailing U+0020 are cut
Then every U+0020 becomes U+2581 and one U+2581 is put before the text; the Unigram model runs on each piece of text
that starts at a U+2581. An empty text has no tokens.
"""

from __future__ import annotations

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

# Written in the notation that Rust (Oniguruma) and, with \u{…} for \x{…} and the u flag, JavaScript share.
REMOVED = (
    r"[\x{0000}-\x{0008}\x{000E}-\x{001F}\x{007F}-\x{0084}\x{0086}-\x{009F}\x{00AD}\x{034F}\x{061C}\x{180B}-\x{180E}"
    r"\x{200C}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{206F}\x{FE00}-\x{FE0F}\x{FFF9}-\x{FFFC}\x{1BCA0}-\x{1BCA3}"
    r"\x{1D173}-\x{1D17A}\x{E0000}-\x{E0FFF}]"
)
SPACES = (
    r"[\x{0009}-\x{000D}\x{0020}\x{0085}\x{00A0}\x{1680}\x{2000}-\x{200B}\x{2028}\x{2029}\x{202F}\x{205F}\x{2581}"
    r"\x{3000}\x{FEFF}\x{FFFD}]+"
)

BOS, PAD, EOS, UNK = 0, 1, 2, 3
SPECIALS = {"<s>": BOS, "<pad>": PAD, "</s>": EOS, "<unk>": UNK}
PROMPTS = {"query": "query: ", "document": "passage: "}


def javascript(pattern: str) -> str:
    """The same character class for a JavaScript regular expression with the u flag."""
    return pattern.replace(r"\x{", r"\u{")


def build_tokenizer(pieces: list[tuple[str, float]]) -> Tokenizer:
    """A Hugging Face Unigram tokenizer over `pieces` (piece, log probability), ids = positions."""
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=UNK, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.NFKC(),
        normalizers.Replace(Regex(REMOVED), ""),
        normalizers.Replace(Regex(SPACES), " "),
        normalizers.Strip(),
    ])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    return tokenizer


def encode(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    """Token ids of texts, without prompt and without special tokens."""
    return [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]


def prompt_ids(tokenizer: Tokenizer) -> dict[str, list[int]]:
    """The ids which stand between `<s>` and the text, by text type."""
    return {kind: tokenizer.encode(prompt, add_special_tokens=False).ids for kind, prompt in PROMPTS.items()}


def framed(prompt: list[int], ids: list[int], limit: int) -> list[int]:
    """`<s>` prompt text `</s>`, the text cut so that the whole has at most `limit` ids."""
    room = limit - len(prompt) - 2
    return [BOS, *prompt, *ids[:room], EOS]
