#!/usr/bin/env bats
# A run with three groups, killed whenever and whoever: every container ends as it began, no generation is half, and
# none of the past has changed.

load engine
load tree
load run

setup_file() { ram_engine; }
teardown_file() { ram_engine_end; }

setup() {
	ram_work
	VOLUMES=(one two three four five)
	CONTAINERS=(server lodger slow last paused down)
}

teardown() {
	[ -z "${SID-}" ] || kill -KILL -- "-$SID" 2>/dev/null || :
	run_pids | xargs -r kill -KILL 2>/dev/null || :
}

# NAME SECONDS [ARG...]: on TERM, writes to each volume of its own, and takes that long to end.
actor() {
	ON_TERM="for v in /v/*; do head -c 8000000 /dev/urandom >\$v/at-the-end; done; sleep $2; exit 0" \
		container_run "$1" --stop-timeout 2 "${@:3}"
}

make_groups() {
	local v
	for v in "${VOLUMES[@]}"; do place "$v" 40; done
	actor server 0 -v one:/v/one -v two:/v/two
	actor lodger 0 --network container:server -v two:/two
	actor slow 0.3 -v three:/v/three
	actor last 0 -v four:/v/four
	actor paused 0 -v five:/five
	actor down 0 -v five:/five
	docker stop down >/dev/null
	docker pause paused >/dev/null
	states >states
}

change() {
	local v
	for v in "${VOLUMES[@]}"; do
		echo "$v $1" >"${PLACE[$v]}/sub/$(($1 % 40 + 1))"
		mv "${PLACE[$v]}/soft" "${PLACE[$v]}/soft.new" && mv "${PLACE[$v]}/soft.new" "${PLACE[$v]}/soft"
	done
}

netns() { readlink "/proc/$(docker inspect -f '{{.State.Pid}}' "$1")/ns/net"; }
states() { docker inspect -f '{{.Name}} {{.State.Status}}' "${CONTAINERS[@]}"; }
as_before() { states | diff states - && [ "$(netns lodger)" = "$(netns server)" ]; }

# With --shutdown they stay down once all is done, and are known to bd-start.
raise() {
	local kept
	if [ "$1" = 0 ]; then
		[ "$(docker inspect -f '{{.State.Status}}' server lodger slow last | sort -u)" = exited ] || { echo "$WHAT: not left down"; return 1; }
	fi
	for kept in "$S"/down.*; do
		[ ! -e "$kept" ] || "$BAUDOLO_BIN/bd-start" "$kept" || { echo "$WHAT: $kept: bd-start ends with $?"; return 1; }
	done
}

# Every process of the run, wherever it went.
run_pids() { grep -lsxzF "BD_RUN=$PWD" /proc/[0-9]*/environ | sed -n 's,^/proc/\([0-9]*\)/.*,\1,p'; }
all_gone() { [ -z "$(run_pids)" ]; }

# As wait_for, for longer: a guardian watches to the end of a stop that nobody has answered.
await_end() {
	local end=$((SECONDS + 30))
	until all_gone; do
		[ "$SECONDS" -lt "$end" ] || { echo "$WHAT: still there:"; ps -o pid,sid,args -p "$(run_pids | xargs)"; return 1; }
		read -r -u 6 -t 0.02 _ || :
	done
}

# Programs that wait before step number $BD_STEP, until they are told to go on.
step_by_step() {
	local p
	cp -a "$BAUDOLO_BIN" bin
	mkdir at bin/real # under their own names: that is how they are found
	for p in bd-volumes bd-mounts bd-plan bd-partial bd-hold bd-stop bd-rsync bd-settle bd-stamp bd-publish; do
		[ -e "bin/$p" ] || continue
		mv "bin/$p" bin/real/
		cat >"bin/$p" <<-X
			#!/bin/sh
			echo "$p" >>"$PWD/at/steps"
			if [ "\$(wc -l <"$PWD/at/steps")" = "\${BD_STEP-}" ]; then
				echo \$\$ >"$PWD/at/step.new"
				mv "$PWD/at/step.new" "$PWD/at/step"
				read -r _ <"$PWD/at/go"
			fi
			exec "$PWD/bin/real/$p" "\$@"
		X
		chmod +x "bin/$p"
	done
}

# A session of its own: $SID. It waits before step $1, if there is one.
begin() {
	rm -f at/*
	mkfifo at/go
	exec 8<>at/go
	PATH=$PWD/bin:$PATH BD_RUN=$PWD BD_STEP=${1-} env --default-signal=INT,QUIT setsid "$PWD/bin/baudolo" --backups-dir "$B" --state-dir "$S" --only-files $SHUTDOWN \
		>said 2>&1 </dev/null 3>&- 5<&- 6<&- 8<&- &
	SID=$!
}

alive() { kill -0 "$SID" 2>/dev/null; }

# The first child of the front end of that name.
child() { pgrep -P "$SID" -x "$1" | head -n 1; }
guardian() {
	local p
	for p in $(pgrep -x bd-stop); do
		[ "$(ps -o sid= -p "$p" | tr -d ' ')" != "$p" ] || ! grep -qsxzF "BD_RUN=$PWD" "/proc/$p/environ" || echo "$p"
	done
}

targets() {
	case $1 in
	front) echo "$SID" ;;
	group) echo "-$SID" ;;
	stop) child bd-stop ;;
	guardian) guardian ;;
	stop+guardian) p=$(child bd-stop) && [ -n "$p" ] && echo "$(guardian) $p" ;;
	hold) cat at/step 2>/dev/null ;;
	rsync) pgrep -s "$SID" -x rsync | shuf -n 1 ;;
	all) echo "$(guardian) -$SID" ;;
	esac || :
}

# Event number $1 of those that the stops and starts bring about.
event() {
	local n=0
	while [ "$n" -lt "$1" ] && alive; do
		! read -r -u 5 -t 0.1 _ || n=$((n + 1))
	done
}

# Once killed, and once it is over: $1 its status.
check() {
	await_end || return
	[ ! -e "$S/lock" ] || wait_for flock -n "$S/lock" true || # one that is being executed has no environment to be found by
		{ echo "$WHAT: the lock is held"; return 1; }
	[ -z "$SHUTDOWN" ] || raise "$1" || return
	if ! as_before >differs; then
		case $TARGET$SHUTDOWN-$signal in
		guardian*-KILL | stop+guardian*-KILL | all*-KILL | front--shutdown-KILL | group--shutdown-KILL)
			"$BAUDOLO_BIN/baudolo" --recover --backups-dir "$B" --state-dir "$S" || { echo "$WHAT: recovery ends with $?"; return 1; }
			RECOVERED=$((RECOVERED + 1))
			;;
		esac
		as_before || LEFT=$((LEFT + 1))
	fi
	outcome "$1" && tidy || DAMAGED=$((DAMAGED + 1))
	[ -z "$NEW" ] || PUBLISHED=$((PUBLISHED + 1))
	[ "$LEFT$DAMAGED" = 00 ] || { echo "$WHAT: status $1"; return 1; }
}

past() {
	[ ! -d "$R" ] || (cd "$R" && ls -A | head -n -2 | xargs -r rm -rf)
	remember
}

@test "N kills, 0 containers left, 0 damaged" {
	kills=30
	[ -z "${BAUDOLO_TEST_LONG-}" ] || kills=300
	KILLS=0 LEFT=0 DAMAGED=0 RECOVERED=0 PUBLISHED=0 SHUTDOWN= signal= WHAT='nobody is killed' TARGET=
	mkfifo never
	exec 6<>never
	make_groups
	step_by_step
	exec 5< <(exec docker events --filter type=container --filter event=kill --filter event=die --filter event=stop --filter event=start \
		--format '{{.Action}} {{.Actor.Attributes.name}}' 3>&- 6<&-)
	events=$!
	# one undisturbed: how long it takes, its steps, its events
	past
	start=${EPOCHREALTIME/./}
	begin
	rc=0
	wait "$SID" || rc=$?
	took=$((${EPOCHREALTIME/./} - start))
	cat said
	[ "$rc" = 0 ]
	check 0
	steps=$(wc -l <at/steps) count=0
	mapfile -t at_stops < <(grep -nE 'bd-(hold|stop)|bd-rsync' at/steps | tail -n +2 | cut -d : -f 1)
	mapfile -t at_copies < <(grep -n bd-rsync at/steps | cut -d : -f 1)
	while read -r -u 5 -t 1 _; do count=$((count + 1)); done
	[ "$(grep -c '^Stop containers' said)" = 3 ]
	[ "$count" -ge 16 ] # of four containers
	who=(front stop group rsync front hold guardian stop+guardian all stop group front)
	signals=(KILL TERM INT HUP KILL)
	while [ "$KILLS" -lt "$kills" ]; do
		n=$KILLS
		TARGET=${who[n % 12]} signal=${signals[(n / 2 + n / 12) % 5]} step=
		case $TARGET in *guardian | all) signal=KILL ;; esac
		SHUTDOWN=
		[ $((n % 5)) != 4 ] || SHUTDOWN=--shutdown
		change "$n"
		past
		while read -r -u 5 -t 0.001 _; do :; done
		mode=$(((n + n / 12) % 3))
		case $TARGET in hold | rsync) mode=1 ;; esac # short-lived
		case $mode-$TARGET in
		0-*) when=$(((RANDOM * 32768 + RANDOM) % took)) ;;
		1-front | 1-group | 1-all) when=$((RANDOM % steps + 1)) ;;
		1-rsync) when=${at_copies[RANDOM % ${#at_copies[@]}]} ;;
		1-*) when=${at_stops[RANDOM % ${#at_stops[@]}]} ;;
		2-*) when=$((RANDOM % count + 1)) ;;
		esac
		[ "$mode" != 1 ] || step=$when
		begin "$step"
		case $mode in
		0) read -r -u 6 -t "$((when / 1000000)).$(printf %06d "$((when % 1000000))")" _ || : ;;
		1) until [ -e at/step ] || ! alive; do read -r -u 6 -t 0.01 _ || :; done ;;
		2) event "$when" ;;
		esac
		WHAT="$signal to $TARGET"
		pids=$(targets "$TARGET")
		if [ -z "$pids" ]; then # not there; it may be soon
			[ -z "$step" ] || echo go >&8
			while pids=$(targets "$TARGET"); [ -z "$pids" ] && alive; do :; done
		fi
		WHAT="$signal to $TARGET$SHUTDOWN ($pids of $SID), mode $mode at $when$([ ! -e at/step ] || echo " before $(tail -n 1 at/steps)")"
		# shellcheck disable=SC2086 # several
		[ -z "$pids" ] || ! kill -s "$signal" -- $pids 2>/dev/null || KILLS=$((KILLS + 1))
		[ -z "$step" ] || echo go >&8
		rc=0
		wait "$SID" || rc=$?
		check "$rc" || { cat said; echo "# $WHAT" >&3; break; }
	done
	exec 8<&-
	echo "# $KILLS kills, $LEFT containers left, $DAMAGED damaged ($RECOVERED by recovery, $PUBLISHED published)" >&3
	[ "$KILLS" -ge "$kills" ]
	# and then all is well
	past
	SHUTDOWN=
	begin
	wait "$SID" || { cat said; false; }
	WHAT='nobody is killed'
	check 0
	[ "$(generations | wc -l)" -gt "$(wc -w <<<"$OLD")" ]
	past
	SHUTDOWN=--shutdown
	begin
	wait "$SID" || { cat said; false; }
	check 0
	[ "$(generations | wc -l)" -gt "$(wc -w <<<"$OLD")" ]
	[ -z "$(ls -A "$B/.baudolo/partial")" ]
	! ls "$S"/journal.* || false
	kill "$events"
}
