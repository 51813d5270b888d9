"""Math answers as a reward: extract, normalise, compare by string, number, structure, and last by math-verify
in killable worker processes. `verl_reward` is the function that verl calls.
"""

from dgpo.rewards.gold import check_ground_truth
from dgpo.rewards.math_answer import verify, verify_batch
from dgpo.rewards.verdict import Verdict

__all__ = ["Verdict", "check_ground_truth", "verify", "verify_batch"]
