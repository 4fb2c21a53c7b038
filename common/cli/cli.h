/* cli: command lines from one table. A program fills a CliProgram; parsing, --help, --version and the man
 * page (hidden option --man, troff on stdout) come from it, so that none can disagree with another. */
#pragma once
#include "common/cli/output_plan.h"

#include <jansson.h>

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
    CLI_INT,      /* gint64, within [min, max] */
    CLI_REAL,     /* double, within [min, max] */
    CLI_TEXT,     /* char*: any text or file name; interned, so it lives as long as the process */
    CLI_LIST,     /* char*: text, interned; given again, it is appended after a comma */
    CLI_ONE_OF, /* int: the number, from 0, of one of the choices "a|b|c": an enum in their order; -1: not given */
    CLI_HEADING, /* starts a group in --help: name is its title */
} CliKind;

/* One row of a program's table. To add an option: one row (OPTION_…, below), and one more in the program's options
 * for its value. A row names the modes that use it, a set of bits 1 << MODE; without, every mode does. An option that
 * the chosen mode does not use is then refused, help and man page say whom it is for, and
 * tests/cli/test_option_matrix.py tries it with every mode. A row whose text names a file says how it is used: what is
 * written is then checked before any work (output_plan.h). Rows that several programs share stand once, as a macro:
 * CLI_COMMON_OPTIONS, DATASET_OPTIONS (common/dataset/dataset.h), AUGMENT_OPTIONS (common/image/augment.h). */
typedef struct {
    CliKind kind;
    const char *name;        /* long name, without dashes */
    char letter;             /* short name or 0 */
    gpointer value;          /* holds the default when the table is built: --help prints it from there */
    const char *placeholder; /* "FILE"; choices for CLI_ONE_OF */
    const char *help;
    double min, max;     /* both 0: no bounds */
    guint modes;         /* bits of the modes that use it; 0: those of its heading, or all if that has none */
    guint selects;       /* the mode that it asks for, the only one that uses it; 0: none */
    PlanUse use;         /* of the file that the text names */
    const char *beneath; /* PLAN_OUTPUT_BENEATH: the names of the files in the folder, "a.npy|b.csv" */
} CliOption;

/* Rows by kind. More fields may follow by name: .letter = 'q', .modes = CLI_MODE(…). FLAG's value may be NULL if it
 * selects a mode. */
/* clang-format off */
#define OPTION_ROW(kind_, name_, value_, placeholder_, help_, ...) \
    {.kind = kind_, .name = name_, .value = value_, .placeholder = placeholder_, .help = help_, ##__VA_ARGS__}
#define OPTION_HEADING(title, ...) {.kind = CLI_HEADING, .name = title, ##__VA_ARGS__}
#define OPTION_FLAG(name, value, help, ...) OPTION_ROW(CLI_FLAG, name, value, NULL, help, ##__VA_ARGS__)
#define OPTION_NEGATION(name, value, help, ...) OPTION_ROW(CLI_NEGATION, name, value, NULL, help, ##__VA_ARGS__)
#define OPTION_INT(name, value, placeholder, least, most, help, ...) \
    OPTION_ROW(CLI_INT, name, value, placeholder, help, .min = least, .max = most, ##__VA_ARGS__)
#define OPTION_REAL(name, value, placeholder, least, most, help, ...) \
    OPTION_ROW(CLI_REAL, name, value, placeholder, help, .min = least, .max = most, ##__VA_ARGS__)
#define OPTION_TEXT(name, value, placeholder, help, ...) OPTION_ROW(CLI_TEXT, name, value, placeholder, help, ##__VA_ARGS__)
#define OPTION_INPUT(name, value, placeholder, help, ...) \
    OPTION_TEXT(name, value, placeholder, help, .use = PLAN_INPUT, ##__VA_ARGS__)
#define OPTION_IMAGES(name, value, placeholder, help, ...) \
    OPTION_TEXT(name, value, placeholder, help, .use = PLAN_IMAGES, ##__VA_ARGS__)
#define OPTION_OUTPUT(name, value, placeholder, help, ...) \
    OPTION_TEXT(name, value, placeholder, help, .use = PLAN_OUTPUT, ##__VA_ARGS__)
#define OPTION_FIGURE(name, value, help, ...) OPTION_TEXT(name, value, "FILE", help, .use = PLAN_FIGURE, ##__VA_ARGS__)
#define OPTION_FOLDER(name, value, files, help, ...) \
    OPTION_TEXT(name, value, "DIR", help, .use = PLAN_OUTPUT_BENEATH, .beneath = files, ##__VA_ARGS__)
#define OPTION_LIST(name, value, placeholder, help, ...) OPTION_ROW(CLI_LIST, name, value, placeholder, help, ##__VA_ARGS__)
#define OPTION_ONE_OF(name, value, choices, help, ...) OPTION_ROW(CLI_ONE_OF, name, value, choices, help, ##__VA_ARGS__)
/* clang-format on */

/* One of the things that a program does, chosen by its options. */
typedef struct {
    const char *name;    /* in help: "finetune" */
    const char *asked;   /* how it is asked for: "--approach finetune" */
    const char *meaning; /* a line of help */
    const char
        *arguments; /* "a model and a cache": what it takes besides options; NULL: the program checks that */
    guint least, most; /* how many these are */
} CliMode;

typedef struct {
    const char *command;
    const char *meaning;
} CliExample;

/* Options every program has; include it in a table by CLI_COMMON_OPTIONS(&common). */
typedef struct {
    gint64 threads; /* 0 in the table: thread_pool_processors() after parsing */
    gint64 seed;
    gboolean quiet, help, version;
} CliCommon;

typedef struct {
    const char *name;            /* "extract" */
    const char *purpose;         /* one line */
    const char *const *synopsis; /* "[OPTION…] IMAGE_DIR CACHE", …, NULL */
    const char *description;     /* a paragraph or more, blank lines between */
    const CliOption *options;    /* ended by one with name NULL */
    CliCommon *common;           /* of these */
    const CliExample *examples;  /* at least two; ended by one with command NULL */
    const CliMode *modes; /* bit i of an option is for modes[i]; ended by one with name NULL; or NULL */

    /* The rest is called in this order, and may be NULL. arguments: those that are not options, ended by NULL; they
     * live as long as the process. */
    char *(*machine)(void);          /* lines below the version of --version, freed by g_free */
    guint (*mode)(char **arguments); /* the mode where no option selects it; NULL: 0 */
    /* Whether all that was given goes together in this mode; takes the arguments. Errors by cli_refuse are wrong usage. */
    gboolean (*check)(guint mode, char **arguments, GError **error);
    gboolean (*files)(
        OutputPlan *plan); /* adds the files that no row of options has; FALSE: none is written */
} CliProgram;

/* That of a program whose file of options gives its parts these names. */
/* clang-format off */
#define CLI_PROGRAM(name_, purpose_, machine_) \
    {.name = name_, .purpose = purpose_, .synopsis = synopsis, .description = description, .options = table, \
     .common = &o.common, .examples = examples, .modes = modes, .machine = machine_, .mode = mode_of, .check = check, \
     .files = add_files}
/* clang-format on */

/* clang-format off */
#define CLI_COMMON_DEFAULTS {.seed = 42}
#define CLI_COMMON_OPTIONS(c) \
    OPTION_HEADING("General"), \
    OPTION_INT("threads", &(c)->threads, "N", 0, 1024, \
        "number of threads (0: one for each processor available to this process)"), \
    OPTION_INT("seed", &(c)->seed, "N", 0, 9007199254740991.0, "random seed"), \
    OPTION_FLAG("quiet", &(c)->quiet, \
        "no progress or remarks on stderr; errors and skipped files are still reported", .letter = 'q'), \
    OPTION_FLAG("help", &(c)->help, "show this help", .letter = 'h'), \
    OPTION_FLAG("version", &(c)->version, "show the version")
/* clang-format on */

/* A whole program: reads and checks its command line, then runs it. status of run: what it returns, or STATUS_FAILED if
 * it sets error, which is then told. From the start on, a closed pipe and a limit on file sizes are errors of the write,
 * not the end of the program. Returns the status to exit with; a program that Ctrl-C made fail ends by that signal, as
 * shells and make expect. */
int cli_main(const CliProgram *program, int argc, char **argv, Status (*run)(guint mode, GError **error));

/* Returns the arguments that are not options (NULL-terminated, caller frees by g_strfreev), or NULL when the
 * program is to end with *status: help, version or man page printed (STATUS_DONE), or wrong usage told on
 * stderr (STATUS_USAGE). Takes --quiet and --threads of common into account for the whole process. */
char **cli_parse(const CliProgram *program, int argc, char **argv, Status *status);

/* The bit of a mode in a row. */
#define CLI_MODE(mode) (1u << (mode))

/* Sets error to this sentence on wrong usage (STATUS_USAGE). Returns FALSE. */
gboolean cli_refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Whether cli_parse met this option (long name, without dashes). */
gboolean cli_given(const char *name);

/* A finite decimal number and nothing else: no blanks, no hexadecimal. */
gboolean cli_parse_real(const char *text, double *value);

/* A name from outside, made safe for a terminal: valid UTF-8, with control and format characters, such as those that
 * reverse the direction of writing, written out ("\n", "\x1b", "\u202e"). Caller frees. */
char *cli_printable(const char *text);
/* A name from outside as a JSON string: bytes that are not UTF-8 are replaced. */
json_t *cli_json(const char *text);

/* What the program calls itself: the name it was started by if it is that of an installed one, "vggcache-NAME", else
 * NAME. */
const char *cli_name(const CliProgram *program);

/* A sentence in which commands of the three programs ("train --suspects") have the names under which they are installed
 * ("vggcache-train --suspects"), if this program is. Caller frees. */
char *cli_commands(const char *sentence);

/* Whether --quiet asks for results and errors alone. */
gboolean cli_quiet(void);

/* Columns of text on stdout: the terminal's, at most 100, which it is elsewhere too. */
int cli_text_width(void);

/* Appends words in lines of at most this width, broken at blanks, and a newline. The first line begins at the column
 * `at`, the others are indented. */
void cli_wrap(GString *text, const char *words, int at, int indent, int width);

/* Prints a line of results on stdout, at once if a reader waits for it, without breaking a progress bar. FALSE where it
 * cannot be written; a reader that has gone is no error. */
gboolean cli_print(const char *line, GError **error);

/* Prints "NAME: SENTENCE" on stderr; a remark is suppressed by --quiet. On a terminal, lines are broken at blanks. */
void cli_warn(const char *format, ...) G_GNUC_PRINTF(1, 2);
void cli_remark(const char *format, ...) G_GNUC_PRINTF(1, 2);
