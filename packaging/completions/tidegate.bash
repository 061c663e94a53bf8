# Completion of tidegate for bash; goes to /usr/share/bash-completion/completions/tidegate.

_tidegate_flags() {
    local change="--repo --branch --reason --author --token-file --ssh-key --known-hosts --ca-file"
    case $1 in
        plan) echo "--repo --base --head --server" ;;
        status | explain | watch | history) echo "--server" ;;
        logs) echo "--server --target" ;;
        rollback) echo "$change --to" ;;
        pause | resume | retry) echo "$change" ;;
        pin) echo "$change --remove" ;;
        enroll) echo "--data-dir --ttl --replace" ;;
        agents) echo "list revoke --data-dir --reason" ;;
        accept) echo "--commit --reason --data-dir" ;;
        audit) echo "verify --data-dir --store" ;;
        doctor) echo "--data-dir --server --store" ;;
    esac
}

_tidegate() {
    local verbs="validate plan status explain watch history logs rollback pause resume retry pin
                 enroll agents accept audit doctor"
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ " ${verbs//$'\n'/ } " == *" ${COMP_WORDS[i]} "* ]]; then
            verb=${COMP_WORDS[i]}
            break
        fi
    done
    COMPREPLY=()
    case $before in
        --output) mapfile -t COMPREPLY < <(compgen -W "text json markdown" -- "$word"); return ;;
        --repo | --data-dir) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        --token-file | --ssh-key | --known-hosts | --ca-file)
            mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    esac
    if [[ -z $verb ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$verbs --output --help --version" -- "$word")
    elif [[ $verb == validate && $word != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -W "$(_tidegate_flags "$verb") --output --help" -- "$word")
    fi
}

complete -F _tidegate tidegate
