/**
 * `albatross-client completion`.
 *
 * @module
 */
import type { Values } from "../command.ts";
import type { completion as definition } from "../commands/completion.ts";
import { bashScript } from "../completion/bash.ts";
import { fishScript } from "../completion/fish.ts";
import { commandModel } from "../completion/model.ts";
import { zshScript } from "../completion/zsh.ts";
import type { Context } from "../context.ts";

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** Prints a completion script. */
export async function completion({ shell }: Values<typeof definition>, context: Context): Promise<number> {
  const definitions = await context.definitions();
  const script = scripts[shell](definitions.map(commandModel), context.programName);
  if (context.json) context.object({ kind: "completion", shell, script });
  else context.print(script);
  return 0;
}
