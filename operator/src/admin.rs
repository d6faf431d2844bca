//! IO: HTTP. `/livez`, `/readyz` and `/metrics`.
//!
//! `/livez` depends on nothing: a Kafka cluster or a CRD that is missing is no reason to restart the operator.
//! `/readyz` says what is awaited.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// What the operator waits for before it works; `None` once it does.
pub(crate) type Awaited = Option<&'static str>;

#[derive(Clone)]
struct Admin {
    metrics: Arc<Metrics>,
    awaited: watch::Receiver<Awaited>,
}

/// Answers until `stop`.
///
/// # Errors
/// The listener fails.
pub(crate) async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    awaited: watch::Receiver<Awaited>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(ready))
        .route("/metrics", get(numbers))
        .with_state(Admin { metrics, awaited });
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn ready(State(admin): State<Admin>) -> Response {
    let awaited = *admin.awaited.borrow();
    match awaited {
        None => "ok".into_response(),
        Some(what) => (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {what}")).into_response(),
    }
}

async fn numbers(State(admin): State<Admin>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    match admin.metrics.encode() {
        Ok(text) => (kind, text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
