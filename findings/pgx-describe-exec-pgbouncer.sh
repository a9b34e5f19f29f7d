#!/usr/bin/env bash
# pgx, in default_query_exec_mode=describe_exec, sends a statement and its values
# apart, each with a Sync, and has the statement unnamed meanwhile. A pooler in
# transaction mode may hand the session to somebody else between the two, whose
# unnamed statement is then the one that the values are bound to.
# It needs PostgreSQL and pgbouncer; without them, it ends with code 2.
#
# Expected: the answer to what was asked, or an error. Seen: the answer to what
# another connection asked, without an error.
set -euo pipefail
bin=$(find /usr/lib/postgresql -name initdb -printf '%h\n' 2>/dev/null | tail -1)
PATH=$PATH:/usr/sbin
if [ -z "$bin" ] || ! command -v pgbouncer >/dev/null; then
	echo "PostgreSQL or pgbouncer isn't installed: apt-get install postgresql pgbouncer"
	exit 2
fi
work=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then su postgres -c "$*"; else bash -c "$*"; fi; }
end() {
	[ -s "$work/pooler.pid" ] && kill "$(cat "$work/pooler.pid")"
	as "$bin/pg_ctl -D $work/data -m immediate stop >/dev/null" || true
	chmod -R u+w "$work"
	rm -rf "$work"
}
trap end EXIT
cd "$work"
cat >pooler.ini <<INI
[databases]
* = host=$work
[pgbouncer]
unix_socket_dir = $work
listen_port = 6432
listen_addr =
auth_type = trust
auth_file = $work/users
pool_mode = transaction
default_pool_size = 1
pidfile = $work/pooler.pid
logfile = $work/pooler.log
INI
echo '"postgres" ""' >users
[ "$(id -u)" = 0 ] && chown -R postgres "$work"
as "$bin/initdb -D $work/data -U postgres -A trust -N >/dev/null"
as "$bin/pg_ctl -D $work/data -o '-k $work -c listen_addresses=' -l $work/log -w start >/dev/null"
as "$(command -v pgbouncer) -q -d $work/pooler.ini"
mkdir program
cd program
unset GOFLAGS
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

func main() {
	var asked, wrong, failed atomic.Int64
	var wg sync.WaitGroup
	for n := range 4 {
		conn, err := pgx.Connect(context.Background(), "host="+os.Args[1]+" port=6432 user=postgres dbname=postgres default_query_exec_mode=describe_exec")
		if err != nil {
			panic(err)
		}
		wg.Go(func() {
			for range 2000 {
				var got int
				err := conn.QueryRow(context.Background(), fmt.Sprintf("SELECT %d + $1::int", 1000*n), 1).Scan(&got)
				asked.Add(1)
				switch {
				case err != nil:
					failed.Add(1)
				case got != 1000*n+1:
					wrong.Add(1)
				}
			}
		})
	}
	wg.Wait()
	fmt.Println("asked:    4 connections, 2,000 times each, whether 1000*n + 1 is 1000*n + 1")
	fmt.Println("expected: no wrong answer without an error")
	fmt.Printf("seen:     %d wrong answers, and %d errors, of %d\n", wrong.Load(), failed.Load(), asked.Load())
	if wrong.Load() == 0 {
		fmt.Println("pgx or PgBouncer changed: look at this finding again")
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/jackc/pgx/v5@v5.12.0 >/dev/null 2>&1
go list -m github.com/jackc/pgx/v5
pgbouncer --version | head -1
go run . "$work"
