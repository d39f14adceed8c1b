#!/usr/bin/env bats
# bd-mounts

load engine
load fake

setup_file() {
	engine_start own
	volume_new data
	volume_new config
	image_new postgres:16
	IMAGE=postgres:16 container_run db -v data:/var/lib/postgresql/data -v config:/etc/pg:ro
	container_run app -v data:/data -v /tmp:/bound --network container:db
	container_run lonely
	docker create --label "bd-test=$(bd_file)" --name cold -v config:/c --network none "$BD_IMAGE" sh >/dev/null
	docker create --label "bd-test=$(bd_file)" --name byid --network none "$(docker image inspect -f '{{.Id}}' "$BD_IMAGE")" sh >/dev/null
}

teardown_file() { engine_stop own; }
setup() { cd "$BATS_TEST_TMPDIR"; }
teardown() {
	fake_stop
	[ -z "${BD_TAP_PID-}" ] || kill "$BD_TAP_PID" 2>/dev/null || : # of a test that failed
}

columns() { bd-mounts | cut -f "$1"; }

# The fake's list of containers is stdin.
says() { fake_says '/containers/json?all=1' "$@"; }

@test "one record for each container and volume, and for each container without, sorted" {
	run -0 columns 1,2,4,5,6,7
	[ "$(cut -f 1,2,3,5,6 <<<"$output")" = "$(printf '%s\t%s\t%s\t%s\t%s\n' \
		- byid created - - \
		- lonely running - - \
		config cold created /c rw \
		config db running /etc/pg ro \
		data app running /data rw \
		data db running /var/lib/postgresql/data rw)" ]
	[ "$(cut -f 2,4 <<<"$output" | grep -v byid | sort -u)" = "$(printf '%s\t%s\n' \
		app $BD_IMAGE cold $BD_IMAGE db postgres:16 lonely $BD_IMAGE)" ]
}

@test "id, network, creation and task are the daemon's" {
	bd-mounts | while IFS=$'\t' read -r _ name id _ _ _ _ network created task; do
		[ "$id" = "$(docker inspect -f '{{.Id}}' "$name")" ]
		[ "$network" = "$(docker inspect -f '{{.HostConfig.NetworkMode}}' "$name")" ]
		[ "$created" = "$(date -d "$(docker inspect -f '{{.Created}}' "$name")" +%s)" ]
		[ "$task" = - ]
	done
}

@test "paused, stopped and gone" {
	docker pause lonely
	run -0 columns 2,4
	docker unpause lonely
	[[ $output == *$'lonely\tpaused'* ]]
	docker stop lonely
	run -0 columns 2,4
	[[ $output == *$'lonely\texited'* ]]
	docker rm lonely
	run -0 columns 2
	[[ $output != *lonely* ]]
}

@test "an image whose tag has moved on is shown as it was asked for" {
	image_new moved:1
	IMAGE=moved:1 container_run old -v data:/data -v config:/config
	tar -c -C "$BATS_TEST_TMPDIR" . | docker import - moved:1
	[[ $(docker ps --no-trunc --format '{{.Image}}' --filter name=old) != moved:1 ]]
	engine_tap
	bd-mounts >records
	engine_untap >asked
	docker rm -f old
	[ "$(grep -c $'\told\t.*\tmoved:1\t' records)" = 2 ]
	# once for the container with two volumes; also for the one that was created from an id
	[ "$(grep -c '^GET /containers/.*/json$' asked)" = 2 ]
	[[ $(grep byid records | cut -f 5) == sha256:* ]]
}

@test "500 volumes cost what 5 cost" {
	docker rm -f byid
	engine_tap
	bd-mounts
	engine_untap >few
	[ "$(cat few)" = $'GET /_ping\nGET /containers/json?all=1' ]
	docker create --label "bd-test=$(bd_file)" --name many --network none $(seq 500 | sed 's,.*,-v many&:/m&,') "$BD_IMAGE" sh
	engine_tap
	bd-mounts >records
	engine_untap >many
	docker rm many
	volume_rm many{1..500}
	[ "$(grep -c $'^many[0-9]*\tmany\t' records)" = 500 ]
	cmp few many
}

@test "no containers, no records" {
	fake_start
	says <<<'[]'
	run -0 bd-mounts
	[ -z "$output" ]
}

@test "the container's own name, not what links call it" {
	fake_start
	says <<<'[{"Id": "1", "Names": ["/web/db", "/db", "/zzz/db"], "State": "running"}, {"Id": "2", "Names": null, "State": "dead"}]'
	run -0 columns 1,2,3,4
	[ "$output" = $'-\t2\t2\tdead\n-\tdb\t1\trunning' ]
}

@test "swarm tasks, hostile text, and mounts of other types" {
	fake_start
	says <<-'E'
		[{"Id": "1", "Names": ["/t.1.x"], "State": "running", "Image": "a:1@sha256:0", "Created": 1700000000,
		  "HostConfig": {"NetworkMode": "default"}, "Labels": {"com.docker.swarm.task.id": "q7"}, "Mounts": [
		  {"Type": "tmpfs", "Destination": "/tmp"}, {"Type": "bind", "Source": "/x", "Destination": "/x", "RW": true},
		  {"Type": "volume", "Name": "b", "Destination": "/a\tb\n\\", "RW": false},
		  {"Type": "volume", "Name": "a", "Destination": "/a", "RW": true}]},
		 {"Id": "2", "Names": ["/n"], "State": "exited", "Image": "", "HostConfig": {}, "Labels": null, "Mounts": null}]
	E
	run -0 bd-mounts
	[ "${lines[0]}" = $'-\tn\t2\texited\t-\t-\t-\t-\t-\t-' ]
	[ "${lines[1]}" = $'a\tt.1.x\t1\trunning\ta:1@sha256:0\t/a\trw\tdefault\t1700000000\tq7' ]
	[ "${lines[2]}" = $'b\tt.1.x\t1\trunning\ta:1@sha256:0\t/a\\tb\\n\\\\\tro\tdefault\t1700000000\tq7' ]
}

@test "only an id is looked up; what vanished is left out; what is refused keeps the id" {
	fake_start
	id=7d10b1beaa553b439a6cb67de60b2fbc5d697dbae250eb698463ec85466a145c
	says <<-E
		[{"Id": "1", "Names": ["/full"], "State": "running", "Image": "sha256:$id", "ImageID": "sha256:$id"},
		 {"Id": "2", "Names": ["/short"], "State": "running", "Image": "${id:0:12}", "ImageID": "sha256:$id"},
		 {"Id": "3", "Names": ["/name"], "State": "running", "Image": "deadbeefcafe", "ImageID": "sha256:$id"},
		 {"Id": "4", "Names": ["/brief"], "State": "running", "Image": "${id:0:11}", "ImageID": "sha256:$id"},
		 {"Id": "5", "Names": ["/gone"], "State": "running", "Image": "sha256:$id", "ImageID": "sha256:$id", "Mounts": [
		  {"Type": "volume", "Name": "b", "Destination": "/b"}, {"Type": "volume", "Name": "a", "Destination": "/a"}]},
		 {"Id": "6", "Names": ["/nameless"], "State": "running", "Image": "sha256:$id", "ImageID": "sha256:$id"}]
	E
	fake_says /containers/1/json <<<'{"Config": {"Image": "postgres:16"}}'
	fake_says /containers/2/json <<<'{"Config": {"Image": "redis"}}'
	fake_says /containers/6/json <<<'{"Config": {"Image": ""}}'
	run -0 columns 2,5
	[ "$output" = "$(printf '%s\t%s\n' brief "${id:0:11}" full postgres:16 name deadbeefcafe nameless "sha256:$id" short redis)" ]
	[ "$(fake_asked | grep -c /containers/5/json)" = 1 ]
	fake_says /containers/5/json '500 Internal Server Error' <<<'{"message": "broken"}'
	run -1 --separate-stderr bd-mounts
	[ "$(grep -c $'\tgone\t.*\tsha256:' <<<"$output")" = 2 ]
	[ "$stderr" = 'bd-mounts: GET /containers/5/json: broken' ]
	fake_says /containers/5/json <<<'nonsense'
	run -3 --separate-stderr bd-mounts
	[ -z "$output" ]
}

@test "errors name the daemon or use its words" {
	DOCKER_HOST=unix://$PWD/none run -3 bd-mounts
	[ "$output" = "bd-mounts: $PWD/none: No such file or directory" ]
	fake_start
	run -3 bd-mounts
	[[ $output == 'bd-mounts: GET /containers/json?all=1: '* ]]
	says '500 Internal Server Error' <<<'{"message": "broken"}'
	run -3 bd-mounts
	[ "$output" = 'bd-mounts: GET /containers/json?all=1: broken' ]
	for answer in '' '[{}]' '{"a": 1}' '['; do
		printf %s "$answer" | says
		run -3 --separate-stderr bd-mounts
		[ -z "$output" ]
	done
}

@test "a full disk is no success" {
	run -3 sh -c 'bd-mounts >/dev/full'
	[ "$output" = 'bd-mounts: stdout: No space left on device' ]
}

@test "wrong usage, and the version" {
	run -2 bd-mounts -z
	run -2 bd-mounts operand
	[[ $output == usage:* ]]
	run -0 bd-mounts -V
	[ "$output" = "bd-mounts $(cat "$BD_ROOT/VERSION")" ]
}

@test "the examples of the page" {
	volume_new unused
	run -0 examples bd-mounts.1
	[ "$output" = $'app\ndb\nunused' ]
}
