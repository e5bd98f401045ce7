/**
 * One TLS connection of a server, between a stream socket and whoever talks through it.
 *
 * OpenSSL works on memory only: what the socket receives is put in, what comes out is sent. Towards its user a session
 * is a {@link Connection} like any other.
 *
 * @module
 */
import type { Connection, ConnectionHandlers } from "../../runtime/connection.ts";
import { memoryAt } from "../../runtime/ffi.ts";
import { takeObjection } from "./certificate-gate.ts";
import {
  OpenSslError,
  openssl,
  SSL_CTRL_SET_MAX_CERT_LIST,
  SSL_ERROR_WANT_READ,
  SSL_ERROR_ZERO_RETURN,
  takeErrors,
  toDer,
} from "./openssl.ts";
import { scanRecords } from "./record-scanner.ts";
import { keyIdentity } from "./revocation-list.ts";
import type { ServerContext } from "./server-context.ts";
import { verifying } from "./verify.ts";

/** Received bytes that are given to OpenSSL at a time: what it reserves for them is kept as long as the session. */
export const FEED_BYTES = 32 * 1024;

/** Bytes that are encrypted at a time, for the same reason. */
export const SEAL_BYTES = 64 * 1024;

/** Bytes that may wait for a client that asks for new keys again and again, and takes none of the answers. */
export const UNTAKEN_MAX: number = 2 * 1024 * 1024;

/** Space for decrypted bytes, and for encrypted ones on their way out. For all sessions: it is used up at once. */
const scratch = new Uint8Array(SEAL_BYTES + 4096);

/** The client did not complete the handshake, or spoke wrongly after it. The client has got an alert. */
export class TlsError extends Error {
  override readonly name = "TlsError";
}

/** The client has gone without a word on why. */
export class ClientLeftError extends TlsError {}

/** Handlers of a session: those of a connection, whose `data` is what the client sent within TLS. */
export interface TlsHandlers extends ConnectionHandlers {
  /** The handshake is done, the client's certificate verified. Nothing can be sent before. */
  authenticated(): void;
}

/**
 * Asked once when the client's certificate is about to be received, to allow it a size. `proceed` may be called later:
 * the client is held back until then.
 *
 * @param recordLength length of the record in which it begins; less than 2^14 means a small one
 */
export type AdmitCertificate = (recordLength: number, proceed: (bytes: number) => void) => void;

export class TlsSession implements Connection {
  readonly #connection: Connection;
  readonly #context: ServerContext;
  readonly #admit: AdmitCertificate;
  readonly #handlers: TlsHandlers;
  #ssl: number;
  readonly #input: number;
  readonly #output: number;
  #incoming: Uint8Array[] = [];
  #state: "hello" | "admission" | "certificate" | "open" | "over" = "hello";
  #paused = false;
  #pumping = false;
  #peerEnded = false;
  #failure: TlsError | undefined;
  /** Bytes received, encrypted. */
  received = 0;
  /** Those of them that the handshake took, once it is done; {@link FEED_BYTES} more at the most. */
  handshakeBytes = 0;

  /**
   * @param handlers gives the handlers of the session
   * @throws {OpenSslError} if there is no memory
   */
  constructor(
    connection: Connection,
    context: ServerContext,
    admit: AdmitCertificate,
    handlers: (session: TlsSession) => TlsHandlers,
  ) {
    const library = openssl();
    this.#connection = connection;
    this.#context = context;
    this.#admit = admit;
    this.#handlers = handlers(this);
    this.#ssl = context.createSession();
    this.#input = library.BIO_new(library.BIO_s_mem());
    this.#output = library.BIO_new(library.BIO_s_mem());
    if (this.#input === 0 || this.#output === 0) {
      for (const bio of [this.#input, this.#output]) if (bio !== 0) library.BIO_free(bio);
      library.SSL_free(this.#ssl);
      throw new OpenSslError("Cannot begin a TLS session: out of memory");
    }
    library.SSL_set_bio(this.#ssl, this.#input, this.#output); // which now belong to it
    library.SSL_set_accept_state(this.#ssl);
  }

  /** Whether the handshake is done and the session not over. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  get pending(): number {
    return this.#connection.pending;
  }

  drained(): Promise<void> {
    return this.#connection.drained();
  }

  send(bytes: Uint8Array): boolean {
    let more = this.#state === "open";
    for (let at = 0; at < bytes.length && this.#state === "open"; at += SEAL_BYTES) {
      const part = bytes.subarray(at, at + SEAL_BYTES);
      openssl().ERR_clear_error();
      const taken = openssl().SSL_write(this.#ssl, part, part.length);
      if (taken !== part.length) {
        this.#fail(taken);
        return false;
      }
      more = this.#flush();
    }
    return more;
  }

  end(): void {
    if (this.#state === "open") {
      openssl().SSL_shutdown(this.#ssl); // says that nothing more will come
      this.#flush();
    }
    this.#over();
    this.#connection.end();
  }

  destroy(): void {
    this.#over();
    this.#connection.destroy();
  }

  pause(): void {
    this.#paused = true;
    this.#connection.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#pump();
    if (!this.#paused && this.#state !== "admission") this.#connection.resume();
  }

  /** What happens on the socket. */
  readonly events: ConnectionHandlers = {
    data: (chunk) => {
      if (this.#state === "over") return;
      this.received += chunk.length;
      this.#incoming.push(chunk);
      this.#pump();
    },
    end: () => this.#ended(),
    drain: () => {
      if (this.#state === "open") this.#handlers.drain?.();
    },
    close: (error) => {
      this.#over();
      openssl().SSL_free(this.#ssl);
      this.#ssl = 0;
      this.#handlers.close(this.#failure ?? error);
    },
  };

  /** The client sends nothing more, encrypted or not. */
  #ended(): void {
    if (this.#peerEnded || this.#state === "over") return;
    this.#peerEnded = true;
    if (this.#state !== "open") {
      this.#failure ??= new ClientLeftError("The client left during the handshake");
      this.#over();
      this.#connection.end();
    } else if (this.#handlers.end === undefined) {
      this.end();
    } else {
      this.#handlers.end();
    }
  }

  #over(): void {
    this.#state = "over";
    this.#incoming = [];
  }

  /** Works on what has been received, as far as it may. */
  #pump(): void {
    if (this.#pumping) return; // called by a handler: the loop below goes on
    this.#pumping = true;
    try {
      while (!this.#paused && this.#state !== "over" && this.#step());
    } finally {
      this.#pumping = false;
    }
  }

  /** One step; gives whether there may be another. */
  #step(): boolean {
    if (this.#state === "open") return this.#read() || this.#feed(FEED_BYTES);
    if (this.#state === "admission") return false;
    if (this.#state === "certificate") return this.#feed(FEED_BYTES) && this.#shakeHands();
    const all = this.#joinIncoming();
    if (all === undefined) return false;
    const scan = scanRecords(all);
    if (scan.kind === "hello") return this.#feed(scan.length) && this.#shakeHands();
    return scan.kind === "encrypted" && this.#askAdmission(scan.recordLength);
  }

  #joinIncoming(): Uint8Array | undefined {
    if (this.#incoming.length > 1) {
      const whole = new Uint8Array(this.#incoming.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of this.#incoming) {
        whole.set(part, at);
        at += part.length;
      }
      this.#incoming = [whole];
    }
    return this.#incoming[0];
  }

  /** Gives whether the client's certificate may be received at once. */
  #askAdmission(recordLength: number): boolean {
    this.#state = "admission";
    let admitted = false;
    this.#admit(recordLength, (bytes) => {
      if (this.#state !== "admission") return;
      admitted = true;
      this.#state = "certificate";
      openssl().SSL_ctrl(this.#ssl, SSL_CTRL_SET_MAX_CERT_LIST, bytes, 0);
      if (this.#pumping) return; // not asked to wait: the loop goes on
      this.#pump();
      this.#connection.resume();
    });
    if (!admitted) this.#connection.pause();
    return admitted;
  }

  /** Gives at most `limit` received bytes to OpenSSL; false if there are none. */
  #feed(limit: number): boolean {
    const first = this.#incoming[0];
    if (first === undefined) return false;
    const part = first.length > limit ? first.subarray(0, limit) : first;
    if (part.length === first.length) this.#incoming.shift();
    else this.#incoming[0] = first.subarray(limit);
    openssl().BIO_write(this.#input, part, part.length);
    return true;
  }

  #shakeHands(): boolean {
    const library = openssl();
    library.ERR_clear_error();
    const result = verifying(this.#context.revocations, () => library.SSL_do_handshake(this.#ssl));
    if (result === 1) {
      library.SSL_set_msg_callback(this.#ssl, 0); // no certificate comes any more
      this.#flush();
      this.#state = "open";
      // A client may have sent more already.
      this.handshakeBytes = this.#incoming.reduce((bytes, part) => bytes - part.length, this.received);
      this.#handlers.authenticated();
      return true;
    }
    if (library.SSL_get_error(this.#ssl, result) !== SSL_ERROR_WANT_READ) {
      this.#fail(result);
      return false;
    }
    this.#flush();
    return true;
  }

  /** Hands on what can be decrypted; false if that is nothing. */
  #read(): boolean {
    const library = openssl();
    let filled = 0;
    let result = 1;
    library.ERR_clear_error();
    while (filled < FEED_BYTES) {
      const space = filled === 0 ? scratch : scratch.subarray(filled);
      result = library.SSL_read(this.#ssl, space, space.length);
      if (result <= 0) break;
      filled += result;
    }
    const code = result > 0 ? 0 : library.SSL_get_error(this.#ssl, result);
    if (filled > 0) this.#handlers.data(scratch.slice(0, filled));
    if (this.#state !== "open") return false;
    if (code === SSL_ERROR_ZERO_RETURN) {
      this.#ended();
      return false;
    }
    if (code !== 0 && code !== SSL_ERROR_WANT_READ) {
      this.#fail(result);
      return false;
    }
    // E.g. the answer to a change of keys. Who takes what is sent never lets so much of it gather.
    if (code === SSL_ERROR_WANT_READ && !this.#flush() && this.pending > UNTAKEN_MAX) {
      this.#failure ??= new TlsError("the client asks for ever new keys, and does not take the answers");
      this.destroy();
      return false;
    }
    return filled > 0;
  }

  /** Ends the session; OpenSSL has prepared the alert that tells the client why. */
  #fail(result: number): void {
    const library = openssl();
    library.SSL_get_error(this.#ssl, result);
    const verdict = Number(library.SSL_get_verify_result(this.#ssl));
    const errors = takeErrors();
    const reason = takeObjection() ?? errors;
    const certificate = verdict === 0 ? "" : ` (${verdictText(verdict)})`;
    this.#failure ??= new TlsError(`${reason === "" ? "the connection broke" : reason}${certificate}`);
    this.#flush();
    this.#over();
    this.#connection.end();
  }

  /** Sends what OpenSSL has ready; gives whether the socket takes more. */
  #flush(): boolean {
    const library = openssl();
    let more = true;
    for (;;) {
      const size = library.BIO_read(this.#output, scratch, scratch.length);
      if (size <= 0) return more;
      more = this.#connection.send(scratch.subarray(0, size));
    }
  }

  /** The application protocol that was agreed on. */
  get applicationProtocol(): string | undefined {
    if (this.#ssl === 0) return undefined;
    const pointer = new BigUint64Array(1);
    const length = new Uint32Array(1);
    openssl().SSL_get0_alpn_selected(this.#ssl, pointer, length);
    const [address = 0n] = pointer;
    return address === 0n ? undefined : new TextDecoder().decode(memoryAt(Number(address), length[0] ?? 0));
  }

  /** The verified chain as X509 of OpenSSL, the leaf first, with the trust anchor; they live as long as the session. */
  #verified(): readonly number[] {
    if (this.#ssl === 0) return [];
    const library = openssl();
    const stack = library.SSL_get0_verified_chain(this.#ssl);
    if (stack === 0) return [];
    return Array.from({ length: library.OPENSSL_sk_num(stack) }, (_, at) => library.OPENSSL_sk_value(stack, at));
  }

  /** The verified chain, DER, the leaf first, without the trust anchor. Copies: a leaf may hold a whole image. */
  chain(): readonly Uint8Array<ArrayBuffer>[] {
    return this.#verified()
      .slice(0, -1)
      .map((certificate) => toDer(openssl().i2d_X509, certificate));
  }

  /** For every certificate of {@link TlsSession.chain} the SHA-256 of its issuer's public key, in hex. */
  issuerKeys(): readonly string[] {
    return this.#verified().slice(1).map(keyIdentity);
  }

  /** Lets `use` look at the issuer of the leaf, an X509 of OpenSSL. */
  withIssuer<T>(use: (issuer: number) => T): T {
    const issuer = this.#verified()[1];
    if (issuer === undefined) throw new OpenSslError("Cannot ask for an issuer: the session is over");
    return use(issuer);
  }

  /** Whether a certificate of the client's chain has been revoked since. */
  get isRevoked(): boolean {
    const chain = this.#verified();
    return chain.some((certificate, at) => {
      const issuer = chain[at + 1];
      return issuer !== undefined && this.#context.revocations.isRevoked(certificate, issuer);
    });
  }
}

const verdicts = new Map<number, string>();

/** OpenSSL's words for a verification error. */
function verdictText(code: number): string {
  const known = verdicts.get(code);
  if (known !== undefined) return known;
  const pointer = openssl().X509_verify_cert_error_string(code);
  const bytes: number[] = [];
  while (bytes.length < VERDICT_MAX) {
    const [byte = 0] = memoryAt(pointer + bytes.length, 1);
    if (byte === 0) break;
    bytes.push(byte);
  }
  const text = new TextDecoder().decode(Uint8Array.from(bytes));
  verdicts.set(code, text);
  return text;
}

/** Longer texts are cut off, bytes. */
const VERDICT_MAX = 100;
