#!/bin/sh
# PostgreSQL wants its user to have a name. With `docker run --user`, as
# pre-commit calls it, the user has none, so it is given one.
set -eu
if ! getent passwd "$(id -u)" >/dev/null; then
  echo "assay-user:x:$(id -u):$(id -g)::/tmp:/bin/sh" >>/etc/passwd
fi
exec assay "$@"
