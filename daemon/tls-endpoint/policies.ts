/**
 * Puts the policies of a chain in force before its command (pki.md 7).
 *
 * @module
 */

import { isSmaller } from "../../core/policy-check.ts";
import { printMessage } from "../../core/print/message.ts";
import { DecodeError } from "../../core/wire/decode-error.ts";
import { FramingError } from "../../core/wire/framing.ts";
import type { Message } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { delegationSequence } from "../../core/wire/peer-extensions.ts";
import type { ChainPolicy } from "../../pki/chain.ts";
import { CutShortError, type FrameLine } from "../../runtime/frame-line.ts";
import { Refusal, texts } from "./refusal.ts";

/** Reads one message of a daemon; `undefined` if there is none that could be understood. */
export async function readMessage(daemon: FrameLine): Promise<Message | undefined> {
  try {
    const bytes = await daemon.whole();
    return bytes === undefined ? undefined : decodeMessage(bytes);
  } catch (error) {
    if (error instanceof DecodeError || error instanceof FramingError || error instanceof CutShortError)
      return undefined;
    throw error;
  }
}

/**
 * Checks that every policy of a chain fits into the one above it. Else the deepest would be put in force before
 * albatrossd sees that it is too large, and stand in the way of those above for ever.
 *
 * @param policies the deepest path first
 * @throws {Refusal} in the words of albatrossd
 */
export function checkPolicies(policies: readonly ChainPolicy[]): void {
  policies.forEach(({ name, policy }, at) => {
    const above = policies[at + 1];
    const refusal = above === undefined ? undefined : isSmaller(above.policy, policy);
    if (refusal !== undefined) {
      throw new Refusal(texts.policyRefused(`host ${name.toDisplay()}: command failed ${refusal}`));
    }
  });
}

/**
 * Asks albatrossd for every policy, in the given order. The sequence number tells ours when the delegation was made,
 * so that an older certificate does not undo a newer one.
 *
 * @throws {Refusal} if one is refused; nothing more may be sent then
 */
export async function applyPolicies(daemon: FrameLine, policies: readonly ChainPolicy[]): Promise<void> {
  for (const { name, policy, notBefore } of policies) {
    const sent = await daemon.write(
      encodeFrame({
        header: { sequence: delegationSequence(notBefore), name },
        payload: { kind: "command", command: { kind: "policy-add", policy } },
      }),
    );
    const answer = await readMessage(daemon);
    if (answer === undefined) throw new Refusal(sent ? texts.policyNotAnswered : texts.policyNotWritten);
    if (answer.payload.kind === "success") continue;
    const style = { verbose: false, columns: Number.POSITIVE_INFINITY, boxed: false };
    throw new Refusal(texts.policyRefused(printMessage(answer, style)));
  }
}
