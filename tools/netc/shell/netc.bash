# shellcheck shell=bash
# Completion of netc for bash: `source <(netc completions bash)`.
_netc() {
  local words=() word current=${COMP_WORDS[COMP_CWORD]} i
  # Bash takes words apart at `=` and `:`; netc wants them whole.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if ((i > 1)) && [[ $word == [=:] || ${COMP_WORDS[i - 1]} == [=:] ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
  done
  [[ $current == [=:] ]] && current=
  # What stands in front of the part that bash replaces.
  local before=${words[-1]%"$current"} candidate path
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    case $candidate in
      :file*)
        while read -r path; do
          if [[ -d $path || $path == *"${candidate#:file}" || $path == *"${candidate#:file }" ]]; then
            COMPREPLY+=("$path")
          fi
        done < <(compgen -f -- "$current")
        compopt -o filenames 2>/dev/null
        ;;
      :dir)
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current")
        compopt -o filenames 2>/dev/null
        ;;
      *[^A-Za-z0-9_=.,/:+-]*)
        printf -v candidate %q "${candidate#"$before"}"
        COMPREPLY+=("$candidate")
        ;;
      *) COMPREPLY+=("${candidate#"$before"}") ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
  if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[=.,\(] ]]; then
    compopt -o nospace 2>/dev/null
  fi
}
complete -F _netc netc
