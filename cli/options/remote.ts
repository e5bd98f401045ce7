/**
 * Options of every sub-command that can be sent to a remote host (client.md 2).
 *
 * @module
 */
import type { Options } from "../command.ts";

/** Whom to trust. */
export const serverOptions = {
  serverCa: {
    flags: ["--server-ca"],
    kind: "file",
    docv: "FILE",
    doc: "With --destination: the certificates of the authorities that the server's, and our own, must lead to. Default: cacert.pem.",
    section: "CRYPTOGRAPHIC KEY OPTIONS",
  },
  serverName: {
    flags: ["--server-name"],
    kind: "file-name",
    completes: "nothing",
    docv: "NAME",
    doc: "With --destination: the host name or IP address that the server's certificate must be for. Any unless given.",
    section: "CRYPTOGRAPHIC KEY OPTIONS",
  },
  serverKey: {
    flags: ["--server-key"],
    kind: "digest",
    docv: "SHA256",
    doc: "With --destination: the SHA-256 of the server's public key (its SubjectPublicKeyInfo), in hex. Any unless given.",
    section: "CRYPTOGRAPHIC KEY OPTIONS",
  },
} as const satisfies Options;

/** A host by the name under which it is recorded. */
export const remoteOption = {
  remote: {
    flags: ["--remote"],
    kind: "remote",
    docv: "NAME",
    doc: "As --destination, with the host and the files that remote add has recorded under this name. What is given beside it goes before what is recorded.",
    section: "NETWORKING OPTIONS",
  },
} as const satisfies Options;

/** A host by its address, or by its name. */
export const destinationOption = {
  destination: {
    flags: ["-d", "--destination"],
    kind: "destination",
    docv: "HOST[:PORT]",
    doc: "Send the command to the endpoint at HOST by TLS, in a certificate that is made for it and valid for five minutes. The port is 1025 unless given; with an IPv6 address it must be. The name must have no path: the path is that of the signing authority. With - the certificates are only shown, and the exit status is 121.",
    section: "NETWORKING OPTIONS",
  },
  ...remoteOption,
} as const satisfies Options;

/** A host, and the files with which it is commanded. */
export const remoteOptions = {
  ...destinationOption,
  ca: {
    flags: ["--ca"],
    kind: "file",
    docv: "FILE",
    doc: "With --destination: the certificate of the authority that signs the command, and those above it. Default: ca.pem.",
    section: "CRYPTOGRAPHIC KEY OPTIONS",
  },
  caKey: {
    flags: ["--ca-key"],
    kind: "file",
    docv: "FILE",
    doc: "With --destination: the key of that authority. Default: ca.key.",
    section: "CRYPTOGRAPHIC KEY OPTIONS",
  },
  ...serverOptions,
} as const satisfies Options;
