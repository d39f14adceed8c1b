#!/usr/bin/env bats
# bd-engines: who can dump a database, and where its data lies

load engine
load fake
load database

setup_file() {
	engine_start
	image_postgres
	image_mariadb
}
teardown_file() { engine_clean; }

setup() { cd "$BATS_TEST_TMPDIR"; }
teardown() {
	fake_stop
	engine_clean
}

id_of() { docker inspect -f '{{.Id}}' "$1"; }

# NAME...: as bd-instances would have them
asked() {
	local name
	for name; do printf '%s\t%s\tinstance-of-%s\n' "$name" "$(id_of "$name")" "$name"; done
}

# COLUMNS NAME...: of what bd-engines says of them
engines() { asked "${@:2}" | bd-engines | cut -f "$1"; }

# NAME ARG...: PostgreSQL's image without its server
postgres() { IMAGE=bd-test/postgres:15 container_run "$@"; }

# NAME TOOL TEXT [STATUS]: a container with such a tool
with_tool() {
	printf '#!/bin/sh\ncat <<"E"\n%s\nE\nexit %s\n' "$3" "${4:-0}" >"$1.tool"
	chmod 755 "$1.tool"
	container_run "$1" -v "$PWD/$1.tool:/bin/$2:ro"
}

@test "what answers tells the engine, names tell nothing" {
	docker tag bd-test/postgres:15 76-app-database:17
	docker tag bd-test/postgres:15 svc-db-mariadb:5000/postgres
	image_new 76-postgres:x
	IMAGE=76-app-database:17 container_run e76-tagged
	IMAGE=svc-db-mariadb:5000/postgres container_run e76-registry
	IMAGE=76-postgres:x container_run e76-empty-postgres
	IMAGE=bd-test/mariadb:10.11 container_run e76-maria
	with_tool e76-shipping pg_dump 'pg_dump (PostgreSQL) 15.14'
	asked e76-tagged e76-registry e76-empty-postgres e76-maria e76-shipping >input
	run -0 --separate-stderr bd-engines <input
	[ -z "$stderr" ]
	[ "$(cut -f 1,3-5,7 <<<"$output")" = "$(printf '%s\t%s\t%s\t%s\t%s\n' \
		e76-tagged instance-of-e76-tagged postgres pg_dumpall /var/lib/postgresql/data \
		e76-registry instance-of-e76-registry postgres pg_dumpall /var/lib/postgresql/data \
		e76-maria instance-of-e76-maria mariadb mariadb-dump /var/lib/mysql)" ]
	[ "$(cut -f 2 <<<"$output")" = "$(id_of e76-tagged && id_of e76-registry && id_of e76-maria)" ]
	[ "$(sed -n 1p <<<"$output" | cut -f 6)" = "$(docker exec e76-tagged pg_dumpall --version | cut -d ' ' -f 3)" ]
	[[ $(sed -n 3p <<<"$output" | cut -f 6) =~ ^10\.11\.[0-9]+$ ]]
}

@test "an application that ships the tools, beside its database" {
	postgres 76shop
	postgres 76shop-database
	bd-mounts | grep $'\t76shop' >mounts
	run -0 sh -c 'bd-instances mounts | bd-engines | cut -f 1,3,4'
	[ "$output" = $'76shop-database\t76shop\tpostgres' ]
}

@test "no shell is needed" {
	DOCKER_BUILDKIT=0 docker build -q --network none -t 76-distroless - <<-'E'
		FROM bd-test/postgres:15
		RUN ["/bin/rm", "-f", "/bin/sh", "/bin/bash", "/bin/dash", "/bin/rbash"]
	E
	docker run -d --name e76-distroless --label "bd-test=$(bd_file)" --network none --entrypoint sleep 76-distroless 1000
	run ! docker exec e76-distroless sh -c :
	run -0 engines 1,4,5 e76-distroless
	[ "$output" = $'e76-distroless\tpostgres\tpg_dumpall' ]
}

@test "versions, as far as they are numbers" {
	local n=0 names=() tool text expected
	while IFS='|' read -r tool expected text; do
		with_tool "e76-v$((++n))" "$tool" "$text"
		names+=("e76-v$n")
		printf '%s\t%s\n' "$tool" "$expected" >>expected
	done <<-'E'
		pg_dumpall|15.14|pg_dumpall (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)
		pg_dumpall|18beta1|pg_dumpall (PostgreSQL) 18beta1
		mariadb-dump|10.11.14|mariadb-dump  Ver 10.19 Distrib 10.11.14-MariaDB, for debian-linux-gnu (x86_64)
		mariadb-dump|11.4.2|mariadb-dump from 11.4.2-MariaDB, client 10.19 for debian-linux-gnu (x86_64)
		mysqldump|8.0.34|mysqldump  Ver 8.0.34 for Linux on x86_64 (MySQL Community Server - GPL)
		mysqldump|5.7.44|mysqldump  Ver 10.13 Distrib 5.7.44, for Linux (x86_64)
		mysqldump|-|I am no longer what I was
	E
	run -0 engines 5,6 "${names[@]}"
	[ "$output" = "$(cat expected)" ]
}

# NAME MOUNT-EXPECTED ARG...
holds() {
	postgres "$1" "${@:3}"
	[ "$(engines 7 "$1")" = "$2" ] || { echo "$1: not $2 but $(engines 7 "$1")"; false; }
}

@test "the volume that holds the data directory" {
	mkdir host
	for v in 76v 76w; do volume_new "$v"; done
	holds e76-m1 /var/lib/postgresql/data -v 76v:/var/lib/postgresql/data
	holds e76-m2 /var/lib/postgresql/data -v 76v:/var/lib/postgresql # the image has a volume of its own there
	holds e76-m3 /srv/pg -v 76v:/srv/pg/ -v 76w:/srv -e PGDATA=/srv/pg/18/docker
	holds e76-m4 - -v 76v:/srv -v "$PWD/host:/srv/pg" -e PGDATA=/srv/pg/x
	holds e76-m5 - -v 76v:/srv --tmpfs /srv/pg -e PGDATA=/srv/pg
	holds e76-m6 - -v 76v:/srv/pg -e PGDATA=/srv/pgdata
	holds e76-m7 /srv/pg -v 76v:/srv/pg -e PGDATA=//srv/./pg///
	holds e76-m8 - -v 76v:/srv/pg -e PGDATA=/srv/x/../pg
	holds e76-m9 /var/lib/postgresql/data -v 76v:/srv/pg -e PGDATA=
	holds e76-m10 '/a\tb\\' -v $'76v:/a\tb\\' -e $'PGDATA=/a\tb\\/c'
}

@test "who cannot be asked is named, the others are asked" {
	postgres e76-paused
	postgres e76-stopped
	postgres e76-well
	docker run -d --name e76-restarting --label "bd-test=$(bd_file)" --network none --restart always "$BD_IMAGE" false
	printf 'e76-gone\t%064d\tgone\n' 7 >gone
	asked e76-paused e76-stopped e76-restarting e76-well | cat gone - >input
	docker pause e76-paused
	docker kill e76-stopped
	wait_for eval '[[ $(docker inspect -f "{{.RestartCount}} {{.State.Restarting}}" e76-restarting) == [5-9]" true" ]]'
	run -1 --separate-stderr bd-engines <input
	docker unpause e76-paused
	[ "$(cut -f 4- <<<"$output" | sort -u)" = "$(printf '%s\n' $'-\t-\t-\t-' "$(engines 4- e76-well)")" ]
	[ "$(cut -f 1-3 <<<"$output")" = "$(cat input)" ]
	for name in gone paused stopped restarting; do grep "^bd-engines: e76-$name: " <<<"$stderr"; done
	grep -x 'bd-engines: e76-gone: it has vanished' <<<"$stderr"
	run ! grep e76-well <<<"$stderr"
}

@test "a tool that fails is no answer" {
	with_tool e76-broken pg_dumpall 'pg_dumpall (PostgreSQL) 15.14' 3
	asked e76-broken >input
	run -1 --separate-stderr bd-engines <input
	[ "$output" = "$(sed 's/$/\t-\t-\t-\t-/' input)" ]
	[ "$stderr" = 'bd-engines: e76-broken: pg_dumpall --version ended with status 3' ]
}

@test "the order is that of the input, however many are asked at once" {
	local names=() i
	for i in 1 2 3 4 5 6; do
		postgres "e76-o$i"
		names+=("e76-o$i")
	done
	names=("${names[5]}" "${names[@]:0:5}" "${names[2]}")
	asked "${names[@]}" >input
	for j in 1 3 64; do
		run -0 bd-engines -j "$j" <input
		[ "$(cut -f 1 <<<"$output")" = "$(printf '%s\n' "${names[@]}")" ]
	done
}

@test "hostile text comes back as it was" {
	postgres e76-hostile
	printf -- '-a\\tb\\nc\\\\"\x27\xff\t%s\t-x\\r\n' "$(id_of e76-hostile)" >input
	run -0 bd-engines <input
	[ "$(cut -f 1-3 <<<"$output")" = "$(cat input)" ]
	printf 'a\\nb\x1bc\tno-such-id\ti\n' >input
	run -1 --separate-stderr bd-engines <input
	[ "$stderr" = 'bd-engines: a\nb?c: it has vanished' ]
	[ "$output" = "$(sed 's/$/\t-\t-\t-\t-/' input)" ]
}

@test "a daemon that refuses, and one that is not there" {
	fake_start
	fake_says /containers/1/exec '500 Internal Server Error' <<<'{"message": "no more of that"}'
	run -1 --separate-stderr bd-engines <<<$'c\t1\ti'
	[[ $stderr == *'no more of that'*'bd-engines: c: pg_dumpall --version could not be run in it' ]]
	DOCKER_HOST=unix://$PWD/none run -3 bd-engines <<<$'c\t1\ti\nd\t2\tj'
	[ "$output" = "bd-engines: $PWD/none: No such file or directory" ]
}

@test "nothing to ask: nobody is asked" {
	DOCKER_HOST=unix://$PWD/none run -0 bd-engines </dev/null
	[ -z "$output" ]
}

@test "malformed input, a full disk, wrong usage, and the version" {
	run -2 bd-engines <<<$'c\t1'
	[ "$output" = 'bd-engines: stdin:1: 2 fields, expected 3' ]
	run -2 bd-engines <<<$'c\t-\ti'
	[ "$output" = 'bd-engines: stdin:1: a container has a name, an id and an instance' ]
	postgres e76-full
	asked e76-full >input
	run -3 sh -c 'bd-engines <input >/dev/full'
	[ "$output" = 'bd-engines: stdout: No space left on device' ]
	run -2 bd-engines -z
	run -2 bd-engines operand
	[[ $output == usage:* ]]
	run -2 bd-engines -j 0
	run -2 bd-engines -j 65
	run -0 bd-engines -V
	[ "$output" = "bd-engines $(cat "$BD_ROOT/VERSION")" ]
}

@test "the examples of the page" {
	postgres 76page-database
	run -0 examples bd-engines.1
	grep $'^76page-database\tpostgres\t' <<<"$output"
}
