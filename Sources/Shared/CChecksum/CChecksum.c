// SPDX-License-Identifier: Apache-2.0
#include "CChecksum.h"
#include <string.h>

#if defined(__x86_64__)

int keelson_has_crc32c(void) {
    return __builtin_cpu_supports("sse4.2") ? 1 : 0;
}

__attribute__((target("sse4.2")))
uint32_t keelson_crc32c(uint32_t state, const void *bytes, size_t count) {
    const unsigned char *next = bytes;
    uint64_t sum = state;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        sum = __builtin_ia32_crc32di(sum, word);
        next += 8;
        count -= 8;
    }
    uint32_t rest = (uint32_t)sum;
    while (count > 0) {
        rest = __builtin_ia32_crc32qi(rest, *next);
        next += 1;
        count -= 1;
    }
    return rest;
}

#else

int keelson_has_crc32c(void) {
    return 0;
}

uint32_t keelson_crc32c(uint32_t state, const void *bytes, size_t count) {
    (void)bytes;
    (void)count;
    return state;
}

#endif
