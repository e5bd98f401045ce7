/**
 * Block devices.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import type { Int } from "../../core/int.ts";
import type { Name } from "../../core/name.ts";
import type { BlockCommand } from "../../core/wire/message.ts";
import { dumpOf } from "../dump.ts";
import { InputError, ProtocolError, RefusedError } from "../errors.ts";
import { DUMP_BYTES_MAX, unpacked } from "../unpack.ts";
import type { DataSource } from "./input.ts";
import { asLabel, asName, asOne, byName, type NameInput, ownName } from "./names.ts";
import { plainBytes } from "./plain-bytes.ts";
import { expectSuccess } from "./replies.ts";
import type { CallOptions, Transport } from "./transport.ts";

/**
 * A block device as the daemon tells of it.
 *
 * @example
 * ```ts
 * import { type BlockDevice, connect, type TransferOptions } from "albatross";
 *
 * const options: TransferOptions = { compressionLevel: 6, signal: AbortSignal.timeout(60_000) };
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * const unused = ({ active }: BlockDevice) => !active;
 * for (const { name } of (await albatross.blocks.list()).filter(unused)) {
 *   await albatross.blocks.set(name, new Uint8Array(512), options);
 * }
 * ```
 */
export interface BlockDevice {
  readonly name: Name;
  /** MiB. */
  readonly sizeMb: Int;
  /** Whether a unikernel uses it. */
  readonly active: boolean;
}

/** Settings of transfers. */
export interface TransferOptions extends CallOptions {
  /** How much the data is compressed on the way, 0 to 9. By itself 0 on this host, else 9 where that pays. */
  readonly compressionLevel?: number | undefined;
}

const MEBIBYTE = 2 ** 20;

/** How long the removal of a device that could not be filled is tried, and how often: milliseconds. */
const REMOVE_PATIENCE_MS = 2_000;
const REMOVE_PAUSE_MS = 20;

/**
 * The commands about block devices: `albatross.blocks`.
 *
 * @example
 * ```ts
 * import { type Blocks, connect } from "albatross";
 *
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * const blocks: Blocks = albatross.blocks;
 * for (const { name, sizeMb, active } of await blocks.list()) console.log(`${name} ${sizeMb} MB ${active}`);
 * ```
 */
export class Blocks {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * The block devices of a name or below a path.
   *
   * @param name all unless given
   * @param options a signal to give up by
   * @returns them in the order of names
   * @throws {InputError} `argument`, if it is no name
   * @throws {RefusedError} if there is none of the name
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * const [data] = await albatross.blocks.list("data");
   * console.log(data?.sizeMb);
   * ```
   */
  async list(name: NameInput = ":", options: CallOptions = {}): Promise<readonly BlockDevice[]> {
    const asked = asName(name);
    const { reply } = await this.#transport.ask(asked, { kind: "block-info" }, options);
    const { devices } = expectSuccess(reply, "block-devices");
    const named = devices.map(({ name: element, size, active }) => ({
      name: ownName(asked, reply.header.name, element),
      sizeMb: size,
      active,
    }));
    return named.sort(byName);
  }

  /**
   * Creates a block device, and fills it if there is `data`. If that fails the device is removed again.
   *
   * @param name of the device
   * @param sizeMb MiB
   * @param options `data` for its beginning, the rest is zeros; and those of {@link Blocks.set}
   * @throws {InputError} `argument`
   * @throws {RefusedError} e.g. if there is one of the name, or the policy does not allow it
   * @throws {ClientError} as every command, and what the data throws
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await albatross.blocks.create("storage", 1, { data: "disk.img" });
   * ```
   */
  async create(
    name: NameInput,
    sizeMb: Int,
    options: TransferOptions & { readonly data?: DataSource | undefined } = {},
  ): Promise<void> {
    const { data } = options;
    const bytes = Number(sizeMb) * MEBIBYTE;
    if (!Number.isSafeInteger(bytes) || bytes <= 0) {
      throw new InputError("argument", `Cannot create a block device of ${sizeMb} MB`);
    }
    if (data instanceof Uint8Array && data.length > bytes) {
      throw new InputError("argument", `Cannot put ${data.length} bytes on a block device of ${sizeMb} MB`);
    }
    await this.#simple(name, { kind: "block-add", size: sizeMb }, options);
    if (data === undefined) return;
    try {
      await this.set(name, data, options);
    } catch (error) {
      await this.#removeAgain(name);
      throw error;
    }
  }

  /**
   * Replaces the content of a block device that is not in use. It changes when everything has arrived, or not at all.
   *
   * @param name of the device
   * @param data from its beginning on; the rest is zeros. A stream is read no faster than the daemon takes it
   * @param options the compression, and a signal to give up by
   * @throws {InputError} `file` if the data cannot be read, `argument`
   * @throws {RefusedError} e.g. if the device is in use or too small
   * @throws {ClientError} as every command, and what a stream throws
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * const content = new Blob(["configuration"]).stream();
   * await albatross.blocks.set("data", content, { signal: AbortSignal.timeout(60_000) });
   * ```
   */
  async set(name: NameInput, data: DataSource, options: TransferOptions = {}): Promise<void> {
    const asked = asOne(name);
    const [{ dataOf, isWorthCompressing }, { compression }, { deflated }] = await Promise.all([
      import("./input.ts"),
      import("./create.ts"),
      import("../image-file.ts"),
    ]);
    const usual = this.#transport.level;
    const level = compression(options.compressionLevel) ?? (usual > 0 && (await isWorthCompressing(data)) ? usual : 0);
    // A source that has nothing to say is left as soon as the daemon has refused.
    const answered = new AbortController();
    const plain = dataOf(data, AbortSignal.any([answered.signal, ...(options.signal ? [options.signal] : [])]));
    const stream = level > 0 ? await deflated(plain, level) : plain;
    const command = { kind: "block-set", compressed: level > 0 } as const;
    try {
      const { reply } = await this.#transport.ask(asked, command, { stream, signal: options.signal });
      expectSuccess(reply, "string");
    } finally {
      answered.abort();
    }
  }

  /**
   * The content of a block device. No more of it is taken from the daemon than the caller takes.
   *
   * @param name of the device
   * @param options the compression, and a signal to give up by
   * @returns pieces of any size, to be iterated once; leaving the loop ends the transfer
   * @throws {RefusedError} by the iteration, if there is none of the name, or it is in use
   * @throws {ProtocolError} by the iteration, if the content is not complete
   * @throws {ClientError} by the iteration, as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * let bytes = 0;
   * for await (const piece of albatross.blocks.dump("data")) bytes += piece.length;
   * console.log(`${bytes} bytes`);
   * ```
   */
  async *dump(name: NameInput, options: TransferOptions = {}): AsyncGenerator<Uint8Array, void> {
    const { compression } = await import("./create.ts");
    const level = compression(options.compressionLevel) ?? this.#transport.level;
    const { connection, address } = await this.#transport.open(asOne(name), { kind: "block-dump", level }, options);
    try {
      const messages = connection.messages();
      const first = await messages.next();
      if (first.done) throw new ProtocolError(`The connection to ${address} was closed without a reply`);
      const { compressed } = expectSuccess(first.value, "block-device-image");
      for await (const piece of unpacked(dumpOf(messages), compressed, { limit: DUMP_BYTES_MAX }))
        yield plainBytes(piece);
    } finally {
      connection.close();
    }
  }

  /**
   * Removes a block device and what is on it.
   *
   * @param name of the device
   * @param options a signal to give up by
   * @throws {InputError} `argument`
   * @throws {RefusedError} if there is none of the name, or it is in use
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await albatross.blocks.destroy("data");
   * ```
   */
  async destroy(name: NameInput, options: CallOptions = {}): Promise<void> {
    await this.#simple(name, { kind: "block-remove" }, options);
  }

  /**
   * Copies a block device that may be in use, if the file system can copy it at one instant. Only our albatrossd can.
   *
   * @param name of the device
   * @param target label of the copy, on the same path
   * @param options a signal to give up by
   * @throws {InputError} `argument`
   * @throws {RefusedError} e.g. if it is in use and the file system cannot
   * @throws {ProtocolError} also if the host is one of the original, which does not know the command
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await albatross.blocks.snapshot("data", "data-of-today");
   * ```
   */
  async snapshot(name: NameInput, target: string, options: CallOptions = {}): Promise<void> {
    await this.#simple(name, { kind: "block-copy", target: fromText(asLabel(target)), snapshot: true }, options);
  }

  /**
   * Copies a block device that is not in use. Only our albatrossd can.
   *
   * @param name of the device
   * @param target label of the copy, on the same path
   * @param options a signal to give up by
   * @throws {InputError} `argument`
   * @throws {RefusedError} e.g. if it is in use
   * @throws {ProtocolError} also if the host is one of the original, which does not know the command
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await albatross.blocks.clone("data", "copy");
   * ```
   */
  async clone(name: NameInput, target: string, options: CallOptions = {}): Promise<void> {
    await this.#simple(name, { kind: "block-copy", target: fromText(asLabel(target)), snapshot: false }, options);
  }

  /**
   * Gives a block device that is not in use another size. Only our albatrossd can.
   *
   * @param name of the device
   * @param sizeMb MiB
   * @param options `shrink`: it may become smaller, which loses what is stored beyond
   * @throws {InputError} `argument`
   * @throws {RefusedError} e.g. if it would become smaller without `shrink`
   * @throws {ProtocolError} also if the host is one of the original, which does not know the command
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await albatross.blocks.resize("data", 2);
   * ```
   */
  async resize(
    name: NameInput,
    sizeMb: Int,
    options: CallOptions & { readonly shrink?: boolean | undefined } = {},
  ): Promise<void> {
    await this.#simple(name, { kind: "block-resize", size: sizeMb, shrink: options.shrink ?? false }, options);
  }

  /** The daemon may not have noticed yet that the upload has ended. Fails silently: another error is to be told. */
  async #removeAgain(name: NameInput): Promise<void> {
    for (const end = performance.now() + REMOVE_PATIENCE_MS; performance.now() < end; ) {
      try {
        return await this.destroy(name);
      } catch (error) {
        if (!(error instanceof RefusedError)) return;
      }
      await new Promise((resolve) => setTimeout(resolve, REMOVE_PAUSE_MS));
    }
  }

  async #simple(name: NameInput, command: BlockCommand, options: CallOptions): Promise<void> {
    const { reply } = await this.#transport.ask(asOne(name), command, { signal: options.signal });
    expectSuccess(reply, "string");
  }
}
