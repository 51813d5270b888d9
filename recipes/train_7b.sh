#!/usr/bin/env bash
# Trains DeepSeek-R1-Distill-Qwen-7B with DGPO on one node with 8 GPUs of 80 GB.
# Costs about 2.2 days on 8 H100, or 20.3 days with budget=papers, by the estimate of `dgpo plan --time` (docs/launching.md).
#
#   bash recipes/train_7b.sh [key=value ...]      Hydra overrides, such as trainer.total_training_steps=100
#
# LOSS=dgpo             another method: a file of configs/policy_loss
# HARDWARE=1x8          other nodes: a file of configs/hardware
# GPU=80gb              other GPUs: a file of configs/gpu
# MODEL=DIR             the model, if not in models/DeepSeek-R1-Distill-Qwen-7B
# DATA=dapo_math_17k    other problems: a file of configs/data; recipes/prepare_data.sh writes what it names
# SEED=0                seeds the order of the prompts, and sampling
# DRY_RUN=1             print the command, check the config and plan its memory; start nothing
#
# Checks GPUs, data, model, disk and versions, trains into runs/LOSS-7b-SEED, and exports the best checkpoint to
# best-STEP/ in it; the link best points there. Run it again and it resumes where it stopped.
set -euo pipefail
source "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")/lib.sh"
train dgpo_7b 7b "$@"
