"""AMC 2023: the 40 problems of AMC 12 with whole-number answers; the 83 of a third copy are 2022's as well."""

from dgpo.data.sources.source import HubCopy, Source

AMC23 = Source(
    name="amc23",
    purpose="benchmark",
    licence="see its card",
    copies=(
        HubCopy(id="math-ai/amc23", files={"test": "*test*"}, rows={"test": 40}),
        HubCopy(id="zwhe99/amc23", files={"test": "*test*"}, rows={"test": 40}),
        HubCopy(id="AI-MO/aimo-validation-amc", files={"train": "*train*"}, rows={"train": 83}),
    ),
    problem=("question", "problem"),
    note="scores on the copies of 40 and of 83 problems are not comparable",
)
