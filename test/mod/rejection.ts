/** What a call is refused with. */
import assert from "node:assert/strict";

/** The error of a kind that a call rejects with. */
export async function rejection<E extends Error>(
  call: Promise<unknown>,
  kind: new (...args: never[]) => E,
): Promise<E> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof kind, String(error));
    return error;
  }
  return assert.fail(`it should have been refused by a ${kind.name}`);
}
