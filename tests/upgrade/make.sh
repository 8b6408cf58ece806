#!/usr/bin/env bash
# Makes the dumps of one version: tests/with-postgres.sh tests/upgrade/make.sh BINARY NAME
#
# Starts the node BINARY on an empty database of each kind, fills it with populate.mjs, stops it, and writes
# NAME.sqlite.gz (the file) and NAME.sql.gz (what pg_dump prints) to this folder.
set -euo pipefail

[ $# -eq 2 ] || { sed -n '2s/^# //p' "$0" >&2; exit 2; }
binary=$(realpath "$1") name=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
node_pid=
trap '[ -z "$node_pid" ] || kill "$node_pid" 2>/dev/null; rm -rf "$work"' EXIT
PATH=$PATH:$(printf '%s:' /usr/lib/postgresql/*/bin)

fill() {
  env -C "$work" DATABASE_URL="$1" ALLYNET_JWT_SECRET='the secret of the upgrade test, 32 bytes or more' \
    ALLYNET_ADMIN_EMAIL=admin@allynet.example ALLYNET_ADMIN_PASSWORD='a password of the upgrade test' \
    ALLYNET_RATE_LIMITS=off ALLYNET_LISTEN=127.0.0.1:0 ALLYNET_ADMIN_LISTEN=127.0.0.1:0 NO_COLOR=1 "$binary" >"$work/log" &
  node_pid=$!
  local url=
  for _ in $(seq 200); do
    url=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$work/log")
    [ -n "$url" ] && curl -sf "$url/readyz" >/dev/null && break
    sleep 0.1
  done
  node "$here/populate.mjs" "$url"
  kill "$node_pid" && wait "$node_pid"
  node_pid=
}

fill "sqlite://$work/allynet.db"
gzip -9nc "$work/allynet.db" >"$here/$name.sqlite.gz"

database=upgrade_$$
psql -q "$TEST_DATABASE_URL" -c "CREATE DATABASE $database"
url=$(printf '%s' "$TEST_DATABASE_URL" | sed "s|/[^/?]*\(?.*\)\{0,1\}$|/$database\1|")
fill "$url"
# Statements instead of COPY, so that any client can execute them; lines with a backslash are for psql only.
pg_dump --no-owner --no-privileges --inserts --rows-per-insert=100 "$url" | grep -v '^\\' | gzip -9n >"$here/$name.sql.gz"
psql -q "$TEST_DATABASE_URL" -c "DROP DATABASE $database WITH (FORCE)"
ls -l "$here/$name".*
