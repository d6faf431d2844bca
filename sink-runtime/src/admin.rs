//! `/livez`, `/readyz` and `/metrics`. IO: HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::kafka::Vitals;
use crate::pipeline::Health;

/// How long the reading thread may stand still; it may legally wait for a slow broker that long.
const PULSE_AGE_MS_MAX: i64 = 120_000;

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
    let age_ms = admin.vitals.pulse.age_ms(Timestamp::now().as_millisecond());
    if age_ms > PULSE_AGE_MS_MAX {
        let reason = format!("the thread that reads from kafka has stood still for {age_ms} ms\n");
        return (StatusCode::SERVICE_UNAVAILABLE, reason).into_response();
    }
    "ok\n".into_response()
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
