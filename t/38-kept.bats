#!/usr/bin/env bats
# bd-kept: a table of what copies, digests and dumps report and what it means.

load engine
load fake

setup() {
	cd "$BATS_TEST_TMPDIR"
	: >results && : >digests && : >dumps
}

rows() { printf '%b\n' "$@"; }
result() { rows "$1\t$2\t1\t2\t3\t0.004\t-\t-\t5"; }
digest() { rows "$1\t$2\t1\t2\t3\t-\t-"; }
dump() { rows "$1\tc\ti\td\t$2\tyes\t$3\t0\t0.000\t-\t-"; }
kept() { bd-kept results digests dumps; }

@test "what neither the copy nor the digest lost is kept, in the order of the results" {
	{ result z ok; result a vanished; result b failed; result c ok; rows 'd\tok\t-\t-\t-\t-\t-\t-\t-'; } >results
	{ digest z ok; digest c failed; digest a ok; digest other failed; } >digests
	[ "$(kept)" = "$(rows 'z\tok\tno\tno\t-' 'a\tok\tno\tno\t-' 'b\tfailed\tno\tno\t-' 'c\tfailed\tno\tno\t-' 'd\tok\tno\tno\t-')" ]
}

@test "dumped is a volume of which every database was" {
	for v in all some none failed unasked half; do result "$v" ok; done >results
	result lost failed >>results
	{
		dump all postgres ok
		dump some mariadb ok
		dump all postgres ok
		dump some mariadb failed
		dump none mariadb none
		dump failed postgres failed
		dump failed postgres ok
		dump lost postgres ok
		dump other postgres ok
		dump unasked - failed
		dump half postgres ok
		dump half - failed
	} >dumps
	[ "$(kept)" = "$(rows 'all\tok\tyes\tyes\tpostgres' 'some\tok\tyes\tno\tmariadb' 'none\tok\tyes\tno\tmariadb' \
		'failed\tok\tyes\tno\tpostgres' 'unasked\tok\tyes\tno\t-' 'half\tok\tyes\tno\tpostgres' 'lost\tfailed\tyes\tyes\tpostgres')" ]
}

@test "a hostile name" {
	v='tab\\tnew\\nline\\\\"\x27 \xff-'
	result "$v" ok >results
	digest "$v" failed >digests
	dump "$v" postgres ok >dumps
	[ "$(kept)" = "$(rows "$v\tfailed\tyes\tyes\tpostgres")" ]
}

@test "malformed input, wrong usage, outputs that cannot be written" {
	result a ok >good
	digest a ok >digests
	for bad in 'a\tok' '-\tok\t1\t2\t3\t0.004\t-\t-\t5' 'a\t-\t1\t2\t3\t0.004\t-\t-\t5' 'a\tok\t1\t2\t3\t0.004\t\t-\t5'; do
		{ cat good; rows "$bad"; } >results
		run -2 --separate-stderr kept
		[ -z "$output" ]
		[[ $stderr == 'bd-kept: results:2: '* ]]
	done
	cp good results
	for field in '-\tc\ti\td\tpostgres\tyes\tok' 'a\tc\ti\td\tpostgres\tyes\t-'; do
		rows "$field\t0\t0.000\t-\t-" >dumps
		run -2 --separate-stderr kept
		[[ $stderr == 'bd-kept: dumps:1: '* ]]
	done
	: >dumps
	for args in '' 'a b' 'a b c d' '-x a b c'; do run -2 bd-kept $args; done
	run -3 bd-kept results none dumps
	run -3 bash -c 'bd-kept results digests dumps >/dev/full'
	[ "$(bd-kept - digests dumps <results)" = "$(kept)" ]
}

@test "examples" {
	run -0 examples bd-kept.1
	[ "$output" = $'data\tok\tyes\tyes\tmariadb' ]
}
