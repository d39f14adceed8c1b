#!/usr/bin/env bats
# From end to end, with servers that run: what is damaged and copied afresh, what is protected and what is not, what a
# run tells of itself, and what the original's programs make of the generations.

load engine
load tree
load copy
load run
load database

# Volumes and who uses them: app and cache web, shopdata shop-postgres, wikidata wiki-db; idle nobody.
setup_file() {
	ram_engine
	image_postgres
	local d pid
	d=$(volume_new app) && mkdir "$d/d" && head -c 300000 /dev/urandom >"$d/d/f" && ln "$d/d/f" "$d/hard" && echo other >"$d/other" && ln -s other "$d/l"
	d=$(volume_new idle) && echo idle >"$d/f"
	volume_new cache >/dev/null
	container_run web -v app:/app -v cache:/cache
	server_run shop-postgres bd-test/postgres:15 -v shopdata:/var/lib/postgresql/data -e POSTGRES_PASSWORD=pw -e POSTGRES_DB=shop 3>&- &
	pid=$!
	server_run wiki-db bd-test/postgres:15 -v wikidata:/var/lib/postgresql/data -e POSTGRES_PASSWORD=pw -e POSTGRES_DB=wiki \
		-e POSTGRES_INITDB_ARGS=--auth-host=scram-sha-256
	wait "$pid"
	pg shop-postgres <<<"CREATE TABLE goods AS SELECT n FROM generate_series(1, 10000) AS n"
	pg wiki-db <<<"CREATE TABLE pages (name text)"
}

teardown_file() { ram_engine_end; }

setup() {
	ram_work
	baudolo-seed csv shop shop postgres pw >/dev/null
}

teardown() { volume_rm later absent 2>/dev/null || :; }

# web is stopped, the servers are not.
run_it() {
	LD_PRELOAD=${BD_PRELOAD-} baudolo --backups-dir "$B" --state-dir "$S" --databases-csv csv --images-no-stop-required '*/postgres:*' "$@"
}
files_only() { run_it --only-files --volumes-no-backup-required shopdata wikidata "$@"; }
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
	[ "$(cut -f 1,2 "$S/bad$R/app" | uniq -c | tr -s ' ')" = "$(printf ' 3 ./files/%s\t%s\n' d/f "$(inode "$f")" hard "$(inode "$f")")" ]
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
	[ "$(jq -c 'map(select(.kind == "volume") | [.name, .protected, .reason])' <<<"$output")" = '[["app","no","no generation"],["cache","no","no generation"],["idle","no","no generation"],["shopdata","no","no generation"],["wikidata","no","no generation"]]' ]
	run_it -q --volumes-no-backup-required cache
	g=$(basename "$(newest)") at="$(date -d "${g:0:8} ${g:8:2}:${g:10:2}:${g:12:2}" '+%F %T')"
	wait_for [ "$(date +%s)" -gt "$(date -d "$at" +%s)" ]
	volume_new later >/dev/null
	run -0 covered
	[ "$(sed 's/ *$//' <<<"$output")" = "KIND      NAME      PROTECTED    LAST GOOD            WHY NOT
volume    app       files        $at
volume    cache     no           -                    not taken into the last generation
volume    idle      files        $at
volume    later     no           -                    newer than the last generation
volume    shopdata  files+dumps  $at
volume    wikidata  files        $at  a database without a dump
database  wiki-db   no           -                    no row in databases.csv (instance wiki, postgres)" ]
	# with a row, it is; when that was used, its volume is, too
	baudolo-seed csv wiki wiki postgres pw >/dev/null
	run -0 covered --json
	[ "$(jq -c 'map(select(.kind == "database"))' <<<"$output")" = '[]' ]
	run_it -q
	run -0 covered --json
	[ "$(jq -c 'map([.name, .protected, .reason])' <<<"$output")" = '[["app","files",null],["cache","files",null],["idle","files",null],["later","files",null],["shopdata","files+dumps",null],["wikidata","files+dumps",null]]' ]
	# nor is there a row for the other, any more
	sed -i /^shop/d csv
	run -0 covered --json
	[ "$(jq -c 'map(select(.kind == "database") | [.name, .instance, .engine, .reason])' <<<"$output")" = '[["shop-postgres","shop","postgres","no row in databases.csv"]]' ]
	# a dump that fails
	sed -i 's/;pw$/;wrong/' csv
	run -1 run_it -q
	run -0 covered --json
	[[ $(jq -c 'map(select(.name == "wikidata") | [.protected, .reason])' <<<"$output") == '[["files","a database not dumped since '*'"]]' ]]
}


@test "status.json and the metrics tell what the run has done" {
	baudolo-seed csv wiki wiki postgres wrong >/dev/null
	run -1 run_it -q --metrics "$PWD/m.prom"
	v() { jq -c ".volumes.$1" "$S/status.json"; }
	is() { [ "$(jq -c "$1" "$S/status.json")" = "$2" ] || { jq -c "$1" "$S/status.json"; return 1; }; }
	g=$(newest)
	is '[.generation, .last_generation, .status, .last_success]' "[\"${g##*/}\",\"${g##*/}\",1,null]"
	is '.seconds == .ended - .begun and .begun > 1700000000 and .repository == "'"$R"'"' true
	is '.volumes | keys' '["app","cache","idle","shopdata","wikidata"]'
	is '.volumes.app | [.method, .result, .reason, .files_new, .files_linked, .bytes_new, .bytes_linked, .base]' '["stop","ok","needed",4,0,300006,0,null]'
	is '.volumes.idle | [.method, .result, .reason, .files_new, .bytes_new, .downtime]' '["live","ok","idle",1,5,{}]'
	is '.volumes.shopdata | [.method, .reason, .downtime]' '["live","listed",{}]'
	is '[.volumes.app.downtime, .volumes.cache.downtime] | map(.web) | .[0] == .[1] and .[0] > 0' true
	is '.containers.web | [.downtime > 0, .killed, .status]' '[true,false,"started"]'
	is '[.volumes[].seconds | numbers] | length' 5
	is '.volumes.shopdata.dumps["shop.backup.sql"] | [.container, .instance, .database, .engine, .result, .bytes, .reason, .last_bytes, .shrunk]' \
		"[\"shop-postgres\",\"shop\",\"shop\",\"postgres\",\"ok\",$(stat -c %s "$g/shopdata/sql/shop.backup.sql"),null,null,false]"
	is '.volumes.wikidata.dumps["wiki.backup.sql"] | [.result, .bytes, (.reason | test("password authentication failed"))]' '["failed",0,true]'
	is '.volumes | map_values(.last_success != null)' '{"app":true,"cache":true,"idle":true,"shopdata":true,"wikidata":false}'
	figures
	# and of one that shares with the one before
	echo more >"$(volume_path app)/more"
	pg shop-postgres <<<'DELETE FROM goods WHERE n > 100'
	sed -i 's/wrong$/pw/' csv
	run -0 --separate-stderr run_it --metrics "$PWD/m.prom"
	rm "$(volume_path app)/more"
	old=$(stat -c %s "$g/shopdata/sql/shop.backup.sql") new=$(stat -c %s "$(newest)/shopdata/sql/shop.backup.sql")
	[ "$stderr" = "WARNING: the dump shopdata/shop.backup.sql has shrunk from $old to $new bytes" ]
	is .warnings "[\"${stderr#WARNING: }\"]"
	is '.volumes.app | [.files_new, .files_linked, .bytes_new, .bytes_linked, .base]' "[1,4,5,300006,\"${g##*/}\"]"
	is '[.status, .last_success == .ended, .volumes.wikidata.last_success == .ended]' '[0,true,true]'
	is '.volumes.shopdata | .bytes_linked > 1000000 and .bytes_linked + .bytes_new < 200000000' true
	is '.volumes.shopdata.dumps["shop.backup.sql"] | [.last_bytes, .bytes, .shrunk]' "[$old,$new,true]"
	figures
	# one that comes to nothing
	DOCKER_HOST=unix:///nowhere run -3 run_it --metrics "$PWD/m.prom"
	is '[.generation, .status, .last_generation, .volumes.app.result]' "[null,3,\"$(basename "$(newest)")\",\"ok\"]"
	figures
}

# Each figure of status.json that is one for Prometheus is there, and promtool has nothing to say.
figures() {
	local said
	said=$(promtool check metrics <m.prom 2>&1)
	[ -z "$said" ] || { echo "$said"; return 1; }
	jq -r '"baudolo_last_run_timestamp_seconds \(.ended)", "baudolo_last_run_status \(.status)", "baudolo_last_run_duration_seconds \(.seconds)",
		"baudolo_last_run_published \(if .generation then 1 else 0 end)", (.last_success | numbers | "baudolo_last_success_timestamp_seconds \(.)"),
		(.containers | to_entries[] | "baudolo_container_downtime_seconds{container=\"\(.key)\"} \(.value.downtime)"),
		(.volumes | to_entries[] | "{volume=\"\(.key)\"}" as $l | .key as $v | .value |
			"baudolo_volume_ok\($l) 1", "baudolo_volume_duration_seconds\($l) \(.seconds)", "baudolo_volume_new_bytes\($l) \(.bytes_new)",
			"baudolo_volume_linked_bytes\($l) \(.bytes_linked)", "baudolo_volume_new_files\($l) \(.files_new)", "baudolo_volume_linked_files\($l) \(.files_linked)",
			"baudolo_volume_downtime_seconds\($l) \(.downtime.web // 0)", (.last_success | numbers | "baudolo_volume_last_success_timestamp_seconds\($l) \(.)"),
			(.dumps | to_entries[] | "{volume=\"\($v)\",dump=\"\(.key)\"}" as $l | .value |
				"baudolo_dump_ok\($l) \(if .result == "ok" then 1 else 0 end)", "baudolo_dump_shrunk\($l) \(if .shrunk then 1 else 0 end)",
				(select(.result == "ok") | "baudolo_dump_size_bytes\($l) \(.bytes)")))' "$S/status.json" >expected
	[ "$(wc -l <expected)" -gt 30 ]
	bd_diff "$(sort expected)" "$(grep -v '^#' m.prom | sort)"
}

# As the original's validator: 0 only if the names are those of the stamp, and UTF-8, all of them.
validator() (
	set -o pipefail
	cd "$1"
	names=$(find . -mindepth 1 ! -path ./directory_stemp.json -printf '%P\0' | LC_ALL=C sort -z | tr -d '\0' | iconv -f UTF-8 -t UTF-8 | sha256sum) &&
		[ "$(jq -er .hash directory_stemp.json)" = "${names%% *}" ]
)

# As the original's cleaner: walks three levels deep, crashes on a file there, and deletes what the validator does not accept,
# but never what has no stamp. What it would delete, and how many it has looked at.
cleaner() (
	shopt -s nullglob dotglob
	seen=0
	for d in "$B" "$B"/* "$B"/*/* "$B"/*/*/*; do [ -d "$d" ] || { echo "$d: crash"; exit 1; }; done
	for d in "$B"/*/*/*; do
		[ -e "$d/directory_stemp.json" ] || continue
		seen=$((seen + 1))
		validator "$d" || echo "$d"
	done
	echo "$seen"
)

@test "the original's validator accepts every generation with UTF-8 names, its cleaner deletes none" {
	d=$(volume_new later)
	mkdir -p "$d/a" "$d/a-b" "$d/a b" "$d"/$'dir\n/\t' && : >"$d/a/ä" && : >"$d/a-b/漢字" && : >"$d/a b/\\" && : >"$d"/$'dir\n/\t/\x01\x7f'
	: >"$d/directory_stemp.json" && : >"$d/-rf" && : >"$d/*" && ln -s /nowhere "$d/💾" && mkdir "$d/a/empty"
	run_it -q
	[ "$(cleaner)" = 1 ]
	# of a volume that failed, and without a stamp for a name that is not UTF-8
	docker volume create --label "bd-test=$(bd_file)" -d local -o type=tmpfs -o device=tmpfs absent >/dev/null
	run -1 files_only -q
	[ "$(jq -c .failed "$(newest)/manifest.json")" = '["absent"]' ]
	[ "$(cleaner)" = 2 ]
	volume_rm absent
	: >"$d"/$'\xff'
	run -0 files_only
	[[ $output == *'WARNING: no directory_stemp.json is written: '* ]]
	[ "$(cleaner)" = 2 ]
	rm "$d"/$'\xff'
	# killed with all that it has started right before it appears, and what the next one does then
	cp -a "$BAUDOLO_BIN" bin
	printf '#!/bin/sh\nkill -KILL 0\n' >bin/bd-publish.new && chmod +x bin/bd-publish.new && mv bin/bd-publish.new bin/bd-publish
	run -137 setsid -w bin/baudolo -q --backups-dir "$B" --state-dir "$S" --only-files --volumes-no-backup-required shopdata wikidata --images-no-stop-required '*/*'
	[ "$(ls "$B/.baudolo/partial" | wc -l)" = 1 ]
	[ "$(cleaner)" = 3 ]
	files_only -q
	[ "$(cleaner)" = 3 ]
	baudolo-prune --backups-dir "$B" --state-dir "$S" --keep-last 2
	[ "$(cleaner)" -ge 1 ]
	run -0 --separate-stderr verify
	[ -z "$stderr" ]
	# it is strict
	g=$(newest)
	: >"$g/app/files/new"
	[ "$(cleaner | head -n 1)" = "$g" ]
	: >"$B/$H/file"
	run -1 cleaner
}
