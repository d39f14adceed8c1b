# fake.bash - a daemon that says what no real one says on demand. After engine.bash.
#
# fake_start              DOCKER_HOST leads to it
# fake_says PATH [STATUS] from now on the answer to GET PATH is stdin, with STATUS (200 OK)
# fake_raw PATH           stdin is the whole answer, with its head
# fake_deaf PATH          it does not read what is sent with a request for PATH
# fake_asked              prints the requests so far, with their version
# fake_version [VERSION]  the API version it claims; none without an argument
# fake_stop
#
# tap_tcp [ADDRESS]       the daemon behind DOCKER_HOST at a TCP port as well, or whatever socat listens at for
#                         ADDRESS (TCP-LISTEN:0,bind=127.0.0.1); sets TAP_PORT
# untap_tcp

fake_start() {
	FAKE=$(mktemp -d "$BATS_TEST_TMPDIR/fake.XXXXXX") || return
	fake_version 1.41
	bd_closed socat "UNIX-LISTEN:$FAKE/sock,fork" \
		EXEC:"$BATS_TEST_DIRNAME/helper/fake-docker $FAKE",nofork </dev/null >"$FAKE/log" 2>&1 &
	FAKE_PID=$!
	wait_for [ -S "$FAKE/sock" ] || return
	export DOCKER_HOST=unix://$FAKE/sock
}

fake_says() {
	{
		printf '%s\n' "${2:-200 OK}"
		cat
	} >"$FAKE/${1//\//_}"
}

fake_raw() { cat >"$FAKE/${1//\//_}.raw"; }

fake_deaf() { : >"$FAKE/${1//\//_}.deaf"; }

fake_asked() { cat "$FAKE/asked"; }

fake_version() {
	rm -f "$FAKE/version"
	[ $# -eq 0 ] || printf %s "$1" >"$FAKE/version"
}

fake_stop() {
	[ -z "${FAKE_PID-}" ] || kill "$FAKE_PID" || :
	FAKE_PID=
}

tap_tcp() {
	local log=$BATS_TEST_TMPDIR/tap.log
	bd_closed socat -d -d -lf "$log" "${1:-TCP-LISTEN:0,bind=127.0.0.1},fork" \
		"UNIX-CONNECT:${DOCKER_HOST#unix://}" </dev/null >/dev/null 2>&1 &
	TAP_PID=$!
	wait_for grep -qs 'listening on' "$log" || return
	# shellcheck disable=SC2034 # for the tests
	TAP_PORT=$(sed -n 's/.*listening on .*://p' "$log")
}

untap_tcp() {
	[ -z "${TAP_PID-}" ] || kill "$TAP_PID" || :
	TAP_PID=
}

# Runs each example of a page by itself in the current folder.
# examples PAGE
examples() {
	local dir n=0 f
	dir=$(mktemp -d "$BATS_TEST_TMPDIR/examples.XXXXXX") || return
	awk -v dir="$dir" '
		/^\.Sh/ { on = $2 == "EXAMPLES" }
		on && /^\.Ed/ { display = 0 }
		display { gsub(/\\e/, "\\"); print >(dir "/" n) }
		on && /^\.Bd -literal/ { display = 1; n++ }
	' "$BD_ROOT/man/$1" || return
	for f in "$dir"/*; do
		n=$((n + 1))
		sh -eu "$f" || { echo "$1: this example failed:" >&2; cat "$f" >&2; return 1; }
	done
	[ "$n" -gt 0 ]
}
