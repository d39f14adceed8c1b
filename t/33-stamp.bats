#!/usr/bin/env bats
# bd-stamp, bd-stamped

load engine
load tree
load fake

setup() {
	cd "$BATS_TEST_TMPDIR"
	umask 022
	mkdir g
}

# Fields separated by spaces become a record.
record() { printf '%s\t%s\t%s\t%s\t%s\n' "$@"; }

# The other program's way, that of CONTRACT.md.
pipeline() {
	(cd "$1" && find . -mindepth 1 ! -path ./directory_stemp.json -printf '%P\n' | LC_ALL=C sort | tr -d '\n' | sha256sum | cut -d ' ' -f 1)
}

# The same for names with a newline in them.
pipeline0() {
	(cd "$1" && find . -mindepth 1 ! -path ./directory_stemp.json -printf '%P\0' | LC_ALL=C sort -z | tr -d '\0' | sha256sum | cut -d ' ' -f 1)
}

stamp_hash() { jq -er .hash "$1/directory_stemp.json"; }

in_mount_namespace() { unshare -m --propagation private sh -euc "$@"; }

@test "two volumes, byte for byte" {
	mkdir -p g/app/files g/db
	{
		record app ok no no -
		record db failed yes yes postgres
	} >records
	run -0 --separate-stderr bd-stamp g <records
	[ -z "$output$stderr" ]
	cat >expected <<-'J'
		{
		  "failed": [
		    "db"
		  ],
		  "layout": {
		    "cluster_suffix": ".cluster.backup.sql",
		    "dump_suffix": ".backup.sql",
		    "files_dir": "files",
		    "sql_dir": "sql"
		  },
		  "schema": 1,
		  "volumes": {
		    "app": {
		      "database": false,
		      "dumped": false,
		      "engine": null
		    },
		    "db": {
		      "database": true,
		      "dumped": true,
		      "engine": "postgres"
		    }
		  }
		}
	J
	cmp expected g/manifest.json
	[ "$(find g -type f | LC_ALL=C sort)" = $'g/directory_stemp.json\ng/manifest.json' ]
	# what another program reads of it
	run -0 jq -e '.schema == 1 and .layout.files_dir == "files" and ([.volumes[] | keys] | unique) == [["database","dumped","engine"]]
		and (keys - ["schema","layout","volumes"]) == ["failed"]' g/manifest.json
	run -0 jq -e '(keys == ["date", "hash"]) and (.hash | test("^[0-9a-f]{64}$"))
		and (.date | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$"))' g/directory_stemp.json
	[ "$(stamp_hash g)" = "$(pipeline g)" ]
	[ "$(stamp_hash g)" = "$(printf %s app app/files db manifest.json | sha256sum | cut -d ' ' -f 1)" ]
}

@test "every engine and answer there is" {
	{
		record m ok yes no mariadb
		record n ok no no -
		record p failed yes yes postgres
		record q ok yes no -
	} | bd-stamp g
	run -0 jq -c .volumes g/manifest.json
	[ "$output" = '{"m":{"database":true,"dumped":false,"engine":"mariadb"},"n":{"database":false,"dumped":false,"engine":null},"p":{"database":true,"dumped":true,"engine":"postgres"},"q":{"database":true,"dumped":false,"engine":null}}' ]
	[ "$(jq -c .failed g/manifest.json)" = '["p"]' ]
}

@test "no volumes" {
	run -0 bd-stamp g </dev/null
	[ "$(jq -c . g/manifest.json)" = '{"failed":[],"layout":{"cluster_suffix":".cluster.backup.sql","dump_suffix":".backup.sql","files_dir":"files","sql_dir":"sql"},"schema":1,"volumes":{}}' ]
	[ "$(tail -c 1 g/manifest.json | od -An -c | tr -d ' ')" = '\n' ]
	[ "$(stamp_hash g)" = "$(pipeline g)" ]
	[ "$(stamp_hash g)" = "$(printf manifest.json | sha256sum | cut -d ' ' -f 1)" ]
}

@test "the date is local, and that of now" {
	before=$(TZ=Asia/Kathmandu date +%Y-%m-%dT%H:%M:%S)
	TZ=Asia/Kathmandu bd-stamp g </dev/null
	date=$(jq -r .date g/directory_stemp.json)
	after=$(TZ=Asia/Kathmandu date +%Y-%m-%dT%H:%M:%S)
	[[ ! $date < $before && ! $date > $after ]]
}

@test "ten thousand volumes" {
	seq -f v%.0f$'\tok\tno\tno\t-' 10000 | bd-stamp g
	[ "$(jq '.volumes | length' g/manifest.json)" = 10000 ]
}

@test "the stamp of names around the slash" {
	mkdir -p g/v/files
	(
		cd g/v/files
		mkdir a 'a!' a-b a.b 'a b' a0 a- a-- a/a a/- ä && ln -s a a.link && ln -s nowhere a-link && ln -s / root && mkfifo fifo
		for n in a/b a/-b a/z a/a/x 'a!/x' a-b/b a.b/b 'a b/b' a0/b 'a,' a-c a.c a00 b a-/x a--/y ä/x 'ä!' '漢字' $'\t' 'back\slash' '"' "'" \
			-x .x directory_stemp.json manifest.json; do : >"$n"; done
		mkdir directory_stemp.d && : >directory_stemp.d/directory_stemp.json
		# each folder's name begins that of the next
		n=p
		for _ in {1..250}; do
			mkdir "$n" && : >"$n/0"
			n=$n!
		done
	)
	record v ok no no - | bd-stamp g
	[ "$(stamp_hash g)" = "$(pipeline g)" ]
	: >$'g/v/files/new\nline'
	mkdir $'g/v/files/\n' && : >$'g/v/files/\n/\n'
	record v ok no no - | bd-stamp g
	[ "$(stamp_hash g)" = "$(pipeline0 g)" ]
}

@test "the stamp of random names" {
	rounds=3
	[ -z "${BAUDOLO_TEST_LONG-}" ] || rounds=100
	for ((r = 0; r < rounds; r++)); do
		seed=$RANDOM
		rm -rf g && mkdir g
		awk -v seed="$seed" 'BEGIN {
			srand(seed)
			c[0] = "a"; c[1] = "!"; c[2] = "-"; c[3] = "."; c[4] = "0"; c[5] = "\303\244"; c[6] = " "; c[7] = "\177"
			for (i = 0; i < 400; i++) {
				s = "."
				for (d = int(rand() * 4); d >= 0; d--) {
					s = s "/a"
					for (n = int(rand() * 4); n > 0; n--) s = s c[int(rand() * 8)]
				}
				printf "%s%c", s, 0
			}
		}' | (cd g && xargs -0 mkdir -p --)
		bd-stamp g </dev/null
		[ "$(stamp_hash g)" = "$(pipeline g)" ] || { echo "seed $seed"; return 1; }
	done
}

@test "one added, removed or renamed path, and the stamp is another" {
	mkdir -p g/v/files && : >g/v/files/f
	record v ok no no - | bd-stamp g
	was=$(stamp_hash g)
	: >g/v/files/g
	[ "$(pipeline g)" != "$was" ]
	rm g/v/files/g
	[ "$(pipeline g)" = "$was" ]
}

@test "stamped again, it is the same" {
	mkdir -p g/v/files
	record v ok no no - >r
	bd-stamp g <r && was=$(stamp_hash g)
	bd-stamp g <r
	[ "$(stamp_hash g)" = "$was" ]
}

@test "a name that is not UTF-8: a warning instead of a stamp" {
	check() { # IS NAME...
		local is=$1 name
		shift
		for name; do
			rm -rf g && mkdir -p g/v/files && : >"g/v/files/$name"
			run -0 --separate-stderr bd-stamp g <r
			[ -z "$output" ]
			jq -e '.volumes.v' g/manifest.json >/dev/null
			if [ "$is" = good ]; then
				[ -z "$stderr" ]
				[ "$(stamp_hash g)" = "$(pipeline g)" ]
			else
				[ "$stderr" = "WARNING: no directory_stemp.json is written: the name 'v/files/$name' is not UTF-8." ]
				[ "$(find g -type f ! -path 'g/v/*')" = g/manifest.json ]
			fi
		done
	}
	record v ok no no - >r
	# the bounds of RFC 3629: U+0080, U+07FF, U+0800, U+D7FF, U+E000, U+FFFF, U+10000, U+10FFFF
	check good plain $'\xc2\x80' $'\xdf\xbf' $'\xe0\xa0\x80' $'\xed\x9f\xbf' $'\xee\x80\x80' $'\xef\xbf\xbf' \
		$'\xf0\x90\x80\x80' $'\xf4\x8f\xbf\xbf' $'\x01\x7f'
	# no beginnings, overlong, surrogates, above the last, cut off
	check bad $'\x80' $'\xbf' $'\xfe' $'\xff' $'\xc0\x80' $'\xc1\xbf' $'\xe0\x80\x80' $'\xe0\x9f\xbf' $'\xf0\x80\x80\x80' $'\xf0\x8f\xbf\xbf' \
		$'\xed\xa0\x80' $'\xed\xbf\xbf' $'\xf4\x90\x80\x80' $'\xf5\x80\x80\x80' $'\xf8\x88\x80\x80\x80' \
		$'\xc2' $'\xc2a' $'\xe1\x80' $'\xe1\x80a' $'\xf1\x80\x80' $'\xf1\x80\x80a' $'a\x80' $'\xc3\xa4\xa4'
}

@test "such a name is no line of its own, and a folder's counts too" {
	mkdir -p $'g/v/files/\xff\n\t'/x
	record v ok no no - >r
	run -0 bd-stamp g <r
	[ "$output" = $'WARNING: no directory_stemp.json is written: the name \'v/files/\xff\\n\\t\' is not UTF-8.' ]
	[ ! -e g/directory_stemp.json ]
}

@test "a stamp of before does not outlive such a name" {
	record v ok no no - >r
	bd-stamp g <r
	: >$'g/\xff'
	run -0 bd-stamp g <r
	[ ! -e g/directory_stemp.json ]
}

# INPUT is malformed in LINE.
malformed() {
	rm -rf g && mkdir g
	printf -- "$1" >in
	run -2 --separate-stderr bd-stamp g <in
	[ -z "$output" ]
	[[ $stderr == "bd-stamp: stdin:$2: "* ]] || { echo "$1: $stderr"; return 1; }
	[ -z "$(ls -A g)" ]
}

@test "malformed input: the line is named, nothing is written" {
	malformed 'v\tok\tno\tno\t-' 1
	malformed 'v\tok\tno\tno\n' 1
	malformed 'v\tok\tno\tno\t-\t-\n' 1
	malformed '\n' 1
	malformed '\tok\tno\tno\t-\n' 1
	malformed 'v\tok\tno\tno\t\n' 1
	malformed '-\tok\tno\tno\t-\n' 1
	malformed 'v\t-\tno\tno\t-\n' 1
	malformed 'v\tvanished\tno\tno\t-\n' 1
	malformed 'v\tOK\tno\tno\t-\n' 1
	malformed 'v\tok\ttrue\tno\t-\n' 1
	malformed 'v\tok\t-\tno\t-\n' 1
	malformed 'v\tok\tno\t-\t-\n' 1
	malformed 'v\tok\tno\tno\tmysql\n' 1
	malformed 'v\\x\tok\tno\tno\t-\n' 1
	malformed 'v\\\tok\tno\tno\t-\n' 1
	malformed 'v\0w\tok\tno\tno\t-\n' 1
	malformed 'a\tok\tno\tno\t-\nb\tok\tno\tno\t-\nc\tok\tno\n' 3
	malformed 'a\tok\tno\tno\t-\nb\tok\tno\tno\t-' 2
}

@test "hostile names of volumes" {
	printf 'tab\\there\tok\tno\tno\t-\nnew\\nline\tfailed\tno\tno\t-\ncr\\r\tok\tno\tno\t-\nback\\\\slash\\\\n\tok\tno\tno\t-\n"\tok\tno\tno\t-\n-x\tok\tno\tno\t-\n$x\\\\(1)\tok\tno\tno\t-\n' |
		bd-stamp g
	run -0 jq -c '.volumes | keys' g/manifest.json
	[ "$output" = '["\"","$x\\(1)","-x","back\\slash\\n","cr\r","new\nline","tab\there"]' ]
	[ "$(jq -c .failed g/manifest.json)" = '["new\nline"]' ]
	printf '\xff\tok\tno\tno\t-\n' | bd-stamp g
	jq -e . g/manifest.json
}

@test "wrong usage" {
	for args in '' 'g g' '-x g' '-g'; do
		# shellcheck disable=SC2086 # several
		run -2 bd-stamp $args </dev/null
		[[ $output == *'usage: bd-stamp [-V] GENERATION' ]]
	done
	[ -z "$(ls -A g)" ]
}

@test "the version; a full disk is no success" {
	run -0 bd-stamp -V
	[ "$output" = "bd-stamp $(cat "$BD_ROOT/VERSION")" ]
	run -3 sh -c 'bd-stamp -V >/dev/full'
	[ "$output" = 'bd-stamp: stdout: No space left on device' ]
}

@test "where nothing can be written, nothing half is" {
	run -3 bd-stamp missing </dev/null
	[ "$output" = 'bd-stamp: missing: No such file or directory' ]
	: >file
	run -3 bd-stamp file </dev/null
	mkdir g/manifest.json
	run -3 bd-stamp g </dev/null
	[[ $output == *'manifest.json: Is a directory' ]]
	[ "$(find g -mindepth 1)" = g/manifest.json ]
	rmdir g/manifest.json && mkdir g/directory_stemp.json
	run -3 bd-stamp g </dev/null
	[[ $output == *'directory_stemp.json: Is a directory' ]]
	rmdir g/directory_stemp.json
	# a file system that is full
	seq -f v%.0f$'\tok\tno\tno\t-' 3000 >r
	run -3 in_mount_namespace '
		mount -t tmpfs -o size=64k none g
		rc=0
		bd-stamp g <r || rc=$?
		[ -z "$(ls -A g)" ] || { ls -la g; exit 99; }
		exit $rc
	'
	run -3 in_mount_namespace 'mount -t tmpfs none g; mount -o remount,ro g; bd-stamp g </dev/null'
	[[ $output == *'Read-only file system' ]]
}

@test "without jq" {
	mkdir bin && ln -s "$(command -v bd-stamp)" bin
	PATH=$PWD/bin run -3 bd-stamp g </dev/null
	[[ $output == *'bd-stamp: jq: No such file or directory'* ]]
	[ -z "$(ls -A g)" ]
	# or with one that dies halfway
	printf '#!/bin/sh\nprintf "{\\n"\nkill -9 $$\n' >bin/jq && chmod +x bin/jq
	PATH=$PWD/bin:$PATH run -3 bd-stamp g </dev/null
	[[ $output == *'bd-stamp: manifest.json: jq ended with status 137'* ]]
	[ -z "$(ls -A g)" ]
}

@test "durable: each is synced before it gets its name, and its folder after" {
	strace -o trace -e trace=fsync,renameat,rename,renameat2 bd-stamp g </dev/null
	run -0 sed -n 's/^\(fsync\|rename\)[a-z0-9]*(.*/\1/p' trace
	[ "$output" = $'fsync\nrename\nfsync\nfsync\nrename\nfsync' ]
	for n in 1 2 3 4; do
		rm -rf g && mkdir g
		run -3 strace -qq -o /dev/null -e trace=fsync -e inject=fsync:error=EIO:when="$n" bd-stamp g </dev/null
		[[ $output == *'Input/output error' ]]
	done
}

@test "killed before whatever it does, there is a whole file or none, and the next one succeeds" {
	kills=0
	mkdir -p v/files && : >v/files/f
	for call in openat write fsync renameat rename clone wait4 unlinkat; do
		for ((n = 1; n < 40; n++)); do
			rm -rf g && mkdir g && cp -r v g
			run strace -qq -o /dev/null -e trace="$call" -e "inject=$call:signal=KILL:when=$n" bd-stamp g <<<$'v\tok\tno\tno\t-'
			[ "$status" = 137 ] || break
			kills=$((kills + 1))
			[ ! -e g/manifest.json ] || jq -e .volumes.v g/manifest.json >/dev/null
			if [ -e g/directory_stemp.json ]; then
				[ -e g/manifest.json ]
				[ "$(stamp_hash g)" = "$(pipeline g)" ]
			fi
			bd-stamp g <<<$'v\tok\tno\tno\t-'
			[ "$(stamp_hash g)" = "$(pipeline g)" ]
			[ "$(find g -type f | wc -l)" = 3 ] || { find g; echo "$call $n"; return 1; }
		done
	done
	echo "# $kills kills" >&3
	[ "$kills" -gt 20 ]
}

@test "the examples of the page" {
	run -0 examples bd-stamp.1
	[ "${lines[0]}" = "${lines[1]%% *}" ]
}

# ---- bd-stamped ----

@test "bd-stamped: of right stamps nothing is said" {
	mkdir -p g/v/files h o/v/files
	: >$'g/v/files/a\tb\n'
	record v ok no no - | bd-stamp g
	bd-stamp h </dev/null
	: >$'o/v/files/\xff'
	record v ok no no - | bd-stamp o
	run -0 --separate-stderr bd-stamped g h o
	[ -z "$output$stderr" ]
	# the original's are read, too
	mkdir -p p/v/files
	printf '{"date": "2020-01-01T00:00:00", "hash": "%s"}' "$(pipeline p)" >p/directory_stemp.json
	run -0 bd-stamped p
	[ -z "$output" ]
}

@test "bd-stamped: each thing that is not right, and the others all the same" {
	for g in a b c d e f g; do
		mkdir -p $g/v/files && record v ok no no - | bd-stamp $g
	done
	was=$(stamp_hash g)
	rm a/directory_stemp.json
	echo '{' >b/directory_stemp.json
	printf '{"hash": "%064d "}' 0 >c/directory_stemp.json
	: >d/directory_stemp.json
	ln -sf ../g/directory_stemp.json e/directory_stemp.json
	: >f/v/files/new
	run -1 --separate-stderr bd-stamped a b c d e f missing g
	[ "$(LC_ALL=C sort <<<"$output")" = $'a\tmissing\t-\t-\nb\tmalformed\t-\t-\nc\tmalformed\t-\t-\nd\tmalformed\t-\t-\ne\tunreadable\t-\t-\nf\tnames\t'"$was"$'\t'"$(pipeline f)"$'\nmissing\tunreadable\t-\t-' ]
	[[ $stderr == *'bd-stamped: missing: No such file or directory'* && $stderr == *'bd-stamped: e: directory_stemp.json: '* ]]
	# any name that is added, gone or another; a flipped bit of the hash
	mkdir g/v/files/sub && run -1 bd-stamped g
	rmdir g/v/files/sub && mv g/v/files g/v/filez && run -1 bd-stamped g
	mv g/v/filez g/v/files && run -0 bd-stamped g
	rm g/manifest.json && run -1 bd-stamped g
	[[ $output == g$'\tnames\t'* ]]
	: >g/manifest.json && run -0 bd-stamped g # the form of that is not its business
	jq -c '.hash |= (.[:-1] + (if .[-1:] == "0" then "1" else "0" end))' g/directory_stemp.json >s && cat s >g/directory_stemp.json
	run -1 bd-stamped g
	[[ $output == g$'\tnames\t'*$'\t'"$was" ]]
}

@test "bd-stamped: hostile names, read errors, wrong usage, a full disk" {
	for name in $'a\tb\nc' 'back\slash' ./-r $'\xff'; do mkdir "$name"; done
	run -1 bd-stamped $'a\tb\nc' 'back\slash' -- ./-r $'\xff'
	[ "$output" = $'a\\tb\\nc\tmissing\t-\t-\nback\\\\slash\tmissing\t-\t-\n./-r\tmissing\t-\t-\n\xff\tmissing\t-\t-' ]
	bd-stamp g </dev/null
	for inject in getdents64:error=EIO openat:error=EIO; do
		run strace -qq -o /dev/null -P "$PWD/g" -e inject="$inject" bd-stamped "$PWD/g"
		[ "$status" = 1 ]
		[[ $output == *'Input/output error'*$'\n'"$PWD/g"$'\tunreadable\t-\t-' ]]
	done
	run -2 bd-stamped
	[ "$output" = 'usage: bd-stamped [-V] GENERATION...' ]
	run -2 bd-stamped -x g
	rm g/directory_stemp.json
	run -3 sh -c 'bd-stamped g >/dev/full'
	run -0 bd-stamped -V
	examples bd-stamped.1
}
