"""The data sets that `dgpo data prepare` knows by name. `source.py` says what a source is."""

from dgpo.data.answers import canonical_answer, integer_answer
from dgpo.data.sources.arithmetic import ARITHMETIC
from dgpo.data.sources.source import HubCopy, Source

_ALL = (
    # Whole-number answers; 17,917 rows, each a hundred times over in the first copy. 17,398 problems are distinct;
    # about 520 rows repeat one under another index, so their answers may differ. Prompts carry DAPO's own "Answer:"
    # template (arXiv:2503.14476), which is taken off.
    Source(
        name="dapo-math-17k",
        purpose="train",
        licence="Apache-2.0",
        copies=(
            HubCopy("BytedTsinghua-SIA/DAPO-Math-17k", {"train": "*dapo-math-17k*.parquet"}, {"train": 1_791_700}),
            HubCopy("YouJiacheng/DAPO-Math-17k-dedup", {"train": "*train*"}),
            HubCopy("open-r1/DAPO-Math-17k-Processed", {"train": "all/train*"}, {"train": 17_398}),
        ),
        problem=("prompt",),
        # The processed copy's `solution` is the bare answer, and it comes with a reward_model as well.
        answer=("reward_model.ground_truth", "solution"),
        id=("extra_info.index",),
    ),
    # Contest problems with LaTeX answers, some of them empty.
    Source(
        name="deepscaler",
        purpose="train",
        licence="MIT",
        copies=(HubCopy("agentica-org/DeepScaleR-Preview-Dataset", {"train": "*deepscaler*"}),),
        note="about 40,300 rows; problems of AIME 1983 to 2023 are among them",
    ),
    # verl's schema in one JSON file, problems without an instruction.
    Source(
        name="klear-mathsub",
        purpose="train",
        licence="Apache-2.0",
        copies=(HubCopy("Kwai-Klear/KlearReasoner-MathSub-30K", {"train": "*train_math_30K*"}),),
        problem=("prompt",),
        answer=("reward_model.ground_truth",),
        id=("extra_info.index",),
    ),
    # Grade-school word problems.
    Source(
        name="gsm8k",
        purpose="train",
        licence="MIT",
        copies=(
            HubCopy("openai/gsm8k", {"train": "*main*train*", "test": "*main*test*"}, {"train": 7_473, "test": 1_319}),
        ),
        problem=("question",),
        # Behind a worked solution's last mark; without one there is none.
        canonical=lambda raw: canonical_answer(str(raw).rpartition("####")[2]) if "####" in str(raw) else "",
        purposes={"test": "benchmark"},
    ),
    # Answers from 0 to 999, in some copies with leading zeros or degrees.
    Source(
        name="aime24",
        purpose="benchmark",
        copies=(
            HubCopy("HuggingFaceH4/aime_2024", {"train": "*train*"}, {"train": 30}),
            HubCopy("Maxwell-Jia/AIME_2024", {"train": "*aime*"}, {"train": 30}),
            # Each problem 32 times, in verl's schema.
            HubCopy("BytedTsinghua-SIA/AIME-2024", {"train": "*aime*"}, {"train": 960}),
        ),
        problem=("problem", "Problem", "prompt"),
        answer=("answer", "Answer", "reward_model.ground_truth"),
        id=("id", "ID", "extra_info.index"),
        canonical=integer_answer,
    ),
    Source(
        name="aime25",
        purpose="benchmark",
        copies=(
            HubCopy("opencompass/AIME2025", {"test": "*aime2025*"}, {"test": 30}),
            HubCopy("yentinglin/aime_2025", {"train": "*train*"}, {"train": 30}),
            HubCopy("math-ai/aime25", {"test": "*test*"}, {"test": 30}),
        ),
        problem=("question", "problem"),
        canonical=integer_answer,
    ),
    # The 40 problems of AMC 12 in 2023 with whole-number answers; the 83 of a third copy are 2022's as well.
    Source(
        name="amc23",
        purpose="benchmark",
        copies=(
            HubCopy("math-ai/amc23", {"test": "*test*"}, {"test": 40}),
            HubCopy("zwhe99/amc23", {"test": "*test*"}, {"test": 40}),
            HubCopy("AI-MO/aimo-validation-amc", {"train": "*train*"}, {"train": 83}),
        ),
        problem=("question", "problem"),
        note="scores on the copies of 40 and of 83 problems are not comparable",
    ),
    # LaTeX answers; six are numbers in other bases, which only a response in that base should match.
    Source(
        name="math500",
        purpose="benchmark",
        copies=(HubCopy("HuggingFaceH4/MATH-500", {"test": "*test*"}, {"test": 500}),),
        id=("unique_id",),
    ),
    # Undergraduate physics and astronomy, many answers like `4.5e33`.
    Source(
        name="minerva",
        purpose="benchmark",
        copies=(HubCopy("math-ai/minervamath", {"test": "*test*"}, {"test": 272}),),
        problem=("question", "problem"),
    ),
    # The open-ended English mathematics problems without pictures. `final_answer` is a list of `$`-wrapped answers; 94
    # problems have several.
    Source(
        name="olympiadbench",
        purpose="benchmark",
        copies=(
            HubCopy("Hothan/OlympiadBench", {"train": "*OE_TO_maths_en_COMP*"}, {"train": 674}),
            HubCopy("math-ai/olympiadbench", {"test": "*test*"}, {"test": 675}),
        ),
        problem=("question", "problem"),
        answer=("final_answer", "answer"),
        subject=("subfield", "subject"),
        context=("context",),
    ),
    ARITHMETIC,
)
SOURCES: dict[str, Source] = {source.name: source for source in _ALL}
