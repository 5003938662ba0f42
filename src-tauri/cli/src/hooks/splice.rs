//! Small changes to another program's JSON text: every byte outside the change stays.

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Serializer, Value};
use std::borrow::Cow;
use std::ops::Range;

/// The members of an object: names and places of the values.
pub type Members = Vec<(String, Range<usize>)>;

struct Fields;

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Fields {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            fields.push((name.0, map.next_value()?));
        }
        Ok(fields)
    }
}

fn place(text: &str, part: &RawValue) -> Range<usize> {
    let start = part.get().as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.get().len()
}

/// Where the document itself lies: without space around it and without a mark of byte order.
pub fn whole(text: &str) -> Range<usize> {
    let bare = text.trim_start_matches('\u{feff}').trim_start();
    let start = text.len() - bare.len();
    start..start + bare.trim_end().len()
}

/// The members of the object at this place; `None` when none is there, or when a name stands in it
/// twice: readers disagree about such an object, so it is left alone.
pub fn members(text: &str, at: &Range<usize>) -> Option<Members> {
    let mut reader = serde_json::Deserializer::from_str(&text[at.clone()]);
    let fields = reader.deserialize_map(Fields).ok()?;
    // What stands behind the object is no part of it, and whoever adds to it must not be led there.
    reader.end().ok()?;
    let found: Members =
        fields.iter().map(|(name, value)| (name.to_string(), place(text, value))).collect();
    let mut names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).all(|pair| pair[0] != pair[1]).then_some(found)
}

/// The elements of the list at this place; `None` when none is there.
pub fn elements(text: &str, at: &Range<usize>) -> Option<Vec<Range<usize>>> {
    let found: Vec<&RawValue> = serde_json::from_str(&text[at.clone()]).ok()?;
    Some(found.into_iter().map(|value| place(text, value)).collect())
}

/// The member of that name.
pub fn member(text: &str, at: &Range<usize>, name: &str) -> Option<Range<usize>> {
    members(text, at)?.into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
}

/// How a document is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// What ends a line; empty where all stands in one.
    newline: &'static str,
    /// One step to the right.
    step: String,
}

impl Style {
    /// As the document's first member stands; two spaces where there is none.
    pub fn of(text: &str) -> Self {
        let at = whole(text);
        let usual = Self { newline: "\n", step: "  ".to_owned() };
        match members(text, &at) {
            Some(found) if !found.is_empty() => {
                let lead = lead(text, &at);
                let newline = if lead.contains("\r\n") { "\r\n" } else { "\n" };
                match lead.rsplit_once('\n') {
                    None => Self { newline: "", step: String::new() },
                    Some((_, step)) => Self { newline, step: step.to_owned() },
                }
            }
            _ => usual,
        }
    }

    fn lead(&self, depth: usize) -> String {
        format!("{}{}", self.newline, self.step.repeat(depth))
    }

    /// A value as it would stand in the document, its inner lines `indent` to the right.
    fn render(&self, value: &Value, indent: &str) -> String {
        if self.newline.is_empty() {
            return value.to_string();
        }
        let mut bytes = Vec::new();
        let step = self.step.as_bytes();
        let layout = serde_json::ser::PrettyFormatter::with_indent(step);
        let written =
            serde::Serialize::serialize(value, &mut Serializer::with_formatter(&mut bytes, layout));
        let text = written.ok().and_then(|()| String::from_utf8(bytes).ok());
        let text = text.unwrap_or_else(|| value.to_string());
        text.replace('\n', &format!("{}{indent}", self.newline))
    }
}

/// The space before the first thing in an object or list.
fn lead<'a>(text: &'a str, at: &Range<usize>) -> &'a str {
    let inner = &text[at.start + 1..at.end];
    &inner[..inner.len() - inner.trim_start().len()]
}

/// Adds a member at the end of the object at this place, which is `depth` steps in.
pub fn add_member(
    text: &str,
    (at, depth): (&Range<usize>, usize),
    (name, value): (&str, &Value),
    style: &Style,
) -> String {
    let last = members(text, at).and_then(|found| found.last().map(|(_, value)| value.end));
    let colon = if style.newline.is_empty() { ":" } else { ": " };
    add(text, (at, depth), last, style, |indent| {
        format!("{}{colon}{}", Value::from(name), style.render(value, indent))
    })
}

/// Adds an element at the end of the list at this place, which is `depth` steps in.
pub fn add_element(
    text: &str,
    (at, depth): (&Range<usize>, usize),
    value: &Value,
    style: &Style,
) -> String {
    let last = elements(text, at).and_then(|found| found.last().map(|value| value.end));
    add(text, (at, depth), last, style, |indent| style.render(value, indent))
}

fn add(
    text: &str,
    (at, depth): (&Range<usize>, usize),
    last: Option<usize>,
    style: &Style,
    thing: impl Fn(&str) -> String,
) -> String {
    let indent = |lead: &str| lead.rsplit('\n').next().unwrap_or_default().to_owned();
    match last {
        Some(end) => {
            let before = lead(text, at);
            let new = format!(",{before}{}", thing(&indent(before)));
            [&text[..end], &new, &text[end..]].concat()
        }
        None => {
            let before = style.lead(depth + 1);
            let new = format!("{before}{}{}", thing(&indent(&before)), style.lead(depth));
            [&text[..at.start + 1], &new, &text[at.end - 1..]].concat()
        }
    }
}

/// Takes the thing with this number out of the object or list at this place, with its comma.
/// `things` are its values.
pub fn take_out(text: &str, at: &Range<usize>, things: &[Range<usize>], number: usize) -> String {
    let end = things[number].end;
    let gone = if things.len() == 1 {
        at.start + 1..at.end - 1
    } else if number > 0 {
        things[number - 1].end..end
    } else {
        // Up to and with the comma: between a value and its comma stands only space.
        at.start + 1..end + text[end..].find(',').map_or(0, |comma| comma + 1)
    };
    [&text[..gone.start], &text[gone.end..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn added(text: &str) -> String {
        let at = whole(text);
        add_member(text, (&at, 0), ("new", &json!({ "a": [1] })), &Style::of(text))
    }

    #[test]
    fn a_member_is_added_as_the_others_stand() {
        assert_eq!(added("{\"a\":1}"), "{\"a\":1,\"new\":{\"a\":[1]}}");
        assert_eq!(
            added("{\r\n\t\"a\": 1e3\r\n}\r\n"),
            "{\r\n\t\"a\": 1e3,\r\n\t\"new\": {\r\n\t\t\"a\": [\r\n\t\t\t1\r\n\t\t]\r\n\t}\r\n}\r\n"
        );
        assert_eq!(added("{}\n"), "{\n  \"new\": {\n    \"a\": [\n      1\n    ]\n  }\n}\n");
    }

    #[test]
    fn an_object_with_something_behind_it_is_left_alone() {
        for text in ["{}\u{fffd}", "{} {}", "{\"a\":1},"] {
            assert_eq!(members(text, &whole(text)), None, "{text}");
        }
    }

    #[test]
    fn what_was_added_is_taken_out_without_a_trace() {
        for text in
            ["{}", "{\"a\":1}", "{\n    \"a\" : 1 ,\n    \"b\": [ ]\n}\n", "\u{feff}{ \"a\":[] }"]
        {
            let more = added(text);
            let at = whole(&more);
            let values: Vec<_> =
                members(&more, &at).unwrap().into_iter().map(|(_, value)| value).collect();
            assert_eq!(take_out(&more, &at, &values, values.len() - 1), text);
        }
        let list = "[ 1 ,\n 2,3 ]";
        let at = whole(list);
        let things = elements(list, &at).unwrap();
        assert_eq!(take_out(list, &at, &things, 0), "[\n 2,3 ]");
        assert_eq!(take_out(list, &at, &things, 1), "[ 1,3 ]");
        assert_eq!(take_out(list, &at, &things, 2), "[ 1 ,\n 2 ]");
    }

    #[test]
    fn a_name_that_stands_twice_is_no_object_to_change() {
        let text = "{\"a\":1,\"\\u0061\":2}";
        assert_eq!(members(text, &whole(text)), None);
        assert_eq!(elements("{}", &(0..2)), None);
    }
}
