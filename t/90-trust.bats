#!/usr/bin/env bats
# From end to end, with servers that run: what is damaged and copied afresh, what is protected and what is not, what a
# run tells of itself, and what the original's programs make of the generations.

load engine
load tree
load copy
load database

# Volumes and who uses them: app and cache web, pgdata shop-postgres, mydata wiki-db; idle nobody.
setup_file() {
	engine_start own
	image_postgres 3>&- &
	local pid=$!
	image_mariadb
	wait "$pid"
	local d
	d=$(volume_new app) && mkdir "$d/d" && head -c 300000 /dev/urandom >"$d/d/f" && ln "$d/d/f" "$d/hard" && echo other >"$d/other" && ln -s other "$d/l"
	d=$(volume_new idle) && echo idle >"$d/f"
	volume_new cache >/dev/null
	container_run web -v app:/app -v cache:/cache
	server_run shop-postgres bd-test/postgres:15 -v pgdata:/var/lib/postgresql/data -e POSTGRES_PASSWORD=pw -e POSTGRES_DB=shop 3>&- &
	pid=$!
	server_run wiki-db bd-test/mariadb:10.11 -v mydata:/var/lib/mysql -e MARIADB_ROOT_PASSWORD=root -e MARIADB_DATABASE=wiki
	wait "$pid"
	pg shop-postgres <<<"CREATE TABLE goods AS SELECT n FROM generate_series(1, 10000) AS n"
	maria wiki-db <<<"CREATE TABLE pages (name text); INSERT INTO pages VALUES ('home')"
}

teardown_file() {
	engine_clean
	docker volume ls -q | xargs -r docker volume rm -f >/dev/null
	engine_stop own
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	umask 022
	H=$(bd-machine-hash)
	B=$PWD/b S=$PWD/s
	R=$B/$H/backup-docker-to-local
	baudolo-seed csv shop shop postgres pw >/dev/null
}

teardown() { volume_rm later $'\xff' 2>/dev/null || :; }

# web is stopped, the servers are not.
run_it() {
	LD_PRELOAD=${BD_PRELOAD-} baudolo --backups-dir "$B" --state-dir "$S" --databases-csv csv --images-no-stop-required '*/postgres:*' '*/mariadb:*' "$@"
}
files_only() { run_it --only-files --volumes-no-backup-required pgdata mydata "$@"; }
verify() { baudolo-verify --backups-dir "$B" --state-dir "$S" "$@"; }
newest() { find "$R" -mindepth 1 -maxdepth 1 | LC_ALL=C sort | tail -n 1; }
inode() { stat -c %i "$1"; }

@test "what baudolo-verify finds damaged, the next run copies afresh; then all is well" {
	settled
	files_only
	first=$(newest)
	files_only
	f=$(newest)/app/files/d/f
	[ "$f" -ef "$first/app/files/d/f" ]
	printf X | dd of="$f" bs=1 seek=77777 conv=notrunc status=none
	cmp -s "$f" "$(volume_path app)/d/f" && printf Y | dd of="$f" bs=1 seek=77777 conv=notrunc status=none
	touch -r "$(volume_path app)/d/f" "$f"
	# nobody has looked yet, and nothing tells that the copy is not what it was: it is linked on
	files_only
	[ "$f" -ef "$(newest)/app/files/d/f" ]
	run -1 --separate-stderr verify
	[ "$(grep -c 'ERROR: .*/app ./files/\(d/f\|hard\): content: expected sha256=.*, found sha256=' <<<"$stderr")" = 6 ]
	[ "$(wc -l <<<"$stderr")" = 6 ]
	[ "$(cat "$S/bad$R/app")" = "$(printf './%s\t%s\n' d/f "$(inode "$f")" hard "$(inode "$f")")" ]
	run -0 baudolo-list --backups-dir "$B" --state-dir "$S"
	[ "$(grep -c ' 1 bad  ' <<<"$output")" = 3 ]
	files_only
	fresh=$(newest)
	[ "$(jq -c '.volumes.app | [.result, .files_new, .bytes_new]' "$S/status.json")" = '["ok",2,300000]' ]
	oracle "$(volume_path app)" "$fresh/app/files"
	exact "$(volume_path app)" "$fresh/app/files"
	[ "$(inode "$fresh/app/files/d/f")" != "$(inode "$f")" ]
	[ "$fresh/app/files/other" -ef "$first/app/files/other" ]
	grep -q "^./files/d/f .* sha256=$(sha256sum <"$(volume_path app)/d/f" | cut -c 1-64)$" "$fresh/app/contents.mtree"
	run -0 --separate-stderr verify --generation latest
	[ -z "$stderr" ]
	# from then on it is linked again
	files_only
	[ "$fresh/app/files/d/f" -ef "$(newest)/app/files/d/f" ]
	[ "$(jq .volumes.app.bytes_new "$S/status.json")" = 0 ]
	# the old ones stay what they are until they go
	run -1 verify
	baudolo-prune --backups-dir "$B" --state-dir "$S" --keep-last 2
	[ "$(ls "$R" | wc -l)" = 2 ]
	run -0 --separate-stderr verify
	[ -z "$stderr" ]
}

covered() { baudolo-list --coverage --backups-dir "$B" --state-dir "$S" --databases-csv csv "$@"; }

@test "what is protected, and what is not" {
	run -0 covered --json
	[ "$(jq -c 'map(select(.kind == "volume") | [.name, .protected, .reason])' <<<"$output")" = '[["app","no","no generation"],["cache","no","no generation"],["idle","no","no generation"],["mydata","no","no generation"],["pgdata","no","no generation"]]' ]
	run_it -q --volumes-no-backup-required cache
	g=$(basename "$(newest)") at="$(date -d "${g:0:8} ${g:8:2}:${g:10:2}:${g:12:2}" '+%F %T')"
	wait_for [ "$(date +%s)" -gt "$(date -d "$at" +%s)" ]
	volume_new later >/dev/null
	run -0 covered
	[ "$(sed 's/ *$//' <<<"$output")" = "KIND      NAME     PROTECTED    LAST GOOD            WHY NOT
volume    app      files        $at
volume    cache    no           -                    not taken into the last generation
volume    idle     files        $at
volume    later    no           -                    newer than the last generation
volume    mydata   files        $at  a database without a dump
volume    pgdata   files+dumps  $at
database  wiki-db  no           -                    no row in databases.csv (instance wiki, mariadb)" ]
	# with a row, it is; when that was used, its volume is, too
	baudolo-seed csv wiki wiki root root >/dev/null
	run -0 covered --json
	[ "$(jq -c 'map(select(.kind == "database"))' <<<"$output")" = '[]' ]
	run_it -q
	run -0 covered --json
	[ "$(jq -c 'map([.name, .protected, .reason])' <<<"$output")" = '[["app","files",null],["cache","files",null],["idle","files",null],["later","files",null],["mydata","files+dumps",null],["pgdata","files+dumps",null]]' ]
	# nor is there a row for the other, any more
	sed -i /^shop/d csv
	run -0 covered --json
	[ "$(jq -c 'map(select(.kind == "database") | [.name, .instance, .engine, .reason])' <<<"$output")" = '[["shop-postgres","shop","postgres","no row in databases.csv"]]' ]
	# a dump that fails
	sed -i 's/;root$/;wrong/' csv
	run -1 run_it -q
	run -0 covered --json
	[ "$(jq -c 'map(select(.name == "mydata") | [.protected, .reason])' <<<"$output")" = '[["files","a database without a dump"]]' ]
}
