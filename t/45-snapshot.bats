#!/usr/bin/env bats
# bd-snapshot, bd-in-snapshot

load engine
load fake

setup_file() {
	FS=$(loop_fs btrfs 1G)
	export FS
}

teardown_file() { loop_clean; }

setup() {
	cd "$BATS_TEST_TMPDIR"
	S=$FS/s$BATS_TEST_NUMBER
	subvolume create "$S"
	export S
}

teardown() {
	local p at
	for p in $(cat pid* 2>/dev/null); do kill -KILL "$p" 2>/dev/null || :; done
	btrfs subvolume set-default 5 "$FS"
	engine_stop own
	awk -v d="$FS/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r at; do umount "$(printf %b "$at")"; done
}

subvolume() { btrfs subvolume "$@" >/dev/null; }

# The snapshots in the subject.
snapshots() { find "$1" -mindepth 1 -maxdepth 1 -name '*baudolo-*' -printf '%f\n' | LC_ALL=C sort | xargs; }

gone() { ! [ -e "/proc/$1/exe" ]; } # a zombie is gone

# Runs it in the background, without what bats waits for; its pid is $PID. The command's, if it writes it: command_pid
start() {
	rm -f pid
	"$@" </dev/null >out 2>err 3>&- &
	PID=$!
	echo $PID >pid.$PID
}
command_pid() { wait_for [ -s pid ] && cat pid; }

ended() {
	local status=0
	wait "$PID" || status=$?
	[ "$status" = "$1" ] || { echo "status $status"; cat err; return 1; }
}

# A run that is at work; its command's pid is $COMMAND
WORK='echo $$ >pid.tmp; mv pid.tmp pid; exec sleep 1000'
at_work() {
	start bd-snapshot "$@" -- sh -c "$WORK"
	COMMAND=$(command_pid)
}

@test "btrfs: a read-only snapshot under its name, told in the environment" {
	echo old >"$S/f"
	run -0 --separate-stderr bd-snapshot -t 20260102030405 btrfs "$S" -- sh -c '
		echo new >"$BAUDOLO_SNAPSHOT_SUBJECT/f"
		cat "$BAUDOLO_SNAPSHOT/f"
		echo "$BAUDOLO_SNAPSHOT|$BAUDOLO_SNAPSHOT_SUBJECT"
		btrfs property get "$BAUDOLO_SNAPSHOT" ro
		echo x >"$BAUDOLO_SNAPSHOT/x" || :'
	[ "$output" = "old
$S/.baudolo-20260102030405|$S
ro=true" ]
	[[ $stderr == *'Read-only file system' ]]
	[ -z "$(snapshots "$S")" ]
	[ -z "$(btrfs subvolume list -s "$FS" | grep "s$BATS_TEST_NUMBER/")" ]
}

@test "btrfs: the subject may be given in any way, and is told absolute" {
	ln -s "$S" link
	mkdir sub
	cd sub
	run -0 bd-snapshot -t 20260102030405 btrfs ../link/. -- sh -c 'echo "$BAUDOLO_SNAPSHOT|$BAUDOLO_SNAPSHOT_SUBJECT"; pwd'
	[ "${lines[0]}" = "$S/.baudolo-20260102030405|$S" ]
	[ "${lines[1]}" = "$PWD" ]
}

@test "the name is the local time, or the next that is free" {
	for zone in UTC Pacific/Kiritimati; do
		export TZ=$zone
		before=$(date +%Y%m%d%H%M%S)
		run -0 bd-snapshot btrfs "$S" -- sh -c 'echo "$BAUDOLO_SNAPSHOT"'
		[[ $output =~ /\.baudolo-([0-9]{14})$ ]]
		[[ ! ${BASH_REMATCH[1]} < $before ]]
		[[ ! ${BASH_REMATCH[1]} > $(date +%Y%m%d%H%M%S) ]]
	done
	run -0 bd-snapshot btrfs "$S" -- bd-snapshot btrfs "$S" -- bd-snapshot btrfs "$S" -- sh -c 'ls -d "$S"/.b* | wc -l'
	[ "$output" = 3 ]
	[ -z "$(snapshots "$S")" ]
}

@test "T0 is taken, then all is brought to disk, then the snapshot is made" {
	before=$(date +%s.%N)
	run -0 bd-snapshot btrfs "$S" -- sh -c 'echo $BAUDOLO_SNAPSHOT_T0'
	after=$(date +%s.%N)
	[[ $output =~ ^[0-9]{10}\.[0-9]{9}$ ]]
	[ "$(printf '%s\n' "$before" "$output" "$after" | sort)" = "$before"$'\n'"$output"$'\n'"$after" ]
	run -0 strace -f -qq -ttt -e trace=syncfs,execve -o trace bd-snapshot btrfs "$S" -- sh -c 'echo $BAUDOLO_SNAPSHOT_T0'
	sync=$(grep -n ' syncfs(' trace | cut -d : -f 1)
	make=$(grep -n '"snapshot", "-r"' trace | head -n 1 | cut -d : -f 1)
	[ "$sync" -lt "$make" ]
	read -r _ at _ <<<"$(grep ' syncfs(' trace)"
	[[ ! $output > $at ]]
}

@test "the command's status, words, input and output" {
	run -0 bd-snapshot btrfs "$S" -- true
	run -7 bd-snapshot btrfs "$S" -- sh -c 'exit 7'
	run -137 bd-snapshot btrfs "$S" -- sh -c 'kill -9 $$'
	run -143 bd-snapshot btrfs "$S" -- sh -c 'kill $$'
	: >file
	run -126 bd-snapshot btrfs "$S" -- ./file
	[ "$output" = 'bd-snapshot: ./file: Permission denied' ]
	run -127 bd-snapshot btrfs "$S" -- ./none
	[ "$output" = 'bd-snapshot: ./none: No such file or directory' ]
	words=(- -- -n $'tab\tnew\nline' 'quote'\'' "' 'back\slash' $'\xff' '')
	run -0 bd-snapshot btrfs "$S" -- printf '<%s>' "${words[@]}"
	[ "$output" = "$(printf '<%s>' "${words[@]}")" ]
	run -0 --separate-stderr bash -c 'printf in | bd-snapshot btrfs "$S" -- cat'
	[ "$output" = in ]
	[ -z "$stderr" ]
	[ -z "$(snapshots "$S")" ]
}

@test "hostile names of the subject" {
	for name in 'a b' $'new\nline' $'tab\t' "quote'\"" 'back\slash' $'\xff' -r -- '*' '\040'; do
		subvolume create "$S/$name"
		echo in >"$S/$name/f"
		cd "$S"
		for given in "$S/$name" "./$name" "$name"; do
			run -0 --separate-stderr bd-snapshot -t 20260102030405 btrfs "$given" -- sh -c '
				cat "$BAUDOLO_SNAPSHOT/f"; printf "%s\n" "$BAUDOLO_SNAPSHOT_SUBJECT"'
			[ "$output" = $'in\n'"$S/$name" ]
			[ -z "$stderr" ]
		done
		[ -z "$(snapshots "$S/$name")" ]
		# a leftover as well
		subvolume snapshot -r "$S/$name" "$S/$name/.baudolo-20260102030405"
		run -0 bd-snapshot -r btrfs "$S/$name"
		[ -z "$output$(snapshots "$S/$name")" ]
	done
}

# Two files of eight digits written in turn, each write on disk before the next, and two folders that fill in turn.
lockstep() {
	local n=10000000
	mkdir -p a b
	while :; do
		n=$((n + 1))
		echo $n 1<>fa
		sync -d fa
		echo $n 1<>fb
		sync -d fb
		: >a/$n
		: >b/$n
	done
}

@test "frozen at one instant, while a writer goes on" {
	cd "$S"
	lockstep 3>&- >/dev/null 2>&1 &
	echo $! >"$BATS_TEST_TMPDIR/pid.$!"
	cd - >/dev/null
	wait_for [ -s "$S/fb" ]
	for _ in {1..20}; do
		run -0 bd-snapshot btrfs "$S" -- bash -c '
			cd "$BAUDOLO_SNAPSHOT"
			state() { echo $(<fa) $(<fb) $(ls a | wc -l) $(ls b | wc -l); }
			state
			live=$(<"$BAUDOLO_SNAPSHOT_SUBJECT/fb")
			until [ "$(<"$BAUDOLO_SNAPSHOT_SUBJECT/fb")" -gt $((live + 1)) ]; do :; done
			state'
		read -r a b in_a in_b <<<"${lines[0]}"
		[ "$a" = "$b" ] || [ "$a" = $((b + 1)) ]
		[ "$in_a" = "$in_b" ] || [ "$in_a" = $((in_b + 1)) ]
		[ $((b - 10000000)) = "$in_a" ] || [ $((b - 10000000)) = $((in_a + 1)) ]
		[ "${lines[0]}" = "${lines[1]}" ]
	done
	[ -z "$(snapshots "$S")" ]
}

@test "a store through mmap made before it is in it" {
	make -s -C "$BD_ROOT" build/t/mmapper
	head -c 4096 /dev/zero >"$S/m"
	"$BD_ROOT/build/t/mmapper" "$S/m" "$PWD/ctl" 3>&- >/dev/null
	for _ in {1..10}; do
		printf s >ctl
		cat ctl.ack
		run -0 bd-snapshot btrfs "$S" -- sh -c 'cmp "$BAUDOLO_SNAPSHOT/m" "$S/m"'
	done
	printf q >ctl
	[ "$(head -c 1 "$S/m" | od -An -tu1 | xargs)" = 10 ]
}

@test "HUP, INT and TERM reach the command, which is waited for; nothing is left" {
	for sig in HUP:129 INT:130 TERM:143; do
		at_work btrfs "$S"
		kill -s "${sig%:*}" "$PID"
		ended "${sig#*:}"
		gone "$COMMAND"
		[ -z "$(snapshots "$S")" ]
	done
	mkfifo go
	start bd-snapshot btrfs "$S" -- sh -c '
		trap "read -r _ <go; ls -d \"\$BAUDOLO_SNAPSHOT\" >seen; exit 5" TERM
		echo $$ >pid.tmp; mv pid.tmp pid; while :; do :; done'
	command_pid
	kill "$PID"
	[ -n "$(snapshots "$S")" ]
	echo >go
	ended 5
	[ -s seen ]
	[ -z "$(snapshots "$S")" ]
}

@test "what a terminal or a shell sends to the whole group" {
	for sig in HUP INT TERM; do
		start setsid bd-snapshot btrfs "$S" -- sh -c "$WORK"
		command_pid
		kill -s "$sig" -- "-$PID"
		wait "$PID" || :
		[ -z "$(snapshots "$S")" ]
	done
}

@test "a signal also reaches what the command has left running" {
	start bd-snapshot btrfs "$S" -- sh -c 'sh -c "sleep 1000; true" & echo $$ >pid.tmp; mv pid.tmp pid; sh -c "sleep 1000; true"; true'
	command_pid
	wait_for pgrep -P "$(cat pid)"
	kill "$PID"
	ended 143
	[ -z "$(snapshots "$S")" ]
}

@test "a signal that is ignored stays so" {
	start bash -c 'trap "" HUP; exec bd-snapshot btrfs "$S" -- sh -c "$1"' - "$WORK"
	command_pid
	kill -HUP "$PID"
	kill -TERM "$PID"
	ended 143
	[ -z "$(snapshots "$S")" ]
}

@test "the snapshot stays until all that the command started is gone" {
	mkfifo go
	start bd-snapshot btrfs "$S" -- sh -c '
		(echo $$ >pid.tmp; read -r _ <go; ls -d "$BAUDOLO_SNAPSHOT" >seen) &
		echo $$ >pid.tmp; mv pid.tmp pid; exit 6'
	wait_for gone "$(command_pid)"
	[ -n "$(snapshots "$S")" ]
	run -0 bd-snapshot -r btrfs "$S"
	[ -n "$(snapshots "$S")" ]
	echo >go
	ended 6
	[ -s seen ]
	[ -z "$(snapshots "$S")" ]
}

@test "a SIGKILL: the command dies, what is left goes with the next run" {
	for next in -r run; do
		at_work -t 20260102030405 btrfs "$S"
		kill -KILL "$PID"
		ended 137
		wait_for gone "$COMMAND"
		left=$(snapshots "$S")
		[ -n "$left" ]
		case $next in
		-r) run -0 --separate-stderr bd-snapshot -r btrfs "$S" ;;
		run) run -0 --separate-stderr bd-snapshot btrfs "$S" -- ls -A "$S" ;;
		esac
		[ "$output" != "$left" ]
		[ -z "$stderr" ]
		[ -z "$(snapshots "$S")" ]
	done
	# under the name of the dead one
	at_work -t 20260102030405 btrfs "$S"
	kill -KILL "$PID"
	ended 137
	wait_for gone "$COMMAND"
	run -0 bd-snapshot -t 20260102030405 btrfs "$S" -- true
}

@test "what a dead run's command has left running keeps the snapshot" {
	start bd-snapshot btrfs "$S" -- sh -c 'sleep 1000 & echo $! >pid.sleep; echo $$ >pid.tmp; mv pid.tmp pid; wait'
	COMMAND=$(command_pid)
	kill -KILL "$PID"
	ended 137
	wait_for gone "$COMMAND"
	run -0 bd-snapshot -r btrfs "$S"
	[ -n "$(snapshots "$S")" ]
	kill "$(cat pid.sleep)"
	wait_for gone "$(cat pid.sleep)"
	run -0 bd-snapshot -r btrfs "$S"
	[ -z "$(snapshots "$S")" ]
}

@test "killed at each of its calls, the next run leaves nothing" {
	local n=0 nth call
	for call in syncfs flock clone wait4 openat ioctl poll close; do
		for ((nth = 1; nth < 300; nth++)); do
			run strace -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$nth" \
				bd-snapshot -t 20260102030405 btrfs "$S" -- true
			[ "$status" != 0 ] || break
			[ "$status" = 137 ]
			n=$((n + 1))
			run -0 bd-snapshot -r btrfs "$S"
			[ -z "$output$(snapshots "$S")" ]
		done
		[ "$nth" -gt 1 ]
		[ "$nth" -lt 300 ]
	done
	echo "$n kills, 0 snapshots left"
	[ "$n" -gt 30 ]
}

@test "a live run's snapshot is not reaped" {
	at_work -t 20260102030405 btrfs "$S"
	run -0 bd-snapshot -v -r btrfs "$S"
	[ "$output" = "bd-snapshot: $S/.baudolo-20260102030405: in use" ]
	run -0 bd-snapshot -t 20260102030406 btrfs "$S" -- true
	[ -z "$output" ]
	[ "$(snapshots "$S")" = .baudolo-20260102030405 ]
	run -3 bd-snapshot -t 20260102030405 btrfs "$S" -- touch ran
	[ "$output" = "bd-snapshot: $S/.baudolo-20260102030405: exists already" ]
	[ ! -e ran ]
	[ "$(snapshots "$S")" = .baudolo-20260102030405 ]
	[ -z "$(snapshots "$S/.baudolo-20260102030405")" ]
	kill "$PID"
	ended 143
	[ -z "$(snapshots "$S")" ]
}

@test "several runs at once never take each other's" {
	pids=()
	for i in {1..8}; do
		(
			for _ in 1 2 3 4 5; do
				bd-snapshot btrfs "$S" -- sh -c 'bd-snapshot -r btrfs "$S" && ls -d "$BAUDOLO_SNAPSHOT"/.' || exit
			done
		) >out.$i 2>&1 3>&- &
		pids+=($!)
	done
	for p in "${pids[@]}"; do wait "$p" || { cat out.*; false; }; done
	run cat out.*
	[ "${#lines[@]}" = 40 ]
	[ -z "$(snapshots "$S")" ]
}

@test "only what is called so, and is a snapshot of the subject, is deleted" {
	subvolume create "$S/other"
	keep=(.baudolo-2026010203040 .baudolo-202601020304055 .baudolo-2026010203040x .baudolo- baudolo-20260102030405
		.Baudolo-20260102030405 x.baudolo-20260102030405 '.baudolo-20260102030405 ')
	for name in "${keep[@]}"; do subvolume snapshot -r "$S" "$S/$name"; done
	mkdir "$S/.baudolo-20260101000001"
	touch "$S/.baudolo-20260101000001/f" "$S/.baudolo-20260101000002"
	subvolume snapshot "$S" "$S/.baudolo-20260101000003"
	subvolume create "$S/.baudolo-20260101000004"
	subvolume snapshot -r "$S/other" "$S/.baudolo-20260101000005"
	subvolume snapshot -r "$S" "$S/target"
	ln -s target "$S/.baudolo-20260101000006"
	before=$(find "$S" -mindepth 1 | sort)
	subvolume snapshot -r "$S" "$S/.baudolo-20260101000007"
	subvolume snapshot -r "$S/other" "$S/other/.baudolo-20260101000000"
	for how in -r run; do
		case $how in
		-r) run -0 bd-snapshot -r btrfs "$S" ;;
		run) run -0 bd-snapshot btrfs "$S" -- true ;;
		esac
		[ "$(sort <<<"$output")" = "$(for i in 1 2 3 4 5 6; do
			echo "bd-snapshot: $S/.baudolo-2026010100000$i: left alone: not a snapshot of $S"
		done)" ]
		[ "$(find "$S" -mindepth 1 ! -path "$S/other/.b*" | sort)" = "$before" ]
		[ "$(snapshots "$S/other")" = .baudolo-20260101000000 ]
	done
}

@test "what cannot be made: why, status 3, and no command" {
	refused() {
		run -3 "$@" -- touch ran
		[ ! -e ran ]
	}
	mkdir "$S/folder"
	refused bd-snapshot btrfs "$S/folder"
	[ "$output" = "bd-snapshot: $S/folder: not the root of a btrfs subvolume" ]
	refused bd-snapshot btrfs /proc
	[ "$output" = 'bd-snapshot: /proc: not the root of a btrfs subvolume' ]
	refused bd-snapshot btrfs "$S/none"
	[ "$output" = "bd-snapshot: $S/none: No such file or directory" ]
	refused bd-snapshot btrfs ''
	: >"$S/file"
	refused bd-snapshot btrfs "$S/file"
	[ "$output" = "bd-snapshot: $S/file: Not a directory" ]
	mkdir "$S/.baudolo-20260102030405"
	refused bd-snapshot -t 20260102030405 btrfs "$S"
	[ "${lines[1]}" = "bd-snapshot: $S/.baudolo-20260102030405: exists already" ]
	rmdir "$S/.baudolo-20260102030405"
	# no snapshots of a read-only file system, nor of one with an active swap file
	mkdir ro
	mount --bind "$S" ro
	mount -o remount,bind,ro ro
	PATHS=$PWD/ro
	refused bd-snapshot -t 20260102030405 btrfs ro
	umount ro
	[[ $output == *'Read-only file system'* ]]
	[ "${lines[-1]}" = "bd-snapshot: $PATHS/.baudolo-20260102030405: could not be made: btrfs ended with status 1" ]
	mkdir bin
	ln -s "$(command -v bd-snapshot)" bin/
	printf '#!/bin/sh\nexit 5\n' >bin/btrfs
	chmod +x bin/btrfs
	refused env PATH="$PWD/bin:$PATH" bd-snapshot -t 20260102030405 btrfs "$S"
	[ "$output" = "bd-snapshot: $S/.baudolo-20260102030405: could not be made: btrfs ended with status 5" ]
	# success without a snapshot
	printf '#!/bin/sh\n' >bin/btrfs
	refused env PATH="$PWD/bin:$PATH" bd-snapshot -t 20260102030405 btrfs "$S"
	[ "${lines[0]}" = "bd-snapshot: $S/.baudolo-20260102030405: No such file or directory" ]
	[ -z "$(snapshots "$S")" ]
}

@test "what was half made is deleted" {
	mkdir bin
	printf '#!/bin/sh\n%s "$@"\n[ "$2" = delete ] || exit 5\n' "$(command -v btrfs)" >bin/btrfs
	chmod +x bin/btrfs
	run -3 env PATH="$PWD/bin:$PATH" bd-snapshot btrfs "$S" -- touch ran
	[[ $output == *'could not be made: btrfs ended with status 5' ]]
	[ ! -e ran ]
	[ -z "$(snapshots "$S")" ]
}

@test "a snapshot that cannot be deleted is named, and 0 becomes 1" {
	stuck() { bd-snapshot -t 20260102030405 btrfs "$S" -- sh -c 'btrfs subvolume set-default "$BAUDOLO_SNAPSHOT"; exit '"$1"; }
	run -1 stuck 0
	[ "${lines[-1]}" = "bd-snapshot: $S/.baudolo-20260102030405: could not be deleted: btrfs ended with status 1" ]
	[ "$(snapshots "$S")" = .baudolo-20260102030405 ]
	# nor by the next runs
	run -1 bd-snapshot -r btrfs "$S"
	[ "${lines[-1]}" = "bd-snapshot: $S/.baudolo-20260102030405: could not be deleted: btrfs ended with status 1" ]
	run -1 bd-snapshot btrfs "$S" -- touch ran
	[ -e ran ]
	run -8 bd-snapshot btrfs "$S" -- sh -c 'exit 8'
	btrfs subvolume set-default 5 "$FS"
	run -0 bd-snapshot -r btrfs "$S"
	run -9 stuck 9
	[ "$(snapshots "$S")" = .baudolo-20260102030405 ]
}

@test "who reads its messages may be gone" {
	: >"$S/.baudolo-20260101000000" # something to say
	run -0 bash -c 'set -o pipefail; bd-snapshot -v btrfs "$S" -- true 2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}'
	[ "$(snapshots "$S")" = .baudolo-20260101000000 ]
}

@test "-v shows what is run" {
	run -0 --separate-stderr bd-snapshot -v -t 20260102030405 btrfs "$S" -- echo 'a b'
	[ "$output" = 'a b' ]
	[ "$stderr" = "bd-snapshot: + btrfs subvolume snapshot -r $S $S/.baudolo-20260102030405
bd-snapshot: + echo 'a b'
bd-snapshot: + btrfs subvolume delete $S/.baudolo-20260102030405" ]
}

@test "wrong usage" {
	usage='usage: bd-snapshot [-vV] [-t TIMESTAMP] btrfs|zfs SUBJECT -- COMMAND [ARGUMENT...]
       bd-snapshot -r [-vV] btrfs|zfs SUBJECT'
	for args in '' btrfs 'btrfs S' 'btrfs S --' 'btrfs S touch ran' '-r btrfs' '-r' '-r btrfs S -- true' \
		'-r btrfs S --' '-r -t 20260102030405 btrfs S' '-x btrfs S -- true'; do
		# shellcheck disable=SC2086 # several
		run -2 bd-snapshot $args
		[[ $output == *"$usage" ]]
	done
	run -2 bd-snapshot xfs "$S" -- true
	[ "$output" = "bd-snapshot: 'xfs' is neither btrfs nor zfs" ]
	for t in '' x 2026010203040 202601020304055 2026010203040x ../../../../..; do
		run -2 bd-snapshot -t "$t" btrfs "$S" -- touch ran
		[ "$output" = "bd-snapshot: -t must be 14 digits, not '$t'" ]
	done
	[ ! -e ran ]
}

@test "the version; a full disk is no success" {
	for p in bd-snapshot bd-in-snapshot; do
		run -0 $p -V
		[ "$output" = "$p $(cat "$BD_ROOT/VERSION")" ]
		run -3 sh -c "$p -V >/dev/full"
		[ "$output" = "$p: stdout: No space left on device" ]
	done
}

# A zfs that knows the dataset tank/docker, mounted at $Z, and writes down what it is asked.
fake_zfs() {
	Z="$PWD/mnt point"
	mkdir -p bin "$Z/.zfs/snapshot"
	export Z LOG=$PWD/log
	cat >bin/zfs <<-'F'
		#!/bin/sh
		printf '%s\n' "$*" >>"$LOG"
		at=$Z/.zfs/snapshot/${2#*@}
		case $1 in
		list)
			for name; do :; done
			case $name in
			tank/docker | "$Z"*) printf '%s\t%s\n' "${DATASET-tank/docker}" "${MOUNTPOINT-$Z}" ;;
			*) echo "cannot open '$name': dataset does not exist" >&2; exit 1 ;;
			esac ;;
		snapshot) [ ! "$BROKEN" ] || { echo 'out of space' >&2; exit 1; }; mkdir "$at" ;;
		destroy) [ ! "$BUSY" ] || { echo 'dataset is busy' >&2; exit 1; }; rmdir "$at" ;;
		esac
	F
	chmod +x bin/zfs
	PATH=$PWD/bin:$PATH
}
LIST='list -H -t filesystem -o name,mountpoint'

@test "zfs: makes, tells and destroys exactly its snapshot" {
	fake_zfs
	for subject in "$Z" tank/docker; do
		rm -f log
		run -0 --separate-stderr bd-snapshot -t 20260102030405 zfs "$subject" -- sh -c '
			echo "$BAUDOLO_SNAPSHOT|$BAUDOLO_SNAPSHOT_SUBJECT"; ls -A "$Z/.zfs/snapshot"'
		[ "$output" = "$Z/.zfs/snapshot/baudolo-20260102030405|$Z"$'\nbaudolo-20260102030405' ]
		[ -z "$stderr" ]
		[ "$(cat log)" = "$LIST $subject
snapshot tank/docker@baudolo-20260102030405
destroy tank/docker@baudolo-20260102030405" ]
	done
	cd "$Z"
	run -7 bd-snapshot zfs . -- sh -c 'exit 7'
	[ -z "$(ls -A .zfs/snapshot)" ]
}

@test "zfs: leftovers of dead runs, and nothing else, are destroyed" {
	fake_zfs
	at_work -t 20260102030405 zfs "$Z"
	kill -KILL "$PID"
	ended 137
	wait_for gone "$COMMAND"
	(cd "$Z/.zfs/snapshot" && mkdir daily baudolo-2026010203040 baudolo-202601020304055 .baudolo-20260102030405)
	at_work -t 20260102030406 zfs "$Z"
	[ "$(snapshots "$Z/.zfs/snapshot")" = ".baudolo-20260102030405 baudolo-2026010203040 baudolo-202601020304055 baudolo-20260102030406" ]
	rm log
	run -0 bd-snapshot -r zfs "$Z"
	[ "$(cat log)" = "$LIST $Z" ]
	kill "$PID"
	ended 143
	[ "$(tail -n 1 log)" = 'destroy tank/docker@baudolo-20260102030406' ]
	[ -d "$Z/.zfs/snapshot/daily" ]
}

@test "zfs: what cannot be made or destroyed" {
	fake_zfs
	refused() {
		run -3 "$@" -- touch ran
		[ ! -e ran ]
		! grep -q destroy log || false
	}
	refused env BROKEN=1 bd-snapshot -t 20260102030405 zfs "$Z"
	[ "$output" = "out of space
bd-snapshot: $Z/.zfs/snapshot/baudolo-20260102030405: could not be made: zfs ended with status 1" ]
	refused bd-snapshot zfs tank/other
	[ "${lines[1]}" = 'bd-snapshot: tank/other: zfs knows no such dataset' ]
	refused env MOUNTPOINT=legacy bd-snapshot zfs tank/docker
	[ "$output" = "bd-snapshot: tank/docker: its mountpoint is 'legacy': name the folder instead" ]
	for name in tank/docker@daily tank,tank tank%x ''; do
		refused env DATASET="$name" bd-snapshot zfs "$Z"
		[ "$output" = "bd-snapshot: $Z: zfs gives its dataset a name that cannot be one" ]
	done
	mkdir "$Z/folder"
	refused bd-snapshot zfs "$Z/folder"
	[ "$output" = "bd-snapshot: $Z/folder: not the mountpoint of a ZFS dataset: .zfs/snapshot: No such file or directory" ]
	! grep '^snapshot' log | grep -v 'tank/docker@baudolo-20260102030405' || false
	run -1 env BUSY=1 bd-snapshot -t 20260102030405 zfs "$Z" -- true
	[ "$output" = "dataset is busy
bd-snapshot: tank/docker@baudolo-20260102030405: could not be deleted: zfs ended with status 1" ]
	rm bin/zfs
	run -3 bd-snapshot zfs "$Z" -- true
	[ "${lines[0]}" = 'bd-snapshot: zfs: No such file or directory' ]
}

# record VOLUME MOUNTPOINT [ACTION [REASON [CONTAINERS]]] adds to plan and volumes; volume VOLUME BACKING only to those
record() {
	printf '%s\t%s\t-\t%s\t%s\t%s\n' "$1" "${3:-live}" "${4:-idle}" "$2" "${5:--}" >>plan
	BACKING=${BACKING-plain}
	printf '%s\tlocal\t%s\t%s\t-\n' "$1" "$2" "$BACKING" >>volumes
}

in_snapshot() { bd-snapshot -t 20260102030405 btrfs "$S" -- bd-in-snapshot volumes <plan; }

# says VOLUME REASON: it is to be copied live, for this reason
says() { grep -Fx "$1	live	-	$2	$S/$1	-" <<<"$output"; }

@test "in: volumes the snapshot holds are read there, and nothing is stopped" {
	mkdir -p "$S/volumes/"{a,b,c,d}/_data
	record a "$S/volumes/a/_data"
	record b "$S/volumes/b/_data" stop needed 'web db'
	record c "$S/volumes/c/_data" skip ignored web
	record d "$S/volumes/d/_data" fail unmounted
	run -0 in_snapshot
	snap=$S/.baudolo-20260102030405
	[ "$output" = "a	live	-	snapshot	$snap/volumes/a/_data	-
b	live	-	snapshot	$snap/volumes/b/_data	web db
c	skip	-	ignored	$S/volumes/c/_data	web
d	fail	-	unmounted	$S/volumes/d/_data	-" ]
}

@test "in: what the snapshot does not hold, and why" {
	cd "$S"
	mkdir -p own above/below holds/x nests/x/y plain options foreign removed mount/volume
	ln -s plain link
	ln -s /etc outside
	subvolume create nested
	mkdir nested/below
	subvolume create nests/x/y/sub
	subvolume create nests/sub2
	for d in own above holds/x; do mount -t tmpfs tmpfs "$d"; done
	mkdir above/below
	mkdir bind
	mount --bind plain bind
	: >file
	cd "$BATS_TEST_TMPDIR"
	for v in own above/below holds nests nested nested/below bind plain link outside removed later file later/later; do record "$v" "$S/$v"; done
	BACKING=mounted record options "$S/options"
	BACKING=unmounted record unmounted "$S/options"
	BACKING=foreign record foreign "$S/foreign"
	record elsewhere /etc
	record near "$S-near"
	record up "$S/plain/../../x"
	record none -
	run -0 bd-snapshot -t 20260102030405 btrfs "$S" -- sh -c '
		mkdir -p "$S/later/later"; rmdir "$S/removed"; bd-in-snapshot volumes' <plan
	[ "${#lines[@]}" = "$(wc -l <plan)" ]
	says own 'own mount'
	says bind 'own mount'
	says above/below 'below another mount'
	says holds 'holds a mount'
	says nests 'holds a nested subvolume'
	says nested 'nested subvolume'
	says nested/below 'nested subvolume'
	says outside 'not below the subject'
	says later 'created since the snapshot'
	says later/later 'created since the snapshot'
	says file 'created since the snapshot'
	says options 'driver options'
	says foreign 'other driver'
	grep -Fx "unmounted	live	-	driver options	$S/options	-" <<<"$output"
	grep -Fx "elsewhere	live	-	not below the subject	/etc	-" <<<"$output"
	grep -Fx "near	live	-	not below the subject	$S-near	-" <<<"$output"
	grep -E "^up	live	-	(created since the snapshot|not below the subject)	" <<<"$output"
	grep -Fx "none	live	-	no mountpoint	-	-" <<<"$output"
	snap=$S/.baudolo-20260102030405
	grep -Fx "plain	live	-	snapshot	$snap/plain	-" <<<"$output"
	grep -Fx "link	live	-	snapshot	$snap/plain	-" <<<"$output"
	grep -Fx "removed	live	-	snapshot	$snap/removed	-" <<<"$output"
}

@test "in: more nested subvolumes than the kernel tells at once" {
	mkdir -p "$S/many" "$S/volume/deep/er"
	for i in {1..300}; do echo "$S/many/$i"; done | xargs btrfs subvolume create >/dev/null 2>&1 ||
		for i in {1..300}; do subvolume create "$S/many/$i"; done
	subvolume create "$S/volume/deep/er/last"
	record many "$S/many"
	record volume "$S/volume"
	run -0 in_snapshot
	says many 'holds a nested subvolume'
	says volume 'holds a nested subvolume'
}

@test "in: hostile names" {
	n=0
	for name in 'a b' $'new\nline' $'tab\t' "quote'\"" 'back\slash' $'\xff' -x '*' '\040' $'cr\r'; do
		for kind in in mount; do
			mkdir "$S/$kind $name"
			[ $kind = in ] || mount -t tmpfs tmpfs "$S/$kind $name"
			escaped=${name//\\/\\\\}
			escaped=${escaped//$'\n'/\\n}
			escaped=${escaped//$'\t'/\\t}
			escaped=${escaped//$'\r'/\\r}
			record "$kind $escaped" "$S/$kind $escaped"
			case $kind in
			in) printf '%s\tlive\t-\tsnapshot\t%s\t-\n' "in $escaped" "$S/.baudolo-20260102030405/in $escaped" ;;
			mount) printf '%s\tlive\t-\town mount\t%s\t-\n' "mount $escaped" "$S/mount $escaped" ;;
			esac >>expected
		done
	done
	in_snapshot >got
	diff -u expected got
}

@test "in: the subject is the root folder, or the volume itself" {
	mkdir -p snap/usr/share
	record v /usr/share
	record w /usr/none
	run -0 env BAUDOLO_SNAPSHOT="$PWD/snap" BAUDOLO_SNAPSHOT_SUBJECT=/ bd-in-snapshot volumes <plan
	[ "$output" = "v	live	-	snapshot	$PWD/snap/usr/share	-
w	live	-	created since the snapshot	/usr/none	-" ]
	rm plan volumes
	record v "$S"
	run -0 in_snapshot
	[ "$output" = "v	live	-	snapshot	$S/.baudolo-20260102030405	-" ]
}

@test "in: malformed input prints nothing" {
	mkdir "$S/v"
	record v "$S/v"
	: >empty
	printf 'v\tlive\t-\tidle\t/x\n' >short
	printf 'v\tlive\t-\tidle\t/x\t-' >cut
	printf 'v\t-\t-\tidle\t/x\t-\n' >actionless
	printf -- '-\tlive\t-\tidle\t/x\t-\n' >nameless
	printf 'v\tlive\t-\tidle\t\\x\t-\n' >escape
	try() { bd-snapshot btrfs "$S" -- bd-in-snapshot "$1" <"$2"; }
	for bad in short cut actionless nameless escape; do
		cat plan "$bad" >both
		run -2 --separate-stderr try volumes both
		[ -z "$output" ]
		[[ $stderr == 'bd-in-snapshot: stdin:2: '* ]]
	done
	run -2 try empty plan
	[ "$output" = 'bd-in-snapshot: stdin:1: empty does not know this volume' ]
	run -2 try plan plan
	[ "$output" = 'bd-in-snapshot: plan:1: 6 fields, expected 5' ]
	printf 'v\tlocal\t/x\t-\t-\n' >bad
	run -2 try bad plan
	[ "$output" = 'bd-in-snapshot: bad:1: no name, or no backing' ]
	run -0 try volumes empty
	[ -z "$output" ]
	run -3 try none plan
	[ "$output" = 'bd-in-snapshot: none: No such file or directory' ]
	run -2 bd-snapshot btrfs "$S" -- bd-in-snapshot
	[ "$output" = 'usage: bd-in-snapshot [-V] VOLUMES <PLAN' ]
	run -2 sh -c 'bd-in-snapshot volumes <plan'
	[ "$output" = 'bd-in-snapshot: BAUDOLO_SNAPSHOT and BAUDOLO_SNAPSHOT_SUBJECT are not set: to be run by bd-snapshot' ]
	run -3 env BAUDOLO_SNAPSHOT=/none BAUDOLO_SNAPSHOT_SUBJECT=/ bd-in-snapshot volumes <plan
	[ "$output" = 'bd-in-snapshot: /none: No such file or directory' ]
	run -3 sh -c 'bd-snapshot btrfs "$S" -- bd-in-snapshot volumes <plan >/dev/full'
	[ "$output" = 'bd-in-snapshot: stdout: No space left on device' ]
}

@test "with Docker on btrfs; the examples of the pages" {
	BD_DATA_ROOT=$S/docker
	subvolume create "$BD_DATA_ROOT"
	engine_start own
	docker volume create plain >/dev/null
	docker volume create -d local -o type=tmpfs -o device=tmpfs tmp >/dev/null
	container_run cc -v plain:/plain -v tmp:/tmp
	docker exec cc sh -c 'echo one >/plain/f; echo one >/tmp/f'
	bd-volumes >volumes
	bd-mounts >mounts
	bd-plan volumes mounts >plan
	docker volume create later >/dev/null
	bd-volumes >volumes
	printf 'later\tlive\t-\tidle\t%s\t-\n' "$BD_DATA_ROOT/volumes/later/_data" >>plan
	docker volume rm later >/dev/null
	run -0 bd-snapshot btrfs "$BD_DATA_ROOT" -- sh -c '
		docker volume create later >/dev/null
		docker exec cc sh -c "echo two >/plain/f"
		bd-in-snapshot volumes <plan >frozen
		cat "$(awk "\$1 == \"plain\"" frozen | cut -f 5)/f"
		cut -f 1,2,4 frozen'
	[ "$output" = "one
plain	live	snapshot
tmp	live	driver options
later	live	created since the snapshot" ]
	[ -z "$(snapshots "$BD_DATA_ROOT")" ]
	# as if it were in its usual place
	export -f examples
	export BD_DATA_ROOT BD_ROOT BATS_TEST_TMPDIR
	run -0 unshare -m bash -c '
		mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/docker && mount --bind "$BD_DATA_ROOT" /var/lib/docker &&
			examples bd-snapshot.1 && tar -tf volumes.tar volumes/plain/_data/f && examples bd-in-snapshot.1'
	[[ $output == *volumes/plain/_data/f* ]]
	[[ $output == *"WARNING: volume 'tmp' is not in the snapshot (driver options); copying it live instead."* ]]
	[ -z "$(snapshots "$BD_DATA_ROOT")" ]
}
