/**
 * Certificates and revocation lists for tests, made as asked, also wrongly: nothing is checked, every extension can be
 * replaced. Independent of what the product makes.
 *
 * @module
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export type KeyType = "ed25519" | "p256" | "p384" | "p521" | "rsa2048" | "rsa4096";

const keyMakers: Readonly<Record<KeyType, () => { publicKey: KeyObject; privateKey: KeyObject }>> = {
  ed25519: () => generateKeyPairSync("ed25519"),
  p256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  p384: () => generateKeyPairSync("ec", { namedCurve: "P-384" }),
  p521: () => generateKeyPairSync("ec", { namedCurve: "P-521" }),
  rsa2048: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  rsa4096: () => generateKeyPairSync("rsa", { modulusLength: 4096 }),
};

const signatures: Readonly<Record<KeyType, { readonly hash: string | null; readonly algorithm: string }>> = {
  ed25519: { hash: null, algorithm: "300506032b6570" },
  p256: { hash: "sha256", algorithm: "300a06082a8648ce3d040302" },
  p384: { hash: "sha384", algorithm: "300a06082a8648ce3d040303" },
  p521: { hash: "sha512", algorithm: "300a06082a8648ce3d040304" },
  rsa2048: { hash: "sha256", algorithm: "300d06092a864886f70d01010b0500" },
  rsa4096: { hash: "sha256", algorithm: "300d06092a864886f70d01010b0500" },
};

/** A DER element. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  const digits: number[] = [];
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Buffer.concat([Buffer.of(tag, 0x80 | digits.length, ...digits), content]);
}

const hex = (text: string) => Buffer.from(text, "hex");
const commonName = (name: string) =>
  der(0x30, der(0x31, der(0x30, hex("0603550403"), der(0x0c, Buffer.from(name, "utf8")))));
const time = (milliseconds: number) =>
  der(0x18, Buffer.from(`${new Date(milliseconds).toISOString().replace(/[-:T]|\.\d+/g, "")}`));
const bits = (content: Uint8Array) => der(0x03, Buffer.of(0), content);

function pem(label: string, content: Uint8Array): string {
  const lines =
    Buffer.from(content)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** An extension: its identifier in hex, without tag and length. */
export interface TestExtension {
  readonly id: string;
  readonly critical?: boolean;
  readonly value: Uint8Array;
}

export const ALBATROSS_ID = "2b0601040183852c2a";
export const REVOCATION_ID = "2b0601040183852c2a2b";

/** The usual extensions of each kind of certificate (pki.md 3). */
export const usual = {
  authority: { id: "551d13", critical: true, value: hex("30030101ff") },
  authorityOf: (pathLength: number) => ({
    id: "551d13",
    critical: true,
    value: hex(`30060101ff0201${pathLength.toString(16).padStart(2, "0")}`),
  }),
  end: { id: "551d13", critical: true, value: hex("3000") },
  authorityUsage: { id: "551d0f", critical: true, value: hex("030201c6") },
  endUsage: { id: "551d0f", critical: true, value: hex("030205a0") },
  client: { id: "551d25", critical: true, value: hex("300a06082b06010505070302") },
  server: { id: "551d25", critical: true, value: hex("300a06082b06010505070301") },
} as const satisfies Record<string, TestExtension | ((length: number) => TestExtension)>;

export interface CertificateOptions {
  readonly keyType?: KeyType;
  readonly extensions: readonly TestExtension[];
  /** Milliseconds from now. */
  readonly from?: number;
  readonly until?: number;
  readonly serial?: Uint8Array;
  /** An existing key. */
  readonly keys?: { publicKey: KeyObject; privateKey: KeyObject };
}

/** A certificate with its key. */
export class TestCertificate {
  readonly name: string;
  readonly keyType: KeyType;
  readonly keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly serial: Uint8Array;
  readonly der: Buffer;
  readonly issuer: TestCertificate | undefined;

  constructor(name: string, issuer: TestCertificate | undefined, options: CertificateOptions) {
    this.name = name;
    this.issuer = issuer;
    this.keyType = options.keyType ?? "ed25519";
    this.keys = options.keys ?? keyMakers[this.keyType]();
    this.serial = options.serial ?? Buffer.concat([Buffer.of(0x01), randomBytes(9)]);
    const signer = issuer ?? this;
    const { algorithm } = signatures[signer.keyType];
    const extensions = options.extensions.map(({ id, critical, value }) =>
      der(0x30, der(0x06, hex(id)), critical ? hex("0101ff") : Buffer.of(), der(0x04, value)),
    );
    const now = Date.now();
    const body = der(
      0x30,
      der(0xa0, hex("020102")),
      der(0x02, this.serial),
      hex(algorithm),
      commonName(signer.name),
      der(0x30, time(now + (options.from ?? -10_000)), time(now + (options.until ?? 3_600_000))),
      commonName(name),
      this.keys.publicKey.export({ type: "spki", format: "der" }),
      extensions.length === 0 ? Buffer.of() : der(0xa3, der(0x30, ...extensions)),
    );
    this.der = der(0x30, body, hex(algorithm), bits(signer.sign(body)));
  }

  sign(content: Uint8Array): Buffer {
    return sign(signatures[this.keyType].hash, content, this.keys.privateKey);
  }

  get pem(): string {
    return pem("CERTIFICATE", this.der);
  }

  get keyPem(): string {
    return this.keys.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  }

  /** This certificate and its issuers, without the root. */
  get chainPem(): string {
    let text = "";
    for (let at: TestCertificate | undefined = this; at?.issuer !== undefined; at = at.issuer) text += at.pem;
    return text;
  }

  /** An authority that signs itself. */
  static root(name: string, keyType: KeyType = "ed25519"): TestCertificate {
    return new TestCertificate(name, undefined, { keyType, extensions: [usual.authority, usual.authorityUsage] });
  }

  /** A certificate of a server. */
  server(name = "server", keyType: KeyType = "ed25519"): TestCertificate {
    return new TestCertificate(name, this, { keyType, extensions: [usual.end, usual.endUsage, usual.server] });
  }

  /** An authority below this one; `policy` is the content of the Albatross extension. */
  delegate(name: string, policy?: Uint8Array, options: Partial<CertificateOptions> = {}): TestCertificate {
    const own = policy === undefined ? [] : [{ id: ALBATROSS_ID, value: policy }];
    return new TestCertificate(name, this, { extensions: [...own, usual.authority, usual.authorityUsage], ...options });
  }

  /** A client's certificate; `command` is the content of the Albatross extension. */
  leaf(name: string, command: Uint8Array | undefined, options: Partial<CertificateOptions> = {}): TestCertificate {
    const own = command === undefined ? [] : [{ id: ALBATROSS_ID, value: command }];
    const extensions = [...own, usual.end, usual.endUsage, usual.client];
    return new TestCertificate(name, this, { extensions, ...options });
  }

  /** A revocation list, DER; `number` null for none. */
  revoke(serials: readonly Uint8Array[], number: number | null = 1, until = 3_600_000): Buffer {
    const { algorithm } = signatures[this.keyType];
    const now = Date.now();
    const entries = serials.map((serial) => der(0x30, der(0x02, serial), time(now - 1000)));
    const numbered =
      number === null
        ? Buffer.of()
        : der(0xa0, der(0x30, der(0x30, hex("0603551d14"), der(0x04, der(0x02, Buffer.of(number))))));
    const body = der(
      0x30,
      hex("020101"),
      hex(algorithm),
      commonName(this.name),
      time(now - 10_000),
      time(now + until),
      entries.length === 0 ? Buffer.of() : der(0x30, ...entries),
      numbered,
    );
    return der(0x30, body, hex(algorithm), bits(this.sign(body)));
  }

  /** The SHA-256 of the public key's bits, in hex. */
  get keyIdentity(): string {
    const info = this.keys.publicKey.export({ type: "spki", format: "der" });
    const at = this.keyType === "ed25519" ? info.length - 32 : 0;
    return createHash("sha256").update(info.subarray(at)).digest("hex");
  }
}
