#!/usr/bin/env bats
# bd-start; what it does after the death of bd-stop is in 40-stop.bats

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
	container_up aa bb
}

teardown() {
	[ -z "${BD_TAP-}" ] || engine_untap >/dev/null
	fake_stop
}

id() { docker inspect -f '{{.Id}}' "$1"; }
running() { docker inspect -f '{{.State.Running}}' "$@" | xargs; }

# A record. entry NAME [STATE [ORDER [NEEDS]]]
entry() { printf '%s\t%s\trunning\t%s\t%s\t-\t-\t%s\n' "$1" "$(id "$1")" "${2:-stopped}" "${3:-0}" "${4:--}"; }

@test "starts what is down, in order, and removes the journal" {
	docker stop aa bb >/dev/null
	{ entry bb stopped 2; entry aa stopped 1; } >j
	engine_tap
	run -0 bd-start -v j
	engine_untap >asked
	[ "$output" = $'bd-start: starting aa\nbd-start: starting bb' ]
	[ "$(sed -n 's,^POST /containers/\(.*\)/start,\1,p' asked)" = "$(id aa; id bb)" ]
	[ "$(running aa bb)" = 'true true' ]
	[ -z "$(ls -A | grep -v asked)" ]
	# what runs is left alone
	{ entry bb; entry aa running; } >j
	run -0 bd-start j
	[ -z "$output" ]
	[ ! -e j ]
}

@test "a later record counts, what has left is not started, a torn end is cut off" {
	docker stop aa bb >/dev/null
	{ entry aa running; entry bb stopped; entry aa stopping; entry aa left; printf 'bb\tx'; } >j
	run -0 bd-start j
	[ "$(running aa bb)" = 'false true' ]
	[ ! -e j ]
	{ entry aa; printf '\0\0\0\0'; } >j
	run -0 bd-start j
	[ "$(running aa)" = true ]
	: >j
	run -0 bd-start j
	[ ! -e j ]
}

@test "what cannot be started is named and stays, the others start" {
	mkdir src
	container_run bound --mount type=bind,src="$PWD/src",dst=/x
	docker stop aa bound >/dev/null
	rmdir src
	{ entry aa running; entry bound stopped; entry aa stopped 1; } >j
	run -1 --separate-stderr bd-start j
	[[ $stderr == *'bd-start: bound: could not be started again' ]]
	[ "$(running aa)" = true ]
	[ "$(cat j)" = "$(entry bound)" ]
	run -1 bd-start j
	mkdir src
	run -0 bd-start j
	[ "$(running bound)" = true ]
	[ ! -e j ]
	docker rm -f bound >/dev/null
}

@test "removed: named and forgotten; recreated: started" {
	container_run away
	record=$(entry away)
	docker rm -f away >/dev/null
	printf '%s\n' "$record" >j
	docker stop aa >/dev/null
	entry aa >>j
	run -1 bd-start j
	[ "$output" = 'bd-start: away: could not be started again: it was removed' ]
	[ ! -e j ]
	[ "$(running aa)" = true ]
	container_run away
	printf '%s\n' "$record" >j
	run -0 bd-start j
	[ "$output" = 'bd-start: away: was recreated, and runs' ]
	docker stop away >/dev/null
	printf '%s\n' "$record" >j
	run -0 bd-start j
	[ "$output" = 'bd-start: away: was recreated; the new one is started' ]
	container_running away
	# an id that begins with the name is not meant
	short=$(id away)
	sed "s/^away/${short:0:8}/" <<<"$record" >j
	run -1 bd-start j
	[ "$output" = "bd-start: ${short:0:8}: could not be started again: it was removed" ]
	docker rm -f away >/dev/null
}

@test "paused since: it runs" {
	docker pause aa >/dev/null
	entry aa >j
	run -0 bd-start j
	[[ $output == *$'\nbd-start: aa: is paused, and is left so' ]]
	[ ! -e j ]
}

@test "a locked journal is left alone, the others are not" {
	docker stop aa bb >/dev/null
	entry aa >a
	entry bb >b
	run -4 --separate-stderr flock a bd-start a b
	[ "$stderr" = 'bd-start: a: belongs to a bd-stop or bd-start that is at work' ]
	[ "$(running aa bb)" = 'false true' ]
	[ -e a ]
	[ ! -e b ]
	run -4 flock a bd-start -n a
	run -3 bd-start none a
	[ "$output" = 'bd-start: none: No such file or directory' ]
	[ "$(running aa)" = true ]
}

@test "a journal that cannot be looked at is no empty one" {
	docker stop aa >/dev/null
	entry aa >j
	run -3 strace -qq -o trace -P j -e trace=newfstatat -e inject=newfstatat:error=EIO:when=3 "$(command -v bd-start)" j
	grep -q '"j".*INJECTED' trace # the name, not what is open
	[ "${lines[-1]}" = 'bd-start: j: Input/output error' ]
	[ "$(cat j)" = "$(entry aa)" ]
	run -0 bd-start j
	[ "$(running aa)" = true ]
}

@test "standard input" {
	docker stop aa >/dev/null
	entry aa | bd-start -
	[ "$(running aa)" = true ]
	run -0 bd-start - </dev/null
}

@test "malformed" {
	docker stop aa >/dev/null
	id=$(id aa)
	for bad in "aa\t$id\n" "aa\t$id\trunning\tdead\t0\t-\t-\t-\n" "aa\t-\trunning\tstopped\t0\t-\t-\t-\n" \
		"aa\t$id\trunning\tstopped\tx\t-\t-\t-\n" "aa\t$id\trunning\tstopped\t0\t-1\t1\t-\n" "aa\t$id\trunning\tstopped\t0\t-\t-\t\n" "\n"; do
		printf "$bad" >j
		run -2 bd-start j
		[[ $output == 'bd-start: j:1: '* ]]
		[ "$(cat j; echo .)" = "$(printf "$bad"; echo .)" ]
		run -2 bd-start - <j
		[[ $output == 'bd-start: stdin:1: '* ]]
	done
	run -2 sh -c 'printf "aa\tx" | bd-start -'
	[ "$output" = 'bd-start: stdin:1: the last line has no end' ]
	[ "$(running aa)" = false ]
}

@test "hostile names" {
	name=$'a\tb\nc\\d\xff'
	printf 'a\\tb\\nc\\\\d\xff\tid/../x\trunning\tstopped\t0\t-\t-\tnetwork:no pid: ipc:../x healthy:\n' >j
	cp j before
	run -0 bd-start -n j
	[ "$output" = "start $name" ]
	fake_start
	run -1 --separate-stderr bd-start j
	[[ $stderr == *"bd-start: $name: could not be started again: it was removed" ]]
	[ "$(fake_asked | grep -v _ping | xargs)" = 'POST /v1.41/containers/id%2F..%2Fx/start GET /v1.41/containers/id%2F..%2Fx/json GET /v1.41/containers/a%09b%0Ac%5Cd%FF/json' ]
	# what is not even sent to the right place stays
	fake_says /containers/id%2F..%2Fx/start '301 Moved' </dev/null
	fake_says /containers/id%2F..%2Fx/json '301 Moved' </dev/null
	mv before j
	run -1 bd-start j
	[ "$(cut -f 2 j)" = id/../x ]
}

@test "no Docker: the journal stays" {
	entry aa >j
	cp j before
	export DOCKER_HOST=unix://$PWD/none
	run -3 bd-start -w 0 j
	[ "$output" = "$(printf 'bd-start: %s\n' "$PWD/none: No such file or directory" 'aa: could not be started again: Docker does not answer')" ]
	cmp j before
}

@test "-n changes nothing" {
	docker stop aa bb >/dev/null
	{ entry bb stopped 1; entry aa stopped 0; entry aa left 0; } >j
	cp j before
	run -0 bd-start -n j
	[ "$output" = 'start bb' ]
	cmp j before
	[ "$(running aa bb)" = 'false false' ]
	run -3 sh -c 'bd-start -n j >/dev/full'
	[ "$output" = 'bd-start: stdout: No space left on device' ]
}

@test "wrong usage, the version" {
	for args in '' '-z j' '-w x j' '-w'; do
		# shellcheck disable=SC2086 # words
		run -2 bd-start $args
	done
	[[ $output == *usage:* ]]
	run -0 bd-start -V
	[ "$output" = "bd-start $(cat "$BD_ROOT/VERSION")" ]
}

@test "the examples of the page" {
	container_run web
	run -0 examples bd-start.1
	container_running web
}
