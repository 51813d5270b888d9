"""GSM8K: grade-school word problems; the answer follows `####` at the end of a worked solution."""

from dgpo.data.answers import canonical_answer
from dgpo.data.sources.source import HubCopy, Source


def final_answer(raw: object) -> str:
    """What follows the last `####`, "" where there is none: `... #### 1,234` is `1234`."""
    _, mark, answer = str(raw or "").rpartition("####")
    return canonical_answer(answer) if mark else ""


GSM8K = Source(
    name="gsm8k",
    purpose="train",
    licence="MIT",
    copies=(
        HubCopy(
            id="openai/gsm8k",
            files={"train": "*main*train*", "test": "*main*test*"},
            rows={"train": 7_473, "test": 1_319},
        ),
    ),
    problem=("question",),
    purposes={"test": "benchmark"},
    canonical=final_answer,
)
