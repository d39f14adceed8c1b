#!/usr/bin/env bats
# bd-scrub: a table of what was verified and what comes next.

load engine
load fake

setup() {
	cd "$BATS_TEST_TMPDIR"
	: >known && : >volumes && : >results
}

rows() { printf '%b\n' "$@"; }
turns() { bd-scrub known volumes; }
now() { bd-scrub -r results -t "$1" known volumes; }

@test "by name at first, all generations of a volume together, the oldest first" {
	rows '2\tw' '1\tv' '1\tw' '2\tv' '3\tw' >volumes
	[ "$(turns)" = "$(rows '1\tv\t-\t-' '2\tv\t-\t-' '1\tw\t-\t-' '2\tw\t-\t-' '3\tw\t-\t-')" ]
	[ "$(now 7)" = "$(rows 'v\t0\t-\t-\t-' 'w\t0\t-\t-\t-')" ]
}

@test "what was begun goes on, without generations that came since; then what was not complete for longest" {
	rows 'a\t90\t-\t-\t-' 'b\t100\t2\t150\t./files/x' 'c\t9\t-\t-\t-' 'e\t5\t1\t150\t./files/y' >known
	rows '1\ta' '1\tb' '2\tb' '3\tb' '1\tc' '3\tc' '1\td' '1\te' >volumes
	[ "$(turns)" = "$(rows '1\te\t-\t./files/y' '1\tb\t-\t./files/x' '2\tb\t-\t./files/x' '1\td\t-\t-' '1\tc\t-\t-' '3\tc\t-\t-' '1\ta\t-\t-')" ]
}

@test "what a run has come to" {
	rows 'a\t90\t-\t-\t-' 'b\t100\t2\t150\t./files/x' 'c\t9\t-\t-\t-' 'd\t8\t2\t150\t./files/x' 'e\t7\t-\t-\t-' 'gone\t1\t-\t-\t-' >known
	rows '1\ta' '1\tb' '2\tb' '3\tb' '1\tc' '3\tc' '2\td' '1\te' '1\tf' >volumes
	# b is complete, d is not yet; c is begun, e complete at once, a and f were not reached
	{
		rows '1\tb\tok\t1\t1\t-' '2\tb\tbad\t1\t1\t-' '2\td\tok\t1\t1\t./files/z'
		rows '1\te\tok\t1\t1\t-' '1\tc\tok\t1\t1\t./files/q' '3\tc\tok\t1\t1\t./files/q'
	} >results
	[ "$(now 200)" = "$(rows 'a\t90\t-\t-\t-' 'b\t200\t-\t-\t-' 'c\t9\t3\t200\t./files/q' 'd\t8\t2\t150\t./files/z' 'e\t200\t-\t-\t-' \
		'f\t0\t-\t-\t-')" ]
	# again and again, it comes to an end
	now 200 >next && mv next known
	[ "$(turns | cut -f 2 | uniq | tr '\n' ' ')" = 'd c f a b e ' ]
}

@test "of what was begun nothing is left: nothing was read of what there is, and it has its turn" {
	rows 'v\t5\t2\t150\t./files/x' 'w\t100\t-\t-\t-' >known
	rows '3\tv' '3\tw' >volumes
	[ "$(turns)" = "$(rows '3\tw\t-\t-')" ]
	rows '3\tw\tok\t1\t1\t-' >results
	[ "$(now 200)" = "$(rows 'v\t5\t-\t-\t-' 'w\t200\t-\t-\t-')" ]
	now 200 >next && mv next known
	[ "$(turns)" = "$(rows '3\tv\t-\t-' '3\tw\t-\t-')" ]
}

@test "what is in no generation has turns, too" {
	rows '-\tstamps' '1\ta' '1\tz' >volumes
	rows 'a\t5\t-\t-\t-' >known
	[ "$(turns)" = "$(rows '-\tstamps\t-\t-' '1\tz\t-\t-' '1\ta\t-\t-')" ]
	rows '-\tstamps\tok\t0\t0\t-' >results
	[ "$(now 9)" = "$(rows 'a\t5\t-\t-\t-' 'stamps\t9\t-\t-\t-' 'z\t0\t-\t-\t-')" ]
}

@test "hostile names pass through" {
	v='tab\\tnew\\nline\\\\"\x27 \xff-'
	rows "1\t$v" >volumes
	rows "$v\t5\t1\t6\t./files/$v" >known
	[ "$(turns)" = "$(rows "1\t$v\t-\t./files/$v")" ]
	rows "1\t$v\tok\t0\t0\t./files/$v" >results
	[ "$(now 9)" = "$(cat known)" ]
}

@test "malformed input, wrong usage, outputs that cannot be written" {
	for bad in 'v\t5\t-\t-' '-\t5\t-\t-\t-' 'v\t-\t-\t-\t-' 'v\t5\t1\t-\t-' 'v\t5\t-\t6\t-' 'v\t5\t-\t-\t./x' 'v\t5\t1\t6\t-' \
		'v\tx\t-\t-\t-' 'v\t-5\t-\t-\t-' 'v\t5\tx\t6\t./x' 'v\t5\t1\tx\t./x' 'v\t5\t1\t6\tx'; do
		rows "$bad" >known
		run -2 --separate-stderr turns
		[ -z "$output" ]
		[[ $stderr == 'bd-scrub: known:1: '* ]]
	done
	rows 'v\t5\t-\t-\t-' >known
	for bad in '1' '1\t-' '1\t'; do
		rows "$bad" >volumes
		run -2 --separate-stderr turns
		[[ $stderr == 'bd-scrub: volumes:1: '* ]]
	done
	rows '1\tv' >volumes
	rows '1\tv\tok\t0\t0' >results
	run -2 --separate-stderr now 9
	[[ $stderr == 'bd-scrub: results:1: '* ]]
	: >results
	for args in '' 'known' 'known volumes x' '-r results known volumes' '-t 1 known volumes' '-x known volumes'; do run -2 bd-scrub $args; done
	run -2 now x
	run -3 bd-scrub known none
	run -3 bash -c 'bd-scrub known volumes >/dev/full'
	[ "$(bd-scrub - volumes <known)" = "$(turns)" ]
}

@test "examples" {
	run -0 examples bd-scrub.1
	[ "$output" = $'20260101000000\tdata\t-\t-\n20260101000000\tweb\t-\t-\ndata\t0\t20260101000000\t1767225600\t./files/x\nweb\t0\t-\t-\t-' ]
}
