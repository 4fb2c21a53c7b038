/* interrupt: see interrupt.h. */
#include "common/core/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t interrupt_signal;

static gboolean answered; /* on a terminal */

static void on_signal(int signal_number)
{
    static const char answer[] = "\nstopping… (Ctrl-C again ends at once)\n";
    interrupt_signal = signal_number;
    if (answered && signal_number == SIGINT) {
        int error = errno;
        ssize_t told = write(STDERR_FILENO, answer, sizeof answer - 1);
        (void)told;
        errno = error;
    }
}

void interrupt_install(gboolean answers)
{
    answered = answers && isatty(STDERR_FILENO);
    /* SA_RESETHAND: the second signal has its default action and ends the process. SA_RESTART: a write interrupted by
     * the first one is resumed. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
}

gboolean interrupted(void)
{
    return interrupt_signal != 0;
}

gboolean interrupted_by_keyboard(void)
{
    return interrupt_signal == SIGINT;
}
