/**
 * Definition of `albatross-client generate`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { commonOptions } from "../options/common.ts";
import { keyTypeOption } from "../options/keys.ts";

export const generate = defineCommand({
  name: "generate",
  summary: "make a certificate authority and the certificate of an endpoint",
  description: [
    "Writes into the current directory: the key of the authority, NAME.key, and its certificate, cacert.pem; the key and the certificate of the endpoint, server.key and server.pem. Keys that exist are used again.",
    "Keep NAME.key where only you can read it: it can sign any command. Give cacert.pem, server.pem and server.key to albatross-tls-endpoint, and cacert.pem to clients, as --server-ca.",
  ],
  examples: [
    { line: "generate ca db", doc: "A new authority called ca; issued certificates are recorded in db." },
    { line: "generate ca db --server=host.example.org --key-type=p256", doc: "With other names and keys." },
  ],
  arguments: {
    authority: { docv: "NAME", kind: "text", doc: "The name of the authority." },
    database: { docv: "DB", kind: "file-name", doc: "The serial database: one line per issued certificate." },
  },
  options: {
    days: {
      flags: ["--days"],
      kind: "days",
      fallback: "3650",
      docv: "DAYS",
      doc: "How long the certificate of the authority is valid.",
    },
    server: {
      flags: ["--server"],
      kind: "text",
      fallback: "server",
      docv: "NAME",
      doc: "The name of the endpoint, and of its files.",
    },
    serverDays: {
      flags: ["--server-days"],
      kind: "days",
      fallback: "365",
      docv: "DAYS",
      doc: "How long the certificate of the endpoint is valid.",
    },
    ...keyTypeOption,
    ...commonOptions,
  },
});
