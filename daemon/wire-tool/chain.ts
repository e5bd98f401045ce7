/**
 * `albatross wire chain`: what a certificate chain asks for.
 *
 * @module
 */
import { type ChainMeaning, interpretChain } from "../../pki/chain.ts";
import { decodePem } from "../../pki/pem.ts";
import { commandToJson } from "./command-to-json.ts";
import { type Json, toHex } from "./json-values.ts";
import { policyToJson } from "./unikernel-to-json.ts";

/**
 * The meaning of a chain in PEM, the leaf first. It is taken as it is given: a root at the end counts for the length of
 * the chain, and means nothing else, since roots carry no policy.
 *
 * @throws {PemError}
 * @throws {ChainError}
 */
export function answerChain(pem: string): Json {
  return meaningToJson(interpretChain(decodePem(pem, "CERTIFICATE")));
}

function meaningToJson(meaning: ChainMeaning): Json {
  const policies = meaning.policies.map(({ name, policy }) => [name.key, policyToJson(policy)]);
  if (meaning.kind === "revocation") {
    const revocation = { crl: toHex(meaning.crl), destroy: meaning.destroy };
    return { name: meaning.path.text, policies, command: { revocation } };
  }
  return { name: meaning.name.text, policies, command: commandToJson(meaning.command) };
}
