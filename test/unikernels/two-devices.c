/* Has devices of both kinds, whose handles follow the order of the manifest: `storage` is 1, `service` is 2. */
#include "solo5.h"
MANIFEST(2, BLOCK("storage"), NET("service"))

static u8 buffer[65536];

static void unikernel(void) {
  for (u64 handle = 1; handle < boot->manifest->entries; handle++) {
    text("device ");
    number(handle);
    text(": ");
    text(device(handle)->name);
    if (device(handle)->type == DEVICE_BLOCK) {
      text(", block, ");
      number(device(handle)->u.block.capacity);
      text(" bytes in sectors of ");
      number(device(handle)->u.block.sector);
    } else {
      text(", network, mac ");
      mac(device(handle)->u.net.mac);
      text(", mtu ");
      number(device(handle)->u.net.mtu);
    }
    end_line();
  }
  text("block read by its handle: ");
  number((u64)block_read(1, 0, buffer, device(1)->u.block.sector));
  end_line();
  memset(buffer, 0xff, 6);
  memcpy(buffer + 6, device(2)->u.net.mac, 6);
  buffer[12] = 0x88;
  buffer[13] = 0xb5;
  text("network write by its handle: ");
  number((u64)net_write(2, buffer, 60));
  end_line();
#ifdef HVT
  u64 room = sizeof buffer;
  text("block read by the handle of the network: ");
  number((u64)block_read(2, 0, buffer, 512));
  text(", network read by the handle of the block device: ");
  number((u64)net_read(1, buffer, &room));
  end_line();
#endif
}
