#!/usr/bin/env bats
# A run in which one call fails, of all that its programs make: that is reported, and costs a volume or the run, never
# more. The long version has 1,000 faults.

load engine
load tree
load run

setup_file() { ram_engine; }
teardown_file() { ram_engine_end; }

setup() {
	ram_work
	VOLUMES=(one two three)
	make -s -C "$BD_ROOT" build/t/later.so build/t/fault.so
}

run_it() {
	LD_PRELOAD="$BD_ROOT/build/t/fault.so $BD_ROOT/build/t/later.so" BD_LATER=60 BD_FAULT_COUNT=$PWD/count BD_FAULT_LOG=$PWD/log \
		timeout 120 baudolo --backups-dir "$B" --state-dir "$S" --only-files "$@" >said 2>err
}

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
	local rc=0 g new last=$LAST
	: >log
	head -c 8 /dev/zero >count
	change "$1"
	BD_FAULT_AT=$1 run_it || rc=$?
	WHAT="call $1: $(cat log), status $rc"
	[ -s log ] || { forget; return; } # there were fewer
	[ "$(fingerprint "$R/$last")" = "$PAST" ] || { echo "$WHAT: $last has changed"; DAMAGED=$((DAMAGED + 1)); }
	new=$(comm -13 <(echo "$GENERATIONS") <(generations))
	if [ -n "$new" ] && ! whole "$R/$new"; then
		echo "$WHAT: damaged"
		cat said err
		DAMAGED=$((DAMAGED + 1))
	fi
	if [ "$rc" != 0 ]; then
		[ -s err ] || { echo "$WHAT: not a word"; UNSAID=$((UNSAID + 1)); }
		REPORTED=$((REPORTED + 1))
		[ -n "$new" ] || [ "$rc" -ge 3 ] || { echo "$WHAT: no generation"; DAMAGED=$((DAMAGED + 1)); }
	elif [ -s err ]; then
		REPORTED=$((REPORTED + 1))
	elif harmless; then
		HARMLESS=$((HARMLESS + 1))
	else
		echo "$WHAT: swallowed"
		SWALLOWED=$((SWALLOWED + 1))
	fi
	FAULTS=$((FAULTS + 1))
	# the next run sets all right
	if ! run_it || [ -s err ]; then
		echo "$WHAT: the run after it failed:"
		cat said err
		DAMAGED=$((DAMAGED + 1))
	fi
	container_running writer || { echo "$WHAT: writer is down"; DAMAGED=$((DAMAGED + 1)); }
	forget
	whole "$R/$LAST" || DAMAGED=$((DAMAGED + 1))
}

# What may fail without a word, since all was found right: what was only to be closed or to be read, when there was another
# way to go (no base, no index, a second try), and what never leaves the kernel's memory.
harmless() {
	! grep -qE '^[^ ]+ (write|fflush|fsync|syncfs|rename[a-z0-9]*|link|linkat|mkdir|mkdirat|unlink|unlinkat) ' log ||
		grep -qE '^[^ ]+ [a-z]+ (/proc/|/dev/null$|pipe:|anon_inode:)' log
}

@test "a fault at any call is reported, and damages nothing" {
	make_volumes
	head -c 8 /dev/zero >count
	run_it
	change 1
	head -c 8 /dev/zero >count
	run_it
	calls=$(od -An -t d8 count | tr -d ' ')
	echo "$calls calls"
	[ "$calls" -gt 500 ]
	forget
	FAULTS=0 REPORTED=0 HARMLESS=0 SWALLOWED=0 UNSAID=0 DAMAGED=0
	n=${BD_FAULTS:-25}
	[ -z "${BAUDOLO_TEST_LONG-}" ] || n=1000
	for i in $(seq "$n"); do
		fault $((calls * (i - 1) / n + RANDOM % (calls / n + 1) + 1))
	done
	echo "$FAULTS faults, $REPORTED reported, $HARMLESS harmless, $SWALLOWED swallowed, $DAMAGED damaged" |
		tee /dev/fd/3
	[ "$SWALLOWED $UNSAID $DAMAGED" = '0 0 0' ]
	[ "$FAULTS" -gt $((n / 2)) ]
}
