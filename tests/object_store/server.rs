//! A store on the loopback interface that speaks as much of the protocols of S3, Google Cloud Storage and Azure as reading
//! takes, and fails where a test wants it to. It knows nothing of signatures.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How an object behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mood {
    Good,
    /// Every second answer is a failure that may pass; every third body ends early.
    Flaky,
    /// With this status, always.
    Always(u16),
    /// Another version with every look.
    Replaced,
}

/// What was asked for: method, key, the first and the last octet.
pub type Asked = (String, String, Option<(u64, u64)>);

#[derive(Default)]
struct Shared {
    objects: HashMap<String, (Vec<u8>, Mood)>,
    asked: Vec<Asked>,
}

pub struct Server {
    pub port: u16,
    shared: Arc<Mutex<Shared>>,
}

impl Server {
    pub fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let kept = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&kept);
                // A client that goes away in the middle is its own affair.
                std::thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        Server { port, shared }
    }

    pub fn put(&self, key: &str, octets: Vec<u8>, mood: Mood) {
        self.shared.lock().unwrap().objects.insert(key.to_owned(), (octets, mood));
    }

    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shared.lock().unwrap().asked)
    }
}

fn serve(stream: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = HashMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let path = unescaped(path.split('?').next().unwrap_or_default());
    // bucket/key; Azure's emulator puts the account before it.
    let key = path.trim_start_matches('/').trim_start_matches("devstoreaccount1/");
    let key = key.split_once('/').map_or("", |(_, key)| key).to_owned();
    let range = headers.get("range").and_then(|range| {
        let (from, upto) = range.strip_prefix("bytes=")?.split_once('-')?;
        Some((from.parse().ok()?, upto.parse().ok()?))
    });
    let (found, turn) = {
        let mut shared = shared.lock().unwrap();
        shared.asked.push((method.to_owned(), key.clone(), range));
        (shared.objects.get(&key).cloned(), shared.asked.len())
    };
    answer(stream, method == "HEAD", found, range, headers.get("if-match"), turn)
}

/// Without `%20` and the like.
fn unescaped(path: &str) -> String {
    let mut octets = path.bytes();
    let mut plain = Vec::new();
    while let Some(octet) = octets.next() {
        let code = (octet == b'%').then(|| [octets.next(), octets.next()].map(Option::unwrap_or_default));
        let code = code.map(|code| String::from_utf8_lossy(&code).into_owned());
        plain.push(code.map_or(octet, |code| u8::from_str_radix(&code, 16).unwrap()));
    }
    String::from_utf8(plain).unwrap()
}

fn answer(
    mut to: TcpStream,
    head: bool,
    found: Option<(Vec<u8>, Mood)>,
    range: Option<(u64, u64)>,
    if_match: Option<&String>,
    turn: usize,
) -> std::io::Result<()> {
    let mut plain =
        |status: u16| write!(to, "HTTP/1.1 {status} so\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let Some((octets, mood)) = found else { return plain(404) };
    let etag = if mood == Mood::Replaced { format!("\"{turn}\"") } else { "\"same\"".to_owned() };
    match mood {
        Mood::Always(status) => return plain(status),
        Mood::Flaky if turn.is_multiple_of(2) => return plain(503),
        _ if if_match.is_some_and(|wanted| *wanted != etag) => return plain(412),
        _ => {}
    }
    let (from, upto) = range.unwrap_or((0, octets.len() as u64 - 1));
    let part = &octets[from as usize..=upto as usize];
    let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
    write!(
        to,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Range: bytes {from}-{upto}/{}\r\nETag: {etag}\r\n\
         Last-Modified: Mon, 23 Nov 2026 04:35:59 GMT\r\nx-ms-version: 2023-11-03\r\nx-ms-blob-type: BlockBlob\r\n\
         Connection: close\r\n\r\n",
        part.len(),
        octets.len()
    )?;
    let upto = if mood == Mood::Flaky && turn.is_multiple_of(3) { part.len() / 2 } else { part.len() };
    if head { Ok(()) } else { to.write_all(&part[..upto]) }
}
