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
import type { Connection, ConnectionHandlers } from "../../runtime/unix-socket.ts";
import type { ImageStore, Upload } from "./images.ts";
import type { PeerLink } from "./peer-link.ts";
import type { Reply } from "./reply.ts";
import { sendImage } from "./send-image.ts";

/** What becomes of a connection after a command. */
export type Outcome =
  | { readonly kind: "reply"; readonly reply: Reply; readonly keep: boolean }
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

/** One client. */
export class Session implements ConnectionHandlers {
  readonly #connection: Connection;
  readonly #commands: Commands;
  readonly #closed: (session: Session) => void;
  readonly #reader = new FrameReader(CREATE_FRAME_LIMIT);
  #splitter: ImageSplitter | undefined;
  #upload: Upload | undefined;
  /** Whether a command is being carried out, or the file system is behind: nothing is read meanwhile. */
  #held = false;
  /** Whether the last answer was given, or the connection is gone. */
  #over = false;
  #peerEnded = false;
  #uploadIsBehind = false;
  #link: PeerLink | undefined;
  /** Milliseconds on the clock of {@link performance} when something last happened. */
  lastActive = performance.now();

  constructor(connection: Connection, commands: Commands, closed: (session: Session) => void) {
    this.#connection = connection;
    this.#commands = commands;
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
    if (this.#over) return;
    this.#reader.push(chunk);
    this.#advance();
  }

  end(): void {
    // A client that shut down its sending side still gets the answer that is being made.
    this.#peerEnded = true;
    if (!this.#held && this.#link === undefined) this.#connection.end();
  }

  close(error: Error | undefined): void {
    this.#over = true;
    this.#link?.closed(error?.message ?? "the peer closed the connection");
    if (!this.#held) this.#dropUpload();
    this.#closed(this);
  }

  #dropUpload(): void {
    const upload = this.#upload;
    this.#upload = undefined;
    if (upload !== undefined) void upload.abort();
  }

  #advance(): void {
    if (this.#held) return;
    try {
      while (!this.#held && !this.#over && this.#link === undefined) {
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

  #takeImage(bytes: Uint8Array): void {
    this.#upload ??= this.#commands.images.receive(this.#splitter?.compressed === true);
    if (this.#upload.write(bytes)) this.#uploadIsBehind = true;
  }

  #waitForDisk(): void {
    this.#uploadIsBehind = false;
    this.#hold();
    void this.#upload?.drained().then(() => this.#release());
  }

  #hold(): void {
    this.#held = true;
    this.#connection.pause();
  }

  #release(): void {
    this.#held = false;
    this.lastActive = performance.now();
    if (this.#over) {
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
    if (!(outcome instanceof Promise)) return this.#conclude(message.header, outcome);
    this.#hold();
    void outcome.then((later) => {
      this.#conclude(message.header, later);
      if (later.kind !== "reply" || later.reply.kind !== "image") this.#release();
    });
  }

  #conclude(header: Header, outcome: Outcome): void {
    if (outcome.kind === "statistics") {
      this.#send(header, { kind: "success", success: { kind: "empty" } });
      this.#link = outcome.attach(this.#connection);
      this.#link.receive(this.#reader.rest());
      return;
    }
    if (outcome.kind === "reply" && outcome.reply.kind === "image") {
      this.#over = true;
      this.#hold();
      void sendImage(this.#connection, header, outcome.reply)
        .catch((error: unknown) => {
          this.#commands.log(`cannot send an image: ${error instanceof Error ? error.message : String(error)}`);
          this.#connection.destroy();
        })
        .then(() => this.#release());
      return;
    }
    if (outcome.kind === "frames") this.#connection.send(outcome.frames);
    else if (outcome.reply.kind === "success") this.#send(header, { kind: "success", success: outcome.reply.success });
    else if (outcome.reply.kind === "failure")
      this.#send(header, { kind: "failure", text: fromText(outcome.reply.text) });
    if (outcome.kind === "reply" && outcome.keep) return;
    this.#over = true;
    if (!this.#held) this.#connection.end();
  }

  #send(header: Header, payload: Payload): void {
    this.#connection.send(encodeFrame({ header, payload }));
  }
}
