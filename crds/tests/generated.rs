//! IO: files. The generated definitions in the repository are what the types say.

use std::fs;
use std::path::Path;

use kafkasink_crds::resource::crd_yaml;

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

fn check(file: &str) {
    let expected = crd_yaml().expect("the definition can be written as YAML");
    assert!(read(file) == expected, "{file} is stale: run `make generate`");
}

/// Reads a file of the repository; one that is not there is as stale as can be.
fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap_or_default()
}
