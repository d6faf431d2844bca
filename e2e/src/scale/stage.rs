//! `Stage`: the real parts that a run stands on, and a namespace of its own. IO: the lab, Kubernetes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kafkasink_crds::resource::{KafkaSink, crd_yaml};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;
use uuid::Uuid;

use super::crowd::TOKEN_SECRET;
use crate::lab::cluster::Cluster;
use crate::lab::parts::{self, Part};
use crate::lab::state::{KafkaAddress, KubernetesAddress, State, StoreAddress};
use crate::lab::{Daemon, Paths, ensure as lab};

/// Longest time until the API server serves a new definition.
const DEFINITION_MAX: Duration = Duration::from_mins(1);

/// Where everything of one run is.
pub struct Stage {
    pub(super) client: Client,
    pub(super) kubernetes: KubernetesAddress,
    pub(super) kafka: KafkaAddress,
    pub(super) store: StoreAddress,
    pub(super) namespace: String,
    /// Nobody else's operators work here: ours may watch all namespaces.
    pub(super) is_own: bool,
    /// The folder with the logs.
    pub(super) logs: PathBuf,
}

impl Stage {
    /// Starts parts that nobody else uses and that hold nothing.
    ///
    /// # Errors
    /// This is a slow build, whose figures say nothing, or the lab does not come up.
    pub async fn own() -> anyhow::Result<Self> {
        ensure!(!cfg!(debug_assertions), "this is a slow build, its figures say nothing: use `make scale`");
        let paths = own_paths()?;
        // What a run that was killed has left.
        if !Daemon::all(&paths).is_empty() {
            parts::down(&paths).await?;
        }
        let state = parts::up(&paths, &[Part::Kafka, Part::Store, Part::Apiserver]).await?;
        let State { kafka: Some(kafka), store: Some(store), apiserver: Some(kubernetes), .. } = state else {
            anyhow::bail!("a part of the lab has ended at once: {state:?}");
        };
        Self::set(kafka, store, kubernetes, &paths, true).await
    }

    /// Uses the parts that the tests of a checkout share.
    ///
    /// # Errors
    /// The lab does not come up.
    pub async fn shared() -> anyhow::Result<Self> {
        let (kafka, store, kubernetes) = (lab::kafka().await?, lab::store().await?, lab::apiserver().await?);
        Self::set(kafka, store, kubernetes, &Paths::from_env()?, false).await
    }

    /// Stops the parts of [`Stage::own`] and removes their data; logs stay.
    ///
    /// # Errors
    /// Something cannot be stopped.
    pub async fn down() -> anyhow::Result<()> {
        parts::down(&own_paths()?).await.map(drop)
    }

    /// Removes the sinks, so that no other operator finds them.
    ///
    /// # Errors
    /// The API server does not do it.
    pub async fn clear(&self) -> anyhow::Result<()> {
        let all = ListParams::default();
        self.api::<KafkaSink>().delete_collection(&DeleteParams::default(), &all).await?;
        Ok(())
    }

    /// Returns an API of the run's namespace.
    pub(super) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn set(
        kafka: KafkaAddress,
        store: StoreAddress,
        kubernetes: KubernetesAddress,
        paths: &Paths,
        is_own: bool,
    ) -> anyhow::Result<Self> {
        let client = Cluster::existing(&kubernetes.kubeconfig).await?.client();
        install_definition(&client).await?;
        let unique: String = Uuid::new_v4().simple().to_string().chars().take(8).collect();
        let namespace = format!("scale-{unique}");
        let object = serde_json::from_value(json!({ "metadata": { "name": namespace } }))?;
        Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &object).await?;
        let logs = folder_of(&paths.log_file("operator"))?;
        let stage = Self { client, kubernetes, kafka, store, namespace, is_own, logs };
        let secret = json!({
            "metadata": { "name": TOKEN_SECRET.0 }, "stringData": { TOKEN_SECRET.1: stage.store.token },
        });
        let secret: Secret = serde_json::from_value(secret)?;
        stage.api::<Secret>().create(&PostParams::default(), &secret).await?;
        Ok(stage)
    }
}

fn folder_of(file: &Path) -> anyhow::Result<PathBuf> {
    let folder = file.parent().context("find the folder of the logs")?;
    std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    Ok(folder.to_owned())
}

/// A run folder below the usual one: a lab that is up for other purposes is left alone and measures nothing.
fn own_paths() -> anyhow::Result<Paths> {
    let paths = Paths::from_env()?;
    Ok(Paths { run: paths.run.join("scale"), ..paths })
}

/// Installs the definition and waits until it is served.
async fn install_definition(client: &Client) -> anyhow::Result<()> {
    let definition: CustomResourceDefinition = serde_saphyr::from_str(&crd_yaml()?)?;
    let name = definition.name_any();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let user = PatchParams::apply("user").force();
    definitions.patch(&name, &user, &Patch::Apply(&definition)).await?;
    let served = await_condition(definitions, &name, conditions::is_crd_established());
    tokio::time::timeout(DEFINITION_MAX, served).await.context("wait until the definition is served")??;
    Ok(())
}
