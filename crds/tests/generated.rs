//! IO: files. What the repository repeats of the types is what the types say: generated definitions, and documents.

use std::fs;
use std::path::Path;

use kafkasink_crds::resource::{ConditionType, Reason, crd_yaml};

#[test]
fn definition_is_fresh() {
    check("crds/kafkasinks.yaml");
}

#[test]
fn definition_of_the_chart_is_fresh() {
    check("charts/kafkasink-crds/files/kafkasinks.yaml");
}

/// A larger definition takes longer to read than to use; client-side apply would end at 256 KiB.
#[test]
fn definition_stays_small() {
    assert!(crd_yaml().unwrap().len() < 96 * 1024);
}

#[test]
fn charts_carry_the_version_of_the_programs() {
    for chart in ["kafkasink-crds", "kafkasink-operator"] {
        let text = read(&format!("charts/{chart}/Chart.yaml"));
        for key in ["version", "appVersion"] {
            let line = format!("{key}: {}", env!("CARGO_PKG_VERSION"));
            assert!(text.lines().any(|found| found == line), "{chart}/Chart.yaml must say `{line}`");
        }
    }
}

/// The operator uses the addresses in another namespace than the pods: short names would not resolve there.
#[test]
fn documents_quote_the_smallest_manifest_with_addresses_that_resolve_everywhere() {
    let file = read("crds/tests/valid/smallest.yaml");
    let manifest: Vec<&str> = file.lines().skip_while(|line| line.starts_with('#')).collect();
    let manifest = manifest.join("\n").replace("kafka:9092", "kafka.plant:9092");
    let manifest = manifest.replace("reductstore:8383", "reductstore.plant:8383");
    for document in ["README.md", "charts/kafkasink-operator/templates/NOTES.txt"] {
        assert!(read(document).contains(&manifest), "{document} does not hold\n{manifest}");
    }
}

#[test]
fn conditions_and_their_reasons_are_documented_one_by_one() {
    let document = read("docs/conditions.md");
    let (types, reasons) = document.split_once("## Reasons").unwrap();
    assert_eq!(rows(types), words(ConditionType::ALL.iter().map(|word| word.as_str())));
    assert_eq!(rows(reasons), words(Reason::ALL.iter().map(|word| word.as_str())));
}

/// The words in the first column of tables, sorted.
fn rows(text: &str) -> Vec<&str> {
    words(text.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0)))
}

fn words<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut sorted: Vec<_> = all.collect();
    sorted.sort_unstable();
    sorted
}

fn check(file: &str) {
    let expected = crd_yaml().expect("the definition can be written as YAML");
    assert!(read(file) == expected, "{file} is stale: run `make generate`");
}

/// Reads a file of the repository; one that is not there is as stale as can be.
fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap_or_default()
}
