/**
 * Definition of `albatross-client certificate`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { commonOptions } from "../options/common.ts";
import { destinationOption, remoteOption, serverOptions } from "../options/remote.ts";

export const certificate = defineCommand({
  name: "certificate",
  summary: "carry out the command in a certificate on a remote host",
  description: [
    "Connects to an endpoint with a signed certificate, as sign has made it, and prints the replies like the command in it would.",
    "A command to create a unikernel whose image is not in the certificate, and one to write a block device, take it from --data.",
  ],
  examples: [
    { line: "certificate hello.pem hello.key -d host --server-ca=cacert.pem", doc: "What hello.req has asked for." },
  ],
  arguments: {
    certificate: { docv: "CERT", kind: "file", doc: "The certificate with the command, and those above it." },
    key: { docv: "KEY", kind: "file", doc: "Its key." },
  },
  options: {
    destination: {
      ...destinationOption.destination,
      doc: "The endpoint. The port is 1025 unless given; with an IPv6 address it must be.",
    },
    data: {
      flags: ["--data"],
      kind: "file",
      docv: "FILE",
      doc: "The image or the data that is sent after the handshake, for commands that wait for it.",
    },
    ...remoteOption,
    ...serverOptions,
    ...commonOptions,
  },
  exits: [],
});
