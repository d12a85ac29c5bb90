# The parameters come in the environment, never in this text.
mkdir -p /tmp/assay/results
set -- ci -C "$PARAM_DIRECTORY" "--git-base=$PARAM_GIT_BASE" "--fail-on=$PARAM_FAIL_ON" "--comment=$PARAM_COMMENT"
if [ -n "$PARAM_DIR" ]; then set -- "$@" "--dir=$PARAM_DIR"; fi
if [ -n "$PARAM_DIR_FORMAT" ]; then set -- "$@" "--dir-format=$PARAM_DIR_FORMAT"; fi
if [ -n "$PARAM_POSTGRES" ]; then set -- "$@" "--postgres=$PARAM_POSTGRES"; fi
"$PARAM_BINARY" "$@" --output=text --output=json=/tmp/assay/assay.json --output=html=/tmp/assay/assay.html --output=junit=/tmp/assay/results/assay.xml
