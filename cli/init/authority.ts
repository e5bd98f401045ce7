/**
 * `init`: an authority for access from afar, and the certificate of this host's endpoint.
 *
 * @module
 */
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AUTHORITY_FILE, makeAuthority } from "../make-authority.ts";
import { ACCOUNT } from "./accounts.ts";
import { CERTIFICATE_DIRECTORY, groupNumber } from "./directories.ts";
import type { Step } from "./step.ts";

/** Where the authority's key lies until it is moved to a safer place. */
export const AUTHORITY_DIRECTORY = `${CERTIFICATE_DIRECTORY}/ca`;

const [DAYS, SERVER_DAYS] = [3650, 365];

/** Whether the endpoint has all that it needs. */
export function hasCertificate(root: string): boolean {
  return existsSync(join(root, CERTIFICATE_DIRECTORY, "server.key"));
}

/** Makes the authority, unless there is one. */
export function planAuthority(root: string, authority: string, server: string): readonly Step[] {
  const folder = join(root, AUTHORITY_DIRECTORY);
  if (existsSync(folder) || hasCertificate(root)) return [];
  return [
    {
      id: "authority",
      what: `make the authority ${authority} in ${AUTHORITY_DIRECTORY}, and a certificate for the endpoint ${server} in ${CERTIFICATE_DIRECTORY}`,
      apply: async () => {
        const place = (file: string) => join(root, CERTIFICATE_DIRECTORY, file);
        const copies = [AUTHORITY_FILE, "server.pem", "server.key"].map(place);
        const undo = () => {
          for (const file of copies) rmSync(file, { force: true });
          rmSync(folder, { recursive: true });
        };
        mkdirSync(folder, { mode: 0o700 });
        try {
          const files = await makeAuthority({
            directory: folder,
            authority,
            server,
            database: join(folder, "db"),
            keyType: "ed25519",
            days: DAYS,
            serverDays: SERVER_DAYS,
          });
          copyFileSync(join(folder, files.certificateFile), place(AUTHORITY_FILE));
          copyFileSync(join(folder, files.serverCertificateFile), place("server.pem"));
          copyFileSync(join(folder, files.serverKeyFile), place("server.key")); // with its mode, 0400
          // The endpoint is not root.
          chownSync(place("server.key"), 0, groupNumber(ACCOUNT, root) ?? 0);
          chmodSync(place("server.key"), 0o640);
          return undo;
        } catch (error) {
          undo();
          throw error;
        }
      },
    },
  ];
}
