"""The policy-loss family: one gradient weight F per method, one shared surrogate, aggregation and metrics.

Needs only torch; `verl_adapter` is what makes the methods selectable in verl.
"""

from dgpo.losses.aspo import ASPO
from dgpo.losses.base import METHODS, Method, MethodConfig, register_method
from dgpo.losses.ce_gppo import CE_GPPO
from dgpo.losses.cispo import CISPO
from dgpo.losses.dgpo import DGPO
from dgpo.losses.gppo import GPPO
from dgpo.losses.grpo import GRPO
from dgpo.losses.maspo import MASPO
from dgpo.losses.sapo import SAPO
from dgpo.losses.surrogate import gradient_weight, policy_loss

__all__ = ["METHODS", "Method", "MethodConfig", "gradient_weight", "policy_loss", "register_method"]

for _method in (DGPO, GRPO, CISPO, GPPO, CE_GPPO, ASPO, MASPO, SAPO):
    register_method(_method)
