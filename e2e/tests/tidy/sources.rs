//! The checkout's Rust files as text. IO: reads files.

use std::path::{Path, PathBuf};

/// One Rust file.
pub(crate) struct Source {
    /// Path below the checkout's root, with `/`.
    pub(crate) path: String,
    /// The whole text.
    pub(crate) text: String,
}

impl Source {
    /// Name of the file without folder and `.rs`.
    pub(crate) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.trim_end_matches(".rs")
    }

    /// Number of lines before the unit tests.
    pub(crate) fn lines_without_tests(&self) -> usize {
        self.text.lines().take_while(|line| !opens_tests(line)).count()
    }

    /// Lines of code with their numbers, from 1: no unit tests, no comments.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take_while(|line| !opens_tests(line));
        lines
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn opens_tests(line: &str) -> bool {
    line.starts_with("#[cfg(test)]")
}

/// The checkout's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("e2e lies in the checkout").to_owned()
}

/// Text of the file at `path` below the root.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect(path)
}

/// All Rust files of the crates, in order.
pub(crate) fn rust_sources() -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in ["crds", "kafka-ffi", "operator", "sink-runtime", "e2e"] {
        collect(&root().join(folder), &mut paths);
    }
    paths.sort();
    let named = |path: PathBuf| {
        let below = path.strip_prefix(root()).expect("found below the root").to_string_lossy().into_owned();
        Source { text: read(&below), path: below }
    };
    paths.into_iter().map(named).collect()
}

/// Names of the programs that cargo makes of the crates' `tests` folders.
pub(crate) fn test_programs() -> Vec<String> {
    let name = |source: Source| match source.path.split('/').collect::<Vec<_>>()[..] {
        [_, "tests", file] => file.strip_suffix(".rs").map(str::to_owned),
        [_, "tests", folder, "main.rs"] => Some(folder.to_owned()),
        _ => None,
    };
    rust_sources().into_iter().filter_map(name).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("list a crate's folder") {
        let path = entry.expect("list a crate's folder").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// The last string literal that lies wholly on `line`.
pub(crate) fn last_string_literal(line: &str) -> Option<&str> {
    let end = line.rfind('"')?;
    let before = line.get(..end)?;
    let start = before.rfind('"')?;
    line.get(start + 1..end)
}
