//! `/livez`, `/readyz` and `/metrics`. IO: HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::kafka::Vitals;
use crate::pipeline::Health;

/// How long the reading thread, or a partition with a backlog, may stand still. The thread may legally wait for a slow
/// broker, and a partition for the store's answer, but not that long.
const STANDSTILL_MAX: Duration = Duration::from_mins(2);

/// Media type of the text format that `prometheus-client` writes.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the endpoints tell about.
#[derive(Clone)]
pub struct Admin {
    /// Whether the member is ready.
    pub health: Arc<Health>,
    /// Whether the reading thread is alive, and the brokers let it in.
    pub vitals: Vitals,
    /// All metrics.
    pub registry: Arc<Registry>,
}

/// Why the endpoints are not served.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Serving ended by itself.
    #[error("cannot serve the admin endpoints any more")]
    Serve(#[source] std::io::Error),
}

impl Admin {
    /// Serves until `stop`.
    ///
    /// # Errors
    /// The address cannot be listened on, or serving fails.
    pub async fn serve(self, address: SocketAddr, stop: CancellationToken) -> Result<(), AdminError> {
        let listener =
            TcpListener::bind(address).await.map_err(|source| AdminError::Listen { address, source })?;
        let router = Router::new()
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self);
        axum::serve(listener, router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
            .map_err(AdminError::Serve)
    }
}

async fn livez(State(admin): State<Admin>) -> Response {
    let now = Instant::now().into_std();
    let stands_still = [
        ("the thread that reads from kafka", admin.vitals.pulse.age(now)),
        ("the task that looks after the partitions", admin.health.driver_age(now)),
        ("a partition with messages that are not stored", admin.health.standstill()),
    ];
    match stands_still.into_iter().find(|(_, duration)| *duration > STANDSTILL_MAX) {
        Some((what, duration)) => {
            let reason = format!("{what} has stood still for {} s\n", duration.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, reason).into_response()
        }
        None => "ok\n".into_response(),
    }
}

async fn readyz(State(admin): State<Admin>) -> Response {
    let is_refused = admin.vitals.access.is_refused();
    let refusal = is_refused.then_some("the brokers and this member do not accept each other");
    match refusal.or_else(|| admin.health.obstacle()) {
        Some(obstacle) => (StatusCode::SERVICE_UNAVAILABLE, format!("{obstacle}\n")).into_response(),
        None => "ok\n".into_response(),
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &admin.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
