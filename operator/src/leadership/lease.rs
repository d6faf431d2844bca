//! IO: Kubernetes. `LeaseObject`: reads and writes the Lease. A write names the version it goes over: somebody else's write
//! in between makes it fail.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};

use super::candidate::Write;
use super::decision::Record;
use crate::kubernetes::{FIELD_MANAGER, KubernetesError, call_within};

/// The Lease that candidates share.
#[derive(Clone)]
pub(crate) struct LeaseObject {
    api: Api<Lease>,
    name: String,
}

impl LeaseObject {
    /// Returns the Lease of that name; nothing is asked yet.
    pub(crate) fn new(client: Client, namespace: &str, name: String) -> Self {
        Self { api: Api::namespaced(client, namespace), name }
    }

    /// Returns what the Lease says and which version that is; `None` where there is none.
    ///
    /// # Errors
    /// The Kubernetes API does not answer within that time, or refuses us.
    pub(super) async fn read(
        &self,
        within: Duration,
    ) -> Result<Option<(Record, ObjectMeta)>, KubernetesError> {
        let attempt = format!("read Lease {}", self.name);
        let found = call_within(within, attempt, self.api.get_opt(&self.name)).await?;
        Ok(found.map(content))
    }

    /// Writes the Lease and returns what it says now.
    ///
    /// # Errors
    /// The Lease stands at another version, or the Kubernetes API does not answer within that time, or refuses us.
    pub(super) async fn write(
        &self,
        write: Write<ObjectMeta>,
        within: Duration,
    ) -> Result<(Record, ObjectMeta), KubernetesError> {
        let Write { record, over } = write;
        let (name, parameters) = (
            &self.name,
            PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() },
        );
        let create = over.is_none();
        let metadata =
            over.unwrap_or_else(|| ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() });
        let lease = Lease { metadata, spec: Some(spec(record)) };
        let written = if create {
            call_within(within, format!("create Lease {name}"), self.api.create(&parameters, &lease)).await
        } else {
            call_within(within, format!("write Lease {name}"), self.api.replace(name, &parameters, &lease))
                .await
        };
        written.map(content)
    }
}

fn content(lease: Lease) -> (Record, ObjectMeta) {
    let spec = lease.spec.unwrap_or_default();
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let record = Record {
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        lease: seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs),
        acquired: spec.acquire_time.map(|MicroTime(time)| time),
        renewed: spec.renew_time.map(|MicroTime(time)| time),
        transitions: spec.lease_transitions.unwrap_or(0),
    };
    (record, lease.metadata)
}

fn spec(record: Record) -> LeaseSpec {
    LeaseSpec {
        holder_identity: record.holder,
        lease_duration_seconds: record.lease.and_then(|lease| i32::try_from(lease.as_secs()).ok()),
        acquire_time: record.acquired.map(MicroTime),
        renew_time: record.renewed.map(MicroTime),
        lease_transitions: Some(record.transitions),
        ..LeaseSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Lease, ObjectMeta, Record, content, spec};

    #[test]
    fn a_record_survives_the_object_and_odd_objects_are_read_with_care() {
        let record = Record {
            holder: Some("me".to_owned()),
            lease: Some(Duration::from_secs(30)),
            acquired: Some(jiff::Timestamp::UNIX_EPOCH),
            renewed: None,
            transitions: 3,
        };
        let of = |spec| content(Lease { metadata: ObjectMeta::default(), spec }).0;
        assert_eq!(of(Some(spec(record.clone()))), record);
        let mut odd = spec(record);
        odd.holder_identity = Some(String::new());
        odd.lease_duration_seconds = Some(0);
        assert_eq!((of(Some(odd.clone())).holder, of(Some(odd)).lease), (None, None));
        assert_eq!(of(None).holder, None);
    }
}
