//! What there is of a namespace's resources in Kubernetes, Kafka and the store, without what differs from run to run. IO:
//! Kubernetes, Kafka, store.

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kafkasink_crds::resource::KafkaSink;
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::operator::brokers::Brokers;
use crate::operator::sandbox::Sandbox;

/// Objects of the operator carry it.
const OURS: &str = "app.kubernetes.io/managed-by=kafkasink-operator";
/// The label of configurations, whose value is the hash of their content.
const CONFIG_LABEL: &str = "kafkasink.dev/config";
/// What the API server or another run of time makes of an object.
const ALWAYS_NEW: [&str; 6] = [
    "creationTimestamp",
    "generation",
    "lastTransitionTime",
    "managedFields",
    "resourceVersion",
    "consumerGroup",
];

/// One text for each thing there is; two things may have the same.
pub(super) struct Picture {
    things: Vec<String>,
}

impl Picture {
    /// Returns what only one of the two shows.
    pub(super) fn differences(&self, calm: &Self) -> Vec<String> {
        let only = |of: &Self, other: &Self, whose: &str| {
            let mut left = other.things.clone();
            let mut only = Vec::new();
            for thing in &of.things {
                match left.iter().position(|same| same == thing) {
                    Some(at) => drop(left.swap_remove(at)),
                    None => only.push(format!("{whose}: {thing}")),
                }
            }
            only
        };
        [only(self, calm, "only with kills"), only(calm, self, "only without kills")].concat()
    }
}

/// What is called otherwise in each run, and what it is called instead.
pub(super) struct Names {
    stand_ins: BTreeMap<String, String>,
}

impl Names {
    pub(super) fn new(sandbox: &Sandbox) -> Self {
        Self { stand_ins: [(sandbox.namespace.clone(), "NAMESPACE".to_owned())].into() }
    }

    /// Learns the ids of the resources and topics that there are now.
    pub(super) async fn learn(&mut self, sandbox: &Sandbox) -> anyhow::Result<()> {
        for sink in sandbox.api::<KafkaSink>().list(&ListParams::default()).await? {
            let name = sink.name_any();
            self.stand_ins.extend(sink.uid().map(|uid| (uid, format!("UID-{name}"))));
            for topic in sink.status.iter().flat_map(|status| &status.topics) {
                let of = topic.name.replace(&sandbox.namespace, "NAMESPACE");
                self.stand_ins.extend(topic.id.clone().map(|id| (id, format!("ID-{of}"))));
            }
        }
        Ok(())
    }

    fn in_words(&self, kind: &str, name: &str, thing: &Value) -> String {
        let text = format!("{kind} {name} {thing}");
        self.stand_ins.iter().fold(text, |text, (own, stand_in)| text.replace(own, stand_in))
    }
}

/// Returns everything there is.
pub(super) async fn of(sandbox: &Sandbox, brokers: &Brokers, names: &Names) -> anyhow::Result<Picture> {
    let mut names = Names { stand_ins: names.stand_ins.clone() };
    for map in sandbox.api::<ConfigMap>().list(&ListParams::default().labels(CONFIG_LABEL)).await? {
        let hash = map.labels().get(CONFIG_LABEL).cloned();
        names.stand_ins.extend(hash.map(|hash| (hash, "HASH".to_owned())));
    }
    let ours = ListParams::default().labels(OURS);
    let mut things = objects::<KafkaSink>(sandbox, &ListParams::default(), &names).await?;
    things.extend(objects::<StatefulSet>(sandbox, &ours, &names).await?);
    things.extend(objects::<ConfigMap>(sandbox, &ours, &names).await?);
    things.extend(objects::<Service>(sandbox, &ours, &names).await?);
    things.extend(objects::<ServiceAccount>(sandbox, &ours, &names).await?);
    things.extend(objects::<PodDisruptionBudget>(sandbox, &ours, &names).await?);
    for topic in brokers.topics(&sandbox.namespace)? {
        let thing = json!([brokers.partitions(&topic)?, brokers.config(&topic).await?]);
        things.push(names.in_words("topic", &topic, &thing));
    }
    let store = crate::operator::store(sandbox);
    let buckets = store.bucket_list().await?.buckets.into_iter().map(|bucket| bucket.name);
    for bucket in buckets.filter(|name| name.ends_with(&sandbox.namespace)) {
        let settings = store.get_bucket(&bucket).await?.settings().await?;
        things.push(names.in_words("bucket", &bucket, &serde_json::to_value(settings)?));
    }
    Ok(Picture { things })
}

async fn objects<K>(sandbox: &Sandbox, which: &ListParams, names: &Names) -> anyhow::Result<Vec<String>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug,
{
    let mut things = Vec::new();
    for object in sandbox.api::<K>().list(which).await? {
        let mut thing = serde_json::to_value(&object)?;
        forget(&mut thing);
        // A child's own id; that of its owner is known by the owner's name.
        remove(thing.get_mut("metadata"), "uid");
        if K::kind(&()) != KafkaSink::kind(&()) {
            // Nobody writes it but the test.
            remove(Some(&mut thing), "status");
        }
        things.push(names.in_words(&K::kind(&()), &object.name_any(), &thing));
    }
    Ok(things)
}

fn remove(object: Option<&mut Value>, field: &str) {
    if let Some(fields) = object.and_then(Value::as_object_mut) {
        fields.remove(field);
    }
}

/// Takes away what is new each time, at any depth.
fn forget(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !ALWAYS_NEW.contains(&name.as_str()));
            fields.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
