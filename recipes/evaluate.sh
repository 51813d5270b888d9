#!/usr/bin/env bash
# Evaluates a model on math benchmarks: prepares what is missing, generates, scores and reports.
#
#   bash recipes/evaluate.sh MODEL [option ...]     options of `dgpo eval run`, e.g.
#   bash recipes/evaluate.sh runs/mine --data-parallel-size 8
#
# MODEL is a Hugging Face directory, a hub id, a run folder or a checkpoint's global_step_N.
#
# BENCHMARKS=aime24,aime25          only these benchmarks, or with spaces; by default the six of the papers
# DATA=data                         folder of their prompt files
# FROM=DIR                          folder with downloads of them, as in recipes/prepare_data.sh
# OUT=evaluations/MODEL             folder of the evaluation
# DRY_RUN=1                         print the commands; start nothing
#
# Run it again and it resumes where it stopped.
set -euo pipefail
source "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")/lib.sh"
[ $# -gt 0 ] || { usage >&2; exit 2; }
MODEL=${1%/}
shift
for option in "$@"; do
    case $option in --b* | --data | --data=* | --mo* | --o*)
        echo "$option: say it with BENCHMARKS, DATA, MODEL or OUT, which all three commands of the evaluation follow" >&2
        exit 2
        ;;
    esac
done
data=$(path "${DATA:-$root/data}")
enter
selected=$(tr -s ', ' ',' <<< "${BENCHMARKS:-$benchmarks}")
name=${MODEL#/}
out=${OUT:-evaluations/${name//[^A-Za-z0-9._-]/-}}

for name in ${selected//,/ }; do prepare "$name" "$data"; done
run dgpo eval run --model "$MODEL" --benchmarks "$selected" --data "$data" --out "$out" "$@"
run dgpo eval score "$out"
run dgpo eval report "$out"
