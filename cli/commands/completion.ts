/**
 * Definition of `albatross-client completion`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { commonOptions } from "../options/common.ts";

export const completion = defineCommand({
  name: "completion",
  summary: "print the completion script of a shell",
  description: [
    "Prints a script that makes the shell complete commands, options and their values. Names of unikernels, block devices, bridges, policies and remotes are asked for when they are completed: from the daemon that the options on the line name, for a second at most.",
    "For bash put it where the system keeps completions, or source it in ~/.bashrc; for zsh put it as _albatross-client into a directory of $fpath, or source it after compinit; for fish put it into ~/.config/fish/completions.",
  ],
  examples: [
    {
      line: "completion bash",
      doc: "As source <(albatross-client completion bash) in ~/.bashrc, or into /etc/bash_completion.d/albatross-client.",
    },
    { line: "completion zsh", doc: "As source <(albatross-client completion zsh) in ~/.zshrc, after compinit." },
    { line: "completion fish", doc: "Into ~/.config/fish/completions/albatross-client.fish." },
  ],
  arguments: { shell: { docv: "SHELL", kind: "shell", doc: "bash, zsh or fish." } },
  options: commonOptions,
});
