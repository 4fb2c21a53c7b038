/* Text in pages and on terminals: whatever a name contains, it stays a name. */
#include "evaluate/report/html.h"

static void test_markup(void)
{
    g_autoptr(GString) page = g_string_new(NULL);
    html_print(page, "<p title=\"%s\">%s: %5.1f %% of %u, %+d, %.3g%%</p>", "\"a\" & 'b'",
               "<b>%s</b>\x01\xff", 12.34, 7U, 3, 0.12345);
    g_assert_cmpstr(
        page->str, ==,
        "<p title=\"&quot;a&quot; &amp; 'b'\">&lt;b&gt;%s&lt;/b&gt;\uFFFD\uFFFD:  12.3 % of 7, +3, "
        "0.123%</p>");
}

static void test_prose(void)
{
    static const char *const names[] = {"a`b`c", "`", "``", "`x", "x`", "<`>"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GString) sentence = g_string_new(NULL), page = g_string_new(NULL),
                           expected = g_string_new(NULL), text = g_string_new(NULL);
        prose_print(sentence, "%s or `train <x>` or (%s)", names[i], names[i]);
        html_prose(page, sentence->str);
        html_print(expected, "%s or <code>train &lt;x&gt;</code> or (%s)", names[i], names[i]);
        g_assert_cmpstr(page->str, ==, expected->str);
        text_prose(text, sentence->str);
        text_print(g_string_truncate(expected, 0), "%s or train <x> or (%s)", names[i], names[i]);
        g_assert_cmpstr(text->str, ==, expected->str);
    }
}

static void test_terminal(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    text_print(text, "%s %.2f %s\n", "a\033[1m", 0.5, "é");
    g_assert_cmpstr(text->str, ==, "a\\x1b[1m 0.50 é\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/html/names are no markup", test_markup);
    g_test_add_func("/html/backquotes of names mark no code", test_prose);
    g_test_add_func("/html/names do not steer a terminal", test_terminal);
    return g_test_run();
}
