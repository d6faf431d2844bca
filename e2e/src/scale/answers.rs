//! Answers for the played pods at `/metrics`, each at its own address of this machine. IO: HTTP.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use futures::future::try_join_all;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::crowd::{Crowd, PARTITIONS};

/// Where pods serve `/metrics`.
const ADMIN_PORT: u16 = 8080;
/// Lines that the operator passes over: as many as a member has beside those that matter here.
const OTHER_LINES: usize = 80;
/// Seconds and messages that a member lags which keeps up, one after the other: what is worth no write.
const AGES: [u8; 3] = [1, 0, 2];

/// Listens for all pods, and answers until a listener fails.
pub(super) async fn answer(crowd: &Crowd) -> anyhow::Result<Infallible> {
    let pods = crowd.numbers().map(|number| async move {
        let texts = AGES.map(|age| response(&crowd.topic(number), age));
        serve(bind(crowd.address(number)).await?, Arc::from(texts)).await
    });
    try_join_all(pods).await?;
    anyhow::bail!("there is no pod")
}

async fn bind(address: Ipv4Addr) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from((address, ADMIN_PORT));
    TcpListener::bind(address).await.with_context(|| format!("listen on {address}"))
}

async fn serve(listener: TcpListener, texts: Arc<[String]>) -> anyhow::Result<Infallible> {
    let answered = Arc::new(AtomicUsize::default());
    loop {
        let (stream, _) = listener.accept().await.context("accept a connection to a played pod")?;
        let (texts, answered) = (Arc::clone(&texts), Arc::clone(&answered));
        // It ends with the connection; an operator that is gone is nobody's concern.
        drop(tokio::spawn(async move { converse(stream, &texts, &answered).await }));
    }
}

/// Answers the requests of a connection in turn.
async fn converse(stream: TcpStream, texts: &[String], answered: &AtomicUsize) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        if line == "\r\n" {
            let turn = answered.fetch_add(1, Ordering::Relaxed);
            let text = texts.iter().cycle().nth(turn % AGES.len()).map_or("", String::as_str);
            stream.write_all(text.as_bytes()).await?;
        }
        line.clear();
    }
    Ok(())
}

/// What a member says that keeps up: the newest message of each partition is so many seconds old and about to be stored.
fn response(topic: &str, age: u8) -> String {
    let lags = (0..PARTITIONS).flat_map(|partition| {
        let at = format!("{{topic=\"{topic}\",partition=\"{partition}\"}}");
        ["seconds", "messages"].map(|unit| format!("kafkasink_consumer_lag_{unit}{at} {age}\n"))
    });
    let others = (0..OTHER_LINES).map(|number| {
        format!("kafkasink_write_seconds_bucket{{le=\"{number}\",topic=\"{topic}\"}} {number}\n")
    });
    let metrics: String = lags.chain(others).chain(["# EOF\n".to_owned()]).collect();
    let length = metrics.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{metrics}")
}
