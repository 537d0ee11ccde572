#!/usr/bin/env bash
# Installs what the tests use beside cargo: tools for the network laboratory, and a real Prometheus and Alertmanager.
# Looks first, so a second run is quick and needs no network. Without root it says what is missing and goes on: the
# tests that need it then say SKIPPED, or fail where CI=true.
#   tests/tools/install.sh           everything
#   tests/tools/install.sh build     only what `cargo build` needs
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { printf 'install.sh: %s\n' "$*" >&2; }

# --- from this system's own packages ----------------------------------------------------------------------------
# command=package: the package is wanted when the command is not there
wanted=(cc=gcc make=make)
[ "${1:-}" = build ] || wanted+=(ip=iproute2 nft=nftables fping=fping tcpdump=tcpdump dnsmasq=dnsmasq-base avahi-daemon=avahi-daemon unshare=util-linux nsenter=util-linux curl=curl
  xz=xz-utils prometheus=prometheus promtool=prometheus prometheus-alertmanager=prometheus-alertmanager
  amtool=prometheus-alertmanager prometheus-blackbox-exporter=prometheus-blackbox-exporter
  openssl=openssl python3=python3 snmpd=snmpd snmpwalk=snmp setpriv=util-linux mount=mount prometheus-pushgateway=prometheus-pushgateway
  arp-scan=arp-scan nmap=nmap)
[ "${1:-}" = build ] || [ "$(id -u)" = 0 ] || say "NOT ROOT: every test that needs a network namespace will be SKIPPED"
PATH=$PATH:/usr/sbin:/sbin
missing=()
for pair in "${wanted[@]}"; do
  command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
done
if [ ${#missing[@]} -gt 0 ]; then
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "MISSING: ${missing[*]}. Tests that need them are skipped. As root on Debian: apt-get install ${missing[*]}"
  else
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null || say "the package lists could not be refreshed; trying with the ones here"
    apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
    # Debian starts what it installs where systemd runs; the tests start their own
    if [ -d /run/systemd/system ]; then
      for unit in prometheus prometheus-alertmanager prometheus-blackbox-exporter prometheus-pushgateway; do
        case " ${missing[*]} " in *" $unit "*) systemctl disable --now "$unit" >/dev/null 2>&1 || true ;; esac
      done
    fi
  fi
fi
[ "${1:-}" != build ] || exit 0

# --- schemathesis, which tries the HTTP API against its OpenAPI document; its test is skipped, loudly, where pip cannot ---
if ! PYTHONPATH=.lab/python python3 -m schemathesis.cli --version >/dev/null 2>&1; then
  python3 -m pip install --quiet --disable-pip-version-check --target .lab/python 'schemathesis>=4,<5' >/dev/null 2>&1 </dev/null ||
    say "NO SCHEMATHESIS: python3 -m pip install schemathesis failed; the OpenAPI test is skipped"
fi

# --- a recent Prometheus, Alertmanager and snmp_exporter (benches/bars/snmp.rs), unpacked into .lab/bin ----------------
# From Debian's unstable suite, on the mirror this machine already uses; its Go programs run on Debian 12.
recent() {
  local lab=.lab mirror arch list package file path name
  [ -x $lab/bin/prometheus ] && [ -x $lab/bin/promtool ] && [ -x $lab/bin/alertmanager ] && [ -x $lab/bin/amtool ] &&
    [ -x $lab/bin/snmp_exporter ] && return
  mirror=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null |
    awk '/^URIs:/ {print $2; exit} /^deb / {for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) {print $i; exit}}') || true
  [ -n "$mirror" ] || { say "no package mirror in this machine's apt sources"; return 1; }
  for name in curl xz dpkg dpkg-deb; do command -v $name >/dev/null || { say "no $name"; return 1; }; done
  arch=$(dpkg --print-architecture)
  mkdir -p $lab/deb $lab/tree $lab/bin
  list=$lab/deb/Packages
  say "fetching a recent Prometheus, Alertmanager and snmp_exporter into $lab/bin"
  curl -fsS --retry 3 -m 180 -o $list.xz "${mirror%/}/dists/sid/main/binary-$arch/Packages.xz" && xz -dfk $list.xz || return 1
  for package in prometheus promtool prometheus-alertmanager prometheus-snmp-exporter; do
    file=$(awk -v p=$package '$1 == "Package:" {here = $2 == p} here && $1 == "Filename:" {print $2; exit}' $list)
    [ -n "$file" ] || continue # promtool is a package of its own only in some releases
    curl -fsS --retry 3 -m 300 -o "$lab/deb/$package.deb" "${mirror%/}/$file" || return 1
    dpkg-deb -x "$lab/deb/$package.deb" $lab/tree || return 1
  done
  rm -rf $lab/deb
  for path in "$lab"/tree/usr/bin/*; do
    name=${path##*/}
    case $name in prometheus-alertmanager) name=alertmanager ;; prometheus-snmp-exporter) name=snmp_exporter ;; esac
    ln -sf "../tree/usr/bin/${path##*/}" "$lab/bin/$name"
  done
  "$lab/bin/prometheus" --version >/dev/null && "$lab/bin/alertmanager" --version >/dev/null
}
if ! recent; then
  rm -rf .lab/deb .lab/tree .lab/bin
  say "NO RECENT PROMETHEUS: tests use this system's older one, and skip where there is none"
  command -v prometheus >/dev/null || [ "${CI:-}" != true ] || exit 1
fi
