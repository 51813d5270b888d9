#!/usr/bin/env bash
# Evaluates a model on math benchmarks: prepares what is missing, generates, scores and reports.
#
#   bash recipes/evaluate.sh MODEL [option ...]     options of `dgpo eval run`, e.g.
#   bash recipes/evaluate.sh runs/mine --data-parallel-size 8
#
# MODEL is a Hugging Face directory, a hub id, a run folder or a checkpoint's global_step_N. BENCHMARKS (default: the
# six of the papers), DATA (default data) and OUT (default evaluations/MODEL) say what and where. Run it again and it
# goes on where it was.
set -euo pipefail
case "${1:--h}" in -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"

model=${1%/}
shift
benchmarks=${BENCHMARKS:-aime24,aime25,amc23,math500,minerva,olympiadbench}
data=${DATA:-data}
out=${OUT:-evaluations/$(tr -c 'A-Za-z0-9._\n-' '-' <<<"$model")}

for name in ${benchmarks//,/ }; do
    [ -f "$data/$name.parquet" ] || dgpo data prepare "$name" --out "$data"
done
dgpo eval run --model "$model" --benchmarks "$benchmarks" --data "$data" --out "$out" "$@"
dgpo eval score "$out"
dgpo eval report "$out"
