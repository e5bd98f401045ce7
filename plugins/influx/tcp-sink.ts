/**
 * Lines over a TCP connection that is made again and again (influx.md 2): for a socket listener of telegraf, and others.
 *
 * @module
 */
import { connectTcp } from "../../runtime/tcp-socket.ts";
import { type Connection, SocketError } from "../../runtime/unix-socket.ts";
import { LineQueue } from "./line-queue.ts";
import type { InfluxSink, SinkLog } from "./sink.ts";

/** Milliseconds until the next attempt to connect. */
export const RECONNECT_MS = 5_000;

/** Bytes handed to the connection at once; the rest waits here, so that not more is lost with it. */
const CHUNK_BYTES = 64 * 1024;

/** Milliseconds after which a receiver, also one that has ended its side, is believed to take lines: it would have refused. */
const PROOF_MS = 1_000;

/** Milliseconds that the end may take. */
const CLOSE_MS = 1_000;

/** A host, by name or address, and a port. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** Where lines go, and what may wait. */
export interface TcpSinkOptions extends TcpAddress {
  /** Whether lines wait for a connection; otherwise they are dropped while there is none. */
  readonly patient: boolean;
  readonly log: SinkLog;
  /** {@link RECONNECT_MS} unless given. */
  readonly reconnectMs?: number;
  /** Bytes that may wait. */
  readonly queueMax?: number;
}

/** Connects, and keeps connected until it is closed. */
export class TcpSink implements InfluxSink {
  readonly #options: TcpSinkOptions;
  readonly #queue: LineQueue;
  #connection: Connection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /**
   * Set once the receiver has ended its side. That says nothing about ours: it may be gone, or only have nothing to say, as
   * `nc` with an empty input. So one piece is sent, which waits here until the receiver has not refused it.
   */
  #trial: "due" | Uint8Array | undefined;
  /** What the connection has not taken entirely. */
  #underWay: Uint8Array | undefined;
  #closed = false;
  #connectedAt = 0;
  /** Why there is no connection, as it was logged. */
  #reported: string | undefined;
  /** Whether pieces were dropped since the receiver does not keep up; and of how many in all was told. */
  #slow = false;
  #told = 0;

  constructor(options: TcpSinkOptions) {
    this.#options = options;
    this.#queue = new LineQueue(options.queueMax);
    void this.#connect();
  }

  get dropped(): number {
    return this.#queue.dropped;
  }

  write(lines: string): void {
    this.#queue.push(new TextEncoder().encode(lines));
    this.#pump();
    if (this.#connection === undefined) {
      if (!this.#options.patient) this.#queue.clear();
    } else if (!this.#slow && this.dropped > this.#told) {
      this.#slow = true;
      this.#options.log.warning("the receiver is slow: the oldest samples are dropped");
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#trial = undefined;
    this.#pump();
    const timer = setTimeout(() => connection.destroy(), CLOSE_MS);
    await connection.drained().catch(() => undefined);
    clearTimeout(timer);
    connection.end();
  }

  /** Hands over what waits, as far as the connection takes it. */
  #pump(): void {
    const connection = this.#connection;
    while (connection !== undefined && connection.pending === 0 && !(this.#trial instanceof Uint8Array)) {
      this.#underWay = undefined;
      const bytes = this.#queue.take(CHUNK_BYTES);
      if (bytes === undefined) return this.#caughtUp();
      if (this.#trial === "due") this.#try(bytes);
      if (connection.send(bytes) && connection.pending === 0) continue;
      this.#underWay = bytes;
      void this.#whenDrained(connection);
    }
  }

  #try(bytes: Uint8Array): void {
    this.#trial = bytes;
    this.#timer = setTimeout(() => {
      this.#trial = undefined;
      this.#pump();
    }, PROOF_MS);
  }

  /** Nothing waits any more: tells of what was dropped meanwhile. */
  #caughtUp(): void {
    const lost = this.dropped - this.#told;
    if (lost > 0) this.#options.log.warning(`${lost} samples were dropped`);
    this.#told = this.dropped;
    this.#slow = false;
  }

  async #whenDrained(connection: Connection): Promise<void> {
    try {
      await connection.drained();
    } catch {
      return; // closed, which is noticed elsewhere
    }
    if (connection === this.#connection) this.#pump();
  }

  async #connect(): Promise<void> {
    const { host, port, log } = this.#options;
    try {
      const connection = await connectTcp(host, port, () => ({
        data: () => undefined, // a receiver has nothing to say
        end: () => {
          log.info("the receiver has ended its side: the next lines will tell whether it is still there");
          this.#trial ??= "due";
        },
        close: (error) => this.#lost(error?.message ?? "the receiver closed the connection"),
      }));
      if (this.#closed) return connection.destroy();
      this.#connection = connection;
      log.info(`connected to ${host} port ${port}`);
      this.#connectedAt = performance.now();
      this.#pump();
    } catch (error) {
      if (!(error instanceof SocketError)) throw error;
      this.#lost(error.message);
    }
  }

  #lost(reason: string): void {
    const { log, host, port, patient, reconnectMs = RECONNECT_MS } = this.#options;
    // One that closes every connection at once is told of once.
    if (this.#connection !== undefined && performance.now() - this.#connectedAt > PROOF_MS) this.#reported = undefined;
    this.#connection = undefined;
    const again = this.#trial instanceof Uint8Array ? this.#trial : this.#underWay;
    if (again !== undefined) this.#queue.putBack(again); // what it has of that, it gets twice: with the same times
    this.#trial = undefined;
    this.#underWay = undefined;
    if (!patient) this.#queue.clear();
    if (this.#closed) return;
    if (this.#reported !== reason) {
      log.warning(`not connected to ${host} port ${port}, trying again every ${reconnectMs} ms: ${reason}`);
    }
    this.#reported = reason;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#connect(), reconnectMs);
  }
}
