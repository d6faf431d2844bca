//! Pure. Puts the parts of a [`ValidatedSink`] together.

use kafkasink_crds::resource::Reason;
use kafkasink_crds::resource::WorkloadSpec;
use kafkasink_crds::resource::{KafkaSink, KafkaSinkSpec};
use kafkasink_crds::runtime_config::SinkIdentity;
use kube::ResourceExt;

use super::{binding, credentials, delivery, kafka, mapping, pod_template, store, topics, unsupported};
use crate::model::{Fetched, Problem, ValidatedSink, ValidatedWorkload};
use crate::names::SinkNames;

/// Returns the sink as it can be built.
///
/// # Errors
/// The first thing that prevents it, with its remedy.
pub(crate) fn validate(
    sink: &KafkaSink,
    fetched: &Fetched,
    runtime_image: &str,
) -> Result<ValidatedSink, Problem> {
    let spec = &sink.spec;
    unsupported::refuse(spec)?;
    let names = SinkNames::parse(&sink.name_any())
        .map_err(|error| Problem::invalid(format!("{error}; rename it")))?;
    refuse_foreign(fetched)?;
    let identity = identity(sink)?;
    let dead_letter = spec.delivery.as_ref().and_then(|delivery| delivery.dead_letter.as_ref());
    let validated = ValidatedSink {
        kafka: kafka::kafka(&spec.kafka, &identity)?,
        credentials: credentials::kafka(&spec.kafka, fetched)?,
        topics: topics::consumed(&spec.topics)?,
        dead_letter: dead_letter.map(topics::dead_letter),
        store: store::connection(&spec.reduct_store, fetched)?,
        bucket: store::bucket(&spec.reduct_store.bucket),
        mapping: mapping::mapping(spec)?,
        delivery: delivery::delivery(spec.delivery.as_ref())?,
        workload: workload(spec, runtime_image)?,
        replicas: spec.replicas,
        paused: spec.paused.unwrap_or(false),
        identity,
        names,
    };
    binding::check(sink, &validated)?;
    Ok(validated)
}

fn identity(sink: &KafkaSink) -> Result<SinkIdentity, Problem> {
    let missing = |field: &str| Problem::invalid(format!("metadata.{field} is missing"));
    Ok(SinkIdentity {
        namespace: sink.namespace().ok_or_else(|| missing("namespace"))?,
        name: sink.name_any(),
        uid: sink.uid().ok_or_else(|| missing("uid"))?,
    })
}

fn refuse_foreign(fetched: &Fetched) -> Result<(), Problem> {
    if fetched.foreign.is_empty() && fetched.leftover.is_empty() {
        return Ok(());
    }
    if fetched.foreign.is_empty() {
        let objects = fetched.leftover.join(", ");
        let message =
            format!("Kubernetes still removes what a deleted sink of this name left: {objects}; wait");
        return Err(Problem::new(Reason::Progressing, message));
    }
    let objects = fetched.foreign.join(", ");
    Err(Problem::new(
        Reason::NameConflict,
        format!(
            "names of this sink are taken by somebody else: {objects}; delete them or rename the resource"
        ),
    ))
}

fn workload(spec: &KafkaSinkSpec, runtime_image: &str) -> Result<ValidatedWorkload, Problem> {
    let none = WorkloadSpec::default();
    let workload = spec.workload.as_ref().unwrap_or(&none);
    Ok(ValidatedWorkload {
        image: workload.image.clone().unwrap_or_else(|| runtime_image.to_owned()),
        log_level: workload.log_level.unwrap_or(WorkloadSpec::LOG_LEVEL_DEFAULT),
        resources: pod_template::resources(workload.resources.as_ref()),
        mounted: credentials::mounted(spec),
        pod_template: pod_template::checked(workload.pod_template.as_ref())?,
    })
}

#[cfg(test)]
mod tests {
    use kafkasink_crds::resource::{KafkaSink, MappingSpec, Reason};

    use super::{Fetched, validate};
    use crate::model::SecretValue;

    fn check(change: impl FnOnce(&mut KafkaSink, &mut Fetched), reason: Reason, message: &str) {
        let text = include_str!("../../../crds/tests/valid/smallest.yaml");
        let mut sink: KafkaSink = serde_saphyr::from_str(text).unwrap();
        sink.metadata.namespace = Some("plant".to_owned());
        sink.metadata.uid = Some("u".to_owned());
        let mut fetched = Fetched::without_tokens();
        change(&mut sink, &mut fetched);
        let problem = validate(&sink, &fetched, "image").unwrap_err();
        assert_eq!((problem.reason, problem.message.as_str()), (reason, message));
    }

    #[test]
    fn names_the_secret_or_key_that_is_missing() {
        check(
            |_, fetched| fetched.token = SecretValue::NoObject("Secret reductstore".to_owned()),
            Reason::SecretNotFound,
            "reductStore.tokenFrom refers to Secret reductstore, which does not exist; create it in the namespace \
             of the resource",
        );
        check(
            |_, fetched| {
                fetched.admin_token =
                    SecretValue::NoKey { object: "Secret s".to_owned(), key: "k".to_owned() };
            },
            Reason::SecretNotFound,
            "reductStore.adminTokenFrom refers to key k of Secret s, which has no such key with a text; add the key \
             or correct the reference",
        );
    }

    #[test]
    fn names_the_config_map_that_is_missing() {
        check(
            |_, fetched| fetched.kafka.ca = SecretValue::NoObject("ConfigMap plant-ca".to_owned()),
            Reason::ConfigMapNotFound,
            "kafka.tls.caFrom refers to ConfigMap plant-ca, which does not exist; create it in the namespace of the \
             resource",
        );
        check(
            |_, fetched| {
                fetched.kafka.password =
                    SecretValue::NoKey { object: "Secret cameras".to_owned(), key: "password".to_owned() };
            },
            Reason::SecretNotFound,
            "kafka.authentication.passwordFrom refers to key password of Secret cameras, which has no such key with a \
             text; add the key or correct the reference",
        );
    }

    #[test]
    fn takes_over_nothing_of_others() {
        check(
            |_, fetched| {
                fetched.foreign = vec!["Service a-sink".to_owned(), "ConfigMap a-sink-members".to_owned()];
            },
            Reason::NameConflict,
            "names of this sink are taken by somebody else: Service a-sink, ConfigMap a-sink-members; delete them or \
             rename the resource",
        );
    }

    #[test]
    fn waits_for_the_end_of_an_earlier_sink_of_the_same_name() {
        check(
            |_, fetched| fetched.leftover = vec!["Service a-sink".to_owned()],
            Reason::Progressing,
            "Kubernetes still removes what a deleted sink of this name left: Service a-sink; wait",
        );
    }

    #[test]
    fn refuses_resources_that_were_stored_under_older_rules() {
        check(
            |sink, _| sink.metadata.name = Some("a.b".to_owned()),
            Reason::InvalidSpec,
            "metadata.name must begin with a lower-case letter and consist of lower-case letters, digits and '-', \
             unlike \"a.b\"; rename it",
        );
        check(
            |sink, _| sink.spec.topics.push(sink.spec.topics[0].clone()),
            Reason::InvalidSpec,
            "topics must name cameras only once",
        );
        let owned = ("group.id".to_owned(), "mine".to_owned());
        check(
            |sink, _| sink.spec.kafka.properties.extend([owned]),
            Reason::InvalidSpec,
            "kafka.properties must not set group.id, which belongs to the sink; remove it",
        );
    }

    #[test]
    fn refuses_what_admission_cannot_see() {
        check(
            |sink, _| sink.spec.kafka.bootstrap_servers = vec!["a:9092".to_owned(), "b:65536".to_owned()],
            Reason::InvalidSpec,
            "kafka.bootstrapServers: \"b:65536\" has no port between 1 and 65535; correct it",
        );
        let entry = |sink: &mut KafkaSink, entry: String| {
            sink.spec.mapping = Some(MappingSpec { entry: Some(entry), ..MappingSpec::default() });
        };
        check(
            |sink, _| entry(sink, "{partition}/{header:a/b}".to_owned()),
            Reason::InvalidSpec,
            "mapping.entry: the header name \"a/b\" must not contain '/'; use another header",
        );
        check(
            |sink, _| entry(sink, format!("{}/{{partition}}", "a".repeat(256))),
            Reason::InvalidSpec,
            "mapping.entry: a segment of an entry template must have at most 255 bytes, not 256; correct it",
        );
    }
}
