//! Which module names which. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::Source;

/// True if `line` names the crate `name` as a path (`name::…`), and not as part of a longer word or path.
pub(crate) fn names_crate(line: &str, name: &str) -> bool {
    let path = format!("{name}::");
    line.match_indices(&path).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default().chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

/// Rings of siblings that import each other, each as `crate: parent: a -> b -> a`.
pub(crate) fn sibling_cycles(sources: &[Source]) -> Vec<String> {
    let mut edges: BTreeMap<(String, String), BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for source in sources {
        let Some((krate, module)) = module_of(&source.path) else { continue };
        for (_, line) in source.code_lines() {
            for named in named_paths(line, &module) {
                record(&mut edges, &krate, &module, &named);
            }
        }
    }
    let rings = edges.iter().filter_map(|((krate, parent), graph)| {
        ring(graph).map(|ring| format!("{krate}: {parent}: {}", ring.join(" -> ")))
    });
    rings.collect()
}

/// Crate and module path of a source file, if it lies in a crate's `src`.
fn module_of(path: &str) -> Option<(String, Vec<String>)> {
    let (krate, file) = path.split_once("/src/")?;
    let module = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect::<Vec<_>>();
    let is_root = matches!(module.as_slice(), [one] if one == "main" || one == "lib");
    (!is_root).then(|| (krate.to_owned(), module))
}

/// Absolute module paths that `line` names by `crate::` or `super::`, seen from `module`.
fn named_paths(line: &str, module: &[String]) -> Vec<Vec<String>> {
    let parent = module.get(..module.len().saturating_sub(1)).unwrap_or_default();
    let mut paths = Vec::new();
    for (prefix, base) in [("crate::", &[][..]), ("super::", parent)] {
        for (at, _) in line.match_indices(prefix) {
            let rest = line.get(at + prefix.len()..).unwrap_or_default();
            let words = rest.split("::").map(|word| {
                word.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
            });
            let lower = words.take_while(|word| word.chars().next().is_some_and(char::is_lowercase));
            paths.push(base.iter().cloned().chain(lower).collect());
        }
    }
    paths
}

/// Records the edge between the two siblings at which the paths part.
fn record(
    edges: &mut BTreeMap<(String, String), BTreeMap<String, BTreeSet<String>>>,
    krate: &str,
    from: &[String],
    to: &[String],
) {
    let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    if let (Some(a), Some(b)) = (from.get(shared), to.get(shared)) {
        let parent = from.get(..shared).unwrap_or_default().join("::");
        let graph = edges.entry((krate.to_owned(), parent)).or_default();
        graph.entry(a.clone()).or_default().insert(b.clone());
    }
}

/// A ring in `graph`, first name repeated at its end.
fn ring(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    graph.keys().find_map(|start| walk(graph, start, &mut vec![start.clone()], &mut BTreeSet::new()))
}

fn walk(
    graph: &BTreeMap<String, BTreeSet<String>>,
    start: &str,
    path: &mut Vec<String>,
    seen: &mut BTreeSet<String>,
) -> Option<Vec<String>> {
    for next in graph.get(path.last()?).into_iter().flatten() {
        if next == start {
            path.push(start.to_owned());
            return Some(path.clone());
        }
        if seen.insert(next.clone()) {
            path.push(next.clone());
            if let Some(ring) = walk(graph, start, path, seen) {
                return Some(ring);
            }
            path.pop();
        }
    }
    None
}
