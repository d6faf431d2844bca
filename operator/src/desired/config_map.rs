//! Pure. The two `ConfigMap`s of a sink: the runtime's configuration, whose name changes with its content so that pods
//! roll, and the number of members, which changes under running pods.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kafkasink_crds::runtime_config::MEMBERS_FILE;

use super::labels::{CONFIG_LABEL, metadata};
use super::stateful_set::CONFIG_FILE;
use crate::model::ValidatedSink;
use crate::names::ContentHash;

/// Returns the configuration of the runtime.
pub(super) fn config(sink: &ValidatedSink, yaml: &str, hash: &ContentHash) -> ConfigMap {
    let mut metadata = metadata(sink, &sink.names.config_map(hash));
    metadata.labels.get_or_insert_default().insert(CONFIG_LABEL.to_owned(), hash.to_string());
    ConfigMap {
        metadata,
        data: Some([(CONFIG_FILE.to_owned(), yaml.to_owned())].into()),
        immutable: Some(true),
        ..ConfigMap::default()
    }
}

/// Returns the number of members.
pub(super) fn members(sink: &ValidatedSink, members: u32) -> ConfigMap {
    ConfigMap {
        metadata: metadata(sink, &sink.names.members()),
        data: Some(members_data(members)),
        ..ConfigMap::default()
    }
}

/// Returns the content of the `ConfigMap` that tells the number of members.
pub(crate) fn members_data(members: u32) -> BTreeMap<String, String> {
    [(MEMBERS_FILE.to_owned(), format!("{members}\n"))].into()
}
