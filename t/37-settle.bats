#!/usr/bin/env bats
# bd-settle: a table of what the steps report and what it means.

load engine
load fake

setup() {
	cd "$BATS_TEST_TMPDIR"
	: >plan && : >groups && : >hot && : >cold && : >stops
}

rows() { printf '%b\n' "$@"; }

settle() { bd-settle plan groups hot cold stops; }

@test "live volumes are as their copy says; skipped ones are passed over" {
	rows 'a\tlive\t-\tidle\t/a\t-' 'b\tskip\t-\texcluded\t/b\t-' 'c\tfail\t-\tunmounted\t/c\t-' >plan
	rows 'a\tvanished\t1\t2\t3\t0.004\t20260101000000\t-\t9' 'c\tfailed\t0\t0\t0\t0.000\t-\tunmounted\t0' >hot
	[ "$(settle)" = "$(cat hot)" ]
}

@test "what dumps hold needs no copy" {
	rows 'a\tdump\t-\tdumped\t/a\tdb' >plan
	[ "$(settle)" = $'a\tok\t-\t-\t-\t-\t-\t-\t-' ]
}

@test "a live volume without a result has failed" {
	rows 'a\tlive\t-\tidle\t/a\t-' >plan
	[ "$(settle)" = $'a\tfailed\t0\t0\t0\t0.000\t-\tnothing is known of its copy\t0' ]
}

@test "the cold copy tells of the volume, and both took their time" {
	rows 'a\tstop\t1\tneeded\t/a\tw' >plan
	rows '1\tw' >groups
	rows 'a\tok\t90\t10\t5000\t1.500\t20260101000000\t-\t70000' >hot
	rows 'a\tok\t99\t1\t500\t0.250\t-\t-\t74000' >cold
	[ "$(settle)" = $'a\tok\t99\t1\t500\t1.750\t20260101000000\t-\t74000' ]
}

@test "a hot copy that failed does not matter if the cold one did not" {
	rows 'a\tstop\t1\tneeded\t/a\tw' >plan
	rows '1\tw' >groups
	rows 'a\tfailed\t1\t2\t5\t1.000\t20260101000000\trsync ended with status 23\t3' >hot
	rows 'a\tok\t7\t3\t30\t0.250\t20250101000000\t-\t70' >cold
	[ "$(settle)" = $'a\tok\t7\t3\t30\t1.250\t20250101000000\t-\t70' ]
}

@test "no cold copy, a failed one, and one that was disturbed are failures" {
	rows 'a\tstop\t1\tneeded\t/a\tw' 'b\tstop\t1\tneeded\t/b\tw' 'c\tstop\t2\tneeded\t/c\tx' 'd\tstop\t3\tneeded\t/d\ty' >plan
	rows '1\tw side' '2\tx' '3\ty yy' >groups
	for v in a b c d; do rows "$v\tok\t1\t1\t1\t1.000\t-\t-\t1"; done >hot
	rows 'b\tok\t1\t1\t1\t1.000\t-\t-\t1' 'c\tfailed\t0\t0\t0\t0.1\t-\tENOSPC\t0' 'd\tok\t2\t0\t0\t0.5\t-\t-\t2' >cold
	rows 'busy\tintruder\tb\t-\t-\t-' 'container\tside\t-\t-\tno\tfailed' >stops
	run -0 settle
	[ "${lines[0]}" = $'a\tfailed\t0\t0\t0\t0.000\t-\tits containers could not be stopped\t0' ]
	[ "${lines[1]}" = $'b\tfailed\t0\t0\t0\t0.000\t-\tthe container intruder used it while it was copied\t0' ]
	[ "${lines[2]}" = $'c\tfailed\t0\t0\t0\t0.1\t-\tENOSPC\t0' ]
	[ "${lines[3]}" = $'d\tok\t2\t0\t0\t1.500\t-\t-\t2' ]
	# nothing was told of any stop
	: >stops
	run -0 settle
	[ "${lines[0]}" = $'a\tfailed\t0\t0\t0\t0.000\t-\tthe stop of its containers, or what came before it, failed\t0' ]
}

@test "one of ours that ran puts all its group in doubt, and no other" {
	rows 'a\tstop\t1\tneeded\t/a\tw' 'b\tstop\t1\tneeded\t/b\tw' 'c\tstop\t2\tneeded\t/c\tww' >plan
	rows '1\tw side' '2\tww' >groups
	for v in a b c; do rows "$v\tok\t1\t1\t1\t1.000\t-\t-\t1"; done | tee hot >cold
	rows 'busy\tside\t-\t-\t-\t-' >stops
	[ "$(settle | cut -f 1,2)" = $'a\tfailed\nb\tfailed\nc\tok' ]
	# who is not known: nobody can tell
	rows 'busy\t-\t-\t-\t-\t-' >stops
	[ "$(settle | cut -f 2 | sort -u)" = failed ]
}

@test "malformed input: nothing is printed" {
	rows 'a\tlive\t-\tidle\t/a\t-' >plan
	local f
	for f in plan groups hot cold stops; do
		cp "$f" saved
		echo nonsense >>"$f"
		run -2 --separate-stderr settle
		[ -z "$output" ]
		[[ $stderr == "bd-settle: $f:"*": 1 fields, expected "* ]]
		cp saved "$f"
	done
	run -3 bd-settle plan groups hot cold none
	run -2 bd-settle plan
	run -3 sh -c 'bd-settle plan groups hot cold stops >/dev/full'
	run -0 bd-settle -V
}

@test "the page's examples run" { examples bd-settle.1; }
