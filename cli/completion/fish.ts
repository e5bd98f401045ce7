/**
 * The completion script for fish.
 *
 * @module
 */
import { type CommandModel, type Completion, firstWords, flagsWithValue, groupsOf, quoted } from "./model.ts";

/** The script: to be sourced, or put into `~/.config/fish/completions/albatross-client.fish`. */
export function fishScript(commands: readonly CommandModel[], program: string): string {
  const name = `__${program.replaceAll(/\W/g, "_")}`;
  const complete = `complete -c ${program}`;
  const lines = [`${complete} -f`];
  for (const [word, summary] of firstWords(commands)) {
    lines.push(`${complete} -n '${name}_at' -a ${fish(word)} -d ${fish(summary)}`);
  }
  for (const [group, members] of groupsOf(commands)) {
    for (const { name: whole, summary } of members) {
      lines.push(`${complete} -n '${name}_at ${group}' -a ${fish(whole.slice(group.length + 1))} -d ${fish(summary)}`);
    }
  }
  for (const command of commands) {
    for (const { flags, doc, value } of command.options) {
      const forms = flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
      const ending = value === undefined ? "" : ` ${completion(value, name, "option")}`;
      lines.push(`${complete} -n '${name}_in ${command.name}' ${forms.join(" ")}${ending} -d ${fish(doc)}`);
    }
    for (const [at, { value }] of command.arguments.entries()) {
      if (value.kind === "anything") continue;
      lines.push(`${complete} -n '${name}_at ${command.name} ${at}' ${completion(value, name, "argument")}`);
    }
  }
  return `# Completions of ${program} for fish. Made by: ${program} completion fish

# The words before the cursor that are neither options nor values of options, without the program.
function ${name}_words
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case ${flagsWithValue(commands).join(" ")}
                set skip 1
            case '-*'
            case '*'
                echo -- $word
        end
    end
end

# Whether the command is this one.
function ${name}_in
    set -l words (${name}_words)
    test (count $words) -ge (count $argv); and test "$words[1..$(count $argv)]" = "$argv"
end

# Whether the next word is the argument of this number, from 0, of a command; without a number the word after these.
function ${name}_at
    set -l words (${name}_words)
    set -l wanted $argv
    set -l more 0
    if string match -qr '^\\d+$' -- "$argv[-1]"
        set more $argv[-1]
        set wanted $argv[1..-2]
    end
    test (count $words) -eq (math (count $wanted) + $more); or return 1
    test (count $wanted) -eq 0; or test "$words[1..$(count $wanted)]" = "$wanted"
end

function ${name}_names
    set -l line (commandline -opc)
    # A tilde is not replaced in what commandline gives.
    set -l program (string replace -r '^~/' "$HOME/" -- $line[1])
    set -lx ALBATROSS_WORD (string replace -r '^--[^=]*=' '' -- (commandline -ct))
    $program __complete $argv[1] $line[2..] 2> /dev/null
end

${lines.join("\n")}
`;
}

function completion(value: Completion, name: string, of: "option" | "argument"): string {
  // -r: the option needs a value; -x: and that is no file.
  const exclusive = of === "option" ? "-x" : "-f";
  switch (value.kind) {
    case "words":
      return `${exclusive} -a ${fish(value.words.join(" "))}`;
    case "names":
      return `${exclusive} -a '(${name}_names ${value.names})'`;
    case "files":
      return of === "option" ? "-r -F" : "-F";
    case "directories":
      return `${exclusive} -a '(__fish_complete_directories (commandline -ct))'`;
    case "anything":
      return exclusive;
  }
}

function fish(text: string): string {
  return quoted(text, "fish");
}
