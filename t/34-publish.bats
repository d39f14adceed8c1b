#!/usr/bin/env bats
# bd-publish

load engine
load tree
load fake

T=20260101000000 # a generation

setup() {
	cd "$BATS_TEST_TMPDIR"
	umask 022
	H=$(bd-machine-hash)
	partial
}

teardown() { [ -z "${STRACE-}" ] || kill -KILL "$STRACE" 2>/dev/null || :; }

# b/.baudolo/partial/$H.repo.$T, whole
partial() {
	rm -rf b
	mkdir -p "b/$H"
	P=b/.baudolo/partial/$H.repo.$T
	mkdir -p "$P/v/files" && echo content >"$P/v/files/f" && ln -s f "$P/v/files/l" && bd-stamp "$P" <<<$'v\tok\tno\tno\t-'
	chmod 700 "$P"
	was=$(fingerprint "$P")
}

R() { printf %s "b/$H/repo"; }

in_mount_namespace() { unshare -m --propagation private sh -euc "$@"; }

# The repository is not there, or holds only whole generations, and at least one.
whole() {
	local g
	[ -e "$(R)" ] || return 0
	[ -n "$(ls -A "$(R)")" ] || { echo 'an empty repository' >&2; return 1; }
	for g in "$(R)"/*; do
		[ "$(fingerprint "$g")" = "$was" ] || { echo "$g is not whole" >&2; return 1; }
	done
}

@test "the first generation, and the repository with it" {
	run -0 bd-publish "$P" "$(R)"
	[ -z "$output" ]
	[ "$(fingerprint "$(R)/$T")" = "$was" ]
	[ "$(ls -A "b/$H")" = repo ]
	[ "$(ls -A "$(R)")" = "$T" ]
	[ -z "$(ls -A b/.baudolo/partial)" ]
	[ "$(stat -c %a "$(R)" "$(R)/$T")" = $'755\n700' ]
}

@test "a second one" {
	mkdir -p "$(R)/20250101000000/w/files"
	chmod 775 "$(R)"
	chown 1234 "$(R)"
	run -0 bd-publish "$P" "$(R)"
	[ "$(fingerprint "$(R)/$T")" = "$was" ]
	[ "$(ls -A "$(R)")" = $'20250101000000\n'$T ]
	[ "$(stat -c %a:%u "$(R)")" = 775:1234 ]
	[ -z "$(ls -A b/.baudolo/partial)" ]
}

@test "the repository is 0755 whatever the umask" {
	(umask 077 && bd-publish "$P" "$(R)")
	[ "$(stat -c %a "$(R)")" = 755 ]
}

@test "an empty repository that was there is taken" {
	mkdir "$(R)"
	bd-publish "$P" "$(R)"
	whole
}

@test "one rename makes both appear: nothing is ever made below the host's folder" {
	strace -y -o trace -e trace=mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,openat,creat bd-publish "$P" "$(R)"
	run -0 grep -E '^(mkdir|rename|link|symlink|creat|openat.*O_CREAT).* = [^-]' trace
	[ "${#lines[@]}" = 3 ]
	[[ ${lines[0]} == "mkdirat("*"/b/.baudolo/partial>, \"$H.repo."* ]]
	[[ ${lines[1]} == "renameat2("*"\"$H.repo.$T\", "*"/b/.baudolo/partial/$H.repo."*">, \"$T\", RENAME_NOREPLACE) = 0" ]]
	[[ ${lines[2]} == "renameat2("*"\"$H.repo."*"\", "*"/b/$H>, \"repo\", RENAME_NOREPLACE) = 0" ]]
}

@test "killed before whatever it does, it leaves the whole or nothing" {
	kills=0
	for there in no yes; do
		for call in openat flock syncfs mkdirat renameat2 fsync exit_group; do
			for ((n = 1; n < 20; n++)); do
				partial
				[ "$there" = no ] || { mkdir "$(R)" && cp -a "$P" "$(R)/20250101000000"; }
				run strace -qq -o /dev/null -e trace="$call" -e "inject=$call:signal=KILL:when=$n" bd-publish "$P" "$(R)"
				[ "$status" = 137 ] || break
				kills=$((kills + 1))
				whole || { echo "$call $n"; return 1; }
				# once more, if there is something left to publish
				[ ! -d "$P" ] || bd-publish "$P" "$(R)"
				whole
				bd-partial -r b "$H"
				[ -z "$(ls -A b/.baudolo/partial)" ]
				# a dead one between the two renames costs the generation; the next comes through
				T2=20270101000000
				mkdir -p "b/.baudolo/partial" && mkdir "b/.baudolo/partial/$H.repo.$T2" && cp -a "$(R)/"*/. "b/.baudolo/partial/$H.repo.$T2" 2>/dev/null || :
				bd-publish "b/.baudolo/partial/$H.repo.$T2" "$(R)"
				[ -d "$(R)/$T2" ]
			done
		done
	done
	echo "# $kills kills" >&3
	[ "$kills" -gt 15 ]
}

@test "it never replaces anything" {
	for what in 'mkdir X' 'mkdir -p X/v' 'touch X' 'ln -s nowhere X' 'ln -s . X' 'mkfifo X'; do
		partial
		mkdir -p "$(R)/20250101000000"
		(cd "$(R)" && eval "${what//X/$T}")
		before=$(fingerprint "$(R)")
		run -3 bd-publish "$P" "$(R)"
		[ "$output" = "bd-publish: $T: File exists" ]
		[ "$(fingerprint "$(R)")" = "$before" ]
		[ "$(fingerprint "$P")" = "$was" ]
	done
	partial
	echo file >"$(R)"
	run -3 bd-publish "$P" "$(R)"
	[ "$(cat "$(R)")" = file ]
	[ "$(fingerprint "$P")" = "$was" ]
	rm "$(R)" && ln -s nowhere "$(R)"
	run -3 bd-publish "$P" "$(R)"
	[ "$(readlink "$(R)")" = nowhere ]
}

@test "two at once: both are there" {
	other=b/.baudolo/partial/$H.repo.20260101000001
	for _ in 1 2 3 4 5; do
		partial
		cp -a "$P" "$other"
		bd-publish "$P" "$(R)" & one=$!
		bd-publish "$other" "$(R)" & two=$!
		rc1=0 rc2=0
		wait "$one" || rc1=$?
		wait "$two" || rc2=$?
		whole
		# whoever found no repository and then one says so; the other's is there
		[ "$rc1" = 0 ] || [ "$rc2" = 0 ]
		[ "$rc1" != 0 ] || [ -d "$(R)/$T" ]
		[ "$rc2" != 0 ] || [ -d "$(R)/20260101000001" ]
	done
}

@test "while it publishes, bd-partial -r takes nothing away" {
	exec 7<"$P"
	flock -n 7
	# it stands still after the first of the two renames
	strace -qq -o trace -f -e trace=fsync -e inject=fsync:signal=STOP:when=1 bd-publish "$P" "$(R)" 3>&- &
	STRACE=$!
	wait_for grep -qs 'stopped by SIGSTOP' trace
	[ ! -e "$P" ]
	bd-partial -r b "$H" 2>said
	cat said
	grep -q 'still in use' said
	kill -CONT "$(sed -n 's/ .*//p' trace | head -n 1)"
	wait "$STRACE"
	[ "$(fingerprint "$(R)/$T")" = "$was" ]
}

@test "synced before it appears, and its folders after" {
	strace -o trace -e trace=syncfs,renameat2,fsync bd-publish "$P" "$(R)"
	[ "$(sed -n 's/(.*//p' trace | grep -v '^[+-]' | tr '\n' ' ')" = 'syncfs renameat2 fsync fsync renameat2 fsync fsync ' ]
	partial
	run -3 strace -qq -o /dev/null -e trace=syncfs -e inject=syncfs:error=EIO bd-publish "$P" "$(R)"
	[[ $output == *'not published: the file system reports a write error: Input/output error' ]]
	[ ! -e "$(R)" ]
	[ "$(fingerprint "$P")" = "$was" ]
	run -3 strace -qq -o /dev/null -e trace=fsync -e inject=fsync:error=EIO:when=3 bd-publish "$P" "$(R)"
	[[ $output == *'perhaps not durable'* ]]
}

@test "-f: the descriptor that is synced" {
	exec 7<"$P"
	strace -o trace -e trace=syncfs bd-publish -f 7 "$P" "$(R)"
	grep -q '^syncfs(7) ' trace
	exec 7<&-
	whole
	partial
	for fd in 777 -1 x '' 3x; do
		run -2 bd-publish -f "$fd" "$P" "$(R)"
		[ ! -e "$(R)" ]
	done
	exec 7</proc
	run -2 bd-publish -f 7 "$P" "$(R)"
	[[ $output == "bd-publish: -f 7 is on another file system than "* ]]
	[ ! -e "$(R)" ]
	exec 7<&-
}

@test "names without a timestamp, and what is no folder" {
	for name in repo "$H.repo.2026010100000" "$H.repo.202601010000000" "$H.repo.2026010100000x" "$H.repo$T" "$H.repo." "$T.x"; do
		mkdir "b/.baudolo/partial/$name"
		run -2 bd-publish "b/.baudolo/partial/$name" "$(R)"
		[[ $output == "bd-publish: '$name' does not end in a timestamp of 14 digits" ]]
		[ ! -e "$(R)" ]
	done
	run -3 bd-publish "b/missing.$T" "$(R)"
	ln -s "$PWD/$P" "b/link.$T"
	run -3 bd-publish "b/link.$T" "$(R)"
	: >"b/file.$T"
	run -3 bd-publish "b/file.$T" "$(R)"
	run -3 bd-publish "$P" "missing/repo"
	[ "$output" = 'bd-publish: missing: No such file or directory' ]
	[ ! -e "$(R)" ]
}

@test "paths in any spelling" {
	for p in "$P/" "$P//" "./$P" "$PWD/$P"; do
		for r in "$(R)/" "$(R)//" "./$(R)" "$PWD/$(R)"; do
			partial
			run -0 bd-publish "$p" "$r"
			whole
			[ -d "$(R)/$T" ]
		done
	done
	partial
	cd "b/.baudolo/partial"
	run -0 bd-publish "$H.repo.$T" "../../$H/repo"
	cd ../..
	mkdir "$T" && run -0 bd-publish "$T" bare
	[ -d "bare/$T" ]
}

@test "hostile names of repositories" {
	for name in $'tab\there' $'new\nline' 'back\slash' "quote'" 'quote"' -r -- ' ' $'\xff\xfe' 'a.b.c' '*' .hidden; do
		partial
		run -0 bd-publish -- "$P" "b/$H/$name"
		[ "$(fingerprint "b/$H/$name/$T")" = "$was" ]
		[ "$(find "b/$H" -mindepth 1 -maxdepth 1 -printf x)" = x ]
	done
}

@test "from another file system" {
	mkdir tmp
	run -3 in_mount_namespace 'mount -t tmpfs none tmp; mkdir "tmp/x.$2"; bd-publish "tmp/x.$2" "$1"' - "$(R)" "$T"
	[[ $output == *'Invalid cross-device link' ]]
	[ ! -e "$(R)" ]
}

@test "wrong usage" {
	for args in '' "$P" "$P $(R) more" "-x $P $(R)" '-f' "-f 1 $P"; do
		# shellcheck disable=SC2086 # several
		run -2 bd-publish $args
		[[ $output == *'usage: bd-publish [-V] [-f FD] PARTIAL REPOSITORY' ]]
	done
	[ ! -e "$(R)" ]
	[ "$(fingerprint "$P")" = "$was" ]
}

@test "the version; a full disk is no success" {
	run -0 bd-publish -V
	[ "$output" = "bd-publish $(cat "$BD_ROOT/VERSION")" ]
	run -3 sh -c 'bd-publish -V >/dev/full'
	[ "$output" = 'bd-publish: stdout: No space left on device' ]
}

@test "the examples of the page" {
	run -0 examples bd-publish.1
}
