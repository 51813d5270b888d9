#!/usr/bin/env bash
# Trains an agent in a text environment (docs/agents.md). Without variables: a small model learns to cross FrozenLake maps
# on this machine, no GPU needed: installs what it needs, makes the maps and the model, and trains.
#
#   bash recipes/agents.sh [key=value ...]         Hydra overrides for the training, such as
#   bash recipes/agents.sh advantage=gigpo         or grpo: another credit for the turns
#
# SEED (default 0) seeds the model, its warm start and the training; everything lies in runs/agents/.
# Run it again and it goes on where it was.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
seed=${SEED:-0}
here=runs/agents
install_and_enter

[ -f "$here/data/train.parquet" ] || run dgpo data env --id FrozenLake-v1 --tasks 512 --validation 96 --out "$here/data"
[ -f "$here/untrained-$seed/config.json" ] ||
    run dgpo model small --out "$here/untrained-$seed" --seed "$seed" --hidden-size 96 --layers 3
run dgpo model warm-start-lake --model "$here/untrained-$seed" --out "$here/model-$seed" --seed "$seed"
run dgpo train --config-name agents seed="$seed" "$@"
