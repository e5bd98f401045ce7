/**
 * What replies must be.
 *
 * @module
 */
import type { Message, Success } from "../../core/wire/message.ts";
import { ProtocolError } from "../errors.ts";
import { successOf } from "../request.ts";

/**
 * The success of a kind.
 *
 * @throws {RefusedError} if the daemon has refused
 * @throws {ProtocolError} if it is a success of another kind
 */
export function expectSuccess<Kind extends Success["kind"]>(reply: Message, kind: Kind): Success & { kind: Kind } {
  const success = successOf(reply);
  if (success.kind !== kind) throw new ProtocolError(`A ${success.kind} came where ${kind} was expected`);
  return success as Success & { kind: Kind };
}
