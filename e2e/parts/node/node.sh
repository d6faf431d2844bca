#!/bin/sh
# Turns fresh mount, network and pid namespaces into the lab's node and becomes its first process. When that ends, the
# kernel takes away everything the node had: processes, mounts, interfaces, iptables rules.
#
# usage: node.sh CACHE NODE PAUSE    (the lab's cache, the node's folder, the program to become)
set -eu
cache=$1 node=$2 pause=$3

# Volumes with mount propagation need a shared tree; this one is shared only within the namespace.
mount --make-rshared /

# The node has a /run, /var/lib and /var/log of its own. The two folders that it needs from outside may lie beneath one
# of them: they are held open meanwhile and mounted again where they were.
exec 3<"$cache" 4<"$node"
mount -t tmpfs -o mode=755 tmpfs /run
mount --no-canonicalize --bind /proc/self/fd/4/lib /var/lib
mount --no-canonicalize --bind /proc/self/fd/4/log /var/log
show() {
    mkdir -p "$2"
    mount --no-canonicalize --bind "/proc/self/fd/$1" "$2"
}
show 3 "$cache"
show 4 "$node"
show 4 /run/lab
exec 3<&- 4<&-

# The kubelet insists on these kernel settings and would change them for the whole machine. It shall read here that they
# are as it wants them.
pretend() {
    file=/run/sysctl/$(basename "$1")
    mkdir -p /run/sysctl
    echo "$2" >"$file"
    mount --bind "$file" "/proc/sys/$1"
}
pretend vm/overcommit_memory 1
pretend vm/panic_on_oom 0
pretend kernel/panic 10
pretend kernel/panic_on_oops 1
pretend kernel/keys/root_maxkeys 1000000
pretend kernel/keys/root_maxbytes 25000000

# Belongs to the network namespace, not to the machine.
echo 1 >/proc/sys/net/ipv4/ip_forward
ip link set lo up

exec "$pause"
