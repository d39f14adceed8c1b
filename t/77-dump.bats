#!/usr/bin/env bats
# bd-dump: real servers; containers whose tools are scripts where a real tool would not fail on demand

load engine
load fake
load database

DUMPS=15 SIZE=128
[ -z "${BAUDOLO_TEST_LONG-}" ] || DUMPS=200 SIZE=2048

setup_file() {
	local pid
	engine_start
	image_postgres
	image_mariadb
	volume_new 77pg && volume_new 77my
	server_run p77-postgres bd-test/postgres:15 -v 77pg:/var/lib/postgresql/data -e POSTGRES_PASSWORD='secret-of-77' \
		-e POSTGRES_INITDB_ARGS=--auth-host=scram-sha-256 3>&- &
	pid=$!
	server_run m77-mariadb bd-test/mariadb:10.11 -v 77my:/var/lib/mysql -e MARIADB_ROOT_PASSWORD='secret-of-77'
	wait "$pid"
	pg p77-postgres <<-'S'
		CREATE DATABASE app;
		\c app
		CREATE TABLE t (n integer PRIMARY KEY, s text);
		INSERT INTO t SELECT n, md5(n::text) FROM generate_series(1, 100) n;
		INSERT INTO t VALUES (0, E'tab\tnewline\nback\\slash \u00e4 -- PostgreSQL database dump complete');
		CREATE ROLE few LOGIN PASSWORD 'secret-of-77';
	S
	maria m77-mariadb <<-'S'
		CREATE DATABASE app;
		USE app;
		CREATE TABLE t (n int PRIMARY KEY, s blob);
		INSERT INTO t VALUES (0, x'00ff0a0d5c27'), (1, '-- Dump completed');
	S
}
teardown_file() { engine_clean; }

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkdir -m 700 p
	printf 'instance;database;username;password\np77;app;postgres;secret-of-77\np77;*;postgres;secret-of-77\nm77;app;root;secret-of-77\n' >csv
	chmod 600 csv
}

teardown() {
	: >stop
	[ -z "${LOCK_PID-}" ] || kill "$LOCK_PID" || :
	fake_stop
	docker ps -a --filter "label=bd-test=$(bd_file)" --format '{{.Names}}' | grep -vxE '[pm]77-(postgres|mariadb)' |
		xargs -r docker rm -f >/dev/null
	loop_clean
}

# STATUS PID: our child ends, and so
ends() {
	local status=0
	wait "$2" || status=$?
	[ "$status" = "$1" ] || { echo "$status, not $1"; return 1; }
}

children() { cat "/proc/$1/task/$1/children" 2>/dev/null; }

id_of() { docker inspect -f '{{.Id}}' "$1"; }

# What bd-match makes of the file csv and our servers, those of one letter and 77.
match() {
	bd-databases csv >rows || return
	bd-mounts | awk -F '\t' '$2 ~ /^.77-/' >mounts
	bd-instances mounts | bd-engines >engines || return
	bd-match rows mounts engines
}

# CONTAINER VOLUME DATABASE LINE [USER]: a record as of bd-match
record() {
	local engine=postgres tool=pg_dumpall
	[[ $1 != m* ]] || engine=mariadb tool=mariadb-dump
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\tyes\n' "$2" "$1" "$(id_of "$1")" "${1%%-*}" "$engine" "$tool" "$4" "$3" "${5:-postgres}"
}

# NAME: a container in whose /bin lie the scripts of the folder NAME, which is /w there
scripted() {
	local tool args=()
	for tool in "$1"/*; do
		chmod 755 "$tool"
		args+=(-v "$PWD/$tool:/bin/${tool##*/}:ro")
	done
	container_run "$1" -v "$PWD/$1:/w" "${args[@]}"
}

pg_dump_runs() { docker top "$1" -eo pid,args | grep -E '^ *[0-9]+ +[^ ]*pg_dump ' >/dev/null; }

# What is below p, without the folders.
files() { find p -mindepth 1 ! -type d -printf '%P\n' | sort; }

# Neither dump nor temporary, nor a folder for them.
nothing() { [ -z "$(find p -mindepth 1)" ] || { find p; false; }; }

column() { cut -f "$1" <<<"$output"; }

# A dump without what is new in each.
steady() { sed -E '/^\\(un)?restrict /d; s/^-- Dump completed on .*/-- Dump completed/' "$1"; }

@test "a database, a cluster, a database of MariaDB: what the tools write, under their names" {
	match >records
	run -0 --separate-stderr bd-dump -c csv -J journal p <records
	[ -z "$stderr" ]
	[ "$(column 1-7,10-)" = "$(printf '%s\t%s\t%s\t%s\t%s\tyes\tok\t%s\t-\n' \
		77my m77-mariadb m77 app mariadb 77my/sql/app.backup.sql \
		77pg p77-postgres p77 app postgres 77pg/sql/app.backup.sql \
		77pg p77-postgres p77 '*' postgres 77pg/sql/p77.cluster.backup.sql)" ]
	[ "$(column 8)" = "$(stat -c %s p/77my/sql/app.backup.sql p/77pg/sql/app.backup.sql p/77pg/sql/p77.cluster.backup.sql)" ]
	[ "$(find p -mindepth 2 -printf '%m %U %P\n' | sort)" = "$(printf '%s\n' '600 0 77my/sql/app.backup.sql' '600 0 77pg/sql/app.backup.sql' \
		'600 0 77pg/sql/p77.cluster.backup.sql' '700 0 77my/sql' '700 0 77pg/sql')" ]
	docker exec p77-postgres pg_dump -U postgres -d app --no-owner --no-privileges >their.pg
	docker exec p77-postgres pg_dumpall -U postgres >their.cluster
	docker exec m77-mariadb mariadb-dump -psecret-of-77 --single-transaction --quick --routines --events --triggers --hex-blob app >their.my
	diff <(steady their.pg) <(steady p/77pg/sql/app.backup.sql)
	# the salts of passwords are those of the server
	diff <(steady their.cluster) <(steady p/77pg/sql/p77.cluster.backup.sql)
	diff <(steady their.my | grep -v '^-- Host: ') <(steady p/77my/sql/app.backup.sql | grep -v '^-- Host: ')
	[ "$(grep -cE $'^[0-9a-f]{64}\t[0-9a-f]{64}$' journal)" = 4 ] # one to ask MariaDB
	run -0 bd-end journal
}

@test "a database without a row is told, and nothing is done for it" {
	record p77-postgres 77pg app 2 | awk -F '\t' -v OFS='\t' '{ $7 = $8 = $9 = "-"; $10 = "no" } 1' >records
	DOCKER_HOST=unix://$PWD/none run -0 --separate-stderr bd-dump -c csv p <records
	[ -z "$stderr" ]
	[ "$output" = $'77pg\tp77-postgres\tp77\t-\tpostgres\tno\tnone\t-\t-\t-\t-' ]
	nothing
}

@test "a container that could not be asked: the dump has failed, and nobody is asked again" {
	record p77-postgres 77pg app 2 | awk -F '\t' -v OFS='\t' '{ $5 = $6 = "-"; $10 = "no" } 1' >records
	DOCKER_HOST=unix://$PWD/none run -1 --separate-stderr bd-dump -c csv p <records
	[ "$stderr" = 'bd-dump: p77-postgres: app is not dumped below 77pg: its container could not be asked for its databases' ]
	[ "$output" = $'77pg\tp77-postgres\tp77\tapp\t-\tno\tfailed\t0\t0.000\t-\tits container could not be asked for its databases' ]
	nothing
	awk -F '\t' -v OFS='\t' '{ $7 = $8 = $9 = "-" } 1' records >input
	run -2 bd-dump -c csv p <input
	[ "$output" = 'bd-dump: stdin:1: neither an engine nor a row' ]
}

# NAME REASON: failed for that, a pattern, and left nothing; the rest is done
failed() {
	local line
	line=$(grep $'\t'"$1"$'\t.*\tfailed\t' <<<"$output") || return
	[[ $(cut -f 8,10 <<<"$line") == $'0\t-' && $(cut -f 11 <<<"$line") == $2 ]] || { printf '%s\nnot %s\n' "$line" "$2"; return 1; }
	[[ $stderr == *"bd-dump: $1: "*" is not dumped below "*": "$2* ]]
}

@test "wrong password, database gone, no privilege: each named, the others done" {
	cat >csv <<-'E'
		instance;database;username;password
		p77;app;postgres;secret-of-77
		p77;gone;postgres;secret-of-77
		p77;postgres;few;wrong-password-of-77
		p77;template1;nobody;secret-of-77
		m77;app;root;secret-of-77
		m77;gone;root;secret-of-77
		m77;mysql;root;wrong-password-of-77
	E
	{ record p77-postgres v1 app 2 && record p77-postgres v2 gone 3 && record p77-postgres v3 postgres 4 few &&
		record p77-postgres v4 template1 5 nobody && record m77-mariadb w1 app 6 root && record m77-mariadb w2 gone 7 root &&
		record m77-mariadb w3 mysql 8 root && record p77-postgres v5 app 2 few; } >records
	run -1 --separate-stderr bd-dump -c csv -j 3 p <records
	[ "$(column 1,7)" = "$(printf '%s\t%s\n' v1 ok v2 failed v3 failed v4 failed w1 ok w2 failed w3 failed v5 failed)" ]
	[ "$(files)" = $'v1/sql/app.backup.sql\nw1/sql/app.backup.sql' ]
	[ "$(ls -A p)" = $'v1\nw1' ]
	[[ $(sed -n 2p <<<"$output") == *'pg_dump ended with status 1: '*'database "gone" does not exist' ]]
	[[ $(sed -n 3p <<<"$output") == *'pg_dump ended with status 1: '*'password authentication failed for user "few"' ]]
	[[ $(sed -n 4p <<<"$output") == *'password authentication failed for user "nobody"' ]]
	[[ $(sed -n 6p <<<"$output") == *"mariadb ended with status 1: ERROR 1049"*"Unknown database 'gone'" ]]
	[[ $(sed -n 7p <<<"$output") == *"Access denied for user 'root'@'127.0.0.1'"* ]]
	[[ $(sed -n 8p <<<"$output") == *$'\tline 2 of csv is another one by now' ]]
	grep -x 'bd-dump: p77-postgres: pg_dump: error: .*database "gone" does not exist' <<<"$stderr"
	grep "^bd-dump: p77-postgres: gone is not dumped below v2: pg_dump ended with status 1: " <<<"$stderr"
	run ! grep -e secret-of-77 -e wrong-password-of-77 <<<"$output$stderr"
	cat >csv <<<$'instance;database;username;password\np77;app;few;secret-of-77'
	rm -rf p/*
	record p77-postgres v app 2 few >records
	run -1 --separate-stderr bd-dump -c csv p <records
	failed p77-postgres '*permission denied for table t*'
	nothing
}

@test "'*' of MariaDB, two dumps of one name, a name that a generation needs, a file of rows that is gone" {
	printf 'm77;*;root;x\n' >>csv
	{ record m77-mariadb v '*' 5 root && record p77-postgres w app 2 && record p77-postgres w app 2 && record p77-postgres manifest.json app 2; } >records
	run -1 --separate-stderr bd-dump -c csv p <records
	[ "$(column 1,7,11)" = "$(printf '%s\t%s\t%s\n' v failed "'*' is for PostgreSQL only: name the databases of m77" w ok - \
		w failed 'it would overwrite the dump of container p77-postgres' manifest.json failed 'a generation has a file of that name')" ]
	[ "$(files)" = w/sql/app.backup.sql ]
	run -1 bd-dump -c nowhere p <<<"$(record p77-postgres u app 2)"
	[[ $output == *'nowhere: No such file or directory'* ]]
	[ ! -e p/u ]
}

# COUNT: so many dumps have come to more than a MiB; bd-dump's children stand still then
half_way() {
	[ "$(find p -name '.*.tmp' -size +1M | wc -l)" = "$1" ] || return
	for_children -STOP
}

for_children() {
	local child
	for child in $(children "$PID"); do kill "$1" "$child"; done
}

# NAME: a table that is not dumped in an instant
big() { pg "$1" <<<'CREATE TABLE big AS SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 200000) n'; }

@test "a server that is stopped, and containers that are killed or removed, in the middle of a dump" {
	local pid PID how servers
	server_run k77-postgres bd-test/postgres:15 -e POSTGRES_PASSWORD=secret-of-77 3>&- &
	pid=$!
	server_run m77k-mariadb bd-test/mariadb:10.11 -e MARIADB_ROOT_PASSWORD=secret-of-77 -e MARIADB_DATABASE=big
	wait "$pid"
	big k77-postgres
	maria m77k-mariadb <<<'CREATE TABLE big AS SELECT seq, repeat(md5(seq), 30) FROM seq_1_to_200000'
	cat >csv <<<$'instance;database;username;password\nk77;postgres;postgres;secret-of-77\nm77k;big;root;secret-of-77\np77;app;postgres;secret-of-77'
	{ record k77-postgres v postgres 2 && record m77k-mariadb w big 3 root && record p77-postgres u app 4; } >records
	for how in stop kill 'rm -f'; do
		mapfile -t servers < <(docker inspect -f '{{.State.Pid}}' k77-postgres m77k-mariadb)
		bd-dump -c csv -j 2 p <records >results 2>said 3>&- &
		PID=$!
		wait_for half_way 2
		# shellcheck disable=SC2086 # a command and its option
		docker $how k77-postgres m77k-mariadb 3>&- &
		pid=$!
		for server in "${servers[@]}"; do wait_for [ ! -e "/proc/$server/exe" ]; done
		for_children -CONT
		wait "$pid"
		ends 1 "$PID"
		cat results said
		output=$(cat results) stderr=$(cat said)
		failed k77-postgres '*'
		failed m77k-mariadb '*'
		if [ "$how" != stop ]; then
			[ "$(cut -f 11 results | grep -cE '^(the container (has vanished|does not run any more)|.* was ended by signal 9 .*)')" = 2 ]
		fi
		[ "$(files)" = u/sql/app.backup.sql ]
		[ "$(ls -A p)" = u ]
		rm -rf p/u
		[ "$how" = 'rm -f' ] || { docker start k77-postgres m77k-mariadb && server_wait k77-postgres && server_wait m77k-mariadb; }
	done
}

@test "a server that is stopped while its container goes on" {
	local PID
	# the server is not process 1, so its end is not the container's
	docker run -d --name k77-postgres --label "bd-test=$(bd_file)" --network none -e POSTGRES_PASSWORD=secret-of-77 \
		--entrypoint sh bd-test/postgres:15 -c 'docker-entrypoint.sh postgres & while :; do sleep 1000 & wait $!; done'
	server_wait k77-postgres
	big k77-postgres
	cat >csv <<<$'instance;database;username;password\nk77;postgres;postgres;secret-of-77'
	record k77-postgres v postgres 2 >records
	bd-dump -c csv p <records >results 2>said 3>&- &
	PID=$!
	wait_for half_way 1
	docker exec k77-postgres sh -c 'kill -QUIT $(head -n 1 $PGDATA/postmaster.pid)'
	for_children -CONT
	ends 1 "$PID"
	output=$(cat results) stderr=$(cat said)
	container_running k77-postgres
	failed k77-postgres 'pg_dump ended with status 1: *'
	nothing
}

@test "no room for the dump" {
	local fs
	fs=$(loop_fs ext4 16M)
	server_run k77-postgres bd-test/postgres:15 -e POSTGRES_PASSWORD=secret-of-77
	big k77-postgres
	rmdir p && mkdir -m 700 "$fs/p" && ln -s "$fs/p" p
	cat >csv <<<$'instance;database;username;password\nk77;postgres;postgres;secret-of-77\np77;app;postgres;secret-of-77'
	{ record k77-postgres v postgres 2 && record p77-postgres w app 3; } >records
	run -1 --separate-stderr bd-dump -c csv -j 1 p/ <records
	failed k77-postgres 'the dump cannot be written: No space left on device'
	[ "$(sed -n 2p <<<"$output" | cut -f 7)" = ok ]
	[ "$(find "$fs/p" -mindepth 1 -printf '%P\n' | sort)" = $'w\nw/sql\nw/sql/app.backup.sql' ]
	# nothing of it goes on
	run ! pg_dump_runs k77-postgres
}

@test "a tool that is not there" {
	mkdir t77 m77x
	printf '#!/bin/sh\n' >t77/pg_dumpall
	printf '#!/bin/sh\n' >m77x/mariadb-admin
	scripted t77 && scripted m77x
	cat >csv <<<$'instance;database;username;password\nt77;app;u;x\nm77x;app;u;x\np77;app;postgres;secret-of-77'
	{ record t77 v app 2 u && record m77x w app 3 u && record p77-postgres u app 4; } >records
	run -1 --separate-stderr bd-dump -c csv p <records
	failed t77 'pg_dump is not in the container, or cannot be run there'
	failed m77x 'mariadb-dump is not in the container, or cannot be run there'
	[[ $stderr == *"bd-dump: m77x: WARNING: there is no mariadb to ask what 'u' may read of app"* ]]
	[ "$(files)" = u/sql/app.backup.sql ]
}

@test "containers that are paused, stopped, gone" {
	mkdir t77 m77x
	printf '#!/bin/sh\n' | tee t77/pg_dump >m77x/mysqldump
	scripted t77 && scripted m77x
	cat >csv <<<$'instance;database;username;password\nt77;app;u;x\nm77x;app;u;x\np77;app;postgres;secret-of-77'
	{ record t77 v app 2 u && record m77x w app 3 u && record t77 x app 2 u && record p77-postgres u app 4; } >records
	sed -i "3s/$(id_of t77)/$(id_of t77 | rev)/" records
	docker pause t77
	docker kill m77x
	run -1 --separate-stderr bd-dump -c csv p <records
	docker unpause t77
	[ "$(column 7,11)" = "$(printf '%s\t%s\n' failed 'the container is paused' failed 'the container does not run any more' \
		failed 'the container has vanished' ok -)" ]
	[ "$(files)" = u/sql/app.backup.sql ]
}

@test "status 0 is not enough: the end marker has to be the end" {
	local n=0 verdict text end=$'--\n-- PostgreSQL database dump complete\n--\n'
	mkdir t77
	cat >t77/pg_dump <<-'E'
		#!/bin/sh
		cat /w/out
		printf 'last \033[1mwords' >&2
		exit "$(cat /w/status)"
	E
	echo 0 >t77/status
	: >t77/out
	scripted t77
	cat >csv <<<$'instance;database;username;password\nt77;app;u;x'
	record t77 v app 2 u >records
	while IFS= read -r -d '' verdict && IFS= read -r -d '' text; do
		printf %s "$text" >t77/out
		run --separate-stderr bd-dump -c csv p <records
		[ "$(column 7)" = "$verdict" ] || { printf '%s, not %s: <%s>\n' "$(column 7)" "$verdict" "$text"; false; }
		[ "$(sed -n 1p <<<"$stderr")" = 'bd-dump: t77: last ?[1mwords' ]
		if [ "$verdict" = ok ]; then
			[ "$status" = 0 ]
			cmp t77/out p/v/sql/app.backup.sql
			rm -r p/v
		else
			[ "$status" = 1 ]
			nothing
			failed t77 'pg_dump ended with status 0, but the end marker of a complete dump is missing'
		fi
		n=$((n + 1))
	done < <(
		printf '%s\0' ok "SELECT 1;"$'\n'"$end" ok "x"$'\n'"$end"$'\n\n\\unrestrict abcABC012\n\n' ok $'x\n--\n-- PostgreSQL database dump complete\n--' \
			failed '' failed 'SELECT 1;' failed "x${end}" failed "x"$'\n'"${end}SELECT 1;" failed "x"$'\n'"${end%---*}--" \
			failed $'x\n-- PostgreSQL database dump complete\n' failed $'x\n--\n-- PostgreSQL database dump complet\n--\n' \
			failed $'x\n--\n-- PostgreSQL database cluster dump complete\n--\n' failed $'x\n-- Dump completed\n' \
			failed $'x\n--\n-- PostgreSQL database dump complete\r\n--\n' failed $'x\n--\n-- PostgreSQL database dump complete.\n--\n' \
			failed "x"$'\n'"$end"$'\\unrestrict x\nSELECT 1;\n' ok "$(head -c 100000 /dev/zero | tr '\0' x)"$'\n'"$end" \
			failed "x"$'\n'"$end$(head -c 600 /dev/zero | tr '\0' x)"
	)
	[ "$n" = 17 ]
	echo 1 >t77/status
	printf 'x\n%s' "$end" >t77/out
	run -1 --separate-stderr bd-dump -c csv p <records
	failed t77 'pg_dump ended with status 1: last ?\[1mwords'
	nothing
	echo 137 >t77/status
	run -1 --separate-stderr bd-dump -c csv p <records
	failed t77 'pg_dump was ended by signal 9 (Killed): last*'
	nothing
}

@test "MySQL's mysqldump gets what it knows, and only that" {
	mkdir m77s
	cat >m77s/mysqldump <<-'E'
		#!/bin/sh
		case $1 in
		--help) cat /w/help ;;
		*)
			printf '%s\n' "$@" >/w/args
			echo "$MYSQL_PWD" >/w/password
			echo '-- Dump completed on 2026-01-01  1:02:03'
			;;
		esac
	E
	printf '#!/bin/sh\nprintf "%%s\\n" "$*" >/w/asked\n' >m77s/mysql
	printf '  -y, --no-tablespaces \n  --column-statistics Add\n  --set-gtid-purged[=name] \n' >m77s/help
	scripted m77s
	cat >csv <<<$'instance;database;username;password\nm77s;app;-u ser;a b$c'
	record m77s v app 2 '-u ser' | sed 's/mariadb-dump/mysqldump/' >records
	run -0 bd-dump -c csv p <records
	[ "$(cat m77s/password)" = 'a b$c' ]
	[ "$(cat m77s/args)" = "$(printf '%s\n' -h 127.0.0.1 --protocol=tcp -u '-u ser' --single-transaction --quick --triggers --hex-blob --comments \
		--default-character-set=utf8mb4 --routines --events --no-tablespaces --column-statistics=0 --set-gtid-purged=OFF app)" ]
	[[ $(cat m77s/asked) == '-h 127.0.0.1 --protocol=tcp -u -u ser '*'SHOW EVENTS app' ]]
	: >m77s/help
	run -0 bd-dump -v -c csv p <records
	[ "$(tail -n 2 m77s/args)" = $'--events\napp' ]
	[[ $output == *"bd-dump: m77s: + mysqldump -h 127.0.0.1 --protocol=tcp -u '-u ser' --single-transaction "* ]]
}

@test "what an account of MariaDB may not read is left out, with a WARNING" {
	maria m77-mariadb <<-'S'
		CREATE DATABASE priv;
		USE priv;
		CREATE TABLE t (n int);
		CREATE PROCEDURE foreign_p() SELECT 1;
		CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.n = 1;
		CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO DELETE FROM t;
		CREATE TABLE old (n int) ENGINE=MyISAM;
		CREATE USER owner@'%' IDENTIFIED BY 'x', few@'%' IDENTIFIED BY 'x', reader@'%' IDENTIFIED BY 'x';
		GRANT ALL ON priv.* TO owner@'%';
		GRANT SELECT, SHOW VIEW ON priv.* TO few@'%';
		GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO reader@'%';
	S
	cat >csv <<<$'instance;database;username;password\nm77;priv;owner;x'
	record m77-mariadb v priv 2 owner >records
	run -0 --separate-stderr bd-dump -c csv p <records
	[ "$stderr" = "bd-dump: m77-mariadb: WARNING: the dump of priv has no routines: 'owner' may not read procedure foreign_p
bd-dump: m77-mariadb: WARNING: the dump of priv is not of one instant if these tables are written to meanwhile: old (MyISAM)" ]
	run -0 grep -oE 'TRIGGER tr|EVENT `ev` ON|PROCEDURE `foreign_p`' p/v/sql/priv.backup.sql
	[ "$output" = $'TRIGGER tr\nEVENT `ev` ON' ]
	sed -i s/owner/few/ csv records
	run -0 --separate-stderr bd-dump -c csv p <records
	[ "$(sed -n 1p <<<"$stderr")" = "bd-dump: m77-mariadb: WARNING: the dump of priv has no events, triggers, routines, should there be any: 'few' lacks EVENT, TRIGGER, EXECUTE" ]
	run ! grep -oE 'TRIGGER tr|EVENT `ev` ON|PROCEDURE `foreign_p`' p/v/sql/priv.backup.sql
	sed -i s/few/reader/ csv records
	run -0 --separate-stderr bd-dump -c csv p <records
	run ! grep 'has no' <<<"$stderr"
	run -0 grep -oE 'TRIGGER tr|EVENT `ev` ON|PROCEDURE `foreign_p`' p/v/sql/priv.backup.sql
	[ "$output" = $'TRIGGER tr\nEVENT `ev` ON\nPROCEDURE `foreign_p`' ]
}

# FILE: every command line that holds one of the needles, till there is a file `stop`
scan() {
	while [ -e needles ] && [ ! -e stop ]; do
		grep -saFf needles /proc/[0-9]*/cmdline | tr '\0' ' ' >>hits || :
		echo >>rounds
	done
}

@test "passwords of any kind over TCP, and not one byte of them anywhere" {
	local n=0 pw pid scanner
	cat >passwords <<-'E'
		Zq7$HOME$(id)`id`${PATH}
		Zq7;semi;colon
		"Zq7"double"
		'Zq7'single'
		Zq7\back\\slash\n
		Zq7 two  blanks
		-Zq7 leading
		--password=Zq7
		Zq7pässwörd✓𝄞
		Zq7%s*?[a]!#~&|<>=,:
	E
	echo Zq7 >needles
	: >pg.sql >my.sql
	echo "CREATE USER ''@'localhost';" >>my.sql
	echo 'instance;database;username;password' >csv
	while IFS= read -r pw; do
		n=$((n + 1))
		printf '%s;w%s;u%s;"%s"\n' p77 "$n" "$n" "${pw//\"/\"\"}" m77 "$n" "$n" "${pw//\"/\"\"}" >>csv
		printf "CREATE ROLE u$n LOGIN PASSWORD '%s';\nCREATE DATABASE w$n OWNER u$n;\n" "${pw//\'/\'\'}" >>pg.sql
		pw=${pw//\\/\\\\}
		printf "CREATE USER u$n@'%%' IDENTIFIED BY '%s';\nCREATE DATABASE w$n;\nGRANT ALL ON w$n.* TO u$n@'%%';\n" "${pw//\'/\'\'}" >>my.sql
	done <passwords
	pg p77-postgres <pg.sql
	maria m77-mariadb --default-character-set=utf8mb4 <my.sql
	# over the socket it is the anonymous account
	run ! docker exec m77-mariadb sh -c 'MYSQL_PWD=-Zq7\ leading mariadb -u u7 -e "SELECT 1"'
	match | tac >records # PostgreSQL's first, which are to wait
	bd-dump -c csv -j 2 p <records >/dev/null # all is there, before the scan
	rm -r p/*
	: >hits
	scan 3>&- &
	scanner=$!
	# the scan sees what there is to be seen
	bash -c 'exec -a Zq7-seen sleep 100' 3>&- &
	pid=$!
	wait_for grep -q Zq7-seen hits
	kill "$pid"
	wait "$pid" || :
	: >rounds
	wait_for eval '[ "$(wc -l <rounds)" -gt 1 ]' # the last that saw it is over
	: >hits
	# pg_dump waits for a moment
	coproc LOCK { docker exec -i p77-postgres psql -XqAt -U postgres; } 3>&-
	printf 'BEGIN; LOCK pg_catalog.pg_am; SELECT 1;\n' >&"${LOCK[1]}"
	read -r -u "${LOCK[0]}" _
	: >rounds
	bd-dump -v -c csv -j 4 -J journal p <records >results 2>said 3>&- &
	pid=$!
	wait_for pg_dump_runs p77-postgres
	wait_for eval '[ "$(wc -l <rounds)" -gt 20 ]'
	printf 'COMMIT;\n\\q\n' >&"${LOCK[1]}"
	wait "$LOCK_PID" || :
	ends 0 "$pid"
	: >stop
	wait "$scanner"
	cat said
	[ "$(cut -f 7 results | sort | uniq -c | tr -s ' ')" = " 20 ok" ]
	[ ! -s hits ] || { cat hits; false; }
	docker logs p77-postgres >log 2>&1
	docker logs m77-mariadb >>log 2>&1
	run ! grep -raF Zq7 results said journal log p
	# our engine's own log is no place to look: it is in debug mode, see baudolo(7)
}

# The same of both: transfers between two tables, what pg_dump reads first and last.
transfers() {
	cat <<-'S'
		CREATE TABLE a_left (n integer);
		CREATE TABLE z_right (n integer);
		INSERT INTO a_left VALUES (1000000);
		INSERT INTO z_right VALUES (0);
	S
}

@test "a dump is one instant: what moves between two tables is never lost nor doubled" {
	local pg my torn=0 moved=0 last=0 n left right
	pg p77-postgres <<<'CREATE DATABASE bank'
	maria m77-mariadb <<<'CREATE DATABASE bank'
	{ echo '\c bank'; transfers; echo 'CREATE TABLE m_middle AS SELECT n, repeat(md5(n::text), 8) FROM generate_series(1, 5000) n;'; } | pg p77-postgres
	{ echo 'USE bank;'; transfers; echo 'CREATE TABLE m_middle AS SELECT seq, repeat(md5(seq), 8) FROM seq_1_to_5000;'; } | maria m77-mariadb
	docker exec p77-postgres sh -c 'yes "BEGIN; UPDATE a_left SET n = n - 1; UPDATE z_right SET n = n + 1; COMMIT;" | psql -Xq -U postgres bank' 3>&- >/dev/null 2>&1 &
	pg=$!
	docker exec m77-mariadb sh -c 'yes "BEGIN; UPDATE a_left SET n = n - 1; UPDATE z_right SET n = n + 1; COMMIT;" |
		mariadb -psecret-of-77 bank' 3>&- >/dev/null 2>&1 &
	my=$!
	cat >csv <<<$'instance;database;username;password\np77;bank;postgres;secret-of-77\nm77;bank;root;secret-of-77'
	{ record p77-postgres v bank 2 && record m77-mariadb w bank 3 root; } >records
	for ((n = 1; n <= DUMPS; n++)); do
		bd-dump -c csv -j 2 p <records >results || { cat results; false; }
		amounts "$(grep -A 1 '^COPY public.a_left ' p/v/sql/bank.backup.sql | tail -n 1)" "$(grep -A 1 '^COPY public.z_right ' p/v/sql/bank.backup.sql | tail -n 1)" pg
		amounts "$(grep -A 1 '^INSERT INTO `a_left` ' p/w/sql/bank.backup.sql | grep -oE '[0-9]+\);$' | tr -d ');')" \
			"$(grep -A 1 '^INSERT INTO `z_right` ' p/w/sql/bank.backup.sql | grep -oE '[0-9]+\);$' | tr -d ');')" my
	done
	kill "$pg" "$my"
	docker restart -t 5 p77-postgres m77-mariadb # the writers end
	wait
	server_wait p77-postgres && server_wait m77-mariadb
	echo "# $((2 * DUMPS)) dumps, $torn torn" >&3
	[ "$torn" = 0 ]
	# there was something to tear
	for n in pg my; do [ "$(sort -u "$n.amounts" | wc -l)" = "$DUMPS" ]; done
}

amounts() {
	[[ $1 =~ ^[0-9]+$ && $2 =~ ^[0-9]+$ ]] || { echo "no amounts: $*"; return 1; }
	[ "$(($1 + $2))" = 1000000 ] || { echo "torn: $*"; torn=$((torn + 1)); }
	echo "$2" >>"$3.amounts"
}

# Locks table t of app, so that pg_dump waits; unlock lets go.
lock() {
	coproc LOCK { docker exec -i p77-postgres psql -XqAt -U postgres app; } 3>&-
	printf 'BEGIN; LOCK t; SELECT 1;\n' >&"${LOCK[1]}"
	read -r -u "${LOCK[0]}" _
}

unlock() {
	local pid=$LOCK_PID
	printf 'COMMIT;\n\\q\n' >&"${LOCK[1]}"
	wait "$pid" || :
}

pg_dump_waits() { pg_dump_runs p77-postgres && [ "$(pg p77-postgres <<<"SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")" = t ]; }

@test "results come in the order of the input, dumps as soon as they can" {
	{ record p77-postgres v app 2 && record m77-mariadb w app 4 root && record p77-postgres x '*' 3; } >records
	lock
	bd-dump -c csv -j 2 p <records >results 3>&- &
	wait_for pg_dump_waits
	wait_for [ -e p/w/sql/app.backup.sql ]
	[ ! -e p/v/sql/app.backup.sql ]
	unlock
	ends 0 "$!"
	[ "$(cut -f 1,7 results)" = $'v\tok\nw\tok\nx\tok' ]
}

# The same of MariaDB's
lock_maria() {
	coproc LOCK { docker exec -i m77-mariadb mariadb -psecret-of-77 -NB --unbuffered app; } 3>&-
	printf 'LOCK TABLES t WRITE; SELECT 1;\n' >&"${LOCK[1]}"
	read -r -u "${LOCK[0]}" _
}

@test "a locked table costs its dump, and no more time than that" {
	{ record p77-postgres v app 2 && record p77-postgres w '*' 3 && record m77-mariadb x app 4 root; } >records
	lock
	run -1 --separate-stderr bd-dump -c csv -J journal -w 2 p <records
	printf '%s\n' "$output" "$stderr"
	[ "$(column 7)" = $'failed\nfailed\nok' ]
	[[ $(sed -n 1p <<<"$output" | cut -f 11) == 'pg_dump waited 2 s for a lock in vain: LOCK TABLE public.t IN '* ]]
	[[ $(sed -n 2p <<<"$output" | cut -f 11) == 'pg_dumpall waited 2 s for a lock in vain: LOCK TABLE public.t IN '* ]]
	[ "$(files)" = x/sql/app.backup.sql ]
	run ! pg_dump_runs p77-postgres
	unlock
	rm -r p/*
	lock_maria
	run -1 --separate-stderr bd-dump -c csv -J journal -w 2 p <records
	printf '%s\n' "$output" "$stderr"
	[ "$(column 7)" = $'ok\nok\nfailed' ]
	failed m77-mariadb 'nothing came from mariadb-dump for 2 s: it seems to wait for a lock, and was ended'
	[ "$(files)" = $'v/sql/app.backup.sql\nw/sql/p77.cluster.backup.sql' ]
	run -0 bd-end journal
	printf 'UNLOCK TABLES;\n\\q\n' >&"${LOCK[1]}"
	wait "$LOCK_PID" || :
	# and the time is that between two things that come
	mkdir m77x
	printf '#!/bin/sh\n' >m77x/mariadb
	cat >m77x/mariadb-dump <<-'E'
		#!/bin/sh
		for i in 1 2 3 4 5 6; do sleep 0.5; echo "-- $i"; done
		echo '-- Dump completed'
	E
	scripted m77x
	printf 'm77x;app;u;x\n' >>csv
	record m77x y app 5 u >records
	run -0 bd-dump -c csv -w 2 p <records
}

@test "no time for locks is wrong usage" {
	for w in 0 x 86401; do run -2 bd-dump -c csv -w "$w" p </dev/null; done
}

@test "HUP, INT, TERM: the dumps in the containers are ended, nothing stays" {
	local sig n
	{ record p77-postgres v app 2 && record p77-postgres w app 2 && record p77-postgres x app 2 && record m77-mariadb y app 4 root; } >records
	lock
	for sig in HUP INT TERM; do
		bd-dump -c csv -j 2 -J journal p <records >results 2>said 3>&- &
		n=$!
		wait_for eval '[ "$(find p -name ".*.tmp" | wc -l)" = 2 ]'
		wait_for pg_dump_waits
		kill -s "$sig" "$n"
		ends "$((128 + $(kill -l "$sig")))" "$n"
		cat said
		grep "^bd-dump: ended by signal $(kill -l "$sig"); no dump goes on" said
		run ! pg_dump_runs p77-postgres
		[ ! -s results ]
		nothing
		run -0 bd-end journal
	done
	unlock
}

@test "SIGKILL: what was left running is ended by the journal" {
	local n
	record p77-postgres v app 2 >records
	lock
	bd-dump -c csv -J journal p <records >results 2>said 3>&- &
	n=$!
	wait_for pg_dump_waits
	kill -KILL "$n"
	ends 137 "$n"
	wait_for flock -n journal true # its children die with it
	pg_dump_runs p77-postgres
	run -0 bd-end journal
	run ! pg_dump_runs p77-postgres
	[ ! -e journal ]
	unlock
	[ "$(files)" = v/sql/.app.backup.sql.tmp ]
	# the next one takes its place
	run -0 bd-dump -c csv p <records
	[ "$(files)" = v/sql/app.backup.sql ]
}

@test "a child that dies costs its dump, and leaves nothing" {
	local n
	{ record p77-postgres v app 2 && record m77-mariadb w app 4 root; } >records
	lock
	bd-dump -c csv -j 2 -J journal p <records >results 2>said 3>&- &
	n=$!
	wait_for [ -e p/w/sql/app.backup.sql ]
	wait_for pg_dump_waits
	PID=$n for_children -KILL
	ends 1 "$n"
	output=$(cat results) stderr=$(cat said)
	failed p77-postgres 'what was at it ended with status 137'
	[ "$(files)" = w/sql/app.backup.sql ]
	bd-end journal
	unlock
}

# bats test_tags=memory
@test "memory does not grow with the dump" {
	local n worst=0 hwm pid
	mkdir t77
	cat >t77/pg_dump <<-E
		#!/bin/sh
		yes 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef | head -c $((SIZE << 20))
		printf '\n--\n-- PostgreSQL database dump complete\n--\n\n'
	E
	scripted t77
	cat >csv <<<$'instance;database;username;password\nt77;app;u;x'
	record t77 v app 2 u >records
	bd-dump -c csv p <records >results 3>&- &
	n=$!
	while kill -0 "$n" 2>/dev/null; do
		for pid in $n $(children "$n"); do
			hwm=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status" 2>/dev/null) || continue
			[ "${hwm:-0}" -le "$worst" ] || worst=$hwm
		done
	done
	ends 0 "$n"
	echo "# $SIZE MiB, at most $worst KiB" >&3
	[ "$(cut -f 8 results)" -gt $((SIZE << 20)) ]
	[ "$worst" -gt 1000 ]
	[ "$worst" -lt 16384 ]
}

# KIND FILE: status of dump_check, and what dump_version says
checked() { ./check "$@" 2>&1; }

@test "a file is judged by its kind, its end and its version line" {
	local end=$'--\n-- PostgreSQL database dump complete\n--\n' all=$'--\n-- PostgreSQL database cluster dump complete\n--\n'
	cat >check.c <<-'E'
		#include <fcntl.h>
		#include <stdlib.h>
		#include "dump.h"
		int main(int argc, char *argv[])
		{
			int fd = argc == 3 ? open(argv[2], O_RDONLY) : -1;
			enum dump_kind kind = (enum dump_kind)atoi(argv[1]);
			struct dump_version v;
			int status = dump_check(fd, argv[2], kind), found = dump_version(fd, argv[2], kind, &v);
			printf("%d %d", status, found);
			if (!found)
				printf(" %s %s %d.%d", dump_product(v.product), v.text, v.series[0], v.series[1]);
			putchar('\n');
		}
	E
	gcc -std=c17 -D_GNU_SOURCE -I"$BD_ROOT/lib" -o check check.c "$BD_ROOT/lib/dump.c"
	printf -- '--\n-- PostgreSQL database dump\n--\n\n\\restrict x\n\n-- Dumped from database version 15.14 (Debian 15.14-0+deb12u1)\n%s\n\\unrestrict x\n\n' "$end" >pg
	run -0 checked 0 pg
	[ "$output" = '0 0 PostgreSQL 15.14 15.0' ]
	run -0 checked 1 pg
	[ "$output" = $'check: pg: not a complete dump: it is a dump of a single PostgreSQL database\n1 0 PostgreSQL 15.14 15.0' ]
	run -0 checked 2 pg
	[ "$output" = $'check: pg: not a complete dump: it is a dump of a single PostgreSQL database\n1 1' ]
	for v in '9.6.24|9.6.24 9.6' '18beta1|18beta1 18.0' '17.6|17.6 17.0'; do
		sed "s/15.14 .*/${v%|*}/" pg >other
		run -0 checked 0 other
		[ "$output" = "0 0 PostgreSQL ${v#*|}" ]
	done
	# of a cluster the version comes after all roles; cut off after its first database it is none
	{ printf -- '--\n-- PostgreSQL database cluster dump\n--\n\n'; seq -f 'CREATE ROLE r%.0f;' 20000; cat pg; printf %s "$all"; } >cluster
	run -0 checked 1 cluster
	[ "$output" = '0 0 PostgreSQL 15.14 15.0' ]
	run -0 checked 0 cluster
	[ "$output" = $'check: cluster: not a complete dump: it is a dump of a PostgreSQL cluster\n1 1' ]
	head -c -60 cluster >other
	run -0 checked 1 other
	[ "$output" = $'check: other: not a complete dump: it is cut off, or was never finished: its end marker is missing\n1 0 PostgreSQL 15.14 15.0' ]
	while IFS='|' read -r first version expected; do
		printf '%s\n-- Server version\t%s\n-- Dump completed on 2026-01-01  1:02:03\n' "$first" "$version" >other
		run -0 checked 2 other
		[ "$output" = "0 0 $expected" ]
	done <<-'E'
		-- MariaDB dump 10.19  Distrib 10.11.14-MariaDB|10.11.14-MariaDB-0+deb12u2|MariaDB 10.11.14 10.11
		-- MySQL dump 10.13|5.5.5-10.3.39-MariaDB-1:10.3.39|MariaDB 10.3.39 10.3
		-- MySQL dump 10.13|8.0.34|MySQL 8.0.34 8.0
	E
	run -0 checked 0 other
	[[ $output == 'check: other: not a complete dump: it is a dump of MySQL'* ]]
	: >other
	run -0 checked 0 other
	[ "$output" = $'check: other: not a complete dump: it is empty\n1 1' ]
	gzip -c pg >other
	run -0 checked 0 other
	[[ $output == 'check: other: not a complete dump: it is compressed with gzip'* ]]
	printf 'PGDMP\1\16' >other
	run -0 checked 0 other
	[[ $output == 'check: other: not a complete dump: it is an archive of pg_dump, not plain SQL'* ]]
	run -0 checked 0 .
	[ "$output" = $'check: .: Is a directory\ncheck: .: Is a directory\n3 3' ]
}

@test "hostile names of volumes; links where folders are expected" {
	mkdir out
	# shellcheck disable=SC2016
	{ record p77-postgres '-v\ta\nb\\"$(id)' app 2 && record p77-postgres ln app 2 && record p77-postgres sl app 2 && record p77-postgres fl app 2; } >records
	ln -s ../out p/ln
	mkdir p/sl && ln -s ../../out p/sl/sql
	: >p/fl
	run -1 --separate-stderr bd-dump -c csv p <records
	[ "$(column 7)" = $'ok\nfailed\nfailed\nfailed' ]
	[[ $(sed -n 2p <<<"$output") == *$'\tits folder: '* ]]
	[ "$(column 10 | head -n 1)" = '-v\ta\nb\\"$(id)/sql/app.backup.sql' ]
	[ -e p/$'-v\ta\nb\\"$(id)/sql/app.backup.sql' ]
	[ -z "$(ls -A out)" ]
	# where the temporary would be
	rm -r p/*
	mkdir -p p/v/sql
	ln -s "$PWD/out/x" p/v/sql/.app.backup.sql.tmp
	run -0 bd-dump -c csv p <<<"$(record p77-postgres v app 2)"
	[ -z "$(ls -A out)" ]
	[ -f p/v/sql/app.backup.sql ]
	for v in . .. a/b; do
		run -2 bd-dump -c csv p <<<"$(record p77-postgres "$v" app 2)"
		[ "$output" = "bd-dump: stdin:1: '$v' is not the name of a volume" ]
	done
}

@test "malformed input: nothing is done" {
	local n=0 input
	record p77-postgres v app 2 >good
	while IFS=$'\t' read -r field text; do
		awk -F '\t' -v OFS='\t' -v f="$field" -v t="$text" '{ $f = t } 1' good | cat good - >input
		run -2 --separate-stderr bd-dump -c csv p <input
		[[ $stderr == 'bd-dump: stdin:2: '* ]] || { echo "$field $text"; false; }
		[ -z "$output" ]
		n=$((n + 1))
	done <<-'E'
		1	-
		2	-
		3	-
		4	a/b
		5	oracle
		6	rm
		6	mysqldump
		7	x
		8	../x
		8	-
		8	a.b
		8	nan
		9	-
		10	-
	E
	[ "$n" = 14 ]
	nothing
	cut -f 1-9 good >input
	run -2 bd-dump -c csv p <input
}

@test "no daemon, no partial generation, a journal that cannot be, a full disk" {
	record p77-postgres v app 2 >records
	DOCKER_HOST=unix://$PWD/none run -3 bd-dump -c csv p <records
	[ "$output" = "bd-dump: $PWD/none: No such file or directory" ]
	nothing
	run -3 bd-dump -c csv none <records
	run -3 bd-dump -c csv -J none/journal p <records
	nothing
	run -3 sh -c 'bd-dump -c csv p <records >/dev/full'
	[ "$output" = 'bd-dump: stdout: No space left on device' ]
	DOCKER_HOST=unix://$PWD/none run -0 bd-dump -c csv p </dev/null
	[ -z "$output" ]
}

@test "wrong usage, and the version" {
	run -2 bd-dump -c csv
	[[ $output == usage:* ]]
	run -2 bd-dump p </dev/null
	run -2 bd-dump -c csv -j 0 p </dev/null
	run -2 bd-dump -c csv -j 65 p </dev/null
	run -2 bd-dump -z -c csv p </dev/null
	run -0 bd-dump -V
	[ "$output" = "bd-dump $(cat "$BD_ROOT/VERSION")" ]
}

@test "the examples of the page" {
	cp csv databases.csv
	run -0 examples bd-dump.1
	[ -e new/77pg/sql/app.backup.sql ]
}
