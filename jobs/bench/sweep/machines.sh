#!/usr/bin/env bash
# The init of a process namespace, in a mount and a network namespace of its own: makes COUNT machines of this host, runs
# WORDS in the first of them, and ends with its code; with this process goes all that is here, whatever ends it. Each
# machine is a network, UTS and mount namespace named n1, n2, ...; a bridge joins them, no way leads out. Each link passes
# RATE (of tc) either way, and so does that of a file server, from which every machine has FOLDER by a mount of its own,
# with a page cache of its own.
#   machines.sh COUNT RANKS RATE FOLDER SCRATCH MPIRUN WORDS...     RANKS: of each; SCRATCH: an empty folder
set -euo pipefail

count=$1 ranks=$2 rate=$3 folder=$4 scratch=$5 mpirun=$6
shift 6
net=10.213.0
mount -t proc proc /proc

# machine NAME ADDRESS: sets pid to that of the process that holds it.
machine() {
  unshare --net --uts --mount sleep infinity &
  pid=$!
  local mine
  mine=$(readlink "/proc/$$/ns/net")
  while [[ $(readlink "/proc/$pid/ns/net") == "$mine" ]]; do sleep 0.01; done
  ip link add "to-$1" type veth peer name eth0 netns "$pid"
  ip link set "to-$1" master switch up
  tc qdisc add dev "to-$1" root tbf rate "$rate" burst 256kb latency 10ms
  # shellcheck disable=SC2016 # expanded there
  inside "$pid" bash -euc 'hostname "$1"
    ip link set lo up
    ip addr add "$2/24" dev eth0
    ip link set eth0 up
    tc qdisc add dev eth0 root tbf rate "$3" burst 256kb latency 10ms
    mount --bind "$4/hosts" /etc/hosts
    mount -t tmpfs tmpfs /dev/shm' machine "$1" "$2" "$rate" "$scratch"
}

# inside PID WORDS...
inside() { nsenter --target "$1" --net --uts --mount -- "${@:2}"; }

ip link set lo up
ip link add switch type bridge
ip link set switch up
{
  echo "127.0.0.1 localhost"
  echo "$net.254 files"
  for ((i = 1; i <= count; i++)); do echo "$net.$i n$i"; done
} >"$scratch/hosts"
cat >"$scratch/agent" <<'AGENT'
#!/bin/sh
# What mpirun takes for ssh: HOST COMMAND...
host=$1
shift
exec nsenter --target "$(cat "${0%/*}/$host.pid")" --net --uts --mount -- sh -c "$*"
AGENT
chmod +x "$scratch/agent"

machine files "$net.254"
inside "$pid" socat TCP-LISTEN:7777,fork,reuseaddr EXEC:/usr/lib/openssh/sftp-server &
# shellcheck disable=SC2016
inside "$pid" bash -c 'until (exec 3<>/dev/tcp/127.0.0.1/7777) 2>/dev/null; do sleep 0.02; done'

hosts=
for ((i = 1; i <= count; i++)); do
  machine "n$i" "$net.$i"
  echo "$pid" >"$scratch/n$i.pid"
  hosts+=${hosts:+,}n$i:$ranks
  inside "$pid" sshfs -o directport=7777,ro,follow_symlinks,kernel_cache "$net.254:$folder" "$folder"
done

inside "$(cat "$scratch/n1.pid")" "$mpirun" --mca plm rsh --mca plm_rsh_agent "$scratch/agent" --mca plm_rsh_no_tree_spawn 1 \
  --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 \
  --mca orte_tmpdir_base "$scratch" --mca mpi_yield_when_idle 1 --bind-to none --host "$hosts" "$@"
