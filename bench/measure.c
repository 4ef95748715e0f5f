/*
 * measure.c: runs a command and tells what it cost, from the kernel's own accounting of the
 * finished process: {"seconds":S,"cpu_seconds":S,"peak_mb":M,"exit":N} on descriptor 3.
 *
 *     measure COMMAND [ARGUMENT…] 3>FILE
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    struct timespec from, to;
    struct rusage usage;
    int status = 0;

    if (argc < 2)
        return 64;
    (void)clock_gettime(CLOCK_MONOTONIC, &from);

    pid_t pid = fork();

    if (pid == 0) {
        (void)close(3);
        (void)execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
        return 71;
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    (void)dprintf(3, "{\"seconds\":%.3f,\"cpu_seconds\":%.3f,\"peak_mb\":%.1f,\"exit\":%d}\n",
                  (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9,
                  seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
                  (double)usage.ru_maxrss / 1024, WIFEXITED(status) ? WEXITSTATUS(status) : 128);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
