#!/usr/bin/env bats
# scripts/need and scripts/test.

load engine

setup() { D=$(mktemp -d "$BAUDOLO_TEST_DIR/XXXX"); }   # short: sockets lie below it

# Becomes it, as a user would start it: knowing nothing of the run we are in.
outside() {
	local path=:$PATH:
	path=${path//":${BATS_LIBEXEC:-none}:"/:}
	exec env -i PATH="${path:1}" HOME="$HOME" TMPDIR="$D" BAUDOLO_TEST_DIR="$BAUDOLO_TEST_DIR" "$@"
}

# bats takes every line that begins with @test for its own, wherever it stands
testfile() { sed "s,^\s*TEST ,@test ," >"$BATS_TEST_TMPDIR/$1.bats"; }

nothing_left() {
	run -0 find "$D" -maxdepth 1 -name 'baudolo-*'
	[ -z "$output" ]
}

@test "test: all passed" {
	testfile one <<-'E'
		TEST "a" { [ -d "$BAUDOLO_TEST_DIR" ]; }
		TEST "b" { [[ :$PATH: == *:$OURS:* ]]; }
	E
	testfile two <<-'E'
		TEST "INT can be trapped" { run sh -c 'trap "exit 7" INT; kill -INT $$'; [ "$status" = 7 ]; }
	E
	run -0 outside OURS="$BD_ROOT/build/bin" "$BD_ROOT/scripts/test" "$BATS_TEST_TMPDIR/one.bats" "$BATS_TEST_TMPDIR/two.bats"
	[ "${lines[-1]}" = '3 passed, 0 failed' ]
	grep -xE "# $BATS_TEST_TMPDIR/two.bats: [0-9]+ s" <<<"$output"
	nothing_left
}

@test "test: failures are told again, and counted" {
	testfile one <<-'E'
		TEST "fine" { :; }
		TEST "broken" { echo seen here; false; }
	E
	testfile two <<-'E'
		setup_file() { false; }
		TEST "never" { :; }
		TEST "reached" { :; }
	E
	run -1 outside "$BD_ROOT/scripts/test" "$BATS_TEST_TMPDIR/one.bats" "$BATS_TEST_TMPDIR/two.bats" "$BATS_TEST_TMPDIR/none.bats"
	[[ ${lines[-1]} =~ ^"1 passed, "[4-9]" failed"$ ]]
	[ "$(grep -c '^# seen here' <<<"$output")" = 2 ]
	nothing_left
}

@test "test: what a sanitizer has found is a failure, whatever became of its program" {
	testfile one <<-'E'
		TEST "fine" { echo "==1==ERROR: an overflow" >"${ASAN_OPTIONS##*log_path=}.1"; }
	E
	run -1 outside "$BD_ROOT/scripts/test" "$BATS_TEST_TMPDIR/one.bats"
	[[ ${lines[-1]} == '1 passed, 1 failed' ]]
	grep -x '==1==ERROR: an overflow' <<<"$output"
	nothing_left
}

@test "test: nothing run is a failure" {
	testfile empty </dev/null
	run -1 outside "$BD_ROOT/scripts/test" "$BATS_TEST_TMPDIR/empty.bats"
	[[ ${lines[-1]} == '0 passed, '?' failed' ]]
}

@test "test: ended by a signal, it ends and removes what the tests made" {
	testfile long <<-E
		load $BD_ROOT/t/engine
		TEST "long" {
			engine_start
			volume_new left
			container_run left -v left:/x
			loop_fs ext4 64M
			setsid -f tail -f /dev/null
			echo "\$BAUDOLO_TEST_DIR" >$BATS_TEST_TMPDIR/ready.tmp
			mv $BATS_TEST_TMPDIR/ready.tmp $BATS_TEST_TMPDIR/ready
			tail -f /dev/null # until it is killed
		}
	E
	outside "$BD_ROOT/scripts/test" "$BATS_TEST_TMPDIR/long.bats" 3>&- &
	pid=$!
	wait_for [ -e "$BATS_TEST_TMPDIR/ready" ]
	dir=$(cat "$BATS_TEST_TMPDIR/ready")
	kill -TERM "$pid"
	ended=0
	wait "$pid" || ended=$?
	[ "$ended" = 143 ]
	nothing_left
	run grep -F "$dir" /proc/mounts
	[ -z "$output" ]
	run grep -lsF "BAUDOLO_TEST_DIR=$dir" /proc/[0-9]*/environ
	[ -z "$output" ]
	run sh -c 'losetup -a | grep -F "$1"' - "$dir"
	[ -z "$output" ]
}

@test "need: installs only what is missing, and asks for no list when nothing is" {
	# a machine that has no socat and no header of libcurl, as far as need can see
	mkdir "$BATS_TEST_TMPDIR/bin"
	for c in sh cat id grep $(sed -n 's/^\t\t[a-z,]* .* //p' "$BD_ROOT/scripts/need"); do
		[ "$c" = socat ] || ! p=$(command -v "$c") || ln -sf "$p" "$BATS_TEST_TMPDIR/bin/$c"
	done
	printf '#!/bin/sh\necho "$*" >>%s\n' "$BATS_TEST_TMPDIR/log" >"$BATS_TEST_TMPDIR/bin/apt-get"
	chmod +x "$BATS_TEST_TMPDIR/bin/apt-get"
	sed 's,^PATH=.*,,' "$BD_ROOT/scripts/need" >"$BATS_TEST_TMPDIR/need"
	run -0 env PATH="$BATS_TEST_TMPDIR/bin" sh "$BATS_TEST_TMPDIR/need" build run
	! [ -e "$BATS_TEST_TMPDIR/log" ] || false
	run -0 env PATH="$BATS_TEST_TMPDIR/bin" sh "$BATS_TEST_TMPDIR/need" build test
	[ "$(sed 's/-o [^ ]* *//g' "$BATS_TEST_TMPDIR/log")" = $'-qq update\n-qq install -y --no-install-recommends socat' ]
}
