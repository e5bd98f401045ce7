/* Writes lines into a fifo: console-writer FIFO LINE-BYTES LINES BLOCK-BYTES (0: one write per line). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **words) {
  if (count != 5) return 2;
  size_t line = strtoul(words[2], 0, 10), lines = strtoul(words[3], 0, 10), block = strtoul(words[4], 0, 10);
  size_t per = block / line > 0 ? block / line : 1;
  char *bytes = malloc(line * per);
  for (size_t at = 0; at < per; at++) {
    memset(bytes + at * line, 'a' + (int)(at % 26), line);
    bytes[(at + 1) * line - 1] = '\n';
  }
  int fd = open(words[1], O_WRONLY);
  if (fd < 0) {
    perror(words[1]);
    return 1;
  }
  for (size_t done = 0; done < lines; done += per) {
    size_t size = line * (lines - done < per ? lines - done : per);
    for (size_t at = 0; at < size;) {
      ssize_t taken = write(fd, bytes + at, size - at);
      if (taken < 0) {
        perror("write");
        return 1;
      }
      at += (size_t)taken;
    }
  }
  return 0;
}
