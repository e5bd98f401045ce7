/**
 * The connections of the endpoint: letting them in, shaking hands in time, and what all of them share.
 *
 * @module
 */
import { CHUNK_FRAME_LIMIT } from "../../core/wire/framing.ts";
import { TLS_APPLICATION_PROTOCOL } from "../../core/wire/peer-extensions.ts";
import { ServerContext, type ServerIdentity } from "../../plugins/tls/server-context.ts";
import { ClientLeftError, TlsError, TlsSession } from "../../plugins/tls/tls-session.ts";
import type { Connection, ConnectionHandlers } from "../../runtime/connection.ts";
import { FrameLine } from "../../runtime/frame-line.ts";
import type { Log } from "../common/log.ts";
import type { AccessLog, ClientAddress } from "./access-log.ts";
import { Admission, addressGroup, type Visitor } from "./admission.ts";
import { CertificateBudget, type Place } from "./certificate-budget.ts";
import { OUTCOME_PATIENCE_MS, type Surroundings } from "./conversation.ts";
import type { DelegationMemory } from "./delegation-memory.ts";
import { type Limits, SLOWEST_RATE, SMALL_CERTIFICATE } from "./limits.ts";
import type { Revocations } from "./revocations.ts";
import { type Service, serve } from "./serve.ts";
import { Shares } from "./shares.ts";

/** What an {@link Endpoint} works with. */
export interface EndpointOptions {
  readonly identity: ServerIdentity;
  readonly limits: Limits;
  readonly surroundings: Surroundings;
  readonly revocations: Revocations;
  readonly delegations: DelegationMemory;
  readonly log: Log;
  readonly access: AccessLog;
  /** As in {@link Service}. */
  readonly observe?: Service["observe"];
}

/** How often at most the time of a handshake is looked at, milliseconds. */
const HANDSHAKE_CHECK_MS = 10;

const closed: ConnectionHandlers = { data: () => undefined, close: () => undefined };

export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #admission: Admission;
  readonly #budget: CertificateBudget;
  readonly #places: Shares;
  readonly #sessions = new Set<TlsSession>();
  /** What is being done for clients, also for those who have gone meanwhile. */
  readonly #served = new Map<TlsSession, Promise<void>>();
  #context: ServerContext;
  #idle: (() => void) | undefined;
  /** Connections ever let in; handshakes that succeeded, and that did not. */
  readonly #totals = { accepted: 0, success: 0, failure: 0 };

  /** @throws {OpenSslError} if certificate, key or CA cannot be used */
  constructor(options: EndpointOptions) {
    const { connections, perAddress } = options.limits;
    this.#options = options;
    this.#admission = new Admission(connections, perAddress);
    this.#budget = new CertificateBudget(options.limits);
    this.#places = new Shares(connections);
    this.#context = new ServerContext(options.identity, options.revocations.index, TLS_APPLICATION_PROTOCOL);
  }

  /** Connections now. */
  get connections(): number {
    return this.#admission.count;
  }

  /** Since the start: connections let in, handshakes that succeeded, and that did not. */
  get totals(): { readonly accepted: number; readonly success: number; readonly failure: number } {
    return this.#totals;
  }

  /** Uses other files for new connections. @throws {OpenSslError}; the old ones are used on then */
  replaceIdentity(identity: ServerIdentity): void {
    const fresh = new ServerContext(identity, this.#options.revocations.index, TLS_APPLICATION_PROTOCOL);
    this.#context.free();
    this.#context = fresh;
  }

  /** Takes a new connection. */
  accept(connection: Connection, address: string, port = 0): ConnectionHandlers {
    const { log, access } = this.#options;
    let session: TlsSession | undefined;
    const evict = () => {
      log.debug(`closing the connection of ${address} to make room: it has shown no certificate yet`);
      if (session === undefined) connection.destroy();
      else session.destroy();
    };
    const visitor = this.#admission.enter(address, evict);
    if (visitor === undefined) {
      log.warning(`refusing a connection of ${address}: there are too many already`);
      access.refused({ address, port }, "too many connections");
      connection.destroy();
      return closed;
    }
    this.#totals.accepted++;
    try {
      session = this.#begin(connection, { address, port }, visitor);
      return session.events;
    } catch (error) {
      visitor.left();
      throw error;
    }
  }

  #begin(connection: Connection, client: ClientAddress, visitor: Visitor): TlsSession {
    const { limits, log, access } = this.#options;
    const { address } = client;
    let place: Place | undefined;
    let line: FrameLine | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const begun = performance.now();
    /** Milliseconds that the client was made to wait; since when it waits. */
    let held = 0;
    let heldSince: number | undefined;
    const watchHandshake = (session: TlsSession) => {
      // The time in which a client had to wait for others is not its own, within reason.
      const waited = held + (heldSince === undefined ? 0 : performance.now() - heldSince);
      const allowed = limits.handshake + (session.received / SLOWEST_RATE) * 1000 + Math.min(waited, limits.idle);
      const left = begun + allowed - performance.now();
      if (left > 0) {
        timer = setTimeout(() => watchHandshake(session), Math.max(left, HANDSHAKE_CHECK_MS));
        return;
      }
      log.info(`closing the connection of ${address}: the handshake took too long`);
      session.destroy();
    };
    const watchIdle = (session: TlsSession) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (line?.isWaiting !== true) return watchIdle(session);
        log.info(`closing the connection of ${address}: the client has been idle for too long`);
        session.destroy();
      }, limits.idle);
    };
    const session = new TlsSession(
      connection,
      this.#context,
      (recordLength, proceed) => {
        visitor.spoke();
        heldSince = performance.now();
        place = this.#budget.enter(addressGroup(address), recordLength, (bytes) => {
          held += performance.now() - (heldSince ?? performance.now());
          heldSince = undefined;
          proceed(bytes);
        });
      },
      (session) => ({
        data: (chunk) => line?.handlers.data(chunk),
        end: () => line?.handlers.end?.(),
        drain: () => line?.handlers.drain?.(),
        authenticated: () => {
          this.#totals.success++;
          line = new FrameLine(session, CHUNK_FRAME_LIMIT);
          line.progress = () => timer?.refresh();
          watchIdle(session);
          // Memory of a large certificate is in use until the end; that of a small one does not matter any more.
          if (session.handshakeBytes <= SMALL_CERTIFICATE) place?.leave();
          const served = this.#serve(session, line, client, () => visitor.authenticated()).finally(() =>
            this.#served.delete(session),
          );
          this.#served.set(session, served);
        },
        close: (error) => {
          clearTimeout(timer);
          place?.leave();
          this.#sessions.delete(session);
          // A command that was begun goes on, and takes its place until it is done.
          void (this.#served.get(session) ?? Promise.resolve()).then(() => {
            visitor.left();
            if (this.#isIdle) this.#idle?.();
          });
          if (line === undefined) this.#totals.failure++;
          const refused = line === undefined && error instanceof TlsError && !(error instanceof ClientLeftError);
          if (refused) access.refused(client, error.message);
          if (line !== undefined) line.handlers.close(error);
          else if (error !== undefined) log.info(`no connection with ${address}: ${error.message}`);
        },
      }),
    );
    this.#sessions.add(session);
    watchHandshake(session);
    return session;
  }

  async #serve(session: TlsSession, line: FrameLine, client: ClientAddress, admitted: () => void): Promise<void> {
    const { log, surroundings, revocations, delegations, access, observe } = this.#options;
    const { address } = client;
    try {
      const recheck = () => this.#endRevoked(session);
      const shared = { log, surroundings, revocations, delegations, access, observe, places: this.#places };
      await serve({ ...shared, session, line, client, admitted, recheck });
    } catch (error) {
      log.error(`while serving ${address}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      session.destroy();
    }
  }

  /** Closes the connections of clients whose certificates have been revoked since, also where the handshake is not over. */
  closeRevoked(): void {
    for (const session of this.#sessions) if (session.isRevoked) session.destroy();
  }

  /** Closes them, and waits for what they, and others who have gone, had begun: albatrossd carries that out all the same. */
  async #endRevoked(asking: TlsSession): Promise<void> {
    this.closeRevoked();
    const begun = [...this.#served].flatMap(([session, served]) =>
      session.isOpen || session === asking ? [] : [served],
    );
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, OUTCOME_PATIENCE_MS); // two may wait for each other
    await Promise.race([Promise.all(begun), timeout.promise]);
    clearTimeout(timer);
  }

  get #isIdle(): boolean {
    return this.#sessions.size === 0 && this.#served.size === 0;
  }

  /** Resolves when there is no connection, and nothing is being done for clients that have gone. */
  async drained(): Promise<void> {
    if (this.#isIdle) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Closes all connections. */
  close(): void {
    for (const session of this.#sessions) session.destroy();
    this.#context.free();
  }
}
