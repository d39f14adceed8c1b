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
	engine_start own # a test that failed may have left it down
	container_up aa bb
	docker ps -aq --filter "label=bd-more=$(bd_file)" | xargs -r docker rm -f >/dev/null
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

@test "stops, runs the command, starts" {
	before=$(pids aa bb)
	engine_tap
	run -0 bd-stop aa bb -- docker inspect -f '{{.State.Running}}' aa bb
	engine_untap >asked
	[ "$output" = $'false\nfalse' ]
	[[ "$(acts asked)" =~ ^(aa/stop bb/stop|bb/stop aa/stop)' '(aa/start bb/start|bb/start aa/start)$ ]]
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
	ON_TERM='' container_run deaf --stop-timeout 1
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
	[ ! -e ran ]
}

@test "a container that cannot be started is named, the others start" {
	container_run away
	run -1 --separate-stderr bd-stop aa away bb -- docker rm away
	[ "$stderr" = 'bd-stop: away: could not be started again: it was removed' ]
	[ "$(running aa bb)" = 'true true' ]
	container_run away
	run -9 bd-stop away aa -- sh -c 'docker rm away; exit 9'
	[ "$(running aa)" = true ]
}

# fake NAME CREATED [HOSTCONFIG [LABELS]]
fake() {
	fake_says "/containers/$1/json" <<-E
		{"Id": "id-$1", "Name": "/$1", "Created": "2026-01-01T00:00:0$2Z", "State": {"Running": true},
		"Config": {"Labels": {${4-}}}, "HostConfig": {${3-}}}
	E
}

# A daemon in which aa and bb run, and can be started.
fake_pair() {
	fake_start
	for c in aa bb; do
		fake $c 1
		fake_says /containers/id-$c/start '204 No Content' </dev/null
	done
}

@test "a stop that fails: nothing is run, what was stopped is started" {
	fake_pair
	fake_says /containers/id-aa/stop '204 No Content' </dev/null
	fake_says /containers/id-bb/stop '500 Internal Server Error' <<<'{"message": "cannot stop"}'
	run -3 bd-stop aa bb -- touch ran
	[ "$output" = $'bd-stop: POST /containers/id-bb/stop: cannot stop\nbd-stop: bb: could not be stopped' ]
	[ ! -e ran ]
	[ "$(fake_asked | sed -n 's,POST /v1.41/containers/,,p' | sort | xargs)" = 'id-aa/start id-aa/stop id-bb/start id-bb/stop' ]
	# stopped by somebody else, or gone: not ours to start
	fake_says /containers/id-aa/stop '304 Not Modified' </dev/null
	rm "$FAKE/_containers_id-bb_stop" "$FAKE/asked"
	run -0 bd-stop -o o aa bb -- touch ran
	[ "$output" = 'bd-stop: bb: was removed before it was stopped' ]
	[ -e ran ]
	[ "$(fake_asked | grep -c /start)" = 0 ]
	[ "$(grep -v ^command o | sort)" = $'skipped\taa\t-\t-\t-\tdown\nskipped\tbb\t-\t-\t-\tnone' ]
}

@test "Docker does not answer: nothing is run" {
	DOCKER_HOST=unix://$PWD/none run -3 bd-stop aa -- touch ran
	[ "$output" = "bd-stop: $PWD/none: No such file or directory" ]
	fake_start
	fake_says /containers/aa/json '500 Oops' <<<'{"message": "oops"}'
	run -3 bd-stop aa -- touch ran
	fake_says /containers/aa/json <<<'{"Name": "aa"}'
	run -3 bd-stop aa -- touch ran
	[ ! -e ran ]
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
	ON_TERM='' container_run deaf --stop-timeout 3
	engine_tap
	start_stop deaf aa -- touch ran
	wait_for grep -q "containers/$(id deaf)/stop" "$BD_TAP/asked"
	kill "$STOP"
	ended 143
	engine_untap >asked
	[ ! -e ran ]
	[ "$(acts asked | tr ' ' '\n' | grep "$(id deaf)" | xargs)" = "$(id deaf)/stop $(id deaf)/start" ]
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

# A container of this test alone: more NAME [ARG...]
more() { container_run "$1" --label "bd-more=$(bd_file)" "${@:2}"; }

# One that takes its time: each of its stops appears in the volume as a line of NAME, then it waits until go is there.
slow() {
	ON_TERM="echo term >>/marks/$1; until [ -e /marks/go ]; do :; done; exit 0" more "$@" -v marks:/marks
}

marks() {
	volume_rm marks
	MARKS=$(volume_new marks)
}

guardian_of() { tr ' ' '\n' <"/proc/$1/task/$1/children" | while read -r p; do
	[ "$(ps -o sid= -p "$p" | tr -d ' ')" != "$p" ] || echo "$p"
done; }

# What is told of the containers by name, in order: stop or start.
events() { sed -nE "$(for c; do echo "s,$(id "$c"),$c,;"; done) s,^POST /containers/(.*/(stop|start).*),\\1,p" asked | xargs; }

@test "who lives in the network, pid or ipc namespace of another stops first and starts last" {
	more lender --ipc shareable
	more lodger --network container:lender
	more guest --pid container:lodger
	more friend --ipc container:lender --network none
	engine_tap
	run -0 bd-stop -v lender guest lodger friend aa -- true
	engine_untap >asked
	ev=$(events lender lodger guest friend)
	[[ $ev =~ ^guest/stop\ (lodger/stop\ friend/stop|friend/stop\ lodger/stop)\ .*lender/stop ]]
	[[ $ev =~ lender/start.*\ (lodger/start\ friend/start|friend/start\ lodger/start)\ guest/start$ ]]
	# it works again: one network, and one tree of processes
	[ "$(docker exec lodger readlink /proc/self/ns/net)" = "$(docker exec lender readlink /proc/self/ns/net)" ]
	[ "$(docker exec guest readlink /proc/1/ns/pid)" = "$(docker exec lodger readlink /proc/1/ns/pid)" ]
}

compose() { # NAME SERVICE [ARG...]
	more "$1" --label com.docker.compose.project=p --label "com.docker.compose.service=$2" "${@:3}"
}
on() { printf %s "com.docker.compose.depends_on=$1"; }

@test "depends_on of docker-compose, within a project" {
	compose p-web-1 web --label "$(on db:service_started:true,cache:service_started:false)"
	compose p-db-1 db --label "$(on '')"
	compose p-db-2 db --label "$(on cache:service_started)"
	compose p-cache-1 cache --label "$(on '')"
	more q-db-1 --label com.docker.compose.project=q --label com.docker.compose.service=db --label "$(on web:service_started:true)"
	run -0 bd-stop -n p-cache-1 q-db-1 p-db-2 p-web-1 p-db-1 -- true
	[ "$output" = "$(printf '%s\n' 'stop p-web-1' 'stop p-db-2' 'stop q-db-1' 'stop p-cache-1' 'stop p-db-1' true \
		'start p-db-1' 'start p-cache-1' 'start q-db-1' 'start p-db-2' 'start p-web-1')" ]
	engine_tap
	run -0 bd-stop p-cache-1 p-db-2 p-web-1 p-db-1 -- true
	engine_untap >asked
	ev=$(events p-web-1 p-db-1 p-db-2 p-cache-1)
	[[ $ev =~ ^p-web-1/stop\ p-db-2/stop\ .*\ p-db-2/start\ p-web-1/start$ ]]
}

label() { printf '"com.docker.compose.project": "p", "com.docker.compose.service": "%s"' "$1"; [ $# -lt 2 ] || printf ', "%s": "%s"' com.docker.compose.depends_on "$2"; }

@test "links, names of services that begin alike, circles" {
	fake_start
	fake web 1 '"Links": ["/db:/web/d", "/cache:/web/c"]'
	fake db 2
	fake cache 2.5
	run -0 bd-stop -n db web cache
	[ "$output" = $'stop web\nstop cache\nstop db' ]
	fake a 3 '' "$(label a db2)"
	fake b 4 '' "$(label db '')"
	fake c 5 '' "$(label db2 db:service_started)"
	run -0 bd-stop -n c b a
	[ "$output" = $'stop a\nstop c\nstop b' ]
	# what cannot start without the other comes before what docker-compose says, and that before the order of creation
	fake a 3 '"NetworkMode": "container:id-b"' "$(label a '')"
	fake b 4 '"PidMode": "container:b"' "$(label b a:service_healthy:true)"
	run -0 bd-stop -n a b
	[ "$output" = $'stop a\nstop b' ]
	fake a 3 '"IpcMode": "container:b"' "$(label a)"
	fake b 4 '' "$(label b)"
	run -0 bd-stop -n a b
	[ "$output" = $'stop a\nstop b' ]
}

@test "an old docker-compose left no depends_on: the order of creation" {
	compose p_c_1 c
	compose p_b_1 b
	compose p_a_1 a
	engine_tap
	run -0 bd-stop p_a_1 p_b_1 p_c_1 -- true
	engine_untap >asked
	[ "$(events p_a_1 p_b_1 p_c_1)" = 'p_a_1/stop p_b_1/stop p_c_1/stop p_c_1/start p_b_1/start p_a_1/start' ]
}

ns() { date -d "$1" +%s%N; }

@test "service_healthy is waited for, within a bound" {
	compose p-db-1 db --label "$(on '')" --health-cmd true --health-interval 1s
	compose p-web-1 web --label "$(on db:service_healthy:true)"
	run -0 bd-stop p-web-1 p-db-1 -- true
	[ -z "$output" ]
	healthy=$(docker inspect -f '{{(index .State.Health.Log 0).End.Format "2006-01-02T15:04:05.999999999Z07:00"}}' p-db-1)
	[ "$(ns "$healthy")" -lt "$(ns "$(docker inspect -f '{{.State.StartedAt}}' p-web-1)")" ]
	compose p-sick-1 sick --label "$(on '')" --health-cmd false --health-interval 1s
	compose p-app-1 app --label "$(on sick:service_healthy:true)"
	run -0 bd-stop -w 1 p-sick-1 p-app-1 -- true
	[ "$output" = 'bd-stop: p-app-1: started although p-sick-1 has not become healthy' ]
}

@test "what needs nothing of each other stops at the same time" {
	marks
	for i in 0 1 2 3 4 5 6 7 8 9; do
		ON_TERM="touch /marks/many$i; until set -- /marks/many*; [ \$# = 10 ]; do sleep 0.1; done; exit 0" more "many$i" -v marks:/marks
	done
	run -0 --separate-stderr bd-stop -o o many{0,1,2,3,4,5,6,7,8,9} -- docker inspect -f '{{.State.ExitCode}}' many{0,1,2,3,4,5,6,7,8,9}
	[ "$(sort -u <<<"$output")" = 0 ] # each ends only when all were asked
	[ -z "$stderr" ]
	[ "$(grep -v ^command o | cut -f 1,3,5,6 | sort -u)" = $'container\t-\tno\tstarted' ]
	container_running many{0,1,2,3,4,5,6,7,8,9}
}

@test "the journal: on disk before the first stop, gone when all runs again" {
	strace -f -qq -y -s 200 -e trace=fsync,sendto,write -o trace bd-stop -j dir-less aa bb -- cat dir-less >seen
	[ ! -e dir-less ]
	first=$(grep -n 'POST .*/stop' trace | head -n 1 | cut -d : -f 1)
	[ "$(head -n "$first" trace | grep -c "fsync(.*<$PWD/dir-less>)")" = 1 ]
	[ "$(head -n "$first" trace | grep -c "fsync(.*<$PWD>)")" = 1 ]
	# as it stood while they were down
	[ "$(awk -F '\t' '{ l[$2] = $0 } END { for (i in l) print l[i] }' seen | sort)" = "$(printf '%s\t%s\trunning\tstopped\t0\t-\t-\t-\n' aa "$(id aa)" bb "$(id bb)")" ]
	[ "$(awk -F '\t' '!s[$1]++ { print $4 }' seen | sort -u)" = running ]
	# nothing to stop: none is left either
	run -0 bd-stop -j dir-less -- true
	[ ! -e dir-less ]
	run -3 bd-stop -j none/x aa -- touch ran
	[ "$output" = 'bd-stop: none/x: No such file or directory' ]
	run -3 bd-stop -j /dev/full aa -- touch ran
	[ "$output" = 'bd-stop: /dev/full: not a file' ]
	mkdir full && mount -t tmpfs -o size=4k none full
	head -c 8192 /dev/zero >full/zeros 2>/dev/null || :
	run -3 bd-stop -j full/j aa -- touch ran
	[ "$output" = 'bd-stop: full/j: No space left on device' ]
	[ "$(ls full)" = zeros ]
	umount full
	[ ! -e ran ]
}

@test "a journal is locked by bd-stop and its guardian, and not by the command" {
	mkfifo go
	start_stop -j j aa -- sh -c 'ls -l /proc/self/fd >fds; setsid sh -c "echo \$\$ >pid.tmp; mv pid.tmp pid; read x <go" & wait'
	wait_for [ -e pid ]
	run -1 grep "$PWD/j" fds
	run -1 flock -n j true
	run -4 bd-stop -j j bb -- touch ran
	[ "$output" = 'bd-stop: j: belongs to a bd-stop or bd-start that is at work' ]
	run -4 bd-start j
	guardian=$(guardian_of "$STOP")
	kill -9 "$STOP"
	ended 137
	run -1 flock -n j true
	kill -9 "$guardian"
	wait_for gone "$guardian"
	run -0 flock -n j true
	[ "$(running aa)" = false ]
	run -3 bd-stop -j j bb -- touch ran
	[ "$output" = 'bd-stop: j: left by a run that died; bd-start j' ]
	run -0 bd-start j
	[ -z "$output" ]
	[ ! -e j ]
	[ ! -e ran ]
	container_running aa
	echo >go
}

@test "a stop outlives bd-stop: the guardian starts the container when it is down at last" {
	marks
	slow slow --stop-timeout 8
	before=$(pids slow)
	start_stop -j j slow aa -- touch ran
	wait_for [ -s "$MARKS/slow" ]
	guardian=$(guardian_of "$STOP")
	kill -9 "$STOP"
	ended 137
	wait_for container_running aa
	[ "$(pids slow)" = "$before" ] # on its way down
	[ -e j ]
	touch "$MARKS/go"
	wait_for gone "$guardian"
	[ "$(running slow aa)" = 'true true' ]
	[ "$(pids slow)" != "$before" ]
	[ ! -e j ] && [ ! -e ran ]
}

@test "a stop outlives bd-stop and its guardian: so does bd-start" {
	marks
	slow slow --stop-timeout 8
	more lodger --network container:slow
	before=$(pids slow)
	start_stop -j j slow lodger -- touch ran
	wait_for [ -s "$MARKS/slow" ]
	guardian=$(guardian_of "$STOP")
	kill -9 "$guardian" "$STOP"
	ended 137
	grep -q $'^slow\t.*\tstopping\t0\t' j
	bd-start -v j 2>started 3>&- &
	pid=$!
	wait_for grep -q 'slow: its stop may still be under way' started
	touch "$MARKS/go"
	wait "$pid"
	[ "$(cat started | sed 's/for .*/for/')" = "$(printf 'bd-start: %s\n' 'starting slow' 'slow: its stop may still be under way; watching it for' 'starting lodger')" ]
	[ "$(running slow)" = true ]
	[ "$(pids slow)" != "$before" ]
	[ "$(docker exec lodger readlink /proc/self/ns/net)" = "$(docker exec slow readlink /proc/self/ns/net)" ]
	[ ! -e j ] && [ ! -e ran ]
}

@test "a container that keeps running is watched to the end of its time" {
	# asked to stop a while ago, when there were four seconds left
	printf 'aa\t%s\trunning\tstopping\t0\t%s\t%s\t-\n' "$(id aa)" "$(($(date +%s) - 8))" 11 >j
	before=$(pids aa)
	bd-start j 3>&- &
	pid=$!
	wait_for kill -0 "$pid"
	docker stop aa >/dev/null
	wait "$pid"
	container_running aa
	[ "$(pids aa)" != "$before" ]
	printf 'aa\t%s\trunning\tstopping\t0\t%s\t%s\t-\n' "$(id aa)" "$(($(date +%s) + 100000))" 1 >j # the clock was set back
	run -0 timeout 10 bd-start j
	[ ! -e j ]
}

@test "one that uses a volume of -m joins the stop, or is named" {
	volume_new shared >/dev/null
	more u1 -v shared:/x
	more u2 -v shared:/x
	more u3 -v shared:/x --rm
	more other
	run -1 --separate-stderr bd-stop -o o -j j -m none -m shared u1 -- sh -c 'cat j >seen; docker inspect -f {{.State.Running}} u1 u2 u3 other'
	[ "$output" = $'false\nfalse\ntrue\ntrue' ]
	[ "$(sort <<<"$stderr")" = $'bd-stop: u2: uses volume shared and is stopped, too\nbd-stop: u3: runs and uses volume shared' ]
	awk -F '\t' '$1 == "u2" && !n++ && $4 != "running" { exit 1 }' seen
	grep -q $'^u2\t.*\tstopped\t' seen
	[ "$(sed 's/\t[0-9.]*\tno\t/\tTIME\tno\t/' o | grep -v ^command | sort)" = "$(printf '%s\n' $'busy\tu3\tshared\t-\t-\t-' $'container\tu1\t-\tTIME\tno\tstarted' $'container\tu2\t-\tTIME\tno\tstarted')" ]
	[ "$(running u1 u2 u3 other)" = 'true true true true' ]
	docker rm -f u3 >/dev/null
	run -0 bd-stop -m shared u1 u2 -- true
	run -7 bd-stop -m shared -- sh -c 'exit 7'
}

@test "what was started meanwhile is busy" {
	volume_new shared >/dev/null
	more u1 -v shared:/x
	more u2 -v shared:/x
	docker stop u2 >/dev/null
	run -1 --separate-stderr bd-stop -o o -m shared u1 aa bb -- docker start u1 u2 bb
	[ "$(sort <<<"$stderr")" = $'bd-stop: bb: runs again already\nbd-stop: u1: runs and uses volume shared\nbd-stop: u2: runs and uses volume shared' ]
	[ "$(grep ^busy o | sort)" = $'busy\tbb\t-\t-\t-\t-\nbusy\tu1\tshared\t-\t-\t-\nbusy\tu2\tshared\t-\t-\t-' ]
	run -5 bd-stop bb -- sh -c 'docker start bb; exit 5'
}

@test "result records: downtime, killed, skipped, and of the command" {
	ON_TERM='' more deaf --stop-timeout 1
	more paused
	docker pause paused >/dev/null
	more task --label com.docker.swarm.task.id=abc
	docker stop bb >/dev/null
	mkdir -p 'a dir'
	run -1 --separate-stderr bd-stop -o 'a dir/-' aa bb deaf paused task none -- sh -c 'sleep 0.2; exit 1'
	[[ $stderr == *'bd-stop: WARNING: deaf had to be killed: it had not stopped after 1 s'* ]]
	[ "$(sed -E 's/\t[0-9]+\.[0-9]{3}\t/\tTIME\t/' 'a dir/-' | sort)" = "$(printf '%s\n' $'command\t-\t-\tTIME\t-\t1' $'container\taa\t-\tTIME\tno\tstarted' \
		$'container\tdeaf\t-\tTIME\tyes\tstarted' $'skipped\tbb\t-\t-\t-\tdown' $'skipped\tnone\t-\t-\t-\tnone' \
		$'skipped\tpaused\t-\t-\t-\tpaused' $'skipped\ttask\t-\t-\t-\ttask')" ]
	awk -F '\t' '$1 == "command" { exit !($4 >= 0.2 && $4 < 60) }' 'a dir/-'
	awk -F '\t' '$2 == "deaf" { exit !($4 >= 1 && $4 < 60) }' 'a dir/-'
	[ "$(ls -A 'a dir')" = - ]
	run -3 bd-stop -o none/o aa -- touch ran
	[ "$output" = 'bd-stop: none/o: No such file or directory' ]
	[ ! -e ran ]
	run -3 bd-stop -o /dev/null aa -- true
	[ "$output" = 'bd-stop: /dev/null: not a file' ]
	[ -c /dev/null ]
	container_running aa
}

@test "a task of a swarm" {
	docker swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:0 >/dev/null
	docker service create -q --detach --name service --network host --container-label "bd-more=$(bd_file)" bd-test/busybox sleep 1000
	there() { TASK=$(docker ps -q --filter name=service. --filter status=running) && [ "$TASK" ]; }
	wait_for there
	name=$(docker inspect -f '{{.Name}}' "$TASK")
	run -0 --separate-stderr bd-stop -o o "$TASK" aa -- true
	[ "$stderr" = "Skipping stop/start for swarm task container '${name#/}'." ]
	grep -qx "skipped	${name#/}	-	-	-	task" o
	[ "$(docker ps -q --filter name=service. --filter status=running)" = "$TASK" ]
	docker service rm service >/dev/null
	docker swarm leave -f >/dev/null
}

@test "-d: left down by a command that came to its end, and known to bd-start" {
	volume_new shared >/dev/null
	more u1 -v shared:/x
	for n in 0 1; do
		run -$n --separate-stderr bd-stop -d -j j -o o -m shared u1 aa -- sh -c "docker inspect -f '{{.State.Running}}' u1 aa; exit $n"
		[ "$output" = $'false\nfalse' ]
		[ "$(running u1 aa)" = 'false false' ]
		[ "$(grep ^container o | cut -f 2,4,6 | sort)" = $'aa\t-\tstopped\nu1\t-\tstopped' ]
		[ "$(cut -f 1,4 j | sort)" = $'aa\tstopped\nu1\tstopped' ]
		run -0 bd-start j
		[ "$(running u1 aa)" = 'true true' ]
		[ ! -e j ]
	done
	# who uses the volume meanwhile is named
	run -1 --separate-stderr bd-stop -d -j j -o o -m shared u1 aa -- docker start u1
	[ "$stderr" = 'bd-stop: u1: runs and uses volume shared' ]
	[ "$(grep ^busy o)" = $'busy\tu1\tshared\t-\t-\t-' ]
	[ "$(running u1 aa)" = 'true false' ]
	run -0 bd-start j
	# one that did not come to its end
	for how in 'exit 3' 'kill -9 $$' 'kill -TERM $PPID; exec sleep 100'; do
		run --separate-stderr bd-stop -d -j j u1 aa -- sh -c "$how"
		[ "$status" -ge 2 ]
		[ "$(running u1 aa)" = 'true true' ]
		[ ! -e j ]
	done
	# nor bd-stop itself
	bd-stop -d -j j u1 aa -- sh -c 'echo >ready; exec sleep 100' 3>&- &
	stop=$!
	wait_for [ -e ready ]
	kill -9 "$stop"
	wait_for container_running u1 aa
	run -2 bd-stop -d aa -- true
	run -2 bd-stop -d -j j aa
	[ "$(running aa)" = true ]
}

@test "removed, recreated, or without the one it lives in: named, and the others start" {
	more lender
	more lodger --network container:lender
	more away
	more again
	run -1 --separate-stderr bd-stop -j j lender lodger away again aa -- sh -c 'docker rm away lender again >/dev/null
		for c in lender again; do docker create --name $c --label "bd-more=$0" --label "bd-test=$0" --network none bd-test/busybox sleep 1000; done >/dev/null' "$(bd_file)"
	[ "$(sed 's/ again: POST .*/ again: WHY/' <<<"$stderr" | sort)" = "$(printf 'bd-stop: %s\n' 'again: was recreated; the new one is started' \
		'away: could not be started again: it was removed' 'lender: was recreated; the new one is started' 'lodger: could not be started again: WHY' \
		'lodger: it lives in the network of lender, which was removed or recreated' | sort)" ]
	[ "$(running lender again aa lodger)" = 'true true true false' ]
	# what cannot be started is what stays
	[ "$(cut -f 1 j)" = lodger ]
	run -1 bd-start j
	[ "$(cut -f 1 j)" = lodger ]
}

@test "a stop that hangs: what was stopped is started, nothing is run" {
	fake_pair
	fake_says '/containers/id-aa/stop?t=0' '204 No Content' </dev/null
	mkfifo "$FAKE/_containers_id-bb_stop?t=0"
	run -3 bd-stop -t 0 -T 1 aa bb -- touch ran
	[[ $output == *$'\nbd-stop: bb: could not be stopped' ]]
	[ ! -e ran ]
	[ "$(fake_asked | sed -n 's,POST /v1.41/containers/,,p' | sort | xargs)" = 'id-aa/start id-aa/stop?t=0 id-bb/start id-bb/stop?t=0' ]
}

@test "who uses the volume cannot be told: nothing is run" {
	fake_start
	fake web 1
	for call in stop start; do fake_says /containers/id-web/$call '204 No Content' </dev/null; done
	fake_says /containers/id-web/json <<<'{"Id": "id-web", "State": {"Running": false}}'
	for list in '[{"Id": "other", "Mounts": [{"Type": "volume", "Name": "v"}]}]' '{'; do
		fake_says /containers/json <<<"$list"
		fake_says /containers/other/json '500 Oops' <<<'{"message": "oops"}'
		run -3 --separate-stderr bd-stop -o o -m v web -- touch ran
		[[ $stderr == *'bd-stop: it cannot be told who uses the volumes' ]]
		[ ! -e ran ]
		[ "$(cat o)" = $'busy\t-\tv\t-\t-\t-\ncontainer\tweb\t-\t'"$(sed -n 's/^container\tweb\t-\t\([0-9.]*\)\t.*/\1/p' o)"$'\tno\tstarted' ]
		[ "$(fake_asked | grep -c id-web/start)" = 1 ]
		rm "$FAKE/asked"
	done
	# one that is gone again is nobody
	fake_says /containers/json <<<'[{"Id": "gone", "Mounts": [{"Type": "volume", "Name": "v"}]}]'
	run -0 bd-stop -m v web -- true
}

@test "the daemon is restarted meanwhile: it is waited for" {
	volume_new shared >/dev/null
	more always -v shared:/x --restart always
	mkfifo go
	start_stop -o o -m shared -j j always aa -- sh -c 'echo >ready; read x <go'
	wait_for [ -e ready ]
	engine_down own
	echo >go
	wait_for grep -q aa j
	engine_up own
	ended 1
	[ "$(running aa always)" = 'true true' ] # it was revived
	grep -q $'^busy\talways\tshared\t' o
	grep -q $'^container\taa\t-\t.*\tstarted$' o
	[ ! -e j ]
	# and when it does not come back, the journal stays
	rm ready
	start_stop -w 1 -o o -m shared -j j aa always -- sh -c 'echo >ready; read x <go'
	wait_for [ -e ready ]
	engine_down own
	echo >go
	ended 1
	grep -qx 'bd-stop: aa: could not be started again: Docker does not answer' err
	grep -qx 'bd-stop: it cannot be told who uses the volumes' err
	grep -qx $'busy\t-\tshared\t-\t-\t-' o
	grep -qx $'container\taa\t-\t-\tno\tfailed' o
	[ "$(cut -f 1 j | xargs)" = 'aa always' ]
	run -3 bd-start -w 1 j
	bd-start j 2>err 3>&- &
	pid=$!
	wait_for grep -q docker.sock err
	engine_up own
	wait "$pid"
	container_running aa
	[ ! -e j ]
}

@test "without a command: stops, and prints what bd-start reads" {
	more lender
	more lodger --network container:lender
	run -0 --separate-stderr bd-stop -o o -j j lodger lender
	[ ! -e j ]
	[ "$(running lender lodger)" = 'false false' ]
	[ "$output" = "$(printf 'lender\t%s\trunning\tstopped\t0\t-\t-\t-\nlodger\t%s\trunning\tstopped\t1\t-\t-\tnetwork:%s\n' "$(id lender)" "$(id lodger)" "$(id lender)")" ]
	[ "$(sort o)" = $'container\tlender\t-\t-\tno\tstopped\ncontainer\tlodger\t-\t-\tno\tstopped' ]
	printf '%s\n' "$output" >records
	run -0 bd-start - <records
	[ "$(running lender lodger)" = 'true true' ]
	# names from standard input
	bd-stop <<<aa >records
	[ "$(cut -f 1 records)" = aa ]
	[ "$(running aa)" = false ]
	bd-start - <records
	printf 'aa\n' | bd-stop bb - -- sh -c 'docker inspect -f {{.State.Running}} aa bb; cat' >seen
	[ "$(cat seen)" = $'false\nfalse' ]
	for bad in $'aa\tx\n' $'-\n' 'aa' $'\n'; do
		run -2 bash -c 'printf %s "$0" | bd-stop' "$bad"
		[[ $output == 'bd-stop: stdin:'* ]]
	done
	run -0 bd-stop </dev/null
	[ -z "$output" ]
	# nobody gets to know: nothing stays down
	run -3 sh -c 'bd-stop aa >/dev/full'
	[ "$(running aa)" = true ]
	run -0 bd-stop -n aa
	[ "$output" = 'stop aa' ]
}

@test "without a command and SIGKILL: started again" {
	marks
	slow slow --stop-timeout 8
	start_stop aa slow
	wait_for [ -s "$MARKS/slow" ]
	guardian=$(guardian_of "$STOP")
	kill -9 "$STOP"
	touch "$MARKS/go"
	wait_for gone "$guardian"
	[ "$(running aa slow)" = 'true true' ]
	[ ! -s out ]
}

# One of bd-stop, its guardian and the command, or two of them.
victim() {
	local all
	all=$(cat "/proc/$1/task/$1/children" 2>/dev/null) || :
	# shellcheck disable=SC2086 # words
	shuf -n $((RANDOM % 4 == 0 ? 2 : 1)) -e "$1" "$1" $all
}

@test "killed at any time: every container runs again" {
	local kills=30 n=0 left=0
	[ -z "${BAUDOLO_TEST_LONG-}" ] || kills=300
	more k1 --stop-timeout 1
	more k2 --stop-timeout 1 --network container:k1
	ON_TERM='sleep 0.4; exit 0' more k3 --stop-timeout 1 # on its way down for a while
	while [ "$n" -lt "$kills" ]; do
		start_stop -j j k1 k2 k3 -- sh -c 'read -t 0.2 x <>/dev/zero; :'
		read -r -t "$((RANDOM % 2)).$(printf %03d $((RANDOM % 1000)))" _ <> <(:) || :
		for pid in $(victim "$STOP"); do
			sig=$(shuf -n 1 -e TERM INT HUP KILL KILL)
			kill -s "$sig" "$pid" 2>/dev/null && n=$((n + 1)) || :
		done
		wait "$STOP" || :
		[ ! -e j ] || flock j true # the guardian's
		[ ! -e j ] || bd-start j || { cat err j; false; }
		[ ! -e j ]
		container_running k1 k2 k3 || { left=$((left + 1)); cat err; break; }
		[ "$(docker exec k2 readlink /proc/self/ns/net)" = "$(docker exec k1 readlink /proc/self/ns/net)" ]
	done
	echo "# $n kills, $left containers left" >&3
	[ "$left" = 0 ]
}

@test "-n changes nothing" {
	before=$(pids aa bb)
	run -1 --separate-stderr bd-stop -n aa none bb -- touch 'a b'
	[ "$output" = $'stop bb\nstop aa\ntouch \'a b\'\nstart aa\nstart bb' ]
	[ ! -e 'a b' ]
	[ "$(pids aa bb)" = "$before" ]
}

@test "-v tells" {
	run -0 --separate-stderr bd-stop -v aa bb -- echo 'x y'
	[ "$output" = 'x y' ]
	[ "$stderr" = "$(printf 'bd-stop: %s\n' 'stopping bb' 'stopping aa' "+ echo 'x y'" 'starting aa' 'starting bb')" ]
}

@test "wrong usage, the version, a full disk" {
	for args in '--' 'aa --' '-t' '-t x aa -- true' '-t -1 aa -- true' '-T x aa' '-w x aa' '-z aa -- true'; do
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
