#!/usr/bin/env bash
# Trains DeepSeek-R1-Distill-Qwen-7B by LoRA with DGPO on one GPU of 80 GB.
# Costs about 2.1 days on one H100, by the estimate of `dgpo plan --time` (docs/launching.md).
#
#   bash recipes/train_7b_lora.sh [key=value ...]      Hydra overrides, such as actor_rollout_ref.model.lora_rank=64
#
# LOSS, HARDWARE, GPU, MODEL, DATA, SEED and DRY_RUN are those of recipes/train_7b.sh, but HARDWARE=1x1.
#
# Trains into runs/LOSS-7b-lora-SEED, and exports the best checkpoint, adapter merged, to best/ there. Run it again and
# it goes on where it was.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
train dgpo_7b_lora 7b-lora "$@"
