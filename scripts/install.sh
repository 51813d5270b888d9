#!/usr/bin/env bash
# Makes .venv in the repository root from a lock file in requirements/. You may run it again at any time: it does
# nothing if the environment matches the lock file, and repairs it if not.
#
#   bash scripts/install.sh [cpu|gpu|auto]    auto (the default): gpu if nvidia-smi works, else cpu
#
#   PYTHON=/path/to/python3.12   use this interpreter (3.10, 3.11 or 3.12)
#   DGPO_FLASH_ATTN=0            gpu only: leave out flash-attn, which has to be compiled; only training needs it
#   FLASH_ATTN_CUDA_ARCHS=90     gpu only: GPUs to compile it for, 80 (A100), 90 (H100, H200), 100 (B200) or 120;
#                                by default the GPUs of this machine, or 80;90 if there are none
#   MAX_JOBS=8                   gpu only: files compiled at a time; by default as many as cores and memory allow
set -euo pipefail

unset CDPATH # with it, `cd` may go elsewhere, and prints where
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
stamp_file=$venv/.dgpo-installed # written last: without it, .venv is taken to be incomplete
log=$root/.install.log
step_name="checking the arguments"
GIB_A_JOB=5 # of memory, at most, for a file of flash-attn

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
    "compiling flash-attn"*)
        echo "Look in the log for the first error; 'Killed' means too little memory, of which MAX_JOBS=$((MAX_JOBS / 2 + 1)) takes less."
        echo "  All else is installed, and is not installed again. DGPO_FLASH_ATTN=0 goes without flash-attn."
        ;;
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

prepare_compiling() { # settles how flash-attn is compiled, or says what for; before anything is downloaded
    step_name="looking for what compiles flash-attn"
    local without="DGPO_FLASH_ATTN=0 goes without it: enough to prepare data and to score answers, not to train."
    type g++ >/dev/null 2>&1 || die "There is no C++ compiler, g++. On Debian or Ubuntu: apt-get install g++" "$without"
    "$venv/bin/python" -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null ||
        die "Python's headers are missing. On Debian or Ubuntu: apt-get install python$(python_version "$venv/bin/python")-dev" "$without"

    # A GPU of capability x.y runs what is compiled for x.0.
    local arch archs jobs cores
    archs=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null |
        sed -n 's/^\([0-9]*\)\.[0-9]*$/\10/p' | sort -u | paste -sd ';' -) || archs=""
    export FLASH_ATTN_CUDA_ARCHS=${FLASH_ATTN_CUDA_ARCHS:-${archs:-80;90}}
    for arch in ${FLASH_ATTN_CUDA_ARCHS//;/ }; do
        [[ $arch =~ ^(80|90|100|120)$ ]] ||
            die "FLASH_ATTN_CUDA_ARCHS=$FLASH_ATTN_CUDA_ARCHS: flash-attn has code for 80, 90, 100 and 120 only." "$without"
    done

    jobs=$(($(free_gib) / GIB_A_JOB)) cores=$(nproc)
    export MAX_JOBS=${MAX_JOBS:-$((jobs < 1 ? 1 : jobs < cores ? jobs : cores))} NVCC_THREADS=${NVCC_THREADS:-1}
}

free_gib() { # prints the memory that is free, or a container's limit where that is less
    local free limit
    free=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)
    limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null) || limit=max
    if [[ $limit != max ]] && ((limit / 1024 < free)); then free=$((limit / 1024)); fi
    echo $((free / 1024 / 1024))
}

lacks_flash_attn() { # whether it is wanted, and not there in the locked version or does not load with torch
    [[ $platform == gpu && ${DGPO_FLASH_ATTN:-1} != 0 ]] &&
        ! "$venv/bin/python" -c 'import sys, flash_attn; sys.exit(flash_attn.__version__ != sys.argv[1])' \
            "$(sed -n 's/^flash-attn==\([^ ]*\).*/\1/p' requirements/gpu.lock)" 2>/dev/null
}

install_gpu_packages() {
    # Building flash-attn needs the others. A copy that works stays: sync removes what its list lacks.
    local lock=requirements/gpu.lock
    if [[ ${DGPO_FLASH_ATTN:-1} == 0 ]] || lacks_flash_attn; then
        lock=$scratch/gpu.lock
        awk '/^[a-z]/ { skip = /^flash-attn==/ } !skip' requirements/gpu.lock >"$lock"
    fi
    # And the names under which compilers look for what the wheels of the CUDA toolkit call otherwise.
    uv_pip sync "$lock" &&
        ln -sfn lib "$(toolkit)/lib64" && ln -sf libcudart.so.13 "$(toolkit)/lib/libcudart.so"
}

toolkit() { # prints where the CUDA toolkit of the environment is
    "$venv/bin/python" -c 'from dgpo.cuda import toolkit; print(toolkit())'
}

compile_flash_attn() {
    # By force, or it would take a wheel from elsewhere that the lock does not know. And not from uv's
    # cache: what lies there may be of another torch or for other GPUs.
    awk '/^[a-z]/ { keep = /^flash-attn==/ } keep' requirements/gpu.lock >"$scratch/flash-attn.lock"
    CUDA_HOME=$(toolkit) FLASH_ATTENTION_FORCE_BUILD=TRUE PATH=$venv/bin:$PATH \
        uv_pip install --no-deps --no-build-isolation --no-cache --requirement "$scratch/flash-attn.lock" &&
        "$venv/bin/python" -c 'import flash_attn'
}

install_packages() {
    step "installing uv" "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps \
        --require-hashes --only-binary :all: --requirement requirements/uv.lock
    follow_pip_settings
    step "installing the packages of requirements/$platform.lock" "install_${platform}_packages"
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
    if lacks_flash_attn; then prepare_compiling; fi
    if [[ $todo != dgpo ]]; then
        rm -f "$stamp_file"
        install_packages
    fi
    step "installing dgpo itself" uv_pip install --no-deps --no-build-isolation --editable .
    step "verifying" verify
    if lacks_flash_attn; then
        # Complete but for flash-attn: where the compiler fails, it alone is run again.
        DGPO_FLASH_ATTN=0 stamp >"$stamp_file"
        prepare_compiling
        step "compiling flash-attn for $FLASH_ATTN_CUDA_ARCHS, $MAX_JOBS of its 73 files at a time" compile_flash_attn
    fi
    stamp >"$stamp_file"
    echo "done in $SECONDS s; next: source .venv/bin/activate"
}

main "$@"
