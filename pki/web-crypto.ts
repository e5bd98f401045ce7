/**
 * Web Crypto, which every runtime has under the same name, but not every one declares in the same types.
 *
 * @module
 */

/** The runtime's Web Crypto. */
export const webCrypto: Crypto = (globalThis as unknown as { readonly crypto: Crypto }).crypto;
