/* Computes with SSE registers, as nearly every compiler's code does: some nested KVM hosts cannot run such guests. */
#include "solo5.h"
MANIFEST(0)

static void unikernel(void) {
  volatile double sum = 0;
  for (volatile int i = 1; i <= 100; i++) sum = sum + (double)i / 2;
  text("sum of halves ");
  number((u64)sum);
  end_line();
}
