# baudolo-dumps.sh - what baudolo does about databases: which are to be dumped, and the dumps. It calls what baudolo and baudolo-front.sh have.
# shellcheck shell=sh disable=SC2034,SC2154 # shared with scripts/baudolo

{ # see baudolo
rows='' execs=''

# The rows of databases.csv, before anything is touched.
read_databases() {
	status=0
	rows=$(bd-databases -m "$databases_csv") || status=$?
	case $status in
	0) ;;
	1) error "not every row of $databases_csv is right, see above; the others serve." ;;
	2) refuse "$databases_csv cannot be used, see above; nothing was done." ;;
	*) give_up "$databases_csv could not be read." ;;
	esac
}

# find_databases: what runs, to $work/engines, and what is to be dumped where, to $work/wanted
find_databases() {
	printf '%s' "${rows:+$rows$newline}" >"$work/databases" || give_up "$work/databases cannot be written."
	set --
	eval "for i in $database_containers; do set -- \"\$@\" -c \"\$i\"; done"
	bd-instances "$@" "$work/mounts" >"$work/instances" || give_up 'the databases could not be told from the other containers.'
	run "$work/instances" bd-engines ${jobs:+-j "$jobs"} >"$work/engines"
	if [ "$status" -gt 1 ]; then
		error "the containers could not be asked for their databases: status $status. No dumps are made."
		sed "s/\$/$tab-$tab-$tab-$tab-/" "$work/instances" >"$work/engines"
	fi
	status=0
	bd-match "$work/databases" "$work/mounts" "$work/engines" >"$work/matched" || status=$?
	[ "$status" -le 1 ] || give_up 'it cannot be told what is to be dumped.'
	[ "$status" = 0 ] || error 'not every database can be dumped: see above.'
	awk -F '\t' 'kind == "plan" && $2 != "skip" { kept[$1] } kind == "matched" && $1 in kept' \
		kind=plan "$work/plan" kind=matched "$work/matched" >"$work/wanted"
	awk -F '\t' '$5 == "-" && !told[$2]++ { print $2 }' "$work/wanted" >"$work/silent"
	while IFS=$tab read -r container <&3 || unread; do
		error "container '$container' has rows in $databases_csv, and could not be asked for its databases: see above."
	done 3<"$work/silent"
}

# all_dumps STATUS REASON: as bd-dump would report if each of $work/wanted ended so, to $work/dumps
all_dumps() {
	awk -F '\t' -v OFS='\t' -v status="$1" -v reason="$2" \
		'{ print $1, $2, $4, $8, $5, $10, ($7 == "-" ? "none" : $5 == "-" ? "failed" : status), 0, "0.000", "-", ($7 == "-" ? "-" : reason) }' \
		"$work/wanted" >"$work/dumps"
}

# What a dump has left running in a container.
end_execs() {
	[ ! -e "$execs" ] || bd-end "$execs" || error "not all of $execs could be ended in its container."
}

# dump: $work/wanted into the generation; what became of each to $work/dumps
dump() {
	: >"$work/dumps"
	[ -s "$work/wanted" ] || return 0
	execs=$state_dir/execs.${partial##*.}
	end=TERM
	whole "$work/wanted" bd-dump ${jobs:+-j "$jobs"} ${verbose:+-v} -J "$execs" -c "$databases_csv" "$partial" >"$work/dumps"
	end=KILL
	end_execs
	if [ "$status" -gt 1 ]; then
		find "$partial" -mindepth 2 -maxdepth 2 -name sql -exec rm -rf {} + || give_up 'half a dump could not be removed.'
		all_dumps failed "bd-dump ended with status $status"
	fi
	while IFS=$tab read -r volume container _ database _ _ result _ _ _ reason <&3 || unread; do
		[ "$result" != failed ] ||
			error "database '$database' of container '$container' was not dumped to volume '$volume': $reason."
	done 3<"$work/dumps"
}

# prefer_dumps: with --only-sql, volumes whose dumps hold all that they do need no files
prefer_dumps() {
	[ "$only_sql" ] || return 0
	awk -F '\t' -v OFS='\t' '!($1 in last) { volume[++n] = $1 } { last[$1] } $7 != "ok" { without[$1] } $6 != "yes" { shared[$1] }
		END { for (i = 1; i <= n; i++) print volume[i], (volume[i] in without ? "without" : volume[i] in shared ? "shared" : "only") }' \
		"$work/dumps" >"$work/preferred"
	set --
	case $only_sql in dump-*) asked=dump-only-sql ;; *) asked=only-sql ;; esac # --dump-only was short for that
	while IFS=$tab read -r volume how <&3 || unread; do
		case $how in
		only) set -- "$@" -d "$volume" ;;
		without) say "WARNING: $asked requested but no DB dump was produced for DB volume '$volume'. Falling back to file backup." ;;
		esac
	done 3<"$work/preferred"
	decide "$@"
}
}
