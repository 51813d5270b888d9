"""MATH-500: LaTeX answers; six are numbers in other bases, which only a response in that base should match."""

from dgpo.data.sources.source import HubCopy, Source

MATH500 = Source(
    name="math500",
    purpose="benchmark",
    licence="see its card",
    copies=(HubCopy(id="HuggingFaceH4/MATH-500", files={"test": "*test*"}, rows={"test": 500}),),
    id=("unique_id",),
)
