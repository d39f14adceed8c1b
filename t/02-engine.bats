#!/usr/bin/env bats
# The tests' own helper: engine.bash.

load engine

setup_file() { engine_start; }
teardown_file() { engine_clean; loop_clean; }

@test "the engine is a private one, on a file system whose ctime can be trusted" {
	[[ $DOCKER_HOST == unix://$BAUDOLO_TEST_DIR/* ]]
	run -0 docker info -f '{{.DockerRootDir}}'
	[ "$output" = "$(engine_data)" ]
	bd_trusted_fs "$output"
}

@test "a volume and a container that uses it, stopped by TERM at once" {
	d=$(volume_new t02-vol)
	container_run t02-c -v t02-vol:/data
	container_running t02-c
	docker exec t02-c sh -c 'echo hello >/data/f'
	[ "$(cat "$d/f")" = hello ]
	docker stop t02-c
	run -1 container_running t02-c
	run -0 docker inspect -f '{{.State.ExitCode}}' t02-c
	[ "$output" = 0 ]
}

@test "requests are counted" {
	engine_tap
	docker volume inspect t02-vol
	run -0 engine_untap
	[ "${lines[-1]}" = 'GET /volumes/t02-vol' ]
	[ "$(grep -c /volumes <<<"$output")" = 1 ]
}

@test "an engine of this file's own sees nothing of the shared one" {
	shared=$DOCKER_HOST
	engine_start own
	engine_clean
	[ "$DOCKER_HOST" != "$shared" ]
	run -0 docker volume ls -q
	[ -z "$output" ]
	image_new postgres:16
	volume_new kept
	IMAGE=postgres:16 container_run pg -v kept:/data
	engine_stop own
	run ! docker version
	run ! grep -sF "$(bd_engine own)" /proc/self/mountinfo
	BATS_TEST_NAME=same engine_start own
	run -0 docker volume ls -q
	[ "$output" = kept ]
	engine_stop own
}

@test "file systems of their own" {
	for type in ext4 xfs btrfs; do
		d=$(loop_fs "$type" 400M)
		bd_trusted_fs "$d"
		[ "$(findmnt -no FSTYPE "$d")" = "$type" ]
	done
	loop_clean
	! [ -e "$d" ] || false
}
