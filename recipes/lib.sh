# What the recipes share; they source it. Not to be run.

# The comment at the head of the recipe.
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' "$0"; }

# Go to the checkout, with its environment first on the path; stop where nothing is installed.
enter() {
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    export PATH="$PWD/.venv/bin:$PATH"
    command -v dgpo > /dev/null || { echo "dgpo is not installed: bash scripts/install.sh gpu" >&2; exit 1; }
}

# Print a command so that it can be copied.
show() { printf '%q ' "$@"; printf '\n'; }

# train CONFIG SIZE [key=value ...]: train by the variables of the recipe, and export the best checkpoint.
train() {
    local config=$1 size=$2 loss=${LOSS:-dgpo} seed=${SEED:-0}
    shift 2
    case "${1:-}" in -h | --help) usage; exit ;; esac
    enter
    local name=$loss-$size-$seed
    local options=("policy_loss@actor_rollout_ref.actor.policy_loss=$loss" "seed=$seed" "run.name=$name")
    [ -z "${HARDWARE:-}" ] || options+=("hardware=$HARDWARE")
    [ -z "${GPU:-}" ] || options+=("gpu=$GPU")
    [ -z "${DATA:-}" ] || options+=("data=$DATA")
    [ -z "${MODEL:-}" ] || options+=("actor_rollout_ref.model.path=$MODEL")
    show dgpo train --config-name "$config" "${options[@]}" "$@"
    if [ "${DRY_RUN:-0}" = 1 ]; then
        dgpo check --declared --plan --config-name "$config" "${options[@]}" "$@"
        return
    fi
    dgpo train --config-name "$config" "${options[@]}" "$@"

    # Hydra takes the last of equal keys, and so does this.
    local run=runs/$name option
    for option in "$@"; do
        case $option in run.name=*) run=runs/${option#*=} ;; esac
    done
    for option in "$@"; do
        case $option in run.dir=*) run=${option#*=} ;; esac
    done
    [ -e "$run/best" ] || dgpo export "$run" --best --out "$run/best"
}
