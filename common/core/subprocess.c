/* subprocess: see subprocess.h. */
#include "common/core/subprocess.h"

#include "common/core/fatal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t subprocess_fork(void)
{
    pid_t parent = getpid(), child = fork();
    if (child != 0)
        return child;
    fatal_silence();
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    return 0;
}

void subprocess_detach(int socket, int file)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE};
    for (gsize i = 0; i < G_N_ELEMENTS(ignored); i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGBUS, SIG_DFL);
    clearenv();
    /* Out of the way first: where standard input was closed, they may be among the first three. */
    socket = fcntl(socket, F_DUPFD, SUBPROCESS_FILE + 1);
    file = file < 0 ? file : fcntl(file, F_DUPFD, SUBPROCESS_FILE + 1);
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < SUBPROCESS_SOCKET && null >= 0; i++)
        dup2(null, i);
    if (dup2(socket, SUBPROCESS_SOCKET) < 0 || (file >= 0 && dup2(file, SUBPROCESS_FILE) < 0))
        _exit(EXIT_FAILURE);
    close_range(file < 0 ? SUBPROCESS_FILE : SUBPROCESS_FILE + 1, ~0U, 0);
}

int subprocess_wait(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}
