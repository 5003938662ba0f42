//! The tray on macOS and Windows: Tauri's own. Untested until somebody runs it there.

use super::{Now, Parts, Shows, click};
use crate::icon::{self, Reading};
use crate::menu::{Act, Item, Menu};
use std::sync::{Arc, Mutex, PoisonError};
use tauri::image::Image;
use tauri::menu::{CheckMenuItem, IsMenuItem, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{MouseButton, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Wry};
use tokio::sync::{mpsc, watch};

/// Large enough for a screen with two pixels per point.
const SIDE: u32 = 64;

/// The item in the panel.
pub struct Tray {
    app: AppHandle,
    icon: TrayIcon,
    now: Now,
    shown: Mutex<(Option<Menu>, Option<Reading>)>,
    acts: Arc<Mutex<Vec<Act>>>,
}

impl Tray {
    /// Builds the item.
    ///
    /// # Errors
    /// What the platform says.
    pub async fn start(app: &AppHandle, parts: Parts) -> Result<Self, String> {
        let acts: Arc<Mutex<Vec<Act>>> = Arc::default();
        let icon = built(app, &acts, &parts.clicks).map_err(|error| error.to_string())?;
        let tray = Self { app: app.clone(), icon, now: parts.now, shown: Mutex::default(), acts };
        tray.show(parts.shows).await;
        Ok(tray)
    }

    /// The system shows it.
    #[must_use]
    pub fn seen(&self) -> watch::Receiver<bool> {
        watch::channel(true).1
    }

    /// Shows something else. The menu is only replaced when it differs.
    pub async fn show(&self, shows: Shows) {
        if let Err(error) = self.try_show(&shows) {
            tracing::warn!(%error, "the tray could not be redrawn");
        }
    }

    fn try_show(&self, shows: &Shows) -> tauri::Result<()> {
        let moment = (self.now)();
        let (menu, reading) = (shows.menu(moment), shows.reading());
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        self.icon.set_tooltip(Some(shows.tooltip(moment)))?;
        if shown.1 != Some(reading) {
            let picture = icon::draw(reading, SIDE);
            self.icon.set_icon(Some(Image::new_owned(picture.rgba, SIDE, SIDE)))?;
            shown.1 = Some(reading);
        }
        if shown.0.as_ref() != Some(&menu) {
            let mut acts = Vec::new();
            let items = self.translated(&menu.items, &mut acts)?;
            let refs: Vec<&dyn IsMenuItem<Wry>> = items.iter().map(AsRef::as_ref).collect();
            let native = tauri::menu::Menu::with_items(&self.app, &refs)?;
            *self.acts.lock().unwrap_or_else(PoisonError::into_inner) = acts;
            self.icon.set_menu(Some(native))?;
            shown.0 = Some(menu);
        }
        Ok(())
    }

    /// An entry's id is its place in the list of acts.
    fn translated(
        &self,
        items: &[Item],
        acts: &mut Vec<Act>,
    ) -> tauri::Result<Vec<Box<dyn IsMenuItem<Wry>>>> {
        let app = &self.app;
        let mut native: Vec<Box<dyn IsMenuItem<Wry>>> = Vec::new();
        for item in items {
            match item {
                Item::Note(text) => {
                    native.push(Box::new(MenuItem::new(app, text, false, None::<&str>)?));
                }
                Item::Entry { label, enabled, act } => {
                    let id = acts.len().to_string();
                    acts.push(act.clone());
                    native.push(Box::new(MenuItem::with_id(
                        app,
                        id,
                        label,
                        *enabled,
                        None::<&str>,
                    )?));
                }
                Item::Choice { selected, options } => {
                    for (index, (label, act)) in options.iter().enumerate() {
                        let id = acts.len().to_string();
                        acts.push(act.clone());
                        let on = *selected == Some(index);
                        let item = CheckMenuItem::with_id(app, id, label, true, on, None::<&str>)?;
                        native.push(Box::new(item));
                    }
                }
                Item::Sub { label, items } => {
                    let inner = self.translated(items, acts)?;
                    let refs: Vec<&dyn IsMenuItem<Wry>> = inner.iter().map(AsRef::as_ref).collect();
                    let enabled = !items.is_empty();
                    native.push(Box::new(Submenu::with_items(app, label, enabled, &refs)?));
                }
                Item::Rule => native.push(Box::new(PredefinedMenuItem::separator(app)?)),
            }
        }
        Ok(native)
    }
}

fn built(
    app: &AppHandle,
    acts: &Arc<Mutex<Vec<Act>>>,
    clicks: &mpsc::Sender<Act>,
) -> tauri::Result<TrayIcon> {
    let (known, on_menu, on_icon) = (Arc::clone(acts), clicks.clone(), clicks.clone());
    TrayIconBuilder::with_id("sluice")
        .show_menu_on_left_click(cfg!(target_os = "macos"))
        .on_menu_event(move |_app, event| {
            let acts = known.lock().unwrap_or_else(PoisonError::into_inner);
            let act = event.id().as_ref().parse().ok().and_then(|id: usize| acts.get(id).cloned());
            if let Some(act) = act {
                click(&on_menu, act);
            }
        })
        .on_tray_icon_event(move |_icon, event| {
            if let TrayIconEvent::DoubleClick { button: MouseButton::Left, .. } = event {
                click(&on_icon, Act::Open);
            }
        })
        .build(app)
}
