#!/usr/bin/env bats
# What the fuzzers have found and is kept: each parser takes it as it should, under the sanitizers.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/.."
	make -s -j "$(nproc)" replay
}

setup() { cd "$BATS_TEST_DIRNAME/.."; }

@test "each fuzzer's inputs, once each" {
	for f in t/fuzz/*.c; do
		f=$(basename "$f" .c)
		ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=1 build/asan/replay/"$f" t/fuzz/corpus/"$f" >"$BATS_TEST_TMPDIR/said" 2>"$BATS_TEST_TMPDIR/err" ||
			{ echo "$f failed"; tail "$BATS_TEST_TMPDIR/err"; false; }
		grep -qx '[0-9]* inputs' "$BATS_TEST_TMPDIR/said"
	done
}

@test "the inputs come out of the text as they went in" {
	mkdir "$BATS_TEST_TMPDIR/in"
	printf '%s\0\n\\\377 ~\0377-n' a >"$BATS_TEST_TMPDIR/in/1"
	printf '%s\n' '-n \0101' >"$BATS_TEST_TMPDIR/in/2"
	: >"$BATS_TEST_TMPDIR/in/3"
	scripts/corpus pack "$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/packed"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/packed")" = 3 ]
	for shell in dash bash 'busybox sh'; do
		rm -rf "$BATS_TEST_TMPDIR/out"
		$shell scripts/corpus unpack "$BATS_TEST_TMPDIR/packed" "$BATS_TEST_TMPDIR/out"
		[ "$(cd "$BATS_TEST_TMPDIR/out" && sha256sum -- * | cut -c 1-64 | sort)" = \
			"$(cd "$BATS_TEST_TMPDIR/in" && sha256sum -- * | cut -c 1-64 | sort)" ]
	done
	echo 'not \\ one' >"$BATS_TEST_TMPDIR/packed"
	run -1 build/asan/replay/csv "$BATS_TEST_TMPDIR/packed"
}
