/**
 * How much the endpoint takes of whom. Each limit is an option of the program.
 *
 * @module
 */

export interface Limits {
  /** Connections at a time. */
  readonly connections: number;
  /** Of these, from one address (of IPv6: one network of 2^64 addresses). */
  readonly perAddress: number;
  /** Milliseconds that a handshake may take, besides the time that a large certificate needs at {@link SLOWEST_RATE}. */
  readonly handshake: number;
  /** Milliseconds that a client may send or take nothing while it is waited for. */
  readonly idle: number;
  /** Bytes of a client's whole chain. */
  readonly certificate: number;
  /** Bytes of memory for chains of clients that are not authenticated yet, besides {@link SMALL_CERTIFICATE} each. */
  readonly certificateMemory: number;
  /** Bytes of an image or block stream. */
  readonly stream: number;
}

const MIB = 1024 * 1024;

/** What TLS can carry, and the original's client sends (pki.md 10). */
export const CERTIFICATE_MAX: number = 16 * MIB;

/** The limits unless options say otherwise. */
export const DEFAULT_LIMITS: Limits = {
  connections: 256,
  perAddress: 128,
  handshake: 10_000,
  idle: 60_000,
  certificate: CERTIFICATE_MAX,
  certificateMemory: 4 * CERTIFICATE_MAX,
  stream: 4096 * MIB,
};

/** Bytes of an image: what albatrossd takes at the most. */
export const IMAGE_STREAM_MAX: number = 512 * MIB;

/** Bytes of all images that are being received; half of it for one tenant. Their files are on a disk that others need, too. */
export const IMAGES_TOTAL: number = 4 * IMAGE_STREAM_MAX;

/** A chain of this size is received at any time, bytes: one without an image in it. */
export const SMALL_CERTIFICATE: number = 128 * 1024;

/** What a client with a large certificate must send at least, bytes per second. */
export const SLOWEST_RATE: number = 64 * 1024;

/** Descriptors for each connection: of the client, of a daemon, of a spooled stream. */
export const DESCRIPTORS_PER_CONNECTION = 3;

/** Descriptors for everything else. */
export const DESCRIPTORS_RESERVED = 64;
