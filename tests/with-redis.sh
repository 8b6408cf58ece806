#!/usr/bin/env bash
# Runs a command with TEST_REDIS_URL naming a Redis, and TEST_REDIS_SERVER the program that starts one, for tests that stop
# or freeze a private Redis.
#
#   tests/with-redis.sh COMMAND [ARGUMENT…]
#
# A variable that is already set is used. Otherwise a private server is started from the system's packages, and removed
# when the command ends, however it ends.
set -euo pipefail

die() { printf 'with-redis: %s\n' "$*" >&2; exit 1; }

[ $# -gt 0 ] || die "usage: tests/with-redis.sh COMMAND [ARGUMENT…]"
[ -z "${TEST_REDIS_URL:-}" ] || [ -z "${TEST_REDIS_SERVER:-}" ] || exec "$@"

install_redis() {
  local missing="Redis is missing: install it (apt-get install redis-server), or set TEST_REDIS_URL and TEST_REDIS_SERVER"
  local as_root=()
  command -v apt-get >/dev/null || die "$missing"
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || die "$missing"
    as_root=(sudo -n)
  fi
  echo "with-redis: installing Redis" >&2
  "${as_root[@]}" apt-get update -qq >&2 || die "$missing (apt-get update failed)"
  # Debian's package redis-server would start a permanent server of its own. The program itself is in redis-tools.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-tools \
    </dev/null >/dev/null || die "$missing (apt-get install failed)"
}

folder=$(mktemp -d "${TMPDIR:-/tmp}/allynet-redis.XXXXXX")
# The only place that cleans up, as in with-postgres.sh: it waits for the end of its input, which comes when this script
# has ended. Its input are the process group of the command and the process of the server.
exec {alive}> >(
  exec setsid bash -c '
    group= server=
    while read -r what id; do declare "$what=$id"; done
    if [ -n "$group" ] && kill -TERM -- "-$group"; then
      for _ in $(seq 100); do
        kill -0 -- "-$group" || break
        sleep 0.1
      done
      kill -KILL -- "-$group"
    fi
    [ -z "$server" ] || kill -KILL "$server"
    rm -rf "$1"
  ' clear-up "$folder" 2>/dev/null
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

# The program depends on its name: redis-check-rdb, called as redis-server, is the server.
find_server() {
  local program
  program=$(command -v redis-server || command -v valkey-server || command -v redis-check-rdb) || return 1
  ln -sf "$program" "$folder/redis-server"
  "$folder/redis-server" --version >/dev/null
}

if [ -z "${TEST_REDIS_SERVER:-}" ]; then
  find_server || { install_redis; find_server || die "Redis was installed but is not found"; }
  export TEST_REDIS_SERVER=$folder/redis-server
fi

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'PING\r\n' >&3 && read -r -t 1 line <&3 && [[ $line == +PONG* ]]) 2>/dev/null; }

# Another run may take the port before the server does: then the start fails, and the next port is tried.
if [ -z "${TEST_REDIS_URL:-}" ]; then
  for _ in $(seq 20); do
    port=$((30000 + RANDOM % 2000))
    "$TEST_REDIS_SERVER" --bind 127.0.0.1 --port "$port" --save '' --appendonly no --dir "$folder" \
      >"$folder/server.log" 2>&1 {alive}>&- &
    server=$!
    echo "server $server" >&"$alive"
    for _ in $(seq 100); do
      kill -0 "$server" 2>/dev/null || break
      if answers "$port" && kill -0 "$server" 2>/dev/null; then
        export TEST_REDIS_URL="redis://127.0.0.1:$port"
        break 2
      fi
      sleep 0.05
    done
  done
  [ -n "${TEST_REDIS_URL:-}" ] || { tail -n 20 "$folder/server.log" >&2; die "Redis does not start"; }
fi

set -m # a process group of its own for the command
"$@" {alive}>&- &
command=$!
set +m
echo "group $command" >&"$alive"
status=0
wait "$command" || status=$?
exit "$status"
