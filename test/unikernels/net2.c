/*
 * Sends `count=` (3) frames of at least `size=` bytes to everybody, each again every 200 ms until it is answered, and
 * prints the answers. Ends with 0, or with 3 where an answer is missing after `timeout=` milliseconds (10000).
 */
#include "net.h"
MANIFEST(1, NET("service"))

static void unikernel(void) {
  print_service("net2");
  u64 count = option("count=", 3);
  u64 size = option("size=", 60);
  u64 end = walltime() + option("timeout=", 10000) * 1000000ul;
  for (u64 n = 1; n <= count; n++) {
    do {
      if (walltime() >= end) {
        text("no reply to ");
        number(n);
        end_line();
        halt(3);
      }
      send_greeting("request", n, size);
    } while (!receive(200000000ul));
    print_frame("reply");
  }
  say("all replies received");
}
