/* Ethernet frames of the network test unikernels: 14 bytes of header with an own ether type, then text. */
#pragma once
#include "solo5.h"

/* Set aside for local experiments; everything else on a bridge (IPv6 of the kernel, …) is not for us. */
#define ETHER_TYPE 0x88b5
#define SERVICE 1

static u8 frame[2048];
static u64 frame_length;

static bool ours(void) {
  return frame_length >= 14 && frame[12] == (ETHER_TYPE >> 8) && frame[13] == (ETHER_TYPE & 0xff);
}

static void print_frame(const char *what) {
  text(what);
  text(" ");
  number(frame_length);
  text(" bytes from ");
  mac(frame + 6);
  text(": ");
  for (u64 at = 14; at < frame_length && at < 78 && frame[at] >= 0x20 && frame[at] < 0x7f; at++)
    bytes((const char *)frame + at, 1);
  end_line();
}

static void print_service(const char *who) {
  text(who);
  text(" ready, mac ");
  mac(device(SERVICE)->u.net.mac);
  text(", mtu ");
  number(device(SERVICE)->u.net.mtu);
  end_line();
}

/* Sends `<greeting> <n>` to everybody, filled up to `size` bytes. */
static void send_greeting(const char *greeting, u64 n, u64 size) {
  memset(frame, 0, sizeof frame);
  memset(frame, 0xff, 6);
  memcpy(frame + 6, device(SERVICE)->u.net.mac, 6);
  frame[12] = ETHER_TYPE >> 8;
  frame[13] = ETHER_TYPE & 0xff;
  line_length = 0;
  text(greeting);
  text(" ");
  number(n);
  memcpy(frame + 14, line, line_length);
  frame_length = 14 + line_length;
  line_length = 0;
  if (frame_length < size) frame_length = size < sizeof frame ? size : sizeof frame;
  i32 result = net_write(SERVICE, frame, frame_length);
  if (result != OK) {
    text("write failed: ");
    number((u64)result);
    end_line();
  }
}

/* The next frame of ours within so many nanoseconds. */
static bool receive(u64 nanoseconds) {
  u64 end = walltime() + nanoseconds;
  for (;;) {
    frame_length = sizeof frame;
    i32 result = net_read(SERVICE, frame, &frame_length);
    if (result == OK) {
      if (ours()) return 1;
      continue;
    }
    u64 now = walltime();
    if (now >= end) return 0;
    wait(end - now);
  }
}
