/**
 * An endpoint with real daemons behind it, certificates for it, and a client.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { fromText } from "../../../core/byte-string.ts";
import type { Policy } from "../../../core/policy.ts";
import { encodeExtension } from "../../../core/wire/extension.ts";
import { FrameReader, frame, REPLY_FRAME_LIMIT } from "../../../core/wire/framing.ts";
import type { Command, Message } from "../../../core/wire/message.ts";
import { decodeMessage } from "../../../core/wire/message-codec.ts";
import { type Daemon, Machine, say, until } from "../../end-to-end/harness.ts";
import { type KeyType, TestCertificate } from "../../support/certificates.ts";

/** What a client got. */
export interface Talk {
  readonly messages: readonly Message[];
  /** The code of the error that ended the connection, e.g. of an alert. */
  readonly error: string | undefined;
}

export interface TalkOptions {
  /** Chunks that are sent after the handshake, then the end-of-stream marker. */
  readonly stream?: Iterable<Uint8Array>;
  /** No marker at the end of the stream, but the end of the connection; or that in the middle of a further chunk. */
  readonly cut?: boolean | "within";
  /** No marker at the end of the first stream: another one follows. */
  readonly open?: boolean;
  readonly protocols?: readonly string[];
  /** Called for every message; gives chunks to be sent next. */
  readonly answer?: (message: Message, count: number) => Iterable<Uint8Array> | undefined;
  /** Ends the connection after so many messages. */
  readonly enough?: number;
  readonly root?: TestCertificate;
}

/** The policy of a delegation. */
export function policy(changes: Partial<Policy> = {}): Policy {
  const bridges = [fromText("service")];
  return { unikernels: 8, cpuIds: [0, 1], memory: 1024, block: 512, bridges, ...changes };
}

/** The extension of a delegating certificate. */
export function policyExtension(changes: Partial<Policy> = {}): Uint8Array {
  return encodeExtension({ kind: "policy-add", policy: policy(changes) });
}

/** Files and an endpoint on a machine. */
export class EndpointRig {
  readonly machine = new Machine();
  readonly root: TestCertificate;
  readonly server: TestCertificate;
  readonly lists: string = join(this.machine.directory, "crls");
  readonly spool: string = join(this.machine.directory, "spool");
  daemon: Daemon | undefined;
  port = 0;

  constructor(keyType: KeyType = "ed25519") {
    this.root = TestCertificate.root("root", keyType);
    this.server = this.root.server("server", keyType);
    mkdirSync(this.lists);
    mkdirSync(this.spool);
    this.write();
  }

  file(name: string): string {
    return join(this.machine.directory, name);
  }

  /** Writes CA, certificate and key. */
  write(root: TestCertificate = this.root, server: TestCertificate = this.server): void {
    writeFileSync(this.file("cacert.pem"), root.pem);
    writeFileSync(this.file("server.pem"), server.pem);
    writeFileSync(this.file("server.key"), server.keyPem);
  }

  get operands(): readonly string[] {
    return ["cacert.pem", "server.pem", "server.key"].map((name) => this.file(name));
  }

  /** The words of the command line, but for how to listen. */
  get words(): readonly string[] {
    const directories = [`--tmpdir=${this.machine.tmpdir}`, `--crl-directory=${this.lists}`, `--spool=${this.spool}`];
    return [...directories, ...this.operands];
  }

  /** Starts the endpoint on a port of the system's choice. */
  async start(flags: readonly string[] = []): Promise<Daemon> {
    const daemon = this.machine.launch("albatross-tls-endpoint", [...this.words, "--port=0", "-vv", ...flags]);
    this.daemon = daemon;
    this.port = await until(
      () => `the endpoint listens:\n${daemon.log}`,
      () => Number(/listening on \S+ port (\d+)/.exec(daemon.log)?.[1] ?? Number.NaN) || undefined,
    );
    return daemon;
  }

  /** Connects and collects what comes until the connection ends. */
  async talk(certificate: TestCertificate | undefined, options: TalkOptions = {}): Promise<Talk> {
    return await talkTo(this.port, options.root ?? this.root, certificate, options);
  }

  /** What the first answer to a client says. */
  async ask(certificate: TestCertificate, options: TalkOptions = {}): Promise<string> {
    const { messages, error } = await this.talk(certificate, options);
    return error === undefined || messages.length > 0 ? say(messages[0]?.payload) : error;
  }

  async close(): Promise<void> {
    await this.machine.close();
  }
}

/** A leaf for a command. */
export function leafFor(issuer: TestCertificate, name: string, command: Command): TestCertificate {
  return issuer.leaf(name, encodeExtension(command));
}

/** A TLS client of a test. */
export function dial(
  port: number,
  root: TestCertificate,
  certificate: TestCertificate | undefined,
  protocols: readonly string[] = [],
): TLSSocket {
  return connect({
    host: "127.0.0.1",
    port,
    ca: root.pem,
    minVersion: "TLSv1.3",
    checkServerIdentity: () => undefined,
    ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
    ...(certificate === undefined ? {} : { cert: certificate.chainPem, key: certificate.keyPem }),
  });
}

export async function talkTo(
  port: number,
  root: TestCertificate,
  certificate: TestCertificate | undefined,
  options: TalkOptions,
): Promise<Talk> {
  const socket = dial(port, root, certificate, options.protocols);
  const messages: Message[] = [];
  const reader = new FrameReader(REPLY_FRAME_LIMIT);
  let error: string | undefined;
  let broken = false;
  const ended = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  const send = async (chunks: Iterable<Uint8Array>, open = false) => {
    for (const chunk of chunks) {
      if (broken) return;
      if (!socket.write(frame(chunk))) {
        await Promise.race([ended, new Promise<void>((resolve) => socket.once("drain", () => resolve()))]);
      }
    }
    if (broken || open) return;
    if (options.cut === "within") socket.write(frame(new Uint8Array(1000)).subarray(0, 500));
    if (options.cut) socket.end();
    else socket.write(frame(new Uint8Array(0)));
  };
  socket.on("secureConnect", () => {
    if (options.stream !== undefined) void send(options.stream, options.open);
  });
  socket.on("data", (chunk: Uint8Array) => {
    for (const bytes of reader.push(new Uint8Array(chunk))) {
      const message = decodeMessage(bytes.slice());
      messages.push(message);
      const next = options.answer?.(message, messages.length);
      if (next !== undefined) void send(next);
      if (messages.length === options.enough) socket.end();
    }
  });
  socket.on("error", (failure: NodeJS.ErrnoException) => {
    broken = true;
    error ??= failure.code ?? failure.message;
  });
  socket.on("close", () => {
    broken = true;
  });
  await ended;
  return { messages, error };
}
