/**
 * The operations of a certificate authority. Nothing is written to files; what is loaded for certificates is loaded when
 * the first of them is called.
 *
 * @module
 */
import type { KeyType } from "../../pki/key-type.ts";
import type { Signable } from "../signable.ts";
import type { CommandCall } from "./record.ts";

/**
 * Who signs: PEM text, or paths of files of it.
 *
 * @example
 * ```ts
 * import { type Authority, type CertificateOptions, type Certified, generateAuthority, generateServer, type MadeRequest, makeRequest, type Signed, type SignOptions, signRequest } from "albatross";
 *
 * const options: CertificateOptions = { name: "my-ca", days: 730, keyType: "p256" };
 * const root: Certified = await generateAuthority(options);
 * const authority: Authority = { ca: root.certificate, caKey: root.key };
 * const server: Certified = await generateServer(authority, { name: "host.example" });
 * const made: MadeRequest = await makeRequest((albatross) => albatross.restart("hello"));
 * const limits: SignOptions = { allow: ["restart", "console"], days: 7 };
 * const { serial, notAfter }: Signed = await signRequest(authority, made.request, limits);
 * console.log(server.serial, serial, notAfter);
 * ```
 */
export interface Authority {
  /** The certificate, then those above it. */
  readonly ca: string;
  /** Its key. */
  readonly caKey: string;
}

/** A certificate with its key. */
export interface Certified {
  /** PEM: the certificate, then those of its issuers upwards but for the root. */
  readonly certificate: string;
  /** PEM, PKCS#8. */
  readonly key: string;
  /** The serial number in hex, for {@link revoke}. */
  readonly serial: string;
}

/** Settings of a new certificate. */
export interface CertificateOptions {
  /** The common name. */
  readonly name: string;
  /** How long it is valid; never longer than its issuer. */
  readonly days?: number | undefined;
  /** A key, PEM or a path; a new one is made unless given. */
  readonly key?: string | undefined;
  /** The kind of a new key. @default {"ed25519"} */
  readonly keyType?: KeyType | undefined;
}

const ROOT_DAYS = 3650;

/**
 * Makes an authority: a root that signs itself.
 *
 * @param options its name; valid for 3650 days unless given
 * @returns its certificate and key
 * @throws {InputError} `certificate` or `file`, if a given key cannot be used
 *
 * @example
 * ```ts
 * import { writeFile } from "node:fs/promises";
 * import { generateAuthority } from "albatross";
 *
 * const { certificate, key } = await generateAuthority({ name: "my-ca" });
 * await writeFile("my-ca.pem", certificate);
 * await writeFile("my-ca.key", key, { mode: 0o400 });
 * ```
 */
export async function generateAuthority(options: CertificateOptions): Promise<Certified> {
  const [{ certifying, DAY_SECONDS, keyOf, keyPem, random }, { issueRoot }, { encodePem }] = await Promise.all([
    import("./pki.ts"),
    import("../../pki/issue.ts"),
    import("../../pki/pem.ts"),
  ]);
  const { name: commonName, days = ROOT_DAYS } = options;
  return await certifying(async () => {
    const key = await keyOf(options.key, options.keyType);
    const root = await issueRoot({ commonName, key, validitySeconds: days * DAY_SECONDS, now: Date.now(), random });
    return { certificate: encodePem("CERTIFICATE", root.der), key: await keyPem(key), serial: root.serial.toHex() };
  });
}

const SERVER_DAYS = 365;

/**
 * Makes the certificate of an endpoint.
 *
 * @param authority who signs
 * @param options its name; valid for 365 days unless given
 * @returns its certificate and key
 * @throws {InputError} `certificate` or `file`, if something given cannot be used
 *
 * @example
 * ```ts
 * import { generateAuthority, generateServer } from "albatross";
 *
 * const root = await generateAuthority({ name: "my-ca" });
 * const server = await generateServer({ ca: root.certificate, caKey: root.key }, { name: "host.example" });
 * console.log(server.certificate);
 * ```
 */
export async function generateServer(authority: Authority, options: CertificateOptions): Promise<Certified> {
  const [
    { certifying, DAY_SECONDS, issuerOf, keyOf, keyPem, random },
    { issueServer },
    { intermediatesOf },
    { encodePem },
  ] = await Promise.all([
    import("./pki.ts"),
    import("../../pki/issue.ts"),
    import("../../pki/issuer.ts"),
    import("../../pki/pem.ts"),
  ]);
  const { name: commonName, days = SERVER_DAYS } = options;
  return await certifying(async () => {
    const issuer = await issuerOf(authority);
    const key = await keyOf(options.key, options.keyType);
    const { publicKeyInfo } = key;
    const subject = { commonName, publicKeyInfo, validitySeconds: days * DAY_SECONDS, now: Date.now(), random };
    const issued = await issueServer(issuer, subject);
    const chain = [issued.der, ...intermediatesOf(issuer)].map((der) => encodePem("CERTIFICATE", der));
    return { certificate: chain.join(""), key: await keyPem(key), serial: issued.serial.toHex() };
  });
}

/** Compression of images in requests and certificates. */
const IMAGE_LEVEL = 9;

/** A request with its key. */
export interface MadeRequest {
  /** PEM: for who signs. */
  readonly request: string;
  /** PEM, PKCS#8: stays here. */
  readonly key: string;
  /** Whom the certificate will be for. */
  readonly commonName: string;
}

/**
 * Makes a request for a certificate: of a delegation, if the command sets a policy, else for that one command.
 *
 * @param call says which command; nothing is sent
 * @param options the key
 * @returns the request and its key
 * @throws {InputError} `certificate` if no certificate can hold the command, and what its method throws
 *
 * @example
 * ```ts
 * import { makeRequest } from "albatross";
 *
 * const { request, key } = await makeRequest((albatross) =>
 *   albatross.policies.add("user", { unikernels: 4, memoryMb: 256, cpuIds: [0] }),
 * );
 * console.log(request, key.length);
 * ```
 */
export async function makeRequest(
  call: CommandCall,
  options: Pick<CertificateOptions, "key" | "keyType"> = {},
): Promise<MadeRequest> {
  const [{ certifying, keyOf, keyPem }, { recordCommand }, { leafCommonName }, { makeRequest: make }] =
    await Promise.all([
      import("./pki.ts"),
      import("./record.ts"),
      import("../../pki/leaf.ts"),
      import("../../pki/request.ts"),
    ]);
  const { name, command } = await recordCommand(call, IMAGE_LEVEL);
  return await certifying(async () => {
    const commonName = leafCommonName(name, command);
    const key = await keyOf(options.key, options.keyType);
    return { request: await make(commonName, command, key), key: await keyPem(key), commonName };
  });
}

/** A signed request. */
export interface Signed {
  /** PEM: the certificate, then those of its issuers upwards but for the root. */
  readonly certificate: string;
  /** Whom it is for. */
  readonly commonName: string;
  /** The sub-command of `albatross-client` that it is for, `add-policy` for a delegation, `server` for an endpoint. */
  readonly command: string;
  /** The serial number in hex, for {@link revoke}. */
  readonly serial: string;
  /** Until when it is valid. */
  readonly notAfter: Date;
}

/** What is signed, and for how long. */
export interface SignOptions {
  /** Signs nothing else than these sub-commands, or `server`. Everything unless given. */
  readonly allow?: readonly Signable[] | undefined;
  /** 365 for delegations and endpoints, 1 for commands unless given; never longer than the issuer. */
  readonly days?: number | undefined;
}

/**
 * Signs a request.
 *
 * @param authority who signs
 * @param request PEM, or the path of a file
 * @param options what is signed, and for how long
 * @returns the certificate
 * @throws {InputError} `certificate` if it is not allowed, or exceeds what the authority itself may do; `file`
 *
 * @example
 * ```ts
 * import { connect, generateAuthority, makeRequest, signRequest } from "albatross";
 *
 * const root = await generateAuthority({ name: "my-ca" });
 * const { request, key } = await makeRequest((albatross) =>
 *   albatross.policies.add("user", { unikernels: 4, memoryMb: 256, cpuIds: [0] }),
 * );
 * const authority = { ca: root.certificate, caKey: root.key };
 * const { certificate } = await signRequest(authority, request, { allow: ["add-policy"], days: 30 });
 * // From now on, the tenant commands with it:
 * await connect({ remote: { host: "host.example", ca: certificate, caKey: key, serverCa: root.certificate } });
 * ```
 */
export async function signRequest(authority: Authority, request: string, options: SignOptions = {}): Promise<Signed> {
  const [
    { certifying, DAY_SECONDS, issuerOf, random },
    { pemOf },
    signing,
    { readRequest },
    { readCertificate },
    { subCommandOf },
  ] = await Promise.all([
    import("./pki.ts"),
    import("./remote-transport.ts"),
    import("../sign-request.ts"),
    import("../../pki/request.ts"),
    import("../../pki/certificate.ts"),
    import("../signable.ts"),
  ]);
  const { allow = [], days } = options;
  return await certifying(async () => {
    const issuer = await issuerOf(authority);
    const read = await readRequest(await pemOf(request));
    const commonName = signing.checkRequest(read, allow);
    const validitySeconds = days === undefined ? undefined : days * DAY_SECONDS;
    const issued = await signing.signRequest(issuer, read, commonName, { validitySeconds, now: Date.now(), random });
    const { wanted } = read;
    return {
      certificate: issued.chainPem,
      commonName,
      command: wanted === undefined ? "server" : (subCommandOf(wanted.command) ?? wanted.command.kind),
      serial: issued.serial.toHex(),
      notAfter: new Date(readCertificate(issued.der).notAfter),
    };
  });
}

/**
 * Makes a certificate for one command, valid for five minutes, as every command to a remote host has one.
 *
 * @param authority who signs
 * @param call says which command; nothing is sent
 * @param options the kind of its key
 * @returns the chain and its key
 * @throws {InputError} `file`, and what the method of the command throws
 * @throws {LeafError} if the authority may not do that, or cannot be used
 *
 * @example
 * ```ts
 * import { generateAuthority, makeLeaf } from "albatross";
 *
 * const root = await generateAuthority({ name: "my-ca" });
 * const leaf = await makeLeaf({ ca: root.certificate, caKey: root.key }, (albatross) => albatross.destroy("hello"));
 * console.log(leaf.certificate, leaf.key.length);
 * ```
 */
export async function makeLeaf(
  authority: Authority,
  call: CommandCall,
  options: { readonly keyType?: KeyType | undefined } = {},
): Promise<Pick<Certified, "certificate" | "key">> {
  const [{ recordCommand }, { pemOf }, { signCommand }] = await Promise.all([
    import("./record.ts"),
    import("./remote-transport.ts"),
    import("../leaf.ts"),
  ]);
  const { name, command } = await recordCommand(call, IMAGE_LEVEL);
  const signer = {
    chainPem: await pemOf(authority.ca),
    keyPem: await pemOf(authority.caKey),
    keyType: options.keyType,
  };
  const { chainPem, keyPem } = await signCommand(signer, name, command);
  return { certificate: chainPem, key: keyPem };
}
