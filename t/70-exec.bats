#!/usr/bin/env bats
# bd-exec, and with it lib/exec.c; what is left of a bd-exec that was killed is in 71-end.bats

load engine
load fake

setup_file() {
	local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes) d=$BATS_FILE_TMPDIR
	openssl req -x509 "${key[@]}" -keyout "$d/cakey.pem" -out "$d/ca.pem" -subj /CN=ca 2>/dev/null
	openssl req "${key[@]}" -keyout "$d/key.pem" -subj /CN=localhost 2>/dev/null |
		openssl x509 -req -CA "$d/ca.pem" -CAkey "$d/cakey.pem" -CAcreateserial -out "$d/cert.pem" \
			-extfile <(echo subjectAltName=DNS:localhost) 2>/dev/null
	start_engine
	container_run aa
	container_run bb
}

teardown_file() { engine_stop own; }

# With a TCP port and TLS as well.
start_engine() {
	local d=$BATS_FILE_TMPDIR
	BD_DOCKERD=(-H tcp://127.0.0.1:0 --tlsverify --tlscacert "$d/ca.pem" --tlscert "$d/cert.pem" --tlskey "$d/key.pem")
	engine_start own
}

over_tls() {
	export DOCKER_CERT_PATH=$BATS_FILE_TMPDIR
	DOCKER_HOST=tcp://localhost:$(sed -n 's/.*API listen on 127.0.0.1:\([0-9]*\).*/\1/p' "$(bd_engine own)/log" | tail -n 1)
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	exec 7</dev/null 8</dev/null
}

teardown() {
	exec 7<&- 8<&-
	[ -z "${BD_TAP-}" ] || [ ! -e "$BD_TAP" ] || engine_untap >/dev/null
	fake_stop
}

# Whether a process with this in its command line runs in aa.
runs() { docker top aa -o pid,args | grep -F -- "$1" >/dev/null; }
gone() { ! runs "$1"; }

memory() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"; }

@test "output, errors and the exit status" {
	for opt in '' -i; do
		run -7 --separate-stderr bd-exec $opt aa sh -c 'echo out; echo err >&2; exit 7' </dev/null
		[ "$output" = out ]
		[ "$stderr" = err ]
		run -0 bd-exec $opt aa true </dev/null
		[ -z "$output" ]
		run -255 bd-exec $opt aa sh -c 'exit 255' </dev/null
		run -137 bd-exec $opt aa sh -c 'kill -9 $$' </dev/null
		# what it leaves behind is not waited for, its own end is
		run -3 bd-exec $opt aa sh -c 'exec >&- 2>&-; sleep 0.5; exit 3' </dev/null
	done
}

@test "what Docker cannot run or does not find" {
	for command in nosuch /nosuch /etc/passwd /; do
		run bd-exec aa "$command"
		[ "$status" = 126 ] || [ "$status" = 127 ]
		[[ $output == *"\"$command\""* ]]
	done
	run bd-exec -u nobody-here aa true
	[ "$status" = 126 ]
}

@test "the input with -i, and only then" {
	run -0 bd-exec -i aa cat <<<'a line'
	[ "$output" = 'a line' ]
	run -0 bd-exec -i aa wc -c </dev/null
	[ "$output" = 0 ]
	[ "$(echo kept | { bd-exec aa cat && cat; })" = kept ]
	# all bytes, and sizes around those of the buffers
	for n in 1 7 8 9 65535 65536 65537 1000003; do
		head -c "$n" /dev/urandom >in
		bd-exec -i aa cat <in >out
		cmp in out
	done
	bd-exec aa head -c 300000 /dev/zero | cmp - <(head -c 300000 /dev/zero)
}

@test "input that nobody reads" {
	for _ in 1 2 3 4 5; do
		run -5 bd-exec -i aa sh -c 'exit 5' </dev/zero
		run -0 bd-exec -i aa head -c 3 </dev/zero
	done
}

@test "input that does not come holds up nothing" {
	mkfifo in out
	bd-exec -i aa sh -c 'echo ready; while read -r x && [ "$x" != end ]; do echo "got $x"; done; echo done' <in >out 3>&- &
	pid=$!
	exec 7>in 8<out
	read -r line <&8
	[ "$line" = ready ]
	for i in 1 2 3; do
		echo "$i" >&7
		read -r line <&8
		[ "$line" = "got $i" ]
	done
	echo end >&7
	read -r line <&8
	[ "$line" = 'done' ]
	# the other end of its input is still open
	wait "$pid"
}

# bats test_tags=memory
@test "much of it, both ways at once, in little memory" {
	mib=128
	[ -z "${BAUDOLO_TEST_LONG-}" ] || mib=1024
	for over in unix tls; do
		[ "$over" = unix ] || over_tls
		[ "$over" = unix ] || [ -n "${BAUDOLO_TEST_LONG-}" ] || mib=32
		rm -f in out
		mkfifo in out
		bd-exec -i aa cat <in >out 3>&- &
		pid=$!
		sha256sum <out >got 3>&- &
		sum=$!
		exec 7>in
		head -c "${mib}M" /dev/urandom | tee >(sha256sum >sent) >&7
		hwm=$(memory "$pid")
		exec 7>&-
		wait "$pid"
		wait "$sum"
		wait_for cmp sent got
		echo "$over: $hwm kB"
		[ "$hwm" -lt 16384 ]
	done
}

@test "output that nobody reads stops the command, and fills no memory" {
	mkfifo out
	bd-exec aa sh -c 'while :; do cat /bin/busybox; echo . >&2; done' >out 2>err 3>&- &
	pid=$!
	exec 8<out
	wait_for blocked "$pid"
	[ "$(memory "$pid")" -lt 16384 ]
	exec 8<&-
	rc=0
	wait "$pid" || rc=$?
	[ "$rc" = 3 ]
	[ "$(grep -v '^\.*$' err)" = 'bd-exec: stdout: Broken pipe' ]
	wait_for gone busybox
}

# It sleeps in a write to a pipe.
blocked() { grep -qE 'pipe_w' "/proc/$1/wchan" || grep -q "^1 0x1 " "/proc/$1/syscall"; }

@test "variables come from our environment, and do not show" {
	value=$'p\'a"s\\s\n\twörd $HOME'
	run -0 env SECRET="$value" OTHER=x EMPTY= bd-exec -E SECRET -E EMPTY aa sh -c 'printf "%s|%s|%s" "$SECRET" "$EMPTY" "${OTHER-none}"'
	[ "$output" = "$value||none" ]
	run -2 env -u SECRET bd-exec -E SECRET aa true
	[ "$output" = 'bd-exec: SECRET is not in the environment' ]
	run -2 bd-exec -E SECRET=hidden aa true
	[ "$output" = "bd-exec: -E takes the name of a variable, not its value" ]
	run -3 env SECRET=$'hidden\xff' bd-exec -E SECRET aa true
	[ "$output" = 'bd-exec: aa: the variable SECRET is not UTF-8, which is all that Docker'\''s API can carry' ]
	# only in the body of a request
	engine_tap
	SECRET=visible bd-exec -E SECRET aa true
	[ "$(grep -c visible "$BD_TAP/asked")" = 1 ]
	grep -x '{"AttachStdin":.*"Env":\["SECRET=visible"\].*' <(tr '\r' '\n' <"$BD_TAP/asked")
	engine_untap >/dev/null
}

@test "a user" {
	run -0 bd-exec -u 65534:7 aa id -u
	[ "$output" = 65534 ]
	run -0 bd-exec -u 65534:7 aa id -g
	[ "$output" = 7 ]
}

@test "arguments arrive as they are" {
	args=(-x '' $'a\tb\nc' 'back\slash' '"quoted"' "'" '$HOME' 'ü€😀' $'\x01\x7f' '*' --)
	run -0 bd-exec aa printf '<%s>' "${args[@]}"
	[ "$output" = "$(printf '<%s>' "${args[@]}")" ]
	run -3 bd-exec aa echo $'\xff'
	[ "$output" = "bd-exec: aa: an argument of the command is not UTF-8, which is all that Docker's API can carry" ]
}

@test "no such container, or one that does not run" {
	for name in none '' '?' 'a b'; do
		run -3 bd-exec "$name" true
		[ "$output" = "bd-exec: $name: no such container" ]
	done
	for name in ../aa aa/json .; do
		run -3 bd-exec "$name" true
	done
	docker stop bb >/dev/null
	run -3 bd-exec bb true
	[[ $output == 'bd-exec: POST /containers/bb/exec: Container '*' is not running' ]]
	docker start bb >/dev/null
	docker pause bb >/dev/null
	run -3 bd-exec bb true
	[[ $output == 'bd-exec: POST /containers/bb/exec: Container bb is paused, '* ]]
	docker unpause bb >/dev/null
	DOCKER_HOST=unix://$PWD/none run -3 bd-exec aa true
	[ "$output" = "bd-exec: $PWD/none: No such file or directory" ]
}

@test "HUP, INT and TERM end the command in the container" {
	n=0
	for sig in HUP:129 INT:130 TERM:143; do
		for opt in '' -i; do
			n=$((n + 1))
			mkfifo "in$n"
			exec 7<>"in$n"
			# its children, too
			env --default-signal=INT bd-exec $opt aa sh -c "sleep 10$n & sleep 20$n; echo no" <&7 >out 2>err 3>&- &
			pid=$!
			wait_for runs "sleep 20$n"
			kill -s "${sig%:*}" "$pid"
			rc=0
			wait "$pid" || rc=$?
			[ "$rc" = "${sig#*:}" ]
			[ ! -s out ]
			[ "$(cat err)" = 'bd-exec: aa: sh is ended' ]
			gone "sleep 20$n"
			gone "sleep 10$n"
		done
	done
}

@test "what does not hear TERM gets KILL; a HUP that is ignored stays so" {
	(trap '' HUP && exec bd-exec aa sh -c 'trap "" TERM; sleep 301; sleep 302' >out 2>&1 3>&-) &
	pid=$!
	wait_for runs 'sleep 301'
	kill -s HUP "$pid"
	kill -s TERM "$pid"
	rc=0
	wait "$pid" || rc=$?
	[ "$rc" = 143 ]
	gone 'sleep 30'
}

@test "it cannot write what it reads: the command is ended" {
	for opt in '' -i; do
		run -3 --separate-stderr sh -c "bd-exec $opt aa sh -c 'while echo x; do :; done; sleep 444' </dev/null >/dev/full"
		[ "$stderr" = 'bd-exec: stdout: No space left on device' ]
		gone 'sleep 444'
	done
	# input that cannot be read has no end
	run -3 bd-exec -i aa sh -c 'cat && touch /tmp/ended; sleep 445' <"$PWD"
	[ "$output" = 'bd-exec: stdin: Is a directory' ]
	gone 'sleep 445'
	run -1 docker exec aa test -e /tmp/ended
}

@test "the container is killed meanwhile" {
	for opt in '' -i; do
		mkfifo in
		exec 7<>in
		bd-exec $opt bb sleep 100 <&7 >out 2>&1 3>&- &
		pid=$!
		wait_for sh -c 'docker top bb | grep -q "sleep 100$"'
		docker kill bb >/dev/null
		rc=0
		wait "$pid" || rc=$?
		[ "$rc" = 3 ]
		[ "$(cat out)" = 'bd-exec: bb: ended, or was killed, while sleep ran in it' ]
		docker start bb >/dev/null
		rm in
	done
}

@test "over TCP with TLS: all the same, but a command cannot be ended" {
	over_tls
	run -7 --separate-stderr bd-exec aa sh -c 'echo out; echo err >&2; exit 7'
	[ "$output" = out ]
	[ "$stderr" = err ]
	for _ in 1 2 3; do
		# the end of the input, and what comes long after it
		run -0 bd-exec -i aa sh -c 'cat; sleep 1; echo end' <<<begin
		[ "$output" = $'begin\nend' ]
		run -5 bd-exec -i aa sh -c 'exit 5' </dev/zero
	done
	head -c 3000000 /dev/urandom >in
	bd-exec -i aa cat <in >out
	cmp in out
	bd-exec aa sleep 555 >out 2>&1 3>&- &
	pid=$!
	DOCKER_CERT_PATH='' DOCKER_HOST=unix://$(bd_engine own)/docker.sock wait_for runs 'sleep 555'
	kill "$pid"
	rc=0
	wait "$pid" || rc=$?
	[ "$rc" = 143 ]
	[ "$(tail -n 1 out)" = "bd-exec: aa: what was started in it may go on: the daemon at ${DOCKER_HOST#tcp://} is not known to be on this host" ]
}

# A daemon that knows a container c, and takes a command.
fake_exec() {
	fake_start
	fake_says /containers/c/exec '201 Created' <<<'{"Id": "e"}'
	fake_says /exec/e/json <<<"{\"Running\": false, \"ExitCode\": ${1:-0}, \"Pid\": 0, \"ContainerID\": \"c\"}"
}

# frame STREAM TEXT
frame() { printf "\\x$1\\0\\0\\0\\0\\0\\0\\x$(printf %x "${#2}")%s" "$2"; }

upgraded() { printf 'HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n'; }

@test "what comes together with the head of the answer is not lost" {
	fake_exec 9
	{ upgraded; frame 1 early; frame 2 E; frame 1 ' bird'; } | fake_raw /exec/e/start
	run -9 --separate-stderr bd-exec -i c x </dev/null
	[ "$output" = 'early bird' ]
	[ "$stderr" = E ]
	# an answer before the answer
	{ printf 'HTTP/1.1 100 Continue\n\n'; upgraded; frame 1 late; } | fake_raw /exec/e/start
	run -9 bd-exec -i c x </dev/null
	[ "$output" = late ]
}

@test "an end that leaves input unread is an end" {
	fake_exec
	{ upgraded; frame 1 all; } | fake_raw /exec/e/start
	fake_deaf /exec/e/start
	exec 7<> <(:)
	run -0 bd-exec -i c x <&7
	[ "$output" = all ]
}

@test "a plain body, in chunks or not" {
	fake_exec 9
	{ frame 1 hel; frame 1 lo; } | { printf '200 OK\n'; cat; } >"$FAKE/_exec_e_start"
	run -9 bd-exec c x
	[ "$output" = hello ]
	{ printf 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n'; frame 1 hello | head -c 5; printf '\r\n8;x=y\r\n'; frame 1 hello | tail -c 8; printf '\r\n0\r\n\r\n'; } |
		fake_raw /exec/e/start
	run -9 bd-exec c x
	[ "$output" = hello ]
	# cut off
	{ printf 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n99\r\n'; frame 1 hello; } | fake_raw /exec/e/start
	run -3 --separate-stderr bd-exec c x
	[ "$output" = hello ]
	[[ ${stderr_lines[-1]} == 'bd-exec: c: x was not run, or not to its end' ]]
}

@test "an answer that is no upgrade takes no input" {
	fake_exec
	for answer in '200 OK' '204 No Content'; do
		frame 1 hello | { printf 'HTTP/1.1 %s\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n' "$answer"; cat; printf '\r\n0\r\n\r\n'; } |
			fake_raw /exec/e/start
		run -3 --separate-stderr bd-exec -i c x </dev/null
		[ -z "$output" ]
		[ "${stderr_lines[0]}" = "bd-exec: c: POST /exec/e/start: HTTP status ${answer%% *} instead of 101: what leads to Docker takes no input" ]
	done
}

@test "refusals" {
	fake_exec
	message='{"message": "it is not my day"}'
	length=$(printf 'HTTP/1.1 409 Conflict\r\ncontent-length:  %d \r\n\r\n%s and more' "${#message}" "$message"; echo .)
	chunks=$(printf 'HTTP/1.1 409 Conflict\r\nTransfer-Encoding: Chunked\r\n\r\n2;x\r\n%s\r\n%X\r\n%s\r\n0\r\n\r\n' "${message::2}" $((${#message} - 2)) "${message:2}"; echo .)
	close=$(printf 'HTTP/1.1 409 Conflict\n\n%s' "$message"; echo .)
	for answer in "$length" "$chunks" "$close"; do
		printf %s "${answer%.}" | fake_raw /exec/e/start
		for opt in '' -i; do
			run -3 bd-exec $opt c x </dev/null
			[ "$output" = $'bd-exec: POST /exec/e/start: it is not my day\nbd-exec: c: x was not run, or not to its end' ]
		done
	done
	printf 'HTTP/1.1 404 Not Found\r\n\r\n{"message": "gone"}' | fake_raw /exec/e/start
	run -3 bd-exec -i c x </dev/null
	[ "${lines[0]}" = 'bd-exec: POST /exec/e/start: gone' ]
	fake_says /containers/c/exec '500 Oh' <<<"$message"
	run -3 bd-exec -i c x </dev/null
	[ "$output" = 'bd-exec: POST /containers/c/exec: it is not my day' ]
}

@test "answers that are none" {
	fake_exec
	{ printf 'HTTP/1.1 101 UPGRADED\r\nX: '; head -c 70000 /dev/zero | tr '\0' x; } | fake_raw /exec/e/start
	run -3 bd-exec -i c x </dev/null
	[ "${lines[0]}" = "bd-exec: c: Docker's answer has no end" ]
	{ printf 'HTTP/1.1 500 Oh\r\nContent-Length: 99999999\r\n\r\n'; head -c 70000 /dev/zero | tr '\0' x; } | fake_raw /exec/e/start
	run -3 bd-exec -i c x </dev/null
	[ "${lines[0]}" = "bd-exec: c: Docker's answer has no end" ]
	for answer in '' 'HTTP/1.1 101 UPGR' 'HTTP/1.1 101 UPGRADED\r\nX: y\r\n' 'SSH-2.0-x\r\n\r\n' 'HTTP/1.1 1x1 UPGRADED\r\n\r\n' \
		'HTTP/1.1 099 UPGRADED\r\n\r\n' 'HTTP/1.1\r\n\r\n' 'HTTP/1.1 500 x\r\nContent-Length: -1\r\n\r\n'; do
		printf "$answer" | fake_raw /exec/e/start
		run -3 bd-exec -i c x </dev/null
		[ "${lines[0]}" = 'bd-exec: c: POST /exec/e/start: the answer is no HTTP, or not all of it' ]
	done
	for answer in '' '{}' '{"Id": null}' '{"Id": ""}' '[' '"x"'; do
		fake_says /containers/c/exec '201 Created' <<<"$answer"
		run -3 bd-exec c x
		[[ $output == *'bd-exec:'*'/containers/c/exec: the answer '* ]]
	done
}

@test "output that is not whole" {
	fake_exec
	for bad in '\1' '\1\0\0\0\0\0\0\5hel' '\1\0\0\0\0\0\0' '\4\0\0\0\0\0\0\1x' '\1\0\0\1\0\0\0\1x' 'Unable to upgrade'; do
		{ frame 1 yes; printf "$bad"; } >bad
		{ upgraded; cat bad; } | fake_raw /exec/e/start
		run -3 --separate-stderr bd-exec -i c x </dev/null
		[ "$stderr" = 'bd-exec: c: what came from x is not all that it wrote' ]
		{ printf 'HTTP/1.1 200 OK\r\n\r\n'; cat bad; } | fake_raw /exec/e/start
		run -3 --separate-stderr bd-exec c x
		[ "$stderr" = 'bd-exec: c: what came from x is not all that it wrote' ]
	done
}

@test "an end that is not known is a failure" {
	fake_exec null
	{ upgraded; frame 1 yes; } | fake_raw /exec/e/start
	run -3 --separate-stderr bd-exec -i c x </dev/null
	[ "$output" = yes ]
	[ "$stderr" = 'bd-exec: c: how x ended is not known to Docker' ]
	for answer in '{}' '[]' '{"Running": null, "ExitCode": 0}'; do
		fake_says /exec/e/json <<<"$answer"
		run ! bd-exec -i c x </dev/null
	done
	fake_says /exec/e/json '500 Oh' <<<'{"message": "no"}'
	run -3 bd-exec -i c x </dev/null
	[[ $output == *'bd-exec: c: how x ended is not known'* ]]
	rm "$FAKE/_exec_e_json"
	run -3 --separate-stderr bd-exec -i c x </dev/null
	[ "$stderr" = 'bd-exec: c: ended, or was killed, while x ran in it' ]
}

@test "the journal: on disk before the start" {
	export DOCKER_HOST
	run -0 bd-exec -J j aa true
	[ "$(stat -c %a j)" = 600 ]
	run -0 bd-exec -iJ j aa true </dev/null
	id=$(docker inspect -f '{{.Id}}' aa)
	[ "$(wc -l <j)" = 2 ]
	! grep -vE "^[0-9a-f]{64}	$id\$" j || false
	strace -f -s 200 -e trace=write,fsync,sendto -o trace bd-exec -J j aa true
	sed -n -e '/"[^"]*'"$id"'\\n", 130) = 130$/s/.*/write/p; s/.* fsync(.*) *= 0$/fsync/p; /start HTTP/{s/.*/start/p; q}' trace >order
	[ "$(tail -n 3 order | xargs)" = 'write fsync start' ]
	# where it cannot be written nothing is started
	record=$(head -n 1 j)
	yes "$record" | head -n 10000 >j
	cp j before
	run -3 sh -c 'trap "" XFSZ; ulimit -f 1000; exec bd-exec -J j aa touch /tmp/started'
	[ "$output" = 'bd-exec: journal of commands: File too large' ]
	cmp j before
	run -1 docker exec aa test -e /tmp/started
	run -3 bd-exec -J . aa true
	run -3 bd-exec -J none/j aa true
	[ "$output" = 'bd-exec: none/j: No such file or directory' ]
	ln -s j link
	run -3 bd-exec -J link aa true
	mkfifo f
	run -3 bd-exec -J f aa true
	run -3 bd-exec -J /dev/full aa true
	[ "$output" = 'bd-exec: /dev/full: not a file' ]
	run -3 flock j bd-exec -J j aa true
	[ "$output" = 'bd-exec: j: belongs to somebody who is at work' ]
	cmp j before
}

@test "the daemon dies meanwhile" {
	for opt in '' -i; do
		mkfifo in
		exec 7<>in
		bd-exec $opt aa sleep 666 <&7 >out 2>&1 3>&- &
		pid=$!
		wait_for runs 'sleep 666'
		kill -9 "$(cat "$(bd_engine own)/pid")"
		rc=0
		wait "$pid" || rc=$?
		[ "$rc" = 3 ]
		cat out
		grep '^bd-exec: aa: .*sleep ' out
		grep '^bd-exec: aa: what was started in it may go on$' out
		start_engine
		docker start aa bb >/dev/null
		rm in
	done
}

@test "wrong usage, the version" {
	for args in '' aa -i '-E' '-z aa true' '-u'; do
		# shellcheck disable=SC2086 # words
		run -2 bd-exec $args
	done
	[[ $output == *usage:* ]]
	run -0 bd-exec -V
	[ "$output" = "bd-exec $(cat "$BD_ROOT/VERSION")" ]
}

@test "the examples of the page" {
	container_run db
	docker exec -i db sh -c 'cat >/bin/pg_dump; chmod 755 /bin/pg_dump' <<<'#!/bin/sh
echo "$PGPASSWORD $*"'
	docker exec -i db sh -c 'cp /bin/pg_dump /bin/psql'
	PGPASSWORD=geheim run -0 examples bd-exec.1
	docker rm -f db >/dev/null
}
