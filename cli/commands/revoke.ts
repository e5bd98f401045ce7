/**
 * Definition of `albatross-client revoke`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { commonOptions } from "../options/common.ts";
import { keyTypeOption } from "../options/keys.ts";
import { destinationOption, remoteOption, serverOptions } from "../options/remote.ts";
import { authorityArguments } from "./sign.ts";

export const revoke = defineCommand({
  name: "revoke",
  summary: "revoke certificates",
  description: [
    "Makes the revocation list of an authority, or extends it: an endpoint that has the list refuses the revoked certificates and everything below them. Each list has a greater number than the one before; endpoints take no other.",
    "The certificates are given by exactly one of --certificate, --serial and --name. With --destination the list is sent to an endpoint, which keeps it; without one of the three, the list is sent as it is. Else put it into the endpoint's directory of revocation lists.",
  ],
  examples: [
    { line: "revoke cacert.pem db ca.key ca.crl --name=tenant", doc: "All certificates issued for tenant." },
    {
      line: "revoke cacert.pem db ca.key ca.crl --certificate=tenant.pem --reason=key-compromise",
      doc: "The first certificate in tenant.pem.",
    },
    {
      line: "revoke cacert.pem db ca.key ca.crl --name=tenant --destination=host --destroy",
      doc: "Also tells the endpoint, and stops what runs below tenant.",
    },
  ],
  arguments: {
    ...authorityArguments,
    list: {
      docv: "CRLFILE",
      kind: "file-name",
      doc: "The revocation list, made if it is missing: in PEM if the name ends in .pem, else in DER.",
    },
  },
  options: {
    serial: { flags: ["--serial"], kind: "serial", docv: "HEX", doc: "The certificate with this serial number." },
    name: {
      flags: ["--name"],
      kind: "text",
      docv: "CN",
      doc: "All certificates that the serial database has for this common name, in upper or lower case.",
    },
    certificate: { flags: ["--certificate"], kind: "file", docv: "FILE", doc: "The first certificate in this file." },
    reason: {
      flags: ["--reason"],
      kind: "reason",
      fallback: "unspecified",
      docv: "REASON",
      doc: "Why: unspecified, key-compromise, ca-compromise, affiliation-changed, superseded, cessation-of-operation or privilege-withdrawn.",
    },
    days: {
      flags: ["--days"],
      kind: "days",
      fallback: "3650",
      docv: "DAYS",
      doc: "How long the list is good unless there is a newer one. After that endpoints may refuse every certificate of the authority.",
    },
    destination: {
      ...destinationOption.destination,
      doc: "Send the list to the endpoint at HOST by TLS. The port is 1025 unless given; with an IPv6 address it must be.",
    },
    destroy: {
      flags: ["--destroy"],
      kind: "flag",
      doc: "With --destination: also destroy what runs under the delegations that this list revokes and the one before it did not; if it revokes no others, under all of them whose path is not known to be delegated anew.",
    },
    ...remoteOption,
    ...serverOptions,
    ...keyTypeOption,
    ...commonOptions,
  },
});
