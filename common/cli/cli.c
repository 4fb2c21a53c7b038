/* cli: a program from its command line, parsed by GOption from its table, to its exit status; messages. Help and man page
 * are in help.c. */
#include "common/cli/choice.h"
#include "common/cli/cli_internal.h"
#include "common/cli/fatal.h"
#include "common/cli/terminal.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/memory.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "common/core/thread_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program_name = "vggcache";
static const char *started_by; /* the last part of argv[0] */
static gboolean quiet;
static GPtrArray *given; /* CliOption* given on the command line, in order */

gboolean cli_quiet(void)
{
    return quiet;
}

/* Whether a character may change what a terminal shows of others: controls, directions of writing, separators. */
static gboolean steers(gunichar c)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
        return TRUE;
    default:
        return FALSE;
    }
}

json_t *cli_json(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    return json_string(valid);
}

char *cli_printable(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *shown = g_string_new(NULL);
    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (c == '\n')
            g_string_append(shown, "\\n");
        else if (!steers(c))
            g_string_append_unichar(shown, c);
        else
            g_string_append_printf(shown, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
    }
    return g_string_free(shown, FALSE);
}

void cli_wrap(GString *text, const char *words, int at, int indent, int width)
{
    g_auto(GStrv) split = g_strsplit(words, " ", -1);
    gboolean first = TRUE;
    for (char **word = split; *word; word++) {
        int length = (int)g_utf8_strlen(*word, -1);
        if (!first && at + 1 + length > width) {
            g_string_append_printf(text, "\n%*s", indent, "");
            at = indent;
        } else if (!first) {
            g_string_append_c(text, ' ');
            at++;
        }
        g_string_append(text, *word);
        at += length;
        first = FALSE;
    }
    g_string_append_c(text, '\n');
}

char *cli_commands(const char *sentence)
{
    static GRegex *commands;
    if (!g_str_has_prefix(program_name, "vggcache-"))
        return g_strdup(sentence);
    if (g_once_init_enter(&commands)) {
        GRegex *made = g_regex_new("(?<![-\\w./])(extract|train|evaluate)(?= --[a-z])", G_REGEX_RAW, 0, NULL);
        g_once_init_leave(&commands, made);
    }
    return g_regex_replace(commands, sentence, -1, 0, "vggcache-\\1", 0, NULL);
}

int cli_text_width(void)
{
    return terminal_text_width(STDOUT_FILENO);
}

/* How urgent a message is, as the colour of the name before it. */
typedef enum { REMARK = 0, WARNING = 33 /* yellow */, FAILURE = 31 /* red */ } Urgency;

static void say(Urgency urgency, const char *sentence)
{
    enum { INDENT = 2 };
    g_autofree char *named = cli_commands(sentence), *safe = cli_printable(named);
    g_autoptr(GString) text = g_string_new(NULL);
    int at = (int)strlen(program_name) + 2;
    if (terminal_draws(STDERR_FILENO))
        cli_wrap(text, safe, at, INDENT, terminal_text_width(STDERR_FILENO));
    else
        g_string_printf(text, "%s\n", safe);
    progress_pause();
    if (urgency && terminal_colours(STDERR_FILENO))
        fprintf(stderr, "\033[%dm%s:\033[m %s", urgency, program_name, text->str);
    else
        fprintf(stderr, "%s: %s", program_name, text->str);
    progress_go_on();
}

/* Whether stdout is a pipe that nobody reads any more. */
static gboolean reader_has_gone(void)
{
    struct pollfd reader = {.fd = STDOUT_FILENO};
    return poll(&reader, 1, 0) == 1 && reader.revents & POLLERR;
}

gboolean cli_print(const char *line, GError **error)
{
    progress_pause();
    puts(line);
    fflush(stdout);
    progress_go_on();
    if (!ferror(stdout))
        return TRUE;
    if (reader_has_gone())
        g_set_error_literal(error, VGGCACHE_ERROR, VGGCACHE_ERROR_UNREAD, "nobody reads the output any more");
    else
        error_set(error, "standard output cannot be written: %s", g_strerror(errno));
    return FALSE;
}

void cli_warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *sentence = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    say(WARNING, sentence);
}

void cli_remark(const char *format, ...)
{
    if (quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *sentence = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    say(REMARK, sentence);
}

static Status fail(GError *error)
{
    gboolean unread = g_error_matches(error, VGGCACHE_ERROR, VGGCACHE_ERROR_UNREAD);
    if (!unread)
        say(FAILURE, error->message);
    g_error_free(error);
    return unread ? STATUS_DONE : STATUS_FAILED;
}

static Status finish_output(Status status)
{
    GError *error = NULL;
    gboolean written = fflush(stdout) == 0 && !ferror(stdout);
    if (!output_file_finish(&error) && status != STATUS_FAILED)
        return fail(error);
    g_clear_error(&error);
    if (written || status == STATUS_FAILED /* which was told */ || reader_has_gone() /* no loss */)
        return status;
    say(FAILURE, "standard output could not be written completely; is it closed, or the disk full?");
    return STATUS_FAILED;
}

/* The last thing a program does: status, or STATUS_FAILED with a sentence where what was printed could not be written. */
static int finish(Status status)
{
    status = finish_output(status);
    if (status == STATUS_FAILED && interrupted_by_keyboard()) {
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
    }
    return (int)status;
}

static Status usage(const CliProgram *program, const char *sentence)
{
    say(FAILURE, sentence);
    fprintf(stderr, "Try '%s --help'.\n", cli_name(program));
    return STATUS_USAGE;
}

gboolean cli_refuse(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_propagate_error(error, g_error_new_valist(G_OPTION_ERROR, G_OPTION_ERROR_FAILED, format, arguments));
    va_end(arguments);
    return FALSE;
}

/* Which option of the table a spelling ("--cost", "-s") means: GOption hands callbacks only the spelling. */
static const CliOption *find_option(const CliProgram *program, const char *spelling)
{
    for (const CliOption *option = program->options; option->name; option++) {
        if (option->kind == CLI_HEADING)
            continue;
        if (spelling[1] == '-' ? g_str_equal(spelling + 2, option->name) : spelling[1] == option->letter)
            return option;
    }
    return NULL;
}

static gboolean out_of_bounds(const CliOption *option, double value)
{
    return (option->min != 0 || option->max != 0) && (value < option->min || value > option->max);
}

static gboolean bad_value(const char *spelling, const char *value, const char *wanted, GError **error)
{
    return cli_refuse(error, "%s takes %s, not '%s'", spelling, wanted, value);
}

gboolean cli_parse_real(const char *text, double *value)
{
    char *end;
    if (!*text || text[strspn(text, "+-.0123456789eE")]) /* strtod also accepts blanks and hexadecimal */
        return FALSE;
    *value = g_ascii_strtod(text, &end);
    return !*end && isfinite(*value);
}

static gboolean set_number(const CliOption *option, const char *spelling, const char *value, GError **error)
{
    gboolean whole = option->kind == CLI_INT, bounded = option->min != 0 || option->max != 0;
    g_autofree char *bounds = !bounded ? g_strdup("")
                              : isinf(option->max)
                                  ? g_strdup_printf(" of at least %.15g", option->min)
                                  : g_strdup_printf(" from %.15g to %.15g", option->min, option->max);
    g_autofree char *wanted = g_strdup_printf("a %snumber%s", whole ? "whole " : "", bounds);
    gint64 integer = 0;
    double real = 0;
    gboolean valid = whole ? g_ascii_string_to_signed(value, 10, G_MININT64, G_MAXINT64, &integer, NULL)
                           : cli_parse_real(value, &real);
    if (!valid || out_of_bounds(option, whole ? (double)integer : real))
        return bad_value(spelling, value, wanted, error);
    if (whole)
        *(gint64 *)option->value = integer;
    else
        *(double *)option->value = real;
    return TRUE;
}

static gboolean set_choice(const CliOption *option, const char *spelling, const char *value, GError **error)
{
    int choice = choice_find(option->placeholder, value);
    if (choice < 0) {
        g_auto(GStrv) choices = g_strsplit(option->placeholder, "|", -1);
        g_autofree char *wanted = g_strjoinv(", ", choices);
        g_autofree char *one_of = g_strdup_printf("one of %s", wanted);
        return bad_value(spelling, value, one_of, error);
    }
    *(int *)option->value = choice;
    return TRUE;
}

static gboolean set_option(const char *spelling, const char *value, gpointer data, GError **error)
{
    const CliOption *option = find_option(data, spelling);
    g_autofree char *appended = option->kind == CLI_LIST && cli_given(option->name)
                                    ? g_strconcat(*(const char **)option->value, ",", value, NULL)
                                    : NULL;
    g_ptr_array_add(given, (gpointer)option);
    switch (option->kind) {
    case CLI_FLAG:
    case CLI_NEGATION:
        if (option->value)
            *(gboolean *)option->value = option->kind == CLI_FLAG;
        return TRUE;
    case CLI_INT:
    case CLI_REAL:
        return set_number(option, spelling, value, error);
    case CLI_ONE_OF:
        return set_choice(option, spelling, value, error);
    case CLI_TEXT:
    case CLI_LIST:
        if (!g_utf8_validate(value, -1, NULL)) /* models and caches describe themselves in JSON */
            return bad_value(spelling, value, "UTF-8", error);
        *(const char **)option->value = g_intern_string(appended ? appended : value);
        return TRUE;
    case CLI_HEADING:
        break;
    }
    g_assert_not_reached();
}

/* man: of the option that help does not show. */
static GOptionContext *option_context(const CliProgram *program, gboolean *man, char ***arguments)
{
    GOptionEntry own[] = {{"man", 0, 0, G_OPTION_ARG_NONE, man, NULL, NULL},
                          {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, arguments, NULL, NULL},
                          {0}};
    g_autoptr(GArray) entries = g_array_new(TRUE, TRUE, sizeof(GOptionEntry));
    for (const CliOption *option = program->options; option->name; option++) {
        gboolean bare = option->kind == CLI_FLAG || option->kind == CLI_NEGATION;
        /* As file names values come as they were given; others GOption converts from the locale's encoding, and
         * refuses what that does not have: all but ASCII where no locale is set. */
        GOptionEntry entry = {option->name,
                              option->letter,
                              bare ? G_OPTION_FLAG_NO_ARG : G_OPTION_FLAG_FILENAME,
                              G_OPTION_ARG_CALLBACK,
                              (gpointer)set_option,
                              NULL,
                              NULL};
        if (option->kind != CLI_HEADING)
            g_array_append_val(entries, entry);
    }
    GOptionContext *context = g_option_context_new(NULL);
    GOptionGroup *group = g_option_group_new("main", "", "", (gpointer)program, NULL);
    g_option_group_add_entries(group, own);
    g_option_group_add_entries(group, (GOptionEntry *)entries->data);
    g_option_context_set_main_group(context, group);
    g_option_context_set_help_enabled(context, FALSE);
    return context;
}

const char *cli_name(const CliProgram *program)
{
    g_autofree char *installed = g_strconcat("vggcache-", program->name, NULL);
    return started_by && g_str_equal(started_by, installed) ? started_by : program->name;
}

static void print_version(const CliProgram *program)
{
    g_autofree char *machine = program->machine ? program->machine() : g_strdup("");
    printf("%s (vggcache) %s\n%s", cli_name(program), VGGCACHE_VERSION, machine);
}

gboolean cli_given(const char *name)
{
    for (guint i = 0; given && i < given->len; i++)
        if (g_str_equal(((const CliOption *)given->pdata[i])->name, name))
            return TRUE;
    return FALSE;
}

/* A standard descriptor that is closed would be given to the next file opened, a cache say, and printed into. */
static void keep_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", O_RDONLY); /* takes this number; writing to it fails */
}

char **cli_parse(const CliProgram *program, int argc, char **argv, Status *status)
{
    const CliCommon *common = program->common;
    gboolean man = FALSE;
    g_autoptr(GError) error = NULL;
    keep_descriptors();
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN); /* a reader that leaves early is no reason to lose the results */
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is then an error of the write, like a full disk */
    g_autofree char *base = argc ? g_path_get_basename(argv[0]) : NULL;
    started_by = base ? g_intern_string(base) : NULL;
    program_name = cli_name(program);
    fatal_install(program_name);
    if (!memory_startup(&error)) {
        *status = fail(g_steal_pointer(&error));
        return NULL;
    }
    g_clear_pointer(&given, g_ptr_array_unref);
    given = g_ptr_array_new();
    g_auto(GStrv) arguments = NULL;
    g_autoptr(GOptionContext) context = option_context(program, &man, &arguments);
    g_auto(GStrv) words = g_strdupv(argv); /* g_option_context_parse_strv frees what it takes out */
    if (!g_option_context_parse_strv(context, &words, &error)) {
        *status = usage(program, error->message);
        return NULL;
    }
    if (common->help)
        cli_print_help(program);
    else if (common->version)
        print_version(program);
    else if (man) {
        program_name = "vggcache-"; /* man pages are of installed programs */
        cli_print_man(program);
    }
    if (common->help || common->version || man) {
        *status = STATUS_DONE;
        return NULL;
    }
    if (program->common->threads == 0)
        program->common->threads = thread_pool_processors();
    quiet = program->common->quiet;
    return arguments ? g_steal_pointer(&arguments) : g_new0(char *, 1);
}

/* ---- A whole program ---- */

static gboolean choose_mode(const CliProgram *program, char **arguments, guint *mode, GError **error)
{
    const CliOption *selecting = NULL;
    for (guint i = 0; i < given->len; i++) {
        const CliOption *option = given->pdata[i];
        if (selecting && option->selects && option->selects != selecting->selects)
            return cli_refuse(error, "--%s and --%s are mutually exclusive", selecting->name, option->name);
        if (option->selects)
            selecting = option;
    }
    *mode = selecting ? selecting->selects : program->mode ? program->mode(arguments) : 0;
    return TRUE;
}

/* An option that the mode does not use is refused, as is another number of arguments. */
static gboolean check_given(const CliProgram *program, guint mode, guint arguments, GError **error)
{
    const CliMode *asked = &program->modes[mode];
    g_autoptr(GError) problem = NULL;
    for (guint i = 0; i < given->len; i++) {
        const CliOption *option = given->pdata[i];
        guint modes = cli_modes_of(program, option);
        g_autofree char *others = cli_mode_names(program, modes, TRUE);
        if (modes && !(modes & CLI_MODE(mode)))
            return cli_refuse(error, "--%s is not used by %s; it is for %s", option->name, asked->asked,
                              others);
        if (option->use == PLAN_FIGURE && output_plan_figure(*(const char **)option->value, &problem) < 0)
            return cli_refuse(error, "--%s: %s", option->name, problem->message);
    }
    return !asked->arguments || (arguments >= asked->least && arguments <= asked->most) ||
           cli_refuse(error, "%s takes %s, got %u %s", asked->asked, asked->arguments, arguments,
                      plural(arguments, "argument", "arguments"));
}

static gboolean check_files(const CliProgram *program, GError **error)
{
    g_autoptr(OutputPlan) plan = output_plan_new();
    if (program->files && !program->files(plan))
        return TRUE;
    for (const CliOption *option = program->options; option->name; option++) {
        g_autofree char *name = g_strconcat("--", option->name, NULL);
        if (option->use)
            output_plan_add(plan, option->use, name, *(const char **)option->value, option->beneath);
    }
    return output_plan_check(plan, error);
}

int cli_main(const CliProgram *program, int argc, char **argv, Status (*run)(guint mode, GError **error))
{
    Status status;
    guint mode = 0;
    g_autoptr(GError) wrong = NULL;
    GError *error = NULL;
    static char **arguments; /* options point into them */
    arguments = cli_parse(program, argc, argv, &status);
    if (!arguments)
        return finish(status);
    if (!choose_mode(program, arguments, &mode, &wrong) ||
        !check_given(program, mode, g_strv_length(arguments), &wrong) ||
        !program->check(mode, arguments, &wrong))
        return finish(wrong->domain == G_OPTION_ERROR ? usage(program, wrong->message)
                                                      : fail(g_steal_pointer(&wrong)));
    interrupt_install(!quiet);
    status = check_files(program, &error) ? run(mode, &error) : STATUS_FAILED;
    return finish(error ? fail(error) : status);
}
