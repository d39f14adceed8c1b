#!/usr/bin/env bats
# baudolo-restore

load engine
load fake
load tree

setup_file() { engine_start; }
teardown_file() { engine_clean; }

setup() {
	cd "$BATS_TEST_TMPDIR"
	hash=$(bd-machine-hash)
	repo=$PWD/root/$hash/backup-docker-to-local
	generation 20260101000000 old
	generation 20260202020202 new
}

teardown() {
	engine_clean
	fake_stop
}

# NAME CONTENT: a generation that holds the volumes vol-a, and vol-b whose copy failed
generation() {
	local g=$repo/$1
	mkdir -p "$g/vol-a/files/dir" "$g/vol-b/sql"
	echo "$2" >"$g/vol-a/files/dir/file"
	ln "$g/vol-a/files/dir/file" "$g/vol-a/files/link"
	touch -d '2020-01-01 00:00:00' "$g/vol-a/files/dir/file"
	bd-digest "$repo" "$g" >/dev/null
	printf 'vol-a\tok\tno\tno\t-\nvol-b\tfailed\tno\tno\t-\n' | bd-stamp "$g"
	chmod 700 "$g"
}

restore() { baudolo-restore files "$@" --backups-dir root; }
content() { cat "$(volume_path "$1")/dir/file"; }
started() { docker inspect -f '{{.State.StartedAt}} {{.State.Running}}' "$@"; }

@test "into the same, another and a new volume" {
	before=$(fingerprint root)
	volume_new vol-a >/dev/null
	run -0 --separate-stderr restore vol-a "$hash" 20260101000000
	[ "$output" = $'Volume vol-a already exists.\nFile restore complete.' ]
	[ -z "$stderr" ]
	oracle "$repo/20260101000000/vol-a/files" "$(volume_path vol-a)"
	volume_new other >/dev/null
	run -0 restore other "$hash" 20260202020202 --source-volume vol-a
	[ "$(content other)" = new ]
	run -0 restore br-new "$hash" 20260202020202 --source-volume=vol-a
	[ "$output" = $'Volume br-new does not exist. Creating...\nFile restore complete.' ]
	oracle "$repo/20260202020202/vol-a/files" "$(volume_path br-new)"
	volume_rm br-new
	[ "$(fingerprint root)" = "$before" ]
}

@test "- is this host, latest the newest generation" {
	mkdir "$repo/9" "$repo/202602020202021" "$repo/x0260202020202" "$repo/.20260303030303"
	: >"$repo/20990101000000"
	volume_new vol-a >/dev/null
	run -0 restore vol-a - latest
	[ "$(content vol-a)" = new ]
	run -0 restore vol-a - 20260101000000
	[ "$(content vol-a)" = old ]
	rm -r "$repo"/2*
	run -2 --separate-stderr restore vol-a - latest
	[ "$stderr" = "ERROR: no generation in $repo" ]
	run -2 restore vol-a none latest
}

@test "equal size and time prove nothing; what is not in the backup goes" {
	at=$(volume_new vol-a)
	restore vol-a - latest
	printf NEW | dd of="$at/dir/file" conv=notrunc status=none
	touch -d '2020-01-01 00:00:00' "$at/dir/file"
	mkdir "$at/more"
	run -0 restore vol-a - latest
	oracle "$repo/20260202020202/vol-a/files" "$at"
}

@test "what nothing vouches for is restored with a warning" {
	volume_new vol-a >/dev/null
	g=$repo/20260202020202
	rm "$g/directory_stemp.json"
	run -0 --separate-stderr restore vol-a - latest
	[ "$stderr" = "WARNING: $g has no directory_stemp.json: nothing vouches for what is in it." ]
	rm "$g/manifest.json"
	run -0 --separate-stderr restore vol-a - latest
	[ "$stderr" = "WARNING: $g has no manifest.json and no directory_stemp.json: nothing vouches for what is in it." ]
	# made by hand, under any name
	mkdir -p root/hand/made/here/vol-a/files
	echo by hand >root/hand/made/here/vol-a/files/f
	run -0 restore vol-a hand here --repo-name made
	[ "$(cat "$(volume_path vol-a)/f")" = 'by hand' ]
}

@test "what is not as it was backed up is refused, each file by name, and nothing is touched" {
	at=$(volume_new vol-a)
	echo mine >"$at/mine"
	g=$repo/20260202020202
	mkdir -p "$g/vol-c/files" && echo fine >"$g/vol-c/files/f" && bd-digest "$repo" "$g" >/dev/null
	printf X | dd of="$g/vol-a/files/dir/file" conv=notrunc status=none
	touch -d '2020-01-01 00:00:00' "$g/vol-a/files/dir/file"
	: >"$g/vol-a/files/more"
	before=$(fingerprint "$at")
	for option in '' --dry-run --live --stop; do
		run -1 --separate-stderr restore vol-a - latest $option
		[ -z "$output" ]
		[[ $stderr == *'ERROR: ./files/dir/file: content: expected sha256='*', found sha256='* ]]
		[[ $stderr == *'ERROR: ./files/link: content: '*'ERROR: ./files/more: extra: expected -, found type=file'* ]]
		[[ $stderr == *"ERROR: $g/vol-a is not as it was backed up: see above; nothing was changed. --no-verify restores what is there" ]]
		[ "$(fingerprint "$at")" = "$before" ]
	done
	# the same generation, another volume, and another generation
	run -0 --separate-stderr restore vol-c - latest
	[ -z "$stderr" ]
	run -0 restore vol-a - 20260101000000
	run -0 --separate-stderr restore vol-a - latest --no-verify
	[ -z "$stderr" ]
	oracle "$g/vol-a/files" "$at"
	volume_rm vol-c
	# a list that is damaged vouches for nothing, nor one that is not there any more
	printf 'x\n' >>"$repo/20260101000000/vol-a/contents.mtree"
	run -1 --separate-stderr restore vol-a - 20260101000000
	[[ $stderr == *'ERROR: ./contents.mtree: malformed: '* ]]
	g=$repo/20260101000000
	rm "$g/vol-a/contents.mtree"
	before=$(fingerprint "$at")
	for option in '' --dry-run; do
		run -1 --separate-stderr restore vol-a - 20260101000000 $option
		[ "$stderr" = "ERROR: $g/vol-a has no contents.mtree, with which it was made; nothing was changed. --no-verify restores what is there" ]
	done
	run -1 --separate-stderr restore other - 20260101000000 --source-volume vol-a
	[ "$(fingerprint "$at")" = "$before" ]
	run -0 restore vol-a - 20260101000000 --no-verify
	# what the original program made never had one
	cp "$g/manifest.json" m
	jq 'del(.failed)' m >"$g/manifest.json"
	run -0 --separate-stderr restore vol-a - 20260101000000
	[ "$stderr" = "WARNING: $g/vol-a has no contents.mtree: nothing vouches for what is in it." ]
	jq '.failed = ["vol-a"]' m >"$g/manifest.json"
	run -0 --separate-stderr restore vol-a - 20260101000000
	[[ $stderr == WARNING:* ]]
}

@test "a dump that is not as it was backed up is refused before anything is asked of its engine" {
	g=$repo/20260202020202
	mkdir "$g/vol-a/sql" && echo dump >"$g/vol-a/sql/db.backup.sql" && echo other >"$g/vol-a/sql/other.backup.sql"
	bd-digest "$repo" "$g" >/dev/null
	echo else >"$g/vol-a/sql/db.backup.sql"
	export BAUDOLO_DB_PASSWORD=x
	for verb in postgres mariadb; do
		run -1 --separate-stderr baudolo-restore "$verb" vol-a - latest --backups-dir root --container br-none --db-name db --empty
		[[ $stderr == 'ERROR: ./sql/db.backup.sql: time: '*'ERROR: ./sql/db.backup.sql: content: '*'nothing was changed. --no-verify'* ]]
		# its neighbour is none of its business
		run --separate-stderr baudolo-restore "$verb" vol-a - latest --backups-dir root --container br-none --db-name other
		[[ $status != 0 && $stderr != *content* && $stderr == *br-none* ]]
		run --separate-stderr baudolo-restore "$verb" vol-a - latest --backups-dir root --container br-none --db-name db --no-verify
		[[ $status != 0 && $stderr != *content* && $stderr == *br-none* ]]
	done
	rm "$g/vol-a/contents.mtree"
	for verb in postgres mariadb; do
		run -1 --separate-stderr baudolo-restore "$verb" vol-a - latest --backups-dir root --container br-none --db-name other
		[ "$stderr" = "ERROR: $g/vol-a has no contents.mtree, with which it was made; nothing was changed. --no-verify restores what is there" ]
		run --separate-stderr baudolo-restore "$verb" vol-a - latest --backups-dir root --container br-none --db-name other --no-verify
		[[ $status != 0 && $stderr == *br-none* ]]
	done
	jq '.failed = ["vol-a"]' "$g/manifest.json" >m && cp m "$g/manifest.json"
	run --separate-stderr baudolo-restore mariadb vol-a - latest --backups-dir root --container br-none --db-name other
	[[ $status != 0 && $stderr == 'WARNING: '*br-none* ]]
}

@test "a tree of the original's layout" {
	volume_new vol-a >/dev/null
	g=root/$hash/backup-docker-to-local/20250505050505
	mkdir -p "$g/vol-a/files" "$g/vol-a/sql"
	echo original >"$g/vol-a/files/f"
	echo '{"hash": "0", "date": "2025-05-05T05:05:05.123456"}' >"$g/directory_stemp.json"
	before=$(fingerprint "$g")
	run -0 --separate-stderr baudolo-restore files vol-a "$hash" 20250505050505 --backups-dir "$PWD/root" \
		--repo-name backup-docker-to-local --rsync-image ghcr.io/kevinveenbirkenbach/alpine-rsync
	[ "$stderr" = "WARNING: $PWD/$g has no manifest.json: nothing vouches for what is in it." ]
	[ "$(cat "$(volume_path vol-a)/f")" = original ]
	[ "$(fingerprint "$g")" = "$before" ]
}

@test "no such backup: exit 2, nothing made" {
	for args in 'br-none - latest' "br-none $hash 20260101000000" "vol-a - 20200101000000" "vol-a none 20260101000000"; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr restore $args
		[[ $stderr == "ERROR: backup files dir not found: $PWD/root/"*/files || $stderr == 'ERROR: no generation in '* ]]
		[ -z "$output" ]
	done
	run -2 --separate-stderr restore vol-b - 20260101000000
	[ "$stderr" = "ERROR: the copy of volume 'vol-b' failed when 20260101000000 was made
ERROR: backup files dir not found: $repo/20260101000000/vol-b/files" ]
	echo '{' >"$repo/20260101000000/manifest.json"
	run -2 --separate-stderr restore vol-b - 20260101000000
	[ "$stderr" = "ERROR: backup files dir not found: $repo/20260101000000/vol-b/files" ]
	# a link is not a backup
	ln -s ../vol-a/files "$repo/20260101000000/vol-b/files"
	run -2 restore vol-b - 20260101000000
	run -1 docker volume inspect br-none vol-a vol-b
}

@test "names that are paths" {
	for bad in '' . .. ../x a/b / ../../etc; do
		run -2 --separate-stderr restore "$bad" - latest
		[ "$stderr" = "ERROR: VOLUME must be a name, not a path: '$bad'" ]
		run -2 --separate-stderr restore vol-a "$bad" latest
		[ "$stderr" = "ERROR: HASH must be a name, not a path: '$bad'" ]
		run -2 --separate-stderr restore vol-a - "$bad"
		[ "$stderr" = "ERROR: VERSION must be a name, not a path: '$bad'" ]
		run -2 --separate-stderr restore vol-a - latest --source-volume "$bad"
		[ "$stderr" = "ERROR: --source-volume must be a name, not a path: '$bad'" ]
		run -2 --separate-stderr restore vol-a - latest --repo-name "$bad"
		[ "$stderr" = "ERROR: --repo-name must be a name, not a path: '$bad'" ]
	done
	run -1 docker volume inspect vol-a
}

@test "a backing store of its own" {
	volume_new vol-a -o type=tmpfs -o device=tmpfs >/dev/null
	for option in '' --live --stop -n; do
		run -2 --separate-stderr restore vol-a - latest $option
		[[ $stderr == 'ERROR: '*'has a backing store of its own'* ]]
	done
	# --stop unmounts it; what was stopped runs again
	container_run br-user -v vol-a:/t
	before=$(started br-user)
	run -2 --separate-stderr restore vol-a - latest --stop
	[[ $stderr == 'ERROR: '*'has a backing store of its own'* ]]
	container_running br-user
	[ "$(started br-user)" != "$before" ]
	run -0 restore vol-a - latest --live
	[ "$(docker exec br-user cat /t/dir/file)" = new ]
}

@test "in use: refused, --stop, --live" {
	at=$(volume_new vol-a)
	volume_new other >/dev/null
	container_run br-first -v vol-a:/x
	container_run br-second -v vol-a:/x:ro -v vol-a:/y -v other:/z
	container_run br-other -v other:/z
	first=$(started br-first) second=$(started br-second) other=$(started br-other)
	run -1 --separate-stderr restore vol-a - latest
	[[ $stderr == 'ERROR: volume vol-a is in use by running containers: br-first br-second; nothing was changed.'*--stop*--live* ]]
	[ -z "$(ls -A "$at")" ]
	[ "$(started br-first)" = "$first" ]
	run -0 --separate-stderr restore vol-a - latest --live
	[ "$stderr" = 'WARNING: restoring volume vol-a under running containers: br-first br-second' ]
	[ "$(content vol-a)" = new ]
	[ "$(started br-first)" = "$first" ]
	BAUDOLO_RESTORE_LIVE=1 run -0 restore vol-a - 20260101000000
	[ "$(content vol-a)" = old ]
	for no in 0 '' yes; do BAUDOLO_RESTORE_LIVE=$no run -1 restore vol-a - latest; done
	run -0 --separate-stderr restore vol-a - latest --stop -v
	[ "$output" = $'Volume vol-a already exists.\nFile restore complete.' ]
	[ "$(grep -E '^bd-stop: (stopp|start)ing' <<<"$stderr" | xargs)" = "$(
		)bd-stop: stopping br-second bd-stop: stopping br-first bd-stop: starting br-first bd-stop: starting br-second" ]
	[ "$(content vol-a)" = new ]
	container_running br-first br-second br-other
	[ "$(started br-first)" != "$first" ]
	[ "$(started br-second)" != "$second" ]
	[ "$(started br-other)" = "$other" ]
	docker stop br-first br-second >/dev/null
	run -0 --separate-stderr restore vol-a - latest --stop
	[ -z "$stderr" ]
	run container_running br-first
	[ "$status" = 1 ]
}

@test "--stop does not stop what must not be stopped" {
	volume_new vol-a >/dev/null
	container_run br-task -v vol-a:/x --label com.docker.swarm.task.id=abc
	container_run br-web -v vol-a:/x
	before=$(started br-task)
	run -1 --separate-stderr restore vol-a - latest --stop
	[[ $stderr == *"Skipping stop/start for swarm task container 'br-task'."* ]]
	[[ $stderr == *'ERROR: volume vol-a is in use by running containers: br-task; nothing was changed.'* ]]
	[ "$(started br-task)" = "$before" ]
	container_running br-web
	run -0 restore vol-a - latest --stop --live
	[ "$(content vol-a)" = new ]
	[ "$(started br-task)" = "$before" ]
}

@test "a signal during --stop: the containers run again" {
	at=$(volume_new vol-a)
	head -c 500M /dev/zero | tr '\0' x >"$repo/20260202020202/vol-a/files/zzz"
	container_run br-web -v vol-a:/x
	before=$(started br-web)
	baudolo-restore files vol-a - latest --backups-dir root --stop --no-verify >out 2>err 3>&- &
	pid=$!
	wait_for compgen -G "$at/.zzz.*" >/dev/null
	kill "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" = 143 ]
	grep 'ERROR: ended by signal 15: volume vol-a is restored in part' err
	container_running br-web
	[ "$(started br-web)" != "$before" ]
}

@test "-n changes nothing" {
	at=$(volume_new vol-a)
	container_run br-web -v vol-a:/x
	before=$(started br-web)
	run -1 restore vol-a - latest -n
	run -0 --separate-stderr restore vol-a - latest -n --live
	[ "${lines[0]}" = 'Volume vol-a already exists.' ]
	run -0 --separate-stderr restore vol-a - latest --dry-run --stop
	[ "${lines[0]}" = 'Volume vol-a already exists.' ]
	[[ ${lines[1]} == "rsync "*" $repo/20260202020202/vol-a/files/ $at/" ]]
	[ "${lines[2]}" = 'stop br-web' ]
	[ "${lines[3]}" = "bd-restore-files vol-a $repo/20260202020202/vol-a/files" ]
	[ "${lines[4]}" = 'start br-web' ]
	run -0 restore br-none - latest --source-volume vol-a -n
	[ -z "$(ls -A "$at")" ]
	[ "$(started br-web)" = "$before" ]
	run -1 docker volume inspect br-none
}

@test "-q is silent, -v tells" {
	volume_new vol-a >/dev/null
	run -0 restore vol-a - latest -q
	[ -z "$output" ]
	run -0 --separate-stderr restore vol-a - latest -v
	[[ $stderr == '+ rsync '* ]]
}

@test "Docker does not answer: exit 1" {
	for option in '' --stop -n; do
		DOCKER_HOST=unix://$PWD/none run -1 restore vol-a - latest $option
		[[ ${lines[-1]} == 'ERROR: '* ]]
	done
}

@test "a full disk is no success" {
	volume_new vol-a >/dev/null
	run -1 sh -c 'baudolo-restore files vol-a - latest --backups-dir root >/dev/full'
	[[ ${lines[-1]} == 'ERROR: '* ]]
}

@test "the generation is held open while it works" {
	volume_new vol-a >/dev/null
	mkdir bin
	printf '#!/bin/sh\nls -l /proc/self/fd >%s\n' "$PWD/open" >bin/bd-restore-files
	chmod +x bin/bd-restore-files
	PATH=$PWD/bin:$PATH run -0 restore vol-a - latest
	grep -q " $repo/20260202020202$" open
	# and locked, for those who cannot see that
	printf '#!/bin/sh\n! flock -n %s true\n' "$repo/20260202020202" >bin/bd-restore-files
	PATH=$PWD/bin:$PATH run -0 restore vol-a - latest
	exec 7<"$repo/20260202020202"
	flock -x 7
	run -1 restore vol-a - latest
	exec 7<&-
	[ "$output" = "ERROR: $repo/20260202020202 is being removed" ]
}

@test "dash, busybox and bash" {
	volume_new vol-a >/dev/null
	script=$(command -v baudolo-restore)
	container_run br-web -v vol-a:/x
	for shell in dash 'busybox sh' bash; do
		rm -rf "$(volume_path vol-a)"/*
		# shellcheck disable=SC2086 # words
		run -0 $shell "$script" files vol-a - latest --backups-dir root --stop
		[ "$(content vol-a)" = new ]
		container_running br-web
		# shellcheck disable=SC2086
		run -2 $shell "$script" files vol-a - 19990101000000 --backups-dir root
	done
}

@test "wrong usage, the version, the help" {
	for args in '' files 'files v' 'files v h' 'files v h latest more' 'none v h latest' 'files v h latest --nope'; do
		# shellcheck disable=SC2086 # words
		run -2 baudolo-restore $args
	done
	run -0 baudolo-restore --version
	[ "$output" = "baudolo-restore $(cat "$BD_ROOT/VERSION")" ]
	run -0 baudolo-restore files --help
	for option in --backups-dir --repo-name --source-volume --stop --live --no-verify --rsync-image --dry-run; do
		[[ $output == *"$option"* ]]
	done
	volume_new vol-a >/dev/null
	run -0 restore vol-a - latest --no-verify
}

@test "the examples of the page" {
	mkdir bin
	# that of a database is run where there are databases
	printf '#!/bin/sh\n[ "$1" = files ] || exit 0\nexec %s "$@" --backups-dir %s --source-volume vol-a\n' "$(command -v baudolo-restore)" "$PWD/root" >bin/baudolo-restore
	chmod +x bin/baudolo-restore
	volume_new web_data >/dev/null
	container_run br-web -v web_data:/x
	PATH=$PWD/bin:$PATH run -0 examples baudolo-restore.1
	[ "$(content web_data)$(content web_then)" = newnew ]
	container_running br-web
	volume_rm web_then
}
