/** A real InfluxDB 1 on loopback, in a folder of its own, with a user. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../client/tls-peer.ts";
import { until } from "../end-to-end/harness.ts";

export class Influxd {
  readonly folder: string = mkdtempSync(join(tmpdir(), "albatross-influxd-"));
  readonly url: string;
  /** `USER:PASSWORD` */
  readonly credentials = "tester:correct horse";
  readonly #child: ChildProcess;
  #output = "";

  /** Why there can be none here, as a reason to skip a test; `undefined` if there can. */
  static unavailable(): string | undefined {
    return spawnSync("influxd", ["version"]).status === 0 ? undefined : "influxd is not installed";
  }

  private constructor(port: number, backupPort: number) {
    this.url = `http://127.0.0.1:${port}`;
    const file = join(this.folder, "influxdb.conf");
    writeFileSync(
      file,
      [
        "reporting-disabled = true",
        `bind-address = "127.0.0.1:${backupPort}"`,
        `[meta]\ndir = "${this.folder}/meta"`,
        `[data]\ndir = "${this.folder}/data"\nwal-dir = "${this.folder}/wal"`,
        "[monitor]\nstore-enabled = false",
        `[http]\nbind-address = "127.0.0.1:${port}"\nauth-enabled = true\nlog-enabled = false`,
      ].join("\n"),
    );
    this.#child = spawn("influxd", ["-config", file], { stdio: ["ignore", "pipe", "pipe"], cwd: this.folder });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    }
  }

  static async start(): Promise<Influxd> {
    const influxd = new Influxd(await freePort(), await freePort());
    await until(
      () => `InfluxDB serves; it says:\n${influxd.#output}`,
      async () => {
        if (influxd.#child.exitCode !== null) assert.fail(influxd.#output);
        try {
          return (await fetch(`${influxd.url}/ping`)).status === 204;
        } catch {
          return false; // not yet
        }
      },
    );
    const [user, password] = influxd.credentials.split(":");
    await influxd.query(`CREATE USER ${user} WITH PASSWORD '${password}' WITH ALL PRIVILEGES`);
    return influxd;
  }

  get #headers(): Record<string, string> {
    return { Authorization: `Basic ${Buffer.from(this.credentials).toString("base64")}` };
  }

  /** Runs a query; gives the rows of all series as objects, with their tags. */
  async query(text: string, database = ""): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const body = new URLSearchParams({ q: text, db: database, epoch: "ns" });
    const response = await fetch(`${this.url}/query`, { method: "POST", body, headers: this.#headers });
    const answer = (await response.json()) as {
      error?: string;
      results?: readonly {
        error?: string;
        series?: readonly { tags?: object; columns: readonly string[]; values: readonly (readonly unknown[])[] }[];
      }[];
    };
    assert.equal(answer.error ?? answer.results?.[0]?.error, undefined, text);
    return (answer.results?.[0]?.series ?? []).flatMap(({ tags, columns, values }) =>
      values.map((row) => ({ ...tags, ...Object.fromEntries(columns.map((column, at) => [column, row[at]])) })),
    );
  }

  /** Writes lines, all of which must be right. */
  async write(database: string, lines: string): Promise<void> {
    const response = await fetch(`${this.url}/write?db=${database}`, {
      method: "POST",
      body: lines,
      headers: this.#headers,
    });
    assert.equal(response.status, 204, `${await response.text()}\n${lines}`);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      const gone = new Promise((resolve) => this.#child.once("exit", resolve));
      this.#child.kill("SIGKILL");
      await gone;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
