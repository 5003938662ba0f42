//! The real tray item as a person meets it: its properties, its menu, a click.

use std::collections::HashMap;
use zbus::Connection;
use zbus::zvariant::{OwnedValue, Value};

use super::watcher::Item;

/// One line of the tray menu.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The menu's own id; changes whenever the menu is rebuilt.
    pub id: i32,
    /// Words, without mnemonic marks.
    pub label: String,
    /// Can be chosen.
    pub enabled: bool,
    /// On or off, for check and radio lines.
    pub checked: Option<bool>,
    /// A dividing line.
    pub separator: bool,
    /// Lines under it.
    pub children: Vec<Line>,
}

impl Line {
    /// The line at the end of a path of labels; each step takes an equal label first, then one that
    /// begins so, then one that contains the words.
    #[must_use]
    pub fn find(&self, path: &[&str]) -> Option<&Line> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        let fits: [fn(&str, &str) -> bool; 3] =
            [|a, b| a == b, |a, b| a.starts_with(b), |a, b| a.contains(b)];
        fits.iter()
            .find_map(|fit| self.children.iter().find(|line| fit(&line.label, first)))
            .and_then(|line| line.find(rest))
    }

    /// The menu as indented text, for snapshots and failures.
    #[must_use]
    pub fn print(&self) -> String {
        let mut out = String::new();
        for line in &self.children {
            line.print_under("", &mut out);
        }
        out
    }

    fn print_under(&self, indent: &str, out: &mut String) {
        let mark = match self.checked {
            Some(true) => "[x] ",
            Some(false) => "[ ] ",
            None => "",
        };
        let label = if self.separator { "———" } else { &self.label };
        let grey = if self.enabled { "" } else { " (grey)" };
        out.push_str(&format!("{indent}{mark}{label}{grey}\n"));
        for line in &self.children {
            line.print_under(&format!("{indent}    "), out);
        }
    }
}

/// A line on the bus: id, properties, lines under it.
type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";

/// A property of the tray item (`Title`, `ToolTip`, `Status`, `IconPixmap` …).
pub(super) async fn property(
    bus: &Connection,
    item: &Item,
    name: &str,
) -> zbus::Result<OwnedValue> {
    let reply = bus
        .call_method(
            Some(item.owner.as_str()),
            item.path.as_str(),
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &(ITEM, name),
        )
        .await?;
    reply.body().deserialize()
}

async fn menu_path(bus: &Connection, item: &Item) -> zbus::Result<String> {
    let value = property(bus, item, "Menu").await?;
    match &*value {
        Value::ObjectPath(path) => Ok(path.to_string()),
        other => Err(zbus::Error::Failure(format!("the Menu property is {other:?}"))),
    }
}

/// The whole menu as it is now.
pub(super) async fn menu(bus: &Connection, item: &Item) -> zbus::Result<Line> {
    let path = menu_path(bus, item).await?;
    let (owner, path) = (item.owner.as_str(), path.as_str());
    // Some menus are filled only when they are about to be shown.
    let _ = bus.call_method(Some(owner), path, Some(MENU), "AboutToShow", &0_i32).await;
    let none: Vec<String> = Vec::new();
    let reply =
        bus.call_method(Some(owner), path, Some(MENU), "GetLayout", &(0_i32, -1_i32, none)).await?;
    let body = reply.body();
    let (_revision, root): (u32, Layout) = body.deserialize()?;
    let mut top = Line { id: root.0, enabled: true, ..Line::default() };
    top.children = root.2.iter().filter_map(|child| line(child)).collect();
    Ok(top)
}

/// Chooses a line, as a click does.
pub(super) async fn click(bus: &Connection, item: &Item, id: i32) -> zbus::Result<()> {
    let path = menu_path(bus, item).await?;
    let event = (id, "clicked", Value::I32(0), 0_u32);
    bus.call_method(Some(item.owner.as_str()), path.as_str(), Some(MENU), "Event", &event).await?;
    Ok(())
}

fn line(value: &Value<'_>) -> Option<Line> {
    let fields = match value {
        Value::Structure(fields) => fields.fields(),
        Value::Value(inner) => return line(inner),
        _ => return None,
    };
    let [Value::I32(id), Value::Dict(properties), Value::Array(children)] = fields else {
        return None;
    };
    let mut found = Line { id: *id, enabled: true, ..Line::default() };
    let mut toggled = None;
    for (name, value) in properties.iter() {
        let Value::Str(name) = name else { continue };
        let value = if let Value::Value(inner) = value { inner } else { value };
        match (name.as_str(), value) {
            ("label", Value::Str(label)) => found.label = unmarked(label),
            ("enabled", Value::Bool(enabled)) => found.enabled = *enabled,
            ("visible", Value::Bool(false)) => return None,
            ("type", Value::Str(kind)) => found.separator = kind.as_str() == "separator",
            ("toggle-type", Value::Str(kind)) if !kind.is_empty() => {
                found.checked = Some(found.checked.unwrap_or(false));
            }
            ("toggle-state", Value::I32(state)) => toggled = Some(*state == 1),
            _ => {}
        }
    }
    found.checked = found.checked.map(|_| toggled.unwrap_or(false));
    found.children = children.iter().filter_map(line).collect();
    Some(found)
}

/// `_` marks the mnemonic, `__` is an underscore.
fn unmarked(label: &str) -> String {
    label.replace("__", "\u{0}").replace('_', "").replace('\u{0}', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(label: &str, children: Vec<Line>) -> Line {
        Line { label: label.into(), enabled: true, children, ..Line::default() }
    }

    #[test]
    fn a_path_prefers_the_equal_label() {
        let menu = named(
            "",
            vec![named("Swap to B later", vec![]), named("Swap to", vec![named("B", vec![])])],
        );
        assert_eq!(menu.find(&["Swap to", "B"]).map(|l| l.label.as_str()), Some("B"));
        assert_eq!(menu.find(&["Swap to B"]).map(|l| l.label.as_str()), Some("Swap to B later"));
        assert_eq!(menu.find(&["Quit"]), None);
    }

    #[test]
    fn mnemonics_are_not_part_of_the_words() {
        assert_eq!(unmarked("_Open my__account"), "Open my_account");
    }
}
