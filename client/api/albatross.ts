/**
 * A client: every command as a method.
 *
 * @module
 */
import { successOf } from "../request.ts";
import { Blocks } from "./blocks.ts";
import type { CreateOptions } from "./create.ts";
import { asName, asOne, byName, type NameInput, ownName } from "./names.ts";
import { Observer } from "./observer.ts";
import { plainBytes } from "./plain-bytes.ts";
import { Policies } from "./policies.ts";
import { expectSuccess } from "./replies.ts";
import type { Revision, RevisionsOptions } from "./revisions.ts";
import { earlyLife, type Started, type WatchOptions } from "./started.ts";
import type { CallOptions, Transport } from "./transport.ts";
import { type Unikernel, unikernelOf } from "./unikernel-info.ts";
import type { RestartOptions } from "./unikernel-options.ts";
import type { Updated, UpdateOptions } from "./update.ts";

/**
 * A client, made by {@link connect}. Every method makes a connection of its own. All of them reject with a
 * {@link ClientError}: {@link RefusedError} if the daemon refuses, {@link ConnectError} if there is none,
 * {@link ProtocolError} if the conversation fails, {@link InputError} for what is found wrong before anything is sent,
 * {@link AbortedError} after the signal; from remote hosts also with {@link CertificateRefusedError},
 * {@link ServerNotAuthenticatedError}, {@link ChainError} and {@link LeafError}.
 *
 * @example
 * ```ts
 * import { type Albatross, connect } from "albatross";
 *
 * const names = async (albatross: Albatross) => (await albatross.info()).map(({ name }) => name.text);
 * console.log(await names(await connect({ tmpdir: "/run/albatross" })));
 * ```
 */
export class Albatross extends Observer {
  /** The commands about policies. */
  readonly policies: Policies;
  /** The commands about block devices. */
  readonly blocks: Blocks;

  /** @internal */
  constructor(transport: Transport) {
    super(transport);
    this.policies = new Policies(transport);
    this.blocks = new Blocks(transport);
  }

  /**
   * The unikernels of a name or below a path.
   *
   * @param name all unless given
   * @param options a signal to give up by
   * @returns them in the order of names; none if there is none of the name
   * @throws {InputError} `argument`, if it is no name
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * const [hello] = await albatross.info("hello");
   * console.log(hello?.status?.state, hello?.memoryMb);
   * ```
   */
  async info(name: NameInput = ":", options: CallOptions = {}): Promise<readonly Unikernel[]> {
    const asked = asName(name);
    const { reply, status } = await this.transport.info(asked, options);
    const { unikernels } = expectSuccess(reply, "unikernels");
    const named = unikernels.map(({ name: element, info }) =>
      unikernelOf(
        ownName(asked, reply.header.name, element),
        info,
        status?.find((each) => each.name === element.text),
      ),
    );
    return named.sort(byName);
  }

  /**
   * Creates a unikernel and starts it. The image is checked here first: its manifest must have exactly these devices.
   *
   * @param name of the unikernel
   * @param options the image, what the unikernel gets, and a signal to give up by
   * @returns whether the image was there already, and, with `watch`, what became of the unikernel
   * @throws {InputError} `image` if it cannot be used or read, `argument`
   * @throws {RefusedError} e.g. if there is one of the name, or the policy does not allow it
   * @throws {ClientError} as every command, and what a stream of an image throws
   *
   * @example A file
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await albatross.create("web", { image: "hello.hvt", memoryMb: 16, restartOnFail: true, exitCodes: [2] });
   * ```
   *
   * @example A stream, in place of what is there
   * ```ts
   * import { readFile } from "node:fs/promises";
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * const body = new Blob([await readFile("ticker.hvt")]).stream(); // or that of a fetch
   * const { early } = await albatross.create("hello", { image: body, memoryMb: 16, force: true, watch: true });
   * if (early?.failed) console.error(early.lines.at(-1)?.text);
   * ```
   */
  async create(name: NameInput, options: CreateOptions): Promise<Started> {
    const { createUnikernel } = await import("./create.ts");
    return await createUnikernel(this.transport, name, options);
  }

  /**
   * Ends a unikernel and starts it again.
   *
   * @param name of the unikernel
   * @param options another configuration, if it shall get one, and a signal to give up by
   * @returns with `watch`, what became of it
   * @throws {InputError} `argument`
   * @throws {RefusedError} e.g. if there is none of the name
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await albatross.restart("hello");
   * ```
   */
  async restart(name: NameInput, options: RestartOptions = {}): Promise<Started> {
    const asked = asOne(name);
    const { replace, signal } = options;
    const { unikernelArguments } = await import("./unikernel-options.ts");
    const since = Date.now();
    const settings = replace && unikernelArguments(replace);
    const { reply } = await this.transport.ask(asked, { kind: "unikernel-restart", arguments: settings }, { signal });
    successOf(reply);
    return { present: true, early: await earlyLife(this.transport, asked, since, options) };
  }

  /**
   * Replaces a unikernel by the latest build of it, found by the digest of its image at a server of reproducible builds.
   * It keeps its configuration.
   *
   * @param name of the unikernel
   * @param options the server, whether it is only asked, and a signal to give up by
   * @returns what was found and done
   * @throws {HttpError} if the server does not know the unikernel, or is not to be believed
   * @throws {InputError} `argument`, or `image` if the new one wants other devices
   * @throws {RefusedError} if albatrossd refuses the new one
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect, HttpError, type Updated, type UpdateOptions } from "albatross";
   *
   * const options: UpdateOptions = { httpHost: "http://127.0.0.1:1", dryRun: true };
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * try {
   *   const { upToDate, compare }: Updated = await albatross.update("hello", options);
   *   console.log(upToDate ? "nothing new" : compare);
   * } catch (error) {
   *   if (!(error instanceof HttpError)) throw error; // nobody serves builds there
   * }
   * ```
   */
  async update(name: NameInput, options: UpdateOptions = {}): Promise<Updated> {
    const { updateUnikernel } = await import("./update.ts");
    return await updateUnikernel(this.transport, name, options);
  }

  /**
   * Ends a unikernel and forgets it.
   *
   * @param name of the unikernel
   * @param options a signal to give up by
   * @throws {InputError} `argument`
   * @throws {RefusedError} if there is none of the name
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await albatross.destroy("hello");
   * ```
   */
  async destroy(name: NameInput, options: CallOptions = {}): Promise<void> {
    const { reply } = await this.transport.ask(asOne(name), { kind: "unikernel-destroy" }, options);
    successOf(reply);
  }

  /**
   * The image of a unikernel.
   *
   * @param name of the unikernel
   * @param options the compression of the transfer, 0 to 9, and a signal to give up by
   * @returns the uncompressed image
   * @throws {InputError} `argument`
   * @throws {RefusedError} if there is none of the name
   * @throws {ProtocolError} also if the image is broken, or larger than {@link IMAGE_BYTES_MAX}
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { writeFile } from "node:fs/promises";
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await writeFile("copy.hvt", await albatross.get("hello"));
   * ```
   */
  async get(
    name: NameInput,
    options: CallOptions & { readonly compressionLevel?: number | undefined } = {},
  ): Promise<Uint8Array> {
    const [{ compression }, { unpacked }] = await Promise.all([import("./create.ts"), import("../unpack.ts")]);
    const level = compression(options.compressionLevel) ?? this.transport.level;
    const { reply } = await this.transport.ask(asOne(name), { kind: "unikernel-get", level }, options);
    const { image, compressed } = expectSuccess(reply, "unikernel-image");
    return compressed ? await gathered(unpacked(image, true)) : plainBytes(image);
  }

  /**
   * What a unikernel was. Only our albatrossd remembers it.
   *
   * @param name of the unikernel
   * @param options how many, and a signal to give up by
   * @returns the newest first, which is the present one
   * @throws {InputError} `argument`
   * @throws {RefusedError} if there is none of the name
   * @throws {ProtocolError} also if the host is one of the original, which does not know the command
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * for (const { revision, time, command } of await albatross.revisions("hello")) {
   *   console.log(`${revision}: ${command} at ${time.toISOString()}`);
   * }
   * ```
   */
  async revisions(name: NameInput, options: RevisionsOptions = {}): Promise<readonly Revision[]> {
    const { readRevisions } = await import("./revisions.ts");
    return await readRevisions(this.transport, name, options);
  }

  /**
   * Makes a unikernel what it was, also if it has ended meanwhile.
   *
   * @param name of the unikernel
   * @param options `revision`: the number of one; the one before the present one unless given. And a signal to give up by
   * @returns with `watch`, what became of it
   * @throws {InputError} `argument`
   * @throws {RefusedError} e.g. if that revision is not kept any more
   * @throws {ProtocolError} also if the host is one of the original, which does not know the command
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await albatross.create("hello", { image: "hello.hvt", memoryMb: 16, force: true });
   * await albatross.rollback("hello");
   * ```
   */
  async rollback(
    name: NameInput,
    options: WatchOptions & CallOptions & { readonly revision?: number | undefined } = {},
  ): Promise<Started> {
    const asked = asOne(name);
    const { revision = 0, signal } = options;
    const since = Date.now();
    const { reply } = await this.transport.ask(asked, { kind: "unikernel-rollback", revision }, { signal });
    successOf(reply);
    return { present: true, early: await earlyLife(this.transport, asked, since, options) };
  }
}

async function gathered(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  const whole = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of all) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
