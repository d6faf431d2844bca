//! IO: files. `validate`: what the API server and the operator would say of manifests, with file, line and field.
//!
//! ```text
//! file ─► documents (with their lines) ─► KafkaSinks ─► admission ─► what works in this version ─► findings
//! ```

mod document;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use kafkasink_crds::admission::Admission;
use kafkasink_crds::resource::KafkaSink;
use kube::Resource;

use self::document::Document;
use crate::args::ValidateArgs;
use crate::input;
use crate::model::Fetched;
use crate::validate::validate;

/// Why manifests could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestsError {
    /// The file.
    #[error("failed to read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What was found in manifests.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// A line for each manifest that is taken or passed over, and for each reason against the others.
    pub(crate) report: String,
    /// How many `KafkaSink`s were looked at.
    pub(crate) looked_at: usize,
    /// How many of them, and of files that hold no YAML, are refused.
    pub(crate) refused: usize,
}

/// Looks at every manifest of the files.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn check(args: &ValidateArgs) -> Result<Findings, ManifestsError> {
    let admission = Admission::new();
    let mut findings = Findings::default();
    for path in &args.files {
        let failed = |source| ManifestsError::Read { path: path.clone(), source };
        let text = input::read(path).map_err(failed)?;
        findings.of_file(&admission, path, &text);
    }
    Ok(findings)
}

impl Findings {
    fn of_file(&mut self, admission: &Admission, path: &Path, text: &str) {
        let documents = match document::read(text) {
            Ok(documents) => documents,
            Err(error) => {
                self.refused += 1;
                self.say(path, error.line, &error.message);
                return;
            }
        };
        for document in &documents {
            self.of_document(admission, path, document);
        }
    }

    fn of_document(&mut self, admission: &Admission, path: &Path, document: &Document) {
        let (line, title) = (document.line(""), document.title());
        if let Some(why) = passed_over(document) {
            self.say(path, line, &format!("{title} is passed over, {why}"));
            return;
        }
        self.looked_at += 1;
        let refusals = admission.refusals(document.value());
        for refusal in &refusals {
            self.say(path, document.line(&refusal.pointer), &refusal.to_string());
        }
        let problem = if refusals.is_empty() { unhonoured(document) } else { None };
        if let Some(message) = &problem {
            self.say(path, line, &format!("{title} would be admitted and not honoured: {message}"));
        }
        if refusals.is_empty() && problem.is_none() {
            self.say(path, line, &format!("{title} is valid"));
        } else {
            self.refused += 1;
        }
    }

    fn say(&mut self, path: &Path, line: u64, what: &str) {
        writeln!(self.report, "{}:{line}: {what}", path.display()).expect("a text takes every line");
    }
}

/// Why a document is none of ours.
fn passed_over(document: &Document) -> Option<&'static str> {
    // Knative has a kind of that name.
    let ours = document.kind() == KafkaSink::kind(&()) && document.group() == KafkaSink::group(&());
    (!ours).then_some("it is no KafkaSink of kafkasink.dev")
}

/// What the operator itself would say; whether Secrets exist is taken for granted.
fn unhonoured(document: &Document) -> Option<String> {
    let mut resource: KafkaSink = match serde_json::from_value(document.value().clone()) {
        Ok(resource) => resource,
        Err(error) => return Some(error.to_string()),
    };
    // What the API server would add.
    resource.metadata.namespace.get_or_insert_with(|| "default".to_owned());
    resource.metadata.uid.get_or_insert_with(String::new);
    resource.metadata.name.get_or_insert_with(|| "generated".to_owned());
    validate(&resource, &Fetched::without_tokens(), "any").err().map(|problem| problem.message)
}

#[cfg(test)]
mod tests {
    use super::{Admission, Findings, Path};

    fn check(text: &str, report: &str, refused: usize) {
        let mut findings = Findings::default();
        findings.of_file(&Admission::new(), Path::new("m.yaml"), text);
        assert_eq!(
            findings.report.lines().collect::<Vec<_>>(),
            report.lines().map(str::trim).collect::<Vec<_>>()
        );
        assert_eq!(findings.refused, refused);
    }

    const VALID: &str = include_str!("../../crds/tests/valid/smallest.yaml");

    #[test]
    fn names_file_line_and_field_of_each_refusal() {
        let wrong = "\
# A comment.
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
apiVersion: kafkasink.dev/v1alpha1
kind: KafkaSink
metadata:
  name: cameras
spec:
  kafka:
    bootstrapServers: [\"kafka\"]
  topics:
  - name: cameras
  - name: cameras
    partition: 3
  reductStore:
    url: http://reductstore:8383
    bucket: {name: plant}
  replicas: 2
";
        let mut findings = Findings::default();
        findings.of_file(&Admission::new(), Path::new("m.yaml"), wrong);
        let report = &findings.report;
        for line in [
            "m.yaml:2: ConfigMap other is passed over, it is no KafkaSink of kafkasink.dev",
            "m.yaml:12: spec.kafka.bootstrapServers[0]: ",
            "m.yaml:16: spec.topics[1].partition: unknown field \"spec.topics[1].partition\"",
            "m.yaml:15: spec.topics[1]: Duplicate value",
        ] {
            assert!(report.lines().any(|said| said.starts_with(line)), "{line} is not in\n{report}");
        }
        assert_eq!((findings.looked_at, findings.refused), (1, 1));
    }

    #[test]
    fn takes_valid_manifests_of_one_file_and_of_a_list() {
        let two = format!("{VALID}---\n{VALID}");
        let line = 1 + VALID.lines().take_while(|line| line.starts_with('#')).count();
        let second = line + VALID.lines().count() + 1;
        let report =
            format!("m.yaml:{line}: KafkaSink cameras is valid\nm.yaml:{second}: KafkaSink cameras is valid");
        check(&two, &report, 0);
        let indented: String = VALID.lines().flat_map(|text| ["    ", text, "\n"]).collect();
        let list = format!("apiVersion: v1\nkind: List\nitems:\n  -\n{indented}");
        check(&list, &format!("m.yaml:{}: KafkaSink cameras is valid", line + 4), 0);
    }

    #[test]
    fn says_what_would_be_admitted_and_not_honoured() {
        let packed = include_str!("../../crds/tests/valid/packed-csv.yaml");
        let mut findings = Findings::default();
        findings.of_file(&Admission::new(), Path::new("m.yaml"), packed);
        assert!(findings.report.contains("packing does not work in this version"), "{}", findings.report);
        assert_eq!(findings.refused, 1);
    }

    #[test]
    fn refuses_what_is_no_yaml_and_passes_over_what_is_no_object() {
        let mut findings = Findings::default();
        findings.of_file(&Admission::new(), Path::new("m.yaml"), "a: 1\nb: [\n");
        assert_eq!(findings.refused, 1, "{}", findings.report);
        check("---\n---\n", "", 0);
        check("- 1\n- 2\n", "m.yaml:1: a document is passed over, it is no KafkaSink of kafkasink.dev", 0);
    }
}
