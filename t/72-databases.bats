#!/usr/bin/env bats
# bd-databases: databases.csv to records.

load engine
load fake

setup() {
	cd "$BATS_TEST_TMPDIR"
	umask 077
}

H='instance;database;username;password'

# The file of the printf FORMAT (behind the header) gives EXPECTED, "line instance database username" each, one after the
# other, and STATUS.
gives() {
	local status=$1 expected=$2 got rc=0
	# shellcheck disable=SC2059
	printf "$3" >f
	got=$(bd-databases f 2>err | tr '\t' ' ' | paste -sd ,; exit "${PIPESTATUS[0]}") || rc=$?
	[ "$rc,$got" = "$status,$expected" ] || { printf '%s\n' "$3" "$rc: $got" >&2; cat err >&2; return 1; }
}

# The same as an only row, behind the header; it is malformed for REASON.
bad() {
	gives 1 '3 i ok u' "$H\n$1\ni;ok;u;p\n"
	[ "$(cat err)" = "bd-databases: f:2: $2" ] || { printf '%s: ' "$1"; cat err; return 1; } >&2
}

@test "rows: line ends, blank lines, blanks, quotes, columns by name" {
	gives 0 '2 i d u,3 i * u' "$H\ni;d;u;p\ni;*;u;p\n"
	[ ! -s err ]
	gives 0 '2 i d u' "$H\r\ni;d;u;p\r\n"
	gives 0 '2 i d u' "$H\ni;d;u;p"
	gives 0 '2 i d u' "$H\r\ni;d;u;p\r"'\n'
	gives 0 '4 i d u,7 i e u' "\n$H\n \t\ni;d;u;p\n\r\n\n i ;\te ; u;p\n\n"
	gives 0 '2 i d u' "\xef\xbb\xbf$H\ni;d;u;p\n"
	gives 0 '2 i d u' "\xef\xbb\xbf\"instance\" ; \"database\";username;password\ni;d;u;p\n"
	gives 0 '2 i d u,5 i e u' "$H\n\"i\";\"d\";\"u\";\"a\r\n;\"\"\nb\" \ni;e;u;\n"
	gives 0 '2 i d u' "$H\n\" i \";\" d\";\"u \";p\n"
	gives 0 '2 i d u' "password; username ;x;database;instance\np;u;more;d;i\n"
	gives 0 '2 i d u' "$H\ni;d;u;\n"
	gives 0 '2 i d "u,3 i\tj e u"v' "$H\ni;d;\"\"\"u\";p\n\"i\tj\";e;u\"v;p\"q\n"
	gives 0 '2 central-postgres a-_9Z ü' "$H\ncentral-postgres;a-_9Z;ü;ü\n"
	[ ! -s err ]
	gives 0 '' "$H\n"
	gives 0 '' "$H"
	[ ! -s err ]
}

@test "malformed rows are named, the others serve" {
	bad 'i;d;u'                  '3 fields, expected 4'
	bad 'i;d;u;p;'               '5 fields, expected 4'
	bad 'i'                      '1 fields, expected 4'
	bad ';d;u;p'                 "column 'instance' must not be empty."
	bad '"";d;u;p'               "column 'instance' must not be empty."
	bad '\055;d;u;p'             "column 'instance' must not be '-'."
	bad 'i;d;;p'                 "column 'username' must not be empty."
	bad 'i;d;-;p'                "column 'username' must not be '-'."
	bad 'i;;u;p'                 "column 'database' must be '*' or a concrete database name (not empty)."
	bad 'i; ;u;p'                "column 'database' must be '*' or a concrete database name (not empty)."
	bad 'i;nan;u;p'              "database must not be 'nan'."
	bad 'i;NaN;u;p'              "database must not be 'nan'."
	bad 'i;-d;u;p'               "invalid database name '-d'. Allowed: letters, numbers, '_' and '-'."
	bad 'i;a b;u;p'              "invalid database name 'a b'. Allowed: letters, numbers, '_' and '-'."
	bad 'i;**;u;p'               "invalid database name '**'. Allowed: letters, numbers, '_' and '-'."
	bad 'i;../d;u;p'             "invalid database name '../d'. Allowed: letters, numbers, '_' and '-'."
	bad 'i;dä;u;p'               "invalid database name 'dä'. Allowed: letters, numbers, '_' and '-'."
	bad 'i;\033[2J;u;p'          "invalid database name '?[2J'. Allowed: letters, numbers, '_' and '-'."
	bad 'i;d;u;p\0q'             'NUL byte'
	bad 'i;d;u;"p\0"'            'NUL byte'
	bad 'i;d;u;p\xff'            'it is not UTF-8'
	bad '\xc0\xaf;d;u;p'         'it is not UTF-8'
	bad 'i;d;u;p\rq'             'a carriage return within the line'
	bad 'i;d;u;"p"q'             'there is text behind a closing quote'
	bad 'i;d;u;"p" "'            'there is text behind a closing quote'
	bad 'i;d;u;"p'               'a quote is not closed'
}

@test "-m: malformed rows are records" {
	printf 'instance;database;username;password\ni;a;u;p\ni;d 2;u;p\nshort;row\ni;b;u;p;extra\ni;c;u;p\ni;c;v;p\n' >f
	chmod 600 f
	run -1 --separate-stderr bd-databases -m f
	[ "$output" = $'3\t-\t-\t-\n4\t-\t-\t-\n5\t-\t-\t-\n2\ti\ta\tu\n7\ti\tc\tv' ]
	run -1 --separate-stderr bd-databases f
	[ "$output" = $'2\ti\ta\tu\n7\ti\tc\tv' ]
	sed -i '3,6d' f
	run -0 --separate-stderr bd-databases -m f
	[ "$output" = $'2\ti\ta\tu\n3\ti\tc\tv' ]
}

@test "a quote that is not closed costs its line, not the rest" {
	gives 1 '3 i a u,4 i b u,6 i c u' "$H\ni;d;u;\"open\ni;a;u;\"p\"\ni;b;u;p\n\"x\ni;c;u;p\n"
	gives 1 '2 i a u' "$H\ni;a;u;p\n\""
	gives 1 '' "$H\n\""
}

# bats test_tags=native
@test "a row has 64 KiB, however long the line or the quote" {
	{ echo "$H" && printf 'i;d;u;' && head -c 3000000 /dev/zero | tr '\0' x && echo && echo 'i;e;u;p'; } >f
	run -1 --separate-stderr bd-databases f
	[ "$output,$stderr" = $'3\ti\te\tu,bd-databases: f:2: it is too long, or a quote is not closed' ]
	{ echo "$H" && echo 'i;d;u;"' && seq 300000 | sed 's/.*/i;d&;u;p/'; } >f
	run -1 timeout 20 bd-databases f
	[ "${#lines[@]}" = 300001 ]
	[ "${lines[300000]}" = $'300002\ti\td300000\tu' ]
	{ echo "$H" && printf 'i;d;u;' && head -c 40000 /dev/zero | tr '\0' x && echo; } >f
	run -0 bd-databases f
	[ "$output" = $'2\ti\td\tu' ]
}

@test "duplicates: the last serves" {
	gives 0 '4 i d u' "$H\ni;d;u;p\ni;d;u;\"p\"\n i;d ;u;p\n"
	[ "$(sort err)" = $'WARNING: f: line 2 says the same as line 4.\nWARNING: f: line 3 says the same as line 4.' ]
	gives 1 '3 i d u' "$H\ni;d;u;p\ni;d;u;q\n"
	[ "$(cat err)" = 'bd-databases: f: line 2 contradicts line 3, which serves: they are of the same instance and database' ]
	gives 1 '3 i d v' "$H\ni;d;u;p\ni;d;v;p\n"
	gives 1 '4 i d u' "$H\ni;d;u;p\ni;d;u;q\ni;d;u;p\n"
	gives 0 '2 i d u,3 i D u,4 j d u,5 i * u' "$H\ni;d;u;p\ni;D;u;p\nj;d;u;p\ni;*;u;p\n"
	# one that is malformed does not serve
	gives 1 '2 i d u' "$H\ni;d;u;p\ni;d;u;q;\n"
}

@test "missing, empty: a warning" {
	run -0 --separate-stderr bd-databases missing
	[ "$output,$stderr" = ',WARNING: databases.csv not found: missing. Continuing without database dumps.' ]
	ln -s nowhere dangling
	run -0 --separate-stderr bd-databases dangling
	[ "$output,$stderr" = ',WARNING: databases.csv not found: dangling. Continuing without database dumps.' ]
	for content in '' '\n' ' \r\n\n\t' '\xef\xbb\xbf'; do
		# shellcheck disable=SC2059
		printf "$content" >f
		run -0 --separate-stderr bd-databases f
		[ "$output,$stderr" = ',WARNING: databases.csv exists but is empty: f. Continuing without database dumps.' ]
	done
}

@test "no header of ours, or unreadable: 2, and nothing is printed" {
	headers() {
		# shellcheck disable=SC2059
		printf "$1\ni;d;u;p\n" >f
		run -2 --separate-stderr bd-databases f
		[ "$output,$stderr" = ",bd-databases: f: $2" ] || { echo "$1: $stderr" >&2; return 1; }
	}
	headers 'instance;database;username'          "no column is called 'password'"
	headers 'instance,database,username,password' "no column is called 'instance'"
	headers "$H;database"                         "more than one column is called 'database'"
	headers 'Instance;database;username;password' "no column is called 'instance'"
	headers 'i;d;u;p'                             "no column is called 'instance'"
	headers '"instance'                           'the header, line 1: a quote is not closed'
	headers '\n\nx\0'                             'the header, line 3: NUL byte'
	run -2 bd-databases .
	[ "$output" = 'bd-databases: .: Is a directory' ]
	run -2 bd-databases f/x
	[ "$output" = 'bd-databases: f/x: Not a directory' ]
	ln -s loop loop
	run -2 bd-databases loop
	[ "$output" = 'bd-databases: loop: Too many levels of symbolic links' ]
}

@test "never the password" {
	# shellcheck disable=SC2059
	printf "$H\ni;d;u;S3CR3T\ni;d;u;S3CR3T2\ni;d;u;\"S3CR3T\ni;x;u;S3CR3T;y\ni;nan;u;S3CR3T\ni;d;u;S3CR3T\xff\n" >f
	run -1 strace -f -qq -s 999 -e trace=write,execve -o trace bd-databases f
	[[ $output != *S3CR3T* ]]
	run ! grep -q S3CR3T trace
	grep -q 'write(1' trace
}

@test "readable by others: a warning" {
	gives 0 '2 i d u' "$H\ni;d;u;p\n"
	chmod 640 f
	[ -z "$(bd-databases f 2>&1 >/dev/null)" ]
	chmod 644 f
	[ "$(bd-databases f 2>&1 >/dev/null)" = 'WARNING: f holds passwords, and others may read it: mode 0644.' ]
}

@test "usage, version, /dev/full, examples" {
	printf '%s\ni;d;u;p\n' "$H" >f
	run -2 bd-databases
	run -2 bd-databases f f
	run -2 bd-databases -x f
	run -0 bd-databases -V
	run -3 sh -c 'bd-databases f >/dev/full'
	examples bd-databases.1
}
