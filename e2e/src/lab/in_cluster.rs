//! Kafka and `ReductStore` as pods behind Services, as a user would have them. IO: the API server.
//!
//! Inside the cluster they are `kafka.<namespace>:9092` and `reductstore.<namespace>:8383`; from this machine they are
//! reached through [`Doors`].

use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};

use super::cluster::Cluster;
use super::images::{self, Archive};
use super::manifests;
use super::parts::Part;
use super::paths::Paths;
use super::port_forward::{self, PortForward, Target};
use super::preflight::{Need, free_port};
use super::progress::Step;

/// The namespace that the demo's manifests name.
pub const NAMESPACE: &str = "plant";
/// The Secret with the store's token, and its key.
pub const TOKEN_SECRET: (&str, &str) = ("reductstore", "token");

const BASE: &str = include_str!("../../manifests/plant.yaml");
const KAFKA: &str = include_str!("../../manifests/kafka.yaml");
const STORE: &str = include_str!("../../manifests/reductstore.yaml");

/// Kafka's listener for clients outside the cluster; it sends them to a port on 127.0.0.1.
const KAFKA_EXTERNAL_PORT: u16 = 9094;
const STORE_PORT: u16 = 8383;
/// Ports of this machine that are taken if they are free.
const KAFKA_HOST_PORT: u16 = 29092;
const STORE_HOST_PORT: u16 = 28383;
const START_TIMEOUT: Duration = Duration::from_mins(3);

/// Where Kafka and the store are, once they are ready.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The namespace of both.
    pub namespace: String,
    /// Kafka for pods, `kafka.plant:9092`.
    pub kafka_in_cluster: String,
    /// The store for pods, `http://reductstore.plant:8383`.
    pub store_in_cluster: String,
    /// The store's token with all rights, also in the Secret [`TOKEN_SECRET`].
    pub store_token: String,
    /// The port on 127.0.0.1 that Kafka sends clients outside the cluster to.
    kafka_host_port: u16,
}

/// Ways in from this machine; closed when dropped.
#[derive(Debug)]
pub struct Doors {
    /// Kafka for programs of this machine, `127.0.0.1:29092`.
    pub kafka_bootstrap: String,
    /// The store for programs of this machine, `http://127.0.0.1:28383`.
    pub store_url: String,
    _forwards: [PortForward; 2],
}

/// Returns what the machine must have for [`archives`].
#[must_use]
pub fn needs(paths: &Paths) -> Vec<Need> {
    [Part::Kafka.needs(paths), Part::Store.needs(paths), images::kafka_needs(paths)].concat()
}

/// Returns the images of Kafka and the store; building the store takes about five minutes the first time.
///
/// # Errors
/// One of them cannot be built.
pub async fn archives(paths: &Paths, step: &Step) -> anyhow::Result<Vec<Archive>> {
    Ok(vec![images::kafka(paths, step).await?, images::store(paths, step).await?])
}

/// Applies Kafka and the store and waits until both are ready; what runs already keeps its data, token and port.
///
/// # Errors
/// The API server refuses an object, or a pod is not ready in time: then with what it waits for.
pub async fn deploy(client: &Client, namespace: &str) -> anyhow::Result<Addresses> {
    let kafka_host_port = match deployed_port(client, namespace).await? {
        Some(port) => port,
        None => free_port(KAFKA_HOST_PORT)?,
    };
    let store_token = match deployed_token(client, namespace).await? {
        Some(token) => token,
        None => uuid::Uuid::new_v4().simple().to_string(),
    };
    let values = [
        ("$NAMESPACE", namespace),
        ("$EXTERNAL_PORT", &kafka_host_port.to_string()),
        ("$TOKEN", &store_token),
    ];
    for manifest in [BASE, KAFKA, STORE] {
        manifests::apply(client, &manifests::filled(manifest, &values)).await?;
    }
    for labels in ["app=kafka", "app=reductstore"] {
        manifests::wait_for_pods(client, namespace, labels, START_TIMEOUT).await?;
    }
    Ok(Addresses {
        namespace: namespace.to_owned(),
        kafka_in_cluster: format!("kafka.{namespace}:9092"),
        store_in_cluster: format!("http://reductstore.{namespace}:{STORE_PORT}"),
        store_token,
        kafka_host_port,
    })
}

impl Addresses {
    /// Opens the ways in from this machine.
    ///
    /// # Errors
    /// The port that Kafka sends its clients to is taken by now.
    pub async fn open_doors(&self, cluster: &Cluster) -> anyhow::Result<Doors> {
        let target = |app: &str, port| Target {
            namespace: self.namespace.clone(),
            labels: format!("app={app}"),
            port,
        };
        let kafka = target("kafka", KAFKA_EXTERNAL_PORT);
        let kafka = port_forward::open(cluster, kafka, self.kafka_host_port).await?;
        let store = target("reductstore", STORE_PORT);
        let store = port_forward::open(cluster, store, free_port(STORE_HOST_PORT)?).await?;
        Ok(Doors {
            kafka_bootstrap: format!("127.0.0.1:{}", kafka.port),
            store_url: format!("http://127.0.0.1:{}", store.port),
            _forwards: [kafka, store],
        })
    }
}

/// Kafka would have to be restarted to learn another port.
async fn deployed_port(client: &Client, namespace: &str) -> anyhow::Result<Option<u16>> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let found = maps.get_opt("kafka").await.context("look for Kafka's ConfigMap")?;
    let port = found.and_then(|map| map.data?.remove("external-port"));
    port.map(|port| port.parse().with_context(|| format!("read Kafka's external port {port}"))).transpose()
}

async fn deployed_token(client: &Client, namespace: &str) -> anyhow::Result<Option<String>> {
    let (name, key) = TOKEN_SECRET;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let found = secrets.get_opt(name).await.context("look for the store's Secret")?;
    let token = found.and_then(|secret| secret.data?.remove(key));
    token.map(|token| String::from_utf8(token.0).context("read the store's token")).transpose()
}

#[cfg(test)]
mod tests {
    use kube::api::DynamicObject;

    use super::{BASE, KAFKA, STORE};
    use crate::lab::{manifests, versions};

    #[test]
    fn manifests_are_objects_of_the_namespace() {
        for manifest in [BASE, KAFKA, STORE] {
            let text =
                manifests::filled(manifest, &[("$NAMESPACE", "n"), ("$EXTERNAL_PORT", "1"), ("$TOKEN", "t")]);
            let objects: Vec<DynamicObject> = serde_saphyr::from_multiple(&text).unwrap();
            let (namespaces, others): (Vec<_>, Vec<_>) =
                objects.into_iter().partition(|object| object.types.as_ref().unwrap().kind == "Namespace");
            assert!(namespaces.iter().all(|namespace| namespace.metadata.name.as_deref() == Some("n")));
            assert!(others.iter().all(|object| object.metadata.namespace.as_deref() == Some("n")));
        }
    }

    #[test]
    fn manifests_name_the_images_that_are_built() {
        assert!(KAFKA.contains(&format!("image: localhost/kafka:{}\n", versions::KAFKA)));
        assert!(STORE.contains(&format!("image: localhost/reductstore:{}\n", versions::REDUCTSTORE)));
    }
}
