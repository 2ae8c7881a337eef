/* A file system without shared memory or without locks, for tests: preloaded into a process, it
 * refuses what such a share refuses, for files below $ODD_SHARE only.
 *
 * ODD_SHARE_MMAP=ENODEV   MAP_SHARED of a file fails with this error (a number)
 * ODD_SHARE_FCNTL=37      fcntl(F_SETLK ...) fails with this error
 * ODD_SHARE_FLOCK=37      flock() fails with this error
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int refused(int descriptor, const char *variable)
{
    const char *share = getenv("ODD_SHARE"), *error = getenv(variable);
    char link[64], path[PATH_MAX];
    ssize_t length;

    if (!share || !error || descriptor < 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strncmp(path, share, strlen(share)) ? 0 : atoi(error);
}

static int is_lock(int command)
{
    return command == F_SETLK || command == F_SETLKW || command == F_GETLK
        || command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_OFD_GETLK;
}

static int pass(const char *name, int descriptor, int command, void *argument)
{
    int (*real)(int, int, ...) = dlsym(RTLD_NEXT, name);
    int error = is_lock(command) ? refused(descriptor, "ODD_SHARE_FCNTL") : 0;

    if (error) {
        errno = error;
        return -1;
    }
    return real(descriptor, command, argument);
}

#define FORWARD(name)                                  \
    int name(int descriptor, int command, ...)         \
    {                                                  \
        va_list rest;                                  \
        void *argument;                                \
        va_start(rest, command);                       \
        argument = va_arg(rest, void *);               \
        va_end(rest);                                  \
        return pass(#name, descriptor, command, argument); \
    }
FORWARD(fcntl)
FORWARD(fcntl64)

int flock(int descriptor, int operation)
{
    int (*real)(int, int) = dlsym(RTLD_NEXT, "flock");
    int error = refused(descriptor, "ODD_SHARE_FLOCK");

    if (error) {
        errno = error;
        return -1;
    }
    return real(descriptor, operation);
}

static void *map(const char *name, void *at, size_t length, int access, int flags, int descriptor,
                 off_t offset)
{
    void *(*real)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, name);
    int error = flags & MAP_SHARED ? refused(descriptor, "ODD_SHARE_MMAP") : 0;

    if (error) {
        errno = error;
        return MAP_FAILED;
    }
    return real(at, length, access, flags, descriptor, offset);
}

void *mmap(void *at, size_t length, int access, int flags, int descriptor, off_t offset)
{
    return map("mmap", at, length, access, flags, descriptor, offset);
}

void *mmap64(void *at, size_t length, int access, int flags, int descriptor, off64_t offset)
{
    return map("mmap64", at, length, access, flags, descriptor, offset);
}
