#!/usr/bin/env bash
# Trains with DynaMO (docs/methods.md): prompts whose success is uncertain get more answers, and advantages are multiplied
# by factors. Batch and loss are the paper's: GRPO with the dual clip at 10.
#
#   bash recipes/dynamo.sh [key=value ...]           Hydra overrides, such as advantage=null for the allocation alone
#   CONFIG=quickstart bash recipes/dynamo.sh         the quick start's task on a CPU, once recipes/quickstart.sh has made it
#
# CONFIG=dgpo_7b     another experiment of configs/
# BUDGET=papers      or days: files of configs/budget; has no effect on the quick start
# LOSS=grpo          another method: a file of configs/policy_loss
#
# HARDWARE, GPU, MODEL, DATA, SEED and DRY_RUN are those of recipes/train_7b.sh. Trains into runs/LOSS-CONFIG-dynamo-SEED,
# and exports the best checkpoint to best-STEP/ in it; the link best points there. Run it again and it resumes where it
# stopped.
set -euo pipefail
source "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")/lib.sh"
config=${CONFIG:-dgpo_7b} LOSS=${LOSS:-grpo}
options=(rollouts=dynamo advantage=dynamo)
[ "$LOSS" != grpo ] || options+=(actor_rollout_ref.actor.clip_ratio_c=10)
[ "$config" = quickstart ] || options+=("budget=${BUDGET:-papers}")
train "$config" "$config-dynamo" "${options[@]}" "$@"
