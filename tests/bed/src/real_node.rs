//! A real node beside the simulated ones: a kubelet with Debian's containerd, and a registry with one image.
//!
//! The whole bed then lives in a network namespace of its own, which nothing leaves and in which two beds never collide. A
//! pair of interfaces joins it to the machine, so that the API server is reached from there. The node has process and mount
//! namespaces, too. It needs root, and Debian or a system with its packages; it was tried with control groups v1.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::bed::Bed;
use crate::packages;

/// The one image that the registry of a real node has. It has no program. Its repository has no other tag.
pub const SMALL_IMAGE: &str = "registry.test/small:1";

/// Starts the node and ends it on SIGTERM, to which `unshare` and the first process of a namespace are deaf.
const START: &str = r#"
folder=$1; shift
unshare --mount --pid --fork --kill-child --mount-proc /bin/sh "$folder/node.sh" "$folder" "$@" &
trap 'kill -s KILL $!' TERM
wait
"#;

/// The two addresses that join a bed to the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    outside: Ipv4Addr,
    pub(crate) inside: Ipv4Addr,
}

impl Link {
    /// Picks addresses that nobody on this machine has, out of those that RFC 2544 sets aside for testing networks.
    pub(crate) fn pick() -> Result<Self> {
        ensure!(
            rustix::process::geteuid().is_root(),
            "a real node needs root: it makes namespaces, control groups and containers"
        );
        let taken = packages::run("ip", &["-4", "-oneline", "address"], Path::new("/"))
            .context("a real node needs the package iproute2")?;
        let nets = u32::from(Ipv4Addr::new(198, 18, 0, 0))..u32::from(Ipv4Addr::new(198, 20, 0, 0));
        let free = |first: &u32| !taken.contains(&format!(" {}/", Ipv4Addr::from(first + 1)));
        // Beginning at another place in each process, so that two that look at the same time do not pick the same.
        let offset = std::process::id() % 8192 * 16;
        let all = nets.clone().skip(offset as usize).step_by(4);
        let first = all.chain(nets.step_by(4)).find(free);
        let first = first.context("all addresses of 198.18.0.0/15 are in use on this machine")?;
        Ok(Self {
            outside: Ipv4Addr::from(first + 1),
            inside: Ipv4Addr::from(first + 2),
        })
    }
}

impl Bed {
    /// The name of the real node, whose containerd [`Bed::ctr`] talks to and which pulls [`SMALL_IMAGE`].
    #[must_use]
    pub fn real_node(&self) -> String {
        format!("{}-real-node", self.options().name)
    }

    /// Runs `ctr` on the images and containers of the real node and returns its standard output.
    ///
    /// # Errors
    /// When there is no real node, or `ctr` fails; the error holds what it wrote to standard error.
    pub fn ctr(&self, arguments: &[&str]) -> Result<String> {
        let program = packages::folder()?.join("usr/bin/ctr");
        let socket = self.folder().join("node/containerd.sock");
        let socket = socket.to_string_lossy();
        let whose = ["--address", &*socket, "--namespace", "k8s.io"];
        packages::run(
            &program.to_string_lossy(),
            &[&whose, arguments].concat(),
            self.folder(),
        )
    }

    /// Starts the namespace in which everything else is started.
    pub(crate) fn start_network(&mut self, link: Link) -> Result<()> {
        // Fetched before anything runs, as it may be impossible.
        packages::folder()?;
        let folder = self.folder().to_owned();
        for (file, text) in [
            ("network.sh", include_str!("../network.sh")),
            ("node.sh", include_str!("../node.sh")),
            ("node-end.sh", include_str!("../node-end.sh")),
        ] {
            fs::write(folder.join(file), text)?;
        }
        let process = std::process::id().to_string();
        let arguments = [
            "--net",
            "/bin/sh",
            &folder.join("network.sh").to_string_lossy(),
            &folder.to_string_lossy(),
            &process,
            &format!("nks{:x}", u32::from(link.inside)),
            &link.outside.to_string(),
            &link.inside.to_string(),
        ]
        .map(str::to_owned);
        self.run_program("network", Path::new("unshare"), &arguments)?;
        self.await_ready("there is a network", |bed| {
            Ok(bed.folder().join("network.up").exists())
        })
    }

    /// Starts containerd, the registry and the kubelet.
    pub(crate) fn start_node(&mut self) -> Result<()> {
        let (folder, name) = (self.folder().to_owned(), self.real_node());
        fs::write(
            folder.join("kubeconfig-kubelet"),
            self.client_kubeconfig(&format!("system:node:{name}"), Some("system:nodes"))?,
        )?;
        let arguments = [
            "-c",
            START,
            "nks-bed-node",
            &folder.to_string_lossy(),
            &packages::folder()?.to_string_lossy(),
            &self.binaries().tool("kubelet").to_string_lossy(),
            &name,
            &self.address().to_string(),
        ]
        .map(str::to_owned);
        self.run_program("node", Path::new("/bin/sh"), &arguments)
    }
}
