"""DAPO-Math-17k: whole-number answers; 17,917 rows, each a hundred times over in the first copy.

17,398 problems are distinct; about 520 rows repeat one under another index, so their answers may differ. Prompts
carry DAPO's own "Answer:" template (arXiv:2503.14476), which is taken off.
"""

from dgpo.data.sources.source import HubCopy, Source

DAPO = Source(
    name="dapo-math-17k",
    purpose="train",
    licence="Apache-2.0",
    copies=(
        HubCopy(
            id="BytedTsinghua-SIA/DAPO-Math-17k", files={"train": "*dapo-math-17k*.parquet"}, rows={"train": 1_791_700}
        ),
        HubCopy(id="YouJiacheng/DAPO-Math-17k-dedup", files={"train": "*train*"}),
        HubCopy(id="open-r1/DAPO-Math-17k-Processed", files={"train": "all/train*"}, rows={"train": 17_398}),
    ),
    problem=("prompt",),
    # The processed copy's `solution` is the bare answer, and it comes with a reward_model as well.
    answer=("reward_model.ground_truth", "solution"),
    id=("extra_info.index",),
)
