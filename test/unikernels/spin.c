/* Uses the CPU without ever asking anything of the host. */
#include "solo5.h"
MANIFEST(0)

static void unikernel(void) {
  say("spinning");
  for (;;) __asm__ volatile("" ::: "memory");
}
