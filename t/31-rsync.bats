#!/usr/bin/env bats
# bd-rsync: right copies, an unchanged past, and what must not be trusted.

load engine
load tree
load copy

setup() { copy_begin; }

teardown() { [ ! -d "${SRC-}" ] || tree_done "$SRC"; }

teardown_file() { loop_clean; }

right() { oracle "$1" "$2" && exact "$1" "$2"; }

# Opens of files for comparison, as copy and source are opened.
compares() { grep 'O_NONBLOCK' "$1" | grep -cv '/contents.mtree"' || :; }

# The hostile tree, every change, and nothing at all. $1: a folder on the file system to be tried
through_all_changes() {
	local before1 before2
	SRC=$1/src
	mkdir "$SRC"
	tree_make "$SRC"
	tree_dirty "$SRC"
	settled
	generation_of "$SRC"
	right "$SRC" "$COPY"
	[ "$LINKED" = 0 ]
	local first=$COPY
	before1=$(fingerprint "$first")

	tree_change "$SRC"
	generation_of "$SRC"
	right "$SRC" "$COPY"
	[ "$LINKED" -gt 100 ]
	[ "$COPIED" -gt 30 ]
	[ "$(fingerprint "$first")" = "$before1" ]
	local second=$COPY
	before2=$(fingerprint "$second")

	export COPY
	strace -f -qq -e trace=execve,openat -o "$WORK/trace" -E LD_PRELOAD="$BD_PRELOAD" \
		bd-rsync -i "$INDEX" "$REPO" "$(mkdir "$WORK/third" && echo "$WORK/third")" <<<"$(volume_plan v "$SRC")" >"$WORK/results"
	[ "$(cut -f 2,4,5 "$WORK/results")" = $'ok\t0\t0' ]
	! grep -q '"rsync"' "$WORK/trace" || false
	same_inodes "$second" "$WORK/third/v/files"
	right "$SRC" "$WORK/third/v/files"
	[ "$(fingerprint "$first")$(fingerprint "$second")" = "$before1$before2" ]
}

@test "whatever byte a name begins with" {
	local n byte
	mkdir "$WORK/src"
	for ((n = 1; n < 256; n++)); do
		[ "$n" != 47 ] || continue
		printf -v byte %b "\\x$(printf %x "$n")"
		echo "$n" >"$WORK/src/${byte}x"
		[ "$n" = 46 ] || mkdir "$WORK/src/$byte"
	done
	[ "$(find "$WORK/src" -mindepth 1 -printf x | wc -c)" = 507 ]
	generation_of "$WORK/src"
	right "$WORK/src" "$COPY"
}

# PATTERN: generation_of $WORK/src, where rsync passes over what the pattern matches
passing_over() {
	mkdir "$WORK/bin"
	printf '#!/bin/sh\nsed -z "/%s/d" | exec /usr/bin/rsync "$@"\n' "$1" >"$WORK/bin/rsync"
	chmod 755 "$WORK/bin/rsync"
	export -f generation_of generation volume_plan
	export REPO INDEX NEXT
	# shellcheck disable=SC2016 # for the inner shell
	WORK=$WORK unshare -m --propagation private bash -c 'mount -t overlay -o "lowerdir=$WORK/bin:/usr/local/bin" none /usr/local/bin && generation_of "$WORK/src"'
}

@test "what rsync passes over without a word fails its volume" {
	mkdir "$WORK/src" && echo 1 >"$WORK/src/f" && echo 2 >"$WORK/src/g"
	settled
	run -1 passing_over 'g$'
	[[ $output == *'bd-rsync: v: not copied: rsync did not copy g'* ]]
	[ ! -e "$WORK/partial/20260101000000/v/files" ]
	# no terminal obeys its name
	mv "$WORK/src/g" "$WORK/src/"$'\e[31mg' && touch -d 2020-02-02 "$WORK/src"/*
	rm -r "$WORK/bin" "$WORK/partial"
	run -1 passing_over 'g$'
	[[ $output == *'bd-rsync: v: not copied: rsync did not copy '*'[31mg'* && $output != *$'\e'* ]]
}

@test "a full disk is told of where even the list of what is to be copied does not fit" {
	local n
	mkdir "$WORK/src" "$WORK/small"
	for n in {1000..3999}; do : >"$WORK/src/$n$(printf %0200d 0)"; done
	mount -t tmpfs -o size=400k,nr_inodes=100000 none "$WORK/small"
	run -1 bd-rsync "$REPO" "$WORK/small" <<<"$(volume_plan v "$WORK/src")"
	umount "$WORK/small"
	[[ $output == *'bd-rsync: v: not copied: '*'No space left on device'* ]]
}

@test "ext4: the hostile tree, every change, no change" {
	through_all_changes "$(TMPDIR=$WORK loop_fs ext4 3G)"
	[ "$(compares "$WORK/trace")" = 0 ]
}

@test "xfs: the hostile tree, every change, no change" {
	through_all_changes "$(loop_fs xfs 3G)"
	[ "$(compares "$WORK/trace")" = 0 ]
}

@test "btrfs: the hostile tree, every change, no change" {
	through_all_changes "$(loop_fs btrfs 3G)"
	[ "$(compares "$WORK/trace")" = 0 ]
}

@test "every change is found without an index, too" {
	SRC=$WORK/src
	mkdir "$SRC"
	TREE_SPARSE=4M tree_make "$SRC"
	generation_of "$SRC"
	rm "$INDEX"/*
	local first=$COPY before
	before=$(fingerprint "$first")
	tree_change "$SRC"
	generation_of "$SRC"
	right "$SRC" "$COPY"
	[ "$(fingerprint "$first")" = "$before" ]
	[ "$LINKED" -gt 100 ]
}

@test "a file whose ctime is younger than 30 seconds is compared, not believed" {
	mkdir "$WORK/src" && echo one >"$WORK/src/f"
	generation_of "$WORK/src"
	[ "$(wc -l <"$INDEX/v.0")" = 3 ]
	generation_of "$WORK/src"
	[ "$LINKED-$COPIED" = 1-0 ]
}

@test "T0 is taken before the syncs: what was written while they took their time is not believed" {
	settled # builds it
	unsettled
	local so=$BD_ROOT/build/t/later.so
	mkdir "$WORK/src" "$WORK/part" && echo one >"$WORK/src/f"
	volume_plan v "$WORK/src" >"$WORK/plan"
	LD_PRELOAD=$so BD_SYNC_TAKES=60 bd-rsync -i "$INDEX" "$REPO" "$WORK/part" <"$WORK/plan"
	[ "$(wc -l <"$INDEX/v.0")" = 3 ]
	# the counterproof
	rm -r "$WORK/part/v" "$INDEX"/*
	LD_PRELOAD=$so BD_LATER=60 bd-rsync -i "$INDEX" "$REPO" "$WORK/part" <"$WORK/plan"
	[ "$(wc -l <"$INDEX/v.0")" = 4 ]
	# and for bd-link, which syncs while it walks
	mkdir "$WORK/dest"
	LD_PRELOAD=$so BD_SYNC_TAKES=60 bd-link "$WORK/src" - "$WORK/dest" "$INDEX/link" >/dev/null
	[ "$(wc -l <"$INDEX/link")" = 3 ]
}

@test "the volume removed and made again with equal sizes and times" {
	mkdir "$WORK/src" && echo one >"$WORK/src/f" && echo same >"$WORK/src/g" && touch -d 2020-01-01 "$WORK/src"/*
	settled
	generation_of "$WORK/src"
	rm -r "$WORK/src"
	mkdir "$WORK/src" && echo two >"$WORK/src/f" && echo same >"$WORK/src/g" && touch -d 2020-01-01 "$WORK/src"/*
	generation_of "$WORK/src"
	right "$WORK/src" "$COPY"
	[ "$LINKED-$COPIED" = 1-1 ]
}

# Two files; then the copy of f is damaged so that only content tells, and $@ makes the base one not to be trusted.
damaged_base() {
	settled
	mkdir -p "$WORK/src" && echo good >"$WORK/src/f" && echo same >"$WORK/src/g"
	generation_of "$WORK/src"
	OLD=$COPY
	local stamp
	stamp=$(stat -c %y "$OLD/f")
	echo evil >"$OLD/f" && touch -d "$stamp" "$OLD/f"
	DAMAGED=$(fingerprint "$OLD")
	cp -a "$INDEX" "$WORK/index.was"
}

content_was_compared() {
	right "$WORK/src" "$COPY"
	[ "$LINKED-$COPIED" = 1-1 ]
	[ "$OLD/g" -ef "$COPY/g" ]
	[ "$(fingerprint "$OLD")" = "$DAMAGED" ]
}

@test "a trusted base is not read: the counterproof of the next tests" {
	damaged_base
	generation_of "$WORK/src"
	[ "$LINKED-$COPIED" = 2-0 ]
	[ "$OLD/f" -ef "$COPY/f" ]
}

@test "compared by content: the contents.mtree of before is gone, broken, or does not know the file as it is" {
	damaged_base
	local list=$GEN/v/contents.mtree edit
	cp "$list" "$WORK/was"
	for edit in '' '1d' 's/uid/Uid/' '/f type=file/d' '/f type=file/s/size=5/size=4/' '/f type=file/s/time=1/time=2/' 's/f type=file/e type=file/'; do
		echo "$edit"
		rm -f "$list" # which may have several names
		[ ! "$edit" ] || sed "$edit" "$WORK/was" >"$list"
		generation_of "$WORK/src"
		right "$WORK/src" "$COPY"
		[ "$OLD/g" -ef "$COPY/g" ]
		grep -q "^./files/f .* sha256=$(sha256sum <"$WORK/src/f" | cut -c 1-64)$" "$GEN/v/contents.mtree"
		rm -r "$GEN" "$INDEX"
		cp -a "$WORK/index.was" "$INDEX"
	done
	[ "$(fingerprint "$OLD")" = "$DAMAGED" ]
}

@test "compared by content: symlinks" {
	settled
	mkdir -p "$WORK/src" && ln -s good "$WORK/src/l"
	generation_of "$WORK/src"
	ln -sfn evil "$COPY/l" && touch -h -r "$WORK/src/l" "$COPY/l"
	generation_of "$WORK/src"
	right "$WORK/src" "$COPY"
}

@test "compared by content: no index" {
	damaged_base
	rm "$INDEX"/*
	generation_of "$WORK/src"
	content_was_compared
}

@test "compared by content: the index is cut short" {
	damaged_base
	truncate -s -3 "$INDEX/v.0"
	generation_of "$WORK/src"
	content_was_compared
}

@test "compared by content: the index is cut at a line" {
	damaged_base
	sed -i '$d' "$INDEX/v.0"
	generation_of "$WORK/src"
	content_was_compared
}

@test "compared by content: the index is garbage" {
	damaged_base
	head -c 5000 /dev/urandom >"$INDEX/v.0"
	generation_of "$WORK/src"
	content_was_compared
}

@test "compared by content: the index is of another generation" {
	damaged_base
	cp -a "$GEN" "$REPO/$NEXT"
	NEXT=$((NEXT + 1))
	OLD=${GEN%/*}/$((NEXT - 1))/v/files
	generation_of "$WORK/src"
	content_was_compared
}

@test "compared by content: the index was written before the machine was booted" {
	damaged_base
	sed -i "1s/[0-9a-f]\{8\}-[0-9a-f-]*/00000000-0000-0000-0000-000000000000/" "$INDEX/v.0"
	generation_of "$WORK/src"
	content_was_compared
}

@test "believed across boots: -b" {
	damaged_base
	sed -i "1s/[0-9a-f]\{8\}-[0-9a-f-]*/00000000-0000-0000-0000-000000000000/" "$INDEX/v.0"
	generation_of "$WORK/src" -b
	[ "$LINKED-$COPIED" = 2-0 ]
}

@test "compared by content: -c" {
	damaged_base
	generation_of "$WORK/src" -c
	content_was_compared
}

@test "compared by content: the source is on tmpfs" {
	mkdir "$WORK/src"
	mount -t tmpfs none "$WORK/src"
	damaged_base
	generation_of "$WORK/src"
	content_was_compared
	umount "$WORK/src"
}

@test "compared by content: a tmpfs mounted inside the volume, and nothing around it" {
	mkdir -p "$WORK/src/mnt"
	mount -t tmpfs none "$WORK/src/mnt"
	echo inner >"$WORK/src/mnt/f"
	damaged_base
	printf 'INNER\n' >"$WORK/x" && touch -r "$COPY/mnt/f" "$WORK/x" && cp -p "$WORK/x" "$COPY/mnt/f.new" &&
		chmod --reference="$COPY/mnt/f" "$COPY/mnt/f.new" && mv "$COPY/mnt/f.new" "$COPY/mnt/f"
	generation_of "$WORK/src"
	[ "$LINKED-$COPIED" = 2-1 ]
	[ "$(cat "$COPY/mnt/f" "$COPY/f")" = $'inner\nevil' ]
	umount "$WORK/src/mnt"
}

@test "compared by content: a generation of the original program" {
	mkdir -p "$WORK/src" "$REPO/20200101000000/v"
	echo good >"$WORK/src/f" && echo same >"$WORK/src/g" && ln "$WORK/src/g" "$WORK/src/g2"
	rsync -aP --quiet "$WORK/src/" "$REPO/20200101000000/v/files/"
	OLD=$REPO/20200101000000/v/files
	touch -d 2020-01-01 "$WORK/src/f" "$OLD/f" && echo evil >"$OLD/f" && touch -d 2020-01-01 "$OLD/f"
	DAMAGED=$(fingerprint "$OLD")
	generation_of "$WORK/src"
	right "$WORK/src" "$COPY"
	[ "$LINKED-$COPIED" = 2-1 ]
	[ "$(fingerprint "$OLD")" = "$DAMAGED" ]
}

@test "what is missing or differs in the previous generation is whole in the new one" {
	settled
	local n
	mkdir -p "$WORK/src/d" && for n in gone size mode time owner type d/deep; do echo "$n of the source" >"$WORK/src/$n"; done
	ln -s a "$WORK/src/link"
	generation_of "$WORK/src"
	OLD=$COPY
	rm "$OLD/gone" && echo longer >>"$OLD/size" && touch -r "$WORK/src/size" "$OLD/size" && chmod 600 "$OLD/mode" &&
		touch -d 2001-01-01 "$OLD/time" && chown 5:5 "$OLD/owner" && rm "$OLD/type" && mkdir "$OLD/type" &&
		mv "$OLD/d" "$WORK/elsewhere" && ln -s "$WORK/elsewhere" "$OLD/d"
	local before
	before=$(fingerprint "$OLD")
	generation_of "$WORK/src"
	right "$WORK/src" "$COPY"
	[ "$LINKED-$COPIED" = 1-7 ]
	[ "$(fingerprint "$OLD")" = "$before" ]
}

@test "inodes: equal files that were one are not made one again" {
	mkdir "$WORK/src" && echo x >"$WORK/src/a" && ln "$WORK/src/a" "$WORK/src/b" && ln "$WORK/src/a" "$WORK/src/c"
	generation_of "$WORK/src"
	rm "$INDEX"/*
	cp -p "$WORK/src/b" "$WORK/src/b.new" && mv "$WORK/src/b.new" "$WORK/src/b"
	generation_of "$WORK/src"
	right "$WORK/src" "$COPY"
	rm "$INDEX"/*
	# and the other way round
	cp -p "$WORK/src/a" "$WORK/src/e" && cp -p "$WORK/src/a" "$WORK/src/f"
	generation_of "$WORK/src"
	ln -f "$WORK/src/e" "$WORK/src/f"
	rm "$INDEX"/*
	generation_of "$WORK/src"
	right "$WORK/src" "$COPY"
}

@test "a default ACL on the backup folder does not reach the copies" {
	setfacl -d -m u:1000:rwx "$WORK"
	copy_begin "$WORK/below"
	mkdir -p "$WORK/src/d/e" && setfacl -bk "$WORK/src" "$WORK/src/d" "$WORK/src/d/e"
	generation_of "$WORK/src"
	right "$WORK/src" "$COPY"
}

@test "65,000 links are the most that ext4 allows: then it is copied" {
	local fs
	fs=$(loop_fs ext4 200M)
	copy_begin "$fs"
	mkdir "$fs/src" "$fs/more" && echo x >"$fs/src/f" && echo y >"$fs/src/one" && ln "$fs/src/one" "$fs/src/two"
	generation_of "$fs/src"
	(cd "$fs/more" && perl -e 'link $ARGV[0], $_ or die for 1 .. 64999; link $ARGV[1], "x$_" or die for 1 .. 64997' "$COPY/f" "$COPY/one")
	[ "$(stat -c %h "$COPY/f" "$COPY/one")" = $'65000\n64999' ]
	generation_of "$fs/src"
	right "$fs/src" "$COPY"
	[ "$LINKED-$COPIED" = 0-3 ]
}

@test "a path that rsync cannot take fails its volume, by name, and no other" {
	local i
	mkdir "$WORK/src" "$WORK/fine" && echo fine >"$WORK/fine/f"
	(cd "$WORK/src" && for ((i = 0; i < 16; i++)); do mkdir "$(printf '%0255d' 0)" && cd "$(printf '%0255d' 0)" || exit; done; echo x >f)
	local status=0
	{ volume_plan deep "$WORK/src" && volume_plan fine "$WORK/fine"; } | {
		generation 2>"$WORK/err" || status=$?
		[ "$status" = 1 ]
	}
	[ "$(cut -f 1,2 "$WORK/results")" = $'deep\tfailed\nfine\tok' ]
	grep -aq 'bd-rsync: deep: .*File name too long' "$WORK/err"
	cut -f 8 "$WORK/results" | grep -aq 'File name too long'
	local partial
	partial=$(echo "$WORK"/partial/*)
	[ ! -e "$partial/deep/files" ]
	right "$WORK/fine" "$partial/fine/files"
}

@test "a full file system fails the volume that does not fit, and leaves nothing of it" {
	local fs
	fs=$(loop_fs ext4 20M)
	copy_begin "$fs"
	mkdir "$BATS_TEST_TMPDIR/big" "$BATS_TEST_TMPDIR/small" && echo x >"$BATS_TEST_TMPDIR/small/f"
	head -c 40M /dev/urandom >"$BATS_TEST_TMPDIR/big/f"
	{ volume_plan big "$BATS_TEST_TMPDIR/big" && volume_plan small "$BATS_TEST_TMPDIR/small"; } >"$BATS_TEST_TMPDIR/plan"
	mkdir "$fs/p"
	run -1 bd-rsync -j 1 "$REPO" "$fs/p" <"$BATS_TEST_TMPDIR/plan"
	[[ $output == *'No space left on device'* ]]
	[ ! -e "$fs/p/big/files" ]
	right "$BATS_TEST_TMPDIR/small" "$fs/p/small/files"
}

@test "the bytes of the copied and of the linked, each inode once" {
	cd "$WORK"
	mkdir -p src/d && head -c 1000 /dev/zero >src/a && ln src/a src/d/a2 && head -c 200 /dev/zero >src/b && ln -s 12345 src/l
	settled
	generation_of src
	[ "$(cut -f 2-5,9 "$WORK/results")" = $'ok\t0\t4\t1200\t0' ]
	head -c 300 /dev/zero >src/b && head -c 7 /dev/zero >src/c && ln src/c src/d/c2
	generation_of src
	[ "$(cut -f 2-5,9 "$WORK/results")" = $'ok\t3\t3\t307\t1000' ]
	generation_of src -c
	[ "$(cut -f 2-5,9 "$WORK/results")" = $'ok\t6\t0\t0\t1307' ]
}

# A hot copy in $PART, then what $1 does, then the cold one.
cold_after() {
	PART=$WORK/part
	mkdir "$PART"
	settled
	mkdir -p "$WORK/src"
	volume_plan v "$WORK/src" >"$WORK/plan"
	LD_PRELOAD=$BD_PRELOAD bd-rsync -i "$INDEX" "$REPO" "$PART" <"$WORK/plan" >"$WORK/results"
	unsettled
	"$1"
	LD_PRELOAD=${BD_PRELOAD-} bd-rsync -C -i "$INDEX" "$REPO" "$PART" <"$WORK/plan" >"$WORK/results"
}

# Every change since the hot copy, of which all is shared with the generation before. $1: a folder on the file system
# to be tried; $2: what is done to the index meanwhile
cold_through_all_changes() {
	local old before folder meanwhile=${2-}
	copy_begin "$1"
	SRC=$WORK/src
	mkdir "$SRC"
	TREE_SPARSE=4M tree_make "$SRC"
	settled
	generation_of "$SRC"
	old=$COPY before=$(fingerprint "$COPY")
	change() {
		same_inodes "$old" "$PART/v/files"
		folder=$(stat -c %i "$PART/v/files")
		tree_change "$SRC"
		eval "$meanwhile"
	}
	cold_after change
	right "$SRC" "$PART/v/files"
	[ "$(fingerprint "$old")" = "$before" ]
	[ "$(cut -f 2 "$WORK/results")" = ok ]
	[ "$(cut -f 3 "$WORK/results")" -gt 100 ]
	[ "$folder" = "$(stat -c %i "$PART"/v/files"${3-}")" ]
}

@test "cold: every change since the hot copy, ext4" { cold_through_all_changes "$(loop_fs ext4 1G)"; }

@test "cold: every change since the hot copy, xfs" { cold_through_all_changes "$(loop_fs xfs 1G)"; }

@test "cold: every change since the hot copy, btrfs" { cold_through_all_changes "$(loop_fs btrfs 1G)"; }

@test "cold: every change since the hot copy, without an index of it" {
	cold_through_all_changes "$WORK" 'rm "$INDEX"/*' .hot
}

@test "cold: what did not change is not read, synced or touched" {
	local before
	mkdir -p "$WORK/src/d" "$WORK/src/none" && echo x >"$WORK/src/f" && ln "$WORK/src/f" "$WORK/src/d/f" && ln -s x "$WORK/src/d/l"
	look() { before=$(find "$PART/v/files" -printf '%P %i %C@\n'); }
	cold_after look
	[ "$(cut -f 2-5,9 "$WORK/results")" = $'ok\t0\t3\t2\t0' ]
	[ "$(find "$PART/v/files" -mindepth 1 -printf '%P %i %C@\n')" = "$(tail -n +2 <<<"$before")" ]
	rmdir "$PART/v/files.gone"
	strace -f -qq -o "$WORK/trace" bd-rsync -C -i "$INDEX" "$REPO" "$PART" <"$WORK/plan"
	run ! grep -E 'syncfs|O_NONBLOCK\||"rsync"|linkat|rename' "$WORK/trace"
}

@test "cold: what the generation has of its own, whichever copy brought it" {
	local f
	mkdir "$WORK/src" && for f in a b c d; do printf %s "$f$f" >"$WORK/src/$f"; done && ln "$WORK/src/a" "$WORK/src/a2"
	settled
	generation_of "$WORK/src"
	unsettled
	printf 1234567 >"$WORK/src/b" # new when the hot copy is made, and a new one with two names
	printf 123 >"$WORK/src/e" && ln "$WORK/src/e" "$WORK/src/e2"
	change() { printf 12345678 >"$WORK/src/c" && ln "$WORK/src/e" "$WORK/src/e3"; }
	cold_after change
	[ "$(cut -f 2-5,9 "$WORK/results")" = $'ok\t3\t5\t18\t4' ] # a, a2, d; b, c, e, e2, e3
	# without an index, all of it is linked from the hot copy or copied again
	rm -rf "$PART" && printf 22 >"$WORK/src/c" && rm "$WORK/src/e3"
	change() { rm -r "$INDEX"/* && printf 12345678 >"$WORK/src/c" && ln "$WORK/src/e" "$WORK/src/e3"; }
	cold_after change
	[ "$(cut -f 2-5,9 "$WORK/results")" = $'ok\t3\t5\t18\t4' ]
}

@test "cold: folders, and what they have of attributes" {
	mkdir -p "$WORK"/src/{mode,owner,time,more,less,acl,file,none}/sub && echo x >"$WORK/src/folder"
	setfattr -n user.a -v 1 "$WORK/src/less" "$WORK/src"
	setfacl -d -m u:7:rwx "$WORK/src/acl" "$WORK/src"
	change() {
		cd "$WORK/src"
		chmod 1700 mode && chown 5:6 owner && touch -d 2001-01-01T01:01:01.000000001 time && setfattr -n user.b -v 2 more &&
			setfattr -x user.a less && setfacl -k acl && rm -r file && echo file >file && rm -r none &&
			rm folder && mkdir -m 2711 -p folder/in/folder && setfattr -n user.c -v 3 folder/in && touch -d 2002-02-02 folder/in folder
		setfattr -x user.a . && setfacl -k . && chmod 1777 . && chown 8:9 . && touch -d 2003-03-03 .
		cd "$OLDPWD"
	}
	cold_after change
	right "$WORK/src" "$PART/v/files"
	[ -d "$PART/v/files.gone" ]
}

@test "cold: a special file where there was a file" {
	mkdir "$WORK/src" && echo x >"$WORK/src/f" && echo x >"$WORK/src/g"
	change() { rm "$WORK/src/f" && mkfifo "$WORK/src/f"; }
	cold_after change
	[ "$(ls -A "$PART/v/files")" = g ]
}

@test "cold: a copy whose names cannot all be read fails its volume" {
	mkdir "$WORK/src" && echo x >"$WORK/src/f"
	cold_after true
	rmdir "$PART/v/files.gone"
	run -1 --separate-stderr strace -f -qq -o "$WORK/trace" -P "$PART/v/files" -e inject=getdents64:error=EIO:when=2 \
		bd-rsync -C -i "$INDEX" "$REPO" "$PART" <"$WORK/plan"
	grep -q INJECTED "$WORK/trace"
	[[ $output == $'v\tfailed\t'*$'\tInput/output error: .\t0' ]]
}

@test "cold: inodes with several names" {
	local d=$WORK/src n
	mkdir -p "$d"/{whole,split,joined,grown,shrunk,moved,half,away} "$WORK/out"
	for n in "$d"/*; do echo "${n##*/}" >"$n/a" && ln "$n/a" "$n/b" && ln "$n/a" "$n/c"; done
	echo other >"$d/joined/d" && ln "$d/away/a" "$d/z"
	change() {
		cp -p "$d/split/b" "$d/split/new" && mv "$d/split/new" "$d/split/b"
		ln -f "$d/joined/a" "$d/joined/d"
		ln "$d/grown/a" "$d/grown/z" && rm "$d/shrunk/b"
		mv "$d/moved" "$d/0moved" # no inode in it has another ctime
		# one name by way of its folder: the inode's others know nothing of it
		mkdir "$d/half/e" && mv "$d/half/b" "$d/half/e/b" && mv "$d/away" "$WORK/out/away"
	}
	cold_after change
	right "$d" "$PART/v/files"
}

# Of an inode's two folders one is moved away, and an equal file put into its place.
equal_in_its_place() {
	local d=$WORK/src moved=$1 other=$2
	pair() { mkdir -p "$d/a" "$d/d" && echo same >"$d/a/x" && ln "$d/a/x" "$d/d/x"; }
	change() { mv "$d/$moved" "$d/e" && mkdir "$d/$moved" && cp -p "$d/$other/x" "$d/$moved/x"; }
	pair
	cold_after change
	right "$d" "$PART/v/files"
	# the same between two generations
	rm -r "$d" "$PART"
	pair
	settled
	generation_of "$d"
	change
	generation_of "$d"
	right "$d" "$COPY"
}

@test "cold: a name moved with its folder, and an equal file in its place" { equal_in_its_place d a; }

@test "cold: the same, and the new file comes first" { equal_in_its_place a d; }

@test "cold: 40,000 names of one inode, in a folder that was renamed" {
	local d=$WORK/src
	mkdir -p "$d/a" && echo same >"$d/0"
	perl -e 'link "$ARGV[0]/0", "$ARGV[0]/a/$_" or die for 1 .. 40000' "$d"
	change() { mv "$d/a" "$d/e"; }
	cold_after change
	right "$d" "$PART/v/files"
}

@test "cold: folders exchanged while rsync is at it, and back again" {
	local fs d copy
	fs=$(loop_fs ext4 500M)
	d=$fs/src PART=$WORK/part
	mkdir -p "$d/d" "$d/e" && head -c 300M /dev/urandom >"$d/0" && echo one >"$d/d/f" && echo two >"$d/e/f"
	touch -d 2020-01-01 "$d/d/f" "$d/e/f"
	# what is to be believed is older than half a minute; a clock that is ahead would hide the exchange
	find "$d" -printf 'set_inode_field <%i> ctime @1600000000\n' >"$WORK/ctimes"
	umount "$fs"
	detached() { [ -z "$(losetup -j "$fs.img")" ]; } # else the mount is of what it has in memory
	wait_for detached
	debugfs -w -f "$WORK/ctimes" "$fs.img" >"$WORK/debugfs" 2>&1
	mount -o loop "$fs.img" "$fs"
	[ "$(find "$d" -printf '%C@\n' | cut -d . -f 1 | sort -u)" = 1600000000 ]
	mkdir "$PART"
	volume_plan v "$d" | sed 's/live/stop/' >"$WORK/plan"
	bd-rsync -i "$INDEX" "$REPO" "$PART" <"$WORK/plan" >/dev/null &
	copy=$!
	until compgen -G "$PART/v/files/.0.*" >/dev/null; do :; done
	exchange "$d/d" "$d/e"
	wait "$copy"
	exchange "$d/d" "$d/e"
	bd-rsync -C -i "$INDEX" "$REPO" "$PART" <"$WORK/plan"
	right "$d" "$PART/v/files"
}

@test "cold: what the index says of a file that was replaced is forgotten" {
	local d=$WORK/src
	mkdir -p "$d/d" && echo one >"$d/d/f" && touch -d 2020-01-01 "$d/d/f"
	change() { mv "$d/d" "$d/old" && mkdir "$d/d" && echo two >"$d/d/f" && touch -d 2020-01-01 "$d/d/f"; }
	cold_after change
	right "$d" "$PART/v/files"
	mv "$PART" "$REPO/$NEXT"
	NEXT=$((NEXT + 1))
	# back again: inode and ctime are those of the hot copy
	rm -r "$d/d" && mv "$d/old" "$d/d"
	settled
	generation_of "$d"
	right "$d" "$COPY"
	[ "$(cat "$COPY/d/f")" = one ]
}

@test "cold: another folder at the mountpoint fails the volume, and no copy stays" {
	mkdir "$WORK/src" && echo x >"$WORK/src/f"
	swap() { mv "$WORK/src" "$WORK/away" && mkdir "$WORK/src"; }
	run -1 cold_after swap
	[[ $output == *'another folder is at its mountpoint'* ]]
	[ ! -e "$WORK/part/v/files" ]
}

@test "cold: a volume that is unmounted when its containers stop, held before" {
	mkdir "$WORK/real" "$WORK/src" "$WORK/part" && echo x >"$WORK/real/f" && echo y >"$WORK/real/g"
	mount --bind "$WORK/real" "$WORK/src"
	volume_plan v "$WORK/src" | sed 's/live/stop/' >"$WORK/plan"
	bd-rsync -i "$INDEX" "$REPO" "$WORK/part" <"$WORK/plan" >"$WORK/results"
	echo changed >"$WORK/real/g"
	bd-hold "$WORK/plan" -- sh -eu -c 'umount "$1/src"; bd-rsync -C -i "$2" "$3" "$1/part" <"$1/plan"' - "$WORK" "$INDEX" "$REPO"
	right "$WORK/real" "$WORK/part/v/files"
	# and not held: no copy of the empty folder
	rm -r "$WORK/part/v"
	mount --bind "$WORK/real" "$WORK/src"
	bd-rsync -i "$INDEX" "$REPO" "$WORK/part" <"$WORK/plan" >"$WORK/results"
	umount "$WORK/src"
	run -1 bd-rsync -C -i "$INDEX" "$REPO" "$WORK/part" <"$WORK/plan"
	[ ! -e "$WORK/part/v/files" ]
}

@test "cold: an emptied volume is a warning" {
	mkdir "$WORK/src" && echo x >"$WORK/src/f"
	empty() { rm "$WORK/src/f"; }
	run -0 cold_after empty
	[[ $output == *'v: WARNING: it is empty now'* ]]
}

@test "cold: it does not write to what it links from" {
	mkdir "$WORK/src" && echo x >"$WORK/src/f"
	generation_of "$WORK/src"
	local old before
	old=$COPY before=$(fingerprint "$COPY")
	change() { chmod 600 "$WORK/src/f" && chown 3:4 "$WORK/src/f"; }
	cold_after change
	[ "$(fingerprint "$old")" = "$before" ]
	right "$WORK/src" "$PART/v/files"
}

@test "500 volumes: as many processes as one" {
	local i n
	for ((i = 0; i < 500; i++)); do
		mkdir -p "$WORK/src/$i" && echo "$i" >"$WORK/src/$i/f" && volume_plan "v$i" "$WORK/src/$i"
	done >"$WORK/plan"
	settled
	generation <"$WORK/plan"
	mkdir "$WORK/second"
	strace -f -qq -e trace=clone,clone3,fork,vfork,execve -o "$WORK/trace" -E LD_PRELOAD="$BD_PRELOAD" \
		bd-rsync -j 2 -i "$INDEX" "$REPO" "$WORK/second" <"$WORK/plan" >"$WORK/results"
	[ "$(cut -f 2-5 "$WORK/results" | sort | uniq -c | tr -s ' ')" = $' 500 ok\t1\t0\t0' ]
	n=$(grep -c . "$WORK/trace")
	[ "$n" -le 6 ]
}

@test "malformed plans: nothing is done" {
	local bad want
	mkdir "$WORK/p"
	while IFS='|' read -r bad want; do
		run -2 bd-rsync "$REPO" "$WORK/p" <<<"$(printf %b "$bad")"
		[[ $output == "bd-rsync: stdin:1: $want"* ]] || { echo "$bad: $output"; false; }
	done <<-'E'
		v|1 fields, expected 6
		v\tlive\t-\tidle\t/x|5 fields, expected 6
		v\tlive\t-\tidle\t/x\t-\t-|7 fields, expected 6
		v\tjump\t-\tidle\t/x\t-|unknown action
		v\tlive\t-\tidle\t-\t-|no mountpoint
		..\tlive\t-\tidle\t/x\t-|'..' is not the name of a volume
		a/b\tlive\t-\tidle\t/x\t-|'a/b' is not the name of a volume
		-\tlive\t-\tidle\t/x\t-|'-' is not the name of a volume
		v\tlive\t\tidle\t/x\t-|field 3 is empty
		v\\q\tlive\t-\tidle\t/x\t-|field 1: unknown escape
	E
	run -2 bd-rsync "$REPO" "$WORK/p" < <(printf 'v\tlive\t-\tidle\t/x\t-')
	[[ $output == *'the last line has no end'* ]]
	run -2 bd-rsync "$REPO" "$WORK/p" < <(printf 'v\tlive\0\t-\tidle\t/x\t-\n')
	[[ $output == *'NUL byte'* ]]
	run -2 bd-rsync "$REPO" "$WORK/p" <<<"$(volume_plan v /x)"$'\n'"$(volume_plan v /x)"
	[[ $output == *"stdin:2: volume 'v' a second time"* ]]
	[ -z "$(ls -A "$WORK/p")" ]
}

@test "usage, version, and an output that cannot be written" {
	run -2 bd-rsync
	run -2 bd-rsync -j 0 a b
	run -2 bd-rsync -j x a b
	run -0 bd-rsync -V
	[ "$output" = "bd-rsync $(cat "$BD_ROOT/VERSION")" ]
	mkdir "$WORK/src" "$WORK/p"
	run -3 sh -c 'bd-rsync "$1" "$2" >/dev/full' - "$REPO" "$WORK/p" <<<"$(volume_plan v "$WORK/src")"
	[[ $output == *'stdout: No space left on device'* ]]
}

@test "skipped volumes leave no trace, planned failures are reported" {
	mkdir "$WORK/p"
	printf 'a\tskip\t-\texcluded\t/x\t-\nb\tfail\t-\tunmounted\t/y\t-\n' >"$WORK/plan"
	run -1 --separate-stderr bd-rsync "$REPO" "$WORK/p" <"$WORK/plan"
	[ "$output" = $'b\tfailed\t0\t0\t0\t0.000\t-\tunmounted\t0' ]
	[ -z "$(ls -A "$WORK/p")" ]
}

@test "-n shows commands and changes nothing" {
	mkdir "$WORK/it's" && echo x >"$WORK/it's/f"
	run -0 bd-rsync -n "$REPO" "$WORK/none" <<<"$(volume_plan v "$WORK/it's")"
	[[ $output == "bd-link '$WORK/it'\\''s' - $WORK/none/v/files | rsync "* ]]
	[ ! -e "$WORK/none" ]
}

@test "an existing files folder is neither used nor removed" {
	mkdir -p "$WORK/src" "$WORK/p/v/files" && echo old >"$WORK/p/v/files/f"
	run -1 bd-rsync "$REPO" "$WORK/p" <<<"$(volume_plan v "$WORK/src")"
	[[ $output == *'File exists'* ]]
	[ "$(cat "$WORK/p/v/files/f")" = old ]
}

@test "the page's examples run" {
	engine_start
	volume_new data >/dev/null
	cd "$BATS_TEST_TMPDIR"
	load fake
	examples bd-rsync.1
	engine_clean
}
