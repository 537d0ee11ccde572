#!/usr/bin/env bash
# The released binary with what goes with it; called by `make release`.
#   target/dist/lanpulse               the binary
#   target/dist/assets/                manual page, completions, SBOM (CycloneDX), checksums
#   target/dist/lanpulse-VERSION-ARCHITECTURE-linux.tar.gz     all of these
# No paths, no dates, one code generation unit, so that the same toolchain and C compiler give the same bytes; the
# release workflow compares two builds.
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
# in one order, of one time and owner, and gzip -n writes no time either
tar -C "$target/dist" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
  -cf - lanpulse assets | gzip -9n >"$target/dist/$archive"
sums=$(cd "$target/dist" && sha256sum lanpulse assets/* "$archive")
printf '%s\n' "$sums" | tee "$assets/SHA256SUMS"
stat -c '%n: %s bytes' "$binary"
