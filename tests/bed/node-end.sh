# Ends what is left of a real node, whoever is still there to ask for it. It is told the folder of the bed.
group=nks-$(basename "$1")
for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    left=$(find /sys/fs/cgroup -depth -type d -path "*/$group*")
    [ -n "$left" ] || break
    for folder in $left; do
        # shellcheck disable=SC2046
        kill -s KILL $(cat "$folder/cgroup.procs")
        rmdir "$folder"
    done 2>/dev/null
    sleep 0.1
done
rm -rf "$1/node"
