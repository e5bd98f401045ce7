/* Prints `tick n` every `interval=` milliseconds (1000), `count=` times (0: endless). */
#include "solo5.h"
MANIFEST(0)

static void unikernel(void) {
  u64 interval = option("interval=", 1000) * 1000000ul;
  u64 count = option("count=", 0);
  for (u64 tick = 1; count == 0 || tick <= count; tick++) {
    sleep_for(interval);
    text("tick ");
    number(tick);
    end_line();
  }
}
