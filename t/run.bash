# run.bash - whole runs of baudolo, what may go wrong in them, and what they may leave. After engine and tree.
#
# places                for setup: the usual umask, and H, B, S, R: the host, and the backups, the state and the repository
#                       below the folder we are in
# stamped GENERATION    is its stamp right?
# ram_engine            for setup_file: an engine of its own on a file system whose syncs cost nothing
# ram_engine_end        for teardown_file
# ram_work              for setup: an empty folder there, and its places
# place VOLUME N        makes the volume, with N files in sub, and a hard and a symbolic link: PLACE[VOLUME] is where
# generations           their names
# newest                the last of them, as a path
# failed                the volumes of it that have failed, as JSON
# whole GENERATION      the stamp is right, and each of VOLUMES either has failed or equals PLACE[VOLUME]; says what is not
# none_failed GENERATION
# tidy                  nothing is in the way of a puller, or of a cleaner three levels down; says what is
# remember              keeps in mind which generations there are, OLD, and what they are like
# outcome STATUS        of a run that has ended so since: those are as they were, and there is a whole one more, NEW, or
#                       none, as STATUS says; says what is not

places() {
	umask 022
	H=$(bd-machine-hash)
	B=$PWD/b S=$PWD/s
	R=$B/$H/backup-docker-to-local
}

# The pipeline of its validator, for names of several lines, too.
stamped() {
	[ "$(jq -er .hash "$1/directory_stemp.json")" = "$(cd "$1" && find . -mindepth 1 ! -path ./directory_stemp.json -printf '%P\0' |
		LC_ALL=C sort -z | tr -d '\0' | sha256sum | cut -d ' ' -f 1)" ]
}

ram_engine() {
	cd "$BATS_FILE_TMPDIR"
	mkdir ram
	mount -t tmpfs -o size=2g none ram
	truncate -s 1900M ram/img
	mkfs.ext4 -q -F ram/img
	mkdir ram/fs
	mount -o loop ram/img ram/fs
	BD_DATA_ROOT=$PWD/ram/fs/data engine_start own
}

ram_engine_end() {
	engine_clean
	engine_stop own
	umount "$BATS_FILE_TMPDIR/ram/fs" || umount -l "$BATS_FILE_TMPDIR/ram/fs"
	umount "$BATS_FILE_TMPDIR/ram" || umount -l "$BATS_FILE_TMPDIR/ram"
}

ram_work() {
	rm -rf "$BATS_FILE_TMPDIR/ram/fs/work"
	mkdir "$BATS_FILE_TMPDIR/ram/fs/work"
	cd "$BATS_FILE_TMPDIR/ram/fs/work"
	places
}

place() {
	local i
	declare -gA PLACE
	PLACE[$1]=$(volume_new "$1") && mkdir "${PLACE[$1]}/sub" || return
	for ((i = 1; i <= $2; i++)); do echo "$1 $i" >"${PLACE[$1]}/sub/$i"; done
	ln "${PLACE[$1]}/sub/1" "${PLACE[$1]}/hard" && ln -s sub/2 "${PLACE[$1]}/soft"
}

generations() { [ ! -d "$R" ] || ls -A "$R"; }

newest() { find "$R" -mindepth 1 -maxdepth 1 2>/dev/null | LC_ALL=C sort | tail -n 1; }
failed() { jq -c .failed "$(newest)/manifest.json"; }

whole() {
	local v
	stamped "$1" || { echo "$1: the stamp is wrong"; return 1; }
	for v in "${VOLUMES[@]}"; do
		if jq -e --arg v "$v" '.failed | index($v)' "$1/manifest.json" >/dev/null; then
			[ ! -e "$1/$v/files" ] || { echo "$1: $v has failed, but it is there"; return 1; }
		else
			oracle "${PLACE[$v]}" "$1/$v/files" && exact "${PLACE[$v]}" "$1/$v/files" || { echo "$1: $v is wrong"; return 1; }
		fi
	done
	[ -z "$(find "$1" -mindepth 2 -maxdepth 2 ! -name files ! -name contents.mtree)" ] || { echo "$1: more than there should be"; return 1; }
}

none_failed() { [ "$(jq -c .failed "$1/manifest.json")" = '[]' ]; }

tidy() {
	local bad
	bad=$(find "$B" -maxdepth 3 ! -type d 2>/dev/null; find "$R" -maxdepth 0 -empty 2>/dev/null
		find "$R" -mindepth 1 -maxdepth 1 ! -name '20[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]' 2>/dev/null)
	[ -z "$bad" ] || { echo "in the way: $bad"; return 1; }
}

remember() {
	local g
	OLD=$(generations)
	declare -gA PAST=()
	for g in $OLD; do PAST[$g]=$(fingerprint "$R/$g"); done
}

outcome() {
	local g
	NEW=$(comm -13 <(echo "$OLD") <(generations) | grep . || :)
	for g in $OLD; do
		[ "$(fingerprint "$R/$g")" = "${PAST[$g]}" ] || { echo "$g has changed"; return 1; }
	done
	case $NEW in
	'') [ "$1" -ge 3 ] || { echo "status $1, but no generation"; return 1; } ;;
	*$'\n'*) echo "$NEW?"; return 1 ;;
	*)
		whole "$R/$NEW" || return
		[ "$1" != 0 ] || none_failed "$R/$NEW" || { echo 'status 0, but some failed'; return 1; }
		;;
	esac
}
