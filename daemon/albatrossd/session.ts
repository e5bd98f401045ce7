/**
 * One connection to `vmmd.sock`: receives commands, image by piece, and answers in order.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import { DecodeError } from "../../core/wire/decode-error.ts";
import { COMMAND_FRAME_LIMIT, CREATE_FRAME_LIMIT, FrameReader, FramingError } from "../../core/wire/framing.ts";
import { ImageSplitter } from "../../core/wire/image-splitter.ts";
import type { Header, Message, Payload } from "../../core/wire/message.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import { type Connection, type ConnectionHandlers, HIGH_WATER_MARK } from "../../runtime/unix-socket.ts";
import type { MemoryShare } from "./command-memory.ts";
import type { ImageStore, Upload } from "./images.ts";
import { cutShort, DRAIN_TIMEOUT_MS, Drain, type Receiver, takeStream } from "./incoming-stream.ts";
import type { PeerLink } from "./peer-link.ts";
import { failure, type Reply } from "./reply.ts";
import { sendAll } from "./send-all.ts";
import { sendImage } from "./send-image.ts";

/** What becomes of a connection after a command. */
export type Outcome =
  /** With `drains`, the client may be sending a stream, which is read and dropped until it has seen the reply. */
  | { readonly kind: "reply"; readonly reply: Reply; readonly keep: boolean; readonly drains?: boolean }
  /** A stream follows, whose receiver gives the reply. */
  | { readonly kind: "receive"; readonly receiver: Receiver }
  /** Sends the reply, and what belongs to it, itself. */
  | { readonly kind: "send"; readonly send: (connection: Connection, header: Header) => Promise<void> }
  /** Complete frames, sent as they are before the connection is closed. */
  | { readonly kind: "frames"; readonly frames: Uint8Array }
  /** The roles swap: from now on we ask on this connection. */
  | { readonly kind: "statistics"; readonly attach: (connection: Connection) => PeerLink };

/** Carries out the commands of all sessions. */
export interface Commands {
  readonly images: ImageStore;
  /** `upload` is the received image of a create command, which takes care of it. May answer at once. */
  perform(message: Message, upload: Upload | undefined): Outcome | Promise<Outcome>;
  log(text: string): void;
}

/** A stream being received, after its command. */
interface Stream {
  readonly header: Header;
  readonly receiver: Receiver;
}

/** One client. */
export class Session implements ConnectionHandlers {
  readonly #connection: Connection;
  readonly #commands: Commands;
  readonly #memory: MemoryShare;
  readonly #closed: (session: Session) => void;
  readonly #reader = new FrameReader(CREATE_FRAME_LIMIT);
  #splitter: ImageSplitter | undefined;
  #upload: Upload | undefined;
  #stream: Stream | undefined;
  #drain: { readonly rest: Drain; readonly timer: NodeJS.Timeout } | undefined;
  /** Whether a command is being carried out, or the file system is behind: nothing is read meanwhile. */
  #held = false;
  /** Whether the last answer was given, or the connection is gone. */
  #over = false;
  #peerEnded = false;
  #uploadIsBehind = false;
  #link: PeerLink | undefined;
  /** Milliseconds on the clock of {@link performance} when something last happened. */
  lastActive = performance.now();

  constructor(connection: Connection, commands: Commands, memory: MemoryShare, closed: (session: Session) => void) {
    this.#connection = connection;
    this.#commands = commands;
    this.#memory = memory;
    this.#closed = closed;
  }

  /** Whether this connection may be closed for doing nothing: not while a command is under way. */
  get idle(): boolean {
    return !this.#held && this.#link === undefined;
  }

  /** Ends the conversation, whatever its state. */
  abandon(): void {
    this.#connection.destroy();
  }

  data(chunk: Uint8Array): void {
    this.lastActive = performance.now();
    if (this.#link !== undefined) return this.#link.receive(chunk);
    if (this.#over && this.#drain === undefined) return;
    this.#reader.push(chunk);
    this.#advance();
  }

  end(): void {
    // A client that shut down its sending side still gets the answer that is being made.
    this.#peerEnded = true;
    if (this.#held || this.#link !== undefined) return;
    if (this.#stream !== undefined) this.#refuseStream(cutShort);
    else this.#connection.end();
  }

  close(error: Error | undefined): void {
    this.#over = true;
    this.#link?.closed(error?.message ?? "the peer closed the connection");
    clearTimeout(this.#drain?.timer);
    if (!this.#held) this.#dropUpload();
    this.#closed(this);
  }

  #dropUpload(): void {
    this.#memory.resize(0);
    const upload = this.#upload;
    this.#upload = undefined;
    if (upload !== undefined) void this.#settled(upload.abort());
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream !== undefined) void this.#settled(stream.receiver.abort());
  }

  /** What is left to do when nobody is told of a failure any more. */
  async #settled(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#commands.log(`cannot clear up: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #advance(): void {
    if (this.#held) return;
    if (this.#drain !== undefined) {
      if (!this.#drain.rest.take(this.#reader) || this.#peerEnded) this.#connection.end();
      return;
    }
    if (this.#stream === undefined) this.#readCommands();
    if (this.#stream !== undefined && !this.#held) this.#receive(this.#stream);
  }

  #readCommands(): void {
    try {
      while (!this.#held && !this.#over && this.#link === undefined && this.#stream === undefined) {
        if (this.#connection.pending > HIGH_WATER_MARK) return this.#waitForClient();
        if (this.#splitter === undefined) {
          const length = this.#reader.frameLength();
          if (this.#reader.ended) return this.#connection.end();
          if (length === undefined) return;
          this.#splitter = new ImageSplitter(length, {
            limit: COMMAND_FRAME_LIMIT,
            onImage: (bytes) => this.#takeImage(bytes),
          });
        }
        const piece = this.#reader.piece();
        if (piece === undefined) return;
        this.#splitter.push(piece);
        if (!this.#memory.resize(this.#splitter.held)) {
          throw new FramingError(
            "Cannot receive a large command, since too many of them are under way: try again later",
          );
        }
        if (this.#reader.remaining === 0) this.#complete(this.#splitter);
        else if (this.#uploadIsBehind) this.#waitForDisk();
      }
    } catch (error) {
      if (!(error instanceof DecodeError) && !(error instanceof FramingError)) throw error;
      this.#commands.log(`closing a connection: ${error.message}`);
      this.#dropUpload();
      this.#connection.destroy();
    }
  }

  #receive({ header, receiver }: Stream): void {
    const progress = takeStream(this.#reader, receiver);
    if (progress instanceof Promise) {
      this.#hold();
      void progress.then(() => this.#release());
    } else if (progress === "complete") {
      this.#stream = undefined;
      this.#await(header, this.#replyOf(receiver.finish()));
    } else if (progress !== "more") {
      this.#refuseStream(failure(progress.refusal));
    } else if (this.#peerEnded) {
      this.#refuseStream(cutShort);
    }
  }

  async #replyOf(reply: Promise<Reply>): Promise<Outcome> {
    try {
      return { kind: "reply", reply: await reply, keep: false };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#commands.log(`cannot finish a stream: ${reason}`);
      return { kind: "reply", reply: failure(`internal error: ${reason}`), keep: false };
    }
  }

  /** Answers at once, and then clears up. */
  #refuseStream(reply: Reply): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#stream = undefined;
    void this.#settled(stream.receiver.abort());
    this.#conclude(stream.header, { kind: "reply", reply, keep: false, drains: true });
  }

  #beginDrain(): void {
    const timer = setTimeout(() => this.#connection.end(), DRAIN_TIMEOUT_MS);
    this.#drain = { rest: new Drain(), timer };
    this.#advance();
  }

  #takeImage(bytes: Uint8Array): void {
    this.#upload ??= this.#commands.images.receive(this.#splitter?.compressed === true);
    if (this.#upload.write(bytes)) this.#uploadIsBehind = true;
  }

  #waitForDisk(): void {
    this.#uploadIsBehind = false;
    this.#hold();
    void this.#upload?.drained().then(() => this.#release());
  }

  /** No further command of a client is looked at that does not take its answers. */
  #waitForClient(): void {
    this.#hold();
    const taken = sendAll(this.#connection).send(new Uint8Array(0));
    void taken.catch(() => undefined).then(() => this.#release());
  }

  #hold(): void {
    this.#held = true;
    this.#connection.pause();
  }

  #release(): void {
    this.#held = false;
    this.lastActive = performance.now();
    if (this.#over && this.#drain === undefined) {
      this.#dropUpload();
      this.#connection.end();
      return;
    }
    this.#connection.resume();
    this.#advance();
    if (this.#peerEnded && !this.#held) this.#connection.end();
  }

  #complete(splitter: ImageSplitter): void {
    const { message } = splitter.finish();
    this.#splitter = undefined;
    this.#uploadIsBehind = false;
    const upload = this.#upload;
    this.#upload = undefined;
    const outcome = this.#commands.perform(message, upload);
    if (outcome instanceof Promise) this.#await(message.header, outcome);
    else this.#conclude(message.header, outcome);
  }

  #await(header: Header, outcome: Promise<Outcome>): void {
    this.#hold();
    void outcome.then((later) => {
      this.#conclude(header, later);
      if (later.kind !== "send" && (later.kind !== "reply" || later.reply.kind !== "image")) this.#release();
    });
  }

  #conclude(header: Header, outcome: Outcome): void {
    this.#memory.resize(0);
    if (outcome.kind === "statistics") {
      this.#send(header, { kind: "success", success: { kind: "empty" } });
      this.#link = outcome.attach(this.#connection);
      this.#link.receive(this.#reader.rest());
      return;
    }
    if (outcome.kind === "receive") {
      this.#stream = { header, receiver: outcome.receiver };
      return;
    }
    if (outcome.kind === "send") return this.#sendAll(outcome.send(this.#connection, header));
    if (outcome.kind === "reply" && outcome.reply.kind === "image") {
      const image = { ...outcome.reply, kind: "unikernel-image", compressed: false } as const;
      return this.#sendAll(sendImage(this.#connection, header, image));
    }
    if (outcome.kind === "frames") this.#connection.send(outcome.frames);
    else if (outcome.reply.kind === "success") this.#send(header, { kind: "success", success: outcome.reply.success });
    else if (outcome.reply.kind === "failure")
      this.#send(header, { kind: "failure", text: fromText(outcome.reply.text) });
    if (outcome.kind === "reply" && outcome.keep) return;
    const drains = outcome.kind === "reply" && outcome.drains === true && !this.#over;
    this.#over = true;
    if (drains) this.#beginDrain();
    else if (!this.#held) this.#connection.end();
  }

  #sendAll(sent: Promise<void>): void {
    this.#over = true;
    this.#held = true;
    // What the client still says is dropped; but that it goes away is only noticed by who reads.
    this.#connection.resume();
    void sent
      .catch((error: unknown) => {
        this.#commands.log(`cannot send everything: ${error instanceof Error ? error.message : String(error)}`);
        this.#connection.end();
      })
      .then(() => this.#release());
  }

  #send(header: Header, payload: Payload): void {
    this.#connection.send(encodeFrame({ header, payload }));
  }
}
