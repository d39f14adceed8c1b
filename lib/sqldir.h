/* sqldir.h - VOLUME/sql, where dumps lie in the generation being built. */
#ifndef BD_SQLDIR_H
#define BD_SQLDIR_H

int sqldir_open(int generation, const char *volume); /* made if need be; -1 (errno) */
void sqldir_bury(int generation, const char *volume, const char *file); /* removes it, and what save_begin calls it before it is whole */
void sqldir_tidy(int generation, const char *volume); /* removes it if it holds nothing: it would be taken for dumps that are lost */

#endif
