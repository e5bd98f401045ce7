/**
 * Destroys every unikernel below a path, as the end of a revoked delegation.
 *
 * @module
 */

import { ConnectError, ProtocolError, RefusedError } from "../../client/errors.ts";
import { request, successOf } from "../../client/request.ts";
import { toText } from "../../core/byte-string.ts";
import { Name } from "../../core/name.ts";

/** Gives how many were destroyed; throws an error that says why not all were. */
export async function destroyBelow(socket: string, path: Name): Promise<number> {
  const listed = successOf(await request(socket, path, { kind: "unikernel-info" }));
  if (listed.kind !== "unikernels") throw new ProtocolError("Cannot list the unikernels: another answer came");
  let destroyed = 0;
  let last: unknown;
  for (const { name } of listed.unikernels) {
    const full = new Name([...path.path, ...name.path], name.label); // names in lists are relative (wire.md 6)
    try {
      successOf(await request(socket, full, { kind: "unikernel-destroy" }));
      destroyed++;
    } catch (error) {
      if (!isExpected(error)) throw error;
      last = error;
    }
  }
  if (last !== undefined) throw last;
  return destroyed;
}

/** Whether an error tells of a daemon that refuses or is not there. */
export function isExpected(error: unknown): error is Error {
  return error instanceof ConnectError || error instanceof ProtocolError || error instanceof RefusedError;
}

/** What a daemon's error says, for a client. */
export function reasonOf(error: Error): string {
  return error instanceof RefusedError ? (toText(error.text) ?? error.message) : error.message;
}
