/**
 * The certificate authorities that this system trusts, for HTTPS.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { HttpError } from "../errors.ts";

/** Where systems keep them: Debian, Arch; Fedora; Alpine, FreeBSD, macOS; openSUSE; FreeBSD's package. */
const bundles: readonly string[] = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/cert.pem",
  "/etc/ssl/ca-bundle.pem",
  "/usr/local/share/certs/ca-root-nss.crt",
];

/**
 * The system's authorities, PEM, and `further` ones; those that come with the runtime where the system has none.
 *
 * @param environment `SSL_CERT_FILE` names another bundle, as for OpenSSL
 * @throws {HttpError} if that file cannot be read
 */
export function trustAnchors(
  environment: Readonly<Record<string, string | undefined>>,
  further: string | undefined,
): readonly string[] {
  const chosen = environment["SSL_CERT_FILE"];
  const system = chosen ? [read(chosen)] : (firstBundle() ?? rootCertificates);
  return further === undefined ? system : [...system, further];
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new HttpError((cause as Error).message, { cause });
  }
}

function firstBundle(): readonly string[] | undefined {
  for (const path of bundles) {
    try {
      return [readFileSync(path, "utf8")];
    } catch {
      // another system's
    }
  }
  return undefined;
}
