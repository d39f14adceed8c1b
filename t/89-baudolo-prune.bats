#!/usr/bin/env bats
# bd-remove, and baudolo-prune around it

load engine
load tree
load fake

teardown_file() { loop_clean; }

setup() {
	cd "$BATS_TEST_TMPDIR"
	umask 022
	H=$(bd-machine-hash)
	B=$PWD/b R=$PWD/b/$H/repo S=$PWD/s REMOVED=$PWD/b/.baudolo/removed
	mkdir -p "$R"
	fake_start
	volumes v
	was=was && mkdir "$was"
}

teardown() {
	fake_stop
	[ -z "${HELPER-}" ] || kill "$HELPER" 2>/dev/null || :
}

# B in memory: what is killed and started again all the time does not wait for a disk.
in_memory() {
	B=$BAUDOLO_TEST_DIR/loop.$(bd_file)/memory R=$BAUDOLO_TEST_DIR/loop.$(bd_file)/memory/b/$H/repo
	mkdir -p "$B" && mount -t tmpfs none "$B" && mount --make-private "$B" && cd "$B" && B=$B/b REMOVED=$B/b/.baudolo/removed && mkdir -p "$R" "$was"
}

# The volumes of the host.
volumes() {
	printf '%s\n' "$@" | jq -nR '{Volumes: [inputs | {Name: ., Driver: "local", Mountpoint: "/x/\(.)"}]}' | fake_says /volumes
}

# made NAME [STATUS]: a generation with volume v, its files shared with the last one
made() {
	local last
	last=$(find "$R" -mindepth 1 -maxdepth 1 | sort | tail -n 1)
	mkdir -p "$R/$1/v"
	if [ -d "$last/v/files" ] && [ "${2-ok}" = ok ]; then
		cp -al "$last/v/files" "$R/$1/v/files"
		echo "$1" >"$R/$1/v/files/f$1"
	elif [ "${2-ok}" = ok ]; then
		mkdir "$R/$1/v/files" && echo shared >"$R/$1/v/files/shared" && mkdir "$R/$1/v/files/d" && ln -s ../shared "$R/$1/v/files/d/link"
	fi
	bd-stamp "$R/$1" <<<"v"$'\t'"${2-ok}"$'\tno\tno\t-'
	fingerprint "$R/$1" >"$was/$1"
}

days() { local d; for d in "$@"; do made "202601${d}023000"; done; }

left() { ls "$R" | sed 's/^202601\(..\)023000$/\1/' | tr '\n' ' '; }

# Whatever has a name is whole.
intact() {
	local g
	for g in "$R"/*; do
		[ "$(fingerprint "$g")" = "$(cat "$was/${g##*/}")" ] || { echo "${g##*/} is not whole"; return 1; }
	done
}

prune() { baudolo-prune --backups-dir "$B" --repo-name repo --state-dir "$S" "$@"; }

remove() { bd-remove "$B" "$H" repo "$@"; }

# ---- bd-remove ----

@test "bd-remove: a tree that is hard to remove; the others keep every byte and every attribute" {
	mkdir -p "$R/20260101023000/v/files"
	TREE_SPARSE=2M tree_make "$R/20260101023000/v/files"
	tree_done "$R/20260101023000/v/files"
	outside=$(fingerprint /etc/default)
	ln -s /etc/default "$R/20260101023000/v/files/out"
	ln -s ../../20260102023000/v/files "$R/20260101023000/v/files/other"
	(cd "$R" && cp -al 20260101023000 20260102023000 && cp -al 20260101023000 20260103023000) # short paths: it is deep
	a=$(fingerprint "$R/20260102023000") b=$(fingerprint "$R/20260103023000")
	run -0 remove 20260101023000
	[ -z "$output" ]
	[ "$(left)" = '02 03 ' ]
	[ "$(fingerprint "$R/20260102023000")" = "$a" ]
	[ "$(fingerprint "$R/20260103023000")" = "$b" ]
	[ "$(fingerprint /etc/default)" = "$outside" ]
	[ -z "$(ls -A "$REMOVED")" ]
	[ "$(stat -c %a "$REMOVED" "$B/.baudolo")" = $'755\n755' ]
}

@test "bd-remove: out of sight and durably so before anything is deleted" {
	days 01 02
	strace -qq -y -o trace -e trace=renameat2,fsync,unlinkat,syncfs,chmod,fchmod,fchmodat,chown,fchown,utimensat,open,openat \
		bd-remove "$B" "$H" repo 20260101023000
	run -0 sed -n 's/(.*//p' <(grep -vE '^(open|[+-])' trace)
	[[ ${lines[*]} =~ ^'renameat2 fsync fsync unlinkat '('unlinkat ')*'syncfs'$ ]]
	! grep -E '^(open|openat)\(.*O_(WRONLY|RDWR|CREAT|TRUNC)' trace || false
	intact
}

@test "bd-remove: killed before whatever it does, there is no half generation under a name; -r goes on" {
	kills=0
	in_memory
	days 01 02 03
	mv "$B" orig
	for call in renameat2 fsync unlinkat openat2 getdents64 syncfs; do
		for ((n = 1; n < 40; n++)); do
			rm -rf "${B:?}" && cp -a orig "$B"
			run strace -qq -o /dev/null -e trace="$call" -e "inject=$call:signal=KILL:when=$n" bd-remove "$B" "$H" repo 20260101023000 20260102023000
			[ "$status" = 137 ] || break
			kills=$((kills + 1))
			intact || { echo "$call $n"; false; }
			bd-remove -r "$B" "$H"
			[ ! -d "$REMOVED" ] || [ -z "$(ls -A "$REMOVED")" ]
			intact
			# each is there as a whole, or gone
			[[ $(left) =~ ^('01 ')?('02 ')?'03 '$ ]]
		done
	done
	echo "# $kills kills" >&3
	[ "$kills" -gt 40 ]
}

@test "bd-remove: whether somebody uses it cannot be told: it stays" {
	local inject
	days 01 02
	for inject in getdents64:error=EIO openat:error=EIO; do
		run -1 strace -qq -o trace -P /proc -e inject="$inject" bd-remove "$B" "$H" repo 20260101023000
		grep -q INJECTED trace
		[[ $output == *'20260101023000: left alone: whether a process uses it is not known: Input/output error' ]]
		[ "$(left)" = '01 02 ' ]
	done
}

@test "bd-remove: what cannot be removed is named, all else goes" {
	days 01 02 03
	: >"$R/20260101023000/v/files/stays"
	chattr +i "$R/20260101023000/v/files/stays" 2>/dev/null || skipped_chattr=1
	if [ -n "${skipped_chattr-}" ]; then # a file system without attributes: a mount cannot be removed either
		rm "$R/20260101023000/v/files/stays" && mkdir "$R/20260101023000/v/files/stays"
	fi
	run unshare -m --propagation private sh -c '
		[ ! -d "$1/20260101023000/v/files/stays" ] || mount -t tmpfs none "$1/20260101023000/v/files/stays"
		bd-remove "$2" "$3" repo 20260101023000 20260102023000
	' - "$R" "$B" "$H"
	chattr -i "$REMOVED/$H.repo.20260101023000/v/files/stays" 2>/dev/null || :
	[ "$status" = 1 ]
	[[ $output == *"$H.repo.20260101023000: stays: "* ]]
	[ "$(left)" = '03 ' ]
	intact
	[ "$(cd "$REMOVED" && find . -mindepth 1 | LC_ALL=C sort | tr '\n' ' ')" = "./$H.repo.20260101023000 ./$H.repo.20260101023000/v ./$H.repo.20260101023000/v/files ./$H.repo.20260101023000/v/files/stays " ]
	bd-remove -r "$B" "$H"
	[ -z "$(ls -A "$REMOVED")" ]
}

@test "bd-remove: a mount inside a generation is not entered" {
	days 01 02
	mkdir "$R/20260101023000/v/files/m" precious && echo precious >precious/f
	run -1 unshare -m --propagation private sh -c '
		mount --bind precious "$1/20260101023000/v/files/m" && bd-remove "$2" "$3" repo 20260101023000
	' - "$R" "$B" "$H"
	[[ $output == *"$H.repo.20260101023000: m: Invalid cross-device link"* ]]
	[ "$(cat precious/f)" = precious ]
	[ "$(left)" = '02 ' ]
}

@test "bd-remove: read errors and a full repository of errors" {
	for inject in unlinkat:error=EIO renameat2:error=EIO fsync:error=EIO syncfs:error=EIO getdents64:error=EIO openat2:error=EIO; do
		rm -rf "${B:?}" && mkdir -p "$R"
		days 01 02
		run strace -qq -o /dev/null -e trace="${inject%%:*}" -e inject="$inject" bd-remove "$B" "$H" repo 20260101023000
		[ "$status" = 1 ] || { echo "$inject: $status"; false; }
		[[ $output == *'Input/output error'* ]]
		[ "$(cat "$was/20260102023000")" = "$(fingerprint "$R/20260102023000")" ]
		intact
	done
}

@test "bd-remove: what a process uses stays" {
	days 01 02 03
	(cd "$R/20260101023000/v" && exec sleep 1000 3>&-) &
	HELPER=$!
	exec 7<"$R/20260102023000/v/files/shared"
	run -1 remove 20260101023000 20260102023000
	[[ ${lines[0]} == "bd-remove: $R/20260101023000: left alone: process $HELPER uses it" ]]
	[[ ${lines[1]} == "bd-remove: $R/20260102023000: left alone: process "*" uses it" ]]
	[ "$(left)" = '01 02 03 ' ]
	exec 7<&-
	kill "$HELPER" && wait "$HELPER" || :
	HELPER=
	# of another repository of that name
	mkdir -p "other/$H/repo/20260103023000" && exec 7<"other/$H/repo/20260103023000"
	days 04
	remove 20260103023000
	exec 7<&-
	# in a mount namespace where it has another path; and what only has a lock on it
	unshare -m sh -c 'mount --bind "$1" /mnt && cd "/mnt/$2" && exec tail -f /dev/null' - "$B" "$H/repo/20260101023000" 3>&- &
	HELPER=$!
	in_mnt() { [ "$(readlink "/proc/$HELPER/cwd")" = "/mnt/$H/repo/20260101023000" ]; }
	wait_for in_mnt
	exec 7<"$R/20260102023000"
	flock -s 7
	run -1 remove 20260101023000 20260102023000
	[[ ${lines[0]} == "bd-remove: $R/20260101023000: left alone: process $HELPER uses it" ]]
	[[ ${lines[1]} == "bd-remove: $R/20260102023000: left alone: it is being read" ]]
	exec 7<&-
	kill "$HELPER" && wait "$HELPER" || :
	HELPER=
	remove 20260101023000 20260102023000
	[ "$(left)" = '04 ' ]
}

@test "bd-remove: what is no generation is not touched" {
	days 01
	ln -s 20260101023000 "$R/20260102023000"
	: >"$R/20260103023000"
	run -1 remove 20260102023000 20260103023000 20260104023000
	[ "${#lines[@]}" = 3 ]
	[ "$(ls "$R" | wc -l)" = 3 ]
	for bad in x .. ../repo 2026010102300 '' 20260101023000/v; do
		run -2 remove "$bad" 20260101023000
	done
	run -2 bd-remove "$B" "$H" ../repo 20260101023000
	run -2 bd-remove "$B" . repo 20260101023000
	run -2 bd-remove -r "$B" ..
	run -2 bd-remove -r "$B"
	run -2 bd-remove "$B" "$H" repo
	run -3 bd-remove "$B" "$H" missing 20260101023000
	[ -d "$R/20260101023000/v/files" ]
	# another host's is not ours to go on with
	mkdir -p "$REMOVED/other.repo.20260101023000/x" "$REMOVED/$H"
	bd-remove -r "$B" "$H"
	[ -d "$REMOVED/other.repo.20260101023000/x" ]
	[ -d "$REMOVED/$H" ]
}

@test "bd-remove: two at it" {
	for _ in 1 2 3; do
		rm -rf "${B:?}" && mkdir -p "$R"
		days 01 02
		mkdir -p "$R/20260101023000/v/files/"{a,b,c}/{d,e,f}/{g,h,i}
		bd-remove "$B" "$H" repo 20260101023000 2>said & one=$!
		while bd-remove -r "$B" "$H" 2>>said && kill -0 "$one" 2>/dev/null; do :; done
		wait "$one" || :
		bd-remove -r "$B" "$H"
		[ -z "$(ls -A "$REMOVED")" ]
		[ "$(left)" = '02 ' ]
	done
}

@test "bd-remove: hostile names, -v, the version, a full disk" {
	for name in $'tab\there' $'new\nline' 'back\slash' "quote'" -r ' ' $'\xff'; do
		mkdir -p "$B/$H/$name/20260101000000/v/files"
		run -0 bd-remove -v -- "$B" "$H" "$name" 20260101000000
		[ -z "$(ls -A "$B/$H/$name")" ]
	done
	run -0 bd-remove -V
	[ "$output" = "bd-remove $(cat "$BD_ROOT/VERSION")" ]
	days 01
	run -3 sh -c 'bd-remove -v "$1" "$2" repo 20260101023000 >/dev/full' - "$B" "$H"
	[[ $output == 'bd-remove: stdout: No space left on device' ]]
	examples bd-remove.1
}

# ---- baudolo-prune ----

@test "the rules, their reasons, and nothing with -n" {
	days 01 02 03 04 05 06
	before=$(fingerprint "$B")
	run -0 prune --keep-daily 2 -n
	[ "$output" = 'Would remove 20260101023000: old
Would remove 20260102023000: old
Would remove 20260103023000: old
Would remove 20260104023000: old
Keeping 20260105023000: daily
Keeping 20260106023000: newest daily copy:v' ]
	[ "$(fingerprint "$B")" = "$before" ]
	[ ! -e "$S" ]
	run -0 prune --keep-daily 2 --keep-yearly 2
	[ "$output" = 'Removing 20260102023000: old
Removing 20260103023000: old
Removing 20260104023000: old' ]
	[ "$(left)" = '01 05 06 ' ]
	intact
	run -0 prune --keep-last 1 -v
	[ "$output" = 'Removing 20260101023000: old
Removing 20260105023000: old
Keeping 20260106023000: newest last copy:v' ]
	run -0 prune --keep-last 1 -q -v
	[ -z "$output" ]
	intact
}

@test "the last good copy stays while the volume exists, or Docker does not say" {
	days 01 02
	made 20260103023000 failed
	made 20260104023000 failed
	run -0 prune --keep-last 1 -n
	[[ $output == *$'\nKeeping 20260102023000: copy:v last:v\n'* ]]
	fake_stop
	run -0 --separate-stderr prune --keep-last 1
	[[ $stderr == *'WARNING: not all is known of the volumes of this host: the last good copy of every volume stays.' ]]
	[ "$(left)" = '02 04 ' ]
	fake_start
	volumes other
	run -0 prune --keep-last 1
	[ "$(left)" = '04 ' ]
	intact
}

@test "what cannot be read stays, is named, and the rest is pruned" {
	days 01 02 03
	echo '{' >"$R/20260101023000/manifest.json"
	run -1 prune --keep-last 1
	[[ $output == *'20260101023000: manifest.json is not a manifest'* ]]
	[[ $output == *'ERROR: not all generations can be read; those stay.'* ]]
	[ "$(left)" = '01 03 ' ]
	# one volume of it is enough
	days 04
	jq --arg v "$(printf %0300d 0)" '.volumes[$v] = .volumes.v' "$R/20260103023000/manifest.json" >m && cp m "$R/20260103023000/manifest.json"
	run -1 prune --keep-last 1
	[[ $output == *"20260103023000: File name too long"*'ERROR: not all generations can be read; those stay.'* ]]
	[ "$(left)" = '01 03 04 ' ]
}

@test "a generation of a time that has not come is warned of" {
	days 01 02 03
	made 20990101000000
	run -0 prune --keep-last 1 -n
	[[ $output == *'WARNING: generation 20990101000000 is of a time that has not come: no rule looks at it, nor at what came after it.'* ]]
}

@test "--min-free: the oldest first, no more than needed, never what must stay" {
	d=$(loop_fs ext4 64M)
	B=$d/b R=$d/b/$H/repo REMOVED=$d/b/.baudolo/removed
	mkdir -p "$R"
	days 01 02 03 04 05
	for i in 1 2 3 4 5; do head -c 5000000 /dev/urandom >"$R/2026010${i}023000/v/files/own"; done
	for g in "$R"/*; do fingerprint "$g" >"$was/${g##*/}"; done
	sync -f "$d"
	free=$(stat -f -c '%a * %S' "$d")
	run -0 prune --min-free "$((free - 1000000))"
	[ -z "$output" ]
	[ "$(left)" = '01 02 03 04 05 ' ]
	run -0 prune --min-free "$((free + 7000000))" -n
	[ "${lines[0]}" = 'Keeping 20260105023000: newest copy:v' ]
	[ "${lines[1]}" = "Would remove 20260101023000, if that takes it to have $((free + 7000000)) bytes free: $((free)) are" ]
	[ "$(left)" = '01 02 03 04 05 ' ]
	# the oldest is in use: nothing newer goes in its place
	exec 7<"$R/20260101023000/v/files/shared"
	run -1 prune --min-free "$((free + 7000000))"
	[ "$(left)" = '01 02 03 04 05 ' ]
	# nor what the rules would keep in the place of what they would not
	run -1 prune --keep-last 4 --min-free "$((free + 7000000))"
	[ "$(left)" = '01 02 03 04 05 ' ]
	exec 7<&-
	run -0 prune --min-free "$((free + 7000000))"
	[ "$(left)" = '03 04 05 ' ]
	intact
	# a percentage of the whole
	total=$(stat -f -c '%b * %S' "$d")
	run -0 prune --min-free "$((((free + 12000000) * 100 + total - 1) / (total)))%"
	[ "$(left)" = '04 05 ' ]
	# rules first; then what they keep, but not the last
	run -1 prune --keep-last 5 --min-free 1TiB
	[[ $output == *'ERROR: only '*' bytes are free, 1099511627776 should be: what is left must stay.' ]]
	[ "$(left)" = '05 ' ]
	intact
}

@test "killed at any time and started again: no half generation, all others as they were" {
	n=8
	[ -z "${BAUDOLO_TEST_LONG-}" ] || n=150
	in_memory
	mkdir "$S" && : >"$S/lock"
	days 01 02 03 04 05 06 07 08
	mkdir -p "$R"/2026010{1,2,3,4,5,6}023000/v/files/{1,2,3,4,5,6,7,8}/{1,2,3,4,5,6,7,8}
	: | tee "$R"/2026010{1,2,3,4,5,6}023000/v/files/{1,2,3,4,5,6,7,8}/{1,2,3,4,5,6,7,8}/{1,2,3,4}
	for g in "$R"/*; do fingerprint "$g" >"$was/${g##*/}"; done
	mv "$B" orig
	for ((turn = 0; turn < n; turn++)); do # `run` has an i of its own
		rm -rf "${B:?}" && cp -a orig "$B"
		rc=0
		if [ $((turn % 2)) = 0 ]; then
			timeout -s KILL "0.$((RANDOM % 10))$((RANDOM % 10))" baudolo-prune --backups-dir "$B" --repo-name repo --state-dir "$S" --keep-last 2 >said 2>&1 3>&- || rc=$?
			# what it started is tied to it: nothing goes on behind it
			wait_for flock -n "$S/lock" true
		else
			strace -f -qq -o /dev/null -e trace=unlinkat -e "inject=unlinkat:signal=KILL:when=$((RANDOM % 400 + 1))" \
				baudolo-prune --backups-dir "$B" --repo-name repo --state-dir "$S" --keep-last 2 >said 2>&1 3>&- || rc=$?
		fi
		intact
		[[ $(left) == *'07 08 ' ]]
		run -0 prune --keep-last 2
		[ "$(left)" = '07 08 ' ]
		[ -z "$(ls -A "$REMOVED")" ]
		intact
		[ "$rc" = 0 ] || killed=$((${killed-0} + 1))
	done
	echo "# ${killed-0} of $n ended early" >&3
	[ "${killed-0}" -gt 2 ]
}

@test "TERM ends it, and the next one goes on" {
	days 01 02 03
	mkdir bin
	real=$(command -v bd-remove)
	# half of it, and then it stands still
	printf '#!/bin/sh\ncase $1 in -r) exec "%s" "$@" ;; esac\nstrace -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:signal=KILL:when=3 "%s" "$@"\nexec sleep 1000\n' "$real" "$real" >bin/bd-remove
	cp "$(command -v baudolo-prune)" "$(dirname "$real")/baudolo-front.sh" bin/ && chmod +x bin/*
	bin/baudolo-prune --backups-dir "$B" --repo-name repo --state-dir "$S" --keep-last 1 >said 2>&1 3>&- &
	HELPER=$!
	half_gone() { [ "$(find "$REMOVED" -mindepth 1 2>/dev/null | wc -l)" -gt 0 ]; }
	wait_for half_gone
	kill -TERM "$HELPER"
	rc=0
	wait "$HELPER" || rc=$?
	HELPER=
	[ "$rc" = 143 ]
	intact
	wait_for flock -n "$S/lock" true
	run -0 prune --keep-last 1
	[ "$(left)" = '03 ' ]
	[ -z "$(ls -A "$REMOVED")" ]
	intact
}

@test "one run at a time" {
	days 01 02
	mkdir "$S"
	exec 7>>"$S/lock"
	flock 7
	run -4 prune --keep-last 1
	[ "$output" = "ERROR: another run holds the lock $S/lock." ]
	run -0 prune --keep-last 1 -n
	[ "$(left)" = '01 02 ' ]
}

@test "another host's repository: every volume counts as existing" {
	days 01
	made 20260102023000 failed
	mv "$B/$H" "$B/other"
	volumes none
	run -0 baudolo-prune --backups-dir "$B" --repo-name repo --state-dir "$S" --hash other --keep-last 1 -v
	[[ $output == *'Keeping 20260101023000: copy:v last:v'* ]]
	[ ! -e "$FAKE/asked" ]
}

@test "wrong usage, and what is not there" {
	days 01
	for args in '' '-n' '--keep-last' '--keep-last x' '--keep-last -2' '--keep-daily 1.5' '--min-free' '--min-free x' '--min-free 100%' '--min-free -1' \
		'--min-free 5MB' '--min-free 99999999999999T' '--min-free 1G%' '--min-free %' '--keep-last 1 --repo-name ../x' '--keep-last 1 --hash ..' '--keep-last 1 more' \
		'--keep-daily 0' '--keep-last 0 --keep-yearly 0'; do
		# shellcheck disable=SC2086 # several
		run -2 prune $args
		[ -d "$R/20260101023000" ]
	done
	run -3 baudolo-prune --backups-dir "$B" --repo-name missing --state-dir "$S" --keep-last 1
	[ "$output" = "ERROR: there is no repository $B/$H/missing." ]
	run -0 baudolo-prune --version
	[ "$output" = "baudolo-prune $(cat "$BD_ROOT/VERSION")" ]
	run -0 baudolo-prune --help
	[[ $output == *--min-free* ]]
	run -3 sh -c 'baudolo-prune --version >/dev/full'
}
