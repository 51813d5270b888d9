#!/usr/bin/env bash
# Makes .venv in the repository root from a lock file in requirements/. Run it again at any time:
# it does nothing when the environment is as it should be, and mends it when it is not.
#
#   bash scripts/install.sh [cpu|gpu|auto]    auto (the default): gpu where nvidia-smi works, else cpu
#
#   PYTHON=/path/to/python3.12   use this interpreter (3.10, 3.11 or 3.12)
#   DGPO_FLASH_ATTN=0            gpu only: leave out flash-attn, which has to be compiled
set -euo pipefail

unset CDPATH # with it, `cd` may go elsewhere, and prints where
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
stamp_file=$venv/.dgpo-installed # written last: without it, .venv is taken to be incomplete
log=$root/.install.log
step_name="checking the arguments"

die() { # die MESSAGE...: says which step failed, why, and exits
    printf 'install.sh: failed while %s.\n' "$step_name" >&2
    printf '  %s\n' "$@" >&2
    exit 1
}

step() { # step NAME COMMAND...: runs the command with its output in the log file
    step_name=$1
    shift
    printf '%s ... ' "$step_name"
    local start=$SECONDS
    printf '\n== %s\n' "$step_name" >>"$log"
    if ! "$@" >>"$log" 2>&1; then
        printf 'FAILED\n'
        printf '%s\n' "--- last lines of $log" >&2
        tail -n 12 "$log" >&2
        printf -- '---\n' >&2
        die "$(advice)" "Then run this again; what has been downloaded is kept. Everything that was printed is in $log"
    fi
    printf '%d s\n' $((SECONDS - start))
}

advice() { # what usually mends the step that failed
    case $step_name in
    "creating .venv") echo "Look for a full disk or missing write permission in $root." ;;
    *cpu.lock)
        echo "Look for a missing network connection, proxy setting (HTTPS_PROXY, SSL_CERT_FILE) or a full disk."
        echo "  Where only torch is out of reach: PIP_FIND_LINKS=FOLDER names a folder with its CPU wheel."
        ;;
    "compiling flash-attn"*) echo "Needs the CUDA toolkit of torch (nvcc) and memory: MAX_JOBS=4 takes less. DGPO_FLASH_ATTN=0 goes without." ;;
    "verifying"*) echo "If an ordinary run does not mend it, remove $venv first." ;;
    *) echo "Look for a missing network connection, proxy setting (HTTPS_PROXY, SSL_CERT_FILE) or a full disk." ;;
    esac
}

choose_platform() { # sets $platform
    platform=$1
    if [[ $platform == auto ]]; then
        platform=cpu
        if nvidia-smi -L >/dev/null 2>&1; then platform=gpu; fi
    fi
    case $platform in
    cpu | gpu) ;;
    *) die "'$1' is no platform. Usage: bash scripts/install.sh [cpu|gpu|auto]" ;;
    esac
    [[ $(uname -s)-$(uname -m) == Linux-x86_64 ]] ||
        die "The lock files are for Linux on x86_64; this is $(uname -s) on $(uname -m)."
}

python_version() { # prints 3.x of a usable interpreter, fails for others
    # A name on PATH may be a shim without an interpreter behind it: only running it tells.
    "$1" -c 'import sys; v = sys.version_info; print(f"{v[0]}.{v[1]}"); sys.exit(not (3, 10) <= v[:2] <= (3, 12))' 2>/dev/null
}

find_python() { # sets $python and $make_venv
    step_name="looking for Python"
    local candidate version without_venv=""
    if [[ -n ${PYTHON:-} ]]; then
        python_version "$PYTHON" >/dev/null ||
            die "PYTHON=$PYTHON does not run as Python 3.10, 3.11 or 3.12. Correct it or leave it unset."
    fi
    for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.10 python3; do
        version=$(python_version "$candidate") || continue
        if "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
            python=$candidate make_venv=("$candidate" -m venv --clear "$venv")
            return
        fi
        without_venv=${without_venv:-$version}
        # An interpreter asked for by name is used or refused, never replaced.
        [[ -z ${PYTHON:-} ]] || break
    done
    if type uv >/dev/null 2>&1; then
        python=${PYTHON:-${without_venv:-3.11}}
        make_venv=(uv venv --clear --seed --python "$python" "$venv")
        return
    fi
    if [[ -n $without_venv ]]; then
        die "Python $without_venv is here, but without its venv module. On Debian or Ubuntu:" \
            "apt-get install python$without_venv-venv" \
            "Or put uv on PATH, or name another interpreter: PYTHON=/path/to/python3.11 bash scripts/install.sh"
    fi
    die "No Python 3.10, 3.11 or 3.12 runs under the names python3.11, python3.12, python3.10 or python3." \
        "On Debian or Ubuntu: apt-get install python3.11 python3.11-venv" \
        "Or name one: PYTHON=/path/to/python3.11 bash scripts/install.sh. Or put uv on PATH, which fetches one."
}

stamp() { # prints what the finished environment depends on; work_to_do knows the order
    printf 'root %s\n' "$root"
    "$venv/bin/python" -VV
    printf '%s\n' "platform $platform" "flash-attn ${DGPO_FLASH_ATTN:-1}"
    (cd "$root" && sha256sum requirements/uv.lock "requirements/$platform.lock" pyproject.toml)
}

work_to_do() { # prints how much there is to install: nothing, dgpo, packages or everything
    local old new
    if ! { old=$(cat "$stamp_file" 2>/dev/null) && new=$(stamp 2>/dev/null); }; then
        echo everything
        return
    fi
    # A .venv that was moved has the old place in its scripts: its first line tells.
    if [[ $(head -n 2 <<<"$new") != "$(head -n 2 <<<"$old")" ]] ||
        [[ -n ${PYTHON:-} && $(python_version "$PYTHON") != "$(python_version "$venv/bin/python")" ]]; then
        echo everything
    elif [[ $(sed '$d' <<<"$new") != "$(sed '$d' <<<"$old")" ]] ||
        ! "$venv/bin/python" -m dgpo.versions "$platform" >/dev/null 2>&1; then
        echo packages
    elif [[ $new != "$old" ]]; then
        echo dgpo
    else
        echo nothing
    fi
}

follow_pip_settings() { # uv does not read pip's configuration: hand on a mirror and a certificate
    local value
    value=$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null) || value=""
    value=${PIP_INDEX_URL:-$value}
    if [[ -n $value ]]; then export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$value}; fi
    value=$("$venv/bin/python" -m pip config get global.cert 2>/dev/null) || value=""
    value=${PIP_CERT:-$value}
    if [[ -n $value ]]; then export SSL_CERT_FILE=${SSL_CERT_FILE:-$value}; fi
    export UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-180}
}

uv_pip() { # uv_pip SUBCOMMAND ARGUMENT...
    local subcommand=$1
    shift
    # Ten Ray processes import the same packages at every start: byte-code is compiled once, here.
    "$venv/bin/uv" pip "$subcommand" --no-progress --compile-bytecode --python "$venv/bin/python" "$@"
}

install_cpu_packages() {
    # torch's CPU build is on no general index. A machine may have its own place for it, known to pip
    # and not to uv; the version's suffix keeps pip from ever answering with a CUDA build. Otherwise
    # uv knows where torch's own index is.
    local torch_source=(--torch-backend cpu)
    local torch
    torch=$(sed -n 's/^\(torch==[^ ]*\).*/\1/p' requirements/cpu.lock)
    if "$venv/bin/python" -m pip download --quiet --retries 1 --no-deps --only-binary :all: \
        --dest "$scratch" "$torch"; then
        torch_source=(--find-links "$scratch")
    fi
    uv_pip sync "${torch_source[@]}" requirements/cpu.lock
}

without_flash_attn() { # the GPU lock but for flash-attn and the hashes that follow its line
    awk '/^[a-z]/ { skip = /^flash-attn==/ } !skip' requirements/gpu.lock
}

compile_flash_attn() {
    # Its build imports the torch it is compiled against. All else is installed by now.
    uv_pip sync --no-build-isolation requirements/gpu.lock
}

install_packages() {
    step "installing uv" "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps \
        --require-hashes --only-binary :all: --requirement requirements/uv.lock
    follow_pip_settings
    if [[ $platform == cpu ]]; then
        step "installing the packages of requirements/cpu.lock" install_cpu_packages
        return
    fi
    without_flash_attn >"$scratch/gpu.lock"
    if [[ ${DGPO_FLASH_ATTN:-1} == 0 ]]; then
        step "installing the packages of requirements/gpu.lock" uv_pip sync "$scratch/gpu.lock"
    else
        step "installing the packages of requirements/gpu.lock" uv_pip install --requirement "$scratch/gpu.lock"
        step "compiling flash-attn (up to an hour)" compile_flash_attn
    fi
}

verify() {
    "$venv/bin/python" -m dgpo.versions "$platform" &&
        "$venv/bin/python" - "$platform" <<'PYTHON'
import sys
from importlib.metadata import distributions

import torch

platform = sys.argv[1]
if platform == "gpu" and torch.version.cuda is None:
    sys.exit(f"torch {torch.__version__} is no CUDA build")
if platform == "cpu":
    cuda = sorted(name for d in distributions() if (name := d.metadata["Name"]).lower().startswith("nvidia-"))
    if cuda or torch.version.cuda is not None:
        sys.exit(f"CUDA in the CPU environment: torch {torch.__version__}, {cuda}")
PYTHON
}

main() {
    [[ $# -le 1 ]] || die "One argument at most. Usage: bash scripts/install.sh [cpu|gpu|auto]"
    choose_platform "${1:-auto}"
    cd "$root"

    step_name="waiting for another install"
    exec 9>"$root/.install.lock"
    if type flock >/dev/null 2>&1 && ! flock --nonblock 9; then
        echo "another install.sh is at work in $root; waiting for it"
        flock 9
    fi

    step_name="looking at what is installed"
    local todo
    todo=$(work_to_do)
    if [[ $todo == nothing ]]; then
        echo "dgpo ($platform) is installed in $venv: nothing to do"
        return
    fi

    [[ $todo != everything ]] || find_python
    : >"$log"
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    echo "installing dgpo ($platform) into $venv; details in $log"
    if [[ $todo == everything ]]; then
        step "creating .venv" "${make_venv[@]}"
    fi
    if [[ $todo != dgpo ]]; then
        rm -f "$stamp_file"
        install_packages
    fi
    step "installing dgpo itself" uv_pip install --no-deps --no-build-isolation --editable .
    step "verifying" verify
    stamp >"$stamp_file"
    echo "done in $SECONDS s; next: source .venv/bin/activate"
}

main "$@"
