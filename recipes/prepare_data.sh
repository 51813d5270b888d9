#!/usr/bin/env bash
# Writes the prompt files that the training recipes read to data/: the six benchmarks that recipes/evaluate.sh reports,
# and a training set without the problems of the benchmarks.
#
#   bash recipes/prepare_data.sh [NAME ...]      training sets, dapo-math-17k by default; `dgpo data list` shows them
#
# FROM=DIR     read downloads, a folder for each set (DIR/dapo-math-17k, DIR/aime24, ...), instead of the hub
# OUT=data     another folder for the files
# DRY_RUN=1    print the commands; write nothing
#
# Existing files are kept: remove one to make it again.
set -euo pipefail
source "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")/lib.sh"
enter
[ $# -gt 0 ] || set -- dapo-math-17k
out=${OUT:-data}

unseen=()
for name in $benchmarks; do
    prepare "$name" "$out"
    unseen+=("$out/$name.parquet")
done
for name in "$@"; do prepare "$name" "$out" --decontaminate "${unseen[@]}"; done
