/* pgempty.c - the SQL that empties a PostgreSQL database of what its user owns. */
#include "bd.h"
#include "pgempty.h"

/* Common table expressions. own: the schema may be dropped, and all in it. ext: members of extensions. keep: schemas
 * that stay. thing: what can be dropped by itself, in an order in which few drag others along. */
static const char parts[] =
	"WITH ns AS (SELECT n.oid, n.nspname, pg_has_role(n.nspowner, 'USAGE') AS own FROM pg_namespace n\n"
	"  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'),\n"
	"ext AS (SELECT d.classid, d.objid FROM pg_depend d WHERE d.deptype = 'e' AND d.objsubid = 0),\n"
	"held AS (SELECT DISTINCT (pg_identify_object(e.classid, e.objid, 0)).schema AS name FROM ext e),\n"
	"keep AS (SELECT ns.oid, ns.nspname, ns.own FROM ns WHERE ns.nspname = 'public' OR NOT ns.own\n"
	"    OR ns.oid IN (SELECT extnamespace FROM pg_extension)\n"
	"    OR ns.oid IN (SELECT objid FROM ext WHERE classid = 'pg_namespace'::regclass)\n"
	"    OR quote_ident(ns.nspname) IN (SELECT name FROM held)),\n"
	"everything AS (\n"
	"  SELECT 1 AS turn, 'pg_event_trigger'::regclass::oid AS classid, oid, evtowner AS owner, 0::oid AS ns FROM pg_event_trigger\n"
	"  UNION ALL SELECT 2, 'pg_publication'::regclass, oid, pubowner, 0 FROM pg_publication\n"
	"  UNION ALL SELECT CASE WHEN relkind = 'v' THEN 3 WHEN relkind = 'm' THEN 4 WHEN relkind IN ('r', 'f') AND relispartition THEN 5\n"
	"      WHEN relkind = 'S' THEN 7 ELSE 6 END, 'pg_class'::regclass, oid, relowner, relnamespace\n"
	"    FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')\n"
	"  UNION ALL SELECT 8, 'pg_statistic_ext'::regclass, oid, stxowner, stxnamespace FROM pg_statistic_ext\n"
	"  UNION ALL SELECT 9, 'pg_opclass'::regclass, oid, opcowner, opcnamespace FROM pg_opclass\n"
	"  UNION ALL SELECT 10, 'pg_opfamily'::regclass, oid, opfowner, opfnamespace FROM pg_opfamily\n"
	"  UNION ALL SELECT 11, 'pg_operator'::regclass, oid, oprowner, oprnamespace FROM pg_operator\n"
	"  UNION ALL SELECT 12, 'pg_proc'::regclass, oid, proowner, pronamespace FROM pg_proc\n"
	"  UNION ALL SELECT 13, 'pg_type'::regclass, oid, typowner, typnamespace FROM pg_type t WHERE typtype <> 'm'\n"
	"    AND (typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = typrelid AND relkind = 'c'))\n"
	"    AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)\n"
	"  UNION ALL SELECT 14, 'pg_ts_config'::regclass, oid, cfgowner, cfgnamespace FROM pg_ts_config\n"
	"  UNION ALL SELECT 15, 'pg_ts_dict'::regclass, oid, dictowner, dictnamespace FROM pg_ts_dict\n"
	"  UNION ALL SELECT 16, 'pg_collation'::regclass, oid, collowner, collnamespace FROM pg_collation\n"
	"  UNION ALL SELECT 17, 'pg_conversion'::regclass, oid, conowner, connamespace FROM pg_conversion\n"
	"  UNION ALL SELECT 18, 'pg_foreign_server'::regclass, oid, srvowner, 0 FROM pg_foreign_server\n"
	"  UNION ALL SELECT 19, 'pg_foreign_data_wrapper'::regclass, oid, fdwowner, 0 FROM pg_foreign_data_wrapper\n"
	"  UNION ALL SELECT 20, 'pg_language'::regclass, oid, lanowner, 0 FROM pg_language\n"
	/* Who owns one of the types may drop a cast; who owns the type, a transform. 10, the superuser whom nobody can drop, stands
	 * for all superusers. */
	"  UNION ALL SELECT 2, 'pg_cast'::regclass, c.oid, CASE WHEN pg_has_role(s.typowner, 'USAGE') THEN s.typowner ELSE t.typowner END, 0\n"
	"    FROM pg_cast c, pg_type s, pg_type t WHERE s.oid = castsource AND t.oid = casttarget\n"
	"  UNION ALL SELECT 2, 'pg_transform'::regclass, f.oid, typowner, 0 FROM pg_transform f, pg_type t WHERE t.oid = trftype\n"
	"  UNION ALL SELECT 21, 'pg_ts_parser'::regclass, oid, 10, prsnamespace FROM pg_ts_parser\n"
	"  UNION ALL SELECT 21, 'pg_ts_template'::regclass, oid, 10, tmplnamespace FROM pg_ts_template\n"
	"  UNION ALL SELECT 22, 'pg_am'::regclass, oid, 10, 0 FROM pg_am),\n"
	/* 16384: FirstNormalObjectId of access/transam.h; what initdb makes is not anybody's */
	"thing AS (SELECT t.*, pg_has_role(t.owner, 'USAGE') OR (ns.own AND ns.oid NOT IN (SELECT oid FROM keep)) IS TRUE AS own\n"
	"  FROM everything t LEFT JOIN ns ON ns.oid = t.ns\n"
	"  WHERE t.oid >= 16384 AND (t.ns = 0 OR ns.oid IS NOT NULL)\n"
	/* e: a member of an extension; i: comes and goes with something else */
	"    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = t.classid AND d.objid = t.oid AND d.deptype IN ('e', 'i')\n"
	"      AND (d.refclassid, d.refobjid) <> (t.classid, t.oid)))\n";

static const char drop[] =
	"SELECT turn, 'DROP ' || CASE WHEN classid = 'pg_proc'::regclass THEN 'ROUTINE' WHEN i.type = 'statistics object' THEN 'STATISTICS'\n"
	"    ELSE upper(replace(i.type, '-', ' ')) END || ' IF EXISTS ' || CASE WHEN classid <> 'pg_transform'::regclass THEN i.identity\n"
	/* whose identity is not what DROP takes */
	"    ELSE (SELECT format('FOR %s LANGUAGE %I', format_type(trftype, NULL), lanname) FROM pg_transform f, pg_language l\n"
	"      WHERE f.oid = thing.oid AND l.oid = trflang) END || ' CASCADE' AS command\n"
	"  FROM thing, pg_identify_object(classid, thing.oid, 0) i WHERE own\n"
	"UNION ALL SELECT 90, format('DROP SCHEMA IF EXISTS %I CASCADE', nspname) FROM ns WHERE own AND oid NOT IN (SELECT oid FROM keep)\n"
	/* what pg_dump saves from tables of extensions would meet itself */
	"UNION ALL SELECT 91, format('DELETE FROM ONLY %s %s', c.oid::regclass, condition)\n"
	"  FROM pg_extension, unnest(extconfig, extcondition) AS u (config, condition), pg_class c\n"
	"  WHERE c.oid = config AND relkind = 'r' AND has_table_privilege(c.oid, 'DELETE')\n";

/* What must not go with it: things of others, and constraints on their tables. */
static const char staying[] =
	"SELECT format('%s %s', i.type, i.identity) FROM thing, pg_identify_object(classid, thing.oid, 0) i WHERE NOT own\n"
	"UNION ALL SELECT format('constraint %I on %s', conname, conrelid::regclass) FROM pg_constraint, thing\n"
	"  WHERE conrelid = thing.oid AND thing.classid = 'pg_class'::regclass AND NOT own\n";

static const char large[] = "FROM pg_largeobject_metadata WHERE pg_has_role(lomowner, 'USAGE')";

static const char holders[] =
	"SELECT string_agg(DISTINCT format('session %s of user %s (%s, %s, %s since %s)', a.pid, coalesce(a.usename, '?'),\n"
	"    coalesce(nullif(a.application_name, ''), 'no application name'), coalesce(host(a.client_addr), 'local'), coalesce(a.state, '?'),\n"
	"    coalesce(to_char(a.state_change, 'HH24:MI:SS'), '?')), '; ')\n"
	"  FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid\n"
	"  WHERE l.granted AND l.pid <> pg_backend_pid() AND l.locktype IN ('relation', 'object') AND l.relation::bigint >= 16384\n"
	"    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())\n";

char *
pgempty_whole(void)
{
	return xasprintf(
	    "DO $bd$\n"
	    "DECLARE cmd text; before text[]; gone text; holders text; turns integer := 0;\n"
	    "BEGIN\n"
	    "LOOP\n"
	    "BEGIN\n"
	    "before := ARRAY(%s%s);\n"
	    "FOREACH cmd IN ARRAY ARRAY(%sSELECT command FROM (%s) AS d ORDER BY turn) LOOP\n"
	    "  EXECUTE cmd;\n"
	    "END LOOP;\n"
	    "EXIT;\n"
	    "EXCEPTION\n"
	    "WHEN deadlock_detected THEN\n"
	    "  turns := turns + 1;\n"
	    "  IF turns = 20 THEN RAISE; END IF;\n"
	    "WHEN lock_not_available THEN\n"
	    "  holders := (%s);\n"
	    "  RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE =\n"
	    "    'waited in vain at ' || cmd || '; in the way: ' || coalesce(holders, 'nobody any more');\n"
	    "END;\n"
	    "END LOOP;\n"
	    "gone := (SELECT string_agg(name, ', ') FROM (SELECT unnest(before) AS name EXCEPT (%s%s) LIMIT 10) AS g);\n"
	    "IF gone IS NOT NULL THEN\n"
	    "  RAISE EXCEPTION 'what belongs to others depends on what is to be dropped: %%', gone;\n"
	    "END IF;\n"
	    "PERFORM lo_unlink(oid) %s;\n"
	    "END $bd$;\n",
	    parts, staying, parts, drop, holders, parts, staying, large);
}

char *
pgempty_pieces(void)
{
	return xasprintf(
	    "%sSELECT command FROM (%s) AS d ORDER BY turn \\gexec\n"
	    "SELECT format('DO $x$ BEGIN PERFORM lo_unlink(%%s); END $x$', oid) %s \\gexec\n",
	    parts, drop, large);
}

char *
pgempty_facts(void)
{
	return xasprintf(
	    "%sSELECT 'keep', encode(textsend(nspname::text), 'hex') FROM keep\n"
	    "UNION ALL SELECT 'theirs', encode(textsend(nspname::text), 'hex') FROM ns WHERE NOT own\n"
	    "UNION ALL (SELECT 'foreign', encode(textsend(i.type || ' ' || i.identity), 'hex')\n"
	    "  FROM thing, pg_identify_object(classid, thing.oid, 0) i WHERE NOT pg_has_role(owner, 'USAGE')\n"
	    "  ORDER BY i.type, i.identity)\n"
	    /* see pgcensus.c */
	    "UNION ALL SELECT 'drop', (coalesce(sum(CASE WHEN classid <> 'pg_class'::regclass THEN 2 WHEN turn = 7 THEN 3 ELSE 12 END), 0)\n"
	    "  + 4 * (SELECT count(*) FROM pg_index WHERE indexrelid >= 16384) + (SELECT count(*) %s)\n"
	    "  + (SELECT count(*) FROM (SELECT DISTINCT classid, objid FROM pg_depend WHERE objid >= 16384 AND classid IN ('pg_constraint'::regclass,\n"
	    "    'pg_trigger'::regclass, 'pg_attrdef'::regclass, 'pg_rewrite'::regclass, 'pg_policy'::regclass)) AS parts))::bigint::text FROM thing;\n",
	    parts, large);
}
