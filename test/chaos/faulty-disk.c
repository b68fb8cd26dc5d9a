/*
 * A disk that fails, for LD_PRELOAD: of the calls that write to, or flush, regular files under FAULTY_DISK_ROOT, the
 * FAULTY_DISK_AT-th and those behind it up to FAULTY_DISK_COUNT fail as FAULTY_DISK_KIND says: `enospc`, `eio`, or
 * `short`, which writes half of the bytes (a flush fails as eio does). Each failure is a line of FAULTY_DISK_LOG.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

#define REAL(result, name, ...) \
  static result (*real)(__VA_ARGS__); \
  if (real == NULL) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static long number(const char *name, long otherwise) {
  const char *value = getenv(name);
  return value == NULL ? otherwise : atol(value);
}

static int is_kind(const char *kind) {
  const char *value = getenv("FAULTY_DISK_KIND");
  return value != NULL && strcmp(value, kind) == 0;
}

static void tell(const char *what, const char *path) {
  const char *log = getenv("FAULTY_DISK_LOG");
  if (log == NULL) return;
  int file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (file < 0) return;
  dprintf(file, "%s %s\n", what, path);
  close(file);
}

/* Whether this call is to fail. */
static int fails(int file, const char *what) {
  const char *root = getenv("FAULTY_DISK_ROOT");
  if (root == NULL) return 0;
  struct stat status;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  if (strncmp(path, root, strlen(root)) != 0) return 0;
  long first = number("FAULTY_DISK_AT", 0);
  long call = atomic_fetch_add(&calls, 1) + 1;
  if (first == 0 || call < first || call >= first + number("FAULTY_DISK_COUNT", 1)) return 0;
  tell(what, path);
  return 1;
}

static int refuse(void) {
  errno = is_kind("enospc") ? ENOSPC : EIO;
  return -1;
}

ssize_t write(int file, const void *bytes, size_t count) {
  REAL(ssize_t, "write", int, const void *, size_t);
  if (!fails(file, "write")) return real(file, bytes, count);
  return is_kind("short") && count > 1 ? real(file, bytes, count / 2) : refuse();
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  if (!fails(file, "pwrite")) return real(file, bytes, count, offset);
  return is_kind("short") && count > 1 ? real(file, bytes, count / 2, offset) : refuse();
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  if (!fails(file, "pwrite")) return real(file, bytes, count, offset);
  return is_kind("short") && count > 1 ? real(file, bytes, count / 2, offset) : refuse();
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  REAL(ssize_t, "writev", int, const struct iovec *, int);
  if (!fails(file, "writev")) return real(file, parts, count);
  return is_kind("short") && count > 1 ? real(file, parts, count / 2) : refuse();
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
  REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
  if (!fails(file, "pwritev")) return real(file, parts, count, offset);
  return is_kind("short") && count > 1 ? real(file, parts, count / 2, offset) : refuse();
}

int fsync(int file) {
  REAL(int, "fsync", int);
  return fails(file, "fsync") ? refuse() : real(file);
}

int fdatasync(int file) {
  REAL(int, "fdatasync", int);
  return fails(file, "fdatasync") ? refuse() : real(file);
}
