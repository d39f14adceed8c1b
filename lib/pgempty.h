/* pgempty.h - the SQL that empties a PostgreSQL database of what its user owns.
 *
 * All texts are to be freed. Owned is what belongs to a role that the user has, or stands in a schema of such a role that is dropped
 * with all that is in it; to a superuser it is everything. Schemas that stay are public, those of others, and those in
 * which an extension has anything; they are emptied object by object. Nothing that belongs to
 * an extension is touched, but for rows that pg_dump would save from its tables. */
#ifndef BD_PGEMPTY_H
#define BD_PGEMPTY_H

/* Within a transaction, in one DO: retried after a deadlock; names who holds a lock that does not come free;
 * fails when what belongs to others would go with it. */
char *pgempty_whole(void);
/* Outside of one, by psql(1): each command by itself. */
char *pgempty_pieces(void);
/* Questions, one record `key TAB hex of a name` each: keep (schemas that stay), theirs (those of them that the user does not own),
 * foreign (things that would stay and are in no extension), and `drop TAB number`: locks that emptying takes. */
char *pgempty_facts(void);

#endif
