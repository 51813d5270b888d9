# Shared functions, which every recipe sources first. Do not run it.

# With CDPATH set, `cd` may go to another folder, and prints its name.
unset CDPATH
root=$(dirname "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")")
benchmarks="aime24 aime25 amc23 math500 minerva olympiadbench"

# The names in a list may have commas between them.
for list in LOSSES METHODS RATES SEEDS; do
    names=${!list:-}
    printf -v "$list" %s "${names//,/ }"
done

# Print the comment at the head of the recipe.
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' "$0"; }

# A sourced file sees the arguments of the recipe.
case "${1:-}" in -h | --help) usage; exit ;; esac

# Print a path given in the caller's folder as one that is valid in the checkout: relative if it is inside.
path() { realpath --canonicalize-missing --no-symlinks --relative-base="$root" -- "$1"; }

# Go to the checkout and put its environment first on the path; stop if dgpo is not installed.
enter() {
    [ -z "${FROM:-}" ] || FROM=$(path "$FROM")
    [ -z "${OUT:-}" ] || OUT=$(path "$OUT")
    # A model that is not in this folder may be a hub id, or a folder of the checkout.
    [ ! -e "${MODEL:-}" ] || MODEL=$(path "$MODEL")
    cd "$root"
    export PATH="$root/.venv/bin:$PATH"
    command -v dgpo > /dev/null || { echo "dgpo is not installed: bash $root/scripts/install.sh" >&2; exit 1; }
}

# The same, for computing on CPUs: on a busy machine, threads that wait for each other give up their core, as in
# configs/hardware/cpu.yaml.
enter_on_cpu() {
    enter
    export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-2000}
}

# The same, after installing the environment for CPUs if there is none.
install_and_enter() {
    [ -x "$root/.venv/bin/dgpo" ] || dry_run || bash "$root/scripts/install.sh" "${DGPO_PLATFORM:-cpu}"
    enter_on_cpu
}

# Whether to start nothing: DRY_RUN is set, and not 0.
dry_run() { [ "${DRY_RUN:-0}" != 0 ]; }

# Print a command so that it can be copied.
show() { printf '%q ' "$@"; printf '\n'; }

# Print a command, and run it unless this is a dry run.
run() {
    show "$@"
    dry_run || "$@"
}

# prepare NAME OUT [option ...]: make the prompt file OUT/NAME.parquet, unless it exists.
prepare() {
    local name=$1 out=$2
    shift 2
    if [ -f "$out/$name.parquet" ]; then
        echo "$out/$name.parquet is there"
        return
    fi
    [ -z "${FROM:-}" ] || set -- --from "$FROM/$name" "$@"
    run dgpo data prepare "$name" --out "$out" "$@"
}

# launch CHECK_OPTION CONFIG [key=value ...]: print the training command, and run it. A dry run only checks the config, by
# `dgpo check` with CHECK_OPTION unless that is empty.
launch() {
    local option=$1 config=$2
    shift 2
    show dgpo train --config-name "$config" "$@"
    if dry_run; then
        dgpo check --declared ${option:+"$option"} --config-name "$config" "$@"
    else
        dgpo train --config-name "$config" "$@"
    fi
}

# train CONFIG NAME [key=value ...]: train with the variables of the recipe, and export the best checkpoint.
train() {
    local config=$1 loss=${LOSS:-dgpo} seed=${SEED:-0} plan=--plan folder
    local options=("policy_loss=$loss" "seed=$seed" "run.name=$loss-$2-$seed")
    shift 2
    enter
    # Memory is planned for GPUs.
    [ "$config" != quickstart ] || plan=
    [ -z "${HARDWARE:-}" ] || options+=("hardware=$HARDWARE")
    [ -z "${GPU:-}" ] || options+=("gpu=$GPU")
    [ -z "${DATA:-}" ] || options+=("data=$DATA")
    [ -z "${MODEL:-}" ] || options+=("actor_rollout_ref.model.path=$MODEL")
    launch "$plan" "$config" "${options[@]}" "$@"
    if dry_run; then return; fi
    folder=$(dgpo train --print-dir --config-name "$config" "${options[@]}" "$@")
    dgpo export "$folder" --best
}
