#!/usr/bin/env bats
# bd-status, and what baudolo makes of it

load engine
load fake

setup() {
	cd "$BATS_TEST_TMPDIR"
	umask 022
	: >plan && : >results && : >stops && : >dumps && : >stamp
}

teardown() { fake_stop; }

rows() { printf '%b\n' "$@"; }

status() { bd-status -m out.prom "$@" status.json /b/h/r 1000 1100 "${code-0}" plan results stops dumps stamp; }

# A run with everything in it. dump_size: of the dump
everything() {
	rows 'app\tstop\t1\tneeded\t/a\tweb' 'idle\tlive\t-\tidle\t/i\t-' 'bad\tfail\t-\tunmounted\t/b\t-' 'cache\tskip\t-\tignored\t/c\tredis' \
		'db\tlive\t-\tlisted\t/d\tpg' 'read\tlive\t-\tidle\t/r\t-' >plan
	rows 'app\tok\t90\t10\t5000\t1.500\t20260101000000\t-\t45000' 'idle\tvanished\t1\t2\t3\t0.004\t-\t-\t1' 'bad\tfailed\t0\t0\t0\t0.000\t-\tunmounted\t0' \
		'db\tok\t9\t1\t50\t0.1\t-\t-\t450' 'read\tok\t9\t1\t50\t0.1\t-\t-\t450' >results
	rows 'container\tweb\t-\t1.230\tno\tstarted' 'busy\tother\tapp\t-\t-\t-' >stops
	rows "db\tpg\tapp\tshop\tpostgres\tyes\tok\t${dump_size-1000}\t0.5\tdb/sql/shop.backup.sql\t-" 'db\tpg\tapp\tx\tpostgres\tyes\tfailed\t0\t0.1\t-\tit\\nbroke' \
		'only\tmy\ti\t*\tmariadb\tyes\tok\t7\t0.2\tonly/sql/i.cluster.backup.sql\t-' 'app\tlone\tl\t-\tpostgres\tno\tnone\t0\t0\t-\t-' >dumps
	rows 'app\tok\tno\tno\t-' 'idle\tok\tno\tno\t-' 'bad\tfailed\tno\tno\t-' 'db\tok\tyes\tno\tpostgres' 'only\tok\tyes\tyes\tmariadb' 'read\tfailed\tno\tno\t-' >stamp
}

@test "volumes, dumps, containers" {
	everything
	code=1
	run -0 status -g 20260102000000
	[ -z "$output" ]
	v() { jq -c ".volumes.$1" status.json; }
	[ "$(jq -c 'del(.volumes, .containers, .version)' status.json)" = '{"schema":1,"repository":"/b/h/r","generation":"20260102000000","begun":1000,"ended":1100,"seconds":100,"status":1,"last_success":null,"last_generation":"20260102000000","warnings":[]}' ]
	[ "$(v app)" = '{"method":"stop","result":"ok","reason":"needed","seconds":1.5,"files_new":10,"files_linked":90,"bytes_new":5000,"bytes_linked":45000,"base":"20260101000000","downtime":{"web":1.23},"dumps":{},"dump_bytes":{},"last_success":1100}' ]
	[ "$(v idle.result)" = '"ok"' ]
	[ "$(v bad | jq -c '[.result, .reason, .last_success]')" = '["failed","unmounted",null]' ]
	[ "$(v read | jq -c '[.result, .reason]')" = '["failed","its copy could not be read back"]' ]
	[ "$(v cache | jq -c '[.method, .result, .reason, .seconds]')" = '["skip","skipped","ignored",null]' ]
	[ "$(v only | jq -c '[.method, .result, .last_success, (.dumps | keys[])]')" = '["dump","ok",1100,"i.cluster.backup.sql"]' ]
	[ "$(v db | jq -c '[.result, .last_success]')" = '["ok",null]' ]
	[ "$(v db.dumps | jq -c '.["shop.backup.sql"]')" = '{"container":"pg","instance":"app","database":"shop","engine":"postgres","result":"ok","bytes":1000,"seconds":0.5,"reason":null,"last_bytes":null,"shrunk":false}' ]
	[ "$(v db.dump_bytes)" = '{"shop.backup.sql":1000}' ]
	[ "$(v db.dumps | jq -c '.["x.backup.sql"] | [.result, .reason]')" = '["failed","it\nbroke"]' ]
	[ "$(jq -c .containers status.json)" = '{"web":{"downtime":1.23,"killed":false,"status":"started"}}' ]
	[ "$(stat -c %a status.json out.prom)" = $'644\n644' ]
	[ -z "$(ls -A | grep tmp)" ]
}

@test "figures that promtool accepts" {
	everything
	code=1 status -g 20260102000000
	promtool check metrics <out.prom
	for line in 'baudolo_last_run_timestamp_seconds 1100' 'baudolo_last_run_status 1' 'baudolo_last_run_duration_seconds 100' 'baudolo_last_run_published 1' \
		'baudolo_volume_ok{volume="app"} 1' 'baudolo_volume_ok{volume="bad"} 0' 'baudolo_volume_ok{volume="cache"} 1' 'baudolo_volume_new_bytes{volume="app"} 5000' 'baudolo_volume_linked_bytes{volume="app"} 45000' \
		'baudolo_volume_last_success_timestamp_seconds{volume="app"} 1100' 'baudolo_container_downtime_seconds{container="web"} 1.23' \
		'baudolo_volume_downtime_seconds{volume="app"} 1.23' 'baudolo_volume_downtime_seconds{volume="db"} 0' 'baudolo_volume_duration_seconds{volume="app"} 1.5' \
		'baudolo_dump_ok{volume="db",dump="shop.backup.sql"} 1' 'baudolo_dump_ok{volume="db",dump="x.backup.sql"} 0' \
		'baudolo_dump_size_bytes{volume="db",dump="shop.backup.sql"} 1000' 'baudolo_dump_shrunk{volume="db",dump="shop.backup.sql"} 0'; do
		grep -Fx "$line" out.prom
	done
	! grep -q 'last_success_timestamp_seconds{volume="bad"}\|baudolo_last_success' out.prom || false
	# of nothing, too
	rm status.json
	: >plan && : >results && : >stops && : >dumps && : >stamp
	status
	promtool check metrics <out.prom
	grep -Fx 'baudolo_last_success_timestamp_seconds 1100' out.prom
}

@test "a dump that shrank to less than half is a warning in both" {
	everything
	status -g 20260102000000
	dump_size=500 everything
	run -0 status -g 20260103000000
	[ -z "$output" ]
	dump_size=249 everything
	run -0 status -g 20260104000000
	[ "$output" = 'the dump db/shop.backup.sql has shrunk from 500 to 249 bytes' ]
	[ "$(jq -r '.warnings[]' status.json)" = "$output" ]
	grep -Fx 'baudolo_dump_shrunk{volume="db",dump="shop.backup.sql"} 1' out.prom
	# a failure in between is not the last one
	dump_size=1000 everything
	status -g 20260105000000
	sed -i 's/\tok\t1000\t/\tfailed\t0\t/' dumps
	run -0 status -g 20260106000000
	[ -z "$output" ]
	dump_size=499 everything
	run -0 status -g 20260107000000
	[ "$output" = 'the dump db/shop.backup.sql has shrunk from 1000 to 499 bytes' ]
}

@test "a run without dumps forgets none of their sizes" {
	everything
	status -g 20260102000000
	: >dumps
	status -g 20260103000000
	[ "$(jq -c '.volumes.db | [.dumps, .dump_bytes]' status.json)" = '[{},{"shop.backup.sql":1000}]' ]
	run -0 status
	bd-status status.json /b/h/r 3000 3100 3 /dev/null /dev/null /dev/null /dev/null /dev/null
	dump_size=10 everything
	run -0 status -g 20260104000000
	[ "$output" = 'the dump db/shop.backup.sql has shrunk from 1000 to 10 bytes' ]
	grep -Fx 'baudolo_dump_shrunk{volume="db",dump="shop.backup.sql"} 1' out.prom
}

@test "a container that is still down has no downtime yet" {
	everything
	rows 'container\tweb\t-\t-\tno\tstopped' 'container\tpg\t-\t2.5\tno\tstarted' >stops
	sed -i 's/\tweb$/\tweb pg/; /^db/s/pg$/pg gone/' plan
	status -g 20260102000000
	promtool check metrics <out.prom
	[ "$(jq -c '[.volumes[].downtime, .containers.web.downtime]' status.json)" = '[{"web":null,"pg":2.5},{},{},{},{"pg":2.5},{},{},null]' ]
	[ "$(grep -c '^baudolo_volume_downtime_seconds' out.prom)" = 6 ]
	! grep 'downtime.*"app"\|downtime.*"web"' out.prom || false
	grep -Fx 'baudolo_volume_downtime_seconds{volume="db"} 2.5' out.prom
	# nor after a run that came to nothing
	bd-status -m out.prom status.json /b/h/r 3000 3100 3 /dev/null /dev/null /dev/null /dev/null /dev/null
	[ "$(grep -c '^baudolo_volume_downtime_seconds' out.prom)" = 6 ]
	! grep 'downtime.*"app"' out.prom || false
}

@test "what is of a wrong type in the status before is as if not there, even if nothing came of the run" {
	none() { bd-status -m out.prom status.json /b/h/r 3000 3100 3 /dev/null /dev/null /dev/null /dev/null /dev/null; }
	for was in '"last_success": "a b"' '"seconds": [1]' '"bytes_new": "1\n2"' '"downtime": {"x": "y"}' '"downtime": [1]' '"dumps": {"d": 1}' \
		'"dumps": [{"bytes": 1}]' '"files_new": {}' '"bytes_linked": true' '"dump_bytes": {"d": "x"}' '"result": []' '"result": {"ok": 1}'; do
		printf '{"volumes": {"v": {%s}, "w": 1, "x": null}, "last_success": "1 2", "last_generation": 1}' "$was" >status.json
		none
		promtool check metrics <out.prom
		[ "$(grep -v '^#' out.prom | grep -v '^baudolo_last_run_')" = $'baudolo_volume_ok{volume="v"} 0\nbaudolo_volume_downtime_seconds{volume="v"} 0' ] ||
			{ echo "$was"; cat out.prom; false; }
		[ "$(jq -c '[.last_success, .last_generation, (.volumes.v | .last_success, .seconds, .bytes_new, .files_new, .result)]' status.json)" = \
			'[null,null,null,null,null,null,null]' ]
	done
	printf '{"volumes": {"v": {"dumps": {"d": {"result": "ok", "bytes": "1 2", "shrunk": "yes"}}, "result": "ok", "seconds": 2}}}' >status.json
	none
	promtool check metrics <out.prom
	for line in 'baudolo_volume_ok{volume="v"} 1' 'baudolo_volume_duration_seconds{volume="v"} 2' 'baudolo_dump_ok{volume="v",dump="d"} 1' \
		'baudolo_dump_shrunk{volume="v",dump="d"} 0'; do grep -Fx "$line" out.prom; done
	! grep dump_size out.prom || false
	# what is right is all kept
	everything
	status -g 20260102000000
	before=$(jq .volumes status.json)
	none
	[ "$(jq .volumes status.json)" = "$before" ]
}

@test "figures that cannot be written: the status tells" {
	everything
	status -g 20260101000000
	mkdir folder
	for metrics in missing/m status.json/m folder folder/; do
		run -1 bd-status -m $metrics -g 20260102000000 status.json /b/h/r 1000 2000 0 plan results stops dumps stamp
		[[ $output == "bd-status: ${metrics%/}"* ]]
		[ "$(jq -c '[.status, .generation, .ended, .last_success]' status.json)" = '[1,"20260102000000",2000,1100]' ]
	done
	run -1 bd-status -m missing/m status.json /b/h/r 1000 2000 3 plan results stops dumps stamp
	[ "$(jq -c .status status.json)" = 3 ]
	mkdir bin && printf '#!/bin/sh\ncase $2 in "def escaped"*) exit 5 ;; esac\nexec %s "$@"\n' "$(command -v jq)" >bin/jq && chmod +x bin/jq
	PATH=$PWD/bin:$PATH run -1 bd-status -m out.prom status.json /b/h/r 1000 2000 0 plan results stops dumps stamp
	[ "$(jq -c '[.status, .last_success]' status.json)" = '[1,1100]' ]
	rm -r bin
	dump_size=1 everything
	run -1 bd-status -m missing/m -g 20260102000000 status.json /b/h/r 1000 2000 0 plan results stops dumps stamp
	[[ $output == *'the dump db/shop.backup.sql has shrunk '* ]]
}

@test "success of old is remembered, volumes that are no more are not; a run that came to nothing changes nothing else" {
	everything
	status -g 20260102000000
	sed -i 's/^app\tok/app\tfailed/' results && sed -i 's/^app\tok/app\tfailed/' stamp && sed -i /^idle/d plan results stamp
	code=1
	bd-status status.json /b/h/r 2000 2100 1 plan results stops dumps stamp
	bd-status -g 20260103000000 status.json /b/h/r 2000 2100 1 plan results stops dumps stamp
	[ "$(jq -c '[.last_success, .volumes.app.last_success, .volumes.idle, .volumes.only.last_success]' status.json)" = '[1100,1100,null,2100]' ]
	before=$(jq -c .volumes status.json)
	run -0 bd-status status.json /b/h/r 3000 3100 3 /dev/null /dev/null /dev/null /dev/null /dev/null
	[ "$(jq -c .volumes status.json)" = "$before" ]
	[ "$(jq -c '[.generation, .last_generation, .status, .last_success]' status.json)" = '[null,"20260103000000",3,1100]' ]
}

@test "a status before that cannot be understood" {
	everything
	status -g 20260102000000
	good=$(jq -S 'del(.volumes[].last_success)' status.json)
	for was in '' '{' '[]' 'null' '{"volumes": []}' '{"volumes": {"app": 1}}' '{"volumes": {"db": {"dumps": 1, "last_success": "x"}}}' \
		'{"volumes": {"db": {"dump_bytes": {"shop.backup.sql": "x"}}}, "last_success": {}, "last_generation": 1}' "$(head -c 5000 /dev/urandom | tr -d '\0')"; do
		printf %s "$was" >status.json
		run -0 status -g 20260102000000
		[ "$(jq -S 'del(.volumes[].last_success)' status.json)" = "$good" ]
	done
	rm status.json && ln -s /etc/passwd status.json
	status -g 20260102000000
	[ ! -L status.json ]
	grep -q '^root:' /etc/passwd
}

@test "hostile names" {
	name='a\tb\nc\\d"e{}'
	printf '%s\tlive\t-\tidle\t/x\t-\n' "$name" -r $'\xff' >plan
	printf '%s\tok\t1\t1\t1\t1.000\t-\t-\t1\n' "$name" -r >results
	printf '%s\tok\tno\tno\t-\n' "$name" -r >stamp
	run -0 status -g 20260101000000
	[ "$(jq -c '.volumes | keys' status.json)" = '["-r","a\tb\nc\\d\"e{}","'$'\xef\xbf\xbd''"]' ]
	promtool check metrics <out.prom
	grep -Fq 'baudolo_volume_new_bytes{volume="a'$'\t''b\nc\\d\"e{}"} 1' out.prom
}

@test "whole or not at all" {
	everything
	status -g 20260102000000
	a=$(cat status.json) b=$(cat out.prom)
	for inject in fsync:error=EIO renameat:error=EIO fsync:signal=KILL renameat:signal=KILL write:signal=KILL:when=1; do
		dump_size=77 everything
		run strace -qq -o /dev/null -e trace="${inject%%:*}" -e inject="$inject" bd-status -m out.prom -g 20260103000000 status.json /b 1 2 0 plan results stops dumps stamp
		[ "$status" = 3 ] || [ "$status" = 137 ]
		[ "$(cat status.json)" = "$a" ]
		[ "$(cat out.prom)" = "$b" ]
	done
	mkdir bin && printf '#!/bin/sh\necho half\nexit 5\n' >bin/jq && chmod +x bin/jq
	PATH=$PWD/bin:$PATH run -3 bd-status -g 20260103000000 status.json /b 1 2 0 plan results stops dumps stamp
	[ "$output" = 'bd-status: status.json: jq ended with status 5' ]
	[ "$(cat status.json)" = "$a" ]
}

@test "malformed input and wrong usage" {
	for f in plan results stops dumps stamp; do
		echo x >$f
		run -2 status
		[[ $output == "bd-status: $f:1: 1 fields, expected "* ]]
		: >$f
	done
	[ ! -e status.json ]
	[ ! -e out.prom ]
	for args in '' 'a b c' 'status.json /b x 2 0 plan results stops dumps stamp' 'status.json /b 1 2 256 plan results stops dumps stamp' \
		'-x status.json /b 1 2 0 plan results stops dumps stamp' 'status.json /b 1 2 0 plan results stops dumps'; do
		# shellcheck disable=SC2086 # several
		run -2 bd-status $args
	done
	run -3 bd-status missing/status.json /b 1 2 0 plan results stops dumps stamp
	run -3 bd-status status.json /b 1 2 0 missing results stops dumps stamp
	run -0 bd-status -V
	examples bd-status.1
}

@test "baudolo writes it, whatever becomes of the run" {
	fake_start
	mkdir v s && echo x >v/f
	fake_says '/containers/json?all=1' <<<'[]'
	fake_says /volumes <<<"{\"Volumes\": [{\"Name\": \"v\", \"Driver\": \"local\", \"Mountpoint\": \"$PWD/v\"}]}"
	run -0 baudolo --backups-dir "$PWD/b" --state-dir "$PWD/s" --only-files --metrics "$PWD/m.prom"
	promtool check metrics <m.prom
	grep -Fx 'baudolo_volume_ok{volume="v"} 1' m.prom
	g=$(ls b/[0-9a-f]*/backup-docker-to-local)
	[ "$(jq -c '[.generation, .status, .volumes.v.result, .volumes.v.files_new]' s/status.json)" = "[\"$g\",0,\"ok\",1]" ]
	[ "$(jq -r .repository s/status.json)" = "$PWD/b/$(bd-machine-hash)/backup-docker-to-local" ]
	# one failed
	fake_says /volumes <<<"{\"Volumes\": [{\"Name\": \"v\", \"Driver\": \"local\", \"Mountpoint\": \"$PWD/v\"}, {\"Name\": \"w\", \"Driver\": \"local\", \"Mountpoint\": \"$PWD/missing\"}]}"
	run -1 baudolo --backups-dir "$PWD/b" --state-dir "$PWD/s" --only-files --metrics "$PWD/m.prom"
	[ "$(jq -c '[.status, .volumes.v.result, .volumes.w.result]' s/status.json)" = '[1,"ok","failed"]' ]
	grep -Fx 'baudolo_volume_ok{volume="w"} 0' m.prom
	# nothing came of it
	fake_stop
	run -3 baudolo --backups-dir "$PWD/b" --state-dir "$PWD/s" --only-files --metrics "$PWD/m.prom"
	[ "$(jq -c '[.generation, .status, .volumes.v.result]' s/status.json)" = '[null,3,"ok"]' ]
	grep -Fx 'baudolo_last_run_status 3' m.prom
	# it could not be written: the generation is there, and the run has failed
	fake_start
	fake_says '/containers/json?all=1' <<<'[]'
	fake_says /volumes <<<"{\"Volumes\": [{\"Name\": \"v\", \"Driver\": \"local\", \"Mountpoint\": \"$PWD/v\"}]}"
	run -1 baudolo --backups-dir "$PWD/b" --state-dir "$PWD/s" --only-files --metrics "$PWD/missing/m.prom"
	[[ $output == *"ERROR: the metrics of the run could not be written to $PWD/missing/m.prom." ]]
	[[ $output != *'the status of'* ]]
	[ "$(jq -c '[.status, .generation != null]' s/status.json)" = '[1,true]' ] # its own is there
	rm s/status.json && mkdir s/status.json
	run -1 baudolo --backups-dir "$PWD/b" --state-dir "$PWD/s" --only-files
	[[ $output == *'ERROR: the status of the run could not be written.' ]]
	rmdir s/status.json
	run -1 baudolo --backups-dir "$PWD/b" --state-dir "$PWD/s" --only-files --metrics "$PWD/missing/m.prom"
	before=$(cat s/status.json)
	run -0 baudolo -n --backups-dir "$PWD/b" --state-dir "$PWD/s" --only-files --metrics "$PWD/m.prom"
	[ "$(cat s/status.json)" = "$before" ]
}

@test "baudolo goes on with what a dead baudolo-prune has left" {
	fake_start
	fake_says '/containers/json?all=1' <<<'[]'
	fake_says /volumes <<<'{"Volumes": []}'
	h=$(bd-machine-hash)
	mkdir -p "b/.baudolo/removed/$h.backup-docker-to-local.20260101000000/v/files" "b/.baudolo/removed/other.r.20260101000000"
	run -0 baudolo --backups-dir "$PWD/b" --state-dir "$PWD/s" --only-files
	[ "$(ls b/.baudolo/removed)" = other.r.20260101000000 ]
}
