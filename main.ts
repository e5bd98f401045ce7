/**
 * The executable: picks a role by the name it was called by or by its first argument, and loads only that role.
 *
 * @module
 */

/** A role's program: its arguments and the name to call itself by; gives the exit status. */
type Role = (args: readonly string[], programName: string) => Promise<number>;

const roles: Readonly<Record<string, () => Promise<{ readonly run: Role }>>> = {
  albatrossd: () => import("./daemon/albatrossd/main.ts"),
  "albatross-console": () => import("./daemon/console/main.ts"),
  "albatross-stats": () => import("./daemon/stats/main.ts"),
  "albatross-log": () => import("./daemon/log/main.ts"),
  "albatross-influx": () => import("./daemon/influx/main.ts"),
  "albatross-tls-endpoint": () => import("./daemon/tls-endpoint/main.ts"),
  "albatross-client": () => import("./cli/main.ts"),
};

/** Roles that are only reached by the first argument. */
const tools: Readonly<Record<string, () => Promise<{ readonly run: Role }>>> = {
  tender: () => import("./backends/tender/main.ts"),
  wire: () => import("./daemon/wire-tool/main.ts"),
};

function usage(): string {
  const names = [...Object.keys(roles), ...Object.keys(tools)];
  return `Usage: albatross ROLE [ARGUMENT]…\nROLE is one of: ${names.join(", ")}\nEach role explains itself: albatross ROLE --help\n`;
}

async function main(): Promise<number> {
  const called = (process.argv0.split("/").at(-1) ?? "").replace(/\.ts$/, "");
  const byName = roles[called];
  if (byName !== undefined) return await (await byName()).run(process.argv.slice(2), called);
  const [word, ...rest] = process.argv.slice(2);
  const byWord = word === undefined ? undefined : (roles[word] ?? tools[word]);
  if (word !== undefined && byWord !== undefined) return await (await byWord()).run(rest, word);
  if (word === "--version") {
    const { versionText } = await import("./core/version.ts");
    process.stdout.write(versionText(true));
    return 0;
  }
  const wanted = word === "--help" || word === "-h";
  if (wanted) process.stdout.write(usage());
  else process.stderr.write(word === undefined ? usage() : `albatross: there is no role ${word}\n${usage()}`);
  return wanted ? 0 : 124;
}

process.exit(await main());
