/**
 * The completion script for zsh, by its own `_arguments`.
 *
 * @module
 */
import { type CommandModel, type Completion, firstWords, groupsOf, type OptionModel, quoted } from "./model.ts";

/** The script: to be sourced, or put as `_albatross-client` into a directory of `$fpath`. */
export function zshScript(commands: readonly CommandModel[], program: string): string {
  const name = `_${program.replaceAll(/\W/g, "_")}`;
  const groups = groupsOf(commands);
  const single = commands.filter((command) => !command.name.includes(" "));
  return `#compdef ${program}
# Completions of ${program} for zsh. Made by: ${program} completion zsh

${name}_names() {
  local -a names
  names=("\${(@f)$(ALBATROSS_WORD="$PREFIX" "\${${name}_line[1]/#\\~/$HOME}" __complete "\${@[-1]}" "\${(@)${name}_line[2,-2]}" 2> /dev/null)}")
  names=("\${(@)names:#}")
  compadd "\${(@)@[1,-2]}" -a names
}

${name}() {
  local context state state_descr line curcontext="$curcontext"
  local -a commands
  local -A opt_args
  local -a ${name}_line
  ${name}_line=("\${(@)words[1,CURRENT]}")
  _arguments -C \\
    '(- *)'{-h,--help}'[show help]' '(- *)--version[show the version]' '1: :->command' '*:: :->rest'
  case $state in
    command)
      commands=(
${[...firstWords(commands)].map(([word, summary]) => `        ${quoted(`${described(word)}:${summary}`)}`).join("\n")}
      )
      _describe -t commands command commands ;;
    rest)
      case $words[1] in
${single.map((command) => `        ${command.name}) ${argumentsCall(command, name)} ;;`).join("\n")}
${[...groups].map(([group, members]) => groupCase(group, members, name)).join("\n")}
      esac ;;
  esac
}

if [[ $funcstack[1] == ${quoted(`_${program}`)} ]]; then ${name} "$@"; else compdef ${name} ${program}; fi
`;
}

function groupCase(group: string, members: readonly CommandModel[], name: string): string {
  const words = members.map((member) => ({ word: member.name.slice(group.length + 1), member }));
  return `        ${group})
          if (( CURRENT == 2 )); then
            commands=(${words.map(({ word, member }) => quoted(`${described(word)}:${member.summary}`)).join(" ")})
            _describe -t commands command commands
          else
            shift words; (( CURRENT-- ))
            case $words[1] in
${words.map(({ word, member }) => `              ${word}) ${argumentsCall(member, name)} ;;`).join("\n")}
            esac
          fi ;;`;
}

function argumentsCall({ options, arguments: positional }: CommandModel, name: string): string {
  const specs = [
    ...options.map((option) => optionSpec(option, name)),
    ...positional.map(({ docv, value }, at) => quoted(`${at + 1}:${described(docv)}:${action(value, name)}`)),
  ];
  return `_arguments -S ${specs.join(" ")}`;
}

function optionSpec({ flags, doc, docv, repeated, value }: OptionModel, name: string): string {
  const ending = value === undefined ? "" : `:${described(docv)}:${action(value, name)}`;
  const excluded = repeated ? "*" : flags.length > 1 ? `(${flags.join(" ")})` : "";
  const form = (flag: string) => (value === undefined ? flag : flag.startsWith("--") ? `${flag}=` : `${flag}+`);
  return flags.map((flag) => quoted(`${excluded}${form(flag)}[${bracketed(doc)}]${ending}`)).join(" ");
}

function action(value: Completion, name: string): string {
  switch (value.kind) {
    case "words":
      return `(${value.words.join(" ")})`;
    case "names":
      return `${name}_names ${value.names}`;
    case "files":
      return "_files";
    case "directories":
      return "_files -/";
    case "anything":
      return " ";
  }
}

function described(text: string): string {
  return text.replaceAll(/[\\:]/g, "\\$&");
}

function bracketed(text: string): string {
  return text.replaceAll(/[\\[\]]/g, "\\$&");
}
