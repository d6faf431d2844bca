//! A proxy before the store that answers wrongly, late, half or not at all. IO: TCP.
//!
//! It gives every request a connection of its own (`connection: close` is added to its head), so that each can be
//! treated differently, and passes on everything else byte for byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Longest head of a request: the labels of a batch are headers.
const HEAD_BYTES_MAX: usize = 1 << 20;

/// What is done to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mischief {
    /// It is answered with this status and never reaches the store.
    Answer(u16),
    /// Its answer ends in the middle of the head.
    HalfAnswer,
    /// It is read and never answered.
    Silence,
    /// The store gets its head and half of the body that came with it, then the connection ends.
    CutRequest,
    /// It is passed on late.
    Delay(Duration),
    /// The store carries it out, and the answer is dropped.
    LoseAnswer,
    /// It is told, after a while, that the answer to its query goes on with the next request, and so each time.
    NeverEnd(Duration),
}

/// Which requests something is done to.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What is done.
    pub mischief: Mischief,
    /// To one of so many requests.
    pub every: u32,
    /// At most so often, then everything passes.
    pub times: u32,
    /// Only to those whose first line holds this text.
    pub line: &'static str,
}

/// A running proxy; it ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    done: Arc<AtomicU32>,
    rests: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy before the store at `url`.
    ///
    /// # Errors
    /// The URL is not of the form `http://host:port`, or no port is free.
    pub async fn start(url: &str, plan: Plan) -> anyhow::Result<Self> {
        let store =
            url.strip_prefix("http://").context("the url of the store is not http://host:port")?.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, done) = (listener.local_addr()?, Arc::new(AtomicU32::new(0)));
        let rests = Arc::new(AtomicBool::new(false));
        let desk =
            Desk { store, plan, seen: Arc::default(), done: Arc::clone(&done), rests: Arc::clone(&rests) };
        Ok(Self { address, done, rests, task: tokio::spawn(serve(listener, desk)) })
    }

    /// Passes everything on from now on, or follows its plan again.
    pub fn rest(&self, rests: bool) {
        self.rests.store(rests, Ordering::Relaxed);
    }

    /// Returns where it is: `http://host:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns to how many requests something was done.
    #[must_use]
    pub fn done(&self) -> u32 {
        self.done.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What every connection needs.
#[derive(Clone)]
struct Desk {
    store: String,
    plan: Plan,
    seen: Arc<AtomicU32>,
    done: Arc<AtomicU32>,
    rests: Arc<AtomicBool>,
}

impl Desk {
    /// Decides what is done to a request, if anything.
    fn decide(&self, head: &[u8]) -> Option<Mischief> {
        let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if self.rests.load(Ordering::Relaxed) || !String::from_utf8_lossy(line).contains(self.plan.line) {
            return None;
        }
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        if !seen.is_multiple_of(self.plan.every) || self.done.load(Ordering::Relaxed) >= self.plan.times {
            return None;
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        Some(self.plan.mischief)
    }
}

/// Connections live in the set, so that they end with the proxy.
async fn serve(listener: TcpListener, desk: Desk) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                // A connection that breaks is what both sides are here to bear.
                connections.spawn(handle(client, desk.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn handle(mut client: TcpStream, desk: Desk) -> anyhow::Result<()> {
    let (head, body) = read_head(&mut client).await?;
    match desk.decide(&head) {
        None => pass(client, &desk.store, &head, &body).await,
        Some(Mischief::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            pass(client, &desk.store, &head, &body).await
        }
        Some(Mischief::Answer(status)) => {
            answer(client, status, "x-reduct-error: made up by the proxy").await
        }
        Some(Mischief::NeverEnd(pause)) => {
            tokio::time::sleep(pause).await;
            answer(client, 200, "x-reduct-last: false").await
        }
        Some(Mischief::Silence) => {
            copy(&mut client, &mut sink()).await?;
            Ok(())
        }
        Some(Mischief::CutRequest) => {
            let mut store = TcpStream::connect(&desk.store).await?;
            store.write_all(&head).await?;
            let body = if body.is_empty() { read_some(&mut client).await? } else { body };
            store.write_all(body.get(..body.len() / 2).unwrap_or_default()).await?;
            Ok(store.shutdown().await?)
        }
        Some(Mischief::HalfAnswer) => {
            let answer = ask(&mut client, &desk.store, &head, &body).await?;
            let end = find_head(&answer).unwrap_or(answer.len()) / 2;
            Ok(client.write_all(answer.get(..end).unwrap_or_default()).await?)
        }
        Some(Mischief::LoseAnswer) => ask(&mut client, &desk.store, &head, &body).await.map(drop),
    }
}

async fn pass(mut client: TcpStream, store: &str, head: &[u8], body: &[u8]) -> anyhow::Result<()> {
    let mut store = TcpStream::connect(store).await?;
    store.write_all(head).await?;
    store.write_all(body).await?;
    copy_bidirectional(&mut client, &mut store).await?;
    Ok(())
}

/// Carries the request out and returns the whole answer.
async fn ask(client: &mut TcpStream, store: &str, head: &[u8], body: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut store = TcpStream::connect(store).await?;
    store.write_all(head).await?;
    store.write_all(body).await?;
    let (mut from_client, _) = client.split();
    let (mut from_store, mut to_store) = store.split();
    let mut answer = Vec::new();
    tokio::select! {
        // The store closes the connection behind its answer, the client keeps its side open.
        read = from_store.read_to_end(&mut answer) => drop(read?),
        sent = copy(&mut from_client, &mut to_store) => {
            sent?;
            from_store.read_to_end(&mut answer).await?;
        }
    }
    Ok(answer)
}

/// Answers as the store does, and reads what the client still sends, so that it sees the answer and no broken pipe.
async fn answer(mut client: TcpStream, status: u16, header: &str) -> anyhow::Result<()> {
    let text = format!(
        "HTTP/1.1 {status} Mischief\r\nx-reduct-api: 1.21\r\n{header}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await?;
    copy(&mut client, &mut sink()).await?;
    Ok(())
}

/// Reads the head of a request and what of its body came with it.
async fn read_head(client: &mut TcpStream) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = find_head(&read) {
            let body = read.split_off(end);
            return Ok((closing(read), body));
        }
        ensure!(read.len() < HEAD_BYTES_MAX, "the head of a request has more than {HEAD_BYTES_MAX} bytes");
        let some = read_some(client).await?;
        ensure!(!some.is_empty(), "the connection ended within the head of a request");
        read.extend(some);
    }
}

async fn read_some(stream: &mut TcpStream) -> anyhow::Result<Vec<u8>> {
    let mut buffer = vec![0; 1 << 16];
    let count = stream.read(&mut buffer).await?;
    buffer.truncate(count);
    Ok(buffer)
}

/// Returns where the head ends, its empty line included.
fn find_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// Adds to a head that the connection ends behind the answer.
fn closing(mut head: Vec<u8>) -> Vec<u8> {
    head.truncate(head.len().saturating_sub(2));
    head.extend(b"connection: close\r\n\r\n");
    head
}
