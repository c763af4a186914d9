/* Writes down, in order, everything that a process does to the files below a folder, so that a power cut can be staged.
 *
 * Preloaded into a node by the tests (LD_PRELOAD) and handed on to its children. POWER_ROOT names the folder,
 * POWER_JOURNAL the file that all processes append to: one record a system call, after the call has returned, so that
 * what a client was told rests on records that stand in the journal already. tests/power_disk.py reads it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 65536
#define JOURNAL_AT_LEAST 500

static char root[PATH_MAX];
static char journal_path[PATH_MAX];
static char preload[PATH_MAX];
static size_t root_length;
static int journal = -1;
static unsigned char tracked[DESCRIPTORS_MAX];
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void)
{
    const char *folder = getenv("POWER_ROOT"), *file = getenv("POWER_JOURNAL"), *self = getenv("LD_PRELOAD");
    if (!folder || !file || !self)
        return;
    snprintf(root, sizeof root, "%s", folder);
    snprintf(journal_path, sizeof journal_path, "%s", file);
    snprintf(preload, sizeof preload, "%s", self);
    root_length = strlen(root);
    int opened = REAL(open)(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (opened < 0)
        return;
    /* A high number: programs count on low ones, and a child makes its link descriptor 3. */
    journal = fcntl(opened, F_DUPFD_CLOEXEC, JOURNAL_AT_LEAST);
    REAL(close)(opened);
}

/* A record: kind, process, descriptor, offset, lengths of path and data, path, data; all numbers little-endian. */
static void note(char kind, int descriptor, int64_t offset, const char *path, const void *data, size_t size)
{
    if (journal < 0)
        return;
    struct __attribute__((packed)) {
        char kind;
        int32_t process, descriptor;
        int64_t offset;
        uint32_t path_length, data_length;
    } head = {kind, getpid(), descriptor, offset, path ? (uint32_t)strlen(path) : 0, (uint32_t)size};
    struct iovec parts[3] = {{&head, sizeof head}, {(void *)path, head.path_length}, {(void *)data, size}};
    ssize_t whole = (ssize_t)(sizeof head + head.path_length + size);
    if (REAL(writev)(journal, parts, 3) != whole)
        abort();
}

/* The path below the folder, or NULL if it lies elsewhere. Relative paths and folder descriptors are resolved. */
static const char *below(int folder, const char *path, char *buffer)
{
    char base[PATH_MAX];
    if (!root_length || !path)
        return NULL;
    if (path[0] == '/') {
        snprintf(buffer, PATH_MAX, "%s", path);
    } else {
        if (folder == AT_FDCWD) {
            if (!getcwd(base, sizeof base))
                return NULL;
        } else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            ssize_t length = readlink(link, base, sizeof base - 1);
            if (length < 0)
                return NULL;
            base[length] = 0;
        }
        if (snprintf(buffer, PATH_MAX, "%s/%s", base, path) >= PATH_MAX)
            return NULL;
    }
    if (strncmp(buffer, root, root_length) || (buffer[root_length] != '/' && buffer[root_length] != 0))
        return NULL;
    return buffer[root_length] ? buffer + root_length + 1 : ".";
}

static int opened(int descriptor, int folder, const char *path, int flags)
{
    char buffer[PATH_MAX];
    int kept = errno;
    if (descriptor >= 0 && descriptor < DESCRIPTORS_MAX) {
        const char *name = below(folder, path, buffer);
        struct stat found;
        tracked[descriptor] = name != NULL && fstat(descriptor, &found) == 0;
        if (tracked[descriptor])
            note('o', descriptor, (flags & O_TRUNC ? 1 : 0) | (S_ISDIR(found.st_mode) ? 2 : 0), name, NULL, 0);
    }
    errno = kept;
    return descriptor;
}

#define WITH_MODE(flags, mode)                      \
    mode_t mode = 0;                                \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {        \
        va_list rest;                               \
        va_start(rest, flags);                      \
        mode = va_arg(rest, mode_t);                \
        va_end(rest);                               \
    }

int open(const char *path, int flags, ...)
{
    WITH_MODE(flags, mode)
    return opened(REAL(open)(path, flags, mode), AT_FDCWD, path, flags);
}

int open64(const char *path, int flags, ...)
{
    WITH_MODE(flags, mode)
    return opened(REAL(open64)(path, flags, mode), AT_FDCWD, path, flags);
}

int openat(int folder, const char *path, int flags, ...)
{
    WITH_MODE(flags, mode)
    return opened(REAL(openat)(folder, path, flags, mode), folder, path, flags);
}

int openat64(int folder, const char *path, int flags, ...)
{
    WITH_MODE(flags, mode)
    return opened(REAL(openat64)(folder, path, flags, mode), folder, path, flags);
}

static int is_tracked(int descriptor)
{
    return journal >= 0 && descriptor >= 0 && descriptor < DESCRIPTORS_MAX && tracked[descriptor];
}

ssize_t write(int descriptor, const void *data, size_t size)
{
    if (!is_tracked(descriptor))
        return REAL(write)(descriptor, data, size);
    pthread_mutex_lock(&turn);
    ssize_t done = REAL(write)(descriptor, data, size);
    int kept = errno;
    if (done > 0)
        note('w', descriptor, (int64_t)lseek(descriptor, 0, SEEK_CUR) - done, NULL, data, (size_t)done);
    pthread_mutex_unlock(&turn);
    errno = kept;
    return done;
}

static ssize_t written_at(ssize_t done, int descriptor, const void *data, off_t offset)
{
    int kept = errno;
    if (done > 0 && is_tracked(descriptor))
        note('w', descriptor, offset, NULL, data, (size_t)done);
    errno = kept;
    return done;
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset)
{
    return written_at(REAL(pwrite)(descriptor, data, size, offset), descriptor, data, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset)
{
    return written_at(REAL(pwrite64)(descriptor, data, size, offset), descriptor, data, offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count)
{
    if (!is_tracked(descriptor))
        return REAL(writev)(descriptor, parts, count);
    ssize_t total = 0;
    for (int part = 0; part < count; part++) {
        ssize_t done = write(descriptor, parts[part].iov_base, parts[part].iov_len);
        if (done < 0)
            return total ? total : -1;
        total += done;
        if ((size_t)done < parts[part].iov_len)
            break;
    }
    return total;
}

static int after(int status, char kind, int descriptor, int64_t offset)
{
    int kept = errno;
    if (status == 0 && is_tracked(descriptor))
        note(kind, descriptor, offset, NULL, NULL, 0);
    errno = kept;
    return status;
}

/* No other thread writes meanwhile: what comes behind an fsync must not stand in the journal before it. */
static int synced(int (*call)(int), int descriptor)
{
    if (!is_tracked(descriptor))
        return call(descriptor);
    pthread_mutex_lock(&turn);
    int status = after(call(descriptor), 's', descriptor, 0);
    pthread_mutex_unlock(&turn);
    return status;
}

int fsync(int descriptor) { return synced(REAL(fsync), descriptor); }
int fdatasync(int descriptor) { return synced(REAL(fdatasync), descriptor); }
int ftruncate(int descriptor, off_t size) { return after(REAL(ftruncate)(descriptor, size), 't', descriptor, size); }
int ftruncate64(int descriptor, off64_t size) { return after(REAL(ftruncate64)(descriptor, size), 't', descriptor, size); }

int close(int descriptor)
{
    if (descriptor >= 0 && descriptor == journal)
        return 0;
    if (is_tracked(descriptor)) {
        tracked[descriptor] = 0;
        note('c', descriptor, 0, NULL, NULL, 0);
    }
    return REAL(close)(descriptor);
}

static int renamed(int status, int old_folder, const char *old, int new_folder, const char *new)
{
    char first[PATH_MAX], second[PATH_MAX];
    int kept = errno;
    if (status == 0) {
        const char *from = below(old_folder, old, first), *to = below(new_folder, new, second);
        if (from && to)
            note('r', 0, 0, from, to, strlen(to));
        else if (from || to)
            abort(); /* Into or out of the folder: the journal has no word for that. */
    }
    errno = kept;
    return status;
}

int rename(const char *old, const char *new) { return renamed(REAL(rename)(old, new), AT_FDCWD, old, AT_FDCWD, new); }

int renameat(int old_folder, const char *old, int new_folder, const char *new)
{
    return renamed(REAL(renameat)(old_folder, old, new_folder, new), old_folder, old, new_folder, new);
}

static int named(int status, char kind, int folder, const char *path)
{
    char buffer[PATH_MAX];
    int kept = errno;
    const char *name = status == 0 ? below(folder, path, buffer) : NULL;
    if (name)
        note(kind, 0, 0, name, NULL, 0);
    errno = kept;
    return status;
}

int unlink(const char *path) { return named(REAL(unlink)(path), 'u', AT_FDCWD, path); }
int unlinkat(int folder, const char *path, int flags) { return named(REAL(unlinkat)(folder, path, flags), 'u', folder, path); }
int rmdir(const char *path) { return named(REAL(rmdir)(path), 'u', AT_FDCWD, path); }
int mkdir(const char *path, mode_t mode) { return named(REAL(mkdir)(path, mode), 'm', AT_FDCWD, path); }
int mkdirat(int folder, const char *path, mode_t mode) { return named(REAL(mkdirat)(folder, path, mode), 'm', folder, path); }

/* Children start with an environment of their own, which does not name this library: hand it on. */
int execve(const char *path, char *const arguments[], char *const environment[])
{
    char variables[3][PATH_MAX + 32];
    char *extended[1024];
    size_t count = 0;
    if (journal < 0)
        return REAL(execve)(path, arguments, environment);
    while (environment && environment[count] && count < 1000) {
        extended[count] = environment[count];
        count++;
    }
    snprintf(variables[0], sizeof variables[0], "LD_PRELOAD=%s", preload);
    snprintf(variables[1], sizeof variables[1], "POWER_ROOT=%s", root);
    snprintf(variables[2], sizeof variables[2], "POWER_JOURNAL=%s", journal_path);
    for (int number = 0; number < 3; number++)
        extended[count++] = variables[number];
    extended[count] = NULL;
    return REAL(execve)(path, arguments, extended);
}
