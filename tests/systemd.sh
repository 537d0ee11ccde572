#!/usr/bin/env bash
# Installs the Debian package on a small Debian that is booted with systemd, in namespaces of its own and without a
# network, and tries the unit: who it runs as, what it may do, reload, restart, stop, a wrong configuration.
#   tests/systemd.sh target/debian/lanpulse_*.deb
# Needs root, debootstrap and a Debian mirror (for the system; nothing else leaves the machine). Takes a minute or two.
# Not part of `make test`; the package and the unit are tried with it before a release.
set -euo pipefail
package=$(realpath "$1")
[ "$(id -u)" = 0 ] || { echo "systemd.sh: needs root" >&2; exit 77; }
home=$(mktemp -d) root= init= outer=
root=$home/root
group=/sys/fs/cgroup
# where the hierarchy of version 2 is not the only one
[ ! -d $group/unified ] || group=$group/unified
group=$group/lanpulse-$$
finish() {
  [ -z "$init" ] || kill -9 "$init" 2>/dev/null || true
  [ -z "$outer" ] || wait "$outer" 2>/dev/null || true
  # what was in there ends with its first process, but not at once
  for _ in $(seq 50); do rmdir $(find "$group" -depth -type d 2>/dev/null) 2>/dev/null && break || sleep 0.1; done
  rm -rf --one-file-system "$home"
}
trap finish EXIT

echo "making a Debian in $root"
debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,adduser,libcap2-bin,iproute2,curl,procps bookworm "$root" \
  >"$home/log" 2>&1 || { tail "$home/log"; exit 1; }
cp "$package" "$root/srv/lanpulse.deb"

# A container by hand: systemd-nspawn wants a systemd outside, too.
mkdir -p "$group"
(
  echo $BASHPID >"$group/cgroup.procs"
  exec unshare --mount --uts --ipc --net --pid --fork --cgroup --kill-child sh -ec '
    mount --make-rprivate /
    mount --bind "$0" "$0"
    cd "$0"
    mount -t proc proc proc
    mount -t sysfs -o ro sysfs sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs dev
    mount -t tmpfs -o mode=755 tmpfs run
    mkdir dev/pts dev/shm
    mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
    for node in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
      set -- $node; mknod -m 666 "dev/$1" c "$2" "$3"
    done
    ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
    hostname lanpulse
    ip link set lo up
    mkdir -p old
    pivot_root . old
    cd /
    umount -l /old
    exec env -i container=lanpulse PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system
  ' "$root"
) </dev/null >"$home/console" 2>&1 &
outer=$!
for _ in $(seq 100); do
  init=$(pgrep -P "$outer" || true)
  [ -z "$init" ] || [ "$(cat "/proc/$init/comm")" != systemd ] || break
  sleep 0.1
done
inside() { nsenter -t "$init" -a -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
for _ in $(seq 120); do
  state=$(inside systemctl is-system-running 2>/dev/null || true)
  [ "$state" != running ] || break
  sleep 0.5
done
[ "$state" = running ] || { echo "systemd does not come up: $state"; cat "$home/console"; inside systemctl --failed || true; exit 1; }

inside bash -s <<'END'
set -euo pipefail
failed() { echo "FAILED: $*"; systemctl status lanpulse --no-pager -l || true; journalctl -u lanpulse --no-pager | tail -30; exit 1; }
is() { [ "$2" = "$3" ] && echo "ok: $1: $2" || failed "$1 is $2, not $3"; }
of() { systemctl show -p "$1" --value lanpulse; }
metric() { curl -fs http://127.0.0.1:10526/metrics | awk -v name="$1" '$1 == name {print $2}'; }
until_is() { for _ in $(seq 100); do [ "$(eval "$2" 2>/dev/null)" != "$3" ] || break; sleep 0.1; done; is "$1" "$(eval "$2")" "$3"; }
configure() { printf '%s\n' "$1" >/etc/lanpulse/lanpulse.yaml; }
good='{global: {interval: 200ms, timeout: 150ms}, discovery: {interval: 10s}, internet: {checks: []}, targets: [{name: self, address: 127.0.0.1}, {name: six, address: "::1"}]}'

dpkg -i /srv/lanpulse.deb >/dev/null 2>&1 || failed "it cannot be installed"
is "active after the installation" "$(systemctl is-active lanpulse)" active
is "enabled" "$(systemctl is-enabled lanpulse)" enabled
main=$(of MainPID)
is "user and group" "$(ps -o user=,group= -p "$main" | xargs)" "lanpulse lanpulse"
for set in CapPrm CapEff CapBnd; do is "$set" "$(awk -v s=$set: '$1 == s {print $2}' "/proc/$main/status")" 0000000000002000; done
is "no new privileges" "$(awk '$1 == "NoNewPrivs:" {print $2}' "/proc/$main/status")" 1
is "system calls filtered" "$(awk '$1 == "Seccomp:" {print $2}' "/proc/$main/status")" 2
is "state directory" "$(stat -c '%U %a' /var/lib/lanpulse)" "lanpulse 700"
is "database" "$(stat -c '%U %a' /var/lib/lanpulse/lanpulse.db)" "lanpulse 600"
is "configuration" "$(stat -c '%U:%G %a' /etc/lanpulse/lanpulse.yaml)" "root:lanpulse 640"
for place in /etc /usr /var /root; do
  ! nsenter -t "$main" -m touch "$place/x" 2>/dev/null || failed "$place can be written"
done

configure "$good"
systemctl reload lanpulse || failed "reload"
for device in self six; do until_is "$device is up" "metric 'lanpulse_device_up{device=\"$device\",agent=\"local\"}'" 1; done
configure 'targets: 5'
systemctl reload lanpulse
until_is "a wrong configuration is refused" "metric lanpulse_config_last_reload_successful" 0
is "and it runs on" "$(of MainPID)" "$main"
configure "$good"
systemctl reload lanpulse
until_is "reloaded" "metric lanpulse_config_last_reload_successful" 1
is "store failures" "$(metric lanpulse_store_failures_total)" 0

kill -9 "$main"
until_is "restarts after kill -9" "of NRestarts" 1
until_is "ready again" "curl -fs http://127.0.0.1:10526/-/ready" "lanpulse is ready."
is "store failures" "$(metric lanpulse_store_failures_total)" 0
systemctl stop lanpulse
is "stopped in order" "$(of Result) $(of ExecMainStatus) $(ls /var/lib/lanpulse)" "success 0 lanpulse.db"
configure 'targets: 5'
systemctl start lanpulse || true
until_is "a wrong configuration is no reason to try again" "echo \$(of ActiveState) \$(of ExecMainStatus) \$(of NRestarts)" "failed 64 0"
configure "$good"
systemctl reset-failed lanpulse

printf 'http_server_config: {headers: {X-Frame-Options: deny}}\n' >/etc/lanpulse/web.yaml
chown root:lanpulse /etc/lanpulse/web.yaml && chmod 640 /etc/lanpulse/web.yaml
echo 'LANPULSE_OPTIONS="--web.config.file=/etc/lanpulse/web.yaml"' >/etc/default/lanpulse
systemctl start lanpulse
until_is "more flags" "curl -sI http://127.0.0.1:10526/-/healthy | tr -d '\r' | grep -i x-frame" "x-frame-options: deny"
main=$(of MainPID)
DEBIAN_FRONTEND=noninteractive dpkg -i --force-confold /srv/lanpulse.deb >/dev/null 2>&1 || failed "an upgrade"
until_is "restarted by an upgrade" "systemctl is-active lanpulse" active
[ "$(of MainPID)" != "$main" ] || failed "an upgrade leaves the old program running"
! journalctl -u lanpulse --no-pager | grep -E 'panicked|not permitted' || failed "the log"
systemd-analyze security lanpulse.service --no-pager | tail -1
dpkg --purge lanpulse >/dev/null 2>&1 || failed "purge"
is "left after a purge" "$(ls -d /var/lib/lanpulse /etc/lanpulse/lanpulse.yaml 2>/dev/null)" ""
END
echo "the package and its unit work"
