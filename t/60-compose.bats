#!/usr/bin/env bats
# baudolo-compose

load engine
load fake

# Everything must hold in each of them.
SHELLS=(dash bash 'busybox sh')

setup() {
	cd "$BATS_TEST_TMPDIR"
	unset BAUDOLO_COMPOSE COMPOSE_FILE COMPOSE_PROJECT_NAME
	F=$PWD/fake SH=sh TOOLS=$PATH
	mkdir -p d "$F/bin"
	: >"$F/log"
	for c in sh dash bash busybox setsid grep cat ls readlink cut mkfifo rm touch mv env; do ln -s "$(command -v "$c")" "$F/bin/$c"; done
	cat >"$F/fake" <<-'E'
		#!/bin/sh
		# FAKE/answer-NAME-FIRSTWORD is run, if there; all but questions is written down
		name=${0##*/}
		case $name:${1-} in
		compose:--help | docker:compose)
			case $name:$2 in docker:version | compose:)
				[ -e "$FAKE/knows-$name" ] && echo '  --chdir DIR' && exit 0
				echo "$name: unknown" >&2
				exit 1
			esac
		esac
		for last; do :; done
		[ "$last" != -d ] || last=up
		line="$name"
		for a; do line="$line [$a]"; done
		printf '%s\n' "$line" >>"$FAKE/log"
		printf '%s\n' "$PWD" >>"$FAKE/cwd"
		printf '%s %s\n' "$(ls /proc/self/fd | grep -x "[0-9]" | tr -d "\n")" "$(readlink /proc/self/fd/0)" >>"$FAKE/fds"
		printf '%s\n' "${COMPOSE_PROJECT_NAME-none}" >>"$FAKE/name"
		[ ! -e "$FAKE/do-$last" ] || . "$FAKE/do-$last"
	E
	chmod +x "$F/fake"
	ln -s "$(command -v tr)" "$F/bin/tr"
	export FAKE=$F
}

teardown_file() { [ -z "${DOCKER_HOST-}" ] || engine_clean; }

# have NAME...: these commands are there
have() {
	local c
	rm -f "$F"/bin/{compose,docker,docker-compose} "$F"/knows-*
	for c; do
		case $c in
		chdir) ln -s ../fake "$F/bin/compose" && : >"$F/knows-compose" ;;
		plugin) ln -s ../fake "$F/bin/docker" && : >"$F/knows-docker" ;;
		*) ln -s ../fake "$F/bin/$c" ;;
		esac
	done
}

# project NAME FILE...: below d
project() {
	local f
	mkdir -p "d/$1"
	for f in "${@:2}"; do : >"d/$1/$f"; done
}

step() { PATH=$F/bin $SH "$BAUDOLO_BIN/baudolo-compose" "$@"; }

log() { cat "$F/log"; }
afresh() { rm -f "$F"/{log,cwd,fds,name}; : >"$F/log"; }

# Sets SH to each of the shells in turn, the `sh` of what it starts included.
in_each_shell() {
	local s
	for s in "${SHELLS[@]}"; do
		echo "in $s:"
		SH=$s
		ln -sfT "$(command -v "${s%% *}")" "$F/bin/sh"
		afresh
		"$@" # not in a condition: each of its lines must hold
	done
}

@test "messages" {
	have docker-compose
	project none
	project web docker-compose.yml
	project mail compose.yaml
	: >d/compose.yml
	messages() {
		run -0 --separate-stderr step d web
		[ "$output" = "$(cat <<-E
			Handling Docker Compose services...
			Checking directory: d/mail
			mail: no restart required.
			Checking directory: d/none
			No supported compose file found. Skipping.
			Checking directory: d/web
			web: hard restart required.
			Hard restart compose services in: d/web
		E
		)" ]
		[ -z "$stderr" ]
		[ "$(log)" = $'docker-compose [down]\ndocker-compose [up] [-d]' ]
		[ "$(uniq "$F/cwd")" = "$PWD/d/web" ]
		afresh
		run -0 --separate-stderr step -q "$PWD/d//" web
		[ -z "$output$stderr" ]
		[ "$(log)" = $'docker-compose [down]\ndocker-compose [up] [-d]' ]
		run -0 step "$PWD/d//"
		[ "${lines[1]}" = "Checking directory: $PWD/d/mail" ]
		run -0 step d
		[ "$(grep -c 'no restart required' <<<"$output")" = 2 ]
		[ "$(log | wc -l)" = 2 ]
	}
	in_each_shell messages
}

@test "which command" {
	project web compose.yml
	p=$PWD/d/web
	which() {
		while IFS='|' read -r there own expected <&5; do
			afresh
			have $there
			BAUDOLO_COMPOSE=$own run -0 step d web
			run log
			printf '<%s|%s> gives %s\n' "$there" "$own" "$output"
			[ "$output" = "$(printf '%s [down]\n%s [up] [-d]' "$expected" "$expected")" ]
			case $expected in
			compose*) ;;
			*) [ "$(uniq "$F/cwd")" = "$p" ] ;;
			esac
		done 5<<-E
			docker-compose||docker-compose
			docker docker-compose||docker-compose
			plugin docker-compose||docker [compose] [--project-directory] [$p]
			compose plugin||docker [compose] [--project-directory] [$p]
			compose docker docker-compose||docker-compose
			chdir plugin docker-compose||compose [--chdir] [$p] [--]
			chdir||compose [--chdir] [$p] [--]
			chdir plugin docker-compose|docker-compose|docker-compose
			chdir docker|docker  compose --ansi never|docker [compose] [--ansi] [never]
			docker|docker 'a b' c\\ d "\$HOME"|docker [a b] [c d] [$HOME]
		E
	}
	in_each_shell which
	have
	ln -s ../fake "$F/bin/my own"
	BAUDOLO_COMPOSE="'$F/bin/my own'" run -0 step d web
	[ "$(tail -n 1 "$F/log")" = 'my own [up] [-d]' ]
}

@test "no command at all: each project is named" {
	have docker compose
	project web compose.yml
	project mail compose.yml
	none() {
		run -1 --separate-stderr step d web mail
		[[ $stderr == 'ERROR: mail: there is no compose command'*$'\nERROR: web: there is no'* ]]
		[ -z "$(log)" ]
		BAUDOLO_COMPOSE=/nowhere/compose run -1 --separate-stderr step d web
		[[ $stderr == *'ERROR: web: down failed with status 127.'*'ERROR: web: up -d failed with status 127.' ]]
		for bad in "a 'b" ' ' "''" '$(' ; do
			BAUDOLO_COMPOSE=$bad run -2 --separate-stderr step d web
			[[ -z $output && $stderr == "ERROR: BAUDOLO_COMPOSE is not a command:"* ]]
		done
	}
	in_each_shell none
}

@test "which file" {
	have docker-compose
	file() {
		while IFS='|' read -r files expected <&5; do
			afresh
			rm -rf d/web
			project web $files
			run -0 step d web
			run tail -n 1 "$F/log"
			echo "$files gives $output"
			[ "$output" = "docker-compose ${expected:+[-f] [$expected] }[up] [-d]" ]
		done 5<<-E
			docker-compose.yml|
			docker-compose.yaml|
			compose.yml|
			compose.yaml|
			Docker-Compose.yml|Docker-Compose.yml
			COMPOSE.YAML|COMPOSE.YAML
			compose.YmL x.yml|compose.YmL
			docker-compose.yml DOCKER-COMPOSE.YML|
			COMPOSE.YAML compose.yml docker-compose.yaml|docker-compose.yaml
			Compose.yml compose.yaml|Compose.yml
			compose.yaml compose.yml|compose.yml
			Docker-Compose.yaml docker-compose.yml compose.yaml|docker-compose.yml
			Docker-Compose.YAML compose.yml|Docker-Compose.YAML
		E
	}
	in_each_shell file
	for f in docker-compose.yml.bak xcompose.yml compose.json docker_compose.yml .compose.yml; do
		rm -rf d/web
		project web "$f"
		run -0 step d web
		grep -Fx 'No supported compose file found. Skipping.' <<<"$output"
	done
	rm -rf d/web
	mkdir -p d/web/compose.yml
	ln -s nowhere d/web/compose.yaml
	run -0 step d
	grep -Fx 'No supported compose file found. Skipping.' <<<"$output"
	echo >real
	ln -sf ../../real d/web/compose.yaml
	run -0 step d
	grep -Fx 'web: no restart required.' <<<"$output"
}

@test "a file that COMPOSE_FILE names is not named again" {
	have docker-compose
	project web Docker-Compose.yml
	COMPOSE_FILE=x run -0 step d web
	[ "$(tail -n 1 "$F/log")" = 'docker-compose [up] [-d]' ]
	echo COMPOSE_FILE=Docker-Compose.yml:more.yml >d/web/.env
	run -0 step d web
	[ "$(tail -n 1 "$F/log")" = 'docker-compose [up] [-d]' ]
	echo '#COMPOSE_FILE=x' >d/web/.env
	run -0 step d web
	[ "$(tail -n 1 "$F/log")" = 'docker-compose [-f] [Docker-Compose.yml] [up] [-d]' ]
}

@test "which folders" {
	have docker-compose
	project web compose.yml
	project .hidden compose.yml
	project ..both compose.yml
	project .git config
	project web/inner compose.yml
	mkdir elsewhere
	: >elsewhere/compose.yml
	ln -s "$PWD/elsewhere" d/link
	ln -s nowhere d/dangling
	: >d/file
	folders() {
		run -0 step d link
		[ "$(grep ^Checking <<<"$output")" = $'Checking directory: d/link\nChecking directory: d/web' ]
		[ "$(log)" = $'docker-compose [down]\ndocker-compose [up] [-d]' ]
		[ "$(uniq "$F/cwd")" = "$PWD/d/link" ]
		run -0 step d .hidden ..both
		grep -Fx '.hidden: hard restart required.' <<<"$output"
		grep -Fx -- '..both: hard restart required.' <<<"$output"
		grep -Fx 'web: no restart required.' <<<"$output"
		run ! grep -F .git <<<"$output"
	}
	in_each_shell folders
	cd d/web
	run -0 step .. web
	[ "$(tail -n 1 "$F/cwd")" = "$BATS_TEST_TMPDIR/d/web" ] || [ "$(tail -n 1 "$F/cwd" | xargs readlink -f)" = "$(readlink -f .)" ]
	run -0 step . inner
	grep -Fx 'Hard restart compose services in: ./inner' <<<"$output"
}

@test "names that are no project" {
	have docker-compose
	project web compose.yml
	project none
	no_project() {
		run -0 --separate-stderr step d none nowhere '' . .. web/ ./web '*' we '[w]eb' -x
		for n in none nowhere '' . .. web/ ./web '*' we '[w]eb' -x; do
			grep -Fx "WARNING: no Compose project '$n' in d." <<<"$stderr"
		done
		[ "${#stderr_lines[@]}" = 11 ]
		[ -z "$(log)" ]
		run -0 --separate-stderr step d web gone
		[ "$stderr" = "WARNING: no Compose project 'gone' in d." ]
		[ "$(log | wc -l)" = 2 ]
		run -0 step d web web
		[ "$(log | wc -l)" = 4 ]
	}
	in_each_shell no_project
}

@test "a compose folder that does not exist" {
	have docker-compose
	: >file
	missing() {
		for n in nowhere file ''$'new\nline'; do
			run -1 --separate-stderr step "$n" web
			[ "$output" = 'Handling Docker Compose services...' ]
			[ "$stderr" = "ERROR: the compose folder does not exist or cannot be read: $n" ]
		done
	}
	in_each_shell missing
}

@test "hostile names" {
	have plugin
	hostile=('a b' $'t\tb' $'new\nline' $'end\n' "q'u''o\"te" '-x' '--' '$(touch x)' '`id`' 'back\slash' '\*' '*' '?' '[a]' '!' '(' $'\xff\xfe' 'é' '~' '%s' '#c' ';')
	top=$'d i\'r\n[x]\\*'
	mkdir "$top"
	for n in "${hostile[@]}"; do mkdir -- "$top/$n"; : >"$top/$n/Compose.yml"; done
	mkdir "$top/quiet"
	: >"$top/quiet/compose.yml"
	names() {
		run -0 --separate-stderr step "$top" "${hostile[@]}"
		[ -z "$stderr" ]
		all=$(log)
		for n in "${hostile[@]}"; do
			how="docker [compose] [--project-directory] [$PWD/$top/$n] [-f] [Compose.yml]"
			[[ $all == *"$how [down]"$'\n'"$how [up] [-d]"* ]]
			[[ $(cat "$F/cwd") == *"$PWD/$top/$n"$'\n'"$PWD/$top/$n"* ]]
		done
		[ "$(log | grep -ac 'up. .-d.$')" = "${#hostile[@]}" ]
		# what -n shows is a script that does the same
		step -n -q "$top" "${hostile[@]}" >script
		afresh
		PATH=$F/bin sh -eu script
		[ "$(log)" = "$all" ]
		[ ! -e x ]
	}
	in_each_shell names
}

@test "-n shows, -v shows and does" {
	have docker-compose
	project web compose.yml
	show() {
		run -0 --separate-stderr step -n d web
		[ "$(tail -n 2 <<<"$output")" = "cd $PWD/d/web && docker-compose down
cd $PWD/d/web && docker-compose up -d" ]
		[ -z "$stderr$(log)" ]
		run -0 --separate-stderr step -v d web
		[ "$stderr" = "cd $PWD/d/web && docker-compose down
cd $PWD/d/web && docker-compose up -d" ]
		[ "${lines[-1]}" = 'Hard restart compose services in: d/web' ]
		[ "$(log | wc -l)" = 2 ]
	}
	in_each_shell show
	have chdir
	run -0 step -nq d web
	[ "$output" = "compose --chdir $PWD/d/web -- down
compose --chdir $PWD/d/web -- up -d" ]
}

@test "a project that fails is named, and the rest goes on" {
	have docker-compose
	project a compose.yml
	project b compose.yml
	project c compose.yml
	echo 'case $PWD in */a) echo no down >&2; exit 7 ;; *) echo downed ;; esac' >"$F/do-down"
	echo 'case $PWD in */b) echo no up; exit 8 ;; esac' >"$F/do-up"
	failing() {
		run -1 --separate-stderr step d c b a
		[ "$stderr" = "$(cat <<-E
			no down
			ERROR: a: down failed with status 7.
			downed
			no up
			ERROR: b: up -d failed with status 8.
			downed
		E
		)" ]
		[ "$(log | xargs)" = "$(printf 'docker-compose [down] docker-compose [up] [-d] %.0s' 1 2 3 | sed 's/ $//')" ]
		[ "$(uniq "$F/cwd" | xargs -n 1 basename | xargs)" = 'a b c' ]
		run -1 --separate-stderr step -q d c b a
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" = 5 ]
	}
	in_each_shell failing
}

@test "the commands get 0, 1 and 2 only, nothing to read, and no name of a project" {
	have docker-compose
	project web compose.yml
	: >lock
	clean() {
		echo input | COMPOSE_PROJECT_NAME=x step d web 3<lock 4<lock 5>>lock 6<lock 7<lock 8>>lock 9>>lock
		[ "$(sort -u "$F/fds")" = '0123 /dev/null' ]
		[ "$(sort -u "$F/name")" = none ]
		[ "$(wc -l <"$F/fds")" = 2 ]
	}
	in_each_shell clean
}

@test "standard output that cannot be written" {
	have docker-compose
	project web compose.yml
	full() {
		run -3 sh -c 'PATH=$1 $2 "$3" d web >/dev/full' - "$F/bin" "$SH" "$BAUDOLO_BIN/baudolo-compose"
		[ "$(log | wc -l)" = 2 ]
		run -3 sh -c 'PATH=$1 $2 "$3" -nq d web >/dev/full' - "$F/bin" "$SH" "$BAUDOLO_BIN/baudolo-compose"
		[ "$(log | wc -l)" = 2 ]
	}
	in_each_shell full
}

# The fake waits at down or up until it is released, having said in which session it is.
waits_at() {
	rm -f "$F"/{do-*,gate,at,through}
	mkfifo "$F/gate"
	cat >"$F/do-$1" <<-'E'
		[ ! -e "$FAKE/at" ] || return 0
		cut -d ' ' -f 6 /proc/$$/stat >"$FAKE/at.tmp"
		mv "$FAKE/at.tmp" "$FAKE/at"
		echo "some text"
		read -r line <"$FAKE/gate"
		: >"$FAKE/through"
	E
}

release() { timeout 10 sh -c 'echo >"$0"' "$F/gate"; }

# In a session of its own, as a child with nothing ignored.
start_step() {
	PATH=$F/bin env --default-signal=INT setsid $SH "$BAUDOLO_BIN/baudolo-compose" "$@" </dev/null >out 2>err 3>&- &
	STEP=$!
	wait_for [ -e "$F/at" ]
}

ended() {
	status=0
	wait "$STEP" || status=$?
	echo "ended with $status, not $1"
	cat out err "$F/log"
	[ "$status" = "$1" ]
}

logged() { [ "$(log | xargs)" = "$*" ]; }
ONCE='docker-compose [down] docker-compose [up] [-d]'

@test "a signal, to it or to its group, waits for up -d" {
	have docker-compose
	project a compose.yml
	project b compose.yml
	signals() {
		for at in down up; do
			for sig in HUP:129 INT:130 TERM:143; do
				for to in '' -; do
					afresh
					waits_at "$at"
					start_step d a b
					kill "-${sig%:*}" -- "$to$STEP"
					release
					ended "${sig#*:}"
					logged "$ONCE"
					[ "$(uniq "$F/cwd")" = "$PWD/d/a" ]
				done
			done
		done
	}
	in_each_shell signals
}

@test "a signal to all there is: down is cut short, up -d is made good" {
	have docker-compose
	project a compose.yml
	project b compose.yml
	all() {
		for sig in HUP INT TERM; do
			waits_at down
			afresh
			start_step d a
			kill "-$sig" -- "-$(cat "$F/at")"
			ended 1
			logged "$ONCE"
			grep 'ERROR: a: down failed' err

			waits_at up
			afresh
			start_step d a b
			kill -TERM "$STEP"
			kill "-$sig" -- "-$(cat "$F/at")"
			ended 143
			logged "$ONCE docker-compose [up] [-d]"
			run ! grep ERROR err
		done
	}
	in_each_shell all
}

@test "killed, it leaves nothing down" {
	have docker-compose
	project a compose.yml
	project b compose.yml
	killed() {
		for at in down up; do
			afresh
			waits_at "$at"
			start_step d a b
			kill -KILL -- "-$STEP"
			ended 137
			release
			wait_for [ -e "$F/through" ]
			wait_for logged "$ONCE"
		done
	}
	in_each_shell killed
}

@test "a reader that goes away leaves nothing down" {
	have docker-compose
	project a compose.yml
	pipe() {
		afresh
		waits_at down
		rm -f pipe "$F/well"
		mkfifo pipe
		cat pipe >got 3>&- &
		reader=$!
		PATH=$F/bin $SH "$BAUDOLO_BIN/baudolo-compose" d a </dev/null >pipe 2>&1 3>&- &
		STEP=$!
		wait_for [ -e "$F/at" ]
		kill "$reader"
		wait "$reader" || :
		echo 'echo text && echo text >&2 && : >"$FAKE/well"' >"$F/do-up"
		release
		status=0
		wait "$STEP" || status=$?
		echo "$status"
		[ "$status" != 0 ]
		[ -e "$F/well" ]
		logged "$ONCE"
	}
	in_each_shell pipe
}

@test "usage, --version" {
	for args in '' -x '-n' '-n --' --nonsense; do
		run -2 --separate-stderr step $args
		[ -z "$output" ]
		[[ $stderr == *'usage: baudolo-compose [-nqv] DIR [PROJECT...]' ]]
	done
	run -2 step ''
	run -0 step --version
	[ "$output" = "baudolo-compose $(cat "$BD_ROOT/VERSION")" ]
	have docker-compose
	mkdir -- -d
	project web compose.yml
	mv d/web ./-d/
	run -0 step -- -d web
	[ "$(log | wc -l)" = 2 ]
	run -3 sh -c 'baudolo-compose --version >/dev/full'
}

# A project on the engine of the tests; what it makes is ours to clean.
real_project() {
	mkdir -p "real/$1"
	cat >"real/$1/$2" <<-E
		version: "2.4"
		services:
		  sleeper:
		    image: $BD_IMAGE
		    network_mode: none
		    init: true
		    command: sleep 1000
		    labels: { bd-test: $(bd_file), of: "$2" }
	E
}

up_one() { (cd "real/$1" && docker-compose "${@:2}" up -d </dev/null 2>/dev/null); }
only() { docker ps -q --no-trunc --filter "label=com.docker.compose.project=$1"; }

@test "real docker-compose: a new container runs; the neighbour's is the same" {
	engine_start
	real_project bdweb docker-compose.yml
	real_project bdodd Docker-Compose.YAML
	real_project bdmail compose.yml
	up_one bdweb
	up_one bdodd -f Docker-Compose.YAML
	up_one bdmail
	web=$(only bdweb) odd=$(only bdodd) mail=$(only bdmail)
	[ "$web" ]
	[ "$odd" ]
	[ "$mail" ]
	PATH=$TOOLS BAUDOLO_COMPOSE=docker-compose run -0 baudolo-compose -v real bdweb bdodd
	echo "$output"
	for p in bdweb bdodd; do
		new=$(only "$p")
		container_running "$new"
		[ "$new" != "$web" ]
		[ "$new" != "$odd" ]
	done
	run docker inspect "$web" "$odd"
	[ "$status" != 0 ]
	[ "$(only bdmail)" = "$mail" ]
	container_running "$mail"
}

@test "real docker-compose: a container that cannot start, with the rest restarted" {
	engine_start
	real_project bdbad compose.yml
	real_project bdgood compose.yml
	up_one bdbad
	up_one bdgood
	good=$(only bdgood)
	sed -i "s,command:.*,command: /nowhere,; /init:/d" real/bdbad/compose.yml
	BAUDOLO_COMPOSE=docker-compose run -1 --separate-stderr baudolo-compose real bdbad bdgood
	grep -Fx 'ERROR: bdbad: up -d failed with status 1.' <<<"$stderr"
	grep -F /nowhere <<<"$stderr"
	new=$(only bdgood)
	container_running "$new"
	[ "$new" != "$good" ]
}

@test "the page's examples" {
	engine_start
	mkdir docker
	real_project bdex1 compose.yml
	real_project bdex2 compose.yml
	mv real/bdex1 docker/web
	mv real/bdex2 docker/mail
	examples baudolo-compose.1
	container_running "$(only web)" "$(only mail)"
	(cd docker/web && docker-compose down </dev/null) && (cd docker/mail && docker-compose down </dev/null)
}
