#!/usr/bin/env bash
# What only a GPU can show, on one H100 or alike, each part under ten minutes; results lie in benchmarks/results/.
#
#   bash benchmarks/gpu/run.sh [PART ...]     losses, update, step; all three without arguments
#
# Needs the GPU environment (scripts/install.sh gpu); no model and no data are downloaded: weights are random.
# GPU=H100   whose FLOP/s the MFU refers to
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
python=.venv/bin/python gpu=${GPU:-H100}
card=${gpu,,} out=benchmarks/results
[ $# -gt 0 ] || set -- losses update step

# Forward and backward of each loss, against verl's vanilla and the bandwidth of a copy.
losses() { $python -m benchmarks.losses --device cuda --compile --output $out/losses_$card.csv; }

# The 1.5B actor's log-probs and update at two sizes of micro-batch: tokens a second, MFU, peak against the plan.
update() { $python -m benchmarks.update --config dgpo_1_5b --gpu "$gpu" --output $out/update_$card.md; }

# Two whole steps of the quick start's task on the GPU: rollouts by vLLM, the verifier, updates, the sync of weights,
# and the gap between vLLM's and the trainer's probabilities in bf16.
step() {
    local work=runs/gpu-step
    $python -m dgpo.cli data arithmetic --out $work/data --train 256 --validation 64 --test 8 --seed 0
    [ -f $work/model/config.json ] || $python -m dgpo.cli model small --out $work/model --hidden-size 1024 --head-size 64 --layers 16
    $python -m dgpo.cli train --config-name dgpo_1_5b hardware=1x1 \
        actor_rollout_ref.model.path=$work/model data.train_files=$work/data/train.parquet \
        data.val_files=$work/data/validation.parquet data.train_batch_size=32 data.max_prompt_length=128 \
        data.max_response_length=256 actor_rollout_ref.rollout.max_model_len=384 \
        actor_rollout_ref.actor.ppo_mini_batch_size=8 trainer.total_training_steps=2 \
        run.dir=$work/run trainer.logger=[console,file] 2>&1 | tee $out/step_$card.log
}

for part in "$@"; do
    echo "== $part, commit $(git rev-parse --short HEAD), $(nvidia-smi --query-gpu=name --format=csv,noheader | head -1)"
    "$part"
done
