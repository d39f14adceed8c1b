#!/usr/bin/env bats
# baudolo and databases: real PostgreSQL and MariaDB servers, from databases.csv to the manifest.

load engine
load database
load run

# Volumes and who uses them: pgdata and pgextra shop-postgres, mydata wiki-db, oddone and oddtwo odd-database (its data is in none),
# web a container without a database, tools one that only looks like one (plain-db).
setup_file() {
	engine_start own
	image_postgres 3>&- &
	local pid=$!
	image_mariadb
	wait "$pid"
	volume_new web >/dev/null
	volume_new tools >/dev/null
	container_run web -v web:/v
	container_run plain-db -v tools:/v
	server_run shop-postgres bd-test/postgres:15 -v pgdata:/var/lib/postgresql/data -v pgextra:/extra -e POSTGRES_PASSWORD='p;"w $x' \
		-e POSTGRES_DB=shop -e POSTGRES_INITDB_ARGS=--auth-host=scram-sha-256 3>&- &
	pid=$!
	server_run odd-database bd-test/postgres:15 -v oddone:/a -v oddtwo:/b --mount type=tmpfs,destination=/var/lib/postgresql/data \
		-e POSTGRES_PASSWORD=odd -e POSTGRES_DB=odd 3>&- &
	local odd=$!
	server_run wiki-db bd-test/mariadb:10.11 -v mydata:/var/lib/mysql -e MARIADB_ROOT_PASSWORD=root -e MARIADB_DATABASE=wiki \
		-e MARIADB_USER=wiki -e MARIADB_PASSWORD=S3CR3T
	wait "$pid" "$odd"
	pg shop-postgres <<<"CREATE TABLE goods (name text); INSERT INTO goods VALUES ('teapot'); CREATE DATABASE second"
	maria wiki-db <<<"CREATE TABLE pages (name text); INSERT INTO pages VALUES ('home')"
	pg odd-database <<<"CREATE TABLE things (name text)"
	echo page >"$(volume_path web)/f"
	echo extra >"$(volume_path pgextra)/f"
}

teardown_file() {
	engine_clean
	docker volume ls -q | xargs -r docker volume rm -f >/dev/null
	engine_stop own
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	places
	baudolo-seed csv shop shop postgres 'p;"w $x' >/dev/null
	baudolo-seed csv shop '*' postgres 'p;"w $x' >/dev/null
	baudolo-seed csv wiki wiki wiki S3CR3T >/dev/null
}

teardown() {
	[ -z "${RUN-}" ] || kill "$RUN" || : # of a test that failed
	[ -z "${LOCKER-}" ] || unlock
}

# Nothing need stop, unless a test wants that.
run_it() {
	baudolo --backups-dir "$B" --state-dir "$S" --databases-csv csv --images-no-stop-required '*/*' "$@"
}

# The same in the background, up to where a dump waits; its pid is $RUN.
run_into_lock() {
	baudolo --backups-dir "$B" --state-dir "$S" --databases-csv csv --images-no-stop-required '*/*' >said 2>&1 3>&- 6>&- &
	RUN=$!
	wait_for waiting_dump
}

# "database dumped engine" of a volume in the manifest
manifest() { jq -r --arg v "$1" '.volumes[$v] | if . == null then "absent" else "\(.database) \(.dumped) \(.engine)" end' "$(newest)/manifest.json"; }

# The files below the sql folders
dumped() { (cd "$(newest)" && find . -path '*/sql/*' | LC_ALL=C sort | cut -c 3- | paste -sd ' '); }

# Does the volume have a copy of its files?
copied() { [ -d "$(newest)/$1/files" ]; }

shims() {
	rm -rf bin
	cp -a "$BAUDOLO_BIN" bin
	mv "bin/$1" "bin/real-$1"
	cat >"bin/$1"
	chmod +x "bin/$1"
}

# Not its session: a server that waits for a lock does not notice that its client is gone.
no_dump_runs() {
	local all
	all=$(docker top shop-postgres -eo pid,args) && ! grep -q '[0-9] [^ ]*pg_dump' <<<"$all"
}
# It takes an orphan that a signal ended for a crash of its own.
server_is_well() { ! docker logs shop-postgres 2>&1 | grep 'terminated by signal'; }
waiting_dump() { [ "$(pg shop-postgres -c "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg_dump%' AND wait_event_type = 'Lock'")" -gt 0 ]; }

# Has every dump of goods wait, until unlock
lock() {
	mkfifo hold
	pg shop-postgres <hold 3>&- &
	LOCKER=$!
	exec 6>hold
	echo 'BEGIN; LOCK TABLE goods IN ACCESS EXCLUSIVE MODE;' >&6
	wait_for locked
}
locked() { [ "$(pg shop-postgres -c "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'goods'::regclass")" = 1 ]; }
unlock() {
	exec 6>&-
	wait "$LOCKER"
	LOCKER=
}

@test "all of it: dumps, files, manifest, stamp, summary" {
	run -0 --separate-stderr run_it
	[ -z "$stderr" ] || { echo "$stderr"; false; }
	g=$(newest)
	[ "$(dumped)" = 'mydata/sql/wiki.backup.sql pgdata/sql/shop.backup.sql pgdata/sql/shop.cluster.backup.sql' ]
	grep -q teapot "$g/pgdata/sql/shop.backup.sql"
	grep -qx -e '-- PostgreSQL database dump complete' "$g/pgdata/sql/shop.backup.sql"
	grep -qx 'CREATE DATABASE second .*' "$g/pgdata/sql/shop.cluster.backup.sql"
	grep -q home "$g/mydata/sql/wiki.backup.sql"
	[ "$(stat -c %a "$g"/*/sql "$g"/*/sql/*)" = $'700\n700\n600\n600\n600' ]
	for v in pgdata pgextra mydata web tools oddone oddtwo; do copied "$v"; done
	[ "$(manifest pgdata)" = 'true true postgres' ]
	[ "$(manifest mydata)" = 'true true mariadb' ]
	[ "$(manifest oddone)" = 'true false postgres' ] # no row is for it
	for v in pgextra web tools; do [ "$(manifest $v)" = 'false false null' ]; done
	[ "$(failed)" = '[]' ]
	stamped "$g"
	[[ $output == *'/'"${g##*/}: 7 volumes, 3 dumps, "* ]]
	[ "$(find "$S" -name 'execs.*')" = '' ]
	[ "$(find "$B" -maxdepth 3 ! -type d)" = '' ]
}

@test "no password in a command line, an output or a file of ours" {
	for shell in dash 'busybox sh' bash; do
		# shellcheck disable=SC2086 # words
		strace -f -qq -s 4096 -e trace=execve -o trace $shell "$BAUDOLO_BIN/baudolo" --backups-dir "$B" --state-dir "$S" \
			--databases-csv csv --images-no-stop-required '*/*' -v >said 2>&1
		grep -q bd-dump trace
		[ "$(dumped)" = 'mydata/sql/wiki.backup.sql pgdata/sql/shop.backup.sql pgdata/sql/shop.cluster.backup.sql' ]
		run ! grep -e S3CR3T -e 'p;' trace said
		run ! grep -r -e S3CR3T "$S"
	done
}

@test "--only-sql: what is dumped is not copied, and not stopped" {
	run -0 --separate-stderr baudolo --backups-dir "$B" --state-dir "$S" --databases-csv csv --only-sql
	[ -z "$stderr" ] || { echo "$stderr"; false; }
	said=$output
	run ! copied pgdata
	run ! copied mydata
	for v in pgextra web tools oddone oddtwo; do copied "$v"; done
	[ "$(dumped)" = 'mydata/sql/wiki.backup.sql pgdata/sql/shop.backup.sql pgdata/sql/shop.cluster.backup.sql' ]
	[ "$(manifest pgdata)" = 'true true postgres' ]
	[ "$(manifest mydata)" = 'true true mariadb' ]
	[[ $said == *': 7 volumes, 3 dumps, '* ]]
	# its other volume still needs that
	[[ $said == *'Stop containers: shop-postgres...'* ]]
	[[ $said != *'Stop containers:'*wiki-db* ]]
	grep -Fx "WARNING: only-sql requested but no DB dump was produced for DB volume 'oddone'. Falling back to file backup." <<<"$said"
	[ "$(grep -c 'Falling back' <<<"$said")" = 2 ] # it and oddtwo
	stamped "$(newest)"
	container_running shop-postgres wiki-db odd-database web
	server_wait shop-postgres && server_wait odd-database
}

@test "--only-sql: a dump that fails falls back to files; each alias" {
	baudolo-seed csv wiki wiki wiki wrong
	for alias in only-sql:only-sql dump-only-sql:dump-only-sql dump-only:dump-only-sql; do
		run -1 --separate-stderr run_it "--${alias%:*}"
		grep -Fx "WARNING: ${alias#*:} requested but no DB dump was produced for DB volume 'mydata'. Falling back to file backup." <<<"$output"
		grep "^ERROR: database 'wiki' of container 'wiki-db' was not dumped to volume 'mydata': " <<<"$stderr"
		copied mydata
		run ! copied pgdata
		[ "$(manifest mydata)" = 'true false mariadb' ]
		[ "$(dumped)" = 'pgdata/sql/shop.backup.sql pgdata/sql/shop.cluster.backup.sql' ]
		[ ! -e "$(newest)/mydata/sql" ]
	done
}

@test "--only-sql: one of several rows fails: files too, and what could be dumped" {
	baudolo-seed csv shop gone postgres 'p;"w $x'
	run -1 --separate-stderr run_it --only-sql
	grep "^ERROR: database 'gone' of container 'shop-postgres' was not dumped to volume 'pgdata': " <<<"$stderr"
	copied pgdata
	run ! copied mydata
	[ "$(manifest pgdata)" = 'true false postgres' ]
	[ "$(dumped)" = 'mydata/sql/wiki.backup.sql pgdata/sql/shop.backup.sql pgdata/sql/shop.cluster.backup.sql' ]
}

@test "data that lies in no volume: the dump under each, and their files" {
	baudolo-seed csv odd odd postgres odd
	run -0 --separate-stderr run_it --only-sql
	[ -z "$stderr" ] || { echo "$stderr"; false; }
	[[ $output != *'Falling back'* ]]
	for v in oddone oddtwo; do
		copied "$v"
		[ -s "$(newest)/$v/sql/odd.backup.sql" ]
		[ "$(manifest "$v")" = 'true true postgres' ]
	done
	[[ $output == *': 7 volumes, 5 dumps, '* ]]
}

@test "--only-files: no dumps, and no look at databases.csv" {
	echo nonsense >csv
	run -0 --separate-stderr run_it --only-files
	[ -z "$(grep -v 'file has vanished' <<<"$stderr")" ] || { echo "$stderr"; false; } # a server at work removes files
	[ "$(dumped)" = '' ]
	for v in pgdata mydata; do copied "$v"; done
	[ "$(manifest pgdata)" = 'true false postgres' ]
	[ "$(manifest web)" = 'false false null' ]
	[[ $output == *': 7 volumes, '[0-9]*' files, '* ]]
}

@test "baudolo-list --coverage: a database that was down when it was backed up" {
	run_it --only-files
	g=$(newest)
	jq '.volumes[] |= {database: false, dumped: false, engine: null}' "$g/manifest.json" >m && cp m "$g/manifest.json"
	run -0 baudolo-list --coverage --json --backups-dir "$B" --state-dir "$S" --databases-csv csv
	[ "$(jq -r '.[] | select(.kind == "volume" and .reason) | [.name, .protected, .reason] | join(" ")' <<<"$output")" = "mydata files a database without a dump
pgdata files a database without a dump" ]
}

@test "without databases.csv: warnings, no dumps; --only-sql falls back for each" {
	rm csv
	run -0 --separate-stderr run_it --dump-only-s
	[ "$stderr" = 'WARNING: databases.csv not found: csv. Continuing without database dumps.' ]
	grep -Fx "WARNING: dump-only-sql requested but no DB dump was produced for DB volume 'pgdata'. Falling back to file backup." <<<"$output"
	[ "$(grep -c 'Falling back' <<<"$output")" = 4 ]
	copied pgdata
	[ "$(manifest pgdata)" = 'true false postgres' ]
	: >csv
	run -0 --separate-stderr run_it
	[ "$stderr" = 'WARNING: databases.csv exists but is empty: csv. Continuing without database dumps.' ]
}

@test "wrong password, a database that is not there: named, the others and all files are done" {
	baudolo-seed csv wiki wiki wiki wrong
	baudolo-seed csv shop gone postgres 'p;"w $x'
	run -1 --separate-stderr run_it
	[ "$(grep -c '^ERROR: database ' <<<"$stderr")" = 2 ]
	grep "^ERROR: database 'wiki' of container 'wiki-db' was not dumped to volume 'mydata': .*denied" <<<"$stderr"
	grep "^ERROR: database 'gone' of container 'shop-postgres' was not dumped to volume 'pgdata': .*does not exist" <<<"$stderr"
	[[ $stderr$output != *'p;"w'* && $stderr$output != *wrong* ]]
	[ "$(dumped)" = 'pgdata/sql/shop.backup.sql pgdata/sql/shop.cluster.backup.sql' ]
	for v in pgdata mydata web; do copied "$v"; done
	[ "$(manifest pgdata) $(manifest mydata) $(failed)" = 'true false postgres true false mariadb []' ]
	stamped "$(newest)"
}

@test "rows for nothing are a warning; for a container without an engine, too" {
	baudolo-seed csv nobody x u p
	baudolo-seed csv plain x u p
	run -0 --separate-stderr run_it
	cat >expected <<-'E'
		WARNING: line 5 of the databases: 'x' is not dumped: no running database answers to instance 'nobody'.
		WARNING: line 6 of the databases: 'x' is not dumped: no running database answers to instance 'plain'.
	E
	diff expected - <<<"$stderr"
	[[ $output == *' 3 dumps, '* ]]
	[ "$(manifest tools)" = 'false false null' ]
}

@test "malformed and contradictory rows: 1, and the others serve" {
	printf 'shop;nan;u;p\nwiki;wiki;wiki;wrong\nwiki;wiki;wiki;S3CR3T\nshort;row\nshop;shop;postgres;"p;""w $x"\n' >>csv
	run -1 --separate-stderr run_it
	grep -Fx "bd-databases: csv:5: database must not be 'nan'." <<<"$stderr"
	grep -Fx 'bd-databases: csv:8: 2 fields, expected 4' <<<"$stderr"
	grep -F 'csv: line 4 says the same as line 7' <<<"$stderr"
	grep -F 'csv: line 6 contradicts line 7' <<<"$stderr"
	grep -F 'csv: line 2 says the same as line 9' <<<"$stderr"
	grep '^ERROR: not every row of csv is right' <<<"$stderr"
	[ "$(dumped)" = 'mydata/sql/wiki.backup.sql pgdata/sql/shop.backup.sql pgdata/sql/shop.cluster.backup.sql' ]
	[ "$(manifest mydata)" = 'true false mariadb' ] # the short row could have been for it
}

@test "contradictory rows alone: 1, and the one that serves was dumped" {
	printf 'wiki;wiki;wiki;wrong\nwiki;wiki;wiki;S3CR3T\n' >>csv
	run -1 --separate-stderr run_it --only-sql
	grep -F 'csv: line 5 contradicts line 6' <<<"$stderr"
	run ! copied mydata
	[ "$(manifest mydata) $(manifest pgdata)" = 'true true mariadb true true postgres' ]
}

@test "--only-sql: a malformed row may be for any database: files of all" {
	for row in 'shop;d 2;postgres;x' 'shop;d3;postgres;x;extra' 'shop;"d4;postgres;x'; do
		baudolo-seed csv shop shop postgres 'p;"w $x'
		cp csv kept
		echo "$row" >>csv
		run -1 --separate-stderr run_it --only-sql
		grep '^ERROR: not every row of csv is right' <<<"$stderr"
		for v in pgdata mydata; do
			grep -Fx "WARNING: only-sql requested but no DB dump was produced for DB volume '$v'. Falling back to file backup." <<<"$output"
			copied "$v"
		done
		[ "$(dumped)" = 'mydata/sql/wiki.backup.sql pgdata/sql/shop.backup.sql pgdata/sql/shop.cluster.backup.sql' ]
		[ "$(manifest pgdata) $(manifest mydata)" = 'true false postgres true false mariadb' ]
		run -0 run_it -n --only-files
		run -1 --separate-stderr run_it -n --only-sql
		[[ $output == *'/pgdata/_data'* && $output == *'/mydata/_data'* ]]
		mv kept csv
	done
}

@test "a cluster of MariaDB, a container without a volume" {
	baudolo-seed csv wiki '*' wiki S3CR3T
	run -1 --separate-stderr run_it
	grep "^ERROR: database '\*' of container 'wiki-db' was not dumped to volume 'mydata': " <<<"$stderr"
	[ "$(manifest mydata)" = 'true false mariadb' ]
	[[ $(dumped) == 'mydata/sql/wiki.backup.sql '* ]]
}

@test "databases.csv that cannot be used: 2, nothing touched" {
	refuses() {
		run -2 --separate-stderr run_it "$@"
		[ -z "$output" ]
		grep '^ERROR: .* cannot be used, see above; nothing was done.$' <<<"$stderr"
		[ ! -e "$B" ] && [ ! -e "$S" ]
	}
	echo 'instance;database;username' >csv
	refuses
	refuses -n
	refuses --only-sql
	refuses --databases-csv .
	refuses --databases-csv csv/x
	ln -s loop loop
	refuses --databases-csv loop
}

@test "-n shows the dumps, and what is not copied then" {
	run -0 --separate-stderr run_it -n --only-sql
	grep -Fx 'Would dump database shop of shop-postgres: pgdata/sql/shop.backup.sql' <<<"$output"
	grep -Fx 'Would dump the cluster of shop-postgres: pgdata/sql/shop.cluster.backup.sql' <<<"$output"
	grep -Fx 'Would dump database wiki of wiki-db: mydata/sql/wiki.backup.sql' <<<"$output"
	grep -q 'bd-link .*/pgextra/_data' <<<"$output"
	[[ $output != *'/pgdata/_data'* && $output != *'/mydata/_data'* ]]
	[ ! -e "$B" ]
	[ ! -e "$S" ]
	run -0 run_it -n --only-files
	[[ $output != *'Would dump'* ]]
	[[ $output == *'/pgdata/_data'* ]]
}

@test "--database-containers: an instance of its own name" {
	docker rename wiki-db central
	baudolo-seed csv central wiki wiki S3CR3T
	run -0 --separate-stderr run_it
	[ "$(grep -c '^WARNING: .* answers to instance' <<<"$stderr")" = 2 ]
	[ "$(manifest mydata)" = 'false false null' ]
	run -0 --separate-stderr run_it --database-containers web central plain-db
	[ "$(grep -c "answers to instance 'wiki'" <<<"$stderr")" = 1 ]
	docker rename central wiki-db
	[ "$(manifest mydata)" = 'true true mariadb' ]
	[ "$(manifest web)" = 'false false null' ]
	[[ $(dumped) == 'mydata/sql/wiki.backup.sql '* ]]
}

@test "volumes that are skipped are not dumped, and absent" {
	run -0 --separate-stderr run_it --volumes-no-backup-required pgdata --images-no-backup-required '*/mariadb'
	[ -z "$stderr" ] || { echo "$stderr"; false; }
	[ "$(dumped)" = '' ]
	[ "$(manifest pgdata) $(manifest mydata)" = 'absent absent' ]
	[ ! -e "$(newest)/pgdata" ]
	[ "$(manifest pgextra)" = 'false false null' ]
}

@test "a volume whose copy failed keeps its dumps and its entry" {
	shims bd-rsync <<-'E'
		#!/bin/sh
		case " $* " in *' -n '*) exec "${0%/*}/real-bd-rsync" "$@" ;; esac
		"${0%/*}/real-bd-rsync" "$@" | sed 's/^pgdata	[a-z]*	\(.*\)	[^	]*	\([^	]*\)$/pgdata	failed	\1	made to fail	\2/'
		exit 1
	E
	PATH=$PWD/bin:$PATH run -1 --separate-stderr run_it
	grep -Fx "ERROR: volume 'pgdata' is not in this generation: made to fail." <<<"$stderr"
	run ! copied pgdata
	[ "$(manifest pgdata) $(failed)" = 'true true postgres ["pgdata"]' ]
	[ "$(dumped)" = 'mydata/sql/wiki.backup.sql pgdata/sql/shop.backup.sql pgdata/sql/shop.cluster.backup.sql' ]
}

@test "bd-dump dies: no dump counts, all files are done" {
	shims bd-dump <<-'E'
		#!/bin/sh
		"${0%/*}/real-bd-dump" "$@" >/dev/null
		kill -KILL $$
	E
	PATH=$PWD/bin:$PATH run -1 --separate-stderr run_it --only-sql
	[ "$(grep -c "^ERROR: database '.*: bd-dump ended with status 137.$" <<<"$stderr")" = 3 ]
	[ "$(dumped)" = '' ]
	for v in pgdata mydata web; do copied "$v"; done
	[ "$(manifest pgdata)" = 'true false postgres' ]
}

@test "bd-engines dies: no dumps, all files are done" {
	shims bd-engines <<-'E'
		#!/bin/sh
		kill -KILL $$
	E
	PATH=$PWD/bin:$PATH run -1 --separate-stderr run_it --only-sql
	grep -Fx 'ERROR: the containers could not be asked for their databases: status 137. No dumps are made.' <<<"$stderr"
	[ "$(dumped)" = '' ]
	for v in pgdata mydata web; do copied "$v"; done
	[ "$(manifest pgdata) $(manifest mydata) $(manifest web)" = 'true false null true false null false false null' ]
	grep -Fx "WARNING: only-sql requested but no DB dump was produced for DB volume 'mydata'. Falling back to file backup." <<<"$output"
}

@test "a database in a volume that is called like a file of a generation" {
	volume_new manifest.json >/dev/null
	container_run odd2-db -v manifest.json:/v
	baudolo-seed csv odd2 x u p
	shims bd-engines <<-'E'
		#!/bin/sh
		awk -F '\t' -v OFS='\t' '$1 == "odd2-db" { print $1, $2, $3, "postgres", "pg_dumpall", "15.1", "/v" }'
	E
	PATH=$PWD/bin:$PATH run -1 --separate-stderr run_it
	docker rm -f odd2-db && volume_rm manifest.json
	grep "^ERROR: database 'x' of container 'odd2-db' was not dumped to volume 'manifest.json': " <<<"$stderr"
	grep "^ERROR: volume 'manifest.json' is not in this generation: " <<<"$stderr"
	[ "$(manifest manifest.json) $(failed)" = 'true false postgres ["manifest.json"]' ]
	stamped "$(newest)"
}

@test "a container that cannot be asked is a failure where there are rows for it" {
	docker pause wiki-db odd-database
	run -1 --separate-stderr run_it --metrics "$PWD/m.prom"
	grep "^ERROR: container 'wiki-db' has rows in csv, and could not be asked" <<<"$stderr"
	[ "$(grep -c '^ERROR: .*odd-database' <<<"$stderr")" = 0 ]
	grep -Fx "ERROR: database 'wiki' of container 'wiki-db' was not dumped to volume 'mydata': its container could not be asked for its databases." <<<"$stderr"
	[ "$(dumped)" = 'pgdata/sql/shop.backup.sql pgdata/sql/shop.cluster.backup.sql' ]
	[ "$(manifest mydata) $(manifest oddone)" = 'true false null false false null' ]
	[ "$(jq -c '.volumes.mydata | [.result, .last_success, .dumps["wiki.backup.sql"].result]' "$S/status.json")" = '["ok",null,"failed"]' ]
	grep -Fx 'baudolo_dump_ok{volume="mydata",dump="wiki.backup.sql"} 0' m.prom
	run ! grep 'last_success.*mydata' m.prom
	run -1 --separate-stderr run_it --only-sql
	grep -Fx "WARNING: only-sql requested but no DB dump was produced for DB volume 'mydata'. Falling back to file backup." <<<"$output"
	copied mydata
	run -1 --separate-stderr run_it -n
	grep "^ERROR: container 'wiki-db' has rows" <<<"$stderr"
	run ! grep wiki-db <<<"$(grep 'Would dump' <<<"$output")"
	run -0 --separate-stderr run_it --only-files
	run -0 --separate-stderr run_it --volumes-no-backup-required mydata
	docker unpause wiki-db odd-database
	run ! copied mydata
}

@test "ended by TERM in a dump: nothing is published, nothing goes on" {
	lock
	run_into_lock
	kill -TERM "$RUN"
	rc=0
	wait "$RUN" || rc=$?
	RUN=
	[ "$rc" = 143 ]
	wait_for no_dump_runs
	unlock
	server_is_well
	[ ! -e "$R" ]
	[ "$(find "$S" -name 'execs.*')" = '' ]
	[ "$(find "$B/.baudolo" -name '*.sql*')" = '' ]
}

@test "killed in a dump: the next run ends what was left in the container" {
	lock
	run_into_lock
	kill -STOP "$RUN" # it would end what bd-dump left
	mapfile -t dumps < <(grep -lsF "$S/execs" /proc/[0-9]*/cmdline | cut -d / -f 3)
	[ "${#dumps[@]}" -gt 1 ]
	kill -KILL "${dumps[@]}" "$RUN" || : # the first may take the others with it
	wait "$RUN" || :
	RUN=
	[ -n "$(find "$S" -name 'execs.*')" ]
	[ "$(docker top shop-postgres -eo pid,args | grep -c pg_dump)" -gt 0 ]
	run -0 --separate-stderr baudolo --backups-dir "$B" --state-dir "$S" --recover
	[ "$(find "$S" -name 'execs.*')" = '' ]
	wait_for no_dump_runs
	unlock
	server_is_well
	run -0 run_it
	[[ $output == *' 3 dumps, '* ]]
}
