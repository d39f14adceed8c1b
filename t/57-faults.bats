#!/usr/bin/env bats
# A run in which one call fails, of all that its programs make: that is reported, and costs a volume or the run, never
# more. The long version has 1,000 faults.

load engine
load tree
load run
load database

setup_file() { ram_engine; }
teardown_file() { ram_engine_end; }

setup() {
	ram_work
	VOLUMES=(one two three)
	make -s -C "$BD_ROOT" build/t/later.so build/t/fault.so
	mkdir bin # what rsync, without an environment, finds as /usr/local/bin
	cp "$BD_ROOT/build/t/fault.so" "$BD_ROOT/build/t/later.so" bin
	printf '#!/bin/sh\nLD_PRELOAD=/usr/local/bin/fault.so exec /usr/bin/rsync "$@"\n' >bin/rsync
	chmod 755 bin/rsync
}

# faulty N COMMAND...: its call N fails; 0: none; -1: none, but all are logged
faulty() {
	: >log
	perl -e 'print pack "q2", 0, shift' -- "$1" >state
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m --propagation private sh -c 'mount -t overlay -o "lowerdir=$1:/usr/local/bin" none /usr/local/bin && shift && exec "$@"' - "$PWD/bin" \
		timeout 120 env LD_PRELOAD="$PWD/bin/fault.so $PWD/bin/later.so" BD_LATER=60 "${@:2}" >said 2>err 100<>state 101>>log
}

calls() { od -An -t d8 -N 8 state | tr -d ' '; }

run_it() { faulty "$1" baudolo --backups-dir "$B" --state-dir "$S" --only-files; }

# For whole: exact sees all the rest, and an rsync for each volume costs more than a run.
oracle() { bd_diff "$(bd_classes "$1")" "$(bd_classes "$2")"; }

make_volumes() {
	local v d i
	declare -gA PLACE
	for v in "${VOLUMES[@]}"; do
		d=$(volume_new "$v")
		PLACE[$v]=$d
		mkdir "$d/sub"
		for i in {1..8}; do echo "$v $i" >"$d/sub/$i"; done
		ln "$d/sub/1" "$d/hard" && ln -s sub/2 "$d/soft" && setfattr -n user.x -v y "$d/sub/3"
	done
	container_run writer -v one:/one -v two:/two
}

change() {
	local v
	for v in "${VOLUMES[@]}"; do
		echo "$v $1" >"${PLACE[$v]}/sub/$(($1 % 8 + 1))"
		echo "$1" >"${PLACE[$v]}/sub/new" # grows and shrinks
	done
}

# All but the last generation.
forget() {
	find "$R" -mindepth 1 -maxdepth 1 | LC_ALL=C sort | head -n -1 | xargs -r rm -rf
	GENERATIONS=$(generations) LAST=$(generations)
	PAST=$(fingerprint "$R/$LAST")
}

# fault N: a run in which call number N fails; WHAT is what was called.
fault() {
	local rc=0 new last=$LAST
	change "$1"
	run_it "$1" || rc=$?
	[ -s log ] || { forget; return 0; } # there were fewer
	WHAT="call $1: $(cat log), status $rc"
	[ "$(fingerprint "$R/$last")" = "$PAST" ] || damaged "$last has changed"
	new=$(comm -13 <(echo "$GENERATIONS") <(generations))
	[ -z "$new" ] || whole "$R/$new" || damaged "$new"
	FAULTS=$((FAULTS + 1))
	[ -n "$new" ] || [ "$rc" -ge 2 ] || damaged 'no generation'
	if [ -s err ]; then REPORTED=$((REPORTED + 1)); else echo "$WHAT: not a word"; fi
	container_running writer || damaged 'writer is down'
	forget
	[ $((FAULTS % 4)) != 0 ] || heal
}

# A run after faults sets all right.
heal() {
	change 0
	run_it 0 && [ ! -s err ] || damaged 'the run after it failed'
	forget
	whole "$R/$LAST" || damaged "$LAST"
}

damaged() {
	echo "$WHAT: $1"
	cat said err
	DAMAGED=$((DAMAGED + 1))
}

@test "a fault at any call is reported, and damages nothing" {
	make_volumes
	run_it 0
	change 1
	run_it 0
	calls=$(calls)
	[ "$calls" -gt 1000 ]
	forget
	FAULTS=0 REPORTED=0 DAMAGED=0
	n=${BD_FAULTS:-25}
	[ -z "${BAUDOLO_TEST_LONG-}" ] || n=1000
	for i in $(seq "$n"); do
		fault $((calls * (i - 1) / n + RANDOM % (calls / n + 1) + 1))
	done
	heal
	echo "$FAULTS faults, $REPORTED reported, $DAMAGED damaged (of $calls calls)" | tee /dev/fd/3
	[ "$REPORTED $DAMAGED" = "$FAULTS 0" ]
	[ "$FAULTS" -gt $((n / 2)) ]
}

# restore N: into a volume that holds something else
restore() {
	rm -rf "${PLACE[one]:?}"/*
	cp -a old/. "${PLACE[one]}"
	faulty "$1" baudolo-restore files one - latest --backups-dir "$B" --state-dir "$S" --stop
}

@test "a fault at any call of a restore: what it says is true" {
	make_volumes
	run_it 0
	cp -a "${PLACE[one]}" new
	cp -a new old
	for i in {5..20}; do echo "old $i" >"old/sub/$i"; done
	rm old/soft old/sub/1
	restore 0
	calls=$(calls)
	exact new "${PLACE[one]}"
	FAULTS=0 REPORTED=0 DAMAGED=0
	n=${BD_FAULTS:-8}
	[ -z "${BAUDOLO_TEST_LONG-}" ] || n=$calls
	for i in $(seq "$n"); do
		rc=0
		restore $((calls * (i - 1) / n + RANDOM % (calls / n + 1) + 1)) || rc=$?
		[ -s log ] || continue
		WHAT="$(cat log), status $rc"
		FAULTS=$((FAULTS + 1))
		if [ -s err ]; then REPORTED=$((REPORTED + 1)); else echo "$WHAT: not a word"; fi
		if [ "$rc" = 0 ] || grep -q 'File restore complete' said; then
			exact new "${PLACE[one]}" || damaged 'not restored'
		elif ! grep -q '^ERROR: volume one is restored' err; then # in part; or all, but for its hard links
			exact old "${PLACE[one]}" || damaged 'neither the old nor the new'
		fi
		container_running writer || damaged 'writer is down'
	done
	echo "restore: $FAULTS faults, $REPORTED reported, $DAMAGED damaged (of $calls calls)" | tee /dev/fd/3
	[ "$REPORTED $DAMAGED" = "$FAULTS 0" ]
	[ "$FAULTS" -gt $((n / 2)) ]
}

# The dumps of the last generation but for what differs each time
dumps() {
	local g
	g=$(generations | tail -n 1)
	tail -vn +1 "$R/$g"/*/sql/* | sed -E "s/$g//; /^\\\\(un)?restrict /d; /^-- Dump completed/s/ on .*//"
}

@test "a fault at any call of a dump is reported, and no half dump is one" {
	image_postgres
	image_mariadb
	server_run shop-db bd-test/postgres:15 -v pgdata:/var/lib/postgresql/data -e POSTGRES_PASSWORD=secret -e POSTGRES_DB=shop
	server_run wiki-db bd-test/mariadb:10.11 -v mydata:/var/lib/mysql -e MARIADB_ROOT_PASSWORD=root -e MARIADB_DATABASE=wiki \
		-e MARIADB_USER=wiki -e MARIADB_PASSWORD=secret
	pg shop-db <<<"CREATE TABLE goods AS SELECT g, repeat('x', 100) FROM generate_series(1, 2000) g"
	maria wiki-db <<<"CREATE TABLE pages AS SELECT seq, repeat('y', 100) FROM seq_1_to_2000"
	baudolo-seed csv shop shop postgres secret >/dev/null
	baudolo-seed csv wiki wiki wiki secret >/dev/null
	dump_it() { faulty "$1" baudolo --backups-dir "$B" --state-dir "$S" --databases-csv csv --images-no-stop-required '*/*' --only-sql; }
	dump_it 0
	dumps >whole
	grep -q '^-- PostgreSQL database dump complete' whole
	grep -q '^-- Dump completed' whole
	[ "$(wc -c <whole)" -gt 400000 ]
	dump_it -1
	calls=$(awk '$1 ~ /^bd-(databases|instances|engines|match|dump|end)$/ { print NR }' log)
	[ "$(wc -l <<<"$calls")" -gt 50 ]
	n=${BD_FAULTS:-8}
	[ -z "${BAUDOLO_TEST_LONG-}" ] || n=$(wc -l <<<"$calls")
	FAULTS=0 REPORTED=0 DAMAGED=0
	for i in $(shuf -n "$n" <<<"$calls"); do
		rc=0 GENERATIONS=$(generations)
		dump_it "$i" || rc=$?
		[ -s log ] || continue
		WHAT="$(cat log), status $rc"
		FAULTS=$((FAULTS + 1))
		if [ -s err ]; then REPORTED=$((REPORTED + 1)); else echo "$WHAT: not a word"; fi
		if [ "$GENERATIONS" = "$(generations)" ]; then
			[ "$rc" -ge 2 ] || damaged 'no generation'
		elif [ "$rc" = 0 ]; then
			diff <(dumps) whole || damaged 'not the dumps'
		else # what is not there has failed, what is there is whole
			diff <(dumps) whole | grep '^<' && damaged 'half a dump'
		fi
		find "$R" -mindepth 1 -maxdepth 1 | LC_ALL=C sort | head -n -1 | xargs -r rm -rf
	done
	echo "dumps: $FAULTS faults, $REPORTED reported, $DAMAGED damaged (of $(wc -l <<<"$calls") calls)" | tee /dev/fd/3
	[ "$REPORTED $DAMAGED" = "$FAULTS 0" ]
	[ "$FAULTS" -gt $((n / 2)) ]
}
