#!/usr/bin/env bash
# Unlearning in small, without a GPU: a model of a million parameters learns invented authors, forgets some of them by
# several methods, and is compared with a model that never learned those. Takes minutes on two idle cores.
#
#   bash recipes/unlearn.sh [key=value ...]      Hydra overrides for the unlearning, such as train.steps=120
#
# METHODS="palu palu_erase npo grad_diff"      files of configs/method
# SEED=0                                       authors, weights, order of rows
# CONFIG=unlearn_tofu_llama3_8b                an experiment of configs/ on your own model and data instead: it only
#                                              unlearns, by the first of METHODS
# DRY_RUN=1                                    print the commands, with CONFIG plan its memory; start nothing
#
# All files are in runs/unlearning; report.md there has the table and the picture. Run it again and it resumes.
set -euo pipefail
source "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")/lib.sh"
cd "$root"
seed=${SEED:-0} here=runs/unlearning
read -ra methods <<< "${METHODS:-palu palu_erase npo grad_diff}"

if [ -n "${CONFIG:-}" ]; then
    enter
    show dgpo unlearn train --config-name "$CONFIG" "method=${methods[0]}" "seed=$seed" "$@"
    dry_run && exec dgpo plan --config-name "$CONFIG" "method=${methods[0]}" "seed=$seed" "$@"
    exec dgpo unlearn train --config-name "$CONFIG" "method=${methods[0]}" "seed=$seed" "$@"
fi

install_and_enter
data=$here/data-$seed
[ -f "$here/untrained-$seed/config.json" ] || run dgpo unlearn world --out "$here" --seed "$seed"
for model in full retain; do
    run dgpo unlearn train --config-name unlearn_learn "seed=$seed" "run.name=$model-$seed" \
        "data.retain=$data/learn_$model.jsonl"
done
models=("$here/full-$seed")
for method in "${methods[@]}"; do
    # RMU's layer is one of 32; the small model has three.
    if [ "$method" = rmu ]; then layer=(method.layer=1); else layer=(); fi
    run dgpo unlearn train "method=$method" "seed=$seed" "${layer[@]}" "$@"
    models+=("$here/$method-$seed")
done
run dgpo unlearn eval "${models[@]}" --retain "$here/retain-$seed" --data "$data" --out "$here/report-$seed" \
    --relearn-lr 3e-4
