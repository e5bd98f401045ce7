/**
 * What happens on a connection after the handshake (pki.md 7 and 8).
 *
 * The daemon is asked with sequence number 0 and the full name: the header that the client's answers have to have.
 *
 * @module
 */

import { frameAroundImage, ImageTooLargeError } from "../../client/image-frame.ts";
import { fromText, toDisplay } from "../../core/byte-string.ts";
import type { Name } from "../../core/name.ts";
import { type SocketRole, socketFile } from "../../core/paths.ts";
import type { UnikernelConfig } from "../../core/unikernel.ts";
import { carriesImage } from "../../core/unikernel-type.ts";
import { REPLY_FRAME_LIMIT } from "../../core/wire/framing.ts";
import type { Command, Message, Payload } from "../../core/wire/message.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import {
  IMAGE_BY_DIGEST_SEQUENCE,
  IMAGE_NOT_PRESENT,
  IMAGE_WANTED,
  TLS_APPLICATION_PROTOCOL,
} from "../../core/wire/peer-extensions.ts";
import { STATUS_SEQUENCE } from "../../core/wire/status-request.ts";
import type { ChainCommand } from "../../pki/chain.ts";
import { FrameLine } from "../../runtime/frame-line.ts";
import { connectUnix, SocketError } from "../../runtime/unix-socket.ts";
import { copyBlockStream } from "./block-stream.ts";
import { forwardReplies } from "./forward.ts";
import { readOffer, receiveImage } from "./image-stream.ts";
import { IMAGE_STREAM_MAX } from "./limits.ts";
import { applyPolicies, checkPolicies, readMessage } from "./policies.ts";
import { ClientGoneError, Refusal, texts } from "./refusal.ts";
import { daemonOf, replyModeOf, takesStream } from "./routing.ts";
import type { Shares } from "./shares.ts";
import { type Spool, SpoolError } from "./spool.ts";

/** Milliseconds that the outcome of a command is waited for whose client has gone. */
export const OUTCOME_PATIENCE_MS = 20_000;

/** How often albatrossd is asked to remove a device that was not filled, and the milliseconds in between. */
export const [REMOVALS_MAX, REMOVAL_PAUSE_MS] = [50, 100];

/** Where a conversation finds what it needs. */
export interface Surroundings {
  /** Where the daemons' sockets lie. */
  readonly tmpdir: string;
  /** Where streams are kept. */
  readonly spool: string;
  /** Bytes of a stream. */
  readonly streamLimit: number;
  /** Bytes of images that are being received. */
  readonly images: Shares;
}

/** An image to be sent: as in `ClientConnection.sendWithImage`. */
interface Image {
  readonly length: number;
  readonly chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

type Create = Extract<Command, { readonly config: UnikernelConfig }>;

function isCreate(command: Command): command is Create {
  return command.kind === "unikernel-create" || command.kind === "unikernel-force-create";
}

function withImage(command: Create, image: Uint8Array): Create {
  return { ...command, config: { ...command.config, image } };
}

/** Sends the last answer to a client. */
export async function answer(client: FrameLine, name: Name, payload: Payload): Promise<void> {
  await client.write(encodeFrame({ header: { sequence: 0n, name }, payload }));
}

/** Tells a client that nothing was done, and why. */
export async function refuse(client: FrameLine, name: Name, text: string): Promise<void> {
  await answer(client, name, { kind: "failure", text: fromText(text) });
}

/** Carries out one command. */
export class Conversation {
  readonly #client: FrameLine;
  readonly #surroundings: Surroundings;
  readonly #order: ChainCommand;
  readonly #protocol: string | undefined;
  #daemon: FrameLine | undefined;
  #policiesApplied = false;
  #clientGone = false;
  /** Whether albatrossd carries out a command: it does so, whether or not anybody waits for the answer. */
  #underWay = false;
  #patience: NodeJS.Timeout | undefined;

  /** @param protocol the application protocol that was agreed on with the client */
  constructor(client: FrameLine, order: ChainCommand, protocol: string | undefined, surroundings: Surroundings) {
    this.#client = client;
    this.#order = order;
    this.#protocol = protocol;
    this.#surroundings = surroundings;
  }

  /**
   * Works until the last answer is on its way.
   *
   * @throws {Refusal} whose text the client is still to be told
   * @throws {ClientGoneError}, {CutFrameError} if nobody can be told anything
   */
  async run(): Promise<void> {
    const { command } = this.#order;
    checkPolicies(this.#order.policies);
    void this.#client.gone.then(() => this.#leave());
    if (command.kind === "block-set-old" && command.data.length === 0) {
      // Its data follows in a stream. albatrossd would take the empty one for all there is, and fill the device with zeros.
      await this.#ask({ kind: "block-set", compressed: command.compressed });
    } else if (command.kind === "block-add-old" && command.data?.length === 0) {
      await this.#addFromStream(command);
    } else if (!isCreate(command)) {
      await this.#ask(command);
    } else if (command.config.image.length > 0) {
      const { image } = command.config;
      await this.#ask(withImage(command, new Uint8Array(0)), { length: image.length, chunks: [image] });
    } else if (carriesImage(command.config.type)) {
      await this.#createFromStream(command);
    } else {
      await this.#ask(command); // a guest that has no image
    }
  }

  /** Closes the connection to the daemon. */
  close(): void {
    clearTimeout(this.#patience);
    this.#underWay = false;
    this.#daemon?.destroy();
    this.#daemon = undefined;
  }

  /** The client has gone: this is over when the command is, so that who revokes the client's rights sees what it did. */
  #leave(): void {
    this.#clientGone = true;
    if (this.#underWay) this.#patience = setTimeout(() => this.close(), OUTCOME_PATIENCE_MS);
    else this.close();
  }

  /** From now on albatrossd carries out a command, maybe one of ours for a client that has gone already. */
  #begin(): void {
    this.#underWay = true;
    if (this.#clientGone) this.#leave();
  }

  async #createFromStream(command: Create): Promise<void> {
    let begun: Uint8Array | undefined;
    if (this.#protocol === TLS_APPLICATION_PROTOCOL) {
      const offer = await readOffer(this.#client);
      if (offer !== undefined && "digest" in offer) {
        if (await this.#createByDigest(command, offer.digest)) return;
        const wanted = { kind: "success", success: { kind: "string", text: fromText(IMAGE_WANTED) } } as const;
        await answer(this.#client, this.#order.name, wanted);
      } else {
        begun = offer;
      }
    }
    const { spool: directory, streamLimit, images } = this.#surroundings;
    const share = images.of(this.#order.name);
    try {
      const limit = Math.min(streamLimit, IMAGE_STREAM_MAX);
      await this.#createFrom(await receiveImage(this.#client, { directory, limit, share }, begun), command);
    } finally {
      share.leave();
    }
  }

  async #createFrom(spool: Spool, command: Create): Promise<void> {
    try {
      await this.#ask(command, { length: spool.size, chunks: spool.chunks() });
    } catch (error) {
      if (error instanceof SpoolError || error instanceof ImageTooLargeError)
        throw new Refusal(error.message, { cause: error });
      throw error;
    } finally {
      await spool.close();
    }
  }

  /**
   * Whether albatrossd is ours, which answers such a request twice. Another one would take a digest for an image, and end
   * the unikernel that a force-create replaces before it refuses that.
   */
  async #knowsDigests(): Promise<boolean> {
    const daemon = await this.#connect("vmmd");
    const header = { sequence: STATUS_SEQUENCE, name: this.#order.name };
    await daemon.write(encodeFrame({ header, payload: { kind: "command", command: { kind: "unikernel-info" } } }));
    await readMessage(daemon);
    return (await readMessage(daemon))?.payload.kind === "success";
  }

  /** Gives whether that was all: false if albatrossd does not have the image. */
  async #createByDigest(command: Create, digest: Uint8Array): Promise<boolean> {
    if (!(await this.#knowsDigests())) return false;
    const reply = await this.#exchange(withImage(command, digest), IMAGE_BY_DIGEST_SEQUENCE);
    if (reply.kind === "failure" && reply.text === IMAGE_NOT_PRESENT) return false;
    await answer(this.#client, this.#order.name, reply);
    return true;
  }

  /**
   * Makes a block device whose content follows in a stream. albatrossd, again, would take the empty data for all there is.
   *
   * @throws {Refusal} as the other ways
   */
  async #addFromStream({ size, compressed }: Extract<Command, { kind: "block-add-old" }>): Promise<void> {
    const { name } = this.#order;
    const added = await this.#exchange({ kind: "block-add", size });
    if (added.kind !== "success") return await answer(this.#client, name, added);
    let set: Payload | undefined;
    let removed = true;
    try {
      set = await this.#exchange({ kind: "block-set", compressed });
    } finally {
      if (set?.kind !== "success") removed = await this.#removeUnfilled();
    }
    if (!removed && set.kind === "failure") {
      throw new Refusal(`${toDisplay(set.text)}; the device could not be removed again either: destroy it`);
    }
    await answer(this.#client, name, set.kind === "success" ? added : set);
  }

  /**
   * As if there had never been such a device: the client may try again. albatrossd has it in use until it has cleared up
   * after the stream, which it does after it has answered, or when it notices that its end never comes.
   *
   * @returns whether it is gone
   */
  async #removeUnfilled(): Promise<boolean> {
    for (let count = 1; (await this.#exchange({ kind: "block-remove" })).kind !== "success"; count++) {
      if (count === REMOVALS_MAX) return false;
      await new Promise((resolve) => setTimeout(resolve, REMOVAL_PAUSE_MS));
    }
    return true;
  }

  /** Asks albatrossd, with the client's stream behind a command that takes one, and gives the answer. */
  async #exchange(command: Command, sequence = 0n): Promise<Payload> {
    const daemon = await this.#applyPolicies(await this.#connect("vmmd"));
    const header = { sequence, name: this.#order.name };
    const sent = await daemon.write(encodeFrame({ header, payload: { kind: "command", command } }));
    if (sent && takesStream(command)) await copyBlockStream(this.#client, daemon, this.#surroundings.streamLimit);
    this.#begin();
    const reply = await readMessage(daemon);
    this.close();
    if (reply === undefined) throw new Refusal(texts.noReply);
    return reply.payload;
  }

  async #connect(role: SocketRole): Promise<FrameLine> {
    this.close();
    let line: FrameLine | undefined;
    try {
      await connectUnix(socketFile(this.#surroundings.tmpdir, role), (connection) => {
        line = new FrameLine(connection, REPLY_FRAME_LIMIT);
        return line.handlers;
      });
    } catch (cause) {
      if (!(cause instanceof SocketError)) throw cause;
      throw new Refusal(texts.noService, { cause });
    }
    if (line === undefined) throw new Refusal(texts.noService);
    this.#daemon = line;
    return line;
  }

  /** Puts the policies in force, and gives the connection to go on with: albatrossd closes one on which it refused. */
  async #applyPolicies(daemon: FrameLine): Promise<FrameLine> {
    if (this.#policiesApplied) return daemon;
    if (this.#clientGone) throw new ClientGoneError("The client has gone before its command was passed on");
    const { policies } = this.#order;
    let line = daemon;
    try {
      await applyPolicies(line, policies);
    } catch (error) {
      if (!(error instanceof Refusal) || policies.length < 2) throw error;
      // Deepest first is right for limits that have shrunk; those that have grown fit only the other way round.
      line = await this.#connect("vmmd");
      await applyPolicies(line, policies.toReversed());
    }
    this.#policiesApplied = true;
    return line;
  }

  async #ask(command: Command, image?: Image): Promise<void> {
    const { name } = this.#order;
    const role = daemonOf(command);
    const fresh = await this.#connect(role);
    const daemon = role === "vmmd" ? await this.#applyPolicies(fresh) : fresh;
    const message: Message = { header: { sequence: 0n, name }, payload: { kind: "command", command } };
    const sent =
      image === undefined ? await daemon.write(encodeFrame(message)) : await sendAround(daemon, message, image);
    if (sent && takesStream(command)) await copyBlockStream(this.#client, daemon, this.#surroundings.streamLimit);
    const mode = replyModeOf(command);
    if (mode === "single") this.#begin();
    if (mode === "read") {
      this.#client.finished = () => this.close(); // how a client ends a subscription
      if (this.#client.isFinished) this.close(); // it did so before it could begin
    }
    // Even if not everything was sent: a daemon that refuses early says so before it closes.
    const complete = await forwardReplies(daemon, this.#client, mode);
    this.close();
    if (complete) return;
    if (mode === "read" && this.#client.isFinished) throw new ClientGoneError("The client ended its subscription");
    if (!sent) throw new Refusal(texts.commandNotWritten);
    throw new Refusal(mode === "single" ? texts.noReply : texts.daemonClosed);
  }
}

async function sendAround(daemon: FrameLine, message: Message, image: Image): Promise<boolean> {
  const { prefix, suffix } = frameAroundImage(message, image.length);
  if (!(await daemon.write(prefix))) return false;
  for await (const chunk of image.chunks) if (!(await daemon.write(chunk))) return false;
  return await daemon.write(suffix);
}
