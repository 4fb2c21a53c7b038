/* inject CALLS N FAULT SECONDS REPORT COMMAND…: runs COMMAND and makes the N-th of its system calls of a kind go wrong.
 *
 *     CALLS    write, read, open, sync, truncate, rename, unlink, map, fork (see kinds)
 *     N        from 1, over all threads and children; 0: none
 *     FAULT    an error's name (ENOSPC, EIO, ENOMEM, EINTR, EMFILE, EAGAIN): the call is not made and returns it;
 *              short: half of the bytes are written or read; before, after: the process is killed there
 *     REPORT   a file that gets "CALLS-SEEN HIT", two numbers
 *
 * Calls are counted after the program has ignored SIGPIPE, which it does first, so that the dynamic loader and library
 * constructors are not affected; writes to stderr are not counted. Exit status: COMMAND's, 128 plus the signal that ended
 * it, 124 after SECONDS, 125 if tracing is not allowed. Linux on x86-64 only.
 *
 * A seccomp filter stops the program only at calls of this kind; all others run at full speed. */
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIME_UP = 124, NOT_ALLOWED = 125, SIGNALLED = 128, THREADS = 4096, CALLS = 8 };

static const struct {
    const char *name;
    long calls[CALLS]; /* ended by -1 */
} kinds[] = {
    {"write", {SYS_write, SYS_pwrite64, SYS_writev, SYS_pwritev, -1}},
    {"read", {SYS_read, SYS_pread64, SYS_readv, -1}},
    {"open", {SYS_open, SYS_openat, -1}},
    {"sync", {SYS_fsync, SYS_fdatasync, SYS_msync, -1}},
    {"truncate", {SYS_ftruncate, SYS_fallocate, -1}},
    {"rename", {SYS_rename, SYS_renameat, SYS_renameat2, -1}},
    {"unlink", {SYS_unlink, SYS_unlinkat, -1}},
    {"map", {SYS_mmap, SYS_mremap, -1}},
    {"fork", {SYS_clone, SYS_clone3, SYS_fork, SYS_vfork, -1}},
};

static const struct {
    const char *name;
    int code;
} errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"ENOMEM", ENOMEM},
              {"EINTR", EINTR},   {"EMFILE", EMFILE}, {"EAGAIN", EAGAIN}};

typedef enum { FAULT_ERROR, FAULT_SHORT, FAULT_BEFORE, FAULT_AFTER } Fault;

static const long *calls;
static Fault fault;
static int error_code;
static long wanted, seen;
static int hit;
static int counting;        /* main has been reached */
static volatile pid_t root; /* the program's first process */
static volatile sig_atomic_t time_up;
static struct {
    pid_t id;
    int pending; /* killed at the end of the call that it is in */
} threads[THREADS];

static void stop(int status, const char *words)
{
    fprintf(stderr, "inject: %s\n", words);
    exit(status);
}

static void on_alarm(int number)
{
    time_up = 1;
    kill(root, SIGKILL);
}

static int place_of(pid_t id)
{
    for (int i = 0; i < THREADS; i++) {
        if (threads[i].id == 0)
            threads[i].id = id;
        if (threads[i].id == id)
            return i;
    }
    stop(NOT_ALLOWED, "too many threads");
    return -1;
}

static int is_counted(const struct user_regs_struct *registers)
{
    long call = (long)registers->orig_rax;
    if (call == SYS_rt_sigaction && registers->rdi == SIGPIPE)
        counting = 1;
    for (int i = 0; counting && calls[i] >= 0; i++)
        if (calls[i] == call)
            return !((call == SYS_write || call == SYS_writev) && registers->rdi == STDERR_FILENO);
    return 0;
}

/* Kills the thread's process. */
static void kill_process(pid_t thread)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)thread);
    FILE *file = fopen(path, "r");
    int process = thread;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Tgid: %d", &process) == 1)
            break;
    if (file)
        fclose(file);
    kill(process, SIGKILL);
}

/* At the start of a call of the kind. */
static void at_call(pid_t id)
{
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, id, NULL, &registers) != 0 || !is_counted(&registers) || ++seen != wanted)
        return;
    hit = 1;
    if (fault == FAULT_BEFORE)
        kill_process(id);
    else if (fault == FAULT_AFTER)
        threads[place_of(id)].pending = 1;
    else if (fault == FAULT_SHORT && registers.rdx > 1)
        registers.rdx /= 2;
    else if (fault == FAULT_ERROR) {
        registers.orig_rax = (unsigned long long)-1; /* no call, and this result */
        registers.rax = (unsigned long long)-error_code;
    }
    ptrace(PTRACE_SETREGS, id, NULL, &registers);
}

/* Follows all processes until they have ended; returns the wait status of the first one. */
static int follow(void)
{
    int status, result = 0;
    pid_t id;
    while ((id = waitpid(-1, &status, __WALL)) > 0 || (id < 0 && errno == EINTR)) {
        int delivered = 0;
        if (id < 0)
            continue;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            threads[place_of(id)].pending = 0;
            if (id == root) {
                result = status;
                return result; /* the remaining processes die with the tracer */
            }
            continue;
        }
        int signal_number = WSTOPSIG(status);
        if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_SECCOMP << 8)))
            at_call(id);
        else if (signal_number == (SIGTRAP | 0x80))
            kill_process(id); /* the end of the call after which it is to die */
        else if (status >> 16 == 0 && signal_number != SIGSTOP)
            delivered = signal_number;
        else if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXEC << 8)))
            counting = 0; /* the program starts itself again */
        ptrace(threads[place_of(id)].pending ? PTRACE_SYSCALL : PTRACE_CONT, id, NULL,
               (void *)(long)delivered);
    }
    return result;
}

/* Makes the tracee stop at calls of the kind, and at the call after which counting begins. */
static int install_filter(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    const struct scmp_arg_cmp sigpipe = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = SIGPIPE};
    int code = filter ? seccomp_rule_add_array(filter, SCMP_ACT_TRACE(0), SCMP_SYS(rt_sigaction), 1, &sigpipe)
                      : -ENOMEM;
    for (int i = 0; calls[i] >= 0 && !code; i++)
        code = seccomp_rule_add(filter, SCMP_ACT_TRACE(0), (int)calls[i], 0);
    return code ? code : seccomp_load(filter);
}

static void start(char **command)
{
    root = fork();
    if (root == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(NOT_ALLOWED);
        raise(SIGSTOP);
        if (install_filter() != 0)
            _exit(NOT_ALLOWED);
        execv(command[0], command);
        _exit(127);
    }
    int status;
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
    if (root < 0 || waitpid(root, &status, 0) != root || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, root, NULL, options) != 0)
        stop(NOT_ALLOWED, "tracing is not allowed here");
    ptrace(PTRACE_CONT, root, NULL, NULL);
}

static void parse_fault(const char *name)
{
    static const char *const others[] = {
        [FAULT_SHORT] = "short", [FAULT_BEFORE] = "before", [FAULT_AFTER] = "after"};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (strcmp(errors[i].name, name) == 0) {
            error_code = errors[i].code;
            return;
        }
    for (fault = FAULT_SHORT; fault <= FAULT_AFTER; fault++)
        if (strcmp(others[fault], name) == 0)
            return;
    stop(2, "no such fault");
}

int main(int argc, char **argv)
{
    if (argc < 7)
        stop(2, "usage: inject CALLS N FAULT SECONDS REPORT COMMAND...");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, argv[1]) == 0)
            calls = kinds[i].calls;
    if (!calls)
        stop(2, "no such calls");
    wanted = atol(argv[2]);
    parse_fault(argv[3]);
    start(argv + 6);
    signal(SIGALRM, on_alarm);
    alarm((unsigned)atoi(argv[4]));
    int status = follow();
    FILE *report = fopen(argv[5], "w");
    if (report) {
        fprintf(report, "%ld %d\n", seen, hit);
        fclose(report);
    }
    return time_up ? TIME_UP : WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
}
