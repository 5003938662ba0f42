//! Windows on the private display, as a person's window manager lists, closes and shows them.

use super::{Desktop, PATIENCE, wait_for};
use std::path::{Path, PathBuf};

/// A picture of a window or of the display.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The PNG file.
    pub path: PathBuf,
    /// Pixels across and down.
    pub size: (u32, u32),
    /// Different colours in it; a blank surface has one, a page of text many.
    pub colours: u32,
}

impl Desktop {
    /// Starts the window manager and waits until it manages the display: a window mapped before that
    /// would never be listed.
    pub(super) fn start_openbox(&mut self) {
        self.start_part("openbox", &["--sm-disable"]);
        wait_for("a window manager that lists windows", PATIENCE, || {
            ["-m", "-l"].iter().all(|asked| self.wmctrl(asked).is_some()).then_some(())
        });
    }

    /// What `wmctrl` says, once it has somebody to ask.
    fn wmctrl(&self, asked: &str) -> Option<String> {
        let said = self.environment.command("wmctrl").arg(asked).output().expect("run wmctrl");
        said.status.success().then(|| String::from_utf8_lossy(&said.stdout).into_owned())
    }

    /// Identifiers and titles of the windows on the display.
    fn listed(&self) -> Vec<(String, String)> {
        let listed = self.wmctrl("-l").unwrap_or_default();
        let row = |row: &str| {
            let (id, rest) = row.split_once(' ')?;
            Some((id.to_owned(), rest.splitn(4, ' ').last().unwrap_or_default().to_owned()))
        };
        listed.lines().filter_map(row).collect()
    }

    /// Titles of the windows on the display.
    #[must_use]
    pub fn windows(&self) -> Vec<String> {
        self.listed().into_iter().map(|(_, title)| title).collect()
    }

    /// Waits for a window whose title contains the words.
    pub fn wait_window(&self, words: &str) -> String {
        wait_for(&format!("a window '{words}'"), PATIENCE, || {
            self.windows().into_iter().find(|title| title.contains(words))
        })
    }

    /// Closes a window as a person does, and waits until it is gone.
    pub fn close_window(&self, words: &str) {
        self.run("wmctrl", &["-c", words]);
        wait_for(&format!("the end of the window '{words}'"), PATIENCE, || {
            (!self.windows().iter().any(|title| title.contains(words))).then_some(())
        });
    }

    /// Writes a picture of the whole display.
    pub fn screenshot(&self, path: &Path) -> Picture {
        self.picture("root", path)
    }

    /// Takes pictures of the window whose title contains the words until one shows more than
    /// `colours` colours: a window is there before what it shows is drawn.
    ///
    /// # Panics
    /// When it stays blank.
    pub fn drawn_window(&self, words: &str, colours: u32, path: &Path) -> Picture {
        wait_for(&format!("something drawn in the window '{words}'"), PATIENCE, || {
            let (id, _) = self.listed().into_iter().find(|(_, title)| title.contains(words))?;
            Some(self.picture(&id, path)).filter(|picture| picture.colours > colours)
        })
    }

    fn picture(&self, window: &str, path: &Path) -> Picture {
        let file = path.to_string_lossy();
        self.run("import", &["-window", window, &file]);
        let mut asked = self.environment.command("identify");
        let said = asked.args(["-format", "%w %h %k", &file]).output().expect("run identify");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let numbers: Vec<u32> = said.split(' ').filter_map(|word| word.parse().ok()).collect();
        let [across, down, colours] = numbers[..] else { panic!("identify said {said:?}") };
        Picture { path: path.to_owned(), size: (across, down), colours }
    }

    /// The share of pixels, from 0 to 1, in which two pictures of one size clearly differ.
    ///
    /// # Panics
    /// When they are not of one size.
    #[must_use]
    pub fn differing(&self, one: &Picture, other: &Picture) -> f64 {
        assert_eq!(one.size, other.size, "pictures of different sizes");
        let mut compare = self.environment.command("compare");
        compare.args(["-metric", "AE", "-fuzz", "10%"]).arg(&one.path).arg(&other.path);
        // It ends with 1 when they differ; the count is on standard error.
        let said = compare.arg("null:").output().expect("run compare").stderr;
        let said = String::from_utf8_lossy(&said).into_owned();
        let differ: f64 = said.trim().parse().unwrap_or_else(|_| panic!("compare said {said:?}"));
        differ / (f64::from(one.size.0) * f64::from(one.size.1))
    }
}
