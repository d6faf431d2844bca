//! The operator with exactly the rights and arguments that its chart gives it. IO: Helm, processes, Kubernetes.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kafkasink_crds::resource::KafkaSink;
use kafkasink_e2e::lab::ensure::apiserver;
use kafkasink_e2e::lab::{Paths, Progress, Run, helm};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::Kubeconfig;
use kube::core::ApiResource;
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::{Value, json};

use crate::operator::sandbox::{Sandbox, client, eventually};

/// Arguments of the chart that a test has its own values for.
const OWN: [&str; 3] = ["--admin-address=", "--runtime-image=", "--log-level="];

/// Renders the chart for a release in the sandbox's namespace, as documents.
async fn render(sandbox: &Sandbox, settings: &[String]) -> anyhow::Result<Vec<Value>> {
    let (paths, step) = (Paths::from_env()?, Progress::silent().step("renders the chart"));
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/kafkasink-operator");
    let run = Run::new(helm::program(&paths, &step).await?).args(["template", "kafkasink"]).arg(chart);
    let run = run.args(["--kube-version", "1.36", "--namespace", &sandbox.namespace]);
    let text = run.args(settings.iter().flat_map(|setting| ["--set", setting])).run().await?.stdout;
    Ok(serde_saphyr::from_multiple(&text)?)
}

fn resource_of(kind: &str) -> Option<ApiResource> {
    let kinds = [
        ApiResource::erase::<ServiceAccount>(&()),
        ApiResource::erase::<Role>(&()),
        ApiResource::erase::<RoleBinding>(&()),
        ApiResource::erase::<ClusterRole>(&()),
        ApiResource::erase::<ClusterRoleBinding>(&()),
    ];
    kinds.into_iter().find(|known| known.kind == kind)
}

/// Applies what gives rights.
async fn grant(client: &Client, documents: &[Value]) -> anyhow::Result<()> {
    for document in documents {
        let object: DynamicObject = serde_json::from_value(document.clone())?;
        let kind = object.types.as_ref().map(|types| types.kind.clone()).unwrap_or_default();
        let Some(resource) = resource_of(&kind) else { continue };
        let api: Api<DynamicObject> = match object.namespace() {
            Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        api.patch(&object.name_any(), &PatchParams::apply("helm").force(), &Patch::Apply(&object)).await?;
    }
    Ok(())
}

/// Writes a kubeconfig by which the API server knows the chart's account, and nothing more.
async fn kubeconfig_of_account(sandbox: &Sandbox) -> anyhow::Result<PathBuf> {
    let accounts = sandbox.api::<ServiceAccount>();
    let request = TokenRequest::default();
    let token = accounts.create_token_request("kafkasink", &PostParams::default(), &request).await?;
    let token = token.status.context("the token request is not answered")?.token;
    let mut config = serde_json::to_value(Kubeconfig::read_from(apiserver().await?.kubeconfig)?)?;
    for user in
        config.get_mut("users").and_then(Value::as_array_mut).context("the kubeconfig has no users")?
    {
        let user = user.as_object_mut().context("a user is no object")?;
        user.insert("user".to_owned(), json!({ "token": token }));
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.kubeconfig", sandbox.namespace));
    std::fs::write(&file, serde_json::to_vec(&config)?)?;
    Ok(file)
}

/// The arguments of the chart's container, but for those that a test sets itself.
fn arguments(documents: &[Value]) -> anyhow::Result<Vec<String>> {
    let deployment = documents
        .iter()
        .find(|document| document.get("kind").is_some_and(|kind| kind == Deployment::kind(&()).as_ref()));
    let arguments = deployment.and_then(|it| it.pointer("/spec/template/spec/containers/0/args"));
    let all: Vec<String> = serde_json::from_value(arguments.cloned().context("the chart has no arguments")?)?;
    let kept = all.into_iter().skip(1).filter(|argument| !OWN.iter().any(|own| argument.starts_with(own)));
    Ok(kept.collect())
}

/// Creates a namespace with the store's Secret and a sink in it.
pub(crate) async fn sink_elsewhere(sandbox: &Sandbox, namespace: &str) -> anyhow::Result<()> {
    let object: Namespace = serde_json::from_value(json!({ "metadata": { "name": namespace } }))?;
    Api::all(sandbox.client.clone()).create(&PostParams::default(), &object).await?;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "reductstore" },
        "stringData": { "token": sandbox.store.token },
    });
    let secrets: Api<Secret> = Api::namespaced(sandbox.client.clone(), namespace);
    secrets.create(&PostParams::default(), &serde_json::from_value(secret)?).await?;
    let sink = json!({
        "apiVersion": "kafkasink.dev/v1alpha1", "kind": "KafkaSink",
        "metadata": { "name": "away" }, "spec": sandbox.spec(namespace),
    });
    let sinks: Api<KafkaSink> = Api::namespaced(sandbox.client.clone(), namespace);
    sinks.create(&PostParams::default(), &serde_json::from_value(sink)?).await?;
    Ok(())
}

pub(crate) async fn has_pods(sandbox: &Sandbox, namespace: &str, sink: &str) -> anyhow::Result<bool> {
    let sets: Api<StatefulSet> = Api::namespaced(sandbox.client.clone(), namespace);
    Ok(sets.get_opt(&format!("{sink}-sink")).await?.is_some())
}

/// A whole life: created, told of, scaled, deleted with its topic; nothing of it was forbidden.
async fn live(sandbox: &Sandbox) -> anyhow::Result<()> {
    let topic = json!({ "name": sandbox.unique("here"), "partitions": 3, "deletionPolicy": "Delete" });
    sandbox.apply_sink("here", json!({ "topics": [topic] })).await?;
    sandbox.until_exists::<StatefulSet>("here-sink").await?;
    sandbox.play_pods("here-sink").await?;
    sandbox.until_says("here", "Ready=True Reconciled", &[]).await?;
    sandbox
        .apply_sink("here", json!({ "topics": [topic], "delivery": { "batch": { "maxRecords": 7 } } }))
        .await?;
    sandbox.until_says("here", "Ready=False RolloutInProgress", &[]).await?;
    sandbox.play_pods("here-sink").await?;
    sandbox.until_says("here", "Ready=True Reconciled", &[]).await?;
    let sinks = sandbox.api::<KafkaSink>();
    sinks.delete("here", &DeleteParams::default()).await?;
    eventually(async || Ok(sinks.get_opt("here").await?.is_none().then_some(()))).await?;
    let log = sandbox.log()?;
    let forbidden: Vec<_> = log.lines().filter(|line| line.contains("forbidden")).collect();
    ensure!(forbidden.is_empty(), "the chart lacks rights: {forbidden:#?}");
    Ok(())
}

/// Starts the operator as the chart would, with its account.
async fn install(sandbox: &mut Sandbox, settings: &[String]) -> anyhow::Result<Client> {
    let documents = render(sandbox, settings).await?;
    grant(&sandbox.client, &documents).await?;
    let kubeconfig = kubeconfig_of_account(sandbox).await?;
    let arguments = arguments(&documents)?;
    sandbox.replace_operator(&kubeconfig, &arguments.iter().map(String::as_str).collect::<Vec<_>>())?;
    client(&kubeconfig).await
}

#[tokio::test]
async fn works_in_the_namespaces_it_is_given_and_has_no_right_elsewhere() -> anyhow::Result<()> {
    let mut sandbox = Sandbox::start().await?;
    let [also, other] = ["also", "other"].map(|name| format!("{name}-{}", sandbox.namespace));
    for namespace in [&also, &other] {
        sink_elsewhere(&sandbox, namespace).await?;
    }
    let setting = format!("watchNamespaces={{{},{also}}}", sandbox.namespace);
    let account = install(&mut sandbox, &[setting]).await?;
    eventually(async || Ok(has_pods(&sandbox, &also, "away").await?.then_some(()))).await?;
    live(&sandbox).await?;
    ensure!(!has_pods(&sandbox, &other, "away").await?, "it works where it was not told to");
    let secrets: Api<Secret> = Api::namespaced(account, &other);
    let refusal = secrets.list(&ListParams::default()).await.err().context("it may read foreign Secrets")?;
    ensure!(matches!(&refusal, kube::Error::Api(status) if status.is_forbidden()), "{refusal}");
    for namespace in [&also, &other] {
        let sinks: Api<KafkaSink> = Api::namespaced(sandbox.client.clone(), namespace);
        sinks.delete("away", &DeleteParams::default()).await?;
    }
    sandbox.finish().await
}

#[tokio::test]
async fn works_in_all_namespaces_by_the_chart_as_it_is() -> anyhow::Result<()> {
    let mut sandbox = Sandbox::start().await?;
    // Other operators of this test program have namespaces of their own, and this one must leave them alone.
    let documents = render(&sandbox, &[]).await?;
    grant(&sandbox.client, &documents).await?;
    let kubeconfig = kubeconfig_of_account(&sandbox).await?;
    let namespace = sandbox.namespace.clone();
    let mut arguments = arguments(&documents)?;
    arguments.push(format!("--watch-namespace={namespace}"));
    sandbox.replace_operator(&kubeconfig, &arguments.iter().map(String::as_str).collect::<Vec<_>>())?;
    live(&sandbox).await?;
    sandbox.finish().await
}

#[tokio::test]
async fn a_namespace_that_refuses_it_is_told_of_and_holds_up_no_other() -> anyhow::Result<()> {
    let mut sandbox = Sandbox::start().await?;
    let refusing = format!("also-{}", sandbox.namespace);
    sink_elsewhere(&sandbox, &refusing).await?;
    let watching = |namespaces: &str| format!("watchNamespaces={{{namespaces}}}");
    let documents = render(&sandbox, &[watching(&sandbox.namespace)]).await?;
    grant(&sandbox.client, &documents).await?;
    let kubeconfig = kubeconfig_of_account(&sandbox).await?;
    let mut arguments = arguments(&documents)?;
    arguments.push(format!("--watch-namespace={refusing}"));
    sandbox.replace_operator(&kubeconfig, &arguments.iter().map(String::as_str).collect::<Vec<_>>())?;

    sandbox.apply_sink("here", json!({})).await?;
    sandbox.until_exists::<StatefulSet>("here-sink").await?;
    let metric = format!("kafkasink_operator_namespace_watched{{namespace=\"{refusing}\"}}");
    let says = async |number: u8| {
        let metrics = sandbox.metrics().await?;
        anyhow::Ok(metrics.lines().any(|line| line == format!("{metric} {number}")))
    };
    ensure!(says(0).await?, "{metric} does not tell");
    let told = format!("namespace {refusing}");
    let log = sandbox.log()?;
    let is_told = |line: &str| line.contains(&told) && line.contains("forbidden");
    ensure!(log.lines().any(is_told), "nothing is told of {refusing}: {log}");

    let both = format!("{},{refusing}", sandbox.namespace);
    grant(&sandbox.client, &render(&sandbox, &[watching(&both)]).await?).await?;
    eventually(async || Ok(has_pods(&sandbox, &refusing, "away").await?.then_some(()))).await?;
    ensure!(says(1).await?, "{metric} does not tell");
    let sinks: Api<KafkaSink> = Api::namespaced(sandbox.client.clone(), &refusing);
    sinks.delete("away", &DeleteParams::default()).await?;
    sandbox.finish().await
}
