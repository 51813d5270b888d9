#!/usr/bin/env bash
# Trains with rollouts that do not wait for each other at the end of every step (docs/async.md).
# `dgpo plan --time`, which does not estimate waiting, gives the same cost as for recipes/train_7b.sh; with
# MODE=separate_async it gives about 1.2 days, on 8 H100 that train and 8 that answer.
#
#   bash recipes/train_async.sh [key=value ...]     Hydra overrides, e.g.
#   MODE=separate_async bash recipes/train_async.sh trainer.n_gpus_per_node=4
#
# CONFIG=dgpo_7b          another experiment of configs/
# MODE=colocate_async     or separate_async, separate_async_cpu: files of configs/trainer_mode
#
# LOSS, HARDWARE, GPU, MODEL, DATA, SEED and DRY_RUN are those of recipes/train_7b.sh. Trains into
# runs/LOSS-CONFIG-MODE-SEED, and exports the best checkpoint to best-STEP/ in it; the link best points
# there. Run it again and it resumes where it stopped.
set -euo pipefail
source "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")/lib.sh"
config=${CONFIG:-dgpo_7b} mode=${MODE:-colocate_async}
train "$config" "$config-$mode" "+trainer_mode=$mode" "$@"
