/**
 * Makes an authority and the certificate of an endpoint (pki.md 11).
 *
 * @module
 */
import { join } from "node:path";
import { readCertificate } from "../pki/certificate.ts";
import { issueRoot, issueServer } from "../pki/issue.ts";
import type { KeyType } from "../pki/key-type.ts";
import { encodePem } from "../pki/pem.ts";
import { fileName, keyOfFile, PkiFileError, PUBLIC_MODE, random } from "./pki-files.ts";
import { replaceFile } from "./replace-file.ts";
import { recordSerial } from "./serial-database.ts";

/** The file of the authority's certificate. */
export const AUTHORITY_FILE = "cacert.pem";

const DAY_SECONDS = 86_400;

/** What is made, and where. */
export interface AuthorityOptions {
  /** Where the files are; the current directory if absent. */
  readonly directory?: string;
  readonly authority: string;
  readonly server: string;
  /** The serial database, as a path of its own. */
  readonly database: string;
  readonly keyType: KeyType;
  readonly days: number;
  readonly serverDays: number;
}

/** The names of the files that were written, in the directory. */
export interface AuthorityFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly serverCertificateFile: string;
  readonly serverKeyFile: string;
}

/**
 * Makes what is missing; keys that are there are used again.
 *
 * @throws {PkiFileError} and the other errors of keys and certificates
 * @throws {UsageError} if a file cannot be written
 */
export async function makeAuthority(options: AuthorityOptions): Promise<AuthorityFiles> {
  const { authority, server, keyType, database } = options;
  const names = [authority, server].map((name) => fileName(name, ""));
  if (names.includes("")) throw new PkiFileError("a name for the authority and one for the endpoint are needed");
  if (authority === server) throw new PkiFileError(`authority and endpoint cannot both be called ${server}`);
  const files = {
    certificateFile: AUTHORITY_FILE,
    keyFile: `${authority}.key`,
    serverCertificateFile: `${server}.pem`,
    serverKeyFile: `${server}.key`,
  };
  if (files.serverCertificateFile === AUTHORITY_FILE) throw new PkiFileError(`an endpoint cannot be called ${server}`);
  const path = (file: string) => (options.directory === undefined ? file : join(options.directory, file));
  const now = Date.now();

  const key = await keyOfFile(path(files.keyFile), keyType);
  const validitySeconds = options.days * DAY_SECONDS;
  const root = await issueRoot({ commonName: authority, key, validitySeconds, now, random });
  replaceFile(path(files.certificateFile), encodePem("CERTIFICATE", root.der), PUBLIC_MODE);

  const serverKey = await keyOfFile(path(files.serverKeyFile), keyType);
  const issued = await issueServer(
    { certificate: readCertificate(root.der), above: [], key },
    {
      commonName: server,
      publicKeyInfo: serverKey.publicKeyInfo,
      validitySeconds: options.serverDays * DAY_SECONDS,
      now,
      random,
    },
  );
  await recordSerial(database, issued.serial, server);
  replaceFile(path(files.serverCertificateFile), encodePem("CERTIFICATE", issued.der), PUBLIC_MODE);
  return files;
}
