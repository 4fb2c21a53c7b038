/* cli: command lines from one table. A program fills a CliProgram; parsing, --help, --version and the man
 * page (hidden option --man, troff on stdout) come from it, so that none can disagree with another. */
#pragma once
#include <glib.h>

/* Exit status, the same for the three programs. */
typedef enum {
    STATUS_DONE = 0,
    STATUS_FAILED = 1,
    STATUS_USAGE = 2,
    STATUS_SKIPPED = 3, /* done, but inputs were skipped; each is named on stderr */
} Status;

typedef enum {
    CLI_FLAG,     /* gboolean: --name sets TRUE */
    CLI_NEGATION, /* gboolean: --name ("no-reduce") sets FALSE */
    CLI_INT,      /* gint64, within [least, most] */
    CLI_REAL,     /* double, within [least, most] */
    CLI_TEXT,     /* char*: any text or file name; interned, so it lives as long as the process */
    CLI_CHOICE,   /* char*, interned: one of choices, "a|b|c" */
    CLI_HEADING,  /* starts a group in --help: name is its title */
} CliKind;

typedef struct {
    CliKind kind;
    const char *name;        /* long name, without dashes */
    char letter;             /* short name or 0 */
    gpointer value;          /* holds the default when the table is built: --help prints it from there */
    const char *placeholder; /* "FILE"; choices for CLI_CHOICE */
    const char *help;
    double min, max; /* both 0: no bounds */
} CliOption;

typedef struct {
    const char *command;
    const char *meaning;
} CliExample;

typedef struct {
    const char *name;            /* "extract" */
    const char *purpose;         /* one line */
    const char *const *synopsis; /* "[OPTION…] IMAGE_DIR CACHE", …, NULL */
    const char *description;     /* a paragraph or more, blank lines between */
    const CliOption *options;    /* ended by one with name NULL */
    const CliExample *examples;  /* at least two; ended by one with command NULL */
    char *(*machine)(void);      /* lines below the version of --version, freed by g_free; or NULL */
} CliProgram;

/* Options every program has (--threads, --seed, --quiet); include it in a table by
 * CLI_COMMON_OPTIONS(&common). */
typedef struct {
    gint64 threads; /* 0 in the table: thread_pool_processors() after parsing */
    gint64 seed;
    gboolean quiet;
} CliCommon;
#define CLI_COMMON_DEFAULTS                                                                                  \
    {                                                                                                        \
        0, 42, FALSE                                                                                         \
    }
#define CLI_COMMON_OPTIONS(c)                                                                                  \
    {CLI_HEADING, "General", 0, NULL, NULL, NULL, 0, 0},                                                       \
        {CLI_INT, "threads", 0, &(c)->threads, "N", "threads to use (0: all processors this process may use)", \
         0,       1024},                                                                                       \
        {CLI_INT, "seed", 0, &(c)->seed, "N", "seed of everything drawn by chance", 0, 9007199254740991.0},    \
    {                                                                                                          \
        CLI_FLAG, "quiet", 'q', &(c)->quiet, NULL,                                                             \
            "no progress and no remarks on stderr; errors and skipped files still", 0, 0                       \
    }

/* Returns the arguments that are not options (NULL-terminated, caller frees by g_strfreev), or NULL when the
 * program is to end with *status: help, version or man page printed (STATUS_DONE), or wrong usage told on
 * stderr (STATUS_USAGE). Takes --quiet and --threads of common into account for the whole process. From then
 * on a closed pipe and a limit on file sizes are errors of the write, not the end of the program. */
char **cli_parse(const CliProgram *program, CliCommon *common, int argc, char **argv, Status *status);

/* Prints "NAME: SENTENCE\nTry 'NAME --help'." and returns STATUS_USAGE. */
Status cli_usage(const CliProgram *program, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Prints "NAME: MESSAGE" on stderr and returns STATUS_FAILED. Takes error over. */
Status cli_fail(GError *error);

/* The last thing a program does: status, or STATUS_FAILED with a sentence where what was printed could not be
 * written. */
Status cli_finish(Status status);

/* A name that others gave, for a terminal: valid UTF-8, and what would steer the terminal written out ("\n", "\x1b").
 * Caller frees. */
char *cli_printable(const char *text);

/* A sentence that a person should read, on stderr, "NAME: SENTENCE"; remark is silent under --quiet. */
void cli_warn(const char *format, ...) G_GNUC_PRINTF(1, 2);
void cli_remark(const char *format, ...) G_GNUC_PRINTF(1, 2);
