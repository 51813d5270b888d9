"""DeepScaleR-Preview: contest problems with LaTeX answers, some of them empty."""

from dgpo.data.sources.source import HubCopy, Source

DEEPSCALER = Source(
    name="deepscaler",
    purpose="train",
    licence="MIT",
    copies=(HubCopy(id="agentica-org/DeepScaleR-Preview-Dataset", files={"train": "*deepscaler*"}),),
    note="about 40,300 rows; problems of AIME 1983 to 2023 are among them",
)
