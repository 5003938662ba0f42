//! The window of the build that ships, as a person's screen reader and eyes have it: nothing in its
//! environment says that a test looks.

use crate::{add_both, brisk, two};
use sluice_protocol::Mode;
use sluice_tests::desktop::{Node, PATIENCE, Parts, Picture, Process, wait_for};
use sluice_tests::stage::Stage;

/// A page of text has hundreds; an empty window one, an error page in one font some dozens.
const COLOURS_LEAST: u32 = 60;
/// Every page, in the order of the bar.
const PAGES: [&str; 6] = ["Now", "Outlook", "Decisions", "At work", "History", "Settings"];

fn heading<'a>(words: &'a str) -> impl Fn(&Node) -> bool + 'a {
    move |node| node.role == "heading" && node.text == words
}

fn seen(stage: &Stage, name: &str) -> Picture {
    let path = stage.desktop.root().join(format!("{name}.png"));
    let picture = stage.desktop.drawn_window("Sluice", COLOURS_LEAST, &path);
    if let Some(kept) = std::env::var_os("SLUICE_KEEP_PICTURES") {
        let kept = std::path::Path::new(&kept).join(format!("{name}.png"));
        std::fs::copy(&path, kept).expect("the picture is kept");
    }
    picture
}

fn window_is_open(stage: &Stage) -> bool {
    stage.desktop.windows().iter().any(|title| title.contains("Sluice"))
}

#[test]
fn the_shipped_window_opens_closes_and_opens_again() {
    let stage = Stage::new(Parts::read_aloud(), brisk(), two());
    assert_eq!(stage.environment().get("TAURI_WEBVIEW_AUTOMATION"), None);
    let mut app = stage.app(&["--window"]);
    add_both(&stage, Mode::Advise);
    let mut pictures = Vec::new();
    for round in 0..3 {
        if round > 0 {
            stage.desktop.click(&["Open Sluice…"]);
        }
        stage.desktop.wait_window("Sluice");
        let shown = stage.desktop.wait_read("the first page", heading("Now"));
        let both = |label| stage.desktop.wait_read(label, heading(label));
        both("alpha");
        both("beta");
        assert!(!shown.iter().any(|node| node.text.contains("be shown")), "no error page");
        pictures.push(seen(&stage, &format!("opened-{round}")));
        stage.desktop.close_window("Sluice");
        assert!(app.ended().is_none(), "the tray goes on");
    }
    for later in &pictures[1..] {
        // Ages and bars move; the page is the same.
        let differing = stage.desktop.differing(&pictures[0], later);
        assert!(differing < 0.1, "{differing} of {later:?} is another page");
    }
    assert!(app.end(PATIENCE).success());
    let left = stage.data().join("tray/window");
    assert!(!left.exists(), "the page keeps nothing: {left:?}");
}

#[test]
fn every_page_is_read_aloud_and_seen() {
    let stage = Stage::new(Parts::read_aloud(), brisk(), two());
    let _app = stage.app(&["--window"]);
    add_both(&stage, Mode::Advise);
    let mut former: Option<Picture> = None;
    for page in PAGES {
        stage.desktop.press_button(page);
        let mut shown = stage.desktop.wait_read(page, heading(page));
        if page == "At work" {
            let is_lane = |node: &Node| node.text == "This machine";
            shown = stage.desktop.wait_read("the machine's lane", is_lane);
            let own = shown.iter().filter(|node| is_lane(node)).count();
            assert_eq!(own, 1, "one tool is here: {shown:#?}");
            assert!(
                !shown.iter().any(|node| node.text == "no account"),
                "beta is live: {shown:#?}"
            );
        }
        assert!(!shown.iter().any(|node| node.text.contains("No answer in time")), "{page}");
        let picture = wait_for("another page on the screen", PATIENCE, || {
            let picture = seen(&stage, &format!("page-{}", page.replace(' ', "-")));
            let is_new = former
                .as_ref()
                .is_none_or(|former| stage.desktop.differing(former, &picture) > 0.005);
            is_new.then_some(picture)
        });
        former = Some(picture);
    }
}

/// What a person who has just installed it sees, and sees once.
#[test]
fn the_very_first_start_opens_the_window_and_no_later_one() {
    let stage = Stage::new(Parts::read_aloud(), brisk(), two());
    let mut app = stage.app(&[]);
    stage.desktop.wait_window("Sluice");
    stage.desktop.wait_read("the welcome", heading("Welcome to Sluice"));
    seen(&stage, "first-start");
    assert!(app.end(PATIENCE).success());

    let second = stage.app(&[]);
    says(&second, "the window opens when it is asked for");
    assert!(!window_is_open(&stage));
}

#[test]
fn without_a_panel_the_window_opens_by_itself() {
    let stage = Stage::new(Parts { tray: false, ..Parts::all() }, brisk(), two());
    // A login item is not to open windows: it says where it is.
    let mut hidden = stage.app(&["--background"]);
    stage.desktop.wait_notification("no icon", |told| told.summary.contains("without an icon"));
    assert!(!window_is_open(&stage));
    assert!(hidden.end(PATIENCE).success());

    let shown = stage.app(&[]);
    stage.desktop.wait_window("Sluice");
    says(&shown, "no panel shows the icon: opening the window");
}

fn says(app: &Process, words: &str) {
    wait_for(words, PATIENCE, || app.output().contains(words).then_some(()));
}
