# The first process of a real node, in process and mount namespaces of its own: whatever it starts or mounts ends with it.
# It is told the folder of the bed, the folder of Debian's programs, the kubelet, the node's name and its address.
set -eu
bed=$1 programs=$2 kubelet=$3 name=$4 address=$5
work=$bed/node
mkdir -p "$work/cni" "$work/seed" "$work/hosts/registry.test"
export PATH="$programs/usr/sbin:$programs/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# containerd, runc, the network plugins and the kubelet leave things here, whatever they are told.
for place in /run /var/lib /var/log; do
    mount -t tmpfs none $place
done
# A kubelet insists on settings that are the whole machine's. It gets files to write on.
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys \
    kernel/keys/root_maxbytes; do
    copy=$(mktemp /run/setting.XXXXXX)
    cat /proc/sys/$setting >"$copy"
    mount --bind "$copy" /proc/sys/$setting
done
# Every hierarchy of control groups has a group of the bed's name, which the kubelet takes for the root. This process and
# what it starts are in another one, by which they are found when all else has ended.
group=nks-$(basename "$bed")
trees=/sys/fs/cgroup own=/sys/fs/cgroup
[ -e $trees/cgroup.procs ] || { trees=$(echo /sys/fs/cgroup/*) own=/sys/fs/cgroup/pids; }
mkdir "$own/$group-node"
echo 0 >"$own/$group-node/cgroup.procs"
for tree in $trees; do
    mkdir "$tree/$group"
    for file in cpuset.cpus cpuset.mems; do
        [ ! -e "$tree/$file" ] || cat "$tree/$file" >"$tree/$group/$file"
    done
    for controller in $(cat "$tree/cgroup.controllers" 2>/dev/null); do
        echo "+$controller" >"$tree/cgroup.subtree_control" && echo "+$controller" >"$tree/$group/cgroup.subtree_control"
    done
done

cat >"$work/containerd.toml" <<END
version = 2
root = "$work/containerd"
state = "/run/containerd"
[grpc]
  address = "$work/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.test/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  containerd.snapshotter = "native"
  registry.config_path = "$work/hosts"
  cni.bin_dir = "$programs/usr/lib/cni"
  cni.conf_dir = "$work/cni"
END
cat >"$work/hosts/registry.test/hosts.toml" <<END
server = "http://127.0.0.1:5000"
[host."http://127.0.0.1:5000"]
  capabilities = ["pull", "resolve"]
END
cat >"$work/registry.yaml" <<END
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:5000"}
END
cat >"$work/cni/bed.conflist" <<END
{"cniVersion": "0.4.0", "name": "bed", "plugins": [{"type": "bridge", "bridge": "pods", "isGateway": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.100.255.0/24"}]]}}]}
END
# That of the machine may be a link into /run.
echo "nameserver 127.0.0.1" >"$work/resolv.conf"
cat >"$work/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: false}, x509: {clientCAFile: $bed/ca.crt}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupRoot: /$group
containerRuntimeEndpoint: unix://$work/containerd.sock
enforceNodeAllocatable: []
evictionHard: {imagefs.available: 0%, memory.available: 10Mi, nodefs.available: 0%}
failCgroupV1: false
failSwapOn: false
imageGCHighThresholdPercent: 100
resolvConf: $work/resolv.conf
volumePluginDir: $work/plugins
END

containerd --config "$work/containerd.toml" >"$bed/containerd.log" 2>&1 &
containerd=$!
docker-registry serve "$work/registry.yaml" >"$bed/registry.log" 2>&1 &
registry=$!
cd "$work/seed"
until ctr --address "$work/containerd.sock" version >/dev/null 2>&1; do
    kill -0 $containerd || { tail "$bed/containerd.log"; exit 1; }
    sleep 0.1
done
# An image made by hand of what is in a folder, for a namespace of containerd.
image() {
    tar --create --file layer.tar --directory "$3" .
    cat >config.json <<END
{"os": "linux", "architecture": "$(dpkg --print-architecture)", "config": {"Entrypoint": ["/busybox", "sleep", "2147483647"]},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$(sha256sum layer.tar | cut -c 1-64)"]}}
END
    echo '[{"Config": "config.json", "RepoTags": ["'"$2"'"], "Layers": ["layer.tar"]}]' >manifest.json
    tar --create --file image.tar config.json manifest.json layer.tar
    ctr --address "$work/containerd.sock" --namespace "$1" images import image.tar
}
mkdir pause small
cp "$programs/bin/busybox" pause
echo small >small/name
image k8s.io registry.test/pause:1 pause
image seed 127.0.0.1:5000/small:1 small
ctr --address "$work/containerd.sock" --namespace seed images push --plain-http 127.0.0.1:5000/small:1

"$kubelet" --config="$work/kubelet.yaml" --kubeconfig="$bed/kubeconfig-kubelet" --root-dir="$work/kubelet" \
    --cert-dir="$work/certificates" --hostname-override="$name" --node-ip="$address" --node-labels=nks-bed/real= \
    >"$bed/kubelet.log" 2>&1 &
kubelet=$!
while kill -0 $containerd && kill -0 $registry && kill -0 $kubelet; do
    sleep 1
done
tail -n 3 "$bed/containerd.log" "$bed/registry.log" "$bed/kubelet.log"
