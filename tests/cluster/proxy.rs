//! A wire with a knife: `kubectl proxy` speaks plain HTTP for the operator, and this passes bytes on to it until the first
//! real write, which it loses or whose answer it loses.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use nks_bed::Bed;

/// What happens to the first PATCH that is no dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The server never sees it.
    Request,
    /// The server carries it out, and nobody hears of it.
    Answer,
}

/// The two of them, running.
pub(crate) struct Proxy {
    kubectl: Child,
    /// Where to connect to.
    pub(crate) server: String,
    cut: Receiver<()>,
}

impl Proxy {
    /// Starts both for the user of `kubeconfig`.
    pub(crate) fn start(bed: &Bed, kubeconfig: &Path, lost: Lost) -> Self {
        let socket = bed.folder().join(format!("proxy-{lost:?}.socket"));
        let _ = std::fs::remove_file(&socket);
        let kubectl = Command::new(bed.binaries().tool("kubectl"))
            .arg("proxy")
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .arg(format!("--unix-socket={}", socket.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("kubectl starts");
        bed.wait_for("kubectl proxy", Duration::from_secs(20), || {
            Ok(socket.exists())
        })
        .expect("kubectl proxy listens");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = format!("http://{}", listener.local_addr().expect("an address"));
        let (told, cut) = channel();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let upstream = std::os::unix::net::UnixStream::connect(&socket)
                    .expect("kubectl proxy is there");
                let told = told.clone();
                std::thread::spawn(move || pass(client, upstream, lost, &told));
            }
        });
        Self {
            kubectl,
            server,
            cut,
        }
    }

    /// Waits until the write was lost.
    pub(crate) fn wait_for_the_cut(&self) {
        self.cut
            .recv_timeout(Duration::from_secs(60))
            .expect("a write comes");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.kubectl.kill();
        let _ = self.kubectl.wait();
    }
}

/// Passes bytes both ways. A PATCH starts its own read here, since a client waits for an answer before it sends more.
fn pass(
    mut client: TcpStream,
    mut upstream: std::os::unix::net::UnixStream,
    lost: Lost,
    told: &Sender<()>,
) {
    let (mut back, mut answers) = (
        client.try_clone().expect("a clone"),
        upstream.try_clone().expect("a clone"),
    );
    let (swallow, swallowed) = channel::<()>();
    std::thread::spawn(move || {
        let mut buffer = [0; 16_384];
        while let Ok(count @ 1..) = answers.read(&mut buffer) {
            if swallowed.try_recv().is_ok() || back.write_all(&buffer[..count]).is_err() {
                return;
            }
        }
        let _ = back.shutdown(Shutdown::Write);
    });
    let mut buffer = [0; 65_536];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        let head = String::from_utf8_lossy(&buffer[..count.min(400)]).into_owned();
        let line = head.lines().next().unwrap_or_default();
        if line.starts_with("PATCH ") && !line.contains("dryRun") {
            if lost == Lost::Answer {
                let _ = swallow.send(());
                let _ = upstream.write_all(&buffer[..count]);
                // The body may come in a piece of its own.
                let _ = client.set_read_timeout(Some(Duration::from_millis(300)));
                if let Ok(more @ 1..) = client.read(&mut buffer) {
                    let _ = upstream.write_all(&buffer[..more]);
                }
            }
            let _ = told.send(());
            // The connection stays open: the client waits for an answer that never comes.
            let mut rest = Vec::new();
            let _ = client.set_read_timeout(None);
            let _ = client.read_to_end(&mut rest);
            return;
        }
        if upstream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}
