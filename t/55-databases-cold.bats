#!/usr/bin/env bats
# The files of databases that are written to all the time: a server started on the copy holds every committed row.

load engine
load database

ROUNDS=2
[ -z "${BAUDOLO_TEST_LONG-}" ] || ROUNDS=10

# In the containers: rows one transaction each, from the next number on; a number is printed when its row is committed.
# shellcheck disable=SC2016
PG_WRITER='n=$(psql -XqAt -U postgres -c "SELECT coalesce(max(n), 0) FROM numbers") &&
	seq "$((n + 1))" 999999999 | sed "s/.*/INSERT INTO numbers VALUES (&, repeat(md5(&::text), 20));\n\\\\echo &/" |
	psql -Xq -U postgres -v ON_ERROR_STOP=1'
# shellcheck disable=SC2016
MY_WRITER='export MYSQL_PWD=secret; n=$(mariadb -NB -u root app -e "SELECT coalesce(max(n), 0) FROM numbers") &&
	seq "$((n + 1))" 999999999 | sed "s/.*/INSERT INTO numbers VALUES (&, repeat(md5(&), 20));\nSELECT &;/" |
	mariadb -NB -n --skip-reconnect -u root app'

# TYPE: an engine whose data lies on such a file system
start_on() {
	local fs pid
	fs=$(loop_fs "$1" 4G)
	SUBJECT=$fs
	if [ "$1" = btrfs ]; then
		SUBJECT=$fs/docker
		btrfs subvolume create "$SUBJECT" >/dev/null
	fi
	BD_DATA_ROOT=$SUBJECT engine_start own
	image_postgres 3>&- &
	pid=$!
	image_mariadb
	wait "$pid"
	gcc -std=c17 -D_GNU_SOURCE -O2 -static -o storer "$BD_ROOT/t/helper/storer.c"
	volume_new pg && volume_new my && volume_new map
	docker run -d --name map --label "bd-test=$(bd_file)" --network none -v map:/v -v "$PWD/storer:/storer:ro" \
		"$BD_IMAGE" /storer /v/map
	run_postgres pg 3>&- &
	pid=$!
	run_mariadb my
	wait "$pid"
	pg pg <<<'CREATE TABLE numbers (n integer PRIMARY KEY, pad text NOT NULL)'
	maria my <<<'CREATE TABLE numbers (n integer PRIMARY KEY, pad text NOT NULL)'
	write_on pg "$PG_WRITER" 3>&- &
	write_on my "$MY_WRITER" 3>&- &
}

run_postgres() {
	server_run "$1" bd-test/postgres:15 -v "$1:/var/lib/postgresql/data" -e POSTGRES_PASSWORD=secret \
		-e POSTGRES_INITDB_ARGS=--data-checksums
}

run_mariadb() {
	server_run "$1" bd-test/mariadb:10.11 -v "$1:/var/lib/mysql" -e MARIADB_ROOT_PASSWORD=secret -e MARIADB_DATABASE=app
}

# NAME SCRIPT: until there is a file `stop`. An empty line in NAME.noted begins what one session noted.
write_on() {
	until [ -e stop ]; do
		echo
		docker exec "$1" sh -c "$2" || :
	done >>"$1.noted" 2>>"$1.said"
}

# NAME: the last number noted
noted() { grep -x '[0-9][0-9]*' "$1.noted" | tail -n 1; }

noted_beyond() { local n && n=$(noted "$1") && [ "${n:-0}" -gt "${2:-0}" ]; }

# NAME: what each page of a file begins and ends with
pages() { od -An -v -t u8 -w4096 "$1" | awk '{ print $1, $NF }'; }

smallest() { pages "$1" | tr ' ' '\n' | sort -n | head -n 1; }

setup() {
	cd "$BATS_TEST_TMPDIR"
	B=$PWD/Backups S=$PWD/state
}

teardown() {
	: >stop
	if [[ ${DOCKER_HOST-} == "unix://$BAUDOLO_TEST_DIR/"* ]]; then
		engine_clean || :
		wait
		engine_stop own
	fi
	loop_clean
}

# MODE ARG...: one backup, and what is in it
round() {
	local mode=$1 name pid pg_before my_before pg_line my_line map_before map_stopped
	shift
	for name in pg my; do wait_for noted_beyond "$name" "$(noted "$name")" || return; done
	map_before=$(smallest "$(volume_path map)/map")
	pg_before=$(noted pg) my_before=$(noted my)
	pg_line=$(wc -l <pg.noted) my_line=$(wc -l <my.noted)
	baudolo --backups-dir "$B" --state-dir "$S" --only-files "$@" >said 2>&1 || { cat said; return 1; }
	! grep -E 'WARNING|ERROR' said || return
	map_stopped=$(docker logs map | tail -n 1)
	check pg "$mode" "$pg_before" "$pg_line" 3>&- &
	pid=$!
	check my "$mode" "$my_before" "$my_line" || { wait "$pid"; return 1; }
	wait "$pid" || return
	pages "$(printf '%s\n' "$B"/*/*/* | tail -n 1)/map/files/map" >pages
	if [ "$mode" = stop ]; then
		[ "$map_stopped" -gt "$map_before" ] && ! grep -vx "$map_stopped $map_stopped" pages
	else
		awk -v before="$map_before" '$1 < before || $2 < before || $1 - $2 < 0 || $1 - $2 > 1 { print; bad = 1 } END { exit bad }' pages
	fi
}

# NAME MODE BEFORE LINE: a server on the copy has all that NAME.noted says, whose line LINE held BEFORE when the run began.
check() {
	local name=$1 mode=$2 before=$3 line=$4 back=back-$1 first count max bad
	volume_new "$back" >/dev/null
	baudolo-restore files "$back" - latest --source-volume "$name" --backups-dir "$B" >/dev/null || return
	case $name in
	pg)
		run_postgres "$back" || return
		IFS='|' read -r count max bad < <(pg "$back" <<-'E'
			SELECT count(*), max(n), count(*) FILTER (WHERE pad <> repeat(md5(n::text), 20)) FROM numbers
		E
		)
		pg "$back" <<<'CREATE EXTENSION amcheck; SELECT bt_index_check(c.oid, true) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid
			JOIN pg_am a ON a.oid = relam AND amname = $$btree$$' >/dev/null || return
		;;
	my)
		run_mariadb "$back" || return
		read -r count max bad < <(maria "$back" <<<'SELECT count(*), max(n), coalesce(sum(pad <> repeat(md5(n), 20)), 0) FROM numbers')
		[ "$(maria "$back" <<<'CHECK TABLE numbers EXTENDED' | cut -f 3-)" = $'status\tOK' ] || return
		;;
	esac
	docker logs "$back" >"$back.log" 2>&1
	docker rm -f "$back" >/dev/null && volume_rm "$back"
	if [ "$mode" = stop ]; then
		# nothing was written between the stop and the start: what came next is known
		wait_for session_after "$name" "$line" >/dev/null && first=$(session_after "$name" "$line") || return
		echo "# $name: $before noted, $max copied, $first next" >&2
		[ "$max" = "$((first - 1))" ] || return
		! grep -E 'not properly shut down|crash recovery' "$back.log" || return
	else
		echo "# $name: $before noted, $max copied, $(noted "$name") now" >&2
		wait_for noted_beyond "$name" "$((max - 1))" || return
		grep -E 'not properly shut down|crash recovery' "$back.log" >/dev/null || return
	fi
	[ "$max" -ge "$before" ] && [ "$count" = "$max" ] && [ "$bad" = 0 ]
}

# NAME LINE: the first number noted in a later session than that of LINE
session_after() {
	awk -v line="$2" '/^$/ && NR > line { later = 1 } later && /^[0-9]+$/ { print; found = 1; exit } END { exit !found }' "$1.noted"
}

rounds() {
	local n lost=0
	for ((n = 1; n <= ROUNDS; n++)); do
		round "$@" || { lost=$((lost + 1)); echo "round $n is lost" >&2; }
	done
	echo "$ROUNDS $lost" >>"$BATS_FILE_TMPDIR/rounds"
	[ "$lost" = 0 ]
}

@test "PostgreSQL, MariaDB and a mapped file, copied with a stop" {
	start_on ext4
	rounds stop
}

@test "the same, copied from a btrfs snapshot" {
	local started
	start_on btrfs
	started=$(docker inspect -f '{{.State.StartedAt}}' pg my map)
	rounds snapshot --snapshot btrfs --snapshot-subject "$SUBJECT"
	[ "$(docker inspect -f '{{.State.StartedAt}}' pg my map)" = "$started" ]
}

@test "no round was lost" {
	run -0 awk '{ rounds += $1; lost += $2 } END { printf "%d rounds, %d lost\n", rounds, lost }' "$BATS_FILE_TMPDIR/rounds"
	echo "# $output" >&3
	[ "$output" = "$((2 * ROUNDS)) rounds, 0 lost" ]
}
