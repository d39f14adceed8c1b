#!/usr/bin/env bats
# bd-preflight

load engine
load fake
load copy

setup() { copy_begin; }
teardown_file() { loop_clean; }

stop_plan() { printf '%s\tstop\t1\tneeded\t%s\tc\n' "$@"; }

@test "a plan comes out as it went in" {
	mkdir "$WORK/a b"
	printf 'x\tskip\t-\texcluded\t-\t-\nv\\tw\tlive\t-\tidle\t%s\t-\nm\tfail\t-\tunmounted\t-\t-\n' "$WORK/a b" >"$WORK/plan"
	run -0 --separate-stderr bd-preflight "$WORK/backups" "$WORK/backups/h/r" <"$WORK/plan"
	[ "$output" = "$(cat "$WORK/plan")" ]
	[ -z "$stderr" ]
	[ ! -e "$WORK/backups" ]
}

@test "a volume that holds the backups, and one that lies in them" {
	mkdir -p "$WORK/v/backups/x" "$WORK/w"
	{ stop_plan around "$WORK/v"; stop_plan itself "$WORK/v/backups"; stop_plan within "$WORK/v/backups/x"; stop_plan beside "$WORK/w"; } >"$WORK/plan"
	run -0 bd-preflight "$WORK/v/backups" "$WORK/v/backups/h/r" <"$WORK/plan"
	[ "$(cut -f 1,2,4 <<<"$output")" = "around	fail	the backups folder lies in it
itself	fail	the backups folder lies in it
within	fail	it lies in the backups folder
beside	stop	needed" ]
	# a name that only starts the same
	mkdir "$WORK/v/backups2"
	stop_plan other "$WORK/v/backups2" >"$WORK/plan"
	run -0 bd-preflight "$WORK/v/backups" "$WORK/v/backups/h/r" <"$WORK/plan"
	[ "$output" = "$(cat "$WORK/plan")" ]
}

@test "bind mounts and symlinks are seen through" {
	fs=$(loop_fs ext4 32M)
	mkdir -p "$fs/data/backups/old" "$fs/volume with a blank" "$fs/late"
	mount --bind "$fs/data" "$fs/volume with a blank"
	mount --bind "$fs/data/backups/old" "$fs/late"
	ln -s data/backups "$fs/link"
	{ stop_plan around "$fs/volume with a blank"; stop_plan within "$fs/late"; } >"$WORK/plan"
	for backups in "$fs/data/backups" "$fs/link" "$fs/data/backups/not/yet"; do
		run -0 bd-preflight "$backups" "$backups/h/r" <"$WORK/plan"
		[ "$(grep around <<<"$output" | cut -f 2,4)" = 'fail	the backups folder lies in it' ]
	done
	run -0 bd-preflight "$fs/link" "$fs/link/h/r" <"$WORK/plan"
	[ "$(grep within <<<"$output" | cut -f 2,4)" = 'fail	it lies in the backups folder' ]
}

@test "a file system mounted in a volume is seen, too" {
	fs=$(loop_fs ext4 32M)
	mkdir -p "$fs/data/backups" "$WORK/v/disk"
	mount --bind "$fs/data" "$WORK/v/disk"
	stop_plan around "$WORK/v" >"$WORK/plan"
	for backups in "$fs/data/backups" "$WORK/v/disk/backups"; do
		run -0 bd-preflight "$backups" "$backups/h/r" <"$WORK/plan"
		[ "$(cut -f 2,4 <<<"$output")" = 'fail	the backups folder lies in it' ]
	done
	run -0 bd-preflight "$fs/beside" "$fs/beside/h/r" <"$WORK/plan"
	[ "$output" = "$(cat "$WORK/plan")" ]
	umount "$WORK/v/disk"
}

@test "room for volumes that are new, and what is known of the others" {
	small=$(loop_fs ext4 16M)
	big=$(loop_fs ext4 64M)
	head -c 30M /dev/urandom >"$big/blob"
	mkdir "$big/v" && mv "$big/blob" "$big/v"
	stop_plan v "$big/v" >"$WORK/plan"
	run -1 --separate-stderr bd-preflight "$small" "$small/h/r" <"$WORK/plan"
	[ "$output" = "$(cat "$WORK/plan")" ]
	[[ $stderr =~ "the volumes that are new need 30 MiB and 1 inodes, and there are "[0-9]+" MiB" ]]
	# one of two names: its share
	mkdir "$big/half" && ln "$big/v/blob" "$big/half/blob"
	stop_plan v "$big/v" >"$WORK/plan"
	run -1 --separate-stderr bd-preflight "$small" "$small/h/r" <"$WORK/plan"
	[[ $stderr == *"need 15 MiB"* ]]
	# a sparse file takes nothing
	rm -r "$big/v" "$big/half" && mkdir "$big/v" && truncate -s 1G "$big/v/sparse" && head -c 30M /dev/urandom >"$big/other"
	run -0 bd-preflight "$small" "$small/h/r" <"$WORK/plan"
	# what a generation has is not counted again
	mv "$big/other" "$big/v/other"
	mkdir -p "$small/h/r/20260101000000/v/files"
	run -0 bd-preflight "$small" "$small/h/r" <"$WORK/plan"
	# nor what is skipped
	rm -r "$small/h"
	printf 'v\tskip\t-\texcluded\t-\t-\n' >"$WORK/plan"
	run -0 bd-preflight "$small" "$small/h/r" <"$WORK/plan"
}

@test "inodes run out, too" {
	small=$(loop_fs ext4 4M)
	mkdir "$WORK/v"
	(cd "$WORK/v" && seq 3000 | xargs touch)
	stop_plan v "$WORK/v" >"$WORK/plan"
	run -1 bd-preflight "$small" "$small/h/r" <"$WORK/plan"
	[[ $output == *"3000 inodes, and there are "* ]]
}

@test "a read-only file system, and a file in the way" {
	fs=$(loop_fs ext4 8M)
	mount -o remount,ro "$fs"
	stop_plan v "$WORK" >"$WORK/plan"
	run -3 bd-preflight "$fs/b" "$fs/b/h/r" <"$WORK/plan"
	[[ $output == "bd-preflight: $fs: Read-only file system" ]]
	: >"$WORK/file"
	run -3 bd-preflight "$WORK/file" "$WORK/file/h/r" <"$WORK/plan"
	[[ $output == *": Not a directory" ]]
}

@test "malformed input, wrong usage and a full device" {
	run -2 bd-preflight "$WORK"
	run -2 bd-preflight relative "$WORK/r" </dev/null
	run -2 bd-preflight "$WORK" "$WORK/r" <<<'a b'
	[ "$output" = 'bd-preflight: stdin:1: 1 fields, expected 6' ]
	run -2 bd-preflight "$WORK" "$WORK/r" < <(stop_plan v relative)
	stop_plan v "$WORK" >"$WORK/plan"
	run -3 sh -c 'bd-preflight "$1/b" "$1/r" <"$1/plan" >/dev/full' - "$WORK"
	run -0 bd-preflight -V
}

@test "what the page shows runs" {
	engine_start
	volume_new preflight-page >/dev/null
	cd "$BATS_TEST_TMPDIR"
	examples bd-preflight.1
	volume_rm preflight-page
}
