//! Pure. The pods' identity: it has no rights, and no token is mounted.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::labels::metadata;
use crate::model::ValidatedSink;

/// Returns the `ServiceAccount`.
pub(super) fn service_account(sink: &ValidatedSink) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata(sink, sink.names.base()),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
