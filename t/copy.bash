# copy.bash - generations of one or more volumes, made by bd-rsync and bd-digest alone
#
#	load tree; load copy
#	setup() { copy_begin; }
#
# copy_begin              in $BATS_TEST_TMPDIR, or in the folder given: REPO, INDEX, and the number of the next generation
# generation [ARG...]     bd-rsync ARG... over the plan on stdin; then it is $GEN, its records are in $WORK/results
# volume_plan NAME DIR    a plan record
# generation_of DIR [ARG...]   one volume called v; its copy is then $COPY, and $LINKED and $COPIED are what it says
# settled                 before generation: ctimes of now are taken for old ones
# unsettled               and back

copy_begin() {
	WORK=${1:-$BATS_TEST_TMPDIR} NEXT=20260101000000
	REPO=$WORK/repo INDEX=$WORK/index
	mkdir -p "$REPO" "$INDEX"
}

settled() {
	make -s -C "$BD_ROOT" build/t/later.so
	export BD_LATER=60 BD_PRELOAD=$BD_ROOT/build/t/later.so
}

unsettled() { unset BD_LATER BD_PRELOAD; }

volume_plan() { printf '%s\tlive\t-\tidle\t%s\t-\n' "$1" "$2"; }

generation() {
	GEN=$REPO/$NEXT
	mkdir -p "$WORK/partial/$NEXT"
	LD_PRELOAD=${BD_PRELOAD-} \
		bd-rsync -i "$INDEX" "$@" "$REPO" "$WORK/partial/$NEXT" >"$WORK/results" || return
	bd-digest "$REPO" "$WORK/partial/$NEXT" >"$WORK/digests" || return
	mv "$WORK/partial/$NEXT" "$GEN"
	NEXT=$((NEXT + 1))
}

generation_of() {
	local src=$1 v status bytes seconds base reason
	shift
	generation "$@" <<<"$(volume_plan v "$src")" || return
	COPY=$GEN/v/files
	IFS=$'\t' read -r v status LINKED COPIED bytes seconds base reason <"$WORK/results"
}
