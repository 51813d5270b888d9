#!/usr/bin/env bash
# Trains DeepSeek-R1-Distill-Qwen-7B by LoRA with DGPO on one GPU of 80 GB.
# Costs about 2.1 days on one H100, by the estimate of `dgpo plan --time` (docs/launching.md).
#
#   bash recipes/train_7b_lora.sh [key=value ...]      Hydra overrides, such as actor_rollout_ref.model.lora_rank=64
#
# LOSS, HARDWARE, GPU, MODEL, DATA, SEED and DRY_RUN are those of recipes/train_7b.sh, except that HARDWARE is 1x1.
#
# Trains into runs/LOSS-7b-lora-SEED, and exports the best checkpoint, with the adapter merged, to best-STEP/ in it; the
# link best points there. Run it again and it resumes where it stopped.
set -euo pipefail
source "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")/lib.sh"
train dgpo_7b_lora 7b-lora "$@"
