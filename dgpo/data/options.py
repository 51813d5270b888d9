r"""What `dgpo data prepare` is asked for: which source, which of its files, which rows, and the text around a problem.

The reward reads the last `\boxed{}` of a response, so a template should ask for one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dgpo.data.read import format_of, stem_of
from dgpo.data.sources import SOURCES, HubCopy, Source
from dgpo.data.sources.source import own_source, split_name
from dgpo.errors import UserError
from dgpo.model_files import is_hub_id
from dgpo.tasks.arithmetic import DEFAULT_LEVELS

PLACEHOLDER = "{problem}"

TEMPLATES = {
    # What the authors of DeepSeek-R1 and its distilled models advise; they advise against a system prompt.
    "r1": PLACEHOLDER + "\nPlease reason step by step, and put your final answer within \\boxed{}.",
    "none": PLACEHOLDER,
}


def find_template(text: str) -> tuple[str, str]:
    """Name and text of a template: one of `TEMPLATES`, or "custom" for a text with `{problem}` in it.

    Raises UserError for any other text.
    """
    if text in TEMPLATES:
        return text, TEMPLATES[text]
    if text.count(PLACEHOLDER) != 1:
        raise UserError(
            f"template={text!r}: use one of {', '.join(TEMPLATES)}, or a text that has {PLACEHOLDER} in it once"
        )
    return "custom", text


def render(template_text: str, problem: str) -> str:
    """The user message: the template with the problem in place of `{problem}`; other braces stay as they are."""
    return template_text.replace(PLACEHOLDER, problem)


@dataclass(kw_only=True)
class Options:
    """The options of the command, whose help explains them, checked, with what follows from them. What is empty or None
    was not asked for.

    Attributes:
        data: name of a source; else path of a file or folder of one's own, or hub id of a data set that is no source.
        template, template_text: name of the template, which is "custom" for a text of one's own, and its text.
        source, copy: found from the above; the copy is an empty one for a source that is made on the spot.
        split_is_asked: whether the split was named.

    Raises:
        UserError: an option is out of its range, or would do nothing.
    """

    data: str
    out: Path
    name: str = ""
    origin: Path | None = None
    hub_id: str = ""
    revision: str = ""
    split: str = ""
    prompt_field: str = ""
    answer_field: str = ""
    id_field: str = ""
    purpose: str | None = None
    template: str = ""
    any_answer: bool = False
    keep_conflicts: bool = False
    max_prompt_chars: int | None = None
    max_prompt_tokens: int | None = None
    tokenizer: Path | None = None
    decontaminate: Sequence[Path] | None = None
    near: float | None = None
    limit: int | None = None
    seed: int | None = None
    levels: Sequence[int] | None = None
    template_text: str = field(init=False)
    source: Source = field(init=False)
    split_is_asked: bool = field(init=False)
    copy: HubCopy = field(init=False)

    def __post_init__(self) -> None:
        is_own = self.data not in SOURCES
        self.source = self._own() if is_own else SOURCES[self.data]
        self._refuse_useless(is_own)
        copies = {copy.id: copy for copy in self.source.copies}
        self.copy = (
            copies.get(self.hub_id, HubCopy(self.hub_id)) if self.hub_id else next(iter(copies.values()), HubCopy())
        )
        self.split_is_asked = bool(self.split)
        splits = tuple(self.copy.files) or self.source.splits
        self.split = self.split or splits[0]
        is_known = self.copy.files or self.source.make
        if not self.split.strip() or (is_known and self.split not in splits):
            raise UserError(f"split={self.split}: {self.copy.id or self.source.name} has {', '.join(splits)}")
        self.name = self.name or (self.source.name if is_own else split_name(self.source.name, self.split, splits))
        self.template, self.template_text = find_template(self.template or self.source.template)
        self._check_ranges()
        if self.source.make is not None:
            self.levels = self.levels or DEFAULT_LEVELS

    def _own(self) -> Source:
        path = Path(self.data)
        if not path.exists() and (not is_hub_id(self.data) or format_of(self.data)):
            raise UserError(
                f"{self.data}: neither a file or folder, nor a hub id (organisation/name), nor one of "
                f"{', '.join(SOURCES)}"
            )
        return own_source(
            stem_of(path),
            HubCopy("" if path.exists() else self.data),
            problem=self.prompt_field,
            answer=self.answer_field,
            id=self.id_field,
            purpose=self.purpose or "",
        )

    def _refuse_useless(self, is_own: bool) -> None:
        """An option that would do nothing is a misunderstanding."""
        source, count = self.source, self.max_prompt_tokens
        for key in ("prompt_field", "answer_field", "id_field", "purpose"):
            if getattr(self, key) and not is_own:
                raise UserError(f"--{key.replace('_', '-')} is for your own file; {source.name} has columns of its own")
        for key, flag in (("origin", "--from"), ("hub_id", "--hub-id"), ("revision", "--revision")):
            if getattr(self, key) and not any(copy.id for copy in source.copies):
                raise UserError(f"{flag} is for a data set of the hub, which {source.name} is not; leave it out")
        for is_useless, message in (
            (self.revision and self.origin, "--revision is for the hub, and --from asks no hub: leave one of them out"),
            (self.levels and source.make is None, "--levels is for arithmetic alone; leave it out"),
            (self.near is not None and not self.decontaminate,
             "--near needs --decontaminate; give the benchmarks, or leave it out"),
            (self.seed is not None and self.limit is None and source.make is None,
             "--seed needs --limit: nothing else is drawn"),
            ((count is None) != (self.tokenizer is None),
             "max-prompt-tokens and tokenizer need each other: give both, or max-prompt-chars"),
            (count is not None and self.max_prompt_chars is not None,
             "max-prompt-tokens and max-prompt-chars are both given: leave one of them out"),
        ):  # fmt: skip
            if is_useless:
                raise UserError(message)

    def _check_ranges(self) -> None:
        if self.name != Path(self.name).name or not self.name.strip() or self.name[0] == "." or len(self.name) > 50:
            raise UserError(f"name={self.name!r}: give a short file name without a folder, such as dapo-math-17k")
        for key in ("limit", "max_prompt_chars", "max_prompt_tokens"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise UserError(f"{key.replace('_', '-')}={value}: give at least 1")
        if self.near is not None and not 0 < self.near <= 1:
            raise UserError(f"near={self.near}: give a similarity above 0, at most 1 (1: exact repeats alone)")
