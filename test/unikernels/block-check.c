/*
 * Checks its block device: first and last sector keep what is written, neighbours stay untouched; on hvt also what the
 * tender must refuse. `write=WORD` only stores a word in the first sector, `read` only prints it, `count` fills the first
 * and the last sector with 1, 2, 3, … for ever. Ends with 4 on failure.
 */
#include "solo5.h"
MANIFEST(1, BLOCK("storage"))

#define STORAGE 1
static u8 written[65536], found[65536];
static u64 sector, capacity;

static void expect(const char *what, bool good) {
  text(what);
  text(good ? ": ok" : ": FAILED");
  end_line();
  if (!good) halt(4);
}

static bool keeps(u64 offset, u8 seed) {
  for (u64 i = 0; i < sector; i++) written[i] = (u8)(i * 7 + seed);
  memset(found, 0, sector);
  if (block_write(STORAGE, offset, written, sector) != OK) return 0;
  if (block_read(STORAGE, offset, found, sector) != OK) return 0;
  for (u64 i = 0; i < sector; i++)
    if (written[i] != found[i]) return 0;
  return 1;
}

static void unikernel(void) {
  capacity = device(STORAGE)->u.block.capacity;
  sector = device(STORAGE)->u.block.sector;
  text("storage: ");
  number(capacity);
  text(" bytes in sectors of ");
  number(sector);
  end_line();

  const char *word = find("write=");
  if (word != 0) {
    u64 length = 0;
    while (word[length] != 0 && word[length] != ' ' && length < 500) length++;
    memcpy(written, word, length);
    expect("write", block_write(STORAGE, 0, written, sector) == OK);
    halt(0);
  }
  if (flag("count")) {
    for (u8 round = 1;; round++) {
      memset(written, round, sector);
      if (block_write(STORAGE, 0, written, sector) != OK) halt(4);
      if (block_write(STORAGE, capacity - sector, written, sector) != OK) halt(4);
      if (round == 1) say("counting");
      sleep_for(1000000ul);
    }
  }
  if (flag("read")) {
    expect("read", block_read(STORAGE, 0, found, sector) == OK);
    text("content: ");
    u64 length = 0;
    while (length < sector && found[length] > 0x20 && found[length] < 0x7f) length++;
    bytes((const char *)found, length);
    end_line();
    halt(0);
  }

  expect("first sector", keeps(0, 1));
  if (capacity > sector) {
    expect("last sector", keeps(capacity - sector, 2));
    expect("first sector untouched", block_read(STORAGE, 0, found, sector) == OK && found[0] == 1 && found[1] == 8);
  }
#ifdef HVT
  expect("read at the end refused", block_read(STORAGE, capacity, found, sector) == INVALID);
  expect("read across the end refused", block_read(STORAGE, capacity - sector + 1, found, sector) == INVALID);
  expect("write at the end refused", block_write(STORAGE, capacity, written, sector) == INVALID);
  expect("overflowing range refused", block_read(STORAGE, sector, found, -sector) == INVALID);
  expect("handle 0 refused", block_read(0, 0, found, sector) == INVALID);
  expect("handle 9 refused", block_read(9, 0, found, sector) == INVALID);
  expect("length 0", block_read(STORAGE, 0, found, 0) == OK);
#endif
  say("storage is fine");
}
