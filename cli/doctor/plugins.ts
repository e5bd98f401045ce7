/**
 * `doctor`: the plugins that the configuration file names. They are looked at, not run.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { checkPluginFile } from "../../plugins/load.ts";
import { pluginUsers, readSettings } from "../../plugins/settings.ts";
import { SETTINGS_FILE } from "../../plugins/settings-file.ts";
import { type Check, codeOf, ok, problem } from "./check.ts";

/** Each plugin of each daemon; nothing if there is no such file. */
export function checkPlugins(settingsFile: string = SETTINGS_FILE): readonly Check[] {
  if (!existsSync(settingsFile)) return [];
  try {
    return pluginUsers.flatMap((daemon) =>
      readSettings(settingsFile, daemon).map(({ file }, at) => checkPlugin(`plugin-${daemon}-${at + 1}`, file)),
    );
  } catch (error) {
    return [problem("plugins", codeOf(error), `Mend ${settingsFile}, then restart the daemons`)];
  }
}

function checkPlugin(id: string, file: string): Check {
  try {
    checkPluginFile(file);
    return ok(id, `${file} is there, and nobody else can have written it`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return problem(id, `${file} is not loaded: ${reason}`, "Mend it, then restart the daemon");
  }
}
