/* The command line: options accepted and refused, messages, and that help and man page contain the table. */
#include "common/cli/cli.h"

static gint64 batch;
static double rate;
static gboolean prune, reduce;
static char *file;
static int preset;
static CliCommon common;

static const CliOption options[] = {
    OPTION_HEADING("Images"),
    OPTION_INT("batch", &batch, "N", 1, 64, "images the base takes at once", .letter = 'b'),
    OPTION_REAL("rate", &rate, "R", 0, 0, "learning rate"),
    OPTION_FLAG("prune", &prune, "drop items whose file has gone"),
    OPTION_NEGATION("no-reduce", &reduce, "train on the vectors themselves"),
    OPTION_ONE_OF("preset", &preset, "keras|vips", "from file to tensor"),
    OPTION_TEXT("file", &file, "FILE", "where to write", .letter = 'f'),
    CLI_COMMON_OPTIONS(&common),
    {0},
};
static const char *const synopsis[] = {"[OPTION…] IN OUT", NULL};
static const CliExample examples[] = {{"probe in out", "first"}, {"probe -b 3 in out", "second"}, {0}};
static const CliProgram program = {.name = "probe",
                                   .purpose = "a program to probe the table",
                                   .synopsis = synopsis,
                                   .description = "It does this.\n\nAnd that.",
                                   .options = options,
                                   .common = &common,
                                   .examples = examples};

static char **parse(Status *status, const char *line)
{
    batch = 8, rate = 0.001, prune = FALSE, reduce = TRUE, preset = 1, file = NULL;
    common = (CliCommon)CLI_COMMON_DEFAULTS;
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    return cli_parse(&program, (int)g_strv_length(argv), argv, status);
}

static void test_takes_options_anywhere(void)
{
    Status status;
    g_auto(GStrv) rest =
        parse(&status, "probe in -b 3 --rate=1e-4 --prune out --no-reduce --preset keras -f x --seed 7");
    g_assert_nonnull(rest);
    g_assert_cmpuint(g_strv_length(rest), ==, 2);
    g_assert_cmpstr(rest[0], ==, "in");
    g_assert_cmpstr(rest[1], ==, "out");
    g_assert_cmpint(batch, ==, 3);
    g_assert_cmpfloat(rate, ==, 1e-4);
    g_assert_true(prune);
    g_assert_false(reduce);
    g_assert_cmpint(preset, ==, 0);
    g_assert_cmpstr(file, ==, "x");
    g_assert_cmpint(common.seed, ==, 7);
    g_assert_cmpint(common.threads, >=, 1);
}

static void test_everything_after_two_dashes_is_an_argument(void)
{
    Status status;
    g_auto(GStrv) rest = parse(&status, "probe -- --prune out");
    g_assert_nonnull(rest);
    g_assert_cmpstr(rest[0], ==, "--prune");
    g_assert_false(prune);
}

static void refuse_in_child(gconstpointer line)
{
    if (g_test_subprocess()) {
        Status status = STATUS_DONE;
        char **rest = parse(&status, line);
        g_assert_null(rest);
        g_assert_cmpint(status, ==, STATUS_USAGE);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*probe: *Try 'probe --help'*");
}

static void test_help_holds_every_option_and_its_default(void)
{
    if (g_test_subprocess()) {
        Status status = STATUS_USAGE;
        g_assert_null(parse(&status, "probe --help"));
        g_assert_cmpint(status, ==, STATUS_DONE);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout(
        "*Images:*-b, --batch N*(default: 8)*--rate R*(default: 0.001)*--prune*--no-reduce*"
        "--preset keras|vips*(default: vips)*-f, --file FILE*--threads*--help*--version*"
        "probe -b 3 in out*second*");
}

/* A program with two modes: options of both are listed once, before those of one. */
static void test_help_lists_options_by_mode(void)
{
    static gint64 both, one;
    static const CliOption rows[] = {
        OPTION_HEADING("Way"),
        OPTION_INT("length", &one, "N", 0, 9, "of the walk", .modes = CLI_MODE(1)),
        OPTION_INT("width", &both, "N", 0, 9, "of the way", .modes = CLI_MODE(0) | CLI_MODE(1)),
        CLI_COMMON_OPTIONS(&common),
        {0},
    };
    static const CliMode modes[] = {
        {"stand", "standing", "do not move", NULL, 0, 0}, {"walk", "--walk", "move", NULL, 0, 0}, {0}};
    static const CliProgram moving = {.name = "probe",
                                      .purpose = "a program with modes",
                                      .synopsis = synopsis,
                                      .description = "It moves.",
                                      .options = rows,
                                      .common = &common,
                                      .examples = examples,
                                      .modes = modes};
    if (g_test_subprocess()) {
        Status status = STATUS_USAGE;
        char *argv[] = {"probe", "--help", NULL};
        g_assert_null(cli_parse(&moving, 2, argv, &status));
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout("*Modes:\n  stand *do not move\n  walk *move\n*"
                              "Options for every mode:\n Way:\n  --width N*\n General:\n*--help*\nOptions "
                              "for walk:\n  --length N*");
}

static void test_man_page_holds_the_same(void)
{
    if (g_test_subprocess()) {
        Status status = STATUS_USAGE;
        g_assert_null(parse(&status, "probe --man"));
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout("*.TH VGGCACHE?-PROBE 1*-b, ?-?-batch N*default: 8*.SH EXAMPLES*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/takes options anywhere", test_takes_options_anywhere);
    g_test_add_func("/cli/everything after two dashes is an argument",
                    test_everything_after_two_dashes_is_an_argument);
    static const struct {
        const char *title, *line;
    } refused[] = {
        {"an unknown option", "probe --colour"},
        {"a number below its bound", "probe -b 0"},
        {"a number above its bound", "probe -b 65"},
        {"text for a number", "probe -b 3x"},
        {"a fraction for an integer", "probe -b 2.5"},
        {"a number that is not finite", "probe --rate nan"},
        {"a choice that is none", "probe --preset kera"},
        {"an option without its value", "probe --file"},
        {"a number too large for its type", "probe --seed 99999999999999999999"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *title = g_strdup_printf("/cli/refuses %s", refused[i].title);
        g_test_add_data_func(title, refused[i].line, refuse_in_child);
    }
    g_test_add_func("/cli/help holds every option and its default",
                    test_help_holds_every_option_and_its_default);
    g_test_add_func("/cli/help lists options by mode", test_help_lists_options_by_mode);
    g_test_add_func("/cli/man page holds the same", test_man_page_holds_the_same);
    return g_test_run();
}
