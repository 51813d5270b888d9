"""OlympiadBench, the open-ended English mathematics problems without pictures.

`final_answer` is a list of `$`-wrapped answers; 94 problems have several.
"""

from dgpo.data.sources.source import HubCopy, Source

OLYMPIADBENCH = Source(
    name="olympiadbench",
    purpose="benchmark",
    licence="see its card",
    copies=(
        HubCopy(id="Hothan/OlympiadBench", files={"train": "*OE_TO_maths_en_COMP*"}, rows={"train": 674}),
        HubCopy(id="math-ai/olympiadbench", files={"test": "*test*"}, rows={"test": 675}),
    ),
    problem=("question", "problem"),
    answer=("final_answer", "answer"),
    subject=("subfield", "subject"),
    context=("context",),
)
