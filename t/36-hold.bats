#!/usr/bin/env bats
# bd-hold; that bd-rsync copies from what it holds is among that one's tests.

load engine
load tree
load copy

setup() { copy_begin; }

@test "COMMAND gets the volumes that need a stop, by name and descriptor" {
	mkdir "$WORK/a" "$WORK/b" && echo in a >"$WORK/a/f"
	{ volume_plan a "$WORK/a" | sed 's/live/stop/' && volume_plan b "$WORK/b"; } >"$WORK/plan"
	run -0 bd-hold "$WORK/plan" -- sh -c 'printf "%s\n" "$BAUDOLO_HELD"; cat "/proc/self/fd/${BAUDOLO_HELD#*	}/f"'
	[[ ${lines[0]} =~ ^a$'\t'[0-9]+$ ]]
	[ "${lines[1]}" = 'in a' ]
}

@test "the held folder can be neither written nor followed out of" {
	mkdir "$WORK/a" && ln -s /etc/passwd "$WORK/a/out"
	volume_plan a "$WORK/a" | sed 's/live/stop/' >"$WORK/plan"
	run bd-hold "$WORK/plan" -- sh -c 'd=/proc/self/fd/${BAUDOLO_HELD#*	}; echo x >"$d/new"; cat "$d/out"'
	[ "$status" != 0 ]
	[ ! -e "$WORK/a/new" ]
	[[ $output != *root:* ]]
}

@test "one that cannot be opened fails, the others are held" {
	mkdir "$WORK/a" "$WORK/p" && echo in a >"$WORK/a/f"
	{ volume_plan a "$WORK/a"; volume_plan gone "$WORK/gone"; } | sed 's/live/stop/' >"$WORK/plan"
	# it comes when it is too late
	run -1 --separate-stderr bd-hold "$WORK/plan" -- sh -c 'mkdir "$1/gone"; bd-rsync -C "$1/none" "$1/p" <"$1/plan"' - "$WORK"
	[[ $stderr == "bd-hold: gone: $WORK/gone: No such file or directory"* ]]
	[ "$(cut -f 1,2,8 <<<"$output")" = $'a\tok\t-\ngone\tfailed\t'"$WORK/gone: it could not be opened before its containers stopped" ]
	[ "$(cat "$WORK/p/a/files/f")" = 'in a' ]
	[ ! -e "$WORK/p/gone/files" ]
}

@test "what is dirty is written back before, each file system once" {
	mkdir "$WORK/a" "$WORK/b"
	{ volume_plan a "$WORK/a"; volume_plan b "$WORK/b"; } | sed 's/live/stop/' >"$WORK/plan"
	strace -qq -o "$WORK/trace" -e trace=syncfs,execve bd-hold "$WORK/plan" -- /bin/true
	[ "$(sed -n 's/(.*//p' "$WORK/trace" | xargs)" = 'execve syncfs execve' ]
}

@test "statuses" {
	: >"$WORK/plan"
	run -7 bd-hold "$WORK/plan" -- sh -c 'exit 7'
	run -127 bd-hold "$WORK/plan" -- /nonexistent/command
	run -126 bd-hold "$WORK/plan" -- /etc/passwd
	run -2 bd-hold "$WORK/plan"
	run -2 bd-hold "$WORK/plan" true
	run -3 bd-hold "$WORK/none" -- true
	volume_plan gone "$WORK/gone" | sed 's/live/stop/' >"$WORK/plan"
	run -3 bd-hold "$WORK/plan" -- touch "$WORK/ran"
	[[ $output == "bd-hold: gone: $WORK/gone: No such file or directory" ]]
	echo nonsense >"$WORK/plan"
	run -2 bd-hold "$WORK/plan" -- touch "$WORK/ran"
	[[ $output == "bd-hold: $WORK/plan:1: 1 fields, expected 6" ]]
	[ ! -e "$WORK/ran" ]
	run -0 bd-hold -V
}

@test "the page's examples run" {
	engine_start
	cd "$WORK"
	load fake
	examples bd-hold.1
}
