# baudolo-front.sh - what the front ends share: options, messages, signals, the lock. Each sources it from its own folder.
# shellcheck shell=sh disable=SC2034 # what is set here serves them

{ # see baudolo
tab=$(printf '\t') || exit 3
newline='
'
rc=0 status=0 child='' work=''

# What more than one of them takes, as long as nothing else is asked for.
backups_dir=/Backups hash='' repo_name=backup-docker-to-local state_dir=/var/lib/baudolo
databases_csv=/etc/baudolo/databases.csv database_containers=''
jobs='' dry_run='' verbose='' quiet='' version=''

say() {
	[ "$quiet" ] || printf '%s\n' "$*" || rc=1
}

# tell WORD TEXT: names in it may hold what a terminal obeys
tell() {
	case $2 in
	*[[:cntrl:]]*) set -- "$1" "$(printf %s "$2" | LC_ALL=C tr '[:cntrl:]' '?')" ;;
	esac
	printf '%s: %s\n' "$1" "$2" >&2
}

warn() {
	tell WARNING "$1"
}

# error TEXT: something failed, the rest goes on
error() {
	tell ERROR "$1"
	[ "$rc" != 0 ] || rc=1
}

# fail TEXT, refuse TEXT, give_up TEXT: see the exit statuses in baudolo(7)
fail() {
	tell ERROR "$1"
	exit 1
}

refuse() {
	tell ERROR "$1"
	exit 2
}

give_up() {
	tell ERROR "$1"
	exit 3
}

# check_name WHAT NAME: a component of a path, never a path
check_name() {
	case $2 in
	'' | . | .. | */*) refuse "$1 must be a name, not a path: '$2'" ;;
	esac
}

# size TEXT: sets bytes to what it means, 10GiB for instance; fails if that is no size, or more than there can be
size() {
	number=${1%%[!0-9]*} bytes='' unit=1
	case ${1#"$number"} in
	'') ;;
	[Kk] | KiB) unit=1024 ;;
	[Mm] | MiB) unit=1048576 ;;
	[Gg] | GiB) unit=1073741824 ;;
	[Tt] | TiB) unit=1099511627776 ;;
	*) return 1 ;;
	esac
	[ "$number" ] || return 1
	number=${number#"${number%%[!0]*}"} # 010 is no octal number
	[ "${#number}" -le 18 ] || return 1
	[ "${number:-0}" -le $((9223372036854775807 / unit)) ] || return 1
	bytes=$((${number:-0} * unit))
}

# options SPEC ARGUMENT...: sets a variable for each option given, by what the function SPEC prints for bd-options(1), which
# reads the arguments from a pipe: passwords are nobody's arguments but ours
options() {
	spec=$1
	shift
	given=$({ "$spec" && echo end && { [ $# = 0 ] || printf '%s\0' "$@"; }; } | bd-options -0s -) || exit $(($? == 2 ? 2 : 3))
	eval "$given"
	unset given # a password may be in it
	if [ "$version" ]; then
		printf '%s %s\n' "${0##*/}" '@VERSION@' || exit 3
		exit 0
	fi
	check_name --repo-name "$repo_name"
	[ "${jobs:-1}" -le 64 ] || refuse '--jobs must be at most 64.'
	case $backups_dir in /*) ;; *) backups_dir=${PWD%/}/$backups_dir ;; esac
	case $state_dir in /*) ;; *) state_dir=${PWD%/}/$state_dir ;; esac
}

# Sets repo, and hash to this host's if there is none.
find_repository() {
	case $hash in
	'' | -) hash=$(bd-machine-hash) || give_up 'this host has no name.' ;;
	*) check_name --hash "$hash" ;;
	esac
	# What is known of it goes by its path, of which there is but one. (busybox has no realpath -m.)
	at=$backups_dir/$hash/$repo_name repo=''
	until [ -d "${at:-/}" ]; do
		repo=/${at##*/}$repo
		at=${at%/*}
	done
	at=$(cd -P -- "${at:-/}" && pwd -P && echo .) || give_up "$at cannot be resolved."
	at=${at%"$newline".}
	repo=${at%/}$repo
}

# unread: what read(1) has left of descriptor 3 ends the run. (An error is an end for it.)
unread() {
	rest=$(cat <&3 && echo .) || give_up 'records could not be read.'
	[ "$rest" = . ] || give_up 'records could not be read to their end.'
	return 1
}

# run INPUT COMMAND...: in the background, so that a signal to us can end it; it gets KILL, or $end, when we die.
# Its end: $status. (INPUT is named here, since a command in the background reads nothing that its function was given.)
end=KILL
run() {
	input=$1
	shift
	[ ! "$end" ] || set -- bd-tie -p $$ -s "$end" "$@"
	"$@" <"$input" &
	child=$!
	status=0
	wait "$child" || status=$?
	child=''
}

# begin: from here on a signal ends what runs, and at the end, whatever it is of, undo is called and $work removed
begin() {
	trap cleanup EXIT
	trap 'interrupted 129' HUP
	trap 'interrupted 130' INT
	trap 'interrupted 143' TERM
}

interrupted() {
	if [ "$child" ]; then
		kill -TERM "$child" 2>/dev/null || :
		wait "$child" || :
	fi
	exit "$1"
}

undo() {
	:
}

cleanup() {
	rc=$?
	trap - EXIT
	trap '' HUP INT TERM
	undo
	[ ! "$work" ] || rm -rf "$work"
	exit "$rc"
}

# lock FOLDER WHAT: one WHAT at a time. Descriptor 9, and the lock with it, is inherited by all that could still write.
lock() {
	mkdir -p "$1" || give_up "the state folder $1 cannot be made."
	(: >>"$1/lock") || give_up "$1/lock cannot be written."
	exec 9>>"$1/lock"
	flock -n 9 && return 0
	status=$?
	[ "$status" = 1 ] || give_up "flock ended with status $status."
	tell ERROR "another $2 holds the lock $1/lock."
	exit 4
}
}
