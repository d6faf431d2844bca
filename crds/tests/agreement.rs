//! Pure. What admission takes, the types parse, and the other way round.

#![expect(clippy::unwrap_used, reason = "what is not as it should be fails the test")]

use kafkasink_crds::bucket_name::BucketName;
use kafkasink_crds::byte_size::ByteSize;
use kafkasink_crds::duration_text::{Delay, RetentionTime};
use kafkasink_crds::entry_template::EntryTemplate;
use kafkasink_crds::kafka_properties::{OWNED_PREFIXES, OWNED_PROPERTIES, is_owned_property};
use kafkasink_crds::resource::kafka_sink_crd;
use kafkasink_crds::topic_name::TopicName;
use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use proptest::prelude::{ProptestConfig, Strategy, proptest};
use proptest::prop_assert_eq;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

/// Templates that are often right and sometimes just wrong.
fn template() -> impl Strategy<Value = String> {
    let whole = ["{topic}", "{partition}", "{partition}", "{key}", "{header:a}", "a", "q", "batch"];
    let mixed =
        ["", "{header:}", "{day}", "{", "}", ".", "p{partition}", "{date}-1", "x{key}", "{topic}{date}"];
    let segment = proptest::sample::select([whole.as_slice(), &mixed].concat());
    proptest::collection::vec(segment, 1..4).prop_map(|segments| segments.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn entry_rules_agree_with_the_parser(text in template(), topics in 1_usize..3) {
        prop_assert_eq!(entry_is_taken(&text, topics), EntryTemplate::parse(&text, topics).is_ok());
    }
}

proptest! {
    #[test]
    fn texts_agree_with_the_parsers(text in "[0-9]{0,16}(h|ms|m|s|Ki|Gi|k|T|a|\\.|\\.\\.|_|/)?") {
        prop_assert_eq!(text_is_taken::<Delay>(&text), Delay::parse(&text).is_ok());
        prop_assert_eq!(text_is_taken::<RetentionTime>(&text), RetentionTime::parse(&text).is_ok());
        prop_assert_eq!(text_is_taken::<ByteSize>(&text), ByteSize::parse(&text).is_ok());
        prop_assert_eq!(text_is_taken::<BucketName>(&text), BucketName::parse(&text).is_ok());
        prop_assert_eq!(text_is_taken::<TopicName>(&text), TopicName::parse(&text).is_ok());
    }
}

#[test]
fn property_rule_agrees_with_the_list() {
    let by_prefix = OWNED_PREFIXES.map(|prefix| format!("{prefix}x"));
    let owned = OWNED_PROPERTIES.iter().map(ToString::to_string).chain(by_prefix);
    for name in owned.chain(["fetch.wait.max.ms", "group.ids", "security"].map(str::to_owned)) {
        let taken =
            spec_is_taken(&json!({ "topics": [], "kafka": { "properties": { name.as_str(): "1" } } }));
        assert_eq!(taken, !is_owned_property(&name), "{name}");
    }
}

fn entry_is_taken(text: &str, topics: usize) -> bool {
    let topics: Vec<Value> = (0..topics).map(|topic| json!({ "name": format!("t{topic}") })).collect();
    !text.is_empty() && spec_is_taken(&json!({ "topics": topics, "mapping": { "entry": text } }))
}

fn spec_is_taken(spec: &Value) -> bool {
    thread_local!(static RULES: CompiledSchema = compiled_rules());
    RULES.with(|rules| Validator::new().validate_compiled(rules, spec, None).is_ok())
}

fn compiled_rules() -> CompiledSchema {
    let version = kafka_sink_crd().spec.versions.into_iter().next().unwrap();
    let schema = serde_json::to_value(version.schema.unwrap().open_api_v3_schema.unwrap()).unwrap();
    compile_schema(schema.pointer("/properties/spec").unwrap())
}

fn text_is_taken<T: JsonSchema>(text: &str) -> bool {
    let schema = T::json_schema(&mut SchemaGenerator::default()).to_value();
    let text = text.into();
    jsonschema::is_valid(&schema, &text) && Validator::new().validate(&schema, &text, None).is_ok()
}
