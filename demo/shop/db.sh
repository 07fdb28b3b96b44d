#!/bin/sh
# PostgreSQL, made anew at each start: the demo keeps no data.
set -eu
for programs in /usr/lib/postgresql/*/bin; do :; done
data=/var/lib/postgresql/data
as() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
rm -rf "$data"
install -d -o postgres -g postgres -m 700 "$data" /run/postgresql
as "$programs/initdb" --pgdata="$data" --auth=scram-sha-256 --auth-local=trust --no-sync --encoding=UTF8 --locale=C >/dev/null
{
    echo "host all all 0.0.0.0/0 scram-sha-256"
    echo "host all all ::/0 scram-sha-256"
} >>"$data/pg_hba.conf"
# Filled before it listens on the network, so that nobody finds half a database.
as "$programs/pg_ctl" --pgdata="$data" --wait --log=/dev/null --options="-c listen_addresses= -c fsync=off" start >/dev/null
as psql --quiet --file=/shop/schema.sql postgres
as "$programs/pg_ctl" --pgdata="$data" --wait stop >/dev/null
exec setpriv --reuid=postgres --regid=postgres --init-groups \
    "$programs/postgres" -D "$data" -c listen_addresses='*' -c fsync=off -c max_connections=200
