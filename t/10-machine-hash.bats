#!/usr/bin/env bats
# bd-machine-hash

load engine
load fake

setup() { cd "$BATS_TEST_TMPDIR"; }

@test "the SHA-256 of the file, byte for byte" {
	for id in 0123456789abcdef0123456789abcdef 'no newline' $'two\nlines\n' $'\xff\xfe'; do
		printf %s "$id" >id
		run -0 bd-machine-hash -f id
		[ "$output" = "$(sha256sum <id | cut -d ' ' -f 1)" ]
	done
}

@test "a long one, and one from a pipe" {
	head -c 300000 /dev/zero >id
	run -0 bd-machine-hash -f id
	[ "$output" = "$(sha256sum <id | cut -d ' ' -f 1)" ]
	run -0 bd-machine-hash -f <(printf abc)
	[ "$output" = ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad ]
}

@test "no identity, no hash" {
	: >empty
	run -3 bd-machine-hash -f empty
	[[ $output == 'bd-machine-hash: empty: is empty: '* ]]
	run -3 bd-machine-hash -f missing
	[[ $output == 'bd-machine-hash: missing: is missing: this host has no identity'* ]]
	run -3 bd-machine-hash -f .
	[ "$output" = 'bd-machine-hash: .: Is a directory' ]
}

@test "wrong usage" {
	run -2 bd-machine-hash operand
	[[ $output == usage:* ]]
	run -2 bd-machine-hash -z
	run -2 bd-machine-hash -f
}

@test "the version" {
	run -0 bd-machine-hash -V
	[ "$output" = "bd-machine-hash $(cat "$BD_ROOT/VERSION")" ]
}

@test "a full disk is no success" {
	echo x >id
	run -3 sh -c 'bd-machine-hash -f id >/dev/full'
	[ "$output" = 'bd-machine-hash: stdout: No space left on device' ]
}

@test "the examples of the page" {
	run -0 examples bd-machine-hash.1
	[ "${#lines[@]}" = 2 ]
	[ "${lines[0]}" = "${lines[1]}" ]
}
