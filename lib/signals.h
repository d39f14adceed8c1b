/* signals.h - signals that are waited for instead of ending us. */
#ifndef BD_SIGNALS_H
#define BD_SIGNALS_H

#include <signal.h>

/* Holds back CHLD, HUP, INT and TERM from here on; *ending has the last three, but for those that are ignored, as by nohup. */
void signals_hold(sigset_t *ending);
_Noreturn void signals_die(int sig); /* of a signal that was held back, as if it had not been */

#endif
