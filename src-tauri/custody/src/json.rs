//! Reads and splices the top level of a JSON object without touching any other byte: a parser that writes
//! back would reorder keys and copy secrets.

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::Range;
use zeroize::Zeroizing;

/// One entry of the top-level object, as slices of the document.
pub(crate) struct Entry<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) value: &'a str,
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<Entry<'de>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<BorrowedKey<'de>>()? {
            let value: &'de RawValue = map.next_value()?;
            entries.push(Entry { key: key.0, value: value.get() });
        }
        Ok(entries)
    }
}

#[derive(serde::Deserialize)]
struct BorrowedKey<'a>(#[serde(borrow)] Cow<'a, str>);

/// The top-level entries in order; `None` when the text is not exactly one JSON object.
pub(crate) fn entries(text: &str) -> Option<Vec<Entry<'_>>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let entries = reader.deserialize_map(Entries).ok()?;
    reader.end().ok()?;
    Some(entries)
}

/// The value of a key that occurs exactly once.
pub(crate) fn value<'a>(entries: &[Entry<'a>], key: &str) -> Option<&'a str> {
    let mut found = entries.iter().filter(|entry| entry.key == key);
    let first = found.next()?;
    found.next().is_none().then_some(first.value)
}

/// Whether some key occurs twice: readers disagree about such a document, so it is left alone.
pub(crate) fn has_duplicates(entries: &[Entry<'_>]) -> bool {
    let mut keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_ref()).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}

fn span(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

/// Where the top-level entries of a document lie: found once and used often, because going through a
/// large one takes its time.
#[derive(Default)]
pub(crate) struct Outline(Vec<(String, Range<usize>)>);

impl Outline {
    /// Of entries that were read from `text`.
    pub(crate) fn of(text: &str, entries: &[Entry<'_>]) -> Self {
        let places =
            entries.iter().map(|one| (one.key.clone().into_owned(), span(text, one.value)));
        Self(places.collect())
    }

    /// The entries again, of the same text.
    pub(crate) fn entries<'a>(&'a self, text: &'a str) -> Vec<Entry<'a>> {
        let entries = self.0.iter().map(|(key, place)| Entry {
            key: Cow::Borrowed(key),
            value: text.get(place.clone()).unwrap_or_default(),
        });
        entries.collect()
    }
}

/// A part of a spliced document.
pub(crate) enum Piece {
    /// Bytes of the document itself.
    Kept(Range<usize>),
    /// What was set in place of others.
    New(Zeroizing<String>),
}

impl Piece {
    /// Its bytes, given the document.
    pub(crate) fn of<'a>(&'a self, text: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Kept(range) => text.get(range.clone()).unwrap_or_default(),
            Self::New(new) => new.as_bytes(),
        }
    }
}

/// Sets (`Some`) or removes (`None`) top-level keys; every other byte stays as it is.
///
/// `None` when the text is not one JSON object or names a key twice.
pub(crate) fn splice(text: &str, changes: &[(&str, Option<&str>)]) -> Option<Zeroizing<Vec<u8>>> {
    let pieces = pieces(text, changes)?;
    let parts = || pieces.iter().map(|piece| piece.of(text.as_bytes()));
    // Sized beforehand: a vector that grows leaves its earlier halves unwiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(parts().map(<[u8]>::len).sum()));
    parts().for_each(|part| bytes.extend_from_slice(part));
    Some(bytes)
}

fn pieces(text: &str, changes: &[(&str, Option<&str>)]) -> Option<Vec<Piece>> {
    pieces_of(text, &entries(text)?, changes)
}

/// As [`splice`] for entries that are known, as the parts the new document consists of: nothing of a
/// large one is copied.
pub(crate) fn pieces_of(
    text: &str,
    listed: &[Entry<'_>],
    changes: &[(&str, Option<&str>)],
) -> Option<Vec<Piece>> {
    if has_duplicates(listed) {
        return None;
    }
    let open = text.find('{')?;
    let change_of = |entry: &Entry<'_>| changes.iter().find(|(key, _)| *key == entry.key);
    let is_kept = |entry: &Entry<'_>| !matches!(change_of(entry), Some((_, None)));
    let kept = listed.iter().filter(|entry| is_kept(entry)).count();
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for (index, entry) in listed.iter().enumerate() {
        match change_of(entry) {
            None => {}
            Some((_, Some(new))) => edits.push((span(text, entry.value), (*new).to_owned())),
            Some((_, None)) => {
                let leads = !listed[..index].iter().any(is_kept);
                edits.push((removal(text, listed, index, open, leads), String::new()));
            }
        }
    }
    let mut added = String::new();
    for (key, change) in changes {
        let Some(new) = change else { continue };
        if !listed.iter().any(|entry| entry.key == *key) {
            let comma = if kept > 0 || !added.is_empty() { "," } else { "" };
            added = format!("{added}{comma}\"{key}\":{new}");
        }
    }
    if !added.is_empty() {
        let end = listed.last().map_or(open + 1, |last| span(text, last.value).end);
        edits.push((end..end, added));
    }
    Some(cut(text, edits))
}

/// An entry with its comma: the one before it, or for entries that lead the object (`leads`: no
/// kept entry before) the one after it.
fn removal(
    text: &str,
    listed: &[Entry<'_>],
    index: usize,
    open: usize,
    leads: bool,
) -> Range<usize> {
    let end = span(text, listed[index].value).end;
    if !leads {
        return span(text, listed[index - 1].value).end..end;
    }
    let is_last = index + 1 == listed.len();
    let comma = text[end..].find(',').filter(|_| !is_last).map_or(0, |at| at + 1);
    open + 1..end + comma
}

fn cut(text: &str, mut edits: Vec<(Range<usize>, String)>) -> Vec<Piece> {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut pieces = Vec::with_capacity(2 * edits.len() + 1);
    let mut at = 0;
    for (range, new) in edits {
        if range.start > at {
            pieces.push(Piece::Kept(at..range.start));
        }
        pieces.push(Piece::New(Zeroizing::new(new)));
        at = at.max(range.end);
    }
    pieces.push(Piece::Kept(at..text.len()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::splice;

    fn spliced(text: &str, changes: &[(&str, Option<&str>)]) -> String {
        String::from_utf8(splice(text, changes).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn a_value_is_replaced_and_every_other_byte_stays() {
        let text = "{\r\n  \"a\" : [1, 2] ,\n\t\"b\":\"x\\u00e9\" }\n";
        assert_eq!(
            spliced(text, &[("a", Some("{\"n\":1}"))]),
            "{\r\n  \"a\" : {\"n\":1} ,\n\t\"b\":\"x\\u00e9\" }\n"
        );
        assert_eq!(spliced(text, &[]), text);
    }

    #[test]
    fn keys_are_added_and_removed_at_every_position() {
        for (text, key) in [
            ("{\"a\":1,\"b\":2,\"c\":3}", "a"),
            ("{\"a\":1,\"b\":2,\"c\":3}", "b"),
            ("{\"a\":1,\"b\":2,\"c\":3}", "c"),
            ("{ \"a\" : 1 }", "a"),
        ] {
            let without = spliced(text, &[(key, None)]);
            let value: serde_json::Value = serde_json::from_str(&without).unwrap();
            let before: serde_json::Value = serde_json::from_str(text).unwrap();
            assert!(value.get(key).is_none());
            assert_eq!(value.as_object().unwrap().len() + 1, before.as_object().unwrap().len());
            let again = spliced(&without, &[(key, Some("true"))]);
            let value: serde_json::Value = serde_json::from_str(&again).unwrap();
            assert_eq!(value[key], true);
        }
    }

    #[test]
    fn removing_and_adding_at_once_leaves_one_object() {
        let text = "{\"a\":1,\"b\":{\"c\":2}}";
        for changes in [
            vec![("a", None), ("b", None), ("z", Some("9"))],
            vec![("a", None), ("z", Some("9"))],
            vec![("b", None), ("z", Some("9")), ("y", Some("8"))],
            vec![("a", None), ("b", Some("2")), ("z", Some("9"))],
        ] {
            let result = spliced(text, &changes);
            let value: serde_json::Value = serde_json::from_str(&result).unwrap();
            assert_eq!(value["z"], 9, "{result}");
        }
    }

    #[test]
    fn every_subset_of_keys_can_be_removed() {
        let text = "{ \"a\" : 1 , \"b\":[2,{}],\"c\" :\"x,y\" ,\"d\":null }";
        for subset in 0..16u8 {
            let keys = ["a", "b", "c", "d"];
            let gone: Vec<_> = (0..4)
                .filter(|bit| subset & (1 << bit) != 0)
                .map(|bit| (keys[bit], None))
                .collect();
            let value: serde_json::Value =
                serde_json::from_str(&spliced(text, &gone)).expect("one object");
            let left: Vec<&String> = value.as_object().unwrap().keys().collect();
            assert_eq!(left.len() + gone.len(), 4, "{subset}");
            assert!(gone.iter().all(|(key, _)| value.get(key).is_none()));
        }
    }

    #[test]
    fn documents_that_are_not_one_plain_object_are_refused() {
        for text in ["", "[]", "{", "{}{}", "{\"a\":1,\"a\":2}", "null", "\u{feff}{}", "{\"a\":}"] {
            assert!(splice(text, &[("a", Some("1"))]).is_none(), "{text}");
        }
    }
}
