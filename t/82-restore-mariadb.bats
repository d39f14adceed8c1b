#!/usr/bin/env bats
# bd-restore-mariadb

load engine
load database
load fake
load maria

setup_file() {
	engine_start
	image_mariadb
	run_server mr-a 3>&- &
	run_server mr-b
	wait $!
}

teardown_file() { engine_clean; loop_clean; }

setup() {
	cd "$BATS_TEST_TMPDIR"
	export BAUDOLO_DB_PASSWORD=$ROOT_PASSWORD
	SAFE=$PWD/safe
	DB=db$BATS_TEST_NUMBER
	scratch mr-a "$DB"
	scratch mr-b "$DB"
}

teardown() {
	[ -z "${PIDS-}" ] || kill $PIDS 2>/dev/null || :
	wait
}

@test "everything, into another server, row by row and object by object" {
	fill mr-a "$DB"
	dump mr-a "$DB" >dump.sql
	run -0 --separate-stderr restore mr-b "$DB" dump.sql
	[ "${lines[0]}" = "OK: dump is from MariaDB $(version), $(version) is serving." ]
	[ "${lines[1]}" = "MariaDB/MySQL restore complete for db '$DB'." ]
	[ "${#lines[@]}" = 2 ]
	[[ $stderr != *WARNING* && $stderr != *ERROR* ]]
	nothing_left
	same mr-a "$DB" mr-b "$DB"
	# what routines are is the same as before, to the byte
	for s in mr-a mr-b; do
		sql "$s" "$DB" <<-'E' >"$s.facts"
			SELECT routine_name, routine_type, md5(routine_definition), sql_mode, definer, routine_comment FROM information_schema.routines WHERE routine_schema = DATABASE() ORDER BY 1, 2;
			SELECT trigger_name, md5(action_statement), sql_mode, definer FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1;
			SELECT event_name, event_definition, starts, status, definer, event_comment FROM information_schema.events WHERE event_schema = DATABASE();
			SELECT table_name, md5(REPLACE(view_definition, DATABASE(), '')), check_option, definer, security_type FROM information_schema.views WHERE table_schema = DATABASE() ORDER BY 1;
			SELECT slash(), ansi(), twice(4), n FROM z_of_view_of_view;
			SELECT id, HEX(t), HEX(b), j, d, f, e, s, ts, bits + 0, g, v, l, ST_AsText(geo) FROM everything ORDER BY id;
			CHECKSUM TABLE hen, egg, self, parts, isam, store, numbered, everything;
		E
	done
	[ "$(wc -l <mr-a.facts)" -gt 20 ]
	sed -i "s/$DB\.//" mr-a.facts mr-b.facts
	diff mr-a.facts mr-b.facts
	grep -q $'^crlf\tPROCEDURE\t'"$(printf 'BEGIN\r\n  -- carriage\r\n  SELECT 1;\r\nEND' | md5sum | cut -d ' ' -f 1)" mr-b.facts
}

version() { maria mr-a <<<'SELECT VERSION()' | sed 's/-.*//'; }

@test "--empty over a populated database: nothing of before is left; without it, what the dump does not hold is" {
	fill mr-a "$DB"
	dump mr-a "$DB" >dump.sql
	clutter mr-b "$DB"
	run -0 --separate-stderr restore -v mr-b "$DB" dump.sql
	[[ $stderr != *"empty database"* ]]
	left mr-b "$DB" >left
	diff left <(printf '%s\n' $'left \'"view' 'left `over' 'left `proc' 'left event' 'left pack' 'left pack' 'left seq')
	# a view that this has broken cannot be dumped: refused
	before=$(sql mr-b "$DB" <<<'SHOW TABLES')
	run -1 --separate-stderr restore -e mr-b "$DB" dump.sql
	[[ $stderr == *"View '$DB.broken' references invalid"*"nothing was changed. -S "* ]]
	[ "$(sql mr-b "$DB" <<<'SHOW TABLES')" = "$before" ]
	nothing_left
	sql mr-b "$DB" <<<'DROP VIEW broken'
	run -0 --separate-stderr restore -ev mr-b "$DB" dump.sql
	[[ $stderr =~ "+ empty database '$DB': "[0-9]+" tables, 2 sequences, "[0-9]+" views, 2 package body parts, 2 packages, 3 procedures, 3 functions, 2 events" ]]
	nothing_left
	[ -z "$(left mr-b "$DB")" ]
	same mr-a "$DB" mr-b "$DB"
	# over itself
	run -0 restore -e mr-a "$DB" dump.sql
	same mr-a "$DB" mr-b "$DB"
}

# SERVER DATABASE: what clutter has and fill has not
left() {
	sql "$1" "$2" <<-'E' | LC_ALL=C sort
		SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'left%';
		SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_NAME LIKE 'left%';
		SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE() AND EVENT_NAME LIKE 'left%';
	E
}

@test "into a database of another name, and only there" {
	fill mr-a "$DB"
	dump mr-a "$DB" >dump.sql
	maria mr-a <<<"CREATE OR REPLACE DATABASE \`other-$DB\`"
	before=$(state mr-a "$DB")
	run -0 restore -e mr-a "other-$DB" dump.sql
	diff <(state mr-a "$DB" | sed "s/\`$DB\`\.//") <(state mr-a "other-$DB" | sed "s/\`other-$DB\`\.//")
	[ "$(state mr-a "$DB")" = "$before" ]
	# what --databases adds does not lead elsewhere
	dump mr-a "$DB" --add-drop-database --databases >with.sql
	grep -q '^USE ' with.sql
	grep -q 'DROP DATABASE' with.sql
	clutter mr-a "$DB" 2>/dev/null || :
	before=$(state mr-a "$DB")
	run -0 --separate-stderr restore -e mr-a "other-$DB" with.sql
	[[ $stderr == *"WARNING: dump creates and uses a database of its own, '$DB'; that is left out"* ]]
	[ "$(state mr-a "$DB")" = "$before" ]
	run -0 sql mr-a "other-$DB" <<<'SELECT count(*) FROM hen'
	[ "$output" = 2 ]
	maria mr-a <<<"DROP DATABASE \`other-$DB\`"
}

@test "an application account restores what root defined, with a WARNING" {
	fill mr-a "$DB"
	dump mr-a "$DB" >dump.sql
	run -0 --separate-stderr as_app mr-b "$DB" dump.sql
	[[ $stderr =~ 'WARNING: DEFINER root@localhost of '1[0-9]' objects becomes app@%, which may not SET USER' ]]
	[ "$(grep -c WARNING <<<"$stderr")" = 1 ]
	# all else is the same, also what looks like a definer in data and bodies
	diff <(state mr-a "$DB" | sed -E 's/^(CREATE |\/\*!50[0-9]* (CREATE\*\/ \/\*!50[0-9]* )?)DEFINER=([`"])root\3@\3localhost\3/\1DEFINER=\3app\3@\3%\3/') <(state mr-b "$DB")
	# and again, over what is now its own
	run -0 --separate-stderr as_app -e mr-b "$DB" dump.sql
	nothing_left
	# its own are no warning
	dump mr-b "$DB" >own.sql
	run -0 --separate-stderr as_app -e mr-b "$DB" own.sql
	[[ $stderr != *DEFINER* ]]
}

@test "what an account could not dump again is refused, by name; -S goes on" {
	fill mr-a "$DB"
	dump mr-a "$DB" >dump.sql
	sql mr-b "$DB" <<<'CREATE PROCEDURE secret() SELECT 1; CREATE TABLE t (a int); CREATE TABLE versions (a int) WITH SYSTEM VERSIONING'
	before=$(state mr-b "$DB")
	run -1 --separate-stderr as_app -e mr-b "$DB" dump.sql
	[[ $stderr == *"ERROR: app@% cannot dump procedure secret, which belongs to root@localhost: "* ]]
	[[ $stderr == *"ERROR: app@% cannot dump the history of table versions: "* ]]
	[[ $stderr == *"ERROR: database '$DB': nothing was changed" ]]
	[ "$(state mr-b "$DB")" = "$before" ]
	run -0 as_app -eS mr-b "$DB" dump.sql
	run -0 sql mr-b "$DB" <<<"SELECT count(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_NAME = 'secret'"
	[ "$output" = 0 ]
	[ ! -e "$SAFE" ]
}

@test "an account without privileges is refused, naming them" {
	fill mr-a "$DB"
	dump mr-a "$DB" >dump.sql
	maria mr-b <<<"CREATE OR REPLACE USER few@'%' IDENTIFIED BY 'few'; GRANT SELECT, INSERT, CREATE, DROP ON \`${DB/_/\\_}\`.* TO few@'%'; CREATE TABLE $DB.t (a int)"
	BAUDOLO_DB_PASSWORD=few run -1 --separate-stderr restore -u few mr-b "$DB" dump.sql
	[[ $stderr == *"ERROR: few@% lacks privileges on database '$DB': DELETE, ALTER, LOCK TABLES, CREATE VIEW, SHOW VIEW, TRIGGER, CREATE ROUTINE, ALTER ROUTINE, EVENT"* ]]
	[ "$(sql mr-b "$DB" <<<'SHOW TABLES')" = t ]
	# by a role
	maria mr-b <<<"CREATE OR REPLACE ROLE most; GRANT ALL ON \`db%\`.* TO most; GRANT most TO few@'%'; SET DEFAULT ROLE most FOR few@'%'"
	BAUDOLO_DB_PASSWORD=few run -0 --separate-stderr restore -u few mr-b "$DB" dump.sql
	maria mr-b <<<"DROP ROLE most; DROP USER few@'%'"
}

@test "every refusal is told, and nothing is touched" {
	fill mr-a "$DB"
	dump mr-a "$DB" >dump.sql
	clutter mr-b "$DB"
	before=$(state mr-b "$DB")
	head -c -300 dump.sql >cut.sql
	head -c 100000 dump.sql >half.sql
	: >empty.sql
	sed 's/^-- Server version.*/-- Server version\t10.12.1-MariaDB/' dump.sql >newer.sql
	sed 's/^-- Server version.*/-- Server version\t11.0.1-MariaDB/' dump.sql >newest.sql
	sed '/^-- Server version/d' dump.sql >unknown.sql
	{ head -n 20 dump.sql; printf 'CREATE DATABASE /*!32312 IF NOT EXISTS*/ `one`;\nUSE `one`;\nUSE `two`;\n'; tail -n 1 dump.sql; } >two.sql
	{ head -n 20 dump.sql; printf '\\! touch /tmp/owned\n'; tail -n 1 dump.sql; } >shell.sql
	{ head -n 20 dump.sql; printf "INSERT INTO x VALUES ('\n"; tail -n 1 dump.sql; } >open.sql
	{ head -n 20 dump.sql; printf 'INSERT INTO t VALUES (0x'; head -c 17000000 /dev/zero | tr '\0' 0; printf ');\n'; tail -n 1 dump.sql; } >long.sql
	gzip -c dump.sql >dump.sql.gz
	refused 'end marker is missing' cut.sql
	refused 'end marker is missing' half.sql
	refused 'it is empty' empty.sql
	refused 'compressed with gzip' dump.sql.gz
	refused 'dump not found' missing.sql
	refused 'is not a file' .
	refused "dump is from MariaDB 10.12.1, an older engine is serving: MariaDB $(version)" newer.sql
	refused "dump is from MariaDB 11.0.1, an older engine is serving: MariaDB $(version)" newest.sql
	refused 'does not tell of which version it is, so an older engine may be serving' unknown.sql
	refused "several databases: 'one' and 'two'" two.sql
	refused 'a command for the client' shell.sql
	refused 'it ends within a statement' open.sql
	refused 'raise its max_allowed_packet' long.sql
	[ "$(state mr-b "$DB")" = "$before" ]
	# both at once
	! restore -e mr-b nosuchdb cut.sql 2>err || false
	grep -q 'ERROR: dump is not complete' err
	grep -q "ERROR: database 'nosuchdb' in container mr-b does not answer" err
	grep -q 'Unknown database' err
	# the number is compared as one, and -k overrides
	sed 's/^-- Server version.*/-- Server version\t10.3.39-MariaDB/' dump.sql >older.sql
	run -0 --separate-stderr restore -e mr-b "$DB" older.sql
	[ "${lines[0]}" = "OK: dump is from MariaDB 10.3.39, $(version) is serving." ]
	for f in newer unknown; do
		run -0 --separate-stderr restore -ek mr-b "$DB" "$f.sql"
		[[ $stderr == *WARNING:* ]]
	done
	same mr-a "$DB" mr-b "$DB"
}

# WHY FILE: restores of it are refused
refused() {
	local status=0
	restore -e mr-b "$DB" "$2" >out 2>err || status=$?
	[ "$status" = 1 ] && grep -qF -- "$1" err && grep -q '^ERROR: ' err && tail -n 1 err | grep -qx "ERROR: .* nothing was changed" ||
		{ echo "$2: status $status"; cat err; return 1; }
	[ ! -e "$SAFE" ] || nothing_left
}

@test "no way in: every reason is an error, and nothing of the password is said" {
	dump mr-a "$DB" >dump.sql
	BAUDOLO_DB_PASSWORD=wrong run -1 --separate-stderr restore mr-a "$DB" dump.sql
	[[ $stderr == *"over TCP:"*"Access denied"*"over the socket:"*"Access denied"*"nothing was changed" ]]
	run -1 --separate-stderr env -u BAUDOLO_DB_PASSWORD bd-restore-mariadb -u root mr-a "$DB" dump.sql
	run -1 --separate-stderr restore nosuchcontainer "$DB" dump.sql
	[[ $stderr == *"no such container"* ]]
	container_run mr-none
	run -1 --separate-stderr restore mr-none "$DB" dump.sql
	[[ $stderr == *"mr-none: has neither mariadb nor mysql"* ]]
	docker rm -f mr-none >/dev/null
	DOCKER_HOST=unix:///nonexistent run -3 --separate-stderr restore mr-a "$DB" dump.sql
	[[ $stderr == *"nothing was changed" ]]
	# the safety dump cannot be written
	: >"$SAFE"
	run -1 --separate-stderr restore mr-a "$DB" dump.sql
	[[ $stderr == *"no safety dump can be made in $SAFE; nothing was changed. -S "* ]]
	rm "$SAFE"
	run -0 bash -c 'bd-restore-mariadb -s "$1" -u root mr-a "$2" dump.sql 2>&1 >/dev/full || [ $? = 3 ]' - "$SAFE" "$DB"
}

@test "over TCP beside an anonymous account, and over the socket where TCP is denied" {
	fill mr-a "$DB"
	dump mr-a "$DB" >dump.sql
	maria mr-b <<-E
		CREATE OR REPLACE USER ''@localhost; CREATE OR REPLACE USER near@localhost IDENTIFIED BY 'near';
		GRANT ALL ON $DB.* TO near@localhost;
	E
	run -0 as_app mr-b "$DB" dump.sql
	before=$(state mr-b "$DB")
	BAUDOLO_DB_PASSWORD=near run -1 --separate-stderr restore -e -u near mr-b "$DB" dump.sql
	[[ $stderr == *"near@localhost cannot dump"* ]]
	[ "$(state mr-b "$DB")" = "$before" ]
	scratch mr-b "$DB"
	maria mr-b <<<"GRANT ALL ON $DB.* TO near@localhost"
	BAUDOLO_DB_PASSWORD=near run -0 --separate-stderr restore -e -u near mr-b "$DB" dump.sql
	BAUDOLO_DB_PASSWORD=near run -0 --separate-stderr restore -ev -u near mr-b "$DB" dump.sql
	[[ $stderr == *--protocol=socket* ]]
	nothing_left
	maria mr-b <<<"DROP USER near@localhost, ''@localhost"
}

@test "a replay that fails is undone: the database is what it was" {
	fill mr-a "$DB"
	dump mr-a "$DB" >dump.sql
	clutter mr-b "$DB"
	before=$(state mr-b "$DB")
	{ grep -v '^-- Dump completed' dump.sql; printf 'SELECT no_such_column;\n'; tail -n 1 dump.sql; } >late.sql
	{ head -n 20 dump.sql; printf "INSERT INTO nosuchtable VALUES ('top secret row');\n"; tail -n 1 dump.sql; } >early.sql
	for options in '' -e; do
		for f in early late; do
			run -1 --separate-stderr restore $options mr-b "$DB" "$f.sql"
			[[ $stderr == *"ERROR: the restore failed; database '$DB' holds again what it held before" ]]
			[[ $stderr != *'top secret'* ]]
			[[ $output != *complete* ]]
			[ "$(state mr-b "$DB")" = "$before" ]
			nothing_left
		done
	done
	run -1 --separate-stderr restore -eS mr-b "$DB" late.sql
	[[ $stderr == *"ERROR: database '$DB' is restored in part only, and there is no safety dump"* ]]
}

@test "what a server that is strict now has taken once is taken again" {
	sql mr-b "$DB" <<-E
		CREATE TABLE t (a int CHECK (a > 0)); SET check_constraint_checks = 0; INSERT INTO t VALUES (-1);
		SET innodb_strict_mode = 0; CREATE TABLE z0 (a varchar(200)) ROW_FORMAT = COMPACT KEY_BLOCK_SIZE = 3;
		CREATE TABLE wide ($(printf 'c%d varchar(250), ' {1..60}) c0 int) CHARACTER SET latin1;
	E
	sql mr-b "$DB" <<<"INSERT INTO wide (c1) VALUES ('x'); INSERT INTO z0 VALUES ('y')"
	before=$(state mr-b "$DB")
	dump mr-b "$DB" >own.sql
	scratch mr-a "$DB"
	run -0 sql mr-a "$DB" -f <own.sql
	for code in 4025 1005 1118; do [[ $output == *"ERROR $code "* ]]; done
	run -0 restore -e mr-b "$DB" own.sql
	[ "$(state mr-b "$DB")" = "$before" ]
	nothing_left
}

@test "what cannot be put back costs itself only, and is named; by the printed command, too" {
	sql mr-b "$DB" <<-'E'
		CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1);
		CREATE TABLE keyless (id int, secret text); INSERT INTO keyless VALUES (1, 'top secret row');
		CREATE TABLE z (id int PRIMARY KEY); INSERT INTO z VALUES (2); CREATE VIEW v AS SELECT id FROM z;
		CREATE TRIGGER tr BEFORE INSERT ON z FOR EACH ROW SET @x = 1; CREATE PROCEDURE p() SELECT 'q';
	E
	whole=$(state mr-b "$DB")
	dump mr-b "$DB" >own.sql
	maria mr-b <<<"CREATE DATABASE hidden; RENAME TABLE $DB.keyless TO hidden.keyless"
	rest=$(state mr-b "$DB")
	maria mr-b <<<"RENAME TABLE hidden.keyless TO $DB.keyless; DROP DATABASE hidden; SET GLOBAL innodb_force_primary_key = 1"
	run -1 --separate-stderr restore -e mr-b "$DB" own.sql
	[[ $stderr == *'Table structure for table `keyless`: ERROR 1173 '*'Dumping data for table `keyless`: ERROR 1146 '* ]]
	[[ $stderr == *"ERROR: the restore failed; database '$DB' holds again what it held before, but for what failed again, which is named above"* ]]
	[ "$(grep -c 'putting back' <<<"$stderr")" = 1 ]
	[[ $stderr != *'top secret'* ]]
	[ "$(state mr-b "$DB")" = "$rest" ]
	command=$(tail -n 1 <<<"$stderr")
	# half of it is gone when it comes to the command
	sql mr-b "$DB" <<<'DROP TABLE z; DROP PROCEDURE p; CREATE TABLE other (id int PRIMARY KEY)'
	status=0
	eval "$command" >out 2>err || status=$?
	[ "$status" = 1 ]
	! grep -q complete out || false
	grep -q 'Table structure for table `keyless`: ERROR 1173 ' err
	grep -q "^ERROR: database '$DB' holds what .* has, but for what failed, which is named above" err
	[ "$(state mr-b "$DB")" = "$rest" ]
	# once it can be taken
	maria mr-b <<<'SET GLOBAL innodb_force_primary_key = 0'
	eval "$command"
	[ "$(state mr-b "$DB")" = "$whole" ]
}

@test "rows are there for others, too, where each statement is no transaction" {
	sql mr-a "$DB" <<<'CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)'
	dump mr-a "$DB" --skip-opt >implicit.sql
	sed 's/^INSERT/SET autocommit = 0;\n&/' implicit.sql >explicit.sql
	maria mr-b <<<'SET GLOBAL autocommit = 0'
	for f in implicit explicit; do
		run -0 restore -e mr-b "$DB" "$f.sql"
		[ "$(sql mr-b "$DB" <<<'SELECT SUM(a) FROM t')" = 3 ] || break
		f=''
	done
	maria mr-b <<<'SET GLOBAL autocommit = 1'
	[ -z "$f" ]
}

@test "of another server: its variables, its log, the sandbox" {
	{
		printf '/*!999999\\- enable the sandbox mode */ \n-- MySQL dump 10.13  Distrib 5.7.44, for Linux (x86_64)\n-- Server version\t5.7.44-log\n'
		printf "SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;\nSET @@SESSION.SQL_LOG_BIN= 0;\nSET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5';\n"
		printf '/*M!100001 SET @OLD_FUTURE=@@FUTURE_THING, FUTURE_THING=0 */;\nSET NAMES utf8mb4;\nCREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\n'
		printf 'SET @@SESSION.SQL_LOG_BIN = @MYSQLDUMP_TEMP_LOG_BIN;\n/*M!100001 SET FUTURE_THING=@OLD_FUTURE */;\n-- Dump completed on 2026-01-01  1:00:00\n'
	} >mysql.sql
	run -0 --separate-stderr as_app mr-b "$DB" mysql.sql
	[ "${lines[0]}" = "OK: dump is from MySQL 5.7.44, MariaDB $(version) is serving." ]
	for v in sql_log_bin gtid_purged future_thing; do [[ $stderr == *"WARNING: dump sets '$v', which "* ]]; done
	[ "$(grep -c 'dump sets' <<<"$stderr")" = 3 ]
	[ "$(sql mr-b "$DB" <<<'SELECT a FROM t')" = 1 ]
}

@test "a disk that cannot hold it is seen before anything is dropped" {
	local fs
	fs=$(loop_fs ext4 400M)
	run_server mr-disk -v "$fs:/var/lib/mysql"
	scratch mr-disk "$DB"
	sql mr-disk "$DB" <<<'CREATE TABLE t (a int); INSERT INTO t VALUES (1)'
	dump mr-disk "$DB" >small.sql
	before=$(state mr-disk "$DB")
	fallocate -l "$(($(stat -f -c '%a * %S' "$fs") - (8 << 20)))" "$fs/ballast"
	{ head -n -1 small.sql; yes -- "-- $(printf '%0999d' 0)" | head -c $((16 << 20)); echo; tail -n 1 small.sql; } >large.sql
	run -1 --separate-stderr restore -e mr-disk "$DB" large.sql
	[[ $stderr == *"ERROR: $fs: "?*' MiB are free, too few for a dump of 16 MiB; -f '*"ERROR: database '$DB': nothing was changed" ]]
	[ "$(state mr-disk "$DB")" = "$before" ]
	run -0 restore -e mr-disk "$DB" small.sql
	run -0 --separate-stderr restore -ef mr-disk "$DB" large.sql
	[[ $stderr == *$'\n  bd-restore-mariadb -fp '* ]]
	[ "$(state mr-disk "$DB")" = "$before" ]
	docker rm -f mr-disk >/dev/null
}

@test "-n checks and changes nothing; usage; the version" {
	fill mr-a "$DB"
	dump mr-a "$DB" >dump.sql
	clutter mr-b "$DB"
	before=$(state mr-b "$DB")
	run -0 --separate-stderr restore -en mr-b "$DB" dump.sql
	[[ $output == *"empty database '$DB': "*"<dump.sql" ]]
	[[ $output != *complete* ]]
	[ "$(state mr-b "$DB")" = "$before" ]
	[ ! -e "$SAFE" ]
	for args in '' a 'a b' 'a b c d' '-z a b c' '-u'; do
		run -2 --separate-stderr bd-restore-mariadb $args
		[[ $stderr == *usage:* ]]
	done
	run -2 bd-restore-mariadb '' b c
	run -0 bd-restore-mariadb -V
}

@test "by baudolo-restore, from a generation" {
	local from
	fill mr-a "$DB"
	from=backups/$(bd-machine-hash)/backup-docker-to-local/20260101000000/vol/sql
	mkdir -p "$from"
	dump mr-a "$DB" >"$from/$DB.backup.sql"
	clutter mr-b "$DB"
	run -0 --separate-stderr baudolo-restore mariadb vol - latest --backups-dir "$PWD/backups" --state-dir "$PWD/state" \
		--container mr-b --db-name "$DB" --db-user root --empty
	[ "${lines[-1]}" = "MariaDB/MySQL restore complete for db '$DB'." ]
	same mr-a "$DB" mr-b "$DB"
	[ -z "$(ls -A state/safety)" ]
	run -0 --separate-stderr baudolo-restore mariadb vol - latest --backups-dir "$PWD/backups" --state-dir "$PWD/state" \
		--container mr-b --db-name "$DB" --db-user app --db-password="$APP_PASSWORD" --empty --no-safety-dump --no-space-check --quiet
	[ -z "$output" ]
}

@test "the examples of the page" {
	scratch mr-a app
	fill mr-a app
	dump mr-a app >app.backup.sql
	scratch mr-b app
	printf '%s\n' "$APP_PASSWORD" >password
	docker rename mr-b central-mariadb
	run -0 examples bd-restore-mariadb.1
	docker rename central-mariadb mr-b
	diff <(state mr-a app | grep -v DEFINER) <(state mr-b app | grep -v DEFINER)
}
