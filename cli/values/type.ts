/**
 * The value of `--typ`: a type of the protocol, or the name of a backend, which only the daemon can know.
 *
 * @module
 */

import { ValueError } from "../../client/value-error.ts";
import { parseUnikernelType, TYPE_RULE, type UnikernelType } from "../../core/unikernel-type.ts";

/** @throws {ValueError} if no backend can have this name */
export function parseType(text: string): UnikernelType {
  const type = parseUnikernelType(text);
  if (type !== undefined) return type;
  throw new ValueError(
    (style) =>
      `invalid value ${style.quote(text)}, expected either ${style.quote("solo5")} or ${style.quote("bhyve")}, or the name of a backend: ${TYPE_RULE}`,
  );
}
