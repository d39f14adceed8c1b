#!/usr/bin/env bats
# bd-restore-files

load engine
load fake
load tree

setup_file() {
	engine_start
	export TREE_SPARSE=64M
	export GOOD=$(engine_data)/restore-files.$$
	mkdir "$GOOD" "$GOOD/hard" "$GOOD/small"
	tree_make "$GOOD/hard"
	tree_done "$GOOD/hard"
	find "$GOOD/hard" ! -type f ! -type d ! -type l -delete
	small "$GOOD/small"
}

teardown_file() {
	engine_clean
	loop_clean
	rm -rf "$GOOD"
}

setup() { cd "$BATS_TEST_TMPDIR"; }

teardown() {
	engine_clean
	[ -z "${BD_SWAP-}" ] || swap_stop
	fake_stop
}

small() {
	(
		cd "$1" && mkdir -p dir/sub && echo one >dir/one && echo two >dir/sub/two && ln dir/one three && ln -s /etc/passwd link &&
			touch -d '2020-01-01 00:00:00.123456789' dir/one dir/sub/two && chmod 0700 dir && chown 12:34 dir/sub/two
	)
}

# VOLUME, filled with the small tree; prints where it lies.
small_volume() {
	local at
	at=$(volume_new "$1") && small "$at" && printf '%s\n' "$at"
}

# Runs bd-restore-files in the background; its pid is $RESTORE.
start_restore() {
	bd-restore-files "$@" </dev/null >out 2>err 3>&- &
	RESTORE=$!
}

ended() {
	local status=0
	wait "$RESTORE" || status=$?
	[ "$status" = "$1" ] || { echo "status $status"; cat err; return 1; }
}

untouched() { [ "$(fingerprint "$GOOD")" = "$before" ]; }

@test "into a new volume, with all there is to a tree" {
	before=$(fingerprint "$GOOD")
	docker volume rm -f br-new >/dev/null
	run -0 bd-restore-files br-new "$GOOD/hard"
	docker volume inspect br-new >/dev/null
	at=$(volume_path br-new)
	oracle "$GOOD/hard" "$at"
	volume_rm br-new
	[ "$output" = $'Volume br-new does not exist. Creating...\nFile restore complete.' ]
	untouched
}

@test "over a volume where everything has changed" {
	before=$(fingerprint "$GOOD")
	at=$(volume_new br-vol)
	run -0 bd-restore-files br-vol "$GOOD/hard"
	[ "$output" = $'Volume br-vol already exists.\nFile restore complete.' ]
	tree_change "$at"
	run -1 oracle "$GOOD/hard" "$at"
	run -0 bd-restore-files br-vol "$GOOD/hard"
	oracle "$GOOD/hard" "$at"
	# what is right is left alone
	inodes "$at" >inodes
	run -0 bd-restore-files br-vol "$GOOD/hard"
	inodes "$at" | diff inodes -
	untouched
}

@test "equal size and time prove nothing" {
	at=$(small_volume br-vol)
	printf ONE | dd of="$at/dir/one" conv=notrunc status=none
	touch -r "$GOOD/small/dir/one" "$at/dir/one"
	run -0 bd-restore-files br-vol "$GOOD/small"
	[ "$(cat "$at/dir/one")" = one ]
	oracle "$GOOD/small" "$at"
}

@test "what is not in the backup is removed" {
	at=$(small_volume br-vol)
	mkdir -p "$at/more/and/more" "$at/dir/empty"
	: >"$at/more/and/more/x"
	mkfifo "$at/fifo"
	mknod "$at/device" c 1 3
	ln -s / "$at/root"
	: >"$at/"$'new\nline'
	rm "$at/three" "$at/dir/one"
	mkdir "$at/three" && : >"$at/three/x"
	rm -r "$at/dir/sub" && : >"$at/dir/sub"
	run -0 bd-restore-files br-vol "$GOOD/small"
	oracle "$GOOD/small" "$at"
}

@test "one restore into a volume at a time" {
	local m
	m=$(volume_new rf-once)
	echo mine >"$m/f"
	run -1 flock "$m" bd-restore-files rf-once "$GOOD/small"
	[[ $output == *'is being restored by another process; nothing was changed'* ]]
	[ "$(cat "$m/f")" = mine ]
	run -0 bd-restore-files rf-once "$GOOD/small"
}

@test "what no backup holds is named when it goes" {
	local m
	m=$(volume_new rf-special)
	mkfifo "$m/"$'a\nfifo'
	run -0 bd-restore-files rf-special "$GOOD/small"
	[[ $output == *'WARNING: volume rf-special: a\nfifo is a socket, FIFO or device'* ]]
}

@test "an empty tree empties the volume" {
	at=$(small_volume br-vol)
	mkdir none
	run -0 bd-restore-files br-vol none
	[ -z "$(ls -A "$at")" ]
	oracle none "$at"
}

@test "names that are one file where the backup has two" {
	before=$(fingerprint "$GOOD")
	mkdir two
	echo same >two/x && cp -p two/x two/y && cp -p two/x two/z && ln two/z two/z2 && ln -s t two/s && cp -a two/s two/s2
	at=$(volume_new br-vol)
	echo same >"$at/x" && for n in y z z2; do ln "$at/x" "$at/$n"; done && ln -s t "$at/s" && ln "$at/s" "$at/s2"
	touch -r two/x "$at/x"
	run -0 bd-restore-files br-vol two
	oracle two "$at"
	# a volume made of the backup's own inodes
	rm "$at"/*
	cp -al "$GOOD/small/." "$at/"
	run -0 bd-restore-files br-vol "$GOOD/small"
	oracle "$GOOD/small" "$at"
	[ -z "$(comm -12 <(inodes "$at" | cut -f 2 | sort) <(inodes "$GOOD/small" | cut -f 2 | sort))" ]
	echo changed >"$at/dir/one"
	untouched
}

@test "no tree: exit 2, and no volume is made" {
	: >file
	ln -s "$GOOD/small" link
	for f in none file link link/ none/files ''; do
		run -2 bd-restore-files br-none "$f"
		[ "$output" = "ERROR: backup files dir not found: $f" ]
	done
	run -1 docker volume inspect br-none
	# a folder with slashes behind it is one
	run -0 bd-restore-files br-vol "$GOOD/small///"
	volume_rm br-vol
}

@test "a name that is none" {
	for v in '' . .. ../x a/b /; do
		run -2 bd-restore-files "$v" "$GOOD/small"
		[ "$output" = "ERROR: VOLUME must be a name, not a path: '$v'" ]
	done
	run -3 bd-restore-files $'no\nvolume' "$GOOD/small"
	[[ ${lines[-1]} == *'could not be created' ]]
}

@test "a backing store of its own" {
	mkdir bound
	at=$(volume_new br-tmp -o type=tmpfs -o device=tmpfs)
	bound=$(volume_new br-bound -o type=none -o o=bind -o device="$PWD/bound")
	for v in br-tmp br-bound; do
		for l in '' -l -n; do
			run -2 --separate-stderr bd-restore-files $l $v "$GOOD/small"
			[ "$output" = "Volume $v already exists." ]
			[[ $stderr == "ERROR: volume $v has a backing store of its own, and nothing has it mounted: "* ]]
		done
	done
	[ -z "$(ls -A "$at" "$bound" bound | grep -v :)" ]
	# mounted by a container that is there for nothing else
	container_run br-user -v br-tmp:/t -v br-bound:/b
	run -0 bd-restore-files -l br-bound "$GOOD/small"
	oracle "$GOOD/small" bound
	run -0 bd-restore-files -l br-tmp "$GOOD/small"
	[ "$(docker exec br-user cat /t/dir/one)" = one ]
	docker rm -f br-user >/dev/null
	[ -z "$(ls -A "$at" "$bound" | grep -v :)" ]
}

@test "another driver's volume" {
	fake_start
	mkdir files
	fake_says /volumes/vol <<<"{\"Name\": \"vol\", \"Driver\": \"nfs\", \"Mountpoint\": \"$PWD/files\"}"
	fake_says /containers/json <<<'[]'
	run -2 --separate-stderr bd-restore-files vol "$GOOD/small"
	[[ $stderr == *'has a backing store of its own'* ]]
	fake_says /containers/json <<-'E'
		[{"Id": "1", "Names": ["/web/alias", "/web"], "Mounts": [{"Type": "volume", "Name": "vol"}]},
		 {"Id": "2", "Names": ["/bind"], "Mounts": [{"Type": "bind", "Name": "vol"}]},
		 {"Id": "3", "Names": ["/other"], "Mounts": [{"Type": "volume", "Name": "volume"}]}]
	E
	run -1 --separate-stderr bd-restore-files vol "$GOOD/small"
	[[ $stderr == 'ERROR: volume vol is in use by running containers: web; nothing was changed.'* ]]
	run -0 bd-restore-files -l vol "$GOOD/small"
	oracle "$GOOD/small" files
}

@test "in use: refused, unless -l" {
	at=$(small_volume br-vol)
	rm "$at/dir/one"
	is=$(fingerprint "$at")
	container_run br-b -v br-vol:/x:ro
	container_run br-a -v br-vol:/x -v br-vol:/y
	docker pause br-b >/dev/null
	docker create --name br-c --label "bd-test=$(bd_file)" -v br-vol:/x bd-test/busybox >/dev/null
	for n in '' -n; do
		run -1 --separate-stderr bd-restore-files $n br-vol "$GOOD/small"
		[ "$stderr" = "ERROR: volume br-vol is in use by running containers: br-a br-b; nothing was changed. $(
			)--stop stops and starts them around the restore, --live restores under them" ]
	done
	[ "$(fingerprint "$at")" = "$is" ]
	run -0 --separate-stderr bd-restore-files -l br-vol "$GOOD/small"
	[ "$stderr" = 'WARNING: restoring volume br-vol under running containers: br-a br-b' ]
	oracle "$GOOD/small" "$at"
	docker unpause br-b >/dev/null
}

@test "a volume and a backup within each other" {
	at=$(small_volume br-vol)
	mkdir "$at/backup"
	small "$at/backup"
	is=$(fingerprint "$at")
	for f in "$at" "$at/backup" "$at/backup/dir" "${at%/*}" "${at%/*/*}" /; do
		run -2 --separate-stderr bd-restore-files br-vol "$f"
		[ "$stderr" = 'ERROR: volume br-vol and the backup lie within each other; nothing was changed' ]
	done
	[ "$(fingerprint "$at")" = "$is" ]
}

@test "the backup is on another file system, and cannot be written" {
	fs=$(loop_fs ext4 64M)
	small "$fs"
	rm -rf "$fs/lost+found"
	mount -o remount,ro "$fs"
	run -0 bd-restore-files br-vol "$fs"
	at=$(volume_path br-vol)
	oracle "$fs" "$at"
	volume_rm br-vol
}

@test "no space, and no right to write: fails, and says what is the matter; a later run mends it" {
	fs=$(loop_fs ext4 16M)
	rm -r "$fs/lost+found"
	mkdir big
	small big
	head -c 20M /dev/urandom >big/too-big
	echo old >"$fs/old"
	volume_new br-full -o type=none -o o=bind -o device="$fs" >/dev/null
	container_run br-user -v br-full:/x
	before=$(fingerprint big)
	run -1 bd-restore-files -l br-full big
	[[ $output == *'No space left on device'* ]]
	[[ ${lines[-1]} == 'ERROR: volume br-full is restored in part: rsync ended with status '*'; mend what it named and run the same again' ]]
	[ "$(cat "$fs/old")" = old ]
	run -0 bd-restore-files -l br-full "$GOOD/small"
	oracle "$GOOD/small" "$fs"
	mount -o remount,ro "$(volume_path br-full)" || mount -o remount,ro "$fs"
	run -1 bd-restore-files -l br-full big
	[[ $output == *'Read-only file system'* ]]
	[[ ${lines[-1]} == 'ERROR: volume br-full is restored in part: '* ]]
	oracle "$GOOD/small" "$fs"
	[ "$(fingerprint big)" = "$before" ]
}

# Below DIR, a path of more than PATH_MAX bytes.
too_deep() {
	(
		cd "$1"
		name=$(printf '%0250d' 0)
		for _ in {1..17}; do mkdir "$name" && cd "$name" || exit; done
		echo deep >file
	)
}

@test "what could not be written is found out in the end" {
	small_volume unsynced
	run -1 strace -f -qq -o trace -e trace=execve,rename,renameat,renameat2,syncfs -e inject=syncfs:error=EIO bd-restore-files unsynced "$GOOD/small"
	[[ $output == *'volume unsynced was restored, but not all of it could be written: Input/output error'* ]]
	[[ $output != *complete* ]]
	grep -q 'execve(.*rsync' trace
	[[ $(tail -n 1 trace) == *' syncfs('* ]] # nothing is written behind it
}

@test "paths that are too long for rsync: fails, and nothing is removed" {
	mkdir deep
	small deep
	too_deep deep
	at=$(volume_new br-vol)
	echo old >"$at/old"
	run -1 bd-restore-files br-vol deep
	[[ ${lines[-1]} == 'ERROR: volume br-vol is restored in part: '* ]]
	[ "$(cat "$at/old" "$at/dir/one")" = $'old\none' ]
	# in the volume: removed only if rsync can
	rm -rf "$at/"*
	too_deep "$at"
	run bd-restore-files br-vol "$GOOD/small"
	[ "$status" = 1 ] || oracle "$GOOD/small" "$at"
}

nobody_restores() { ! pgrep -f "^rsync .*--delete-after /s/ /d/$" >/dev/null; }

@test "a signal: rsync has ended, and it is said; so it is after SIGKILL" {
	at=$(volume_new br-vol)
	mkdir many
	for n in {1..2000}; do echo "$n" >"many/$n"; done
	head -c 200M /dev/zero | tr '\0' x >many/zzz
	for sig in HUP:129 INT:130 TERM:143 KILL:137; do
		rm -rf "$at"/*
		start_restore br-vol many
		wait_for [ -e "$at/1000" ]
		kill -s "${sig%:*}" "$RESTORE"
		ended "${sig#*:}"
		[ $sig = KILL:137 ] || [[ $(cat err) == *"ERROR: ended by signal "*": volume br-vol is restored in part, nothing writes to it any more; run the same again" ]]
		wait_for nobody_restores
	done
	run -0 bd-restore-files br-vol many
	oracle many "$at"
}

@test "a folder swapped for a symlink to / while it restores: nothing outside is touched" {
	at=$(volume_new br-vol)
	container_run br-user -v br-vol:/x
	# what the swapped folder holds in the backup stands outside, too, with another content
	mkdir outside good good/dir
	for n in {1..50}; do echo good >"good/dir/$n"; done
	ln -s "$PWD/outside" good/swap
	for n in {1..40} only-here; do echo outside >"outside/$n"; done
	is=$(fingerprint outside)
	mkdir "$at/dir"
	ln -s "$PWD/outside" "$at/swap"
	root=$(ls -A /)
	swap_start "$at/dir" "$at/swap"
	turns=30
	[ "${BAUDOLO_TEST_LONG-}" != 1 ] || turns=1000
	for ((i = 0; i < turns; i++)); do
		bd-restore-files -l br-vol good >/dev/null 2>err || [ $? = 1 ]
		[ "$(fingerprint outside)" = "$is" ]
		# it ends when rsync takes one of the names away
		kill -0 "$BD_SWAP" 2>/dev/null || {
			wait "$BD_SWAP" || :
			rm -rf "$at/swap" "$at/dir"
			mkdir "$at/dir"
			ln -s "$PWD/outside" "$at/swap"
			swap_start "$at/dir" "$at/swap"
		}
	done
	swap_stop || :
	BD_SWAP=
	[ "$(ls -A /)" = "$root" ]
	run -0 bd-restore-files -l br-vol good
	oracle good "$at"
}

@test "-n changes nothing" {
	at=$(small_volume br-vol)
	: >"$at/more"
	is=$(fingerprint "$at")
	run -0 bd-restore-files -n br-vol "$GOOD/small"
	[[ $output == "Volume br-vol already exists."$'\n'"rsync -aHAXXS "*" --checksum --delete-after $GOOD/small/ $at/" ]]
	[ "$(fingerprint "$at")" = "$is" ]
	mkdir "a 'b'"
	run -0 bd-restore-files -n br-none "a 'b'"
	[ "${lines[0]}" = 'Volume br-none does not exist. Creating...' ]
	[[ ${lines[1]} == "rsync "*" 'a '\\''b'\\''/' MOUNTPOINT/" ]]
	[ "${#lines[@]}" = 2 ]
	run -1 docker volume inspect br-none
}

@test "-v tells" {
	at=$(volume_new br-vol)
	run -0 --separate-stderr bd-restore-files -v br-vol "$GOOD/small"
	[ "$output" = $'Volume br-vol already exists.\nFile restore complete.' ]
	[[ $stderr == "+ rsync -aHAXXS "*" --checksum --delete-after $GOOD/small/ $at/" ]]
}

@test "Docker or rsync fails: said, and nothing is changed" {
	at=$(small_volume br-vol)
	: >"$at/more"
	is=$(fingerprint "$at")
	DOCKER_HOST=unix://$PWD/none run -3 bd-restore-files br-vol "$GOOD/small"
	[ "$output" = "bd-restore-files: $PWD/none: No such file or directory
ERROR: volume br-vol: Docker does not answer; nothing was changed" ]
	# no right to mount
	run -3 setpriv --bounding-set -sys_admin --inh-caps -sys_admin bd-restore-files br-vol "$GOOD/small"
	[ "${lines[-1]}" = 'ERROR: volume br-vol: rsync could not be run; no file in the volume was changed' ]
	[ "$(fingerprint "$at")" = "$is" ]
	fake_start
	fake_says /volumes/br-vol '500 Oops' <<<'{"message": "oops"}'
	run -3 bd-restore-files br-vol "$GOOD/small"
	[ "${lines[-1]}" = 'ERROR: volume br-vol: Docker failed; nothing was changed' ]
	fake_says /volumes/br-vol <<<"{\"Name\": \"br-vol\", \"Driver\": \"local\", \"Mountpoint\": \"$at\"}"
	for answer in '{' '[{}' '"x"' ''; do
		fake_says /containers/json <<<"$answer"
		run -3 bd-restore-files br-vol "$GOOD/small"
		[ "${lines[-1]}" = 'ERROR: volume br-vol: its users cannot be told; nothing was changed' ]
	done
	[ "$(fingerprint "$at")" = "$is" ]
}

@test "wrong usage, the version, a full disk" {
	for args in '' vol 'vol files more' '-z vol files'; do
		# shellcheck disable=SC2086 # words
		run -2 bd-restore-files $args
		[[ $output == *usage:* ]]
	done
	run -0 bd-restore-files -V
	[ "$output" = "bd-restore-files $(cat "$BD_ROOT/VERSION")" ]
	run -3 sh -c 'bd-restore-files br-vol "$1" >/dev/full' - "$GOOD/small"
	[ "$output" = 'bd-restore-files: stdout: No space left on device' ]
	volume_rm br-vol
}

@test "the examples of the page" {
	volume_new web_data >/dev/null
	small "$(volume_path web_data)"
	run -0 examples bd-restore-files.1
	oracle "$(volume_path web_data)" "$(volume_path web_copy)"
	volume_rm web_copy
}
