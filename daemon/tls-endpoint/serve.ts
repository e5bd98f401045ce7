/**
 * Serves one authenticated client: understands its chain, does what it asks for, and answers in any case.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import { INT_MAX, normalize } from "../../core/int.ts";
import { Name } from "../../core/name.ts";
import { socketFile } from "../../core/paths.ts";
import { type Certificate, CertificateError, readCertificate } from "../../pki/certificate.ts";
import { type ChainMeaning, type ChainRevocation, interpretCertificates } from "../../pki/chain.ts";
import { ChainError } from "../../pki/chain-error.ts";
import { ALBATROSS } from "../../pki/oids.ts";
import type { RequestResult } from "../../plugins/openmetrics/request-meter.ts";
import type { TlsSession } from "../../plugins/tls/tls-session.ts";
import type { FrameLine } from "../../runtime/frame-line.ts";
import type { Log } from "../common/log.ts";
import type { AccessLog, ClientAddress } from "./access-log.ts";
import { answer, Conversation, refuse, type Surroundings } from "./conversation.ts";
import type { Delegation, DelegationMemory } from "./delegation-memory.ts";
import { destroyBelow, isExpected, reasonOf } from "./destroy-below.ts";
import { CutFrameError } from "./forward.ts";
import { SMALL_CERTIFICATE } from "./limits.ts";
import { ClientGoneError, Refusal } from "./refusal.ts";
import type { Revocations } from "./revocations.ts";
import type { Share, Shares } from "./shares.ts";

/** A client and what it is served with. */
export interface Service {
  readonly session: TlsSession;
  /** Frames within TLS. */
  readonly line: FrameLine;
  readonly client: ClientAddress;
  readonly log: Log;
  readonly surroundings: Surroundings;
  readonly revocations: Revocations;
  readonly delegations: DelegationMemory;
  readonly access: AccessLog;
  /** Places for clients of all tenants. */
  readonly places: Shares;
  /** Told that the client has one of them: until then it makes room for others. */
  readonly admitted: () => void;
  /** Told of every request that was answered, e.g. a `RequestMeter`; seconds. */
  readonly observe?: ((kind: string, result: RequestResult, seconds: number) => void) | undefined;
  /** Closes the connections of those who have just been revoked; resolves when nothing they asked for is under way. */
  readonly recheck: () => Promise<void>;
}

/** Serves until the last answer was sent, and closes the connection. */
export async function serve(service: Service): Promise<void> {
  const { line, log, client, session, surroundings, access } = service;
  const { address } = client;
  let name = Name.root;
  let kind = "unknown";
  const begun = performance.now();
  let place: Share | undefined;
  const observe = (result: RequestResult) => service.observe?.(kind, result, (performance.now() - begun) / 1000);
  try {
    const meaning = await understand(service);
    if (!session.isOpen) throw new ClientGoneError("The client has gone, or was revoked");
    if (session.handshakeBytes > SMALL_CERTIFICATE) requireContent(meaning);
    kind = meaning.kind === "revocation" ? meaning.kind : meaning.command.kind;
    name = meaning.kind === "revocation" ? meaning.path : meaning.name;
    place = service.places.of(name);
    if (!place.take(1)) throw new Refusal("too many connections of the same tenant, try again later");
    service.admitted();
    const logout = access.login(name, client);
    void line.gone.then(logout);
    if (meaning.kind === "revocation") {
      await revoke(service, meaning);
    } else {
      log.debug(`${address} asks for ${meaning.command.kind} ${name.toDisplay()}`);
      const conversation = new Conversation(line, meaning, session.applicationProtocol, surroundings);
      try {
        await conversation.run();
      } finally {
        conversation.close();
      }
    }
    line.end();
    observe("success");
  } catch (error) {
    observe("failure");
    if (error instanceof ChainError || error instanceof Refusal) {
      log.warning(`failed to handle TLS connection ${error.message}`);
      access.refused(client, error.message, name);
      await refuse(line, name, error.message);
      line.end();
    } else if (error instanceof ClientGoneError || error instanceof CutFrameError) {
      log.info(`the connection of ${address} ended early: ${error.message}`);
      line.destroy();
    } else {
      throw error;
    }
  } finally {
    place?.leave();
  }
}

/**
 * Certificates that are large keep a place that others wait for, so they have to be for what they carry: that is soon
 * over. A subscription would keep it for as long as the client likes.
 *
 * @throws {Refusal}
 */
function requireContent(meaning: ChainMeaning): void {
  if (meaning.kind === "revocation") return;
  const { command } = meaning;
  if ("config" in command && command.config.image.length > 0) return;
  if ("data" in command && command.data !== undefined && command.data.length > 0) return;
  throw new Refusal(
    `Cannot serve certificates of more than ${SMALL_CERTIFICATE} bytes, unless they carry an image or the content of a block device: use smaller ones`,
  );
}

/** @throws {ChainError} */
async function understand({ session, delegations, log }: Service): Promise<ChainMeaning> {
  let certificates: readonly Certificate[];
  try {
    certificates = session.chain().map(readCertificate);
  } catch (cause) {
    if (!(cause instanceof CertificateError)) throw cause;
    throw new ChainError(cause.message, { cause });
  }
  const meaning = interpretCertificates(certificates);
  try {
    await delegations.remember(delegationsOf(certificates, session.issuerKeys(), meaning));
  } catch (error) {
    // The command does not depend on it: only `revoke --destroy` would not find what was delegated by this chain.
    log.error(`Cannot remember a delegation: ${error instanceof Error ? error.message : String(error)}`);
  }
  return meaning;
}

/** The delegating certificates of a chain, each with its path. */
function delegationsOf(
  certificates: readonly Certificate[],
  issuerKeys: readonly string[],
  meaning: ChainMeaning,
): readonly Delegation[] {
  const delegating = certificates.flatMap((certificate, at) =>
    at > 0 && certificate.extensions.has(ALBATROSS) ? [{ certificate, issuerKey: issuerKeys[at] }] : [],
  );
  return meaning.policies.flatMap(({ name }, at) => {
    const { certificate, issuerKey } = delegating[at] ?? {};
    if (certificate === undefined || issuerKey === undefined) return [];
    return [{ issuerKey, serial: certificate.serial.toHex(), path: name }];
  });
}

async function revoke(service: Service, { crl, destroy, path }: ChainRevocation): Promise<void> {
  const { line, session, revocations, delegations, recheck, surroundings, log, access, client } = service;
  const [issuerKey = ""] = session.issuerKeys();
  const before = session.withIssuer((issuer) => revocations.index.listOf(issuer));
  const former = before === undefined ? [] : delegations.revoked(issuerKey, before);
  const formerSize = before?.size ?? 0; // which is gone when the new one is there
  const list = session.withIssuer((issuer) => revocations.update(crl, issuer, path.path[0]));
  log.warning(`took over revocation list ${list.number ?? "without a number"} for ${path.toDisplay()}`);
  const revokedPaths = destroy ? delegations.endedPaths(issuerKey, list, former, list.size > formerSize) : [];
  await recheck(); // first, so that nobody creates anew what is destroyed now
  let trouble: string | undefined;
  let destroyed = 0;
  for (const revoked of revokedPaths) {
    try {
      const count = await destroyBelow(socketFile(surroundings.tmpdir, "vmmd"), revoked);
      destroyed += count;
      log.warning(`destroyed ${count} unikernels below ${revoked.toDisplay()}, whose delegation was revoked`);
    } catch (error) {
      if (!isExpected(error)) throw error;
      trouble = `updated revocation list, but cannot destroy what runs below ${revoked.toDisplay()}: ${reasonOf(error)}`;
    }
  }
  const number = list.number === undefined || list.number > INT_MAX ? undefined : normalize(list.number);
  access.revoked(path, client, number, destroyed);
  if (trouble !== undefined) await refuse(line, path, trouble);
  else
    await answer(line, path, {
      kind: "success",
      success: { kind: "string", text: fromText("updated revocation list") },
    });
}
