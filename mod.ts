/**
 * Scripts for Albatross: everything that `albatross-client` can do, on Bun and on Deno.
 *
 * {@link connect} gives a client for the daemons of this host, or for those of another one. Its methods are the commands:
 * each makes a connection of its own, takes an `AbortSignal`, and rejects with a {@link ClientError} whose `code` is
 * stable and whose `exitStatus` is that of `albatross-client`. What goes on, such as a console, is an async iterable:
 * leave the loop, and its connection is closed. Images and data may be bytes, files or streams; no more is taken from a
 * stream than can be sent.
 *
 * Text is JavaScript strings, sent as UTF-8; bytes are `Uint8Array`. Memory and sizes are MiB. Integers of the protocol
 * are {@link Int}: numbers, or bigints beyond 2^53.
 *
 * Certificates: {@link generateAuthority} makes an authority, {@link makeRequest} a request for a delegation or a single
 * command, {@link signRequest} signs it, {@link makeLeaf} makes a certificate for one command, {@link revoke} a
 * revocation list, and {@link publishRevocations} brings that to an endpoint.
 *
 * @example
 * ```ts
 * import { connect } from "albatross";
 *
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * await albatross.create("web", { image: "ticker.hvt", memoryMb: 16 });
 * for await (const { text } of albatross.console("web")) {
 *   if (text.includes("tick")) break;
 * }
 * await albatross.destroy("web");
 * ```
 *
 * @module
 */
export type { Albatross } from "./client/api/albatross.ts";
export {
  type Authority,
  type CertificateOptions,
  type Certified,
  generateAuthority,
  generateServer,
  type MadeRequest,
  makeLeaf,
  makeRequest,
  type Signed,
  type SignOptions,
  signRequest,
} from "./client/api/authority.ts";
export type { BlockDevice, Blocks, TransferOptions } from "./client/api/blocks.ts";
export { connect } from "./client/api/connect.ts";
export type { ConsoleLine } from "./client/api/console-line.ts";
export type { CreateOptions } from "./client/api/create.ts";
export type { DataSource } from "./client/api/input.ts";
export { type ImageDescription, inspectImage } from "./client/api/inspect.ts";
export type { LogEntry, LogOptions } from "./client/api/log.ts";
export type { NameInput } from "./client/api/names.ts";
export type { ConsoleOptions, Measured } from "./client/api/observer.ts";
export type { NamedPolicy, Policies, Policy } from "./client/api/policies.ts";
export type { CommandCall } from "./client/api/record.ts";
export type { Revision, RevisionsOptions } from "./client/api/revisions.ts";
export { publishRevocations, type RevocationList, type RevokeOptions, revoke } from "./client/api/revocations.ts";
export type { EarlyLife, Started, WatchOptions } from "./client/api/started.ts";
export type { Sample } from "./client/api/statistics.ts";
export type { RemoteOptions, Target } from "./client/api/targets.ts";
export type { CallOptions } from "./client/api/transport.ts";
export type { Status, Unikernel } from "./client/api/unikernel-info.ts";
export type { BlockOptions, NetworkOptions, RestartOptions, UnikernelOptions } from "./client/api/unikernel-options.ts";
export type { Updated, UpdateOptions } from "./client/api/update.ts";
export {
  AbortedError,
  CertificateRefusedError,
  ChainError,
  ClientError,
  type ClientErrorCode,
  ConnectError,
  HttpError,
  InputError,
  type InputErrorCode,
  LeafError,
  ProtocolError,
  RefusedError,
  ServerNotAuthenticatedError,
} from "./client/errors.ts";
export type { Int } from "./core/int.ts";
export { type Label, Name, NameError, parseLabel, parseName, parsePath } from "./core/name.ts";
