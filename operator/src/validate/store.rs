//! Pure. The store's access and the bucket.

use kafkasink_crds::resource::Reason;
use kafkasink_crds::resource::{BucketSpec, QuotaType, ReductStoreSpec};

use crate::model::{
    BucketView, Fetched, Problem, QuotaKind, SecretValue, StoreAccess, Token, ValidatedBucket,
};

/// Returns how the store is reached.
///
/// # Errors
/// A token that the resource refers to is not there.
pub(super) fn access(spec: &ReductStoreSpec, fetched: &Fetched) -> Result<StoreAccess, Problem> {
    Ok(StoreAccess {
        url: spec.url.clone(),
        token: token("reductStore.tokenFrom", &fetched.token)?,
        admin_token: token("reductStore.adminTokenFrom", &fetched.admin_token)?,
    })
}

fn token(field: &str, value: &SecretValue) -> Result<Option<Token>, Problem> {
    let missing = |what: String, remedy: String| {
        Err(Problem::new(Reason::SecretNotFound, format!("{field} refers to {what}; {remedy}")))
    };
    match value {
        SecretValue::NotReferenced => Ok(None),
        SecretValue::Found(token) => Ok(Some(token.clone())),
        SecretValue::NoSecret(secret) => missing(
            format!("Secret {secret}, which does not exist"),
            "create it in the namespace of the resource".to_owned(),
        ),
        SecretValue::NoKey { secret, key } => missing(
            format!("key {key} of Secret {secret}, which has no such key with a text"),
            "add the key or correct the reference".to_owned(),
        ),
    }
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
        },
        retention: spec.retention.as_ref().map(|retention| retention.time),
    }
}
