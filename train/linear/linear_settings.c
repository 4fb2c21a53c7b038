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
    settings->solver = solver_find(o->linear.solver);
    if (!settings->solver) {
        g_autofree char *list = solver_list();
        return g_strdup_printf("--solver '%s' is unknown; choose by number or name: %s", o->linear.solver,
                               list);
    }
    if ((wrong = parse_or_auto("cost", o->linear.cost, &cost)) ||
        (wrong = parse_or_auto("tolerance", o->linear.tolerance, &settings->tolerance)) ||
        (o->linear.costs && (wrong = parse_costs(o->linear.costs, settings))))
        return wrong;
    if (settings->tolerance == 0)
        settings->tolerance = settings->solver->tolerance;
    settings->searches = o->linear.search || o->linear.costs;
    settings->searches_scale = o->linear.search && !cli_given("scale") && !settings->n_costs;
    settings->cross_validates =
        settings->searches || o->linear.folds || o->linear.suspects || held_out_asked(&o->results);
    settings->folds = o->linear.folds ? (guint)o->linear.folds : 5;
    if (settings->searches && cost > 0)
        return g_strdup("--cost gives the cost, --search finds it: use one of them");
    if (cli_given("averages") && !settings->solver->rotation)
        return g_strdup_printf(
            "--averages does not go with %s, whose penalty |w| depends on the features' basis",
            settings->solver->name);
    if (o->results.plot && !settings->searches)
        return g_strdup("--plot draws the cost search: give --search too");
    if (o->results.history && !settings->searches && !o->linear.folds)
        return g_strdup("--history lists the cost search: give --search too");
    if (o->linear.suspects_sheet && (!o->linear.suspects || !o->images.folder))
        return g_strdup(
            "--suspects-sheet draws the images that --suspects lists: give --suspects and --images DIR too");
    if (o->linear.learning_curve_plot && !o->linear.learning_curve)
        return g_strdup("--learning-curve-plot draws what --learning-curve writes: give both");
    if (cost > 0)
        settings->costs[settings->n_costs++] = cost;
    settings->tried = settings->n_costs ? settings->n_costs : settings->searches ? SEARCH_COSTS : 1;
    if (o->linear.folds == 1)
        return g_strdup("--folds takes 2 or more (0: no cross-validation)");
    return NULL;
}
