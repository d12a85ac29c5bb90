#!/usr/bin/env bash
# Finds or installs assay for the action and the CI templates, and prints its
# path. A release is pinned by its version. Its archive is held against the
# checksum that the caller gives, or against the release's list of checksums once
# cosign has verified that assay's release workflow signed that list for that
# version: the list comes from where the archive comes from, and whoever could
# replace the one could replace the other. Who signed is certified by Sigstore.
# Inputs: INPUT_VERSION, INPUT_CHECKSUM, INPUT_BINARY in the environment.
set -euo pipefail

releases=${ASSAY_RELEASES_URL:-https://github.com/assaydb/assay/releases/download}
temp=${RUNNER_TEMP:-${TMPDIR:-/tmp}}

fail() {
  echo "assay: $1" >&2
  exit 2
}

output() {
  if [ -n "${GITHUB_OUTPUT:-}" ]; then
    echo "$1=$2" >>"$GITHUB_OUTPUT"
  fi
}

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

download() {
  curl --fail --silent --show-error --location --retry 3 --output "$2" "$1" ||
    fail "cannot download $1: check the version, or give an assay that is there with the input binary"
}

# signed verifies the signature of a release's list of checksums.
signed() {
  local version=$1 list=$2
  command -v cosign >/dev/null ||
    fail "cosign is not installed, which verifies who made the release: install it (https://docs.sigstore.dev/cosign), or give the archive's SHA-256 with the input checksum"
  download "$releases/$version/checksums.txt.sigstore.json" "$list.sigstore.json"
  cosign verify-blob --bundle "$list.sigstore.json" \
    --certificate-identity "https://github.com/assaydb/assay/.github/workflows/release.yml@refs/tags/$version" \
    --certificate-oidc-issuer https://token.actions.githubusercontent.com "$list" >&2 ||
    fail "the list of checksums of $version is not signed by assay's release workflow: nothing of it is run"
}

install_release() {
  local version=$1 os arch name dir want
  [[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*$ ]] ||
    fail "the version is '$version': give a release such as v0.1.0"
  case $(uname -s) in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    *) fail "there is no release for $(uname -s): give an assay that is there with the input binary" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) arch=amd64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there is no release for $(uname -m): give an assay that is there with the input binary" ;;
  esac
  name=assay_${version#v}_${os}_${arch}.tar.gz
  dir=$temp/assay-$version
  mkdir -p "$dir"
  download "$releases/$version/$name" "$dir/$name"
  want=${INPUT_CHECKSUM:-}
  if [ -z "$want" ]; then
    download "$releases/$version/checksums.txt" "$dir/checksums.txt"
    signed "$version" "$dir/checksums.txt"
    want=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1 }' "$dir/checksums.txt")
  fi
  [ -n "$want" ] || fail "the release's checksums do not list $name"
  [ "$(sha256 "$dir/$name")" = "$want" ] || fail "the checksum of $name is not $want: it is not the file that was released"
  tar -xzf "$dir/$name" -C "$dir" assay
  binary=$dir/assay
}

if [ -n "${INPUT_BINARY:-}" ]; then
  binary=$(command -v -- "$INPUT_BINARY") || fail "there is no program $INPUT_BINARY"
else
  install_release "${INPUT_VERSION:-}"
fi
"$binary" version >&2
output binary "$binary"
output cache "${ASSAY_CACHE_DIR:-$temp/assay-cache}"
echo "$binary"
