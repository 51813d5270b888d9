"""What values an option may have: numbers by the sign of their declaration, or by a row where verl, vLLM or torch ask
more; words by a row."""

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from dgpo.config.memory.setup import ACTOR, DTYPE_BYTES, GPUS, ROLLOUT
from dgpo.losses.surrogate import MODES

# Integers of more bits are no count of anything here.
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, the ends left out where ``open_low`` and ``open_high``; or ``but``."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    but: int | None = None

    def holds(self, value: float) -> bool:
        if value == self.but:
            return True
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        low = "" if self.low == -math.inf else f"{'above' if self.open_low else 'at least'} {self.low:g}"
        high = "" if self.high == math.inf else f"{'below' if self.open_high else 'at most'} {self.high:.15g}"
        return " and ".join(filter(None, (low, high))) + ("" if self.but is None else f", or {self.but}")


COUNT, SHARE, POSITIVE, NOT_NEGATIVE = Range(1, LARGEST), Range(0, 1), Range(0, open_low=True), Range(0)
# Processes that Ray would wait for.
PROCESSES = Range(1, 4096)

# Patterns of keys, the first that fits. Others have the sign of their declaration: see `range_of`.
RANGES: dict[str, Range] = {
    "*.dro_beta": POSITIVE,
    # Their own check has them, with the equations that they come from.
    "actor_rollout_ref.actor.policy_loss.*": Range(),
    "reward.custom_reward_function.reward_kwargs.*": Range(),
    "*.entropy_coeff": Range(-1e6, 1e6),
    "*seed": Range(0, LARGEST),
    "*.optim.lr": Range(0, 1, open_low=True),
    "*.betas": Range(0, 1, open_high=True),
    "*.min_lr_ratio": SHARE,
    "*.lr_warmup_steps_ratio": SHARE,
    "*.lr_warmup_steps": Range(-1, LARGEST),
    "*.weight_decay": Range(0, 10),
    f"{ACTOR}.clip_ratio_c": Range(1, open_low=True),
    f"{ACTOR}.clip_ratio_low": Range(),
    f"{ACTOR}.clip_ratio_high": Range(),
    "*.rollout_rs_threshold": POSITIVE,
    "algorithm.gamma": SHARE,
    "algorithm.lam": SHARE,
    "*.fsdp_size": Range(1, LARGEST, but=-1),
    # Greedy validation is 0; in training log-probs are divided by it.
    "*.val_kwargs.temperature": Range(0, 2),
    "*.temperature": Range(0, 2, open_low=True),
    "*.top_p": Range(0, 1, open_low=True),
    "*.top_k": Range(1, LARGEST, but=-1),
    "*.repetition_penalty": POSITIVE,
    "*gpu_memory_utilization": Range(0, 1, open_low=True),
    "*.max_num_seqs": Range(1, 65536),
    "*.max_num_batched_tokens": Range(1, 2**24),
    "*_max_samples": Range(1, LARGEST, but=-1),
    "data.dataloader_num_workers": Range(0, 4096),
    "*_workers": PROCESSES,
    "*.num_data_storage_units": PROCESSES,
    "*.max_concurrent": PROCESSES,
    "trainer.nnodes": Range(1, 4096),
    "*.nnodes": Range(0, 4096),
    "*.n_gpus_per_node": Range(1, 4096),
    # vllm/config/lora.py, MaxLoRARanks.
    "*.lora_rank": Range(0, 512),
    "*lora?dropout": Range(0, 1, open_high=True),
    "*.num_warmup_batches": Range(0, 4096),
    "*.nccl_timeout": COUNT,
    "*timeout": Range(0, LARGEST, open_low=True),
    "run.gpu_memory_gib": POSITIVE,
    "run.time_limit": Range(0, LARGEST, open_low=True),
    "run.grace_s": Range(0, LARGEST, open_low=True),
    "run.worker_niceness": Range(0, 19),
    "run.keep_rollouts": Range(0, LARGEST),
    "ray_kwargs.ray_init.num_cpus": COUNT,
    "ray_kwargs.ray_init.num_*": Range(0, LARGEST),
    # Ray refuses less than 75 MiB.
    "ray_kwargs.ray_init.object_store_memory": Range(75 * 2**20, 2**50),
    "*_port": Range(1, 65535),
    "*.port": Range(0, 65535),
}

PRECISIONS = tuple(DTYPE_BYTES)
KL = ("kl", "k1", "abs", "mse", "k2", "low_var_kl", "k3")
KL_WITH_GRADIENT = tuple(f"{name}+" for name in KL)
WORDS: dict[str, tuple[str, ...]] = {
    "model_engine": ("dp",),
    "trainer.device": ("cuda", "cpu", "npu"),
    f"{ACTOR}.strategy": ("fsdp", "fsdp2"),
    "actor_rollout_ref.ref.strategy": ("fsdp", "fsdp2"),
    "*.fsdp_config.strategy": ("fsdp", "fsdp2", "fsdp_turbo"),
    "data.truncation": ("error", "left", "right", "middle"),
    "*.optim.lr_scheduler_type": ("constant", "cosine"),
    "*.optim.warmup_style": ("constant", "cosine"),
    f"{ACTOR}.loss_agg_mode": MODES,
    f"{ACTOR}.kl_loss_type": KL + KL_WITH_GRADIENT,
    "algorithm.kl_penalty": KL + KL_WITH_GRADIENT,
    "algorithm.kl_ctrl.type": ("fixed", "adaptive"),
    "algorithm.rollout_correction.rollout_is": ("token", "sequence"),
    "algorithm.rollout_correction.loss_type": ("ppo_clip", "reinforce"),
    "*.checkpoint.save_contents": ("model", "optimizer", "extra", "hf_model"),
    "*.checkpoint.load_contents": ("model", "optimizer", "extra", "hf_model"),
    "*.fsdp_config.model_dtype": PRECISIONS,
    "*.fsdp_config.dtype": ("bfloat16", "float16", "float32"),
    "*.mixed_precision.*_dtype": PRECISIONS,
    "*.attn_implementation": ("eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"),
    f"{ROLLOUT}.mode": ("async",),
    f"{ROLLOUT}.name": ("vllm",),
    f"{ROLLOUT}.dtype": ("auto", "half", "float16", "bfloat16", "float", "float32"),
    # Weights come from the trainer; the others would read the model's directory first.
    f"{ROLLOUT}.load_format": ("dummy", "auto", "safetensors", "hf", "pt", "npcache"),
    f"{ROLLOUT}.logprobs_mode": ("processed_logprobs", "raw_logprobs", "processed_logits", "raw_logits"),
    f"{ROLLOUT}.quantization": ("fp8", "torchao"),
    "run.gpu": tuple(GPUS),
    "trainer.resume_mode": ("auto", "disable", "resume_path"),
    "trainer.v1.sampler.max_off_policy_strategy": ("drop", "wait"),
}
# Of declared options whose declaration is above 0, those for which 0 means "none".
MAY_BE_ZERO = ("*horizon", "*kl_coef", "*coef", "*weight_decay", "*_factor", "*.weight_pow")


def _found(key: str, patterns: dict[str, Any]) -> Any:
    return next((patterns[pattern] for pattern in patterns if fnmatchcase(key, pattern)), None)


def range_of(key: str, default: Any) -> Range:
    """The numbers that ``key`` may have: by its row here, or by its declaration ``default``.

    A declaration above 0 is a size, which must be above 0 too, and so must what can be null; one of 0 may be 0; one
    below 0 is the number that means "none", and the least.
    """
    if (found := _found(key, RANGES)) is not None:
        return found
    if not isinstance(default, int | float) or isinstance(default, bool):
        return COUNT
    high = LARGEST if isinstance(default, int) else math.inf
    if default > 0 and not any(fnmatchcase(key, pattern) for pattern in MAY_BE_ZERO):
        return Range(1, high) if isinstance(default, int) else Range(0, high, open_low=True)
    return Range(min(0, default), high)


def words_of(key: str) -> tuple[str, ...] | None:
    """The words that ``key`` may have; None where they are not from a list."""
    return _found(key, WORDS)
