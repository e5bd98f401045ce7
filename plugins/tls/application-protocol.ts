/**
 * The choice of an application protocol (ALPN): ours if it is offered, otherwise none.
 *
 * @module
 */
import { makeCallback, memoryAt } from "../../runtime/ffi.ts";
import { SSL_TLSEXT_ERR_NOACK, SSL_TLSEXT_ERR_OK } from "./openssl.ts";

/** The offset of `wanted` in a list of names with a byte of length each; -1 if it is not in it. */
export function findProtocol(offered: Uint8Array, wanted: Uint8Array): number {
  for (let at = 0; at < offered.length; ) {
    const length = offered[at] ?? 0;
    at++;
    const name = offered.subarray(at, at + length);
    if (name.length === wanted.length && name.every((byte, index) => byte === wanted[index])) return at;
    at += length;
  }
  return -1;
}

/** Chooses; `out` and `outLength` are where OpenSSL wants the choice, a place within the offered list. */
function choose(out: number, outLength: number, offered: number, length: number, wanted: Uint8Array): number {
  const at = findProtocol(memoryAt(offered, length), wanted);
  if (at < 0) return SSL_TLSEXT_ERR_NOACK;
  const place = memoryAt(out, 8);
  new DataView(place.buffer, place.byteOffset, 8).setBigUint64(0, BigInt(offered + at), true);
  memoryAt(outLength, 1)[0] = wanted.length;
  return SSL_TLSEXT_ERR_OK;
}

const callbacks = new Map<string, number>();

/** The address of the function for `SSL_CTX_set_alpn_select_cb`. It is made once for each protocol and stays. */
export function protocolCallback(protocol: string): number {
  const known = callbacks.get(protocol);
  if (known !== undefined) return known;
  const wanted = new TextEncoder().encode(protocol);
  const { pointer } = makeCallback(
    { args: ["pointer", "pointer", "pointer", "pointer", "u32", "pointer"], returns: "i32" },
    (_session, out, outLength, offered, length) => {
      try {
        return choose(Number(out), Number(outLength), Number(offered), Number(length), wanted);
      } catch {
        return SSL_TLSEXT_ERR_NOACK; // an exception must not pass through C
      }
    },
  );
  callbacks.set(protocol, pointer);
  return pointer;
}
