#!/usr/bin/env bash
# Trains with rollouts that do not wait for each other at the end of every step (docs/async.md).
#
#   bash recipes/train_async.sh [key=value ...]     Hydra overrides, e.g.
#   MODE=separate_async bash recipes/train_async.sh trainer.n_gpus_per_node=4
#
# CONFIG (default dgpo_7b), MODE (colocate_async, separate_async or separate_async_cpu) and LOSS (default dgpo) choose
# files of configs/. DRY_RUN=1 prints the resolved config and starts nothing. Run it again and it goes on where it was.
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"

config=${CONFIG:-dgpo_7b} mode=${MODE:-colocate_async} loss=${LOSS:-dgpo}
arguments=(--config-name "$config" "+trainer_mode=$mode" "policy_loss@actor_rollout_ref.actor.policy_loss=$loss"
    "run.name=$config-$loss-$mode")
if [[ ${DRY_RUN:-0} == 1 ]]; then arguments+=(--dry-run); fi
exec dgpo train "${arguments[@]}" "$@"
