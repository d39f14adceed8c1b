#!/usr/bin/env bats
# bd-restore-cluster, baudolo-restore cluster: all of a server, or what was there

load engine
load database
load fake

setup_file() {
	engine_start
	image_postgres
	server rc-from 'pw from' 3>&- &
	server rc-to 'pw to'
	wait "$!"
	fill rc-from
	dumpall rc-from 'pw from' >"$BATS_FILE_TMPDIR/all.sql"
}

teardown_file() { engine_clean; }

setup() {
	cd "$BATS_TEST_TMPDIR"
	ln -s "$BATS_FILE_TMPDIR/all.sql" all.sql
}

# NAME PASSWORD [ARG...]
server() {
	server_run "$1" bd-test/postgres:15 -e "POSTGRES_PASSWORD=$2" -e POSTGRES_INITDB_ARGS=--auth-host=scram-sha-256 "${@:3}"
	pg "$1" -c 'ALTER SYSTEM SET fsync = off' -c 'SELECT pg_reload_conf()' >/dev/null
}

# SERVER PASSWORD: its dump
dumpall() { docker exec -e "PGPASSWORD=$2" "$1" pg_dumpall -U postgres -h localhost; }

# The same of two servers, but for keys
plain() { sed '/^\\restrict /d; /^\\unrestrict /d' "$@"; }

# SERVER DATABASE [ARG...]: over the socket, where no password is asked for
sql() { docker exec -i -e "PGDATABASE=$2" -e PGOPTIONS='-c client_min_messages=warning' "$1" psql -XqAt -v ON_ERROR_STOP=1 -U postgres "${@:3}"; }

restore() { BAUDOLO_DB_PASSWORD=$PASSWORD bd-restore-cluster -s "$BATS_TEST_TMPDIR/safety" -u postgres "$@"; }

# Two databases, roles, ownership, grants, what is in postgres and template1.
fill() {
	sql "$1" postgres <<-'S'
		CREATE ROLE alice LOGIN PASSWORD 'al"ice''s' CREATEDB;
		CREATE ROLE "bob o'x; --" NOLOGIN;
		CREATE ROLE "rr""r" LOGIN CONNECTION LIMIT 3 VALID UNTIL '2030-01-01 UTC' IN ROLE "bob o'x; --";
		GRANT "bob o'x; --" TO alice WITH ADMIN OPTION;
		GRANT pg_read_all_stats TO alice;
		CREATE DATABASE one OWNER alice;
		CREATE DATABASE "Two; ""x'" OWNER "bob o'x; --" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
		CREATE DATABASE pattern IS_TEMPLATE true;
		ALTER DATABASE one SET default_transaction_read_only = on;
		ALTER ROLE alice SET work_mem = '5MB';
		ALTER ROLE alice IN DATABASE one SET lock_timeout = '1ms';
		ALTER ROLE postgres SET statement_timeout = '1h';
		GRANT CONNECT, TEMPORARY ON DATABASE postgres TO alice;
		REVOKE CONNECT ON DATABASE one FROM PUBLIC;
		COMMENT ON ROLE alice IS 'CREATE ROLE postgres;';
		GRANT SET ON PARAMETER log_statement TO alice;
		CREATE SCHEMA e;
		CREATE EXTENSION citext SCHEMA e;
		CREATE TABLE e.p (a e.citext);
		INSERT INTO e.p VALUES ('X');
		ALTER TABLE e.p OWNER TO alice;
	S
	PGOPTIONS='' docker exec -i -e PGDATABASE=one -e PGOPTIONS='-c default_transaction_read_only=off' "$1" psql -XqU postgres -v ON_ERROR_STOP=1 <<-'S'
		SET ROLE alice;
		CREATE TABLE t (a text PRIMARY KEY);
		INSERT INTO t VALUES (E'\\.'), ('COMMENT ON EXTENSION x;'), ('CREATE ROLE postgres;'), ('ALTER ROLE postgres WITH PASSWORD ''x'';'),
			(E'\\connect nowhere'), ('-- PostgreSQL database cluster dump complete');
		ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "bob o'x; --";
		GRANT SELECT ON t TO "rr""r" WITH GRANT OPTION;
		RESET ROLE;
		CREATE EXTENSION hstore;
		COMMENT ON EXTENSION hstore IS 'mine';
		SELECT lo_from_bytea(5, '\x00ff') \g /dev/null
		ALTER LARGE OBJECT 5 OWNER TO alice;
	S
	sql "$1" "Two; \"x'" <<-'S'
		CREATE SCHEMA s AUTHORIZATION alice;
		CREATE TABLE s.x AS SELECT generate_series(1, 1000) AS a, chr(252) AS b;
		ALTER TABLE s.x OWNER TO alice;
	S
	sql "$1" template1 -c 'CREATE TABLE in_template (a integer)' -c 'GRANT SELECT ON in_template TO alice'
}

# PASSWORD: puts rc-to back to what a server has at first
fresh() {
	docker rm -fv rc-to >/dev/null
	server rc-to "$1"
}

@test "roles, databases, ownership, grants: into a new server, and over what is there" {
	PASSWORD='pw to' run -0 --separate-stderr restore rc-to all.sql
	v=$(sql rc-to postgres -c "SELECT split_part(current_setting('server_version'), ' ', 1)")
	[ "$output" = "OK: dump is from PostgreSQL $v, $v is serving.
PostgreSQL cluster restore complete from 'all.sql'." ]
	[[ $stderr == *"NOTE: the password of 'postgres' is now the one it had when the dump was made." ]]
	dumpall rc-to 'pw from' | plain | diff <(plain all.sql) -
	# by now postgres has the password of then; what has come since goes
	sql rc-to postgres <<-'S'
		CREATE ROLE later LOGIN; GRANT later TO alice; GRANT CONNECT ON DATABASE postgres TO later;
		CREATE TABLE theirs (a integer); ALTER TABLE theirs OWNER TO later; GRANT SELECT ON e.p TO later;
		ALTER DEFAULT PRIVILEGES FOR ROLE later GRANT SELECT ON TABLES TO alice;
		DROP DATABASE one;
		ALTER DATABASE "Two; ""x'" OWNER TO later;
	S
	sql rc-to template1 -c 'CREATE TABLE more ()' -c 'ALTER TABLE more OWNER TO later'
	PASSWORD='pw from' run -0 --separate-stderr restore -e rc-to all.sql
	[[ $output == *"PostgreSQL cluster restore complete from 'all.sql'." && $stderr != *'the password of'* ]]
	dumpall rc-to 'pw from' | plain | diff <(plain all.sql) -
	[ -z "$(ls safety)" ]
	# alice can log in with what she had
	[ "$(docker exec -e "PGPASSWORD=al\"ice's" rc-to psql -XAtU alice -h localhost one -c 'SELECT count(*) FROM t')" = 6 ]
}

@test "what is refused leaves everything as it was" {
	fresh 'pw to'
	PASSWORD='pw to' restore rc-to all.sql >/dev/null 2>&1
	dumpall rc-to 'pw from' | plain >before
	export PASSWORD='pw from'
	# what is there is in the way
	run -1 --separate-stderr restore rc-to all.sql
	[[ $stderr == *"ERROR: the server in rc-to has these databases of the dump already (--empty drops them): "*"'one'"*"ERROR: the server in rc-to has these roles of the dump already"*"'alice'"* ]]
	# a foreign database
	sql rc-to postgres -c 'CREATE DATABASE "not there" ALLOW_CONNECTIONS false' -c 'CREATE DATABASE other'
	run -1 --separate-stderr restore -e rc-to all.sql
	[[ $stderr == *"ERROR: the server in rc-to holds databases that the dump does not, and emptying would drop them: 'not there', 'other'" ]]
	sql rc-to postgres -c 'DROP DATABASE other' -c 'DROP DATABASE "not there"'
	# one that could not be put back
	sql rc-to postgres -c 'ALTER DATABASE one ALLOW_CONNECTIONS false'
	run -1 --separate-stderr restore -e rc-to all.sql
	[[ $stderr == *"nobody may connect to, so that no safety dump would hold them: 'one'" ]]
	sql rc-to postgres -c 'ALTER DATABASE one ALLOW_CONNECTIONS true'
	# dumps that are none, or not whole
	size=$(stat -Lc %s all.sql)
	for n in 0 1000 $((size / 2)) $((size - 20)) $((size - 46)); do
		head -c "$n" all.sql >cut.sql
		run -1 --separate-stderr restore -e rc-to cut.sql
		[[ $stderr == *'ERROR: cut.sql cannot be restored: the reason is above' ]]
	done
	docker exec rc-to pg_dump -U postgres one >one.sql
	run -1 --separate-stderr restore -e rc-to one.sql
	[[ $stderr == *'a dump of a single PostgreSQL database'* ]]
	sed 's/^\\connect one$/\\connect `touch pwned`/' all.sql >bad.sql
	run -1 --separate-stderr restore -e rc-to bad.sql
	[[ $stderr == *'a command for psql that pg_dump does not write'* ]]
	sed 's/^-- Dumped from database version .*/-- Dumped from database version 99.1/' all.sql >newer.sql
	run -1 --separate-stderr restore -e rc-to newer.sql
	[[ $stderr == *'99.1'*'older engine'* ]]
	# it would lock us out
	sed 's/^ALTER ROLE postgres WITH SUPERUSER/ALTER ROLE postgres WITH NOSUPERUSER/' all.sql >bad.sql
	run -1 --separate-stderr restore -e rc-to bad.sql
	[[ $stderr == *"in the dump 'postgres' is no superuser"* ]]
	# a role without the rights, the wrong password, a missing dump
	PASSWORD="al\"ice's" run -1 --separate-stderr restore -u alice -e rc-to all.sql
	[[ $stderr == *"'alice' is no superuser of the server in rc-to"* ]]
	PASSWORD=wrong run -1 --separate-stderr restore -e rc-to all.sql
	[[ $stderr == *'password authentication failed'*ERROR:* ]]
	run -2 --separate-stderr restore -e rc-to none.sql
	[ "$stderr" = 'ERROR: dump not found: none.sql' ]
	run -2 bd-restore-cluster rc-to all.sql
	run -0 restore -n -e rc-to all.sql
	# a safety dump that cannot be made
	run -1 --separate-stderr restore -s /proc/nowhere -e rc-to all.sql
	[[ $stderr == *'no safety dump could be made; the server in rc-to is as it was' ]]
	dumpall rc-to 'pw from' | plain | diff before -
}

@test "a failure half-way: what was there is put back; after a kill by the command that was printed" {
	fresh 'pw to'
	sql rc-to postgres -c "CREATE ROLE old LOGIN PASSWORD 'o'" -c 'CREATE DATABASE one OWNER old' -c 'CREATE TABLE kept AS SELECT 1 AS a'
	sql rc-to one -c 'CREATE TABLE o AS SELECT generate_series(1, 100) AS a' -c 'ALTER TABLE o OWNER TO old'
	dumpall rc-to 'pw to' | plain >before
	export PASSWORD='pw to'
	sed 's/^CREATE SCHEMA e;/CREATE SCHEMA e; CREATE SCHEMA e;/' all.sql >bad.sql
	run -1 --separate-stderr restore -e rc-to bad.sql
	[[ $stderr == *'schema "e" already exists'*'ERROR: the restore failed; what was on the server in rc-to has been put back' ]]
	dumpall rc-to 'pw to' | plain | diff before -
	# no password came out
	run -1 grep -E 'SCRAM|pw to|pw from' <<<"$stderr"
	rm safety/*
	points='create role'
	[ -z "${BAUDOLO_TEST_LONG-}" ] || points='drop create role table'
	for point in $points; do
		BAUDOLO_DB_PASSWORD=$PASSWORD bd-restore-cluster -s safety -u postgres -e rc-to all.sql >out 2>&1 3>&- &
		pid=$!
		wait_for "at_$point" || wait_for "at_$point" || wait_for "at_$point"
		kill -9 "$pid"
		wait "$pid" || :
		wait_for alone
		command=$(grep '^bd-restore-cluster ' out)
		# the password is the last that changes: all was done before
		now=$PASSWORD
		! dumpall rc-to 'pw from' >done 2>/dev/null || { plain done | diff <(plain all.sql) - && now='pw from'; }
		BAUDOLO_DB_PASSWORD=$now run -0 sh -c "$command"
		dumpall rc-to 'pw to' | plain | diff before -
		rm safety/*
	done
	run -0 restore -S -e rc-to all.sql
	dumpall rc-to 'pw from' | plain | diff <(plain all.sql) -
	[ -z "$(ls safety)" ]
}

at_drop() { [ "$(sql rc-to postgres -c "SELECT count(*) FROM pg_database WHERE datname = 'one'")" = 0 ]; }
at_role() { [ "$(sql rc-to postgres -c "SELECT count(*) FROM pg_roles WHERE rolname = 'alice'")" = 1 ]; }
at_create() { [ "$(sql rc-to postgres -c "SELECT count(*) FROM pg_database WHERE datname = 'pattern'")" = 1 ]; }
at_table() { [ "$(sql rc-to postgres -c "SELECT to_regclass('e.p') IS NOT NULL")" = t ]; }
alone() { [ "$(sql rc-to postgres -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'baudolo-restore'")" = 0 ]; }

# What a server's own dump cannot bring back: a check that reads a table by a name without its schema.
@test "neither the dump nor the safety dump can be replayed whole: only what is at fault is lost, and named" {
	fresh 'pw to'
	export PASSWORD='pw to'
	for db in app zabbix; do
		sql rc-to postgres -c "CREATE DATABASE $db"
		sql rc-to "$db" <<-'S'
			CREATE TABLE names (n text);
			INSERT INTO names VALUES ('x'), ('CREATE DATABASE pwned;'), (chr(39)), ('-- Database "x'), ('y');
		S
	done
	sql rc-to app <<-'S'
		CREATE FUNCTION known(t text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN EXISTS (SELECT FROM names WHERE n = t); END';
		CREATE TABLE users (n text CHECK (known(n)));
		INSERT INTO users VALUES ('y');
		CREATE TABLE later (n text);
		INSERT INTO later VALUES ('CREATE DATABASE pwned;'), ('kept');
	S
	dumpall rc-to 'pw to' >own.sql
	run -1 --separate-stderr restore -e rc-to own.sql
	[[ $stderr == *'NOTE: from now on, what was there can come back only from the safety dump '*'relation "names" does not exist'* ]]
	[[ $stderr == *'rc-to: app: '*'ERROR:  relation "names" does not exist'*"ERROR: the restore failed; what was on the server in rc-to has been put back, but for what is said above, which is in "* ]]
	[[ $stderr == *'rc-to: not put back: the rows of public.users'* && $stderr != *'rows of public.names'* ]]
	left
	[ "$(ls safety | wc -l)" = 1 ]
	# by hand the same
	run -1 --separate-stderr restore -p rc-to safety/*
	[[ $stderr == *'ERROR: the server in rc-to holds what the safety dump holds, but for what is said above' ]]
	left
	# what cannot even be created: its rows are no commands, and the databases behind it stay
	sed 's/^CREATE TABLE public.later/CREATE TABLE public.la ter/' safety/* >worse.sql
	run -1 --separate-stderr restore -p rc-to worse.sql
	[[ $stderr == *'not put back: the rows of public.later, which is not there, or has rows already'* ]]
	[ "$(sql rc-to app -c "SELECT to_regclass('later') IS NULL" -c 'SELECT count(*) FROM names')" = $'t\n5' ]
	sed 's/^CREATE DATABASE app /CREATE DATABASE app NONSENSE /' safety/* >worse.sql
	run -1 --separate-stderr restore -p rc-to worse.sql
	[[ $stderr == *'not put back: what is in database app'*'holds what the safety dump holds, but for what is said above' ]]
	[ "$(sql rc-to zabbix -c 'SELECT count(*) FROM names' -c "SELECT count(*) FROM pg_database WHERE datname IN ('app', 'pwned')")" = $'5\n0' ]
	run -1 --separate-stderr restore -p rc-to safety/*
	left
}

# All of own.sql but the row of users
left() {
	diff <(plain own.sql | sed '/^COPY public.users/{n;d}') <(dumpall rc-to 'pw to' | plain)
	[ "$(sql rc-to app -c 'SELECT count(*) FROM users')" = 0 ]
	[ "$(sql rc-to zabbix -c 'SELECT count(*) FROM names')" = 5 ]
}

@test "subscriptions in the databases that stay, too: refused untouched" {
	fresh 'pw to'
	for db in postgres template1; do
		sql rc-to "$db" -c "CREATE SUBSCRIPTION sub CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)" 2>/dev/null
		dumpall rc-to 'pw to' | plain >before
		PASSWORD='pw to' run -1 --separate-stderr restore -e rc-to all.sql
		[[ $stderr == *"ERROR: the server in rc-to has databases that can be neither dropped nor emptied, for they have subscriptions or replication slots: '$db'" ]]
		dumpall rc-to 'pw to' | plain | diff before -
		sql rc-to "$db" -c 'ALTER SUBSCRIPTION sub SET (slot_name = NONE)' -c 'DROP SUBSCRIPTION sub'
	done
}

@test "baudolo-restore cluster" {
	hash=$(bd-machine-hash)
	g=$PWD/root/$hash/backup-docker-to-local/20260101000000
	mkdir -p "$g/vol/sql"
	cp -L all.sql "$g/vol/sql/rc.cluster.backup.sql"
	fresh 'pw to'
	verb() { baudolo-restore cluster vol - latest --backups-dir root --state-dir "$PWD/state" --container rc-to "$@"; }
	export BAUDOLO_DB_PASSWORD='pw to'
	run -2 verb --instance rc
	run -2 verb --db-user postgres
	run -2 verb --db-user postgres --instance ../x
	run -2 --separate-stderr verb --db-user postgres --instance none
	[[ $stderr == *"ERROR: dump not found: $g/vol/sql/none.cluster.backup.sql" ]]
	run -1 --separate-stderr verb --db-user postgres --instance rc --db-password=wrong
	[[ $stderr == *ERROR:* ]]
	run -0 verb --db-user postgres --instance rc -n
	[[ $output != *complete* ]]
	run -0 --separate-stderr verb --db-user postgres --instance rc
	[[ $output == *"PostgreSQL cluster restore complete from '$g/vol/sql/rc.cluster.backup.sql'." ]]
	run -0 --separate-stderr verb --db-user postgres --instance rc --empty --db-password 'pw from'
	dumpall rc-to 'pw from' | plain | diff <(plain all.sql) -
	[ "$(stat -c %a state/safety)" = 700 ]
}

@test "the examples of the page" {
	printf 'pw from\n' >secret
	docker rename rc-from central-postgres
	run examples bd-restore-cluster.1
	docker rename central-postgres rc-from
	[ "$status" = 0 ]
}
