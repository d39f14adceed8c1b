#!/usr/bin/env bats
# bd-instances and bd-match: which containers are databases, and where their dumps belong.

load engine
load fake

setup() {
	cd "$BATS_TEST_TMPDIR"
	: >databases && : >mounts && : >engines
}

# A running container with a volume at a destination: NAME [VOLUME [DESTINATION [STATE]]]
mount() { printf '%s\t%s\tid-%s\t%s\tx\t%s\trw\tnone\t1\t-\tno\t-\t-\tno\n' "${2:--}" "$1" "$1" "${4:-running}" "${3:--}" >>mounts; }
# NAME INSTANCE ENGINE [MOUNT]
engine() { printf '%s\tid-%s\t%s\t%s\ttool\t15.1\t%s\n' "$1" "$1" "$2" "$3" "${4:--}" >>engines; }
# LINE INSTANCE DATABASE
row() { printf '%s\t%s\t%s\tu\n' "$1" "$2" "$3" >>databases; }

# The container of that name is of that instance, `-` if it is no database.
instance() {
	local got
	: >mounts
	mount "$1"
	got=$(bd-instances "${@:3}" mounts | cut -f 3)
	[ "${got:--}" = "$2" ] || { echo "$1: $got, not $2" >&2; return 1; }
}

@test "the instance of a container" {
	instance discourse-database        discourse
	instance app_postgres.1.abc        app
	instance bbb-postgres-1            bbb
	instance my-app_db                 my-app
	instance x-mysql                   x
	instance a-b_mariadb_db            a-b
	instance app-dbx                   app
	for n in database postgres mariadb mysql db; do
		instance "$n"              "$n"
		instance "$n-1"            -
		instance "my$n"            -
		instance "db-$n"           db
		instance "A.b-${n}_1"      A.b
	done
	instance web                       -
	instance web-1                     -
	instance x-database-postgres       x
	instance app-Postgres              -
	instance app--db                   app-
	instance app.db                    -
	instance postgres-exporter         -
	instance -db                       -
	instance central-postgres          central
	instance central-postgres          central-postgres -c web -c central-postgres
	instance web                       web -c web
	instance web2                      - -c web
	instance x-db                      x -c X-DB
}

@test "only what runs, each container once" {
	mount b-db v /v && mount b-db w /w && mount a-db v /v && mount b-db v /z
	mount c-db v /v exited && mount d-db v /v paused && mount e-db - - created && mount f-db - - restarting && mount web v /v
	run -0 bd-instances mounts
	[ "$output" = $'a-db\tid-a-db\ta\nb-db\tid-b-db\tb\nd-db\tid-d-db\td\nf-db\tid-f-db\tf' ]
	run -0 bd-instances - <mounts
	[ "${#lines[@]}" = 4 ]
}

@test "bd-instances: empty and malformed input, usage, version, /dev/full, examples" {
	run -0 bd-instances mounts
	[ -z "$output" ]
	mount x-db
	run -3 sh -c 'bd-instances mounts >/dev/full'
	echo x >>mounts
	run -2 --separate-stderr bd-instances mounts
	[ "$output,$stderr" = ',bd-instances: mounts:2: 1 fields, expected 14' ]
	run -3 bd-instances missing
	run -2 bd-instances
	run -2 bd-instances mounts mounts
	run -2 bd-instances -x mounts
	run -0 bd-instances -V
	examples bd-instances.1
}

# The join is EXPECTED, "volume container line database sole" each, one after the other, with STATUS; stderr is in err.
joins() {
	local got rc=0
	got=$(bd-match databases mounts engines 2>err | cut -f 1,2,7,8,10 | tr '\t' ' ' | paste -sd ,; exit "${PIPESTATUS[0]}") || rc=$?
	[ "$rc,$got" = "$1,$2" ] || { echo "$rc: $got" >&2; cat err >&2; return 1; }
}

@test "under the volume that holds the data, if that is known" {
	mount p-db data /var/lib/postgresql/data && mount p-db extra /extra && mount web data /data
	engine p-db p postgres /var/lib/postgresql/data
	row 2 p shop && row 3 p '*'
	run -0 bd-match databases mounts engines
	[ "${lines[0]}" = $'data\tp-db\tid-p-db\tp\tpostgres\ttool\t2\tshop\tu\tyes' ]
	[ "${lines[1]}" = $'data\tp-db\tid-p-db\tp\tpostgres\ttool\t3\t*\tu\tyes' ]
	[ "${#lines[@]}" = 2 ]
}

@test "else under every one of the container" {
	mount p-db a /a && mount p-db a /a2 && mount p-db b /b && mount web c /c
	engine p-db p postgres
	row 2 p shop
	joins 0 'a p-db 2 shop no,b p-db 2 shop no'
	[ ! -s err ]
	# it says where, but no volume is there
	: >engines
	engine p-db p postgres /elsewhere
	joins 0 'a p-db 2 shop no,b p-db 2 shop no'
}

@test "a database without a row" {
	mount p-db a /a && mount m-db m /m && mount m-db n /n
	engine p-db p postgres && engine m-db m mariadb /m
	joins 0 'm m-db - - yes,a p-db - - no'
	[ ! -s err ]
	run -0 bd-match databases mounts engines
	[ "${lines[0]}" = $'m\tm-db\tid-m-db\tm\tmariadb\ttool\t-\t-\t-\tyes' ]
}

@test "who could not be asked is a database if there is a row for it, in every volume of it" {
	mount p-db a /var/lib/postgresql/data && mount p-db b /b && mount q-db q /q && mount m-db m /m && mount n-db
	for n in p q n; do printf '%s-db\tid\t%s\t-\t-\t-\t-\n' $n $n | sed "s/id/id-$n-db/" >>engines; done
	engine m-db m mariadb /m
	row 2 p shop && row 3 p '*' && row 4 m wiki && row 5 n x
	printf '6\t-\t-\t-\n' >>databases # may be for any, but nobody knows that q-db is one
	joins 1 'm m-db 4 wiki yes,m m-db - - yes,a p-db 2 shop no,a p-db 3 * no,b p-db 2 shop no,b p-db 3 * no'
	[ "$(cat err)" = "bd-match: line 5 of the databases: 'x' of container n-db cannot be dumped: the container has no volume" ]
	[ "$(bd-match databases mounts engines 2>/dev/null | sed -n 3p)" = $'a\tp-db\tid-p-db\tp\t-\t-\t2\tshop\tu\tno' ]
}

@test "a tool that does not tell its version" {
	mount p-db a /a
	printf 'p-db\tid-p-db\tp\tmariadb\tmysqldump\t-\t/a\n' >engines
	row 2 p shop
	joins 0 'a p-db 2 shop yes'
}

@test "rows that nothing answers are a warning" {
	mount p-db a /a
	engine p-db p postgres /a
	row 2 gone shop && row 3 p shop && row 5 'i\tj' '*'
	joins 0 'a p-db 3 shop yes'
	cat >expected <<-'E'
		WARNING: line 2 of the databases: 'shop' is not dumped: no running database answers to instance 'gone'.
		WARNING: line 5 of the databases: '*' is not dumped: no running database answers to instance 'i\tj'.
	E
	diff expected err
}

@test "a malformed row may be for any: one record more for each volume" {
	mount a-db v /v && mount b-db w /w
	engine a-db a postgres /v && engine b-db b mariadb /w
	row 2 a one
	printf '3\t-\t-\t-\n' >>databases
	joins 0 'v a-db 2 one yes,v a-db - - yes,w b-db - - yes'
	[ ! -s err ]
}

@test "several containers of an instance, several instances" {
	mount a-db v /v && mount a-postgres w /w && mount b-db x /x
	engine a-db a postgres /v && engine a-postgres a postgres /w && engine b-db b mariadb /x
	row 2 a one && row 3 a two && row 4 b one
	joins 0 'v a-db 2 one yes,v a-db 3 two yes,w a-postgres 2 one yes,w a-postgres 3 two yes,x b-db 4 one yes'
}

@test "rows without a place are failures" {
	mount p-db && mount q-db
	engine p-db p postgres && engine q-db q postgres
	row 2 p shop && row 3 p '*'
	joins 1 ''
	cat >expected <<-'E'
		bd-match: line 2 of the databases: 'shop' of container p-db cannot be dumped: the container has no volume
		bd-match: line 3 of the databases: '*' of container p-db cannot be dumped: the container has no volume
	E
	diff expected err
}

@test "a place that is known comes first" {
	mount a-db v /v && mount b-db v /data && mount b-db w /w
	engine a-db a postgres && engine b-db b postgres /data
	row 2 a shop && row 3 b shop && row 4 a '*' && row 5 b '*' && row 6 a more
	joins 0 'v b-db 3 shop yes,v b-db 5 * yes,v a-db 2 shop no,v a-db 4 * no,v a-db 6 more no'
}

@test "hostile names pass through" {
	printf 'v\\t\\n\\\\ \xff\tp-db\tid\trunning\tx\t/d\\t\trw\t-\t1\t-\t-\t-\t-\t-\n' >mounts
	printf 'p-db\tid\ti\\t\xc3\xa4\tpostgres\t-tool\t1\t/d\\t\n' >engines
	printf '2\ti\\t\xc3\xa4\td\t"u\\n\n' >databases
	bd-match databases mounts engines >got
	printf 'v\\t\\n\\\\ \xff\tp-db\tid\ti\\t\xc3\xa4\tpostgres\t-tool\t2\td\t"u\\n\tyes\n' | cmp - got
}

@test "bd-match: malformed input: nothing is printed" {
	refuses() {
		: >databases && : >mounts && : >engines
		mount p-db v /v && engine p-db p postgres /v && row 2 p shop
		# shellcheck disable=SC2059
		printf "$2" >>"$1"
		run -2 --separate-stderr bd-match databases mounts engines
		[ "$output,$stderr" = ",bd-match: $1:2: $3" ] || { echo "$1: $2: $stderr" >&2; return 1; }
	}
	refuses databases '2\tp\td\n'                        '3 fields, expected 4'
	refuses databases '2\tp\t\055\tu\n'                  'field 3 is absent'
	refuses engines 'a\tid\ti\tpostgres\tt\t1\n'         '6 fields, expected 7'
	refuses engines 'a\tid\ti\tpostgres\t-\t1\t-\n'     'field 5 is absent'
	refuses engines 'a\tid\ti\t-\tt\t1\t-\n'            'field 4 is absent'
	refuses engines 'a\tid\ti\toracle\tt\t1\t-\n'        'field 4: no such engine'
	refuses engines 'a\t-\ti\tpostgres\tt\t1\t-\n'       'field 2 is absent'
	refuses mounts 'v\n'                                 '1 fields, expected 14'
	: >mounts
	run -3 bd-match databases mounts missing
	run -3 bd-match missing mounts engines
	: >databases
	run -0 bd-match databases mounts - <engines
	run -2 bd-match databases - - <mounts
	[ "$output" = 'bd-match: only one file can be -' ]
}

@test "bd-match: empty input, thousands, usage, version, /dev/full, examples" {
	run -0 bd-match databases mounts engines
	[ -z "$output" ]
	for n in $(seq 300); do mount "c$n-db" "v$n" /v && engine "c$n-db" "c$n" postgres /v && row "$n" "c$n" d && row "$n" "c$n" e; done
	run -0 timeout 5 bd-match databases mounts engines
	[ "${#lines[@]}" = 600 ]
	run -3 sh -c 'bd-match databases mounts engines >/dev/full'
	run -2 bd-match databases mounts
	run -2 bd-match -x databases mounts engines
	run -0 bd-match -V
	examples bd-match.1
}
