//! IO: network. Goes to a server as a client would, and says how far it came.

use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::fault;
use super::trust::TlsClient;
use crate::certificate::CertificateFacts;
use crate::model::Obstacle;

/// Longest wait for each step: the name, the connection, TLS, the first answer.
const STEP_MAX: Duration = Duration::from_secs(2);

/// How much of an answer is waited for; nobody who answers at all says less, but for an alert of TLS, which is the last word.
const ANSWER_BYTES: usize = 10;

/// Where to go, and what to say there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination<'a> {
    /// Name or address.
    pub(crate) host: &'a str,
    /// Port.
    pub(crate) port: u16,
    /// Absent: without TLS.
    pub(crate) tls: Option<&'a TlsClient>,
    /// What makes the server answer.
    pub(crate) opening: &'a [u8],
}

/// How far one came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visit {
    /// What ended it; `None`: nothing did.
    pub(crate) obstacle: Option<Obstacle>,
    /// What the server has shown, its own certificate first.
    pub(crate) certificates: Vec<CertificateFacts>,
    /// The beginning of what it has answered.
    pub(crate) answer: Vec<u8>,
}

/// Goes to a server; it takes no longer than a few seconds.
pub(crate) async fn visit(to: Destination<'_>) -> Visit {
    // Rarely gone on, and large: whoever waits need not be as large.
    Box::pin(go(to)).await
}

async fn go(to: Destination<'_>) -> Visit {
    let (outcome, certificates) = match connect(to).await {
        Err(obstacle) => (Err(obstacle), Vec::new()),
        Ok(stream) => match to.tls {
            None => (converse(stream, to.opening).await, Vec::new()),
            Some(tls) => by_tls(to, tls, stream).await,
        },
    };
    match outcome {
        Ok(answer) => Visit { obstacle: None, certificates, answer },
        Err(obstacle) => Visit { obstacle: Some(obstacle), certificates, answer: Vec::new() },
    }
}

async fn connect(Destination { host, port, .. }: Destination<'_>) -> Result<TcpStream, Obstacle> {
    let late = |what: &str| format!("{what} within {} s", STEP_MAX.as_secs());
    let Ok(found) = timeout(STEP_MAX, lookup_host((host, port))).await else {
        return Err(Obstacle::Name(late("no answer")));
    };
    let addresses: Vec<_> = found.map_err(|error| fault::of_name(&error))?.collect();
    let Ok(connected) = timeout(STEP_MAX, TcpStream::connect(addresses.as_slice())).await else {
        return Err(Obstacle::Connection(late("nobody takes the connection")));
    };
    connected.map_err(|error| fault::of_connection(&error))
}

/// Returns also what the server has shown, whatever became of it.
async fn by_tls(
    to: Destination<'_>,
    tls: &TlsClient,
    stream: TcpStream,
) -> (Result<Vec<u8>, Obstacle>, Vec<CertificateFacts>) {
    let (config, witness) = match tls.settings() {
        Ok(settings) => settings,
        Err(cause) => return (Err(Obstacle::Tls(cause)), Vec::new()),
    };
    let Ok(name) = ServerName::try_from(to.host.to_owned()) else {
        return (Err(Obstacle::Name("it is no name of a host".to_owned())), Vec::new());
    };
    let begun = timeout(STEP_MAX, TlsConnector::from(config).connect(name, stream)).await;
    let shown = witness.shown();
    let outcome = match begun {
        Ok(Ok(secured)) => converse(secured, to.opening).await,
        Ok(Err(error)) => Err(fault::of_handshake(&error, to.host, &shown)),
        Err(_elapsed) => Err(Obstacle::Silence),
    };
    (outcome, shown)
}

/// Says the first words and returns the beginning of the answer.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    opening: &[u8],
) -> Result<Vec<u8>, Obstacle> {
    let exchange = async {
        stream.write_all(opening).await?;
        stream.flush().await?;
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        while answer.len() < ANSWER_BYTES && stream.read_buf(&mut answer).await? > 0 {}
        Ok(answer)
    };
    let Ok(answered) = timeout(STEP_MAX, exchange).await else { return Err(Obstacle::Silence) };
    let answer = answered.map_err(|error| fault::of_silence(&error))?;
    match answer.first() {
        None => Err(Obstacle::HungUp),
        Some(first) => fault::of_answer(*first).map_or(Ok(answer), Err),
    }
}
