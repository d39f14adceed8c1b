#!/usr/bin/env bats
# bd-coverage, and baudolo-list around it and bd-generations

load engine
load fake

setup() {
	cd "$BATS_TEST_TMPDIR"
	export TZ=Europe/Berlin
	: >volumes && : >generations && : >copies && : >databases && : >engines
	H=$(bd-machine-hash)
	B=$PWD/b R=$PWD/b/$H/repo
}

teardown() { fake_stop; }

volume() { printf '%s\tlocal\t/x/%s\tplain\t%s\n' "$1" "$1" "${2:--}" >>volumes; }
gen() { printf '/b/r\t%s\t%s\t%s\t1\t0\t0\t-\t-\t-\n' "$1" "$(date -d "${1:0:8} ${1:8:2}:${1:10:2}:${1:12:2}" +%s)" "${2:-whole}" >>generations; }
# copy GENERATION VOLUME STATUS [FILES DUMPS DATABASE DUMPED ENGINE]
copy() { printf '/b/r\t%s\twhole\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t-\n' "$1" "$2" "$3" "${4:-yes}" "${5:-0}" "${6:-no}" "${7:-no}" "${8:--}" >>copies; }
covered() { bd-coverage volumes generations copies; }

A=20260101120000 C=20260103120000

@test "bd-coverage: how, since when, or why not" {
	gen $A && gen 20260102120000 && gen $C && gen 20260104120000 partial
	for v in good failed failed-ever missing damaged skipped never new db db-dumped db-only unproven; do volume $v; done
	volume new2 2026-01-03T12:00:01+01:00
	volume old2 2026-01-03T10:59:59Z
	volume odd 'last week'
	copy $C good good
	copy $A failed good; copy $C failed failed no
	copy $C failed-ever failed no
	copy $A damaged good; copy $C damaged damaged
	copy $A missing good; copy $C missing missing no
	copy $A skipped good
	copy $A db good yes 1 yes yes postgres; copy $C db good yes 0 yes no postgres
	copy $C db-dumped good yes 2 yes yes mariadb
	copy $C db-only good no 1 yes yes mariadb
	copy $A db-once good yes 1 yes yes postgres; copy 20260102120000 db-once good yes 2 yes no postgres; copy $C db-once good
	copy $A db-down good yes 1 yes yes mariadb; copy $C db-down good yes 0 yes no mariadb
	copy $C db-some good yes 1 yes no mariadb
	for v in db-once db-down db-some; do volume $v; done
	copy 20260104120000 unproven unproven
	run -0 covered
	[ "$output" = "$(sort <<-E
		volume	good	files	$C	-	-	-
		volume	failed	files	$A	its copy failed	-	-
		volume	failed-ever	no	-	its copy failed	-	-
		volume	damaged	files	$A	its copy is damaged	-	-
		volume	missing	files	$A	what the manifest names is not there	-	-
		volume	skipped	files	$A	not taken into the last generation	-	-
		volume	never	no	-	not taken into the last generation	-	-
		volume	new	no	-	not taken into the last generation	-	-
		volume	db	files	$C	a database not dumped since $A	-	postgres
		volume	db-once	files	$C	a database not dumped since 20260102120000	-	-
		volume	db-down	files	$C	a database not dumped since $A	-	mariadb
		volume	db-some	files+dumps	$C	a database without a dump	-	mariadb
		volume	db-dumped	files+dumps	$C	-	-	mariadb
		volume	db-only	dumps	$C	-	-	mariadb
		volume	unproven	no	20260104120000	nothing vouches for its copies	-	-
		volume	new2	no	-	newer than the last generation	-	-
		volume	old2	no	-	not taken into the last generation	-	-
		volume	odd	no	-	not taken into the last generation	-	-
	E
	)" ]
}

@test "bd-coverage: nothing at all, and no generation" {
	run -0 covered
	[ -z "$output" ]
	volume v
	[ "$(covered)" = $'volume\tv\tno\t-\tno generation\t-\t-' ]
	# a generation of no volumes is one all the same
	gen $A && gen $C
	copy $A v good
	[ "$(covered)" = $'volume\tv\tfiles\t'$A$'\tnot taken into the last generation\t-\t-' ]
}

@test "bd-coverage: databases without a row" {
	printf '%s\tid\t%s\t%s\tpg_dump\t15\t-\n' app-db app postgres b-mysql b mariadb c-db c postgres >engines
	printf 'd-db\tid\td\t-\t-\t-\t-\n' >>engines # it could not be asked
	printf '2\tb\tdata\tu\n3\tc\t*\tu\n4\tgone\tx\tu\n' >databases
	run -0 bd-coverage -d databases -e engines volumes generations copies
	[ "$output" = $'database\tapp-db\tno\t-\tno row in databases.csv\tapp\tpostgres' ]
}

@test "bd-coverage: volumes that hold a database with a row, and no dump" {
	gen $A && gen $C
	for v in asked done norow plain failed; do volume $v; done
	copy $C asked good; copy $C done good yes 1 yes yes postgres; copy $C norow good; copy $C plain good; copy $C failed failed
	match() { printf '%s\tc-%s\tid\tc\tpostgres\tpg_dumpall\t%s\tyes\n' "$1" "$1" "$2" >>matched; }
	match asked $'2\tdata\tu'; match done $'3\tdata\tu'; match norow $'-\t-\t-'; match failed $'4\tdata\tu'
	run -0 bd-coverage -m matched volumes generations copies
	[ "$(cut -f 2,3,5 <<<"$output" | tr '\t' ' ')" = "asked files a database without a dump
done files+dumps -
failed no its copy failed
norow files -
plain files -" ]
	[ "$(covered | sed -n 1p)" = $'volume\tasked\tfiles\t'$C$'\t-\t-\t-' ]
	echo x >matched
	run -2 bd-coverage -m matched volumes generations copies
}

@test "bd-coverage: hostile names, malformed input, wrong usage, a full disk" {
	gen $A
	for v in 'a\tb\nc' '\\' -r $'\xff' "'\""; do volume "$v" && copy $A "$v" good; done
	run -0 covered
	[ "${#lines[@]}" = 5 ]
	[ "$(grep -ac $'\tfiles\t'$A$'\t-\t-\t-$' <<<"$output")" = 5 ]
	for f in volumes generations copies; do
		cp $f was
		echo x >>$f
		run -2 covered
		[[ $output == "bd-coverage: $f:"*' 1 fields, expected '* ]]
		cp was $f
	done
	printf -- '-\tlocal\t/x\tplain\t-\n' >>volumes
	run -2 covered
	[ "$output" = 'bd-coverage: volumes:6: field 1 is absent' ]
	for args in '' 'a b' 'a b c d' '-d x a b c' '-e x a b c' '-x a b c'; do
		# shellcheck disable=SC2086 # several
		run -2 bd-coverage $args
		[[ $output == *usage:* ]]
	done
	run -3 bd-coverage missing generations copies
	: >volumes && volume v
	run -3 sh -c 'bd-coverage volumes generations copies >/dev/full'
	[ "$output" = 'bd-coverage: stdout: No space left on device' ]
	run -0 bd-coverage -V
	examples bd-coverage.1
}

# made AGE: a generation so many hours old
made() {
	local name
	name=$(date -d "@$(($(date +%s) - $1 * 3600))" +%Y%m%d%H%M%S)
	mkdir -p "$R/$name/v/files" "$R/$name/db/sql"
	head -c 100000 /dev/zero >"$R/$name/v/files/f"
	: >"$R/$name/db/sql/one.backup.sql"
	printf 'v\tok\tno\tno\t-\ndb\t%s\tyes\tyes\tpostgres\n' "${2:-ok}" | bd-stamp "$R/$name"
	printf %s "$name"
}

list() { baudolo-list --backups-dir "$B" --repo-name repo --state-dir "$PWD/s" --databases-csv "$PWD/none" "$@"; }

@test "baudolo-list: a table" {
	made 1000 >/dev/null && made 30 failed >/dev/null
	g=$(made 1)
	sync -f .
	run -0 list
	[ "${#lines[@]}" = 4 ]
	[[ ${lines[0]} =~ ^WHEN\ +AGE\ +VOLUMES\ +DUMPS\ +NEW\ +SHARED\ +VERIFIED\ +STATE$ ]]
	[[ ${lines[1]} =~ ' 41 d  2 '\ +1\ +-\ +-\ +-\ +whole$ ]]
	[[ ${lines[2]} =~ ' 30 h  2, 1 failed'\ +1\ +-\ +-\ +-\ +whole$ ]]
	[[ ${lines[3]} =~ ^"${g:0:4}-${g:4:2}-${g:6:2} ${g:8:2}:${g:10:2}:${g:12:2} "\ +' 1 h  2 ' ]]
	run -0 list -s
	[[ ${lines[1]} =~ ' 2 '\ +1\ +1[0-9][0-9]K\ +0B\ +-\ +whole$ ]]
}

@test "baudolo-list: what baudolo-verify has remembered" {
	a=$(made 100) b=$(made 50) c=$(made 5) d=$(made 1)
	mkdir -p "s/verify$R"
	printf '%s\t%s\t%s\t%s\n' "$a" v ok "$(($(date +%s) - 7200))" "$a" db ok "$(($(date +%s) - 400000))" "$b" v ok 1700000000 "$c" v bad 1700000000 \
		"$c" db ok 1700000001 "$d" v unvouched 1700000000 >"s/verify$R/verified"
	run -0 list
	[ "$(sed 's/ *whole$//; s/.*  //' <<<"$output" | tail -n +2)" = $'4 d\n1 of 2\n1 bad\n-' ]
	run -0 list --json
	[ "$(jq -c '.[2] | [.verified, .damaged, .verified_time]' <<<"$output")" = '[1,1,1700000001]' ]
}

@test "baudolo-list: what was verified is not good for ever" {
	a=$(made 100) b=$(made 50) c=$(made 5)
	ln -f "$R/$a/v/files/f" "$R/$b/v/files/f"
	mkdir -p "s/verify$R" "s/bad$R"
	for g in "$a" "$b" "$c"; do printf '%s\t%s\tok\t1700000000\n' "$g" v "$g" db; done >"s/verify$R/verified"
	told() { list --json | jq -c 'map([.verified, .damaged])'; }
	[ "$(told)" = '[[2,0],[2,0],[2,0]]' ]
	# found in one generation, but it is the same file
	printf './files/f\t%s\t%s\t%s\tcontent\n' "$(stat -c %i "$R/$b/v/files/f")" "$(stat -c %.9W "$R/$b/v/files/f")" "$b" >"s/bad$R/v"
	[ "$(told)" = '[[1,1],[1,1],[2,0]]' ]
	run -0 list
	[ "$(sed 's/ *whole$//; s/.*  //' <<<"$output" | tail -n +2 | head -n 2)" = $'1 bad\n1 bad' ]
	# both know of it
	sed -i "s/^$b\tv\tok/$b\tv\tbad/" "s/verify$R/verified"
	[ "$(told)" = '[[1,1],[1,1],[2,0]]' ]
	# dumps of a copy that failed
	printf 'v\tok\tno\tno\t-\ndb\tfailed\tyes\tyes\tpostgres\n' | bd-stamp "$R/$c"
	[ "$(told)" = '[[1,1],[1,1],[1,0]]' ]
	printf './sql/one.backup.sql\t-\t-\t%s\tcontent\n' "$c" >"s/bad$R/db"
	[ "$(told)" = '[[1,1],[1,1],[1,1]]' ]
	printf 'v\tok\tno\tno\t-\ndb\tok\tyes\tyes\tpostgres\n' | bd-stamp "$R/$c"
	rm "s/bad$R/db"
	# what was there
	rm -r "${R:?}/$c/v"
	[ "$(told)" = '[[1,1],[1,1],[1,1]]' ]
}

@test "baudolo-list: a verification and its --quick are seen" {
	mkdir -p "$R/20260101000000/v/files" && echo a >"$R/20260101000000/v/files/f"
	cp -al "$R/20260101000000" "$R/20260102000000"
	for g in 20260101000000 20260102000000; do
		bd-digest "$R" "$R/$g" >/dev/null
		bd-stamp "$R/$g" <<<$'v\tok\tno\tno\t-'
	done
	verify() { baudolo-verify --backups-dir "$B" --repo-name repo --state-dir "$PWD/s" -q "$@"; }
	verify
	[ "$(list | grep -c ' 0 min ')" = 2 ]
	chmod 4777 "$R/20260102000000/v/files/f"
	run -1 verify --quick --generation latest
	[ "$(list | grep -c ' 1 bad ')" = 2 ]
}

@test "baudolo-list: what is remembered of no known time counts for nothing" {
	a=$(made 100)
	mkdir -p "s/verify$R"
	printf '%s\t%s\tok\t%s\n' "$a" v 1700000000 "$a" db soon >"s/verify$R/verified"
	printf '%s\tdb\tbad\t\n\nx\n' "$a" >>"s/verify$R/verified"
	run -0 --separate-stderr list --json
	[ "$(jq -c 'map([.verified, .damaged, .verified_time])' <<<"$output")" = '[[1,0,1700000000]]' ]
	[ "$stderr" = "WARNING: $PWD/s/verify$R/verified: line 2 does not tell what was verified, and when; such lines count for nothing." ]
}

@test "baudolo-list: --json, and what cannot be read" {
	g=$(made 5)
	sync -f .
	run -0 list --json -s
	[ "$(jq -c '.[0] | del(.new, .only)' <<<"$output")" = "{\"repository\":\"$R\",\"generation\":\"$g\",\"time\":$(date -d "${g:0:8} ${g:8:2}:${g:10:2}:${g:12:2}" +%s),\"state\":\"whole\",\"volumes\":2,\"failed\":0,\"dumps\":1,\"shared\":0,\"verified\":0,\"damaged\":0,\"verified_time\":null}" ]
	[ "$(jq '.[0].new' <<<"$output")" = "$(du -s -B 1 "$R/$g" | cut -f 1)" ]
	mkdir "$R/20260231000000" && echo '{' >"$R/20260231000000/manifest.json"
	run -1 --separate-stderr list --json
	[ "$(jq -c 'map([.state, .time, .volumes])[0]' <<<"$output")" = '["unreadable",null,null]' ]
	[[ $stderr == *'manifest.json is not a manifest'*'ERROR: not all could be read: see above.' ]]
	run -1 --separate-stderr list
	[[ ${lines[1]} =~ ^'2026-02-31 00:00:00        -  - '.*unreadable$ ]]
}

@test "baudolo-list: hostile names" {
	R=$PWD/b/$H/$'a\tb\nc\\d'
	made 5 >/dev/null
	run -0 baudolo-list --backups-dir "$B" --repo-name $'a\tb\nc\\d' --json
	[ "$(jq -r '.[0].repository' <<<"$output")" = "$R" ]
}

@test "baudolo-list: --coverage" {
	fake_start
	fake_says /volumes <<<'{"Volumes": [{"Name": "v", "Driver": "local", "Mountpoint": "/x"}, {"Name": "db", "Driver": "local", "Mountpoint": "/y"}, {"Name": "other", "Driver": "local", "Mountpoint": "/z", "CreatedAt": "2099-01-01T00:00:00Z"}]}'
	fake_says '/containers/json?all=1' <<<'[]'
	run -0 list --coverage
	[[ $output == *'volume    v      no           -                    no generation'* ]]
	g=$(made 5)
	when="${g:0:4}-${g:4:2}-${g:6:2} ${g:8:2}:${g:10:2}:${g:12:2}"
	run -0 list --coverage
	[ "$output" = "KIND      NAME   PROTECTED    LAST GOOD            WHY NOT
volume    db     dumps        $when  
volume    other  no           -                    newer than the last generation
volume    v      files        $when  " ]
	run -0 list --coverage --json
	[ "$(jq -c '.[1]' <<<"$output")" = '{"kind":"volume","name":"other","protected":"no","last":null,"reason":"newer than the last generation","instance":null,"engine":null}' ]
	# a row for a database that does not run
	printf 'instance;database;username;password\ngone;data;u;p\n' >csv
	run -0 --separate-stderr list --coverage --databases-csv "$PWD/csv"
	[[ $stderr == *"'data' is not dumped: no running database answers to instance 'gone'."* ]]
	fake_stop
	run -3 list --coverage
	[[ $output == *'ERROR: bd-volumes ended with status 3.' ]]
}

@test "baudolo-list: wrong usage, what is not there, a full disk" {
	run -3 list
	[ "$output" = "ERROR: there is no repository $R." ]
	for args in --nonsense more '--repo-name ..' '--hash a/b' '--coverage --sizes' '--coverage --hash x'; do
		# shellcheck disable=SC2086 # several
		run -2 list $args
	done
	made 5 >/dev/null
	run -3 sh -c 'baudolo-list --backups-dir "$1" --repo-name repo >/dev/full' - "$B"
	run -3 sh -c 'baudolo-list --backups-dir "$1" --repo-name repo --json >/dev/full' - "$B"
	run -0 baudolo-list --version
	[ "$output" = "baudolo-list $(cat "$BD_ROOT/VERSION")" ]
}
