/* help: --help and the man page, both from a program's table. */
#include "common/cli/choice.h"
#include "common/cli/cli_internal.h"

#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 30, NARROW_COLUMN = 8, WIDE = 70 /* columns, from which help has two */ };

/* "  -q, --quiet" and the like, with placeholder; caller frees. */
static char *spelling_of(const CliOption *option)
{
    g_autofree char *letter = option->letter ? g_strdup_printf("-%c, ", option->letter) : g_strdup("");
    gboolean takes = option->kind != CLI_FLAG && option->kind != CLI_NEGATION;
    return g_strdup_printf("%s--%s%s%s", letter, option->name, takes ? " " : "",
                           takes ? option->placeholder : "");
}

/* The default as text, from the option's value, or NULL if there is none to show. Caller frees. */
static char *default_of(const CliOption *option)
{
    switch (option->kind) {
    case CLI_INT:
        return g_strdup_printf("%" G_GINT64_FORMAT, *(gint64 *)option->value);
    case CLI_REAL:
        return g_strdup_printf("%g", *(double *)option->value);
    case CLI_ONE_OF:
        if (*(int *)option->value < 0)
            return NULL;
        return g_strdup(choice_name(option->placeholder, *(int *)option->value));
    case CLI_TEXT:
    case CLI_LIST:
        return g_strdup(*(char **)option->value);
    default:
        return NULL;
    }
}

char *cli_mode_names(const CliProgram *program, guint modes, gboolean asked)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; program->modes[i].name; i++)
        if (modes & CLI_MODE(i))
            g_ptr_array_add(names, (gpointer)(asked ? program->modes[i].asked : program->modes[i].name));
    g_ptr_array_add(names, NULL);
    return g_strjoinv(", ", (char **)names->pdata);
}

/* The help text with its default; caller frees. */
static char *meaning(const CliOption *option)
{
    g_autofree char *value = default_of(option);
    return value && *value ? g_strdup_printf("%s (default: %s)", option->help, value)
                           : g_strdup(option->help);
}

/* ---- Sections: first the options of all modes, then those of fewer and fewer; each option appears once ---- */

guint cli_modes_of(const CliProgram *program, const CliOption *option)
{
    guint all = 0, modes = option->modes;
    for (guint i = 0; program->modes && program->modes[i].name; i++)
        all |= CLI_MODE(i);
    if (option->selects)
        return CLI_MODE(option->selects);
    while (option > program->options && option->kind != CLI_HEADING)
        option--;
    modes = modes ? modes : option->kind == CLI_HEADING ? option->modes : 0;
    return (modes & all) == all ? 0 : modes;
}

/* Sets of more modes first; 0 (all) comes first. */
static gint by_number_of_modes(gconstpointer a, gconstpointer b)
{
    guint x = *(const guint *)a, y = *(const guint *)b;
    return (y ? __builtin_popcount(y) : 33) - (x ? __builtin_popcount(x) : 33);
}

/* The distinct sets of modes of the rows: guint, sorted; sets of equal size in the table's order. */
static GArray *sections(const CliProgram *program)
{
    GArray *sets = g_array_new(FALSE, FALSE, sizeof(guint));
    for (const CliOption *option = program->options; option->name; option++) {
        guint set = cli_modes_of(program, option), i = 0;
        while (i < sets->len && g_array_index(sets, guint, i) != set)
            i++;
        if (i == sets->len && option->kind != CLI_HEADING)
            g_array_append_val(sets, set);
    }
    g_array_sort(sets, by_number_of_modes);
    return sets;
}

/* Functions that print the parts of the list of options, for help and man page. */
typedef struct {
    void (*section)(const char *title);
    void (*title)(const char *title);                   /* a heading of the table */
    void (*entry)(const char *name, const char *words); /* what is explained, and its meaning */
} Style;

/* Prints the options of a set of modes, with the table's headings if they belong to several. */
static void print_rows(const CliProgram *program, guint modes, const Style *style)
{
    const CliOption *heading = NULL, *first = NULL, *last = NULL;
    for (const CliOption *option = program->options; option->name; option++)
        if (option->kind == CLI_HEADING)
            heading = option;
        else if (cli_modes_of(program, option) == modes) {
            first = first ? first : heading;
            last = heading;
        }
    const CliOption *printed = NULL;
    for (const CliOption *option = program->options; option->name; option++)
        if (option->kind == CLI_HEADING)
            heading = option;
        else if (cli_modes_of(program, option) == modes) {
            if (heading != printed && first != last)
                style->title(heading->name);
            printed = heading;
            g_autofree char *spelling = spelling_of(option), *text = meaning(option);
            style->entry(spelling, text);
        }
}

static void print_sections(const CliProgram *program, const Style *style)
{
    g_autoptr(GArray) sets = sections(program);
    for (guint i = 0; i < sets->len; i++) {
        guint modes = g_array_index(sets, guint, i);
        g_autofree char *names = modes ? cli_mode_names(program, modes, FALSE) : g_strdup("every mode");
        g_autofree char *title =
            g_strdup_printf("Options%s%s", program->modes ? " for " : "", program->modes ? names : "");
        style->section(title);
        print_rows(program, modes, style);
    }
}

static int help_column(void)
{
    return cli_text_width() < WIDE ? NARROW_COLUMN : HELP_COLUMN;
}

static void print_wrapped(const char *words, int at, int indent)
{
    g_autofree char *named = cli_commands(words);
    g_autoptr(GString) text = g_string_new(NULL);
    cli_wrap(text, named, at, indent, cli_text_width());
    fputs(text->str, stdout);
}

/* What is explained, and beside or below it its meaning. */
static void print_entry(const char *name, const char *words)
{
    int width = 2 + (int)g_utf8_strlen(name, -1), column = help_column();
    printf("  %s", name);
    if (width + 2 > column)
        printf("\n%*s", column, "");
    else
        printf("%*s", column - width, "");
    print_wrapped(words, column, column);
}

static void print_title(const char *title)
{
    printf(" %s:\n", title);
}

static void print_section(const char *title)
{
    g_autofree char *line = g_strdup_printf("%s:", title);
    putchar('\n');
    print_wrapped(line, 0, 2);
}

/* "evaluate test.cache …" with the name that the program was started by; caller frees. */
static char *own_command(const CliProgram *program, const char *command)
{
    return g_strconcat(cli_name(program), command + strlen(program->name), NULL);
}

void cli_print_help(const CliProgram *program)
{
    static const Style style = {print_section, print_title, print_entry};
    g_autofree char *purpose = g_strdup_printf("%s - %s", cli_name(program), program->purpose);
    print_wrapped(purpose, 0, 0);
    printf("\nUsage:\n");
    for (const char *const *line = program->synopsis; *line; line++) {
        g_autofree char *usage = g_strdup_printf("%s %s", cli_name(program), *line);
        printf("  ");
        print_wrapped(usage, 2, 6);
    }
    putchar('\n');
    g_auto(GStrv) paragraphs = g_strsplit(program->description, "\n\n", -1);
    for (char **paragraph = paragraphs; *paragraph; paragraph++) {
        print_wrapped(*paragraph, 0, 0);
        putchar('\n');
    }
    if (program->modes)
        printf("Modes:\n");
    for (const CliMode *mode = program->modes; mode && mode->name; mode++)
        print_entry(mode->name, mode->meaning);
    print_sections(program, &style);
    printf("\nExamples:\n");
    for (const CliExample *example = program->examples; example->command; example++) {
        g_autofree char *command = own_command(program, example->command);
        printf("  ");
        print_wrapped(command, 2, 6);
        printf("      ");
        print_wrapped(example->meaning, 6, 6);
    }
    putchar('\n');
    print_wrapped("Exit status: 0 done; 1 failed; 2 wrong usage; 3 done, but some inputs were skipped.", 0,
                  2);
}

/* troff interprets a leading dot or quote as a request, and '-' as a hyphen. */
static void print_troff(const char *text)
{
    g_autofree char *named = cli_commands(text);
    if (*named == '.' || *named == '\'')
        fputs("\\&", stdout);
    for (const char *c = named; *c; c++)
        if (*c == '-')
            fputs("\\-", stdout);
        else if (*c == '\\')
            fputs("\\e", stdout);
        else
            putchar(*c);
}

static void print_tagged(const char *tag, const char *text)
{
    fputs(".TP\n.B ", stdout);
    print_troff(tag);
    putchar('\n');
    print_troff(text);
    putchar('\n');
}

static void print_man_title(const char *title)
{
    printf(".PP\n.I ");
    print_troff(title);
    putchar('\n');
}

static void print_man_section(const char *title)
{
    printf(".SS ");
    print_troff(title);
    putchar('\n');
}

void cli_print_man(const CliProgram *program)
{
    static const Style style = {print_man_section, print_man_title, print_tagged};
    g_autofree char *upper = g_ascii_strup(program->name, -1);
    printf(".TH VGGCACHE\\-%s 1 \"\" \"vggcache %s\" \"User Commands\"\n.SH NAME\nvggcache\\-%s \\- ", upper,
           VGGCACHE_VERSION, program->name);
    print_troff(program->purpose);
    printf("\n.SH SYNOPSIS\n");
    for (const char *const *line = program->synopsis; *line; line++) {
        printf("%s.B vggcache\\-%s\n", line == program->synopsis ? "" : ".br\n", program->name);
        print_troff(*line);
        putchar('\n');
    }
    printf(".SH DESCRIPTION\n");
    g_auto(GStrv) paragraphs = g_strsplit(program->description, "\n\n", -1);
    for (char **paragraph = paragraphs; *paragraph; paragraph++) {
        fputs(paragraph == paragraphs ? "" : ".PP\n", stdout);
        print_troff(*paragraph);
        putchar('\n');
    }
    if (program->modes)
        printf(".SH MODES\n");
    for (const CliMode *mode = program->modes; mode && mode->name; mode++)
        print_tagged(mode->name, mode->meaning);
    printf(".SH OPTIONS\n");
    print_sections(program, &style);
    printf(".SH EXIT STATUS\n");
    print_tagged("0", "Done.");
    print_tagged("1", "Failed; a message on stderr says why and what to do.");
    print_tagged("2", "Wrong usage.");
    print_tagged("3", "Done, but some inputs were skipped; each is reported on stderr.");
    printf(".SH EXAMPLES\n");
    for (const CliExample *example = program->examples; example->command; example++) {
        g_autofree char *installed = g_strdup_printf("vggcache-%s", example->command);
        print_tagged(installed, example->meaning);
    }
}
