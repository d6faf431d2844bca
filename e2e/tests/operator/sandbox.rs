//! One namespace of the lab's API server with an operator process of its own. IO: processes, Kubernetes.
//!
//! There is no kubelet and no controller: `StatefulSet`s never get pods, and nothing is collected. Where a test needs
//! ready pods it writes the status that the controller would write ([`Sandbox::play_pods`]).

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kafkasink_crds::resource::KafkaSink;
use kafkasink_e2e::lab::ensure;
use kafkasink_e2e::lab::state::{KafkaAddress, StoreAddress};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::NamespaceResourceScope;
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, Config, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Long enough for the longest pause of the operator and every time-out.
const PATIENCE: Duration = Duration::from_mins(2);

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// A namespace, the parts of the lab, and an operator that watches only this namespace.
pub(crate) struct Sandbox {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) kafka: KafkaAddress,
    pub(crate) store: StoreAddress,
    kubeconfig: PathBuf,
    operator: Operator,
}

/// The operator's process; it ends with the test, however that ends.
pub(crate) struct Operator {
    pub(crate) process: Child,
    admin: SocketAddr,
    log: PathBuf,
}

impl Drop for Operator {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            tracing::warn!(%error, "failed to stop the operator");
        }
    }
}

impl Sandbox {
    /// Brings the lab up, installs the definition and starts an operator.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::start_in(ensure::apiserver().await?.kubeconfig, format!("operator-{}", random())).await
    }

    /// The same in a namespace of this name behind another API server, between the same Kafka and store.
    pub(crate) async fn start_in(kubeconfig: PathBuf, namespace: String) -> anyhow::Result<Self> {
        let client = client(&kubeconfig).await?;
        install_definition(&client).await?;
        let metadata = json!({ "metadata": { "name": namespace } });
        let object: Namespace = serde_json::from_value(metadata)?;
        Api::all(client.clone()).create(&PostParams::default(), &object).await?;
        let (kafka, store) = (ensure::kafka().await?, ensure::store().await?);
        let operator = Operator::start(&kubeconfig, &namespace)?;
        let sandbox = Self { client, namespace, kafka, store, kubeconfig, operator };
        let token = sandbox.store.token.clone();
        sandbox.set_token(&token).await?;
        Ok(sandbox)
    }

    /// An API of this namespace.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// A name for a topic or bucket that nothing else uses.
    pub(crate) fn unique(&self, name: &str) -> String {
        format!("{name}-{}", self.namespace)
    }

    /// Fails if the operator's process has ended, and says how.
    pub(crate) fn assert_alive(&mut self) -> anyhow::Result<()> {
        let ended = self.operator.process.try_wait()?;
        anyhow::ensure!(ended.is_none(), "the operator has ended: {ended:?}");
        Ok(())
    }

    /// Kills the operator as the kernel would: nothing that it has begun is finished.
    pub(crate) fn kill_operator(&mut self) -> anyhow::Result<()> {
        self.operator.process.kill().context("kill the operator")?;
        self.operator.process.wait().context("wait for the operator's end")?;
        Ok(())
    }

    /// Starts an operator after the last one was killed.
    pub(crate) fn start_operator(&mut self) -> anyhow::Result<()> {
        self.operator = Operator::start(&self.kubeconfig, &self.namespace)?;
        Ok(())
    }

    /// The address of the operator's `/metrics`.
    pub(crate) async fn metrics(&self) -> anyhow::Result<String> {
        self.operator.get("metrics").await
    }

    /// How many reconciliations have ended.
    pub(crate) async fn reconciliations(&self) -> anyhow::Result<u64> {
        let metrics = self.metrics().await?;
        let counters = metrics.lines().filter(|line| line.starts_with("controller_runtime_reconcile_total"));
        Ok(counters.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum())
    }

    /// Lets the operator look at a sink, the only one here, in which nothing has changed, and waits until it has.
    pub(crate) async fn look_again(&self, name: &str) -> anyhow::Result<()> {
        let before = self.reconciliations().await?;
        let touch = json!({ "metadata": { "annotations": { "touched": random() } } });
        self.api::<KafkaSink>().patch(name, &PatchParams::default(), &Patch::Merge(touch)).await?;
        eventually(async || Ok((self.reconciliations().await? > before).then_some(()))).await
    }

    /// The address of the operator's own pages.
    pub(crate) fn admin_url(&self) -> String {
        format!("http://{}", self.operator.admin)
    }

    /// What the operator has logged so far.
    pub(crate) fn log(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(&self.operator.log)?)
    }

    /// Stops the operator and starts one that watches another namespace too.
    pub(crate) fn watch_also(&mut self, namespace: &str) -> anyhow::Result<()> {
        let scopes = ["--watch-namespace", &self.namespace, "--watch-namespace", namespace];
        self.operator = Operator::launch(&self.kubeconfig, &self.namespace, &scopes)?;
        Ok(())
    }

    /// Stops the operator and starts another one in its place.
    pub(crate) fn replace_operator(&mut self, kubeconfig: &Path, arguments: &[&str]) -> anyhow::Result<()> {
        self.operator = Operator::launch(kubeconfig, &self.namespace, arguments)?;
        Ok(())
    }

    /// Writes the store's token into the Secret that every manifest refers to.
    pub(crate) async fn set_token(&self, token: &str) -> anyhow::Result<()> {
        self.secret("reductstore", json!({ "token": token })).await
    }

    /// Writes a Secret.
    pub(crate) async fn secret(&self, name: &str, values: Value) -> anyhow::Result<()> {
        let metadata = json!({ "name": name });
        let secret =
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values });
        self.apply::<Secret>(name, secret).await.map(drop)
    }

    /// Applies a `KafkaSink` whose spec is that of [`Self::spec`] with `over` merged into it.
    pub(crate) async fn apply_sink(&self, name: &str, over: Value) -> anyhow::Result<KafkaSink> {
        let mut spec = self.spec(name);
        merge(&mut spec, over);
        self.apply(
            name,
            json!({
                "apiVersion": "kafkasink.dev/v1alpha1", "kind": "KafkaSink",
                "metadata": { "name": name }, "spec": spec,
            }),
        )
        .await
    }

    /// The spec of a sink that works: one topic of three partitions, a bucket, both named after the sink.
    pub(crate) fn spec(&self, name: &str) -> Value {
        let token = json!({ "secretKeyRef": { "name": "reductstore", "key": "token" } });
        json!({
            "kafka": { "bootstrapServers": [self.kafka.bootstrap] },
            "topics": [{ "name": self.unique(name), "partitions": 3 }],
            "reductStore": {
                "url": self.store.url, "tokenFrom": token, "adminTokenFrom": token,
                "bucket": { "name": self.unique(name) },
            },
            "replicas": 2,
        })
    }

    /// Applies an object as a user would.
    pub(crate) async fn apply<K>(&self, name: &str, object: Value) -> anyhow::Result<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let user = PatchParams::apply("user").force();
        Ok(self.api::<K>().patch(name, &user, &Patch::Apply(object)).await?)
    }

    /// Waits until a sink is as `wanted`, and says what it was like at last if it never is.
    pub(crate) async fn until(
        &self,
        name: &str,
        what: &str,
        wanted: impl Fn(&KafkaSink) -> bool,
    ) -> anyhow::Result<KafkaSink> {
        let sinks = self.api::<KafkaSink>();
        let found = eventually(async || Ok(Some(sinks.get(name).await?).filter(|sink| wanted(sink)))).await;
        let Err(error) = found else { return found };
        let last = sinks.get(name).await.map(|sink| sink.status);
        let log = std::fs::read_to_string(&self.operator.log).unwrap_or_default();
        let tail: Vec<_> = log.lines().rev().take(15).collect();
        Err(error.context(format!("{name} was never {what}; status {last:#?}; log backwards {tail:#?}")))
    }

    /// Waits until a sink says `condition`, for example `Ready=False BucketNotFound`, with a message that has all `parts`.
    pub(crate) async fn until_says(&self, name: &str, condition: &str, parts: &[&str]) -> anyhow::Result<()> {
        let sink = self.until(name, condition, |sink| said(sink, condition).is_some()).await?;
        let message = said(&sink, condition).unwrap_or_default();
        let missing: Vec<_> = parts.iter().filter(|part| !message.contains(**part)).collect();
        anyhow::ensure!(missing.is_empty(), "{missing:?} is not in {message:?}");
        Ok(())
    }

    /// Waits until a sink says `condition` with a message that has `part`, whatever it said in between.
    pub(crate) async fn until_message(&self, name: &str, condition: &str, part: &str) -> anyhow::Result<()> {
        let says = |sink: &KafkaSink| said(sink, condition).is_some_and(|message| message.contains(part));
        self.until(name, &format!("{condition}: {part}"), says).await.map(drop)
    }

    /// Waits until a sink warns for `reason` with a message that has `part`.
    pub(crate) async fn until_warns(&self, name: &str, reason: &str, part: &str) -> anyhow::Result<()> {
        let warns = |sink: &KafkaSink| {
            let mut warnings = sink.status.iter().flat_map(|status| &status.warnings);
            warnings.any(|warning| warning.reason == reason && warning.message.contains(part))
        };
        self.until(name, &format!("{reason}: {part}"), warns).await.map(drop)
    }

    /// Waits until an Event gives a reason, with a note that has this part, and returns all Events.
    pub(crate) async fn until_told(&self, reason: &str, part: &str) -> anyhow::Result<Vec<Event>> {
        let has_part = |event: &Event| event.note.as_deref().unwrap_or_default().contains(part);
        let is_told = |event: &Event| event.reason.as_deref() == Some(reason) && has_part(event);
        let told = eventually(async || {
            let events = self.api::<Event>().list(&ListParams::default()).await?.items;
            Ok(events.iter().any(is_told).then_some(events))
        });
        told.await.with_context(|| format!("no Event says {reason} with {part:?}"))
    }

    /// Waits until an object exists and returns it.
    pub(crate) async fn until_exists<K>(&self, name: &str) -> anyhow::Result<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let api = self.api::<K>();
        eventually(async || Ok(api.get_opt(name).await?))
            .await
            .with_context(|| format!("{name} never existed"))
    }

    /// Writes the status that the controller of `StatefulSet`s would write once every pod is ready.
    pub(crate) async fn play_pods(&self, name: &str) -> anyhow::Result<()> {
        let sets = self.api::<StatefulSet>();
        let set = sets.get(name).await?;
        let replicas = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(0);
        let status = json!({ "status": {
            "observedGeneration": set.metadata.generation, "replicas": replicas, "readyReplicas": replicas,
            "updatedReplicas": replicas, "currentRevision": "played", "updateRevision": "played",
        }});
        sets.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await?;
        Ok(())
    }

    /// Deletes the sinks, so that no other operator finds them later.
    pub(crate) async fn finish(self) -> anyhow::Result<()> {
        let sinks = self.api::<KafkaSink>();
        let all = ListParams::default();
        for sink in sinks.list(&all).await? {
            let released = json!({ "metadata": { "finalizers": null } });
            sinks.patch(&sink.name_any(), &PatchParams::default(), &Patch::Merge(released)).await?;
        }
        sinks.delete_collection(&DeleteParams::default(), &all).await?;
        Ok(())
    }
}

impl Operator {
    fn start(kubeconfig: &Path, namespace: &str) -> anyhow::Result<Self> {
        Self::launch(kubeconfig, namespace, &["--watch-namespace", namespace])
    }

    /// Starts an operator; its log is called `name`.
    pub(crate) fn launch(kubeconfig: &Path, name: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        let program = built("kafkasink-operator")?;
        let admin = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.log"));
        let process = Command::new(&program)
            .args(["run", "--log-level", "debug"])
            .args(arguments)
            .args(["--admin-address", &admin.to_string(), "--runtime-image", "registry.example/runtime:test"])
            .env("KUBECONFIG", kubeconfig)
            .stderr(std::fs::File::options().create(true).append(true).open(&log)?)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Self { process, admin, log })
    }

    /// What the operator answers at `/readyz`, `/livez` or `/metrics`.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<String> {
        Ok(reqwest::get(format!("http://{}/{path}", self.admin)).await?.error_for_status()?.text().await?)
    }
}

/// A client of the lab's API server.
pub(crate) async fn client(kubeconfig: &Path) -> anyhow::Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Installs the definition as `kubectl apply --server-side` would, and waits until it is served.
pub(crate) async fn install_definition(client: &Client) -> anyhow::Result<()> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/kafkasinks.yaml");
    install(client, &std::fs::read_to_string(file)?).await
}

/// Installs any definition and waits until it is served.
pub(crate) async fn install(client: &Client, yaml: &str) -> anyhow::Result<()> {
    let definition: CustomResourceDefinition = serde_saphyr::from_str(yaml)?;
    let name = definition.name_any();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let user = PatchParams::apply("user").force();
    definitions.patch(&name, &user, &Patch::Apply(&definition)).await?;
    let served = await_condition(definitions, &name, conditions::is_crd_established());
    tokio::time::timeout(PATIENCE, served).await??;
    Ok(())
}

/// The message of a condition, if it is as in `Ready=False BucketNotFound`.
pub(crate) fn said(sink: &KafkaSink, condition: &str) -> Option<String> {
    let conditions = sink.status.iter().flat_map(|status| &status.conditions);
    let mut same =
        conditions.filter(|found| format!("{}={} {}", found.type_, found.status, found.reason) == condition);
    same.next().map(|found| found.message.clone())
}

/// Looks again and again until there is something.
pub(crate) async fn eventually<T>(look: impl AsyncFnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    eventually_within(PATIENCE, look).await
}

/// The same with a patience of one's own.
pub(crate) async fn eventually_within<T>(
    patience: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let looks = async {
        let mut pause = tokio::time::interval(PAUSE);
        loop {
            pause.tick().await;
            if let Some(found) = look().await? {
                return Ok(found);
            }
        }
    };
    tokio::time::timeout(patience, looks).await.context("waited in vain")?
}

/// A program as cargo built it: beside the folder of this test program.
pub(crate) fn built(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.ancestors().nth(2).context("find the target folder")?;
    let program = folder.join(name);
    anyhow::ensure!(program.is_file(), "{} is not built: cargo build --workspace --bins", program.display());
    Ok(program)
}

fn random() -> String {
    uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect()
}

/// JSON merge patch (RFC 7386).
pub(crate) fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    base.remove(&key);
                } else {
                    merge(base.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (base, over) => *base = over,
    }
}
