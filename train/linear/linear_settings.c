/* linear_settings: see linear_settings.h. */
#include "train/linear/linear_settings.h"

#include "train/data/held_out.h"
#include "train/linear/search.h"

#include <string.h>

static gboolean parse_positive(const char *text, double *value)
{
    return cli_parse_real(text, value) && *value > 0;
}

/* Parses a number above 0, or "auto", which gives 0. NULL, or what is wrong. */
static char *parse_or_auto(const char *option, const char *text, double *value)
{
    if (parse_positive(text, value))
        return NULL;
    *value = 0;
    return strcmp(text, "auto") == 0
               ? NULL
               : g_strdup_printf("--%s takes a number above 0, or auto, not '%s'", option, text);
}

static char *parse_costs(const char *text, LinearSettings *settings)
{
    g_auto(GStrv) items = g_strsplit(text, ",", -1);
    guint n = g_strv_length(items);
    if (n > LINEAR_COSTS)
        return g_strdup_printf("--costs takes at most %d costs", LINEAR_COSTS);
    for (guint i = 0; i < n; i++)
        if (!parse_positive(items[i], &settings->costs[i]))
            return g_strdup_printf("--costs takes numbers above 0, such as 0.001,0.01,0.1, not '%s'",
                                   items[i]);
    settings->n_costs = n;
    doubles_sort(settings->costs, n);
    return n ? NULL : g_strdup("--costs is empty");
}

char *linear_settings_parse(const TrainOptions *o, LinearSettings *settings)
{
    char *wrong = NULL;
    double cost;
    memset(settings, 0, sizeof *settings);
    settings->solver = solver_find(o->solver);
    if (!settings->solver) {
        g_autofree char *list = solver_list();
        return g_strdup_printf("--solver '%s' is unknown; choose by number or name: %s", o->solver, list);
    }
    if ((wrong = parse_or_auto("cost", o->cost, &cost)) ||
        (wrong = parse_or_auto("tolerance", o->tolerance, &settings->tolerance)) ||
        (o->costs && (wrong = parse_costs(o->costs, settings))))
        return wrong;
    if (settings->tolerance == 0)
        settings->tolerance = settings->solver->tolerance;
    settings->searches = o->search || o->costs;
    settings->searches_scale = o->search && !cli_given("scale") && !settings->n_costs;
    settings->cross_validates = settings->searches || o->folds || o->suspects || held_out_asked(o);
    settings->folds = o->folds ? (guint)o->folds : 5;
    if (settings->searches && cost > 0)
        return g_strdup("--cost gives the cost, --search finds it: use one of them");
    if (cli_given("averages") && !settings->solver->rotation)
        return g_strdup_printf(
            "--averages does not go with %s, whose penalty |w| depends on the features' basis",
            settings->solver->name);
    if (o->plot && !settings->searches)
        return g_strdup("--plot draws the cost search: give --search too");
    if (o->history && !settings->searches && !o->folds)
        return g_strdup("--history lists the cost search: give --search too");
    if (o->suspects_sheet && (!o->suspects || !o->images))
        return g_strdup(
            "--suspects-sheet draws the images that --suspects lists: give --suspects and --images DIR too");
    if (o->learning_curve_plot && !o->learning_curve)
        return g_strdup("--learning-curve-plot draws what --learning-curve writes: give both");
    if (cost > 0)
        settings->costs[settings->n_costs++] = cost;
    settings->tried = settings->n_costs ? settings->n_costs : settings->searches ? SEARCH_COSTS : 1;
    if (o->folds == 1)
        return g_strdup("--folds takes 2 or more (0: no cross-validation)");
    return NULL;
}
