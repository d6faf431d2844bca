//! A tap between a member and the store: shut, it accepts connections and says nothing, as a frozen store does. IO: TCP.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Bytes that are passed on at once.
const CHUNK: usize = 64 * 1024;

/// A tap that runs as long as it is kept.
pub(crate) struct Tap {
    pub(crate) url: String,
    is_open: watch::Sender<bool>,
}

impl Tap {
    /// Opens a tap before the store at an URL.
    pub(crate) async fn before(url: &str) -> anyhow::Result<Self> {
        let target = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own_url = format!("http://{}", listener.local_addr()?);
        let (is_open, open) = watch::channel(true);
        tokio::spawn(serve(listener, target, open));
        Ok(Self { url: own_url, is_open })
    }

    /// Passes nothing on from now on.
    pub(crate) fn shut(&self) {
        self.is_open.send_replace(false);
    }

    /// Passes everything on again, also what waited.
    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }
}

/// Connects every client with the target.
async fn serve(listener: TcpListener, target: String, open: watch::Receiver<bool>) {
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(&target).await else { continue };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::spawn(pass(from_client, to_server, open.clone()));
        tokio::spawn(pass(from_server, to_client, open.clone()));
    }
}

/// Passes bytes on while the tap is open, until either side ends or the tap is gone.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut open: watch::Receiver<bool>) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await.unwrap_or(0);
        // What arrives at a shut tap waits, also where it was waited for before.
        if open.wait_for(|is_open| *is_open).await.is_err() {
            return;
        }
        let written = match chunk.get(..read) {
            Some(bytes) if read > 0 => to.write_all(bytes).await.is_ok(),
            Some(_) | None => false,
        };
        if !written {
            return;
        }
    }
}
