#!/usr/bin/env bats
# bd-link: the list it prints and the links it makes; bd-rsync's tests try the same code further.

load engine
load tree
load fake

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkdir src prev dest
}

list() { bd-link "$@" | tr '\0' '\n' | sed 's,^\./,,'; }

@test "without an earlier copy every file is listed, in the byte order of full paths" {
	mkdir src/a src/a-b && touch src/a/x src/a-b/x src/a.c src/a! src/z
	[ "$(list src - dest)" = $'a!\na-b/x\na-b\na.c\na/x\na\nz' ]
	[ -d dest/a ] && [ -d dest/a-b ] && [ ! -e dest/z ]
}

@test "names that are hard to print" {
	local n
	for n in $'new\nline' $'tab\t' '\' '-' -n "'" $'\xff' '#' ';'; do touch "src/$n"; done
	mkdir src/-d 'src/#d' 'src/;d' && touch 'src/#d/#' 'src/;d/;'
	bd-link src - dest >out
	[ "$(tr -cd '\0' <out | wc -c)" = 13 ]
	rsync -aHAXXS --numeric-ids --no-D --modify-window=-1 --no-implied-dirs --from0 --files-from=out src/ dest/
	touch -r src dest
	oracle src dest
}

@test "what is equal is linked and not listed" {
	echo same >src/same && echo one >src/other && ln -s to src/link && cp -a src/. prev/ && echo two >prev/other && touch -r src/other prev/other
	[ "$(list src prev dest)" = other ]
	[ prev/same -ef dest/same ]
	[ "$(stat -c %i prev/link)" = "$(stat -c %i dest/link)" ]
}

@test "folders get mode, owner, times, attributes" {
	mkdir src/d && chmod 2711 src/d && chown 7:8 src/d && setfattr -n user.a -v b src/d && setfacl -d -m u:9:r src/d && touch -d 2001-01-01 src/d
	list src - dest
	exact src dest
}

@test "special files are left out" {
	mkfifo src/fifo
	mknod src/null c 1 3
	[ -z "$(list src - dest)" ]
	[ -z "$(ls -A dest)" ]
}

@test "usage, missing folders, an output that cannot be written" {
	run -2 bd-link
	run -2 bd-link src prev
	run -2 bd-link src prev dest index more
	run -3 bd-link none prev dest
	[[ $output == 'bd-link: none: No such file or directory' ]]
	touch src/f
	run -3 sh -c 'bd-link src prev dest >/dev/full'
	run -0 bd-link -V
}

@test "a folder in DEST that is there already is an error" {
	mkdir src/d dest/d
	run -3 bd-link src - dest
	[[ $output == *'d: File exists'* ]]
}

@test "the page's examples run" { examples bd-link.1; }
