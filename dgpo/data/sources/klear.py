"""KlearReasoner-MathSub-30K: verl's schema in one JSON file, problems without an instruction."""

from dgpo.data.sources.source import HubCopy, Source

KLEAR = Source(
    name="klear-mathsub",
    purpose="train",
    licence="Apache-2.0",
    copies=(HubCopy(id="Kwai-Klear/KlearReasoner-MathSub-30K", files={"train": "*train_math_30K*"}),),
    problem=("prompt",),
    answer=("reward_model.ground_truth",),
    id=("extra_info.index",),
)
