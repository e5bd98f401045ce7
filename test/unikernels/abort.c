/* Ends as an assertion failure does by convention. */
#include "solo5.h"
MANIFEST(0)

static void unikernel(void) {
  say("Solo5: ABORT: abort.c:6: on purpose");
  halt(255);
}
