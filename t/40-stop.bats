#!/usr/bin/env bats
# bd-stop

load engine
load fake

setup_file() {
	engine_start own
	container_run aa
	container_run bb
}

teardown_file() { engine_stop own; }

setup() {
	cd "$BATS_TEST_TMPDIR"
	docker start aa bb >/dev/null
	for c in aa bb; do wait_for bd_traps_term "$(docker inspect -f '{{.State.Pid}}' "$c")"; done
}

teardown() {
	[ -z "${BD_TAP-}" ] || engine_untap >/dev/null
	fake_stop
}

id() { docker inspect -f '{{.Id}}' "$1"; }
running() { docker inspect -f '{{.State.Running}}' "$@" | xargs; }
pids() { docker inspect -f '{{.State.Pid}}' "$@"; }
gone() { ! kill -0 "$1" 2>/dev/null; }

# What was asked to stop and to start, by name.
acts() { sed -nE "s,$(id aa),aa,; s,$(id bb),bb,; s,^POST /containers/(.*/(stop|start).*),\\1,p" "$1" | xargs; }

# Runs bd-stop in the background, without what bats waits for; its pid is $STOP.
start_stop() {
	bd-stop "$@" </dev/null >out 2>err 3>&- &
	STOP=$!
}

# bd-stop ends, with this status.
ended() {
	local status=0
	wait "$STOP" || status=$?
	[ "$status" = "$1" ] || { echo "status $status"; cat err; return 1; }
}

@test "stops in the order given, runs the command, starts in reverse" {
	before=$(pids aa bb)
	engine_tap
	run -0 bd-stop aa bb -- docker inspect -f '{{.State.Running}}' aa bb
	engine_untap >asked
	[ "$output" = $'false\nfalse' ]
	[ "$(acts asked)" = 'aa/stop bb/stop bb/start aa/start' ]
	[ "$(running aa bb)" = 'true true' ]
	[ "$(pids aa bb)" != "$before" ]
}

@test "standard input and output are the command's" {
	run -0 --separate-stderr bash -c 'printf in | bd-stop aa -- cat'
	[ "$output" = in ]
	[ -z "$stderr" ]
}

@test "the command's status" {
	run -0 bd-stop aa -- true
	run -7 bd-stop aa -- sh -c 'exit 7'
	run -137 bd-stop aa -- sh -c 'kill -9 $$'
	run -143 bd-stop aa -- sh -c 'kill $$'
	: >file
	run -126 bd-stop aa -- ./file
	[ "$output" = 'bd-stop: ./file: Permission denied' ]
	run -127 bd-stop aa -- ./none
	[ "$output" = 'bd-stop: ./none: No such file or directory' ]
	[ "$(running aa)" = true ]
}

@test "the command's words reach it as they are" {
	words=(- -- -n $'tab\tnew\nline' 'quote'\'' "' 'back\slash' $'\xff' '')
	run -0 bd-stop aa -- printf '<%s>' "${words[@]}"
	[ "$output" = "$(printf '<%s>' "${words[@]}")" ]
}

@test "no container: only the command" {
	run -0 bd-stop -- echo done
	[ "$output" = 'done' ]
	run -3 bd-stop -v -- sh -c 'exit 3'
}

@test "named twice, stopped once" {
	engine_tap
	run -0 bd-stop aa "$(id aa)" aa -- true
	engine_untap >asked
	[ "$(acts asked)" = 'aa/stop aa/start' ]
}

@test "what does not run stays down" {
	docker stop bb >/dev/null
	docker create --name fresh --label "bd-test=$(bd_file)" bd-test/busybox true >/dev/null
	run -0 --separate-stderr bd-stop aa bb fresh -- true
	[ -z "$stderr" ]
	[ "$(running aa bb fresh)" = 'true false false' ]
}

@test "paused, swarm task, --rm and our own container are left alone" {
	container_run paused
	container_run task --label com.docker.swarm.task.id=abc
	container_run transient --rm
	container_run own
	docker pause paused >/dev/null
	before=$(pids paused task transient own)
	host=$(id own)
	run -0 --separate-stderr unshare -u sh -c 'hostname "$1" && exec bd-stop paused task transient own -- echo run' - "${host:0:12}"
	[ "$output" = run ]
	[ "$stderr" = "$(cat <<-'E'
		bd-stop: paused: not stopped: it is paused
		Skipping stop/start for swarm task container 'task'.
		bd-stop: transient: not stopped: Docker would delete it (--rm)
		bd-stop: own: not stopped: bd-stop runs in it
	E
	)" ]
	[ "$(pids paused task transient own)" = "$before" ]
	docker rm -f paused task transient own >/dev/null
}

@test "a container that restarts all the time is stopped, and let restart again" {
	docker run -d --name loop --label "bd-test=$(bd_file)" --network none --restart always bd-test/busybox false >/dev/null
	restarts() { [ "$(docker inspect -f '{{.RestartCount}}' loop)" -gt 1 ]; }
	wait_for restarts
	run -0 bd-stop loop -- docker inspect -f '{{.State.Running}} {{.State.Restarting}}' loop
	[ "$output" = 'false false' ]
	wait_for restarts
	docker rm -f loop >/dev/null
}

@test "each container's own time to stop, or that of -t" {
	docker run -d --name deaf --label "bd-test=$(bd_file)" --network none --stop-timeout 1 bd-test/busybox \
		sh -c 'trap "" TERM; while :; do sleep 1; done' >/dev/null
	engine_tap
	SECONDS=0
	run -0 bd-stop deaf -- true
	[ "$SECONDS" -lt 8 ] # Docker's own ten would be more
	run -0 bd-stop -t 0 deaf -- true
	engine_untap >asked
	[ "$(sed -n "s,POST /containers/$(id deaf),,p" asked | xargs)" = '/stop /start /stop?t=0 /start' ]
	docker rm -f deaf >/dev/null
}

@test "a container that is not there is named; the others and the command have their turn" {
	for name in none '' 'aa?x=' $'aa\nb' "$(printf '%0300d' 0)"; do
		run -1 --separate-stderr bd-stop "$name" aa -- docker inspect -f '{{.State.Running}}' aa
		[ "$output" = false ]
		[[ $stderr == 'bd-stop: '"$name"': no such container' ]]
	done
	run -5 bd-stop none -- sh -c 'exit 5'
	[ "$(running aa)" = true ]
	for name in .. ../aa; do run -3 bd-stop "$name" -- touch ran; done
	! [ -e ran ]
}

@test "a container that cannot be started is named, the others start" {
	container_run away
	run -1 --separate-stderr bd-stop aa away bb -- docker rm away
	[[ $stderr == 'bd-stop: away: could not be started again: POST /containers/'* ]]
	[ "$(running aa bb)" = 'true true' ]
	container_run away
	run -9 bd-stop away aa -- sh -c 'docker rm away; exit 9'
	[ "$(running aa)" = true ]
}

@test "a stop that fails: nothing is run, what was stopped is started" {
	fake_start
	for c in aa bb; do
		fake_says /containers/$c/json <<-E
			{"Id": "id-$c", "Name": "/$c", "State": {"Running": true}, "Config": {}, "HostConfig": {}}
		E
		fake_says /containers/id-$c/start '204 No Content' </dev/null
	done
	fake_says /containers/id-aa/stop '204 No Content' </dev/null
	fake_says /containers/id-bb/stop '500 Internal Server Error' <<<'{"message": "cannot stop"}'
	run -3 bd-stop aa bb -- touch ran
	[ "$output" = $'bd-stop: POST /containers/id-bb/stop: cannot stop\nbd-stop: bb: could not be stopped' ]
	! [ -e ran ]
	[ "$(fake_asked | sed -n 's,POST /v1.41/containers/,,p' | xargs)" = 'id-aa/stop id-bb/stop id-bb/start id-aa/start' ]
	# stopped by somebody else, or gone: not ours to start
	fake_says /containers/id-aa/stop '304 Not Modified' </dev/null
	rm "$FAKE/_containers_id-bb_stop" "$FAKE/asked"
	run -0 bd-stop aa bb -- touch ran
	[ -e ran ]
	[ "$(fake_asked | grep -c /start)" = 0 ]
}

@test "Docker does not answer: nothing is run" {
	DOCKER_HOST=unix://$PWD/none run -3 bd-stop aa -- touch ran
	[ "$output" = "bd-stop: $PWD/none: No such file or directory" ]
	fake_start
	fake_says /containers/aa/json '500 Oops' <<<'{"message": "oops"}'
	run -3 bd-stop aa -- touch ran
	fake_says /containers/aa/json <<<'{"Name": "aa"}'
	run -3 bd-stop aa -- touch ran
	! [ -e ran ]
}

@test "a signal ends the command, and the containers are started" {
	mkfifo never
	for sig in HUP:129 INT:130 TERM:143; do
		rm -f pid
		start_stop aa bb -- sh -c 'echo $$ >pid.tmp; mv pid.tmp pid; read x <never'
		wait_for [ -e pid ]
		kill -s "${sig%:*}" "$STOP"
		ended "${sig#*:}"
		gone "$(cat pid)"
		[ "$(running aa bb)" = 'true true' ]
	done
}

@test "a command that outlives a signal is waited for, and has the say" {
	mkfifo never
	start_stop aa -- sh -c 'trap "kill \$!; docker inspect -f {{.State.Running}} aa; exit 7" TERM; read x <never & : >ready; wait $!; exit 8'
	wait_for [ -e ready ]
	kill "$STOP"
	ended 7
	[ "$(cat out)" = false ]
	[ "$(running aa)" = true ]
}

@test "a signal while it stops: the command is not run" {
	docker run -d --name deaf --label "bd-test=$(bd_file)" --network none --stop-timeout 3 bd-test/busybox \
		sh -c 'trap "" TERM; while :; do sleep 1; done' >/dev/null
	engine_tap
	start_stop deaf aa -- touch ran
	wait_for grep -q "containers/$(id deaf)/stop" "$BD_TAP/asked"
	kill "$STOP"
	ended 143
	engine_untap >asked
	! [ -e ran ]
	[ "$(acts asked)" = "$(id deaf)/stop $(id deaf)/start" ]
	[ "$(running deaf aa)" = 'true true' ]
	docker rm -f deaf >/dev/null
}

@test "what the command left running is waited for, until a signal comes" {
	mkfifo go
	run -0 timeout 60 bd-stop aa -- sh -c '(docker inspect -f {{.State.Running}} aa; :) &'
	[ "$output" = false ]
	start_stop aa -- sh -c '(echo $BASHPID; read x <go) & echo $! >pid; exit 4'
	wait_for [ -s pid ]
	wait_for gone_child "$STOP"
	kill "$STOP"
	ended 4
	[ "$(cat err)" = 'bd-stop: what the command left running is no longer waited for' ]
	[ "$(running aa)" = true ]
	kill "$(cat pid)"
}

# The command has ended: bd-stop has a zombie for a child.
gone_child() { grep -qs '^State:.Z' $(sed 's,[0-9]*,/proc/&/status,g' "/proc/$1/task/$1/children"); }

@test "SIGKILL: the command ends, and the containers are started" {
	mkfifo never
	for turn in 1 2 3; do
		rm -f pid
		start_stop aa bb -- sh -c 'echo $$ >pid.tmp; mv pid.tmp pid; read x <never'
		wait_for [ -e pid ]
		[ "$(running aa bb)" = 'false false' ]
		kill -9 "$STOP"
		ended 137
		wait_for gone "$(cat pid)"
		wait_for container_running aa bb
	done
	wait_for grep -qx 'bd-stop: bd-stop died; the containers are started again' err
}

@test "SIGKILL: not before all that descends from the command is gone" {
	mkfifo go
	start_stop aa -- sh -c 'sh -c "echo \$\$ >pid.tmp; mv pid.tmp pid; read x <go; docker inspect -f {{.State.Running}} aa >state" & wait'
	wait_for [ -e pid ]
	kill -9 "$STOP"
	ended 137
	echo >go
	wait_for container_running aa
	[ "$(cat state)" = false ]
}

@test "the guardian hears no signal, and ends with bd-stop" {
	mkfifo go
	start_stop aa -- sh -c 'echo $$ >pid.tmp; mv pid.tmp pid; read x <go'
	wait_for [ -e pid ]
	guardian=$(tr ' ' '\n' <"/proc/$STOP/task/$STOP/children" | grep -vx "$(cat pid)" | head -n 1)
	[ "$(ps -o sid= -p "$guardian" | tr -d ' ')" = "$guardian" ]
	for sig in HUP INT TERM; do kill -s $sig "$guardian"; done
	kill -9 "$STOP"
	wait_for container_running aa
	wait_for gone "$guardian"
	# without one, bd-stop still does its part
	rm pid
	start_stop aa -- sh -c 'echo $$ >pid.tmp; mv pid.tmp pid; read x <go'
	wait_for [ -e pid ]
	guardian=$(tr ' ' '\n' <"/proc/$STOP/task/$STOP/children" | grep -vx "$(cat pid)" | head -n 1)
	kill -9 "$guardian"
	echo >go
	ended 0
	[ "$(running aa)" = true ]
}

@test "-n changes nothing" {
	before=$(pids aa bb)
	run -1 --separate-stderr bd-stop -n aa none bb -- touch 'a b'
	[ "$output" = $'stop aa\nstop bb\ntouch \'a b\'\nstart bb\nstart aa' ]
	! [ -e 'a b' ]
	[ "$(pids aa bb)" = "$before" ]
}

@test "-v tells" {
	run -0 --separate-stderr bd-stop -v aa bb -- echo 'x y'
	[ "$output" = 'x y' ]
	[ "$stderr" = "$(printf 'bd-stop: %s\n' 'stopping aa' 'stopping bb' "+ echo 'x y'" 'starting bb' 'starting aa')" ]
}

@test "wrong usage, the version, a full disk" {
	for args in '' a '--' 'a --' 'a b' '-t' '-t x a -- true' '-t -1 a -- true' '-z a -- true'; do
		# shellcheck disable=SC2086 # words
		run -2 bd-stop $args
	done
	[[ $output == *usage:* ]]
	run -0 bd-stop -V
	[ "$output" = "bd-stop $(cat "$BD_ROOT/VERSION")" ]
	run -3 sh -c 'bd-stop -n aa -- true >/dev/full'
	[ "$output" = 'bd-stop: stdout: No space left on device' ]
	[ "$(running aa bb)" = 'true true' ]
}

@test "the examples of the page" {
	volume_new data >/dev/null
	container_run web -v data:/data
	run -0 examples bd-stop.1
	container_running web
}
