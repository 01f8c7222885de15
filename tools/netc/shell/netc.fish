# Completion of netc for fish: `netc completions fish | source`.
function __netc_complete
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    for line in ($tokens[1] __complete $tokens[2..-1] "$current" 2>/dev/null)
        set -l parts (string split -m 1 \t -- $line)
        set -l partial (string sub -s (math (string length -- "$parts[2]") + 1) -- "$current")
        switch $parts[1]
            case ':file *'
                for path in (__fish_complete_path "$partial")
                    string match -q -r -- (string escape --style=regex (string sub -s 7 -- $parts[1]))'\t|/\t' $path\t
                    and echo $parts[2]$path
                end
            case :file
                for path in (__fish_complete_path "$partial")
                    echo $parts[2]$path
                end
            case :dir
                for path in (__fish_complete_directories "$partial")
                    echo $parts[2]$path
                end
            case '*'
                echo $line
        end
    end
end
complete -c netc -f -a '(__netc_complete)'
