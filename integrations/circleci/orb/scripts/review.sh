# The parameters come in the environment, never in this text.
mkdir -p /tmp/assay/results
set -- ci -C "$PARAM_DIRECTORY" --output=text
if [ "$PARAM_STATUS" = none ]; then PARAM_STATUS=; set -- "$@" --status=; fi
for flag in dir dir-format config policy-config postgres dev-url setup base seed git-base latest \
  all thorough no-proofs no-cache superuser trust-checkout timeout \
  fail-on comment inline status check-run comment-required scope \
  report-url all-dirs evidence evidence-key; do
  eval "value=\${PARAM_$(echo "$flag" | tr a-z- A-Z_):-}"
  # CircleCI writes booleans as 1 and 0, or as true and false.
  if [ -n "$value" ]; then set -- "$@" "--$flag=$value"; fi
done
"$PARAM_BINARY" "$@" --output=json=/tmp/assay/assay.json --output=html=/tmp/assay/assay.html --output=junit=/tmp/assay/results/assay.xml
