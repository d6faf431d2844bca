//! What the API server takes and refuses, by its real schema and rules. IO: the lab's kube-apiserver, with Knative's
//! definition of the same kind beside ours.
//!
//! The manifests are those of `crds/tests`; its `README.md` tells what their first line means.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use http::Request;
use kafkasink_e2e::lab::ensure;
use kube::Client;

use crate::operator::sandbox;

const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/tests");

/// A client of an API server that knows both definitions.
async fn client() -> anyhow::Result<Client> {
    let client = sandbox::client(&ensure::apiserver().await?.kubeconfig).await?;
    sandbox::install_definition(&client).await?;
    let knative = std::fs::read_to_string(Path::new(MANIFESTS).join("knative-kafkasinks.yaml"))?;
    sandbox::install(&client, &knative).await?;
    Ok(client)
}

fn manifests(folder: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(Path::new(MANIFESTS).join(folder))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// Does what `kubectl create --dry-run=server --validate=strict` does; the answer is the refusal, if it is refused.
async fn refusal(client: &Client, manifest: &str) -> anyhow::Result<Option<String>> {
    let path = "/apis/kafkasink.dev/v1alpha1/namespaces/default/kafkasinks?dryRun=All&fieldValidation=Strict";
    let request =
        Request::post(path).header("Content-Type", "application/yaml").body(manifest.as_bytes().to_vec())?;
    match client.request_text(request).await {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) => Ok(Some(status.message)),
        Err(error) => Err(error.into()),
    }
}

#[tokio::test]
async fn takes_every_valid_manifest() -> anyhow::Result<()> {
    let client = client().await?;
    for file in manifests("valid")? {
        let refusal = refusal(&client, &std::fs::read_to_string(&file)?).await?;
        assert_eq!(refusal, None, "{}", file.display());
    }
    Ok(())
}

#[tokio::test]
async fn refuses_every_invalid_manifest_with_its_message() -> anyhow::Result<()> {
    let client = client().await?;
    let mut wrong = Vec::new();
    for file in manifests("invalid")? {
        let manifest = std::fs::read_to_string(&file)?;
        let first = manifest.lines().next().unwrap_or_default();
        let expected = first.strip_prefix("# refused: ").with_context(|| format!("{}", file.display()))?;
        let refusal = refusal(&client, &manifest).await?.unwrap_or_else(|| "it was taken".to_owned());
        if !expected.split(" | ").any(|message| refusal.contains(message)) {
            wrong.push(format!("{}: expected {expected:?}, is {refusal}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
