// SPDX-License-Identifier: Apache-2.0
// An instruction that Swift has no name for: CRC-32C in hardware. Stands below all rooms and knows
// nothing of the system.
#pragma once
#include <stddef.h>
#include <stdint.h>

// 1 when this processor has the instruction.
int keelson_has_crc32c(void);

// Goes on from `state` (inverted, as inside the algorithm) over the bytes. Only where the processor
// has the instruction.
uint32_t keelson_crc32c(uint32_t state, const void *bytes, size_t count);
