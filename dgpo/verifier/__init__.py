"""Math answers as a reward: extract, normalise, compare by string, number, structure and value. `dgpo.rewards` is what
verl calls.

Rooms, each on those before it: text, expressions, answers, comparison, response; `files` reads and counts files.
`stages` is the way through them.
"""

from dgpo.verifier.response.extract import check_ground_truth
from dgpo.verifier.stages import verify, verify_batch
from dgpo.verifier.verdict import VERSION, Verdict

__all__ = ["VERSION", "Verdict", "check_ground_truth", "verify", "verify_batch"]
