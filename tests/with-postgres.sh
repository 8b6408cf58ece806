#!/usr/bin/env bash
# Runs a command with TEST_DATABASE_URL naming a PostgreSQL that has PostGIS.
#
#   tests/with-postgres.sh COMMAND [ARGUMENT…]
#
# If TEST_DATABASE_URL is already set, it is used. Otherwise a private cluster is started from the
# system's packages, and removed when the command ends, however it ends.
set -euo pipefail

die() { printf 'with-postgres: %s\n' "$*" >&2; exit 1; }

[ $# -gt 0 ] || die "usage: tests/with-postgres.sh COMMAND [ARGUMENT…]"
[ -z "${TEST_DATABASE_URL:-}" ] || exec "$@"

# Prints the bin folder of the newest PostgreSQL that has both a server and PostGIS.
find_postgres() {
  local bin
  while read -r bin; do
    [ -x "$bin/initdb" ] && [ -x "$bin/pg_ctl" ] || continue
    [ -e "$("$bin/pg_config" --sharedir 2>/dev/null)/extension/postgis.control" ] || continue
    printf '%s\n' "$bin"
    return 0
  done < <(
    printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV
    if command -v pg_config >/dev/null; then pg_config --bindir; fi
  )
  return 1
}

install_postgres() {
  local missing="PostgreSQL with PostGIS is missing: install it, or set TEST_DATABASE_URL" version conf
  local as_root=()
  command -v apt-get >/dev/null || die "$missing"
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || die "$missing (apt-get install postgresql postgis postgresql-NN-postgis-3)"
    as_root=(sudo -n)
  fi
  echo "with-postgres: installing PostgreSQL and PostGIS" >&2
  "${as_root[@]}" apt-get update -qq >&2 || die "$missing (apt-get update failed)"
  version=$(apt-cache search --names-only '^postgresql-[0-9]+-postgis-3$' | cut -d- -f2 | sort -rn | head -n 1)
  [ -n "$version" ] || die "$missing (apt offers no postgresql-NN-postgis-3)"
  # Debian's package would otherwise start a permanent server of its own.
  conf=/etc/postgresql-common/createcluster.d/allynet-tests.conf
  "${as_root[@]}" mkdir -p "${conf%/*}"
  echo 'create_main_cluster = false' | "${as_root[@]}" tee "$conf" >/dev/null
  local status=0
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "postgresql-$version" "postgresql-$version-postgis-3" "postgresql-$version-postgis-3-scripts" \
    </dev/null >/dev/null || status=$?
  "${as_root[@]}" rm -f "$conf"
  [ "$status" -eq 0 ] || die "$missing (apt-get install failed)"
}

bin=$(find_postgres) || { install_postgres; bin=$(find_postgres) || die "PostgreSQL with PostGIS was installed but is not found"; }

# PostgreSQL refuses to run as root.
as_postgres=()
if [ "$(id -u)" -eq 0 ]; then
  id postgres >/dev/null 2>&1 || die "there is no user postgres to run the server as"
  as_postgres=(runuser -u postgres --)
fi

# Memory is twice as fast as a disk, if there is enough of it (a container often has 64 MB).
parent=${TMPDIR:-/tmp}
if [ -d /dev/shm ] && [ -w /dev/shm ] && [ "$(df -Pk /dev/shm | awk 'NR == 2 { print $4 }')" -gt 1500000 ]; then
  parent=/dev/shm
fi

cluster=$(mktemp -d "$parent/allynet-postgres.XXXXXX")
# The only place that cleans up. It waits for the end of its input, which comes when this script has
# ended, even by SIGKILL; setsid protects it from Ctrl-C. Its input is the process group of the
# command, so that processes started by the command are ended too.
exec {alive}> >(
  exec setsid bash -c '
    group=$(cat) cluster=$1 bin=$2
    shift 2
    if [ -n "$group" ] && kill -TERM -- "-$group"; then
      for _ in $(seq 100); do
        kill -0 -- "-$group" || break
        sleep 0.1
      done
      kill -KILL -- "-$group"
    fi
    "$@" "$bin/pg_ctl" -D "$cluster/data" -m immediate -w stop >/dev/null
    rm -rf "$cluster"
  ' clear-up "$cluster" "$bin" "${as_postgres[@]}" 2>/dev/null
)
watcher=$!

finish() {
  trap '' INT TERM HUP
  exec {alive}>&-
  wait "$watcher" || true
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$cluster/data"
[ ${#as_postgres[@]} -eq 0 ] || chown -R postgres "$cluster"
in_cluster() { (cd "$cluster" && exec "${as_postgres[@]}" "$@") {alive}>&-; }
in_cluster "$bin/initdb" -D "$cluster/data" -U postgres -A trust --no-sync --no-locale --encoding=UTF8 \
  >"$cluster/initdb.log" 2>&1 || { cat "$cluster/initdb.log" >&2; die "initdb failed"; }

# Another run may take the port before the server does: then the start fails, and the next port is tried.
port=
for _ in $(seq 20); do
  candidate=$((15000 + RANDOM % 15000))
  if in_cluster "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/data/server.log" -w start -o "-p $candidate \
      -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=300 \
      -c fsync=off -c full_page_writes=off -c jit=off -c max_wal_size=256MB" >/dev/null 2>&1; then
    port=$candidate
    break
  fi
done
[ -n "$port" ] || { tail -n 20 "$cluster/data/server.log" >&2; die "PostgreSQL does not start"; }
export TEST_DATABASE_URL="postgres://postgres@127.0.0.1:$port/postgres"

set -m # a process group of its own for the command
"$@" {alive}>&- &
command=$!
set +m
echo "$command" >&"$alive"
status=0
wait "$command" || status=$?
exit "$status"
