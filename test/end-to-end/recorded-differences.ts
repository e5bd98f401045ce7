/**
 * Where our client or daemons deliberately answer otherwise than the recorded original: each mends a weak point that the
 * reference names.
 *
 * @module
 */

/** What is printed, and the exit status. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** A deliberate difference. */
export interface Difference {
  /** The recorded calls it concerns. */
  readonly command: RegExp;
  /** The section of the recording, if not all. */
  readonly heading?: RegExp;
  readonly why: string;
  /** What ours prints and gives instead, made from what was recorded. */
  readonly instead: (recorded: Outcome) => Outcome;
}

const say =
  (stdout: string, status = 0) =>
  (recorded: Outcome) => ({ ...recorded, stdout, status });
const refused = (name: string, reason: string) =>
  `albatross-client: [WARNING] host [unikernel: ${name}]: command failed ${reason}\n`;

const tenantPolicy = "3 unikernels 0 CPUids 64 MB memory 10 MB block, bridges: service\n";

/** All of them. */
export const differences: readonly Difference[] = [
  {
    command: /client policy --ca=\$W/,
    heading: /remote over TLS/,
    why: "client.md 1: the root's policies were refused from afar, without a word and with status 0",
    instead: say(
      "host [unikernel: :]: [unikernel: :]: policy: ROOT POLICY\n[unikernel: foo:]: policy: 4 unikernels 0 CPUids 100 MB memory 20 MB block, bridges: service\n",
    ),
  },
  {
    command: /client policy --ca=\$W/,
    heading: /CSR/,
    why: "the same",
    instead: say(
      `host [unikernel: :]: [unikernel: :]: policy: ROOT POLICY\n[unikernel: tenant:]: policy: ${tenantPolicy}[unikernel: foo:]: policy: 4 unikernels 0 CPUids 100 MB memory 20 MB block, bridges: service\n`,
    ),
  },
  {
    command: /client policy --ca=tenant\.pem/,
    why: "the same, for a tenant's own policy",
    instead: say(`host [unikernel: tenant:]: [unikernel: :]: policy: ${tenantPolicy}`),
  },
  {
    command: /client policy -p foo:bar --ca/,
    why: "client.md 1: a path of two labels was refused by the endpoint, without a word and with status 0",
    instead: (recorded) => ({ ...recorded, stderr: "albatross-client: non-empty path\n", status: 124 }),
  },
  {
    command: /client add-policy remotepol .*--destination/,
    why: "client.md 14.10: that a remote policy command was ignored was not said",
    instead: (recorded) => ({
      ...recorded,
      stdout: `${recorded.stdout}${refused(":", "unexpected command")}`,
      status: 117,
    }),
  },
  {
    command: /client remove-policy .*--destination/,
    why: "client.md 14.10",
    instead: say(refused(":", "unexpected command"), 117),
  },
  {
    command: /client destroy net1 --ca/,
    why: "daemon.md 10: what was restarted or replaced once stayed known as restarting after its end",
    instead: (recorded) =>
      recorded.stdout.includes("removed from restarting")
        ? { ...recorded, stdout: refused(":net1", "destroy: not found"), status: 117 }
        : recorded,
  },
  {
    command: /client info .*127\.0\.0\.1:10252/,
    why: "client.md 14.2: a refused client certificate was an internal error",
    instead: () => ({
      stdout: "albatross-client: [\x1b[31mERROR\x1b[0m] local authentication failure TLS alert: unknown ca\n",
      stderr: "",
      status: 119,
    }),
  },
  {
    command: /client set-block bl1 \$W\/blk\.data --tmpdir/,
    why: "the original died of SIGPIPE when the daemon refused before the data was sent",
    instead: (recorded) =>
      recorded.status === 141
        ? { ...recorded, stdout: refused(":bl1", "set block: is in use"), status: 117 }
        : recorded,
  },
];

/** What ours says on standard error where the original said nothing. Standard output is the original's. */
export const additions: readonly RegExp[] = [
  /ended within .* with exit status \d+/, // an early end, with the last console lines
  /^console TIME: /,
  /These options fit: /,
  /This image takes /,
  /is the daemon running\?/,
  /It does not lead to a trusted CA/,
  /Failed to connect/,
  /Cannot trust the server/,
  /refused our certificate/,
];
