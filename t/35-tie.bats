#!/usr/bin/env bats
# bd-tie

load engine
load fake

setup() { cd "$BATS_TEST_TMPDIR"; }

# Dead, whether or not somebody has asked how it died.
gone() { ! grep -qs '^State:[[:space:]]*[RSDTtI]' "/proc/$1/status"; }

# The number that a process wrote to the file.
pid_in() { wait_for [ -s "$1" ] && cat "$1"; }

@test "it becomes the command: its status, its descriptors, its arguments" {
	run -0 sh -c 'echo in | bd-tie -p $$ cat'
	[ "$output" = in ]
	run -7 sh -c 'bd-tie -p $$ sh -c "exit 7"'
	run -0 --separate-stderr sh -c 'bd-tie -p $$ sh -c "echo out; echo err >&2"'
	[ "$output" = out ]
	[ "$stderr" = err ]
	run -0 sh -c 'bd-tie -p $$ printf "<%s>" "a b" "" "-p" "--" "*" "\$x" "$(printf "tab\tnew\nline\\\\\"")"'
	[ "$output" = $'<a b><><-p><--><*><$x><tab\tnew\nline\\">' ]
	run -0 sh -c 'bd-tie -p $$ printf "<%s>" "$(printf "\377")" | od -An -c'
	[[ $output == *'<'*'377'*'>'* ]]
	run -0 sh -c 'exec 5>five; bd-tie -p $$ sh -c "echo five >&5"; cat five'
	[ "$output" = five ]
	# no process more
	run -0 sh -c 'bd-tie -p $$ sh -c "echo \$PPID"; echo $$'
	[ "${lines[0]}" = "${lines[1]}" ]
}

@test "options of the command are the command's" {
	run -0 sh -c 'bd-tie -p $$ echo -V -p 1 -s x'
	[ "$output" = '-V -p 1 -s x' ]
	run -0 sh -c 'bd-tie -p $$ -- echo -n x'
	[ "$output" = x ]
}

@test "by a shell in the background, as baudolo does" {
	for shell in dash 'busybox sh' bash; do
		run -5 $shell -c 'bd-tie -p $$ sh -c "exit 5" & wait $!'
		# and INT, which such a shell has its children ignore, is heard
		run -130 $shell -c 'bd-tie -p $$ sh -c "kill -INT \$\$; exit 5" & wait $!'
	done
}

@test "it dies with its parent, whatever ends that, and with KILL by default" {
	mkfifo never
	for end in 'kill -KILL $$' 'kill -TERM $$' 'exit 0'; do
		rm -f pid
		run timeout 10 sh -c '
			bd-tie -p $$ sh -c "trap \"\" TERM INT HUP; echo \$\$ >pid.tmp; mv pid.tmp pid; read -r _ <never" 3>&- >/dev/null 2>&1 &
			until [ -s pid ]; do :; done
			'"$end"
		wait_for gone "$(cat pid)"
	done
}

@test "by a signal of one's choice" {
	for sig in TERM INT HUP USR1; do
		rm -f pid got
		run timeout 10 sh -c '
			bd-tie -p $$ -s "$1" sh -c "trap \"echo $1 >got; exit\" $1; echo \$\$ >pid.tmp; mv pid.tmp pid; while :; do :; done" 3>&- >/dev/null 2>&1 &
			until [ -s pid ]; do :; done
			kill -KILL $$' - "$sig"
		wait_for gone "$(cat pid)"
		[ "$(cat got)" = "$sig" ]
	done
}

@test "an orphan does not even begin" {
	run -3 bd-tie -p 1 touch ran
	[ "$output" = 'bd-tie: process 1 did not start this one, or is gone' ]
	run -3 sh -c 'bd-tie -p 999999999 touch ran'
	run -3 sh -c '(bd-tie -p $$ touch ran; exit $?)'
	[ ! -e ran ]
	# the parent dies before bd-tie gets to ask
	mkfifo go
	sh -c '(read -r _ <go; exec bd-tie -p $$ touch ran) >out 2>&1 3>&- & kill -KILL $$' || :
	echo >go
	wait_for grep -q 'or is gone' out
	[ ! -e ran ]
}

@test "killed before prctl or after it, the command does not outlive the parent" {
	# the parent dies while bd-tie stands before each of its calls
	mkfifo never
	for call in prctl getppid execve; do
		rm -f pid
		run timeout 10 sh -c '
			strace -qq -o /dev/null -D -e trace='$call' -e inject='$call':delay_enter=50000 bd-tie -p $$ cat never >/dev/null 2>&1 3>&- &
			echo $! >pid
			kill -KILL $$'
		wait_for gone "$(cat pid)"
	done
}

@test "what cannot be run" {
	run -127 sh -c 'bd-tie -p $$ ./missing'
	[ "$output" = 'bd-tie: ./missing: No such file or directory' ]
	: >plain
	run -126 sh -c 'bd-tie -p $$ ./plain'
	[ "$output" = 'bd-tie: ./plain: Permission denied' ]
	run -126 sh -c 'bd-tie -p $$ .'
}

@test "wrong usage" {
	for args in '' "-p $$" 'true' '-s TERM true' "-p $$ -s" '-p' "-x -p $$ true"; do
		# shellcheck disable=SC2086 # several
		run -2 bd-tie $args
		[[ $output == *'usage: bd-tie [-V] -p PARENT [-s SIGNAL] COMMAND [ARGUMENT...]' ]]
	done
	for pid in 0 -1 x '' 1x 99999999999999999999; do
		run -2 bd-tie -p "$pid" touch ran
		[[ $output == *"-p must be a number"* ]]
	done
	for sig in NONE SIGTERM '' 15 term 0 TERM,; do
		run -2 sh -c 'bd-tie -p $$ -s "$1" touch ran' - "$sig"
		[ "$output" = "bd-tie: unknown signal '$sig'" ]
	done
	[ ! -e ran ]
}

@test "the version; a full disk is no success" {
	run -0 bd-tie -V
	[ "$output" = "bd-tie $(cat "$BD_ROOT/VERSION")" ]
	run -3 sh -c 'bd-tie -V >/dev/full'
	[ "$output" = 'bd-tie: stdout: No space left on device' ]
}

@test "the examples of the page" {
	mkdir -p copy
	run -0 examples bd-tie.1
}
