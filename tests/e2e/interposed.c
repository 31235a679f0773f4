/* A disk that fills up and a clock that jumps, for the processes of one test.
 *
 * Loaded before libc (LD_PRELOAD). It counts what changes files below one directory,
 * and fails it once a budget is used up, as a full disk does; and it moves the wall
 * clock. The test changes both while the processes run, through a file that is mapped
 * by all of them (tests/e2e/interposing.py has the same layout).
 *
 * Nothing is looked up when a file is written, only when it is opened: a scanner has no
 * right to do so any more.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MOST_FDS 65536

struct control {
    _Atomic int64_t left;     /* writes that still succeed; negative: all */
    _Atomic int64_t seen;     /* writes so far */
    _Atomic int64_t failed;   /* writes that were failed */
    _Atomic int64_t error;    /* errno of a failure */
    _Atomic int64_t offset_s; /* seconds that the wall clock is ahead */
};

static struct control *control;
static const char *watched;
static _Atomic unsigned char is_watched[MOST_FDS];

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULTS_CONTROL");
    watched = getenv("FAULTS_BELOW");
    if (!path)
        return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        control = at;
    close(fd);
}

static int is_below(const char *path)
{
    return control && watched && path && !strncmp(path, watched, strlen(watched));
}

/* Count one change; tell whether it has to fail. */
static int fails(void)
{
    atomic_fetch_add(&control->seen, 1);
    int64_t left = atomic_load(&control->left);
    while (left > 0)
        if (atomic_compare_exchange_weak(&control->left, &left, left - 1))
            return 0;
    if (left < 0)
        return 0;
    atomic_fetch_add(&control->failed, 1);
    errno = (int)atomic_load(&control->error);
    return 1;
}

static int fails_at(int fd)
{
    return control && fd >= 0 && fd < MOST_FDS && is_watched[fd] && fails();
}

static int note(int fd, int watch)
{
    if (fd >= 0 && fd < MOST_FDS)
        is_watched[fd] = (unsigned char)watch;
    return fd;
}

#define NEXT(type, name) \
    static type(*next); \
    if (!next) \
        next = (type(*))dlsym(RTLD_NEXT, name)

#define MODE(flags, mode) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

typedef int open_t(const char *, int, ...);
typedef int openat_t(int, const char *, int, ...);
typedef ssize_t write_t(int, const void *, size_t);
typedef ssize_t pwrite_t(int, const void *, size_t, off64_t);
typedef ssize_t writev_t(int, const struct iovec *, int);
typedef ssize_t pwritev_t(int, const struct iovec *, int, off64_t);
typedef int truncate_t(int, off64_t);
typedef int fd_t(int);
typedef int rename_t(const char *, const char *);
typedef int renameat_t(int, const char *, int, const char *);
typedef int mkdir_t(const char *, mode_t);
typedef int clock_t_(clockid_t, struct timespec *);

/* Making a file needs room as well: for its name. */
#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        NEXT(open_t, #name); \
        MODE(flags, mode); \
        int watch = is_below(path) && (flags & O_ACCMODE) != O_RDONLY; \
        if (watch && (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) && fails()) \
            return -1; \
        return note(next(path, flags, mode), watch); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) \
    { \
        NEXT(openat_t, #name); \
        MODE(flags, mode); \
        int watch = is_below(path) && (flags & O_ACCMODE) != O_RDONLY; \
        if (watch && (flags & O_CREAT) && fails()) \
            return -1; \
        return note(next(at, path, flags, mode), watch); \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int fd)
{
    NEXT(fd_t, "close");
    note(fd, 0);
    return next(fd);
}

ssize_t write(int fd, const void *data, size_t size)
{
    NEXT(write_t, "write");
    return fails_at(fd) ? -1 : next(fd, data, size);
}

#define PWRITE(name) \
    ssize_t name(int fd, const void *data, size_t size, off64_t at) \
    { \
        NEXT(pwrite_t, #name); \
        return fails_at(fd) ? -1 : next(fd, data, size, at); \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    NEXT(writev_t, "writev");
    return fails_at(fd) ? -1 : next(fd, pieces, count);
}

#define PWRITEV(name) \
    ssize_t name(int fd, const struct iovec *pieces, int count, off64_t at) \
    { \
        NEXT(pwritev_t, #name); \
        return fails_at(fd) ? -1 : next(fd, pieces, count, at); \
    }
PWRITEV(pwritev)
PWRITEV(pwritev64)

#define TRUNCATE(name) \
    int name(int fd, off64_t size) \
    { \
        NEXT(truncate_t, #name); \
        return fails_at(fd) ? -1 : next(fd, size); \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define SYNC(name) \
    int name(int fd) \
    { \
        NEXT(fd_t, #name); \
        return fails_at(fd) ? -1 : next(fd); \
    }
SYNC(fsync)
SYNC(fdatasync)

int rename(const char *from, const char *to)
{
    NEXT(rename_t, "rename");
    return is_below(to) && fails() ? -1 : next(from, to);
}

int renameat(int at, const char *from, int there, const char *to)
{
    NEXT(renameat_t, "renameat");
    return is_below(to) && fails() ? -1 : next(at, from, there, to);
}

int mkdir(const char *path, mode_t mode)
{
    NEXT(mkdir_t, "mkdir");
    return is_below(path) && fails() ? -1 : next(path, mode);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    NEXT(clock_t_, "clock_gettime");
    int result = next(clock, now);
    if (!result && clock == CLOCK_REALTIME && control)
        now->tv_sec += atomic_load(&control->offset_s);
    return result;
}
