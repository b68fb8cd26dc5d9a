"""Traditional and simplified Chinese: one frequency for both, for few of the texts are traditional."""

from __future__ import annotations

from collections import defaultdict
from importlib.resources import files
from itertools import product


def simplified() -> dict[str, str]:
    """Traditional character → its simplified form, where it has another; OpenCC's table."""
    table = files("opencc").joinpath("dictionary/TSCharacters.txt").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line)
    return {old: new.split(" ")[0] for old, new in rows}


class Folding:
    """Texts folded to simplified characters, and back to all that fold to them."""

    def __init__(self) -> None:
        forms = simplified()
        self._table = str.maketrans(forms)
        self._writings: dict[str, list[str]] = defaultdict(list)
        for old, new in forms.items():
            self._writings[new].append(old)

    def fold(self, text: str) -> str:
        """The text in simplified characters."""
        return text.translate(self._table)

    def writings(self, text: str) -> list[str]:
        """Every text that folds to this folded one, itself among them."""
        choices = [[char, *self._writings.get(char, [])] for char in text]
        return [written for chars in product(*choices) if self.fold(written := "".join(chars)) == text]
