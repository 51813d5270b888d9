"""The policy-loss family: one gradient weight F per method, one shared surrogate, aggregation and metrics.

Needs only torch; `dgpo.losses.verl` is what makes the methods selectable in verl.
"""

from dgpo.losses import aspo, ce_gppo, cispo, dgpo, gppo, grpo, maspo, sapo  # noqa: F401  each registers its method
from dgpo.losses.base import METHODS, Method, register_method
from dgpo.losses.surrogate import gradient_weight, policy_loss

__all__ = ["METHODS", "Method", "gradient_weight", "policy_loss", "register_method"]
