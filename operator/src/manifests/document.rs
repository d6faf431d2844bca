//! Pure. YAML documents that know on which line each of their fields stands.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// An object of a file.
#[derive(Debug)]
pub(super) struct Document {
    value: Value,
    /// By JSON pointer; the document itself is at the empty one.
    lines: BTreeMap<String, u64>,
}

/// Why a text is no YAML.
#[derive(Debug)]
pub(super) struct SyntaxError {
    /// Where; 1 where that is not known.
    pub(super) line: u64,
    /// Why.
    pub(super) message: String,
}

/// Returns the objects of a text: of each document, and of each list of objects. Empty documents are none.
pub(super) fn read(text: &str) -> Result<Vec<Document>, SyntaxError> {
    let documents: Vec<Spanned<Tree>> = serde_saphyr::from_multiple(text).map_err(|error| SyntaxError {
        line: error.location().map_or(1, |location| location.line()),
        message: format!("it is no YAML: {}", error.to_string().lines().next().unwrap_or_default()),
    })?;
    Ok(documents.into_iter().flat_map(objects).collect())
}

impl Document {
    fn new(tree: Spanned<Tree>) -> Self {
        let mut lines = BTreeMap::new();
        let value = plain(tree, "", &mut lines);
        Self { value, lines }
    }

    /// Returns the object.
    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// Returns the line of a field, or of the nearest one around it that is there.
    pub(super) fn line(&self, pointer: &str) -> u64 {
        let ends = std::iter::once(pointer.len()).chain(pointer.rmatch_indices('/').map(|(at, _)| at));
        let around = ends.filter_map(|end| pointer.get(..end));
        around.filter_map(|there| self.lines.get(there)).copied().next().unwrap_or(1)
    }

    /// Returns the API group; empty for the core's.
    pub(super) fn group(&self) -> &str {
        let version = self.text("/apiVersion").unwrap_or_default();
        version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Returns the kind; empty where it says none.
    pub(super) fn kind(&self) -> &str {
        self.text("/kind").unwrap_or_default()
    }

    /// Returns what people call the object.
    pub(super) fn title(&self) -> String {
        match (self.text("/kind"), self.text("/metadata/name").or(self.text("/metadata/generateName"))) {
            (Some(kind), Some(name)) => format!("{kind} {name}"),
            (Some(kind), None) => kind.to_owned(),
            (None, _) => "a document".to_owned(),
        }
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }
}

/// A node of YAML with the place of each of its children.
enum Tree {
    Scalar(Value),
    List(Vec<Spanned<Tree>>),
    Map(Vec<(Spanned<String>, Spanned<Tree>)>),
}

impl Tree {
    /// Takes the items out of a list of objects, as `kubectl get --output=yaml` writes it.
    fn into_items(self) -> Result<Vec<Spanned<Tree>>, Self> {
        let Self::Map(fields) = self else { return Err(self) };
        let is_list = fields.iter().any(|(key, value)| {
            key.value == "kind"
                && matches!(&value.value, Self::Scalar(Value::String(kind)) if kind.ends_with("List"))
        });
        let holds_items = |(key, value): &(Spanned<String>, Spanned<Self>)| {
            key.value == "items" && matches!(value.value, Self::List(_))
        };
        if !is_list || !fields.iter().any(holds_items) {
            return Err(Self::Map(fields));
        }
        let all = fields.into_iter().filter(holds_items).filter_map(|(_, value)| match value.value {
            Self::List(items) => Some(items),
            Self::Scalar(_) | Self::Map(_) => None,
        });
        Ok(all.flatten().collect())
    }
}

fn objects(document: Spanned<Tree>) -> Vec<Document> {
    if matches!(document.value, Tree::Scalar(Value::Null)) {
        return Vec::new();
    }
    let Spanned { value, referenced, defined } = document;
    match value.into_items() {
        Ok(items) => items.into_iter().map(Document::new).collect(),
        Err(tree) => vec![Document::new(Spanned::new(tree, referenced, defined))],
    }
}

/// Returns the plain value and notes the lines; a field stands where its name does.
fn plain(tree: Spanned<Tree>, pointer: &str, lines: &mut BTreeMap<String, u64>) -> Value {
    lines.entry(pointer.to_owned()).or_insert(tree.referenced.line());
    match tree.value {
        Tree::Scalar(value) => value,
        Tree::List(items) => {
            let items = items.into_iter().enumerate();
            Value::Array(
                items.map(|(index, item)| plain(item, &format!("{pointer}/{index}"), lines)).collect(),
            )
        }
        Tree::Map(fields) => {
            let fields = fields.into_iter().map(|(key, value)| {
                let child = format!("{pointer}/{}", key.value.replace('~', "~0").replace('/', "~1"));
                lines.insert(child.clone(), key.referenced.line());
                (key.value, plain(value, &child, lines))
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value that JSON has too")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Tree, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number that is none"))?;
        Ok(Tree::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Tree, A::Error> {
        let mut map: Vec<(Spanned<String>, _)> = Vec::new();
        while let Some((key, value)) = fields.next_entry::<Spanned<String>, _>()? {
            if map.iter().any(|(known, _)| known.value == key.value) {
                return Err(A::Error::custom(format!("key {} is there twice", key.value)));
            }
            map.push((key, value));
        }
        Ok(Tree::Map(map))
    }
}
