#!/usr/bin/env bash
# Starts, shows and stops the nodes of a Ray cluster, with token authentication on.
#
#   bash scripts/ray_cluster.sh head [OPTION...]              the first node; prints its address for the others
#   bash scripts/ray_cluster.sh worker HOST:PORT [OPTION...]  another node of that cluster
#   bash scripts/ray_cluster.sh status [--name NAME]          nodes started on this host, and their clusters
#   bash scripts/ray_cluster.sh wait HOST:PORT N [SECONDS]    waits until the cluster has N nodes, 300 seconds at most
#   bash scripts/ray_cluster.sh stop [--name NAME]            stops the nodes started on this host, and no others
#
# Options: --name NAME  names the node in errors and in status; by default SLURMD_NODENAME or the host's name
#          --block      stay in the foreground until the node ends, as srun and containers want it
#          any other    goes to `ray start`: --num-gpus=8, --node-ip-address=10.0.0.1 on a host with several
#                       networks, --port=6380 (docs/cluster.md lists the ports that a firewall has to let through)
#
# The token is a file of mode 600, which `head` makes if it is missing. Copy it to every node, unless the nodes share
# the home directory. `dgpo train` on a node reads it too.
#   RAY_AUTH_TOKEN_PATH  that file; ~/.ray/auth_token by default
#   DGPO_RAY_STATE       folder that records the nodes started on this host; /var/tmp/dgpo-ray-UID by default
set -euo pipefail

# With CDPATH set, `cd` may go elsewhere, and prints where.
unset CDPATH
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
if [[ -x $root/.venv/bin/ray ]]; then PATH=$root/.venv/bin:$PATH; fi
# On this host's own disk, as the home directory may be one for all nodes, and where it outlives a logout.
state=${DGPO_RAY_STATE:-/var/tmp/dgpo-ray-$(id -u)}
start_limit=120 # seconds for a node to start
stop_limit=30   # seconds for a node to end by itself; then it is killed
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}

die() { # die LINE...
    printf 'ray_cluster.sh: %s\n' "$@" >&2
    exit 2
}

usage() { sed -n '2,/^set /p' "${BASH_SOURCE[0]}" | sed '$d; s/^# \{0,1\}//'; }

own_state() { # makes the folder of the state; another user's, in a place that all can write to, is refused
    mkdir -p -m 700 "$state"
    [[ -O $state && ! -L $state ]] || die "$state is not a folder of yours: name another with DGPO_RAY_STATE"
    chmod 700 "$state"
}

make_token() { # makes the token file where there is none
    [[ ! -e $RAY_AUTH_TOKEN_PATH ]] || return 0
    mkdir -p "$(dirname "$RAY_AUTH_TOKEN_PATH")"
    # noclobber: of two heads that start at once, one makes it.
    (umask 077 && set -o noclobber && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$RAY_AUTH_TOKEN_PATH") || true
}

check_token() {
    local mode
    mode=$(stat -Lc %a "$RAY_AUTH_TOKEN_PATH" 2>/dev/null) ||
        die "RAY_AUTH_TOKEN_PATH=$RAY_AUTH_TOKEN_PATH: there is no such file." \
            "Copy the head's there: scp -p HEAD:.ray/auth_token $RAY_AUTH_TOKEN_PATH"
    [[ $mode == [0-7]00 ]] ||
        die "RAY_AUTH_TOKEN_PATH=$RAY_AUTH_TOKEN_PATH: others can read it (mode $mode)." "chmod 600 $RAY_AUTH_TOKEN_PATH"
    [[ -s $RAY_AUTH_TOKEN_PATH ]] || die "RAY_AUTH_TOKEN_PATH=$RAY_AUTH_TOKEN_PATH: it is empty. Remove it and start the head."
}

boot() { cat /proc/sys/kernel/random/boot_id; }

started_at() { # started_at PID: when the process started, in clock ticks since boot; nothing where there is none
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

read_process() { # read_process NAME: sets $pid and $start of the node; fails where the boot it was started in is over
    local booted
    read -r pid start booted 2>/dev/null <"$state/$1/process" && [[ $booted == "$(boot)" ]]
}

alive() { # alive NAME: the node was started here and runs
    local pid start
    read_process "$1" || return 1
    # A process number is given out again; with its start time it is unique.
    [[ $(started_at "$pid") == "$start" ]]
}

nodes() { # names of the nodes started on this host
    local file
    for file in "$state"/*/process; do
        if [[ -e $file ]]; then basename "$(dirname "$file")"; fi
    done
}

session() { # session PID: the living processes of the session that PID leads
    ps -o pid=,stat= -s "$1" 2>/dev/null | awk '$2 !~ /^Z/ { print $1 }'
}

end_node() { # end_node NAME: ends its processes, all of them, and forgets it
    local pid start waited=0
    # Where its number is another process's by now, or was before a reboot, all of the node has ended.
    if read_process "$1" && [[ $(started_at "$pid") =~ ^("$start")?$ ]]; then
        # The first process ends the others; where it has gone, they are told themselves.
        if alive "$1"; then echo "$pid"; else session "$pid"; fi | xargs -r kill -TERM 2>/dev/null || true
        while [[ -n $(session "$pid") ]]; do
            if ((waited++ >= stop_limit * 5)); then session "$pid" | xargs -r kill -KILL 2>/dev/null || true; fi
            sleep 0.2
        done
    fi
    rm -rf "${state:?}/${1:?}"
}

fail_node() { # fail_node NAME WHAT: shows the end of the node's output, ends what is left of it, and exits
    tail -n 15 "$state/$1/output" >&2 || true
    end_node "$1"
    printf 'ray_cluster.sh: the node %s %s; its last lines are above\n' "$1" "$2" >&2
    exit 1
}

start_node() { # start_node NAME BLOCK ADDRESS RAY_START_ARGUMENT...: a head has no ADDRESS yet
    local name=$1 block=$2 address=$3 pid waited=0
    shift 3
    mkdir -p "$state/$name"
    local output=$state/$name/output
    # --block ties Ray's processes to this one, and a session of its own tells them from another cluster's.
    setsid ray start --block --node-name="$name" "$@" >"$output" 2>&1 </dev/null &
    pid=$!
    printf '%s %s %s\n' "$pid" "$(started_at "$pid")" "$(boot)" >"$state/$name/process"
    if [[ $block == yes ]]; then trap 'end_node "$name"; exit 143' TERM INT HUP; fi
    # The last thing that it says.
    until grep -q "will now block forever" "$output"; do
        alive "$name" || fail_node "$name" "did not start"
        ((waited++ < start_limit * 5)) || fail_node "$name" "did not start within $start_limit s"
        sleep 0.2
    done
    # A head says how the other nodes have to name it.
    echo "${address:-$(sed -n "s/.*--address='\([^']*\)'.*/\1/p" "$output" | sed 1q)}" >"$state/$name/address"
    show_node "$name" runs
    if [[ $block == yes ]]; then
        wait "$pid" || fail_node "$name" "has ended"
        end_node "$name"
    fi
}

show_node() { # show_node NAME STATE
    echo "node $1 $2"
    echo "address: $(<"$state/$1/address")"
}

run_head() { # run_head NAME BLOCK RAY_START_ARGUMENT...
    make_token
    check_token
    if alive "$1"; then
        show_node "$1" "runs already"
    else
        echo "token: $RAY_AUTH_TOKEN_PATH"
        # The dashboard shows and runs everything: from other machines it is reached through ssh -L.
        start_node "$1" "$2" "" --head --dashboard-host=127.0.0.1 --disable-usage-stats "${@:3}"
    fi
}

run_worker() { # run_worker NAME BLOCK ADDRESS RAY_START_ARGUMENT...
    check_token
    if alive "$1"; then
        show_node "$1" "runs already"
    else
        start_node "$1" "$2" "$3" --address="$3" "${@:4}"
    fi
}

status() { # status NAME: of the node, empty for all
    local name address running=()
    for name in ${1:-$(nodes)}; do
        if [[ ! -d $state/$name ]]; then
            echo "no node $name was started on this host"
        elif alive "$name"; then
            echo "node $name runs here"
            running+=("$state/$name/address")
        else
            echo "node $name has ended; its output: $state/$name/output"
        fi
    done
    if ((${#running[@]} == 0)); then
        echo "no node that was started on this host runs"
        return
    fi
    check_token
    sort -u "${running[@]}" | while read -r address; do ray status --address="$address" </dev/null; done
}

wait_for() { # wait_for ADDRESS NODES SECONDS: until the cluster has that many nodes
    local deadline=$((SECONDS + $3)) said error found
    while true; do
        error=""
        said=$(ray status --address="$1" 2>&1) || error=$(tail -n 3 <<<"$said")
        found=$(sed -n '/^Active:/,/^Pending:/p' <<<"$said" | grep -c ' node_') || true
        ((found < $2)) || break
        ((SECONDS < deadline)) || die "$1: $found of $2 nodes have joined within $3 s" ${error:+"$error"}
        sleep 1
    done
    echo "$found nodes"
}

stop() { # stop NAME: of the node, empty for all
    local name
    # All are told at once: a node whose head has gone first takes half a minute to end by itself.
    for name in ${1:-$(nodes)}; do
        if [[ -d $state/$name ]]; then (end_node "$name" && echo "node $name ended") & fi
    done
    wait
}

main() {
    local command=${1:-} address="" chosen="" block=no arguments=()
    case $command in
    head | status | stop) shift ;;
    worker)
        address=${2:-}
        [[ $address == ?*:[0-9]* ]] || die "worker needs the head's HOST:PORT, as \`ray_cluster.sh head\` printed it"
        shift 2
        ;;
    wait)
        [[ ${2:-} == ?*:[0-9]* && ${3:-} =~ ^[0-9]+$ && ${4:-300} =~ ^[0-9]+$ ]] || die "wait needs HOST:PORT and a number of nodes"
        wait_for "$2" "$3" "${4:-300}"
        exit
        ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
    esac
    while (($#)); do
        case $1 in
        --name) [[ -n ${2:-} ]] || die "--name needs a name"; chosen=$2 && shift ;;
        --name=?*) chosen=${1#*=} ;;
        *)
            [[ $command != st* ]] || die "$1: $command takes --name NAME alone"
            if [[ $1 == --block ]]; then block=yes; else arguments+=("$1"); fi
            ;;
        esac
        shift
    done
    local name=${chosen:-${SLURMD_NODENAME:-$(hostname)}}
    [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || die "--name=$name: use letters, digits, dots and dashes"
    own_state
    case $command in
    head) run_head "$name" "$block" "${arguments[@]}" ;;
    worker) run_worker "$name" "$block" "$address" "${arguments[@]}" ;;
    status) status "$chosen" ;;
    stop) stop "$chosen" ;;
    esac
}

main "$@"
