#!/usr/bin/env bash
# Trains the same model with several policy losses and seeds, one run after the other, and compares them.
#
#   bash recipes/compare_losses.sh [key=value ...]      Hydra overrides, for every run
#
# LOSSES="dgpo grpo cispo ce_gppo"    files of configs/policy_loss; verl's own too: verl_gspo, verl_dppo_tv, ...
# SEEDS="0"                           a run each; intervals need 3 seeds, a significant difference needs 6
# RATES=""                            learning rates, a run each (default: the config's)
# CONFIG=dgpo_1_5b                    an experiment of configs/; on a CPU quickstart, or misconceptions, where losses differ
# OUT=runs/compare-CONFIG             folder of the runs and of the comparison: compare.md, .json, .png, .svg
# DRY_RUN=1                           print the commands and check the configs; start nothing
#
# Run it again and it resumes where it stopped: runs that are done are only read.
set -euo pipefail
source "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")/lib.sh"
config=${CONFIG:-dgpo_1_5b}
case $config in misconceptions | quickstart) enter_on_cpu ;; *) enter ;; esac
out=${OUT:-runs/compare-$config}
here=runs/misconceptions

# Make what is missing of the problems, the teacher's misconceptions and a model for each seed.
make_models() {
    [ -f "$here/data/misconceptions.json" ] ||
        run dgpo data arithmetic --misconceptions --out "$here/data" --validation 128
    local seed
    for seed in ${SEEDS:-0}; do
        [ -f "$here/untrained-$seed/config.json" ] ||
            run dgpo model small --out "$here/untrained-$seed" --seed "$seed" --hidden-size 64 --layers 2
        [ -f "$here/model-$seed/warm_start.json" ] ||
            run dgpo model warm-start --model "$here/untrained-$seed" --out "$here/model-$seed" --seed "$seed" \
                --misconceptions "$here/data/misconceptions.json" --noise 0.04 --steps 1200
    done
}
[ "$config" != misconceptions ] || make_models

runs=()
for seed in ${SEEDS:-0}; do
    for loss in ${LOSSES:-dgpo grpo cispo ce_gppo}; do
        for rate in ${RATES:-""}; do
            name=$loss${rate:+-$rate}-$seed
            folder=$out/$name
            options=("policy_loss=$loss" "seed=$seed" "run.name=$name" "run.dir=$folder")
            launch "" "$config" "${options[@]}" ${rate:+"actor_rollout_ref.actor.optim.lr=$rate"} "$@"
            runs+=("$folder")
        done
    done
done
run dgpo compare "${runs[@]}" --out "$out"
