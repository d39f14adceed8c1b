#!/usr/bin/env bats
# Whatever is killed whenever: nothing half appears under the repository's name, the past stays as it was, nothing
# writes on, and the next run succeeds and cleans up.

load engine
load tree
load copy
load run

LONG=${BAUDOLO_TEST_LONG:+1}
VOLUMES=(one two three)

setup_file() { ram_engine; }
teardown_file() { ram_engine_end; }

setup() {
	ram_work
	FRONT=$BAUDOLO_BIN/baudolo
	KILLS=0 HITS=0 PUBLISHED=0
}

teardown() {
	[ -z "${SID-}" ] || kill -KILL -- "-$SID" 2>/dev/null || :
}

make_sources() {
	local v d i
	declare -gA PLACE
	for v in "${VOLUMES[@]}"; do
		d=$(volume_path "$v" 2>/dev/null) || {
			d=$(volume_new "$v")
			mkdir -p "$d"/{a,b,c/d}
			for i in {1..120}; do echo "$v $i" >"$d/a/$i"; done
			for i in {1..80}; do echo "$v $i" >"$d/c/d/$i"; done
			ln "$d/a/1" "$d/b/link" && ln -s ../a/2 "$d/b/symlink" && head -c 2000000 /dev/urandom >"$d/big"
		}
		PLACE[$v]=$d
	done
}

# About a third of every volume is something new.
change_sources() {
	local v d i
	for v in "${VOLUMES[@]}"; do
		d=${PLACE[$v]}
		for i in {1..120..3}; do echo "$v $i $1" >"$d/a/$i"; done
		mv "$d/c/d" "$d/c/d.$1" && mv "$d/c/d.$1" "$d/c/d"
		head -c 200000 /dev/urandom >"$d/new$(($1 % 5))"
	done
}

# Nothing of the run is alive.
over() { ! pgrep -s "$SID" >/dev/null; }

# Starts a run in a session of its own: $SID.
begin() {
	env --default-signal=INT,QUIT setsid "$@" "$FRONT" --backups-dir "$B" --state-dir "$S" --only-files --images-no-stop-required web \
		>said 2>&1 </dev/null 3>&- &
	SID=$!
}

# The run has ended with STATUS, having been killed as $WHAT says.
check() {
	local rc=$1
	KILLS=$((KILLS + 1))
	wait_for over || { echo "$WHAT: still there:"; pgrep -s "$SID" -a; return 1; }
	flock -n "$S/lock" true || { [ ! -e "$S/lock" ] || { echo "$WHAT: the lock is held"; return 1; }; }
	tidy && outcome "$rc" || { echo "after $WHAT"; return 1; }
	[ "$rc" != 1 ] || ! none_failed "$R/$NEW" || { echo "$WHAT: status 1, but none failed"; cat said; return 1; }
	[ "$rc" = 0 ] || HITS=$((HITS + 1))
	[ -z "$NEW" ] || PUBLISHED=$((PUBLISHED + 1))
}

# The next run.
next() {
	remember
	begin sh
	wait "$SID" || { echo "$WHAT: the next run ends with $?"; cat said; return 1; }
	[ "$(cat said | grep -cE 'WARNING|ERROR')" = 0 ] || { echo "$WHAT: then:"; cat said; return 1; }
	outcome 0 || { echo "the next run after $WHAT"; return 1; }
	[ -z "$(ls -A "$B/.baudolo/partial")" ] || { echo "$WHAT: left in partial: $(ls -A "$B/.baudolo/partial")"; return 1; }
	[ "$(ls -A "$B/$H")" = backup-docker-to-local ] || { echo "$WHAT: left in the host's folder: $(ls -A "$B/$H")"; return 1; }
	[ ! -e "$S/.baudolo-run" ] || { echo "$WHAT: left $S/.baudolo-run"; return 1; }
	tidy
}

# Round N: every other one begins with nothing, the others with one generation and changed volumes.
round() {
	if [ "$(($1 % 2))" = 0 ]; then
		rm -rf "$B" "$S"
	else
		[ "$(generations | wc -l)" -le 1 ] || (cd "$R" && ls -A | head -n -1 | xargs rm -rf)
		change_sources "$1"
	fi
	remember
}

finish() { echo "# $KILLS kills, 0 damaged ($HITS of them felt, $PUBLISHED runs published)" >&3; }

@test "one process or all of them, at random moments" {
	rounds=20
	[ -z "$LONG" ] || rounds=400
	make_sources
	# how long a run takes
	start=${EPOCHREALTIME/./}
	begin sh
	wait "$SID"
	took=$((${EPOCHREALTIME/./} - start))
	targets=(front worker group rsync main front worker rsync group main)
	signals=(KILL TERM KILL INT HUP)
	shells=(dash 'busybox sh' bash)
	mkfifo never
	exec 7<>never
	for ((n = 0; n < rounds; n++)); do
		target=${targets[n % 10]} signal=${signals[(n / 2) % 5]}
		case $target in worker | rsync) [ "$signal" = KILL ] || signal=TERM ;; esac
		round "$n"
		# shellcheck disable=SC2086 # busybox sh
		begin ${shells[n % 3]}
		delay=$((RANDOM * 32768 + RANDOM))
		delay=$((delay % (took * 11 / 10)))
		read -r -u 7 -t "$((delay / 1000000)).$(printf %06d "$((delay % 1000000))")" _ || :
		# if what is to be killed is not there now, it may be soon
		while pids=$(find_target "$target"); [ -z "$pids" ] && kill -0 "$SID" 2>/dev/null; do :; done
		WHAT="$signal to $target ($pids of $SID) after $delay us"
		# shellcheck disable=SC2086 # several
		[ -z "$pids" ] || kill -s "$signal" -- $pids 2>/dev/null || :
		rc=0
		wait "$SID" || rc=$?
		check "$rc" || { cat said; return 1; }
		next
	done
	exec 7<&-
	finish
}

find_target() {
	case $1 in
	front) echo "$SID" ;;
	group) echo "-$SID" ;;
	main) pgrep -s "$SID" -x bd-rsync -P "$SID" ;;
	worker) pgrep -s "$SID" -x bd-rsync | grep -vxF -e "$(pgrep -P "$SID" -x bd-rsync)" | shuf -n 1 ;;
	rsync) pgrep -s "$SID" -x rsync | shuf -n 1 ;;
	esac || :
}

@test "at every step: before each program, and after it" {
	programs=(bd-machine-hash bd-volumes bd-mounts bd-plan bd-preflight bd-partial bd-tie bd-rsync bd-settle bd-digest bd-stamp bd-publish)
	hits=('KILL self' 'KILL front' 'KILL group' 'TERM front' 'INT group' 'HUP front' 'TERM group' 'KILL front')
	make_sources
	cp -a "$BAUDOLO_BIN" bin
	for p in "${programs[@]}"; do
		mv "bin/$p" "bin/real-$p"
		cat >"bin/$p" <<-E
			#!/bin/sh
			# \$BD_KILL: PROGRAM before|after SIGNAL TARGET
			set -f
			hit() {
				front=\$(ps -o sid= -p \$\$ | tr -d ' ')
				case \$4 in
				self) kill -s \$3 \$\$ ;;
				front) kill -s \$3 \$front ;;
				group) kill -s \$3 -- -\$front ;;
				esac
			}
			case \$BD_KILL in
			"$p before "*) hit \$BD_KILL ;;
			"$p after "*)
				rc=0
				"$PWD/bin/real-$p" "\$@" || rc=\$?
				hit \$BD_KILL
				exit \$rc
				;;
			esac
			exec "$PWD/bin/real-$p" "\$@"
		E
		chmod +x "bin/$p"
	done
	n=0
	for p in "${programs[@]}"; do
		for when in before after; do
			# bd-tie does not come back
			[ "$p $when" != 'bd-tie after' ] || continue
			for ((h = 0; h < ${#hits[@]}; h++)); do
				# two of them each time, in turns
				[ -n "$LONG" ] || [ "$(((h + n / 2) % 4))" = "$((n % 4))" ] && [ -n "$LONG" -o "$(((h / 4 + n) % 2))" = 0 ] || continue
				round "$KILLS"
				FRONT=$PWD/bin/baudolo
				WHAT="$p $when ${hits[h]}"
				BD_KILL=$WHAT begin sh
				rc=0
				wait "$SID" || rc=$?
				case $rc in
				0 | 1) [ "$p $when" = 'bd-publish after' ] || [[ $WHAT == *self ]] || { echo "$WHAT: status $rc"; cat said; return 1; } ;;
				2) echo "$WHAT: status $rc"; cat said; return 1 ;;
				esac
				check "$rc" || { cat said; return 1; }
				FRONT=$BAUDOLO_BIN/baudolo
				next
			done
			n=$((n + 1))
		done
	done
	finish
}

@test "TERM, INT and HUP: the run ends itself, by that signal's status, and removes what it made" {
	make_sources
	for shell in dash 'busybox sh' bash; do
		for signal in TERM:143 INT:130 HUP:129; do
			[ "$shell $LONG" != "bash " ] || [ "$signal" = INT:130 ] || continue
			for _ in {1..10}; do # it may have ended before that was seen
				rm -rf "$B" "$S"
				remember
				# shellcheck disable=SC2086 # busybox sh
				begin $shell
				until [ -n "$(find_target worker)" ] || ! kill -0 "$SID" 2>/dev/null; do :; done
				! kill -s "${signal%:*}" "$SID" 2>/dev/null || break
				wait "$SID" || :
			done
			rc=0
			wait "$SID" || rc=$?
			WHAT="$shell $signal"
			echo "$WHAT $rc"
			cat said
			[ "$rc" = "${signal#*:}" ]
			check "$rc"
			[ -z "$(ls -A "$B/.baudolo/partial")" ]
			[ ! -e "$S/.baudolo-run" ]
			[ ! -e "$R" ]
		done
	done
}

@test "bd-rsync: each of its processes killed at each of its calls, nothing half is called whole" {
	V=$PWD/v
	mkdir -p v/w/{a,b,c/d} && echo 1 >v/w/a/f && echo 2 >v/w/b/g && ln v/w/a/f v/w/c/h && ln -s x v/w/c/d/l
	cp -a v/w v/x
	copy_begin
	settled
	plan() { volume_plan w "$V/w"; volume_plan x "$V/x"; }
	generation < <(plan)
	rm v/w/b/g && echo 3 >v/w/b/g && touch v/x/a
	declare -A LOOK=([w]=$(fingerprint v/w) [x]=$(fingerprint v/x))
	fp=$(fingerprint "$GEN")
	step=31 repos=("$REPO")
	calls='clone mkdirat openat linkat renameat renameat2 utimensat pipe2 execve write wait4 exit_group unlinkat newfstatat'
	if [ -n "$LONG" ]; then
		step=1 repos=("$REPO" "$PWD/none")
		calls="$calls symlinkat fchown fchmod unshare pivot_root open_tree dup2 read close waitid fsetxattr syncfs"
	fi
	for repo in "${repos[@]}"; do
		for call in $calls; do
			strace -e trace="$call" true 2>/dev/null || continue # not on this machine
			misses=0
			for ((n = 1; n < 200 && misses < 2; n += n < 3 ? 1 : step)); do
				rm -rf p && mkdir p
				rc=0
				plan | LD_PRELOAD=$BD_PRELOAD strace -f -q -o trace -e trace="$call" -e "inject=$call:signal=KILL:when=$n" \
					bd-rsync -j 2 -i "$INDEX" "$repo" p >results 2>said || rc=$?
				KILLS=$((KILLS + 1))
				# once nobody makes so many calls, nobody is killed
				grep -q 'killed by SIGKILL' trace || misses=$((misses + 1))
				case $rc in
				0 | 1)
					[ "$(wc -l <results)" = 2 ]
					while IFS=$'\t' read -r v status _ <&5; do
						case $status in
						failed) [ "$rc" = 1 ] && [ ! -e "p/$v/files" ] ;;
						ok) [ "$(fingerprint "p/$v/files")" = "${LOOK[$v]}" ] ;;
						*) false ;;
						esac || { echo "$call $n: $v is $status, $rc"; cat said; find p; return 1; }
					done 5<results
					;;
				137) [ ! -s results ] || [ "$call" = exit_group ] || [ "$call" = close ] || [ "$call" = write ] ;;
				3) ;;
				*) echo "$call $n: $rc"; cat said; return 1 ;;
				esac
				[ "$(fingerprint "$GEN")" = "$fp" ]
			done
		done
	done
	# and after all that
	rm -rf p && mkdir p
	plan | bd-rsync -i "$INDEX" "$REPO" p
	oracle v/w p/w/files
	oracle v/x p/x/files
	echo "# $KILLS kills, 0 damaged" >&3
}
