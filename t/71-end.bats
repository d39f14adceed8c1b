#!/usr/bin/env bats
# bd-end: what a killed bd-exec has left in a container

load engine
load database
load fake

setup_file() {
	engine_start own
	container_run aa
	image_postgres
	server_run pg bd-test/postgres:15 -e POSTGRES_PASSWORD=geheim
}

teardown_file() { engine_stop own; }

setup() { cd "$BATS_TEST_TMPDIR"; }

teardown() { fake_stop; }

runs() { docker top "${2:-aa}" -o pid,args | grep -F -- "$1" >/dev/null; }
gone() { ! runs "$@"; }
id() { docker inspect -f '{{.Id}}' "$1"; }

holds() { [ "$(pg pg -c "$1")" = 1 ]; }

# Runs a command in a container, of which WHAT is to be seen, and kills bd-exec: left WHAT CONTAINER COMMAND [ARG...]
left() {
	local what=$1
	shift
	PGPASSWORD=geheim bd-exec -J j -E PGPASSWORD "$@" >out 2>&1 3>&- &
	PID=$!
	wait_for runs "$what" "$1" || { cat out; return 1; }
	kill -9 "$PID"
	wait "$PID" || :
}

@test "pg_dump, and its locks, outlive a killed bd-exec, but not bd-end" {
	pg pg <<<'CREATE TABLE a (x int); CREATE TABLE b (x int)'
	mkfifo locker
	pg pg <locker >locked 2>&1 3>&- &
	locker=$!
	exec 7>locker
	echo "BEGIN; LOCK TABLE b; SELECT 'locked';" >&7
	wait_for grep -q locked locked
	left pg_dump pg pg_dump -U postgres -h localhost postgres
	wait_for holds "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity USING (pid) WHERE application_name = 'pg_dump' AND relation = 'a'::regclass AND granted"
	runs pg_dump pg
	run -0 bd-end j
	[[ $output =~ ^'bd-end: pg: process '[0-9]+', which was left in it, is ended'$ ]]
	gone pg_dump pg
	[ ! -e j ]
	[ "$(pg pg -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump'")" = 0 ]
	exec 7>&-
	wait "$locker"
}

@test "all of it, its children too; what hears no TERM; what has ended" {
	left 'sleep 101' aa sh -c 'sleep 101; sleep 102'
	left 'sleep 201' aa sh -c 'trap "" TERM; sleep 201; sleep 202'
	bd-exec -J j aa true
	[ "$(wc -l <j)" = 3 ]
	cp j before
	run -0 bd-end -n j
	[ "$output" = "$(id=$(id aa); printf 'end %s\n' "$id" "$id")" ]
	cmp j before
	runs 'sleep 101'
	run -0 bd-end j
	[ "${#lines[@]}" = 2 ]
	[ ! -e j ]
	gone 'sleep 101'
	gone 'sleep 102'
	gone 'sleep 201'
	gone 'sleep 202'
}

# Docker says of the command in the journal that it does not run.
denied() {
	curl -s --unix-socket "${DOCKER_HOST#unix://}" "http://docker/exec/$(cut -f 1 j)/json" | jq -e '[.Running, .ExitCode] == [false, 126]' >/dev/null
}

# Leaves a command that goes on writing, of which Docker says that it does not run, since it could not pass on what it wrote.
unread() {
	mkfifo out
	bd-exec -J j aa sh -c 'while :; do cat /bin/busybox; echo . >&2; done' >out 2>err 3>&- &
	PID=$!
	exec 8<out
	head -c 1000 <&8 >/dev/null
	kill -KILL "$PID"
	exec 8<&-
	wait "$PID" || :
	wait_for denied
	runs busybox
}

@test "what goes on though Docker says that it does not run" {
	unread
	run -0 bd-end -n j
	[ "$output" = "end $(id aa)" ]
	run -0 bd-end j
	[[ $output == *', which was left in it, is ended' ]]
	gone busybox
	[ ! -e j ]
}

@test "a /proc that cannot be read is not one in which nothing runs" {
	unread
	run -0 strace -qq -o trace -P /proc -e inject=getdents64:error=EIO:when=1 bd-end j
	grep -q INJECTED trace
	[[ $output == *'/proc: Input/output error'*', which was left in it, is ended' ]]
	gone busybox
}

@test "a journal that cannot be looked at is not one that is gone" {
	local n faults=0
	printf '%064d\t%064d\n' 1 2 >j
	for n in {1..9}; do
		run strace -qq -o trace -P j -e trace=newfstatat -e "inject=newfstatat:error=EIO:when=$n" bd-end j
		grep -q INJECTED trace || break
		faults=$((faults + 1))
		[ "$status" != 0 ]
		[[ $output == *'j: Input/output error' ]]
		[ -e j ]
	done
	[ "$faults" -ge 2 ]
}

@test "nothing to do" {
	: >j
	DOCKER_HOST=unix://$PWD/none run -0 bd-end j
	[ ! -e j ]
	bd-exec -J j aa true
	# commands of containers that are gone, or were never started, and the end that a death has cut off
	container_run away
	bd-exec -J j away true
	docker rm -f away >/dev/null
	printf '%064d\t%s\n' 0 "$(id aa)" >>j
	printf '%064d\t' 0 >>j
	run -0 bd-end j
	[ -z "$output" ]
	[ ! -e j ]
	{ bd-exec -J j aa true; printf '\0\0\0' >>j; }
	run -0 bd-end j
	[ ! -e j ]
	run -3 bd-end j
	[ "$output" = 'bd-end: j: No such file or directory' ]
}

@test "at work: left alone" {
	bd-exec -J j aa sleep 301 >out 2>&1 3>&- &
	pid=$!
	wait_for runs 'sleep 301'
	run -4 bd-end j
	[ "$output" = 'bd-end: j: belongs to somebody who is at work' ]
	# others may join
	bd-exec -J j aa true
	bd-exec -J other aa true
	run -4 bd-end j other
	[ -e j ]
	[ ! -e other ]
	runs 'sleep 301'
	kill "$pid"
	rc=0
	wait "$pid" || rc=$?
	[ "$rc" = 143 ]
	run -0 bd-end j
	[ -z "$output" ]
}

@test "what cannot be ended is named and stays in the journal" {
	left 'sleep 401' aa sleep 401
	bd-exec -J j aa true
	tap_tcp
	DOCKER_HOST=tcp://127.0.0.1:$TAP_PORT run -1 bd-end j
	[ "$output" = "bd-end: $(id aa): what was started in it may go on: the daemon at 127.0.0.1:$TAP_PORT is not known to be on this host" ]
	untap_tcp
	runs 'sleep 401'
	[ "$(wc -l <j)" = 1 ]
	[ "$(stat -c %a j)" = 600 ]
	run -0 bd-end j
	gone 'sleep 401'
}

@test "a process is not ended because of its number" {
	tail -f /dev/null 3>&- & # any process
	other=$!
	docker top aa -o pid,args >/dev/null
	fake_start
	fake_says /exec/e/json <<<"{\"Running\": true, \"ExitCode\": null, \"Pid\": $other, \"ContainerID\": \"$(printf '%064d' 5)\"}"
	fake_says "/containers/$(printf '%064d' 5)/json" <<<"{\"Id\": \"$(printf '%064d' 5)\", \"Name\": \"/c\", \"State\": {\"Running\": true}}"
	printf 'e\tc\n' >j
	run -1 bd-end j
	[ "$output" = "bd-end: c: process $other is not seen to be in it, so it is not ended" ]
	[ -e j ]
	kill -0 "$other"
	# one that is no process any more has ended, once the daemon says so
	kill "$other"
	wait "$other" || :
	fake_says /exec/e/json <<<'{"Running": false, "ExitCode": 1, "Pid": 0, "ContainerID": "c"}'
	run -0 bd-end j
	[ -z "$output" ]
}

@test "Docker fails: the journal stays" {
	printf 'e\tc\n' >j
	cp j before
	DOCKER_HOST=unix://$PWD/none run -3 bd-end j
	[ "$output" = "bd-end: $PWD/none: No such file or directory" ]
	cmp j before
	fake_start
	fake_says /exec/e/json '500 Oh' <<<'{"message": "no"}'
	run -1 bd-end j
	[ "$output" = $'bd-end: GET /exec/e/json: no\nbd-end: e: what was started in it may go on' ]
	cmp j before
	# a hostile id is asked for, and no more than that
	printf '../x\tc\n' >j
	run -0 bd-end j
	grep -qx 'GET /v1.41/exec/..%2Fx/json' <(fake_asked)
}

@test "malformed" {
	for bad in 'x\n' '\n' 'a\tb\tc\n' 'a\t\n' '-\tb\n' 'a\t-\n' 'a\tb\nx\n' 'a\\x\tb\n'; do
		printf -- "$bad" >j
		run -2 bd-end j
		[[ $output == 'bd-end: j:'[12]': '* ]]
		[ "$(cat j; echo .)" = "$(printf -- "$bad"; echo .)" ]
	done
	mkdir d
	run -3 bd-end d
	[ "$output" = 'bd-end: d: not a file' ]
	ln -s j l
	run -3 bd-end l
	[ -e j ]
}

@test "wrong usage, the version, /dev/full" {
	for args in '' '-z j' -n; do
		# shellcheck disable=SC2086 # words
		run -2 bd-end $args
	done
	[[ $output == *usage:* ]]
	run -0 bd-end -V
	[ "$output" = "bd-end $(cat "$BD_ROOT/VERSION")" ]
	left 'sleep 601' aa sleep 601
	run -3 sh -c 'bd-end -n j >/dev/full'
	[ "$output" = 'bd-end: stdout: No space left on device' ]
	bd-end j
}

@test "the examples of the page" {
	mkdir state
	left 'sleep 701' aa sleep 701
	mv j state/execs.1
	sed "s,/var/lib/baudolo,$PWD/state," "$BD_ROOT/man/bd-end.1" >page
	BD_ROOT=$PWD/root
	mkdir -p root/man
	mv page root/man/bd-end.1
	run -0 examples bd-end.1
	gone 'sleep 701'
	[ -z "$(ls state)" ]
}
