#!/bin/bash
# What the official image of PostgreSQL promises of its entrypoint (https://hub.docker.com/_/postgres), for the tests' image:
# an empty PGDATA becomes a cluster by POSTGRES_USER, POSTGRES_PASSWORD[_FILE], POSTGRES_DB, POSTGRES_INITDB_ARGS and
# POSTGRES_HOST_AUTH_METHOD; a temporary server, on a Unix socket alone, runs what is in /docker-entrypoint-initdb.d; then the
# command takes this process's place. It runs as root or as the account of the server.
set -euo pipefail

die() {
  echo "docker-entrypoint.sh: $*" >&2
  exit 1
}

password() {
  [ -z "${POSTGRES_PASSWORD_FILE:-}" ] || [ -z "${POSTGRES_PASSWORD:-}" ] || die "a password and a file of it exclude each other"
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then cat "$POSTGRES_PASSWORD_FILE"; else echo "${POSTGRES_PASSWORD:-}"; fi
}

make_cluster() {
  local password
  password=$(password)
  unset POSTGRES_PASSWORD_FILE
  [ -n "$password" ] || [ "${POSTGRES_HOST_AUTH_METHOD:-}" = trust ] || die "there is no password: set POSTGRES_PASSWORD"
  export POSTGRES_USER=${POSTGRES_USER:-postgres}
  export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}
  eval "initdb --pgdata \"\$PGDATA\" --username \"\$POSTGRES_USER\" --pwfile <(echo \"\$password\") ${POSTGRES_INITDB_ARGS:-}"
  echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
  export PGPASSWORD=$password
  pg_ctl --pgdata "$PGDATA" --wait --options "$(printf '%q ' "$@") -c listen_addresses='' -p 5432" start
  [ "$POSTGRES_DB" = postgres ] || createdb --username "$POSTGRES_USER" --maintenance-db postgres "$POSTGRES_DB"
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    # shellcheck disable=SC1090 # whatever the image brings
    case $file in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) psql -XqbU "$POSTGRES_USER" -v ON_ERROR_STOP=1 --no-password -f "$file" "$POSTGRES_DB" ;;
    esac
  done
  pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
  unset PGPASSWORD
}

[ "${1:0:1}" != - ] || set -- postgres "$@"
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "${BASH_SOURCE[0]}" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  chmod 0700 "$PGDATA"
  shift
  make_cluster "$@"
  set -- postgres "$@"
fi
exec "$@"
