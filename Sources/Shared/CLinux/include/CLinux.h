// SPDX-License-Identifier: Apache-2.0
// What Swift cannot import from Linux by itself: headers outside the Glibc module, variadics.
// Never define _GNU_SOURCE here: the clang modules would then disagree about libc's own types.
#pragma once
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static inline int keelson_open(const char *path, int flags, unsigned mode) {
    return open(path, flags, mode);
}

extern int accept4(int, struct sockaddr *, socklen_t *, int);

// A descriptor that reports these signals, which it also blocks for the calling thread and for the
// threads it starts later. -1 and errno on failure.
int keelson_signal_descriptor(const int *signals, int count);

// The next signal of such a descriptor, 0 when there is none, -1 and errno on failure.
int keelson_next_signal(int descriptor);

// SIGPIPE would end the process whenever a peer hangs up first, and SIGXFSZ whenever a file may not
// grow: both are errors of the call then.
void keelson_ignore_broken_pipes(void);

// Starts a program. Its descriptors 0, 1, 2 become the three given; all others close. With
// `own_group` it leads a process group of its own; with `death_signal` it receives that signal when
// the thread that started it ends. The process id, or -1 and errno (of exec, too).
int keelson_spawn(const char *path, char *const *arguments, char *const *environment,
                  const char *directory, const int descriptors[3], int own_group,
                  int death_signal);

struct keelson_child_state {
    int ended;            // 0 while it runs.
    int exit_code;        // When it exited by itself; otherwise -1.
    int signal;           // The signal that ended it; otherwise 0.
    int64_t user_us;      // Processor time, only once it ended.
    int64_t system_us;
    int64_t max_rss_kib;
};

// Asks after a child, waiting for its end if `wait`. 0, or -1 and errno.
int keelson_child_state(int pid, int wait, struct keelson_child_state *state);

// Waits for the end of a child and leaves it to be asked after later.
int keelson_await_child(int pid);

// The same for so long at most; also returns early when a signal came. 0, or -1 and errno.
int keelson_await_child_for(int pid, int milliseconds);

// Fills the buffer from the kernel's random source. 0, or -1 and errno.
int keelson_random(void *buffer, size_t count);

void keelson_name_thread(const char *name);

// On how many processors this thread may run. 0 if the kernel does not say.
int keelson_usable_processors(void);

// What tells one state of a file from another: device, inode, size, and the nanoseconds of its last
// change of content and of status. 0, or -1 and errno.
int keelson_file_stamp(const char *path, int64_t stamp[5]);

// Hashes a password as `setting` says (a hash, or its beginning): bcrypt, by libcrypt. `hash` has
// room for `size` bytes with the zero behind it. 0, or -1 when the setting is none.
int keelson_crypt(const char *password, const char *setting, char *hash, size_t size);
