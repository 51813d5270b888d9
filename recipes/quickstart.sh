#!/usr/bin/env bash
# Trains a small reasoning model with DGPO on this machine, without a GPU: installs what it needs, makes the
# problems and the model, trains with verl's own trainer, and reports accuracy before and after.
#
#   bash recipes/quickstart.sh [key=value ...]     Hydra overrides for the training, e.g.
#   bash recipes/quickstart.sh run.name=grpo policy_loss=grpo
#
# SEED (default 0) seeds the model, its warm start and the training; DRY_RUN=1 prints the commands and starts nothing.
# All files are in runs/quickstart/. Run it again and it resumes where it stopped.
set -euo pipefail
source "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")/lib.sh"
cd "$root"
if [ -z "${DGPO_PLATFORM:-}" ] && grep -qsx "platform gpu" .venv/.dgpo-installed; then
    echo "$root/.venv holds the GPU environment, which the quick start would replace by the one for CPUs:" >&2
    echo "run it in another checkout, or allow it with DGPO_PLATFORM=cpu" >&2
    exit 2
fi

seed=${SEED:-0}
here=runs/quickstart
started=$SECONDS
step() { printf '\n[%d:%02d] %s\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)) "$*"; }

step "1/4 environment"
run bash scripts/install.sh "${DGPO_PLATFORM:-cpu}"
dry_run || {
    enter_on_cpu
    # Composes the config: a mistake in an override is told now, not after the model is taught.
    run=$(dgpo train --print-dir --config-name quickstart seed="$seed" "$@")
}

step "2/4 problems: sums with worked answers, in $here/data"
run dgpo data arithmetic --out "$here/data" --train 4096 --validation 64 --test 128 --seed 0

step "3/4 model of a million parameters, taught by a teacher that makes mistakes, in $here/model-$seed"
[ -f "$here/untrained-$seed/config.json" ] || run dgpo model small --out "$here/untrained-$seed" --seed "$seed"
run dgpo model warm-start --model "$here/untrained-$seed" --out "$here/model-$seed" --seed "$seed"

step "4/4 reinforcement learning with verl, Ray, FSDP2 and vLLM"
run dgpo train --config-name quickstart seed="$seed" "$@"
if dry_run; then exit; fi

cat <<EOF

What the model wrote, and how hard each token was pushed: $run/rollouts.html

Try next:
  SEED=1 bash recipes/quickstart.sh
  bash recipes/quickstart.sh run.name=grpo-$seed policy_loss=grpo
  .venv/bin/tensorboard --logdir $here
  .venv/bin/dgpo export $run --out $run/hf       # a Hugging Face directory
EOF
