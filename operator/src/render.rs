//! IO: files. `render`: what a manifest would lead to, without any cluster.

use std::path::PathBuf;

use kafkasink_crds::resource::KafkaSink;
use kube::ResourceExt;
use serde::Serialize;

use crate::args::RenderArgs;
use crate::desired::{BuildError, objects, replicas, runtime_config_yaml};
use crate::input;
use crate::model::{Fetched, ValidatedSink, WorkloadObjects};
use crate::validate::validate;

/// Why a manifest cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderError {
    /// The file.
    #[error("failed to read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What is in the file.
    #[error("failed to read a KafkaSink from {}", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    /// A resource that cannot be honoured.
    #[error("{0}")]
    Refused(String),
    /// The objects.
    #[error("failed to build the sink's objects")]
    Build(#[source] BuildError),
    /// Their text.
    #[error("failed to write an object as YAML")]
    Write(#[source] serde_saphyr::ser::Error),
}

/// Returns the objects of a manifest as YAML documents, or only the runtime's file.
///
/// # Errors
/// The file cannot be read, or its content cannot be honoured.
pub(crate) fn render(args: &RenderArgs) -> Result<String, RenderError> {
    let failed = |source| RenderError::Read { path: args.file.clone(), source };
    let sink = validated(&input::read(&args.file).map_err(failed)?, args)?;
    if args.runtime_config {
        return runtime_config_yaml(&sink).map_err(RenderError::Write);
    }
    let partitions: Option<u32> = sink.topics.iter().map(|topic| topic.partitions).sum();
    let objects = objects(&sink, replicas(&sink, partitions).effective).map_err(RenderError::Build)?;
    documents(&objects).map_err(RenderError::Write)
}

fn validated(text: &str, args: &RenderArgs) -> Result<ValidatedSink, RenderError> {
    let mut resource: KafkaSink = serde_saphyr::from_str(text)
        .map_err(|source| RenderError::Parse { path: args.file.clone(), source: Box::new(source) })?;
    // What the API server would add.
    let namespace = resource.namespace().unwrap_or_else(|| "default".to_owned());
    let uid = resource.uid().unwrap_or_else(|| "00000000-0000-0000-0000-000000000000".to_owned());
    resource.metadata.namespace = Some(namespace);
    resource.metadata.uid = Some(uid);
    validate(&resource, &Fetched::without_tokens(), &args.runtime_image)
        .map_err(|problem| RenderError::Refused(problem.message))
}

fn documents(objects: &WorkloadObjects) -> Result<String, serde_saphyr::ser::Error> {
    let texts = [
        yaml(&objects.service_account)?,
        yaml(&objects.service)?,
        yaml(&objects.config_map)?,
        yaml(&objects.members)?,
        yaml(&objects.pod_disruption_budget)?,
        yaml(&objects.stateful_set)?,
    ];
    Ok(texts.join("---\n"))
}

fn yaml(object: &impl Serialize) -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(object)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use insta::assert_snapshot;

    use super::{RenderArgs, render};

    fn rendered(file: &str, runtime_config: bool) -> Result<String, String> {
        let args = RenderArgs {
            file: Path::new(env!("CARGO_MANIFEST_DIR")).join(file),
            runtime_config,
            runtime_image: "registry.example/runtime:default".to_owned(),
        };
        render(&args).map_err(|error| error.to_string())
    }

    #[test]
    fn renders_the_smallest_manifest() {
        assert_snapshot!("smallest", rendered("../crds/tests/valid/smallest.yaml", false).unwrap());
    }

    #[test]
    fn renders_everything_that_works() {
        assert_snapshot!("rich", rendered("tests/rich.yaml", false).unwrap());
    }

    #[test]
    fn renders_the_runtimes_file_alone() {
        assert_snapshot!("runtime_config", rendered("../crds/tests/valid/smallest.yaml", true).unwrap());
    }

    #[test]
    fn names_every_field_that_does_not_work_yet() {
        let refused = rendered("../crds/tests/valid/packed-csv.yaml", false);
        let message = "packing does not work in this version; remove it from the resource";
        assert_eq!(refused, Err(message.to_owned()));
    }

    #[test]
    fn takes_every_manifest_that_admission_takes_or_says_what_does_not_work_yet() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/tests/valid");
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            let outcome = rendered(file.to_str().unwrap(), false);
            let taken =
                outcome.as_ref().map_or_else(|error| error.contains("not work in this version"), |_| true);
            assert!(taken, "{}: {outcome:?}", file.display());
        }
    }
}
