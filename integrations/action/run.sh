#!/usr/bin/env bash
# Runs `assay ci` for the action. The inputs come in the environment, never in
# the text of a script, so none of them can be code.
set -euo pipefail

args=(ci -C "${INPUT_DIRECTORY:-.}")

# flag NAME VALUE adds a flag that has a value.
flag() {
  if [ -n "$2" ]; then args+=("--$1=$2"); fi
}

# lines NAME VALUE adds a flag for each line of the value.
lines() {
  local line
  while IFS= read -r line; do
    line=${line%$'\r'}
    if [ -n "${line//[[:space:]]/}" ]; then args+=("--$1=$line"); fi
  done <<<"$2"
}

flag config "$INPUT_CONFIG"
flag policy-config "$INPUT_POLICY_CONFIG"
flag dir "$INPUT_DIR"
flag dir-format "$INPUT_DIR_FORMAT"
flag postgres "$INPUT_POSTGRES"
flag dev-url "$INPUT_DEV_URL"
lines setup "$INPUT_SETUP"
flag base "$INPUT_BASE"
flag git-base "$INPUT_GIT_BASE"
flag latest "$INPUT_LATEST"
flag all "$INPUT_ALL"
flag thorough "$INPUT_THOROUGH"
flag seed "$INPUT_SEED"
flag no-proofs "$INPUT_NO_PROOFS"
flag no-cache "$INPUT_NO_CACHE"
flag superuser "$INPUT_SUPERUSER"
flag trust-checkout "$INPUT_TRUST_CHECKOUT"
flag fail-on "$INPUT_FAIL_ON"
flag timeout "$INPUT_TIMEOUT"
flag from "$INPUT_FROM"
flag comment "$INPUT_COMMENT"
flag inline "$INPUT_INLINE"
flag check-run "$INPUT_CHECK_RUN"
flag comment-required "$INPUT_COMMENT_REQUIRED"
flag scope "$INPUT_SCOPE"
flag report-url "$INPUT_REPORT_URL"
flag all-dirs "$INPUT_ALL_DIRS"
flag evidence "$INPUT_EVIDENCE"
flag evidence-key "$INPUT_EVIDENCE_KEY"
if [ "$INPUT_STATUS" = none ]; then args+=(--status=); else flag status "$INPUT_STATUS"; fi
lines output "$INPUT_OUTPUT"
args+=("--output=json=$(mktemp -d "${RUNNER_TEMP:-/tmp}/assay.XXXXXX")/assay.json")

exec "$ASSAY_BINARY" "${args[@]}"
