//! A configuration as large as seen in public is spliced without being held twice. One test, because the
//! process's memory is measured. `SLUICE_LONG=1` takes the largest that was seen (use `--release`).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod support;

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::time::Instant;
use support::{Home, MemJournal, a_to_b, config_text};

const MEGABYTE: usize = 1_000_000;
/// Beside the file itself: the program, its stacks, what the allocator holds back.
const SLACK: usize = 8 * MEGABYTE;

/// A line of this process's status, bytes.
fn status(name: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1_024
}

fn write_large(path: &std::path::Path, megabytes: usize) {
    let text = config_text("a");
    let (head, tail) = text.split_once("\"projects\": {").unwrap();
    let mut file = BufWriter::new(File::create(path).unwrap());
    write!(file, "{head}\"projects\": {{\"history\": [").unwrap();
    let entry = format!("\"{}\",", "typed and pasted text, ".repeat(43));
    for _ in 0..megabytes * MEGABYTE / entry.len() {
        file.write_all(entry.as_bytes()).unwrap();
    }
    write!(file, "1e3]{tail}").unwrap();
    file.flush().unwrap();
}

#[test]
fn a_large_configuration_is_spliced_without_being_held_twice() {
    let megabytes = if std::env::var_os("SLUICE_LONG").is_some() { 238 } else { 8 };
    let home = Home::with_two();
    write_large(&home.config_path(), megabytes);
    let size = home.config_path().metadata().unwrap().len();
    let before = status("VmRSS");
    let begun = Instant::now();
    let swapped = home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    let (grown, took) = (status("VmHWM").saturating_sub(before), begun.elapsed());
    assert_eq!(swapped.remarks, Vec::<String>::new());
    eprintln!("{megabytes} MB: {} MB more at the peak, {took:?}", grown / MEGABYTE);
    let size_now = home.config_path().metadata().unwrap().len();
    assert_eq!(size, size_now, "names of the same length: nothing else has changed");
    let mut head = vec![0; 200];
    File::open(home.config_path()).unwrap().read_exact(&mut head).unwrap();
    assert!(String::from_utf8_lossy(&head).contains("uuid-b"));
    let size = usize::try_from(size).unwrap();
    // Below 32 MB the allocator may keep a block that was given back; three were held at once before.
    let bound = if megabytes > 32 { size + SLACK } else { size * 5 / 2 };
    assert!(grown <= bound, "{grown} bytes more at the peak, {bound} are enough");
}
