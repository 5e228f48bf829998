// SPDX-License-Identifier: Apache-2.0
// What Swift cannot import from Linux by itself: headers outside the Glibc module, variadics.
// Never define _GNU_SOURCE here: the clang modules would then disagree about libc's own types.
#pragma once
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static inline int keelson_open(const char *path, int flags, unsigned mode) {
    return open(path, flags, mode);
}

extern int accept4(int, struct sockaddr *, socklen_t *, int);
