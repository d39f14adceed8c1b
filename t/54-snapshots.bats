#!/usr/bin/env bats
# baudolo --snapshot btrfs, with Docker on btrfs.

load engine
load tree

setup_file() {
	local fs
	fs=$(loop_fs btrfs 1G)
	btrfs subvolume create "$fs/docker" >/dev/null
	export SUBJECT=$fs/docker
	BD_DATA_ROOT=$SUBJECT engine_start own
}

teardown_file() {
	engine_clean
	engine_stop own
	loop_clean
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	B=$BATS_TEST_TMPDIR/Backups S=$BATS_TEST_TMPDIR/state
}

teardown() { engine_clean; }

back_up() { baudolo --backups-dir "$B" --state-dir "$S" --only-files --snapshot btrfs --snapshot-subject "$SUBJECT" "$@"; }

newest() { printf '%s\n' "$B"/*/*/* | tail -n 1; }

no_snapshot() { [ -z "$(find "$SUBJECT" -maxdepth 1 -name '.baudolo-*')" ]; }

@test "volumes are copied from the snapshot, nothing is stopped, none is left" {
	local m started
	m=$(volume_new data)
	echo one >"$m/f" && ln "$m/f" "$m/g"
	container_run web -v data:/srv
	started=$(docker inspect -f '{{.State.StartedAt}}' web)
	run -0 back_up
	[[ $output == *'No containers to stop.'* ]]
	[[ $output != *WARNING* ]]
	oracle "$m" "$(newest)/data/files"
	[ "$(docker inspect -f '{{.State.StartedAt}}' web)" = "$started" ]
	no_snapshot
}

@test "the index serves snapshots too: what did not change is not read" {
	local m
	m=$(volume_new data)
	echo one >"$m/f"
	make -s -C "$BD_ROOT" build/t/later.so
	LD_PRELOAD=$BD_ROOT/build/t/later.so BD_LATER=60 back_up
	local first
	first=$(newest)
	strace -f -qq -e trace=openat -o trace -E LD_PRELOAD="$BD_ROOT/build/t/later.so" -E BD_LATER=60 \
		baudolo --backups-dir "$B" --state-dir "$S" --only-files --snapshot btrfs --snapshot-subject "$SUBJECT"
	[ "$first/data/files/f" -ef "$(newest)/data/files/f" ]
	! grep -q '"f", O_RDONLY.*O_NONBLOCK' trace || false
	# and a change is found
	echo two >"$m/f"
	back_up
	[ "$(cat "$(newest)/data/files/f")" = two ]
}

@test "volumes that the snapshot does not hold are copied live, and named" {
	local m n
	m=$(volume_new data) && echo x >"$m/f"
	n=$(volume_new temporary -d local -o type=tmpfs -o device=tmpfs)
	container_run web -v temporary:/t
	echo y >"$n/f"
	run -0 back_up
	[[ $output == *"WARNING: volume 'temporary' is not in the snapshot (driver options); copying it live instead."* ]]
	[ "$(cat "$(newest)/data/files/f" "$(newest)/temporary/files/f")" = $'x\ny' ]
	no_snapshot
}

@test "a snapshot that cannot be made: 3, and no generation" {
	volume_new data >/dev/null
	run -3 baudolo --backups-dir "$B" --state-dir "$S" --only-files --snapshot btrfs --snapshot-subject "$BATS_TEST_TMPDIR"
	[[ $output == *ERROR:* ]]
	[ -z "$(find "$B" -name manifest.json)" ]
	[ -z "$(ls -A "$B/.baudolo/partial")" ]
}

@test "TERM and KILL: no snapshot stays, or it goes with the next run" {
	local m sig
	m=$(volume_new data)
	head -c 50M /dev/urandom >"$m/big"
	for sig in TERM KILL; do
		baudolo --backups-dir "$B" --state-dir "$S" --only-files --snapshot btrfs --snapshot-subject "$SUBJECT" 3>&- &
		wait_for sh -c '[ -n "$(find "$1" -maxdepth 1 -name ".baudolo-*")" ]' - "$SUBJECT"
		kill -s "$sig" "$!"
		wait "$!" || :
		[ "$sig" = KILL ] || no_snapshot
		wait_for flock -n "$S/lock" true
		run -0 back_up
		no_snapshot
		rm -rf "$B"
	done
}
