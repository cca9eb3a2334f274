//! An HTTP/1.1 server that answers as it is told: for what a real API server cannot be made to do. The fault tests of
//! crates/cluster use it too.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What becomes of a request.
pub(crate) enum Reply {
    Answer(u16, String),
    /// With one more header line.
    With(&'static str, u16, String),
    /// The connection ends without a word.
    Reset,
    /// An answer that promises more than it brings.
    Truncated(String),
    /// An answer that never ends.
    Stalled,
}

pub(crate) fn ok(value: &Value) -> Reply {
    Reply::Answer(200, value.to_string())
}

pub(crate) fn status(code: u16, reason: &str, message: &str) -> Reply {
    Reply::Answer(code, status_text(code, reason, message))
}

pub(crate) fn status_text(code: u16, reason: &str, message: &str) -> String {
    json!({"kind": "Status", "code": code, "reason": reason, "message": message,
        "details": {"name": "x"}})
    .to_string()
}

type Handler = dyn FnMut(&Seen) -> Reply + Send;

/// A running server. It lives until the test process ends.
pub(crate) struct Server {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) fn start(handler: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handler: Arc<Mutex<Box<Handler>>> = Arc::new(Mutex::new(Box::new(handler)));
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, handler) = (Arc::clone(&log), Arc::clone(&handler));
                std::thread::spawn(move || serve(&stream.unwrap(), &log, &handler));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        let seen = self.seen();
        seen.iter().filter(|seen| seen.method == method).count()
    }
}

fn serve(stream: &TcpStream, log: &Mutex<Vec<Seen>>, handler: &Mutex<Box<Handler>>) {
    let Some(seen) = receive(stream) else { return };
    log.lock().unwrap().push(seen.clone());
    let reply = handler.lock().unwrap()(&seen);
    let mut out = stream;
    let head = |code: u16, length: usize, more: &str| {
        format!(
            "HTTP/1.1 {code} X\r\ncontent-type: application/json\r\nconnection: close\r\n{more}content-length: {length}\r\n\r\n"
        )
    };
    let text = match reply {
        Reply::Answer(code, body) => head(code, body.len(), "") + &body,
        Reply::With(line, code, body) => head(code, body.len(), &format!("{line}\r\n")) + &body,
        Reply::Reset => return,
        Reply::Truncated(body) => head(200, body.len() + 100, "") + &body,
        Reply::Stalled => {
            let _ = out.write_all(head(200, 100, "").as_bytes());
            std::thread::sleep(Duration::from_secs(60));
            return;
        }
    };
    let _ = out.write_all(text.as_bytes());
}

fn receive(stream: &TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let mut first = lines.first()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen {
        method,
        path,
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}
