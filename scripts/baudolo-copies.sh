# baudolo-copies.sh - how baudolo copies volumes: live, with their containers stopped, from a snapshot.
# shellcheck shell=sh disable=SC2034,SC2154 # shared with scripts/baudolo

{ # see baudolo
down='' # the groups that --shutdown left down

# copying INPUT COMMAND...: runs COMMAND, which ends in bd-rsync, with its options and operands
copying() {
	set -- "$@" -i "$index"
	[ ! "$checksum" ] || set -- "$@" -c
	[ ! "$verbose" ] || set -- "$@" -v
	[ ! "$trust_ctime_across_boots" ] || set -- "$@" -b
	[ ! "$jobs" ] || set -- "$@" -j "$jobs"
	[ ! -d "$state_dir/bad$repo" ] || set -- "$@" -x "$state_dir/bad$repo" # what baudolo-verify found damaged
	whole "$@" "$repo" "$partial"
}

# keep_down: nobody starts again what --shutdown left down, but bd-start(1) can
keep_down() {
	for group in $down; do
		journal=$state_dir/journal.${partial##*.}.$group
		# it is not there if nothing of it was running any more, or if a signal came after this
		[ ! -e "$journal" ] || mv "$journal" "$state_dir/down.${partial##*.}.$group" ||
			error "$journal could not be kept: the next run starts its containers."
	done
}

# cold GROUP CONTAINERS: the group's volumes once more, while nothing uses them
cold() {
	members=$work/members
	awk -F '\t' -v group="$1" '$2 == "stop" && $3 == group' "$work/plan" >"$members"
	say "Stop containers: $2..."
	words="${verbose:+-v} $(cut -f 1 "$members" | sed 's/^/-m /' | tr '\n' ' ') $2" # names hold no blanks
	end=TERM
	# shellcheck disable=SC2086 # words
	copying "$members" bd-hold "$members" -- bd-stop ${shutdown:+-d} \
		-j "$state_dir/journal.${partial##*.}.$1" -o "$work/stopped" $words -- bd-rsync -C >"$work/cold.group"
	[ "$shutdown" ] || say "Start containers: $2..."
	[ ! "$shutdown" ] || [ "$status" -gt 1 ] || down="$down $1"
	end=KILL
	[ "$status" = 0 ] || rc=1
	if [ -e "$work/stopped" ]; then # else nobody knows who used the volumes meanwhile
		cat "$work/stopped" >>"$work/stops"
		cat "$work/cold.group" >>"$work/cold"
	fi
	rm -f "$work/stopped"
}

# snap: all volumes from a snapshot, those live that it does not hold
snap() {
	end=TERM
	# shellcheck disable=SC2016 # for the inner shell
	copying "$work/plan" bd-snapshot -t "${partial##*.}" ${verbose:+-v} "$snapshot" "$snapshot_subject" -- \
		sh -c 'bd-in-snapshot "$1" >"$2" || exit 3; exec <"$2"; shift 2; exec "$@"' - "$work/volumes" "$work/plan.snapshot" \
		bd-rsync >"$work/hot"
	end=KILL
	[ "$status" -le 1 ] || give_up "there is no copy from a snapshot: status $status."
	while IFS=$tab read -r volume action _ reason _ <&3 || unread; do
		case $action-$reason in
		live-snapshot | skip-* | fail-*) ;;
		*) say "WARNING: volume '$volume' is not in the snapshot ($(printf %b "$reason")); copying it live instead." ;;
		esac
	done 3<"$work/plan.snapshot"
}

# copy: all volumes live, then those of each stop group again; what became of them to $work/results
copy() {
	: >"$work/cold"
	: >"$work/stops"
	if [ "$snapshot" ]; then
		snap
		mv "$work/plan.snapshot" "$work/plan"
	else
		copying "$work/plan" bd-rsync >"$work/hot"
	fi
	[ "$status" -le 1 ] || give_up "the copy ended with status $status."
	[ "$status" = 0 ] || rc=1
	[ -s "$work/groups" ] || say 'No containers to stop.'
	while IFS=$tab read -r group containers <&3 || unread; do
		cold "$group" "$containers"
	done 3<"$work/groups"
	bd-settle "$work/plan" "$work/groups" "$work/hot" "$work/cold" "$work/stops" >"$work/results" ||
		give_up 'it cannot be told what became of the copies.'
	while IFS=$tab read -r volume result _ _ _ _ _ reason _ <&3 || unread; do
		case $result-$reason in
		failed-unmounted) lose "$volume" 'has a backing store of its own, and nothing has it mounted: it is not in this generation.' ;;
		failed-*) lose "$volume" "is not in this generation: $(printf %b "$reason")." ;;
		vanished-*) say 'Warning: Some files vanished before transfer. Continuing.' ;;
		esac
	done 3<"$work/results"
	find "$partial" -mindepth 2 -maxdepth 2 -name 'files.*' -exec rm -rf {} + || give_up "what the cold copies replaced could not be removed."
	find "$index" -type f -mtime +30 -exec rm -f {} + || : # of volumes that are no more
}

# lose VOLUME WHY: there are no files of it in this generation
lose() {
	error "volume '$1' $2"
	rm -rf "${partial:?}/$1/files" || give_up "$partial/$1/files could not be removed."
}

# digest: contents.mtree for each volume. What cannot be read back is no copy.
digest() {
	run /dev/null bd-digest ${jobs:+-j "$jobs"} "$repo" "$partial" >"$work/digests"
	[ "$status" -le 1 ] || give_up "what was copied could not be read back: status $status."
	while IFS=$tab read -r volume result _ _ _ _ reason <&3 || unread; do
		[ "$result" != failed ] || lose "$volume" "is not in this generation: its copy could not be read back: $(printf %b "$reason")."
	done 3<"$work/digests"
}
}
