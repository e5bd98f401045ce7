/* Prints the time of day and how long a wait of `wait=` milliseconds (50) took. */
#include "solo5.h"
MANIFEST(0)

static void unikernel(void) {
  u64 before = walltime();
  wait(option("wait=", 50) * 1000000ul);
  u64 after = walltime();
  text("walltime ");
  number(before);
  text(" waited ");
  number(after - before);
  text(" ns");
  end_line();
#ifdef HVT
  text("cycles per second ");
  number(boot->cycle_frequency);
  end_line();
#endif
}
