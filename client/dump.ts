/**
 * The contents of a block device, as they come after the reply to a dump.
 *
 * @module
 */
import type { Message } from "../core/wire/message.ts";
import { ProtocolError, RefusedError } from "./errors.ts";

/**
 * What follows the reply, to its end.
 *
 * @throws {RefusedError} if the daemon says instead that it cannot read the device
 * @throws {ProtocolError} if the end does not come
 */
export async function* dumpOf(messages: AsyncGenerator<Message, void>): AsyncGenerator<Uint8Array, void> {
  for (let next = await messages.next(); !next.done; next = await messages.next()) {
    const { payload, header } = next.value;
    if (payload.kind === "failure") throw new RefusedError(header.name, payload.text);
    if (payload.kind !== "data" || payload.data.kind !== "block") {
      throw new ProtocolError(`A ${payload.kind} message came instead of the contents of the block device`);
    }
    if (payload.data.bytes === undefined) return;
    yield payload.data.bytes;
  }
  throw new ProtocolError("The connection was closed before the end of the dump");
}
