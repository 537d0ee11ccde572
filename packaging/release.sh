#!/usr/bin/env bash
# Builds the release; called by `make release`.
#   target/dist/lanpulse               the binary
#   target/dist/assets/                manual page, completions, SBOM (CycloneDX), checksums
#   target/dist/lanpulse-VERSION-ARCHITECTURE-linux.tar.gz     all of these
# The binary contains no paths and no dates and is made in one code generation unit, so that the same toolchain and C
# compiler give the same bytes. The release workflow compares two builds.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
target=${CARGO_TARGET_DIR:-target}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
home=${CARGO_HOME:-$HOME/.cargo}
map="--remap-path-prefix=$PWD=/lanpulse --remap-path-prefix=$home=/cargo --remap-path-prefix=$(realpath -m "$target")=/target"
export SOURCE_DATE_EPOCH
export RUSTFLAGS="${RUSTFLAGS:-} $map"
export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$PWD=/lanpulse -ffile-prefix-map=$home=/cargo -ffile-prefix-map=$(realpath -m "$target")=/target"
"$cargo" build --profile dist --locked --bin lanpulse

assets=$target/dist/assets
binary=$target/dist/lanpulse
mkdir -p "$assets"
"$binary" man >"$assets/lanpulse.1"
"$binary" completions bash >"$assets/lanpulse.bash"
"$binary" completions zsh >"$assets/_lanpulse"
"$binary" completions fish >"$assets/lanpulse.fish"
packaging/sbom.sh Cargo.lock >"$assets/lanpulse.cdx.json"
version=$(sed -n 's/^version = "\(.*\)"/\1/p;/^\[dependencies\]/q' Cargo.toml)
archive=lanpulse-$version-$(uname -m)-linux.tar.gz
rm -f "$assets/SHA256SUMS"
# fixed order, time and owner; gzip -n writes no time
tar -C "$target/dist" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
  -cf - lanpulse assets | gzip -9n >"$target/dist/$archive"
sums=$(cd "$target/dist" && sha256sum lanpulse assets/* "$archive")
printf '%s\n' "$sums" | tee "$assets/SHA256SUMS"
stat -c '%n: %s bytes' "$binary"
