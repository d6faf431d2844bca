//! Pure. `spec.reductStore`: the store, the credentials and the bucket.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret_ref::{CaSource, SecretSource};
use super::topic::ManagementPolicy;
use crate::bucket_name::BucketName;
use crate::byte_size::ByteSize;
use crate::duration_text::RetentionTime;

/// The ReductStore that records go to. Url and bucket change only while `paused`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.tls) || self.url.startsWith('https://')")
        .message("url must begin with https:// where tls is set")
)]
pub struct ReductStoreSpec {
    /// Base URL of the store. Example: `http://reductstore.plant:8383`.
    #[schemars(length(max = 1024))]
    #[x_kube(
        validation = Rule::new(r"self.matches(r'^https?://([^\[\]/?#@:\s]+|\[[0-9A-Fa-f:.]+\])(:[1-9][0-9]{0,4})?(/[^?#\s]*)?$')")
            .message("url must be http:// or https:// with a host, without user, query or fragment, like http://reductstore:8383")
    )]
    pub url: String,
    /// Secret that holds a token with read and write permission on the bucket. It is mounted into the pods. Absent: no
    /// authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_from: Option<SecretSource>,
    /// Secret that holds a token with full access, by which the operator creates and alters the bucket. It never reaches
    /// a pod. Absent: the bucket must exist, unless the store runs without authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_token_from: Option<SecretSource>,
    /// TLS to the store, for a `https://` url. Absent: the system's authorities are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ReductStoreTlsSpec>,
    /// The bucket.
    pub bucket: BucketSpec,
}

/// TLS to the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReductStoreTlsSpec {
    /// Authorities that are trusted to sign the store's certificate, besides those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_from: Option<CaSource>,
}

/// The bucket that records go to. It is never deleted by the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BucketSpec {
    /// Name of the bucket: letters, digits, `_` and `-`. Several sinks may share it: the oldest decides about its
    /// settings, and a sink whose entries could meet those of an older one starts no pod.
    pub name: BucketName,
    /// Who decides about the bucket: `Enforce` creates it and keeps it as declared, `CreateOnly` creates it and then
    /// leaves it alone, `Observe` never writes; these two report differences and keep nothing from being ready. Default:
    /// `Enforce`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// How long the store keeps records, by a lifecycle policy. Absent: left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<BucketRetentionSpec>,
    /// What the bucket may hold. Absent: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaSpec>,
    /// Most records in one block of an entry. Small blocks are fast at first and slow once an entry has thousands of
    /// them. Default: `256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_block_records: Option<u32>,
    /// Most bytes in one block of an entry. Example: `64Mi`. Default: the store's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_block_size: Option<ByteSize>,
}

impl BucketSpec {
    /// Where `managementPolicy` is absent: a declared bucket is meant to be as declared.
    pub const MANAGEMENT_POLICY_DEFAULT: ManagementPolicy = ManagementPolicy::Enforce;
    /// Where `maxBlockRecords` is absent: the fastest that stays fast as entries grow.
    pub const MAX_BLOCK_RECORDS_DEFAULT: u32 = 256;
}

/// How long the store keeps records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BucketRetentionSpec {
    /// Age at which records are deleted: a number with `h`, `m` or `s`, at least one hour, or `Unlimited`.
    /// Example: `720h`.
    #[x_kube(
        validation = Rule::new("!self.matches('^[0-9]+[ms]$') || duration(self) >= duration('1h')")
            .message("retention.time of a bucket must be at least 1h, or Unlimited")
    )]
    pub time: RetentionTime,
}

/// What a bucket may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotaSpec {
    /// What happens when the quota is reached: `FIFO` deletes the oldest records, `HARD` refuses new ones and holds the
    /// sink up.
    #[serde(rename = "type")]
    pub kind: QuotaType,
    /// Bytes that the bucket may hold. Example: `500Gi`.
    pub size: ByteSize,
}

/// What happens when a bucket's quota is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum QuotaType {
    /// The oldest records are deleted.
    #[serde(rename = "FIFO")]
    Fifo,
    /// New records are refused.
    #[serde(rename = "HARD")]
    Hard,
}
