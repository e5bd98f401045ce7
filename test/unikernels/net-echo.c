/*
 * Returns every frame of ether type 0x88b5 to its sender and prints it; ends after `count=` of them (0: never).
 * With `send=N` it sends N frames to everybody instead, of at least `size=` bytes, and only prints what it receives
 * (two that echo would never stop).
 */
#include "net.h"
MANIFEST(1, NET("service"))

static void unikernel(void) {
  u64 count = option("count=", 0);
  u64 send = option("send=", 0);
  print_service("net-echo");
  for (u64 n = 1; n <= send; n++) send_greeting("greeting", n, option("size=", 60));
  for (u64 received = 0; count == 0 || received < count; received++) {
    while (!receive(1000000000ul)) {
    }
    print_frame("received");
    if (send > 0) continue;
    memcpy(frame, frame + 6, 6);
    memcpy(frame + 6, device(SERVICE)->u.net.mac, 6);
    net_write(SERVICE, frame, frame_length);
  }
}
