#!/usr/bin/env bats
# bd-plan

load engine
load fake

setup_file() { engine_start own; }
teardown_file() { engine_stop own; }
setup() { cd "$BATS_TEST_TMPDIR"; }

# Fields separated by spaces become a record of the named file, padded with what bd-plan does not look at.
volume() { printf '%s\tlocal\t/v/%s\t%s\t-\n' "$1" "$1" "${2:-plain}" >>volumes; }
mount() { printf '%s\t%s\tid-%s\t%s\t%s\t/d\trw\tnone\t1\t-\tno\t-\t-\tno\n' "$1" "$2" "$2" "${4:-running}" "${3:-app:1}" >>mounts; }

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

@test "a volume that is dumped is not copied" {
	check 'dump dumped c1'     plain     'app:1' -d v
	check 'dump dumped c1'     plain     'app:1' -e -d u -d v
	check 'dump dumped -'      plain     '' -d v
	check 'dump dumped c1'     foreign   'db:1' -s db -d v
	check 'dump dumped -'      unmounted '' -d v
	check 'stop needed c1'     plain     'app:1' -d V -d u -d ''
	check 'skip excluded c1'   plain     'app:1' -d v -x v
	check 'skip ignored c1'    plain     'app:1' -d v -b app
	check 'dump dumped c1'     plain     'app=paused' -d v
	OPTIONS='-d v'
	groups 'v=dumped' ''                 a:v
	groups 'v=dumped w=1' '1:a'          a:v,w
	groups 'u=1 v=dumped w=2' '1:a 2:b'  a:u,v b:v,w
}

@test "running means running, paused or restarting" {
	for state in running restarting; do
		check 'stop needed c1' plain "app=$state"
		check 'live listed c1' plain "db=$state" -s db
	done
	check 'live paused c1' plain 'app=paused'
	check 'live listed c1' plain 'db=paused' -s db
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
	printf -- '-\tlonely\t1\trunning\tx\t-\t-\tnone\t1\t-\tno\t-\t-\tno\n' >>mounts
	run -0 bd-plan -x m volumes mounts
	[ "$output" = "$(printf '%s\n' $'z\tlive\t-\tidle\t/v/z\t-' $'a\tstop\t1\tneeded\t/v/a\tapi web' $'m\tskip\t-\texcluded\t/v/m\t-')" ]
}

@test "one of them from standard input" {
	fresh
	volume v && mount v c
	run -0 bd-plan volumes - <mounts
	[ "$output" = $'v\tstop\t1\tneeded\t/v/v\tc' ]
	run -0 bd-plan - mounts <volumes
	[ "$output" = $'v\tstop\t1\tneeded\t/v/v\tc' ]
	run -2 bd-plan - - <volumes
}

@test "empty input" {
	fresh
	run -0 bd-plan volumes mounts
	[ -z "$output" ]
	run -0 bd-plan -g volumes mounts
	[ -z "$output" ]
}

@test "hostile names pass through" {
	fresh
	printf 'a\\tb\\n\\\\\\r"\x27 \xff\tlocal\t/v\\tx\tplain\t-\n' >>volumes
	printf -- '-v\tx\t-\tforeign\t-\n' >>volumes
	printf 'a\\tb\\n\\\\\\r"\x27 \xff\tc\\t\xfe\tid\trunning\tx\t/d\trw\t-\t1\t-\t-\t-\t-\t-\n' >>mounts
	bd-plan volumes mounts >plan
	printf 'a\\tb\\n\\\\\\r"\x27 \xff\tstop\t1\tneeded\t/v\\tx\tc\\t\xfe\n-v\tfail\t-\tunmounted\t-\t-\n' | cmp - plan
	bd-plan -g volumes mounts >groups
	printf '1\tc\\t\xfe\n' | cmp - groups
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
	refuses mounts 'v\tc\ti\trunning\tx\t/\trw\t-\t1\t-\n'                     '10 fields, expected 14'
	refuses mounts 'v\tc\ti\trunning\tx\t/\\0\trw\t-\t1\t-\t-\t-\t-\t-\n'      'field 6: unknown escape'
	refuses mounts 'v\t-\ti\trunning\tx\t/\trw\t-\t1\t-\t-\t-\t-\t-\n'         'field 2 is no container name'
	refuses mounts 'v\ta b\ti\trunning\tx\t/\trw\t-\t1\t-\t-\t-\t-\t-\n'       'field 2 is no container name'
	refuses mounts 'v\tc\t-\trunning\tx\t/\trw\t-\t1\t-\t-\t-\t-\t-\n'         'field 3: a container without an id'
	refuses mounts 'v\tc\ti\t-\tx\t/\trw\t-\t1\t-\t-\t-\t-\t-\n'               'field 4: a container without a state'
	refuses mounts 'v\tc\ti\trunning\tx\t/\trw\t-\t1\t-\ttrue\t-\t-\t-\n'      'field 11 is neither yes nor no'
	refuses mounts 'v\tc\ti\trunning\tx\t/\trw\t-\t1\t-\t-\t-\t-\tYes\n'       'field 14 is neither yes nor no'
	fresh
	printf 'v\n' >mounts
	run -2 bd-plan volumes - <mounts
	[ "$output" = 'bd-plan: stdin:1: 1 fields, expected 14' ]
}

@test "files that cannot be read" {
	fresh
	run -3 bd-plan volumes missing
	[ "$output" = 'bd-plan: missing: No such file or directory' ]
	run -3 bd-plan . mounts
	[ "$output" = 'bd-plan: .: Is a directory' ]
}

# bats test_tags=native
@test "thousands of volumes and mounts" {
	seq 20000 | sed 's,.*,v&\tlocal\t/&\tplain\t-,' >volumes
	awk 'BEGIN { OFS = "\t"; for (i = 20000; i; i--) for (j = 0; j < 3; j++)
		print "v" i, "c" j, "id" j, "running", "x", "/d", "rw", "-", 1, "-", "no", "-", "-", "no" }' >mounts
	run -0 timeout 10 bd-plan -s postgres -b redis volumes mounts
	[ "${#lines[@]}" = 20000 ]
	[ "${lines[19999]}" = $'v20000\tstop\t1\tneeded\t/20000\tc0 c1 c2' ]
}

# containers WORD...: each is NAME[:VOLUME,VOLUME...][@net=NAME][@pid=NAME][@ipc=NAME][!WHAT]..., where WHAT is a reason
# not to stop it, or `db` (its image), `exited`, or `mute`: nothing was asked of it.
containers() {
	local word name field vols image state network task autoremove pid ipc self v
	for word; do
		vols=- image=app:1 state=running network=bridge task=- autoremove=no pid=- ipc=- self=no
		name=${word%%[:@!]*}
		while read -r field; do
			case $field in
			:*) vols=${field#:} ;;
			@net=*) network=container:id-${field#*=} ;;
			@pid=*) pid=id-${field#*=} ;;
			@ipc=*) ipc=id-${field#*=} ;;
			!task) task=t1 ;;
			!autoremove) autoremove=yes ;;
			!self) self=yes ;;
			!paused | !exited) state=${field#!} ;;
			!db) image=db:1 ;;
			!mute) autoremove=- self=- ;;
			esac
		done <<<"$(sed 's/[:@!]/\n&/g; s/^[^\n]*\n*//' <<<"$word")"
		for v in ${vols//,/ }; do
			printf '%s\t' "$v" "$name" "id-$name" "$state" "$image" /d rw "$network" 1 "$task" "$autoremove" "$pid" "$ipc"
			printf '%s\n' "$self"
		done
	done
}

# The volumes and what becomes of each, a group's number or the reason to copy it live; the groups; the containers.
# OPTIONS, if set, are those of bd-plan.
groups() {
	local plan=$1 groups=$2 v got
	fresh
	shift 2
	for v in $plan; do volume "${v%=*}"; done
	containers "$@" >mounts
	# shellcheck disable=SC2086
	got=$(bd-plan ${OPTIONS-} volumes mounts | awk -F '\t' '{ printf "%s%s=%s", s, $1, $2 == "stop" ? $3 : $4; s = " " }')
	[ "$got" = "$plan" ] || { echo "$*: $got, not $plan" >&2; return 1; }
	# shellcheck disable=SC2086
	got=$(bd-plan -g ${OPTIONS-} volumes mounts | tr '\t ' :, | paste -sd ' ')
	[ "$got" = "$groups" ] || { echo "$*: $got, not $groups" >&2; return 1; }
}

@test "groups: containers that share a volume stop together" {
	groups 'v=1'                 '1:a'               a:v
	groups 'v=1'                 '1:a,b'             b:v a:v
	groups 'v=1 w=1'             '1:a'               a:w,v
	groups 'v=1 w=2'             '1:a 2:b'           a:v b:w
	groups 'w=1 v=2'             '1:b 2:a'           a:v b:w
	groups 'u=1 v=1 w=1'         '1:a,b'             a:u,v b:v,w
	groups 'u=1 v=2 w=1 x=2'     '1:a,c 2:b,d'       a:u c:u,w b:v d:v,x
	groups 'u=1 v=idle w=2'      '1:a 2:b'           a:u b:w c
	groups 'v=1 w=1 x=1 y=1 z=1' '1:a,b,c,d'         a:v,w b:x,y c:y,z d:w,z
	groups 'v=1'                 '1:b,db,zz'         zz:v db:v b:v
	groups 'v=idle w=1'          '1:b'               a:v,w!exited b:w
	groups 'v=1 w=2'             '1:a 2:b'           a:v c:v,w!exited b:w
	groups 'v=1'                 '1:a'               a:v!mute
}

@test "groups: a neighbour that need not stop joins volumes only where it is stopped" {
	OPTIONS='-s db'
	groups 'v=1 w=listed'        '1:a'               a:v p:w!db
	groups 'v=1 w=listed'        '1:a,p'             a:v p:v,w!db
	groups 'u=1 v=listed w=2'    '1:a,p 2:b,q'       a:u p:u,v!db q:v,w!db b:w
	groups 'u=1 w=1'             '1:a,b,p'           a:u p:u,w!db b:w
	groups 'v=listed'            ''                  p:v!db!paused
	OPTIONS='-s db -e'
	groups 'v=1 w=2'             '1:a 2:p'           a:v p:w!db
	groups 'u=1 v=1 w=1'         '1:a,b,p,q'         a:u p:u,v!db q:v,w!db b:w
	groups 'v=paused'            ''                  p:v!db!paused
	OPTIONS='-x w'
	groups 'u=1 w=excluded x=2'  '1:a 2:b'           a:u,w b:w,x
	OPTIONS='-b db'
	groups 'u=1 w=ignored'       '1:a,p'             a:u p:u,w!db
}

@test "groups: who lives in the namespaces of a container stops with it" {
	for ns in net pid ipc; do
		groups 'v=1'             '1:a,b'             a:v b@$ns=a
		groups 'v=1'             '1:b'               a b:v@$ns=a
		groups 'v=1 w=1'         '1:a,b'             a:v b:w@$ns=a
		groups 'v=1 w=2'         '1:b 2:c'           a b:v@$ns=a c:w@$ns=a
		groups 'v=1'             '1:a'               a:v b@$ns=a!exited
		groups 'v=1'             '1:b'               a!exited b:v@$ns=a
		groups 'v=1'             '1:b'               b:v@$ns=gone
		groups 'v=1'             '1:a'               a:v@$ns=a
		groups 'v=1'             '1:a,b'             a:v@$ns=b b@$ns=a
	done
	groups 'v=1'                 '1:a,b,c,d,e'       e@pid=d d@ipc=c c@pid=b b@net=a a:v
	groups 'v=1'                 '1:b,c'             a b:v@net=a c@net=b d@net=a
	groups 'v=1'                 '1:a,b,c'           a:v b@net=a c@pid=a@ipc=b
	groups 'v=1 w=1'             '1:a,b,c'           a:v b:w c@net=a@pid=b
	groups 'v=1 w=1 x=2'         '1:a,b,c 2:d'       a:v c@net=a b:w@ipc=c d:x
	groups 'v=1 w=2'             '1:a 2:b'           a:v b:w c@net=a@pid=b!exited
	OPTIONS='-s db'
	groups 'v=1 w=listed'        '1:a,b'             a:v b:w@net=a!db
	groups 'v=1 w=listed'        '1:a,b,c'           a:v b:w@net=a!db c@net=b
	groups 'v=1 w=listed x=2'    '1:a,b 2:d'         a:v b:w@net=a!db c:w!db d:x
	groups 'v=1 w=1'             '1:a,b,c'           a:v b:w@net=a!db c:w
	OPTIONS='-x w'
	groups 'v=1 w=excluded'      '1:a,b'             a:v b:w@net=a
}

@test "groups: a volume whose user must never be stopped is copied live" {
	for never in task autoremove paused self; do
		groups "v=$never"        ''                  a:v!$never
		groups "v=$never"        ''                  a:v b:v!$never
		groups "v=$never w=1"    '1:a'               a:v,w b:v!$never
		groups "v=$never w=1"    '1:a,c'             a:v,w b:v!$never c@net=a
		groups 'v=1'             '1:a'               a:v b:w!$never
		groups 'v=1'             '1:a'               a:v@net=b b!$never
		groups "v=$never w=1"    '1:b'               a:v!$never b:w@net=a
		groups 'v=idle'          ''                  a:v!$never!exited
		for ns in net pid ipc; do
			groups 'v=dependant' ''                  a:v b@$ns=a!$never
			groups 'v=dependant' ''                  a:v b@$ns=a c@$ns=b!$never
			groups 'v=dependant' ''                  z:v a:v b@$ns=a c@$ns=b!$never
			groups "v=$never"    ''                  a:v b:v@$ns=a!$never
		done
		OPTIONS='-s db'
		groups 'v=listed'        ''                  a:v!db!$never
		groups "v=$never"        ''                  a:v!db!$never b:v
		OPTIONS='-s db -e'
		groups "v=$never"        ''                  a:v!db!$never
		groups 'v=dependant'     ''                  a:v!db b@net=a!db!$never
		OPTIONS=
	done
	groups 'v=task'              ''                  a:v!paused!self!autoremove!task
	groups 'v=autoremove'        ''                  a:v!paused!self!autoremove
	groups 'v=paused'            ''                  a:v!paused!self
	groups 'v=task'              ''                  a:v!paused b:v!task c:v!autoremove
	groups 'v=autoremove'        ''                  a:v!paused b:v!self c:v!autoremove
	groups 'v=paused'            ''                  a:v!self b:v!paused
	groups 'v=self'              ''                  a:v b:v!self c@net=a!task
	groups 'v=dependant'         ''                  a:v@net=b b@net=c c@net=a!self
	groups 'v=dependant w=1'     '1:b'               a:v b:w@net=a c@pid=a!paused
}

# Random volumes and containers, and what a slow and simple model makes of them: closures by trying everything.
# shellcheck disable=SC2016
model='
function chance(p) { return rand() < p }
function pick(n) { return int(rand() * n) + 1 }
function insert(list, name,    n, i, w, out) { # into a sorted list
	n = split(list, w, " ")
	for (i = 1; i <= n && (w[i] "") < (name ""); i++) out = out w[i] " "
	if (w[i] != name) out = out name " "
	for (; i <= n; i++) out = out w[i] " "
	sub(/ $/, "", out)
	return out
}
function own(c) {
	return task[c] != "-" ? "task" : rm[c] == "yes" ? "autoremove" : state[c] == "paused" ? "paused" : self[c] == "yes" ? "self" : ""
}
function decide(v,    c, d, n, db, tmp, why, x) {
	names = why = ""; n = db = tmp = 0
	for (c = 1; c <= N; c++) if (up[c] && uses[c, v]) {
		names = insert(names, name[c]); n++; db += image[c] ~ /db/; tmp += image[c] ~ /tmp/
		x = own(c)
		for (d = 1; d <= N; d++) if (x == "" && reach[d, c] && own(d) != "") x = "dependant"
		if (x != "" && (why == "" || index(ORDER, x) < index(ORDER, why))) why = x
	}
	if (v == excluded) return "skip excluded"
	if (n && tmp == n) return "skip ignored"
	if (backing[v] == "unmounted" || (backing[v] == "foreign" && !n)) return "fail unmounted"
	if (!n) return "live idle"
	if (db == n && !every) return "live listed"
	return why == "" ? "stop needed" : "live " why
}
BEGIN {
	srand(seed); OFS = "\t"; ORDER = "task autoremove paused self dependant"
	split("running running running running restarting paused exited", STATE, " ")
	split("plain plain plain plain mounted foreign unmounted", BACKING, " ")
	for (round = 1; round <= rounds; round++) {
		N = 2 + pick(10); V = 2 + pick(10); tie = chance(.4) ? 0 : rand() * .4; use = .05 + rand() * .2
		never = chance(.6) ? 0 : .1; every = chance(.2); excluded = pick(20)
		dir = round; split("", uses); split("", reach); split("", must); split("", joined); split("", group); split("", members)
		print (every ? "-eb" : "-b"), "tmp", "-s", "db", "-x", "v" excluded >(dir ".options")
		for (v = 1; v <= V; v++) {
			backing[v] = BACKING[pick(chance(.5) ? 5 : 7)]
			print "v" v, "local", "/v" v, backing[v], "-" >(dir ".volumes")
		}
		printf "" >(dir ".mounts")
		for (c = 1; c <= N; c++) {
			name[c] = substr("qwertyuiopas", c, 1) pick(20); id[c] = "i" pick(1000) "." c
			state[c] = STATE[pick(never ? 7 : 5)]; up[c] = state[c] != "exited"
			image[c] = chance(.2) ? "db:1" : chance(.2) ? "tmp" : "app"
			task[c] = chance(never) ? "t" : "-"; rm[c] = chance(never) ? "yes" : "no"; self[c] = chance(never) ? "yes" : "no"
		}
		for (c = 1; c <= N; c++) {
			split("", ns)
			for (k = 1; k <= 3; k++) if (chance(tie)) {
				ns[k] = pick(N)
				if (up[c] && up[ns[k]]) reach[c, ns[k]] = 1
			}
			mine = 0
			for (v = 0; v <= V; v++) if (v && chance(use)) uses[c, v] = mine = 1
			for (v = 0; v <= V; v++) if (v ? uses[c, v] : !mine)
				for (k = chance(.1); k >= 0; k--)
					print v ? "v" v : "-", name[c], id[c], state[c], image[c], "/d" k, "rw",
						(1 in ns) ? "container:" id[ns[1]] : "none", 1, task[c], rm[c],
						(2 in ns) ? id[ns[2]] : "-", (3 in ns) ? id[ns[3]] : "-", self[c] >(dir ".mounts")
		}
		for (k = 1; k <= N; k++) for (c = 1; c <= N; c++) for (d = 1; d <= N; d++)
			if (reach[c, k] && reach[k, d]) reach[c, d] = 1
		for (v = 1; v <= V; v++) {
			plan[v] = decide(v); users[v] = names == "" ? "-" : names
			if (plan[v] ~ /^stop/) for (c = 1; c <= N; c++) if (up[c]) {
				if (uses[c, v]) must[c, v] = 1
				for (d = 1; d <= N; d++) if (up[d] && uses[d, v] && reach[c, d]) must[c, v] = 1
			}
		}
		for (v = 1; v <= V; v++) for (w = 1; w <= V; w++) for (c = 1; c <= N; c++) if (must[c, v] && must[c, w]) joined[v, w] = 1
		for (k = 1; k <= V; k++) for (v = 1; v <= V; v++) for (w = 1; w <= V; w++)
			if (joined[v, k] && joined[k, w]) joined[v, w] = 1
		count = 0
		for (v = 1; v <= V; v++) {
			split(plan[v], p, " ")
			for (w = 1; w <= v && !((v) in group); w++) if (joined[v, w] && (w in group)) group[v] = group[w]
			if (p[1] == "stop" && !(v in group)) group[v] = ++count
			for (c = 1; c <= N; c++) if (must[c, v]) members[group[v]] = insert(members[group[v]], name[c])
			print "v" v, p[1], (v in group) ? group[v] : "-", p[2], "/v" v, users[v] >(dir ".plan")
		}
		printf "" >(dir ".groups")
		for (k = 1; k <= count; k++) print k, members[k] >(dir ".groups")
		close(dir ".options"); close(dir ".volumes"); close(dir ".mounts"); close(dir ".plan"); close(dir ".groups")
	}
}'

# bats test_tags=native
@test "groups: random inputs, against a simple model" {
	seed=${BAUDOLO_TEST_SEED:-$RANDOM}
	rounds=500
	[ -z "${BAUDOLO_TEST_LONG-}" ] || rounds=10000
	echo "BAUDOLO_TEST_SEED=$seed"
	LC_ALL=C awk -v seed="$seed" -v rounds="$rounds" "$model"
	for ((n = 1; n <= rounds; n++)); do
		options=$(<$n.options)
		# shellcheck disable=SC2086
		if [ "$(bd-plan $options $n.volumes $n.mounts)" != "$(<$n.plan)" ] ||
			[ "$(bd-plan -g $options $n.volumes $n.mounts)" != "$(<$n.groups)" ]; then
			echo "$n: bd-plan $options volumes mounts"
			cat $n.mounts $n.plan $n.groups
			false
		fi
	done
	# it was about something
	[ "$(cat ./*.groups | wc -l)" -gt "$rounds" ]
	for reason in needed idle listed excluded ignored unmounted task autoremove paused self dependant; do
		grep -q "	$reason	" ./*.plan || { echo "never $reason"; false; }
	done
	cat ./*.groups | grep -q '^3'
}

# bats test_tags=native
@test "groups: thousands, in long chains" {
	seq 5000 | sed 's,.*,v&\tlocal\t/&\tplain\t-,' >volumes
	for n in 1 2; do # chains
		awk -v by="$n" 'BEGIN { OFS = "\t"; for (i = 1; i <= 5000; i++)
			print "v" i, "c" i, "id" i, "running", "x", "/d", "rw", "container:id" (i - by), 1, "-", "no", "-", "-", "no" }' >mounts
		run -0 timeout 5 bd-plan -g volumes mounts
		[ "${#lines[@]}" = "$n" ]
		[ "$(wc -w <<<"$output")" = "$((5000 + n))" ]
		run -0 timeout 5 bd-plan volumes mounts
		[ "$(grep -c "$(printf '\tstop\t%s\t' "$n")" <<<"$output")" = "$((5000 / n))" ]
	done
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

@test "a real engine: namespaces, paused, --rm and whitelisted" {
	engine_clean
	for v in data deep idle kept own brief frozen lent task; do volume_new $v; done
	image_new mariadb:11
	container_run app -v data:/d --ipc shareable
	IMAGE=mariadb:11 container_run netful --network container:app --ipc shareable -v kept:/k
	container_run ipcful --ipc container:netful
	container_run pidful --pid container:ipcful -v deep:/d
	IMAGE=mariadb:11 container_run neighbour -v own:/d
	container_run once --rm -v brief:/d
	container_run still -v frozen:/d
	docker pause still
	container_run lender -v lent:/d
	container_run guest --rm --network container:lender
	container_run tasked -v task:/d --label com.docker.swarm.task.id=x
	bd-volumes >volumes
	bd-mounts >mounts
	run -0 bd-plan -s mariadb volumes mounts
	[ "$(cut -f 1-4,6 <<<"$output")" = "$(printf '%s\t%s\t%s\t%s\t%s\n' \
		brief live - autoremove once \
		data stop 1 needed app \
		deep stop 1 needed pidful \
		frozen live - paused still \
		idle live - idle - \
		kept live - listed netful \
		lent live - dependant lender \
		own live - listed neighbour \
		task live - task tasked)" ]
	run -0 bd-plan -g -s mariadb volumes mounts
	[ "$output" = $'1\tapp ipcful netful pidful' ]
	cut -f 2 <<<"$output" | xargs docker stop
	run -0 docker inspect -f '{{.State.Status}}' app ipcful netful pidful neighbour once still lender guest tasked
	[ "${lines[*]}" = 'exited exited exited exited running running paused running running running' ]
}
