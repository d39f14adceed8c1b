#!/usr/bin/env bats
# The tests' own judges: what tree.bash builds, changes and compares.

load engine
load tree

setup_file() {
	mkdir "$BATS_FILE_TMPDIR/s" "$BATS_FILE_TMPDIR/d"
	TREE_SPARSE=2M tree_make "$BATS_FILE_TMPDIR/s"
	copy
}

teardown_file() {
	tree_done "$BATS_FILE_TMPDIR/s"
	loop_clean
}

setup() { cd "$BATS_FILE_TMPDIR"; }

# s to d in a folder, seen under short names.
copy() {
	unshare -m --propagation private sh -c '
		mount -t tmpfs none /mnt && mkdir /mnt/s /mnt/d && mount --bind "$1/s" /mnt/s && mount --bind "$1/d" /mnt/d &&
			exec rsync -aHAXXS --numeric-ids --no-D --info=nonreg0 --modify-window=-1 --checksum --delete /mnt/s/ /mnt/d/
	' - "${1:-$BATS_FILE_TMPDIR}"
}

# A second copy, to be spoilt. Relative: there is no room left in the deepest path.
again() {
	rm -rf w
	cp -a d w
}

@test "the tree holds all it should" {
	run -0 find s -type f -links +2
	[ -n "$output" ]
	[ -p s/fifo ]
	[ -S s/socket ]
	[ -c s/device ]
	[ -b s/device-b ]
	[ -u s/modes/suid ]
	[ "$(stat -c %u s/modes/u2)" = 4000000000 ]
	[ "$(find s -printf '%P\n' | awk '{ if (length > n) n = length } END { print n }')" = 4060 ]
	getfattr --absolute-names -n trusted.t s/attrs/trusted
	getfacl -p s/attrs/acldir | grep default:user:1234:rwx
	[ "$(stat -c %b s/sizes/sparse)" -lt 100 ]
	find s -name '*
*' | grep -q .
	LC_ALL=C ls s/names | grep -qa $'\xff'
	[ "$(LC_ALL=C find s/names -printf '%f\n' | LC_ALL=C awk 'length == 255' | wc -l)" = 2 ]
}

@test "a right copy: the oracle prints nothing, and nothing differs" {
	run -0 oracle s d
	[ -z "$output" ]
	run -0 exact s d
	[ "$(fingerprint d)" = "$(fingerprint d)" ]
	again
	run -0 oracle s w
	[ -z "$output" ]
	run -0 same_inodes d d
	run -1 same_inodes d w
}

# what is wrong | how it is made, in a right copy | and is it also another fingerprint?
wrongs() {
	cat <<-'EOF'
		byte|bd_rewrite change/same-size X|yes
		byte of a sparse file|bd_rewrite sizes/sparse X|yes
		mode|chmod 0601 order/b|yes
		mode of a folder|chmod 0701 order/a|yes
		setuid gone|chmod u-s modes/suid|yes
		owner|chown 9 order/b|yes
		group of a link|chown -h :9 links/dangling|yes
		xattr|setfattr -n user.x -v 7 change/xattr|yes
		xattr of a folder|setfattr -x trusted.d attrs/dir|yes
		trusted xattr|setfattr -x trusted.t attrs/trusted|yes
		ACL|setfacl -m u:99:x change/acl|yes
		default ACL|setfacl -k attrs/acldir|yes
		mtime|touch -d @1 order/b|yes
		mtime of a folder|touch -d @1 times/dir|yes
		link target|stamp=$(stat -c %y links/self) && ln -sfn .. links/self && touch -h -d "$stamp" links/self|yes
		missing|rm order/b|yes
		empty folder missing|rmdir sizes/nothing/in/here|yes
		extra|: >order/zzz|yes
		extra below a name that is not UTF-8|: >$'names/dir\t\xff/n'|yes
		a FIFO|mkfifo fifo|yes
		a device|mknod order/null c 1 3|yes
		inode split|cp -p links/one/y y && mv y links/one/y|no
		inode of a link split|rm links/one/s && cp -a links/two/s2 links/one/s|no
		inodes merged|ln -f links/one/e links/two/e|no
		classes merged|ln -f links/one/e links/two/e && ln -f links/one/e links/two/e2|no
	EOF
}

@test "a wrong copy: the oracle speaks, whatever is wrong" {
	before=$(fingerprint d)
	while IFS='|' read -r what how other <&4; do
		again
		# nothing else shall be wrong, such as the mtime of a folder
		(cd w && eval "$how" && for f in . order links links/one links/two; do touch -r "../d/$f" "$f" || exit; done) 4>&-
		run oracle s w
		[ "$status" = 1 ] && [ -n "$output" ] || { echo "not seen: $what"; false; }
		same=no
		[ "$(fingerprint w)" != "$before" ] || same=yes
		[ "$same" != "$other" ] || { echo "fingerprint of: $what"; false; }
	done 4< <(wrongs)
}

@test "nanoseconds count, in exact" {
	again
	touch -d '2001-01-01 01:01:01.5' w/times/dir
	run -1 exact s w
}

@test "a hard link made elsewhere is no change, and neither is a hole" {
	again
	before=$(fingerprint w)
	mkdir l
	ln w/order/b l/b
	cp --sparse=always -p w/sizes/zeros z && cat z >w/sizes/zeros && touch -r z w/sizes/zeros
	[ "$(fingerprint w)" = "$before" ]
}

@test "a copy of a changed tree is wrong until it is made anew, and over a linked past it spoils that" {
	again
	cp -al d past
	before=$(fingerprint past)
	tree_dirty s
	sync -f s
	tree_change s
	run -1 oracle s d
	for name in same-size append chmod chown xattr acl mapped retarget exchange1 exchange2 left/f right/deeper/h replaced turn/ past/; do
		grep -F " change/$name" <<<"$output"
	done
	grep -F '*deleting   change/delete' <<<"$output"
	copy
	# rsync has changed modes and owners of inodes that `past` names too: the fingerprint tells
	[ "$(fingerprint past)" != "$before" ]
	# and it cannot take apart what was one inode
	run -1 oracle s d
	rm -rf d
	mkdir d
	copy
	run -0 oracle s d
	[ -z "$output" ]
	run -0 exact s d
}

@test "the same on xfs and btrfs" {
	for type in xfs btrfs; do
		fs=$(loop_fs "$type" 400M)
		mkdir "$fs/s" "$fs/d"
		TREE_SPARSE=2M tree_make "$fs/s"
		tree_change "$fs/s"
		copy "$fs"
		run -0 oracle "$fs/s" "$fs/d"
		[ -z "$output" ]
		run -0 exact "$fs/s" "$fs/d"
		tree_done "$fs/s"
	done
}

@test "two names swapped as fast as it goes, and as found in the end" {
	mkdir sw sw/d
	echo inside >sw/d/f
	ln -s / sw/l
	swap_start sw/d sw/l
	seen=
	until [ "$seen" = dl ]; do
		if [ -L sw/d ]; then seen=d${seen#d}; else case $seen in d) seen=dl ;; esac; fi
	done
	swap_stop
	[ -d sw/d ] && ! [ -L sw/d ] && [ -L sw/l ]
}
