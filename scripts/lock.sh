#!/usr/bin/env bash
# Makes requirements/*.lock again from requirements/*.in, keeping every pin that still fits.
# `bash scripts/lock.sh --upgrade` moves all of them to their newest versions. Needs uv
# (scripts/install.sh puts it into .venv) and the network; no GPU.
set -euo pipefail
unset CDPATH # with it, `cd` may go elsewhere, and prints where
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv=.venv/bin/uv
[[ -x $uv ]] || uv=uv
torch_cpu=2.13.0+cpu

compile() { # compile NAME OPTION...
    local name=$1
    shift
    "$uv" pip compile "requirements/$name.in" --output-file "requirements/$name.lock" --quiet \
        --universal --python-version 3.10 --generate-hashes \
        --custom-compile-command "bash scripts/lock.sh" "$@"
    # Drop what [tool.uv] environments in pyproject.toml already says of every line, and which on
    # another machine would quietly skip every package instead of failing.
    sed -i -E \
        -e "s/ and platform_machine == 'x86_64' and platform_python_implementation == 'CPython' and sys_platform == 'linux'//" \
        -e "s/ ; python_full_version < '3.13'( \\\\)?$/\1/" \
        "requirements/$name.lock"
}

compile uv "$@"
compile gpu "$@"
compile cpu --excludes requirements/cpu-excludes.txt "$@"
cat >>requirements/cpu.lock <<END
# Without a hash: the wheel comes from torch's own index or from a file, and the two differ by build.
torch==$torch_cpu
END
