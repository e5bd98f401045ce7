/**
 * A TLS client by Bun's own sockets.
 *
 * They judge the server's chain themselves, and then its name, which nobody has asked for and which they cannot be told
 * to leave alone. So they are told to report what they find instead of acting on it, and everything but a wrong name is
 * refused here. They look at the name only once the chain is good.
 *
 * @module
 */
import { asError, type Connection, type ConnectionHandlers, connectionOver, type SocketEvents } from "./connection.ts";
import {
  closedInHandshake,
  KEEP_ALIVE_MS,
  reasonOf,
  type TlsOptions,
  type TlsParameters,
  type TlsPeer,
  type TlsPhase,
  tooSlow,
} from "./tls-types.ts";

/** The only finding about a server that is no reason to refuse it: names are the business of {@link TlsOptions.check}. */
const OTHER_NAME = "ERR_TLS_CERT_ALTNAME_INVALID";

/** As TLS writes it. */
const TLS_1_3 = 0x0304;

/** As `connectTls`. */
export function connectBun(
  parameters: TlsParameters,
  open: (connection: Connection, peer: TlsPeer) => ConnectionHandlers,
  options: TlsOptions,
): Promise<Connection> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    let phase: TlsPhase = "connect";
    let failed = false;
    let events: SocketEvents | undefined;
    let opened: Bun.Socket | undefined;
    const fail = (error: Error) => {
      failed = true;
      release();
      opened?.terminate();
      reject(error);
    };
    const abort = () => fail(reasonOf(signal));
    const timer = setTimeout(() => fail(options.translate(tooSlow(options), phase)), options.patience);
    const release = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    signal?.addEventListener("abort", abort, { once: true });
    const socket: Bun.SocketHandler<undefined> = {
      open(socket) {
        opened = socket;
        if (failed)
          socket.terminate(); // before that there was nothing to give up
        else {
          phase = "handshake";
          socket.setKeepAlive(true, KEEP_ALIVE_MS);
        }
      },
      handshake(socket, success, finding) {
        if (failed || events !== undefined) return;
        release();
        try {
          const problem = problemOf(success, finding);
          if (problem !== undefined) throw options.translate(problem, phase);
          const peer = peerOf(socket);
          options.check(peer);
          phase = "open";
          events = connectionOver(rawOver(socket), (connection) => open(connection, peer), {});
          resolve(events.connection);
        } catch (error) {
          fail(asError(error));
        }
      },
      data: (_socket, chunk) => events?.data(chunk),
      end() {
        if (events !== undefined) events.end();
        else if (!failed) fail(options.translate(closedInHandshake(), phase));
      },
      drain: () => events?.writable(),
      error(socket, error) {
        const translated = options.translate(named(error), phase);
        if (events === undefined) return fail(translated);
        // Told at once: the end of the stream, which follows, would look like an orderly one.
        events.close(translated);
        socket.terminate();
      },
      close(_socket, error) {
        if (events !== undefined) events.close(error && options.translate(named(error), phase));
        else if (!failed) fail(options.translate(error === undefined ? closedInHandshake() : named(error), phase));
      },
      connectError: (_socket, error) => fail(options.translate(error, phase)),
    };
    const dial = async () => {
      const { host: hostname, port } = parameters;
      await Bun.connect({ hostname, port, allowHalfOpen: true, tls: tlsOf(parameters), socket });
    };
    // What `connectError` has not told is about the options, e.g. a broken key.
    dial().catch((error: unknown) => failed || fail(asError(error)));
  });
}

function tlsOf(parameters: TlsParameters): Bun.TLSOptions {
  const version = { minVersion: TLS_1_3 }; // Bun takes it, though its types do not say so
  return {
    ...version,
    serverName: parameters.indication ?? "",
    ALPNProtocols: protocolList(parameters.applicationProtocols),
    ca: parameters.trustAnchors,
    cert: parameters.chain,
    key: parameters.key,
    // Findings are reported, and judged in `handshake`.
    rejectUnauthorized: false,
  };
}

/** Each name behind a byte with its length, as TLS sends them (RFC 7301, 3.1). */
function protocolList(names: readonly string[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  return Uint8Array.from(
    names.flatMap((name) => {
      const bytes = encoder.encode(name);
      return [bytes.length, ...bytes];
    }),
  );
}

function codeOf(error: Error): unknown {
  return (error as { code?: unknown }).code;
}

const libraryReason = /OPENSSL_internal:([A-Z0-9_]+)/;

/** How Bun calls it if the server leaves in the handshake. */
const LEFT = "ECONNRESET";

/** An error with the code that `node:tls` would give: Bun has the library's own reason in the text only. */
function named(error: Error): Error {
  const reason = libraryReason.exec(error.message)?.[1];
  return reason === undefined
    ? error
    : Object.assign(new Error(error.message, { cause: error }), { code: `ERR_SSL_${reason}` });
}

/** What is wrong with a handshake, if anything is. */
function problemOf(success: boolean, finding: Error | null): Error | undefined {
  if (finding === null) return success ? undefined : closedInHandshake();
  const code = codeOf(finding);
  if (code === OTHER_NAME) return undefined;
  return code === LEFT ? closedInHandshake() : named(finding);
}

function peerOf(socket: Bun.Socket): TlsPeer {
  return {
    get certificate() {
      return Uint8Array.from(socket.getPeerCertificate().raw);
    },
    applicationProtocol: socket.alpnProtocol || undefined, // false or null if none
  };
}

function rawOver(socket: Bun.Socket) {
  return {
    write: (bytes: Uint8Array) => socket.write(bytes),
    end: () => void socket.end(),
    terminate: () => void socket.terminate(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  };
}
