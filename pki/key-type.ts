/**
 * The kinds of keys that are made (pki.md 3).
 *
 * @module
 */

/** The kinds of keys, as `--key-type` names them. */
export const KEY_TYPES = ["ed25519", "p256", "p384", "p521", "rsa2048", "rsa4096"] as const;

/** A kind of key. */
export type KeyType = (typeof KEY_TYPES)[number];

/** The kind that is made unless another is asked for. */
export const DEFAULT_KEY_TYPE: KeyType = "ed25519";
