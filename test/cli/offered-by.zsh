# What zsh offers for a line, on a terminal of its own: one candidate on each line between BEGIN and END.
#   zsh -f offered-by.zsh <completion script> <line>
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PROMPT=; autoload -Uz compinit; compinit -u -D; source $1"
zpty -w z 'bindkey "^I" complete-word
begin() { echo; echo -E - BEGIN }; finish() { echo; echo -E - END; exit }
compprefuncs=(begin); comppostfuncs=(finish)
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return $?; fi
  local -a hits; builtin compadd -A hits "$@"; (( $#hits )) && print -rl -- $hits; return 0
}
echo READY'
local line
while zpty -r z line; do [[ $line == READY* ]] && break; done
zpty -w -n z "$2"$'\t'
while zpty -r z line; do [[ $line == END* ]] && break; print -r -- $line; done
