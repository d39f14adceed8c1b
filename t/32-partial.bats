#!/usr/bin/env bats
# bd-partial

load engine
load tree
load fake

setup() {
	cd "$BATS_TEST_TMPDIR"
	umask 022
	H=$(bd-machine-hash)
}

teardown_file() { loop_clean; }

now() { date +%Y%m%d%H%M%S; }
mode() { stat -c %a "$@"; }

# The timestamp of the path that bd-partial printed.
stamp_of() { printf %s "${1##*.}"; }

# Its two mounts are gone with the last process in here.
in_mount_namespace() { unshare -m --propagation private sh -euc "$@"; }

@test "makes the folder, 0700, and nothing else but what leads to it" {
	before=$(now)
	run -0 --separate-stderr bd-partial "$PWD/b" "$H" repo
	after=$(now)
	[ -z "$stderr" ]
	[[ $output == "$PWD/b/.baudolo/partial/$H.repo."?????????????? ]]
	[[ $(stamp_of "$output") > $before || $(stamp_of "$output") == "$before" ]]
	[[ $(stamp_of "$output") < $after || $(stamp_of "$output") == "$after" ]]
	[ "$(mode "$output")" = 700 ]
	[ "$(find b -printf '%y %P\n' | LC_ALL=C sort)" = "$(printf 'd %s\n' '' .baudolo .baudolo/partial "${output#"$PWD/b/"}" "$H" | LC_ALL=C sort)" ]
}

@test "the time is local" {
	TZ=Pacific/Kiritimati run -0 bd-partial b "$H" repo
	east=$(stamp_of "$output")
	TZ=Pacific/Niue run -0 bd-partial b "$H" other
	west=$(stamp_of "$output")
	[[ ${east:0:8} > ${west:0:8} ]]
}

@test "upper levels are made 0755 whatever the umask, and those there are stay as they are" {
	(umask 077 && bd-partial x/y/b "$H" repo)
	for d in x x/y x/y/b x/y/b/.baudolo x/y/b/.baudolo/partial "x/y/b/$H"; do [ "$(mode "$d")" = 755 ]; done
	for m in 700 775 1777; do
		mkdir -p "$m/$H" "$m/.baudolo/partial"
		chown 1234:4321 "$m" "$m/$H" "$m/.baudolo" "$m/.baudolo/partial"
		chmod "$m" "$m" "$m/$H" "$m/.baudolo" "$m/.baudolo/partial"
		run -0 bd-partial "$m" "$H" repo
		[ "$(mode "$output")" = 700 ]
		for d in "$m" "$m/$H" "$m/.baudolo" "$m/.baudolo/partial"; do
			[ "$(stat -c %a:%u:%g "$d")" = "$m:1234:4321" ]
		done
	done
}

@test "relative, with slashes, through links, below the root" {
	mkdir real && ln -s real link
	for b in b ./b b/ b// link "$PWD/link/" real/../b; do
		run -0 bd-partial "$b" "$H" repo
		[ -d "$output" ]
		[ "$(mode "$output")" = 700 ]
	done
}

@test "twice in a second, the names ascend" {
	run -0 bd-partial b "$H" repo
	one=$(stamp_of "$output")
	for _ in 1 2 3 4 5; do
		run -0 bd-partial b "$H" repo
		[[ $(stamp_of "$output") > $one ]]
		one=$(stamp_of "$output")
	done
	date -d "${one:0:8} ${one:8:2}:${one:10:2}:${one:12:2}"
}

@test "many at once never get the same" {
	for _ in 1 2 3 4 5 6 7 8; do bd-partial b "$H" repo >>out & done
	wait
	[ "$(sort -u out | wc -l)" = 8 ]
	[ "$(find b/.baudolo/partial -mindepth 1 | wc -l)" = 8 ]
}

# Above NEWEST comes NEXT.
above() {
	rm -rf b && mkdir -p "b/$H/repo/$1"
	run -0 bd-partial b "$H" repo
	[ "$(stamp_of "$output")" = "$2" ] || { echo "above $1: $output" >&2; return 1; }
	[ "$(ls -A "b/$H/repo")" = "$1" ]
}

@test "the name is above the newest generation, whatever the clock and the newest say" {
	# the clock was set back an hour
	ahead=$(date -d '1 hour' +'%Y-%m-%d %H:%M:%S')
	above "$(date -d "$ahead" +%Y%m%d%H%M%S)" "$(date -d "$ahead 1 second" +%Y%m%d%H%M%S)"
	above 20991231235959 21000101000000
	above 20960228235959 20960229000000
	above 21000228235959 21000301000000
	above 20990630235959 20990701000000
	# no dates at all
	above 20991399999999 20991400000000
	above 20990230120000 "$(date -u -d '2099-03-02 12:00:01' +%Y%m%d%H%M%S)"
	above 99991231235959 99991231235960
	above 99999999999998 99999999999999
	above 30000000000000 30000000000001
	# the past
	for old in 00000000000000 20000101000000 20251399999999; do
		rm -rf b && mkdir -p "b/$H/repo/$old"
		before=$(now)
		run -0 bd-partial b "$H" repo
		[[ $(stamp_of "$output") > $before || $(stamp_of "$output") == "$before" ]]
	done
}

@test "after the last name there is none" {
	mkdir -p "b/$H/repo/99999999999999"
	run -3 --separate-stderr bd-partial b "$H" repo
	[ -z "$output" ]
	[ "$stderr" = "bd-partial: $H/repo: no name is left above '99999999999999'" ]
	[ -z "$(ls -A b/.baudolo/partial)" ]
}

@test "what is no generation does not count" {
	mkdir -p "b/$H/repo/2099010100000" "b/$H/repo/209901010000000" "b/$H/repo/2099010100000x" "b/$H/repo/.2099010100000" \
		"b/$H/other/20990101000000" b/another/repo/20990101000000
	run -0 bd-partial b "$H" repo
	[[ $(stamp_of "$output") < 20990101000000 ]]
}

@test "wrong usage touches nothing" {
	for args in '' 'b' "b $H" "b $H repo more" "-r" '-r b' "-r b $H repo" "-x b $H repo"; do
		# shellcheck disable=SC2086 # several
		run -2 bd-partial $args
		[[ $output == *'usage: bd-partial [-V] BACKUPS HASH REPOSITORY'* ]]
	done
	for name in '' . .. a/b /a a/ ../b; do
		run -2 bd-partial b "$H" "$name"
		[ "$output" = "bd-partial: repository '$name' is not a name" ]
		run -2 bd-partial b "$name" repo
		[ "$output" = "bd-partial: hash '$name' is not a name" ]
		run -2 bd-partial -r b "$name"
		[ "$output" = "bd-partial: hash '$name' is not a name" ]
	done
	[ -z "$(ls -A)" ]
}

@test "hostile repository names" {
	for name in $'tab\there' $'new\nline' 'back\slash' "quote'" 'quote"' -r -- ' ' $'\xff\xfe' 'a.b.c' '*' '$HOME' .hidden; do
		run -0 bd-partial -- b "$H" "$name"
		[ -d "$output" ]
		[ "$output" = "b/.baudolo/partial/$H.$name.$(stamp_of "$output")" ]
	done
	[ "$(find b/.baudolo/partial -mindepth 1 -maxdepth 1 -printf x)" = xxxxxxxxxxxxx ]
	bd-partial -r b "$H"
	[ -z "$(ls -A b/.baudolo/partial)" ]
	[ -z "$(ls -A "b/$H")" ]
}

@test "a repository name that is too long" {
	run -3 bd-partial b "$H" "$(printf '%0200d' 0)"
	[[ $output == 'bd-partial: '*'File name too long' ]]
	# and one that is not is not too long for bd-publish either
	long=$(printf '%0175d' 0)
	if run bd-partial b "$H" "$long" && [ "$status" = 0 ]; then
		bd-publish "$output" "b/$H/$long"
	fi
}

@test "the version" {
	run -0 bd-partial -V
	[ "$output" = "bd-partial $(cat "$BD_ROOT/VERSION")" ]
}

@test "a full disk is no success" {
	run -3 sh -c 'bd-partial -V >/dev/full'
	run -3 sh -c 'bd-partial b "$1" repo >/dev/full' - "$H"
	[ "$output" = 'bd-partial: stdout: No space left on device' ]
}

@test "where no folder can be made" {
	: >file
	for b in file file/b; do
		run -3 bd-partial "$b" "$H" repo
		[[ $output == "bd-partial: $b: Not a directory" || $output == 'bd-partial: file: '* ]]
	done
	mkdir b && : >"b/$H"
	run -3 bd-partial b "$H" repo
	[[ $output == "bd-partial: $H: "* ]]
	mkdir ro
	run -3 in_mount_namespace 'mount -t tmpfs none ro; mount -o remount,ro ro; bd-partial ro "$1" repo' - "$H"
	[[ $output == *'Read-only file system' ]]
}

@test "a file system without hard links is a warning" {
	for why in EPERM EOPNOTSUPP; do
		run -0 --separate-stderr strace -qq -o /dev/null -e trace=linkat -e "inject=linkat:error=$why" bd-partial "$PWD/b" "$H" repo
		[ "$stderr" = "bd-partial: WARNING: $output: no hard links can be made there: each generation is a full copy" ]
		[ -z "$(ls -A "$output")" ]
	done
	run -3 strace -qq -o /dev/null -e trace=linkat -e inject=linkat:error=EIO bd-partial "$PWD/b" "$H" other
	[[ $output == bd-partial:*'Input/output error' ]]
	[ -z "$(find b/.baudolo/partial -name '*.other.*')" ]
	run -0 --separate-stderr bd-partial "$PWD/b" "$H" other
	[ -z "$stderr" ]
}

@test "a generation that could not be renamed into place is not begun" {
	for on in "$H" .baudolo .baudolo/partial "$H/repo"; do
		for how in '-t tmpfs none' '--bind elsewhere' '--bind inside'; do
			rm -rf b elsewhere && mkdir -p elsewhere b/.baudolo/partial "b/$H/repo/20200101000000" && mkdir inside
			case $how in *inside) rmdir inside && mkdir b/inside && how='--bind b/inside' ;; *) rmdir inside ;; esac
			run -3 --separate-stderr in_mount_namespace '
				mount $3 "b/$1"
				mkdir -p b/.baudolo/partial "b/$2/repo/20200101000000"
				rc=0
				bd-partial b "$2" repo || rc=$?
				find b/.baudolo/partial b/"$2" -mindepth 1 ! -name repo ! -name 20200101000000 | sed "s,^,left: ,"
				exit $rc
			' - "$on" "$H" "$how"
			echo "$on $how: $output $stderr"
			[ -z "$output" ]
			[[ $stderr == *'Invalid cross-device link' ]]
			[[ $stderr == *'cannot be renamed'* ]]
		done
	done
}

@test "a btrfs subvolume in between" {
	b=$(loop_fs btrfs 200M)
	btrfs subvolume create "$b/$H" >/dev/null
	run -3 bd-partial "$b" "$H" repo
	[[ $output == *'Invalid cross-device link' ]]
	btrfs subvolume delete "$b/$H" >/dev/null && mkdir "$b/$H"
	btrfs subvolume create "$b/$H/repo" >/dev/null
	run -3 bd-partial "$b" "$H" repo
	[[ $output == *'Invalid cross-device link' ]]
	btrfs subvolume delete "$b/$H/repo" >/dev/null
	[ -z "$(ls -A "$b/$H" "$b/.baudolo/partial" | grep -v :)" ]
	run -0 bd-partial "$b" "$H" repo
}

@test "killed before whatever it does, it leaves nothing in the way of the next" {
	kills=0
	for call in mkdir mkdirat openat renameat linkat unlinkat rmdir write; do
		for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
			case $call in openat) when=$((n + 4)) ;; *) when=$n ;; esac
			rm -rf b
			run strace -qq -o /dev/null -e trace="$call" -e "inject=$call:signal=KILL:when=$when" bd-partial b "$H" repo
			[ "$status" = 137 ] || break
			kills=$((kills + 1))
			# a cleaner three levels down crashes on a file
			[ -z "$(find b -maxdepth 3 ! -type d 2>/dev/null)" ] || { find b; echo "$call $n"; return 1; }
			bd-partial -r b "$H"
			run -0 bd-partial b "$H" repo
			[ "$(ls -A b/.baudolo/partial)" = "${output##*/}" ]
			[ -z "$(ls -A "b/$H")" ] || { echo "$call $n"; ls -A "b/$H"; return 1; }
		done
	done
	echo "# $kills kills" >&3
	[ "$kills" -gt 10 ]
}

@test "-r removes what this host began and nobody holds, whatever is in it" {
	mkdir -p "b/.baudolo/partial/$H.repo.20260101000000/v/files/d" "b/.baudolo/partial/$H.a b.f0260101000000" \
		"b/.baudolo/partial/$H"$'.\xff\n.1' "b/$H/repo/20260101000000/v"
	cd b/.baudolo/partial
	: >"$H.repo.20260101000000/v/files/d/f" && chmod -R 0 "$H.repo.20260101000000/v"
	mkfifo "$H.repo.20260101000000/fifo"
	: >"$H.repo.20260101000000/-rf"
	ln -s / "$H.repo.20260101000000/root"
	cd ../../..
	run -0 bd-partial -r b "$H"
	[ -z "$output" ]
	[ -z "$(ls -A b/.baudolo/partial)" ]
	[ -d "b/$H/repo/20260101000000/v" ]
}

@test "-r leaves other hosts' and what is none alone" {
	other=$(printf '%064d' 7)
	mkdir -p b/.baudolo/partial/{"$other.repo.20260101000000","${H}x.repo.20260101000000","x$H.repo.20260101000000","${H%?}.repo.20260101000000",lost+found,"$H"} \
		b/.baudolo/other
	fp=$(fingerprint b)
	run -0 bd-partial -r b "$H"
	[ -z "$output" ]
	[ "$(fingerprint b)" = "$fp" ]
}

@test "-r leaves what is in use alone, and removes the rest" {
	mkdir -p b/.baudolo/partial/{"$H.a.20260101000000","$H.b.20260101000000","$H.c.20260101000000"}/v
	exec 7<"b/.baudolo/partial/$H.b.20260101000000"
	flock -n 7
	run -0 bd-partial -r b "$H"
	[ "$output" = "bd-partial: $H.b.20260101000000: still in use, left alone" ]
	[ "$(ls -A b/.baudolo/partial)" = "$H.b.20260101000000" ]
	[ -d "b/.baudolo/partial/$H.b.20260101000000/v" ]
	exec 7<&-
	run -0 bd-partial -r b "$H"
	[ -z "$output" ]
	[ -z "$(ls -A b/.baudolo/partial)" ]
}

@test "-r holds what it removes: nobody can take it up meanwhile" {
	mkdir -p "b/.baudolo/partial/$H.a.20260101000000"
	mkdir bin
	cat >bin/rm <<-'R'
		#!/bin/sh
		flock -n "$HELD" true && : >free
		exec /bin/rm "$@"
	R
	chmod +x bin/rm
	export HELD=$PWD/b/.baudolo/partial/$H.a.20260101000000
	PATH=$PWD/bin:$PATH run -0 bd-partial -r b "$H"
	[ -z "$(find . -name free)" ]
	[ -z "$(ls -A b/.baudolo/partial)" ]
}

@test "-r names what it cannot remove, and goes on" {
	mkdir -p b/.baudolo/partial/{"$H.a.20260101000000","$H.b.20260101000000","$H.c.20260101000000"}
	run -1 in_mount_namespace 'mount -t tmpfs none "b/.baudolo/partial/$1.b.20260101000000"; bd-partial -r b "$1"' - "$H"
	[[ $output == *"bd-partial: $H.b.20260101000000: could not be removed"* ]]
	[ "$(ls -A b/.baudolo/partial)" = "$H.b.20260101000000" ]
}

@test "-r follows no link" {
	mkdir -p b/.baudolo/partial victim/v
	ln -s "$PWD/victim" "b/.baudolo/partial/$H.a.20260101000000"
	bd-partial -r b "$H"
	[ -d victim/v ]
}

@test "-r makes nothing where there is nothing" {
	run -0 bd-partial -r b "$H"
	[ -z "$(ls -A)" ]
	mkdir b
	run -0 bd-partial -r b "$H"
	[ -z "$(ls -A b)" ]
	: >file
	run -3 bd-partial -r file "$H"
	[[ $output == 'bd-partial: file: Not a directory' ]]
}

@test "the examples of the page" {
	run -0 examples bd-partial.1
}
