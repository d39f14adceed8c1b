# engine.bash - a Docker engine, an image, volumes and file systems for tests; never the user's own
#
#	load engine
#	setup_file()    { engine_start; }          # or: engine_start own
#	teardown_file() { engine_clean; loop_clean; }
#
# engine_start [NAME]        makes the engine NAME answer and exports DOCKER_HOST. Without a name it is the one
#                            that all files of a run share; `own` is one of this file alone, for programs that look
#                            at every volume or stop containers. BD_DATA_ROOT=DIR: its data lies there.
#                            BD_DOCKERD=(ARG...): more arguments for its daemon. Everything
#                            this file left behind earlier is removed when this is called from setup_file.
# engine_data [NAME]         prints the engine's data root
# engine_down [NAME]         ends its daemon, as a restart of the daemon does; engine_up makes it answer again
# engine_clean               removes the containers and volumes this file made
# engine_stop [NAME...]      ends these engines, or all of the run; their data stays for the next engine_start
# engine_tap                 starts counting: DOCKER_HOST leads through a socket that keeps what is asked, until
# engine_untap               the requests asked meanwhile are printed, `METHOD /path` each, without the version
# volume_new NAME [ARG...]   creates a volume (args of docker volume create), prints its mount point
# volume_rm NAME...
# volume_path NAME           prints its mount point
# container_run NAME [ARG...]  runs a container that ends at once on TERM (args of docker run; IMAGE=..., ours by default),
#                            or has its sh do the words of ON_TERM=..., none of which is deafness
# container_up NAME...       starts these, paused ones too
# container_running NAME...  are they all?
# image_new REFERENCE...     gives our image other names, `postgres:16` say
# loop_fs TYPE SIZE          makes a file system of its own (ext4, xfs, btrfs), mounts it, prints where
# loop_clean                 unmounts what this file got from loop_fs
# wait_for COMMAND...        runs it until it succeeds, for half a minute at most
#
# BAUDOLO_TEST_BUSYBOX=IMAGE names an image to pull and use instead of one made from this machine's busybox.
# All lies in BAUDOLO_TEST_DIR, which scripts/test makes and removes. Run by hand, `bats t/NN-x.bats` uses a folder
# that stays, and the engine in it goes on running: `bash -c '. t/engine.bash; engine_stop'` ends it.

BD_ROOT=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd -P)
BD_IMAGE=bd-test/busybox
[ -z "${BATS_TEST_FILENAME-}" ] || bats_require_minimum_version 1.5.0
case $PATH in
"${BAUDOLO_BIN:=$BD_ROOT/build/bin}":*) ;;
*) PATH=$BAUDOLO_BIN:$PATH ;;
esac
export BAUDOLO_TEST_DIR=${BAUDOLO_TEST_DIR:-${TMPDIR:-/tmp}/baudolo-test}
if ! (umask 077 && mkdir -p "$BAUDOLO_TEST_DIR") || ! [ -O "$BAUDOLO_TEST_DIR" ] || [ -L "$BAUDOLO_TEST_DIR" ]; then
	echo "$BAUDOLO_TEST_DIR: not ours" >&2
	return 1
fi

# What this file made, made unique among the files of a run.
bd_file() {
	local f=${BATS_TEST_FILENAME##*/}
	printf %s "${f:-hand}" | tr -c 'a-zA-Z0-9_.\n' -
}

bd_engine() {
	case ${1-} in
	own) printf %s "$BAUDOLO_TEST_DIR/engine.$(bd_file)" ;;
	*) printf %s "$BAUDOLO_TEST_DIR/engine${1:+-$1}" ;;
	esac
}

# Becomes it, with nothing open but 0, 1 and 2: bats waits until every descriptor it handed out is closed.
bd_closed() {
	local fd
	for fd in /proc/"$BASHPID"/fd/*; do
		fd=${fd##*/}
		[ "$fd" -le 2 ] || eval "exec $fd>&-"
	done
	exec "$@"
}

wait_for() {
	local end=$((SECONDS + 30)) turn=0
	until "$@"; do
		if [ "$SECONDS" -gt "$end" ]; then
			echo "still not: $*" >&2
			return 1
		fi
		sleep "0.0$((turn < 9 ? ++turn : 9))"
	done
}

engine_answers() { curl -sf -o /dev/null --max-time 5 --unix-socket "$1/docker.sock" http://docker/_ping; }

engine_data() { cat "$(bd_engine "${1-}")/root"; }

# ctime only tells changes on these.
bd_trusted_fs() {
	case $(stat -f -c %T -- "$1") in
	ext2/ext3 | xfs | btrfs) ;;
	*) return 1 ;;
	esac
}

# D: the engine's folder. Called locked.
bd_engine_launch() {
	local d=$1 root=${BD_DATA_ROOT:-$1/data}
	bd_engine_bury "$d"
	mkdir -p "$d" "$root" || return
	if [ -z "${BD_DATA_ROOT-}" ] && ! bd_trusted_fs "$root"; then
		bd_loop_mount ext4 4G "$root" || return
	fi
	printf '%s\n' "$root" >"$d/root"
	bd_daemon "$d" && bd_image
}

# D: on the data root that it has.
bd_daemon() {
	(bd_closed setsid -f dockerd -D --data-root "$(cat "$1/root")" --exec-root "$1/exec" --pidfile "$1/pid" \
		-H "unix://$1/docker.sock" --bridge=none --iptables=false --ip6tables=false "${BD_DOCKERD[@]}" \
		</dev/null >>"$1/log" 2>&1)
	wait_for engine_answers "$1" || { tail -n 20 "$1/log" >&2; return 1; }
}

bd_ended() { ! kill -0 "$1" 2>/dev/null; }

engine_down() {
	local pid
	pid=$(cat "$(bd_engine "${1-}")/pid") && kill "$pid" && wait_for bd_ended "$pid"
}

engine_up() { bd_daemon "$(bd_engine "${1-}")"; }

# The applets of this machine's busybox, and its libraries should it need some.
bd_image() {
	local r lib
	docker image inspect "$BD_IMAGE" >/dev/null 2>&1 && return
	if [ -n "${BAUDOLO_TEST_BUSYBOX-}" ]; then
		docker pull -q "$BAUDOLO_TEST_BUSYBOX" >/dev/null && docker tag "$BAUDOLO_TEST_BUSYBOX" "$BD_IMAGE"
		return
	fi
	r=$(mktemp -d "$BAUDOLO_TEST_DIR/rootfs.XXXXXX") && chmod 755 "$r" && mkdir -p "$r/bin" "$r/etc" "$r/tmp" || return
	cp "$(command -v busybox)" "$r/bin/busybox" || return
	for lib in $(ldd "$r/bin/busybox" 2>/dev/null | grep -o '/[^ ]*'); do
		mkdir -p "$r${lib%/*}" && cp -L "$lib" "$r$lib" || return
	done
	busybox --list | grep -vx busybox | while read -r lib; do ln -s busybox "$r/bin/$lib"; done
	echo 'root:x:0:0:root:/:/bin/sh' >"$r/etc/passwd"
	tar -C "$r" -c . | docker import --change 'ENV PATH=/bin' --change 'CMD ["sh"]' - "$BD_IMAGE" >/dev/null || return
	rm -rf "$r"
}

engine_start() {
	local d
	d=$(bd_engine "${1-}")
	unset DOCKER_CONTEXT DOCKER_TLS DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_API_VERSION
	export DOCKER_HOST=unix://$d/docker.sock DOCKER_CONFIG=$BAUDOLO_TEST_DIR/docker-config
	(
		flock 9
		engine_answers "$d" || bd_engine_launch "$d"
	) 9>"$d.lock" || return
	[ -n "${BATS_TEST_NAME-}" ] || engine_clean
}

engine_clean() {
	local label
	label=bd-test=$(bd_file)
	docker ps -aq --filter "label=$label" | xargs -r docker rm -f >/dev/null &&
		docker volume ls -q --filter "label=$label" | xargs -r docker volume rm -f >/dev/null
}

# The containers by request, so that nothing of theirs stays mounted; the rest by force, which is quicker.
engine_stop() {
	local d name dirs=()
	for name; do dirs+=("$(bd_engine "$name")"); done
	[ $# -gt 0 ] || dirs=("$BAUDOLO_TEST_DIR"/engine*)
	for d in "${dirs[@]}"; do
		[ -d "$d" ] || continue
		if engine_answers "$d"; then
			docker -H "unix://$d/docker.sock" ps -aq | xargs -r docker -H "unix://$d/docker.sock" rm -f >/dev/null
		fi
		bd_engine_bury "$d"
	done
}

bd_engine_bury() {
	local at
	wait_for bd_engine_dead "$1"
	awk -v d="$1/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r at; do umount -l "$at"; done
	rm -rf "$1/exec" "$1/pid"
}

# dockerd, containerd, its shims, and processes in containers that outlived them.
bd_engine_dead() {
	local p dead=0
	for p in $(grep -lsFf <(echo "$1/exec") /proc/[0-9]*/cmdline) $(grep -lsE " / / .*upperdir=$1/" /proc/[0-9]*/mountinfo); do
		p=${p#/proc/}
		kill -9 "${p%%/*}" 2>/dev/null && dead=1
	done
	return "$dead"
}

engine_tap() {
	local real=${DOCKER_HOST#unix://}
	BD_TAP=$(mktemp -d "$BAUDOLO_TEST_DIR/tap.XXXXXX") || return
	: >"$BD_TAP/asked"
	bd_closed socat -r "$BD_TAP/asked" "UNIX-LISTEN:$BD_TAP/sock,fork" "UNIX-CONNECT:$real" </dev/null >/dev/null 2>&1 &
	BD_TAP_PID=$!
	BD_UNTAPPED=$DOCKER_HOST
	wait_for [ -S "$BD_TAP/sock" ] || return
	export DOCKER_HOST=unix://$BD_TAP/sock
}

engine_untap() {
	kill "$BD_TAP_PID" 2>/dev/null || :
	wait "$BD_TAP_PID" 2>/dev/null || :
	export DOCKER_HOST=$BD_UNTAPPED
	grep -aoE '(GET|HEAD|POST|PUT|DELETE) /[^ ]* HTTP/1\.[01]' "$BD_TAP/asked" |
		sed -E 's,^([A-Z]+) /v1\.[0-9]+/,\1 /,; s, HTTP/1\..$,,' || :
	rm -rf "$BD_TAP"
}

volume_new() {
	docker volume create --label "bd-test=$(bd_file)" "${@:2}" "$1" >/dev/null && volume_path "$1"
}

volume_rm() { docker volume rm -f "$@" >/dev/null; }

volume_path() { docker volume inspect -f '{{.Mountpoint}}' "$1"; }

container_run() {
	local name=$1 net=(--network none) arg
	shift
	for arg; do case $arg in --net | --network | --net=* | --network=*) net=() ;; esac; done
	docker run -d --name "$name" --label "bd-test=$(bd_file)" "${net[@]}" "$@" "${IMAGE:-$BD_IMAGE}" \
		sh -c 'trap "$0" TERM; while :; do sleep 1000 & wait $!; done' "${ON_TERM-exit 0}" >/dev/null || return
	bd_await_traps "$name"
}

container_up() {
	docker unpause "$@" >/dev/null 2>&1 || :
	docker start "$@" >/dev/null && bd_await_traps "$@"
}

# Process 1 does not hear a TERM that comes before its trap.
bd_await_traps() {
	local name pid
	for name; do
		pid=$(docker inspect -f '{{.State.Pid}}' "$name") && wait_for bd_traps_term "$pid" || return
	done
}

bd_traps_term() {
	local set
	for set in $(sed -nE 's/^Sig(Cgt|Ign):[[:space:]]*//p' "/proc/$1/status"); do
		(((16#$set >> 14) & 1)) && return
	done
	return 1
}

container_running() {
	local all
	all=$(docker inspect -f '{{.State.Running}}' "$@") && ! grep -qvx true <<<"$all"
}

image_new() {
	local ref
	for ref; do docker tag "$BD_IMAGE" "$ref" || return; done
}

bd_loop_mount() {
	local type=$1 size=$2 at=$3
	if ! [ -e "$at.img" ]; then
		truncate -s "$size" "$at.img" || return
		case $type in
		ext4) mkfs.ext4 -q -F "$at.img" ;;
		xfs | btrfs) "mkfs.$type" -q -f "$at.img" ;;
		*) echo "loop_fs: $type?" >&2; return 1 ;;
		esac >/dev/null || return
	fi
	mkdir -p "$at" && mount -o loop "$at.img" "$at" && mount --make-private "$at"
}

loop_fs() {
	local at
	mkdir -p "$BAUDOLO_TEST_DIR/loop.$(bd_file)" &&
		at=$(mktemp -d "$BAUDOLO_TEST_DIR/loop.$(bd_file)/$1.XXXX") &&
		bd_loop_mount "$1" "$2" "$at" && printf '%s\n' "$at"
}

loop_clean() {
	local d at
	d=$BAUDOLO_TEST_DIR/loop.$(bd_file)
	[ -d "$d" ] || return 0
	awk -v d="$d/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r at; do
		umount "$at" 2>/dev/null || umount -l "$at"
	done
	rm -rf "$d"
}
