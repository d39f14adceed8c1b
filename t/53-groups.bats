#!/usr/bin/env bats
# baudolo and the containers it stops: once each, in order, and all as before in the end

load engine
load tree
load run

setup_file() {
	engine_start own
	image_new redis:7 web:1
}

teardown_file() {
	engine_clean
	engine_stop own
	loop_clean
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	engine_start own # a test that failed may have left it down
	engine_clean
	places
	RUN=baudolo
	AT=$PWD/at
	SINCE=$(date +%s.%N)
	mkdir "$AT"
	mkfifo "$AT/go"
}

teardown() {
	[ -z "${FRONT-}" ] || kill -9 "$FRONT" 2>/dev/null || : # of a test that failed
	loop_clean
}

run_it() { PATH=$PWD/bin:$PATH "$RUN" --backups-dir "$B" --state-dir "$S" --images-no-stop-required web --only-files "$@"; }

# In the background; not by way of run_it, for its pid
begin() {
	PATH=$PWD/bin:$PATH "$RUN" --backups-dir "$B" --state-dir "$S" --images-no-stop-required web --only-files "$@" >out 2>err </dev/null 3>&- &
	FRONT=$!
}

# actor NAME WORDS [ARG...]: a container that on TERM does what these words of sh say, and ends.
actor() { ON_TERM="$2; exit 0" IMAGE=${IMAGE:-redis:7} container_run "$1" "${@:3}"; }

# One that uses these volumes, each at /NAME.
user_of() {
	local name=$1 v args=()
	shift
	for v; do args+=(-v "$v:/$v"); done
	actor "$name" : "${args[@]}"
}

fill() {
	local v d
	for v; do d=$(volume_new "$v") && echo "in $v" >"$d/f" || return; done
}

started() { docker inspect -f '{{.State.StartedAt}} {{.State.Pid}} {{.RestartCount}}' "$@"; }
states() { docker inspect -f '{{.Name}} {{.State.Status}}' "$@"; }
netns() { readlink "/proc/$(docker inspect -f '{{.State.Pid}}' "$1")/ns/net"; }

# What has happened to the containers since the test began, in order: `die NAME`, `start NAME`.
acts() {
	docker events --since "${1:-$SINCE}" --until "$(date +%s.%N)" --filter type=container --filter event=die --filter event=start \
		--format '{{.Action}} {{.Actor.Attributes.name}}'
}

# Copies of these are right, and the generation is whole; nothing is left of the run.
right() {
	local v
	for v; do
		oracle "$(volume_path "$v")" "$(newest)/$v/files" || return
		exact "$(volume_path "$v")" "$(newest)/$v/files" || return
	done
	stamped "$(newest)" || return
	[ -z "$(find "$(newest)" -name 'files.*')" ] && [ -z "$(ls -A "$B/.baudolo/partial")" ] || return
	! ls "$S"/journal.* 2>/dev/null || false
}

# Only these have failed: they are named, and have no files.
only_failed() {
	local v
	[ "$(failed)" = "$(jq -cn '$ARGS.positional' --args "$@")" ] || { failed; return 1; }
	for v; do
		[ ! -e "$(newest)/$v/files" ] || return
		[[ $stderr == *"ERROR: volume '$v' is not in this generation: "* ]] || return
	done
}

# From here on baudolo waits before each cold pass, with all down, until `go`; before_cold runs it so far.
pausing() {
	rm -rf bin
	cp -a "$BAUDOLO_BIN" bin
	mkdir bin/real
	mv bin/bd-rsync bin/real/
	cat >bin/bd-rsync <<-X
		#!/bin/sh
		case " \$* " in *' -C '*)
			: >"$AT/ready"
			read -r words <"$AT/go"
			eval "\$words" ;;
		esac
		exec "$PWD/bin/real/bd-rsync" "\$@"
	X
	chmod +x bin/bd-rsync
	RUN=$PWD/bin/baudolo
}

as_usual() {
	rm -rf bin
	RUN=baudolo
}

before_cold() {
	pausing
	begin "$@"
	wait_for [ -e "$AT/ready" ]
	rm "$AT/ready"
}

go() { timeout 20 sh -c 'echo "$1" >"$2"' - "${1:-:}" "$AT/go"; }

# It ends, with this status.
ended() {
	local rc=0
	wait "$FRONT" || rc=$?
	FRONT=
	output=$(cat out) stderr=$(cat err)
	printf '%s\n' "$output" "$stderr"
	[ "$rc" = "$1" ] || { echo "status $rc"; return 1; }
}

# Every process of the run.
run_pids() { env -u BD_RUN grep -lsxzF "BD_RUN=$PWD" /proc/[0-9]*/environ | sed 's,^/proc/,,; s,/.*,,'; }
all_gone() { [ -z "$(run_pids)" ]; }

@test "five volumes: one stop; a neighbour that shares nothing is not stopped" {
	fill v1 v2 v3 v4 v5 other
	user_of five v1 v2 v3 v4 v5
	IMAGE=web:1 user_of neighbour other
	before=$(started neighbour)
	SINCE=$(date +%s.%N)
	run -0 --separate-stderr run_it
	[ -z "$stderr" ]
	[ "$(acts)" = $'die five\nstart five' ]
	[ "$(started neighbour)" = "$before" ]
	container_running five neighbour
	[ "$(grep -cxF 'Stop containers: five...' <<<"$output")" = 1 ]
	[ "$(grep -cxF 'Start containers: five...' <<<"$output")" = 1 ]
	[[ $output != *'No containers to stop.'* ]]
	[ "$(failed)" = '[]' ]
	right v1 v2 v3 v4 v5 other
	# and again, with all of it shared with the first
	fp=$(fingerprint "$(newest)") first=$(newest)
	run -0 run_it
	right v1 v2 v3 v4 v5 other
	[ "$(fingerprint "$first")" = "$fp" ]
	[[ $output == *': 6 volumes, 6 files, 6 of them shared with the one before, 0 bytes copied.'* ]]
}

@test "a neighbour in the network of one that is stopped is stopped, and works again" {
	fill data other
	user_of server data
	IMAGE=web:1 user_of neighbour other
	IMAGE=web:1 actor lodger : --network container:server -v other:/other
	before=$(started neighbour)
	SINCE=$(date +%s.%N)
	run -0 --separate-stderr run_it
	[ "$(acts)" = $'die lodger\ndie server\nstart server\nstart lodger' ]
	[ "$(started neighbour)" = "$before" ]
	[[ $output == *$'\nStop containers: '*lodger* ]]
	[ "$(netns lodger)" = "$(netns server)" ]
	[ "$(docker exec lodger cat /other/f)" = 'in other' ]
	right data other
}

@test "no containers to stop" {
	fill data idle
	IMAGE=web:1 user_of web data
	before=$(started web)
	run -0 --separate-stderr run_it
	[ "$(grep -c '^No containers to stop\.$' <<<"$output")" = 1 ]
	[[ $output != *'Stop containers'* && $output != *'Start containers'* ]]
	[ "$(started web)" = "$before" ]
	right data idle
	# unless with --everything
	SINCE=$(date +%s.%N)
	run -0 --separate-stderr run_it --everything
	[ "$(acts)" = $'die web\nstart web' ]
	[[ $output == *$'\nStop containers: web...\nStart containers: web...\n'* ]]
	right data idle
	# nor is one of a no-backup image
	run -0 --separate-stderr baudolo --backups-dir "$B" --state-dir "$S" --images-no-backup-required web --only-files
	[[ $output == *'No containers to stop.'* ]]
	[ ! -e "$(newest)/data" ]
}

@test "-n stops nothing" {
	fill data
	user_of one data
	SINCE=$(date +%s.%N)
	run -0 --separate-stderr run_it -n
	[ -z "$(acts)" ]
	[[ $output == *one* ]]
	[ ! -e "$B" ]
	[ ! -e "$S" ]
}

@test "the prior state: paused, stopped, --rm and tasks of a swarm are left alone, their volumes copied live" {
	fill va vb vc vd ve vf
	user_of running va
	user_of paused vb
	user_of down vc
	actor transient : --rm -v vd:/d
	actor task : --label com.docker.swarm.task.id=1 -v ve:/e
	user_of paused-beside vf
	user_of beside vf
	docker stop down >/dev/null
	docker pause paused paused-beside >/dev/null
	before=$(states running paused down transient task paused-beside beside | sort)
	SINCE=$(date +%s.%N)
	run -0 --separate-stderr run_it
	echo "$output" "$stderr"
	[ "$(acts)" = $'die running\nstart running' ]
	[ "$(states running paused down transient task paused-beside beside | sort)" = "$before" ]
	[ "$(grep -cx "Skipping stop/start for swarm task container 'task'\." <<<"$output")" = 1 ]
	[[ $stderr == *"WARNING: volume 'vd' is copied live, "*transient* ]]
	[[ $stderr == *"WARNING: volume 've' is copied live, "*task* ]]
	[[ $stderr == *"WARNING: volume 'vb' is copied live, "*paused* ]]
	[[ $stderr == *"WARNING: volume 'vf' is copied live, "*paused-beside* ]]
	[[ $stderr != *"volume 'va'"* && $stderr != *"volume 'vc'"* ]]
	right va vb vc vd ve vf
	[ "$(failed)" = '[]' ]
}

@test "docker-compose's depends_on: what others need stops last and starts first" {
	fill one two
	local project=com.docker.compose.project=p
	# not in the order of creation
	actor p-web-1 : --label $project --label com.docker.compose.service=web --label com.docker.compose.depends_on=app:service_started:false -v two:/two
	actor p-db-1 : --label $project --label com.docker.compose.service=db --label com.docker.compose.depends_on= -v one:/one
	actor p-app-1 : --label $project --label com.docker.compose.service=app --label com.docker.compose.depends_on=db:service_started:false -v one:/one -v two:/two
	SINCE=$(date +%s.%N)
	run -0 --separate-stderr run_it
	[ "$(acts)" = "$(printf '%s\n' 'die p-web-1' 'die p-app-1' 'die p-db-1' 'start p-db-1' 'start p-app-1' 'start p-web-1')" ]
	right one two
}

@test "three groups: each is stopped for its own volumes only" {
	fill va vb vc
	user_of one va
	user_of two vb
	user_of three vc
	SINCE=$(date +%s.%N)
	run -0 --separate-stderr run_it
	[ "$(grep -c '^Stop containers: ' <<<"$output")" = 3 ]
	acts | awk '$1 == "die" { if (down) exit 1; down = $2 } $1 == "start" { if (down != $2) exit 1; down = ""; n++ } END { exit n != 3 }'
	right va vb vc
}

@test "the copy is what was there when they stood still" {
	local d
	fill data
	d=$(volume_path data)
	for n in {1..50}; do echo "$n" >"$d/$n"; done
	actor writer 'echo last >/data/last; echo more >>/data/1; rm /data/2; mv /data/3 /data/33; chmod 600 /data/4; ln /data/5 /data/55; mkdir /data/d; echo in >/data/d/f' -v data:/data
	run -0 --separate-stderr run_it
	[ "$(cat "$(newest)/data/files/last")" = last ]
	right data
	# once more, over a generation that is not to change
	first=$(newest) fp=$(fingerprint "$(newest)")
	rm -r "$d/d" "$d/55" && mv "$d/33" "$d/3" && echo 2 >"$d/2"
	run -0 run_it
	[ -e "$(newest)/data/files/33" ]
	right data
	[ "$(fingerprint "$first")" = "$fp" ]
}

@test "written to all along: the copy is that of the stop" {
	fill data
	docker run -d --name counter --label "bd-test=$(bd_file)" --network none -v data:/data redis:7 \
		sh -c 'trap "exit 0" TERM; n=0; while :; do n=$((n + 1)); echo $n >/data/n; echo $n >>/data/all; done' >/dev/null
	wait_for [ -s "$(volume_path data)/all" ]
	before_cold
	cp -a "$(volume_path data)" then
	go
	ended 0
	oracle then "$(newest)/data/files"
	exact then "$(newest)/data/files"
	container_running counter
}

@test "--shutdown leaves them down, until bd-start has what it left" {
	fill data other
	user_of server data
	actor lodger : --network container:server
	user_of third other
	SINCE=$(date +%s.%N)
	run -0 --separate-stderr run_it --shutdown
	[[ $output == *'Stop containers: '* && $output != *'Start containers'* ]]
	[ "$(acts | grep -c ^die)" = 3 ]
	[ "$(states server lodger third | sort)" = $'/lodger exited\n/server exited\n/third exited' ]
	right data other
	# the next run lets them be
	run -0 --separate-stderr run_it
	run -0 --separate-stderr run_it --recover
	[ "$(states server lodger third | sort)" = $'/lodger exited\n/server exited\n/third exited' ]
	# nor does one that stops others forget them
	fill more
	user_of fourth more
	run -0 --separate-stderr run_it --shutdown
	[ "$(states fourth)" = '/fourth exited' ]
	run -0 bd-start "$S"/down.*
	container_running server lodger third fourth
	[ "$(netns lodger)" = "$(netns server)" ]
	! ls "$S"/down.* || false
}

@test "--shutdown: one that is started on the volume during the cold pass is noticed" {
	fill data other
	user_of server data other
	before_cold --shutdown
	actor intruder : -v data:/data
	go
	ended 1
	only_failed data
	right other
	[ "$(states server intruder)" = $'/server exited\n/intruder running' ]
	run -0 bd-start "$S"/down.*
	container_running server intruder
}

@test "--shutdown: a run that comes to nothing starts again what it has stopped" {
	fill data other
	user_of server data
	user_of second other
	# in the first group's cold pass
	before_cold --shutdown
	kill -TERM "$FRONT"
	ended 143
	container_running server second
	# in the second's, when the first is left down
	before_cold --shutdown
	go
	wait_for [ -e "$AT/ready" ]
	kill -HUP "$FRONT"
	ended 129
	container_running server second
	# when all is copied
	as_usual
	cp -a "$BAUDOLO_BIN" bin
	rm bin/bd-publish
	printf '#!/bin/sh\nexit 3\n' >bin/bd-publish
	chmod +x bin/bd-publish
	RUN=$PWD/bin/baudolo run -3 run_it --shutdown
	container_running server second
	[ -z "$(newest)" ]
	! ls "$S"/journal.* "$S"/down.* || false
	# nobody is left who could: the next run does
	printf '#!/bin/sh\nkill -9 $PPID\n' >bin/bd-publish
	begin --shutdown
	ended 137
	as_usual
	[ "$(states server second | sort)" = $'/second exited\n/server exited' ]
	run -0 run_it --recover
	container_running server second
	! ls "$S"/journal.* "$S"/down.* || false
}

@test "--shutdown: TERM when the copy is done, and nobody has taken note of it" {
	fill data
	user_of server data
	cp -a "$BAUDOLO_BIN" bin
	mkdir bin/real && mv bin/bd-stop bin/real/
	cat >bin/bd-stop <<-X
		#!/bin/sh
		trap '' TERM
		"$PWD/bin/real/bd-stop" "\$@"
		rc=\$?
		: >"$AT/ready"
		read -r _ <"$AT/go"
		exit \$rc
	X
	chmod +x bin/bd-stop
	RUN=$PWD/bin/baudolo
	begin --shutdown
	wait_for [ -e "$AT/ready" ]
	[ "$(states server)" = '/server exited' ]
	kill -TERM "$FRONT"
	echo go >"$AT/go"
	ended 143
	container_running server
	[ -z "$(newest)" ]
	[ -z "$(compgen -G "$S/journal.*")$(compgen -G "$S/down.*")" ]
}

@test "--shutdown: a container that has ended before its stop" {
	fill data
	user_of server data
	cp -a "$BAUDOLO_BIN" bin
	mkdir bin/real && mv bin/bd-hold bin/real/
	printf '#!/bin/sh\ndocker stop server >/dev/null\nexec "%s" "$@"\n' "$PWD/bin/real/bd-hold" >bin/bd-hold
	chmod +x bin/bd-hold
	RUN=$PWD/bin/baudolo run -0 --separate-stderr run_it --shutdown
	[ -z "$stderr" ]
	right data
}

@test "what a cold copy replaced cannot be removed: no generation" {
	fill data && echo y >"$(volume_path data)/g"
	user_of server data
	cp -a "$BAUDOLO_BIN" bin
	mkdir bin/real && mv bin/bd-rsync bin/real/
	cat >bin/bd-rsync <<-X
		#!/bin/sh
		case " \$* " in
		*' -C '*)
			rm "$(volume_path data)/g"
			"$PWD/bin/real/bd-rsync" "\$@"
			rc=\$?
			for p; do :; done
			chattr +i "\$p/data/files.gone"
			exit \$rc
			;;
		esac
		exec "$PWD/bin/real/bd-rsync" "\$@"
	X
	chmod +x bin/bd-rsync
	rc=0
	RUN=$PWD/bin/baudolo run_it >out 2>err || rc=$?
	chattr -R -i "$B/.baudolo"
	[ "$rc" = 3 ]
	grep -q '^ERROR: what the cold copies replaced could not be removed' err
	[ -z "$(newest)" ]
	container_running server
}

# --- what goes wrong meanwhile

# It takes until the test says so to stop.
slow() {
	local name=$1
	shift
	actor "$name" ': >/at/stopping; read -r _ </at/end' -v "$AT:/at" --stop-timeout 30 "$@"
	mkfifo "$AT/end"
}

@test "SIGKILL of the front end between the stop request and its end" {
	fill data
	slow slow -v data:/data
	first=$(started slow)
	export BD_RUN=$PWD
	begin
	wait_for [ -e "$AT/stopping" ]
	kill -9 "$FRONT"
	ended 137
	container_running slow
	[ "$(started slow)" = "$first" ]
	echo >"$AT/end"
	wait_for all_gone
	container_running slow
	[ "$(started slow)" != "$first" ]
	[ -z "$(newest)" ]
	! ls "$S"/journal.* || false
	# the next run is none the worse
	rm "$AT/stopping"
	begin
	wait_for [ -e "$AT/stopping" ]
	echo >"$AT/end"
	ended 0
	right data
}

@test "SIGKILL of bd-stop between the stop request and its end" {
	fill data other
	slow slow -v data:/data
	user_of quick other
	first=$(started slow)
	export BD_RUN=$PWD
	begin
	wait_for [ -e "$AT/stopping" ]
	kill -9 "$(pgrep -P "$FRONT" -x bd-stop)"
	container_running slow
	echo >"$AT/end"
	ended 1
	# what was killed is done with before the front end is: the volume failed, the other is right, all run
	container_running slow quick
	[ "$(started slow)" != "$first" ]
	wait_for all_gone
	container_running slow quick
	only_failed data
	right other
}

@test "SIGKILL of bd-stop after the copy, before it has looked who used the volumes: that copy does not count" {
	fill data other
	user_of server data
	IMAGE=web:1 user_of web other
	before_cold
	# the shell is COMMAND: bd-stop dies right after the copy has succeeded
	go "\"$PWD/bin/real/bd-rsync\" \"\$@\"; kill -9 \$PPID; exit"
	ended 1
	container_running server
	only_failed data
	right other
}

@test "SIGKILL of all but Docker: the journal is what is left" {
	fill data other
	slow slow -v data:/data
	user_of quick other
	export BD_RUN=$PWD
	begin
	wait_for [ -e "$AT/stopping" ]
	kill -9 $(run_pids)
	ended 137
	wait_for all_gone
	[ -s "$(ls "$S"/journal.*)" ]
	echo >"$AT/end"
	run -0 --separate-stderr run_it --recover
	container_running slow quick
	! ls "$S"/journal.* || false
	[ -z "$(ls -A "$B/.baudolo/partial")" ]
	[ -z "$(newest)" ]
}

@test "a volume with driver options, which Docker unmounts when its last container stops" {
	local n
	mkdir device mnt
	for n in {1..20}; do echo "$n" >"device/$n"; done
	volume_new bound -o type=none -o o=bind -o "device=$PWD/device"
	actor user 'echo last >/data/last; rm /data/7; echo changed >/data/8' -v bound:/data
	before_cold
	[ -z "$(ls -A "$(volume_path bound)")" ] # it is unmounted
	go
	ended 0
	[ -z "$stderr" ]
	container_running user
	[ "$(cat "$(newest)/bound/files/last")" = last ]
	oracle device "$(newest)/bound/files"
	exact device "$(newest)/bound/files"
	# the same with an older generation, and nothing changed
	first=$(newest) fp=$(fingerprint "$(newest)")
	touch -d 2001-01-01 device/7
	as_usual
	run -0 run_it
	oracle device "$(newest)/bound/files"
	[ "$(fingerprint "$first")" = "$fp" ]
}

@test "the same with a file system mounted in it, which goes as well" {
	mkdir device mnt device/disk
	mount -t tmpfs none device/disk
	volume_new bound -o type=none -o o=rbind -o "device=$PWD/device"
	echo precious >device/disk/file
	actor user 'echo last >/data/disk/last; echo last >/data/last' -v bound:/data
	before_cold
	[ -z "$(ls -A "$(volume_path bound)")" ]
	go
	ended 0
	[ -z "$stderr" ]
	diff -r device "$(newest)/bound/files"
	umount device/disk
}

@test "a container started on the volume during the cold pass: that volume has failed" {
	fill data other
	user_of server data other
	before_cold
	actor intruder : -v data:/data
	before=$(started intruder)
	go
	ended 1
	only_failed data
	right other
	container_running server intruder
	[ "$(started intruder)" = "$before" ]
	[[ $stderr == *intruder* ]]
	# the one that was stopped is started by somebody else
	before_cold
	docker start server >/dev/null
	go
	ended 1
	only_failed data other
	container_running server intruder
}

@test "a container started on the volume between the plan and the stop is stopped, too" {
	fill data
	user_of server data
	cp -a "$BAUDOLO_BIN" bin
	mkdir bin/real
	mv bin/bd-hold bin/real/bd-hold
	cat >bin/bd-hold <<-X
		#!/bin/sh
		: >"$AT/ready"
		read -r _ <"$AT/go"
		exec "$PWD/bin/real/bd-hold" "\$@"
	X
	chmod +x bin/bd-hold
	RUN=$PWD/bin/baudolo
	begin
	wait_for [ -e "$AT/ready" ]
	actor late 'echo late >/data/late' -v data:/data
	SINCE=$(date +%s.%N)
	go
	ended 0
	[ "$(acts | sort)" = $'die late\ndie server\nstart late\nstart server' ]
	container_running server late
	[ "$(cat "$(newest)/data/files/late")" = late ]
	right data
}

@test "rsync fails in the cold pass" {
	local v
	fill data other
	actor writer 'head -c 3000000 /dev/urandom >/data/big' -v data:/data -v other:/other
	run_it -q
	first=$(newest) fp=$(fingerprint "$(newest)")
	before_cold
	go 'ulimit -f 1000; trap "" XFSZ'
	ended 1
	only_failed data
	right other
	container_running writer
	[ "$(fingerprint "$first")" = "$fp" ]
	# it is killed
	before_cold
	go 'ulimit -f 1000'
	ended 1
	only_failed data
	right other
	container_running writer
	[ "$(fingerprint "$first")" = "$fp" ]
}

@test "the disk is full in the cold pass" {
	fill data other
	B=$(loop_fs ext4 48M) R=$B/$H/backup-docker-to-local
	rmdir "$B/lost+found"
	run -0 run_it
	first=$(newest) fp=$(fingerprint "$(newest)")
	actor writer 'head -c 60000000 /dev/urandom >/data/big; echo more >>/other/f' -v data:/data -v other:/other
	SINCE=$(date +%s.%N)
	rc=0
	begin
	wait "$FRONT" || rc=$?
	FRONT=
	stderr=$(cat err)
	cat out err
	[ "$(acts)" = $'die writer\nstart writer' ]
	container_running writer
	[ "$(fingerprint "$first")" = "$fp" ]
	case $rc in
	1)
		[ "$(newest)" != "$first" ]
		[[ $(failed) == *'"data"'* ]]
		[ ! -e "$(newest)/data/files" ]
		[[ $stderr == *"ERROR: volume 'data' is not in this generation: "* ]]
		[[ $(failed) == *other* ]] || right other
		;;
	3) [ "$(newest)" = "$first" ] ;;
	*) false ;;
	esac
	[ -z "$(ls -A "$B/.baudolo/partial")" ]
	! ls "$S"/journal.* || false
}

copied() { [ -n "$(find "$S" -name cold.group -size +0)" ]; }

@test "the daemon is restarted while they are stopped" {
	fill data other
	user_of server data
	before_cold
	engine_down own
	engine_up own
	go
	ended 0
	container_running server
	right data other
	# and away when they are to start
	before_cold
	engine_down own
	go
	wait_for copied # it is waited for
	engine_up own
	ended 0
	container_running server
	right data other
}

@test "a restarted daemon revives one during the cold pass: its volumes have failed" {
	fill data other
	actor always : --restart always -v data:/data
	user_of server data other
	before_cold
	engine_down own
	engine_up own
	wait_for container_running always
	go
	ended 1
	only_failed data
	right other
	container_running always server
}

@test "removed or recreated while stopped: named, the rest as before" {
	fill data
	user_of server data
	user_of client data
	before_cold
	docker rm client >/dev/null
	go
	ended 1
	[[ $stderr == *'client: could not be started again: it was removed'* ]]
	container_running server
	right data
	user_of client data
	before_cold
	docker rm client >/dev/null
	docker create --name client --label "bd-test=$(bd_file)" --network none -v data:/data redis:7 sleep 1000 >/dev/null
	go
	ended 0
	[[ $stderr == *'client: was recreated; the new one is started'* ]]
	container_running server client
	right data
	! ls "$S"/journal.* || false
}

@test "a provider that was recreated: its lodger is named, the rest start" {
	fill data
	user_of server data
	actor lodger : --network container:server
	user_of third data
	before_cold
	docker rm server >/dev/null
	user_of server data
	go
	ended 1
	[[ $stderr == *lodger*server*'removed or recreated'* ]]
	container_running server third
	right data || [ "$(failed)" = '["data"]' ]
	[ "$(states lodger)" = '/lodger exited' ]
}

@test "a start that fails: the others start, and it is named" {
	fill data
	mkdir bound
	actor broken : -v data:/data --mount "type=bind,src=$PWD/bound,dst=/bound"
	user_of fine data
	before_cold
	rmdir bound
	go
	ended 1
	[[ $stderr == *'broken: could not be started again'* ]]
	container_running fine
	[ "$(states broken)" != '/broken running' ]
	oracle "$(volume_path data)" "$(newest)/data/files"
	# the next run tries again, and says so again; what it has to stop it stops
	as_usual
	run -1 --separate-stderr run_it
	[[ $stderr == *'broken: could not be started again'* ]]
	[ "$(failed)" = '[]' ]
	mkdir bound
	as_usual
	run -0 run_it
	container_running fine broken
	right data
}

@test "one that could not be started, and was removed since: named once" {
	fill data
	mkdir bound
	actor broken : -v data:/data --mount "type=bind,src=$PWD/bound,dst=/bound"
	before_cold
	rmdir bound
	go
	ended 1
	[ -s "$(ls "$S"/journal.*)" ]
	docker rm broken >/dev/null
	as_usual
	run -1 --separate-stderr run_it
	[[ $stderr == *'broken: could not be started again: it was removed'* ]]
	run -0 --separate-stderr run_it
	[ -z "$stderr" ]
	right data
}

@test "a container that does not hear TERM is killed when its time is over, and that is said" {
	fill data
	ON_TERM='' IMAGE=redis:7 container_run deaf -v data:/data --stop-timeout 1
	begin
	ended 0
	[[ $stderr == *'WARNING: deaf had to be killed: it had not stopped after 1 s'* ]]
	container_running deaf
	right data
}
