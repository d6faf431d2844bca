//! IO: network. Goes to a server as a client would, and says how far it came.

use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::fault;
use super::trust::TlsClient;
use crate::certificate::CertificateFacts;
use crate::model::Obstacle;

/// Longest wait for each step: the name, the connection, TLS, the first answer.
const STEP_MAX: Duration = Duration::from_secs(2);

/// Longest visit, whatever its steps would take.
const VISIT_MAX: Duration = Duration::from_secs(5);

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
    /// Tells by the beginning of an answer whether it is one of such a server.
    pub(crate) is_answer: fn(&[u8]) -> bool,
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

impl Visit {
    /// Returns until when the server's own certificate is valid. Those beside it may have ended without harm: clients find
    /// their own way to an authority.
    pub(crate) fn certificate_end(&self) -> Option<Timestamp> {
        self.certificates.first().map(|own| own.not_after)
    }
}

/// Goes to a server; it takes no longer than [`VISIT_MAX`].
pub(crate) async fn visit(to: Destination<'_>) -> Visit {
    let deadline = Instant::now() + VISIT_MAX;
    // Rarely gone on, and large: whoever waits need not be as large.
    Box::pin(go(to, deadline)).await
}

async fn go(to: Destination<'_>, deadline: Instant) -> Visit {
    let mut seen = attempt(to, deadline).await;
    let Some(obstacle) = seen.obstacle.as_mut().filter(|_| to.tls.is_some()) else { return seen };
    // Kafka without TLS hangs up on whoever begins it. So does much else: only who answers without it knows no TLS.
    if fault::may_be_plain(obstacle, &seen.certificates) {
        let plain = attempt(Destination { tls: None, ..to }, deadline).await;
        if plain.obstacle.is_none() && (to.is_answer)(&plain.answer) {
            *obstacle = Obstacle::NoTls;
        }
    }
    seen
}

async fn attempt(to: Destination<'_>, deadline: Instant) -> Visit {
    let (outcome, certificates) = match connect(to, deadline).await {
        Err(obstacle) => (Err(obstacle), Vec::new()),
        Ok(stream) => match to.tls {
            None => (converse(stream, to.opening, deadline).await, Vec::new()),
            Some(tls) => by_tls(to, tls, stream, deadline).await,
        },
    };
    match outcome {
        Ok(answer) => Visit { obstacle: None, certificates, answer },
        Err(obstacle) => Visit { obstacle: Some(obstacle), certificates, answer: Vec::new() },
    }
}

/// When a step that begins now is given up.
fn end_of_step(deadline: Instant) -> Instant {
    deadline.min(Instant::now() + STEP_MAX)
}

async fn connect(
    Destination { host, port, .. }: Destination<'_>,
    deadline: Instant,
) -> Result<TcpStream, Obstacle> {
    let Ok(found) = timeout_at(end_of_step(deadline), lookup_host((host, port))).await else {
        return Err(Obstacle::Name("no answer in time".to_owned()));
    };
    let addresses: Vec<_> = found.map_err(|error| fault::of_name(&error))?.collect();
    let (begin, end) = (Instant::now(), end_of_step(deadline));
    // Each has its share of the time: one that swallows connections leaves the others theirs.
    let share = (end - begin) / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut last = Obstacle::Name("the name has no address".to_owned());
    for address in addresses {
        last = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => fault::of_connection(&error),
            Err(_elapsed) => Obstacle::Connection("nobody takes the connection in time".to_owned()),
        };
    }
    Err(last)
}

/// Returns also what the server has shown, whatever became of it.
async fn by_tls(
    to: Destination<'_>,
    tls: &TlsClient,
    stream: TcpStream,
    deadline: Instant,
) -> (Result<Vec<u8>, Obstacle>, Vec<CertificateFacts>) {
    let (config, witness) = match tls.settings().await {
        Ok(settings) => settings,
        Err(cause) => return (Err(Obstacle::Tls(cause)), Vec::new()),
    };
    let Ok(name) = ServerName::try_from(to.host.to_owned()) else {
        return (Err(Obstacle::Name("it is no name of a host".to_owned())), Vec::new());
    };
    let handshake = TlsConnector::from(config).connect(name, stream);
    let begun = timeout_at(end_of_step(deadline), handshake).await;
    let shown = witness.shown();
    let outcome = match begun {
        Ok(Ok(secured)) => converse(secured, to.opening, deadline).await,
        Ok(Err(error)) => Err(fault::of_handshake(&error, to.host, &shown)),
        Err(_elapsed) => Err(Obstacle::Silence),
    };
    (outcome, shown)
}

/// Says the first words and returns the beginning of the answer.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    opening: &[u8],
    deadline: Instant,
) -> Result<Vec<u8>, Obstacle> {
    let exchange = async {
        stream.write_all(opening).await?;
        stream.flush().await?;
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        while answer.len() < ANSWER_BYTES && stream.read_buf(&mut answer).await? > 0 {}
        Ok(answer)
    };
    let Ok(answered) = timeout_at(end_of_step(deadline), exchange).await else {
        return Err(Obstacle::Silence);
    };
    let answer = answered.map_err(|error| fault::of_silence(&error))?;
    match answer.first() {
        None => Err(Obstacle::HungUp),
        Some(first) => fault::of_answer(*first).map_or(Ok(answer), Err),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::{Destination, Obstacle, TcpStream, TlsClient, visit};
    use crate::certificate::tests::certificate;
    use crate::probe::Trust;

    /// How a record of TLS begins.
    const HANDSHAKE: u8 = 0x16;

    async fn answer(mut stream: TcpStream, to_tls: &[u8], to_plain: &[u8]) {
        let begins_tls = stream.read_u8().await.is_ok_and(|first| first == HANDSHAKE);
        // Whoever has gone already needs no answer.
        drop(stream.write_all(if begins_tls { to_tls } else { to_plain }).await);
    }

    /// Visits, with and without TLS, a server that says this to those who begin TLS and that to others, then hangs up.
    async fn check(to_tls: &'static [u8], to_plain: &'static [u8], expected: [Option<&Obstacle>; 2]) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(stream, to_tls, to_plain).await;
            }
        });
        let authorities = Some(certificate(&[], (2100, 1, 1)));
        let client = TlsClient::new(Trust { authorities, in_system: false }, None);
        let is_answer = |answer: &[u8]| answer.starts_with(b"well");
        let to = |tls| Destination { host: "127.0.0.1", port, tls, opening: b"?", is_answer };
        let found = [visit(to(Some(&client))).await.obstacle, visit(to(None)).await.obstacle];
        server.abort();
        assert_eq!([found[0].as_ref(), found[1].as_ref()], expected, "{to_tls:?} {to_plain:?}");
    }

    #[tokio::test]
    async fn only_who_answers_otherwise_knows_no_tls() {
        let (hung_up, no_tls) = (Some(&Obstacle::HungUp), Some(&Obstacle::NoTls));
        check(b"", b"", [hung_up, hung_up]).await;
        check(b"", b"well, what?", [no_tls, None]).await;
        check(b"", b"who knows what this is", [hung_up, None]).await;
        check(b"HTTP/1.1 400 Bad Request", b"", [no_tls, hung_up]).await;
        check(b"", &[0x15, 3, 3, 0, 2, 2, 70], [hung_up, Some(&Obstacle::WantsTls)]).await;
    }
}
