//! IO: temporary files. What a configuration must be, and the one line that says what is wrong.

use super::load;

const VALID: &str = "
schemaVersion: 1
sink: {namespace: plant, name: cameras, uid: 0b1c}
kafka: {bootstrapServers: ['kafka:9092'], groupId: plant.cameras, startFrom: Earliest}
topics: [{name: cameras}, {name: sensors.raw}]
reductStore: {url: 'http://reductstore:8383', bucket: plant}
mapping:
  entry: '{topic}/{partition}'
  timestamp: {from: Header, name: stamp, unit: Nanoseconds, onMissing: UseMessage}
  labels: {headers: {policy: All, exclude: [traceparent]}, key: {label: kafka_key, encoding: Percent}, static: {site: north}}
  contentType: {default: application/octet-stream, header: content-type}
delivery: {batchRecordsMax: 80, batchBytesMax: 8388608, batchDelayMs: 100, commitDelayMs: 2000, onRejected: DeadLetter, deadLetterTopic: cameras.dlq}
logLevel: Info
";

fn outcome(yaml: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, yaml).unwrap();
    let prefix = format!("{}: ", file.display());
    load(&file).map(drop).map_err(|error| error.to_string().replace(&prefix, ""))
}

fn refuse(from: &str, to: &str, expected: &str) {
    assert!(VALID.contains(from), "{from}");
    let error = outcome(&VALID.replace(from, to)).expect_err(to);
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains(expected), "{error:?} does not contain {expected:?}");
}

#[test]
fn takes_a_complete_configuration() {
    assert_eq!(outcome(VALID), Ok(()));
}

#[test]
fn names_the_field_of_a_wrong_shape() {
    refuse("batchDelayMs: 100", "batchDelayMs: soon", "delivery.batchDelayMs: ");
    refuse("startFrom: Earliest", "startFrom: Middle", "kafka.startFrom: ");
    refuse("batchRecordsMax: 80", "batchRecordsMax: -1", "delivery.batchRecordsMax: ");
    refuse("logLevel: Info", "logLevel: Info\nlogLevels: Info", "logLevels");
    refuse("bucket: plant", "buckets: plant", "reductStore");
    refuse("schemaVersion: 1", "schemaVersion: [", ": ");
}

#[test]
fn names_the_field_of_a_wrong_value() {
    refuse("schemaVersion: 1", "schemaVersion: 2", "schemaVersion: must be 1, is 2");
    refuse("['kafka:9092']", "[]", "kafka.bootstrapServers: must name at least one broker");
    refuse("['kafka:9092']", "['kafka']", "kafka.bootstrapServers[0]: must be host:port, is \"kafka\"");
    refuse("groupId: plant.cameras", "groupId: ''", "kafka.groupId: must not be empty");
    refuse(
        "startFrom: Earliest",
        "startFrom: Earliest, properties: {group.id: x}",
        "kafka.properties: the sink sets group.id itself",
    );
    refuse("sensors.raw", "cameras", "topics[1].name: must be unique, \"cameras\" occurs twice");
    refuse("{name: cameras}, ", "{name: 'a b'}, ", "topics[0].name: a topic name must consist of");
    refuse("http://reductstore", "ftp://reductstore", "reductStore.url: ");
    refuse("bucket: plant", "bucket: 'a b'", "reductStore.bucket: ");
    refuse(
        "bucket: plant",
        "bucket: plant, tokenFile: /nowhere",
        "reductStore.tokenFile: cannot read /nowhere",
    );
    refuse("{topic}/{partition}", "{partition}", "mapping.entry: ");
    refuse("label: kafka_key", "label: Key", "mapping.labels.key.label: ");
    refuse("{site: north}", "{kafka_x: north}", "mapping.labels.static: ");
    refuse("{site: north}", "{site: 'a,b'}", "mapping.labels.static: ");
    refuse("default: application/octet-stream", "default: 'a,b'", "mapping.contentType.default: ");
    refuse("batchRecordsMax: 80", "batchRecordsMax: 0", "delivery.batchRecordsMax: must be 1 to 80, is 0");
    refuse("batchBytesMax: 8388608", "batchBytesMax: 0", "delivery.batchBytesMax: ");
    refuse(", deadLetterTopic: cameras.dlq", "", "delivery.deadLetterTopic: ");
    refuse("deadLetterTopic: cameras.dlq", "deadLetterTopic: cameras", "delivery.deadLetterTopic: ");
}

#[test]
fn names_the_field_of_tls_and_authentication_that_cannot_work() {
    let kafka = |fields: &str, expected: &str| {
        refuse("startFrom: Earliest", &format!("startFrom: Earliest, {fields}"), expected);
    };
    kafka("tls: {certificateFile: /a}", "kafka.tls.privateKeyFile: must be set where certificateFile is");
    kafka("tls: {privateKeyFile: /a}", "kafka.tls.certificateFile: must be set where privateKeyFile is");
    kafka("tls: {caFile: /nowhere}", "kafka.tls.caFile: cannot read /nowhere: ");
    kafka("tls: {caFile: /dev/null}", "kafka.tls.caFile: /dev/null holds no PEM");
    kafka("tls: {caPath: /a}", "kafka.tls");
    let user = |fields: &str, expected: &str| kafka(&format!("authentication: {{{fields}}}"), expected);
    user("mechanism: GSSAPI, username: a, passwordFile: /a", "kafka.authentication.mechanism: ");
    user("mechanism: PLAIN, passwordFile: /a", "kafka.authentication.username: exactly one of");
    user(
        "mechanism: PLAIN, username: '', passwordFile: /a",
        "kafka.authentication.username: must not be empty",
    );
    user(
        "mechanism: PLAIN, username: a, usernameFile: /a, passwordFile: /a",
        "kafka.authentication.username: exactly one of",
    );
    user("mechanism: PLAIN, username: a", "kafka.authentication: missing field `passwordFile`");
    user("mechanism: PLAIN, username: a, password: b, passwordFile: /a", "kafka.authentication");
    user(
        "mechanism: PLAIN, username: a, passwordFile: /nowhere",
        "kafka.authentication.passwordFile: cannot read /nowhere: ",
    );
    refuse(
        "bucket: plant",
        "bucket: plant, tls: {}",
        "reductStore.tls: only works where reductStore.url begins with https://",
    );
    let store = "url: 'http://reductstore:8383', bucket: plant";
    let secure = |fields: &str| format!("url: 'https://reductstore:8383', bucket: plant, tls: {{{fields}}}");
    refuse(store, &secure("caFile: /nowhere"), "reductStore.tls.caFile: cannot read /nowhere");
    refuse(store, &secure("caFile: /dev/null"), "reductStore.tls.caFile: /dev/null holds no PEM");
}

#[test]
fn names_a_file_that_is_not_there() {
    let error = load(std::path::Path::new("/nowhere/config.yaml")).unwrap_err();
    assert_eq!(error.to_string(), "/nowhere/config.yaml: cannot read the file");
    assert!(std::error::Error::source(&error).is_some(), "the cause is told once, beside the message");
}
