#!/usr/bin/env bats
# bd-volumes, and what lib/docker.c does for every program

load engine
load fake

setup_file() {
	engine_start own
	mkdir "$BATS_FILE_TMPDIR/bound"
	volume_new plain
	volume_new Upper
	volume_new tmp -o type=tmpfs -o device=tmpfs -o o=size=1m
	volume_new bound -o type=none -o o=bind -o device="$BATS_FILE_TMPDIR/bound"
	volume_new secret -o type=nfs -o o=addr=192.0.2.1,password=hunter2 -o device=:/x
	container_run user -v tmp:/t -v bound:/b
}

teardown_file() { engine_stop own; }
setup() { cd "$BATS_TEST_TMPDIR"; }
teardown() {
	fake_stop
	untap_tcp
	[ -z "${BD_TAP_PID-}" ] || kill "$BD_TAP_PID" 2>/dev/null || : # of a test that failed
}

# Of all volumes: column N...
columns() { bd-volumes | cut -f "$1"; }

@test "one record each, sorted, with driver and backing" {
	run -0 columns 1,2,4
	[ "$output" = "$(printf '%s\tlocal\t%s\n' Upper plain bound mounted plain plain secret unmounted tmp mounted)" ]
}

@test "mountpoint and creation are the daemon's" {
	bd-volumes | while IFS=$'\t' read -r name _ mountpoint _ created; do
		[ "$mountpoint" = "$(volume_path "$name")" ]
		[ "$created" = "$(docker volume inspect -f '{{.CreatedAt}}' "$name")" ]
	done
}

@test "a volume is unmounted once its last user stops, and mounted again with it" {
	docker stop user
	run -0 columns 1,4
	[[ $output == *$'bound\tunmounted'*$'tmp\tunmounted' ]]
	docker start user
	run -0 columns 1,4
	[[ $output == *$'bound\tmounted'*$'tmp\tmounted' ]]
}

@test "option values are not shown" {
	run -0 bd-volumes
	[[ $output != *hunter2* && $output != *192.0.2.1* ]]
}

@test "named volumes only, each once; unknown ones are named" {
	run -0 bd-volumes tmp plain tmp
	[ "$(cut -f 1,4 <<<"$output")" = $'plain\tplain\ntmp\tmounted' ]
	for name in nope '' .. ../volumes 'plain?x=' $'a\tb' -; do
		run -1 --separate-stderr bd-volumes "$name" plain
		[ "$(cut -f 1 <<<"$output")" = plain ]
		[[ $stderr == 'bd-volumes: '*"${name%/*}"* ]]
	done
}

@test "no volumes, no records" {
	fake_start
	for list in null '[]'; do
		fake_says /volumes <<<"{\"Volumes\": $list, \"Warnings\": null}"
		run -0 bd-volumes
		[ -z "$output" ]
	done
}

@test "what the daemon warns of is a failure" {
	fake_start
	fake_says /volumes <<-'E'
		{"Volumes": [{"Name": "v", "Driver": "local", "Mountpoint": "/v", "CreatedAt": "2026-01-01T00:00:00Z"}],
		 "Warnings": ["list slow: context deadline exceeded", "tab\there"]}
	E
	run -1 --separate-stderr bd-volumes
	[ "$output" = $'v\tlocal\t/v\tplain\t2026-01-01T00:00:00Z' ]
	[ "$stderr" = $'bd-volumes: list slow: context deadline exceeded\nbd-volumes: tab\there' ]
}

@test "backings that this engine cannot make" {
	fake_start
	fake_says /volumes <<-'E'
		{"Volumes": [
		 {"Name": "a", "Driver": "rexray", "Mountpoint": "", "Options": {"o": "x"}},
		 {"Name": "b", "Driver": "local", "Mountpoint": "/proc", "Options": {"size": "1g"}},
		 {"Name": "c", "Driver": "local", "Mountpoint": "/proc", "Options": {"size": "1g", "type": "x"}},
		 {"Name": "d", "Driver": "local", "Mountpoint": "/proc/self", "Options": {"device": "x"}},
		 {"Name": "e\tf\n\\g", "Driver": "local", "Mountpoint": "/a\rb", "Options": {}}]}
	E
	run -0 bd-volumes
	[ "${lines[0]}" = $'a\trexray\t-\tforeign\t-' ]
	[ "${lines[1]}" = $'b\tlocal\t/proc\tplain\t-' ]
	[ "${lines[2]}" = $'c\tlocal\t/proc\tmounted\t-' ]
	[ "${lines[3]}" = $'d\tlocal\t/proc/self\tunmounted\t-' ]
	[ "${lines[4]}" = $'e\\tf\\n\\\\g\tlocal\t/a\\rb\tplain\t-' ]
}

@test "a mountpoint that cannot be looked at is named" {
	fake_start
	: >file
	fake_says /volumes <<-E
		{"Volumes": [{"Name": "v", "Driver": "local", "Mountpoint": "$PWD/file/x", "Options": {"type": "x"}}]}
	E
	run -1 --separate-stderr bd-volumes
	[ "$output" = $'v\tlocal\t'"$PWD/file/x"$'\tunmounted\t-' ]
	[ "$stderr" = "bd-volumes: $PWD/file/x: Not a directory" ]
}

@test "500 volumes cost what 5 cost" {
	engine_tap
	bd-volumes
	engine_untap >few
	[ "$(cat few)" = $'GET /_ping\nGET /volumes' ]
	docker create --label "bd-test=$(bd_file)" --name many --network none $(seq 500 | sed 's,.*,-v many&:/m&,') "$BD_IMAGE" sh
	engine_tap
	run -0 bd-volumes
	[ "${#lines[@]}" = 505 ]
	engine_untap >many
	cmp few many
	docker rm many
	volume_rm many{1..500}
}

@test "one connection serves all requests" {
	tap_tcp
	DOCKER_HOST=tcp://127.0.0.1:$TAP_PORT run -0 bd-volumes plain tmp bound
	[ "$(grep -c 'accepting connection' tap.log)" = 1 ]
}

@test "the version is the smaller of the daemon's and ours" {
	fake_start
	fake_says /volumes <<<'{"Volumes": []}'
	for pair in 1.41:1.41 1.24:1.24 1.44:1.44 1.52:1.44 2.0:1.44; do
		fake_version "${pair%:*}"
		run -0 bd-volumes
		[ "$(fake_asked | tail -n 1)" = "GET /v${pair#*:}/volumes" ]
	done
	fake_version
	run -3 bd-volumes
	[[ $output == "bd-volumes: ${DOCKER_HOST#unix://}: does not speak the Docker Engine API"* ]]
}

@test "a dead socket is named, with the reason" {
	DOCKER_HOST=unix://$PWD/none run -3 bd-volumes
	[ "$output" = "bd-volumes: $PWD/none: No such file or directory" ]
	fake_start
	kill -9 "$FAKE_PID" # or it would remove its socket
	wait "$FAKE_PID" || FAKE_PID=
	run -3 bd-volumes
	[ "$output" = "bd-volumes: $FAKE/sock: Connection refused" ]
	DOCKER_HOST=tcp://127.0.0.1:1 run -3 bd-volumes
	[ "$output" = 'bd-volumes: 127.0.0.1:1: Connection refused' ]
}

@test "a DOCKER_HOST we do not speak is refused" {
	for host in ssh://host unix:// tcp:// tcp://host/path tcp://user@host http://host /var/run/docker.sock; do
		DOCKER_HOST=$host run -3 bd-volumes
		[ "$output" = "bd-volumes: DOCKER_HOST must be unix://PATH or tcp://HOST:PORT, not '$host'" ]
	done
}

@test "what the daemon refuses is told in its words" {
	fake_start
	fake_says /volumes '500 Internal Server Error' <<<'{"message": "disk on fire"}'
	run -3 bd-volumes
	[ "$output" = 'bd-volumes: GET /volumes: disk on fire' ]
	fake_says /volumes '503 Busy' <<<'try later'
	run -3 bd-volumes
	[ "$output" = 'bd-volumes: GET /volumes: try later' ]
	fake_says /volumes '404 Not Found' <<<'{"message": "page not found"}'
	run -3 bd-volumes
	[ "$output" = 'bd-volumes: GET /volumes: page not found' ]
	fake_says /volumes '302 Found' </dev/null
	run -3 bd-volumes
	[ "$output" = 'bd-volumes: GET /volumes: HTTP status 302' ]
}

@test "one volume that the daemon fails to tell of costs one volume" {
	fake_start
	fake_says /volumes/bad '500 Internal Server Error' <<<'{"message": "no such driver"}'
	fake_says /volumes/good <<<'{"Name": "good", "Driver": "local", "Mountpoint": "/good"}'
	run -1 --separate-stderr bd-volumes bad good
	[ "$output" = $'good\tlocal\t/good\tplain\t-' ]
	[ "$stderr" = 'bd-volumes: GET /volumes/bad: no such driver' ]
}

@test "an answer that makes no sense is none" {
	fake_start
	for answer in '' '{' '{}' '[]' '"x"' '{"Volumes": [{}]}' '{"Volumes": [{"Name": "a\u0000b"}]}' '{"Volumes": {"a": 1}}'; do
		printf %s "$answer" | fake_says /volumes
		run -3 --separate-stderr bd-volumes
		[ -z "$output" ]
		[[ $stderr == *bd-volumes:*/volumes* ]]
	done
}

@test "without jq" {
	mkdir bin
	ln -s "$(command -v bd-volumes)" bin/
	PATH=$PWD/bin run -3 bd-volumes
	[[ $output == 'bd-volumes: jq: No such file or directory'* ]]
}

@test "tcp, with TLS and both certificates checked" {
	mkdir ca other
	key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
	for d in ca other; do
		openssl req -x509 "${key[@]}" -keyout $d/cakey.pem -out $d/ca.pem -subj /CN=ca
		openssl req "${key[@]}" -keyout $d/key.pem -subj /CN=localhost |
			openssl x509 -req -CA $d/ca.pem -CAkey $d/cakey.pem -CAcreateserial -out $d/cert.pem \
				-extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1)
	done 2>/dev/null
	tap_tcp "OPENSSL-LISTEN:0,bind=127.0.0.1,cert=ca/cert.pem,key=ca/key.pem,cafile=ca/ca.pem,verify=1"
	export DOCKER_HOST=tcp://localhost:$TAP_PORT
	DOCKER_CERT_PATH=$PWD/ca run -0 bd-volumes plain
	[[ $output == plain$'\t'* ]]
	mkdir -p home
	ln -s ../ca home/.docker
	HOME=$PWD/home DOCKER_TLS_VERIFY=1 run -0 bd-volumes plain
	# a daemon of another authority, a missing certificate, no TLS
	cp other/ca.pem wrong.pem
	cp -r ca mixed
	cp wrong.pem mixed/ca.pem
	DOCKER_CERT_PATH=$PWD/mixed run -3 bd-volumes plain
	[[ $output == "bd-volumes: localhost:$TAP_PORT: GET /_ping: "*certificate* ]]
	DOCKER_CERT_PATH=$PWD/other run -3 bd-volumes plain
	DOCKER_CERT_PATH=$PWD/none run -3 bd-volumes plain
	run -3 bd-volumes plain
}

@test "no proxy is asked" {
	http_proxy=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1 run -0 bd-volumes plain
	tap_tcp
	DOCKER_HOST=tcp://127.0.0.1:$TAP_PORT http_proxy=http://127.0.0.1:1 run -0 bd-volumes plain
}

@test "a full disk is no success" {
	run -3 sh -c 'bd-volumes >/dev/full'
	[ "$output" = 'bd-volumes: stdout: No space left on device' ]
}

@test "wrong usage, and the version" {
	run -2 bd-volumes -z
	[[ $output == *usage:* ]]
	run -0 bd-volumes -V
	[ "$output" = "bd-volumes $(cat "$BD_ROOT/VERSION")" ]
}

@test "the examples of the page" {
	run -0 examples bd-volumes.1
	[ "$output" = secret ]
}
