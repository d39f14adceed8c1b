#!/usr/bin/env bats
# The repository as a whole: pages, tests, installation.

bats_require_minimum_version 1.5.0

setup() { cd "$BATS_TEST_DIRNAME/.."; }

programs() {
	local f
	for f in cmd/*.c; do basename "$f" .c; done
	for f in scripts/baudolo*; do [[ ! -e $f || $f == *.sh ]] || basename "$f"; done
}

files() { git -c safe.directory='*' ls-files "$@" 2>/dev/null; }

# Runs a test of one name for each, and fails naming those it fails for.
all_of() {
	local name bad=0
	while read -r name <&5; do
		"$1" "$name" || { echo "$1: not $name"; bad=1; }
	done 5< <("${@:2}")
	return "$bad"
}

has_page() { compgen -G "man/$1.[18]" >/dev/null; }

is_tested() { grep -lE -e "(^|[^-a-z])$1([^-a-z]|$)" t/[0-9][0-9]-*.bats | grep -qvx t/00-repo.bats; }

has_status() { grep -qx '\.Sh EXIT STATUS' "$1"; }

# FILE...: the lines on which the failure of a command that begins with ! is of no consequence
bare() { grep -nHE '^[[:space:]]*! ' "$@" | sed 's/[[:space:]]#[[:space:]].*//' | grep -v '||'; }

in_overview() { grep -qE -e "(^|[^-a-z])$1([^-a-z]|$)" man/baudolo.7; }

@test "every program has a manual page" { all_of has_page programs; }

@test "every program has a test" { all_of is_tested programs; }

# Bash ends no test for a command behind !, be it the reason to.
@test "no test relies on a bare !: run !, or || false" {
	printf '%s\n' '	! grep -q x f' '! [ -e x ] # y || z' >"$BATS_TEST_TMPDIR/bare"
	printf '%s\n' '	! grep -q x f || false' '	run ! x' '	gone() { ! x; }' '	[ ! -e x ]' >"$BATS_TEST_TMPDIR/right"
	[ "$(bare "$BATS_TEST_TMPDIR/bare" "$BATS_TEST_TMPDIR/right" | wc -l)" = 2 ]
	run bare t/*.bats
	[ -z "$output" ]
}

@test "every page tells the exit statuses" { all_of has_status ls man/*.[1-8]; }

@test "baudolo(7) names every program" { all_of in_overview programs; }

@test "make install puts all in place, make uninstall removes it" {
	d=$BATS_TEST_TMPDIR/dest
	make -s install DESTDIR="$d" PREFIX=/opt/bd
	run -0 find "$d" -type f -printf '%m %P\n'
	for p in $(programs); do grep -Fx "755 opt/bd/bin/$p" <<<"$output"; done
	for p in scripts/baudolo*.sh; do grep -Fx "644 opt/bd/bin/${p##*/}" <<<"$output"; done
	for p in man/*.[1-8]; do grep -Fx "644 opt/bd/share/man/man${p##*.}/${p#man/}" <<<"$output"; done
	[ "${#lines[@]}" = "$(($(programs | wc -l) + $(ls scripts/baudolo*.sh man/*.[1-8] | wc -l)))" ]
	for p in $(programs); do
		case $p in bd-*) v=-V ;; *) v=--version ;; esac
		run -0 "$d/opt/bd/bin/$p" "$v" </dev/null
		[[ $output == *"$(cat VERSION)"* ]]
	done
	make -s uninstall DESTDIR="$d" PREFIX=/opt/bd
	run -0 find "$d" ! -type d
	[ -z "$output" ]
}

@test "nothing generated is committed, and nothing large" {
	# a tarball has no list of files, but then it has no build in it either
	run files -i -c --exclude-standard
	[ -z "$output" ]
	for f in $(files); do
		[ -e "$f" ] || continue
		[ "$(stat -c %s "$f")" -lt 200000 ] || { echo "large: $f"; false; }
		[ ! -s "$f" ] || grep -qI . "$f" || { echo "not a text: $f"; false; }
	done
	run files '*.o' '*.a' '*.d' '*.gz' '*.html' '*~' '*.orig' 'build/*'
	[ -z "$output" ]
}
