/* What the files of common/cli share and no one else needs. */
#pragma once
#include "common/cli/cli.h"

/* "a, b, c": a set of modes, by name or as they are asked for. Caller frees. */
char *cli_mode_names(const CliProgram *program, guint modes, gboolean asked);

void cli_print_help(const CliProgram *program);
void cli_print_man(const CliProgram *program);

/* The sink of messages and of the bar: one lock, so that a message never breaks a bar. */
void cli_stderr_lock(void);
void cli_stderr_unlock(void);
gboolean cli_quiet(void);
/* Set by the bar that is on the terminal: called with the lock held, before and after a message. */
void cli_set_bar(void (*erase)(void), void (*draw)(void));
