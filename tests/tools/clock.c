/* A wall clock that steps, for one process: preloaded, it adds the seconds in the file $CLOCK_STEP to CLOCK_REALTIME.
   (libfaketime cannot step the wall clock of a running process without breaking its timers.) */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int done = (int)syscall(SYS_clock_gettime, clock, time);
    const char *path = getenv("CLOCK_STEP");
    if (done == 0 && clock == CLOCK_REALTIME && path) {
        char text[32] = {0};
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            if (read(file, text, sizeof text - 1) > 0)
                time->tv_sec += atol(text);
            close(file);
        }
    }
    return done;
}
