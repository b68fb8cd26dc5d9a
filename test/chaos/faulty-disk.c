/*
 * A disk that fails, for LD_PRELOAD. Calls that concern files and folders under FAULTY_DISK_ROOT are counted, if they are of
 * those that the kind of failure can strike; the `at`-th and those behind it up to `count` fail:
 *
 *   enospc  there is no room: writes, flushes, and what makes a name
 *   eio     the disk is broken: all of these, opening, reading, and what removes a name or shortens a file
 *   short   half of the bytes are written or read
 *
 * FAULTY_DISK_CONTROL names a file of four 64-bit integers: at, count, kind, calls counted so far. It is mapped, so whoever
 * writes there changes what fails while the process runs. Each failure is a line of FAULTY_DISK_LOG.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct control {
  _Atomic int64_t at, count, kind, calls;
};

enum { ENOSPC_KIND, EIO_KIND, SHORT_KIND };
/* What a call does to the disk, as far as the kinds tell them apart. */
enum operation { WRITES, READS, FLUSHES, MAKES, OPENS, REMOVES };

/* The bytes that move can move by half; a full disk still reads and removes. */
static const int strikes[][6] = {
  [ENOSPC_KIND] = {[WRITES] = 1, [FLUSHES] = 1, [MAKES] = 1},
  [EIO_KIND] = {[WRITES] = 1, [READS] = 1, [FLUSHES] = 1, [MAKES] = 1, [OPENS] = 1, [REMOVES] = 1},
  [SHORT_KIND] = {[WRITES] = 1, [READS] = 1},
};

static struct control *control;
static char root[PATH_MAX];

#define REAL(result, name, ...) \
  static result (*real)(__VA_ARGS__); \
  if (real == NULL) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int open_really(const char *path, int flags, int mode) {
  REAL(int, "open", const char *, int, ...);
  return real(path, flags, mode);
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAULTY_DISK_CONTROL"), *folder = getenv("FAULTY_DISK_ROOT");
  if (path == NULL || folder == NULL) return;
  snprintf(root, sizeof root, "%s/", folder);
  int file = open_really(path, O_RDWR | O_CLOEXEC, 0);
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped != MAP_FAILED) control = mapped;
  close(file);
}

static void tell(const char *what, const char *path) {
  const char *log = getenv("FAULTY_DISK_LOG");
  if (log == NULL) return;
  int file = open_really(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return;
  dprintf(file, "%s %s\n", what, path);
  close(file);
}

/* Whether this call on a path is to fail. */
static int fails_at(const char *path, enum operation operation, const char *what) {
  if (control == NULL || path == NULL || strncmp(path, root, strlen(root)) != 0) return 0;
  if (!strikes[control->kind][operation]) return 0;
  int64_t call = atomic_fetch_add(&control->calls, 1) + 1, first = control->at;
  if (first == 0 || call < first || call >= first + control->count) return 0;
  tell(what, path);
  return 1;
}

static int fails(int file, enum operation operation, const char *what) {
  if (control == NULL) return 0;
  struct stat status;
  if (fstat(file, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) return 0;
  char link[64], path[PATH_MAX + 1];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 2);
  if (length <= 0) return 0;
  path[length] = 0;
  if (S_ISDIR(status.st_mode)) strcpy(path + length, "/"); /* the root itself is below the root */
  return fails_at(path, operation, what);
}

static int refuse(void) {
  errno = control->kind == ENOSPC_KIND ? ENOSPC : EIO;
  return -1;
}

/* Half of the bytes, or none where that would be no failure. */
#define MOVE(operation, name, count, whole, half) \
  if (!fails(file, operation, name)) return whole; \
  return control->kind == SHORT_KIND && (count) > 1 ? half : refuse()

ssize_t write(int file, const void *bytes, size_t count) {
  REAL(ssize_t, "write", int, const void *, size_t);
  MOVE(WRITES, "write", count, real(file, bytes, count), real(file, bytes, count / 2));
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  MOVE(WRITES, "pwrite", count, real(file, bytes, count, offset), real(file, bytes, count / 2, offset));
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  return pwrite64(file, bytes, count, offset);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  REAL(ssize_t, "writev", int, const struct iovec *, int);
  MOVE(WRITES, "writev", count, real(file, parts, count), real(file, parts, count / 2));
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
  REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
  MOVE(WRITES, "pwritev", count, real(file, parts, count, offset), real(file, parts, count / 2, offset));
}

ssize_t read(int file, void *bytes, size_t count) {
  REAL(ssize_t, "read", int, void *, size_t);
  MOVE(READS, "read", count, real(file, bytes, count), real(file, bytes, count / 2));
}

ssize_t pread64(int file, void *bytes, size_t count, off64_t offset) {
  REAL(ssize_t, "pread64", int, void *, size_t, off64_t);
  MOVE(READS, "pread", count, real(file, bytes, count, offset), real(file, bytes, count / 2, offset));
}

ssize_t pread(int file, void *bytes, size_t count, off_t offset) {
  return pread64(file, bytes, count, offset);
}

int fsync(int file) {
  REAL(int, "fsync", int);
  return fails(file, FLUSHES, "fsync") ? refuse() : real(file);
}

int fdatasync(int file) {
  REAL(int, "fdatasync", int);
  return fails(file, FLUSHES, "fdatasync") ? refuse() : real(file);
}

int ftruncate64(int file, off64_t length) {
  REAL(int, "ftruncate64", int, off64_t);
  return fails(file, REMOVES, "ftruncate") ? refuse() : real(file, length);
}

int ftruncate(int file, off_t length) {
  return ftruncate64(file, length);
}

int rename(const char *from, const char *to) {
  REAL(int, "rename", const char *, const char *);
  return fails_at(to, MAKES, "rename") ? refuse() : real(from, to);
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, "mkdir", const char *, mode_t);
  return fails_at(path, MAKES, "mkdir") ? refuse() : real(path, mode);
}

int unlink(const char *path) {
  REAL(int, "unlink", const char *);
  return fails_at(path, REMOVES, "unlink") ? refuse() : real(path);
}

int rmdir(const char *path) {
  REAL(int, "rmdir", const char *);
  return fails_at(path, REMOVES, "rmdir") ? refuse() : real(path);
}

/* Opening may make a name. */
#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    va_list more; \
    va_start(more, flags); \
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0; \
    va_end(more); \
    return fails_at(path, flags & O_CREAT ? MAKES : OPENS, "open") ? refuse() : open_really(path, flags, mode); \
  }

OPEN(open)
OPEN(open64)
