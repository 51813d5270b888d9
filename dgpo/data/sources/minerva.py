"""Minerva Math: 272 problems of undergraduate physics and astronomy, many answers like `4.5e33`."""

from dgpo.data.sources.source import HubCopy, Source

MINERVA = Source(
    name="minerva",
    purpose="benchmark",
    licence="see its card",
    copies=(HubCopy(id="math-ai/minervamath", files={"test": "*test*"}, rows={"test": 272}),),
    problem=("question", "problem"),
)
