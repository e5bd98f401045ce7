/**
 * A TLS server of a test's own: says hello to those it lets in, and repeats what they say.
 *
 * @module
 */
import { RevocationIndex } from "../../../plugins/tls/revocation-index.ts";
import { ServerContext } from "../../../plugins/tls/server-context.ts";
import { type AdmitCertificate, TlsSession } from "../../../plugins/tls/tls-session.ts";
import { listenTcp, type TcpListener } from "../../../runtime/tcp-socket.ts";
import { TestCertificate } from "../../support/certificates.ts";

/** As large as TLS allows. */
export const LARGEST = 1 << 24;

const bytes = (text: string) => new TextEncoder().encode(text);

export class TlsServer {
  readonly index = new RevocationIndex();
  readonly root: TestCertificate;
  readonly server: TestCertificate;
  /** Why connections ended; undefined for an orderly end. */
  readonly ends: (string | undefined)[] = [];
  /** The chains of those who came in. */
  readonly chains: (readonly Uint8Array[])[] = [];
  readonly protocols: (string | undefined)[] = [];
  readonly sessions = new Set<TlsSession>();
  #context: ServerContext;
  readonly #listener: TcpListener;

  constructor(
    root: TestCertificate = TestCertificate.root("root"),
    options: { readonly trusted?: readonly TestCertificate[]; readonly admit?: AdmitCertificate } = {},
  ) {
    this.root = root;
    this.server = root.server();
    const trusted = options.trusted ?? [root];
    this.#context = new ServerContext(
      {
        authorities: trusted.map(({ pem }) => bytes(pem)),
        certificate: bytes(this.server.pem),
        key: bytes(this.server.keyPem),
      },
      this.index,
      "albatross-ts/1",
    );
    const admit = options.admit ?? ((_length, proceed) => proceed(LARGEST));
    this.#listener = listenTcp({ address: "::", port: 0 }, (connection) => {
      const made = new TlsSession(connection, this.#context, admit, (session) => ({
        authenticated: () => {
          this.chains.push(session.chain());
          this.protocols.push(session.applicationProtocol);
          session.send(bytes("hello"));
        },
        data: (chunk) => void session.send(chunk),
        close: (error) => {
          this.sessions.delete(made);
          this.ends.push(error?.message);
        },
      }));
      this.sessions.add(made);
      return made.events;
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  close(): void {
    this.#listener.close();
    for (const session of this.sessions) session.destroy();
    this.#context.free();
  }
}
