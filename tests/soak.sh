#!/usr/bin/env bash
# Runs lanpulse for half an hour on 10,000 targets under everything it does, and shows that it does not grow: a line a
# minute with memory, open files, threads, tasks and series. Needs root for its network namespaces; nothing leaves the
# machine.
#   tests/soak.sh [MINUTES] [BINARY]
#
# Beside the pings: scans of a segment on which hosts come, go and change their addresses, and of a routed network of 1,022;
# 20 SNMP walks every 10 s, HTTP, TLS, TCP and DNS checks that succeed and fail, 50 heartbeats every 5 s; scrapes, API pages,
# event streams, clients that hang; two reloads a minute, each of which replaces a tenth of the targets.
#
# Exit code 1 if memory, files, threads, tasks or series grow in the second half (its last half against its first), if
# observations are dropped or the store fails, or if it no longer answers.
set -euo pipefail
minutes=${1:-30} binary=$(realpath "${2:-target/release/lanpulse}")
if [ -z "${SOAK_INSIDE:-}" ]; then
  SOAK_INSIDE=1 exec unshare -n "$0" "$minutes" "$binary"
fi
cd "$(dirname "$0")/.."
home=$(mktemp -d)
children=()
finish() {
  kill "${children[@]}" 2>/dev/null || true
  wait "${children[@]}" 2>/dev/null || true
  rm -rf "$home"
}
trap finish EXIT
give_up() { echo "$1"; tail "$home/log"; exit 1; }

# --- a segment of 60 hosts with hardware addresses of their own, and a network behind a router ----------------------
unshare -n sleep infinity &
peer=$!
children+=("$peer")
there() { nsenter -t "$peer" -n "$@"; }
while [ "$(readlink "/proc/$peer/ns/net")" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
ip link set lo up
ip link add lp0 type veth peer name lp1 netns "$peer"
there sh -ec 'for key in all default; do
    echo 1 >/proc/sys/net/ipv4/conf/$key/arp_ignore; echo 2 >/proc/sys/net/ipv4/conf/$key/arp_announce
    echo 0 >/proc/sys/net/ipv4/conf/$key/rp_filter
  done
  ip link set lo up; ip address add 10.77.0.2/24 dev lp1; ip link set lp1 up; ip route add local 10.80.0.0/22 dev lo'
for n in $(seq 60); do
  printf 'link add link lp1 name h%d address 02:77:00:00:00:%02x type macvlan mode bridge\n' "$n" "$n"
  printf 'link set h%d up\naddress add 10.77.0.%d/24 dev h%d\n' "$n" $((n + 100)) "$n"
done | there ip -batch -
ip address add 10.77.0.1/24 dev lp0
ip link set lp0 up
ip route add 10.80.0.0/22 via 10.77.0.2
stir() { # $1: the minute; five hosts go, the five before come back, one has another address
  there sh -ec 'for n in 1 2 3 4 5; do ip link set h$(($1 * 5 % 55 + n)) down; ip link set h$((($1 + 10) * 5 % 55 + n)) up; done
    ip address flush dev h60; ip address add 10.77.0.$((200 + $1 % 9))/24 dev h60' sh "$1"
}

# --- what is checked ------------------------------------------------------------------------------------------------
mkdir "$home/servers"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=IP:127.0.0.1 -keyout "$home/servers/good.key" -out "$home/servers/good.crt" 2>/dev/null
for name in expired selfsigned othername ca; do
  for end in crt key; do cp "$home/servers/good.$end" "$home/servers/$name.$end"; done
done
mkfifo "$home/never"
python3 tests/servers/web.py "$home/servers" >/dev/null <>"$home/never" &
children+=($!)
PATH=$PATH:/usr/sbin:/sbin
printf 'agentaddress udp:161\nrocommunity public\nsysName soak\n' >"$home/servers/snmpd.conf"
snmpd -f -Lo -C -c "$home/servers/snmpd.conf" -p "$home/servers/snmpd.pid" >/dev/null 2>&1 &
children+=($!)
dnsmasq --no-daemon --no-resolv --no-hosts --listen-address=127.0.0.1 --address=/soak.lan/127.0.0.1 >/dev/null 2>&1 &
children+=($!)

configure() { # $1: a number that changes with each reload; a tenth of the targets changes with it
  {
    echo 'discovery: {interval: 30s, methods: [arp, icmp, neighbours], networks: [10.77.0.0/24, 10.80.0.0/22]}'
    echo 'snmp: {credentials: {public: {version: 2c, community: public}}}'
    echo 'internet: {interval: 5s, checks: [{name: here, tcp: {address: 127.0.0.1, port: 8080}}]}'
    echo 'global: {interval: 5s, timeout: 1s}'
    echo 'heartbeats:'
    for n in $(seq 50); do
      echo "  - {name: hb$n, schedule: {every: 5s}, token_sha256: $(printf 'token%d' "$n" | sha256sum | cut -d' ' -f1)}"
    done
    echo 'targets:'
    for n in $(seq 20); do
      echo "  - {name: snmp$n, address: 127.9.0.$n, probes: {snmp: {credentials: public, interval: 10s}}}"
      echo "  - name: web$n"
      echo '    address: 127.0.0.1'
      echo '    probes:'
      echo '      http:'
      echo '        - {name: ok, url: "http://127.0.0.1:8080/"}'
      echo '        - {name: late, url: "http://127.0.0.1:8080/late"}'
      echo '        - {name: huge, url: "http://127.0.0.1:8080/huge", interval: 30s}'
      echo '        - {name: never, url: "http://127.0.0.1:8080/slow", interval: 30s}'
      echo '        - {name: stranger, url: "https://127.0.0.1:8443/"}'
      echo "        - {name: trusted, url: 'https://127.0.0.1:8443/', tls: {ca_file: $home/servers/good.crt}}"
      echo '      tcp: [{name: refused, port: 9}, {name: ssh, port: 2222, expect: "^SSH-2"}]'
      echo '      dns: {query: soak.lan}'
    done
    seq 0 9999 | awk -v n="$1" '{
      name = $1 % 10 == 0 ? "d" $1 "-" n % 3 : "d" $1
      printf "  - {name: %s, address: 127.%d.%d.%d}\n", name, 1 + int($1 / 62500), int($1 / 250) % 250, 1 + $1 % 250 }'
  } >"$home/new.yaml"
  mv "$home/new.yaml" "$home/lanpulse.yaml"
}
configure 0
"$binary" --config.file="$home/lanpulse.yaml" --storage.path="$home/data/lanpulse.db" --log.level=error 2>"$home/log" &
pid=$!
children+=("$pid")
url=http://127.0.0.1:10526
for _ in $(seq 100); do curl -fs "$url/-/ready" >/dev/null && break || sleep 0.2; done
for n in $(seq 50); do printf 'url = "%s/ping/token%d"\noutput = "/dev/null"\n' "$url" "$n"; done >"$home/pings"

hang() { # $1: what is sent before nothing happens any more
  timeout 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/10526; printf '$1' >&3; sleep 15" 2>/dev/null &
}
# What clients do meanwhile, well and badly behaved.
clients() { # $1: which of the minute's twelve times it is
  curl -fs --compressed -o /dev/null "$url/metrics" || give_up "no scrape"
  curl -fs -K "$home/pings" || give_up "a heartbeat was refused"
  curl -fs -o /dev/null "$url/" -o /dev/null "$url/api/v1/devices?limit=1000" -o /dev/null "$url/api/v1/status" \
    -o /dev/null "$url/sd?status=new" || give_up "no page"
  curl -s -m 3 -o /dev/null "$url/api/v1/events" &
  for _ in 1 2 3 4; do hang 'GET /metrics HTTP/1.1\r\nX-Slow: '; done
  # an answer that nobody fetches waits in memory, so there is one a minute
  [ "$1" != 3 ] || hang 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'
}

figure() { awk -v name="$1" '$1 == name {printf "%d", $2; found = 1} END {if (!found) print 0}' "$home/metrics"; }
total() { awk -v name="$1" 'index($1, name) == 1 {sum += $2} END {printf "%d", sum}' "$home/metrics"; }
printf '%6s %11s %6s %8s %6s %7s %8s %6s %10s %6s %7s %9s\n' \
  minute memory files threads tasks series reloads scans requests walks checks scrape_ms
reloads=0 rows=() begin=$SECONDS
for minute in $(seq 0 "$minutes"); do
  if [ "$minute" -gt 0 ]; then
    stir "$minute"
    for step in $(seq 12); do
      clients "$step"
      if [ $((step % 6)) = 0 ]; then
        reloads=$((reloads + 1))
        configure $reloads
        curl -fs -X POST -o /dev/null "$url/-/reload" || give_up "no reload"
        # 409 while one runs
        curl -s -X POST -H 'Content-Type: application/json' -d '{"networks": ["10.77.0.0/24"]}' -o /dev/null "$url/api/v1/discovery/scan"
        curl -s -X PATCH -H 'Content-Type: application/json' -d "{\"notes\": \"$reloads\"}" -o /dev/null "$url/api/v1/devices/1"
      fi
      wait=$((begin + minute * 60 - 60 + step * 5 - SECONDS))
      [ "$wait" -le 0 ] || sleep "$wait"
    done
  fi
  took=$(curl -fs -o "$home/metrics" -w '%{time_total}' "$url/metrics") || give_up "no scrape"
  memory=$(awk '/^RssAnon/ {print $2}' "/proc/$pid/status") threads=$(awk '/^Threads/ {print $2}' "/proc/$pid/status")
  files=$(find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l) series=$(figure lanpulse_series) tasks=$(figure lanpulse_tasks)
  printf '%6d %7d KiB %6d %8d %6d %7d %8d %6d %10d %6d %7d %9.0f\n' "$minute" "$memory" "$files" "$threads" "$tasks" "$series" \
    "$reloads" "$(total lanpulse_discovery_scans_total)" "$(total lanpulse_icmp_requests_total)" "$(total lanpulse_snmp_requests_total)" \
    "$(total lanpulse_probe_runs_total)" "$(awk -v s="$took" 'BEGIN {print s * 1000}')"
  rows+=("$memory $files $threads $tasks $series")
done
dropped=$(figure lanpulse_observations_dropped_total) failures=$(figure lanpulse_store_failures_total)
echo "observations dropped: $dropped, store failures: $failures; database: $(figure lanpulse_store_size_bytes) bytes"
[ "$dropped" = 0 ] && [ "$failures" = 0 ] || give_up "SOMETHING FAILED"
# The least and the greatest of the third quarter against those of the fourth: what leaks raises both, an answer that is
# under way only the second, so that has more room.
printf '%s\n' "${rows[@]}" | awk '
  { for (i = 1; i <= 5; i++) value[NR, i] = $i }
  function edge(from, to, column, sign,   row, found) {
    found = value[from, column]
    for (row = from; row <= to; row++) if (sign * (value[row, column] - found) > 0) found = value[row, column]
    return found
  }
  END {
    split("memory in KiB,files,threads,tasks,series", name, ",")
    # what is allowed: a share, and a few
    split("0.02 0 0 0 0.01", share, " "); split("1024 8 3 16 64", few, " ")
    half = int(NR / 2) + 1; late = int(NR * 3 / 4) + 1
    for (i = 1; i <= 5; i++) {
      low = edge(half, late - 1, i, -1); high = edge(half, late - 1, i, 1)
      low_after = edge(late, NR, i, -1); high_after = edge(late, NR, i, 1)
      room = low * share[i] + few[i]
      grows = low_after > low + room || high_after > high + 4 * room
      bad += grows
      printf "%s: %d to %d in the third quarter, %d to %d in the fourth%s\n", name[i], low, high, low_after, high_after, grows ? "  GROWS" : ""
    }
    if (bad) exit 1
    print "it does not grow"
  }'
