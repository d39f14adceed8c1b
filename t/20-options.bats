#!/usr/bin/env bats
# bd-options, with the tables of baudolo and baudolo-restore

load engine

setup() { cd "$BATS_TEST_TMPDIR"; }

# The tables stand in the front ends, as functions that print them.
front_end() { eval "$(sed -n '/^[a-z_]*spec() {$/,/^}$/p' "$BD_ROOT/scripts/$1")"; }

# Rows of `ARGUMENTS -> RECORDS`, or `ARGUMENTS -> ! REASON`. The arguments are as typed in a shell, behind
# those in $given; records have blanks for TABs, commas in between, and $hide is left out of them.
table() {
	local row args want got failed=0 rows=0
	while read -r row; do
		args=${row%%->*} want=${row#*->}
		want=${want# }
		rows=$((rows + 1))
		eval "set -- $given $args"
		if got=$(spec | bd-options - -- "$@" 2>err); then
			got=$(grep -vx "${hide:-none}" <<<"$got" | tr '\t\n' ' ,') || :
			got=${got%,}
		else
			[ -z "$got" ] || failed=1
			got="! $(sed -n '$s/^[a-z -]*: error: //p' err)"
			[[ $(head -n 1 err) == usage:* ]] || failed=1
		fi
		[ "$got" = "$want" ] || { printf '%s\n  want %s\n  got  %s\n' "$args" "$want" "$got"; failed=1; }
	done
	echo "$rows rows"
	[ "$failed" = 0 ] && [ "$rows" -gt 0 ]
}

baudolo_table() {
	front_end baudolo
	given='--backups-dir B' hide=$'backups-dir\t=B\tbackups-dir'
	table
}

restore_table() {
	front_end baudolo-restore
	verb=$1 given='V - latest' hide=$'\\(volume\t=V\\|hash\t=-\\|generation\t=latest\\)\t-'
	table
}

@test "baudolo: each option, by each of its names" {
	baudolo_table <<-'E'
		--compose-dir D -> compose-dir =D compose-dir
		--hard-restart-projects a b -> hard-restart-projects =a hard-restart-projects,hard-restart-projects =b hard-restart-projects
		--docker-compose-hard-restart-required a -> hard-restart-projects =a docker-compose-hard-restart-required
		--hard-compose-restart a -> hard-restart-projects =a hard-compose-restart
		--hard-restart-projects -> hard-restart-projects - hard-restart-projects
		--repo-name R -> repo-name =R repo-name
		--databases-csv F -> databases-csv =F databases-csv
		--database-containers a b -> database-containers =a database-containers,database-containers =b database-containers
		--images-no-stop-required a -> images-no-stop-required =a images-no-stop-required
		--images-no-backup-required a -> images-no-backup-required =a images-no-backup-required
		--volumes-no-backup-required a -> volumes-no-backup-required =a volumes-no-backup-required
		--everything -> everything =1 everything
		--only-sql -> only-sql =1 only-sql
		--dump-only-sql -> only-sql =1 dump-only-sql
		--dump-only -> only-sql =1 dump-only
		--only-files -> only-files =1 only-files
		--shutdown -> shutdown =1 shutdown
		--snapshot btrfs --snapshot-subject D -> snapshot =btrfs snapshot,snapshot-subject =D snapshot-subject
		--snapshot zfs --snapshot-subject D -> snapshot =zfs snapshot,snapshot-subject =D snapshot-subject
		-n -> dry-run =1 dry-run
		--dry-run -> dry-run =1 dry-run
		-v -> verbose =1 verbose
		--verbose -> verbose =1 verbose
		-q -> quiet =1 quiet
		--quiet -> quiet =1 quiet
		-j 4 -> jobs =4 jobs
		--jobs 4 -> jobs =4 jobs
		--checksum -> checksum =1 checksum
		--trust-ctime-across-boots -> trust-ctime-across-boots =1 trust-ctime-across-boots
		--state-dir D -> state-dir =D state-dir
		--version -> version =1 version
		'' x -> ! unrecognized arguments:  x
	E
}

@test "baudolo: the command line of the contract" {
	front_end baudolo
	given= hide= table <<-'E'
		--compose-dir /srv/docker --databases-csv /etc/baudolo/databases.csv --database-containers central-postgres central-mariadb --images-no-stop-required alpine postgres --images-no-backup-required redis -> compose-dir =/srv/docker compose-dir,databases-csv =/etc/baudolo/databases.csv databases-csv,database-containers =central-postgres database-containers,database-containers =central-mariadb database-containers,images-no-stop-required =alpine images-no-stop-required,images-no-stop-required =postgres images-no-stop-required,images-no-backup-required =redis images-no-backup-required
	E
}

@test "baudolo: prefixes" {
	baudolo_table <<-'E'
		--dump -> only-sql =1 dump-only-sql
		--dum -> only-sql =1 dump-only-sql
		--dump-only- -> only-sql =1 dump-only-sql
		--images-no-s a -> images-no-stop-required =a images-no-stop-required
		--images-no-b a -> images-no-backup-required =a images-no-backup-required
		--im a -> ! ambiguous option: --im could match --images-no-stop-required, --images-no-backup-required
		--c D -> compose-dir =D compose-dir
		--ch -> checksum =1 checksum
		--v a -> volumes-no-backup-required =a volumes-no-backup-required
		--ve -> ! ambiguous option: --ve could match --verbose, --version
		--hard a -> hard-restart-projects =a hard-restart-projects
		--ha a -> hard-restart-projects =a hard-restart-projects
		--hard-c a -> hard-restart-projects =a hard-compose-restart
		--doc a -> hard-restart-projects =a docker-compose-hard-restart-required
		--d -> ! ambiguous option: --d could match --docker-compose-hard-restart-required, --databases-csv, --database-containers, --dump-only-sql, --dump-only
		--h -> ! ambiguous option: --h could match --help, --hard-restart-projects, --hard-compose-restart
		--s D -> ! ambiguous option: --s could match --shutdown, --snapshot, --snapshot-subject
		--sn=zfs -> ! ambiguous option: --sn=zfs could match --snapshot, --snapshot-subject
		--snapshot=zfs --snapshot- D -> snapshot =zfs snapshot,snapshot-subject =D snapshot-subject
		--st D -> state-dir =D state-dir
		--sh -> shutdown =1 shutdown
		--e -> everything =1 everything
		--r R -> repo-name =R repo-name
		--data a -> ! ambiguous option: --data could match --databases-csv, --database-containers
		--databases a -> databases-csv =a databases-csv
		--database- a -> database-containers =a database-containers
		--only -> ! ambiguous option: --only could match --only-sql, --only-files
		--t -> trust-ctime-across-boots =1 trust-ctime-across-boots
		--dry -> dry-run =1 dry-run
		--dr -> dry-run =1 dry-run
		--q -> quiet =1 quiet
		--j 2 -> jobs =2 jobs
		--everythingelse -> ! unrecognized arguments: --everythingelse
	E
}

@test "baudolo: values after =, empty ones, clusters of short options" {
	baudolo_table <<-'E'
		--compose-dir=D -> compose-dir =D compose-dir
		--c=a=b -> compose-dir =a=b compose-dir
		--repo-name= -> repo-name = repo-name
		--repo-name '' -> repo-name = repo-name
		--repo-name - -> repo-name =- repo-name
		--repo-name=-x -> repo-name =-x repo-name
		--repo-name -5 -> repo-name =-5 repo-name
		--repo-name -.5 -> repo-name =-.5 repo-name
		--repo-name '-a b' -> repo-name =-a b repo-name
		--repo-name '--a b' -> repo-name =--a b repo-name
		--repo-name '-n b' -> repo-name =-n b repo-name
		--state-dir='a b' -> state-dir =a b state-dir
		--hard-restart-projects= -> hard-restart-projects = hard-restart-projects
		--hard-restart-projects=a -> hard-restart-projects =a hard-restart-projects
		--hard-restart-projects=a b -> ! unrecognized arguments: b
		--images-no-stop-required=a -> images-no-stop-required =a images-no-stop-required
		-j4 -> jobs =4 jobs
		-j=4 -> jobs =4 jobs
		-nv -> dry-run =1 dry-run,verbose =1 verbose
		-nvj4 -> dry-run =1 dry-run,verbose =1 verbose,jobs =4 jobs
		-nj=4 -> dry-run =1 dry-run,jobs =4 jobs
		-nj 4 -> dry-run =1 dry-run,jobs =4 jobs
		-nx -> ! unrecognized arguments: -nx
		-n=v -> ! argument -n/--dry-run: ignored explicit argument 'v'
		-n= -> ! argument -n/--dry-run: ignored explicit argument ''
		--everything= -> ! argument --everything: ignored explicit argument ''
		--everything=1 -> ! argument --everything: ignored explicit argument '1'
		--dump=x -> ! argument --only-sql/--dump-only-sql/--dump-only: ignored explicit argument 'x'
	E
}

@test "baudolo: lists, repeated options, --" {
	baudolo_table <<-'E'
		--hard-restart-projects a b --everything -> hard-restart-projects =a hard-restart-projects,hard-restart-projects =b hard-restart-projects,everything =1 everything
		--hard-restart-projects --everything -> hard-restart-projects - hard-restart-projects,everything =1 everything
		--hard-restart-projects a -5 - '' 'x y' -> hard-restart-projects =a hard-restart-projects,hard-restart-projects =-5 hard-restart-projects,hard-restart-projects =- hard-restart-projects,hard-restart-projects = hard-restart-projects,hard-restart-projects =x y hard-restart-projects
		--hard-restart-projects a -- -> hard-restart-projects =a hard-restart-projects
		--hard-restart-projects a -- b -> ! unrecognized arguments: b
		-- --everything -> ! unrecognized arguments: --everything
		-- -- -> ! unrecognized arguments: --
		--hard-restart-projects a b --hard-compose-restart c -> hard-restart-projects =c hard-compose-restart
		--hard-restart-projects a --hard-restart-projects -> hard-restart-projects - hard-restart-projects
		--images-no-stop-required a b --images-no-stop-required c -> images-no-stop-required =c images-no-stop-required
		--compose-dir a --compose-dir b -> compose-dir =b compose-dir
		--dump-only --only-sql -> only-sql =1 only-sql
		--only-sql --dump-only -> only-sql =1 dump-only
		-j 1 -j 2 -> jobs =2 jobs
	E
}

@test "baudolo: wrong usage" {
	baudolo_table <<-'E'
		--nonsense -> ! unrecognized arguments: --nonsense
		a --nonsense b -z -> ! unrecognized arguments: a --nonsense b -z
		--compose-dir -> ! argument --compose-dir: expected one argument
		--compose-dir --everything -> ! argument --compose-dir: expected one argument
		--compose-dir -- a -> ! argument --compose-dir: expected one argument
		--compose-dir '' -> ! argument --compose-dir: expected an argument that is not empty
		--compose-dir= -> ! argument --compose-dir: expected an argument that is not empty
		--backups-dir= -> ! argument --backups-dir: expected an argument that is not empty
		--database-containers -> ! argument --database-containers: expected at least one argument
		--images-no-stop-required --everything -> ! argument --images-no-stop-required: expected at least one argument
		--images-no-backup-required -n -> ! argument --images-no-backup-required: expected at least one argument
		--volumes-no-backup-required -- a -> ! argument --volumes-no-backup-required: expected at least one argument
		-j -> ! argument -j/--jobs: expected one argument
		-j -n -> ! argument -j/--jobs: expected one argument
		-j 0 -> ! argument -j/--jobs: invalid number: '0'
		-j -1 -> ! argument -j/--jobs: invalid number: '-1'
		-jn -> ! argument -j/--jobs: invalid number: 'n'
		--jobs= -> ! argument -j/--jobs: invalid number: ''
		--snapshot lvm -> ! argument --snapshot: invalid choice: 'lvm' (choose from 'btrfs', 'zfs')
		--snapshot lvm --snapshot zfs -> ! argument --snapshot: invalid choice: 'lvm' (choose from 'btrfs', 'zfs')
		--snapshot= -> ! argument --snapshot: invalid choice: '' (choose from 'btrfs', 'zfs')
		--snapshot zfs -> ! argument --snapshot: needs argument --snapshot-subject
		--snapshot-subject D -> ! argument --snapshot-subject: needs argument --snapshot
		--snapshot zfs --snapshot-subject D --shutdown -> ! argument --snapshot: not allowed with argument --shutdown
		--snapshot zfs --snapshot-subject D --hard-compose-restart a -> ! argument --snapshot: not allowed with argument --hard-restart-projects/--docker-compose-hard-restart-required/--hard-compose-restart
		--snapshot zfs --snapshot-subject D --hard-compose-restart -> hard-restart-projects - hard-compose-restart,snapshot =zfs snapshot,snapshot-subject =D snapshot-subject
		--snapshot zfs --snapshot-subject D --hard-compose-restart a --hard-compose-restart -> hard-restart-projects - hard-compose-restart,snapshot =zfs snapshot,snapshot-subject =D snapshot-subject
		--only-files --only-sql -> ! argument --only-files: not allowed with argument --only-sql/--dump-only-sql/--dump-only
		--dump-only --only-files -> ! argument --only-files: not allowed with argument --only-sql/--dump-only-sql/--dump-only
	E
}

@test "baudolo: one of --compose-dir and --backups-dir" {
	front_end baudolo
	given= hide= table <<-'E'
		-> ! one of the arguments --compose-dir --backups-dir --recover is required
		--everything -> ! one of the arguments --compose-dir --backups-dir --recover is required
		--dump-only-sql -> ! one of the arguments --compose-dir --backups-dir --recover is required
		--hard-restart-projects a -> ! one of the arguments --compose-dir --backups-dir --recover is required
		--b B -> backups-dir =B backups-dir
		--compose-dir D --backups-dir B -> compose-dir =D compose-dir,backups-dir =B backups-dir
		--version -> version =1 version
		-n --version --nonsense -> version =1 version
		--nonsense --version -> version =1 version
		--snapshot lvm --version -> ! argument --snapshot: invalid choice: 'lvm' (choose from 'btrfs', 'zfs')
		--version --s -> ! ambiguous option: --s could match --shutdown, --snapshot, --snapshot-subject
	E
}

@test "baudolo-restore files" {
	restore_table files <<-'E'
		--backups-dir B -> backups-dir =B backups-dir
		--repo-name R -> repo-name =R repo-name
		--source-volume W -> source-volume =W source-volume
		--rsync-image I -> rsync-image =I rsync-image
		--rs I -> rsync-image =I rsync-image
		--stop -> stop =1 stop
		--live -> live =1 live
		--no-verify -> no-verify =1 no-verify
		-n -> dry-run =1 dry-run
		-vq -> verbose =1 verbose,quiet =1 quiet
		--state-dir D -> state-dir =D state-dir
		--s W -> source-volume =W source-volume
		--st -> ! ambiguous option: --st could match --stop, --state-dir
		--r x -> ! ambiguous option: --r could match --repo-name, --rsync-image
		--container c -> ! unrecognized arguments: --container c
		x -> ! unrecognized arguments: x
	E
	# operands between, before and behind options
	given= table <<-'E'
		V --live - -- latest -> live =1 live
		--repo-name R V - -n latest -> repo-name =R repo-name,dry-run =1 dry-run
		-- V - latest ->
		-> ! the following arguments are required: VOLUME, HASH, VERSION
		V --live -> ! the following arguments are required: HASH, VERSION
	E
	run -1 bd-options <(spec) -- --h
	run -0 bd-options <(spec) -- -- -v --live --
	[ "$output" = $'volume\t=-v\t-\nhash\t=--live\t-\ngeneration\t=--\t-' ]
}

@test "baudolo-restore postgres, mariadb" {
	for verb in postgres mariadb; do
		restore_table "$verb" <<-'E'
			--container C --db-name N --db-password P --db-user U --empty -> container =C container,db-password =P db-password,empty =1 empty,db-name =N db-name,db-user =U db-user
			--c C --db-n N --db-p P --db-u U --e -> container =C container,db-password =P db-password,empty =1 empty,db-name =N db-name,db-user =U db-user
			--container C --db-name N --db-password= -> container =C container,db-password = db-password,db-name =N db-name
			--container C --db-name N --db-password '-a b' -> container =C container,db-password =-a b db-password,db-name =N db-name
			--container C --db-name N --db-password -ab -> ! argument --db-password: expected one argument
			--container C --db-name N --db-password-file - -> container =C container,db-password-file =- db-password-file,db-name =N db-name
			--container C --db-name N --db-password-f F -> container =C container,db-password-file =F db-password-file,db-name =N db-name
			--container C --db-name N --db-password-file F --db-password P -> ! argument --db-password: not allowed with argument --db-password-file
			--container C --db-name N --no-version-check --no-verify -> container =C container,no-version-check =1 no-version-check,db-name =N db-name,no-verify =1 no-verify
			--container C --db-name N --backups-dir B --repo-name R -> backups-dir =B backups-dir,repo-name =R repo-name,container =C container,db-name =N db-name
			--db P -> ! ambiguous option: --db could match --db-password, --db-name, --db-user
			--db-name N -> ! the following arguments are required: --container
			--empty -> ! the following arguments are required: --container, --db-name
			--container C --db-name N --instance I -> ! unrecognized arguments: --instance I
		E
	done
}

@test "a secret: whatever it is, the other arguments are told without it" {
	local shell value taken
	front_end baudolo-restore
	verb=postgres
	spec >spec
	sed 's/^secret /value0 /' spec >plain
	cat >try <<-'E'
		given=$({ cat spec && echo end && printf '%s\0' "$@"; } | bd-options -0s -) || exit
		eval "$given"
		eval "set -- $others"
		printf '%s|' "$db_password" "$@"
	E
	for value in -12345 -1.5 -.5 -0 '-a b' '--a b' '--a b=c' '--db-password x' '- ' ' -' '-1 2' '-.' '-5.' '-1.2.3' -1e5 -- - '' x '*' '-*' \
		--empty -ab '--empty=a b' '--db-p=x y' '-1-2' -.-. $'-a\tb' '---' '=' '-=' '--=' '--=a b' "it's" $'\n' $'\xff'; do
		taken=0
		set -- V - latest --container C --db-password "$value" --db-name N
		bd-options plain -- "$@" >records 2>/dev/null || taken=$?
		for shell in dash 'busybox sh' bash; do
			run --separate-stderr $shell try "$@"
			[ "$status" = "$taken" ] || { echo "$shell: '$value': $status, not $taken"; false; }
			[ "$status" = 0 ] || continue
			[ "$output" = "$value|V|-|latest|--container|C|--db-name|N|" ]
		done
	done
	# the last counts, none of them stays, and all else does as it stands
	run -0 bash try V - --db-p=a latest -n --db-password b --db-n N --db-pass=-c --container=C --empty --
	[ "$output" = '-c|V|-|latest|-n|--db-n|N|--container=C|--empty|--|' ]
	run -0 bash try --db-password x --db-name N --container C -- V - latest
	[ "$output" = 'x|--db-name|N|--container|C|--|V|-|latest|' ]
	run -2 bash try V - latest --db-password x --db-password-file y --container C --db-name N
	# where there is none, nothing is said of the others
	{ cat spec && printf 'end\n' && printf '%s\0' V - latest --container C --db-name N; } >in
	run ! grep others <(bd-options -0s - <in)
	[ "$(bd-options -0 in)" = "$(bd-options spec -- V - latest --container C --db-name N)" ]
}

@test "-0: the arguments behind the table" {
	printf 'program p\nabout A\noperand0 o xx X x\nlist0 o ll,l L l\nend\n' >spec
	run -0 bd-options -0 spec
	[ -z "$output" ]
	{ cat spec && printf '%s\0' one -l '' $'a\nb' end; } >in
	[ "$(bd-options -0 in)" = $'xx\t=one\t-\nll\t=\tll\nll\t=a\\nb\tll\nll\t=end\tll' ]
	{ cat spec && printf 'one\0two'; } >in
	run -2 --separate-stderr bd-options -0 in
	[ "$output,$stderr" = ',bd-options: in: the last argument has no end' ]
	run -2 bd-options -0 spec -- x
	run -3 bd-options -0 none
	# without -0, what follows the table is not looked at
	[ "$(bd-options in -- x)" = $'xx\t=x\t-' ]
}

@test "baudolo-restore cluster" {
	restore_table cluster <<-'E'
		--container C --instance I --db-user U --db-password P --empty -> container =C container,db-password =P db-password,empty =1 empty,instance =I instance,db-user =U db-user
		--container C --instance I --db-password P -> ! the following arguments are required: --db-user
		--container C --db-user U -> ! the following arguments are required: --instance
		--container C --instance I --db-user U --db-name N -> ! unrecognized arguments: --db-name N
	E
}

@test "front ends: wrong usage is told on stderr with status 2, and help on stdout with 0" {
	for program in baudolo 'baudolo-restore' 'baudolo-restore files' 'baudolo-restore postgres' \
		'baudolo-restore mariadb' 'baudolo-restore cluster'; do
		for shell in dash 'busybox sh' bash; do
			set -- $program
			command=$(command -v "$1")
			shift
			run -2 --separate-stderr $shell "$command" "$@" --nonsense
			[ -z "$output" ]
			[[ ${stderr_lines[0]} == "usage: $program ["* ]]
			[[ ${stderr_lines[-1]} == "$program: error: unrecognized arguments: --nonsense" ||
				$program == baudolo-restore* ]]
			for help in --help -h; do
				run -0 --separate-stderr $shell "$command" "$@" $help
				[[ $output == "usage: $program ["* ]]
				[ -z "$stderr" ]
			done
			run -0 --separate-stderr $shell "$command" "$@" --version
			[[ $output == baudolo*' '[0-9]*.* ]]
			run -3 $shell -c 'exec "$@" >/dev/full' sh $shell "$command" "$@" --help
		done
	done
}

@test "front ends: the help names every spelling of every option" {
	front_end baudolo
	baudolo --help >help
	for name in $(spec | awk '$2 == "o" || $2 == "n" { gsub(",", " ", $3); print $3 }') help h; do
		[ ${#name} = 1 ] && name=-$name || name=--$name
		grep -qE -- "^  (.*, )?$name(,| |$)" help || { echo "$name"; false; }
	done
	front_end baudolo-restore
	for verb in files postgres mariadb cluster; do
		baudolo-restore "$verb" --help >help
		for name in $(spec | awk '($2 == "o" || $2 == "n") && $1 != "operand" { gsub(",", " ", $3); print $3 }'); do
			[ ${#name} = 1 ] && name=-$name || name=--$name
			grep -qE -- "^  (.*, )?$name(,| |$)" help || { echo "$verb $name"; false; }
		done
	done
	[ "$(awk 'length > 90' help)" = '' ]
}

@test "front ends: names, not paths" {
	for bad in '' . .. a/b /; do
		run -2 --separate-stderr baudolo --backups-dir B --repo-name "$bad"
		[[ -z $output && $stderr == 'ERROR: '*"'$bad'" ]]
		for arguments in '"$bad" - latest' 'V "$bad" latest' 'V - "$bad"' 'V - latest --repo-name "$bad"' \
			'V - latest --source-volume "$bad"' 'V - latest --source-volume="$bad"'; do
			eval "set -- $arguments"
			run -2 --separate-stderr baudolo-restore files "$@"
			[[ -z $output && $stderr == 'ERROR: '*"'$bad'" ]]
		done
	done
	[ ! -e B ]
}

@test "front ends: the verb comes first" {
	run -2 baudolo-restore
	[ "${lines[-1]}" = 'baudolo-restore: error: the following arguments are required: verb' ]
	run -2 baudolo-restore --live files V - latest
	run -2 baudolo-restore file V - latest
	[ "${lines[-1]}" = "baudolo-restore: error: argument verb: invalid choice: 'file' (choose from 'files', 'postgres', 'mariadb', 'cluster')" ]
}

@test "-s: any value survives eval, in every shell" {
	front_end baudolo
	spec >spec
	LC_ALL=C awk 'BEGIN { for (i = 1; i < 256; i++) printf "%c", i }' >all
	all=$(cat all; echo .)
	all=${all%.}
	cat >try <<-'E'
		options=$(bd-options -s spec -- --repo-name "$1" --hard-restart-projects "$@" -nv --dump --b B) || exit
		only_files=
		eval "$options"
		printf '%s|' "$repo_name" "$dry_run" "$verbose" "$only_sql" "$only_files"
		eval "set -- $hard_restart_projects"
		printf '%s|' "$#" "$@"
	E
	for shell in dash 'busybox sh' bash; do
		for value in "=$all" '' ' ' '~' '~root' "'" "''" '$(touch pwned)`touch pwned`' '*' '\' $'\n' $'a\n\n' $'\t' '"' ';' '#' '!' '-'; do
			$shell try "$value" 'b c' '' >got
			printf '%s|' "$value" dry-run verbose dump-only-sql '' 3 "$value" 'b c' '' >want
			cmp want got
		done
	done
	[ ! -e pwned ]
	run -0 bd-options -s spec -- --b B --hard-restart-projects
	[ "$output" = $'hard_restart_projects=\'\'\nbackups_dir=B' ]
	run -0 bd-options -s spec -- --b B --version
	[ "$output" = version=version ]
}

@test "records hold any value" {
	front_end baudolo
	run -0 bd-options <(spec) -- --b $'a\tb\nc\rd\\e' --repo-name $'\xff' --hard '' -
	[ "$output" = $'hard-restart-projects\t=\thard-restart-projects\nhard-restart-projects\t=-\thard-restart-projects\nrepo-name\t=\xff\trepo-name\nbackups-dir\t=a\\tb\\nc\\rd\\\\e\tbackups-dir' ]
}

@test "a message is one line" {
	front_end baudolo
	run -2 --separate-stderr bd-options <(spec) -- $'a\nbaudolo: error: \e[2J'
	[[ ${stderr_lines[-1]} == 'baudolo: error: unrecognized arguments: a\nbaudolo: error: '* ]]
}

@test "malformed tables" {
	head='program p\nabout a\n'
	while read -r line; do
		spec=${line%% -> *} want=${line#* -> }
		printf "$head$spec" >spec
		run -2 --separate-stderr bd-options spec -- --x
		[ -z "$output" ]
		[ "$stderr" = "bd-options: spec:$want" ] || { echo "$spec: $stderr"; false; }
	done <<-'E'
		nonsense x\n -> 3: unknown word 'nonsense'
		secret o xx,x X h\n -> 3: a secret has long names only
		flag o\n -> 3: an option is: KIND ORIGIN NAME[,NAME...] METAVAR HELP...
		flag o xx -\n -> 3: an option is: KIND ORIGIN NAME[,NAME...] METAVAR HELP...
		flag z xx - h\n -> 3: origin must be o or n, not 'z'
		flag o x - h\n -> 3: the first name must be a long one, not 'x'
		flag o xx, - h\n -> 3: '' is no name of an option
		flag o --xx - h\n -> 3: '--xx' is no name of an option
		flag o Xx - h\n -> 3: 'Xx' is no name of an option
		flag o xx,5 - h\n -> 3: '5' is no name of an option
		flag o xx - h\nflag o yy,xx - h\n -> 4: 'xx' is there already
		flag o xx,yy,xx - h\n -> 3: 'xx' is there already
		flag o help - h\n -> 3: 'help' is there already
		flag o yy,h - h\n -> 3: 'h' is there already
		flag o xx X h\n -> 3: a flag's metavar is -
		list0 o xx - h\n -> 3: only a flag has no metavar
		operand o xx,yy X h\n -> 3: an operand has one name
		flag o xx-yy - h\nflag n xx - h\n -> 4: --xx, which is new, hides a prefix of --xx-yy
		flag n xx - h\nflag o xx-yy - h\n -> 4: --xx, which is new, hides a prefix of --xx-yy
		require\n -> 3: a rule is: require NAME... | exclude NAME NAME... | need NAME NAME
		flag o xx - h\nexclude xx\n -> 4: a rule is: require NAME... | exclude NAME NAME... | need NAME NAME
		require xx\n -> 3: no option 'xx' above
		program q\n -> 3: a second 'program'
		\n\nflag o xx - h -> 5: NUL byte, or no end of line
		flag o xx - \000\n -> 3: NUL byte, or no end of line
	E
	run -2 bd-options - -- </dev/null
	[ "$output" = "bd-options: stdin:0: no 'program' line" ]
	run -2 bd-options - -- <<<'program p'
	[ "$output" = "bd-options: stdin:1: no 'about' line" ]
	run -3 bd-options . --
	run -3 bd-options missing --
}

@test "an operand that may be missing, and rules for it" {
	cat >spec <<-'E'
		program p
		about a
		operand o one ONE h
		operand0 o two TWO h
		value1 n other F h
		require two other
		exclude two other
	E
	run -0 bd-options spec -- 1 2
	[ "$output" = $'one\t=1\t-\ntwo\t=2\t-' ]
	run -0 bd-options spec -- 1 --other x
	[ "$output" = $'one\t=1\t-\nother\t=x\tother' ]
	run -2 bd-options spec -- 1
	[ "$output" = $'usage: p [-h] [--other F] ONE [TWO]\np: error: one of the arguments TWO --other is required' ]
	run -2 bd-options spec -- 1 2 --other x
	[ "${lines[1]}" = 'p: error: argument TWO: not allowed with argument --other' ]
	run -2 bd-options spec -- --other x
	[ "${lines[1]}" = 'p: error: the following arguments are required: ONE' ]
	run -2 bd-options spec -- 1 2 3
	[ "${lines[1]}" = 'p: error: unrecognized arguments: 3' ]
}

@test "help, version, wrong usage of bd-options itself, /dev/full" {
	front_end baudolo
	spec >spec
	run -1 --separate-stderr bd-options spec -- -h
	[[ -z $stderr && $output == 'usage: baudolo [-h] '* ]]
	run -1 bd-options spec -- --nonsense -nh --nonsense
	run -0 bd-options -V
	run -2 bd-options
	[ "$output" = $'usage: bd-options [-sV] SPEC -- [ARGUMENT...]\n       bd-options -0 [-s] SPEC' ]
	run -2 bd-options spec
	run -2 bd-options spec x
	run -2 bd-options -z spec --
	for arguments in 'spec -- --b B' '-s spec -- --b B' 'spec -- --help' '-s spec -- --help'; do
		run -3 sh -c "bd-options $arguments >/dev/full"
	done
}

@test "the manual's examples run" {
	awk '/^\.Sh/ { on = /EXAMPLES/ } on && /^\.Ed/ { p = 0 } p; on && /^\.Bd/ { p = 1 }' \
		"$BD_ROOT/man/bd-options.1" | sed 's/\\e/\\/g' >examples
	run -0 sh -e examples
	[ "$output" = $'Hi, Ann!\nHi, O\'Neill!\npeople\t=Ann\npeople\t=O\'Neill\nloud\t=1' ]
}
