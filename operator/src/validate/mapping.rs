//! Pure. How a message becomes a record, every default resolved.

use kafkasink_crds::entry_template::EntryTemplate;
use kafkasink_crds::resource::KafkaSinkSpec;
use kafkasink_crds::resource::{
    ContentTypeSpec, HeaderLabelsPolicy, HeaderLabelsSpec, KeyLabelSpec, LabelsSpec, MappingSpec,
    TimestampFrom, TimestampHeaderSpec, TimestampSpec,
};
use kafkasink_crds::runtime_config::{
    ContentTypeConfig, HeaderLabel, HeaderLabels, KeyLabel, LabelsConfig, MappingConfig, TimestampConfig,
};

use crate::model::Problem;

/// Returns how a message becomes a record.
///
/// # Errors
/// A template that the store could not hold for these topics.
pub(super) fn mapping(spec: &KafkaSinkSpec) -> Result<MappingConfig, Problem> {
    let none = MappingSpec::default();
    let mapping = spec.mapping.as_ref().unwrap_or(&none);
    let entry = mapping.entry.as_deref().unwrap_or(EntryTemplate::DEFAULT);
    let template = EntryTemplate::parse(entry, spec.topics.len())
        .map_err(|error| Problem::invalid(format!("mapping.entry: {error}; correct it")))?;
    if let Some(header) = template.header_names().find(|name| name.contains('/')) {
        return Err(Problem::invalid(format!(
            "mapping.entry: the header name {header:?} must not contain '/'; use another header"
        )));
    }
    for topic in &spec.topics {
        template.check_topic(topic.name.as_str()).map_err(|error| {
            let name = &topic.name;
            Problem::invalid(format!("topic {name} makes no entry name: {error}; change mapping.entry"))
        })?;
    }
    Ok(MappingConfig {
        entry: entry.to_owned(),
        timestamp: timestamp(mapping.timestamp.as_ref())?,
        labels: labels(mapping.labels.as_ref()),
        content_type: content_type(mapping.content_type.as_ref()),
    })
}

fn timestamp(spec: Option<&TimestampSpec>) -> Result<TimestampConfig, Problem> {
    let Some(spec) = spec else { return Ok(TimestampConfig::Message) };
    match (spec.from, &spec.header) {
        (TimestampFrom::Message, _) => Ok(TimestampConfig::Message),
        (TimestampFrom::Header, Some(header)) => Ok(TimestampConfig::Header {
            name: header.name.clone(),
            unit: header.unit,
            on_missing: header.on_missing.unwrap_or(TimestampHeaderSpec::ON_MISSING_DEFAULT),
        }),
        (TimestampFrom::Header, None) => {
            Err(Problem::invalid("mapping.timestamp.header must be set where from is Header".to_owned()))
        }
    }
}

fn labels(spec: Option<&LabelsSpec>) -> LabelsConfig {
    let none = LabelsSpec::default();
    let spec = spec.unwrap_or(&none);
    LabelsConfig {
        headers: headers(spec.headers.as_ref()),
        key: spec.key.as_ref().map(|key| KeyLabel {
            label: key.label.clone().unwrap_or_else(|| KeyLabelSpec::LABEL_DEFAULT.to_owned()),
            encoding: key.encoding.unwrap_or(KeyLabelSpec::ENCODING_DEFAULT),
        }),
        fixed: spec.fixed.clone(),
    }
}

fn headers(spec: Option<&HeaderLabelsSpec>) -> HeaderLabels {
    let Some(spec) = spec else { return HeaderLabels::All { exclude: Vec::new() } };
    match spec.policy {
        HeaderLabelsPolicy::All => HeaderLabels::All { exclude: spec.exclude.clone() },
        HeaderLabelsPolicy::None => HeaderLabels::None,
        HeaderLabelsPolicy::Listed => {
            let item = |item: &kafkasink_crds::resource::HeaderLabelSpec| HeaderLabel {
                name: item.name.clone(),
                label: item.label.clone(),
            };
            HeaderLabels::Listed { items: spec.items.iter().map(item).collect() }
        }
    }
}

fn content_type(spec: Option<&ContentTypeSpec>) -> ContentTypeConfig {
    let none = ContentTypeSpec::default();
    let spec = spec.unwrap_or(&none);
    ContentTypeConfig {
        default: spec.default.clone().unwrap_or_else(|| ContentTypeSpec::DEFAULT.to_owned()),
        header: spec.header.clone(),
    }
}
