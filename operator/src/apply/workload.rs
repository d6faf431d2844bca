//! IO: Kubernetes. Applies the objects of a sink server-side, in the order in which they need one another.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::Instant;

use crate::context::Context;
use crate::desired::{CONFIG_LABEL, SINK_LABEL, members_data};
use crate::fetch;
use crate::kubernetes::{FIELD_MANAGER, KubernetesError, call};
use crate::memory::Memory;
use crate::model::{ValidatedSink, Workload, WorkloadObjects, WorkloadView};
use crate::names::SinkNames;

/// Makes the objects as they shall be and returns how the pods are now; `None` where there are none. `before` is the pods
/// as they were read at the start of this look, returned unread where nothing can have changed.
///
/// # Errors
/// The Kubernetes API does not answer or refuses an object.
pub(crate) async fn workload(
    context: &Context,
    sink: &ValidatedSink,
    workload: Workload,
    before: Option<&WorkloadView>,
) -> Result<Option<WorkloadView>, KubernetesError> {
    let (client, namespace) = (&context.client, &sink.identity.namespace);
    if let Workload::Run(objects) = &workload
        && before
            .is_some_and(|before| before.is_complete() && is_done(&context.memory, sink, objects, before))
    {
        return Ok(before.cloned());
    }
    let uid = &sink.identity.uid;
    let (news, runs) = (context.memory.news(uid), matches!(workload, Workload::Run(_)));
    match workload {
        Workload::Absent | Workload::Keep { scale_down_to: None } => {}
        Workload::Keep { scale_down_to: Some(replicas) } => {
            scale_down(client, namespace, &sink.names, replicas).await?;
        }
        Workload::Run(objects) => {
            run(&Applier { client, memory: &context.memory, sink }, &objects).await?;
        }
    }
    let view = fetch::workload(client, namespace, &sink.names).await?;
    if view.as_ref().is_some_and(WorkloadView::is_complete) {
        drop_old_configs(client, sink).await?;
        if runs {
            context.memory.read(uid, news, Instant::now());
        }
    }
    Ok(view)
}

/// Tells whether everything is as it shall be, with no look but the one at the pods: it was, and no watch has told of it since.
fn is_done(memory: &Memory, sink: &ValidatedSink, objects: &WorkloadObjects, before: &WorkloadView) -> bool {
    let uid = &sink.identity.uid;
    let WorkloadObjects {
        service_account,
        service,
        config_map,
        members,
        pod_disruption_budget,
        stateful_set,
    } = objects;
    memory.is_silent(uid, Instant::now())
        && is_wanted(memory, uid, service_account)
        && is_wanted(memory, uid, service)
        && is_wanted(memory, uid, config_map)
        && is_wanted(memory, uid, members)
        && is_wanted(memory, uid, pod_disruption_budget)
        // It was read just now, and may be ahead of its watch.
        && memory.is_still(uid, &label(stateful_set), stateful_set, &before.version)
}

fn is_wanted<K: Resource<DynamicType = ()> + Serialize>(memory: &Memory, uid: &str, object: &K) -> bool {
    memory.is_wanted(uid, &label(object), object)
}

/// What an object is remembered by.
fn label<K: Resource<DynamicType = ()>>(object: &K) -> String {
    format!("{} {}", K::kind(&()), object.name_any())
}

async fn run(applier: &Applier<'_>, objects: &WorkloadObjects) -> Result<(), KubernetesError> {
    applier.apply(&objects.service_account).await?;
    applier.apply(&objects.service).await?;
    // What pods mount comes before the pods. The number of members comes before it goes down, so that a member that
    // stops knows whether it leaves for good.
    applier.apply(&objects.config_map).await?;
    applier.apply(&objects.members).await?;
    applier.apply(&objects.pod_disruption_budget).await?;
    applier.apply(&objects.stateful_set).await
}

/// Applies objects of one sink; an object that is as it was left is not written again.
struct Applier<'a> {
    client: &'a Client,
    memory: &'a Memory,
    sink: &'a ValidatedSink,
}

impl Applier<'_> {
    async fn apply<K>(&self, object: &K) -> Result<(), KubernetesError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Serialize
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), &self.sink.identity.namespace);
        let (name, label) = (object.name_any(), label(object));
        let uid = &self.sink.identity.uid;
        if self.memory.knows(uid) {
            let now = call(format!("read {label}"), api.get_metadata_opt(&name)).await?;
            if now.is_some_and(|now| self.memory.is_current(uid, &label, object, &now.metadata)) {
                return Ok(());
            }
        }
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let applied =
            call(format!("apply {label}"), api.patch(&name, &parameters, &Patch::Apply(object))).await?;
        self.memory.applied(uid, &label, object, applied.meta());
        Ok(())
    }
}

/// Takes pods away from a sink and changes nothing else of it. The number of members comes first, so that those that
/// stop know that they leave for good.
///
/// # Errors
/// The Kubernetes API does not answer or refuses us.
pub(crate) async fn scale_down(
    client: &Client,
    namespace: &str,
    names: &SinkNames,
    replicas: u32,
) -> Result<(), KubernetesError> {
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let (members, set) = (names.members(), names.base());
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let number = Patch::Merge(json!({ "data": members_data(replicas) }));
    match call(format!("patch ConfigMap {members}"), maps.patch_metadata(&members, &parameters, &number))
        .await
    {
        // Without it they stop all the same, only not for good.
        Err(error) if !error.is_not_found() => return Err(error),
        Ok(_) | Err(_) => {}
    }
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), namespace);
    let scale = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
    call(format!("scale StatefulSet {set}"), sets.patch_metadata(set, &parameters, &scale)).await.map(drop)
}

/// Deletes configurations that no pod mounts any more.
async fn drop_old_configs(client: &Client, sink: &ValidatedSink) -> Result<(), KubernetesError> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &sink.identity.namespace);
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), &sink.identity.namespace);
    let ours = ListParams::default().labels(&format!("{SINK_LABEL}={},{CONFIG_LABEL}", sink.names.sink()));
    let found = call("list the sink's configurations", maps.list_metadata(&ours)).await?;
    if found.items.len() < 2 {
        return Ok(());
    }
    let set = call("read the pods' template", sets.get(sink.names.base())).await?;
    let mounted = mounted_config_maps(&set);
    for old in found.items.iter().map(ResourceExt::name_any).filter(|name| !mounted.contains(name)) {
        match call(format!("delete ConfigMap {old}"), maps.delete(&old, &DeleteParams::default())).await {
            Err(error) if !error.is_not_found() => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

fn mounted_config_maps(set: &StatefulSet) -> Vec<String> {
    let pod = set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let volumes = pod.and_then(|pod| pod.volumes.as_ref()).into_iter().flatten();
    volumes.filter_map(|volume| Some(volume.config_map.as_ref()?.name.clone())).collect()
}
