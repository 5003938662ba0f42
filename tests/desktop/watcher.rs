//! The tray's meeting point: `org.kde.StatusNotifierWatcher`, as small as a test needs it.

use std::sync::{Arc, Mutex};
use zbus::message::Header;
use zbus::object_server::SignalEmitter;

/// One registered tray item: the bus name of its owner and the object's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Bus name.
    pub owner: String,
    /// Object path.
    pub path: String,
}

/// Items in the order of their registration.
pub(super) type Items = Arc<Mutex<Vec<Item>>>;

pub(super) struct Watcher {
    pub(super) items: Items,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    async fn register_status_notifier_item(
        &self,
        service: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        // Some programs register a path, others a name.
        let item = if service.starts_with('/') {
            Item { owner: sender, path: service.into() }
        } else {
            Item { owner: service.into(), path: "/StatusNotifierItem".into() }
        };
        let told = format!("{}{}", item.owner, item.path);
        self.items.lock().unwrap().push(item);
        let _ = Self::status_notifier_item_registered(&emitter, &told).await;
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.items.lock().unwrap().iter().map(|i| format!("{}{}", i.owner, i.path)).collect()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(signal)]
    async fn status_notifier_item_registered(
        emitter: &SignalEmitter<'_>,
        service: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn status_notifier_item_unregistered(
        emitter: &SignalEmitter<'_>,
        service: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn status_notifier_host_registered(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}
