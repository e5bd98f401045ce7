/**
 * Policies: what may run below a path.
 *
 * @module
 */
import { fromText, toDisplay } from "../../core/byte-string.ts";
import { type Int, sortedSet } from "../../core/int.ts";
import type { Name } from "../../core/name.ts";
import type { Policy as WirePolicy } from "../../core/policy.ts";
import { usable } from "../../core/policy-check.ts";
import { InputError } from "../errors.ts";
import { asPath, byName, type NameInput, ownName } from "./names.ts";
import { expectSuccess } from "./replies.ts";
import type { CallOptions, Transport } from "./transport.ts";

/**
 * The resources that the unikernels and block devices below a path may use together.
 *
 * @example
 * ```ts
 * import { connect, type Policy } from "albatross";
 *
 * const policy: Policy = { unikernels: 2, memoryMb: 64, cpuIds: [0], blockMb: undefined, bridges: [] };
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * await albatross.policies.add("bob", policy);
 * ```
 */
export interface Policy {
  /** How many unikernels may run. */
  readonly unikernels: Int;
  /** MiB. */
  readonly memoryMb: Int;
  /** The host's CPUs that may be used. */
  readonly cpuIds: readonly Int[];
  /** MiB; `undefined`: no block devices. */
  readonly blockMb?: Int | undefined;
  /** The host's bridges that may be used. */
  readonly bridges?: readonly string[] | undefined;
}

/**
 * A policy that is in force.
 *
 * @example
 * ```ts
 * import { connect, type NamedPolicy } from "albatross";
 *
 * const show = ({ name, blockMb }: NamedPolicy) => console.log(`${name}: ${blockMb ?? 0} MB of block devices`);
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * (await albatross.policies.list()).forEach(show);
 * ```
 */
export interface NamedPolicy extends Policy {
  /** The path that it is about; the root for the host's own limits. */
  readonly name: Name;
  readonly blockMb: Int | undefined;
  readonly bridges: readonly string[];
}

/**
 * The commands about policies: `albatross.policies`.
 *
 * @example
 * ```ts
 * import { connect, type Policies } from "albatross";
 *
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * const policies: Policies = albatross.policies;
 * for (const { name, memoryMb } of await policies.list()) console.log(`${name} ${memoryMb} MB`);
 * ```
 */
export class Policies {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * The policies at and below a path.
   *
   * @param path the root unless given
   * @param options a signal to give up by
   * @returns them in the order of names; the root's are the host's own limits
   * @throws {InputError} `argument`, if it is no path
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * const [alice] = await albatross.policies.list("alice");
   * console.log(alice?.unikernels);
   * ```
   */
  async list(path?: NameInput, options: CallOptions = {}): Promise<readonly NamedPolicy[]> {
    const asked = asPath(path);
    const { reply } = await this.#transport.ask(asked, { kind: "policy-info" }, options);
    const { policies } = expectSuccess(reply, "policies");
    const named = policies.map(({ name, policy }) => ({
      name: ownName(asked, reply.header.name, name),
      ...fromWire(policy),
    }));
    return named.sort(byName);
  }

  /**
   * Sets the policy of a path, also in the place of another one.
   *
   * @param path whose unikernels and block devices it is about
   * @param policy it must fit those above it
   * @param options a signal to give up by
   * @throws {InputError} `policy` if nothing could run under it, `argument` if it is no path
   * @throws {RefusedError} if it does not fit the others
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await albatross.policies.add("bob", { unikernels: 4, memoryMb: 256, cpuIds: [0], blockMb: 10 });
   * ```
   */
  async add(path: NameInput, policy: Policy, options: CallOptions = {}): Promise<void> {
    const { reply } = await this.#transport.ask(asPath(path), { kind: "policy-add", policy: toWire(policy) }, options);
    expectSuccess(reply, "string");
  }

  /**
   * Removes the policy of a path: what runs there is bound by those above it alone.
   *
   * @param path whose policy it is
   * @param options a signal to give up by
   * @throws {InputError} `argument`, if it is no path
   * @throws {RefusedError} if there is none
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await albatross.policies.remove("alice");
   * ```
   */
  async remove(path: NameInput, options: CallOptions = {}): Promise<void> {
    const { reply } = await this.#transport.ask(asPath(path), { kind: "policy-remove" }, options);
    expectSuccess(reply, "string");
  }
}

function fromWire({ unikernels, memory, cpuIds, block, bridges }: WirePolicy): Omit<NamedPolicy, "name"> {
  return { unikernels, memoryMb: memory, cpuIds, blockMb: block, bridges: bridges.map(toDisplay) };
}

/** @throws {InputError} `policy` */
function toWire({ unikernels, memoryMb, cpuIds, blockMb, bridges = [] }: Policy): WirePolicy {
  const policy: WirePolicy = {
    unikernels,
    memory: memoryMb,
    cpuIds: sortedSet(cpuIds),
    block: blockMb,
    bridges: [...new Set(bridges.map(fromText))].sort(),
  };
  const problem = usable(policy);
  if (problem !== undefined) throw new InputError("policy", problem);
  return policy;
}
