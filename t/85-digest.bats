#!/usr/bin/env bats
# bd-digest: contents.mtree is what is there, other programs read it, what did not change is not read

load tree
load copy

setup() {
	cd "$BATS_TEST_TMPDIR"
	copy_begin
	mkdir src
}

teardown() { [ ! -d src ] || tree_done src; }

# A generation of src as volume v, with its contents.mtree; the record of bd-digest is in digests.
backup() {
	local p=$WORK/partial/$NEXT
	mkdir -p "$p"
	volume_plan v "${1-$PWD/src}" | LD_PRELOAD=${BD_PRELOAD-} bd-rsync -i "$INDEX" "$REPO" "$p" >results
	bd-digest "$REPO" "$p" >digests
	GEN=$REPO/$NEXT
	mv "$p" "$GEN"
	NEXT=$((NEXT + 1))
}

read_files() { cut -f 4 digests; }

@test "the whole of it, byte for byte" {
	mkdir -p g/v/files/d g/v/sql g/w
	echo one >g/v/files/d/a && ln -s 'to there' g/v/files/l && ln g/v/files/d/a g/v/files/b && echo dump >g/v/sql/x.backup.sql
	chmod 4751 g/v/files/b && chown 7:8 g/v/files/d && chmod 600 g/v/sql/x.backup.sql && chmod 755 g/v/files g/v/files/d g/v/sql
	touch -d '1969-12-31 23:59:58.25' g/v/files/b && touch -d '2020-02-02 02:02:02.5' g/v/sql/x.backup.sql
	touch -h -d '2001-01-01 01:01:01.000000001' g/v/files/l && touch -d @0 g/v/files/d g/v/files g/v/sql
	run -0 --separate-stderr bd-digest repo g
	[ "$output" = $'v\tok\t7\t2\t9\tnew\t-\nw\tok\t0\t0\t0\tnew\t-' ]
	[ -z "$stderr" ]
	one=$(echo one | sha256sum | cut -c 1-64) dump=$(echo dump | sha256sum | cut -c 1-64)
	cat >expected <<-M
		#mtree
		. type=dir
		./contents.mtree type=file optional
		./files type=dir uid=0 gid=0 mode=0755 time=0.000000000
		./files/b type=file uid=0 gid=0 mode=04751 size=4 time=-2.250000000 sha256=$one
		./files/d type=dir uid=7 gid=8 mode=0755 time=0.000000000
		./files/d/a type=file uid=0 gid=0 mode=04751 size=4 time=-2.250000000 sha256=$one
		./files/l type=link uid=0 gid=0 mode=0777 time=978310861.000000001 link=to\040there
		./sql type=dir uid=0 gid=0 mode=0755 time=0.000000000
		./sql/x.backup.sql type=file uid=0 gid=0 mode=0600 size=5 time=1580608922.500000000 sha256=$dump
	M
	diff expected g/v/contents.mtree
	[ "$(stat -c %a g/v/contents.mtree)" = 600 ]
	[ "$(find g -name '.*')" = '' ]
}

@test "a hostile tree: mtree and bsdtar agree with it" {
	TREE_SPARSE=1M tree_make src
	tree_done src
	backup
	cd "$GEN/v"
	run -0 --separate-stderr mtree -f contents.mtree -p .
	[ -z "$output$stderr" ]
	# bsdtar takes every name, mode, owner, time and target from the list, the content by those names
	LC_ALL=C bsdtar -cf "$WORK/tar" --format=pax --options hdrcharset=BINARY @contents.mtree
	mkdir "$WORK/out" && LC_ALL=C bsdtar -xpf "$WORK/tar" -C "$WORK/out"
	list() { fingerprints "$1" | grep -av $'^[.]\t\|^[.]/contents' | cut -f 1-7; }
	[ -n "$(list .)" ]
	bd_diff "$(list .)" "$(list "$WORK/out")"
	# in byte order, each path once
	LC_ALL=C bsdtar -tf contents.mtree >/dev/null
	[ "$(grep -c 'optional$' contents.mtree)" = 7 ] # itself, twice * ? and [a]
	grep -v optional contents.mtree | tail -n +3 | sed '/^# /d' | cut -d ' ' -f 1 >names
	[ "$(wc -l <names)" = "$(find . -mindepth 1 ! -path ./contents.mtree ! -path ./names -print0 | tr -dc '\0' | wc -c)" ]
}

@test "patterns for names: whatever matches what, each file is taken for itself" {
	mkdir -p src/'[d]' src/d 'src/[d]/*'
	for n in '*' '?' '[a]' a '[!a]' 'x*' 'x\y' '[' ']' '[d]/x' '[d]/?' 'd/x' '[d]/*/*' 'd/*' 'd/**'; do printf %s "$n" >"src/$n"; done
	backup
	cd "$GEN/v"
	run -0 --separate-stderr mtree -f contents.mtree -p .
	[ -z "$output$stderr" ]
	[ "$(LC_ALL=C bsdtar -tf contents.mtree | sed 's,/$,,; s,\\\\,\\,g' | LC_ALL=C sort)" = "$(find . | LC_ALL=C sort)" ]
	run -0 bd-verify "$REPO" <<<$'20260101000000\tv\t-\t-'
	# what the page tells of: of these two mtree takes one for the other, we do not
	echo more >"$WORK/src/\\?"
	backup "$WORK/src"
	cd "$GEN/v"
	[[ $(mtree -f contents.mtree -p .) == *'files/?:'* ]]
	run -0 bd-verify "$REPO" <<<$'20260101000001\tv\t-\t-'
}

@test "a flipped byte is found by mtree" {
	mkdir src/d && seq 1000 >src/d/f
	backup
	cd "$GEN/v"
	printf 9 | dd of=files/d/f bs=1 seek=777 conv=notrunc status=none
	touch -r "$WORK/src/d/f" files/d/f
	run -2 mtree -f contents.mtree -p .
	[[ $output == files/d/f:*sha256* && $output != *size* ]]
}

@test "what did not change is not read; an equal list is the same file" {
	mkdir src/d && for n in a b d/c; do echo "$n" >"src/$n"; done && ln src/a src/d/a2
	settled
	backup
	[ "$(read_files)" = 3 ]
	backup
	[ "$(cat digests)" = $'v\tok\t6\t0\t0\tlinked\t-' ]
	[ "$REPO/20260101000000/v/contents.mtree" -ef "$GEN/v/contents.mtree" ]
	echo new >src/b && touch -d '2020-01-01' src/b
	backup
	[ "$(cut -f 2-6 digests)" = $'ok\t6\t1\t4\tnew' ]
	grep -q "^./files/b .* sha256=$(sha256sum <src/b | cut -c 1-64)" "$GEN/v/contents.mtree"
	# a generation without a list, or with a bad one, is no base: all is read
	rm "$GEN/v/contents.mtree"
	backup
	[ "$(read_files)" = 3 ]
	sed -i 's/ uid=0/ uid=00/' "$GEN/v/contents.mtree"
	backup
	[ "$(read_files)" = 3 ]
	# the same path and metadata, but not the same inode
	cp -a "$GEN/v/files/b" b && rm "$GEN/v/files/b" && mv b "$GEN/v/files/b" && sed -i 's/ sha256=./ sha256=0/' "$GEN/v/contents.mtree"
	mkdir -p g/v && cp -al "$GEN/v/files" g/v/files && cp -a --remove-destination "$GEN/v/files/b" g/v/files/b
	run -0 bd-digest "$REPO" g
	[ "$(cut -f 4 <<<"$output")" = 1 ]
	# the same inode, but written to since: what stands there is not of what is here
	rm -r g && mkdir -p g/v && cp -al "$GEN/v/files" g/v/files && echo longer >>g/v/files/d/c
	run -0 bd-digest "$REPO" g
	[ "$(cut -f 4 <<<"$output")" = 1 ]
	grep -q "^./files/d/c .* sha256=$(sha256sum <g/v/files/d/c | cut -c 1-64)" g/v/contents.mtree
}

# COUNT files in folders of 100, shared with a generation that has a list.
many() {
	local n
	for ((n = 0; n < $1; n += 100)); do
		mkdir -p "m/v/files/$n" && (cd "m/v/files/$n" && seq "$n" $((n + 99)) | split -l 1 -a 2 -d -)
	done
	mkdir -p "$REPO/20260101000000"
	mv m/v "$REPO/20260101000000/v" && rmdir m
	bd-digest "$REPO" "$REPO/20260101000000" >/dev/null
	mkdir -p g/v && cp -al "$REPO/20260101000000/v/files" g/v/
}

# A second bd-digest: its peak of memory in KiB, and nothing of the files is opened.
second() {
	strace -f -qq -o trace -e trace=openat,read,pread64 -y bd-digest -j 2 "$REPO" g >digests
	[ "$(cut -f 4-6 digests)" = $'0\t0\tlinked' ]
	[ -s trace ]
	run ! grep -E '^[0-9]+ +(read|pread64)\([0-9]+<[^>]*/files/' trace
	run ! grep -E 'openat\([^,]*, "x[0-9]+"' trace
	rm g/v/contents.mtree
	ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=0:thread_local_quarantine_size_kb=0 bd_helper peak bd-digest -j 2 "$REPO" g
}

@test "an unchanged tree of many files: none is read, and memory is that for few" {
	large=5000
	[ -z "${BAUDOLO_TEST_LONG-}" ] || large=100000
	many 1000
	few=$(second)
	rm -r g "$REPO"/*
	many "$large"
	lots=$(second)
	echo "peak of memory: $few KiB for 1000, $lots KiB for $large"
	[ "$lots" -le $((few + few / 10 + 200)) ]
}

@test "any number of workers: the same list" {
	TREE_SPARSE=1M tree_make src
	tree_done src
	mkdir -p g/v && cp -a src g/v/files && rm -f g/v/files/{fifo,fifo2,device,device-b,socket}
	bd-digest -j 1 repo g >one && mv g/v/contents.mtree one.mtree
	bd-digest -j 64 repo g >many && cmp one many && cmp one.mtree g/v/contents.mtree
}

@test "killed at any system call: no half list under its name; run again, it is right" {
	mkdir -p g/v/files/d g/w/files && seq 1000 >g/v/files/a && ln g/v/files/a g/v/files/d/b && echo '*' >'g/w/files/*'
	bd-digest repo g >/dev/null && cp g/v/contents.mtree v.mtree && cp g/w/contents.mtree w.mtree
	rm g/?/contents.mtree
	strace -f -qq -c -o count bd-digest -j 2 repo g >/dev/null
	calls=$(awk '$NF == "total" { print $4 }' count)
	[ "$calls" -gt 50 ]
	step=3 kills=0
	[ -z "${BAUDOLO_TEST_LONG-}" ] || step=1
	for ((n = 1; n < calls; n += step)); do
		[ $((n % 2)) = 1 ] || rm -f g/?/contents.mtree
		strace -f -qq -o /dev/null -e inject=all:signal=KILL:when="$n" bd-digest -j 2 repo g >/dev/null 2>&1 || kills=$((kills + 1))
		for v in v w; do
			[ ! -e "g/$v/contents.mtree" ] || cmp "$v.mtree" "g/$v/contents.mtree"
		done
		run -0 bd-digest repo g
		cmp v.mtree g/v/contents.mtree
		cmp w.mtree g/w/contents.mtree
		[ -z "$(find g -name '.*')" ]
	done
	echo "# $kills kills" >&3
	[ "$kills" -gt 5 ]
}

@test "one bad volume costs one volume" {
	mkdir -p g/u/files g/v/files g/w/files && echo x | tee g/u/files/x >g/w/files/x
	mkfifo g/v/files/$'fi\nfo'
	run -1 --separate-stderr bd-digest repo g
	[ "$(cut -f 1,2 <<<"$output")" = $'u\tok\nv\tfailed\nw\tok' ]
	[[ $stderr == 'bd-digest: v: files/fi\nfo: '* ]]
	[ -e g/u/contents.mtree ]
	[ -e g/w/contents.mtree ]
	[ -z "$(find g/v -name '*mtree*')" ]
	# a file that is exchanged, or cannot be read
	rm g/v/files/* && echo y >g/v/files/y
	strace -f -qq -o /dev/null -P "$PWD/g/v/files/y" -e inject=read:error=EIO bd-digest -j 1 repo g >out 2>err && false
	[ "$(cut -f 1,2,7 out)" = $'u\tok\t-\nv\tfailed\tInput/output error: files/y\nw\tok\t-' ]
	[ -z "$(find g/v -name '*mtree*')" ]
}

@test "the list of before is never written to" {
	echo 1 >src/f
	settled
	backup
	backup
	was=$(cat "$REPO/20260101000000/v/contents.mtree")
	echo 2 >"$GEN/v/new"
	bd-digest "$REPO" "$GEN" >/dev/null
	[ "$(cat "$REPO/20260101000000/v/contents.mtree")" = "$was" ]
	grep -q '^./new ' "$GEN/v/contents.mtree"
}

@test "the stamp is over contents.mtree, too: the validator's pipeline agrees" {
	mkdir -p src/d && : >src/d/f
	backup
	bd-stamp "$GEN" <<<$'v\tok\tno\tno\t-'
	run -0 sh -c "cd $GEN && find . -mindepth 1 ! -path ./directory_stemp.json -printf '%P\n' | LC_ALL=C sort | tr -d '\n' | sha256sum | cut -d ' ' -f 1"
	[ "$(jq -r .hash "$GEN/directory_stemp.json")" = "$output" ]
	(cd "$GEN" && find .) | grep -qx ./v/contents.mtree
}

@test "wrong usage; no repository; no generation; an output that cannot be written" {
	mkdir -p g/v
	for args in '' 'g' 'a b c' '-j 0 repo g' '-j 65 repo g' '-x repo g'; do run -2 bd-digest $args; done
	run -0 bd-digest none g
	run -3 bd-digest repo none
	run -3 bash -c 'bd-digest repo g >/dev/full'
}

@test "examples" {
	load fake
	examples bd-digest.1
}
