# tree.bash - a tree of files that is hard to copy, the changes that are hard to see, and the judges of a copy
#
#	load tree
#
# tree_make DIR       fills DIR, a folder on ext4, xfs or btrfs (TREE_SPARSE=SIZE of the sparse file, 1G by default);
#                     a process keeps one file of it mapped and dirty until tree_done
# tree_dirty DIR      dirties that mapping again, without changing a byte: right before a first backup
# tree_change DIR     one of every change there is; the mapping is stored into
# tree_done DIR       ends the process; to be called in teardown
# oracle SRC DEST     silent and 0 if DEST is a right copy of SRC; else says what is not, and 1
# exact SRC DEST      the same without rsync, which takes folders and links for equal whose mtimes differ by less than a
#                     second: every nanosecond counts, special files do not. Does not know of inodes shared.
# fingerprint DIR     a digest of bytes, modes, owners, mtimes, xattrs, ACLs and link targets of all below, and of DIR
# fingerprints DIR    the same as text, a line per path, for diff(1)
# inodes DIR          path and dev:inode of everything but folders
# same_inodes A B     are A and B the same paths with the same inodes? says what is not
# swap_start A B      exchanges two names as fast as it goes, swap_stop ends that with the names as they were
# exchange A B        once
# special_free DIR    is there no FIFO, socket or device below?
#
# Names beginning with bd_ are not for others.

[ -z "${BATS_TEST_FILENAME-}" ] || bats_require_minimum_version 1.5.0
BD_ROOT=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd -P)
case $PATH in
"${BAUDOLO_BIN:=$BD_ROOT/build/bin}":*) ;;
*) PATH=$BAUDOLO_BIN:$PATH ;;
esac

# A helper of t/helper, built if need be.
bd_helper() {
	bd_built "$1" && "$BD_ROOT/build/t/$1" "${@:2}"
}

bd_built() {
	local bin=$BD_ROOT/build/t/$1
	if ! [ "$bin" -nt "$BD_ROOT/t/helper/$1.c" ]; then
		(
			flock 9
			make -s -C "$BD_ROOT" "build/t/$1" >&2
		) 9<"$BD_ROOT/t/helper" || return
	fi
}

exchange() { bd_helper exchange "$@"; }
fingerprints() { bd_helper tree-list "$1"; }
fingerprint() (
	set -o pipefail
	fingerprints "$1" | sha256sum | cut -c 1-64
)
inodes() { bd_helper tree-list -i "$1"; }

same_inodes() {
	local a b
	a=$(inodes "$1") && b=$(inodes "$2") && bd_diff "$a" "$b"
}

special_free() { [ -z "$(find "$1" ! -type f ! -type d ! -type l -print -quit)" ]; }

# The head of a text: one deep path fills a screen.
bd_head() { cut -c 1-250 <<<"$1" | head -n 200; }

bd_diff() {
	local said
	said=$(diff -a <(printf '%s\n' "$1") <(printf '%s\n' "$2")) && return
	bd_head "$said"
	return 1
}

# rsync takes no path of 4096 bytes: it sees both trees under short names, in a mount namespace of its own.
bd_rsync_says() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m --propagation private sh -c '
		mount -t tmpfs none /mnt && mkdir /mnt/s /mnt/d && mount --bind "$1" /mnt/s && mount --bind "$2" /mnt/d &&
			exec rsync -naHAXXi --numeric-ids --no-D --info=nonreg0 --checksum --delete /mnt/s/ /mnt/d/
	' - "$1" "$2" 2>&1
}

oracle() {
	local said a b status=0 bad=0
	said=$(bd_rsync_says "$1" "$2") || status=$?
	if [ -n "$said" ] || [ "$status" != 0 ]; then
		echo "oracle: rsync ends with $status and says:"
		bd_head "$said"
		bad=1
	fi
	special_free "$2" || { echo "oracle: special files in $2"; bad=1; }
	# rsync does not see that two inodes became one
	a=$(bd_classes "$1") && b=$(bd_classes "$2") && bd_diff "$a" "$b" || { echo 'oracle: not the same names share an inode'; bad=1; }
	return "$bad"
}

exact() {
	local a b
	a=$(fingerprints "$1") && b=$(fingerprints "$2") &&
		bd_diff "$(LC_ALL=C grep -avE $'^[^\t]*\t([126][0-7]{4}|14[0-7]{4})\t' <<<"$a")" "$b"
}

# Special files are left out of copies, with all their names.
bd_classes() {
	local all
	all=$(bd_helper tree-list -c "$1") && { LC_ALL=C grep -avE $'^[.]/(fifo|socket|device)[^\t/]*\t' <<<"$all" || :; }
}

swap_start() {
	bd_built swapper || return
	"$BD_ROOT/build/t/swapper" "$1" "$2" >"${BATS_TEST_TMPDIR:-/tmp}/swaps" 3>&- &
	BD_SWAP=$!
	until [ -s "${BATS_TEST_TMPDIR:-/tmp}/swaps" ]; do kill -0 "$BD_SWAP" || return; done
}

swap_stop() { kill "$BD_SWAP" && wait "$BD_SWAP"; }

# Where the process that keeps a file of DIR mapped is told what to do.
bd_ctl() {
	local key
	key=$(realpath -- "$1" | sha256sum | cut -c 1-16)
	printf %s "${BAUDOLO_TEST_DIR:-${TMPDIR:-/tmp}}/mmap.$key"
}

bd_tell() {
	local ctl
	ctl=$(bd_ctl "$1")
	[ -p "$ctl" ] || return 0
	# its answer is the end of file
	timeout 10 sh -c 'printf %s "$1" >"$2"; cat "$2.ack"' - "$2" "$ctl" 2>/dev/null || [ "$2" = q ]
}

tree_dirty() { bd_tell "$1" d; }

tree_done() {
	bd_tell "$1" q
	rm -f "$(bd_ctl "$1")" "$(bd_ctl "$1").ack"
}

# A name of N bytes, of one character.
bd_long() { printf "%0$1d" 0 | tr 0 "${2:-n}"; }

# As deep as rsync can follow: 15 folders of 255 bytes and a file, a path of 4060 bytes.
bd_deep() {
	local i
	(
		for i in 0 1 2 3 4 5 6 7 8 9 a b c d e; do
			mkdir "$(bd_long 255 "$i")" && cd "$(bd_long 255 "$i")" || exit
		done
		echo deep >"$(bd_long 220 f)"
	)
}

bd_names() {
	local n
	for n in $'tab\there' $'new\nline' $'\n' $'cr\rhere' 'back\slash' '\t' '\' '\#012' "single'quote" 'double"quote' '`x`' '$HOME' \
		-rf --delete -- '-' ' lead' 'trail ' ' ' '*' '?' '[a]' '#hash' ';semi' '~' 'name~' '...' '.hidden' '.~tmp~' \
		$'\xff\xfe' $'latin\xe4' $'\xc3' $'\xf0\x9f\x92\xbe' $'nfc\xc3\xa9' $'nfde\xcc\x81' $'\x01\x7f' \
		"$(bd_long 255 x)" "$(bd_long 254 y)"$'\xff'; do
		printf 'content of %s' "$n" >"./$n" || return
	done
	mkdir -- $'dir\n' $'dir\t\xff' '-d' && echo 1 >$'dir\n/-' && echo 2 >$'dir\t\xff/\\' && echo 3 >'./-d/-d' &&
		ln -s -- $'to\n\xff\t\\' $'link\n\xff' && ln -s -- '-d' '-l'
}

# Names around / in byte order: walks that sort whole paths, and walks that sort names, differ.
bd_order() {
	mkdir a a-b a.b/ 'a b' a0 && for n in a/b a/-b a/z a-b/b a.b/b 'a b/b' a0/b 'a!' 'a,' a-c a.c a00 b; do
		echo "$n" >"$n" || return
	done
}

bd_links() {
	mkdir one two && echo shared >one/x && ln one/x one/y && ln one/x two/x &&
		echo pair >one/p && ln one/p two/q &&
		# equal in all but the inode
		echo equal >one/e && cp -p one/e two/e && ln one/e one/e2 && ln two/e two/e2 &&
		ln -s target one/s && ln one/s two/s2 &&
		ln -s /nowhere/at/all dangling && ln -s /etc/passwd absolute && ln -s .. up && ln -s . self && ln -s loop loop &&
		ln -s "$(bd_long 1000 t)" long &&
		chown -h 1234:4321 absolute && touch -h -d '2002-02-02 02:02:02.020202020' dangling
}

bd_modes() {
	local m
	for m in 0000 0400 0644 0777 4755 2755 1777 6711; do
		echo "$m" >"m$m" && mkdir "d$m" && echo in >"d$m/f" || return
	done
	echo alien >u1 && chown 12345:54321 u1 && echo alien >u2 && chown 4000000000:4000000001 u2 &&
		mkdir u3 && echo alien >u3/f && chown -R 65534:65534 u3 &&
		cp /bin/true suid && chown 1000:1000 suid && chmod 6755 suid &&
		chmod 0000 m0000 d0000 && chmod 0400 m0400 d0400 && chmod 0644 m0644 && chmod 0777 m0777 d0777 &&
		chmod 4755 m4755 d4755 && chmod 2755 m2755 d2755 && chmod 1777 m1777 d1777 && chmod 6711 m6711 d6711
}

bd_attrs() {
	echo x >user && setfattr -n user.one -v 1 user && setfattr -n user.rsync.%stat -v '100600 0,0 7:8' user && setfattr -n user.two -v "$(bd_long 1000 v)" user &&
		echo x >trusted && setfattr -n trusted.t -v $'\x01\xff' trusted && echo x >empty && setfattr -n user.empty empty &&
		mkdir dir && setfattr -n user.d -v d dir && setfattr -n trusted.d -v d dir &&
		echo x >cap && setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 cap &&
		ln -s nowhere link && setfattr -h -n trusted.l -v l link &&
		echo x >acl && setfacl -m u:1234:rw,g:4321:r,m::rwx acl && mkdir acldir && setfacl -m u:1234:rwx acldir &&
		setfacl -d -m u:1234:rwx,g:77:rx,o::- acldir && echo x >acldir/inherits && mkdir acldir/too
}

bd_sizes() {
	: >empty && truncate -s "${TREE_SPARSE:-1G}" sparse && printf A | dd of=sparse bs=1 seek=1000000 conv=notrunc status=none &&
		printf Z | dd of=sparse bs=1 seek="$(($(stat -c %s sparse) / 2 + 77))" conv=notrunc status=none &&
		head -c 1 /dev/zero >one && head -c 4096 /dev/zero >zeros && head -c 300000 /dev/urandom >random &&
		mkdir -p nothing/in/here && fallocate -l 1M preallocated && printf x | dd of=preallocated bs=1 conv=notrunc status=none
}

bd_times() {
	echo old >old && touch -d '1999-12-31 23:59:59.999999999' old && echo future >future && touch -d '2038-01-19 03:14:08.5' future &&
		echo epoch >epoch && touch -d @0 epoch && echo before >before && touch -d '1965-01-01 00:00:01' before &&
		mkdir dir && echo in >dir/f && touch -d '2001-01-01 01:01:01.123456789' dir/f dir
}

# What tree_change needs; every file here is older than a second, as files are.
bd_subjects() {
	local d n
	for n in same-size append chmod chown xattr xattr-gone acl acl-gone rename delete turn back touched truncated replaced hole \
		shrunk-grown mapped exchange1 exchange2 link-old unlink1; do
		printf 'content of %-4084s\n' "$n" >"$n" || return
	done
	setfattr -n user.x -v 1 xattr xattr-gone && setfacl -m u:99:r acl acl-gone &&
		ln unlink1 unlink2 && ln unlink1 unlink3 && mkdir was-folder past chmod-dir renamed-dir && echo x >was-folder/x && echo x >past/x &&
		echo x >renamed-dir/x && echo x >chmod-dir/x &&
		ln -s old-target retarget && ln -s was-link becomes-file && echo was-file >becomes-link || return
	for d in left right; do
		mkdir -p "$d/deeper" && for n in f g deeper/h; do
			printf '%-20s' "$d $n" >"$d/$n" && touch -d '2020-02-02 02:02:02.222222222' "$d/$n" || return
		done
	done
	printf 1 >exchange1 && printf 2 >exchange2 && touch -d '2021-01-01 00:00:00' exchange1 exchange2
}

bd_specials() {
	mkfifo fifo && mknod device c 1 3 && mknod device-b b 7 200 && ln fifo fifo2 || return
	socat -u UNIX-LISTEN:socket,unlink-close=0 /dev/null 3>&- &
	until [ -S socket ]; do kill -0 "$!" || return; done
	kill "$!" && { wait "$!" || :; }
	[ -S socket ]
}

bd_in() { mkdir "$1" && (cd "$1" && "$2"); }

tree_make() {
	(
		umask 022
		LC_ALL=C
		cd "$1" && bd_names && bd_deep && bd_in names bd_names && bd_in order bd_order && bd_in links bd_links && bd_in modes bd_modes &&
			bd_in attrs bd_attrs && bd_in sizes bd_sizes && bd_in times bd_times && bd_in change bd_subjects && bd_specials
	) && chmod 0751 "$1" && setfacl -d -m u:55:r-x "$1" && tree_done "$1" &&
		bd_helper mmapper "$1/change/mapped" "$(bd_ctl "$1")"
}

# In place, of the same size, the mtime as before to the nanosecond.
bd_rewrite() {
	local stamp
	stamp=$(stat -c %y -- "$1") && printf "$2" | dd of="$1" bs=1 conv=notrunc status=none && touch -d "$stamp" -- "$1"
}

tree_change() {
	bd_tell "$1" s || return
	(
		umask 022
		cd "$1/change" || exit
		bd_rewrite same-size X && bd_rewrite hole '\0\0\0\0' && bd_rewrite ../sizes/sparse Y &&
			echo more >>append && chmod 600 chmod && chmod 2770 chmod-dir && chown 7:8 chown &&
			setfattr -n user.x -v 2 xattr && setfattr -x user.x xattr-gone && setfacl -m u:99:rw acl && setfacl -b acl-gone &&
			mv rename renamed && mv renamed-dir dir-renamed && ln link-old link-new && ln link-old ../links/one/link-new &&
			rm unlink1 && rm delete && rm -r ../sizes/nothing/in &&
			rm turn && mkdir turn && echo x >turn/x && rm -r was-folder && echo 'a file' >was-folder || exit
		# a file, a folder, and the file again
		cp -p back ../back && rm back && mkdir back && rmdir back && mv ../back back &&
			ln -sfn new-target retarget && rm becomes-file becomes-link && echo file >becomes-file && ln -s link becomes-link &&
			touch -d '2003-03-03 03:03:03.030303030' past && touch touched && : >truncated &&
			truncate -s 100 shrunk-grown && truncate -s 4096 shrunk-grown &&
			cp -p replaced new && printf R | dd of=new bs=1 conv=notrunc status=none && touch -r replaced new && mv new replaced &&
			mv left swap && mv right left && mv swap right && exchange exchange1 exchange2 || exit
		# new things, in folders that were there
		echo new >../order/a/new && mkdir ../order/a/newdir && echo new >$'../names/new\n\xff' && : >../links/two/empty &&
			# a class of one inode falls apart, two others become one
			cp -p ../links/two/x ../links/two/x.new && mv ../links/two/x.new ../links/two/x &&
			ln -f ../links/one/e ../links/two/e && touch -d '2010-10-10 10:10:10.101010101' ..
	)
}
