/**
 * Definition of `albatross-client remote add`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { commonOptions } from "../options/common.ts";
import { remoteOptions } from "../options/remote.ts";

const { ca, caKey, serverCa, serverName, serverKey } = remoteOptions;
const recorded = (doc: string) => doc.replace("With --destination: the", "The");

export const remoteAdd = defineCommand({
  name: "remote add",
  summary: "record a remote host under a name",
  description: [
    "Records where the endpoint of a host is, and with which files it is asked, in $XDG_CONFIG_HOME/albatross/config.json (~/.config/albatross/config.json). From then on --remote=NAME stands for all of it. Nothing is connected to.",
    "Files are recorded with their whole path. Keys stay where they are.",
  ],
  examples: [
    {
      line: "remote add prod host.example.org --ca=tenant.pem --ca-key=tenant.key --server-ca=cacert.pem",
      doc: "Then info --remote=prod asks it.",
    },
    { line: "remote add lab [2001:db8::1]:1025 --server-name=lab", doc: "With the usual names of the files." },
  ],
  arguments: {
    name: {
      docv: "NAME",
      kind: "remote",
      completes: "nothing",
      doc: "The name: letters, digits, '.', '_' and '-'; all is taken.",
    },
    destination: {
      docv: "HOST[:PORT]",
      kind: "destination",
      doc: "The endpoint. The port is 1025 unless given; with an IPv6 address it must be.",
    },
  },
  options: {
    ca: { ...ca, doc: recorded(ca.doc) },
    caKey: { ...caKey, doc: recorded(caKey.doc) },
    serverCa: { ...serverCa, doc: recorded(serverCa.doc) },
    serverName: { ...serverName, doc: recorded(serverName.doc) },
    serverKey: { ...serverKey, doc: recorded(serverKey.doc) },
    ...commonOptions,
  },
});
