//! For `tests/confinement.rs`: confines itself as the worker does, then tries one forbidden thing. Not shipped.
//!
//! `confined WHAT [CACHE]` prints `denied` or `done`, or is killed by the system.

use std::io::Write;
use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let what = arguments.get(1).map_or("", String::as_str);
    let cache = arguments.get(2).map(Path::new);
    let confinement = nks_worker::confine::confine(cache, || {});
    let denied = match what {
        "report" => {
            let _ = writeln!(std::io::stdout(), "{confinement:?}");
            return;
        }
        "open" => std::fs::read("/etc/hostname").is_err(),
        "write" => std::fs::write("/tmp/nks-confined-was-here", "x").is_err(),
        "cache" => cache.is_none_or(|cache| std::fs::write(cache.join("entry"), "kept").is_err()),
        "connect" => std::net::TcpStream::connect("127.0.0.1:1").is_err(),
        "spawn" => std::process::Command::new("/bin/true").status().is_err(),
        "thread" => std::thread::Builder::new().spawn(|| {}).is_err(),
        "memory" => Vec::<u8>::new().try_reserve_exact(300 << 20).is_err(),
        _ => false,
    };
    let _ = writeln!(
        std::io::stdout(),
        "{}",
        if denied { "denied" } else { "done" }
    );
}
