# database.bash - PostgreSQL 15 and MariaDB 10.11 in containers
#
#	load engine
#	load database
#	setup_file()    { engine_start own; image_postgres; image_mariadb; }
#
# image_postgres             gives the engine the image bd-test/postgres:15
# image_mariadb              ... bd-test/mariadb:10.11
# server_run NAME IMAGE [ARG...]  runs a server without a network, and waits until it serves (args of docker run)
# server_wait NAME           waits until it serves, for two minutes at most
# pg NAME [ARG...]           psql as POSTGRES_USER on POSTGRES_DB; input is passed on
# maria NAME [ARG...]        mariadb as root on MARIADB_DATABASE
#
# The images are made of this host's packages for Debian bookworm, once: the trees lie in
# ${XDG_CACHE_HOME:-~/.cache}/baudolo-test, and may be removed at any time. Their entrypoints take the variables of the
# official images, serve 127.0.0.1 and the socket, and log to stderr.
# BAUDOLO_TEST_POSTGRES=IMAGE and BAUDOLO_TEST_MARIADB=IMAGE name images to pull and use instead.

bd_postgres_entrypoint() {
	cat <<'E'
#!/bin/sh
# Takes what the official image takes: POSTGRES_USER, _PASSWORD, _DB, _INITDB_ARGS, _HOST_AUTH_METHOD, PGDATA.
set -eu
case ${1-} in -*) set -- postgres "$@" ;; esac
[ "${1-}" = postgres ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
	mkdir -p "$PGDATA"
	chown -R postgres:postgres "$PGDATA" /run/postgresql
	exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	user=${POSTGRES_USER:-postgres} method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
	if [ -z "${POSTGRES_PASSWORD-}" ] && [ "$method" != trust ]; then
		echo 'POSTGRES_PASSWORD is not set, nor is POSTGRES_HOST_AUTH_METHOD=trust' >&2
		exit 1
	fi
	chmod 700 "$PGDATA"
	umask 077
	password=$(mktemp)
	printf '%s\n' "${POSTGRES_PASSWORD-}" >"$password"
	[ -z "${POSTGRES_PASSWORD-}" ] || POSTGRES_INITDB_ARGS="--pwfile='$password' ${POSTGRES_INITDB_ARGS-}"
	eval 'initdb -D "$PGDATA" -U "$user" '"${POSTGRES_INITDB_ARGS-}" >&2
	rm "$password"
	printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
	if [ "${POSTGRES_DB:-$user}" != postgres ]; then
		export PGPASSWORD="${POSTGRES_PASSWORD-}"
		pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start >&2
		createdb -U "$user" --maintenance-db=postgres -- "${POSTGRES_DB:-$user}"
		pg_ctl -D "$PGDATA" -m fast -w stop >&2
		unset PGPASSWORD
	fi
fi
exec "$@"
E
}

bd_mariadb_entrypoint() {
	cat <<'E'
#!/bin/sh
# Takes what the official image takes: MARIADB_ROOT_PASSWORD, _ALLOW_EMPTY_ROOT_PASSWORD, _ROOT_HOST, _DATABASE, _USER,
# _PASSWORD, and the same as MYSQL_*.
set -eu
for v in ROOT_PASSWORD ALLOW_EMPTY_ROOT_PASSWORD ROOT_HOST DATABASE USER PASSWORD; do
	eval "$v=\${MARIADB_$v-\${MYSQL_$v-}}"
done
case ${1-} in -*) set -- mariadbd "$@" ;; esac
case ${1-} in mariadbd | mysqld) ;; *) exec "$@" ;; esac
if [ "$(id -u)" = 0 ]; then
	chown -R mysql:mysql /var/lib/mysql /run/mysqld
	exec setpriv --reuid mysql --regid mysql --init-groups "$0" "$@"
fi

# a string for SQL
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/[\\\\']/\\\\&/g")"; }
name() { printf '`%s`' "$(printf %s "$1" | sed 's/`/``/g')"; }

setup() {
	echo "DELETE FROM mysql.global_priv WHERE user = 'root' AND host <> 'localhost';"
	echo "DELETE FROM mysql.proxies_priv WHERE host <> 'localhost';"
	echo 'FLUSH PRIVILEGES;'
	if [ -n "$DATABASE" ]; then
		printf 'CREATE DATABASE IF NOT EXISTS %s;\n' "$(name "$DATABASE")"
	fi
	if [ -n "$USER" ]; then
		printf "CREATE USER %s@'%%' IDENTIFIED BY %s;\n" "$(quoted "$USER")" "$(quoted "$PASSWORD")"
		# in the pattern of a grant these two are wild
		[ -z "$DATABASE" ] ||
			printf "GRANT ALL ON %s.* TO %s@'%%';\n" "$(name "$DATABASE" | sed 's/[_%]/\\&/g')" "$(quoted "$USER")"
	fi
	if [ "${ROOT_HOST:=%}" != localhost ]; then
		printf 'CREATE USER root@%s IDENTIFIED BY %s;\n' "$(quoted "$ROOT_HOST")" "$(quoted "$ROOT_PASSWORD")"
		printf 'GRANT ALL ON *.* TO root@%s WITH GRANT OPTION;\n' "$(quoted "$ROOT_HOST")"
	fi
	printf 'SET PASSWORD FOR root@localhost = PASSWORD(%s);\n' "$(quoted "$ROOT_PASSWORD")"
}

if [ ! -d /var/lib/mysql/mysql ]; then
	if [ -z "$ROOT_PASSWORD" ] && [ -z "$ALLOW_EMPTY_ROOT_PASSWORD" ]; then
		echo 'MARIADB_ROOT_PASSWORD is not set, nor is MARIADB_ALLOW_EMPTY_ROOT_PASSWORD' >&2
		exit 1
	fi
	mariadb-install-db --datadir=/var/lib/mysql --auth-root-authentication-method=normal --skip-test-db >&2
	setup | mariadbd --bootstrap >&2
fi
unset ROOT_PASSWORD PASSWORD
exec "$@"
E
}

# TAR USER PACKAGE HOOK: makes TAR, the tree of an image in which USER is 999. The command HOOK has it in $1, with
# all packages installed. Called locked.
bd_database_tree() {
	local tar=$1 user=$2 package=$3 hook=$4 mirrors keys=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -e "$keys" ] && keys="[signed-by=$keys] " || keys=
	# those of this host, if it is a bookworm; else what mmdebstrap knows
	mapfile -t mirrors < <(apt-get indextargets --format "deb $keys\$(REPO_URI) \$(RELEASE) main" \
		'Created-By: Packages' 'Origin: Debian' 'Component: main' | grep ' bookworm[^ ]* main$' | sort -u)
	(bd_closed mmdebstrap --quiet --mode=root --variant=minbase --format=tar --skip=cleanup/run --include="$package" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/lib/*/libLLVM*' \
		--dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/llvmjit*' --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/bitcode/*' \
		--essential-hook="echo '$user:x:999:999::/:/bin/sh' >>\"\$1/etc/passwd\"; echo '$user:x:999:' >>\"\$1/etc/group\"" \
		--customize-hook="$hook" bookworm "$tar.part" "${mirrors[@]}" </dev/null >&2) || return
	sync "$tar.part" && mv "$tar.part" "$tar"
}

# REFERENCE OFFICIAL USER PACKAGE HOOK ENTRYPOINT, and the lines of a Dockerfile on stdin
bd_database_image() {
	local reference=$1 official=$2 user=$3 package=$4 hook=$5 entrypoint=$6 cache tar tree id said
	docker image inspect "$reference" >/dev/null 2>&1 && return
	if [ -n "$official" ]; then
		docker pull -q "$official" >/dev/null && docker tag "$official" "$reference"
		return
	fi
	cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/baudolo-test
	tar=$cache/$package-$({ printf '%s\n' "$hook" && declare -f bd_database_tree; } | sha256sum | cut -c 1-16).tar
	mkdir -p "$cache" || return
	(
		flock 9
		docker image inspect "$reference" >/dev/null 2>&1 && exit
		find "$cache" -name "$package-*" -mtime +7 -delete # of older trees
		if [ -e "$tar" ]; then
			touch "$tar"
		else
			bd_database_tree "$tar" "$user" "$package" "$hook" || exit
		fi
		tree=$(mktemp -d "$BAUDOLO_TEST_DIR/image.XXXXXX") && mkdir -p "$tree/usr/local/bin" &&
			"$entrypoint" >"$tree/usr/local/bin/docker-entrypoint.sh" && chmod -R 755 "$tree" || exit
		# two archives in one: the first without the two blocks that end it
		id=$({ tar -C "$tree" -b 1 --owner=0 --group=0 -c ./usr/local/bin/docker-entrypoint.sh | head -c -1024 && cat "$tar"; } | docker import -) || exit
		rm -rf "$tree"
		# import knows no STOPSIGNAL
		said=$({ echo "FROM $id" && echo 'ENTRYPOINT ["docker-entrypoint.sh"]' && cat; } |
			DOCKER_BUILDKIT=0 docker build -q -t "$reference" - 2>&1) || { printf '%s\n' "$said" >&2; exit 1; }
	) 9>"$cache/$package.lock"
}

image_postgres() {
	bd_database_image bd-test/postgres:15 "${BAUDOLO_TEST_POSTGRES-}" postgres postgresql-15 \
		'rm -rf "$1/var/lib/postgresql" "$1/etc/postgresql" && mkdir "$1/var/lib/postgresql"
		install -d -o 999 -g 999 -m 700 "$1/var/lib/postgresql/data"
		install -d -o 999 -g 999 -m 2775 "$1/run/postgresql"
		echo "listen_addresses = '\''*'\''" >>"$1/usr/share/postgresql/15/postgresql.conf.sample"' \
		bd_postgres_entrypoint <<-'E'
			ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin
			ENV LANG=C.UTF-8 PGDATA=/var/lib/postgresql/data
			VOLUME /var/lib/postgresql/data
			EXPOSE 5432
			STOPSIGNAL SIGINT
			CMD ["postgres"]
		E
}

image_mariadb() {
	bd_database_image bd-test/mariadb:10.11 "${BAUDOLO_TEST_MARIADB-}" mysql mariadb-server \
		'rm -rf "$1/var/lib/mysql" && install -d -o 999 -g 999 -m 755 "$1/var/lib/mysql" "$1/run/mysqld"
		sed -i "/^bind-address/d; /^user/d; /^pid-file/d" "$1/etc/mysql/mariadb.conf.d/50-server.cnf"
		printf "[mariadbd]\nskip-host-cache\nskip-name-resolve\n" >"$1/etc/mysql/mariadb.conf.d/90-docker.cnf"' \
		bd_mariadb_entrypoint <<-'E'
			ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
			ENV LANG=C.UTF-8
			VOLUME /var/lib/mysql
			EXPOSE 3306
			CMD ["mariadbd"]
		E
}

server_run() {
	local name=$1 image=$2
	shift 2
	docker run -d --name "$name" --label "bd-test=$(bd_file)" --network none "$@" "$image" >/dev/null && server_wait "$name"
}

# Over TCP: while an entrypoint sets the data up, there is only the socket.
bd_serves() {
	docker exec "$1" sh -c 'if command -v pg_isready >/dev/null; then pg_isready -q -h 127.0.0.1; else
		mariadb-admin -h 127.0.0.1 -u root -p"${MARIADB_ROOT_PASSWORD-}" --silent ping; fi' >/dev/null 2>&1
}

server_wait() {
	local _
	for _ in 1 2 3 4; do
		wait_for bd_serves_or_ended "$1" 2>/dev/null || continue
		container_running "$1" && return
		break
	done
	docker logs --tail 30 "$1" >&2
	echo "$1 does not serve" >&2
	return 1
}

bd_serves_or_ended() { bd_serves "$1" || ! container_running "$1"; }

# The quotes are for the shell in the container, which knows the variables.
pg() {
	docker exec -i "$1" sh -c 'PGPASSWORD=${POSTGRES_PASSWORD-} exec psql -XqAt -v ON_ERROR_STOP=1 \
		-U "${POSTGRES_USER:-postgres}" -d "${POSTGRES_DB:-${POSTGRES_USER:-postgres}}" "$@"' - "${@:2}"
}

maria() {
	docker exec -i "$1" sh -c 'MYSQL_PWD=${MARIADB_ROOT_PASSWORD-} exec mariadb -NB -u root ${MARIADB_DATABASE:+-D "$MARIADB_DATABASE"} "$@"' - "${@:2}"
}
