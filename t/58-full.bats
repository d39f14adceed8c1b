#!/usr/bin/env bats
# The disk with the backups fills up, wherever in a run: what is published is right, what is old stays as it was, what ran
# runs, somebody is told, and once there is room the next run is as if nothing had been. 50 sizes in the long version.

load engine
load tree
load run

setup_file() { ram_engine; }
teardown_file() {
	ram_engine_end
	loop_clean
}

setup() {
	ram_work
	VOLUMES=(one two three)
}

teardown() {
	rm -rf "$fs/b"
	volume_rm "${VOLUMES[@]}"
}

run_it() { timeout 120 baudolo --backups-dir "$B" --state-dir "$S" --only-files >said 2>err; }

# leave KIBIBYTES: all else is taken, until it is given
leave() {
	local size
	if [ "$(stat -f -c %T "$fs")" = tmpfs ]; then
		mount -o "remount,size=$(($(stat -f -c '(%b - %f) * %S' "$fs") / 1024 + $1))k" "$fs"
		return
	fi
	size=$(($(stat -f -c '%f * %S' "$fs") - $1 * 1024))
	fallocate -l "$size" "$fs/filler" 2>/dev/null || head -c "$size" /dev/zero >"$fs/filler" 2>/dev/null || :
}

give() {
	if [ "$(stat -f -c %T "$fs")" = tmpfs ]; then mount -o remount,size=96m "$fs"; else rm "$fs/filler"; fi
}

change() {
	local v
	for v in "${VOLUMES[@]}"; do
		head -c 1500000 /dev/urandom >"${PLACE[$v]}/big"
		for i in {1..30}; do echo "$1" >"${PLACE[$v]}/sub/$i"; done
	done
}

# full KIBIBYTES: a night with that much left
full() {
	local rc=0 new
	change "$1"
	leave "$1"
	run_it || rc=$?
	[ "$(fingerprint "$R/$LAST")" = "$PAST" ] || { echo "$1 KiB: $LAST has changed"; DAMAGED=$((DAMAGED + 1)); }
	new=$(comm -13 <(echo "$LAST") <(generations))
	case $rc in
	0) [ -n "$new" ] && [ ! -s err ] || DAMAGED=$((DAMAGED + 1)) ;;
	1 | 3)
		grep -q '^ERROR: ' err || { echo "$1 KiB: no clear line"; cat err; DAMAGED=$((DAMAGED + 1)); }
		[ "$rc" = 3 ] || [ -n "$new" ] || DAMAGED=$((DAMAGED + 1))
		;;
	*) echo "$1 KiB: status $rc"; DAMAGED=$((DAMAGED + 1)) ;;
	esac
	ENDED[$rc]=$((${ENDED[$rc]} + 1))
	[ -z "$new" ] || whole "$R/$new" || { echo "$1 KiB: status $rc"; cat said err; DAMAGED=$((DAMAGED + 1)); }
	container_running writer || { echo "$1 KiB: writer is down"; DAMAGED=$((DAMAGED + 1)); }
	give
	run_it && [ ! -s err ] || { echo "$1 KiB: the run after it failed"; cat said err; DAMAGED=$((DAMAGED + 1)); }
	find "$R" -mindepth 1 -maxdepth 1 | LC_ALL=C sort | head -n -1 | xargs -r rm -rf
	LAST=$(generations) PAST=$(fingerprint "$R/$LAST")
	whole "$R/$LAST" || DAMAGED=$((DAMAGED + 1))
}

# Sets ENDED: how many runs ended how.
sizes() {
	local v i n=9
	mkdir "$fs/b"
	B=$fs/b R=$fs/b/$H/backup-docker-to-local
	declare -gA PLACE ENDED=([0]=0 [1]=0 [3]=0)
	for v in "${VOLUMES[@]}"; do
		PLACE[$v]=$(volume_new "$v")
		mkdir "${PLACE[$v]}/sub"
	done
	container_run writer -v one:/one -v two:/two
	change first
	run_it
	LAST=$(generations) PAST=$(fingerprint "$R/$LAST")
	DAMAGED=0
	[ -z "${BAUDOLO_TEST_LONG-}" ] || n=50
	for i in $(seq 0 $((n - 1))); do
		full $((i * i * 20000 / n / n)) # small ones matter more
	done
	docker rm -f writer >/dev/null
	echo "$n sizes, ${ENDED[0]} done, ${ENDED[1]} with failed volumes, ${ENDED[3]} without a generation, $DAMAGED damaged" | tee /dev/fd/3
	[ "$DAMAGED" = 0 ] && [ "${ENDED[0]}" -gt 0 ]
}

@test "no size of a full disk does damage: ext4" {
	fs=$(loop_fs ext4 96M)
	rmdir "$fs/lost+found"
	sizes
	[ "${ENDED[1]}" -gt 0 ]
}

@test "no size of a full disk does damage: tmpfs, which has nothing in reserve" {
	fs=$PWD/tmp
	mkdir "$fs"
	mount -t tmpfs -o size=96m none "$fs"
	sizes
	umount "$fs"
	[ "${ENDED[3]}" -gt 0 ]
}
