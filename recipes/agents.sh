#!/usr/bin/env bash
# Trains an agent in a text environment (docs/agents.md). Without variables: a small model learns to cross FrozenLake maps
# on this machine, without a GPU: the recipe installs what it needs, makes the maps and the model, and trains.
#
#   bash recipes/agents.sh [key=value ...]         Hydra overrides for the training, such as
#   bash recipes/agents.sh advantage=gigpo         gigpo or grpo assigns credit to the turns in another way
#
# ENV=alfworld       on 8 GPUs, as in ProxMO's scripts: ALFWorld's games, once `alfworld-download` has fetched them
# ENV=webshop        the same for WebShop; WEBSHOP=DIR is a checkout of it, its requirements installed
# ADVANTAGE=gigpo    with ENV: assign credit to the turns in another way
# LOSS=grpo, HARDWARE, GPU and MODEL work with ENV, as in recipes/train_7b.sh. DRY_RUN=1 prints the commands.
#
# SEED (default 0) seeds the model, its warm start and the training. All files are in runs/agents/; with ENV the tasks are
# in data/ENV/ and the run in runs/LOSS-ADVANTAGE-ENV-SEED/. Run it again and it resumes where it stopped.
set -euo pipefail
source "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")/lib.sh"

if [ -n "${ENV:-}" ]; then
    case $ENV in
        alfworld) id=ALFWorld-v0 ;;
        webshop)
            id=WebShop-v0
            site=$(realpath -m -- "${WEBSHOP:-none}")
            dry_run || [ -d "$site/web_agent_site" ] ||
                { echo "WEBSHOP=${WEBSHOP:-}: name a checkout of WebShop, the folder with web_agent_site/" >&2; exit 2; }
            export PYTHONPATH="$site${PYTHONPATH:+:$PYTHONPATH}"
            ;;
        *) echo "ENV=$ENV: use alfworld or webshop, or none for FrozenLake" >&2; exit 2 ;;
    esac
    enter
    [ -f "data/$ENV/train.parquet" ] || run dgpo data env --id "$id" --tasks 2400 --validation 128 --out "data/$ENV"
    LOSS=${LOSS:-grpo} train agents_7b "\${credit.method}-$ENV" "agent=$ENV" ${ADVANTAGE:+"advantage=$ADVANTAGE"} "$@"
    exit
fi

cd "$root"
seed=${SEED:-0}
here=runs/agents
install_and_enter

[ -f "$here/data/train.parquet" ] || run dgpo data env --id FrozenLake-v1 --tasks 512 --validation 96 --out "$here/data"
[ -f "$here/untrained-$seed/config.json" ] ||
    run dgpo model small --out "$here/untrained-$seed" --seed "$seed" --hidden-size 96 --layers 3
run dgpo model warm-start-lake --model "$here/untrained-$seed" --out "$here/model-$seed" --seed "$seed"
run dgpo train --config-name agents seed="$seed" "$@"
