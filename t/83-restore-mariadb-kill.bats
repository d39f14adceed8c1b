#!/usr/bin/env bats
# bd-restore-mariadb while others write, watch or kill

load engine
load database
load maria

POINTS=2
[ -z "${BAUDOLO_TEST_LONG-}" ] || POINTS=7

setup_file() {
	engine_start
	image_mariadb
	run_server mk-a
}

teardown_file() { engine_clean; }

setup() {
	cd "$BATS_TEST_TMPDIR"
	export BAUDOLO_DB_PASSWORD=$ROOT_PASSWORD
	SAFE=$PWD/safe
	DB=kill$BATS_TEST_NUMBER
	scratch mk-a "$DB"
}

teardown() {
	: >stop
	[ -z "${RESTORE-}" ] || kill -KILL "$RESTORE" 2>/dev/null || :
	wait
}

# DATABASE TABLES ROWS WHAT: tables with rows that tell where they are from
many() {
	local n t
	for ((n = 1; n <= $2; n++)); do
		t=$(printf '%s%02d' "$4" "$n")
		echo "CREATE TABLE $t (id int PRIMARY KEY, what text, KEY (what(20)));
			INSERT INTO $t SELECT seq, CONCAT('$4', REPEAT(MD5(seq), 10)) FROM seq_1_to_$3;
			CREATE TRIGGER on_$t BEFORE INSERT ON $t FOR EACH ROW SET @n = 1; CREATE VIEW v_$t AS SELECT id FROM $t;
			CREATE PROCEDURE p_$t() SELECT '$4';"
	done | sql mk-a "$1"
}

begin_restore() {
	(exec bd-restore-mariadb -s "$SAFE" -u root "$@") </dev/null >out 2>err 3>&- &
	RESTORE=$!
}

# Sets OLD and NEW, what the database holds before and after a restore, and FILES, where its files are.
prepare_kills() {
	FILES=$(docker inspect -f '{{range .Mounts}}{{.Source}}{{end}}' mk-a)/$DB
	many "$DB" 12 1200 new
	dump mk-a "$DB" >new.sql
	NEW=$(content)
	scratch mk-a "$DB"
	many "$DB" 9 900 old
	OLD=$(content)
	dump mk-a "$DB" >old.sql
	restore -e mk-a "$DB" new.sql >/dev/null 2>&1
	[ "$(content)" = "$NEW" ]
}

content() { state mk-a "$DB" | md5sum; }

# N: so far has the restore come: from the first table dropped to the last view made. The server's files tell.
point() {
	case $1 in
	1) [ ! -e "$FILES/old01.ibd" ] ;;
	2) [ -e "$FILES/new07.ibd" ] ;;
	3) [ ! -e "$FILES/old05.ibd" ] ;;
	4) [ -e "$FILES/new01.ibd" ] ;;
	5) [ -e "$FILES/new04.ibd" ] ;;
	6) [ -e "$FILES/new12.ibd" ] ;;
	7) [ -e "$FILES/v_new11.frm" ] ;;
	esac
}

# The command on stderr is run as it stands, if a dump is there for it; prints which content there is.
settle() {
	local now
	if ! nothing_left; then
		eval "$(grep -m 1 '^  bd-restore-mariadb ' err)" >settled 2>&1 || { cat settled; return 1; }
		[ "$(content)" = "$OLD" ] && echo "put back by the command" && rm -r "$SAFE"
		return
	fi
	now=$(content)
	case $now in
	"$OLD") echo old ;;
	"$NEW") echo new ;;
	*) echo neither; return 1 ;;
	esac
}

# HOW: a restore that is killed so at every point
killed() {
	local n how=$1 status what
	prepare_kills
	for ((n = 1; n <= POINTS; n++)); do
		restore -e mk-a "$DB" old.sql >/dev/null 2>&1 || return
		PID=$(docker inspect -f '{{.State.Pid}}' mk-a)
		begin_restore -e mk-a "$DB" new.sql
		until point "$n"; do kill -0 "$RESTORE" || return; done
		"$how"
		status=0
		wait "$RESTORE" 2>/dev/null || status=$?
		"revive_$how"
		[ "$status" != 0 ] || [ "$(content)" = "$NEW" ] || return
		what=$(settle) || { echo "point $n: $what"; cat err; return 1; }
		echo "# $how at point $n: status $status, $what" >&3
	done
}

tool() { kill -KILL "$RESTORE" 2>/dev/null || :; }
revive_tool() { :; }

container() { docker kill mk-a >/dev/null; }
revive_container() { docker start mk-a >/dev/null && server_wait mk-a; }

# All of its processes at once, as without power; it is back before we have noticed.
server() {
	kill -KILL "$PID"
	wait_for is_down
	docker start mk-a >/dev/null
}
revive_server() { server_wait mk-a; }
is_down() { ! container_running mk-a; }

client() {
	local pid
	for pid in $(docker top mk-a -eo pid,comm | awk '$2 == "mariadb" { print $1 }'); do kill -KILL "$pid"; done
}
revive_client() { :; }

@test "killed: the tool" { killed tool; }

@test "killed: the container" { killed container; }

@test "killed: the server, which comes back" { killed server; }

@test "killed: the client in the container" {
	POINTS=1
	killed client
}

@test "a TERM: what was there is put back before it ends" {
	prepare_kills
	restore -e mk-a "$DB" old.sql >/dev/null 2>&1
	begin_restore -e mk-a "$DB" new.sql
	until point 5; do kill -0 "$RESTORE"; done
	kill -TERM "$RESTORE"
	status=0
	wait "$RESTORE" || status=$?
	[ "$status" = 143 ]
	grep -q "^ERROR: .* database '$DB' holds again what it held before" err
	nothing_left
	[ "$(content)" = "$OLD" ]
}

@test "live writers do not make it fail, nor spoil what it brings" {
	many "$DB" 5 300 new
	dump mk-a "$DB" >new.sql
	# as fast as they can, on every table, also ids of the dump's
	for n in 1 2; do
		while [ ! -e stop ]; do
			for t in 1 2 3 4 5; do
				for id in 1 7 299 $((RANDOM + 1000)); do echo "INSERT INTO new0$t VALUES ($id, 'live'); UPDATE new0$t SET what = what WHERE id = $id;"; done
			done
		done | docker exec -i mk-a sh -c 'MYSQL_PWD=$MARIADB_ROOT_PASSWORD exec mariadb -u root -f "$1"' - "$DB" >/dev/null 2>live.err 3>&- &
	done
	for n in 1 ${BAUDOLO_TEST_LONG:+2 3 4 5}; do
		run -0 --separate-stderr restore -e mk-a "$DB" new.sql
		run -0 --separate-stderr restore mk-a "$DB" new.sql
	done
	: >stop
	wait
	nothing_left
	grep -q "doesn't exist" live.err
	for t in 1 2 3 4 5; do
		run -0 sql mk-a "$DB" <<<"SELECT count(*), SUM(what = CONCAT('new', REPEAT(MD5(id), 10))) FROM new0$t WHERE id <= 300"
		[ "$output" = $'300\t300' ]
	done
	[ "$(sql mk-a "$DB" <<<"SELECT SUM(n) > 0 FROM (SELECT count(*) AS n FROM new01 WHERE what = 'live' UNION ALL SELECT count(*) FROM new02 WHERE what = 'live') AS x")" = 1 ]
}

@test "a dump under live writers is of one instant: transfers never tear" {
	sql mk-a "$DB" <<<'CREATE TABLE accounts (id int PRIMARY KEY, cents int NOT NULL); INSERT INTO accounts SELECT seq, 100 FROM seq_1_to_50; CREATE TABLE z LIKE accounts; INSERT INTO z SELECT * FROM accounts'
	scratch mk-a "$DB-copy"
	while [ ! -e stop ]; do
		for n in {1..50}; do echo "BEGIN; UPDATE accounts SET cents = cents - 1 WHERE id = $n; UPDATE z SET cents = cents + 1 WHERE id = $((RANDOM % 50 + 1)); COMMIT;"; done
	done | docker exec -i mk-a sh -c 'MYSQL_PWD=$MARIADB_ROOT_PASSWORD exec mariadb -u root "$1"' - "$DB" 3>&- &
	for n in 1 2 ${BAUDOLO_TEST_LONG:+3 4 5 6 7 8 9}; do
		dump mk-a "$DB" >dump.sql
		run -0 restore -e mk-a "$DB-copy" dump.sql
		[ "$(sql mk-a "$DB-copy" <<<'SELECT SUM(cents) FROM (SELECT cents FROM accounts UNION ALL SELECT cents FROM z) AS a')" = 10000 ]
	done
	: >stop
	wait
}

@test "who holds a lock is waited for, and named; nothing is changed" {
	local other=$DB-p
	scratch mk-a "$other"
	many "$DB" 2 10 new
	many "$other" 2 10 new
	dump mk-a "$DB" >new.sql
	before=$(state mk-a "$DB")
	before_other=$(state mk-a "$other")
	echo "BEGIN; SELECT count(*) FROM new01; SELECT count(*) FROM \`$other\`.new01; SELECT SLEEP(600);" |
		docker exec -i mk-a sh -c 'MYSQL_PWD=$MARIADB_ROOT_PASSWORD exec mariadb -n -u root "$1"' - "$DB" >held 2>&1 3>&- &
	wait_for has_lines held 4
	# one that goes on after errors does not go on after this
	begin_restore -p mk-a "$other" new.sql
	run -1 --separate-stderr restore -e mk-a "$DB" new.sql
	[[ $stderr == *"uses database '$DB', and may hold the lock: session "*" of root from "* ]]
	[[ $stderr == *"ERROR: database '$DB' was not restored; nothing in it was changed" ]]
	nothing_left
	status=0
	wait "$RESTORE" || status=$?
	[ "$status" = 1 ]
	grep -q 'ERROR 1205 ' err
	grep -q "^ERROR: database '$other' was not restored; nothing in it was changed" err
	sql mk-a "$DB" <<<"SELECT CONCAT('KILL ', ID, ';') FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP%'" | sql mk-a "$DB"
	wait
	[ "$(state mk-a "$DB")" = "$before" ]
	[ "$(state mk-a "$other")" = "$before_other" ]
}

has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

@test "two restores of one database: one after the other" {
	many "$DB" 6 300 new
	dump mk-a "$DB" >new.sql
	restore -e mk-a "$DB" new.sql >out1 2>err1 3>&- &
	restore -e mk-a "$DB" new.sql >out2 2>err2 3>&- &
	wait
	# the second may have listed tables that the first has dropped: then it has changed nothing
	grep -q complete out1 || tail -n 1 err1 | grep -q 'nothing'
	grep -q complete out2 || tail -n 1 err2 | grep -q 'nothing'
	cat out1 out2 | grep -q complete
	run -0 restore -n mk-a "$DB" new.sql
	[ "$(sql mk-a "$DB" <<<'SELECT count(*) FROM new06')" = 300 ]
}

@test "not one byte of a password in any command line or output" {
	fill mk-a "$DB"
	dump mk-a "$DB" >dump.sql
	{ grep -v '^-- Dump completed' dump.sql; printf 'SELECT no_such_column;\n'; tail -n 1 dump.sql; } >bad.sql
	printf '%s\n%s\n' "$ROOT_PASSWORD" "$APP_PASSWORD" >secrets
	while [ ! -e stop ]; do
		grep -laFf secrets /proc/[0-9]*/cmdline 2>/dev/null || :
		echo >>looks
	done >found 3>&- &
	restore -ev mk-a "$DB" dump.sql >said 2>&1
	! restore -ev mk-a "$DB" bad.sql >>said 2>&1 || false
	as_app -eSv mk-a "$DB" dump.sql >>said 2>&1
	! BAUDOLO_DB_PASSWORD=$APP_PASSWORD restore -v mk-a "$DB" dump.sql >>said 2>&1 || false
	: >stop
	wait
	[ "$(wc -l <looks)" -gt 20 ]
	[ ! -s found ]
	grep -q 'holds again' said
	! grep -F -e "$ROOT_PASSWORD" -e "$APP_PASSWORD" said || false
	# the scanner does see
	(exec -a "x $APP_PASSWORD" sleep 60) 3>&- &
	pid=$!
	wait_for grep -laFf secrets "/proc/$pid/cmdline"
	kill "$pid"
}

# bats test_tags=memory
@test "memory does not grow with the dump" {
	megabytes=100
	[ -z "${BAUDOLO_TEST_LONG-}" ] || megabytes=2048
	sql mk-a "$DB" <<<'CREATE TABLE t (a int)'
	dump mk-a "$DB" >small.sql
	{
		grep -v '^-- Dump completed' small.sql
		echo 'LOCK TABLES `t` WRITE;'
		line=$(printf '(%s),' $(seq 1000000 1000100))
		# as one statement has at most a megabyte, and the server should not be what is measured
		for ((n = 0; n < megabytes; n++)); do
			printf '/* '
			head -c 1000000 /dev/zero | tr '\0' x
			printf ' */ INSERT INTO `t` VALUES %s(1);\n' "$line"
		done
		echo 'UNLOCK TABLES;'
		tail -n 1 small.sql
	} >big.sql
	begin_restore -eS mk-a "$DB" big.sql
	peak=0
	while kill -0 "$RESTORE" 2>/dev/null; do
		read -r _ now _ < <(grep VmHWM "/proc/$RESTORE/status" 2>/dev/null) && [ "${now:-0}" -le "$peak" ] || peak=${now:-$peak}
	done
	wait "$RESTORE"
	echo "# $megabytes MB: peak $peak kB" >&3
	[ "$peak" -gt 1000 ]
	[ "$peak" -lt 16384 ]
	[ "$(sql mk-a "$DB" <<<'SELECT count(*) FROM t')" = $((megabytes * 102)) ]
}
