/**
 * A shortage of descriptors.
 *
 * @module
 */
import { closeSync, openSync } from "node:fs";

/** Takes all descriptors that this program may still have. @returns what gives them back */
export function takeDescriptors(): () => void {
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync("/dev/null", "r"));
  } catch {
    // There are no more.
  }
  return () => {
    for (const descriptor of taken.splice(0)) closeSync(descriptor);
  };
}
