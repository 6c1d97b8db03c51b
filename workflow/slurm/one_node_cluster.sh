#!/usr/bin/env bash
# A Slurm cluster of one node, this machine, to try workflow/profiles/slurm on: `one_node_cluster.sh up`, later `down`.
# For Debian or Ubuntu, as root, without systemd. `down` removes everything but the packages and munge's key.
set -euo pipefail

config=/etc/slurm/slurm.conf
mark="# one node, made by one_node_cluster.sh"
state=/var/tmp/one-node-slurm
key=/etc/munge/munge.key

fail() {
  echo "error: $1" >&2
  exit 1
}

stop() { # the daemon that wrote this pid file; it removes the file itself
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null && timeout 20 tail --pid="$pid" -f /dev/null || true
}

down() {
  [[ -e $config ]] || return 0
  [[ $(head -n 1 "$config") == "$mark" ]] || fail "$config belongs to another cluster; nothing was changed"
  if timeout 20 scancel --user="$(id -un)" 2>/dev/null; then # and until they are gone, or their processes would stay
    timeout 60 bash -c 'while [[ -n $(squeue --noheader) ]]; do sleep 0.5; done' || true
  fi
  stop "$state/slurmd.pid"
  stop "$state/slurmctld.pid"
  stop "$state/munge/munged.pid"
  rm -rf "$state" "$config"
}

up() {
  if [[ -e $config ]]; then
    [[ $(head -n 1 "$config") == "$mark" ]] || fail "$config is there: this machine belongs to a Slurm cluster already"
    down
  fi
  if ! type slurmctld slurmd munged srun &>/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
  fi
  mkdir -p "$state/munge" "$state/controller" "$state/node"
  chown munge: "$state/munge"
  [[ -s $key ]] || install -o munge -g munge -m 400 <(head -c 1024 /dev/urandom) "$key"
  install -d -o munge -g munge -m 755 /run/munge
  # a munged that runs already serves as well, and stays
  munge --no-input &>/dev/null || runuser -u munge -- munged --pid-file="$state/munge/munged.pid" \
    --log-file="$state/munge/munged.log" --seed-file="$state/munge/munged.seed"

  host=$(hostname -s)
  memory=$(awk '/MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
  mkdir -p "$(dirname "$config")"
  cat >"$config" <<END
$mark
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
# no control groups, no accounting: neither needs systemd nor a database
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
MpiDefault=none
ReturnToService=2
StateSaveLocation=$state/controller
SlurmdSpoolDir=$state/node
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
SlurmctldLogFile=$state/slurmctld.log
SlurmdLogFile=$state/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
  slurmctld
  slurmd
  for _ in $(seq 60); do
    [[ $(sinfo --noheader --format=%T 2>/dev/null) == idle ]] && return 0
    sleep 0.5
  done
  tail -n 5 "$state"/slurm*.log >&2
  fail "the node did not become idle within 30 s; logs: $state"
}

[[ ${1:-} == up || ${1:-} == down ]] || fail "usage: $0 up|down"
[[ $(id -u) == 0 ]] || fail "a cluster needs root: run as root, or use sudo"
"$1"
