#!/usr/bin/env bash
# Writes the prompt files that the training recipes read, to data/: AIME 2024 and 2025, and a training set without
# problems that are in them.
#
#   bash recipes/prepare_data.sh [NAME ...]      training sets; dapo-math-17k without any. `dgpo data list` has them
#
# FROM=DIR     where downloads lie, a folder for each set: DIR/dapo-math-17k, DIR/aime24, ...; no hub is asked then
# OUT=data     another folder for the files
# DRY_RUN=1    print the commands; write nothing
#
# A file that is there stays: remove it to make it again.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
case "${1:-}" in -h | --help) usage; exit ;; esac
enter
[ $# -gt 0 ] || set -- dapo-math-17k
out=${OUT:-data}

prepare() {
    local name=$1 from=()
    shift
    [ -z "${FROM:-}" ] || from=(--from "$FROM/$name")
    if [ -f "$out/$name.parquet" ]; then
        echo "$out/$name.parquet is there"
        return
    fi
    show dgpo data prepare "$name" --out "$out" "${from[@]}" "$@"
    [ "${DRY_RUN:-0}" = 1 ] || dgpo data prepare "$name" --out "$out" "${from[@]}" "$@"
}

for name in aime24 aime25; do prepare "$name"; done
for name in "$@"; do prepare "$name" --decontaminate "$out/aime24.parquet" "$out/aime25.parquet"; done
