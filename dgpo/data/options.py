"""The options of data preparation, checked."""

from dataclasses import dataclass
from pathlib import Path

from dgpo.data.prompts import find_template


@dataclass(frozen=True, kw_only=True)
class Options:
    """What decides which rows are written, and how.

    Attributes:
        name: stem of the files and `data_source` of the rows.
        split: of the source.
        template: name or text of the prompt template.
        keep_conflicts: keep problems with conflicting answers where one answer has the most rows.
        max_prompt_chars: longer user messages are dropped.
        max_prompt_tokens: longer prompts, rendered by the chat template of `tokenizer`, are dropped.
        tokenizer: folder of a Hugging Face tokenizer.
        decontaminate: benchmark files, or folders of them, whose problems are dropped.
        near: least similarity of near duplicates of benchmark problems, in (0, 1].
        limit: at most so many problems, drawn by `seed`, in the order of the source.
        levels: of the arithmetic task; None for a source of another kind.
    """

    name: str
    split: str
    template: str
    keep_conflicts: bool = False
    max_prompt_chars: int | None = None
    max_prompt_tokens: int | None = None
    tokenizer: Path | None = None
    decontaminate: tuple[Path, ...] = ()
    near: float = 0.7
    limit: int | None = None
    seed: int = 0
    levels: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        find_template(self.template)
        if self.name != Path(self.name).name or not self.name.strip() or self.name.startswith("."):
            raise ValueError(f"name={self.name!r}: give a file name without a folder, such as dapo-math-17k")
        for key in ("limit", "max_prompt_chars", "max_prompt_tokens"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise ValueError(f"{key.replace('_', '-')}={value}: give at least 1")
        if not 0 < self.near <= 1:
            raise ValueError(f"near={self.near}: give a similarity above 0, at most 1 (1: exact repeats alone)")
        if (self.max_prompt_tokens is None) != (self.tokenizer is None):
            raise ValueError("max-prompt-tokens and tokenizer need each other: give both, or max-prompt-chars")
        if self.max_prompt_tokens is not None and self.max_prompt_chars is not None:
            raise ValueError("max-prompt-tokens and max-prompt-chars are both given: leave one of them out")
