#!/usr/bin/env bash
# Runs lanpulse for half an hour on 10,000 targets with scrapes and reloads, and shows that it does not grow: a line a
# minute with memory, open files, threads and series. Needs root for its network namespace; nothing leaves the machine.
#   tests/soak.sh [MINUTES] [BINARY]
# Exit code 1 if memory, files or threads grew after the first third, or probes stopped.
set -euo pipefail
minutes=${1:-30} binary=$(realpath "${2:-target/release/lanpulse}")
if [ -z "${SOAK_INSIDE:-}" ]; then
  SOAK_INSIDE=1 exec unshare -n "$0" "$minutes" "$binary"
fi
ip link set lo up
home=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$home"' EXIT

configure() { # $1: a number that changes with each reload; a tenth of the targets changes with it
  {
    echo 'discovery: {methods: []}'
    echo 'internet: {checks: []}'
    echo 'global: {interval: 5s, timeout: 1s}'
    echo 'targets:'
    seq 0 9999 | awk -v n="$1" '{
      name = $1 % 10 == 0 ? "d" $1 "-" n % 3 : "d" $1
      printf "  - {name: %s, address: 127.%d.%d.%d}\n", name, 1 + int($1 / 62500), int($1 / 250) % 250, 1 + $1 % 250 }'
  } >"$home/new.yaml"
  mv "$home/new.yaml" "$home/lanpulse.yaml"
}
configure 0
"$binary" --config.file="$home/lanpulse.yaml" --storage.path="$home/data/lanpulse.db" --log.level=warn 2>"$home/log" &
pid=$!
url=http://127.0.0.1:10526
for _ in $(seq 100); do curl -fs "$url/-/ready" >/dev/null && break || sleep 0.2; done

figure() { awk -v name="$1" '$1 == name {print $2}' "$home/metrics"; }
printf '%6s %10s %6s %8s %9s %8s %12s %9s\n' minute memory files threads series reloads requests scrape_ms
reloads=0 rows=()
for minute in $(seq 0 "$minutes"); do
  if [ "$minute" -gt 0 ]; then
    for step in $(seq 12); do
      sleep 5
      curl -fs --compressed -o /dev/null "$url/metrics" || { echo "no scrape"; tail "$home/log"; exit 1; }
      if [ $((step % 6)) = 0 ]; then
        reloads=$((reloads + 1))
        configure $reloads
        curl -fs -X POST -o /dev/null "$url/-/reload" || { echo "no reload"; tail "$home/log"; exit 1; }
      fi
    done
  fi
  took=$(curl -fs -o "$home/metrics" -w '%{time_total}' "$url/metrics")
  memory=$(awk '/^VmRSS/ {print $2}' "/proc/$pid/status") threads=$(awk '/^Threads/ {print $2}' "/proc/$pid/status")
  files=$(find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l) series=$(grep -vc '^#' "$home/metrics")
  requests=$(awk '/^lanpulse_icmp_requests_total/ {sum += $2} END {printf "%d", sum}' "$home/metrics")
  printf '%6d %7d KiB %6d %8d %9d %8d %12d %9.0f\n' "$minute" "$memory" "$files" "$threads" "$series" "$reloads" "$requests" \
    "$(awk -v s="$took" 'BEGIN {print s * 1000}')"
  rows+=("$memory $files $threads")
done
dropped=$(figure lanpulse_observations_dropped_total) failures=$(figure lanpulse_store_failures_total)
echo "observations dropped: ${dropped:-0}, store failures: ${failures:-0}"
printf '%s\n' "${rows[@]}" | awk '
  { memory[NR] = $1; files[NR] = $2; threads[NR] = $3 }
  END {
    third = int((NR + 2) / 3); if (third < 2) third = 2
    for (i = 2; i <= third; i++) { if (memory[i] > m) m = memory[i]; if (files[i] > f) f = files[i]; if (threads[i] > t) t = threads[i] }
    last = NR
    printf "after the first third: memory %d -> %d KiB, files %d -> %d, threads %d -> %d\n", m, memory[last], f, files[last], t, threads[last]
    if (memory[last] > m * 1.15 + 4096 || files[last] > f + 8 || threads[last] > t + 4) { print "IT GROWS"; exit 1 }
    print "it does not grow"
  }'
