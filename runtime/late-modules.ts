/**
 * Modules of the runtime that are large and that an idle daemon does not need: loaded when they are first used.
 *
 * They bring the streams of Node with them: together 2 MB of memory of each process, and 7 MB of pages that processes share.
 *
 * @module
 */

/** Compression. */
export const lateZlib = (): typeof import("node:zlib") => process.getBuiltinModule("node:zlib");

/** Digests. */
export const lateCrypto = (): typeof import("node:crypto") => process.getBuiltinModule("node:crypto");

/** Names of errors, promises of callbacks. */
export const lateUtil = (): typeof import("node:util") => process.getBuiltinModule("node:util");
