/* Greets, shows its command line, ends well. */
#include "solo5.h"
MANIFEST(0)

static void unikernel(void) {
  say("Hello from Albatross");
  text("command line: ");
  say(boot->command_line);
  halt(0);
}
