# Completion of tidegate for bash; goes to /usr/share/bash-completion/completions/tidegate.
# For zsh: autoload -U +X compinit bashcompinit && compinit && bashcompinit && source tidegate.bash

_tidegate_flags() {
    local change="--repo --branch --reason --author --token-file --ssh-key --known-hosts --ca-file"
    case $1 in
        plan) echo "--repo --base --head --server" ;;
        simulate) echo "--repo --rev --base --head --fail --server" ;;
        status | explain | watch | history) echo "--server" ;;
        logs) echo "--server --target --full" ;;
        rollback) echo "$change --to" ;;
        pause | resume | retry) echo "$change" ;;
        promote) echo "$change --step --full" ;;
        pin) echo "$change --remove" ;;
        enroll) echo "--data-dir --ttl --replace" ;;
        agents) echo "list revoke" ;;
        "agents list") echo "--data-dir" ;;
        "agents revoke") echo "--data-dir --reason --force" ;;
        accept) echo "--commit --reason --data-dir" ;;
        audit) echo "verify" ;;
        "audit verify") echo "--data-dir --store" ;;
        doctor) echo "--data-dir --server --store" ;;
    esac
}

# The verb before the cursor, with the verb below it where it has some.
_tidegate_verb() {
    local verbs=$1 verb="" word
    for word in "${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do
        if [[ -z $verb && " $verbs " == *" $word "* ]]; then
            verb=$word
        elif [[ $verb == agents && $word == @(list|revoke) || $verb == audit && $word == verify ]]; then
            verb+=" $word"
        fi
    done
    echo "$verb"
}

# One answer a line, so that names may have blanks; mapfile would do, but zsh has none.
_tidegate_reply() {
    local IFS=$'\n'
    # shellcheck disable=SC2206
    COMPREPLY=($1)
}

_tidegate() {
    local verbs="validate plan simulate status explain watch history logs rollback pause resume retry promote pin"
    verbs+=" enroll agents accept audit doctor"
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb
    verb=$(_tidegate_verb "$verbs")
    COMPREPLY=()
    case $before in
        --output) _tidegate_reply "$(compgen -W "text json markdown" -- "$word")"; return ;;
        --repo | --data-dir) _tidegate_reply "$(compgen -d -- "$word")"; return ;;
        --token-file | --ssh-key | --known-hosts | --ca-file)
            _tidegate_reply "$(compgen -f -- "$word")"; return ;;
    esac
    if [[ -z $verb ]]; then
        _tidegate_reply "$(compgen -W "$verbs --output --help --version" -- "$word")"
    elif [[ $verb == validate && $word != -* ]]; then
        _tidegate_reply "$(compgen -d -- "$word")"
    else
        _tidegate_reply "$(compgen -W "$(_tidegate_flags "$verb") --output --help" -- "$word")"
    fi
}

complete -F _tidegate tidegate
