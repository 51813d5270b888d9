"""AIME 2024 and 2025: thirty problems each, answers from 0 to 999, in some copies with leading zeros or degrees."""

from dgpo.data.answers import integer_answer
from dgpo.data.sources.source import HubCopy, Source

_ROWS = {"train": 30}

AIME24 = Source(
    name="aime24",
    purpose="benchmark",
    licence="see its card",
    copies=(
        HubCopy(id="HuggingFaceH4/aime_2024", files={"train": "*train*"}, rows=_ROWS),
        HubCopy(id="Maxwell-Jia/AIME_2024", files={"train": "*aime*"}, rows=_ROWS),
        # Each problem 32 times, in verl's schema.
        HubCopy(id="BytedTsinghua-SIA/AIME-2024", files={"train": "*aime*"}, rows={"train": 960}),
    ),
    problem=("problem", "Problem", "prompt"),
    answer=("answer", "Answer", "reward_model.ground_truth"),
    id=("id", "ID", "extra_info.index"),
    canonical=integer_answer,
)

AIME25 = Source(
    name="aime25",
    purpose="benchmark",
    licence="see its card",
    copies=(
        HubCopy(id="opencompass/AIME2025", files={"test": "*aime2025*"}, rows={"test": 30}),
        HubCopy(id="yentinglin/aime_2025", files={"train": "*train*"}, rows=_ROWS),
        HubCopy(id="math-ai/aime25", files={"test": "*test*"}, rows={"test": 30}),
    ),
    problem=("question", "problem"),
    canonical=integer_answer,
)
