//! Pure. The pods: stable names make stable members of the consumer group, so a restart moves no partition.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapProjection, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource,
    EnvVar, EnvVarSource, HTTPGetAction, KeyToPath, ObjectFieldSelector, PodSecurityContext, PodSpec,
    PodTemplateSpec, Probe, ProjectedVolumeSource, SeccompProfile, SecretProjection, SecurityContext, Volume,
    VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kafkasink_crds::runtime_config::MEMBERS_FILE;

use super::labels::{labels, metadata, selector_labels};
use super::pod_template;
use crate::model::{KeySource, MountedKey, ValidatedSink};
use crate::names::ContentHash;

/// Port of `/livez`, `/readyz` and `/metrics` in every pod.
pub(crate) const ADMIN_PORT: i32 = 8080;

/// Name of that port.
pub(crate) const ADMIN_PORT_NAME: &str = "admin";

/// Name of the runtime's container, by which `podTemplate` finds it.
const CONTAINER: &str = "runtime";

/// The configuration inside its `ConfigMap`.
pub(super) const CONFIG_FILE: &str = "config.yaml";

const CONFIG_DIR: &str = "/etc/kafkasink";
const MEMBERS_DIR: &str = "/etc/kafkasink-members";

/// Name of the volume with tokens, passwords and certificates.
const CREDENTIALS: &str = "credentials";

/// The user that distroless images call `nonroot`.
const USER: i64 = 65532;

/// Longer than the runtime's own deadline for draining, 25 s.
const TERMINATION_GRACE_SECONDS: i64 = 40;

/// A configuration that was not changed for that long is not needed to go back.
const REVISION_HISTORY: i32 = 2;

/// Returns the `StatefulSet`.
///
/// # Errors
/// The pod template of the resource, once merged, is none.
pub(super) fn stateful_set(
    sink: &ValidatedSink,
    replicas: u32,
    hash: &ContentHash,
) -> Result<StatefulSet, serde_json::Error> {
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels(sink)), ..ObjectMeta::default() }),
        spec: Some(pod(sink, hash)),
    };
    let spec = StatefulSetSpec {
        replicas: Some(i32::try_from(replicas).unwrap_or(i32::MAX)),
        // Members do not wait for one another: all of them read their share at once.
        pod_management_policy: Some("Parallel".to_owned()),
        service_name: Some(sink.names.base().to_owned()),
        revision_history_limit: Some(REVISION_HISTORY),
        selector: LabelSelector { match_labels: Some(selector_labels(sink)), match_expressions: None },
        template: pod_template::merged(template, &sink.workload.pod_template)?,
        ..StatefulSetSpec::default()
    };
    Ok(StatefulSet { metadata: metadata(sink, sink.names.base()), spec: Some(spec), status: None })
}

fn pod(sink: &ValidatedSink, hash: &ContentHash) -> PodSpec {
    PodSpec {
        service_account_name: Some(sink.names.base().to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(TERMINATION_GRACE_SECONDS),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        containers: vec![container(sink)],
        volumes: Some(volumes(sink, hash)),
        ..PodSpec::default()
    }
}

fn container(sink: &ValidatedSink) -> Container {
    let args = [
        "--config".to_owned(),
        format!("{CONFIG_DIR}/{CONFIG_FILE}"),
        "--members-file".to_owned(),
        format!("{MEMBERS_DIR}/{MEMBERS_FILE}"),
    ];
    Container {
        name: CONTAINER.to_owned(),
        image: Some(sink.workload.image.clone()),
        args: Some(args.into()),
        env: Some(vec![
            field("POD_NAME", "metadata.name"),
            field("POD_NAMESPACE", "metadata.namespace"),
            field("POD_UID", "metadata.uid"),
        ]),
        ports: Some(vec![ContainerPort {
            name: Some(ADMIN_PORT_NAME.to_owned()),
            container_port: ADMIN_PORT,
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        // Reading the state of a large group back may take a while; until then the pod is neither dead nor ready.
        startup_probe: Some(Probe { failure_threshold: Some(60), ..probe("/livez", 1) }),
        liveness_probe: Some(Probe { failure_threshold: Some(6), ..probe("/livez", 10) }),
        readiness_probe: Some(Probe { failure_threshold: Some(2), ..probe("/readyz", 2) }),
        resources: Some(sink.workload.resources.clone()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            ..SecurityContext::default()
        }),
        // A refused configuration or memory limit is told by the last line of the log.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(mounts(sink)),
        ..Container::default()
    }
}

fn field(name: &str, path: &str) -> EnvVar {
    let selector = ObjectFieldSelector { field_path: path.to_owned(), api_version: None };
    let source = EnvVarSource { field_ref: Some(selector), ..EnvVarSource::default() };
    EnvVar { name: name.to_owned(), value: None, value_from: Some(source) }
}

fn probe(path: &str, period_seconds: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(ADMIN_PORT_NAME.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        timeout_seconds: Some(3),
        ..Probe::default()
    }
}

fn mounts(sink: &ValidatedSink) -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    let mut mounts = vec![
        mount("config", CONFIG_DIR, true),
        mount("members", MEMBERS_DIR, true),
        mount("tmp", "/tmp", false),
    ];
    if !sink.workload.mounted.is_empty() {
        mounts.push(mount(CREDENTIALS, MountedKey::FOLDER, true));
    }
    mounts
}

fn volumes(sink: &ValidatedSink, hash: &ContentHash) -> Vec<Volume> {
    let mut volumes = vec![
        config_map_volume("config", sink.names.config_map(hash)),
        config_map_volume("members", sink.names.members()),
        Volume {
            name: "tmp".to_owned(),
            empty_dir: Some(EmptyDirVolumeSource {
                size_limit: Some(Quantity("16Mi".to_owned())),
                medium: None,
            }),
            ..Volume::default()
        },
    ];
    if !sink.workload.mounted.is_empty() {
        // One volume for all: a certificate and its key change in the same moment.
        let sources = sink.workload.mounted.iter().map(projection).collect();
        let projected = ProjectedVolumeSource { sources: Some(sources), default_mode: None };
        volumes.push(Volume {
            name: CREDENTIALS.to_owned(),
            projected: Some(projected),
            ..Volume::default()
        });
    }
    volumes
}

/// Only the one key: an admin token in the same Secret stays out of the pods.
fn projection(MountedKey { source, file }: &MountedKey) -> VolumeProjection {
    let items =
        |key: &str| Some(vec![KeyToPath { key: key.to_owned(), path: (*file).to_owned(), mode: None }]);
    match source {
        KeySource::Secret(from) => VolumeProjection {
            secret: Some(SecretProjection {
                name: from.name.clone(),
                items: items(&from.key),
                optional: None,
            }),
            ..VolumeProjection::default()
        },
        KeySource::ConfigMap(from) => VolumeProjection {
            config_map: Some(ConfigMapProjection {
                name: from.name.clone(),
                items: items(&from.key),
                optional: None,
            }),
            ..VolumeProjection::default()
        },
    }
}

fn config_map_volume(name: &str, config_map: String) -> Volume {
    let source = ConfigMapVolumeSource { name: config_map, ..ConfigMapVolumeSource::default() };
    Volume { name: name.to_owned(), config_map: Some(source), ..Volume::default() }
}
