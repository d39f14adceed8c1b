# maria.bash - restores of MariaDB. After engine.bash and database.bash.
#
# run_server NAME [ARG...]    a server, with a root password that is hard to pass on
# scratch SERVER DATABASE     an empty database, and the account app that may do all in it
# sql SERVER DATABASE [ARG...]   the client as root; what is in comments, or before a LF, stays
# dump SERVER DATABASE [ARG...]  a dump by root
# state SERVER DATABASE       all there is, row by row, without what differs between databases of other names
# same SERVER DATABASE SERVER DATABASE   do they hold the same?
# fill SERVER DATABASE        all that a database can hold
# clutter SERVER DATABASE     other things, some of the same name
# restore ARG..., as_app ARG...  bd-restore-mariadb as root, and as app; safety dumps go to $SAFE
# nothing_left                no safety dump

BD_OWN=$(bd_file).${BAUDOLO_TEST_DIR##*/} # whoever looks for these sees those of no other file
ROOT_PASSWORD='-r$o;o"t'\'' \ ö%s'$BD_OWN
APP_PASSWORD='-a$p;p"s'\'' \ ß&d'$BD_OWN

run_server() { server_run "$1" bd-test/mariadb:10.11 -e "MARIADB_ROOT_PASSWORD=$ROOT_PASSWORD" "${@:2}"; }

# SERVER DATABASE [ARG...]: the client as root; what is in comments and before a LF stays.
sql() { maria "$1" --comments --binary-mode --default-character-set=utf8mb4 -D "$2" "${@:3}"; }

# SERVER DATABASE: an empty one, and the account app that may do all in it
scratch() {
	maria "$1" --default-character-set=utf8mb4 <<-E
		DROP DATABASE IF EXISTS \`$2\`; CREATE DATABASE \`$2\` CHARACTER SET utf8mb4;
		CREATE USER IF NOT EXISTS app@'%' IDENTIFIED BY $(quoted "$APP_PASSWORD");
		GRANT ALL ON \`$2\`.* TO app@'%';
	E
}

quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/[\\\\']/\\\\&/g")"; }

# SERVER DATABASE [ARG...]: a dump by root
dump() {
	docker exec "$1" sh -c 'MYSQL_PWD=$MARIADB_ROOT_PASSWORD exec mariadb-dump -h 127.0.0.1 --protocol=tcp -u root \
		--single-transaction --quick --routines --events --triggers --hex-blob "$@"' - "${@:3}" "$2"
}

# SERVER DATABASE: all there is, row by row, without what differs between databases of other names
state() { dump "$1" "$2" --skip-dump-date --skip-extended-insert --order-by-primary | sed '/^-- /d'; }

restore() { bd-restore-mariadb -s "$SAFE" -u root "$@"; }

as_app() { BAUDOLO_DB_PASSWORD=$APP_PASSWORD bd-restore-mariadb -s "$SAFE" -u app "$@"; }

# SERVER DATABASE: everything a database can hold
fill() {
	sql "$1" "$2" <<-'E'
		SET NAMES utf8mb4, FOREIGN_KEY_CHECKS = 0;
		CREATE TABLE everything (id int PRIMARY KEY AUTO_INCREMENT, t text CHARACTER SET utf8mb4, b longblob, j json, d decimal(30,10),
			f double, e enum('a', 'b''c', 'd"e'), s set('x', 'y'), ts timestamp(6) NULL, bits bit(9), y year, g int GENERATED ALWAYS AS (bits * 2) STORED,
			v varchar(50) AS (concat('v', y)) VIRTUAL, l char(20) CHARACTER SET latin1 DEFAULT 'ü', geo point, KEY (g), FULLTEXT (t)) COMMENT 'it''s; -- \\ "x" /* y */';
		INSERT INTO everything (t, b, j, d, f, e, s, ts, bits, y, l, geo) VALUES
			('€ 😀 \\ '' " ` \n \r \t \0 \Z %', x'00010a0d1a22275c60ff', '{"a": [1, null]}', 12345678901234567890.0123456789, 1e-300, 'b''c', 'x,y',
			'2026-03-29 01:30:00.123456', b'101010101', 2026, 'grüße', POINT(1, 2)),
			('/*!50003 CREATE DEFINER=`root`@`localhost` VIEW */ ;;\n-- DEFINER=`root`@`%`\nDELIMITER //\nUSE mysql;\n', NULL, NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, NULL),
			('CREATE DEFINER=`root`@`localhost` PROCEDURE x() BEGIN END;\n-- Dump completed on 2026-01-01\n', repeat(x'deadbeef', 50000), NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, NULL);
		DELETE FROM everything WHERE id = 2; INSERT INTO everything (t) VALUES ('');
		CREATE TABLE `a "b" 'c' \``d\`` é` (`x y` int, `"` int, `''` int, ```` int, PRIMARY KEY (`x y`)) COMMENT = 'a';
		INSERT INTO `a "b" 'c' \``d\`` é` VALUES (1, 2, 3, 4);
		CREATE TABLE hen (id int PRIMARY KEY, egg int, CONSTRAINT lays FOREIGN KEY (egg) REFERENCES egg (id) ON DELETE CASCADE);
		CREATE TABLE egg (id int PRIMARY KEY, hen int, CONSTRAINT hatches FOREIGN KEY (hen) REFERENCES hen (id) ON DELETE CASCADE);
		INSERT INTO hen VALUES (1, 2), (2, 1); INSERT INTO egg VALUES (1, 1), (2, 2);
		CREATE TABLE self (id int PRIMARY KEY, parent int REFERENCES self (id)); INSERT INTO self VALUES (1, 2), (2, 1);
		CREATE TABLE parts (id int, y int, PRIMARY KEY (id, y)) PARTITION BY RANGE (y) (PARTITION old VALUES LESS THAN (2000), PARTITION new VALUES LESS THAN MAXVALUE);
		INSERT INTO parts VALUES (1, 1999), (1, 2001);
		CREATE TABLE isam (a int, KEY (a)) ENGINE = MyISAM; INSERT INTO isam VALUES (1), (1);
		CREATE TABLE store (a int NOT NULL) ENGINE = CSV; INSERT INTO store VALUES (7);
		CREATE SEQUENCE counter START WITH 5 INCREMENT BY 3 CACHE 10; DO NEXTVAL(counter);
		CREATE TABLE numbered (id int DEFAULT (NEXTVAL(counter)) PRIMARY KEY, n int); INSERT INTO numbered (n) VALUES (1);
		CREATE VIEW a_first AS SELECT id FROM everything;
		CREATE ALGORITHM = MERGE SQL SECURITY INVOKER VIEW `of views; 'x'` AS SELECT id, 'DEFINER=`root`@`localhost`' AS d FROM a_first WHERE id > 0 WITH CASCADED CHECK OPTION;
		CREATE VIEW z_of_view_of_view AS SELECT count(*) AS n FROM `of views; 'x'`;
		DELIMITER //
		CREATE TRIGGER tick BEFORE INSERT ON hen FOR EACH ROW PRECEDES_NOTHING: BEGIN
			-- a comment; with ' and "
			SET NEW.egg = COALESCE(NEW.egg, 1); /* and ` another */ # DEFINER=`root`@`localhost`
		END//
		CREATE TRIGGER tock AFTER UPDATE ON hen FOR EACH ROW FOLLOWS_NOTHING: BEGIN END//
		CREATE PROCEDURE `do ''it''`(IN x int, OUT y varchar(100)) MODIFIES SQL DATA COMMENT 'it''s /* ; */'
		BEGIN
			-- it's
			DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN END;
			SET y = CONCAT('DEFINER=`root`@`localhost`; ', "double ; ""quoted"" \" ", 'back\\slash', `x`);
			IF x THEN SELECT 'CREATE DEFINER=`a`@`b` VIEW x' AS `;;`; END IF;
		END//
		CREATE FUNCTION twice(x int) RETURNS int DETERMINISTIC RETURN x + x//
		SET sql_mode = 'NO_BACKSLASH_ESCAPES'//
		CREATE FUNCTION slash() RETURNS varchar(10) DETERMINISTIC RETURN 'a\'//
		SET sql_mode = 'ANSI_QUOTES'//
		CREATE FUNCTION ansi() RETURNS int DETERMINISTIC BEGIN DECLARE "a\" int DEFAULT 3; RETURN "a\"; END//
		SET sql_mode = 'ORACLE'//
		CREATE PACKAGE pack AS FUNCTION f RETURN int; END//
		CREATE PACKAGE BODY pack AS FUNCTION f RETURN int AS BEGIN RETURN 1; END; END//
		SET sql_mode = ''//
		CREATE EVENT `every day` ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE COMMENT 'x;y' DO BEGIN DELETE FROM isam; END//
		DELIMITER ;
	E
	printf 'DELIMITER //\nCREATE PROCEDURE crlf() BEGIN\r\n  -- carriage\r\n  SELECT 1;\r\nEND//\n' | sql "$1" "$2"
}

# SERVER DATABASE: other things, some of the same name
clutter() {
	sql "$1" "$2" <<-'E'
		CREATE TABLE everything (other int); INSERT INTO everything VALUES (1);
		CREATE TABLE hen (id int PRIMARY KEY); CREATE TABLE `left ``over` (id int PRIMARY KEY, hen int, FOREIGN KEY (hen) REFERENCES hen (id));
		INSERT INTO hen VALUES (5); INSERT INTO `left ``over` VALUES (1, 5);
		CREATE VIEW `left '"view` AS SELECT * FROM hen; CREATE VIEW broken AS SELECT other FROM everything; CREATE VIEW twice AS SELECT 1;
		CREATE SEQUENCE `left seq`; CREATE TABLE uses (id int DEFAULT (NEXTVAL(`left seq`)));
		CREATE PROCEDURE `left ``proc`() SELECT 1; CREATE FUNCTION twice() RETURNS int RETURN 1; CREATE TRIGGER leftover BEFORE INSERT ON hen FOR EACH ROW SET @x = 1;
		CREATE EVENT `left event` ON SCHEDULE EVERY 1 DAY DO SET @y = 1;
		SET sql_mode = 'ORACLE';
		DELIMITER //
		CREATE PACKAGE `left pack` AS FUNCTION f RETURN int; END//
		CREATE PACKAGE BODY `left pack` AS FUNCTION f RETURN int AS BEGIN RETURN 1; END; END//
		DELIMITER ;
	E
	sql "$1" "$2" <<<'DROP VIEW broken; CREATE VIEW broken AS SELECT other FROM everything; '
}

same() { diff <(state "$1" "$2") <(state "$3" "$4"); }

# The dump and the safety folder are as they should be afterwards.
nothing_left() { [ -z "$(ls -A "$SAFE" 2>/dev/null)" ]; }

