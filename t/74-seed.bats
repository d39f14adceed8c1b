#!/usr/bin/env bats
# baudolo-seed and bd-seed: rows into databases.csv.

load engine
load fake

setup() {
	cd "$BATS_TEST_TMPDIR"
	umask 022
}

H='instance;database;username;password'

# The last field of the file, as it would be without quotes.
last_field() {
	perl -0777 -ne '/(?:^|;)(?:"((?:[^"]|"")*)"|([^;"\n]*))\n\z/ or die; print defined $1 ? $1 =~ s/""/"/gr : $2; print "."' "$1"
}

content() { [ "$(cat "$1" && echo .)" = "$2"$'\n.' ] || { cat -A "$1"; return 1; } >&2; }

nothing_left() { [ "$(find . -name '.*.tmp')" = '' ]; }

@test "a new file, more rows, an update" {
	run -0 baudolo-seed f central-postgres shop admin pw
	[ "$output" = 'Adding new entry.' ]
	content f "$H"$'\ncentral-postgres;shop;admin;pw'
	[ "$(stat -c %a f)" = 600 ]
	run -0 baudolo-seed f central-postgres '*' postgres pw2
	[ "$output" = 'Adding new entry.' ]
	run -0 baudolo-seed f central-postgres shop other 'new pw'
	[ "$output" = 'Updating existing entry.' ]
	content f "$H"$'\ncentral-postgres;shop;other;new pw\ncentral-postgres;*;postgres;pw2'
	run -0 baudolo-seed f ' i ' $'\td ' ' u' p
	content f "$H"$'\ncentral-postgres;shop;other;new pw\ncentral-postgres;*;postgres;pw2\ni;d;u;p'
	nothing_left
}

@test "missing folders are made, for a row that is right" {
	run -1 baudolo-seed a/b/f i nan u p
	[ ! -e a ]
	run -0 baudolo-seed a/b/f i d u p
	run -0 baudolo-seed "$PWD/c/f" i d u p
	cmp a/b/f c/f
}

@test "every refusal: the text, and nothing changed" {
	refused() {
		local rc=0
		for f in f missing/f; do
			run -1 --separate-stderr baudolo-seed "$f" "$2" "$3" "$4" "${5-p}"
			[ "$output" = '' ]
			[ "$stderr" = "ERROR: Invalid databases.csv entry for instance '$2': $1" ] || { echo "$stderr" >&2; return 1; }
		done
		[ ! -e missing ]
		nothing_left
		cmp f "$BATS_TEST_TMPDIR/../old"
	}
	printf '%s\r\nx;"y";z;"a;b"\r\n' "$H" | tee f >"$BATS_TEST_TMPDIR/../old"
	touch -d '1 hour ago' f
	stamp=$(stat -c '%i %Y %a' f)
	empty="column 'database' must be '*' or a concrete database name (not empty)."
	refused "$empty" I '' u
	refused "$empty" I ' ' u
	refused "database must not be 'nan'." I nan u
	refused "database must not be 'nan'." 'I 2' NaN u
	refused "database must not be 'nan'." I ' NAN ' u
	for n in 'a b' a.b 'a;b' 'ä' '**' 'a*' "a'b" a/b ../x a+b @; do
		refused "invalid database name '$n'. Allowed: letters, numbers, '_' and '-'." I "$n" u
	done
	refused "invalid database name 'a\\nb'. Allowed: letters, numbers, '_' and '-'." I $'a\nb' u
	refused "column 'instance' must not be empty." '' d u
	refused "column 'username' must not be empty." I d ''
	refused "it is not UTF-8." I d u $'p\xff'
	refused "it is not UTF-8." I d $'u\xff'
	refused "it is too long." I d "$(printf %040000d 0)"
	run -1 baudolo-seed f I d u "$(printf %020000d 0)"
	[ "$output" = 'ERROR: the password: it is too long; nothing was changed.' ]
	run -1 baudolo-seed --password-file <(printf 'a\0b') f I d u
	[ "$output" = 'ERROR: the password: it has a NUL byte; nothing was changed.' ]
	[ "$(stat -c '%i %Y %a' f)" = "$stamp" ]
	run -1 baudolo-seed f -- I -x u p
	[ "$output" = "ERROR: Invalid databases.csv entry for instance 'I': invalid database name '-x'. Allowed: letters, numbers, '_' and '-'." ]
}

@test "passwords come back as they were, from each way in" {
	set -- p '' '$HOME' 'a;b' 'a"b' '"ab"' '"' "a'b" "'" 'a\b' '\' '\n' 'a b' ' ab' 'ab ' $'\tab' '-x' '--' '--password-file' 'pä€🔑' \
		'#x' '*' '%s%n' '`id`' '$(id)' 'a,b' $'a\nb' $'a\r\nb' '-' "$(printf %016000d 0)" "$(printf '%016000d' 0 | tr 0 '"')"
	for p; do
		for way in argument file stdin; do
			case $way in
			argument) baudolo-seed f i d u -- "$p" ;;
			file) printf '%s\n' "$p" >p && baudolo-seed --password-file p f i d u ;;
			stdin) printf '%s\r\n' "$p" | baudolo-seed f i d u --password-file - ;;
			esac >said 2>&1 || { cat said; echo "$way: $p"; false; }
			[ "$(last_field f)" = "$p." ] ||
				{ echo "$way: $p"; cat -A f; false; }
		done
		run -0 bd-databases f
		[ "$output" = $'2\ti\td\tu' ]
	done
	rm f
	baudolo-seed f i d u 'a;b'
	content f "$H"$'\ni;d;u;"a;b"'
	baudolo-seed f i d u "a'\$\\b"
	content f "$H"$'\ni;d;u;a\'$\\b'
}

@test "the password is in no command line but the one it was given in" {
	printf 'S3CR3T' >p
	strace -f -qq -s 999 -e trace=execve -o trace baudolo-seed --password-file p f i d u
	strace -f -qq -s 999 -A -e trace=execve -o trace baudolo-seed --password-file - f i d u <p
	grep -q 'bd-seed' trace
	run ! grep S3CR3T trace
	grep -q 'i;d;u;S3CR3T' f
	strace -f -qq -s 999 -e trace=execve -o trace baudolo-seed f i d u S3CR3T
	run ! grep 'bd-seed.*S3CR3T' trace
}

@test "what is there survives" {
	printf '\xef\xbb\xbf%s;"no;te"\r\n\r\n"i";"d";"u";"a;""b"" ";"x\r\ny"\r\n j ; * ;v; p ;\r\nk;not valid;;;\r\ni;d;u2;old;again' \
		"$H" >f
	run -0 baudolo-seed f l d w 'p'
	printf '%s;"no;te"\ni;d;u;"a;""b"" ";"x\r\ny"\nj;*;v;p;\nk;not valid;;;\ni;d;u2;old;again\nl;d;w;p;\n' "$H" | cmp - f
	# every duplicate is updated
	run -0 --separate-stderr baudolo-seed f i d U P
	[ "$output,$stderr" = 'Updating existing entry.,' ]
	printf '%s;"no;te"\ni;d;U;P;"x\r\ny"\nj;*;v;p;\nk;not valid;;;\ni;d;U;P;again\nl;d;w;p;\n' "$H" | cmp - f
}

@test "columns in any order" {
	printf 'password;x;username;database;instance\np;1;u;d;i\n' >f
	baudolo-seed f i d U P && baudolo-seed f j e V Q
	content f $'password;x;username;database;instance\nP;1;U;d;i\nQ;;V;e;j'
}

@test "an empty file" {
	for content in '' '\n' '\r\n\n'; do
		# shellcheck disable=SC2059
		printf "$content" >f
		chmod 640 f
		run -0 --separate-stderr baudolo-seed f i d u p
		[ "$output" = 'Adding new entry.' ]
		[ "$stderr" = 'WARNING: databases.csv exists but is empty: f. Creating header columns.' ]
		content f "$H"$'\ni;d;u;p'
		[ "$(stat -c %a f)" = 640 ]
	done
	printf '%s' "$H" >f
	run -0 --separate-stderr baudolo-seed f i d u p
	[ "$stderr" = '' ]
	content f "$H"$'\ni;d;u;p'
}

@test "owner and mode stay; a link stays a link" {
	printf '%s\n' "$H" >real
	chown 1234:99 real && chmod 0460 real
	mkdir d && ln -s ../real d/f
	baudolo-seed d/f i d u p
	[ -h d/f ]
	[ "$(stat -c '%u:%g %a' real)" = '1234:99 460' ]
	content real "$H"$'\ni;d;u;p'
}

@test "a file that is not right stays as it is" {
	keeps() {
		# shellcheck disable=SC2059
		printf "$1" | tee f >old
		run -1 --separate-stderr baudolo-seed f i d u p
		[ "$output" = '' ]
		[ "$stderr" = "bd-seed: f$2"$'\nERROR: f: see above; nothing was changed.' ] || { echo "$stderr" >&2; return 1; }
		cmp f old
		nothing_left
	}
	keeps "$H\na;b;c;\"p\ni;d;u;p\n"     ':2: a quote is not closed'
	keeps "$H\na;b;c\n"                  ':2: 3 fields, expected 4'
	keeps "$H\na;b;c;d;e\n"              ':2: 5 fields, expected 4'
	keeps "$H\na;b;c;\xff\n"             ':2: it is not UTF-8'
	keeps "$H\na;b;c;\0\n"               ':2: NUL byte'
	keeps 'a,b\n'                        ": no column is called 'instance'"
	mkdir dir
	run -1 baudolo-seed dir i d u p
	[[ $output == *'ERROR: dir: see above; nothing was changed.' ]]
	mkfifo fifo
	run -1 timeout 5 baudolo-seed fifo i d u p
	ln -s nowhere dangling
	run -1 baudolo-seed dangling i d u p
	[ "$output" = 'ERROR: dangling: No such file or directory; nothing was changed.' ]
	run -1 baudolo-seed old/f i d u p
	[ "$output" = 'ERROR: old/f: Not a directory; nothing was changed.' ]
	run -1 baudolo-seed new/ i d u p
	[ ! -e new ]
}

@test "a disk that is full" {
	printf '%s\na;b;c;d\n' "$H" | tee old >g
	unshare -m bash -euc '
		mkdir small && mount -t tmpfs -o size=16k none small && cp g small/f && { cat /dev/zero >small/fill || :; } 2>/dev/null
		rc=0; baudolo-seed small/f i d u "$(printf %08000d 0)" >said 2>&1 || rc=$?
		[ "$rc" = 1 ] && cmp old small/f && [ "$(ls -A small)" = "f
fill" ]'
	grep -q '^bd-seed: f: No space left on device' said
}

@test "20 writers at once: no row is lost" {
	for n in $(seq 20); do
		baudolo-seed d/f "i$n" d u "p;$n" >"said.$n" 2>&1 &
	done
	for n in $(seq 20); do baudolo-seed d/f both "d$n" u p >/dev/null & done
	wait
	[ "$(cat said.* | sort | uniq -c | tr -s ' ')" = ' 20 Adding new entry.' ]
	run -0 bd-databases d/f
	[ "${#lines[@]}" = 40 ]
	[ "$(sort -u d/f | wc -l)" = 41 ]
	run -0 ls -A d
	[ "$output" = f ]
}

@test "a reader sees a whole file at any time" {
	baudolo-seed f i0 d u p
	(for n in $(seq 60); do printf p | bd-seed f "i$n" d u >/dev/null; done) &
	writer=$! n=0
	while kill -0 "$writer" 2>/dev/null; do
		got=$(bd-databases f | wc -l)
		[ "$got" -ge "$n" ]
		n=$got
	done
	[ "$(bd-databases f | wc -l)" = 61 ]
}

@test "killed while it waits or writes, it is in nobody's way" {
	baudolo-seed f i d u p
	cp f old
	echo half >.f.tmp # what a killed one leaves
	exec 5<.
	flock 5
	printf p | bd-seed f j d u >/dev/null &
	waiting=$!
	wait_for grep -q "$(stat -c %i .)" <(grep -- '->' /proc/locks)
	kill -9 "$waiting"
	cmp f old
	flock -u 5
	run -0 timeout 5 baudolo-seed f j d u p
	nothing_left
	[ "$(bd-databases f | wc -l)" = 2 ]
}

@test "usage, help, version, /dev/full, examples" {
	for words in '' f 'f i' 'f i d' 'f i d u' 'f i d u p x' '--password-file p f i d u p' '--nonsense f i d u p' 'f i d u --password-file'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr baudolo-seed $words
		[[ $stderr == 'usage: baudolo-seed '* ]]
	done
	run -2 bd-seed f i d
	run -2 bd-seed -x f i d u
	[ ! -e f ]
	run -0 baudolo-seed --help
	[[ $output == *'[PASSWORD]'* ]]
	run -0 baudolo-seed --version
	run -0 bd-seed -V
	run -1 baudolo-seed --password-file missing f i d u
	[ "$output" = 'ERROR: the password cannot be read from missing; nothing was changed.' ]
	run -1 baudolo-seed --password-file . f i d u
	[ "$output" = 'ERROR: the password: Is a directory; nothing was changed.' ]
	[ ! -e f ]
	run -3 sh -c 'baudolo-seed f i d u p >/dev/full'
	examples bd-seed.1
	rm databases.csv
	examples baudolo-seed.1
	[ "$(tail -n 1 databases.csv)" = 'app;*;postgres;"pa""ss"' ]
}
