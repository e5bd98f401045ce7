/* Subscribes to a console and counts its lines: console-reader SOCKET LINES < SUBSCRIBE-FRAME. Prints lines and bytes. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static unsigned char buffer[1 << 20];

int main(int count, char **words) {
  if (count != 3) return 2;
  size_t wanted = strtoul(words[2], 0, 10), lines = 0, total = 0, have = 0;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, words[1], sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
    perror(words[1]);
    return 1;
  }
  ssize_t size = read(0, buffer, sizeof buffer);
  if (size <= 0 || write(fd, buffer, (size_t)size) != size) return 1;
  size_t replies = 0;
  while (lines < wanted) {
    ssize_t got = read(fd, buffer + have, sizeof buffer - have);
    if (got <= 0) break;
    have += (size_t)got;
    total += (size_t)got;
    size_t at = 0;
    while (have - at >= 4) {
      uint32_t length;
      memcpy(&length, buffer + at, 4);
      length = ntohl(length);
      if (have - at < 4 + length) break;
      at += 4 + length;
      if (replies++ > 0) lines++;
      else if (write(1, "subscribed\n", 11) < 0) return 1;
    }
    memmove(buffer, buffer + at, have - at);
    have -= at;
  }
  printf("%zu %zu\n", lines, total);
  return 0;
}
