#!/usr/bin/env bash
# Makes src/source/identify/oui.bin, the packed registry of hardware addresses, from the data of the crate oui-data:
#   tests/tools/oui.sh VERSION DATE       as in: tests/tools/oui.sh 0.2.4 2026-10-17 (the day the crate was published)
set -euo pipefail
cd "$(dirname "$0")/../.."
version=${1:?a version of oui-data} date=${2:?its date}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/src" && : >"$scratch/src/lib.rs"
printf '[package]\nname = "scratch"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\noui-data = "=%s"\n' "$version" >"$scratch/Cargo.toml"
data=$(cd "$scratch" && cargo metadata --format-version 1 |
  grep -o '"manifest_path":"[^"]*/oui-data-[^"]*/Cargo.toml"' | cut -d'"' -f4 | xargs dirname)/data
[ -e src/source/identify/oui.bin ] || printf 'LNPLOUI1%s\0\0\0\0\0\0\0\0\0\0\0\0' "$date" >src/source/identify/oui.bin
cargo run -q --example pack_oui -- "$date" src/source/identify/oui.bin "$data"/{oui,iab,oui28,oui36}.csv
ls -l src/source/identify/oui.bin
