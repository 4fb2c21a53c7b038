/* cli_internal: shared by the files of common/cli; private to it. */
#pragma once
#include "common/cli/cli.h"

/* "a, b, c": a set of modes, by name or by the options that select them. Caller frees. */
char *cli_mode_names(const CliProgram *program, guint modes, gboolean asked);

void cli_print_help(const CliProgram *program);
void cli_print_man(const CliProgram *program);

/* The lock for printing messages and the progress bar, so that a message does not break the bar. */
void cli_stderr_lock(void);
void cli_stderr_unlock(void);
/* Set by the bar on the terminal: called with the lock held, before and after a message. */
void cli_set_bar(void (*erase)(void), void (*draw)(void));
