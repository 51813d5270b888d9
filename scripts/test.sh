#!/usr/bin/env bash
# All checks: the linters, the type checker and the tests but for those marked slow. Arguments go to
# pytest: `bash scripts/test.sh tests/losses -x`, `-m slow` for the slow ones alone, or `-n 0` for one process.
#
# Runs in the environment that is installed, and where there is none, installs the CPU one: there the
# tests run the real trainer on any machine, one with GPUs included. DGPO_PLATFORM=cpu|gpu chooses, and
# may replace what .venv holds.
set -uo pipefail
unset CDPATH # with it, `cd` may go elsewhere, and prints where
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

stamped() { sed -n "s/^$1 //p" .venv/.dgpo-installed 2>/dev/null; }
installed=$(stamped platform) flash_attn=$(stamped flash-attn)
DGPO_FLASH_ATTN=${DGPO_FLASH_ATTN:-${flash_attn:-1}} bash scripts/install.sh "${DGPO_PLATFORM:-${installed:-cpu}}" || exit 1

# Every check runs, whatever the others say: one run tells all there is to mend.
summary=()
failed=0
check() { # check NAME COMMAND...
    local name=$1 start=$SECONDS result=passed
    shift
    printf '\n== %s\n' "$name"
    "$@" || { result=FAILED; failed=1; }
    summary+=("$(printf '%-8s %-16s %d s' "$result" "$name" $((SECONDS - start)))")
}

check "ruff check" .venv/bin/ruff check
check "ruff format" .venv/bin/ruff format --check
check "basedpyright" .venv/bin/basedpyright
# Two at a time, since much of a test is one process that imports; tests/conftest.py says which may be.
check "pytest" .venv/bin/python -m pytest -n 2 --no-loadscope-reorder "$@"

printf '\n== summary\n'
printf '%s\n' "${summary[@]}"
exit $failed
