#!/usr/bin/env bash
# The tests' LAN, by hand: a shell in a private network namespace, with a second one behind a veth pair in which one
# route makes a whole range answer. Traffic never leaves the machine; all of it is gone when the shell ends.
#   10.77.0.1, fd77::1              here (lp0)
#   10.77.0.2, fd77::2              the router on the far side; `peer COMMAND...` runs there
#   10.77.60.0/24, fd77:60::/64     answer
#   10.77.61.0/24                   answer, but lose 10 % of the echo requests
#   10.77.62.0/24, fd77:62::/64     unreachable, says the router
#   10.77.64.0/24                   prohibited, says the router
#   10.77.50.0/27                   answer, inside the otherwise silent 10.77.48.0/20
#   10.80.0.0/15                    answer, routed (131,072 targets, one neighbour entry)
#   kill_host ADDRESS, revive_host ADDRESS    make an IPv4 address silent, and undo it
# Usage: lan.sh [COMMAND...]    (a shell without one). Needs root, iproute2 and nftables.
set -euo pipefail
if [ "${LANPULSE_LAB:-}" = "" ]; then
  [ "$(id -u)" = 0 ] || { echo "lan.sh: needs root: network namespaces are made" >&2; exit 77; }
  export LANPULSE_LAB=inside
  exec unshare -n "$0" "$@"
fi

unshare -n sleep infinity &
export LANPULSE_PEER=$!
trap 'kill $LANPULSE_PEER' EXIT
peer() { nsenter -t "$LANPULSE_PEER" -n "$@"; }
kill_host() { peer nft add element inet lab dead "{ $1 }"; }
revive_host() { peer nft delete element inet lab dead "{ $1 }"; }
export -f peer kill_host revive_host
while [ "$(readlink /proc/$LANPULSE_PEER/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done

ip link set lo up
ip link add lp0 type veth peer name lp1 netns "$LANPULSE_PEER"
# ICMP errors are rationed by default, to one a second
peer sh -ec 'cd /proc/sys/net
  echo 1 >ipv4/ip_forward; echo 1 >ipv6/conf/all/forwarding; echo 0 >ipv4/icmp_ratelimit; echo 0 >ipv6/icmp/ratelimit
  echo 0 >ipv4/conf/all/send_redirects; echo 0 >ipv4/conf/lp1/send_redirects'
peer ip -batch - <<'END'
link set lo up
address add 10.77.0.2/16 dev lp1
address add fd77::2/64 dev lp1 nodad
link set lp1 up
route add local 10.77.50.0/27 dev lo
route add local 10.77.60.0/24 dev lo
route add local 10.77.61.0/24 dev lo
route add local 10.80.0.0/15 dev lo
route add local fd77:60::/64 dev lo
route add unreachable fd77:62::/64
END
ip -batch - <<'END'
address add 10.77.0.1/16 dev lp0
address add fd77::1/64 dev lp0 nodad
link set lp0 up
route add 10.77.62.0/24 via 10.77.0.2
route add 10.77.64.0/24 via 10.77.0.2
route add 10.80.0.0/15 via 10.77.0.2
route add fd77:60::/64 via fd77::2
route add fd77:62::/64 via fd77::2
END
# The kernel's table of neighbours is one for all namespaces: where it is full the far side could not even answer ARP.
peer ip neigh replace 10.77.0.1 lladdr "$(ip -o link show lp0 | sed "s/.*ether \([^ ]*\).*/\1/")" dev lp1 nud permanent
peer nft -f - <<'END'
table inet lab {
  set dead { type ipv4_addr; flags interval; }
  chain in {
    type filter hook input priority 0;
    ip daddr @dead drop
    ip daddr 10.77.61.0/24 icmp type echo-request numgen random mod 100 < 10 drop
  }
  chain through {
    type filter hook forward priority 0;
    ip daddr 10.77.62.0/24 reject with icmp type host-unreachable
    ip daddr 10.77.64.0/24 reject with icmp type admin-prohibited
    ip daddr 10.77.0.0/16 drop
  }
}
END

if [ $# -gt 0 ]; then
  "$@"
else
  sed -n '4,12p' "$0"
  PS1='lab \w # ' bash --norc -i
fi
