#!/usr/bin/env bash
# Trains the same model with several policy losses and seeds, one run after the other, and compares them.
#
#   bash recipes/compare_losses.sh [key=value ...]      Hydra overrides, for every run
#
# LOSSES="dgpo grpo cispo ce_gppo"    files of configs/policy_loss; verl's own too: verl_gspo, verl_dppo_tv, ...
# SEEDS="0"                           a run each
# CONFIG=dgpo_1_5b                    an experiment of configs/; quickstart compares on a CPU
# OUT=runs/compare-CONFIG             the runs, and the comparison: compare.md, .json, .png, .svg
# DRY_RUN=1                           print the commands and check the configs; start nothing
#
# Run it again and it goes on where it was: runs that are done are only read.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
enter
config=${CONFIG:-dgpo_1_5b}
out=${OUT:-runs/compare-$config}

runs=()
for seed in ${SEEDS:-0}; do
    for loss in ${LOSSES:-dgpo grpo cispo ce_gppo}; do
        folder=$out/$loss-$seed
        options=("policy_loss=$loss" "seed=$seed" "run.name=$loss-$seed" "run.dir=$folder")
        launch "" "$config" "${options[@]}" "$@"
        runs+=("$folder")
    done
done
run dgpo compare "${runs[@]}" --out "$out"
