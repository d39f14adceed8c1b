#!/usr/bin/env bats
# What containers do to a volume while it is copied: a folder becomes a symlink to / and back, as fast as it goes.

load engine
load tree
load copy

export SWAP_CALM=60000 # or hardly a copy would ever end well, and be looked at

RUNS=100
[ -z "${BAUDOLO_TEST_LONG-}" ] || RUNS=1000

setup() {
	cd "$BATS_TEST_TMPDIR"
	copy_begin
	CANARY=/tmp/baudolo-canary.$$.$RANDOM
	V=$PWD/volume
}

teardown() {
	swap_stop 2>/dev/null || :
	[ -z "${STRACE-}" ] || kill -KILL "$STRACE" 2>/dev/null || :
	rm -f "$CANARY"
}

# AT: a folder of the volume, in which d is to be swapped. Every file says where it is from, and has a namesake outside.
make_volume() {
	local f
	mkdir -p "$1"
	for f in etc/hostname etc/passwd etc/fstab etc/new usr/bin/env usr/bin/new proc/version "${CANARY#/}" root/.profile; do
		mkdir -p "$1/d/${f%/*}" && echo "inside: $f" >"$1/d/$f"
	done
	for f in {1..30}; do echo "inside: $f" >"$1/d/etc/file$f"; done
	ln -s / "$1/l"
	echo "inside: last" >"$1/z"
	# what would be seen on the folders outside
	find "$1/d" -type d -exec chmod 0751 {} + -exec chown 12345:54321 {} + -exec setfattr -n user.inside -v yes {} + \
		-exec touch -d 2001-01-01 {} +
}

outside() {
	stat -c '%n %a %u %g %y %s' / /etc /usr /usr/bin /root /etc/hostname /etc/passwd /etc/fstab /usr/bin/env
	sha256sum /etc/hostname /etc/passwd /etc/fstab /usr/bin/env
	getfattr --absolute-names -d / /etc /usr /usr/bin /root
	ls -ld "$CANARY" /etc/new /usr/bin/new /etc/file1 2>&1 || :
}

# No byte below it is from outside, and nothing points there but what does in the volume.
is_inside() {
	local bad
	bad=$(find "$1" -type f ! -size -64c; find "$1" -type f -exec grep -L '^inside' {} +; find "$1" -type l ! -lname /; find "$1" -type p -o -type c)
	[ -z "$bad" ] || { printf 'from outside: %s\n' "$bad" >&2; return 1; }
}

# Copies $RUNS times, with the arguments given, into $PWD/p. Before each copy: touch_it N. After each: after N.
copy_again_and_again() {
	local n rc
	OK=0 FAILED=0 AS_FOLDER=0 AS_LINK=0
	for ((n = 1; n <= RUNS; n++)); do
		touch_it "$n"
		mkdir p
		rc=0
		bd-rsync "$@" "$REPO" p <<<"$(volume_plan v "$V")" >results 2>said || rc=$?
		[ "$rc" -le 1 ] || { cat said; return 1; }
		case $(cut -f 2 results) in
		failed)
			FAILED=$((FAILED + 1))
			[ ! -e p/v/files ]
			;;
		*)
			OK=$((OK + 1))
			# the last name, which nobody swaps, is always there
			grep -qr 'inside: last' p/v/files
			[ ! -d "p/v/files/$WHERE/d/etc" ] || AS_FOLDER=$((AS_FOLDER + 1))
			[ ! -L "p/v/files/$WHERE/d" ] || AS_LINK=$((AS_LINK + 1))
			;;
		esac || return
		is_inside p || return
		after "$n" || return
		rm -rf p
	done
}

touch_it() { :; }
after() { :; }

# Ends the race, and says how it was.
result() {
	swap_stop
	diff before <(outside)
	echo "# $RUNS copies: $OK succeeded, $FAILED failed; $AS_FOLDER held the folder, $AS_LINK the link; $(tail -n 1 "$BATS_TEST_TMPDIR/swaps")" >&3
	[ "$OK" -gt 0 ]
	# or there was no race
	[ "$AS_FOLDER" -gt 0 ]
	[ "$AS_LINK" -gt 0 ]
}

@test "all is new" {
	WHERE=.
	make_volume "$V"
	outside >before
	swap_start "$V/d" "$V/l"
	copy_again_and_again
	result
}

@test "deeper, with a generation to link from, and something new each time" {
	WHERE=some/folder
	RUNS=$((RUNS / 2))
	make_volume "$V/$WHERE"
	settled
	generation_of "$V"
	outside >before
	# the shell would follow the link: so by what cannot
	touch_it() {
		local at
		for at in d l; do
			(cd -P "$V/$WHERE/$at" 2>/dev/null && [ -e etc/file30 ] && echo "inside: $1" >etc/file15 && echo "inside: $1" >"etc/more$(($1 % 10))") || :
		done
	}
	fp=$(fingerprint "$GEN")
	swap_start "$V/$WHERE/d" "$V/$WHERE/l"
	copy_again_and_again -i "$INDEX"
	[ "$(fingerprint "$GEN")" = "$fp" ]
	result
}

@test "hot, then cold" {
	WHERE=x
	RUNS=$((RUNS / 5))
	make_volume "$V/$WHERE"
	outside >before
	COLD=0
	after() {
		local rc=0
		[ -e p/v/files ] || return 0
		bd-rsync -C -i "$INDEX" "$REPO" p <<<"$(volume_plan v "$V")" >results 2>said || rc=$?
		[ "$rc" -le 1 ] || { cat said; return 1; }
		if [ "$(cut -f 2 results)" = failed ]; then
			[ ! -e p/v/files ] || return
		else
			COLD=$((COLD + 1))
		fi
		is_inside p
	}
	swap_start "$V/$WHERE/d" "$V/$WHERE/l"
	copy_again_and_again -i "$INDEX"
	echo "# $COLD cold copies succeeded" >&3
	result
}

# That many processes were stopped; the Nth goes on.
stops() { [ -e trace ] && [ "$(grep -c 'stopped by SIGSTOP' trace)" -ge "$1" ]; }
resume() { kill -CONT "$(sed -n 's/^\([0-9]*\) .*stopped by SIGSTOP.*/\1/p' trace | sed -n "$1p")"; }

@test "the folder is a link when rsync comes to it: nothing is read there, and an unconfined rsync would have" {
	WHERE=.
	make_volume "$V"
	outside >before
	mkdir p plain
	strace -qq -f -o trace -P "$(command -v rsync)" -e trace=execve -e inject=execve:signal=STOP:when=1 bd-rsync "$REPO" p <<<"$(volume_plan v "$V")" >results 2>said 3>&- &
	STRACE=$!
	wait_for stops 1
	resume 1 # it was asked which options it knows
	wait_for stops 2
	exchange "$V/d" "$V/l"
	printf 'd/etc/hostname\0' >list
	rsync -a --from0 --files-from=list --no-implied-dirs "$V/" plain/
	run ! grep -q inside plain/d/etc/hostname
	resume 2
	wait "$STRACE" || [ "$?" = 1 ]
	cat said results
	is_inside p
	diff before <(outside)
	case $(cut -f 2 results) in failed) [ ! -e p/v/files ] ;; vanished | ok) [ -e p/v/files/z ] ;; esac
}
