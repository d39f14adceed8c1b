#!/usr/bin/env bats
# bd-plan

load engine
load fake

setup_file() { engine_start own; }
teardown_file() { engine_stop own; }
setup() { cd "$BATS_TEST_TMPDIR"; }

# Fields separated by spaces become a record of the named file, padded with what bd-plan does not look at.
volume() { printf '%s\tlocal\t/v/%s\t%s\t-\n' "$1" "$1" "${2:-plain}" >>volumes; }
mount() { printf '%s\t%s\tid-%s\t%s\t%s\t/d\trw\tnone\t1\t-\n' "$1" "$2" "$2" "${4:-running}" "${3:-app:1}" >>mounts; }

fresh() {
	: >volumes
	: >mounts
}

# The plan for one volume v of BACKING with ITS USERS (IMAGE[=STATE] each) under OPTIONS is EXPECTED.
check() {
	local expected=$1 backing=$2 users=$3 n=0 u got
	shift 3
	fresh
	volume v "$backing"
	for u in $users; do
		n=$((n + 1))
		case $u in
		*=*) mount v "c$n" "${u%=*}" "${u#*=}" ;;
		*) mount v "c$n" "$u" ;;
		esac
	done
	got=$(bd-plan "$@" volumes mounts | cut -f 2,4,6 | tr '\t' ' ')
	[ "$got" = "$expected" ] || { echo "$backing, $users, $*: $got, not $expected" >&2; return 1; }
}

@test "what is done with a volume" {
	check 'live idle -'        plain     ''
	check 'live idle -'        mounted   ''
	check 'fail unmounted -'   unmounted ''
	check 'fail unmounted -'   foreign   ''
	check 'stop needed c1'     plain     'app:1'
	check 'stop needed c1'     mounted   'app:1'
	check 'fail unmounted c1'  unmounted 'app:1'
	check 'stop needed c1'     foreign   'app:1'
	check 'stop needed c1 c2'  plain     'app:1 db:1'

	check 'live listed c1'     plain     'db:1' -s db
	check 'live listed c1'     foreign   'db:1' -s db
	check 'fail unmounted c1'  unmounted 'db:1' -s db
	check 'stop needed c1 c2'  plain     'db:1 app:1' -s db
	check 'live listed c1 c2'  plain     'db:1 app:1' -s db -s app
	check 'stop needed c1'     plain     'db:1' -s db -e
	check 'live idle -'        plain     '' -s db -e

	check 'skip ignored c1'    plain     'tmp:1' -b tmp
	check 'skip ignored c1'    unmounted 'tmp:1' -b tmp
	check 'skip ignored c1'    plain     'tmp:1' -b tmp -e -s tmp
	check 'stop needed c1 c2'  plain     'tmp:1 app:1' -b tmp
	check 'live listed c1 c2'  plain     'tmp:1 db:1' -b tmp -s tmp -s db
	check 'live idle -'        plain     '' -b tmp
	check 'fail unmounted -'   foreign   '' -b tmp

	check 'skip excluded -'    plain     '' -x v
	check 'skip excluded c1'   unmounted 'app:1' -x u -x v
	check 'skip excluded c1'   plain     'tmp:1' -b tmp -x v
	check 'stop needed c1'     plain     'app:1' -x V -x '*' -x vv -x ''
}

@test "running means running, paused or restarting" {
	for state in running paused restarting; do
		check 'stop needed c1' plain "app=$state"
	done
	for state in created exited dead removing; do
		check 'live idle -' plain "app=$state"
		check 'stop needed c2' plain "app=$state app"
		check 'live listed c2' plain "app=$state db" -s db
		check 'skip ignored c2' plain "app=$state tmp" -b tmp
		check 'fail unmounted -' foreign "app=$state"
	done
}

# REFERENCE is (matches) or is not (differs) meant by each PATTERN.
matches() {
	local p
	for p in "${@:2}"; do check 'live listed c1' plain "$1" -s "$p" || return; done
}
differs() {
	local p
	for p in "${@:2}"; do check 'stop needed c1' plain "$1" -s "$p" || return; done
}

@test "image patterns: names" {
	same=(postgres library/postgres docker.io/postgres docker.io/library/postgres index.docker.io/postgres index.docker.io/library/postgres)
	for ref in "${same[@]}"; do
		matches "$ref:16" "${same[@]}"
	done
	differs postgres-exporter:1 "${same[@]}"
	for ref in someone/postgres postgres/postgres ghcr.io/postgres localhost/postgres quay.io/library/postgres reg:5000/postgres \
		docker.io/someone/postgres docker.iox/postgres xpostgres postgresx Postgres postgres/x; do
		differs "$ref" "${same[@]}"
		matches "$ref" "$ref"
	done
	matches someone/postgres:1 someone/postgres docker.io/someone/postgres
	differs a/b/c b/c c
	matches a/b/c docker.io/a/b/c
}

@test "image patterns: tags and digests" {
	d=sha256:1111111111111111111111111111111111111111111111111111111111111111
	matches postgres:16 postgres postgres:16 library/postgres:16
	differs postgres:16 postgres:1 postgres:16.1 postgres:161 postgres:latest postgres: postgres:16@$d 16 :16
	matches postgres postgres postgres:latest
	differs postgres postgres:16
	matches "postgres@$d" postgres "postgres@$d"
	differs "postgres@$d" postgres:latest 'postgres:*' "postgres@${d}1" "postgres:16@$d" "$d"
	matches "postgres:16@$d" postgres postgres:16 "postgres@$d" "postgres:16@$d"
	differs "postgres:16@$d" postgres:latest postgres:17 "postgres:17@$d" "postgres:16@sha256:2"
}

@test "image patterns: registries are not tags" {
	ref=registry.example:5000/x/postgres
	matches $ref:16 $ref $ref:16
	matches $ref $ref $ref:latest
	differs $ref:16 $ref:17 registry.example/x/postgres:16 registry.example registry.example:5000 registry.example:5001/x/postgres \
		x/postgres postgres postgres:16 registry.example:5000/postgres
	differs svc-db-mariadb:5000/postgres mariadb svc-db-mariadb 'svc-db-mariadb:*' '*mariadb*' '*mariadb:*' '*/*mariadb*'
	matches localhost:5000/db localhost:5000/db
	differs localhost:5000/db localhost localhost/db db localhost:5000
}

@test "image patterns: globs" {
	for ref in postgres:16 someone/postgres:16 registry.example:5000/x/postgres:16 ghcr.io/a/b/c/postgres:16; do
		matches $ref '*/postgres:*' '*/postgres' '*/postgres:1?' '*/post*:16' '*/*' '*/*:*'
		differs $ref '*/postgres:17' '*/postgre' '*/ostgres' '*/someoneelse/postgres' '*/'
	done
	differs postgres-exporter:16 '*/postgres:*' '*/postgres'
	matches postgres:16 'postgres:1*' 'postgres:1[5-7]' 'postgres:1[[:digit:]]' 'post*' '*' 'docker.io/library/*' 'docker.io/*' '*/library/*' '*/library/postgres'
	differs postgres:16 'postgres:1' 'postgres:*7' 'docker.io*' '*.io' '\postgres'
	differs someone/postgres:16 '*' 'docker.io/*' 'post*' 'postgres*' 'library/*' '*postgres'
	matches someone/postgres:16 'someone/*' 'some*/postgres' 'docker.io/*/postgres' '*/someone/*'
	differs reg.example/x/postgres '*' 'x/*' 'reg.example/*' 'reg.*/postgres'
	matches reg.example/x/postgres 'reg.example/*/*' 'reg.*/x/postgres' '*/x/postgres'
	differs postgres.example:5000/redis:7 'postgres*' 'postgres*:*'
}

@test "image patterns: nothing matches nothing" {
	id=7d10b1beaa553b439a6cb67de60b2fbc5d697dbae250eb698463ec85466a145c
	for ref in sha256:$id $id ${id:0:12} -; do
		differs "$ref" "$ref" '' '*' '*/*' '*:*' sha256 'sha256:*'
	done
	differs postgres '' : @ / '*/'
	differs postgres@x @x ''
}

@test "an unknown image needs a stop and a backup" {
	check 'stop needed c1 c2' plain 'tmp - ' -b tmp -b '*/*' -s tmp -s '*/*'
}

@test "in input order, with the columns of the page" {
	fresh
	volume z && volume a && volume m
	mount a web && mount a web && mount a api && mount other db && mount a stopped app exited
	printf -- '-\tlonely\t1\trunning\tx\t-\t-\tnone\t1\t-\n' >>mounts
	run -0 bd-plan -x m volumes mounts
	[ "$output" = "$(printf '%s\n' $'z\tlive\t-\tidle\t/v/z\t-' $'a\tstop\t-\tneeded\t/v/a\tapi web' $'m\tskip\t-\texcluded\t/v/m\t-')" ]
}

@test "one of them from standard input" {
	fresh
	volume v && mount v c
	run -0 bd-plan volumes - <mounts
	[ "$output" = $'v\tstop\t-\tneeded\t/v/v\tc' ]
	run -0 bd-plan - mounts <volumes
	[ "$output" = $'v\tstop\t-\tneeded\t/v/v\tc' ]
	run -2 bd-plan - - <volumes
}

@test "empty input" {
	fresh
	run -0 bd-plan volumes mounts
	[ -z "$output" ]
}

@test "hostile names pass through" {
	fresh
	printf 'a\\tb\\n\\\\\\r"\x27 \xff\tlocal\t/v\\tx\tplain\t-\n' >>volumes
	printf -- '-v\tx\t-\tforeign\t-\n' >>volumes
	printf 'a\\tb\\n\\\\\\r"\x27 \xff\tc\\t\xfe\tid\trunning\tx\t/d\trw\t-\t1\t-\n' >>mounts
	bd-plan volumes mounts >plan
	printf 'a\\tb\\n\\\\\\r"\x27 \xff\tstop\t-\tneeded\t/v\\tx\tc\\t\xfe\n-v\tfail\t-\tunmounted\t-\t-\n' | cmp - plan
	run -0 bd-plan -x $'a\tb\n\\\r"\' \xff' -x -v volumes mounts
	[ "$(cut -f 2 <<<"$output")" = $'skip\nskip' ]
}

# Prepends a good line to the bad one of the printf FORMAT; the second line of FILE is refused because of REASON.
refuses() {
	fresh
	volume v && mount v c
	# shellcheck disable=SC2059
	printf "$2" >>"$1"
	run -2 --separate-stderr bd-plan volumes mounts
	[ -z "$output" ] && [ "$stderr" = "bd-plan: $1:2: $3" ] || { echo "$1: $2: $stderr" >&2; return 1; }
}

@test "malformed input: nothing is printed" {
	refuses volumes 'v\\x\tlocal\t/v\tplain\t-\n' 'field 1: unknown escape'
	refuses volumes 'v\tlocal\t\tplain\t-\n'      'field 3 is empty'
	refuses volumes 'v\tlocal\t/v\tplain\t-'      'the last line has no end'
	refuses volumes 'v\tlocal\t/v\0\tplain\t-\n'  'NUL byte'
	refuses volumes 'v\tlocal\t/v\tplain\n'       '4 fields, expected 5'
	refuses volumes 'v\tl\t/v\tplain\t-\t-\n'     '6 fields, expected 5'
	refuses volumes '\n'                          'field 1 is empty'
	refuses volumes '\055\tl\t/v\tplain\t-\n'  'a volume without a name'
	refuses volumes 'v\tl\t/v\tbroken\t-\n'       'field 4: no such backing'
	refuses volumes 'v\tl\t/v\t-\t-\n'            'field 4: no such backing'
	refuses mounts 'v\tc\ti\trunning\tx\t/\trw\t-\t1\n'         '9 fields, expected 10'
	refuses mounts 'v\tc\ti\trunning\tx\t/\\0\trw\t-\t1\t-\n'   'field 6: unknown escape'
	refuses mounts 'v\t-\ti\trunning\tx\t/\trw\t-\t1\t-\n'      'field 2 is no container name'
	refuses mounts 'v\ta b\ti\trunning\tx\t/\trw\t-\t1\t-\n'    'field 2 is no container name'
	refuses mounts 'v\tc\ti\t-\tx\t/\trw\t-\t1\t-\n'            'field 4: a container without a state'
	fresh
	printf 'v\n' >mounts
	run -2 bd-plan volumes - <mounts
	[ "$output" = 'bd-plan: stdin:1: 1 fields, expected 10' ]
}

@test "files that cannot be read" {
	fresh
	run -3 bd-plan volumes missing
	[ "$output" = 'bd-plan: missing: No such file or directory' ]
	run -3 bd-plan . mounts
	[ "$output" = 'bd-plan: .: Is a directory' ]
}

@test "thousands of volumes and mounts" {
	seq 20000 | sed 's,.*,v&\tlocal\t/&\tplain\t-,' >volumes
	awk 'BEGIN { OFS = "\t"; for (i = 20000; i; i--) for (j = 0; j < 3; j++) print "v" i, "c" j, i, "running", "x", "/d", "rw", "-", 1, "-" }' >mounts
	run -0 timeout 10 bd-plan -s postgres -b redis volumes mounts
	[ "${#lines[@]}" = 20000 ]
	[ "${lines[19999]}" = $'v20000\tstop\t-\tneeded\t/20000\tc0 c1 c2' ]
}

@test "a full disk is no success" {
	fresh
	volume v
	run -3 sh -c 'bd-plan volumes mounts >/dev/full'
	[ "$output" = 'bd-plan: stdout: No space left on device' ]
}

@test "wrong usage, and the version" {
	fresh
	run -2 bd-plan
	[[ $output == usage:* ]]
	run -2 bd-plan volumes
	run -2 bd-plan volumes mounts more
	run -2 bd-plan -z volumes mounts
	run -2 bd-plan volumes mounts -b
	run -0 bd-plan -V
	[ "$output" = "bd-plan $(cat "$BD_ROOT/VERSION")" ]
}

@test "what bd-volumes and bd-mounts say is understood" {
	volume_new data
	volume_new idle
	image_new postgres:16
	IMAGE=postgres:16 container_run db -v data:/d
	run -0 examples bd-plan.1
	[ "$(printf '%s\n' "${lines[@]}" | cut -f 1-4,6)" = $'data\tlive\t-\tlisted\tdb\nidle\tlive\t-\tidle\t-' ]
}
