#!/usr/bin/env bash
# Trains DeepSeek-R1-Distill-Qwen-14B with DGPO on two nodes with 8 GPUs of 80 GB each, in a Ray
# cluster that is already running (docs/launching.md).
# Costs about 2.4 days on 16 H100, or 25.0 days with budget=papers, by the estimate of `dgpo plan --time` (docs/launching.md).
#
#   bash recipes/train_14b.sh [key=value ...]      Hydra overrides, such as trainer.total_training_steps=100
#
# LOSS=dgpo             another method: a file of configs/policy_loss
# HARDWARE=2x8          other nodes: a file of configs/hardware
# GPU=80gb              other GPUs: a file of configs/gpu
# MODEL=DIR             the model, if not in models/DeepSeek-R1-Distill-Qwen-14B
# DATA=dapo_math_17k    other problems: a file of configs/data; recipes/prepare_data.sh writes what it names
# SEED=0                seeds the order of the prompts, and sampling
# DRY_RUN=1             print the command, check the config and plan its memory; start nothing
#
# Checks GPUs, data, model, disk and versions, trains into runs/LOSS-14b-SEED, and exports the best checkpoint to
# best-STEP/ in it; the link best points there. Run it again and it resumes where it stopped.
set -euo pipefail
source "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")/lib.sh"
train dgpo_14b 14b "$@"
