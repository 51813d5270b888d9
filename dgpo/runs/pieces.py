"""The text of each token of an answer."""

from collections.abc import Sequence
from pathlib import Path

from dgpo.errors import loading

UNFINISHED = "\ufffd"
MOST_BYTES = 4
"""Of a character in UTF-8: as many tokens may share one."""


class Pieces:
    """Decodes tokens one by one, special ones too, by the ``tokenizer.json`` in a folder; UserError without one."""

    def __init__(self, folder: Path):
        with loading("tokenizer", f"{folder}/tokenizer.json", "copy the model's there"):
            from tokenizers import Tokenizer

            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        # Each is decoded after an ordinary one: a tokenizer may drop the space that a text begins with.
        self._anchor = self._tokenizer.encode("a", add_special_tokens=False).ids[-1:]
        self._before = len(self._decode([]))
        self._known: dict[tuple[int, ...], str] = {}

    def of(self, tokens: Sequence[int]) -> list[str]:
        """A text a token; of several that share a character, the last one has it and the others have none."""
        texts: list[str] = []
        waiting: tuple[int, ...] = ()
        for token in tokens:
            waiting += (token,)
            text = self._known.get(waiting)
            if text is None:
                text = self._known[waiting] = self._decode(list(waiting))[self._before :]
            if text.endswith(UNFINISHED) and len(waiting) < MOST_BYTES and len(texts) + 1 < len(tokens):
                texts.append("")
            else:
                texts.append(text)
                waiting = ()
        return texts

    def text(self, tokens: Sequence[int]) -> str:
        """What a reward function is given of them: without special tokens."""
        return self._tokenizer.decode(list(tokens), skip_special_tokens=True)

    def _decode(self, tokens: list[int]) -> str:
        return self._tokenizer.decode([*self._anchor, *tokens], skip_special_tokens=False)
