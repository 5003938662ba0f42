//! What the real keychain holds, read through the Secret Service.

use std::collections::HashMap;
use zbus::Connection;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};

/// One item of the keychain.
#[derive(Clone, Debug)]
pub struct KeychainItem {
    /// The words a keychain viewer shows.
    pub label: String,
    /// Its attributes (`service`, `username`, `target` …).
    pub attributes: HashMap<String, String>,
    /// The secret bytes.
    pub secret: Vec<u8>,
}

const NAME: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";
const FACE: &str = "org.freedesktop.Secret.Service";
/// How the keychain says that an object is not there (any more).
const GONE: &str = "org.freedesktop.DBus.Error.UnknownMethod";

/// Every readable item whose attributes fit `wanted` (empty: all).
pub(super) async fn items(
    bus: &Connection,
    wanted: &HashMap<&str, &str>,
) -> zbus::Result<Vec<KeychainItem>> {
    let plain = ("plain", Value::from(""));
    let opened = bus.call_method(Some(NAME), ROOT, Some(FACE), "OpenSession", &plain).await?;
    let (_, channel): (OwnedValue, OwnedObjectPath) = opened.body().deserialize()?;
    let found = bus.call_method(Some(NAME), ROOT, Some(FACE), "SearchItems", wanted).await?;
    let (open, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
        found.body().deserialize()?;
    if !locked.is_empty() {
        return Err(zbus::Error::Failure(format!("{} items are locked", locked.len())));
    }
    let mut items = Vec::new();
    for path in open {
        match item(bus, &path, &channel).await {
            Ok(item) => items.push(item),
            // It was removed since the search, as an old vintage is.
            Err(zbus::Error::MethodError(name, ..)) if name == GONE => {}
            Err(error) => return Err(error),
        }
    }
    Ok(items)
}

async fn item(
    bus: &Connection,
    path: &ObjectPath<'_>,
    channel: &OwnedObjectPath,
) -> zbus::Result<KeychainItem> {
    let face = "org.freedesktop.Secret.Item";
    let secret = bus.call_method(Some(NAME), path, Some(face), "GetSecret", channel).await?;
    let body = secret.body();
    let ((_, _, secret, _),): ((OwnedObjectPath, Vec<u8>, Vec<u8>, String),) =
        body.deserialize()?;
    let read = async |name: &str| -> zbus::Result<OwnedValue> {
        let face = Some("org.freedesktop.DBus.Properties");
        let at = "org.freedesktop.Secret.Item";
        let reply = bus.call_method(Some(NAME), path, face, "Get", &(at, name)).await?;
        reply.body().deserialize()
    };
    let label = String::try_from(read("Label").await?).unwrap_or_default();
    let attributes = HashMap::try_from(read("Attributes").await?).unwrap_or_default();
    Ok(KeychainItem { label, attributes, secret })
}

/// Removes every item whose attributes fit `wanted`.
pub(super) async fn remove(bus: &Connection, wanted: &HashMap<&str, &str>) -> zbus::Result<()> {
    let found = bus.call_method(Some(NAME), ROOT, Some(FACE), "SearchItems", wanted).await?;
    let (open, _): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) = found.body().deserialize()?;
    for path in open {
        bus.call_method(Some(NAME), &path, Some("org.freedesktop.Secret.Item"), "Delete", &())
            .await?;
    }
    Ok(())
}

/// Locks the login keyring. (Unlocking prompts.)
pub(super) async fn lock(bus: &Connection) -> zbus::Result<()> {
    let alias = bus.call_method(Some(NAME), ROOT, Some(FACE), "ReadAlias", &"default").await?;
    let path: OwnedObjectPath = alias.body().deserialize()?;
    bus.call_method(Some(NAME), ROOT, Some(FACE), "Lock", &(vec![path],)).await?;
    Ok(())
}
