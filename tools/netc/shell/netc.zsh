#compdef netc
# Completion of netc for zsh: as `_netc` in a folder of $fpath, or `source <(netc completions zsh)`.
_netc() {
  local line candidate about
  local -a done more typed
  typed=("${(@)words[2,CURRENT-1]}" "$PREFIX")
  for line in "${(@f)$("$words[1]" __complete "${(@)typed}" 2>/dev/null)}"; do
    candidate=${line%%$'\t'*} about=${line#*$'\t'}
    case $candidate in
      (:file*|:dir)
        PREFIX=${PREFIX#"$about"} IPREFIX+=$about
        if [[ $candidate == :dir ]]; then
          _files -/
        elif [[ $candidate == ':file '* ]]; then
          _files -g "*${candidate#:file }"
        else
          _files
        fi
        ;;
      (*[=.,\(]) more+=("${candidate//:/\\:}:$about") ;;
      (?*) done+=("${candidate//:/\\:}:$about") ;;
    esac
  done
  (( $#done )) && _describe netc done
  (( $#more )) && _describe netc more -S ''
}
if [[ $funcstack[1] == _netc ]]; then
  _netc "$@"
else
  compdef _netc netc
fi
