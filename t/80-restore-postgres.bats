#!/usr/bin/env bats
# bd-restore-postgres, baudolo-restore postgres: a database holds what it held before or what the dump holds, all of it

load engine
load database
load fake

KILLS=2
[ -z "${BAUDOLO_TEST_LONG-}" ] || KILLS=7

# A password that every quoting would spoil.
SECRET='-p $x;"'\'' \ü%s`id`'

setup_file() {
	engine_start
	image_postgres
	server rp-one
}

teardown_file() { engine_clean; loop_clean; }

setup() {
	cd "$BATS_TEST_TMPDIR"
	set_password rp-one "$SECRET"
}

# SERVER PASSWORD
set_password() { printf "ALTER ROLE postgres PASSWORD '%s'" "${2//\'/\'\'}" | sql "$1" postgres; }

# NAME [ARG...]: a server whose superuser is root's
server() {
	server_run "$1" bd-test/postgres:15 -e "POSTGRES_PASSWORD=$SECRET" -e POSTGRES_INITDB_ARGS=--auth-host=scram-sha-256 "${@:2}"
}

# SERVER DATABASE [ARG...]: psql as the superuser
sql() {
	docker exec -i -e "PGPASSWORD=$SECRET" -e "PGDATABASE=$2" -e PGOPTIONS='-c client_min_messages=warning' "$1" \
		psql -XqAt -v ON_ERROR_STOP=1 -U postgres "${@:3}"
}

# SERVER DATABASE [USER]: the dump that baudolo makes
dump() { docker exec -e "PGPASSWORD=${PASSWORD-$SECRET}" -e "PGDATABASE=$2" "$1" pg_dump -U "${3:-postgres}" -h localhost --no-owner --no-privileges; }

# What two dumps of the same have in common.
plain() { sed '/^\\restrict /d; /^\\unrestrict /d' "$@"; }

# SERVER DATABASE [USER]: all of it, and what a dump of it by name leaves out
content() {
	dump "$@" | plain
	sql "$1" "$2" -c "SELECT oid, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY 1"
}

restore() { BAUDOLO_DB_PASSWORD=${PASSWORD-$SECRET} bd-restore-postgres -s "$BATS_TEST_TMPDIR/safety" "$@"; }

# As restore, but in the background: pid is that of the program itself.
started() {
	BAUDOLO_DB_PASSWORD=$SECRET bd-restore-postgres -s "$BATS_TEST_TMPDIR/safety" "$@" >out 2>&1 3>&- &
	pid=$!
}

# SERVER DATABASE [OWNER]: a new one
create() {
	sql "$1" postgres -c "DROP DATABASE IF EXISTS \"${2//\"/\"\"}\" WITH (FORCE)" -c "CREATE DATABASE \"${2//\"/\"\"}\" OWNER ${3:-postgres}"
}

# Every class of object that CONTRACT.md names, and what looks like statements that are left out.
rich() {
	cat <<'S'
CREATE EXTENSION hstore;
CREATE SCHEMA ext;
CREATE EXTENSION citext SCHEMA ext;
CREATE TABLE ext.mine (a ext.citext PRIMARY KEY, h hstore);
INSERT INTO ext.mine VALUES ('Case', 'a=>1, "b c"=>"\"2"');
CREATE FUNCTION ext.f(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE SCHEMA "odd "" sch'ema; --";
CREATE TABLE "odd "" sch'ema; --"."t a;b" (id serial PRIMARY KEY, "c ""x\" text, "Ü" bytea);
INSERT INTO "odd "" sch'ema; --"."t a;b" ("c ""x\", "Ü") SELECT E'\\.\n\\.\t' || n || E'\\', decode(md5(n::text), 'hex') FROM generate_series(1, 200) n;
CREATE TABLE parent (a integer, b text, PRIMARY KEY (a)) PARTITION BY RANGE (a);
CREATE TABLE child1 PARTITION OF parent FOR VALUES FROM (0) TO (100);
CREATE TABLE child2 PARTITION OF parent FOR VALUES FROM (100) TO (200);
INSERT INTO parent SELECT n, 'COMMENT ON EXTENSION ' || n || ';' FROM generate_series(0, 199) n;
INSERT INTO child1 VALUES (-0, NULL) ON CONFLICT DO NOTHING;
CREATE TYPE mood AS ENUM ('a', 'b');
CREATE TYPE comp AS (a integer, b mood);
CREATE DOMAIN dom AS integer CHECK (value > 0);
CREATE TYPE rng AS RANGE (subtype = int4);
CREATE TABLE things (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood, c comp, d dom, arr mood[], r rng, nested text[][],
	twice integer GENERATED ALWAYS AS (d * 2) STORED, at timestamptz DEFAULT '2020-02-02 UTC', j jsonb, x xml, n numeric);
INSERT INTO things (m, c, d, arr, r, nested, j, n) SELECT 'a', ROW(n, 'b')::comp, n, '{a,NULL,b}', rng(n, n + 5),
	ARRAY[[E'\t\n\\', '"'], ['{', NULL]], '{"k": "\u00fc"}', n / 3.0 FROM generate_series(1, 100) n;
CREATE TABLE fk (id integer REFERENCES things, p integer REFERENCES parent (a), UNIQUE (id, p));
INSERT INTO fk VALUES (1, 100), (2, NULL);
CREATE TABLE lines (t text);
INSERT INTO lines VALUES ('COMMENT ON EXTENSION hstore IS ''x'';'), ('ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;'), ('COMMIT;'),
	('BEGIN;'), ('CREATE SCHEMA ext;'), (E'\\.'), (E'\\connect x'), (E'\\unrestrict'), ('-- PostgreSQL database dump complete'), (''), (NULL),
	('SET transaction_timeout = 0;'), (E'SET lock_timeout = 1;\n\\.\nDROP TABLE lines;'), ('$$'), ('/*'), ('--'), ('''');
CREATE FUNCTION looks() RETURNS text LANGUAGE plpgsql AS $f$
BEGIN /*
COMMENT ON EXTENSION hstore IS 'x';
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
COMMIT;
\connect nowhere
SET transaction_timeout = 0;
CREATE SCHEMA ext;
-- PostgreSQL database dump complete
*/
RETURN $a$'$$ $$ /* $a$;
END $f$;
CREATE FUNCTION atomic(a integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC; SELECT CASE WHEN a > 1 THEN 1 ELSE 2 END; SELECT 2; END;
CREATE VIEW v AS SELECT id, m, E'it''s \\ ; $$' AS "a;b" FROM things;
CREATE VIEW w AS SELECT * FROM v;
CREATE MATERIALIZED VIEW mv AS SELECT * FROM w;
CREATE UNIQUE INDEX ON mv (id);
CREATE INDEX ON things (lower(x::text)) WHERE d > 1;
CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION f(text) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION f(IN a integer, OUT b integer, OUT c text, VARIADIC d integer[]) LANGUAGE sql AS $$SELECT 1, 'x;'$$;
CREATE PROCEDURE p(a integer) LANGUAGE plpgsql AS $$BEGIN END$$;
CREATE PROCEDURE p(IN a text, OUT b integer) LANGUAGE plpgsql AS $$BEGIN b := 1; END$$;
CREATE PROCEDURE p(VARIADIC a integer[]) LANGUAGE plpgsql AS $$BEGIN END$$;
CREATE AGGREGATE agg (integer) (sfunc = int4pl, stype = integer);
CREATE AGGREGATE agg0 (*) (sfunc = int8inc, stype = int8, initcond = '0');
CREATE OPERATOR === (leftarg = integer, rightarg = integer, function = int4eq);
CREATE OPERATOR !!! (rightarg = integer, function = int4um);
CREATE COLLATION coll FROM "C";
CREATE TEXT SEARCH CONFIGURATION tsc (COPY = simple);
CREATE TEXT SEARCH DICTIONARY tsd (TEMPLATE = simple);
CREATE CONVERSION conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE STATISTICS stat ON m, d FROM things;
CREATE SEQUENCE seq START 7;
SELECT nextval('seq');
CREATE RULE r AS ON INSERT TO fk DO ALSO (SELECT 1; SELECT 2);
CREATE FUNCTION trf() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'must not fire in a restore'; END$$;
CREATE TRIGGER trg BEFORE INSERT ON lines FOR EACH ROW EXECUTE FUNCTION trf();
CREATE POLICY pol ON things USING (d < 50);
ALTER TABLE things ENABLE ROW LEVEL SECURITY;
COMMENT ON TABLE things IS $$a 'comment'; -- \ $$;
SELECT lo_from_bytea(4711, '\xdeadbeef'), lo_from_bytea(4712, decode(repeat('5c2e0a', 3000), 'hex'));
S
}

# What only a superuser makes.
rarer() {
	cat <<'S'
SET client_min_messages = error;
CREATE OPERATOR CLASS oc FOR TYPE integer USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
CREATE AGGREGATE perc (float8 ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
CREATE OPERATOR FAMILY fam USING btree;
CREATE PUBLICATION pub FOR TABLE things;
CREATE FOREIGN DATA WRAPPER fdw;
CREATE SERVER srv FOREIGN DATA WRAPPER fdw;
CREATE FOREIGN TABLE ft (a integer) SERVER srv;
CREATE USER MAPPING FOR CURRENT_USER SERVER srv;
CREATE FUNCTION etf() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN IF tg_tag LIKE 'DROP%' THEN RAISE 'must not fire'; END IF; END$$;
CREATE CAST (comp AS text) WITH INOUT;
CREATE CAST (varchar AS integer) WITH INOUT AS IMPLICIT;
CREATE ACCESS METHOD am TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE stored (a integer) USING am;
CREATE TEXT SEARCH PARSER parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE template (LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH CONFIGURATION parsed (PARSER = parser);
CREATE TRANSFORM FOR integer LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal));
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
CREATE EVENT TRIGGER et ON ddl_command_start EXECUTE FUNCTION etf();
S
}

@test "every class of object: over what is there, into another database, into another server" {
	create rp-one all
	{ rich; rarer; } | sql rp-one all >/dev/null
	dump rp-one all >d.sql
	content rp-one all >before
	[ "$(grep -c must before)" = 2 ]
	sql rp-one all <<-'S'
		DROP EVENT TRIGGER et;
		CREATE TABLE later (a integer REFERENCES things);
		UPDATE ext.mine SET a = 'changed';
		DELETE FROM lines;
		DROP VIEW v CASCADE;
		CREATE SCHEMA more; CREATE VIEW more.v AS SELECT * FROM things;
		CREATE FUNCTION looks(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
		SELECT lo_unlink(4711), lo_from_bytea(99, 'x') \g /dev/null
	S
	! content rp-one all | diff -q before - || false
	run -0 --separate-stderr restore -e -u postgres rp-one all d.sql
	[ "$output" = "OK: dump is from PostgreSQL $(version rp-one), $(version rp-one) is serving.
PostgreSQL restore complete for db 'all'." ]
	grep -v 'wal_level is insufficient' <<<"$stderr" | run -1 grep .
	content rp-one all | diff before -
	# again, over what is equal; row by row, too
	rows rp-one all >rows
	[ "$(wc -l <rows)" -gt 8 ]
	run -0 restore -e -u postgres rp-one all d.sql
	rows rp-one all | diff rows -
	create rp-one 'an"other =x db'
	run -0 restore -u postgres rp-one 'an"other =x db' d.sql
	content rp-one 'an"other =x db' | diff before -
	rows rp-one 'an"other =x db' | diff rows -
	server rp-two
	create rp-two all
	run -0 restore -e -u postgres rp-two all d.sql
	content rp-two all | diff before -
	docker rm -f rp-two >/dev/null
}

version() { sql "$1" postgres -c "SELECT split_part(current_setting('server_version'), ' ', 1)"; }

# SERVER DATABASE: each table and what its rows are
rows() {
	sql "$1" "$2" -c "SELECT c.oid::regclass, (xpath('/table/row/s/text()', query_to_xml(format('SELECT count(*) || md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '''')) AS s FROM %s t', c.oid::regclass), true, false, '')))[1]
		FROM pg_class c WHERE relkind IN ('r', 'p', 'm') AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)' ORDER BY c.oid::regclass::text"
}

@test "an owner that is no superuser: large objects, a schema that holds an extension" {
	sql rp-one postgres -c "CREATE ROLE owner LOGIN PASSWORD 'pw'"
	create rp-one app owner
	sql rp-one app -c 'GRANT CREATE ON SCHEMA public TO owner'
	rich | docker exec -i -e PGPASSWORD=pw rp-one psql -Xqo /dev/null -v ON_ERROR_STOP=1 -h localhost -U owner app
	PASSWORD=pw dump rp-one app owner >d.sql
	content rp-one app >before
	sql rp-one app -c 'SELECT lo_unlink(4711)' -c 'CREATE TABLE others (a integer)' -c 'INSERT INTO others VALUES (1)' -c 'SELECT lo_from_bytea(12, '"'x'"')' >/dev/null
	docker exec -e PGPASSWORD=pw rp-one psql -Xqo /dev/null -h localhost -U owner app -c 'DROP TABLE fk' -c 'CREATE TABLE ext.later ()' -c 'CREATE DOMAIN ext.dom AS integer'
	PASSWORD=pw run -0 --separate-stderr restore -e -u owner rp-one app d.sql
	[ -z "$stderr" ]
	# what belongs to others is still there
	[ "$(sql rp-one app -c 'TABLE others' -c "SELECT encode(lo_get(12), 'escape')")" = $'1\nx' ]
	sql rp-one app -c 'DROP TABLE others' -c 'SELECT lo_unlink(12)' >/dev/null
	content rp-one app | diff before -
	[ "$(sql rp-one app -c "SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'ext'::regnamespace) AND relkind = 'r'")" = owner ]

	# what others have made of it is not dropped with it
	sql rp-one app -c 'CREATE SCHEMA reports' -c 'CREATE VIEW reports.r AS SELECT count(*) FROM things'
	content rp-one app >with
	PASSWORD=pw run -1 --separate-stderr restore -e -u owner rp-one app d.sql
	[[ $stderr == *'what belongs to others depends on what is to be dropped: view reports.r'*"ERROR: the restore failed; database 'app' is as it was" ]]
	content rp-one app | diff with -
	sql rp-one postgres -c 'DROP DATABASE app' -c 'DROP ROLE owner'
}

@test "a subscription: refused by name, untouched" {
	create rp-one subscribed
	sql rp-one subscribed -c 'CREATE TABLE t (a integer)' -c 'INSERT INTO t VALUES (1)'
	dump rp-one subscribed >d.sql
	sql rp-one subscribed -c "CREATE SUBSCRIPTION \"the sub\" CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)" -c 'INSERT INTO t VALUES (2)' 2>/dev/null
	content rp-one subscribed >before
	run -1 --separate-stderr restore -e -u postgres rp-one subscribed d.sql
	[ "$stderr" = "ERROR: database 'subscribed' has subscriptions, which cannot be dropped with the rest: 'the sub'" ]
	content rp-one subscribed | diff before -
	sql rp-one subscribed -c 'ALTER SUBSCRIPTION "the sub" SET (slot_name = NONE)' -c 'DROP SUBSCRIPTION "the sub"'
	sql rp-one postgres -c 'DROP DATABASE subscribed'
}

# A small database: two accounts that always hold 1000, and a table each of which says which dump it is from.
small() {
	cat <<-S
		CREATE TABLE account (name text PRIMARY KEY, amount integer NOT NULL);
		INSERT INTO account VALUES ('a', 500), ('b', 500);
		CREATE TABLE t1 AS SELECT n, '$1' AS whose FROM generate_series(1, ${2:-10}) n;
		CREATE TABLE t2 AS TABLE t1;
		CREATE TABLE t3 AS TABLE t1;
		SELECT lo_from_bytea(1, '$1');
	S
}

# DATABASE: makes it hold new, and a dump of old in old.sql
old_and_new() {
	create rp-one "$1"
	small old "${2-}" | sql rp-one "$1" >/dev/null
	dump rp-one "$1" >old.sql
	create rp-one "$1"
	small new "${2-}" | sql rp-one "$1" >/dev/null
	content rp-one "$1" >new
}

# DUMP [ARG...]: refused, nothing touched
refused() {
	local file=$1
	shift
	run -1 --separate-stderr restore -e "$@" -u postgres rp-one small "$file"
	[[ $stderr == *'ERROR: '* && $output != *complete* ]] || return
	content rp-one small | diff new -
}

@test "what is no whole dump is refused, wherever it was cut off" {
	local size n
	old_and_new small
	size=$(stat -c %s old.sql)
	# somewhere in the middle, behind each line of the end, and all but the last bytes
	for n in 0 1 100 $((size / 4)) $((size / 2)) $((size - 1000)) $((size - 150)) $((size - 110)) $((size - 90)) $((size - 76)); do
		head -c "$n" old.sql >cut.sql
		refused cut.sql
	done
	# a marker in data is none
	sed '/^COPY public.t3/q' old.sql >cut.sql
	printf -- '--\n-- PostgreSQL database dump complete\n--\n\n' >>cut.sql
	refused cut.sql
	[[ $stderr == *'ends in the middle of what begins here'* ]]
	# a hole in the middle
	{ head -c 2000 old.sql && head -c 100 /dev/zero && tail -c +2101 old.sql; } >cut.sql
	refused cut.sql
	[[ $stderr == *NUL* ]]
	gzip -k old.sql
	refused old.sql.gz
	[[ $stderr == *gzip* ]]
	docker exec -e "PGPASSWORD=$SECRET" rp-one pg_dumpall -U postgres -h localhost >all.sql
	refused all.sql
	[[ $stderr == *'a dump of a PostgreSQL cluster'* ]]
	docker exec -e "PGPASSWORD=$SECRET" rp-one pg_dump -U postgres -h localhost -Fc small >custom
	refused custom
	docker exec -e "PGPASSWORD=$SECRET" rp-one pg_dump -U postgres -h localhost --create small >create.sql
	refused create.sql
	[[ $stderr == *'creates a database of its own'*'connects to a database of its own'* ]]
	for n in '\! touch pwned' 'ROLLBACK;' 'COMMIT AND CHAIN;' 'END;' '\connect other' "SET client_encoding = 'SJIS';"; do
		awk -v n="${n//\\/\\\\}" '/^COPY public.t2/ { print n } { print }' old.sql >bad.sql
		refused bad.sql
		[[ $stderr == *"bad.sql:$(grep -nFx -- "$n" bad.sql | cut -d : -f 1): "* ]]
	done
	for n in none/none.sql . /dev/null; do
		run -2 --separate-stderr restore -e rp-one small "$n"
		[ "$stderr" = "ERROR: dump not found: $n" ]
	done
	content rp-one small | diff new -
	run -0 restore -n -e -u postgres rp-one small old.sql
	[[ $output == *'in one transaction'* && $output != *complete* ]]
	content rp-one small | diff new -
	run -0 restore -e -u postgres rp-one small old.sql
	[ "$(sql rp-one small -c 'SELECT DISTINCT whose FROM t3')" = old ]
}

@test "versions: newer is refused with both named, so is an unknown one; all refusals at once" {
	old_and_new small
	sed 's/^-- Dumped from database version .*/-- Dumped from database version 99.1 (X)/' old.sql >newer.sql
	refused newer.sql
	[ "$stderr" = "ERROR: the dump is from PostgreSQL 99.1, but an older engine is serving: PostgreSQL $(version rp-one) (--no-version-check restores it in spite of that)" ]
	# so is what else is wrong, in the same run
	sed 's/^CREATE TABLE public.t1/CREATE EXTENSION IF NOT EXISTS nowhere WITH SCHEMA public;\n&/' newer.sql >two.sql
	refused two.sql
	[[ $stderr == *'older engine'*"extensions that the server in rp-one does not have: 'nowhere'" ]]
	sed '/^-- Dumped from/d' old.sql >unknown.sql
	refused unknown.sql
	[[ $stderr == *'does not tell its version'*'older engine'* ]]
	sed 's/^-- Dumped from database version .*/-- Dumped from database version 9.6.24/' old.sql >older.sql
	run -0 restore -n -u postgres rp-one small older.sql
	[[ $output == *'OK: dump is from PostgreSQL 9.6.24, '* ]]
	for f in newer.sql unknown.sql; do
		run -0 restore -k -e -u postgres rp-one small "$f"
		[[ $output == *WARNING* && $output != *OK:* ]]
		[ "$(sql rp-one small -c 'SELECT DISTINCT whose FROM t3')" = old ]
	done
}

@test "what the server or its psql does not know is left out" {
	old_and_new small
	sed -i "s/^SET lock_timeout = 0;/&\nSET transaction_timeout = 0;\nSET some_day TO on;\nSET custom.x = 'kept';/" old.sql
	run -0 restore -e -u postgres rp-one small old.sql
	[ "$(sql rp-one small -c 'SELECT DISTINCT whose FROM t3')" = old ]
	# a psql of 2024, played by one that does not take the command
	cat >psql <<-'S'
		#!/bin/sh
		case "$*" in *'\restrict'*) echo 'invalid command \restrict' >&2; exit 1 ;; esac
		tee -a /tmp/asked | { /usr/bin/psql "$@"; }
	S
	chmod 755 psql
	docker cp psql rp-one:/usr/local/bin/psql >/dev/null
	run -0 restore -e -u postgres rp-one small old.sql
	docker exec rp-one cat /tmp/asked >asked
	docker exec rp-one rm /usr/local/bin/psql /tmp/asked
	grep -q '^CREATE TABLE public.t1' asked
	run -1 grep -a restrict asked
	grep -q '^SET custom.x' asked
	run -1 grep -E 'transaction_timeout|some_day' asked
}

@test "an error that psql tells of after the COMMIT: the server is asked what became of it" {
	old_and_new small
	cat >psql <<-'S'
		#!/bin/sh
		said=$(mktemp)
		tee "$said" | /usr/bin/psql "$@" | sed -u /bd-done/d
		! grep -qx 'COMMIT;' "$said" || exit 3
	S
	chmod 755 psql
	docker cp psql rp-one:/usr/local/bin/psql >/dev/null
	run restore -e -u postgres rp-one small old.sql
	docker exec rp-one rm /usr/local/bin/psql
	[ "$status" = 0 ]
	[ "$(sql rp-one small -c 'SELECT DISTINCT whose FROM t3')" = old ]
}

@test "wrong password, no database, no server, no psql: failures, said, without secrets" {
	old_and_new small
	PASSWORD='wrong one' run -1 --separate-stderr restore -e -u postgres rp-one small old.sql
	[[ $stderr == *'password authentication failed'*"ERROR: "* && $stderr != *'wrong one'* ]]
	run -1 --separate-stderr restore -e -u postgres rp-one nowhere old.sql
	[[ $stderr == *'database "nowhere" does not exist'*ERROR:* ]]
	# what looks like a connection string is a name
	run -1 --separate-stderr restore -e -u postgres rp-one 'dbname=small' old.sql
	[[ $stderr == *'database "dbname=small" does not exist'* ]]
	run -1 --separate-stderr restore -e rp-none small old.sql
	[[ $stderr == *'rp-none: no such container'*ERROR:* ]]
	container_run rp-box
	run -1 --separate-stderr restore -e rp-box small old.sql
	[[ $stderr == *'rp-box: there is no psql in it'*ERROR:* ]]
	docker stop -t 0 rp-box >/dev/null
	run -1 --separate-stderr restore -e rp-box small old.sql
	[[ $stderr == *'is not running'*ERROR:* ]]
	docker rm rp-box >/dev/null
	DOCKER_HOST=unix:///nowhere run -3 restore -e rp-one small old.sql
	for args in '' '-x' 'rp-one small' 'rp-one small old.sql more' '-w 0 rp-one small old.sql'; do
		# shellcheck disable=SC2086 # words
		run -2 restore $args
		[ -n "$output" ]
	done
	# a role that may not create
	sql rp-one postgres -c "CREATE ROLE poor LOGIN PASSWORD 'p'"
	PASSWORD=p run -1 --separate-stderr restore -e -u poor rp-one small old.sql
	[[ $stderr == *"ERROR: 'poor' may create nothing in the schema public of database 'small'"* ]]
	sql rp-one postgres -c 'DROP ROLE poor'
	content rp-one small | diff new -
	[ "$(restore -e -u postgres rp-one small old.sql >/dev/full || echo $?)" = 3 ]
}

@test "a dump that fails half-way, an interrupt, a lock that does not come free: as it was" {
	old_and_new small
	awk '/^COPY public.t3/ { rows = 1 } rows && /^5\t/ { $1 = "five" } { print }' old.sql >bad.sql
	run -1 --separate-stderr restore -e -u postgres rp-one small bad.sql
	[[ $stderr == *'invalid input syntax for type integer: "five'*"ERROR: the restore failed; database 'small' is as it was" ]]
	content rp-one small | diff new -
	# without --empty what is there is in the way
	run -1 --separate-stderr restore -u postgres rp-one small old.sql
	[[ $stderr == *'already exists'*'is as it was' ]]
	content rp-one small | diff new -
	# a session that holds a table, and is named
	mkfifo hold
	docker exec -i -e "PGPASSWORD=$SECRET" -e PGAPPNAME=the-holder rp-one psql -XqU postgres small <hold >held 2>&1 3>&- &
	exec 8>hold
	echo 'BEGIN; LOCK TABLE t2; SELECT 1;' >&8
	wait_for grep -q '1 row' held
	run -1 --separate-stderr restore -w 1 -e -u postgres rp-one small old.sql
	[[ $stderr == *'waited in vain at DROP TABLE IF EXISTS public.t2 CASCADE; in the way: session '*'of user postgres (the-holder, local, idle in transaction since '*'is as it was' ]]
	# ended while it waits
	started -e -u postgres rp-one small old.sql 8>&-
	wait_for waiting rp-one
	kill "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" = 143 ]
	cat out
	[[ $(cat out) == *"is as it was" ]]
	exec 8>&-
	wait_for alone rp-one small
	content rp-one small | diff new -
	run -0 restore -e -u postgres rp-one small old.sql
}

waiting() { [ "$(sql "$1" postgres -c "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")" -gt 0 ]; }

# SERVER DATABASE: nobody uses it
alone() { [ "$(sql "$1" postgres -c "SELECT count(*) FROM pg_stat_activity WHERE datname = '$2'")" = 0 ]; }

@test "live writers: nobody ever sees half of it, and their own work goes on" {
	old_and_new small 2000
	# moves money about, all the time, and notes what the sum was
	cat >writer <<-'S'
		export PGPASSWORD=$1 PGDATABASE=small
		while [ ! -e /tmp/enough ]; do
			for n in 1 2 3 4 5 6 7 8 9; do
				echo "BEGIN; UPDATE account SET amount = amount - $n WHERE name = 'a'; UPDATE account SET amount = amount + $n WHERE name = 'b'; COMMIT;"
				echo "INSERT INTO t2 VALUES (-1, 'writer');"
				echo "SELECT 'seen ' || sum(amount) FROM account; SELECT 'both ' || (SELECT count(DISTINCT whose) FROM t1) || (SELECT count(*) FROM t3);"
			done | psql -XqAt -U postgres -h localhost
		done
	S
	docker cp writer rp-one:/tmp/writer >/dev/null
	for n in 1 2; do
		docker exec rp-one sh /tmp/writer "$SECRET" >seen.$n 2>&1 3>&- &
	done
	wait_for grep -q seen seen.1
	for n in 1 2 3; do
		before=$(wc -l <seen.2)
		run -0 restore -e -u postgres rp-one small old.sql
		wait_for more_lines seen.2 "$before"
	done
	docker exec rp-one touch /tmp/enough
	wait
	docker exec rp-one rm /tmp/enough /tmp/writer
	# each account existed and was whole, at each moment; so was each table
	[ "$(grep -h seen seen.* | sort -u)" = 'seen 1000' ]
	[ "$(grep -h both seen.* | sort -u)" = 'both 12000' ]
	[ "$(sql rp-one small -c "SELECT DISTINCT whose FROM t2 ORDER BY 1")" = $'old\nwriter' ]
}

more_lines() { [ "$(wc -l <"$1")" -gt "$(($2 + 20))" ]; }

# SERVER DATABASE: as content, but quick, and only of small
fingerprint() { sql "$1" "$2" -c "SELECT whose, count(*), (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace) FROM (TABLE t1 UNION ALL TABLE t2 UNION ALL TABLE t3) t GROUP BY 1" -c "SELECT encode(lo_get(oid), 'escape') FROM pg_largeobject_metadata" -c 'TABLE account'; }

@test "SIGKILL of the tool, the container, the server: the old or the new, all of it" {
	server rp-kill -v rp-kill:/var/lib/postgresql/data
	create rp-kill small
	small old 20000 | sql rp-kill small >/dev/null
	dump rp-kill small >old.sql
	fingerprint rp-kill small >old
	small new 20000 | sed 's/old/new/' >new.in
	create rp-kill small
	sql rp-kill small >/dev/null <new.in
	dump rp-kill small >new.sql
	fingerprint rp-kill small >new
	from=${EPOCHREALTIME/.}
	BAUDOLO_DB_PASSWORD=$SECRET bd-restore-postgres -e -u postgres rp-kill small old.sql
	span=$((${EPOCHREALTIME/.} - from))
	fingerprint rp-kill small | diff old -
	was=old next=new
	for what in tool container server; do
		for ((n = 1; n <= KILLS; n++)); do
			started -e -u postgres rp-kill small "$next.sql"
			sleep "$(awk -v s="$span" -v n="$n" -v k="$KILLS" 'BEGIN { print s / 1e6 * n / (k + 1) }')" # a point of the restore
			case $what in
			tool) kill -9 "$pid" || : ;;
			container) docker kill rp-kill >/dev/null ;;
			server) docker exec rp-kill sh -c 'kill -9 $(head -n 1 "$PGDATA/postmaster.pid")' || : ;;
			esac
			status=0
			wait "$pid" || status=$?
			container_running rp-kill || docker start rp-kill >/dev/null
			server_wait rp-kill
			wait_for alone rp-kill small
			fingerprint rp-kill small >now
			# what it has said is so
			case $(cat out) in
			*'is as it was'*) diff "$was" now ;;
			*complete*) [ "$status" = 0 ] && diff "$next" now ;;
			*) cmp -s old now || cmp -s new now || { cat out; diff old now; } ;;
			esac
			echo "$what $n of $KILLS: $status, $(head -c 3 now)"
			! cmp -s "$next" now || { t=$was was=$next next=$t; }
		done
	done
	docker rm -f rp-kill >/dev/null
	volume_rm rp-kill
}

# SERVER SETTING
locks() {
	sql "$1" postgres -c "ALTER SYSTEM SET max_locks_per_transaction = $2"
	docker restart "$1" >/dev/null
	server_wait "$1"
}

# SERVER SETTING DATABASE: a server with few locks, and a database in it
few_locks() {
	server "$1"
	sql "$1" postgres -c 'ALTER SYSTEM SET max_connections = 10' -c 'ALTER SYSTEM SET fsync = off'
	locks "$1" "$2"
	create "$1" "$3"
}

# FIRST LAST: that many tables
tables() {
	printf 'DO $$BEGIN FOR i IN %s..%s LOOP EXECUTE %s; IF i %% 20 = 0 THEN COMMIT; END IF; END LOOP; END$$;\n' "$1" "$2" \
		"format('CREATE TABLE %I (id serial PRIMARY KEY, t text); INSERT INTO %1\$I (t) VALUES (%L)', 't' || i, 'of ' || i)"
}

# What is in them, without the help of a dump
census() {
	sql "$1" "$2" -c "SELECT relkind, count(*), md5(string_agg(relname, ',' ORDER BY relname)) FROM pg_class WHERE relnamespace = 'public'::regnamespace GROUP BY 1 ORDER BY 1" \
		-c "SELECT md5(string_agg(t::text, ',' ORDER BY n)) FROM (SELECT relname AS n, query_to_xml(format('TABLE %I', relname), true, false, '') AS t FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname LIMIT 100) x"
}

@test "more locks than a transaction may have: refused, or in pieces with a safety dump that goes back" {
	few_locks rp-few 100 many
	tables 1 150 | sql rp-few many
	sql rp-few many -c 'SELECT lo_from_bytea(7, $$old$$)' -c 'CREATE EXTENSION hstore' >/dev/null
	dump rp-few many >many.sql
	census rp-few many >old
	sql rp-few many -c 'DROP TABLE t7' -c "UPDATE t1 SET t = 'changed'" -c 'CREATE SCHEMA more' -c 'CREATE VIEW more.v AS SELECT * FROM t2' -c 'SELECT lo_unlink(7)' >/dev/null
	sql rp-few many -c 'CREATE ROLE reader' -c 'GRANT SELECT ON t3 TO reader' -c 'CREATE TABLE more.readers ()' -c 'ALTER TABLE more.readers OWNER TO reader'
	content rp-few many >new
	docker exec -e "PGPASSWORD=$SECRET" rp-few pg_dump -U postgres -h localhost many | plain >new.full

	# fails near its end: what was there is put back, with owners and privileges
	sed 's/ADD CONSTRAINT t99_pkey PRIMARY KEY (id)/ADD CONSTRAINT t99_pkey PRIMARY KEY (none)/' many.sql >bad.sql
	run -1 --separate-stderr restore -e -u postgres rp-few many bad.sql
	[[ $stderr == *'are too many for one transaction'*'max_locks_per_transaction = '*"column \"none\""*"ERROR: the restore failed; what was in database 'many' has been put back" ]]
	content rp-few many | diff new -
	docker exec -e "PGPASSWORD=$SECRET" rp-few pg_dump -U postgres -h localhost many | plain | diff new.full -
	run -0 find safety -name 'rp-few.many.*.backup.sql' -perm 600
	[ "${#lines[@]}" = 1 ]
	[ "$(stat -c %a safety)" = 700 ]
	rm safety/*

	# killed: the command that was printed puts it back
	started -e -u postgres rp-few many many.sql
	wait_for torn rp-few many
	kill -9 "$pid"
	wait "$pid" || :
	wait_for alone rp-few many
	! content rp-few many | diff -q new - || false
	command=$(grep '^bd-restore-postgres ' out)
	BAUDOLO_DB_PASSWORD=$SECRET run -0 sh -c "$command"
	content rp-few many | diff new -
	rm safety/*

	# interrupted: put back as well
	started -e -u postgres rp-few many many.sql
	wait_for torn rp-few many
	kill "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" = 143 ]
	cat out
	grep "what was in database 'many' has been put back" out
	content rp-few many | diff new -
	rm safety/*

	run -0 --separate-stderr restore -n -e -u postgres rp-few many many.sql
	[[ $stderr == *'in pieces, after a safety dump' ]]
	content rp-few many | diff new -
	run -0 restore -e -u postgres rp-few many many.sql
	census rp-few many | diff old -
	[ "$(sql rp-few many -c 'SELECT count(*) FROM pg_namespace WHERE nspname = $$more$$' -c "SELECT encode(lo_get(7), 'escape')")" = $'0\nold' ]
	run -0 find safety -type f
	[ -z "$output" ]
	# no safety dump: said what that means
	run -1 --separate-stderr restore -S -e -u postgres rp-few many bad.sql
	[[ $stderr == *"ERROR: the restore failed; database 'many' holds a part of the dump, and there is no safety dump" ]]
	run -0 restore -S -e -u postgres rp-few many many.sql
	census rp-few many | diff old -
	# a role that could not put it back
	sql rp-few many -c "CREATE ROLE owner LOGIN PASSWORD 'pw'" -c 'ALTER DATABASE many OWNER TO owner'
	PASSWORD=pw run -1 --separate-stderr restore -e -u owner rp-few many many.sql
	[[ $stderr == *"ERROR: "*"locks are too many for one transaction"*"for these belong to others: 'sequence public.t100_id_seq', "*" and 290 more. "*"Raise max_locks_per_transaction to "* ]]
	census rp-few many | diff old -
	# enough of them: as one
	locks rp-few "$(sed -n 's/.*Raise max_locks_per_transaction to \([0-9]*\).*/\1/p' <<<"$stderr")"
	run -0 --separate-stderr restore -v -e -u postgres rp-few many many.sql
	[[ $stderr == *'in one transaction' ]]
	census rp-few many | diff old -
	docker rm -f rp-few >/dev/null
}

# The restore has begun to destroy.
torn() { [ "$(sql "$1" "$2" -c "SELECT count(*) FROM pg_class WHERE relname IN ('t1', 't2', 't150')")" -lt 3 ]; }

@test "put back with -p what has a fault: in one transaction nothing, so piece by piece" {
	create rp-one faulty
	small old | sql rp-one faulty >/dev/null
	dump rp-one faulty >d.sql
	awk '/^COPY public.t3/ { rows = 1 } rows && /^5\t/ { $1 = "five" } { print }' d.sql | sed 's/^CREATE TABLE public.account/CREATE TABLE nowhere.account/' >bad.sql
	run -1 --separate-stderr restore -p -u postgres rp-one faulty bad.sql
	[[ $stderr == *'not all of it can be put back: what can be is, piece by piece'*"ERROR: database 'faulty' holds what the safety dump holds, but for what is said above" ]]
	[[ $stderr == *'not put back: the rows of public.account, which is not there'* && $stderr == *'invalid input syntax for type integer: "five'* ]]
	[[ $stderr == *'not put back: the rows of public.t3'* && $stderr != *'the rows of public.t2'* ]]
	[ "$(sql rp-one faulty -c "SELECT to_regclass('account') IS NULL" -c 'SELECT count(*) FROM t2' -c 'SELECT count(*) FROM t3' -c "SELECT encode(lo_get(1), 'escape')")" = $'t\n10\n0\nold' ]
	run -0 restore -p -u postgres rp-one faulty d.sql
	dump rp-one faulty | plain | diff <(plain d.sql) -
	sql rp-one postgres -c 'DROP DATABASE faulty'
}

@test "in pieces, and what was there has a fault itself: only that is lost" {
	few_locks rp-cast 10 app
	tables 1 25 | sql rp-cast app
	sql rp-cast app <<-'S'
		CREATE CAST (varchar AS integer) WITH INOUT AS IMPLICIT;
		CREATE TABLE names (n text);
		INSERT INTO names VALUES ('x');
		CREATE FUNCTION known(t text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN EXISTS (SELECT FROM names WHERE n = t); END';
		CREATE TABLE aa_users (n text CHECK (known(n)));
	S
	dump rp-cast app >d.sql
	run -0 --separate-stderr restore -e -u postgres rp-cast app d.sql
	[[ $stderr == *'are too many for one transaction'* ]]
	dump rp-cast app | plain | diff <(plain d.sql) -
	sql rp-cast app -c "INSERT INTO aa_users VALUES ('x')"
	dump rp-cast app >own.sql
	run -1 --separate-stderr restore -e -u postgres rp-cast app own.sql
	[[ $stderr == *"ERROR: the restore failed; what was in database 'app' has been put back, but for what is said above, which is in "* ]]
	[[ $stderr == *'not put back: the rows of public.aa_users'* ]]
	dump rp-cast app | plain | diff <(plain d.sql) -
	command=$(grep '^bd-restore-postgres ' <<<"$stderr" | head -n 1)
	BAUDOLO_DB_PASSWORD=$SECRET run -1 --separate-stderr sh -c "$command"
	[[ $stderr == *"ERROR: database 'app' holds what the safety dump holds, but for what is said above" ]]
	dump rp-cast app | plain | diff <(plain d.sql) -
	docker rm -f rp-cast >/dev/null
}

# Two thousand tables and few locks; or ten thousand and what a server has by default.
@test "a schema of very many tables: refused untouched, naming the setting; restored when it is raised" {
	server rp-many
	sql rp-many postgres -c 'ALTER SYSTEM SET fsync = off'
	count=2000 few=10 raised=100
	if [ -n "${BAUDOLO_TEST_LONG-}" ]; then
		count=10000 few=64 raised=256 # tables and sequences
	else
		sql rp-many postgres -c 'ALTER SYSTEM SET max_connections = 10'
	fi
	locks rp-many "$raised"
	create rp-many many
	tables 1 "$count" | sql rp-many many
	dump rp-many many >many.sql
	census rp-many many >old
	locks rp-many "$few"
	run -1 --separate-stderr restore -e -u postgres rp-many many many.sql
	[[ $stderr == *'out of shared memory'*"no safety dump could be made; database 'many' is as it was. Raise max_locks_per_transaction to "* ]]
	census rp-many many | diff old -
	[ -z "$(ls safety)" ]
	locks rp-many "$raised"
	run -0 --separate-stderr restore -e -u postgres rp-many many many.sql
	[[ $stderr == *'WARNING: '*'others see database '*'while it is half restored'* ]]
	census rp-many many | diff old -
	docker rm -f rp-many >/dev/null
}

@test "passwords: in no argument list, no output, whatever is in them" {
	old_and_new small
	needle=n33dle$RANDOM$RANDOM
	printf %s "$needle" >needle
	while [ ! -e enough ]; do
		grep -laFf needle /proc/[0-9]*/cmdline >>found 2>/dev/null || :
	done 3>&- &
	scanner=$!
	for secret in "$needle" "-$needle" "$needle\$;\"' \\ x" "ü$needle" "$needle=\`id\`" "$needle%s%n"; do
		set_password rp-one "$secret"
		PASSWORD=$secret run -0 restore -e -u postgres rp-one small old.sql
		printf '%s\n' "$output" >>said
		printf '%s\n' "$secret" >file
		run -0 --separate-stderr verb --db-password-file file
		printf '%s\n' "$output" "$stderr" >>said
		run -0 --separate-stderr verb --db-password-file - <file
		run -1 --separate-stderr verb --db-password-file needle-is-not-here
		BAUDOLO_DB_PASSWORD=$secret run -0 --separate-stderr verb
		printf '%s\n' "$output" "$stderr" >>said
		PASSWORD=x$secret run -1 restore -e -u postgres rp-one small old.sql
		printf '%s\n' "$output" >>said
	done
	touch enough
	wait "$scanner"
	run cat found
	[ -z "$output" ]
	run -1 grep -F "$needle" said
	# as an argument, it is gone as soon as we have read it
	mkfifo hold
	docker exec -i rp-one psql -XqU postgres small <hold >held 2>&1 3>&- &
	exec 8>hold
	echo 'BEGIN; LOCK TABLE t2; SELECT 1;' >&8
	wait_for grep -q '1 row' held
	set_password rp-one "-$needle"
	verb --db-password="-$needle" >out 2>&1 3>&- 8>&- &
	pid=$!
	wait_for waiting rp-one
	run grep -lsaFf needle /proc/[0-9]*/cmdline
	[ -z "$output" ]
	exec 8>&-
	wait "$pid"
}

# baudolo-restore postgres with old.sql as the dump of small
verb() {
	local g
	g=$PWD/root/$(bd-machine-hash)/backup-docker-to-local/20260101000000
	mkdir -p "$g/vol/sql"
	cp old.sql "$g/vol/sql/small.backup.sql"
	baudolo-restore postgres vol - latest --backups-dir root --container rp-one --db-name small --db-user postgres --empty --state-dir "$PWD/state" "$@"
}

@test "baudolo-restore postgres" {
	old_and_new small
	export BAUDOLO_DB_PASSWORD=$SECRET
	g=$PWD/root/$(bd-machine-hash)/backup-docker-to-local/20260101000000
	run -0 --separate-stderr verb -n
	[[ $output != *complete* ]]
	content rp-one small | diff new -
	run -0 --separate-stderr verb
	[[ $output == *"PostgreSQL restore complete for db 'small'." ]]
	[[ $stderr == "WARNING: $g has no manifest.json"* ]]
	[ "$(sql rp-one small -c 'SELECT DISTINCT whose FROM t3')" = old ]
	run -0 --separate-stderr verb -q --no-version-check --no-safety-dump --no-verify
	[ -z "$output" ]
	# the last of a repeated option wins, and prefixes are enough
	run -0 verb --db-pass nonsense --db-password "x y" --db-p="$SECRET"
	run -1 --separate-stderr verb --db-password wrong
	[[ $stderr == *'password authentication failed'*ERROR:* ]]
	run -2 --separate-stderr verb --db-name none
	[[ $stderr == *"ERROR: dump not found: $g/vol/sql/none.backup.sql" ]]
	run -2 verb --db-name ../small
	run -2 verb --db-password
	run -2 verb --db-password --empty
	run -2 verb --db-password x --db-password-file y
	(unset BAUDOLO_DB_PASSWORD && run -2 verb && [[ $output == *'ERROR: no password'* ]])
	# the user is called like the database
	run -1 baudolo-restore postgres vol - latest --backups-dir root --container rp-one --db-name small
	[[ $output == *'"small"'* ]]
	# not for other verbs
	run -2 baudolo-restore files vol - latest --db-password x
	# cut off
	truncate -s -100 old.sql
	run -1 verb
	content rp-one small | grep -c old
}

# bats test_tags=memory
@test "memory does not grow with the dump" {
	size=64
	[ -z "${BAUDOLO_TEST_LONG-}" ] || size=2048
	create rp-one big
	# one row of 32 MiB, and many
	sql rp-one big -c "CREATE TABLE wide AS SELECT repeat('0123456789abcdef', 2097152) AS t" \
		-c "CREATE TABLE long AS SELECT n, repeat(md5(n::text), 32) AS t FROM generate_series(1, $((size * 512))) n" \
		-c "SELECT lo_from_bytea(9, decode(repeat('00', 3000000), 'hex'))" >/dev/null
	rows rp-one big >before
	dump rp-one big >big.sql
	[ "$(stat -c %s big.sql)" -gt "$((size << 19))" ]
	BAUDOLO_DB_PASSWORD=$SECRET run -0 prlimit --data=$((16 << 20)) bd-restore-postgres -s safety -e -u postgres rp-one big big.sql
	rows rp-one big | diff before -
	sql rp-one postgres -c 'DROP DATABASE big'
}

@test "the examples of the pages" {
	create rp-one app
	small old | sql rp-one app >/dev/null
	g=root/$(bd-machine-hash)/backup-docker-to-local/20260101000000
	mkdir -p "$g/app_data/sql" bin
	dump rp-one app >"$g/app_data/sql/app.backup.sql"
	ln -s "$g/app_data"
	printf '%s\n' "$SECRET" >secret
	docker rename rp-one app-database
	run examples bd-restore-postgres.1
	printf '#!/bin/sh\n[ "$1" = postgres ] || exit 0\nexec %s "$@" --backups-dir %s --db-user postgres\n' "$(command -v baudolo-restore)" "$PWD/root" >bin/baudolo-restore
	chmod +x bin/baudolo-restore
	first=$output status1=$status
	PATH=$PWD/bin:$PATH run examples baudolo-restore.1
	docker rename app-database rp-one
	[ "$status1,$status" = 0,0 ]
	[[ $first == *"PostgreSQL restore complete for db 'app'." && $output == *"PostgreSQL restore complete for db 'app'." ]]
}

@test "a disk that cannot hold it is seen before anything is dropped" {
	fs=$(loop_fs ext4 160M)
	server rp-disk -v "$fs:/var/lib/postgresql" -e PGDATA=/var/lib/postgresql/d
	create rp-disk small
	small old | sql rp-disk small >/dev/null
	dump rp-disk small >d.sql
	content rp-disk small >before
	free=$(stat -f -c '%a * %S' "$fs")
	# as large as one likes, without any rows
	{ grep -m 1 -B 99 '^SET statement_timeout' d.sql && yes -- "-- $(printf '%0999d' 0)" | head -c "$((free + (4 << 20)))"; echo; sed '1,/^SET statement_timeout/d' d.sql; } >big.sql
	run -1 --separate-stderr restore -e -u postgres rp-disk small big.sql
	[[ $stderr == *"ERROR: $fs: "*'MiB are free, too few for a dump of '* ]]
	content rp-disk small | diff before -
	# what is put back makes room first
	run -0 restore -p -n -u postgres rp-disk small big.sql
	run -0 restore -f -e -u postgres rp-disk small big.sql
	content rp-disk small | diff before -
	rm big.sql
	# one that fills up meanwhile
	sql rp-disk small -c "SELECT lo_unlink(1)" -c "SELECT setseed(0.5)" >/dev/null
	content rp-disk small >before
	create rp-one big
	sql rp-one big -c 'CREATE TABLE t AS SELECT n, repeat(md5(n::text), 8) AS t FROM generate_series(1, 700000) n' >/dev/null
	dump rp-one big >big.sql
	fallocate -l 30M "$fs/ballast"
	run -1 --separate-stderr restore -f -e -u postgres rp-disk small big.sql
	# the server may have stopped, and starts as soon as there is room
	rm "$fs/ballast"
	container_running rp-disk || docker start rp-disk >/dev/null
	server_wait rp-disk
	wait_for alone rp-disk small
	content rp-disk small | diff before -
	docker rm -f rp-disk >/dev/null
	sql rp-one postgres -c 'DROP DATABASE big'
}
