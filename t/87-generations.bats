#!/usr/bin/env bats
# bd-generations

load engine
load tree
load fake
load copy

teardown_file() { loop_clean; }

setup() {
	copy_begin
	cd "$BATS_TEST_TMPDIR"
	S=$'v\tok\tno\tno\t-'
}

# made NAME [STAMP RECORD]: an empty generation as bd-stamp makes it
made() {
	mkdir -p "repo/$1/v/files"
	bd-stamp "repo/$1" <<<"${2-$S}"
}

states() { bd-generations repo | cut -f 2,4 | tr '\t\n' ': '; }

@test "one record each, the oldest first" {
	made 20260102030405
	made 20251231235959
	mkdir -p repo/20260102030405/v/sql repo/20260102030405/w/sql
	: >repo/20260102030405/v/sql/one.backup.sql
	: >repo/20260102030405/v/sql/db.cluster.backup.sql
	: >repo/20260102030405/v/sql/.two.backup.sql
	: >repo/20260102030405/v/sql/.backup.sql
	: >repo/20260102030405/w/sql/x.backup.sql
	printf 'v\tok\tyes\tyes\tpostgres\nw\tfailed\tyes\tno\tmariadb\n' | bd-stamp repo/20260102030405
	TZ=Europe/Berlin run -0 bd-generations repo
	[ "$output" = $'repo\t20251231235959\t1767221999\twhole\t1\t0\t0\t-\t-\t-\nrepo\t20260102030405\t1767319445\twhole\t2\t1\t3\t-\t-\t-' ]
	run -0 bd-generations -v repo
	[ "${lines[0]}" = $'repo\t20251231235959\twhole\tv\tgood\tyes\t0\tno\tno\t-\t-' ]
	[ "${lines[1]}" = $'repo\t20260102030405\twhole\tv\tgood\tyes\t2\tyes\tyes\tpostgres\t-' ]
	[ "${lines[2]}" = $'repo\t20260102030405\twhole\tw\tfailed\tno\t1\tyes\tno\tmariadb\t-' ]
	[ "${#lines[@]}" = 3 ]
}

@test "what is there of a volume" {
	printf '%s\tok\tno\tno\t-\n' files dumps none link >plan
	mkdir -p repo/20260101000000/files/files repo/20260101000000/dumps/sql repo/20260101000000/link
	: >repo/20260101000000/dumps/sql/a.backup.sql
	ln -s /etc repo/20260101000000/link/files
	ln -s ../dumps/sql repo/20260101000000/link/sql
	bd-stamp repo/20260101000000 <plan
	# a link in the place of a folder is nothing that was published
	run -0 bd-generations -v repo
	[ "$(cut -f 4-7 <<<"$output")" = $'dumps\tgood\tno\t1\nfiles\tgood\tyes\t0\nlink\tmissing\tno\t0\nnone\tmissing\tno\t0' ]
}

@test "a volume in whose place something else is costs nothing but itself" {
	printf '%s\tok\tno\tno\t-\n' file good link sql >plan
	mkdir -p repo/20260101000000/{file,good,link,sql}/files
	printf 'manifest.json\tfailed\tno\tno\t-\ndirectory_stemp.json\tfailed\tno\tno\t-\n' >>plan # Docker knows such names
	bd-stamp repo/20260101000000 <plan
	rm -r repo/20260101000000/{file,link}
	: >repo/20260101000000/file
	: >repo/20260101000000/sql/sql
	ln -s good repo/20260101000000/link
	run -0 bd-generations -v repo
	[ "$(cut -f 4-7 <<<"$output" | sort)" = "$(printf '%s\t%s\t%s\t0\n' directory_stemp.json failed no file missing no \
		good good yes link missing no manifest.json failed no sql good yes)" ]
	[ "$(states)" = '20260101000000:whole ' ]
}

@test "which part of a copy is damaged: its files, its dumps, which may be gone, or both" {
	mkdir -p repo/20260101000000/v/{files,sql} bad
	: >repo/20260101000000/v/sql/d.backup.sql
	printf 'v\tok\tyes\tyes\tpostgres\n' | bd-stamp repo/20260101000000
	damage() { bd-generations -v -x bad repo | cut -f 5,11; }
	[ "$(damage)" = $'good\t-' ]
	printf './files/x\t-\t-\t20260101000000\tmissing\n' >bad/v
	[ "$(damage)" = $'damaged\tfiles' ]
	printf './sql/d.backup.sql\t-\t-\t20260101000000\tcontent\n' >>bad/v
	[ "$(damage)" = $'damaged\tboth' ]
	sed -i 1d bad/v
	[ "$(damage)" = $'damaged\tdumps' ]
	rm bad/v repo/20260101000000/v/sql/d.backup.sql
	[ "$(damage)" = $'damaged\tdumps' ]
	rm -r repo/20260101000000/v/files
	[ "$(damage)" = $'missing\tdumps' ]
}

@test "complete or not, ours and the original's" {
	made 20260101000000
	made 20260102000000
	rm repo/20260102000000/directory_stemp.json # as of a name that is not UTF-8
	theirs='{"schema": 1, "volumes": {"v": {"database": false, "dumped": false, "engine": null}}}'
	mkdir -p repo/2026010{3,4,5,6,7,8}000000/v/files
	echo "$theirs" >repo/20260103000000/manifest.json
	cp repo/20260101000000/directory_stemp.json repo/20260103000000/
	echo "$theirs" >repo/20260104000000/manifest.json
	cp repo/20260101000000/directory_stemp.json repo/20260106000000/
	: >repo/20260107000000/directory_stemp.json
	echo "$theirs" >repo/20260108000000/manifest.json
	echo '{"hash": "x"}' >repo/20260108000000/directory_stemp.json
	[ "$(states)" = '20260101000000:whole 20260102000000:unstamped 20260103000000:whole 20260104000000:partial 20260105000000:partial 20260106000000:whole 20260107000000:partial 20260108000000:partial ' ]
	# and bd-stamp does leave the stamp out
	made 20260109000000
	: >repo/20260109000000/v/files/$'\xff'
	bd-stamp repo/20260109000000 <<<"$S"
	[[ $(states) == *'20260109000000:unstamped ' ]]
}

@test "what cannot be read is named, and spoils nothing else" {
	made 20260101000000
	n=2
	for bad in '{' '' '[]' 'null' '{"schema": 2, "volumes": {}}' '{"schema": 1}' '{"schema": 1, "volumes": {"": {}}}' '{"schema": 1, "volumes": {"a/b": {}}}' \
		'{"schema": 1, "volumes": {"..": {}}}' '{"schema": 1, "volumes": {"v": 1}}' '{"schema": 1, "volumes": {}, "failed": 1}' "$(printf '{}\n{}')" \
		'{"schema": 1, "failed": [], "volumes": {"a\u0000b": {}}}' '{"schema": 1, "failed": [], "volumes": {"v": {"engine": "a\u0000b"}}}'; do
		made "202601$(printf %02d $n)000000"
		printf %s "$bad" >"repo/202601$(printf %02d $n)000000/manifest.json"
		n=$((n + 1))
	done
	[ "$n" = 16 ]
	made 20260120000000 && head -c 100 /dev/zero >repo/20260120000000/manifest.json
	made 20260121000000 && rm repo/20260121000000/manifest.json && mkdir repo/20260121000000/manifest.json
	made 20260122000000 && rm repo/20260122000000/manifest.json && mkfifo repo/20260122000000/manifest.json
	made 20260123000000 && rm repo/20260123000000/manifest.json && ln -s ../20260101000000/manifest.json repo/20260123000000/manifest.json
	made 20260125000000
	run -1 --separate-stderr bd-generations repo
	[ "$(cut -f 4 <<<"$output" | sort | uniq -c | tr -s ' \n' ' ')" = ' 18 unreadable 2 whole ' ]
	[ "$(cut -f 5-7 <<<"${lines[1]}")" = $'-\t-\t-' ]
	[ "$(wc -l <<<"$stderr")" = 18 ]
	run -1 --separate-stderr bd-generations -v repo
	[ "$(cut -f 2 <<<"$output")" = $'20260101000000\n20260125000000' ]
}

@test "hostile JSON costs no other generation" {
	long() { head -c "$1" /dev/zero | tr '\0' "$2"; }
	made 20260101000000
	made 20260102000000
	made 20260103000000
	f=repo/20260102000000/manifest.json
	volume() { printf '{"schema": 1, "failed": ["a\\u0000", 1, {}], "volumes": {"v": %s}}' "$1"; }
	for bad in "$(volume '{"engine": 1e999999999999, "database": -1E400, "dumped": []}')" "$(volume "{\"engine\": $(long 100000 9)}")" \
		"$(volume '{"engine": nan}')" "$(volume "{\"x\": $(long 100000 '[')$(long 100000 ']')}")" "$(volume "{\"engine\": \"$(long 100000 e)\"}")" \
		"$(volume '1, "v": {}')" "$(volume "{}, \"$(long 300 k)\": {}")" "$(volume $'{}, "a\xffb": {}')" "$(volume '{}, "\ud800": {}, "\u0001\t\n": {}')"; do
		printf %s "$bad" >$f
		run --separate-stderr bd-generations repo
		[ "$(cut -f 4 <<<"$output" | sed 2d | tr '\n' ' ')" = 'whole whole ' ]
		[[ $status = 0 && ${lines[1]} == *$'\twhole\t'* ]] || [[ $status = 1 && ${lines[1]} == *$'\tunreadable\t'* && $stderr == *20260102000000* ]]
	done
}

@test "a generation that is removed meanwhile is none" {
	jq=$(command -v jq)
	mkdir bin
	printf '#!/bin/sh\nrm -r repo/20260102000000\nexec "%s" "$@"\n' "$jq" >bin/jq
	chmod +x bin/jq
	for options in '' -v -s; do
		for i in 1 2 3; do made "2026010${i}000000"; done
		# shellcheck disable=SC2086 # none or one
		PATH=$PWD/bin:$PATH run -0 bd-generations $options repo
		[ "$(cut -f 2 <<<"$output" | tr '\n' ' ')" = '20260101000000 20260103000000 ' ]
	done
}

# bats test_tags=native
@test "a generation that is removed before it is opened, or measured" {
	made 20260101000000
	made 20260102000000
	gone() { # OPENED LOOKED COMMAND...: from which of these calls on it is not there
		strace -qq -o /dev/null -P "$PWD/repo/20260101000000" -e "inject=openat:error=ENOENT:when=$1+" -e "inject=newfstatat:error=ENOENT:when=$2+" "${@:3}"
	}
	run -0 gone 1 1 bd-generations "$PWD/repo"
	[ "$(cut -f 2 <<<"$output")" = 20260102000000 ]
	run -0 gone 6 2 bd-generations -s "$PWD/repo"
	[ "$(cut -f 2 <<<"$output")" = $'20260101000000\n20260102000000' ]
	[ "$(cut -f 8 <<<"${lines[0]}")" = - ]
}

# bats test_tags=native
@test "errors of the file system" {
	made 20260101000000
	made 20260102000000
	run -1 strace -qq -o /dev/null -P "$PWD/repo/20260102000000/manifest.json" -e inject=read:error=EIO bd-generations repo
	[[ $output == *'20260102000000: manifest.json: Input/output error'* ]]
	[[ $output == *$'20260101000000\t'*$'\twhole\t'* ]]
	[[ $output == *$'20260102000000\t'*$'\tunreadable\t'* ]]
	run -1 strace -qq -o /dev/null -P "$PWD/repo/20260102000000/v" -e inject=newfstatat:error=EIO bd-generations repo
	[[ $output == *$'20260102000000\t'*$'\tunreadable\t'* ]]
	mkdir repo/20260102000000/v/sql
	run -1 strace -qq -o /dev/null -P "$PWD/repo/20260102000000/v/sql" -e inject=getdents64:error=EIO bd-generations repo
	[[ $output == *$'20260102000000\t'*$'\tunreadable\t'* ]]
	run -1 bd-generations repo missing
	[[ $output == *$'20260101000000\t'* ]]
	[[ $output == *'bd-generations: missing: No such file or directory'* ]]
	mkdir bin && printf '#!/bin/sh\nexit 5\n' >bin/jq && chmod +x bin/jq
	PATH=$PWD/bin:$PATH run -3 bd-generations repo
	[ "$output" = 'bd-generations: manifest.json: jq ended with status 5' ]
	printf '#!/bin/sh\ncat >/dev/null; exit 5\n' >bin/sort && chmod +x bin/sort && rm bin/jq
	PATH=$PWD/bin:$PATH run -3 bd-generations -s repo
	[ "$output" = 'bd-generations: sizes: sort ended with status 5' ]
}

@test "-x: copies that were found damaged"  {
	for i in 1 2 3; do
		mkdir -p "repo/2026010${i}000000/v/files/d" "repo/2026010${i}000000/w/files"
		[ "$i" = 3 ] && echo new >"repo/2026010${i}000000/v/files/d/f" ||
			{ [ "$i" = 1 ] && echo old >repo/20260101000000/v/files/d/f || ln repo/20260101000000/v/files/d/f repo/20260102000000/v/files/d/f; }
		printf 'v\tok\tno\tno\t-\nw\tok\tno\tno\t-\n' | bd-stamp "repo/2026010${i}000000"
	done
	mkdir bad
	f=repo/20260101000000/v/files/d/f
	of_f() { printf './files/d/f\t%s\t%s\t20250101000000\tcontent\n' "$(stat -c %i $f)" "$1"; }
	{ printf './files/gone\t1\t-\t20250101000000\tcontent\n'; of_f "$(stat -c %.9W $f)"; } >bad/v
	run -0 bd-generations -v -x bad repo
	[ "$(cut -f 4,5 <<<"$output" | tr '\t\n' ': ')" = 'v:damaged w:good v:damaged w:good v:good w:good ' ]
	[[ $(bd-generations -v repo) != *damaged* ]]
	# the inode number alone is nothing
	of_f 1.000000000 >bad/v
	[[ $(bd-generations -v -x bad repo) != *damaged* ]]
	# what has no inode: of this generation, a dump, all of it
	for path in ./files/x ./sql/x.backup.sql . ./contents.mtree; do
		printf '%s\t-\t-\t20260103000000\tmissing\n' $path >bad/v
		[ "$(bd-generations -v -x bad repo | cut -f 4,5 | tr '\t\n' ': ')" = 'v:good w:good v:good w:good v:damaged w:good ' ]
	done
	# who knows
	echo x >bad/v
	run -0 --separate-stderr bd-generations -v -x bad repo
	[[ $stderr == 'bd-generations: v:1: 1 fields, expected 5'$'\n'*'WARNING: which files of v are damaged cannot be told: all may be; '"'baudolo-verify --volume v' finds out" ]]
	[ "$(cut -f 4,5 <<<"$output" | tr '\t\n' ': ')" = 'v:damaged w:good v:damaged w:good v:damaged w:good ' ]
	run -3 bd-generations -v -x missing repo
	run -2 bd-generations -x bad repo
}

@test "names that are no generations, no dates, no times" {
	made 20260101000000
	mkdir repo/x repo/2026010100000 repo/202601010000000 repo/20260231000000 repo/20260101250000 repo/20260101000060
	: >repo/20260103000000
	ln -s 20260101000000 repo/20260104000000
	[ "$(bd-generations repo | cut -f 2,3)" = $'20260101000000\t'"$(date -d 2026-01-01 +%s)"$'\n20260101000060\t-\n20260101250000\t-\n20260231000000\t-' ]
	# an hour that summer time took
	made 20260329023000
	TZ=Europe/Berlin run -0 bd-generations repo
	[[ $output == *$'20260329023000\t177474'[0-9][0-9][0-9][0-9]$'\t'* ]]
}

@test "hostile names" {
	n=$'a\tb\nc\\d'
	mkdir -p "$n/20260101000000"/{$'t\tab\n\\',$'\xff',-r,"q'\""}/files
	run -0 bd-generations -v "$n"
	[ "${#lines[@]}" = 4 ]
	[ "$(cut -f 1 <<<"$output" | sort -u)" = 'a\tb\nc\\d' ]
	cut -f 4 <<<"$output" | grep -Fqx 't\tab\n\\'
	run -0 bd-generations "$n"
	[ "$output" = $'a\\tb\\nc\\\\d\t20260101000000\t'"$(date -d 2026-01-01 +%s)"$'\tpartial\t4\t0\t0\t-\t-\t-' ]
	cd "$n/.." && mkdir -p ./-r && run -0 bd-generations -- -r
}

@test "sizes are those du tells" {
	mkdir src && TREE_SPARSE=2M tree_make src
	: >index/none
	generation < <(volume_plan v "$PWD/src")
	tree_change src
	generation < <(volume_plan v "$PWD/src")
	head -c 300000 /dev/urandom >src/late && ln src/late src/later
	generation < <(volume_plan v "$PWD/src")
	generation < <(volume_plan v "$PWD/src")
	tree_done src
	sync -f repo
	run -0 bd-generations -s repo
	[ "$(cut -f 8 <<<"$output")" = "$(cd repo && du -s -B 1 -- * | cut -f 1)" ]
	# shared: what it has besides; only: what is gone without it
	for g in repo/*; do
		all=$(du -s -B 1 "$g" | cut -f 1)
		rest=$(find repo -mindepth 1 -maxdepth 1 ! -path "$g" -print0 | du -sc -B 1 --files0-from=- | tail -n 1 | cut -f 1)
		total=$(find repo -mindepth 1 -maxdepth 1 -print0 | du -sc -B 1 --files0-from=- | tail -n 1 | cut -f 1)
		line=$(grep -F "${g##*/}" <<<"$output")
		[ "$(($(cut -f 8 <<<"$line") + $(cut -f 9 <<<"$line")))" = "$all" ]
		[ "$(cut -f 10 <<<"$line")" = "$((total - rest))" ]
	done
	[ "$(tail -n 1 <<<"$output" | cut -f 9)" -gt 300000 ]
}

@test "what removing a generation frees is seen on the disk" {
	d=$(loop_fs ext4 64M)
	mkdir -p "$d/repo/2026010"{1,2,3}000000/v/files
	for i in 1 2 3; do
		head -c 3000000 /dev/urandom >"$d/repo/2026010${i}000000/v/files/own"
		[ "$i" = 1 ] || cp -al "$d/repo/20260101000000/v/files/own" "$d/repo/2026010${i}000000/v/files/shared"
	done
	sync -f "$d"
	only=$(bd-generations -s "$d/repo" | cut -f 10 | sed -n 2p)
	before=$(stat -f -c %f "$d")
	rm -rf "$d/repo/20260102000000"
	sync -f "$d"
	[ "$(($(stat -f -c %f "$d") - before))" = "$((only / $(stat -f -c %S "$d")))" ]
}

# bats test_tags=native
@test "one jq and one sort, however many" {
	for i in $(seq -w 1 28); do made "202601${i}000000"; done
	strace -f -qq -o trace -e trace=execve bd-generations -s repo >/dev/null
	[ "$(grep -c 'execve(.*= 0$' trace)" = 3 ]
}

@test "wrong usage" {
	for args in '' -s '-v -s repo' '-x repo'; do
		# shellcheck disable=SC2086 # several
		run -2 bd-generations $args
		[[ $output == *'usage: bd-generations '* ]]
	done
}

@test "the manual's examples" { examples bd-generations.1; }

@test "the version; a full disk is no success" {
	run -0 bd-generations -V
	[ "$output" = "bd-generations $(cat "$BD_ROOT/VERSION")" ]
	made 20260101000000
	run -3 sh -c 'bd-generations repo >/dev/full'
	[ "$output" = 'bd-generations: stdout: No space left on device' ]
}
