//! The house rules that clippy cannot check, by plain text scanning. IO: reads the checkout, talks to nothing.
//!
//! Each test is one rule and lists every place that breaks it. `CONTRIBUTING.md` tells the reasons.

#[path = "tidy/modules.rs"]
mod modules;
#[path = "tidy/sources.rs"]
mod sources;

use sources::{Source, root, rust_sources};

const LINES_MAX: usize = 400;
const FORBIDDEN_NAMES: [&str; 5] = ["utils", "util", "common", "helpers", "manager"];

/// Fails with all findings of one rule.
fn report(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}\n", findings.join("\n  "));
}

/// Collects what `find` says of each line of code, with its place.
fn lines_where(sources: &[Source], find: impl Fn(&Source, &str) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        for (number, line) in source.code_lines() {
            findings.extend(find(source, line).map(|what| format!("{}:{number}: {what}", source.path)));
        }
    }
    findings
}

#[test]
fn every_file_says_in_its_first_line_what_it_does() {
    let findings: Vec<_> = rust_sources()
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path.clone())
        .collect();
    report("a file opens with `//!`", &findings);
}

#[test]
fn files_stay_small() {
    let findings: Vec<_> = rust_sources()
        .iter()
        .filter(|source| source.lines_without_tests() > LINES_MAX)
        .map(|source| format!("{}: {} lines", source.path, source.lines_without_tests()))
        .collect();
    report("at most 400 lines before the tests", &findings);
}

#[test]
fn modules_are_named_after_nouns_of_the_domain() {
    let findings: Vec<_> = rust_sources()
        .iter()
        .filter(|source| FORBIDDEN_NAMES.contains(&source.stem()) || source.stem() == "mod")
        .map(|source| source.path.clone())
        .collect();
    report("no `utils`, `common`, `helpers`, `manager`, no `mod.rs`", &findings);
}

#[test]
fn each_vendor_crate_has_one_door() {
    let doors = [
        (
            "rdkafka",
            vec!["kafka-ffi/", "operator/src/kafka", "sink-runtime/src/kafka", "sink-runtime/tests/", "e2e/"],
        ),
        ("rdkafka_sys", vec!["kafka-ffi/"]),
        (
            "kafkasink_kafka_ffi",
            vec!["kafka-ffi/tests/", "operator/src/kafka", "sink-runtime/src/kafka", "sink-runtime/tests/"],
        ),
        ("reduct_rs", vec!["operator/src/reduct", "sink-runtime/src/reduct", "sink-runtime/tests/", "e2e/"]),
        ("rustls", vec!["operator/src/probe"]),
        ("x509_parser", vec!["operator/src/certificate.rs"]),
        ("kube", vec!["operator/src", "crds/", "e2e/"]),
        ("k8s_openapi", vec!["operator/src", "crds/", "e2e/"]),
    ];
    let findings = lines_where(&rust_sources(), |source, line| {
        let (vendor, _) = doors.iter().find(|(vendor, doors)| {
            modules::names_crate(line, vendor) && !doors.iter().any(|door| source.path.starts_with(door))
        })?;
        Some(format!("`{vendor}` is used outside its door"))
    });
    report("each vendor crate has one door", &findings);
}

#[test]
fn crates_depend_only_on_those_below_them() {
    let forbidden = [
        ("crds", vec!["tokio", "rdkafka", "reduct-rs", "kafkasink-operator", "kafkasink-runtime"]),
        ("kafka-ffi", vec!["tokio", "kafkasink-crds", "kafkasink-operator", "kafkasink-runtime"]),
        ("operator", vec!["kafkasink-runtime", "rdkafka-sys"]),
        ("sink-runtime", vec!["kube", "k8s-openapi", "kafkasink-operator", "rdkafka-sys"]),
        ("e2e", vec!["kafkasink-operator", "kafkasink-runtime", "kafkasink-kafka-ffi"]),
    ];
    let mut findings = Vec::new();
    for (folder, names) in forbidden {
        let manifest = sources::read(&format!("{folder}/Cargo.toml"));
        let depends = |name: &str| {
            manifest
                .lines()
                .any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '.', '='])))
        };
        findings.extend(names.iter().filter(|name| depends(name)).map(|name| format!("{folder} -> {name}")));
    }
    report("imports go one way between crates", &findings);
}

#[test]
fn unsafe_code_has_one_place() {
    let mark = concat!("unsafe", "_code");
    let findings = lines_where(&rust_sources(), |source, line| {
        (line.contains(&format!("allow({mark}")) && source.path != "kafka-ffi/src/lib.rs")
            .then(|| format!("allows `{mark}`"))
    });
    report("unsafe code is in kafka-ffi alone", &findings);
}

#[test]
fn the_runtime_keeps_its_layers() {
    // A layer's files may name the layers listed for it, and nothing above: the ports never see the pipeline,
    // the adapters never see it either.
    let above = [
        ("sink-runtime/src/map", vec!["pipeline", "kafka", "reduct", "app"]),
        ("sink-runtime/src/batch", vec!["pipeline", "kafka", "reduct", "app"]),
        ("sink-runtime/src/ledger", vec!["pipeline", "kafka", "reduct", "app"]),
        ("sink-runtime/src/registry", vec!["pipeline", "kafka", "reduct", "app"]),
        ("sink-runtime/src/source", vec!["pipeline", "kafka", "reduct", "app"]),
        ("sink-runtime/src/writer", vec!["pipeline", "kafka", "reduct", "app"]),
        ("sink-runtime/src/dead_letter", vec!["pipeline", "kafka", "reduct", "app"]),
        ("sink-runtime/src/pipeline", vec!["kafka", "reduct", "app"]),
        ("sink-runtime/src/kafka", vec!["pipeline", "reduct", "app"]),
        ("sink-runtime/src/reduct", vec!["pipeline", "kafka", "app"]),
    ];
    let findings = lines_where(&rust_sources(), |source, line| {
        let (_, layers) = above.iter().find(|(folder, _)| source.path.starts_with(folder))?;
        let layer = layers.iter().find(|layer| line.contains(&format!("crate::{layer}::")))?;
        Some(format!("names the layer above or beside it, `{layer}`"))
    });
    report("layers of the runtime", &findings);
}

#[test]
fn siblings_do_not_import_each_other_in_a_ring() {
    // The parts of the simulated world hand one another events, as those of the real one do.
    let sources: Vec<_> =
        rust_sources().into_iter().filter(|source| !source.path.contains("/schedules/")).collect();
    report("no import cycle between siblings", &modules::sibling_cycles(&sources));
}

#[test]
fn messages_are_lowercase_without_final_stop() {
    let openings = ["error!(", "warn!(", "info!(", "debug!(", "#[error("];
    let findings = lines_where(&rust_sources(), |source, line| {
        let opening = openings.iter().find(|opening| line.trim_start().starts_with(**opening))?;
        if source.path.starts_with("e2e/") && *opening != "#[error(" {
            return None;
        }
        let message = sources::last_string_literal(line)?;
        let shouts = message.chars().next().is_some_and(char::is_uppercase)
            && !message.chars().nth(1).is_some_and(char::is_uppercase)
            && !starts_with_proper_name(message);
        (shouts || message.ends_with('.')).then(|| format!("message {message:?}"))
    });
    report("messages are lowercase, without final stop", &findings);
}

fn starts_with_proper_name(message: &str) -> bool {
    ["Kafka", "ReductStore", "Kubernetes", "ConfigMap", "StatefulSet", "Secret"]
        .iter()
        .any(|name| message.starts_with(name))
}

#[test]
fn errors_name_the_attempt_and_not_the_foreign_type() {
    let mark = concat!("#[", "from]");
    let findings = lines_where(&rust_sources(), |_, line| {
        line.contains(mark).then(|| "the variant names no attempt".to_owned())
    });
    report("an error says what was attempted, it does not wrap whatever came", &findings);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("#[ig", "nore")];
    let mut findings = Vec::new();
    for source in rust_sources() {
        for (number, line) in source.text.lines().enumerate() {
            let mark = marks.iter().find(|mark| line.contains(**mark));
            findings.extend(mark.map(|mark| format!("{}:{}: {mark}", source.path, number + 1)));
        }
    }
    report("no notes to self, no ignored tests", &findings);
}

#[test]
fn architecture_names_files_that_exist() {
    let text = sources::read("ARCHITECTURE.md");
    let folders = ["crds/", "kafka-ffi/", "operator/", "sink-runtime/", "charts/", "e2e/", "docs/", ".ci/"];
    let named = text.split('`').skip(1).step_by(2);
    let findings: Vec<_> = named
        .filter(|name| {
            folders.iter().any(|folder| name.starts_with(folder)) && !name.contains(['*', ' ', '{'])
        })
        .filter(|name| !root().join(name).exists())
        .map(str::to_owned)
        .collect();
    report("ARCHITECTURE.md names only what exists", &findings);
}

#[test]
fn make_runs_every_test_program() {
    let makefile = sources::read("Makefile");
    let named: Vec<_> = makefile.split_whitespace().collect();
    let is_named = |name: &String| named.windows(2).any(|words| words == ["--test", name]);
    let findings: Vec<_> = sources::test_programs().into_iter().filter(|name| !is_named(name)).collect();
    report("each file and folder of a crate's `tests` is run by the Makefile", &findings);
}
