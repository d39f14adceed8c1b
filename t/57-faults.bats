#!/usr/bin/env bats
# Runs, restores and dumps in which one call fails, of all that their programs make: each is reported, and costs a volume or the
# run, never more. The long version has 1,000 faults of each, or one for every call.

load engine
load tree
load run
load database

setup_file() { ram_engine; }
teardown_file() { ram_engine_end; }
teardown() { engine_clean; }

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

# sweep FAULT N CALL...: the function FAULT with N of the calls, from all of them
sweep() {
	local fault=$1 n=${BD_FAULTS:-$2} i from to
	shift 2
	FAULTS=0 REPORTED=0 DAMAGED=0
	[ -z "${BAUDOLO_TEST_LONG-}" ] || n=1000
	[ "$n" -lt $# ] || n=$#
	for ((i = 0; i < n; i++)); do
		from=$(($# * i / n)) to=$(($# * (i + 1) / n))
		"$fault" "${@:from + RANDOM % (to - from) + 1:1}"
	done
	echo "# ${fault%_fault}: $# calls" >&3
	echo "$FAULTS faults, $REPORTED reported, $DAMAGED damaged" | tee /dev/fd/3
	[ "$REPORTED $DAMAGED" = "$FAULTS 0" ]
	[ "$FAULTS" -gt $((n / 2)) ]
}

# failed COMMAND... N: did its call N fail? Sets rc. What is said of it is counted.
failed() {
	rc=0
	"$@" || rc=$?
	[ -s log ] || return # there were fewer
	WHAT="call ${*: -1}: $(cat log), status $rc"
	# rsync reads again what it could not read for a checksum, sh its script in the middle of a word, and both say nothing: what
	# comes of it is judged all the same
	[ "$rc" != 0 ] || [ -s err ] || ! grep -qE '^(rsync (open|read)|sh read .*/bin/baudolo)' log || return 0
	FAULTS=$((FAULTS + 1))
	if [ -s err ]; then REPORTED=$((REPORTED + 1)); else echo "$WHAT: not a word"; fi
}

damaged() {
	echo "$WHAT: $1"
	cat said err
	DAMAGED=$((DAMAGED + 1))
}

run_fault() {
	local rc new last=$LAST
	change "$1"
	failed run_it "$1" || { forget; return 0; }
	[ "$(fingerprint "$R/$last")" = "$PAST" ] || damaged "$last has changed"
	new=$(comm -13 <(echo "$GENERATIONS") <(generations))
	[ -n "$new" ] || [ "$rc" -ge 2 ] || damaged 'no generation'
	[ -z "$new" ] || whole "$R/$new" || damaged "$new"
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

@test "a fault at any call is reported, and damages nothing" {
	make_volumes
	run_it 0
	change 1
	run_it 0
	forget
	[ "$(calls)" -gt 1000 ]
	sweep run_fault 25 $(seq "$(calls)")
	heal
	[ "$DAMAGED" = 0 ]
}

# restore_it N: into a volume that holds something else
restore_it() {
	rm -rf "${PLACE[one]:?}"/*
	cp -a old/. "${PLACE[one]}"
	faulty "$1" baudolo-restore files one - latest --backups-dir "$B" --state-dir "$S" --stop
}

restore_fault() {
	local rc
	failed restore_it "$1" || return 0
	if [ "$rc" = 0 ] || grep -qx 'File restore complete.' said; then # what it had made for itself may be left, and is named
		exact new "${PLACE[one]}" || damaged 'not restored'
	elif ! grep -q '^ERROR: volume one \(is\|was\) restored' err; then # in part; or all, but for its hard links
		exact old "${PLACE[one]}" || damaged 'neither the old nor the new'
	fi
	container_running writer || damaged 'writer is down'
}

@test "a fault at any call of a restore: what it says is true" {
	make_volumes
	run_it 0
	cp -a "${PLACE[one]}" new
	cp -a new old
	for i in {5..20}; do echo "old $i" >"old/sub/$i"; done
	rm old/soft old/sub/1
	restore_it 0
	exact new "${PLACE[one]}"
	sweep restore_fault 8 $(seq "$(calls)")
}

dump_it() {
	faulty "$1" baudolo --backups-dir "$B" --state-dir "$S" --databases-csv csv --images-no-stop-required '*/*' --only-sql
}

# The dumps of the last generation but for what differs each time
dumps() {
	local g
	g=$(generations | tail -n 1)
	tail -vn +1 "$R/$g"/*/sql/* | sed -E "s/$g//; /^\\\\(un)?restrict /d; /^-- Dump completed/s/ on .*//"
}

dump_fault() {
	local rc before
	before=$(generations)
	failed dump_it "$1" || return 0
	if [ "$before" = "$(generations)" ]; then
		[ "$rc" -ge 2 ] || damaged 'no generation'
	elif [ "$rc" = 0 ]; then
		diff <(dumps) whole || damaged 'not the dumps'
	else # what is not there has failed, what is there is whole
		! diff <(dumps) whole | grep '^<' || damaged 'half a dump'
	fi
	find "$R" -mindepth 1 -maxdepth 1 | LC_ALL=C sort | head -n -1 | xargs -r rm -rf
}

# What is restored into one, and what it holds: in the database, and nowhere else
postgres_old() { pg shop-db <<<"DROP TABLE IF EXISTS goods, older; CREATE TABLE goods AS SELECT 1 AS g, 'old' AS x; CREATE TABLE older ()"; }
postgres_holds() { pg shop-db <<<"SELECT count(*), md5(string_agg(goods::text, ',' ORDER BY g)), to_regclass('older') FROM goods"; }
mariadb_old() { maria wiki-db <<<"DROP TABLE IF EXISTS pages, older; CREATE TABLE pages AS SELECT 1 AS seq, 'old' AS x; CREATE TABLE older (a int)"; }
mariadb_holds() { maria wiki-db <<<"SELECT seq, x FROM pages ORDER BY seq; SHOW TABLES" | md5sum; }

# KIND CONTAINER VOLUME DATABASE USER PASSWORD N
restore_into() {
	"$1_old" >/dev/null
	BAUDOLO_DB_PASSWORD=$6 faulty "$7" baudolo-restore "$1" "$3" - latest --backups-dir "$B" --state-dir "$S" --container "$2" --db-name "$4" \
		--db-user "$5" --empty
}

into_fault() {
	local rc now
	failed restore_into "${INTO[@]}" "$1" || return 0
	now=$("$INTO"_holds)
	if [ "$rc" = 0 ]; then
		[ "$now" = "$DUMPED" ] || damaged 'not restored'
	else
		[ "$now" = "$DUMPED" ] || [ "$now" = "$OLDER" ] || damaged "neither the old nor the new: $now"
	fi
}

# INTO...: as restore_into takes it
sweep_into() {
	INTO=("$@")
	DUMPED=$("$1"_holds)
	"$1_old" >/dev/null
	OLDER=$("$1"_holds)
	[ "$DUMPED" != "$OLDER" ]
	restore_into "$@" 0 || { cat err; return 1; }
	[ "$("$1"_holds)" = "$DUMPED" ]
	sweep into_fault 8 $(seq "$(calls)")
}

@test "a fault at any call of a dump, or of its restore: no half dump is one, and no database is half of one" {
	image_postgres
	image_mariadb
	volume_new pgdata && volume_new mydata
	server_run shop-db bd-test/postgres:15 -v pgdata:/var/lib/postgresql/data -e POSTGRES_PASSWORD=secret -e POSTGRES_DB=shop
	server_run wiki-db bd-test/mariadb:10.11 -v mydata:/var/lib/mysql -e MARIADB_ROOT_PASSWORD=root -e MARIADB_DATABASE=wiki \
		-e MARIADB_USER=wiki -e MARIADB_PASSWORD=secret
	pg shop-db <<<"CREATE TABLE goods AS SELECT g, repeat('x', 100) AS x FROM generate_series(1, 2000) g"
	maria wiki-db <<<"CREATE TABLE pages AS SELECT seq, repeat('y', 100) AS x FROM seq_1_to_2000"
	baudolo-seed csv shop shop postgres secret >/dev/null
	baudolo-seed csv wiki wiki wiki secret >/dev/null
	dump_it 0
	dumps >whole
	grep -q '^-- PostgreSQL database dump complete' whole
	grep -q '^-- Dump completed' whole
	[ "$(wc -c <whole)" -gt 400000 ]
	dump_it -1
	sweep dump_fault 8 $(awk '$1 ~ /^bd-(databases|instances|engines|match|dump|end)$/ { print NR }' log)
	dump_it 0
	sweep_into postgres shop-db pgdata shop postgres secret
	sweep_into mariadb wiki-db mydata wiki root root
}

# Generations as they were: kept is a copy of the backups folder.
again() {
	rm -rf "$B"
	cp -a kept "$B"
}

prune_it() { faulty "$1" baudolo-prune --backups-dir "$B" --state-dir "$S" --keep-last 1; }

prune_fault() {
	local rc g
	again
	failed prune_it "$1" || return 0
	for g in $(generations); do
		[ "$(fingerprint "$R/$g")" = "${PAST[$g]}" ] || damaged "$g has changed"
	done
	[ -d "$R/$LAST" ] || damaged 'the last generation is gone'
	[ "$rc" != 0 ] || [ "$(generations)" = "$LAST" ] || damaged 'not all was removed'
	prune_it 0 && [ ! -s err ] && [ "$(generations)" = "$LAST" ] && [ -z "$(find "$B" -name '*.gone*' -o -path '*/.baudolo/*/*')" ] ||
		damaged 'the next prune does not set all right'
}

verify_it() { faulty "$1" baudolo-verify --backups-dir "$B" --state-dir "$S"; }

# All is well, and must not be called damaged for good; and one byte is not, and must not be called well.
verify_fault() {
	local rc
	again
	! failed verify_it "$1" || verify_it 0 && [ ! -s err ] || damaged 'it still says so'
	printf X | dd of="$R/$LAST/one/files/sub/3" conv=notrunc status=none
	failed verify_it "$1" && [ "$rc" = 0 ] || return 0
	damaged 'a damaged file is said to be good'
}

@test "a fault at any call of a prune, of a verification" {
	make_volumes
	for i in 1 2 3; do
		change "$i"
		run_it 0
	done
	cp -a "$B" kept
	remember
	[ "$(wc -l <<<"$OLD")" = 3 ]
	LAST=$(tail -n 1 <<<"$OLD")
	prune_it 0
	[ "$(generations)" = "$LAST" ]
	sweep prune_fault 8 $(seq "$(calls)")
	again
	verify_it 0
	[ ! -s err ]
	sweep verify_fault 8 $(seq "$(calls)")
}
