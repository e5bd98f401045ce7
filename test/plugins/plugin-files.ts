/**
 * Plugins in files, as people write them.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { PluginLog } from "../../plugins/plugin.ts";

/** A folder for plugins. */
export class PluginFolder implements Disposable {
  readonly path: string = realpathSync(mkdtempSync(join(tmpdir(), "plugins-")));

  /** Writes a file that others can read. @returns its path */
  write(name: string, text: string): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, text, { mode: 0o644 });
    return path;
  }

  /** Writes a plugin that exports this expression. */
  plugin(name: string, expression: string): string {
    return this.write(name, `export default ${expression};\n`);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The source of a reporter plugin of this name, which does nothing. */
export function idlePlugin(name: string, version: unknown = 1): string {
  return `{ apiVersion: ${JSON.stringify(version)}, name: "${name}", reporters: [{ name: "${name}", report() {} }] }`;
}

/** A log that keeps its lines. */
export class LineLog implements PluginLog {
  readonly lines: string[] = [];
  readonly error = (text: string) => void this.lines.push(`error ${text}`);
  readonly warning = (text: string) => void this.lines.push(`warning ${text}`);
  readonly info = (text: string) => void this.lines.push(`info ${text}`);
  readonly debug = (text: string) => void this.lines.push(`debug ${text}`);
}
