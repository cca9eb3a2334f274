# The first process of the network of a bed with a real node, which lasts as long as it. It is told the folder of the bed,
# a process outside, what the interface out there is to be called, and the addresses outside and inside. There is no other
# way out.
set -eu
bed=$1 outside=$2 link=$3 theirs=$4 ours=$5
ip link set lo up
ip link add eth0 type veth peer name "$link" netns "$outside"
ip address add "$ours/30" dev eth0
ip link set eth0 up
nsenter --net="/proc/$outside/ns/net" ip address add "$theirs/30" dev "$link"
nsenter --net="/proc/$outside/ns/net" ip link set "$link" up
touch "$bed/network.up"
exec tail -f "$bed/network.sh"
