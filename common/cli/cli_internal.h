/* cli_internal: shared by the files of common/cli; private to it. */
#pragma once
#include "common/cli/cli.h"

/* "a, b, c": a set of modes, by name or by the options that select them. Caller frees. */
char *cli_mode_names(const CliProgram *program, guint modes, gboolean asked);

/* The modes of a row; 0 for all of them, also if the row lists all. */
guint cli_modes_of(const CliProgram *program, const CliOption *option);

void cli_print_help(const CliProgram *program);
void cli_print_man(const CliProgram *program);

/* Around what is printed on a terminal, so that it does not break the bar, and lines of several threads do not mix. */
void progress_pause(void);
void progress_go_on(void);
