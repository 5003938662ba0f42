//! The private desktop itself, with a tray program of twenty lines in place of ours.

use sluice_tests::desktop::{Desktop, Parts};
use std::collections::HashMap;
use zbus::zvariant::{ObjectPath, OwnedValue, Value};

/// A tray item with one submenu, whose clicks are kept.
struct Menu(std::sync::Arc<std::sync::Mutex<Vec<i32>>>);

type Layout = (i32, HashMap<String, Value<'static>>, Vec<Value<'static>>);

fn line(id: i32, label: &str, children: Vec<Value<'static>>) -> Layout {
    let mut properties = HashMap::new();
    properties.insert("label".to_owned(), Value::from(label.to_owned()));
    (id, properties, children)
}

#[zbus::interface(name = "com.canonical.dbusmenu")]
impl Menu {
    fn get_layout(&self, _parent: i32, _depth: i32, _names: Vec<String>) -> (u32, Layout) {
        let account = Value::from(line(3, "w_ork", vec![]));
        let swap = Value::from(line(2, "Swap to", vec![account]));
        (1, line(0, "", vec![Value::from(line(1, "work  5h 12 %", vec![])), swap]))
    }
    fn about_to_show(&self, _id: i32) -> bool {
        false
    }
    fn event(&self, id: i32, _kind: &str, _data: OwnedValue, _at: u32) {
        self.0.lock().unwrap().push(id);
    }
}

struct TrayItem;

#[zbus::interface(name = "org.kde.StatusNotifierItem")]
impl TrayItem {
    #[zbus(property)]
    fn menu(&self) -> ObjectPath<'static> {
        ObjectPath::from_static_str_unchecked("/Menu")
    }
    #[zbus(property)]
    fn title(&self) -> String {
        "a title".into()
    }
}

#[test]
fn a_tray_menu_is_read_and_clicked() {
    let desktop = Desktop::start(Parts::headless_with_tray());
    let clicks = std::sync::Arc::default();
    let address = desktop.environment().get("DBUS_SESSION_BUS_ADDRESS").unwrap().to_owned();
    let program = desktop.block_on(async {
        let program = zbus::connection::Builder::address(address.as_str())?
            .serve_at("/Menu", Menu(std::sync::Arc::clone(&clicks)))?
            .serve_at("/StatusNotifierItem", TrayItem)?
            .build()
            .await?;
        let name = program.unique_name().unwrap().to_string();
        let host = Some("org.kde.StatusNotifierWatcher");
        program
            .call_method(host, "/StatusNotifierWatcher", host, "RegisterStatusNotifierItem", &name)
            .await?;
        zbus::Result::Ok(program)
    });
    let program = program.unwrap();
    assert_eq!(desktop.tray_menu().print(), "work  5h 12 %\nSwap to\n    work\n");
    assert!(desktop.tray_property("Title").contains("a title"));
    desktop.click(&["Swap to", "work"]);
    assert_eq!(*clicks.lock().unwrap(), [3]);

    desktop.block_on(program.close()).unwrap();
    desktop.wait_no_tray();
}

#[test]
fn a_notification_is_recorded_and_its_button_answers() {
    let desktop = Desktop::start(Parts::headless());
    let asked = desktop
        .environment()
        .command("gdbus")
        .args(["call", "--session", "--dest", "org.freedesktop.Notifications"])
        .args(["--object-path", "/org/freedesktop/Notifications"])
        .args(["--method", "org.freedesktop.Notifications.Notify", "bed", "0", "", "Title"])
        .args(["Body", "['swap', 'Swap now']", "{}", "5000"])
        .output()
        .unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let told = desktop.wait_notification("Title", |n| n.summary == "Title");
    assert!(told.offers("swap"));
    desktop.press(&told, "swap");
    assert!(desktop.notifications()[0].closed);
}

#[test]
fn the_keychain_is_real_and_private() {
    let desktop = Desktop::start(Parts::headless());
    assert!(desktop.secrets("").is_empty());
    let stored = std::process::Command::new("sh")
        .env_clear()
        .envs(desktop.environment().pairs())
        .args(["-c", "printf hidden | secret-tool store --label=one service bed username a"])
        .status();
    assert!(stored.unwrap().success());
    let items = desktop.secrets("bed");
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].secret, b"hidden");
    assert_eq!(items[0].attributes["username"], "a");
    assert!(desktop.secrets("other").is_empty());
    desktop.lock_keychain();
    assert!(
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| desktop.secrets("bed"))).is_err()
    );
}

#[test]
fn a_window_is_seen_closed_and_pictured() {
    let desktop = Desktop::start(Parts::all());
    let environment = desktop.environment();
    let shown = desktop.spawn(
        std::path::Path::new("xmessage"),
        &["-title", "a window of the bed", "hello"],
        &environment,
    );
    assert_eq!(desktop.wait_window("of the bed"), "a window of the bed");
    let picture = desktop.root().join("picture.png");
    assert_eq!(desktop.screenshot(&picture).size, (1280, 800));
    let drawn = desktop.drawn_window("of the bed", 1, &picture);
    assert!(drawn.size < (1280, 800) && drawn.size > (50, 30), "{drawn:?}");
    assert!(desktop.differing(&drawn, &drawn) == 0.0);
    desktop.close_window("of the bed");
    drop(shown);
}

#[test]
fn nothing_survives_the_desktop_not_even_a_panic() {
    let pids = std::sync::Mutex::new(Vec::new());
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let desktop = Desktop::start(Parts::all());
        pids.lock().unwrap().extend(desktop.pids());
        panic!("as a test may");
    }));
    assert!(died.is_err());
    let pids = pids.into_inner().unwrap();
    assert!(pids.len() >= 4, "{pids:?}");
    for pid in pids {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "{pid} still runs");
    }
}
