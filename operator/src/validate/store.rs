//! Pure. The store's connection and the bucket.

use kafkasink_crds::resource::{BucketSpec, QuotaType, ReductStoreSpec};

use super::credentials::{text, token};
use crate::model::{BucketView, Fetched, Problem, QuotaKind, StoreConnection, ValidatedBucket};

/// Returns how the store is reached.
///
/// # Errors
/// A token or an authority that the resource refers to is not there.
pub(super) fn connection(spec: &ReductStoreSpec, fetched: &Fetched) -> Result<StoreConnection, Problem> {
    Ok(StoreConnection {
        url: spec.url.clone(),
        token: token("reductStore.tokenFrom", &fetched.token)?,
        admin_token: token("reductStore.adminTokenFrom", &fetched.admin_token)?,
        authorities: text("reductStore.tls.caFrom", &fetched.store_ca)?,
    })
}

/// Returns the bucket; only what the resource names is set.
pub(super) fn bucket(spec: &BucketSpec) -> ValidatedBucket {
    ValidatedBucket {
        name: spec.name.clone(),
        management: spec.management_policy.unwrap_or(BucketSpec::MANAGEMENT_POLICY_DEFAULT),
        settings: BucketView {
            quota: spec.quota.as_ref().map(|quota| match quota.kind {
                QuotaType::Fifo => QuotaKind::Fifo,
                QuotaType::Hard => QuotaKind::Hard,
            }),
            quota_bytes: spec.quota.as_ref().map(|quota| quota.size.bytes()),
            max_block_bytes: spec.max_block_size.map(kafkasink_crds::byte_size::ByteSize::bytes),
            max_block_records: spec.max_block_records.map(u64::from),
            held_bytes: None,
        },
        retention: spec.retention.as_ref().map(|retention| retention.time),
    }
}
