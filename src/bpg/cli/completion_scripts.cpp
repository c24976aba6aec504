#include <map>

#include "bpg/cli/completion.hpp"

namespace bpg::cli {

namespace {

constexpr const char* bash = R"script(# Completion of bpg for bash. Made by 'bpg completion bash'; needs nothing else.
_bpg() {
  local IFS=$' \t\n' line=${COMP_LINE:0:COMP_POINT} current cut candidate words=()
  # Not COMP_WORDS, which is split at @, = and : too.
  read -a words <<<"$line"
  if [[ $line == *[[:blank:]] ]]; then words+=(''); fi
  current=${words[${#words[@]} - 1]}
  # $2 is what bash replaces: the end of the word.
  cut=${current%"$2"}
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    case $candidate in
      :files) compopt -o default ;;
      :directories) compopt -o dirnames ;;
      *)
        if [[ $candidate == *[/=] ]]; then compopt -o nospace; fi
        COMPREPLY+=("${candidate#"$cut"}")
        ;;
    esac
  done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
}
complete -F _bpg bpg
)script";

constexpr const char* zsh = R"script(#compdef bpg
# Completion of bpg for zsh. Made by 'bpg completion zsh'.
_bpg() {
  local line word
  local -a whole begun
  for line in ${(f)"$(${(Q)words[1]} __complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)"}; do
    case $line in
      :files) _files; return ;;
      :directories) _files -/; return ;;
    esac
    word=${${line%%$'\t'*}//:/\\:}
    if [[ $line == *$'\t'* ]]; then word+=":${line#*$'\t'}"; fi
    if [[ $line == *[/=] ]]; then begun+=("$word"); else whole+=("$word"); fi
  done
  local result=1
  if (( $#whole )); then _describe bpg whole && result=0; fi
  if (( $#begun )); then _describe bpg begun -S '' && result=0; fi
  return result
}
if [[ $funcstack[1] == _bpg ]]; then
  _bpg "$@"
else
  compdef _bpg bpg
fi
)script";

constexpr const char* fish = R"script(# Completion of bpg for fish. Made by 'bpg completion fish'.
function __bpg_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$current"
            case :directories
                __fish_complete_directories "$current" ''
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c bpg -f -a '(__bpg_complete)'
)script";

}  // namespace

const char* completion_script(const std::string& shell) {
  static const std::map<std::string, const char*> scripts{{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
  return scripts.at(shell);
}

}  // namespace bpg::cli
