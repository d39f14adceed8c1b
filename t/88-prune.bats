#!/usr/bin/env bats
# bd-prune: a table of histories, a model of its own, and restic itself.

load engine
load fake

setup() {
	cd "$BATS_TEST_TMPDIR"
	: >generations && : >copies && : >existing
}

# gen NAME [STATE [VOLUME=STATUS...]]
gen() {
	local name=$1 state=${2:-whole} v damage files
	printf '/b/r\t%s\t-\t%s\t-\t-\t-\t-\t-\t-\n' "$name" "$state" >>generations
	for v in "${@:3}"; do
		damage=- files=yes
		case $v in
		*=damaged) damage=files ;;
		*=missing) files=no ;;
		esac
		printf '/b/r\t%s\t%s\t%s\t%s\t%s\t0\tno\tno\t-\t%s\n' "$name" "$state" "${v%=*}" "${v#*=}" $files $damage >>copies
	done
}

# The days of the generations that are kept, of those of January 2026.
kept() { bd-prune "$@" generations copies | sed -n 's/^[^\t]*\t202601\(..\)[0-9]*\tkeep\t.*/\1/p' | tr '\n' ' '; }

verdict() { bd-prune "${@:2}" generations copies | awk -F '\t' -v g="$1" '$2 == g { print $3 " " $4 }'; }

@test "the rules, one by one" {
	for day in 01 02 03 04 05 06 07 08 09 10; do gen "202601${day}023000"; gen "202601${day}120000"; done
	[ "$(kept -l 3)" = '09 10 10 ' ]
	[ "$(kept -d 3)" = '08 09 10 ' ]
	[ "$(kept -H 3)" = '09 10 10 ' ]
	# the 4th is a Sunday; the oldest as well, while there are not two
	[ "$(kept -w 2)" = '04 10 ' ]
	[ "$(kept -w 3)" = '01 04 10 ' ]
	[ "$(kept -m 2)" = '01 10 ' ]
	[ "$(kept -y 1)" = '10 ' ]
	[ "$(kept -l -1 | wc -w)" = 20 ]
	[ "$(kept -d -1 | wc -w)" = 11 ]
	[ "$(kept -l 0 -d 2)" = '09 10 ' ]
	[ "$(verdict 20260110120000 -l 1 -d 1 -y 1)" = 'keep newest last daily yearly' ]
	[ "$(verdict 20260103120000 -l 1)" = 'remove old' ]
}

@test "weeks are those of ISO 8601, across the end of a year" {
	# Sunday; Monday of week 1 of 2025; Wednesday; Sunday, still week 1; Monday of week 2
	for g in 20241229 20241230 20250101 20250105 20250106; do gen "${g}000000"; done
	run -0 bd-prune -w 3 generations copies
	[ "$(cut -f 2,3 <<<"$output" | grep keep | cut -c 1-8 | tr '\n' ' ')" = '20241229 20250105 20250106 ' ]
}

@test "the last complete generation stays, whatever comes" {
	gen 20260101000000
	gen 20260102000000
	gen 20260103000000 partial v=unproven
	gen 20260104000000 unreadable
	[ "$(kept -a)" = '02 03 04 ' ]
	[ "$(verdict 20260102000000 -a)" = 'keep newest' ]
	[ "$(verdict 20260103000000 -a -e existing)" = 'keep unfinished' ]
	[ "$(verdict 20260104000000 -a)" = 'keep unreadable' ]
}

@test "the last good copy of a volume that exists stays; of another it does not" {
	gen 20260101000000 whole a=good b=good c=good
	gen 20260102000000 whole a=good b=failed
	gen 20260103000000 whole a=good b=missing c=damaged
	gen 20260104000000 whole a=good
	[ "$(kept -a)" = '01 04 ' ]
	[ "$(verdict 20260101000000 -a)" = 'keep copy:b copy:c' ]
	printf 'b\tlocal\t/b\tplain\t-\n' >existing
	[ "$(kept -a -e existing)" = '01 04 ' ]
	printf 'a\tlocal\t/b\tplain\t-\n' >existing
	[ "$(kept -a -e existing)" = '04 ' ]
}

# db DAY DATABASE DUMPED [DAMAGE [STATUS [DUMPS]]]: a generation with a volume of these flags
db() {
	gen "202601${1}000000"
	printf '/b/r\t202601%s000000\twhole\tdb\t%s\tyes\t%s\t%s\t%s\tpostgres\t%s\n' "$1" "${5-good}" "${6-1}" "$2" "$3" "${4--}" >>copies
}

@test "the last dumps stay, also of a database that is down, or has none that are good" {
	db 01 yes yes
	db 02 yes no
	[ "$(verdict 20260101000000 -a)" = 'keep dump:db' ]
	db 03 no no
	[ "$(verdict 20260101000000 -a)" = 'keep dump:db' ]
	db 04 yes yes dumps damaged
	[ "$(verdict 20260101000000 -a)" = 'keep dump:db' ]
	[ "$(verdict 20260101000000 -l 2)" = 'keep dump:db last:db' ]
	db 05 no yes
	[ "$(verdict 20260101000000 -a)" = 'remove old' ]
}

@test "dumps that were found damaged, or are not there, are not the last good ones" {
	local at
	for at in 'dumps damaged' 'both damaged' 'dumps damaged 0'; do
		: >generations && : >copies
		db 01 yes yes
		# shellcheck disable=SC2086 # several
		db 02 yes yes $at
		db 03 no no
		[ "$(kept -a)" = '01 03 ' ]
		[ "$(verdict 20260101000000 -d 1 -m 1 -t 20260201000000)" = 'keep dump:db' ]
		db 04 yes no
		[ "$(kept -a)" = '01 04 ' ]
	done
	# damaged files leave the dumps what they are, and damaged dumps the files
	: >generations && : >copies
	db 01 yes yes && db 02 yes yes - && db 03 yes yes files damaged && db 04 yes yes dumps damaged && db 05 yes no - failed
	[ "$(kept -a)" = '03 04 05 ' ]
	[ "$(verdict 20260103000000 -a)" = 'keep dump:db' ]
	[ "$(verdict 20260104000000 -a)" = 'keep copy:db' ]
	# damaged ones are better than none
	: >generations && : >copies
	db 01 yes yes dumps damaged && db 02 yes yes dumps damaged && db 03 no no
	[ "$(kept -a)" = '02 03 ' ]
}

@test "with what bd-generations tells" {
	local g day database dumped engine
	mkdir bad
	for g in '01 yes yes postgres' '02 yes yes postgres' '03 no no -'; do
		read -r day database dumped engine <<<"$g"
		mkdir -p "repo/202601${day}000000/v/"{files,sql}
		[ "$dumped" = no ] || : >"repo/202601${day}000000/v/sql/d.backup.sql"
		printf 'v\tok\t%s\t%s\t%s\n' "$database" "$dumped" "$engine" | bd-stamp "repo/202601${day}000000"
	done
	judged() { bd-generations -c copies -x bad repo >generations && bd-prune "$@" generations copies | cut -f 3,4 | tr '\t\n' ' ;'; }
	[ "$(judged -d 1)" = 'remove old;keep dump:v;keep newest daily copy:v;' ]
	printf './sql/d.backup.sql\t-\t-\t20260102000000\tcontent\n' >bad/v
	[ "$(judged -d 1 -m 1)" = 'keep dump:v;remove old;keep newest daily monthly copy:v;' ]
	rm bad/v repo/20260102000000/v/sql/d.backup.sql
	[ "$(judged -a)" = 'keep dump:v;remove old;keep newest copy:v;' ]
	rm -r repo/20260102000000/v
	[ "$(judged -a)" = 'keep dump:v;remove old;keep newest copy:v;' ]
	# nothing at all vouches for the first: half a generation of the original
	rm -r repo/20260101000000/v repo/20260101000000/directory_stemp.json repo/20260103000000/v && mkdir -p repo/20260102000000/v/files
	echo '{"schema": 1, "volumes": {"v": {"database": true, "dumped": true, "engine": "postgres"}}}' >repo/20260101000000/manifest.json
	printf 'v\tok\tno\tno\t-\n' | bd-stamp repo/20260102000000
	: | bd-stamp repo/20260103000000
	printf './files/f\t-\t-\t20260102000000\tcontent\n' >bad/v
	[ "$(judged -l 1)" = 'remove partial;keep filled copy:v;keep newest last;' ]
	# with files it may be worth more than the damaged one, or less
	mkdir -p repo/20260101000000/v/files
	[ "$(judged -l 1)" = 'keep copy:v;keep filled copy:v;keep newest last;' ]
}

@test "a damaged copy is better than none" {
	gen 20260101000000 whole a=damaged
	gen 20260102000000 whole a=damaged
	gen 20260103000000 whole a=failed
	gen 20260104000000 whole a=failed
	[ "$(kept -l 2)" = '02 03 04 ' ]
	gen 20251231000000 whole a=good
	[ "$(kept -l 2)" = '03 04 ' ]
	[ "$(verdict 20251231000000 -l 2)" = 'keep copy:a last:a' ]
}

@test "an engine that has lost its volumes takes no generation away" {
	gen 20260101000000 whole a=good
	gen 20260102000000 whole a=good
	for day in 03 04 05; do printf '/b/r\t202601%s000000\t-\twhole\t0\t0\t0\t-\t-\t-\n' "$day" >>generations; done
	[ "$(kept -l 2 -e existing)" = '02 04 05 ' ]
	[ "$(verdict 20260102000000 -a -e existing)" = 'keep filled' ]
}

@test "a generation does not count for a volume that failed in it" {
	for day in 01 02 03 04; do gen "202601${day}010000" whole a=good b=good; done
	gen 20260104120000 whole a=good b=failed
	gen 20260105120000 whole a=good b=failed
	gen 20260106120000 whole a=good b=good
	# the 5th has none of b, the 4th has one earlier that day
	[ "$(kept -d 3)" = '03 04 04 05 06 ' ]
	[ "$(verdict 20260104010000 -d 3)" = 'keep daily:b' ]
	[ "$(verdict 20260103010000 -d 3)" = 'keep daily:b' ]
	printf 'a\tlocal\t/b\tplain\t-\n' >existing
	[ "$(kept -d 3 -e existing)" = '04 05 06 ' ]
}

@test "what is not known to be complete counts for nothing, and ages all the same" {
	for day in 01 02 03 04; do gen "202601${day}010000" whole v=good; done
	gen 20260104120000 partial v=unproven
	gen 20260105120000 whole v=good
	[ "$(kept -d 2)" = '04 04 05 ' ]
	[ "$(verdict 20260104010000 -d 2)" = 'keep daily' ]
	[ "$(verdict 20260104120000 -d 2)" = 'keep daily' ]
	[ "$(verdict 20260104120000 -d 1)" = 'remove partial' ]
	# the one copy there is of another volume
	gen 20260102120000 partial w=unproven
	[ "$(verdict 20260102120000 -d 1)" = 'keep copy:w' ]
	# no stamp, because of a name: complete
	gen 20260106120000 unstamped v=good
	[ "$(kept -d 2)" = '02 05 06 ' ]
}

@test "names without a date, and dates that have not come" {
	gen 20260101000000
	gen 20260102000000
	gen 20260231000000
	gen 20990101000000
	gen 20990101000001
	run -0 bd-prune -t 20260103000000 -l 1 generations copies
	[ "$(cut -f 2- <<<"$output")" = $'20260101000000\tremove\told\n20260102000000\tkeep\tnewest last\n20260231000000\tkeep\tundated\n20990101000000\tkeep\tfuture\n20990101000001\tkeep\tfuture' ]
	[ "$(verdict 20990101000000 -l 1)" = 'remove old' ]
}

@test "each repository is judged for itself" {
	gen 20260101000000 whole v=good
	gen 20260102000000 whole v=good
	sed 's,^/b/r,/b/s,' generations >>generations.s && cat generations.s >>generations
	sed 's,^/b/r,/b/s,' copies >>copies.s && cat copies.s >>copies
	run -0 bd-prune -l 1 generations copies
	[ "$(cut -f 1-3 <<<"$output")" = $'/b/r\t20260101000000\tremove\n/b/r\t20260102000000\tkeep\n/b/s\t20260101000000\tremove\n/b/s\t20260102000000\tkeep' ]
	# in any order
	run -0 bd-prune -l 1 <(tac generations) <(tac copies)
	[ "$(cut -f 1-3 <<<"$output")" = $'/b/r\t20260101000000\tremove\n/b/r\t20260102000000\tkeep\n/b/s\t20260101000000\tremove\n/b/s\t20260102000000\tkeep' ]
}

@test "hostile names" {
	name='a\tb\nc\\d'
	printf '%s\t20260101000000\t-\twhole\t-\t-\t-\t-\t-\t-\n' "$name" '-r' $'\xff' "'\"" >generations
	for n in "$name" -r $'\xff' "'\""; do
		printf '%s\t20260101000000\twhole\t%s\tgood\tyes\t0\tno\tno\t-\t-\n' "$n" "$n" >>copies
	done
	run -0 bd-prune -a generations copies
	[ "${#lines[@]}" = 4 ]
	grep -Fqx "$name"$'\t20260101000000\tkeep\tnewest copy:'"$name" <<<"$output"
	grep -aFqx $'\xff\t20260101000000\tkeep\tnewest copy:\xff' <<<"$output"
}

@test "nothing in, nothing out" {
	run -0 bd-prune -l 1 generations copies
	[ -z "$output" ]
}

# bats test_tags=native
@test "random histories and policies, against a model of its own" {
	n=500 seed=$RANDOM
	[ -z "${BAUDOLO_TEST_LONG-}" ] || n=10000
	bd_built prune-model
	run -0 "$BD_ROOT/build/t/prune-model" "$seed" "$n"
	echo "# seed $seed: $output" >&3
	[[ $output =~ ^"$n histories, "[1-9].*" kept, "[1-9].*" alone, "[1-9].*" more could go"$ ]]
}

bd_built() {
	(
		flock 9
		make -s -C "$BD_ROOT" "build/t/$1" >&2
	) 9<"$BD_ROOT/t/helper"
}

@test "the model notices what is wrong" {
	bd_built prune-model
	mkdir bin
	export REAL
	REAL=$(command -v bd-prune)
	# shellcheck disable=SC2016 # for the scripts
	for wrong in 's/\tkeep\tnewest[^\t]*$/\tremove\told/' 's/\tkeep\tunreadable$/\tremove\told/' 's/\tkeep\tcopy:[^\t ]*$/\tremove\told/' \
		's/\tkeep\t[^\t ]*:[^\t ]*$/\tremove\told/' 's/\tremove\told$/\tkeep\tlast/' 's/\tkeep\tdaily$/\tremove\told/'; do
		printf '#!/bin/sh\n"$REAL" "$@" >out || exit\nsed "%s" out\n' "$wrong" >bin/bd-prune
		chmod +x bin/bd-prune
		PATH=$PWD/bin:$PATH run -1 "$BD_ROOT/build/t/prune-model" 7 500
		[[ $output == prune-model:* ]]
	done
}

@test "restic forgets the same" {
	export RESTIC_PASSWORD=x RESTIC_REPOSITORY=$PWD/restic RESTIC_CACHE_DIR=$PWD/cache TZ=Europe/Berlin
	mkdir src && echo 1 >src/f
	restic init -q
	n=12 policies=6
	[ -z "${BAUDOLO_TEST_LONG-}" ] || n=120 policies=60
	# nights and afternoons, over the end of a year and of summer time; some are missing
	t=$(date -d '2024-10-24 02:30' +%s)
	for ((i = 0; i < n; i++)); do
		name=$(date -d "@$t" +%Y%m%d%H%M%S)
		restic backup -q --time "$(date -d "@$t" '+%Y-%m-%d %H:%M:%S')" src
		gen "$name"
		t=$((t + (RANDOM % 8 + 1) * (n > 20 ? 11 : 90) * 3600 / 2))
	done
	[ "$(cut -f 2 generations | sort -u | wc -l)" = "$n" ]
	# the oldest, where a rule may still keep one, stays with newer versions of restic only: 0.14 lets it go
	oldest=$(cut -f 2 generations | sort | head -n 1)
	for ((i = 0; i < policies; i++)); do
		r=() b=()
		for rule in l:last H:hourly d:daily w:weekly m:monthly y:yearly; do
			[ $((RANDOM % 2)) = 0 ] || [ ${#b[@]} -eq 0 ] || continue
			k=$((RANDOM % 7 + 1))
			r+=("--keep-${rule#*:}" "$k") b+=("-${rule%:*}" "$k")
		done
		restic forget --dry-run --json "${r[@]}" | jq -r '.[0].keep[].time[:19] | gsub("[^0-9]"; "")' | sort | grep -vx "$oldest" >theirs
		bd-prune "${b[@]}" generations copies | sed -n 's/\tkeep\t.*//p' | cut -f 2 | grep -vx "$oldest" >ours
		diff theirs ours || { echo "${b[*]}"; false; }
		[ -s ours ]
	done
}

@test "malformed input" {
	gen 20260101000000 whole v=good
	cp generations g && cp copies c
	bad() {
		run -2 bd-prune -l 1 generations copies
		[[ $output == "bd-prune: $1" ]]
		cp g generations && cp c copies
	}
	printf 'x\n' >>generations && bad 'generations:2: 1 fields, expected 10'
	printf 'x' >>copies && bad 'copies:2: the last line has no end'
	sed -i 's/whole/half/' generations && bad 'generations:1: no such state'
	sed -i 's/20260101000000/2026/' generations && bad 'generations:1: no generation'
	sed -i 's/good/fine/' copies && bad 'copies:1: no such status'
	sed -i 's/-$/some/' copies && bad 'copies:1: no such damage'
	sed -i 's/20260101000000/20260102000000/' copies && bad 'copies:1: of a generation that is not listed'
	cat g >>generations && bad '/b/r/20260101000000: listed twice'
	printf -- '-\tlocal\t/x\tplain\t-\n' >existing
	run -2 bd-prune -l 1 -e existing generations copies
	run -3 bd-prune -l 1 generations missing
	[ "$output" = 'bd-prune: missing: No such file or directory' ]
}

@test "wrong usage" {
	for args in '' 'generations' '-l 1 generations' '-l 1 a b c' 'generations copies' '-a -l 1 generations copies' '-l x generations copies' \
		'-l -2 generations copies' '-l 1 -t tomorrow generations copies' '-x generations copies'; do
		# shellcheck disable=SC2086 # several
		run -2 bd-prune $args
	done
}

@test "the manual's example" {
	run -0 examples bd-prune.1
	[ "$(cut -f 2- <<<"$output")" = $'20260101023000\tremove\told\n20260102023000\tremove\told\n20260103023000\tkeep\tdaily\n20260104023000\tkeep\tnewest daily monthly copy:data' ]
}

@test "the version; a full disk is no success" {
	run -0 bd-prune -V
	[ "$output" = "bd-prune $(cat "$BD_ROOT/VERSION")" ]
	gen 20260101000000
	run -3 sh -c 'bd-prune -l 1 generations copies >/dev/full'
	[ "$output" = 'bd-prune: stdout: No space left on device' ]
}
