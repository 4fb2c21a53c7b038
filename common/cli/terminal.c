/* terminal: see terminal.h. */
#include "common/cli/terminal.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

gboolean terminal_draws(int fd)
{
    const char *term = g_getenv("TERM");
    return isatty(fd) && term && *term && !g_str_equal(term, "dumb");
}

int terminal_columns(int fd)
{
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int terminal_text_width(int fd)
{
    enum { NARROWEST = 20 };
    int columns = terminal_columns(fd);
    return columns ? CLAMP(columns, NARROWEST, TERMINAL_TEXT) : TERMINAL_TEXT;
}

gboolean terminal_colours(int fd)
{
    const char *off = g_getenv("NO_COLOR");
    return terminal_draws(fd) && (!off || !*off);
}
