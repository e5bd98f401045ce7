/**
 * Definition of `albatross-client sign`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { commonOptions } from "../options/common.ts";

/** Arguments of what an authority does. */
export const authorityArguments = {
  authority: {
    docv: "CACERT",
    kind: "file",
    doc: "The certificate of the authority that signs; if that is a delegation, the certificates above it may follow.",
  },
  database: { docv: "DB", kind: "file-name", doc: "The serial database: one line per issued certificate." },
  key: { docv: "KEY", kind: "file", doc: "The key of the authority." },
} as const;

export const sign = defineCommand({
  name: "sign",
  summary: "sign a request",
  description: [
    "Signs a request that was made with --csr, and writes the certificate, with those it needs above it, into the current directory. The file is NAME.pem, where NAME is the common name of the request.",
    "A request for add-policy becomes a delegation: its owner can sign in turn, within that policy. A request without a command becomes the certificate of an endpoint. All others become certificates with which certificate carries out the command, once or more often until they end.",
    "Valid for 365 days (delegations and endpoints) or one day (commands), but never longer than the authority.",
  ],
  examples: [
    { line: "sign cacert.pem db ca.key user.req", doc: "Writes user.pem." },
    { line: "sign user.pem db user.key hello.req --days=7", doc: "Signed by a delegation, for a week." },
    {
      line: "sign cacert.pem db ca.key hello.req --allow=create --allow=destroy",
      doc: "Refuses requests for anything else.",
    },
  ],
  arguments: { ...authorityArguments, request: { docv: "CSR", kind: "file", doc: "The request." } },
  options: {
    days: { flags: ["--days"], kind: "days", docv: "DAYS", doc: "How long the certificate is valid." },
    allow: {
      flags: ["--allow"],
      kind: "signable",
      repeated: true,
      docv: "COMMAND",
      doc: "Sign only requests for this command, named as the sub-command, or server for requests without a command. Repeatable. Default: any.",
    },
    ...commonOptions,
  },
});
