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
	bd-mounts | while IFS=$'\t' read -r _ name id _ _ _ _ network created task _; do
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
	# once for each that runs, also with two volumes, and for the one that was created from an id
	[ "$(sed -n 's,^GET /containers/\(.*\)/json$,\1,p' asked | sort)" = "$(awk '$4 == "running" || $2 == "byid" { print $3 }' records | sort -u)" ]
	[[ $(grep byid records | cut -f 5) == sha256:* ]]
}

@test "500 volumes cost what 5 cost" {
	docker rm -f byid
	docker create --label "bd-test=$(bd_file)" --name few --network none -v few1:/1 -v few2:/2 "$BD_IMAGE" sh
	engine_tap
	bd-mounts
	engine_untap >few
	docker rm few
	volume_rm few{1..2}
	[ "$(head -n 2 few)" = $'GET /_ping\nGET /containers/json?all=1' ]
	[ "$(sed 1,2d few | sort)" = "$(docker inspect -f 'GET /containers/{{.Id}}/json' app db | sort)" ]
	docker create --label "bd-test=$(bd_file)" --name many --network none $(seq 500 | sed 's,.*,-v many&:/m&,') "$BD_IMAGE" sh
	engine_tap
	bd-mounts >records
	engine_untap >many
	docker start many
	docker rm -f many
	volume_rm many{1..500}
	[ "$(grep -c $'^many[0-9]*\tmany\t' records)" = 500 ]
	cmp few many
}

@test "autoremove, pid and ipc of running containers" {
	container_run lender --ipc shareable
	container_run pidful --pid container:lender
	container_run ipcful --ipc container:lender --rm
	container_run hostly --pid host --ipc host
	container_run netful --network container:pidful
	docker create --label "bd-test=$(bd_file)" --name asleep --network none --pid container:lender --rm "$BD_IMAGE" sh
	run -0 columns 2,11-14
	run -0 grep -E '^(lender|.*ful|hostly|asleep)' <<<"$output"
	id=$(docker inspect -f '{{.Id}}' lender)
	[ "$output" = "$(printf '%s\t%s\t%s\t%s\t%s\n' \
		asleep - - - - \
		hostly no - - no \
		ipcful yes - "$id" no \
		lender no - - no \
		netful no - - no \
		pidful no "$id" - no)" ]
	[ "$(bd-mounts | awk '$2 == "netful" { print $8 }')" = "container:$(docker inspect -f '{{.Id}}' pidful)" ]
	docker rm -f asleep hostly ipcful lender netful pidful
}

# A container with what this machine has of programs and libraries (args of docker run).
inside() {
	local d args=()
	for d in /usr /lib /lib64; do [ ! -e "$d" ] || args+=(-v "$d:$d:ro"); done
	container_run inside "${args[@]}" -v "$BAUDOLO_BIN:/bd:ro" -v "${DOCKER_HOST#unix://}:/docker.sock" \
		-e DOCKER_HOST=unix:///docker.sock -e PATH=/bin:/bd:/usr/bin "$@"
}

@test "self is the container it runs in, and the one whose network that has" {
	run -0 columns 14
	[[ $output != *yes* ]]
	container_run lender
	for args in '--network none' '--network host --uts host' '--network none --cgroupns private --hostname x' \
		'--network container:lender' '--network container:lender --cgroupns private'; do
		# shellcheck disable=SC2086
		inside $args
		run -0 docker exec inside bd-mounts
		docker rm -f inside
		printf '%s\n' "$args" "$output"
		[ "$(awk '$2 == "inside" { print $14 }' <<<"$output")" = yes ]
		[ "$(awk '$14 == "yes" { print $2 }' <<<"$output" | grep -vx lender | sort -u)" = inside ]
		[[ $args == *lender* ]] || [ "$(awk '$2 == "lender" { print $14 }' <<<"$output")" = no ]
	done
	docker rm -f lender
}

@test "no containers, no records" {
	fake_start
	says <<<'[]'
	run -0 bd-mounts
	[ -z "$output" ]
}

@test "the container's own name, not what links call it" {
	fake_start
	says <<<'[{"Id": "1", "Names": ["/web/db", "/db", "/zzz/db"], "State": "exited"}, {"Id": "2", "Names": null, "State": "dead"}]'
	run -0 columns 1,2,3,4
	[ "$output" = $'-\t2\t2\tdead\n-\tdb\t1\texited' ]
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
	[ "${lines[0]}" = $'-\tn\t2\texited\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-' ]
	[ "${#lines[@]}" = 1 ] # the other has vanished since
	fake_says /containers/1/json <<<'{}'
	run -0 bd-mounts
	[ "${lines[1]}" = $'a\tt.1.x\t1\trunning\ta:1@sha256:0\t/a\trw\tdefault\t1700000000\tq7\tno\t-\t-\tno' ]
	[ "${lines[2]}" = $'b\tt.1.x\t1\trunning\ta:1@sha256:0\t/a\\tb\\n\\\\\tro\tdefault\t1700000000\tq7\tno\t-\t-\tno' ]
}

@test "names of containers, and what their ids begin with, become ids" {
	fake_start
	says <<-'E'
		[{"Id": "abc1", "Names": ["/db"], "State": "running", "HostConfig": {"NetworkMode": "container:gone"}},
		 {"Id": "abc2", "Names": ["/abc1"], "State": "paused", "HostConfig": {"NetworkMode": "container:db"}},
		 {"Id": "dddd", "Names": ["/abc"], "State": "restarting", "HostConfig": {"NetworkMode": "container:abc1"}},
		 {"Id": "eeee", "Names": ["/ee"], "State": "exited", "HostConfig": {"NetworkMode": "container:/ee"}}]
	E
	fake_says /containers/abc1/json <<<'{"HostConfig": {"PidMode": "container:abc", "IpcMode": "container:gone", "AutoRemove": true}}'
	fake_says /containers/abc2/json <<<'{"HostConfig": {"PidMode": "container:ab", "IpcMode": "container:ddd"}}'
	fake_says /containers/dddd/json <<<'{"HostConfig": {"PidMode": "container:", "IpcMode": "container:db"}, "GraphDriver": {"Data": {"UpperDir": "/"}}}'
	run -0 columns 2,8,11-14
	[ "$output" = "$(printf '%s\t%s\t%s\t%s\t%s\t%s\n' \
		abc container:abc1 no - abc1 no \
		abc1 container:abc1 no - dddd no \
		db container:gone yes dddd - no \
		ee container:eeee - - - -)" ] || { echo "$output"; false; }
}

@test "only an id is looked up; what vanished is left out; what is refused keeps the id" {
	fake_start
	id=7d10b1beaa553b439a6cb67de60b2fbc5d697dbae250eb698463ec85466a145c
	says <<-E
		[{"Id": "1", "Names": ["/full"], "State": "running", "Image": "sha256:$id", "ImageID": "sha256:$id"},
		 {"Id": "2", "Names": ["/short"], "State": "running", "Image": "${id:0:12}", "ImageID": "sha256:$id"},
		 {"Id": "3", "Names": ["/name"], "State": "exited", "Image": "deadbeefcafe", "ImageID": "sha256:$id"},
		 {"Id": "4", "Names": ["/brief"], "State": "running", "Image": "${id:0:11}", "ImageID": "sha256:$id"},
		 {"Id": "5", "Names": ["/gone"], "State": "running", "Image": "sha256:$id", "ImageID": "sha256:$id", "Mounts": [
		  {"Type": "volume", "Name": "b", "Destination": "/b"}, {"Type": "volume", "Name": "a", "Destination": "/a"}]},
		 {"Id": "6", "Names": ["/nameless"], "State": "running", "Image": "sha256:$id", "ImageID": "sha256:$id"}]
	E
	fake_says /containers/1/json <<<'{"Config": {"Image": "postgres:16"}}'
	fake_says /containers/2/json <<<'{"Config": {"Image": "redis"}}'
	fake_says /containers/4/json <<<'{"Config": {"Image": "never asked"}}'
	fake_says /containers/6/json <<<'{"Config": {"Image": ""}}'
	run -0 columns 2,5
	[ "$output" = "$(printf '%s\t%s\n' brief "${id:0:11}" full postgres:16 name deadbeefcafe nameless "sha256:$id" short redis)" ]
	[ "$(fake_asked | grep -c /containers/5/json)" = 1 ]
	fake_says /containers/5/json '500 Internal Server Error' <<<'{"message": "broken"}'
	run -1 --separate-stderr bd-mounts
	[ "$(grep -c $'\tgone\t.*\tsha256:.*\t-\t-\t-\t-$' <<<"$output")" = 2 ]
	[ "$stderr" = 'bd-mounts: GET /containers/5/json: broken' ]
	fake_says /containers/5/json <<<'nonsense'
	run -3 --separate-stderr bd-mounts
	[ -z "$output" ]
}

@test "running containers cost requests, not processes" {
	local i n
	fake_start
	for ((i = 1; i <= 60; i++)); do
		fake_says "/containers/$i/json" <<<"{\"Config\": {\"Image\": \"image:$i\"}, \"HostConfig\": {\"AutoRemove\": $( ((i % 2)) && echo false || echo true)}}"
	done
	for n in 2 60; do
		seq "$n" | jq -s 'map({Id: tostring, Names: ["/c\(.)"], State: "running", Image: "image"})' | says
		strace -f -qq -e trace=execve -e signal=none -o "trace.$n" bd-mounts >records
		[ "$(wc -l <records)" = "$n" ]
	done
	awk -F '\t' '"c" $3 != $2 || $11 != ($3 % 2 ? "no" : "yes") { exit 1 }' records
	for n in 2 60; do
		[ "$(cut -d ' ' -f 1 "trace.$n" | sort -u | wc -l)" = 3 ] || { cat "trace.$n"; false; } # itself, and jq
	done
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
