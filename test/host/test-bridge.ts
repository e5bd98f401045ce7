/**
 * A bridge of a test's own, removed in any case, together with the taps attached to it.
 *
 * @module
 */
import { type ByteString, fromText } from "../../core/byte-string.ts";
import { createBridge, findLink, listLinks, removeLink } from "../../host/linux/links.ts";

let made = 0;

/** The taps attached to a bridge. */
export function tapsOf(bridge: ByteString): readonly string[] {
  const index = findLink(bridge)?.index;
  return listLinks("tun")
    .filter((link) => link.master === index)
    .map((link) => link.name);
}

function remove(name: ByteString): void {
  const index = findLink(name)?.index;
  if (index !== undefined) removeLink(index);
}

/** Runs `action` with a new bridge of a unique name. */
export async function withBridge<T>(action: (bridge: ByteString) => Promise<T> | T): Promise<T> {
  const bridge = fromText(`xt${process.pid.toString(36)}b${made++}`);
  createBridge(bridge);
  try {
    return await action(bridge);
  } finally {
    try {
      for (const tap of tapsOf(bridge)) remove(fromText(tap));
    } finally {
      remove(bridge);
    }
  }
}
