#!/usr/bin/env bats
# bd-verify, baudolo-verify: what is not as it was backed up is found and named

load engine
load tree
load copy

setup() {
	cd "$BATS_TEST_TMPDIR"
	HASH=$(bd-machine-hash)
	copy_begin
	REPO=$WORK/b/$HASH/backup-docker-to-local
	mkdir -p "$REPO" src
}

teardown() {
	[ -z "${pid-}" ] || kill "$pid" 2>/dev/null || :
	[ ! -d src ] || tree_done src
}

# A generation of volumes NAME=DIR, as baudolo makes it.
backup() {
	local v p=$WORK/partial/$NEXT bad=$WORK/s/bad$REPO
	mkdir -p "$p"
	[ -d "$bad" ] || bad=
	for v; do volume_plan "${v%%=*}" "${v#*=}"; done |
		LD_PRELOAD=${BD_PRELOAD-} bd-rsync -i "$INDEX" ${bad:+-x "$bad"} "$REPO" "$p" >results
	bd-digest "$REPO" "$p" >digests
	for v; do printf '%s\tok\tno\tno\t-\n' "${v%%=*}"; done | bd-stamp "$p"
	GEN=$REPO/$NEXT
	mv "$p" "$GEN"
	NEXT=$((NEXT + 1))
}

verify() { baudolo-verify --backups-dir b --state-dir "$WORK/s" "$@"; }
jobs() { local g; for g in "$REPO"/*; do printf '%s\tv\t-\t-\n' "${g##*/}"; done; }
what() { cut -f 1,3,4; }

some() {
	mkdir -p "$1/d" && echo one >"$1/a" && echo two >"$1/d/b" && ln -s a "$1/l" && ln "$1/a" "$1/d/a2"
	find "$1" -exec touch -h -d '2020-02-02 02:02:02.5' {} +
}

@test "all is well: nothing is said, each inode is read once" {
	some src
	settled
	backup v="$PWD/src"
	backup v="$PWD/src"
	echo three >src/c
	backup v="$PWD/src"
	run -0 --separate-stderr bd-verify -o res "$REPO" <<<"$(jobs)"
	[ -z "$output$stderr" ]
	[ "$(cat res)" = "$(printf '%s\tv\tok\t%s\t%s\t-\n' 20260101000000 3 8 20260101000001 3 0 20260101000002 4 6)" ]
	# counted by the kernel, too
	run -0 strace -f -qq -y -e trace=openat -o trace bd-verify "$REPO" <<<"$(jobs)"
	[ "$(grep -c 'openat(.*/files.*O_NOATIME' trace)" = 3 ]
}

@test "each thing that can differ is named, and no other" {
	some src
	backup v="$PWD/src"
	g=20260101000000 f=$GEN/v/files
	at() { touch -h -d '2020-02-02 02:02:02.5' "$@"; }
	check() { # EXPECTED, or several
		at "$f"
		[ ! -e "$f/d" ] || at "$f/d"
		[ ! -L "$f/l" ] && [ ! -e "$f/l" ] || at "$f/l"
		run -1 --separate-stderr bd-verify "$REPO" <<<"$(jobs)"
		[ "$(cut -f 3-6 <<<"$output")" = "$(printf '%s\n' "$@")" ] || { echo "$output"; return 1; }
		(cd "$GEN/v" && mtree -f contents.mtree -p .) >mtree.out || :
		local line
		for line; do
			line=${line%%$'\t'*}
			grep -qE "^(missing: [.]/|extra: )?${line#./}(: )?$" mtree.out || { cat mtree.out; return 1; }
		done
	}
	sha() { printf 'sha256=%s' "$(sha256sum <"$1" | cut -d ' ' -f 1)"; }
	cp -a "$f" was
	sum=$(sha "$f/d/b")
	printf x | dd of="$f/d/b" conv=notrunc status=none && at "$f/d/b"
	check $'./files/d/b\tcontent\t'"$sum"$'\t'"$(sha "$f/d/b")"
	printf t | dd of="$f/d/b" conv=notrunc status=none && at "$f/d/b"
	chmod 4711 "$f/d/b"
	check $'./files/d/b\tmode\tmode=0644\tmode=04711'
	chmod 644 "$f/d/b"
	chown 7:8 "$f/d"
	check $'./files/d\tuid\tuid=0\tuid=7' $'./files/d\tgid\tgid=0\tgid=8'
	chown 0:0 "$f/d"
	touch -d '2020-02-02 02:02:03.5' "$f/d/b"
	check $'./files/d/b\ttime\ttime=1580608922.500000000\ttime=1580608923.500000000'
	at "$f/d/b"
	ln -sfn b "$f/l"
	check $'./files/l\tlink\tlink=a\tlink=b'
	ln -sfn a "$f/l"
	: >"$f/d/0" && at "$f/d/0"
	check $'./files/d/0\textra\t-\ttype=file'
	rm "$f/d/0"
	mv "$f/d/b" "$f/d/c"
	check $'./files/d/b\tmissing\ttype=file\t-' $'./files/d/c\textra\t-\ttype=file'
	mv "$f/d/c" "$f/d/b"
	rm "$f/l" && mkdir "$f/l"
	check $'./files/l\ttype\ttype=link\ttype=dir'
	rmdir "$f/l" && ln -s a "$f/l"
	rm -r "$f/d"
	check $'./files/d\tmissing\ttype=dir\t-' $'./files/d/a2\tmissing\ttype=file\t-' $'./files/d/b\tmissing\ttype=file\t-'
	rm -r "$f" && cp -a was "$f"
	run -0 bd-verify "$REPO" <<<"$(jobs)"
	# a nanosecond, which mtree(8) does not see
	touch -d '2020-02-02 02:02:02.500000001' "$f/d/b"
	run -1 --separate-stderr bd-verify "$REPO" <<<"$(jobs)"
	[ "$(cut -f 3-6 <<<"$output")" = $'./files/d/b\ttime\ttime=1580608922.500000000\ttime=1580608922.500000001' ]
}

# One bit of one path below here, at random: NAME, and what is to be undone.
flip() { # KIND
	local LC_ALL=C byte ns
	local -A which=([content]='-type f -size +0' [mode]='! -type l' [link]='-type l')
	KIND=$1
	# shellcheck disable=SC2086 # words
	NAME=$(find . -mindepth 1 ${which[$KIND]-} -print0 | shuf -z -n 1 | tr '\0' '\001')
	NAME=${NAME%$'\001'}
	TIME=$(stat -c %.9Y "$NAME") OWNER=$(stat -c %u:%g "$NAME") MODE=$(stat -c %05a "$NAME") FOLDER_TIME=$(stat -c %.9Y "${NAME%/*}")
	case $KIND in
	content) AT=$(((RANDOM << 15 | RANDOM) % $(stat -c %s "$NAME"))) BIT=$((1 << RANDOM % 8)) && flip_bit ;;
	mode) chmod "$(printf %05o $((0$MODE ^ 1 << RANDOM % 12)))" "$NAME" ;;
	owner) chown -h "$((${OWNER%:*} ^ 1 << RANDOM % 16)):${OWNER#*:}" "$NAME" ;;
	group) chown -h "${OWNER%:*}:$((${OWNER#*:} ^ 1 << RANDOM % 16))" "$NAME" ;;
	time) # mtree sees microseconds
		ns=$((10#${TIME#*.}))
		case $((RANDOM % 2)) in
		0) touch -h -d "@$((${TIME%.*} ^ 1 << RANDOM % 20)).${TIME#*.}" "$NAME" ;;
		1) touch -h -d "@${TIME%.*}.$(printf %09d $(((ns + (1000 << RANDOM % 19)) % 1000000000)))" "$NAME" ;;
		esac
		;;
	name)
		TO=$NAME
		while [ -e "$TO" ] || [ -L "$TO" ]; do
			TO=${NAME##*/} AT=$((RANDOM % ${#TO}))
			byte=$(($(printf %s "${TO:AT:1}" | od -An -tu1) ^ 1 << RANDOM % 8))
			case $byte in 0 | 47) TO=$NAME && continue ;; esac
			printf -v byte %b "\\0$(printf %o "$byte")"
			TO=${NAME%/*}/${TO:0:AT}$byte${TO:AT+1}
		done
		mv -T "$NAME" "$TO"
		;;
	link) TARGET=$(readlink "$NAME"; echo x) && ln -sfn elsewhere "$NAME" ;;
	esac
}

flip_bit() {
	local byte
	byte=$(dd if="$NAME" bs=1 skip="$AT" count=1 status=none | od -An -tu1)
	printf "\\$(printf %o $((byte ^ BIT)))" | dd of="$NAME" bs=1 seek="$AT" conv=notrunc status=none
	touch -d "@$TIME" "$NAME"
}

unflip() {
	case $KIND in
	content) flip_bit ;;
	mode) chmod "$MODE" "$NAME" ;;
	owner | group) chown -h "$OWNER" "$NAME" && { [ -L "$NAME" ] || chmod "$MODE" "$NAME"; } ;;
	time) touch -h -d "@$TIME" "$NAME" ;;
	name) mv -T "$TO" "$NAME" ;;
	link) ln -sfn -- "${TARGET%$'\nx'}" "$NAME" && touch -h -d "@$TIME" "$NAME" && chown -h "$OWNER" "$NAME" ;;
	esac
	touch -d "@$FOLDER_TIME" "${NAME%/*}"
}

# The name is a line of what bd-verify has said, and what differs of it another column.
ours_names() {
	local p=./files${NAME#.} w
	p=${p//\\/\\\\} p=${p//$'\t'/\\t} p=${p//$'\n'/\\n} p=${p//$'\r'/\\r}
	case $KIND in owner) w=uid ;; group) w=gid ;; name) w=missing ;; *) w=$KIND ;; esac
	LC_ALL=C grep -qaF $'\t'"$p"$'\t'"$w"$'\t' <<<"$1"
}

# The same of mtree: names are as they are, but those that are missing and like patterns, which are as they are in the list.
mtree_names() {
	local LC_ALL=C p=files${NAME#.} said w c
	said=$'\n'$1
	if [ "$KIND" = name ]; then
		case ${p##*/} in *[*?[]*) for c in '\' '*' '?' '['; do p=${p//"$c"/"\\$c"}; done ;; esac
		[[ $said == *$'\n'"missing: ./$p"$'\n'* ]]
		return
	fi
	case $KIND in content) w=sha256 ;; mode) w=permissions ;; owner) w=user ;; group) w=gid ;; time) w='modification time' ;; link) w='link ref' ;; esac
	[[ $said == *$'\n'"$p: "$'\n'* ]] || return
	sed -n $'/^\t/!q; p' <<<"${said#*$'\n'"$p: "$'\n'}" | grep -q "^"$'\t'"$w ("
}

@test "random flips in a hostile tree: each is found by ours and by mtree, and named" {
	rounds=14
	[ -z "${BAUDOLO_TEST_LONG-}" ] || rounds=105
	TREE_SPARSE=1M tree_make src
	tree_done src
	backup v="$PWD/src"
	f=$GEN/v/files
	[ -z "$(cd "$GEN/v" && mtree -f contents.mtree -p .)" ]
	kinds=(content mode owner group time name link)
	for ((round = 0; round < rounds; round++)); do
		cd "$f" && flip "${kinds[round % ${#kinds[@]}]}" && cd "$WORK"
		printf '%s %q\n' "$KIND" "$NAME" | cut -c 1-200
		run -1 --separate-stderr bd-verify "$REPO" <<<"$(jobs)"
		ours_names "$output"
		mtree_rc=0
		mtree_said=$(cd "$GEN/v" && mtree -f contents.mtree -p .) || mtree_rc=$?
		[ "$mtree_rc" = 2 ]
		mtree_names "$mtree_said"$'\n'
		cd "$f" && unflip && cd "$WORK"
		run -0 bd-verify "$REPO" <<<"$(jobs)"
		[ -z "$(cd "$GEN/v" && mtree -f contents.mtree -p .)" ]
	done
	echo "# $rounds flips, $rounds found and named by both" >&3
}

@test "a list that is damaged, cut off or gone" {
	some src
	backup v="$PWD/src"
	m=$GEN/v/contents.mtree
	cp "$m" was
	for edit in '1d' '$d' '2d' '3d' 's/uid=0/uid=00/' 's/ gid/  gid/' '5p' 's,^\./files/d ,./files/../d ,' 's/type=file/type=fifo/' 's/0644/644/' \
		's/\.500000000/.5/' 's/sha256=./sha256=g/' 's/size=4/size=-4/' 's/d type/\\144 type/' 's/$/ /' '$a# end'; do
		LC_ALL=C sed "$edit" was >"$m"
		run -1 --separate-stderr bd-verify "$REPO" <<<"$(jobs)"
		[ "$edit" = '$d' ] || [[ $output == *$'\t./contents.mtree\tmalformed\t'* && $stderr == *"bd-verify: 20260101000000/v/contents.mtree:"* ]] ||
			{ echo "$edit: $output $stderr"; false; }
	done
	head -c -1 was >"$m"
	run -1 --separate-stderr bd-verify "$REPO" <<<"$(jobs)"
	[[ $stderr == *'the last line has no end'* ]]
	tr t '\0' <was >"$m"
	run -1 --separate-stderr bd-verify "$REPO" <<<"$(jobs)"
	[[ $stderr == *'NUL byte'* ]]
	: >"$m"
	run -1 bd-verify "$REPO" <<<"$(jobs)"
	rm "$m"
	run -1 --separate-stderr bd-verify -o res "$REPO" <<<"$(jobs)"
	[ "$output" = $'20260101000000\tv\t.\tunvouched\t-\t-\t-' ]
	[ "$(cut -f 3 res)" = unvouched ]
	rm -r "$GEN/v"
	run -1 bd-verify "$REPO" <<<"$(jobs)"
	[ "$output" = $'20260101000000\tv\t.\tmissing\t-\t-\t-' ]
}

@test "-q reads no file; a path, and one to go on from" {
	some src
	mkdir src/d-x && echo x >src/d-x/y && echo z >src/d.z
	backup v="$PWD/src"
	f=$GEN/v/files
	printf X | dd of="$f/a" conv=notrunc status=none
	touch -d '2020-02-02 02:02:02.5' "$f/a"
	run -0 strace -f -qq -y -e trace=openat -o trace bd-verify -q "$REPO" <<<"$(jobs)"
	run ! grep 'openat(.*/files.*O_NOATIME' trace
	chmod 600 "$f"/*
	verify_path() { printf '20260101000000\tv\t%s\t%s\n' "$1" "$2" | bd-verify -q "$REPO" | cut -f 3 | sort -u | tr '\n' ' '; }
	[ "$(verify_path - -)" = './files/a ./files/d ./files/d-x ./files/d.z ./files/d/a2 ' ]
	[ "$(verify_path ./files/d -)" = './files/d ./files/d/a2 ' ]
	[ "$(verify_path ./files/a -)" = './files/a ' ]
	[ "$(verify_path - ./files/d-x/y)" = './files/d.z ./files/d/a2 ' ]
	[ "$(verify_path ./files/d ./files/d/a3)" = '' ]
	[ "$(verify_path ./files/nothing -)" = '' ]
}

@test "with a budget of one byte, again and again: all of it, the same" {
	TREE_SPARSE=1M tree_make src
	tree_done src
	backup v="$PWD/src"
	backup v="$PWD/src"
	f=$GEN/v/files
	chmod 600 "$f/order/a0" && echo x >>"$f/sizes/one" && rm -f "$f/times/epoch" && : >"$f/zzz"
	bd-verify "$REPO" <<<"$(jobs)" >all || [ $? = 1 ]
	from=- steps=0
	while :; do
		jobs | from=$from awk -F '\t' -v OFS='\t' '{ $4 = ENVIRON["from"] } 1' >in
		bd-verify -b 1 -o res "$REPO" <in >>parts || [ $? = 1 ]
		steps=$((steps + 1))
		next=$(cut -f 6 res | sort -u)
		[ "$next" != "$from" ]
		from=$next
		[ "$from" != - ] || break
		[ "$steps" -lt 1000 ]
	done
	[ "$steps" -gt 50 ]
	[ "$(LC_ALL=C sort all)" = "$(LC_ALL=C sort parts)" ]
	[ "$(wc -l <all)" -gt 4 ]
}

@test "baudolo-verify: everything, a generation, a volume; the summary" {
	some src && mkdir src2 && echo 2 >src2/f
	settled
	backup v="$PWD/src" w="$PWD/src2"
	backup v="$PWD/src" w="$PWD/src2"
	before=$(fingerprint b)
	run -0 --separate-stderr verify
	[ "$output" = '2 volumes in 2 generations: 8 files compared, 10 bytes read, all as they were backed up.' ]
	[ -z "$stderr" ]
	run -0 verify --generation latest
	[ "$output" = '2 volumes in 1 generations: 4 files compared, 10 bytes read, all as they were backed up.' ]
	run -0 verify --generation 20260101000000 --volume w
	[ "$output" = '1 volumes in 1 generations: 1 files compared, 2 bytes read, all as they were backed up.' ]
	run -0 verify -q --quick
	[ -z "$output" ]
	[ "$(fingerprint b)" = "$before" ]
	[ "$(cut -f 1-3 "s/verify$REPO/verified")" = "$(printf '%s\t%s\tok\n' 20260101000000 v 20260101000000 w 20260101000001 v 20260101000001 w)" ]
	printf X | dd of="$REPO/20260101000000/v/files/a" conv=notrunc status=none
	touch -d '2020-02-02 02:02:02.5' "$REPO/20260101000000/v/files/a"
	run -0 verify --quick
	run -1 --separate-stderr verify
	[ "$output" = '2 volumes in 2 generations: 8 files compared, 10 bytes read, 2 damaged.' ]
	[ "$(grep -c '^ERROR: 2026010100000[01]/v ./files/\(a\|d/a2\): content: expected sha256=.*, found sha256=' <<<"$stderr")" = 4 ]
	[ "$(cut -f 2,3 "s/verify$REPO/verified" | sort -u)" = $'v\tbad\nw\tok' ]
	run -0 verify --volume w
	run -3 verify --volume x
	run -2 verify --budget 0
	run -2 verify --budget 10
	run -2 verify --budget 999999999T
	run -2 verify --budget 10GiB --quick
	run -3 verify --repo-name none
}

@test "what is damaged is copied afresh, once, and not linked on" {
	some src
	settled
	backup v="$PWD/src"
	backup v="$PWD/src"
	f=$GEN/v/files
	printf X | dd of="$f/d/b" conv=notrunc status=none
	touch -d '2020-02-02 02:02:02.5' "$f/d/b"
	# nobody has looked yet
	backup v="$PWD/src"
	same_inodes "$REPO/20260101000000/v/files" "$GEN/v/files"
	run -1 verify --generation 20260101000000
	[ "$(cut -f 1,2,4,5 "s/bad$REPO/v")" = "./files/d/b"$'\t'"$(stat -c %i "$f/d/b")"$'\t20260101000000\tcontent' ]
	[ "$(cut -f 3 "s/bad$REPO/v")" = "$(stat -c %.9W "$f/d/b")" ]
	backup v="$PWD/src"
	oracle src "$GEN/v/files"
	[ "$(stat -c %i "$GEN/v/files/d/b")" != "$(stat -c %i "$f/d/b")" ]
	[ "$(stat -c %i "$GEN/v/files/a")" = "$(stat -c %i "$f/a")" ]
	run -0 verify --generation latest
	fresh=$(stat -c %i "$GEN/v/files/d/b")
	backup v="$PWD/src"
	[ "$(stat -c %i "$GEN/v/files/d/b")" = "$fresh" ]
	# the old ones stay what they are, and are told of
	run -1 verify
	# a list that nobody understands: all is copied
	echo nonsense >"s/bad$REPO/v"
	backup v="$PWD/src"
	[ "$(stat -c %i "$GEN/v/files/a")" != "$(stat -c %i "$f/a")" ]
	oracle src "$GEN/v/files"
}

@test "what was mended is good again, what is gone is forgotten, and an inode number alone is none" {
	some src && mkdir w && echo w >w/f
	settled
	backup v="$PWD/src" w="$PWD/w"
	first=$GEN f=$GEN/v/files/d/b
	backup v="$PWD/src" w="$PWD/w"
	cp -p "$f" was
	printf X | dd of="$f" conv=notrunc status=none && touch -r was "$f"
	touch -r "$GEN/w/files" time && rm "$GEN/w/files/f" && touch -r time "$GEN/w/files"
	run -1 verify
	[ "$(cut -f 1,4,5 "s/bad$REPO/v")" = $'./files/d/b\t20260101000000\tcontent\n./files/d/b\t20260101000001\tcontent' ]
	[ "$(cat "s/bad$REPO/w")" = $'./files/f\t-\t-\t20260101000001\tmissing' ]
	[ "$(bd-generations -v -x "s/bad$REPO" "$REPO" | cut -f 2,4,5)" = $'20260101000000\tv\tdamaged\n20260101000000\tw\tgood\n20260101000001\tv\tdamaged\n20260101000001\tw\tdamaged' ]
	# mended in place
	cat was >"$f" && touch -r was "$f"
	# looked at, but not read: nothing is forgotten
	run -1 verify --quick
	[ -s "s/bad$REPO/v" ]
	run -0 verify --volume v
	[ ! -e "s/bad$REPO/v" ]
	# another file with that inode number
	printf './files/d/b\t%s\t1.000000000\t20200101000000\tcontent\n' "$(stat -c %i "$f")" >"s/bad$REPO/v"
	backup v="$PWD/src" w="$PWD/w"
	[ "$GEN/v/files/d/b" -ef "$f" ]
	# its generation is gone
	rm -r "$REPO/20260101000001"
	run -0 verify
	[ -z "$(ls "s/bad$REPO")" ]
	# a dump
	mkdir "$GEN/v/sql" && echo dump >"$GEN/v/sql/x.backup.sql"
	rm "$GEN/v/contents.mtree" && (cd "$REPO" && bd-digest "$WORK/none" "$GEN" >/dev/null)
	echo dumP >"$GEN/v/sql/x.backup.sql"
	run -1 verify --volume v
	[ "$(cut -f 1 "s/bad$REPO/v" | sort -u)" = ./sql/x.backup.sql ]
	[ "$(bd-generations -v -x "s/bad$REPO" "$REPO" | cut -f 2,4,5 | grep damaged)" = "${GEN##*/}"$'\tv\tdamaged' ]
}

# Another first byte, which no time tells of.
damage() {
	cp -p "$1" was
	printf X | dd of="$1" conv=notrunc status=none && touch -r was "$1"
}

@test "what was found under one name is not linked under another" {
	some src
	settled
	backup v="$PWD/src"
	damage "$GEN/v/files/a"
	mkdir -p "s/bad$REPO"
	run -1 bd-verify -x "s/bad$REPO" "$REPO" <<<$'20260101000000\tv\t./files/d/a2\t-'
	[ "$(cut -f 1 "s/bad$REPO/v")" = ./files/d/a2 ]
	backup v="$PWD/src"
	oracle src "$GEN/v/files"
	[ "$GEN/v/files/d/b" -ef "$REPO/20260101000000/v/files/d/b" ]
}

@test "what cannot be looked at may be the damaged file: it is not linked" {
	some src
	settled
	backup v="$PWD/src"
	damage "$GEN/v/files/d/b"
	mkdir -p "s/bad$REPO" p
	run -1 bd-verify -x "s/bad$REPO" "$REPO" <<<$'20260101000000\tv\t-\t-'
	volume_plan v "$PWD/src" >plan
	run -0 strace -f -qq -o trace -e trace=statx -e inject=statx:error=EIO -E LD_PRELOAD="$BD_PRELOAD" \
		bd-rsync -x "s/bad$REPO" -i "$INDEX" "$REPO" p <plan
	grep -q INJECTED trace
	[[ $output == *'b: Input/output error'* ]]
	oracle src p/v/files
	[ ! p/v/files/d/b -ef "$GEN/v/files/d/b" ]
}

@test "what is damaged stays known until it is read again, or nothing has it any more" {
	some src
	settled
	known() { cut -f 1,4,5 "s/bad$REPO/v" | tr '\t\n' ' ;'; }
	backup v="$PWD/src"
	backup v="$PWD/src"
	f=$GEN/v/files/d/b
	damage "$f"
	run -1 verify --generation 20260101000000
	rm -r "$REPO/20260101000000"
	run -0 verify --quick
	[ "$(known)" = './files/d/b 20260101000001 content;' ]
	[ "$(bd-generations -v -x "s/bad$REPO" "$REPO" | cut -f 2,5)" = $'20260101000001\tdamaged' ]
	# parts of it, before and behind
	run -0 bd-verify -b 1 -x "s/bad$REPO" "$REPO" <<<$'20260101000001\tv\t-\t-'
	run -0 bd-verify -x "s/bad$REPO" "$REPO" <<<$'20260101000001\tv\t-\t./files/l'
	[ "$(known)" = './files/d/b 20260101000001 content;' ]
	backup v="$PWD/src"
	oracle src "$GEN/v/files"
	# the generation that is left without it
	run -0 verify --generation latest
	[ "$(known)" = './files/d/b 20260101000001 content;' ]
	run -1 verify
	[ "$(known)" = './files/d/b 20260101000001 content;' ]
	# without a list nothing is read
	mv "$REPO/20260101000001/v/contents.mtree" list
	run -1 verify
	[ "$(known)" = '. 20260101000001 unvouched;./files/d/b 20260101000001 content;' ]
	mv list "$REPO/20260101000001/v/contents.mtree"
	run -1 verify
	# gone with its generation, or found good in another
	cp "s/bad$REPO/v" v
	mv "$REPO/20260101000001" aside
	run -0 verify --quick
	[ ! -e "s/bad$REPO/v" ]
	mv aside "$REPO/20260101000001"
	sed 's/20260101000001/20260101000000/' v >"s/bad$REPO/v"
	cat was >"$f" && touch -r was "$f"
	run -0 verify --generation latest
	[ "$(known)" = './files/d/b 20260101000001 content;' ]
	run -0 verify --generation 20260101000001
	[ ! -e "s/bad$REPO/v" ]
}

@test "what was mended under a new inode is good, and what still has the wrong one is not" {
	some src
	settled
	state() { bd-generations -v -x "s/bad$REPO" "$REPO" | cut -f 2,5 | tr '\t\n' ' ;'; }
	backup v="$PWD/src"
	f=$GEN/v/files/d/b
	backup v="$PWD/src"
	damage "$f"
	run -1 verify --generation 20260101000000
	[ "$(state)" = '20260101000000 damaged;20260101000001 damaged;' ]
	cp -p "$f" bad
	mend() { touch -r "${f%/*}" time && cp -p "$1" new && mv new "$f" && touch -r time "${f%/*}"; }
	mend was
	run -0 verify --generation 20260101000000
	[ "$(state)" = '20260101000000 good;20260101000001 damaged;' ]
	# nor is it forgotten when the new one is wrong, too
	mend bad
	run -1 verify --generation 20260101000000
	[ "$(state)" = '20260101000000 damaged;20260101000001 damaged;' ]
	mend was
	run -1 verify
	[ "$(state)" = '20260101000000 good;20260101000001 damaged;' ]
	mv "$REPO/20260101000001/v/files/d/b" gone # that makes nothing good
	[ "$(state)" = '20260101000000 good;20260101000001 damaged;' ]
}

@test "a list that nobody understands is forgotten when all was read, and not before" {
	some src
	settled
	backup v="$PWD/src"
	backup v="$PWD/src"
	mkdir -p "$REPO/20250101000000/v/files" "s/bad$REPO" # of the original: it cannot be verified
	echo nonsense >"s/bad$REPO/v"
	for args in --quick '--generation latest'; do
		# shellcheck disable=SC2086 # several
		run -0 verify $args
		[ "$(cat "s/bad$REPO/v")" = nonsense ]
	done
	run -0 bd-verify -b 1 -x "s/bad$REPO" "$REPO" < <(jobs | sed 1d)
	[ "$(cat "s/bad$REPO/v")" = nonsense ]
	damage "$GEN/v/files/d/b"
	run -1 verify --generation latest
	[ "$(cat "s/bad$REPO/v")" = nonsense ]
	run -1 verify
	[ "$(cut -f 1,5 "s/bad$REPO/v" | sort -u)" = $'./files/d/b\tcontent' ]
	cat was >"$GEN/v/files/d/b" && touch -r was "$GEN/v/files/d/b"
	echo nonsense >"s/bad$REPO/v"
	run -0 verify --volume v # as the warning says
	[ ! -e "s/bad$REPO/v" ]
}

@test "what is found is named and known at once, whatever ends it" {
	some src && mkdir w && echo w >w/f
	backup v="$PWD/src" w="$PWD/w"
	echo evil >"$GEN/v/files/a"
	truncate -s 1T "$GEN/w/files/f" # it will be read for hours
	for shell in dash 'busybox sh' bash; do
		case $shell in dash) sig=HUP ;; *) sig=TERM ;; esac
		rm -rf "s/bad$REPO" said
		$shell "$BAUDOLO_BIN/baudolo-verify" --backups-dir b --state-dir "$WORK/s" -j 1 2>said 3>&- &
		pid=$!
		wait_for grep -qs "/w ./files/f: size: " said
		grep -q '/v ./files/a: content: ' said
		kill -s $sig "$pid"
		status=0
		wait "$pid" || status=$?
		[ "$status" = $((128 + $(kill -l $sig))) ]
		grep -q '^./files/a.*content$' "s/bad$REPO/v"
		grep -q '^./files/f.*size$' "s/bad$REPO/w"
	done
}

@test "a volume that cannot be opened costs itself; too few descriptors are no damage" {
	some src
	backup v="$PWD/src" w="$PWD/src"
	echo evil >"$GEN/w/files/a"
	printf '%s\n' $'20260101000000\tv\t-\t-' $'20260101000000\tw\t-\t-' >in
	run -1 --separate-stderr strace -f -qq -o /dev/null -P v -e trace=openat -e inject=openat:error=EIO bd-verify "$REPO" <in
	[ "$(cut -f 2-4,6 <<<"$output" | head -n 1)" = $'v\t.\tunreadable\tInput/output error' ]
	[[ $output == *$'\tw\t./files/a\tcontent\t'* ]]
	for what in EMFILE ENFILE ENOMEM; do
		for path in 20260101000000 w contents.mtree files d a; do
			run -3 --separate-stderr strace -f -qq -o trace -P $path -e trace=openat -e inject=openat:error=$what bd-verify "$REPO" <in
			grep -q INJECTED trace
			[[ $output != *unreadable* && $output != *missing* ]]
		done
	done
}

@test "a copy that is gone, or has lost its list, is damage; volumes are told apart by their names as they are" {
	some src
	backup v="$PWD/src"
	mv "$GEN/v/contents.mtree" list
	run -1 --separate-stderr verify --volume v
	[ "$stderr" = 'ERROR: 20260101000000/v .: unvouched: expected -, found -' ]
	[ "$(cut -f 1,5 "s/bad$REPO/v")" = $'.\tunvouched' ]
	mv list "$GEN/v/contents.mtree"
	mv "$GEN/v" gone
	run -1 --separate-stderr verify --volume v
	[ "$stderr" = 'ERROR: 20260101000000/v .: missing: expected -, found -' ]
	mv gone "$GEN/v"
	run -0 verify
	backup 100="$PWD/src" 0100="$PWD/src" 1e2="$PWD/src"
	echo evil >"$GEN/0100/files/a"
	run -0 verify --volume 100
	run -0 verify --volume 1e2
	run -1 verify --volume 0100
	run -1 verify --budget 1TiB
	[ "$(cut -f 2,3 "s/verify$REPO/verified")" = $'v\tok\n0100\tbad\n100\tok\n1e2\tok' ]
	[ "$(cut -f 1 "s/verify$REPO/volumes")" = "$(printf '%s\n' 0100 100 1e2 directory_stemp.json v)" ]
	[ "$(ls "s/bad$REPO")" = 0100 ]
}

@test "the repository's path is one, whatever leads to it" {
	some src
	backup v="$PWD/src"
	ln -s b link
	echo evil >"$GEN/v/files/a"
	run -1 baudolo-verify --backups-dir link --state-dir "$WORK/s"
	[ -s "s/bad$REPO/v" ]
	[ "$(find s -name verified)" = "s/verify$REPO/verified" ]
}

@test "garbage instead of what is known of the volumes: all is verified afresh" {
	some src
	backup v="$PWD/src"
	echo evil >"$GEN/v/files/a"
	mkdir -p "s/verify$REPO"
	for known in garbage 'v\tx\t-\t-\t-' 'v\t0\t-\t-\t./files/l' 'v\t0\t20260101000000\t1\tzzz' 'v\t0\t-\t-'; do
		printf "$known\n" >"s/verify$REPO/volumes"
		run -1 --separate-stderr verify --budget 1TiB
		[[ $stderr == "bd-scrub: $WORK/s/verify$REPO/volumes:1: "*"WARNING: $WORK/s/verify$REPO/volumes cannot be understood: all is verified afresh."$'\n'*'./files/a: content: '* ]]
	done
}

@test "a generation that is read is locked, and one that is being removed is passed over" {
	some src
	backup v="$PWD/src"
	truncate -s 1T "$GEN/v/files/a"
	bd-verify -j 1 "$REPO" <<<"$(jobs)" >out 3>&- &
	pid=$!
	wait_for grep -q size out
	run -1 flock -n "$GEN" true
	run -0 flock -ns "$GEN" true
	kill "$pid"
	wait "$pid" || :
	run -0 --separate-stderr flock "$GEN" bd-verify -o res "$REPO" <<<"$(jobs)"
	[ -z "$output$stderr" ]
	[ ! -s res ]
}

# The original's hash: CONTRACT.md.
names_of() { (cd "$1" && find . -mindepth 1 ! -path ./directory_stemp.json -printf '%P\n' | LC_ALL=C sort | tr -d '\n' | sha256sum | cut -d ' ' -f 1); }

@test "a stamp that is missing, no stamp, or not of what is there" {
	some src
	settled
	backup v="$PWD/src"
	backup v="$PWD/src"
	g=20260101000001 good=$(cat "$GEN/directory_stemp.json")
	said() { # WHAT-IS-SAID [ARG...]
		run -1 --separate-stderr verify "${@:2}"
		[ "$stderr" = "ERROR: $g ./directory_stemp.json: $1" ] || { echo "$stderr"; return 1; }
		[[ $output == *' 1 damaged.' ]]
	}
	run -0 verify
	rm "$GEN/directory_stemp.json"
	said 'missing: expected -, found -'
	said 'missing: expected -, found -' --generation $g
	said 'missing: expected -, found -' --generation latest --quick
	run -0 verify --generation 20260101000000
	run -0 verify --volume v # all generations of that, and no more
	echo '{"hash": "x"}' >"$GEN/directory_stemp.json"
	said 'malformed: expected -, found -'
	printf %s "$good" >"$GEN/directory_stemp.json"
	# what no list of a volume tells of
	mkdir "$GEN/w"
	said "names: expected $(jq -r .hash <<<"$good"), found $(names_of "$GEN")"
	rmdir "$GEN/w" && mv "$GEN/manifest.json" m
	run -1 --separate-stderr verify
	[[ $stderr == *"ERROR: $g ./directory_stemp.json: names: expected $(jq -r .hash <<<"$good"), found $(names_of "$GEN")" ]]
	mv m "$GEN/manifest.json"
	run -0 verify
	# a name that is not UTF-8: there is none, and none is missed
	: >src/$'\xff'
	backup v="$PWD/src"
	[ ! -e "$GEN/directory_stemp.json" ]
	run -0 --separate-stderr verify
	[ -z "$stderr" ]
}

@test "a scrub: what was not verified for longest comes first, and goes on where it ended" {
	settled
	for v in v w x; do
		mkdir "src/$v"
		for n in 1 2 3 4; do head -c 600K /dev/urandom >"src/$v/$n"; done
	done
	backup v="$PWD/src/v" w="$PWD/src/w" x="$PWD/src/x"
	backup v="$PWD/src/v" w="$PWD/src/w" x="$PWD/src/x"
	run -0 verify --budget 1MiB
	[ "$output" = '1 volumes in 2 generations: 4 files compared, 1228800 bytes read, all as they were backed up; more to do.' ]
	[ "$(cut -f 1,3,5 "s/verify$REPO/volumes")" = "$(printf '%s\t%s\t%s\n' directory_stemp.json - - v 20260101000001 ./files/3 w - - x - -)" ]
	[ ! -s "s/verify$REPO/verified" ]
	# damage behind it is found, that before it is not, a new generation waits
	printf XXXXXXXX | dd of="$REPO/20260101000000/v/files/1" conv=notrunc status=none
	printf XXXXXXXX | dd of="$REPO/20260101000000/w/files/2" conv=notrunc status=none
	backup v="$PWD/src/v" w="$PWD/src/w" x="$PWD/src/x"
	run -1 --separate-stderr verify --budget 2MiB
	[[ $output == *'2 volumes in 3 generations: '*' 2 damaged; more to do.' ]]
	[[ $stderr == *'ERROR: 20260101000000/w ./files/2: content: '* && $stderr != *'1/v '* && $stderr != *'0/v '* ]]
	[ "$(cut -f 1-3 "s/verify$REPO/verified")" = "$(printf '%s\t%s\t%s\n' 20260101000000 v ok 20260101000000 w bad 20260101000001 v ok 20260101000001 w bad)" ]
	# to the end: what was bad in an earlier part stays bad
	run verify --budget 30min
	[[ $output != *'more to do.' ]]
	[ "$(cut -f 5 "s/verify$REPO/volumes" | sort -u)" = - ]
	[ "$(grep -c $'\tbad\t' "s/verify$REPO/verified")" -ge 2 ]
	grep -q $'20260101000000\tw\tbad' "s/verify$REPO/verified"
	# and around again
	run -1 verify --budget 1TiB
	grep -q $'20260101000000\tv\tbad' "s/verify$REPO/verified"
	run -1 verify --budget 1MiB
	# the stamps of all are as one volume more
	rm "$GEN/directory_stemp.json"
	for ((turn = 0; turn < 20; turn++)); do
		run --separate-stderr verify --budget 1MiB
		[[ $stderr != *'directory_stemp.json'* ]] || break
	done
	[[ $stderr == *"ERROR: ${GEN##*/} ./directory_stemp.json: missing: "* ]]
}

@test "a scrub: what cannot be verified keeps no other from its turn" {
	for v in v w x; do
		mkdir "src/$v"
		head -c 600K /dev/urandom >"src/$v/1"
	done
	backup v="$PWD/src/v" w="$PWD/src/w" x="$PWD/src/x"
	printf XXXXXXXX | dd of="$GEN/x/files/1" conv=notrunc status=none
	mkdir -p "s/bad$REPO/v/in-its-place"
	seen() { awk '$2 { print $1 }' "s/verify$REPO/volumes" | paste -sd ' '; }
	run -1 --separate-stderr verify --budget 1MiB
	[[ $stderr == *"ERROR: volume 'v' could not be verified: status 3, see above. The others go on."*"ERROR: 20260101000000/x ./files/1: content: "* ]]
	[[ $output == *'; more to do.' ]]
	[ "$(seen)" = 'directory_stemp.json w x' ]
	[ "$(cut -f 1,2 "s/verify$REPO/verified" | paste -sd ,)" = $'20260101000000\tw,20260101000000\tx' ] || { cat "s/verify$REPO/verified"; false; }
	# the next time it comes last, and has no turn, for it may take all the time there is
	run -1 --separate-stderr verify --budget 1MiB
	[[ $stderr != *"volume 'v'"* ]]
	run -1 --separate-stderr verify --budget 1TiB
	[[ $stderr == *"ERROR: 20260101000000/x "*"ERROR: volume 'v'"* ]]
	rm -r "s/bad$REPO/v"
	run -1 --separate-stderr verify --budget 1TiB
	[[ $stderr != *"volume 'v'"* ]]
	[[ $output != *'more to do.' ]]
	[ "$(seen)" = 'directory_stemp.json v w x' ]
	[ ! -s "s/verify$REPO/failed" ]
	# it is written only when it changes, and what is in no generation any more goes
	printf '%s\n' gone v >"s/verify$REPO/failed"
	mkdir -p "s/bad$REPO/v/in-its-place"
	run -1 verify --budget 1TiB
	[ "$(cat "s/verify$REPO/failed")" = v ]
	inode=$(stat -c %i "s/verify$REPO/failed")
	run -1 verify --budget 1TiB
	[ "$(stat -c %i "s/verify$REPO/failed")" = "$inode" ]
	rm -r "s/bad$REPO/v"
	# the stamps are told of as such
	cp -r "$BAUDOLO_BIN" bin && rm bin/bd-stamped && printf '#!/bin/sh\nexit 3\n' >bin/bd-stamped && chmod +x bin/bd-stamped
	run -1 --separate-stderr bin/baudolo-verify --backups-dir b --state-dir "$WORK/s" --budget 1TiB
	[[ $stderr == *'ERROR: the stamps could not be verified: status 3, see above. The others go on.'* && $stderr == *'ERROR: 20260101000000/x '* ]]
	[ "$(cat "s/verify$REPO/failed")" = directory_stemp.json ]
	run -1 verify --budget 1TiB
	[ ! -s "s/verify$REPO/failed" ]
	# without a budget there is no other turn to wait for
	mkdir -p "s/bad$REPO/v/in-its-place"
	run -3 --separate-stderr verify
	[[ $stderr == *'ERROR: bd-verify ended with status 3.' ]]
}

@test "what a terminal would obey is shown as ?" {
	mkdir src/v
	echo x >"src/v/"$'\e[31mred\a\ttab\x7f\xc3\xa4'
	backup v="$PWD/src/v"
	echo y >"$GEN/v/files/"$'\e[31mred\a\ttab\x7f\xc3\xa4'
	for shell in dash 'busybox sh' bash; do
		for lang in C C.UTF-8; do
			# shellcheck disable=SC2086 # words
			LC_ALL=$lang run -1 --separate-stderr $shell "$BAUDOLO_BIN/baudolo-verify" --backups-dir b --state-dir "$WORK/s"
			[[ $stderr == *'ERROR: 20260101000000/v ./files/?[31mred?\ttab?'$'\xc3\xa4'': content: expected sha256='* ]] || { cat -v <<<"$stderr"; false; }
			LC_ALL=C run ! grep -q '[[:cntrl:]]' <<<"$stderr"
		done
	done
	run -2 --separate-stderr baudolo-verify --repo-name $'a/\e[2J'
	[ "$stderr" = "ERROR: --repo-name must be a name, not a path: 'a/?[2J'" ]
}

@test "nothing vouches for the original's generations; two verifications at once" {
	some src
	backup v="$PWD/src"
	mkdir -p "$REPO/20250101000000/v/files"
	printf '{"hash": "%s", "date": "2025-01-01T00:00:00"}' "$(names_of "$REPO/20250101000000")" >"$REPO/20250101000000/directory_stemp.json"
	run -0 --separate-stderr verify
	[ "$stderr" = 'WARNING: nothing vouches for what is in generation 20250101000000: it has no contents.mtree.' ]
	# nor need there be a stamp, for which the original may not have lived long enough; but one that is there is right
	rm "$REPO/20250101000000/directory_stemp.json"
	run -0 --separate-stderr verify
	[ "$stderr" = 'WARNING: nothing vouches for what is in generation 20250101000000: it has no contents.mtree.' ]
	echo '{"hash": "0", "date": "2025-01-01T00:00:00"}' >"$REPO/20250101000000/directory_stemp.json"
	run -1 --separate-stderr verify
	[[ $stderr == *$'\nERROR: 20250101000000 ./directory_stemp.json: malformed: expected -, found -' ]]
	rm -r "$REPO/20250101000000"
	# ours has lost it, and the name is missed
	rm "$GEN/v/contents.mtree"
	run -1 --separate-stderr verify
	[[ $stderr == *$'\nERROR: 20260101000000 ./directory_stemp.json: names: expected '* ]]
	exec 8>"s/verify$REPO/lock"
	flock 8
	run -4 verify
	exec 8>&-
}

@test "malformed input, wrong usage, outputs that cannot be written" {
	some src
	backup v="$PWD/src"
	for in in 'g\tv\t-\n' 'g/h\tv\t-\t-\n' 'g\t..\t-\t-\n' '-\tv\t-\t-\n' 'g\tv\t-\t-' '\n'; do
		printf -- "$in" >in
		run -2 --separate-stderr bd-verify "$REPO" <in
		[ -z "$output" ]
		[[ $stderr == 'bd-verify: stdin:1: '* ]]
	done
	for args in '' 'a b' '-b 0 .' '-t x .' '-j 65 .' '-x .'; do run -2 bd-verify $args </dev/null; done
	run -3 bd-verify "$REPO/none" </dev/null
	chmod 600 "$GEN/v/files/a"
	run -3 bash -c 'bd-verify "$1" <<<"$2" >/dev/full' - "$REPO" "$(jobs)"
	run -3 bash -c 'bd-verify -o /dev/full "$1" <<<"$2"' - "$REPO" "$(jobs)"
}

@test "examples" {
	load fake
	examples bd-verify.1
}
