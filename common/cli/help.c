/* help: --help and the man page, both read off a program's table. */
#include "common/cli/cli_internal.h"

#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 30, HELP_WIDTH = 100 };

/* --help and --version have no row in the programs' tables; the hidden --man is not shown. */
static const CliOption own_options[] = {
    {CLI_FLAG, "help", 'h', NULL, NULL, "show this help", 0, 0, 0},
    {CLI_FLAG, "version", 0, NULL, NULL, "show the version", 0, 0, 0},
};

char *cli_option_spelling(const CliOption *option)
{
    g_autofree char *letter = option->letter ? g_strdup_printf("-%c, ", option->letter) : g_strdup("");
    gboolean takes = option->kind != CLI_FLAG && option->kind != CLI_NEGATION;
    return g_strdup_printf("%s--%s%s%s", letter, option->name, takes ? " " : "",
                           takes ? option->placeholder : "");
}

char *cli_option_default(const CliOption *option)
{
    switch (option->kind) {
    case CLI_INT:
        return g_strdup_printf("%" G_GINT64_FORMAT, *(gint64 *)option->value);
    case CLI_REAL:
        return g_strdup_printf("%g", *(double *)option->value);
    case CLI_TEXT:
    case CLI_CHOICE:
        return g_strdup(*(char **)option->value);
    default:
        return NULL;
    }
}

char *cli_option_modes(const CliProgram *program, const CliOption *option, gboolean asked)
{
    if (!option->modes || !program->modes)
        return NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; program->modes[i].name; i++)
        if (option->modes & 1u << i)
            g_ptr_array_add(names, (gpointer)(asked ? program->modes[i].asked : program->modes[i].name));
    g_ptr_array_add(names, NULL);
    return g_strjoinv(", ", (char **)names->pdata);
}

/* The help text with its default and the modes that use it; caller frees. */
static char *meaning(const CliProgram *program, const CliOption *option)
{
    g_autofree char *value = cli_option_default(option);
    g_autofree char *modes = cli_option_modes(program, option, FALSE);
    GString *text = g_string_new(option->help);
    if (value && *value)
        g_string_append_printf(text, " (default: %s)", value);
    if (modes)
        g_string_append_printf(text, " [%s]", modes);
    return g_string_free(text, FALSE);
}

/* Prints text from the column on, broken at blanks; the cursor stands at `at`. */
static void print_wrapped(const char *text, int at, int column)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    for (char **word = words; *word; word++) {
        int width = (int)g_utf8_strlen(*word, -1);
        if (at > column && at + 1 + width > HELP_WIDTH) {
            printf("\n%*s", column, "");
            at = column;
        } else if (at > column) {
            putchar(' ');
            at++;
        }
        fputs(*word, stdout);
        at += width;
    }
    putchar('\n');
}

static void print_option(const CliProgram *program, const CliOption *option)
{
    g_autofree char *spelling = cli_option_spelling(option), *text = meaning(program, option);
    int width = 2 + (int)g_utf8_strlen(spelling, -1);
    printf("  %s", spelling);
    if (width + 2 > HELP_COLUMN)
        printf("\n%*s", HELP_COLUMN, "");
    else
        printf("%*s", HELP_COLUMN - width, "");
    print_wrapped(text, HELP_COLUMN, HELP_COLUMN);
}

void cli_print_help(const CliProgram *program)
{
    printf("%s - %s\n\nUsage:\n", program->name, program->purpose);
    for (const char *const *line = program->synopsis; *line; line++)
        printf("  %s %s\n", program->name, *line);
    putchar('\n');
    g_auto(GStrv) paragraphs = g_strsplit(program->description, "\n\n", -1);
    for (char **paragraph = paragraphs; *paragraph; paragraph++) {
        print_wrapped(*paragraph, 0, 0);
        putchar('\n');
    }
    for (const CliOption *option = program->options; option->name; option++)
        if (option->kind == CLI_HEADING)
            printf("%s%s:\n", option == program->options ? "" : "\n", option->name);
        else
            print_option(program, option);
    for (gsize i = 0; i < G_N_ELEMENTS(own_options); i++)
        print_option(program, &own_options[i]);
    if (program->modes)
        printf("\nAn option is for the uses named in [brackets] only; without brackets it is for all.\n");
    printf("\nExamples:\n");
    for (const CliExample *example = program->examples; example->command; example++)
        printf("  %s\n      %s\n", example->command, example->meaning);
    printf("\nExit status: 0 done; 1 failed; 2 wrong usage; 3 done, but inputs were skipped.\n");
}

/* troff takes a leading dot or quote as a request, and '-' as a hyphen. */
static void print_troff(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (const char *c = text; *c; c++)
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

static void print_man_option(const CliProgram *program, const CliOption *option)
{
    g_autofree char *spelling = cli_option_spelling(option), *text = meaning(program, option);
    print_tagged(spelling, text);
}

void cli_print_man(const CliProgram *program)
{
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
    printf(".SH OPTIONS\n");
    for (const CliOption *option = program->options; option->name; option++)
        if (option->kind == CLI_HEADING)
            printf(".SS %s\n", option->name);
        else
            print_man_option(program, option);
    for (gsize i = 0; i < G_N_ELEMENTS(own_options); i++)
        print_man_option(program, &own_options[i]);
    printf(".SH EXIT STATUS\n");
    print_tagged("0", "Done.");
    print_tagged("1", "Failed; a sentence on stderr says why and what to do.");
    print_tagged("2", "Wrong usage.");
    print_tagged("3", "Done, but inputs were skipped; each is named on stderr.");
    printf(".SH EXAMPLES\n");
    for (const CliExample *example = program->examples; example->command; example++) {
        g_autofree char *installed = g_strdup_printf("vggcache-%s", example->command);
        print_tagged(installed, example->meaning);
    }
}
