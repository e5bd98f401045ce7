/** A folder with the files that users of a remote host have, valid now: made by our own code. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Policy } from "../../core/policy.ts";
import type { Command } from "../../core/wire/message.ts";
import { readCertificate } from "../../pki/certificate.ts";
import { issueCommand, issueDelegation, issueRoot, issueServer, type Subject } from "../../pki/issue.ts";
import type { Issuer } from "../../pki/issuer.ts";
import { encodePrivateKey, generateKey, type PrivateKey } from "../../pki/keys.ts";
import { encodePem } from "../../pki/pem.ts";
import { webCrypto } from "../../pki/web-crypto.ts";
import type { Pair } from "./authority.ts";

const VALIDITY_SECONDS = 3600;

function times() {
  return {
    validitySeconds: VALIDITY_SECONDS,
    now: Date.now(),
    random: (length: number) => webCrypto.getRandomValues(new Uint8Array(length)),
  };
}

/** An authority with its files: `NAME.pem` and `NAME.key`. */
export interface FolderIssuer extends Pair {
  readonly issuer: Issuer;
}

export class PkiFolder {
  readonly directory = mkdtempSync(join(tmpdir(), "albatross-pki-"));

  async root(name: string): Promise<FolderIssuer> {
    const key = await generateKey("ed25519");
    const { der } = await issueRoot({ commonName: name, key, ...times() });
    return { issuer: { certificate: readCertificate(der), above: [], key }, ...(await this.#write(name, [der], key)) };
  }

  async server({ issuer }: FolderIssuer, name = "server"): Promise<Pair> {
    const { key, subject } = await this.#subject(name);
    return await this.#write(name, [(await issueServer(issuer, subject)).der], key);
  }

  async delegation({ issuer }: FolderIssuer, name: string, policy: Policy): Promise<FolderIssuer> {
    const { key, subject } = await this.#subject(name);
    const { der } = await issueDelegation(issuer, subject, policy);
    const above = [issuer.certificate, ...issuer.above];
    const made = { certificate: readCertificate(der), above, key };
    return { issuer: made, ...(await this.#write(name, [der, ...above.map((each) => each.der)], key)) };
  }

  async command({ issuer }: FolderIssuer, name: string, command: Command): Promise<Pair> {
    const { key, subject } = await this.#subject(name);
    const { der } = await issueCommand(issuer, subject, command);
    const above = [issuer.certificate, ...issuer.above].map((each) => each.der);
    return await this.#write(`${name}-${command.kind}`, [der, ...above], key);
  }

  async #subject(commonName: string): Promise<{ readonly key: PrivateKey; readonly subject: Subject }> {
    const key = await generateKey("ed25519");
    return { key, subject: { commonName, publicKeyInfo: key.publicKeyInfo, ...times() } };
  }

  async #write(name: string, certificates: readonly Uint8Array[], key: PrivateKey): Promise<Pair> {
    const pair = { cert: join(this.directory, `${name}.pem`), key: join(this.directory, `${name}.key`) };
    writeFileSync(pair.cert, certificates.map((der) => encodePem("CERTIFICATE", der)).join(""));
    writeFileSync(pair.key, await encodePrivateKey(key));
    return pair;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
