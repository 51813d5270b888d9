"""verl's own losses beside ours, each as verl computes it, with the metrics of ours: `policy_loss=verl_gspo`.

Importing this module registers them with verl as verl_<name>. verl's vanilla, cispo and sapo are not here: `grpo`,
`cispo` and `sapo` have their gradients. The metrics' F is the size of the gradient that verl's loss has in log π_θ,
over |A| and the token's weight; for a ratio of the sequence (GSPO, GMPO) that is the sequence's.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from verl.trainer.ppo.core_algos import get_policy_loss_fn
from verl.workers.config import ActorConfig, PolicyLossConfig

from dgpo.losses.base import Method, configured
from dgpo.losses.metrics import token_metrics
from dgpo.losses.surrogate import MAX_LOG_RATIO, WithGradient, masked, sequence_weights
from dgpo.losses.verl import VERL_KEYS, PolicyLoss, refuse_changed, refuse_unread, register

# Of each loss, the keys that it reads beside the clip range: of the actor, and of actor.policy_loss.
READ: dict[str, set[str]] = {
    "dppo_tv": {"clip_ratio_c"},
    "dppo_kl": {"clip_ratio_c"},
    "gspo": set(),
    "geo_mean": set(),
    "gpg": set(),
    "clip_cov": {"clip_cov_ratio", "clip_cov_lb", "clip_cov_ub"},
    "kl_cov": {"kl_cov_ratio", "ppo_kl_coef"},
    "dro": {"dro_beta"},
}


@dataclass
class VerlPolicyLossConfig(PolicyLossConfig):
    """`actor.policy_loss` for one of these losses; refuses verl's keys that the loss does not read."""

    def __post_init__(self) -> None:
        name = self.loss_mode.removeprefix("verl_")
        if self.loss_mode != f"verl_{name}" or name not in READ:
            known = ", ".join(f"verl_{name}" for name in READ)
            raise ValueError(f"actor.policy_loss.loss_mode={self.loss_mode!r} must be one of {known}")
        unread = [key for key in VERL_KEYS if key not in READ[name]]
        refuse_changed("actor.policy_loss.", self, PolicyLossConfig, unread, self.loss_mode)
        if name == "dro" and not (self.dro_beta or 0) > 0:
            raise ValueError(f"actor.policy_loss.dro_beta={self.dro_beta!r} must be above 0")

    def check(self, actor: Any) -> None:
        """Refuse changed keys of the actor that the loss does not read, and a clip range outside its bounds."""
        read = {"clip_ratio_low", "clip_ratio_high"} | READ[self.loss_mode.removeprefix("verl_")]
        refuse_unread(actor, read, self.loss_mode)
        configured(Method, actor)


def loss_function(name: str) -> PolicyLoss:
    """verl's loss `name` with our metrics; verl's own metrics keep their values."""
    own = get_policy_loss_fn(name)

    def compute(
        old_log_prob: Tensor,
        log_prob: Tensor,
        advantages: Tensor,
        response_mask: Tensor,
        loss_agg_mode: str = "token-mean",
        config: ActorConfig | None = None,
        rollout_is_weights: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, float]]:
        assert config is not None
        info: dict[str, Any] = config.global_batch_info
        # Its gradient is taken here, once, for the metrics and for the model.
        leaf = log_prob.detach().requires_grad_()
        with torch.enable_grad():
            loss, own_metrics = own(
                old_log_prob, leaf, advantages, response_mask, loss_agg_mode, config, rollout_is_weights
            )
            if name == "geo_mean":
                # verl's is the mean over the micro-batch, and so would depend on how the mini-batch is split.
                loss_agg_mode = "seq-mean-token-mean"
                if info.get("global_batch_size") is not None:
                    loss = loss * (len(log_prob) * info.get("dp_size", 1) / info["global_batch_size"])
        (gradient,) = torch.autograd.grad(loss, leaf)
        mask = response_mask.bool()
        old, new, advantage = (masked(tensor, mask) for tensor in (old_log_prob, leaf.detach(), advantages))
        new = new.clamp(min=-MAX_LOG_RATIO)
        pull = (gradient.float() / sequence_weights(mask, loss_agg_mode, **info)).abs()
        weight = (pull / advantage.abs()).masked_fill(advantage == 0, 0.0)
        ratio = (new - old).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
        ours = token_metrics(mask, ratio, advantage, weight.log(), new, configured(Method, config))
        return WithGradient.apply(log_prob, loss.detach(), gradient.float()), ours | own_metrics

    compute.__name__ = compute.__qualname__ = f"verl_{name}_policy_loss"
    return compute


for _name in READ:
    register(f"verl_{_name}", loss_function(_name))
