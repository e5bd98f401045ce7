/**
 * Replies to commands.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import type { Success } from "../../core/wire/message.ts";

/** What a command is answered with. */
export type Reply =
  | { readonly kind: "success"; readonly success: Success }
  | { readonly kind: "failure"; readonly text: string }
  /** The file of an image, sent as it is read. */
  | { readonly kind: "image"; readonly path: string; readonly size: number };

/** A success with a text. */
export function success(text: string): Reply {
  return { kind: "success", success: { kind: "string", text: fromText(text) } };
}

/** A refusal. */
export function failure(text: string): Reply {
  return { kind: "failure", text };
}
