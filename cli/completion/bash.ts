/**
 * The completion script for bash.
 *
 * It needs nothing of the package bash-completion. Bash takes `=` and `:` for ends of words; the line is split again here,
 * and of what is offered only the part behind the last of them is given back.
 *
 * @module
 */
import { type CommandModel, type Completion, firstWords, flagsWithValue, groupsOf, quoted } from "./model.ts";

/** The script. */
export function bashScript(commands: readonly CommandModel[], program: string): string {
  const name = `_${program.replaceAll(/\W/g, "_")}`;
  const groups = groupsOf(commands);
  return `# Completions of ${program} for bash. Made by: ${program} completion bash

# What the value of an option, or an argument, can be: KIND [WORD]…
${name}_value() {
  case "$1" in
${valueCases(commands)}
  esac
}

${name}_flags() {
  case "$1" in
${commands.map(({ name: command, options }) => `    ${quoted(command)}) echo ${quoted(options.flatMap(({ flags }) => flags).join(" "))} ;;`).join("\n")}
    *) echo '--help --version' ;;
  esac
}

${name}() {
  local -a words kept
  local cur opt command='' expect='' word strip bashword positional=0 skip=''
  read -ra words <<< "\${COMP_LINE:0:COMP_POINT}"
  [[ "\${COMP_LINE:0:COMP_POINT}" =~ [[:space:]]$ ]] && words+=('')
  cur="\${words[\${#words[@]}-1]}"
  kept=("\${words[@]:1:\${#words[@]}-2}")

  for word in "\${kept[@]}"; do
    if [[ -n $skip ]]; then skip=''; continue; fi
    case "$word" in
      ${flagsWithValue(commands).join("|")}) skip="$word" ;;
      -*) ;;
      *)
        case "$command" in
          '') command="$word" ;;
${[...groups.keys()].map((group) => `          ${group}) command="${group} $word" ;;`).join("\n")}
          *) positional=$((positional + 1)) ;;
        esac ;;
    esac
  done

  # Where in the line are we?
  opt="$skip"
  if [[ -z $opt && $cur == --*=* ]]; then opt="\${cur%%=*}"; cur="\${cur#*=}"; fi
  if [[ -n $opt ]]; then expect="$(${name}_value "$command $opt")"
  elif [[ $cur == -* ]]; then expect="words $(${name}_flags "$command")"
  else
    case "$command" in
      '') expect=${quoted(`words ${[...firstWords(commands).keys()].join(" ")}`)} ;;
${[...groups].map(([group, members]) => `      ${group}) expect=${quoted(`words ${members.map((each) => each.name.slice(group.length + 1)).join(" ")}`)} ;;`).join("\n")}
      *) expect="$(${name}_value "$command $positional")" ;;
    esac
  fi

  case "$expect" in
    'words '*) mapfile -t COMPREPLY < <(compgen -W "\${expect#words }" -- "$cur") ;;
    'names '*) mapfile -t COMPREPLY < <(compgen -W "$(ALBATROSS_WORD="$cur" "\${words[0]/#\\~/$HOME}" __complete "\${expect#names }" "\${kept[@]}" 2> /dev/null)" -- "$cur") ;;
    files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    directories) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    *) COMPREPLY=() ;;
  esac

  # Give back only what follows the last end of a word that bash sees.
  bashword="\${COMP_WORDS[COMP_CWORD]}"
  [[ $bashword == [=:] ]] && bashword=''
  if [[ $cur == *"$bashword" ]]; then
    strip="\${cur%"$bashword"}"
    for word in "\${!COMPREPLY[@]}"; do COMPREPLY[word]="\${COMPREPLY[word]#"$strip"}"; done
  fi
}

complete -F ${name} ${program}
`;
}

/** A case for each distinct value, with all places that have it: `info --name`, and `destroy 0` for the first argument. */
function valueCases(commands: readonly CommandModel[]): string {
  const places = new Map<string, string[]>();
  for (const { name, options, arguments: positional } of commands) {
    const add = (place: string, value: Completion | undefined) => {
      if (value === undefined || value.kind === "anything") return;
      const text = expectation(value);
      places.set(text, [...(places.get(text) ?? []), quoted(`${name} ${place}`)]);
    };
    for (const { flags, value } of options) for (const flag of flags) add(flag, value);
    for (const [at, { value }] of positional.entries()) add(String(at), value);
  }
  return [...places].map(([text, where]) => `    ${where.join("|")}) echo ${quoted(text)} ;;`).join("\n");
}

function expectation(value: Completion): string {
  if (value.kind === "words") return `words ${value.words.join(" ")}`;
  return value.kind === "names" ? `names ${value.names}` : value.kind;
}
