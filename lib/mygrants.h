/* mygrants.h - what an account of MariaDB or MySQL may do with a database. */
#ifndef BD_MYGRANTS_H
#define BD_MYGRANTS_H

enum my_privilege {
	MY_MAY_SELECT = 1, MY_MAY_INSERT = 2, MY_MAY_DELETE = 4, MY_MAY_CREATE = 8, MY_MAY_DROP = 16, MY_MAY_ALTER = 32,
	MY_MAY_LOCK_TABLES = 64, MY_MAY_CREATE_VIEW = 128, MY_MAY_SHOW_VIEW = 256, MY_MAY_TRIGGER = 512,
	MY_MAY_CREATE_ROUTINE = 1024, MY_MAY_ALTER_ROUTINE = 2048, MY_MAY_EVENT = 4096,
	MY_MAY_SET_USER = 8192, /* a DEFINER that is somebody else */
	MY_MAY_ALL = 16383,
};

/* What SHOW GRANTS says of the database, in the rows of mytarget_query. */
unsigned mygrants(const char *lines, const char *database);
char *mygrants_names(unsigned privileges); /* "CREATE, DROP"; to be freed */

#endif
