/**
 * Takes certificates back.
 *
 * @module
 */
import { toDisplay } from "../../core/byte-string.ts";
import type { RevocationReason } from "../../pki/crl.ts";
import type { Authority } from "./authority.ts";
import type { RemoteOptions } from "./targets.ts";
import type { CallOptions } from "./transport.ts";

/**
 * What is revoked.
 *
 * @example
 * ```ts
 * import { generateAuthority, type RevocationList, revoke, type RevokeOptions } from "albatross";
 *
 * const { certificate, key } = await generateAuthority({ name: "my-ca" });
 * const options: RevokeOptions = { serials: ["00ff"], days: 30 };
 * const first: RevocationList = await revoke({ ca: certificate, caKey: key }, options);
 * const second = await revoke({ ca: certificate, caKey: key }, { list: first.list, serials: ["0100"] });
 * console.log(second.number, second.serials); // 1n [ "00ff", "0100" ]
 * ```
 */
export interface RevokeOptions {
  /** The list so far, DER or PEM, which is extended; a first one is made unless given. */
  readonly list?: Uint8Array | undefined;
  /** Serial numbers in hex, as {@link signRequest} gives them. */
  readonly serials?: readonly string[] | undefined;
  /** Certificates, PEM or paths of files. */
  readonly certificates?: readonly string[] | undefined;
  /** @default {"unspecified"} */
  readonly reason?: RevocationReason | undefined;
  /** How long the list is good, unless a newer one comes. @default {365} */
  readonly days?: number | undefined;
}

/** A revocation list. */
export interface RevocationList {
  /** DER: for endpoints, and to be extended. */
  readonly list: Uint8Array;
  /** One more than that of the list before. */
  readonly number: bigint;
  /** All serial numbers on it, in hex. */
  readonly serials: readonly string[];
}

const LIST_DAYS = 365;

/**
 * Makes or extends the revocation list of an authority.
 *
 * @param authority whose certificates they are
 * @param options the list so far, and what is revoked
 * @returns the new list
 * @throws {InputError} `certificate` if the list or a certificate is not of this authority; `file`
 *
 * @example
 * ```ts
 * import { generateAuthority, makeRequest, revoke, signRequest } from "albatross";
 *
 * const root = await generateAuthority({ name: "my-ca" });
 * const authority = { ca: root.certificate, caKey: root.key };
 * const { request } = await makeRequest((albatross) => albatross.info());
 * const { serial } = await signRequest(authority, request);
 * const { list, number } = await revoke(authority, { serials: [serial], reason: "key-compromise" });
 * console.log(number, list.length); // 0n …
 * ```
 */
export async function revoke(authority: Authority, options: RevokeOptions): Promise<RevocationList> {
  const [{ certifying, DAY_SECONDS, issuerOf }, { knownList, serialToRevoke }, { issueCrl }, { readCrl }, { pemOf }] =
    await Promise.all([
      import("./pki.ts"),
      import("../revocation.ts"),
      import("../../pki/issue-crl.ts"),
      import("../../pki/crl.ts"),
      import("./remote-transport.ts"),
    ]);
  const { list, serials = [], certificates = [], reason = "unspecified", days = LIST_DAYS } = options;
  return await certifying(async () => {
    const issuer = await issuerOf(authority);
    const found: string[] = [];
    for (const certificate of certificates) found.push(await serialToRevoke(await pemOf(certificate), issuer));
    const der = await issueCrl(issuer, list && (await knownList(list, issuer)), {
      serials: [...serials, ...found],
      reason,
      validitySeconds: days * DAY_SECONDS,
      now: Date.now(),
    });
    const { number = 0n, revoked } = readCrl(der);
    return { list: der, number, serials: [...revoked.keys()] };
  });
}

/**
 * Brings a revocation list to an endpoint, which keeps it, refuses the revoked certificates from now on, and closes
 * their connections.
 *
 * @param remote the endpoint; `ca` must be the authority of the list
 * @param list DER, as {@link revoke} gives it
 * @param options `destroy`: also destroys what runs under the revoked delegations; and a signal to give up by
 * @returns what the endpoint says
 * @throws {RefusedError} e.g. if it has a newer list
 * @throws {LeafError} if the authority cannot be used
 * @throws {ClientError} as every command to a remote host
 *
 * @example
 * ```ts
 * import { publishRevocations, revoke } from "albatross";
 *
 * const authority = { ca: "ca.pem", caKey: "ca.key" };
 * const { list } = await revoke(authority, { certificates: ["user.pem"] });
 * const remote = { host: "127.0.0.1", port: 1025, ...authority, serverCa: "cacert.pem" };
 * console.log(await publishRevocations(remote, list, { destroy: true }));
 * ```
 */
export async function publishRevocations(
  remote: RemoteOptions,
  list: Uint8Array,
  options: CallOptions & { readonly destroy?: boolean | undefined } = {},
): Promise<string> {
  const [{ hostOf }, { signRevocation, validateCredentials }, { requestRemote }, { expectSuccess }] = await Promise.all(
    [import("./remote-transport.ts"), import("../leaf.ts"), import("../remote-request.ts"), import("./replies.ts")],
  );
  const { server, signer } = await hostOf(remote);
  const leaf = await signRevocation(signer, { crl: list, destroy: options.destroy ?? false });
  await validateCredentials(leaf, server.trustAnchors);
  const { reply } = await requestRemote(server, leaf, { signal: options.signal });
  return toDisplay(expectSuccess(reply, "string").text);
}
