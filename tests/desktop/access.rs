//! The window as a screen reader is told of it (AT-SPI): what it shows and what can be pressed,
//! without any change to the program that shows it.

use super::{Desktop, PATIENCE, wait_for};
use zbus::Connection;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

const ACCESSIBLE: &str = "org.a11y.atspi.Accessible";
const TEXT: &str = "org.a11y.atspi.Text";
const EDITABLE: &str = "org.a11y.atspi.EditableText";
const VALUE: &str = "org.a11y.atspi.Value";
/// The roles that stories look for, by the specification's numbers.
const ROLES: [(u32, &str); 2] = [(43, "push button"), (83, "heading")];
const REGISTRY: &str = "org.a11y.atspi.Registry";
const ROOT: &str = "/org/a11y/atspi/accessible/root";
/// Where Debian keeps the registry of accessible programs.
const REGISTRY_PROGRAM: &str = "/usr/libexec/at-spi2-registryd";
/// Nodes read of one tree, at most.
const NODES_MAX: usize = 4_000;

/// An object on the accessibility bus: its owner and its path.
type Address = (String, OwnedObjectPath);

/// One thing a program shows.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is: `push button`, `heading`, or the specification's number.
    pub role: String,
    /// Its name, or the text it holds.
    pub text: String,
    /// Steps below the program.
    pub depth: usize,
    address: Address,
}

impl Desktop {
    /// Our bus is the accessibility bus, too: one to start, one to end.
    pub(super) fn start_access(&mut self) {
        let bus = self.environment.get("DBUS_SESSION_BUS_ADDRESS").unwrap_or_default().to_owned();
        self.environment.set("AT_SPI_BUS_ADDRESS", bus);
        for switched_off in ["NO_AT_BRIDGE", "GTK_A11Y"] {
            self.environment.remove(switched_off);
        }
        self.start_part(REGISTRY_PROGRAM, &[]);
        self.wait_name(REGISTRY);
    }

    /// Everything that programs on this desktop show now, from the top.
    #[must_use]
    pub fn read_aloud(&self) -> Vec<Node> {
        self.block_on(tree(&self.bus))
    }

    /// Waits until a node that `fits` is shown, and returns everything that is shown then.
    ///
    /// # Panics
    /// When it does not come; what was shown instead is told.
    pub fn wait_read(&self, what: &str, fits: impl Fn(&Node) -> bool) -> Vec<Node> {
        let mut last = Vec::new();
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_for(what, PATIENCE, || {
                last = self.read_aloud();
                last.iter().any(&fits).then_some(())
            });
        }));
        assert!(read.is_ok(), "{what} is not shown, but:\n{}", print(&last));
        last
    }

    /// Presses the first button whose words are these, as a screen reader does for its person.
    ///
    /// # Panics
    /// When there is none, or it cannot be pressed.
    pub fn press_button(&self, words: &str) {
        let is_it = |node: &Node| node.role.contains("button") && node.text == words;
        let shown = self.wait_read(&format!("the button '{words}'"), is_it);
        let button = shown.into_iter().find(is_it).expect("the button that was waited for");
        let action = "org.a11y.atspi.Action";
        let call = ask(&self.bus, &button.address, action, "DoAction", &0_i32);
        let pressed: zbus::Result<bool> = self.within("a button", call);
        assert!(matches!(pressed, Ok(true)), "the button '{words}' answered {pressed:?}");
    }
}

/// A tree as indented text, for failures.
#[must_use]
pub fn print(nodes: &[Node]) -> String {
    let line = |node: &Node| format!("{}{}: {}\n", "  ".repeat(node.depth), node.role, node.text);
    nodes.iter().map(line).collect()
}

/// Depth first, in the order of the page. A branch that goes while it is read is left out.
async fn tree(bus: &Connection) -> Vec<Node> {
    let root = (REGISTRY.to_owned(), OwnedObjectPath::try_from(ROOT).expect("a path"));
    let mut open: Vec<(Address, usize)> = vec![(root, 0)];
    let mut found = Vec::new();
    while let Some((address, depth)) = open.pop() {
        if found.len() == NODES_MAX {
            break;
        }
        let bounded = tokio::time::timeout(PATIENCE, look(bus, &address)).await;
        let Ok(Ok((role, text, children))) = bounded else { continue };
        open.extend(children.into_iter().rev().map(|child| (child, depth + 1)));
        found.push(Node { role, text, depth, address });
    }
    found
}

/// Role, text and children of one object.
async fn look(bus: &Connection, it: &Address) -> zbus::Result<(String, String, Vec<Address>)> {
    // WebKit gives numbers only: asked for a role's name it says nothing, or ends.
    let number: u32 = ask(bus, it, ACCESSIBLE, "GetRole", &()).await?;
    let known = ROLES.iter().find(|(known, _)| *known == number);
    let role = known.map_or_else(|| format!("role {number}"), |(_, name)| (*name).to_owned());
    let property = "org.freedesktop.DBus.Properties";
    let name: OwnedValue = ask(bus, it, property, "Get", &(ACCESSIBLE, "Name")).await?;
    let mut text = String::try_from(name).unwrap_or_default();
    let faces: Vec<String> = ask(bus, it, ACCESSIBLE, "GetInterfaces", &()).await?;
    let has = |wanted: &str| faces.iter().any(|face| face == wanted);
    // What is typed into a field is no text of the page.
    if text.is_empty() && has(TEXT) && !has(EDITABLE) && !has(VALUE) {
        text = ask(bus, it, TEXT, "GetText", &(0_i32, -1_i32)).await?;
    }
    let mut children: Vec<Address> = ask(bus, it, ACCESSIBLE, "GetChildren", &()).await?;
    let count: OwnedValue = ask(bus, it, property, "Get", &(ACCESSIBLE, "ChildCount")).await?;
    if children.is_empty() && i32::try_from(&count).is_ok_and(|count| count > 0) {
        // What another process draws into a window is counted, and told of in this way only; WebKit
        // ends when it is asked for a child that it does not have.
        children.push(ask(bus, it, ACCESSIBLE, "GetChildAtIndex", &0_i32).await?);
    }
    Ok((role, text, children))
}

async fn ask<T>(
    bus: &Connection,
    (owner, path): &Address,
    face: &str,
    method: &str,
    body: &(impl serde::Serialize + zbus::zvariant::DynamicType),
) -> zbus::Result<T>
where
    T: for<'a> zbus::zvariant::DynamicDeserialize<'a>,
{
    let reply = bus.call_method(Some(owner.as_str()), path, Some(face), method, body).await?;
    reply.body().deserialize()
}
