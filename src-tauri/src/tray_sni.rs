//! The tray on Linux: StatusNotifierItem over D-Bus, no GTK.
//!
//! `ksni` registers again whenever a panel appears, and compares menus itself: it sends a new layout
//! only when the shape changed, and properties otherwise.

use super::{Now, Parts, Shows, click};
use crate::icon::{self, Reading};
use crate::menu::{Act, Item};
use ksni::menu::{MenuItem, RadioGroup, RadioItem, StandardItem, SubMenu};
use ksni::{OfflineReason, ToolTip, TrayMethods as _};
use tokio::sync::{mpsc, watch};

/// Sizes panels use; each picks the nearest.
const SIDES: [u32; 4] = [22, 24, 32, 48];

/// The item in the panel.
pub struct Tray {
    handle: ksni::Handle<StatusItem>,
    seen: watch::Receiver<bool>,
}

struct StatusItem {
    shows: Shows,
    drawn: Option<(Reading, Vec<ksni::Icon>)>,
    now: Now,
    clicks: mpsc::Sender<Act>,
    /// A panel has it.
    seen: watch::Sender<bool>,
}

impl Tray {
    /// Registers the item; a panel that is not there yet is waited for in the background.
    ///
    /// # Errors
    /// When there is no session bus at all.
    pub async fn start(_app: &tauri::AppHandle, parts: Parts) -> Result<Self, String> {
        let Parts { shows, now, clicks } = parts;
        let (told, seen) = watch::channel(true);
        let mut item = StatusItem { shows, drawn: None, now, clicks, seen: told };
        item.draw();
        let handle = item.assume_sni_available(true).spawn().await;
        handle.map(|handle| Self { handle, seen }).map_err(|error| error.to_string())
    }

    /// Whether a panel shows the item, from now on.
    #[must_use]
    pub fn seen(&self) -> watch::Receiver<bool> {
        self.seen.clone()
    }

    /// Shows something else.
    pub async fn show(&self, shows: Shows) {
        let updated = self.handle.update(|item| {
            item.shows = shows;
            item.draw();
        });
        if updated.await.is_none() {
            tracing::warn!("the tray item is gone");
        }
    }
}

impl StatusItem {
    /// Draws the icon again when its numbers have changed.
    fn draw(&mut self) {
        let reading = self.shows.reading();
        if self.drawn.as_ref().is_some_and(|(drawn, _)| *drawn == reading) {
            return;
        }
        let icons = SIDES.iter().map(|side| argb(icon::draw(reading, *side))).collect();
        self.drawn = Some((reading, icons));
    }
}

/// The protocol wants ARGB in network byte order.
fn argb(mut picture: icon::Picture) -> ksni::Icon {
    for pixel in picture.rgba.chunks_exact_mut(4) {
        pixel.rotate_right(1);
    }
    let side = i32::try_from(picture.side).unwrap_or_default();
    ksni::Icon { width: side, height: side, data: picture.rgba }
}

impl ksni::Tray for StatusItem {
    fn id(&self) -> String {
        "sluice".to_owned()
    }

    fn title(&self) -> String {
        "Sluice".to_owned()
    }

    fn status(&self) -> ksni::Status {
        match self.shows.reading().state {
            icon::State::NeedsYou => ksni::Status::NeedsAttention,
            icon::State::Running | icon::State::Stopped => ksni::Status::Active,
        }
    }

    fn icon_pixmap(&self) -> Vec<ksni::Icon> {
        self.drawn.as_ref().map(|(_, icons)| icons.clone()).unwrap_or_default()
    }

    fn attention_icon_pixmap(&self) -> Vec<ksni::Icon> {
        self.icon_pixmap()
    }

    fn tool_tip(&self) -> ToolTip {
        let text = self.shows.tooltip((self.now)());
        let (title, description) = text.split_once('\n').unwrap_or((&text, ""));
        ToolTip {
            title: title.to_owned(),
            description: marked_up(description),
            ..ToolTip::default()
        }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        click(&self.clicks, Act::Open);
    }

    // Being asked is enough: the menu is read again, with the times of this moment.
    fn menu_about_to_show(&mut self) {}

    fn menu(&self) -> Vec<MenuItem<Self>> {
        self.shows.menu((self.now)()).items.into_iter().map(translated).collect()
    }

    fn watcher_online(&self) {
        tracing::info!("a panel with a tray is there");
        self.seen.send_replace(true);
    }

    fn watcher_offline(&self, reason: OfflineReason) -> bool {
        tracing::warn!(?reason, "no panel shows tray icons; waiting for one");
        self.seen.send_replace(false);
        true
    }
}

fn translated(item: Item) -> MenuItem<StatusItem> {
    match item {
        Item::Note(text) => {
            StandardItem { label: plain(&text), enabled: false, ..StandardItem::default() }.into()
        }
        Item::Entry { label, enabled, act } => StandardItem {
            label: plain(&label),
            enabled,
            activate: Box::new(move |item: &mut StatusItem| click(&item.clicks, act.clone())),
            ..StandardItem::default()
        }
        .into(),
        Item::Choice { selected, options } => {
            let (labels, acts): (Vec<String>, Vec<Act>) = options.into_iter().unzip();
            RadioGroup {
                // Past the end: none is marked.
                selected: selected.unwrap_or(labels.len()),
                select: Box::new(move |item: &mut StatusItem, index| {
                    if let Some(act) = acts.get(index) {
                        click(&item.clicks, act.clone());
                    }
                }),
                options: labels
                    .iter()
                    .map(|label| RadioItem { label: plain(label), ..RadioItem::default() })
                    .collect(),
            }
            .into()
        }
        Item::Sub { label, items } => SubMenu {
            label: plain(&label),
            enabled: !items.is_empty(),
            submenu: items.into_iter().map(translated).collect(),
            ..SubMenu::default()
        }
        .into(),
        Item::Rule => MenuItem::Separator,
    }
}

/// Panels read markup in a tooltip's description; names and paths are text.
fn marked_up(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An underscore would mark an access key.
fn plain(text: &str) -> String {
    text.replace('_', "__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_argb() {
        let icon = argb(icon::Picture { side: 1, rgba: vec![1, 2, 3, 4] });
        assert_eq!((icon.width, icon.height, icon.data), (1, 1, vec![4, 1, 2, 3]));
    }

    #[test]
    fn a_tooltip_carries_no_markup() {
        use crate::fixture;
        let mut view = fixture::view();
        view.needs_you = vec![sluice_protocol::NeedsYou {
            code: sluice_protocol::Need::Note,
            account: None,
            text: "/home/<img src=x>/a & b".to_owned(),
        }];
        let now: Now = std::sync::Arc::new(|| crate::words::Moment::at(fixture::NOW_MS));
        let (clicks, _clicked) = mpsc::channel(1);
        let (seen, shows) = (watch::Sender::new(true), Shows::View(view.into()));
        let item = StatusItem { shows, drawn: None, now, clicks, seen };
        let told = ksni::Tray::tool_tip(&item).description;
        assert!(told.ends_with("/home/&lt;img src=x&gt;/a &amp; b"), "{told}");
    }

    #[test]
    fn a_label_keeps_its_underscores() {
        assert_eq!(plain("my_work"), "my__work");
    }
}
