#!/usr/bin/env bats
# baudolo, on an engine of its own

load engine
load tree
load fake
load copy
load run

setup_file() {
	engine_start own
	local d
	d=$(volume_new app)
	mkdir -p "$d/etc" "$d/a" "$d/a-b" && echo hello >"$d/etc/conf" && echo 1 >"$d/a/b" && echo 2 >"$d/a-b/c"
	: >"$d"/$'tab\tnew\nline\\"' && ln "$d/a/b" "$d/a/hard" && ln -s /etc/passwd "$d/absolute" && chmod 4711 "$d/a/b"
	setfattr -n user.x -v y "$d/etc/conf" && chown 1234:99 "$d/a-b"
	d=$(volume_new idle) && echo idle >"$d/f"
	d=$(volume_new cache) && echo cache >"$d/f"
	d=$(volume_new scratch) && echo scratch >"$d/f"
	volume_new empty
	image_new redis:7 web:1
	IMAGE=web:1 container_run web1 -v app:/data -v empty:/empty
	IMAGE=web:1 container_run web2 -v app:/data
	IMAGE=redis:7 container_run redis -v cache:/data
}

teardown_file() {
	engine_clean
	engine_stop own
	loop_clean
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	places
}

teardown() {
	fake_stop
	[ -z "${BD_TAP_PID-}" ] || kill "$BD_TAP_PID" 2>/dev/null || : # of a test that failed
	volume_rm bad manifest.json directory_stemp.json 2>/dev/null || :
}

# The run of this file: web may go on.
run_it() { baudolo --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --only-files "$@"; }

in_mount_namespace() { unshare -m --propagation private bash -euc "$@"; }

# Below B lies what other programs expect, and nothing else.
layout() {
	local bad
	bad=$(
		find "$B" -maxdepth 3 ! -type d
		find "$B" -mindepth 1 -maxdepth 1 ! -name "$H" ! -name .baudolo
		find "$B/.baudolo" -mindepth 1 ! -path "$B/.baudolo/partial"
		find "$B/$H" -mindepth 2 -maxdepth 2 ! -name '[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]'
		find "$B/$H" -mindepth 1 -maxdepth 1 -empty
		find "$B/$H" -mindepth 3 -maxdepth 3 ! -type d ! -name manifest.json ! -name directory_stemp.json
		find "$B/$H" -mindepth 4 -maxdepth 4 ! -name files ! -name contents.mtree
	)
	[ -z "$bad" ] || { printf 'layout: %s\n' "$bad" >&2; return 1; }
}

# Nothing was begun: no trace below B.
untouched() {
	[ ! -e "$B" ] || [ -z "$(find "$B" -mindepth 1)" ]
}

# A folder of programs like ours, to put others in their place.
shims() {
	rm -rf bin
	cp -a "$BAUDOLO_BIN" bin
}

shim() {
	mv "bin/$1" "bin/real-$1"
	cat >"bin/$1"
	chmod +x "bin/$1"
}

@test "all volumes, as they are" {
	run -0 --separate-stderr run_it
	g=$(newest)
	for v in app idle cache scratch empty; do
		oracle "$(volume_path "$v")" "$g/$v/files"
		exact "$(volume_path "$v")" "$g/$v/files"
	done
	[ -z "$stderr" ]
	cat >expected <<-E
		💾 Start volume backups...
		Start backup routine for volume: app
		Start backup routine for volume: cache
		Start backup routine for volume: empty
		Start backup routine for volume: idle
		Start backup routine for volume: scratch
		Stamp file created.
		Finished volume backups.
	E
	grep -vE '^(Generation |Stop containers: |Start containers: |No containers to stop)' <<<"$output" | diff expected -
	layout
	stamped "$g"
	[ "$(stat -c %a "$B" "$B/$H" "$R" "$g")" = $'755\n755\n755\n700' ]
	run -0 jq -c '[.schema, .failed, (.volumes | keys), ([.volumes[] | [.database, .dumped, .engine]] | unique)]' "$g/manifest.json"
	[ "$output" = '[1,[],["app","cache","empty","idle","scratch"],[[false,false,null]]]' ]
	[ "$(find "$S" -maxdepth 1 -name run)" = '' ]
}

@test "a second run shares every inode, copies nothing, starts no rsync" {
	run_it
	one=$(newest)
	fp=$(fingerprint "$one")
	run -0 strace -f -qq -o trace -e trace=execve "$BAUDOLO_BIN/baudolo" --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --only-files
	two=$(newest)
	[ "$one" != "$two" ]
	[[ $output == *' of them shared with the one before, 0 bytes copied.'* ]]
	grep -q 'bd-rsync.* = 0$' trace
	run ! grep -E '"[^"]*/rsync".* = 0$' trace
	for v in app idle cache scratch empty; do same_inodes "$one/$v/files" "$two/$v/files"; done
	[ "$(fingerprint "$one")" = "$fp" ]
	layout
	stamped "$two"
}

@test "what changed is copied, the past stays as it was" {
	d=$(volume_new bad) # the name is as good as any
	for n in 1 2 3; do echo "$n" >"$d/f$n"; done
	run_it
	one=$(newest)
	fp=$(fingerprint "$one")
	echo X >"$d/f1" && chmod 600 "$d/f2" && rm "$d/f3" && echo 4 >"$d/f4"
	run_it
	oracle "$d" "$(newest)/bad/files"
	exact "$d" "$(newest)/bad/files"
	[ "$(fingerprint "$one")" = "$fp" ]
	volume_rm bad
	run_it
	[ ! -e "$(newest)/bad" ]
	[ "$(jq -c '.volumes.bad' "$(newest)/manifest.json")" = null ]
}

@test "names ascend: thrice in a second, and after one of the future" {
	for _ in 1 2 3; do run_it -q; done
	[ "$(ls "$R" | wc -l)" = 3 ]
	mkdir "$R/20991231235959"
	run_it -q
	[ "$(newest)" = "$R/21000101000000" ]
	mkdir "$R/99999999999999"
	run -3 run_it -q
	[[ $output == *"no name is left above '99999999999999'"* ]]
	[[ $output == *'ERROR: no generation could be begun.'* ]]
}

@test "skipped volumes are named, and leave no trace" {
	run -0 run_it --volumes-no-backup-required scratch nonexistent --images-no-backup-required redis
	[[ $output == *$'Start backup routine for volume: cache\nSkipping volume \'cache\' entirely (all linked containers are ignored).\nStart backup'* ]]
	[[ $output == *$'Start backup routine for volume: scratch\nSkipping volume \'scratch\' entirely (declared no-backup).\n'* ]]
	[ "$(jq -c '.volumes | keys' "$(newest)/manifest.json")" = '["app","empty","idle"]' ]
	[ ! -e "$(newest)/cache" ]
	[ ! -e "$(newest)/scratch" ]
	layout
	# but not a volume that others use too
	IMAGE=web:1 container_run other -v cache:/c
	run_it --images-no-backup-required redis
	docker rm -f other
	[ -f "$(newest)/cache/files/f" ]
}

@test "every volume skipped, and no volumes at all: an empty, stamped generation" {
	run -0 run_it --volumes-no-backup-required app cache empty idle scratch
	[ "$(find "$(newest)" -mindepth 1 -printf '%P\n' | LC_ALL=C sort)" = $'directory_stemp.json\nmanifest.json' ]
	rm -rf "$B" "$S"
	fake_start
	fake_says /volumes <<<'{"Volumes": [], "Warnings": null}'
	fake_says '/containers/json?all=1' <<<'[]'
	run -0 run_it
	[[ $output != *WARNING* ]]
	[ "$(find "$(newest)" -mindepth 1 -printf '%P\n' | LC_ALL=C sort)" = $'directory_stemp.json\nmanifest.json' ]
	stamped "$(newest)"
	[ "$(jq -c '[.volumes, .failed]' "$(newest)/manifest.json")" = '[{},[]]' ]
	layout
	# there were some
	mkdir -p "$(newest)/v/files"
	run -0 run_it
	[[ $output == *'WARNING: Docker has no volume, and had some before: is its data where it was?'* ]]
}

@test "Docker down: 3, a line that names the socket, nothing begun" {
	for host in "unix://$PWD/none.sock" unix:///proc/none "unix://$PWD"; do
		DOCKER_HOST=$host run -3 --separate-stderr run_it
		[[ $stderr == *"${host#unix://}"* ]]
		[[ $stderr == *$'ERROR: the volumes could not be listed.' ]]
		untouched
		DOCKER_HOST=$host run -3 run_it -n
		untouched
	done
	rm -rf "$B"
	# or dead in the middle
	fake_start
	fake_says /volumes <<<'{"Volumes": [], "Warnings": null}'
	fake_says '/containers/json?all=1' '500 Oops' <<<'{"message": "no way"}'
	run -3 run_it
	echo "$output"
	[[ $output == *'no way'* ]]
	[[ $output == *'ERROR: the containers could not be listed.' ]]
	untouched
	fake_says /volumes <<<'{"Volumes": [], "Warnings": ["driver x: gone"]}'
	run -3 run_it
	untouched
}

@test "two runs at once: the second gives way" {
	run_it
	fp=$(fingerprint "$B")
	shims
	mkfifo in out
	shim bd-plan <<-E
		#!/bin/sh
		echo begun >"$PWD/out"
		read -r _ <"$PWD/in"
		exec bin/real-bd-plan "\$@"
	E
	bin/baudolo --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --only-files >one 2>&1 3>&- &
	first=$!
	read -r _ <out
	run -4 --separate-stderr run_it
	[ -z "$output" ]
	[ "$stderr" = "ERROR: another run holds the lock $S/lock." ]
	# of another repository, too: containers are the host's
	run -4 run_it --repo-name other
	run -4 baudolo --backups-dir "$PWD/b2" --state-dir "$S"
	[ ! -e b2 ]
	# looking is free
	sed -i 's/^read.*//; s/^echo.*//' bin/bd-plan
	run -0 run_it -n
	[ "$(fingerprint "$B")" = "$fp" ]
	echo go >in
	wait "$first"
	layout
	run -0 run_it
}

@test "dash, busybox sh, bash" {
	for shell in dash 'busybox sh' bash; do
		rm -rf "$B" "$S"
		for _ in 1 2; do
			run -0 --separate-stderr $shell "$BAUDOLO_BIN/baudolo" --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --only-files \
				--volumes-no-backup-required scratch '$(touch hit)' "it's" '*'
			[ -z "$stderr" ]
			[[ $output == *'Finished volume backups.' ]]
		done
		[[ $output == *' 0 bytes copied.'* ]]
		oracle "$(volume_path app)" "$(newest)/app/files"
		layout
		stamped "$(newest)"
		run -0 $shell "$BAUDOLO_BIN/baudolo" --backups-dir "$B" --state-dir "$S" --only-files -n
		run -2 $shell "$BAUDOLO_BIN/baudolo" --backups-dir "$B" --state-dir "$S" --nonsense
		DOCKER_HOST=unix:///none run -3 $shell "$BAUDOLO_BIN/baudolo" --backups-dir "$B" --state-dir "$S" --only-files
	done
	[ ! -e hit ]
}

@test "an output that cannot be written is no success, but no reason to have no backup" {
	run -1 sh -c 'baudolo --backups-dir "$1" --state-dir "$2" --images-no-stop-required web redis --only-files >/dev/full' - "$B" "$S"
	layout
	stamped "$(newest)"
	[ "$(failed)" = '[]' ]
	run -3 sh -c 'baudolo --version >/dev/full'
	run -3 sh -c 'baudolo --help >/dev/full'
	run ! sh -c 'baudolo --backups-dir "$1" --state-dir "$2" --only-files -n >/dev/full' - "$B" "$S"
	# a reader that goes away
	run sh -c 'baudolo --backups-dir "$1" --state-dir "$2" --images-no-stop-required web redis --only-files | true' - "$B" "$S"
	layout
	stamped "$(newest)"
}

@test "a state folder that cannot be written: nothing is begun" {
	: >file
	for S in file file/s /proc/none/s; do
		run -3 run_it
		[[ $output == *'ERROR: the state folder '*' cannot be made.'* ]]
		untouched
	done
	mkdir ro
	export -f run_it
	export B S=$PWD/ro
	run -3 in_mount_namespace 'mount -t tmpfs none ro; mkdir -p "ro/index$B/$(bd-machine-hash)/backup-docker-to-local"; mount -o remount,ro ro; run_it'
	[[ $output == *"ERROR: $S/lock cannot be written."* ]]
	untouched
	# full
	run -3 in_mount_namespace 'mount -t tmpfs -o nr_inodes=5,size=4k none ro; run_it'
	untouched
}

@test "a backups folder that cannot be written: nothing is published" {
	: >file
	for B in "$PWD/file" "$PWD/file/b" /proc/none; do
		run -3 run_it
		[[ $output == *"ERROR: no generation c"*" be"* ]]
	done
	mkdir ro
	export -f run_it
	export S B=$PWD/ro
	run -3 in_mount_namespace 'mount -t tmpfs none ro; mount -o remount,ro ro; run_it'
	[[ $output == *'Read-only file system'* ]]
	# full, after some volumes
	d=$(volume_new bad) && head -c 3000000 /dev/urandom >"$d/big" && ln "$d/big" "$d/../elsewhere" # the preflight counts a half
	run -1 in_mount_namespace 'mount -t tmpfs -o size=2m none ro; rc=0; run_it || rc=$?; cp -a ro/. kept; exit $rc'
	B=$PWD/kept R=$B/$H/backup-docker-to-local
	[[ $output == *"ERROR: volume 'bad' is not in this generation: "* ]]
	[[ $output =~ ', '([0-9]+)' bytes copied.' ]]
	[ "${BASH_REMATCH[1]}" -lt 3000000 ] # those of the others
	[ "$(failed)" = '["bad"]' ]
	[ ! -e "$(newest)/bad/files" ]
	oracle "$(volume_path app)" "$(newest)/app/files"
	layout
	stamped "$(newest)"
	# full from the beginning
	mkdir kept2
	B=$PWD/ro
	run -3 in_mount_namespace 'mount -t tmpfs -o nr_inodes=6 none ro; rc=0; run_it || rc=$?; cp -a ro/. kept2; exit $rc'
	[ -z "$(find kept2 -name '20*')" ]
}

@test "-n shows the plan and changes nothing" {
	mkdir tmp
	export TMPDIR=$PWD/tmp
	run -0 --separate-stderr run_it -n
	[ -z "$stderr" ]
	[ ! -e "$B" ]
	[ ! -e "$S" ]
	[ -z "$(ls -A tmp)" ]
	[[ $output == *'Start backup routine for volume: app'* ]]
	[[ $output == *"bd-link $(volume_path app) - $B/.baudolo/partial/"*'/app/files | rsync '* ]]
	run_it
	find . -printf '%p %s %m %U %T@ %C@ %i\n' | sort >before
	run -0 run_it --dry-run --volumes-no-backup-required scratch
	[[ $output == *"$(newest)/app/files"* ]]
	[[ $output != *scratch/files* ]]
	find . -printf '%p %s %m %U %T@ %C@ %i\n' | sort >after
	diff <(grep -vE '^(\.|\./(before|after|tmp)) ' before) <(grep -vE '^(\.|\./(before|after|tmp)) ' after)
	[ "$(docker ps -q | wc -l)" = 3 ]
}

@test "-q is quiet, but not about what went wrong; -v shows rsync" {
	run -0 run_it -q
	[ -z "$output" ]
	volume_new bad -o type=tmpfs -o device=tmpfs
	run -1 --separate-stderr run_it -q
	[ -z "$output" ]
	[[ $stderr == *"ERROR: volume 'bad' has a backing store of its own, and nothing has it mounted: it is not in this generation."* ]]
	run -1 --separate-stderr run_it -v --checksum
	[[ $stderr != *'+ rsync'* ]]
	rm -rf "$B"
	run -1 --separate-stderr run_it -v
	[[ $stderr == *'+ rsync -aHAXXS '* ]]
}

@test "a folder of the user's that is called run stays" {
	mkdir -p "$S/run" && echo mine >"$S/run/f"
	run -0 baudolo --backups-dir "$B" --state-dir "$S" --only-files
	[ "$(cat "$S/run/f")" = mine ]
	[ -z "$(find "$S" -maxdepth 1 -name '.baudolo-run')" ]
}

@test "wrong usage touches nothing" {
	while read -r args; do
		# shellcheck disable=SC2086 # several
		run -2 --separate-stderr baudolo --state-dir "$S" $args
		[ -z "$output" ]
		[ -n "$stderr" ]
		[ ! -e "$B" ]
		[ ! -e "$S" ]
	done <<-E

		--everything
		--dump-only-sql
		--backups-dir
		--backups-dir $B --nonsense
		--backups-dir $B operand
		--backups-dir $B --jobs x
		--backups-dir $B --jobs 0
		--backups-dir $B --jobs 65
		--backups-dir $B --jobs -1
		--backups-dir $B --repo-name ..
		--backups-dir $B --repo-name .
		--backups-dir $B --repo-name a/b
		--backups-dir $B --repo-name /
		--backups-dir $B --repo-name=
		--backups-dir $B --snapshot btrfs
		--backups-dir $B --state-dir $B/state
		--backups-dir $B --state-dir $B
		--backups-dir $B --only-files --only-sql
	E
}

@test "--repo-name: a repository of its own" {
	run_it
	fp=$(fingerprint "$R")
	for name in other $'tab\tnew\nline' -r "it's \$x"; do
		run -0 run_it "--repo-name=$name"
		g=("$B/$H/$name"/*)
		[ "${#g[@]}" = 1 ]
		[[ ${g[0]##*/} =~ ^[0-9]{14}$ ]]
		oracle "$(volume_path app)" "${g[0]}/app/files"
	done
	[ "$(fingerprint "$R")" = "$fp" ]
	layout
}

@test "backups folders with hostile names, and relative ones" {
	for B in $'tab\tnew\nline' "it's \$x *" './x//y/'; do
		S="state of $B"
		run -0 run_it
		[ -d "$B/$H/backup-docker-to-local" ]
	done
	R=$B/$H/backup-docker-to-local
	oracle "$(volume_path app)" "$(newest)/app/files"
}

@test "databases.csv: a missing one and an empty one are warnings" {
	run -0 --separate-stderr baudolo --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --databases-csv none
	[ "$stderr" = 'WARNING: databases.csv not found: none. Continuing without database dumps.' ]
	: >csv
	run -0 --separate-stderr baudolo --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --databases-csv csv
	[ "$stderr" = 'WARNING: databases.csv exists but is empty: csv. Continuing without database dumps.' ]
	run -0 --separate-stderr run_it --databases-csv none
	[ -z "$stderr" ]
}

# The volume bad failed, and nothing else did.
one_failed() {
	local v
	[ "$(failed)" = "[\"${1:-bad}\"]" ]
	[ "$(jq -c ".volumes[\"${1:-bad}\"]" "$(newest)/manifest.json")" = '{"database":false,"dumped":false,"engine":null}' ]
	[ ! -e "$(newest)/${1:-bad}/files" ]
	for v in app idle cache scratch empty; do oracle "$(volume_path "$v")" "$(newest)/$v/files"; done
	layout
	stamped "$(newest)"
}

@test "one bad volume: a backing store of its own that nothing has mounted" {
	volume_new bad -o type=tmpfs -o device=tmpfs
	run -1 --separate-stderr run_it
	[[ $stderr == *"ERROR: volume 'bad' has a backing store of its own, and nothing has it mounted: it is not in this generation."* ]]
	[[ $output == *'Finished volume backups.' ]]
	one_failed
	# mounted, it is copied
	IMAGE=web:1 container_run user -v bad:/b
	docker exec user sh -c 'echo in >/b/f'
	run_it -q
	[ "$(cat "$(newest)/bad/files/f")" = in ]
	docker rm -f user
}

@test "one bad volume: a path too long" {
	d=$(volume_new bad)
	echo fine >"$d/before"
	(cd "$d" && for _ in {1..17}; do mkdir "$(printf '%0250d' 0)" && cd "$(printf '%0250d' 0)" || exit; done && echo deep >f)
	run -1 --separate-stderr run_it
	[[ $stderr == *"ERROR: volume 'bad' is not in this generation: "*"File name too long"* ]]
	one_failed
	volume_rm bad || (cd "$d" && rm -rf ./*)
}

@test "half a copy that cannot be removed is not published" {
	run_it -q
	one=$(newest)
	d=$(volume_new bad)
	(cd "$d" && for _ in {1..17}; do mkdir "$(printf '%0250d' 0)" && cd "$(printf '%0250d' 0)" || exit; done && echo deep >f)
	shims
	cat >bin/rm <<-'E'
		#!/bin/sh
		case $* in */files) exit 1 ;; esac
		exec /bin/rm "$@"
	E
	chmod +x bin/rm
	run -3 --separate-stderr bin/baudolo --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --only-files
	[[ $stderr == *'bad: its half copy could not be removed'* ]]
	[ "$(newest)" = "$one" ]
	run -1 run_it
	one_failed
}

@test "one bad volume: it vanishes between listing and copying" {
	d=$(volume_new bad) && echo x >"$d/f"
	run_it -q # and has been there before
	shims
	shim bd-plan <<-'E'
		#!/bin/sh
		docker volume rm -f bad >/dev/null
		exec real-bd-plan "$@"
	E
	run -1 --separate-stderr bin/baudolo --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --only-files
	[[ $stderr == *"ERROR: volume 'bad' is not in this generation: "*"No such file or directory"* ]]
	one_failed
}

@test "one bad volume: a name that a generation needs for itself" {
	for name in manifest.json directory_stemp.json; do
		d=$(volume_new "$name") && echo x >"$d/f"
		run -1 --separate-stderr run_it
		[[ $stderr == *"ERROR: volume '$name' is not in this generation: "* ]]
		one_failed "$name"
		volume_rm "$name"
	done
}

@test "one bad volume: the backups lie in it" {
	d=$(volume_new bad) && echo x >"$d/f"
	B=$d/deep/b R=$B/$H/backup-docker-to-local
	run -1 --separate-stderr timeout 60 "$BAUDOLO_BIN/baudolo" --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --only-files
	[[ $stderr == *"ERROR: volume 'bad' is not in this generation: "* ]]
	one_failed
	[ "$(find "$B" -path '*/files/*/files' | wc -l)" = 0 ]
}

@test "no room: nothing is stopped, nothing begun" {
	B=$(loop_fs ext4 8M)/b R=$B/$H/backup-docker-to-local
	d=$(volume_new bad) && head -c 20M /dev/urandom >"$d/f"
	container_run writer -v bad:/data
	started=$(docker inspect -f '{{.State.StartedAt}}' writer)
	run -3 --separate-stderr run_it
	[[ $stderr == *"the volumes that are new need 2"[0-9]" MiB "*"ERROR: there is not enough room in $B; nothing was stopped." ]]
	[ "$started" = "$(docker inspect -f '{{.State.StartedAt}}' writer)" ]
	untouched
	docker rm -f writer >/dev/null
}

@test "containers are not stopped for a volume that holds the backups" {
	d=$(volume_new bad)
	container_run writer -v bad:/data
	started=$(docker inspect -f '{{.State.StartedAt}}' writer)
	B=$d/b R=$B/$H/backup-docker-to-local
	run -1 --separate-stderr run_it
	[[ $stderr == *"ERROR: volume 'bad' is not in this generation: the backups folder lies in it."* ]]
	[ "$started" = "$(docker inspect -f '{{.State.StartedAt}}' writer)" ]
	one_failed
	docker rm -f writer >/dev/null
}

@test "a file that comes and goes meanwhile is no failure" {
	d=$(volume_new bad)
	mkdir "$d/d"
	for n in {1..200}; do echo "$n" >"$d/d/$n"; done
	(exec 3>&-; while :; do mv "$d/d" "$d/e"; mv "$d/e" "$d/d"; : >"$d/x"; rm "$d/x"; done 2>/dev/null) &
	churn=$!
	rc=0
	for _ in 1 2 3; do run_it >>said 2>&1 || rc=$?; done
	kill "$churn"
	wait "$churn" || :
	cat said
	[ "$rc" -le 1 ]
	layout
	stamped "$(newest)"
}

@test "a broken index, or a wrong one, is no base" {
	settled
	run_it() { LD_PRELOAD=$BD_PRELOAD baudolo --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --only-files "$@"; }
	d=$(volume_new bad)
	echo old >"$d/f" && touch -d 2020-01-01 "$d/f"
	run_it -q
	[ -n "$(find "$S/index" -name 'bad.*')" ]
	for how in ': >' 'echo garbage >' 'cp index.of.app' 'truncate -s -10' 'rm -f' 'sed -i s/[0-9]$/x/' "printf 'baudolo-index\t1\t-\t-\n' >"; do
		for f in $(find "$S/index" -name 'bad.*'); do
			[ "$how" != 'cp index.of.app' ] || { cat "${f%/*}"/app.* >"$f"; continue; }
			eval "$how \"\$f\""
		done
		printf %s "${how:0:3}" | dd of="$d/f" conv=notrunc bs=1 status=none && touch -d 2020-01-01 "$d/f"
		run -0 run_it -q
		oracle "$d" "$(newest)/bad/files"
		oracle "$(volume_path app)" "$(newest)/app/files"
	done
	rm -rf "$S/index" && : >"$S/index"
	run -3 run_it -q
	[[ $output == *'the state folder '*' cannot be made.'* ]]
}

# without PROGRAM COMMAND...: where there is none
without() {
	rm -rf up work && mkdir up work
	unshare -m --propagation private sh -euc '
		mount -t overlay -o "lowerdir=/usr/bin,upperdir=$PWD/up,workdir=$PWD/work" none /usr/bin
		rm "/usr/bin/$1"
		shift
		exec "$@"
	' - "$@"
}

@test "a run with another state folder takes nothing away from this one" {
	local p
	shims
	for p in bd-rsync bd-digest bd-stamp bd-publish; do
		shim "$p" <<-E
			#!/bin/sh
			dead=\$(bd-partial -- "$B" "$H" dead) && "$BAUDOLO_BIN/baudolo" --recover --backups-dir "$B" --state-dir "$PWD/other" &&
				[ ! -e "\$dead" ] && echo "$p" >>"$PWD/seen"
			exec "$PWD/bin/real-$p" "\$@"
		E
	done
	bin/baudolo --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --only-files
	[ "$(cat seen)" = $'bd-rsync\nbd-digest\nbd-stamp\nbd-publish' ]
	layout
	stamped "$(newest)"
	[ "$(failed)" = '[]' ]
}

@test "what asks for write errors was open before the first byte" {
	local p
	cp -a "$BAUDOLO_BIN" bin
	mkdir bin/real
	for p in bd-rsync bd-digest bd-stamp bd-publish; do
		mv "bin/$p" bin/real/
		cat >"bin/$p" <<-X
			#!/bin/sh
			echo "$p \$*; \$(readlink /proc/self/fd/8); \$(ls -A /proc/self/fd/8 | wc -l)" >>"$PWD/seen"
			exec "$PWD/bin/real/$p" "\$@"
		X
		chmod +x "bin/$p"
	done
	PATH=$PWD/bin:$PATH bin/baudolo --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --only-files
	cat seen
	partial=$B/.baudolo/partial/$H.backup-docker-to-local.$(basename "$(newest)")
	# empty, and open, when the first of them begins; the same is handed to bd-publish
	[[ $(head -n 1 seen) == "bd-rsync "*"; $partial; 0" ]]
	[[ $(tail -n 1 seen) == "bd-publish "*"-f 8 "*"; $partial; "[1-9]* ]]
}

@test "without rsync, jq or flock: a clear line, and no generation" {
	for p in rsync jq flock; do
		rm -rf "$B" "$S"
		run -3 --separate-stderr without "$p" "$BAUDOLO_BIN/baudolo" --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --only-files
		echo "$stderr"
		[[ $stderr == *"$p"* ]]
		[[ $stderr == *ERROR:* ]]
		[ -z "$(find "$B" -name '20*' 2>/dev/null)" ]
	done
}

@test "a record whose last byte cannot be read is not the end of the records" {
	local read
	run_it >/dev/null
	strace -f -qq -o trace -P "$S/.baudolo-run/digests" -e trace=read baudolo --backups-dir "$B" --state-dir "$S" --only-files >/dev/null
	read=$(grep -c 'read([0-9]*, "..*", 1) *= 1' trace) # a byte at a time: that is sh
	[ "$read" -gt 20 ]
	run -3 strace -f -qq -o trace -P "$S/.baudolo-run/digests" -e trace=read -e "inject=read:error=EIO:when=$read" \
		baudolo --backups-dir "$B" --state-dir "$S" --only-files
	grep -q INJECTED trace
	[[ $output == *'ERROR: records could not be read to their end.'* ]]
}

@test "from cron: with next to nothing in the environment, and stdin closed" {
	run -0 env -i PATH=/usr/bin:/bin ASAN_OPTIONS="$ASAN_OPTIONS" DOCKER_HOST="$DOCKER_HOST" "$BAUDOLO_BIN/baudolo" --backups-dir "$B" --state-dir "$S" --images-no-stop-required web redis --only-files <&-
	oracle "$(volume_path app)" "$(newest)/app/files"
	RSYNC_OPTIONS=--delete RSYNC_RSH=false TZ=nowhere IFS=0 CDPATH=/ POSIXLY_CORRECT=1 run -0 run_it
	oracle "$(volume_path app)" "$(newest)/app/files"
	layout
}

@test "under a umask of 077 the upper levels are for all, the generation is for root" {
	(umask 077 && run_it -q)
	[ "$(stat -c %a "$B" "$B/.baudolo" "$B/.baudolo/partial" "$B/$H" "$R" "$(newest)")" = $'755\n755\n755\n755\n755\n700' ]
	oracle "$(volume_path app)" "$(newest)/app/files"
	chmod 700 "$B" && chmod 775 "$B/$H" && chown 12:34 "$B/$H" "$R"
	run_it -q
	[ "$(stat -c %a:%u:%g "$B" "$B/$H" "$R")" = $'700:0:0\n775:12:34\n755:12:34' ]
}

@test "what a dead run left is removed; what another repository or host has is not" {
	mkdir -p "$B/.baudolo/partial/$H.backup-docker-to-local.20200101000000/v/files" "$B/.baudolo/partial/$H.other.20200101000000" \
		"$B/.baudolo/partial/$(printf '%064d' 1).r.20200101000000/v"
	run_it -q
	[ "$(ls -A "$B/.baudolo/partial")" = "$(printf '%064d' 1).r.20200101000000" ]
}

@test "500 volumes cost as few requests and processes as 5" {
	fake_start
	fake_says '/containers/json?all=1' <<<'[]'
	mkdir -p v/many{1..500}/files
	for i in {1..500}; do echo "$i" >"v/many$i/files/f"; done
	mkdir -p "$R" && cp -a v "$R/20200101000000" # as the original would have left it: no manifest, no index
	for n in 5 500; do
		for ((i = 1; i <= n; i++)); do printf '%s\t%s\n' "many$i" "$PWD/v/many$i/files"; done |
			jq -Rn '{Volumes: [inputs | split("\t") | {Name: .[0], Driver: "local", Mountpoint: .[1], CreatedAt: "2026-01-01T00:00:00Z"}], Warnings: null}' |
			fake_says /volumes
		: >"$FAKE/asked"
		rm -f trace.*
		strace -ff -qq -o trace -e trace=execve "$BAUDOLO_BIN/baudolo" --backups-dir "$B" --state-dir "$S" --only-files -q
		fake_asked >"asked.$n"
		sed -n 's/.*execve("\([^"]*\)".* = 0$/\1/p' trace.* | sort >"run.$n"
		[ "$(jq '.volumes | length' "$(newest)/manifest.json")" = "$n" ]
	done
	diff asked.5 asked.500
	diff run.5 run.500
	[ "$(wc -l <asked.5)" -gt 0 ]
	echo "# $(wc -l <asked.500) requests, $(wc -l <run.500) programs" >&3
}
