/** Certificates for tests of TLS, made by the system's OpenSSL: what our own code makes is tested elsewhere. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Credentials } from "../../client/tls-connection.ts";
import { decodePem } from "../../pki/pem.ts";

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority in a directory of its own. */
export class Authority {
  readonly directory = mkdtempSync(join(tmpdir(), "albatross-ca-"));
  readonly ca: Pair;
  #count = 0;

  constructor(name = "ca") {
    const ca = { cert: join(this.directory, "cacert.pem"), key: join(this.directory, "ca.key") };
    this.#openssl(
      "req",
      "-x509",
      "-newkey",
      "ed25519",
      "-nodes",
      "-keyout",
      ca.key,
      "-out",
      ca.cert,
      "-subj",
      `/CN=${name}`,
    );
    this.ca = ca;
  }

  #openssl(...words: readonly string[]): void {
    execFileSync("openssl", words, { stdio: ["ignore", "ignore", "pipe"] });
  }

  /** A certificate signed by the authority, with lines of OpenSSL's `extfile`; `days` may be negative. */
  issue(commonName: string, extensions: readonly string[], days = 30): Pair {
    const base = join(this.directory, String(this.#count++));
    const pair = { cert: `${base}.pem`, key: `${base}.key` };
    this.#openssl(
      "req",
      "-newkey",
      "ed25519",
      "-nodes",
      "-keyout",
      pair.key,
      "-out",
      `${base}.req`,
      "-subj",
      `/CN=${commonName}`,
    );
    writeFileSync(`${base}.ext`, extensions.join("\n"));
    this.#openssl(
      ...["x509", "-req", "-in", `${base}.req`, "-CA", this.ca.cert, "-CAkey", this.ca.key, "-CAcreateserial"],
      ...["-extfile", `${base}.ext`, "-out", pair.cert, "-days", String(days)],
    );
    return pair;
  }

  server(commonName = "server", ...more: readonly string[]): Pair {
    return this.issue(commonName, ["keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth", ...more]);
  }

  client(days = 30, ...more: readonly string[]): Pair {
    const extensions = ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=clientAuth", ...more];
    return this.issue("hello", extensions, days);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A pair as the client takes it. */
export function credentialsOf({ cert, key }: Pair): Credentials {
  const chainPem = readFileSync(cert, "utf8");
  return { chainDer: decodePem(chainPem, "CERTIFICATE"), chainPem, keyPem: readFileSync(key, "utf8") };
}
