//! The bed itself: starting it, looking at it, and taking it away.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::authority::{Authority, token_keys};
use crate::binaries::Binaries;
use crate::components::{self, Ports};
use crate::options::{Options, Parts};
use crate::process::{Component, Detached, Guard, tail};
use crate::real_node::Link;

/// How long each step of the start may take. Usually the whole takes about ten seconds.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(150);

/// How often a start is tried again after somebody else has taken one of its ports or its network.
const ATTEMPTS: u32 = 3;

/// Folders of beds that ended longer ago than this are removed.
const LOGS_KEPT: Duration = Duration::from_hours(24);

/// A running control plane with simulated nodes. Dropping it stops it and keeps its logs for a day, since a test may
/// have failed; [`Bed::stop`] removes them too.
pub struct Bed {
    binaries: Binaries,
    options: Options,
    authority: Authority,
    folder: PathBuf,
    /// What joins the bed's own network, where it has one, to the machine's.
    link: Option<Link>,
    server: String,
    etcd: String,
    /// In the order in which they were started.
    components: Vec<Component>,
    /// Dropped after the components were stopped, and gone when the bed was detached.
    guard: Option<Guard>,
}

impl Bed {
    /// Builds the tools if need be, without a word, and starts a bed.
    ///
    /// # Errors
    /// As [`Binaries::build`] and [`Bed::start_with`].
    pub fn start(options: Options) -> Result<Self> {
        let binaries = Binaries::build(options.release, &mut |_| {})?;
        Self::start_with(binaries, options)
    }

    /// Starts a bed: control plane ready, nodes ready, the accounts that pods need in place; or, with
    /// [`Parts::ServerOnly`], the API server ready.
    ///
    /// # Errors
    /// When a process ends or is not ready in time. The error holds the end of its log, and the folder of the bed
    /// with all logs is kept and named.
    pub fn start_with(binaries: Binaries, options: Options) -> Result<Self> {
        ensure!(
            options.parts == Parts::ServerOnly || binaries.release().has_controllers(),
            "only the API server of {} is built, so it cannot have controllers",
            binaries.version()
        );
        ensure!(
            options.parts == Parts::All || !options.real_node,
            "a server alone has no nodes, so it cannot have a real one"
        );
        let mut attempt = 1;
        loop {
            let mut bed = Self::prepare(&binaries, &options)?;
            let Err(error) = bed.launch() else {
                return Ok(bed);
            };
            let taken = ["address already in use", "File exists"];
            let taken = bed.components.iter().any(|it| {
                let log = tail(&it.log, 50);
                taken.iter().any(|word| log.contains(word))
            });
            if !taken || attempt == ATTEMPTS {
                return Err(error.context(format!(
                    "the test bed did not start; see {}",
                    bed.folder.display()
                )));
            }
            bed.stop();
            attempt += 1;
        }
    }

    /// Makes the folder with everything that the processes read.
    fn prepare(binaries: &Binaries, options: &Options) -> Result<Self> {
        let parent = std::env::temp_dir().join("nks-bed");
        fs::create_dir_all(&parent)?;
        sweep(&parent);
        let folder = tempfile::Builder::new()
            .prefix("bed-")
            .tempdir_in(&parent)?
            .keep();
        let bed = Self {
            binaries: binaries.clone(),
            options: options.clone(),
            authority: Authority::new()?,
            guard: Some(Guard::start(&folder)?),
            folder,
            link: options.real_node.then(Link::pick).transpose()?,
            server: String::new(),
            etcd: String::new(),
            components: Vec::new(),
        };
        let (authority, server) = (
            bed.authority.identity(),
            bed.authority.server(bed.address())?,
        );
        let kubelets = bed.authority.client("kube-apiserver", None)?;
        let (token_key, token_public) = token_keys()?;
        let pattern = serde_json::to_string(&options.unpullable)?;
        for (file, content) in [
            ("ca.crt", authority.certificate),
            ("ca.key", authority.key),
            ("kubelet-client.crt", kubelets.certificate),
            ("kubelet-client.key", kubelets.key),
            ("server.crt", server.certificate),
            ("server.key", server.key),
            ("token.key", token_key),
            ("token.pub", token_public),
            (
                "stages.yaml",
                include_str!("../stages.yaml").replace("@UNPULLABLE@", &pattern),
            ),
        ] {
            fs::write(bed.folder.join(file), content)?;
        }
        Ok(bed)
    }

    /// Starts the processes one after the other, each once what it needs is ready.
    fn launch(&mut self) -> Result<()> {
        if let Some(link) = self.link {
            self.start_network(link)?;
        }
        let address = self.address();
        let ports = Ports::pick(address)?;
        self.server = format!("https://{address}:{}", ports.server);
        self.etcd = format!("http://{address}:{}", ports.etcd);
        fs::write(
            self.kubeconfig(),
            self.client_kubeconfig(&self.options.name, Some("system:masters"))?,
        )?;

        self.run("etcd", "server", &components::etcd(&self.folder, &ports))?;
        self.await_ready("etcd listens", |_| Ok(listens(address, ports.etcd)))?;
        self.run(
            "kube-apiserver",
            "kube-apiserver",
            &components::apiserver(&self.folder, &ports, self.options.parts),
        )?;
        self.await_ready("the API server listens", |_| {
            Ok(listens(address, ports.server))
        })?;
        self.await_ready("the API server is ready", |bed| {
            bed.kubectl(&["get", "--raw=/readyz"]).map(|_| true)
        })?;
        match self.options.parts {
            Parts::All => self.populate(),
            Parts::ServerOnly => Ok(()),
        }
    }

    /// Starts one of the bed's tools.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        tool: &str,
        arguments: &[String],
    ) -> Result<()> {
        self.run_program(name, &self.binaries.tool(tool), arguments)
    }

    /// Starts any program, in the bed's own network if it has one and that has been started.
    pub(crate) fn run_program(
        &mut self,
        name: &'static str,
        program: &Path,
        arguments: &[String],
    ) -> Result<()> {
        let guard = self.guard.as_ref().context("the bed is detached")?;
        let component = match self.components.first().filter(|_| self.link.is_some()) {
            None => Component::start(name, program, arguments, &self.folder, guard)?,
            Some(network) => {
                let mut all = vec![
                    format!("--net=/proc/{}/ns/net", network.process()),
                    program.to_string_lossy().into_owned(),
                ];
                all.extend_from_slice(arguments);
                Component::start(name, Path::new("nsenter"), &all, &self.folder, guard)?
            }
        };
        self.components.push(component);
        Ok(())
    }

    /// Waits for `condition`, but not for a process that has ended.
    pub(crate) fn await_ready(
        &mut self,
        description: &str,
        condition: impl Fn(&Self) -> Result<bool>,
    ) -> Result<()> {
        let begun = Instant::now();
        let mut last = None;
        loop {
            for component in &mut self.components {
                if let Some(status) = component.ended() {
                    bail!(
                        "{} ended ({status}):\n{}",
                        component.name,
                        tail(&component.log, 20)
                    );
                }
            }
            match condition(self) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => last = Some(error),
            }
            if begun.elapsed() >= PATIENCE {
                let newest = self
                    .components
                    .last()
                    .map(|it| tail(&it.log, 20))
                    .unwrap_or_default();
                return Err(timed_out(description, PATIENCE, last).context(newest));
            }
            thread::sleep(GLANCE);
        }
    }

    /// Calls `condition` until it returns true. An error from it counts as "not yet".
    ///
    /// # Errors
    /// When that has not happened within `limit`; the error holds `description` and the last error of `condition`.
    pub fn wait_for(
        &self,
        description: &str,
        limit: Duration,
        mut condition: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        let begun = Instant::now();
        let mut last = None;
        loop {
            match condition() {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => last = Some(error),
            }
            if begun.elapsed() >= limit {
                return Err(timed_out(description, limit, last));
            }
            thread::sleep(GLANCE);
        }
    }

    /// The administrator's kubeconfig. RBAC does not apply to that user; see [`Bed::operator`].
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// Where the logs are, one a process.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The tools that this bed runs.
    #[must_use]
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The address of the API server, with its scheme.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The address of etcd, with its scheme. It asks nobody who they are.
    #[must_use]
    pub fn etcd(&self) -> &str {
        &self.etcd
    }

    /// How the bed is.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Where the control plane listens.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.link.map_or(Ipv4Addr::LOCALHOST, |link| link.inside)
    }

    /// The ids of all processes that belong to this bed, for a test that wants to see them gone.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.components
            .iter()
            .map(Component::process)
            .chain(self.guard.as_ref().map(Guard::process))
            .collect()
    }

    /// The kubeconfig of a client with a certificate made for it.
    pub(crate) fn client_kubeconfig(&self, user: &str, group: Option<&str>) -> Result<String> {
        let identity = self.authority.client(user, group)?;
        Ok(self
            .authority
            .kubeconfig(&self.options.name, &self.server, user, &identity))
    }

    /// Stops the bed and removes its folder.
    pub fn stop(self) {
        let folder = self.folder.clone();
        drop(self);
        // What cannot be removed now is swept by a later bed.
        let _ = fs::remove_dir_all(folder);
    }

    /// Lets the bed outlive this process.
    #[must_use]
    pub fn detach(mut self) -> Detached {
        if let Some(mut guard) = self.guard.take() {
            guard.release();
        }
        let detached = Detached::new(&self.folder, &self.kubeconfig(), &self.components);
        self.components.clear();
        detached
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        // Newest first: an API server whose etcd is gone does not answer SIGTERM for a minute.
        for component in self.components.iter_mut().rev() {
            component.stop();
        }
        // The guard takes etcd's data away and ends with its whole group, in which nobody but itself is left.
        drop(self.guard.take());
    }
}

fn listens(address: Ipv4Addr, port: u16) -> bool {
    TcpStream::connect((address, port)).is_ok()
}

fn timed_out(description: &str, limit: Duration, last: Option<anyhow::Error>) -> anyhow::Error {
    let waited = format!("waited {} s in vain: {description}", limit.as_secs());
    last.map_or_else(
        || anyhow!(waited.clone()),
        |error| error.context(waited.clone()),
    )
}

/// Removes the folders of beds that ended long ago: a guard takes etcd's data away when it kills its group.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let age = entry
            .metadata()
            .and_then(|it| it.modified())
            .map(|it| SystemTime::now().duration_since(it));
        let old = matches!(age, Ok(Ok(age)) if age > LOGS_KEPT);
        if old && !entry.path().join("etcd").exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
