#!/usr/bin/env bash
# Prints the software bill of materials (CycloneDX 1.5, JSON) of a Cargo.lock: every crate with version and checksum.
#   packaging/sbom.sh Cargo.lock >lanpulse.cdx.json
# It reads the lock file only, so it needs no tool and no network, and the same lock file gives the same bytes. Like the
# lock file it includes crates for other systems and for tests.
set -euo pipefail
awk '
  function flush() {
    if (name == "") return
    if (name == "lanpulse") own = version
    else {
      item = sprintf("    {\"type\": \"library\", \"name\": \"%s\", \"version\": \"%s\", \"purl\": \"pkg:cargo/%s@%s\"", name, version, name, version)
      if (sum != "") item = item sprintf(", \"hashes\": [{\"alg\": \"SHA-256\", \"content\": \"%s\"}]", sum)
      items[++count] = item "}"
    }
    name = version = sum = ""
  }
  /^\[\[package\]\]/ { flush() }
  /^name = / { gsub(/"/, "", $3); name = $3 }
  /^version = / { gsub(/"/, "", $3); if (name != "") version = $3 }
  /^checksum = / { gsub(/"/, "", $3); sum = $3 }
  END {
    flush()
    print "{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"version\": 1,"
    printf "  \"metadata\": {\"component\": {\"type\": \"application\", \"name\": \"lanpulse\", \"version\": \"%s\", \"purl\": \"pkg:cargo/lanpulse@%s\"}},\n", own, own
    print "  \"components\": ["
    for (i = 1; i <= count; i++) print items[i] (i < count ? "," : "")
    print "  ]\n}"
  }
' "$1"
