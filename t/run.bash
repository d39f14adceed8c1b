# run.bash - whole runs of baudolo that something goes wrong in, and what they may leave. After engine and tree.
#
# ram_engine            for setup_file: an engine of its own on a file system whose syncs cost nothing
# ram_engine_end        for teardown_file
# ram_work              for setup: an empty folder there; H, B, S, R: the host, the backups, the state, the repository
# generations           their names
# whole GENERATION      the stamp is right, and each of VOLUMES either has failed or equals PLACE[VOLUME]; says what is not

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
	umask 022
	H=$(bd-machine-hash)
	B=$PWD/b S=$PWD/s
	R=$B/$H/backup-docker-to-local
}

generations() { [ ! -d "$R" ] || ls -A "$R"; }

# The pipeline of the stamp's validator.
names_digest() {
	(cd "$1" && find . -mindepth 1 ! -path ./directory_stemp.json -printf '%P\n' | LC_ALL=C sort | tr -d '\n' | sha256sum | cut -d ' ' -f 1)
}

whole() {
	local v
	[ "$(jq -er .hash "$1/directory_stemp.json")" = "$(names_digest "$1")" ] || { echo "$1: the stamp is wrong"; return 1; }
	for v in "${VOLUMES[@]}"; do
		if jq -e --arg v "$v" '.failed | index($v)' "$1/manifest.json" >/dev/null; then
			[ ! -e "$1/$v/files" ] || { echo "$1: $v has failed, but it is there"; return 1; }
		else
			oracle "${PLACE[$v]}" "$1/$v/files" && exact "${PLACE[$v]}" "$1/$v/files" || { echo "$1: $v is wrong"; return 1; }
		fi
	done
	[ -z "$(find "$1" -mindepth 2 -maxdepth 2 ! -name files ! -name contents.mtree)" ] || { echo "$1: more than there should be"; return 1; }
}
